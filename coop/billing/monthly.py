"""What a month costs beside charging, raised as bill items by one order, as often as one likes.

    subscriptions       SUBSCRIPTION      Dr 1205 M / Cr 4060      the fee, by days
                        SUBSCRIPTION      Dr 4000 H / Cr 1205 M    included energy, credited
    reservations        RESERVED_CAPACITY Dr 1205 M / Cr 4070 H
                        NO_SHOW           Dr 1205 M / Cr 4070 H
    demand response     DEMAND_RESPONSE   Dr 5020 H / Cr 1205 M    a credit
    cost sharing        COST_PASSED_ON    Dr 1205 M / Cr 4080 H    see cost_sharing.py

Included energy was earned by nobody's kWh: it is taken off the charging revenue of the hub where it
was taken, at the price it was charged there. Every item names its source, so a source that made its
item is passed over: a second run, or one after a kill, adds what is missing. Each step commits by
itself, some hundred items at a time; two runs at once wait for each other at each step. A hub that
cannot be shared yet is named with the reason and does not stop the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.cost_sharing import share_month
from coop.billing.grid import check_month
from coop.billing.items import Item, add_items
from coop.billing.monthly_drafts import (
    Group,
    Month,
    demand_response_drafts,
    reservation_drafts,
    subscription_drafts,
)
from coop.billing.queries.plans import reservations_between, subscriptions_on
from coop.billing.queries.sharing import (
    StoredEvent,
    events_between,
    hubs_sharing,
    known_sources,
)
from coop.billing.sharing_errors import ChargesMonthOpen, SharingRefused
from coop.charging import queries as charging_queries
from coop.db.engine import Database
from coop.kernel.clock import today_in
from coop.kernel.ids import CooperativeId, HubId
from coop.members import queries as member_queries
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer

_AT_ONCE = 200
_A_DAY = timedelta(days=1)
Thing = TypeVar("Thing")
Make = Callable[[AsyncConnection, Sequence[Any]], Awaitable[list[Group]]]


class OnProgress(Protocol):
    """Told what is being raised, how much is done, of how much."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take note."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A hub whose costs cannot be shared yet, and why."""

    hub_id: HubId
    code: str
    message: str


@dataclass(slots=True)
class Raised:
    """What a run has added: items by kind, their net in minor units, hubs that wait."""

    month: date
    currency: str
    items: dict[str, int] = field(default_factory=dict)
    net_minor: int = 0
    waiting: list[Waiting] = field(default_factory=list)

    def add(self, items: Sequence[Item]) -> None:
        """Count new items in."""
        for item in items:
            self.items[item.kind] = self.items.get(item.kind, 0) + 1
            self.net_minor += item.net_minor


async def raise_monthly_items(
    database: Database,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    month: date,
    on_progress: OnProgress | None = None,
) -> Raised:
    """Raise everything a month costs beside charging; what is there already is passed over.

    `month` is its first day. Refuses CHARGES_MONTH_OPEN before it has ended everywhere, what the
    ledger refuses (PERIOD_CLOSED), FORBIDDEN, NOT_FOUND; what was committed by then stays, and the
    next run goes on from there.
    """
    require(viewer, Action.BILL_ISSUE, cooperative_id)
    tell = on_progress or _silent
    of = await _month(database, cooperative_id, month)
    raised = Raised(of.first, of.currency)
    desk = _Desk(database, viewer, cooperative_id, raised, tell)
    async with database.snapshot(cooperative_id) as connection:
        subscriptions = await subscriptions_on(connection, of.first, of.end)
        reservations = await reservations_between(
            connection, *(_midnight(day) for day in (of.first - _A_DAY, of.end + _A_DAY))
        )
        events = await _events(connection, of)
        rules = await hubs_sharing(connection, of.first)
    await desk.work("subscriptions", subscriptions, lambda c, p: subscription_drafts(c, of, p))
    await desk.work("reservations", reservations, lambda c, p: reservation_drafts(c, of, p))
    await desk.work(
        "demand response", events, lambda c, p: demand_response_drafts(c, of, p[0]), at_once=1
    )
    for done, rule in enumerate(rules):
        tell("cost sharing", done, len(rules))
        await desk.share(rule.hub_id, of.first)
    tell("cost sharing", len(rules), len(rules))
    return raised


async def _month(database: Database, cooperative_id: CooperativeId, month: date) -> Month:
    check_month(month)
    async with database.snapshot(cooperative_id) as connection:
        cooperative = await member_queries.cooperative_by_id(connection, cooperative_id)
        hubs = {one.id: one for one in await charging_queries.hubs(connection)}
    if cooperative is None:
        raise absent()
    of = Month(month, cooperative.currency, hubs)
    zones = {cooperative.time_zone, *(hub.time_zone for hub in hubs.values())}
    if any(today_in(zone) < of.end for zone in zones):
        raise ChargesMonthOpen(f"{month:%Y-%m} has not ended.", ("month",))
    return of


async def _events(connection: AsyncConnection, of: Month) -> list[StoredEvent]:
    around = await events_between(
        connection, *(_midnight(day) for day in (of.first - _A_DAY, of.end + _A_DAY))
    )
    return [
        one
        for one in around
        if of.first <= one.from_at.astimezone(of.hubs[one.hub_id].time_zone).date() < of.end
    ]


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where a run is worked on: each part in a unit of work of its own."""

    database: Database
    viewer: Viewer
    cooperative_id: CooperativeId
    raised: Raised
    tell: OnProgress

    async def work(
        self, what: str, things: Sequence[Thing], make: Make, *, at_once: int = _AT_ONCE
    ) -> None:
        """Raise what `make` drafts of things, some at a time."""
        for start in range(0, len(things), at_once):
            self.tell(what, start, len(things))
            part = things[start : start + at_once]
            record = partial(self._record, part=part, make=make)
            self.raised.add(await self.database.unit_of_work(self.cooperative_id, record))
        self.tell(what, len(things), len(things))

    async def _record(
        self, connection: AsyncConnection, part: Sequence[Any], make: Make
    ) -> list[Item]:
        await _alone(connection, self.cooperative_id)
        groups = await make(connection, part)
        sources = [draft.source for group in groups for draft in group]
        known = await known_sources(
            connection, {kind for kind, _ in sources}, {id_ for _, id_ in sources}
        )
        fresh = [
            draft
            for group in groups
            if not any(one.source in known for one in group)
            for draft in group
        ]
        return await add_items(connection, self.viewer.subject, self.cooperative_id, fresh)

    async def share(self, hub_id: HubId, month: date) -> None:
        """Share a hub's costs, or note why it cannot be yet."""

        async def work(connection: AsyncConnection) -> list[Item]:
            _, items = await share_month(
                connection, self.viewer, self.cooperative_id, hub_id, month
            )
            return items

        try:
            self.raised.add(await self.database.unit_of_work(self.cooperative_id, work))
        except SharingRefused as refusal:
            self.raised.waiting.append(Waiting(hub_id, refusal.code, refusal.message))


async def _alone(connection: AsyncConnection, cooperative_id: CooperativeId) -> None:
    """Wait for another run of this cooperative to commit its part."""
    lock = func.hashtextextended(f"monthly:{cooperative_id}", 9)
    await connection.execute(select(func.pg_advisory_xact_lock(lock)))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _silent(what: str, done: int, total: int) -> None:
    """Nobody watches."""
