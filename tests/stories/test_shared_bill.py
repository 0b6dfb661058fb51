"""Three members, one hub on SCE's TOU-EV-4, and July's bill shared by each of the five methods.

Ada runs vans that charge at night, Bob a taxi that charges at noon, Cyd a bus that comes once a week
and takes 60 kW for an hour. The schedule is the published one of ../shared/data/tariffs.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from coop.billing import cost_sharing
from coop.billing.domain.cost_sharing import Bill
from coop.billing.domain.loads import beginning_of
from coop.billing.domain.utility_schedule import schedule_of_text
from coop.billing.queries import sharing as queries
from coop.db.engine import Database
from tests.billing.grid import LOS_ANGELES, Grid, open_grid
from tests.conftest import shared_data
from tests.ledger.town import Town
from tests.members.people import system

pytestmark = pytest.mark.anyio

JULY = date(2026, 7, 1)
SCE = "tariffs/sce_tou_ev_4_march_2019.json"


@pytest.fixture
async def grid(database: Database) -> Grid:
    return await open_grid(database)


def july() -> list[tuple[str, str, str, str]]:
    """Every night 40 kWh from 01:00 to 05:00; 12 kWh at noon of weekdays; 60 kWh on Wednesdays."""
    rows = []
    for number in range(31):
        day = JULY + timedelta(days=number)
        rows.append(("ada", f"{day} 01:00", f"{day} 05:00", "40"))
        if day.weekday() < 5:
            rows.append(("bob", f"{day} 12:00", f"{day} 13:00", "12"))
        if day.weekday() == 2:
            rows.append(("cyd", f"{day} 12:30", f"{day} 13:30", "30+30"))
    return rows


async def town(grid: Grid) -> Any:
    """The hub with its schedule and July's sessions."""
    hub = await grid.place()
    for name in ("ada", "bob", "cyd"):
        await grid.driver(name)
    await grid.schedule(hub, schedule_of_text(shared_data(SCE).read_text()))
    await grid.plug(*july())
    return hub


async def test_the_schedule_foretells_the_bill(grid: Grid) -> None:
    hub = await town(grid)
    found = await grid.order(cost_sharing.preview_sharing, hub.id, JULY, "KWH")
    # At night 31 × 40 kWh at 0.05623; at noon of weekdays 23 × 12 and 5 × 60 kWh at 0.26668. The
    # peak: Wednesday's 12:30 to 13:00 at 12 + 60 kW, 15.51 each.
    assert found.sharing.bill == Bill(22_333, 111_672, 0, 1_816_000)
    at = beginning_of(found.of.loads.quarters[found.sharing.peak_index]).astimezone(LOS_ANGELES)
    assert (f"{at:%a %d %H:%M}", found.sharing.peak_w) == ("Wed 01 12:30", 72_000)


async def test_july_is_shared_to_the_cent_by_every_method(grid: Grid) -> None:
    hub = await town(grid)
    await grid.grid_bill(hub, 23_500, 111_672, 4_000, 1_850_000, month=JULY)
    parts = {
        "KWH": (1240, 276, 300),
        "COINCIDENT_PEAK": (0, 12, 60),
        "OWN_PEAK": (10, 12, 60),
        # 10 kW in thirds, 2 kW in halves, 48 kW for the bus alone.
        "PEAK_LAYERS": (Fraction(10, 3), Fraction(10, 3) + 1, Fraction(10, 3) + 1 + 48),
        "HIGHEST_INTERVALS": (0, 12, 60),  # the first four of the ten at 72 kW
    }
    for method, weights in parts.items():
        found = (await grid.order(cost_sharing.preview_sharing, hub.id, JULY, method)).sharing
        demand = [111_672 * Fraction(weight) / sum(weights) for weight in weights]
        assert [share.demand for share in found.shares] == demand
        # Of the energy, 1,816 of 1,850 kWh by what each would have paid, the losses by kWh.
        paid = [1240 * 5_623, 276 * 26_668, 300 * 26_668]
        energy = Fraction(23_500 * 1_816, 1_850)
        assert [share.energy for share in found.shares] == [
            energy * one / sum(paid) for one in paid
        ]
        assert sum(share.losses for share in found.shares) == 23_500 - energy
        assert sum(share.total_minor for share in found.shares) == 139_172
        assert all(abs(share.total_minor - share.exact) < 1 for share in found.shares)


async def test_july_is_charged_billed_and_proved(grid: Grid) -> None:
    hub = await town(grid)
    await grid.rule(hub, "PEAK_LAYERS", resolution="2026-11")
    await grid.grid_bill(hub, 23_500, 111_672, 4_000, 1_850_000, month=JULY, post=True)
    raised = await grid.charges(JULY)
    assert (raised.items, raised.net_minor) == ({"COST_PASSED_ON": 3}, 139_172)
    assert await grid.item_rows("m.number, net_minor, resolution") == [
        ("ada", 16_432, "2026-11"), ("bob", 16_341, "2026-11"), ("cyd", 106_399, "2026-11")
    ]  # fmt: skip
    balances = await grid.balances()
    # What the grid is owed is what the members bear: the hub's result is its charging alone.
    assert balances["5000 DEPOT"] + balances["5010 DEPOT"] == -balances["4080 DEPOT"] == 139_172
    assert balances["1205 cyd"] == 9_000 + 106_399
    outcome = await grid.bill("2026-07")
    assert outcome.issued.invoices == 3
    after = await grid.balances()
    assert [after.get(f"1205 {name}", 0) for name in ("ada", "bob", "cyd")] == [0, 0, 0]
    assert after["1200 cyd"] == 9_000 + 106_399
    books = Town(grid.database, grid.id, system())
    await books.seal()
    assert (await books.verify()).findings == []
    [run] = (await grid.ask(queries.runs_of_hubs, [hub.id]))[hub.id]
    shares = (await grid.ask(queries.shares_of_runs, [run.id]))[run.id]
    assert sum(share.net_minor for share in shares) == run.total_minor == 139_172
    assert [layer["members"] for layer in run.results["layers"]] == [3, 2, 1]
