"""Commitments on bills, in deferred revenue and under `coop verify`."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from coop.billing import commitments
from coop.billing.deferred_revenue import deferred_revenue
from coop.billing.verifying import verify_bills
from coop.charging.domain.tariff import Tax
from coop.db.engine import Database, bind_tenant
from coop.db.open import DATABASE, Access
from coop.ledger.verification import Verification
from coop.members.domain.roles import Role
from tests.billing.books import refused
from tests.billing.domain.months import month
from tests.billing.pledges import Pledges, open_pledges

pytestmark = pytest.mark.anyio

VAT = (Tax("VAT", Decimal(25)),)


@pytest.fixture
async def pledges(database: Database) -> Pledges:
    return await open_pledges(database)


async def _gross(pledges: Pledges) -> list[tuple[str, int, int, int]]:
    rows = await pledges.sql(
        "SELECT to_char(from_on, 'YYYY-MM'), net_minor, tax_minor, gross_minor FROM invoice"
        " ORDER BY issued_on, from_on, number"
    )
    return [tuple(row) for row in rows]


async def test_what_is_settled_is_on_the_months_bill(pledges: Pledges) -> None:
    hub = await pledges.hub("H1", "0.10")
    anna = await pledges.charger()
    await pledges.pledge(anna, hub, make_up_months=3, overage_per_kwh="0.04", taxes=VAT)
    await pledges.took("anna", "2026-01", 900)
    await pledges.took("anna", "2026-02", 1_150)
    for when in ("2026-01", "2026-02"):
        await pledges.settle(when)
        await pledges.bill(when)
    # January: 90.00 charged (no tax in its tariff), 20.00 short at 25 %. February: 115.00 charged,
    # 20.00 made up with its tax, 50 kWh of overage at 0.04.
    assert await _gross(pledges) == [
        ("2026-01", 11_000, 500, 11_500), ("2026-02", 9_700, -450, 9_250)
    ]  # fmt: skip
    assert await pledges.held("1205", "2420", "4000", "4130", "2200") == {
        "4000 H1": -20_500, "4130": -200, "2200": -50
    }  # fmt: skip
    # A late session of January is adjusted in March: on the next bill, at the tax it was charged.
    await pledges.took("anna", "2026-01", 60)
    await pledges.adjust("2026-01", "2026-03-15")
    await pledges.settle("2026-03")
    await pledges.bill("2026-03")
    *_, (when, net, tax, _) = await _gross(pledges)
    # 6.00 charged late; 12.00 less for January, 12.00 less made up in February and 60 kWh more of
    # overage there, 2.40; 200.00 short in March.
    assert (when, net, tax) == ("2026-03", 600 + 240 + 20_000, 60 + 5_000)
    await pledges.sound()


async def test_deferred_revenue_rolls_forward_by_the_books(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    await pledges.pledge(anna, hub, make_up_months=14)
    await pledges.settle("2026-01", "2026-02")
    await pledges.took("anna", "2026-03", 1_400)
    await pledges.settle("2026-03")

    async def over(from_on: str, to_on: str) -> Any:
        return await pledges.order(deferred_revenue, month(from_on), month(to_on))

    first = await over("2026-01", "2026-03")
    # Seen from 1 March: January's ends with March 2027, February's a month later.
    assert (first.opening, first.additions, first.closing) == ((0, 0), (0, 40_000), (0, 40_000))
    then = await over("2026-03", "2026-05")
    assert (then.recognised, then.reclassified) == ((0, 8_000), 32_000)
    assert then.closing == (32_000, 0)
    assert await pledges.held("2420") == {"2420 anna": -sum(then.closing)}
    for wrong in ((date(2026, 1, 2), date(2026, 2, 1)), (date(2026, 2, 1), date(2026, 2, 1))):
        assert await refused(pledges.order(deferred_revenue, *wrong)) == "COMMITMENT_INVALID"
    await pledges.town.grant("ada", Role.OPERATOR, member_id=anna.id)
    ada = await pledges.town.viewer("ada")
    no = pledges.order(deferred_revenue, month("2026-01"), month("2026-02"), by=ada)
    assert await refused(no) == "FORBIDDEN"


async def _findings(access: Access, pledges: Pledges, change: str = "SELECT") -> list[str]:
    """What is found after `change`, which a superuser makes and takes back."""
    url = make_url(access.admin_url).set(drivername="postgresql+asyncpg", database=DATABASE)
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        await bind_tenant(connection, pledges.id)
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text(change))
        await connection.execute(text("SET LOCAL ROLE coop_app"))
        found = Verification()
        await verify_bills(connection, found)
        await connection.rollback()
    await engine.dispose()
    return [one.code for one in found.findings]


OURS = "cooperative_id = coop_current()"
TAMPERED = {
    "UPDATE make_up_movement SET amount_minor = amount_minor + 1 WHERE {} AND kind = 'issued'": [
        "MAKE_UP_LIABILITY", "SETTLEMENT_RESULT",
    ],
    "UPDATE commitment_terms SET pledged_wh = 1 WHERE {}": ["PLEDGE_ENERGY", "DUE_ENERGY"],
    "UPDATE commitment_settlement SET met_wh = met_wh + 1, shortfall_wh = shortfall_wh - 1"
    " WHERE {} AND number = 2": ["SETTLEMENT_RESULT"],
    "UPDATE commitment_settlement SET inputs = inputs || '{{\"banked_wh\": 9000}}'"
    " WHERE {} AND number = 1": ["SETTLEMENT_INPUTS", "SETTLEMENT_RESULT"],
    "UPDATE commitment_settlement SET number = 7 WHERE {} AND number = 2": [
        "SETTLEMENT_ORDER_BROKEN",
        "SETTLEMENT_RESULT",
    ],
    "DELETE FROM commitment_deposit WHERE {}": ["COMMITMENT_DEPOSIT"],
}  # fmt: skip


async def test_what_is_changed_by_hand_is_found(pledges: Pledges, access: Access) -> None:
    hub = await pledges.hub("H1", "0.30")
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub, make_up_months=2, bank_cap_kwh=30)
    deposit = commitments.DepositDraft("taken", 500, date(2026, 1, 5))
    await pledges.order(commitments.record_deposit, made.id, deposit)
    for when, kwh in (("2026-01", 900), ("2026-02", 950), ("2026-03", 1_120)):
        await pledges.took("anna", when, kwh)
        await pledges.settle(when)
    await pledges.took("anna", "2026-02", 80)
    await pledges.adjust("2026-02", "2026-06-10")
    assert await _findings(access, pledges) == []
    found = {change: await _findings(access, pledges, change.format(OURS)) for change in TAMPERED}
    assert {change: sorted(set(codes)) for change, codes in found.items()} == {
        change: sorted(codes) for change, codes in TAMPERED.items()
    }
