"""A hub's month on the real database: previewed, shared once, posted, kept with its arithmetic."""

from __future__ import annotations

import asyncio
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from coop.billing import cost_sharing
from coop.billing import grid as grid_settings
from coop.billing.domain.cost_sharing import Bill
from coop.billing.domain.utility_schedule import schedule_of
from coop.billing.grid import BillDraft
from coop.billing.queries import sharing as queries
from coop.billing.sharing_errors import (
    ChargesMonthOpen,
    LoadMissing,
    SharingInvalid,
    SharingMethodUnknown,
    SharingRuleMissing,
    SharingRuleTaken,
    UtilityBillInvalid,
    UtilityBillMissing,
    UtilityBillRecorded,
    UtilityScheduleMissing,
    UtilityScheduleTaken,
)
from coop.charging.domain.place import Hub
from coop.charging.domain.tariff import Tax
from coop.kernel.errors import Forbidden, InvalidValue, NotFound
from coop.kernel.ids import HubId, uuid7
from coop.ledger.errors import PeriodClosed
from coop.members.domain.roles import Role
from tests.billing.grid import FLAT, JUNE, Grid
from tests.ledger.town import Town
from tests.members.people import BEGIN, system

pytestmark = pytest.mark.anyio

MAY, JULY = date(2026, 5, 1), date(2026, 7, 1)


async def depot(grid: Grid) -> Hub:
    """A depot where ada took 10 kWh in an hour, bob 20 kWh in the next, a guest 10 kWh."""
    hub = await grid.place()
    await grid.driver("ada")
    await grid.driver("bob")
    await grid.schedule(hub)
    await grid.plug(
        ("ada", "2026-06-10 10:00", "2026-06-10 11:00", "10"),
        ("bob", "2026-06-10 11:00", "2026-06-10 12:00", "4+16"),
        ("nobody", "2026-06-10 14:00", "2026-06-10 15:00", "10"),
    )
    return hub


async def test_a_month_is_shared_posted_and_kept(grid: Grid) -> None:
    hub = await depot(grid)
    await grid.rule(hub, "OWN_PEAK", taxes=(Tax("VAT", Decimal(10)),), resolution="2026-07")
    await grid.grid_bill(hub, 500, 5_200, 100, 50_000, post=True, reference="G-17")
    raised = await grid.charges()
    # 40 of 50 kWh were taken: 4.00 by price and 1.00 of losses, both by kWh at a flat price;
    # 52.00 by peaks of 10, 32 and 10 kW; 1.00 by kWh.
    assert await grid.item_rows("kind, m.number, net_minor, tax, effective_on, resolution") == [
        ("COST_PASSED_ON", "ada", 1_150, Decimal("1.15"), date(2026, 6, 30), "2026-07"),
        ("COST_PASSED_ON", "bob", 3_500, Decimal("3.5"), date(2026, 6, 30), "2026-07"),
    ]
    assert (raised.items, raised.net_minor, raised.waiting) == ({"COST_PASSED_ON": 2}, 4_650, [])
    balances = await grid.balances()
    assert {code: balances[code] for code in balances if code[:4] in ("1205", "4080", "5000", "5010", "2000")} == {
        "1205 ada": 300 + 1_150, "1205 bob": 600 + 3_500, "4080 DEPOT": -4_650,
        "5000 DEPOT": 500, "5010 DEPOT": 5_300, "2000": -5_800,
    }  # fmt: skip
    [run] = (await grid.ask(queries.runs_of_hubs, [hub.id]))[hub.id]
    assert (run.total_minor, run.kept_minor) == (5_800, 1_150)
    assert run.results["peak_at"] == "2026-06-10T18:30:00+00:00"
    assert run.results["losses_wh"] == "10000"
    shares = (await grid.ask(queries.shares_of_runs, [run.id]))[run.id]
    assert [(s.taken_wh, s.own_peak_w, s.net_minor) for s in shares] == [
        (10_000, 10_000, 1_150), (20_000, 32_000, 3_500), (10_000, 10_000, 1_150)
    ]  # fmt: skip
    assert shares[1].arithmetic == {
        "measured": "32000", "measure": "32000", "losses_wh": "5000.000000",
        "energy": "200.000000", "losses": "50.000000", "demand": "3200.000000",
        "other": "50.000000", "exact": "3500.000000",
    }  # fmt: skip


async def test_a_second_run_changes_nothing(grid: Grid) -> None:
    hub = await depot(grid)
    await grid.rule(hub, "PEAK_LAYERS")
    await grid.grid_bill(hub, 400, 5_200)
    await grid.charges()
    before = (await grid.balances(), await grid.item_rows("i.id"))
    # What comes later is not the shared month's.
    await grid.plug(("ada", "2026-06-11 10:00", "2026-06-11 11:00", "10"))
    again = await grid.charges()
    assert (again.items, again.net_minor) == ({}, 0)
    assert (await grid.balances())["4080 DEPOT"] == before[0]["4080 DEPOT"]
    assert await grid.item_rows("i.id") == before[1]


async def test_two_runs_at_once_charge_once(grid: Grid) -> None:
    hub = await depot(grid)
    await grid.rule(hub, "KWH")
    await grid.grid_bill(hub, 400, 5_200)
    found = await asyncio.gather(*(grid.charges() for _ in range(4)))
    assert sorted(one.net_minor for one in found) == [0, 0, 0, 4_200]
    assert len(await grid.item_rows()) == 2
    assert await grid.count("cost_sharing_run") == 1


async def test_a_hub_that_waits_does_not_stop_another(grid: Grid) -> None:
    hub = await depot(grid)
    other = await grid.place("OTHER")
    await grid.schedule(other)
    for one in (hub, other):
        await grid.rule(one, "KWH")
    await grid.grid_bill(other, 100, 0)
    raised = await grid.charges()
    assert {(one.hub_id, one.code) for one in raised.waiting} == {
        (hub.id, "UTILITY_BILL_MISSING"), (other.id, "COST_SHARING_NO_LOAD")
    }  # fmt: skip
    await grid.grid_bill(hub, 400, 0)
    assert (await grid.charges()).items == {"COST_PASSED_ON": 2}


async def test_methods_are_compared_before_the_vote(grid: Grid) -> None:
    hub = await depot(grid)

    async def preview(method: str | None = None, **parameters: Any) -> Any:
        given = (hub.id, JUNE, method, parameters or None)
        return await grid.order(cost_sharing.preview_sharing, *given)

    with pytest.raises(SharingRuleMissing):
        await preview()
    estimate = await preview("COINCIDENT_PEAK")
    # Without the grid's bill, the schedule's: 40 kWh at 0.10 and 32 kW at 12.00.
    assert (estimate.estimated, estimate.sharing.bill) == (True, Bill(400, 38_400, 0, 40_000))
    await grid.grid_bill(hub, 400, 5_200)
    found = {}
    for method in ("KWH", "COINCIDENT_PEAK", "OWN_PEAK", "PEAK_LAYERS", "HIGHEST_INTERVALS"):
        shared = await preview(method)
        found[method] = [share.total_minor for share in shared.sharing.shares]
        assert sum(found[method]) == 5_600
    assert found == {
        "KWH": [1_400, 2_800, 1_400],
        "COINCIDENT_PEAK": [100, 5_400, 100],
        "OWN_PEAK": [1_100, 3_400, 1_100],
        # 10 kW in thirds and 22 kW for bob.
        "PEAK_LAYERS": [642, 4_317, 641],
        # Two of the four at 32 kW, and of the rest the first: two of ada's at 10 kW.
        "HIGHEST_INTERVALS": [1_338, 4_162, 100],
    }
    assert await grid.count("cost_sharing_run") == 0
    with pytest.raises(SharingMethodUnknown):
        await preview("SHAPLEY")
    with pytest.raises(LoadMissing):
        await grid.order(cost_sharing.preview_sharing, hub.id, MAY, "KWH")


async def test_a_ratchet_counts_the_months_before(grid: Grid) -> None:
    hub = await depot(grid)
    await grid.rule(hub, "OWN_PEAK", parameters={"ratchet_percent": "50"})
    await grid.grid_bill(hub, 0, 5_200)
    await grid.charges()
    await grid.plug(("ada", "2026-07-01 10:00", "2026-07-01 11:00", "10"))
    await grid.grid_bill(hub, 0, 3_100, month=JULY)
    await grid.charges(JULY)
    rows = await grid.sql(
        "SELECT m.number, s.arithmetic->>'measured', s.arithmetic->>'measure', s.net_minor"
        " FROM cost_sharing_share s JOIN cost_sharing_run r ON r.id = s.run_id"
        " LEFT JOIN member m ON m.id = s.member_id WHERE r.month = '2026-07-01' ORDER BY 1"
    )
    # Half of 32 kW for bob, who took nothing in July, and half of the guests' 10 kW.
    assert [tuple(row) for row in rows] == [
        ("ada", "10000", "10000", 1_000), ("bob", "0", "16000", 1_600), (None, "0", "5000", 500)
    ]  # fmt: skip


async def test_settings_are_kept_and_followed(grid: Grid) -> None:
    hub = await depot(grid)
    first = await grid.rule(hub, "KWH")
    assert (await grid.rule(hub, "KWH")).id == first.id
    with pytest.raises(SharingRuleTaken):
        await grid.rule(hub, "OWN_PEAK")
    await grid.rule(hub, "NONE", JULY)
    await grid.grid_bill(hub, 400, 0)
    await grid.grid_bill(hub, 400, 0, month=JULY)
    await grid.plug(("ada", "2026-07-01 10:00", "2026-07-01 11:00", "10"))
    assert (await grid.charges()).items == {"COST_PASSED_ON": 2}
    raised = await grid.charges(JULY)
    assert (raised.items, raised.waiting) == ({}, [])
    # What a month was shared by does not change afterwards.
    with pytest.raises(SharingRuleTaken):
        await grid.rule(hub, "OWN_PEAK", JUNE)
    with pytest.raises(SharingRuleTaken):
        await grid.schedule(hub, FLAT | {"name": "Other"}, date(2026, 6, 15))
    same = await grid.schedule(hub)
    assert same.name == "Flat"
    await grid.schedule(hub, FLAT | {"name": "Other"}, JULY)
    with pytest.raises(UtilityScheduleTaken):
        await grid.schedule(hub, FLAT | {"name": "Third"}, JULY)


async def test_bills_are_recorded_once_and_corrected(grid: Grid) -> None:
    hub = await depot(grid)
    first = await grid.grid_bill(hub, 400, 5_200, post=True)
    assert (await grid.grid_bill(hub, 400, 5_200, post=True)).id == first.id
    assert (await grid.balances())["2000"] == -5_600
    second = await grid.grid_bill(hub, 401, 5_200, post=True)  # the grid corrected it
    assert (second.revision, (await grid.balances())["2000"]) == (2, -5_601)
    third = await grid.grid_bill(hub, 402, 5_200)  # posted elsewhere
    assert (third.entry_id, (await grid.balances())["2000"]) == (None, 0)
    [kept] = (await grid.ask(queries.bills_of_hubs, [hub.id]))[hub.id]
    assert (kept.revision, kept.energy_minor) == (3, 402)
    await grid.rule(hub, "KWH")
    assert (await grid.charges()).items == {"COST_PASSED_ON": 2}
    with pytest.raises(UtilityBillRecorded):
        await grid.grid_bill(hub, 401, 5_200)
    for wrong in (
        BillDraft(hub.id, date(2026, 6, 2), Bill(0, 0)),
        BillDraft(hub.id, JULY, Bill(-1, 0)),
        BillDraft(hub.id, JULY, Bill(10**18, 0)),
        BillDraft(hub.id, JULY, Bill(0, 0), reference="x\ny"),
    ):
        with pytest.raises(UtilityBillInvalid):
            await grid.order(grid_settings.record_utility_bill, wrong)
    with pytest.raises(NotFound):
        await grid.order(
            grid_settings.record_utility_bill, BillDraft(HubId(uuid7()), JULY, Bill(0, 0))
        )


async def test_what_is_missing_is_named(grid: Grid) -> None:
    hub = await depot(grid)

    async def share(month: date = JUNE) -> Any:
        return await grid.order(cost_sharing.share_month, hub.id, month)

    with pytest.raises(SharingRuleMissing):
        await share()
    await grid.rule(hub, "KWH")
    with pytest.raises(UtilityBillMissing):
        await share()
    early = date(2025, 12, 1)
    with pytest.raises(UtilityScheduleMissing):
        await grid.order(cost_sharing.preview_sharing, hub.id, early, "KWH")
    with pytest.raises(SharingInvalid):
        await grid.rule(hub, "KWH", date(2026, 8, 2))
    with pytest.raises(SharingInvalid):
        await grid.rule(hub, "NONE", JULY, parameters={"highest": "2"})
    with pytest.raises(InvalidValue):
        await grid.rule(hub, "NONE", JULY, resolution=" ")
    with pytest.raises(ChargesMonthOpen):
        await grid.charges(date(2999, 1, 1))
    for no_month in (date(9999, 12, 1), date(1, 1, 1), date(2026, 6, 2)):
        with pytest.raises(InvalidValue):
            await grid.charges(no_month)
        with pytest.raises(InvalidValue):
            await grid.order(cost_sharing.preview_sharing, hub.id, no_month, "KWH")
        with pytest.raises(UtilityBillInvalid):
            await grid.grid_bill(hub, 1, 1, month=no_month)
    with pytest.raises(InvalidValue):
        await grid.charges(date(2026, 6, 2))


async def test_nothing_is_shared_into_a_closed_month(grid: Grid) -> None:
    hub = await depot(grid)
    await grid.rule(hub, "KWH")
    await grid.grid_bill(hub, 400, 5_200)
    books = Town(grid.database, grid.id, system())
    await books.close(JUNE)
    with pytest.raises(PeriodClosed):
        await grid.charges()
    assert await grid.count("cost_sharing_run") == 0
    assert await grid.item_rows() == []


async def test_who_may(grid: Grid) -> None:
    hub = await depot(grid)
    ada = (await grid.sql("SELECT id FROM member WHERE number = 'ada'"))[0].id
    roles = {"board": Role.BOARD, "money": Role.TREASURER}
    for subject, role in roles.items():
        await grid.town.grant(subject, role)
    await grid.town.grant("ada", Role.OPERATOR, member_id=ada)
    board, money, member = [await grid.town.viewer(one) for one in ("board", "money", "ada")]
    schedule = schedule_of(FLAT | {"name": "Other"})
    given = (grid_settings.set_utility_schedule, hub.id, JULY, schedule)
    for viewer in (board, member):
        with pytest.raises(Forbidden):
            await grid.order(*given, by=viewer)
        with pytest.raises(Forbidden):
            await grid.charges(by=viewer)
    await grid.order(*given, by=money)
    await grid.order(cost_sharing.preview_sharing, hub.id, JUNE, "KWH", by=board)
    with pytest.raises(Forbidden):
        await grid.order(cost_sharing.preview_sharing, hub.id, JUNE, "KWH", by=member)
    stranger = await grid.town.viewer("stranger")
    with pytest.raises(NotFound):
        await grid.charges(by=stranger)


async def test_what_was_shared_stays_whoever_writes(grid: Grid) -> None:
    hub = await depot(grid)
    await grid.rule(hub, "KWH")
    await grid.grid_bill(hub, 400, 5_200)
    await grid.charges()
    for table in ("cost_sharing_run", "cost_sharing_share", "utility_bill", "cost_sharing_rule"):
        with pytest.raises(DBAPIError):
            await grid.sql(f"DELETE FROM {table}")
    assert Fraction(await grid.count("cost_sharing_share")) == 3
    assert BEGIN < JUNE
