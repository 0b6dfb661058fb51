"""What comes late is settled beside what stands: never edited, and ending where all was known."""

from __future__ import annotations

from datetime import date

import pytest

from coop.billing.domain.settlement import Figures, total
from coop.billing.queries.commitments import Commitment
from coop.db.engine import Database
from tests.billing.books import refused
from tests.billing.domain.months import month, shown
from tests.billing.pledges import Pledges, noon, open_pledges

pytestmark = pytest.mark.anyio

MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04")
FIRST = (900, 950, 1_120, 1_000)
CODES = ("1205", "2420", "4100", "4110", "4130", "9200", "9210", "9220", "9230")
TERMS = {"make_up_months": 2, "bank_cap_kwh": 30, "overage_per_kwh": "0.05", "to_on": "2026-05"}


@pytest.fixture
async def pledges(database: Database) -> Pledges:
    return await open_pledges(database)


async def _lived(pledges: Pledges, *taken: int) -> Commitment:
    hub = await pledges.hub("H1", "0.30")
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub, **TERMS)
    for when, kwh in zip(MONTHS, taken, strict=True):
        await pledges.took("anna", when, kwh)
    await pledges.settle(*MONTHS)
    return made


async def test_a_late_session_is_adjusted_from_its_month_on(
    pledges: Pledges, database: Database
) -> None:
    made = await _lived(pledges, *FIRST)
    before = await pledges.settlements(made)
    await pledges.took("anna", "2026-02", 80)
    done = await pledges.adjust("2026-02", "2026-06-10")
    assert (done.total, done.written) == (1, 1)
    found = await pledges.settlements(made)
    assert found[:4] == before
    adjusting = found[4:]
    assert [(one.number, one.month, one.adjusts_id) for one in adjusting] == [
        (5, month("2026-02"), before[1].id),
        (6, month("2026-03"), before[2].id),
        (7, month("2026-04"), before[3].id),
    ]
    assert {one.effective_on for one in adjusting} == {date(2026, 6, 10)}
    # February: 1,030 taken: no shortfall of 50, and 30 of January's credit made up.
    assert adjusting[0].settlement.figures == Figures(
        metered_wh=80_000, met_wh=50_000, shortfall_wh=-50_000, shortfall_minor=-1_000
    )
    assert sorted(shown(adjusting[0].settlement.movements)) == [
        ("issued", "2026-02", -50_000, -1_000), ("used", "2026-01", -30_000, -600)
    ]  # fmt: skip
    # March: 120 above: 70 of January's 70 left, 30 banked, 20 overage.
    assert adjusting[1].settlement.figures == Figures(
        banked_wh=30_000, overage_wh=20_000, overage_minor=100
    )
    assert sorted(shown(adjusting[1].settlement.movements)) == [
        ("used", "2026-01", 30_000, 600), ("used", "2026-02", 20_000, 400)
    ]  # fmt: skip
    assert shown(adjusting[2].settlement.movements) == [("expired", "2026-02", 30_000, 600)]
    await pledges.sound()
    assert (await pledges.adjust("2026-01", "2026-06-11")).written == 0
    assert len(await pledges.settlements(made)) == 7
    # As if all had been known when the months were settled.
    straight = await open_pledges(database)
    other = await _lived(straight, 900, 1_030, 1_120, 1_000)
    assert await pledges.held(*CODES) == await straight.held(*CODES)
    assert await pledges.state(made) == await straight.state(other)
    stands = [total(one.month, (one.settlement, two.settlement)) for one, two in
              zip(found[1:4], adjusting, strict=True)]  # fmt: skip
    wanted = [one.settlement for one in (await straight.settlements(other))[1:4]]
    assert [one.figures for one in stands] == [one.figures for one in wanted]
    assert [sorted(shown(one.movements)) for one in stands] == [
        sorted(shown(one.movements)) for one in wanted
    ]


async def test_a_credited_session_makes_a_shortfall_that_was_not(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub, make_up_months=3, to_on="2026-03")
    (first,) = await pledges.took("anna", "2026-01", 200)
    await pledges.took("anna", "2026-01", 800)
    await pledges.took("anna", "2026-02", 1_100)
    await pledges.settle("2026-01", "2026-02")
    await pledges.credited(first)
    await pledges.adjust("2026-01", "2026-06-10")
    *_, january, february = [one.settlement for one in await pledges.settlements(made)]
    assert shown(january.movements) == [("issued", "2026-01", 200_000, 4_000)]
    assert shown(february.movements) == [("used", "2026-01", -100_000, -2_000)]
    assert await pledges.held("2420", "9230") == {"2420 anna": -2_000, "9230 anna": 100_000}
    # What is open again is settled on, until it is used or expires.
    await pledges.settle("2026-03", "2026-04")
    assert await pledges.held("2420", "4110") == {"4110": -2_000}
    await pledges.sound()


async def test_an_outage_that_was_reported_late_excuses_late(pledges: Pledges) -> None:
    hub = await pledges.hub()
    await pledges.ports(hub, "p1")
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub)
    await pledges.settle("2026-01")
    assert await pledges.held("4100") == {"4100": -20_000}
    await pledges.down(hub, noon("2026-01-01"), noon("2026-01-16"), "VANDALISM")
    await pledges.adjust("2026-01", "2026-02-01")
    (_, late) = await pledges.settlements(made)
    # 360 of 744 hours.
    assert late.settlement.figures.excused_wh == 483_871
    assert await pledges.held("4100", "9200") == {
        "4100": -10_323, "9200 anna": -12_000_000 + 483_871
    }  # fmt: skip
    # It is over, says somebody later still: the adjusting settlement is adjusted.
    await pledges.down(hub, noon("2026-01-16"), noon("2026-01-17"), "VANDALISM")
    await pledges.adjust("2026-01", "2026-02-02")
    last = (await pledges.settlements(made))[-1]
    assert (last.number, last.adjusts_id) == (3, late.id)
    assert last.settlement.figures.excused_wh == 32_259
    await pledges.sound()


async def test_only_what_is_settled_is_adjusted(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    await pledges.pledge(anna, hub)
    assert await refused(pledges.adjust("2026-01")) == "SETTLEMENT_MISSING"
    await pledges.settle("2026-01")
    assert await refused(pledges.adjust("2026-02")) == "SETTLEMENT_MISSING"
    assert (await pledges.adjust("2026-01")).written == 0


async def test_a_port_that_is_built_later_excuses_nothing_earlier(pledges: Pledges) -> None:
    hub = await pledges.hub()
    await pledges.ports(hub, "p1")
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub)
    await pledges.down(hub, noon("2026-01-01"), noon("2026-01-16"), "OUTAGE_HARDWARE")
    await pledges.settle("2026-01")
    await pledges.ports(hub, "p2", "p3")
    (port,) = await pledges.ports(hub, "p1")
    assert (await pledges.adjust("2026-01", "2026-02-01")).written == 0
    await pledges.down(hub, noon("2026-01-20"), noon("2026-01-21"), "OUTAGE_GRID", port)
    await pledges.adjust("2026-01", "2026-02-02")
    assert (await pledges.settlements(made))[-1].settlement.figures.excused_wh == 32_259
