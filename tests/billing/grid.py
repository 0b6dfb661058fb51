"""A cooperative in Los Angeles with a hub on the grid: badges, sessions, schedules and bills."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from coop.billing import grid
from coop.billing.domain.cost_sharing import Bill
from coop.billing.domain.utility_schedule import UtilitySchedule, schedule_of
from coop.billing.grid import BillDraft
from coop.billing.monthly import Raised, raise_monthly_items
from coop.charging import service, tariffs
from coop.charging.domain.place import HoldingDraft, Hub, HubDraft
from coop.db.engine import Database
from coop.kernel.clock import zone_named
from coop.members.domain.people import Member
from tests.billing.books import Books
from tests.charging.domain.sample import cdr
from tests.charging.yard import SPRING, open_yard
from tests.members.people import BEGIN, system

LOS_ANGELES = zone_named("America/Los_Angeles")
JUNE = date(2026, 6, 1)
FLAT = {
    "name": "Flat", "schedule": [{
        "id": "All", "effective_start": "01-01", "effective_end": "12-31", "dow_mask": "ALL",
        "times": [0], "tariffs": ["0.10"], "demand_charge": "12",
    }],
}  # fmt: skip


class Grid(Books):
    """Books whose hub has a grid connection."""

    async def place(self, ref: str = "DEPOT", per_kwh: str = "0.30") -> Hub:
        """A hub in Los Angeles with a price."""
        made: Hub = await self.order(service.register_hub, HubDraft(ref, "Depot", LOS_ANGELES))
        await self.order(tariffs.set_flat_price, made.id, Decimal(per_kwh), SPRING)
        return made

    async def driver(self, name: str) -> Member:
        """A member whose badge is its name."""
        made = await self.member(name)
        await self.order(service.register_tokens, [HoldingDraft(name, made.id, BEGIN)])
        return made

    async def plug(self, *rows: tuple[str, str, str, str], hub: str = "DEPOT") -> None:
        """Sessions: badge, wall time of beginning and end in Los Angeles, kWh."""
        outcome = await self.read_cdrs(*(session(*row, hub=hub) for row in rows))
        assert (outcome.counts.accepted, outcome.counts.rejected) == (len(rows), 0)

    async def schedule(self, hub: Hub, document: Any = None, from_on: date = BEGIN) -> Any:
        given = document if isinstance(document, UtilitySchedule) else schedule_of(document or FLAT)
        return await self.order(grid.set_utility_schedule, hub.id, from_on, given)

    async def rule(self, hub: Hub, method: str, from_month: date = BEGIN, **named: Any) -> Any:
        parameters = named.pop("parameters", None)
        return await self.order(
            grid.set_sharing_rule, hub.id, from_month, method, parameters, **named
        )

    async def grid_bill(
        self, hub: Hub, energy: int, demand: int, other: int = 0, wh: int | None = None,
        *, month: date = JUNE, **named: Any,
    ) -> Any:  # fmt: skip
        draft = BillDraft(hub.id, month, Bill(energy, demand, other, wh), **named)
        return await self.order(grid.record_utility_bill, draft)

    async def charges(self, month: date = JUNE, **named: Any) -> Raised:
        """Raise the month as the system."""
        viewer = named.pop("by", system())
        return await raise_monthly_items(self.database, viewer, self.id, month, **named)

    async def item_rows(self, columns: str = "kind, m.number, net_minor") -> list[tuple[Any, ...]]:
        rows = await self.sql(
            f"SELECT {columns} FROM bill_item i JOIN member m ON m.id = i.member_id"
            " ORDER BY i.kind, m.number, i.net_minor"
        )
        return [tuple(row) for row in rows]


_numbers = iter(range(10**9))


def session(badge: str, start: str, end: str, kwh: str, *, hub: str = "DEPOT") -> dict[str, Any]:
    """The CDR of a session; a kWh text with plus signs is that of equal periods."""
    begins, ends = (
        datetime.fromisoformat(one).replace(tzinfo=LOS_ANGELES).astimezone(UTC)
        for one in (start, end)
    )
    parts = [Decimal(part) for part in kwh.split("+")]
    step = (ends - begins) / len(parts)
    hours = Decimal(int((ends - begins).total_seconds())) / 3600
    return cdr(
        id=f"s-{next(_numbers)}", currency="USD",
        start_date_time=begins.isoformat(), end_date_time=ends.isoformat(),
        cdr_token={"uid": badge}, cdr_location={"id": hub, "evse_uid": "P1"},
        charging_periods=[
            {
                "start_date_time": (begins + step * i).isoformat(),
                "dimensions": [{"type": "ENERGY", "volume": part}],
            }
            for i, part in enumerate(parts)
        ],
        total_energy=sum(parts), total_time=round(hours, 4), last_updated=ends.isoformat(),
    )  # fmt: skip


async def open_grid(database: Database) -> Grid:
    yard = await open_yard(database, currency="USD", time_zone="America/Los_Angeles")
    return Grid(yard.town, yard.database)
