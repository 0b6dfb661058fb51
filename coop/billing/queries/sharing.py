"""Schedules, rules, grid bills and how they were shared; what loads are made from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, Table, Text, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.tables import (
    bill_item,
    cost_sharing_rule,
    cost_sharing_run,
    cost_sharing_share,
    demand_response_event,
    utility_bill,
    utility_schedule,
)
from coop.charging.tables import charging_session
from coop.db.among import among
from coop.kernel.ids import EntryId, HubId, MemberId

# A session lasts at most so long (charging/desk.py), so one that ends later does not reach back.
_LONGEST = timedelta(days=367)
_COUNTED = ("charged", "suspended")
_STREAMED = 1000
Stored = TypeVar("Stored", bound="Any")


@dataclass(frozen=True, slots=True)
class StoredSchedule:
    """A grid tariff of a hub; `document` is its canonical form."""

    cooperative_id: UUID
    id: UUID
    hub_id: HubId
    from_on: date
    name: str
    document: dict[str, Any]
    document_sha256: bytes
    resolution: str | None
    set_by: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class StoredRule:
    """How a hub's costs are shared from a month on; `method` may be NONE."""

    cooperative_id: UUID
    id: UUID
    hub_id: HubId
    from_month: date
    method: str
    parameters: dict[str, str]
    taxes: list[dict[str, str]]
    resolution: str | None
    set_by: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class StoredBill:
    """What the grid charged for a hub and month."""

    cooperative_id: UUID
    id: UUID
    hub_id: HubId
    month: date
    revision: int
    currency: str
    energy_wh: int | None
    energy_minor: int
    demand_minor: int
    other_minor: int
    reference: str
    entry_id: EntryId | None
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A hub's month as it was shared."""

    cooperative_id: UUID
    id: UUID
    hub_id: HubId
    month: date
    rule_id: UUID
    schedule_id: UUID
    bill_id: UUID
    currency: str
    total_minor: int
    kept_minor: int
    inputs_sha256: bytes
    results: dict[str, Any]
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class StoredShare:
    """A member's part of a run; `member_id` is None for guests."""

    cooperative_id: UUID
    run_id: UUID
    number: int
    member_id: MemberId | None
    taken_wh: int
    own_peak_w: int
    arithmetic: dict[str, str]
    net_minor: int


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """When the grid asked a hub to take less."""

    cooperative_id: UUID
    id: UUID
    hub_id: HubId
    from_at: datetime
    to_at: datetime
    programme: str
    currency: str
    payment_minor: int
    fee_percent: Decimal
    resolution: str | None
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class SessionLoad:
    """What a load is made of: who, when, how much; `raw` holds the periods of a CDR."""

    member_id: MemberId | None
    started_at: datetime
    ended_at: datetime
    delivered_wh: int
    raw: bytes


async def schedules_of_hubs(
    connection: AsyncConnection, hub_ids: Iterable[UUID]
) -> dict[HubId, list[StoredSchedule]]:
    """Every schedule ever set for each hub, oldest first."""
    return await _by_hub(
        connection, StoredSchedule, utility_schedule, utility_schedule.c.from_on, hub_ids
    )


async def rules_of_hubs(
    connection: AsyncConnection, hub_ids: Iterable[UUID]
) -> dict[HubId, list[StoredRule]]:
    """Every rule ever set for each hub, oldest first."""
    table = cost_sharing_rule
    return await _by_hub(connection, StoredRule, table, table.c.from_month, hub_ids)


async def bills_of_hubs(
    connection: AsyncConnection, hub_ids: Iterable[UUID]
) -> dict[HubId, list[StoredBill]]:
    """The grid bill of each hub and month as last corrected, oldest first."""
    c = utility_bill.c
    statement = (
        select(utility_bill)
        .where(among(c.hub_id, hub_ids))
        .ext(distinct_on(c.hub_id, c.month))
        .order_by(c.hub_id, c.month, c.revision.desc())
    )
    found: dict[HubId, list[StoredBill]] = {}
    for row in (await connection.execute(statement)).mappings():
        found.setdefault(HubId(row["hub_id"]), []).append(StoredBill(**row))
    return found


async def runs_of_hubs(
    connection: AsyncConnection, hub_ids: Iterable[UUID]
) -> dict[HubId, list[StoredRun]]:
    """Every month of each hub that was shared, oldest first."""
    table = cost_sharing_run
    return await _by_hub(connection, StoredRun, table, table.c.month, hub_ids)


async def events_of_hubs(
    connection: AsyncConnection, hub_ids: Iterable[UUID]
) -> dict[HubId, list[StoredEvent]]:
    """Every demand-response event of each hub, oldest first."""
    table = demand_response_event
    return await _by_hub(connection, StoredEvent, table, table.c.from_at, hub_ids)


async def _by_hub(
    connection: AsyncConnection,
    kind: type[Stored],
    table: Table,
    order: Any,
    hub_ids: Iterable[UUID],
) -> dict[HubId, list[Stored]]:
    statement = select(table).where(among(table.c.hub_id, hub_ids)).order_by(order)
    found: dict[HubId, list[Stored]] = {}
    for row in (await connection.execute(statement)).mappings():
        found.setdefault(HubId(row["hub_id"]), []).append(kind(**row))
    return found


def in_force(rules: Iterable[StoredRule], month: date) -> StoredRule | None:
    """The rule of that month: the latest that had begun by it."""
    begun = [rule for rule in rules if rule.from_month <= month]
    return max(begun, key=lambda rule: rule.from_month, default=None)


async def shares_of_runs(
    connection: AsyncConnection, run_ids: Iterable[UUID]
) -> dict[UUID, list[StoredShare]]:
    """The shares of each run, in order."""
    c = cost_sharing_share.c
    statement = select(cost_sharing_share).where(among(c.run_id, run_ids))
    found: dict[UUID, list[StoredShare]] = {}
    rows = await connection.execute(statement.order_by(c.run_id, c.number))
    for row in rows.mappings():
        found.setdefault(row["run_id"], []).append(StoredShare(**row))
    return found


async def session_loads(
    connection: AsyncConnection, hub_id: UUID, from_on: date, to_on: date
) -> AsyncIterator[SessionLoad]:
    """The sessions of a hub that may have taken something on the days [from_on, to_on).

    They come as they are read, so that a month of them is never in memory at once.
    """
    c = charging_session.c
    statement: Select[Any] = select(
        c.member_id, c.started_at, c.ended_at, c.delivered_wh, c.raw
    ).where(
        c.hub_id == hub_id,
        c.effective_on >= from_on,
        c.effective_on < to_on + _LONGEST,
        c.started_at < datetime.combine(to_on + timedelta(days=2), time.min, UTC),
        c.state.in_(_COUNTED),
    )
    rows = await connection.stream(statement.execution_options(yield_per=_STREAMED))
    async for row in rows:
        yield SessionLoad(*row)


async def known_sources(
    connection: AsyncConnection, kinds: Iterable[str], ids: Iterable[str]
) -> set[tuple[str, str]]:
    """Which of these sources made a bill item already."""
    c = bill_item.c
    rows = await connection.execute(
        select(c.source_kind, c.source_id).where(
            among(c.source_kind, kinds), among(c.source_id, ids)
        )
    )
    return {(row.source_kind, row.source_id) for row in rows}


async def sources_begun(connection: AsyncConnection, kind: str, ids: Iterable[str]) -> set[str]:
    """Which of these things made a bill item already, whose sources are `id:…`."""
    of = func.split_part(bill_item.c.source_id, ":", 1, type_=Text)
    rows = await connection.scalars(
        select(of).where(bill_item.c.source_kind == kind, among(of, ids)).distinct()
    )
    return {str(found) for found in rows}


@dataclass(frozen=True, slots=True)
class Credited:
    """What items of one source and its adjustments come to; where, and with which taxes."""

    source: str
    items: int
    net_minor: int
    hub_id: HubId
    taxes: list[dict[str, str]]


async def credited_in_month(
    connection: AsyncConnection, kind: str, ids: Iterable[str], month: str
) -> dict[str, Credited]:
    """What the sources `id:month:…` have made, each with what adjusts it (`id:month:…#2`)."""
    c = bill_item.c
    of = func.split_part(c.source_id, "#", 1, type_=Text)
    rows = await connection.execute(
        select(of, func.count(), func.sum(c.net_minor), c.hub_id, c.taxes)
        .where(
            c.source_kind == kind,
            among(func.split_part(c.source_id, ":", 1, type_=Text), ids),
            func.split_part(c.source_id, ":", 2) == month,
        )
        .group_by(of, c.hub_id, c.taxes)
    )
    found = (Credited(row[0], int(row[1]), int(row[2]), row[3], row[4]) for row in rows)
    return {one.source: one for one in found}


async def hubs_sharing(connection: AsyncConnection, month: date) -> list[StoredRule]:
    """The rule in force in that month at every hub that has one, NONE left out, by hub."""
    c = cost_sharing_rule.c
    statement = (
        select(cost_sharing_rule)
        .where(c.from_month <= month)
        .ext(distinct_on(c.hub_id))
        .order_by(c.hub_id, c.from_month.desc())
    )
    rows = await connection.execute(statement)
    found = [StoredRule(**row) for row in rows.mappings()]
    return [rule for rule in found if rule.method != "NONE"]


async def events_between(
    connection: AsyncConnection, from_at: datetime, to_at: datetime
) -> list[StoredEvent]:
    """The events of all hubs that began in [from_at, to_at), in order."""
    c = demand_response_event.c
    statement = select(demand_response_event).where(c.from_at >= from_at, c.from_at < to_at)
    rows = await connection.execute(statement.order_by(c.from_at, c.id))
    return [StoredEvent(**row) for row in rows.mappings()]


async def known_months(connection: AsyncConnection, kind: str, id_: str) -> set[str]:
    """The months, as 2025-06, for which a thing of a monthly source was charged."""
    c = bill_item.c
    rows = await connection.scalars(
        select(c.source_id).where(c.source_kind == kind, c.source_id.startswith(f"{id_}:"))
    )
    return {str(found).split(":")[1] for found in rows}
