"""Months of commitments on the real database: what is posted, kept and billed, to the last Wh."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from coop.billing.domain.settlement import MonthFacts, MovementKind, State, settle
from coop.charging.domain.tariff import Tax
from coop.db.engine import Database
from tests.billing.books import refused
from tests.billing.domain.months import month, open_credits, shown
from tests.billing.pledges import Pledges, last_day, noon, open_pledges

pytestmark = pytest.mark.anyio

YEAR = [f"2026-{n:02}" for n in range(1, 11)]

# (kind, description, kWh, price, net in minor units, exact tax, day)
BILLED = [
    ("SHORTFALL", "Shortfall of 2026-02", Decimal("50.000"), Decimal("0.20"), 1_000,
     Decimal("2.5"), date(2026, 2, 28)),
    ("SHORTFALL", "Shortfall of 2026-03", Decimal("51.547"), Decimal("0.20"), 1_031,
     Decimal("2.5775"), date(2026, 3, 31)),
    ("MAKE_UP", "Made up in 2026-04 of 2026-02", Decimal("-50.000"), Decimal("0.20"), -1_000,
     Decimal("-2.5"), date(2026, 4, 30)),
    ("MAKE_UP", "Made up in 2026-04 of 2026-03", Decimal("-20.000"), Decimal("0.20"), -400,
     Decimal(-1), date(2026, 4, 30)),
    ("MAKE_UP", "Made up in 2026-06 of 2026-03", Decimal("-10.000"), Decimal("0.20"), -200,
     Decimal("-0.5"), date(2026, 6, 30)),
    ("MAKE_UP", "Made up in 2026-07 of 2026-03", Decimal("-5.000"), Decimal("0.20"), -100,
     Decimal("-0.25"), date(2026, 7, 31)),
    ("OVERAGE", "Overage of 2026-08", Decimal("80.000"), Decimal("0.03"), 240,
     Decimal("0.6"), date(2026, 8, 31)),
    ("OVERAGE", "Overage of 2026-09", Decimal("20.000"), Decimal("0.03"), 60,
     Decimal("0.15"), date(2026, 9, 30)),
    ("SHORTFALL", "Shortfall of 2026-10", Decimal("50.000"), Decimal("0.20"), 1_000,
     Decimal("2.5"), date(2026, 10, 31)),
]  # fmt: skip


@pytest.fixture
async def pledges(database: Database) -> Pledges:
    return await open_pledges(database)


async def test_a_pledge_is_due_until_it_is_taken_or_paid_for(pledges: Pledges) -> None:
    hub = await pledges.hub("H1", "0.30")
    anna = await pledges.charger()
    await pledges.pledge(anna, hub, to_on="2026-04")
    assert await pledges.held("9200", "9210") == {"9200 anna": -3_000_000, "9210 anna": 3_000_000}
    await pledges.took("anna", "2026-01", 640)
    done = await pledges.settle("2026-01")
    assert (done.done, done.total, done.already, done.written) == (1, 1, 0, 1)
    assert await pledges.balances() == {
        "1205 anna": 19_200 + 7_200, "4000 H1": -19_200, "4100": -7_200,
        "9000 H1": -640_000, "9100 anna": 640_000,
        "9200 anna": -3_000_000, "9210 anna": 2_000_000, "9220 anna": 640_000,
        "9230 anna": 360_000,
    }  # fmt: skip
    await pledges.sound()


async def test_a_settlement_keeps_what_it_came_from_and_can_be_repeated(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub, make_up_months=3, bank_cap_kwh=50)
    await pledges.took("anna", "2026-01", 640)
    await pledges.took("anna", "2026-02", 1_100)
    await pledges.settle("2026-01", "2026-02")
    first, second = await pledges.settlements(made)
    assert (first.number, first.adjusts_id, first.effective_on) == (1, None, last_day("2026-01"))
    assert second.inputs == {
        "metered_wh": {str(hub.id): 1_100_000}, "down": "0", "ports": {str(hub.id): []}, "terms_version": 1, "scale": 2,
        "banked_wh": 0,
        "credits": [{
            "issued_on": "2026-01-01", "expires_on": "2026-05-01", "issued_wh": 360_000,
            "issued_minor": 7_200, "open_wh": 360_000, "open_minor": 7_200,
        }],
    }  # fmt: skip
    before = settle(made.terms[0], State(), MonthFacts(month("2026-01"), 640_000), 2)[1]
    again, _ = settle(made.terms[0], before, MonthFacts(month("2026-02"), 1_100_000), 2)
    assert second.settlement == again
    assert shown(second.settlement.movements) == [("used", "2026-01", -100_000, -2_000)]


async def test_the_year_of_a_member_in_the_books(pledges: Pledges) -> None:
    """The story of the pure test, through imports, outages and the ledger; a tenth of its size."""
    hub = await pledges.hub("H1", "0.30")
    p1, p2 = await pledges.ports(hub, "p1", "p2")
    anna = await pledges.charger()
    vat = (Tax("VAT", Decimal(25)),)
    made = await pledges.pledge(
        anna, hub, ramp=("0.5", "0.75"), make_up_months=4, bank_cap_kwh=100,
        overage_per_kwh="0.03", taxes=vat,
    )  # fmt: skip
    # March has 743 hours in Oslo: a tenth of the port-time of both is one port for 148.6 hours.
    await pledges.down(hub, noon("2026-03-02"), noon("2026-03-05"), "OUTAGE_GRID", p1)
    await pledges.down(hub, noon("2026-03-04"), noon("2026-03-05"), "MAINTENANCE", p1)
    await pledges.down(hub, noon("2026-03-06"), noon("2026-03-20"), "THROTTLED")
    taken = (560, 640, 900, 1_070, 1_000, 1_010, 1_005, 1_180, 1_020, 850)
    for when, kwh in zip(YEAR, taken, strict=True):
        await pledges.took("anna", when, kwh)
        await pledges.settle(when)
        await pledges.sound()
    assert p2
    # 72 of 1,486 port-hours: 48,453 Wh of 1,000 kWh, rounded up.
    found = [one.settlement for one in await pledges.settlements(made)]
    assert [one.figures.excused_wh for one in found] == [0, 0, 48_453, *[0] * 7]
    assert [one.figures.shortfall_wh for one in found] == [
        0, 50_000, 51_547, 0, 0, 0, 0, 0, 0, 50_000
    ]  # fmt: skip
    assert [line for one in found for line in shown(one.movements)] == [
        ("issued", "2026-02", 50_000, 1_000), ("issued", "2026-03", 51_547, 1_031),
        ("used", "2026-02", -50_000, -1_000), ("used", "2026-03", -20_000, -400),
        ("used", "2026-03", -10_000, -200),
        ("used", "2026-03", -5_000, -100), ("expired", "2026-03", -16_547, -331),
        ("issued", "2026-10", 50_000, 1_000),
    ]  # fmt: skip
    assert open_credits(await pledges.state(made)) == [("2026-10", 50_000, 1_000)]
    held = await pledges.held("2420", "4100", "4110", "4130", "9200", "9210", "9220", "9230")
    assert held == {
        "2420 anna": -1_000, "4110": -331, "4130": -300,
        "9200 anna": -(11_250_000 - 48_453), "9210 anna": 2_000_000,
        "9220 anna": 9_250_000 - 48_453 - 66_547, "9230 anna": 66_547,
    }  # fmt: skip
    items = await pledges.sql(
        "SELECT kind, description, quantity, unit_price, net_minor, tax, effective_on"
        " FROM bill_item ORDER BY effective_on, id"
    )
    assert [tuple(item) for item in items] == BILLED


async def test_a_pool_counts_all_its_hubs_and_no_other(pledges: Pledges) -> None:
    one, two, other = [await pledges.hub(ref) for ref in ("H1", "H2", "H3")]
    anna = await pledges.charger()
    bo = await pledges.charger("bo")
    made = await pledges.pledge(anna, one, two)
    theirs = await pledges.pledge(bo, other)
    await pledges.took("anna", "2026-01", 300, "H1")
    await pledges.took("anna", "2026-01", 200, "H2")
    await pledges.took("anna", "2026-01", 100, "H3")
    await pledges.took("bo", "2026-01", 50, "H1")
    await pledges.settle("2026-01")
    (settled,) = await pledges.settlements(made)
    assert settled.settlement.figures.metered_wh == 500_000
    assert settled.inputs["metered_wh"] == {str(one.id): 300_000, str(two.id): 200_000}
    ((item_hub,),) = await pledges.sql(
        "SELECT hub_id FROM bill_item WHERE id = :id", id=settled.shortfall_item_id
    )
    assert item_hub is None
    (settled,) = await pledges.settlements(theirs)
    assert settled.settlement.figures.metered_wh == 0


async def test_a_session_counts_in_the_month_of_its_end_unless_credited(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub)
    first, _ = await pledges.took("anna", "2026-01", 1_000)
    await pledges.credited(first)
    await pledges.settle("2026-01")
    (settled,) = await pledges.settlements(made)
    assert settled.settlement.figures.metered_wh == 100_000


async def test_after_the_term_credits_are_made_up_where_nothing_else_is_pledged(
    pledges: Pledges,
) -> None:
    one, two = await pledges.hub("H1"), await pledges.hub("H2")
    anna = await pledges.charger()
    first = await pledges.pledge(anna, one, two, to_on="2026-02", make_up_months=2)
    second = await pledges.pledge(anna, two, from_on="2026-02", to_on="2026-05", minimum_kwh=100)
    await pledges.settle("2026-01")
    await pledges.took("anna", "2026-02", 300, "H1")
    await pledges.took("anna", "2026-02", 150, "H2")
    await pledges.settle("2026-02", "2026-03", "2026-04")
    settled = await pledges.settlements(first)
    assert [one.month for one in settled] == [month("2026-01"), month("2026-02"), month("2026-03")]
    assert settled[1].settlement.figures.metered_wh == 300_000
    assert [shown(one.settlement.movements) for one in settled] == [
        [("issued", "2026-01", 1_000_000, 20_000)],
        [("used", "2026-01", -300_000, -6_000)],
        [("expired", "2026-01", -700_000, -14_000)],
    ]  # fmt: skip
    theirs = [one.settlement.figures for one in await pledges.settlements(second)]
    assert [(one.metered_wh, one.shortfall_wh) for one in theirs] == [
        (150_000, 0), (0, 100_000), (0, 100_000)
    ]  # fmt: skip
    await pledges.sound()


async def test_months_are_settled_in_order_once_and_when_they_have_ended(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub, to_on="2027-04")
    assert await refused(pledges.settle("2026-02")) == "SETTLEMENT_ORDER"
    assert (await pledges.settle("2025-12")).total == 0
    await pledges.settle("2026-01")
    again = await pledges.settle("2026-01")
    assert (again.done, again.total, again.already, again.written) == (1, 1, 1, 0)
    assert len(await pledges.settlements(made)) == 1
    await pledges.settle(*YEAR[1:])
    assert await refused(pledges.settle("2026-12")) == "SETTLEMENT_ORDER"


async def test_nothing_is_settled_before_the_month_is_over_at_the_hub(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    await pledges.pledge(anna, hub, from_on="2027-06", to_on="2027-09")
    before = await pledges.balances()
    assert await refused(pledges.settle("2027-06")) == "SETTLEMENT_MONTH_OPEN"
    assert await pledges.count("commitment_settlement") == 0
    assert await pledges.balances() == before


async def test_a_month_without_anything_has_a_settlement_and_no_entry(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub, ramp=("0",), make_up_months=1)
    await pledges.settle("2026-01", "2026-02")
    first, second = await pledges.settlements(made)
    assert (first.entry_id, first.shortfall_item_id) == (None, None)
    assert second.entry_id is not None
    assert second.settlement.moved_minor(MovementKind.ISSUED) == 20_000
