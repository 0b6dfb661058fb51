"""Corrections that meet payments: each walked to its end, balances worked out by hand, verified."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from coop.billing.disputes import credit_dispute, open_dispute
from coop.billing.verifying import verify_bills
from coop.billing.write_offs import write_off_invoice
from coop.charging import service
from coop.charging.domain.place import HoldingDraft
from coop.charging.rating import SessionsOf, rerate
from coop.db.engine import Database
from coop.ledger.verification import Verification
from coop.members.domain.people import Member
from coop.members.domain.roles import Role
from coop.members.service import member_leaves
from tests.billing.bank import Bank, open_bank
from tests.charging.priced import VAT, charges, credit_of, march, per_kwh, set_tariff

pytestmark = pytest.mark.anyio

JANUARY = date(2026, 1, 1)
MAY = date(2026, 5, 4)


@pytest.fixture
async def bank(database: Database) -> Bank:
    """A hub at 1.00 EUR a kWh and 25 % tax."""
    bank = await open_bank(database)
    await bank.hub("H1", None)
    await set_tariff(bank, eur("1.00"))
    return bank


def eur(price: str) -> dict[str, Any]:
    return per_kwh(price, VAT, currency="EUR")


async def holder(bank: Bank) -> Member:
    """Anna, whose badge is known."""
    anna = await bank.member("anna")
    await bank.order(service.register_tokens, [HoldingDraft("badge-1", anna.id, JANUARY)])
    return anna


async def owed(bank: Bank) -> dict[str, int]:
    """What moved: bank, receivable, unbilled, guests, revenue, tax, losses; zeros left out."""
    kept = ("1000", "1200", "1205", "1220", "2200", "4000", "4050", "6700", "6750")
    found = await bank.balances()
    return {name: minor for name, minor in found.items() if minor and name.split()[0] in kept}


async def sound(bank: Bank) -> None:
    """Nothing that `coop verify` finds, in bills and in books."""
    async with bank.database.snapshot(bank.id) as connection:
        verification = Verification()
        await verify_bills(connection, verification)
        assert verification.findings == []


async def test_a_billed_session_rated_anew_is_settled_by_a_credit_note(bank: Bank) -> None:
    anna = await holder(bank)
    await bank.read_cdrs(march(2, currency="EUR"))
    await bank.bill()
    # 12.34 kWh: 12.34 and 3.085 of tax, which is 3.09 on the bill.
    assert await owed(bank) == {"1200 anna": 1543, "4000 H1": -1234, "2200": -309}
    await bank.pay(anna, 1543)
    await set_tariff(bank, eur("0.60"), corrects=True)
    where = SessionsOf([one.id for one in await bank.sessions()])
    await bank.order(rerate, where, "tariff corrected")
    # 7.40 instead: 4.94 less waits for the next bill; what was billed stays billed.
    assert await owed(bank) == {
        "1000": 1543, "1205 anna": -494, "4000 H1": -740, "2200": -309
    }  # fmt: skip
    await sound(bank)
    await bank.bill("2026-04")
    # −12.34 + 7.40 and −3.085 + 1.85 of tax: −1.235, which is −1.24.
    assert await bank.documents("net_minor, tax_minor") == [
        ("invoice", 1, "anna", 1234, 309), ("credit_note", 1, "anna", -494, -124)
    ]  # fmt: skip
    assert await owed(bank) == {
        "1000": 1543, "1200 anna": -618, "4000 H1": -740, "2200": -185
    }  # fmt: skip
    await sound(bank)


async def test_a_credit_cdr_and_a_fresh_one_after_the_invoice(bank: Bank) -> None:
    await holder(bank)
    first = march(2, currency="EUR")
    await bank.read_cdrs(first)
    await bank.bill()
    fresh = march(2, currency="EUR", id="cdr-2b", total_energy=10)
    await bank.read_cdrs(credit_of(first))
    await bank.read_cdrs(fresh)
    assert await owed(bank) == {
        "1200 anna": 1543, "1205 anna": -234, "4000 H1": -1000, "2200": -309
    }  # fmt: skip
    await bank.bill("2026-04")
    # −12.34 + 10.00 and −3.085 + 2.50: −2.34 and −0.59, off what is open on the invoice.
    assert await owed(bank) == {"1200 anna": 1250, "4000 H1": -1000, "2200": -250}
    assert await bank.open() == {1: 1250}
    await sound(bank)


async def test_a_charge_that_was_paid_and_is_then_credited(bank: Bank) -> None:
    anna = await holder(bank)
    await bank.read_cdrs(march(2, currency="EUR"))
    await bank.bill()
    await bank.pay(anna, 1543)
    (charge,) = await charges(bank)
    contested = await bank.order(
        open_dispute, charge_id=charge.id, reason="Not mine", on=date(2026, 4, 20)
    )
    await bank.town.grant("bo", Role.BOARD)
    await bank.order(
        credit_dispute, contested.id, reason="Agreed", on=date(2026, 4, 21),
        by=await bank.town.viewer("bo"),
    )  # fmt: skip
    assert await owed(bank) == {"1000": 1543, "1205 anna": -1234, "2200": -309}
    await bank.bill("2026-04")
    # Nothing of it is revenue or tax any more; the member has it all on account.
    assert await owed(bank) == {"1000": 1543, "1200 anna": -1543}
    await sound(bank)


async def test_who_pays_what_was_written_off_has_it_on_account(bank: Bank) -> None:
    anna = await holder(bank)
    await bank.read_cdrs(march(2, currency="EUR"))
    await bank.bill()
    await bank.order(
        write_off_invoice, await bank.invoice_id(1), resolution="2026/7", reason="Insolvent",
        effective_on=MAY, relieve_tax=True,
    )  # fmt: skip
    assert await owed(bank) == {"6750": 1234, "4000 H1": -1234}
    await bank.pay(anna, 1543, received_on=MAY, reference=await bank.reference(1))
    assert await owed(bank) == {
        "1000": 1543, "1200 anna": -1543, "6750": 1234, "4000 H1": -1234
    }  # fmt: skip
    assert await bank.open() == {1: 0}
    await bank.read_cdrs(march(20, currency="EUR"))
    await bank.bill()
    assert await bank.open() == {1: 0, 2: 0}
    assert (await owed(bank)).get("1200 anna", 0) == 0
    await sound(bank)


async def test_a_debit_that_came_back_is_paid_by_transfer(bank: Bank) -> None:
    anna = await holder(bank)
    await bank.mandate(anna, "DE75512108001245126199")
    await bank.read_cdrs(march(2, currency="EUR"))
    await bank.bill()
    paid = await bank.pay(anna, 1543)
    await bank.give_back(paid.payment.id, charge_minor=350)
    assert (await bank.open(), await bank.money()) == (
        {1: 1543}, {"1000": -350, "6700": 350, "1200 anna": 1543}
    )  # fmt: skip
    await bank.pay(anna, 1543, received_on=MAY, reference=await bank.reference(1))
    assert (await bank.open(), await bank.money()) == ({1: 0}, {"1000": 1193, "6700": 350})
    await bank.tied()
    await sound(bank)


async def test_a_guests_session_whose_badge_is_assigned_after_the_month_was_billed(
    bank: Bank,
) -> None:
    anna = await bank.member("anna")
    await bank.read_cdrs(march(2, currency="EUR"))
    done = await bank.bill()
    assert done.issued.invoices == 0
    assert await owed(bank) == {"1220": 1543, "4050 H1": -1234, "2200": -309}
    await bank.order(service.assign_token, HoldingDraft("badge-1", anna.id, JANUARY))
    assert await owed(bank) == {"1205 anna": 1234, "4000 H1": -1234}
    await bank.bill()
    assert await bank.documents() == [("invoice", 1, "anna", 1543)]
    assert await owed(bank) == {"1200 anna": 1543, "4000 H1": -1234, "2200": -309}
    await sound(bank)


async def test_a_member_that_left_gets_its_last_bill(bank: Bank) -> None:
    anna = await holder(bank)
    await bank.mandate(anna, "DE75512108001245126199")
    await bank.read_cdrs(march(2, currency="EUR"))
    await bank.bill()
    await bank.read_cdrs(march(20, currency="EUR"))
    await bank.order(member_leaves, anna.id, date(2026, 4, 1))
    await bank.bill()
    assert await bank.open() == {1: 1543, 2: 1543}
    await bank.pay(anna, 3086)
    assert await owed(bank) == {"1000": 3086, "4000 H1": -2468, "2200": -618}
    await sound(bank)
