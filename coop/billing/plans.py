"""Plans and who has which; capacity reserved. Charging for them is monthly.py's.

set_plan                                     a plan, or its next version
start_subscription, end_subscription         a member's plan from a day on, until a day
record_reservation, cancel_reservation       power or ports of a hub for a member
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.plan import PlanTerms
from coop.billing.domain.reservation import ReservationTerms
from coop.billing.domain.taxes import taxes_json
from coop.billing.grid import checked_resolution, hub_named
from coop.billing.queries.plans import (
    StoredPlan,
    StoredReservation,
    StoredSubscription,
    plan_by_code,
    reservation_by_id,
    subscriptions_by_ids,
)
from coop.billing.queries.sharing import known_months
from coop.billing.sharing_errors import (
    PlanUnknown,
    ReservationCancelled,
    SubscriptionEnded,
    SubscriptionInvalid,
    SubscriptionOverlaps,
)
from coop.billing.tables import capacity_reservation, plan, subscription
from coop.db.refusals import register
from coop.kernel.clock import utc_now
from coop.kernel.ids import CooperativeId, HubId, MemberId, uuid7
from coop.ledger import queries as ledger_queries
from coop.members import queries as member_queries
from coop.members.domain.people import Member
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer

FEE_SOURCE = "subscription"
RESERVED_SOURCE = "reservation"

register(
    "subscription_is_one_of_its_kind",
    SubscriptionOverlaps,
    "The member has a plan of that kind on some of those days.",
)


async def set_plan(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    terms: PlanTerms,
    *,
    resolution: str | None = None,
) -> StoredPlan:
    """Offer a plan, in the cooperative's currency; the same terms again are the same version.

    Other terms under a code are its next version, for who subscribes from then on: whoever has the
    plan keeps the version it began with. Refuses PLAN_INVALID, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.PLAN_MANAGE, cooperative_id)
    lock = func.hashtextextended(f"plan:{cooperative_id}:{terms.code}", 9)
    await connection.execute(select(func.pg_advisory_xact_lock(lock)))
    before = await plan_by_code(connection, terms.code)
    taxes = taxes_json(terms.taxes)
    facts = (terms.kind, terms.name, terms.fee_minor, terms.included_wh, taxes)
    if before is not None:
        known = (before.kind, before.name, before.fee_minor, before.included_wh, before.taxes)
        if known == facts:
            return before
    made = StoredPlan(
        cooperative_id, uuid7(), terms.code, 1 if before is None else before.version + 1,
        terms.kind, terms.name, await ledger_queries.currency_of(connection), terms.fee_minor,
        terms.included_wh, taxes, checked_resolution(resolution), viewer.subject, utc_now(),
    )  # fmt: skip
    await connection.execute(insert(plan).values(**_row(made)))
    return made


async def start_subscription(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    member_id: MemberId,
    plan_code: str,
    from_on: date,
    to_on: date | None = None,
) -> StoredSubscription:
    """Give a member the latest version of a plan from a day on.

    Refuses PLAN_UNKNOWN, SUBSCRIPTION_INVALID for days before it joined or after it left,
    SUBSCRIPTION_OVERLAPS, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.PLAN_MANAGE, cooperative_id)
    member = await _member(connection, cooperative_id, member_id)
    found = await plan_by_code(connection, plan_code)
    if found is None:
        raise PlanUnknown(f'There is no plan "{plan_code[:40]}".', ("plan",))
    if to_on is not None and to_on <= from_on:
        raise SubscriptionInvalid("It ends after it begins.", ("to",))
    if from_on < member.joined_on or (member.left_on is not None and from_on >= member.left_on):
        raise SubscriptionInvalid("Nobody has a plan who is no member.", ("from",))
    made = StoredSubscription(
        cooperative_id, uuid7(), member_id, found.id, found.kind, from_on, to_on, viewer.subject,
        utc_now(), None,
    )  # fmt: skip
    await connection.execute(insert(subscription).values(**_row(made)))
    return made


async def end_subscription(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    subscription_id: UUID,
    to_on: date,
) -> StoredSubscription:
    """Let `to_on` be the first day without a plan.

    Refuses SUBSCRIPTION_ENDED when it ends no later already or a month it would lose is charged,
    SUBSCRIPTION_INVALID before its first day, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.PLAN_MANAGE, cooperative_id)
    found = (await subscriptions_by_ids(connection, [subscription_id])).get(subscription_id)
    if found is None:
        raise absent()
    if to_on <= found.from_on:
        raise SubscriptionInvalid(f"It began on {found.from_on}.", ("to",))
    if found.to_on is not None and to_on >= found.to_on:
        raise SubscriptionEnded(f"It ends on {found.to_on}.", ("to",))
    charged = await known_months(connection, FEE_SOURCE, str(subscription_id))
    if any(month >= f"{to_on:%Y-%m}" for month in charged):
        raise SubscriptionEnded(f"{max(charged)} is charged already.", ("to",))
    await connection.execute(
        update(subscription)
        .where(subscription.c.id == subscription_id)
        .values(to_on=to_on, ended_by=viewer.subject)
    )
    return (await subscriptions_by_ids(connection, [subscription_id]))[subscription_id]


async def record_reservation(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    member_id: MemberId,
    hub_id: HubId,
    terms: ReservationTerms,
    *,
    resolution: str | None = None,
) -> StoredReservation:
    """Reserve power or ports of a hub for a member, in the cooperative's currency.

    Whether there is so much to reserve is decided by who records it. Refuses FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.PLAN_MANAGE, cooperative_id)
    await _member(connection, cooperative_id, member_id)
    await hub_named(connection, hub_id)
    made = StoredReservation(
        cooperative_id, uuid7(), member_id, hub_id, terms.kind.value, terms.quantity,
        terms.unit_price, await ledger_queries.currency_of(connection), terms.from_at,
        terms.to_at, terms.no_show_minor, terms.grace_minutes, terms.cancel_minutes,
        taxes_json(terms.taxes), checked_resolution(resolution), None, None, viewer.subject,
        utc_now(),
    )  # fmt: skip
    await connection.execute(insert(capacity_reservation).values(**_row(made)))
    return made


async def cancel_reservation(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    reservation_id: UUID,
    cancelled_at: datetime,
) -> StoredReservation:
    """Cancel a reservation as of an instant that has passed.

    Refuses RESERVATION_CANCELLED when it was before, is over or charged for that month, or the
    instant is ahead; FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.PLAN_MANAGE, cooperative_id)
    found = await reservation_by_id(connection, reservation_id)
    if found is None:
        raise absent()
    if found.cancelled_at is not None:
        raise ReservationCancelled("It was cancelled before.", ("reservation",))
    if cancelled_at > utc_now() or cancelled_at >= found.to_at:
        raise ReservationCancelled("It is cancelled before it ends, not ahead of time.", ("at",))
    charged = await known_months(connection, RESERVED_SOURCE, str(reservation_id))
    if any(month >= f"{cancelled_at:%Y-%m}" for month in charged):
        raise ReservationCancelled(f"{max(charged)} is charged already.", ("at",))
    await connection.execute(
        update(capacity_reservation)
        .where(capacity_reservation.c.id == reservation_id)
        .values(cancelled_at=cancelled_at, cancelled_by=viewer.subject)
    )
    again = await reservation_by_id(connection, reservation_id)
    if again is None:
        raise LookupError("a reservation that was there")
    return again


async def _member(
    connection: AsyncConnection, cooperative_id: CooperativeId, member_id: MemberId
) -> Member:
    found = await member_queries.members_by_ids(connection, cooperative_id, [member_id])
    if member_id not in found:
        raise absent()
    return found[member_id]


def _row(made: Any) -> dict[str, Any]:
    return {name: getattr(made, name) for name in made.__dataclass_fields__}
