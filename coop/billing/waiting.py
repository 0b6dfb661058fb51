"""What a month's bills would lack: commitments not settled for it, and charges nobody raised yet.

A bill that is made without them is right, but late: they are on a later one. So whoever bills is
told. Looks at sources only, never at sessions, so that it costs a few statements.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.cost_sharing import ITEM_KIND as SHARED
from coop.billing.domain.months import Month
from coop.billing.monthly_drafts import (
    REDUCTION,
    REDUCTION_SOURCE,
    RESERVED,
    SUBSCRIPTION,
    demand_response_drafts,
    reserved_draft,
)
from coop.billing.monthly_drafts import Month as DraftMonth
from coop.billing.plans import FEE_SOURCE
from coop.billing.queries.commitments import standings
from coop.billing.queries.plans import reservations_between, subscriptions_on
from coop.billing.queries.sharing import (
    events_between,
    hubs_sharing,
    known_sources,
    runs_of_hubs,
    sources_begun,
)
from coop.charging import queries as charging_queries
from coop.db.engine import Database
from coop.kernel.ids import CooperativeId
from coop.members import queries as member_queries
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer

_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a month's bills lack: commitments to settle, and by kind of item what to charge."""

    unsettled: int
    charges: dict[str, int]


async def waiting_for(
    database: Database, viewer: Viewer, cooperative_id: CooperativeId, month: Month
) -> Waiting:
    """What is not on a bill of the month if it is made now, though it should be.

    Commitments with this month or one before it to settle; plan fees, reservations, reductions of
    an event and hubs with a rule for sharing that `raise_monthly_items` has not charged for this
    month. Refuses FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.BILL_ISSUE, cooperative_id)
    async with database.snapshot(cooperative_id) as connection:
        cooperative = await member_queries.cooperative_by_id(connection, cooperative_id)
        if cooperative is None:
            raise absent()
        hubs = {one.id: one for one in await charging_queries.hubs(connection)}
        of = DraftMonth(month.from_on, cooperative.currency, hubs)
        found = {
            SUBSCRIPTION: await _fees(connection, of),
            RESERVED: await _reservations(connection, of),
            REDUCTION: await _events(connection, of),
            SHARED: await _sharing(connection, of),
        }
        unsettled = await _unsettled(connection, of.first)
    return Waiting(unsettled, {kind: count for kind, count in found.items() if count})


async def _unsettled(connection: AsyncConnection, month: date) -> int:
    """How many commitments have this month or an earlier one to be settled."""
    return sum(one.next_month <= month and one.runs_on for one in await standings(connection))


async def _fees(connection: AsyncConnection, month: DraftMonth) -> int:
    found = await subscriptions_on(connection, month.first, month.end)
    wanted = [(FEE_SOURCE, f"{one.id}:{month.first:%Y-%m}") for one in found]
    return await _missing(connection, wanted)


async def _reservations(connection: AsyncConnection, month: DraftMonth) -> int:
    around = await reservations_between(connection, *_around(month))
    drafts = [reserved_draft(month, one) for one in around]
    return await _missing(connection, [one.source for one in drafts if one is not None])


async def _events(connection: AsyncConnection, month: DraftMonth) -> int:
    """Events that credit somebody, and have credited nobody."""
    events = [
        one
        for one in await events_between(connection, *_around(month))
        if month.first
        <= one.from_at.astimezone(month.hubs[one.hub_id].time_zone).date()
        < month.end
    ]
    begun = await sources_begun(connection, REDUCTION_SOURCE, (str(one.id) for one in events))
    silent = [one for one in events if str(one.id) not in begun]
    return sum([bool(await demand_response_drafts(connection, month, one)) for one in silent])


async def _sharing(connection: AsyncConnection, month: DraftMonth) -> int:
    hub_ids: set[UUID] = {rule.hub_id for rule in await hubs_sharing(connection, month.first)}
    runs = await runs_of_hubs(connection, hub_ids)
    shared = {hub_id for hub_id, made in runs.items() for one in made if one.month == month.first}
    return len(hub_ids - shared)


async def _missing(connection: AsyncConnection, wanted: Iterable[tuple[str, str]]) -> int:
    sources = set(wanted)
    kinds, ids = {kind for kind, _ in sources}, {id_ for _, id_ in sources}
    return len(sources - await known_sources(connection, kinds, ids))


def _around(month: DraftMonth) -> tuple[datetime, datetime]:
    """A day more on either side, for the zones of the hubs."""
    begins, ends = month.first - _A_DAY, month.end + _A_DAY
    return datetime.combine(begins, time.min, UTC), datetime.combine(ends, time.min, UTC)
