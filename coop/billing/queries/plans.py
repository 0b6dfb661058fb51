"""Plans, who has which, what is reserved, and the energy that a plan may include."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.plan import EnergyLine, UsedEnergy
from coop.billing.domain.reservation import ReservationKind, ReservationTerms
from coop.billing.domain.taxes import taxes_of
from coop.billing.tables import capacity_reservation, plan, subscription
from coop.charging.tables import charge, charge_line, charging_session
from coop.db.among import among
from coop.db.each import page_of_each
from coop.db.keyset import windowed
from coop.kernel.ids import HubId, MemberId
from coop.kernel.window import Window
from coop.members.tables import member

_P, _S, _R = plan.c, subscription.c, capacity_reservation.c


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """One version of a plan; `taxes` are [{name, percent}] with percent as text."""

    cooperative_id: UUID
    id: UUID
    code: str
    version: int
    kind: str
    name: str
    currency: str
    fee_minor: int
    included_wh: int
    taxes: list[dict[str, str]]
    resolution: str | None
    set_by: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class StoredSubscription:
    """A member's plan on the days [from_on, to_on)."""

    cooperative_id: UUID
    id: UUID
    member_id: MemberId
    plan_id: UUID
    plan_kind: str
    from_on: date
    to_on: date | None
    started_by: str
    started_at: datetime
    ended_by: str | None


@dataclass(frozen=True, slots=True)
class StoredReservation:
    """Power (W) or ports reserved for a member."""

    cooperative_id: UUID
    id: UUID
    member_id: MemberId
    hub_id: HubId
    kind: str
    quantity: int
    unit_price: Decimal
    currency: str
    from_at: datetime
    to_at: datetime
    no_show_minor: int
    grace_minutes: int
    cancel_minutes: int
    taxes: list[dict[str, str]]
    resolution: str | None
    cancelled_at: datetime | None
    cancelled_by: str | None
    recorded_by: str
    recorded_at: datetime

    @property
    def terms(self) -> ReservationTerms:
        """What was agreed."""
        return ReservationTerms(
            ReservationKind(self.kind), self.quantity, self.unit_price, self.from_at, self.to_at,
            self.no_show_minor, self.grace_minutes, self.cancel_minutes, taxes_of(self.taxes),
        )  # fmt: skip


async def plans(connection: AsyncConnection) -> list[StoredPlan]:
    """The latest version of every plan, by code."""
    statement = select(plan).ext(distinct_on(_P.code)).order_by(_P.code, _P.version.desc())
    return await _plans(connection, statement)


async def plan_by_code(connection: AsyncConnection, code: str) -> StoredPlan | None:
    """The latest version of a plan."""
    statement = select(plan).where(_P.code == code).order_by(_P.version.desc()).limit(1)
    return next(iter(await _plans(connection, statement)), None)


async def plans_by_ids(connection: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, StoredPlan]:
    """The plans of those ids that exist."""
    found = await _plans(connection, select(plan).where(among(_P.id, ids)))
    return {one.id: one for one in found}


async def _plans(connection: AsyncConnection, statement: Select[Any]) -> list[StoredPlan]:
    rows = await connection.execute(statement)
    return [StoredPlan(**row) for row in rows.mappings()]


async def subscriptions_of_members(
    connection: AsyncConnection, member_ids: Iterable[UUID]
) -> dict[MemberId, list[StoredSubscription]]:
    """Every plan each member has and had, the latest first."""
    statement = select(subscription).where(among(_S.member_id, member_ids))
    found: dict[MemberId, list[StoredSubscription]] = {}
    for one in await _subscriptions(connection, statement.order_by(_S.from_on.desc(), _S.id)):
        found.setdefault(one.member_id, []).append(one)
    return found


async def subscriptions_by_ids(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, StoredSubscription]:
    """The subscriptions of those ids that exist."""
    found = await _subscriptions(connection, select(subscription).where(among(_S.id, ids)))
    return {one.id: one for one in found}


async def subscriptions_on(
    connection: AsyncConnection, from_on: date, to_on: date
) -> list[StoredSubscription]:
    """Every subscription with a day in [from_on, to_on), in the order they were recorded.

    One of a member that leaves ends with the membership.
    """
    until = func.least(_S.to_on, member.c.left_on)  # of those that are known
    columns = (until.label("to_on") if one is _S.to_on else one for one in _S)
    of_member = (member.c.cooperative_id == _S.cooperative_id) & (member.c.id == _S.member_id)
    statement = select(*columns).join(member, of_member)
    statement = statement.where(_S.from_on < to_on, or_(until.is_(None), until > from_on))
    return await _subscriptions(connection, statement.order_by(_S.id))


async def _subscriptions(
    connection: AsyncConnection, statement: Select[Any]
) -> list[StoredSubscription]:
    rows = await connection.execute(statement)
    return [StoredSubscription(**row) for row in rows.mappings()]


async def reservations_pages(
    connection: AsyncConnection, members: Iterable[MemberId], window: Window
) -> dict[MemberId, list[StoredReservation]]:
    """The same stretch of what each of these members reserved, the latest first."""

    def page(member_id: ColumnElement[Any]) -> Select[Any]:
        query = select(capacity_reservation).where(_R.member_id == member_id)
        return windowed(query, (_R.from_at, _R.id), window, descending=True)

    found: dict[MemberId, list[StoredReservation]] = {}
    for one in await _reservations(connection, page_of_each(_R.member_id, members, page)):
        found.setdefault(one.member_id, []).append(one)
    for rows in found.values():
        rows.sort(key=lambda row: (row.from_at, row.id), reverse=not window.backward)
    return found


async def reservations_counts(
    connection: AsyncConnection, members: Iterable[MemberId]
) -> dict[MemberId, int]:
    """How much each of these members reserved."""
    query = select(_R.member_id, func.count().label("made")).where(among(_R.member_id, members))
    rows = await connection.execute(query.group_by(_R.member_id))
    return {MemberId(row.member_id): row.made for row in rows}


async def reservation_by_id(connection: AsyncConnection, id_: UUID) -> StoredReservation | None:
    """One reservation, locked until the transaction ends."""
    statement = select(capacity_reservation).where(_R.id == id_).with_for_update()
    return next(iter(await _reservations(connection, statement)), None)


async def reservations_between(
    connection: AsyncConnection, from_at: datetime, to_at: datetime
) -> list[StoredReservation]:
    """Every reservation with some time in [from_at, to_at), in the order they were recorded."""
    statement = select(capacity_reservation).where(_R.from_at < to_at, _R.to_at > from_at)
    return await _reservations(connection, statement.order_by(_R.id))


async def _reservations(
    connection: AsyncConnection, statement: Select[Any]
) -> list[StoredReservation]:
    rows = await connection.execute(statement)
    return [StoredReservation(**row) for row in rows.mappings()]


async def visits(
    connection: AsyncConnection, hub_id: UUID, member_id: UUID, from_at: datetime, to_at: datetime
) -> list[tuple[datetime, datetime]]:
    """The member's sessions at the hub with some time in [from_at, to_at], as (from, to)."""
    c = charging_session.c
    rows = await connection.execute(
        select(c.started_at, c.ended_at).where(
            c.member_id == member_id, c.hub_id == hub_id,
            c.started_at <= to_at, c.ended_at >= from_at, c.state.in_(("charged", "suspended")),
        )
    )  # fmt: skip
    return [(row.started_at, row.ended_at) for row in rows]


async def energy_used(
    connection: AsyncConnection, member_ids: Iterable[UUID], from_on: date, to_on: date
) -> dict[MemberId, list[tuple[date, UsedEnergy]]]:
    """What each member's sessions that count on [from_on, to_on) were charged for energy.

    The oldest session first, each with the day it counts on; what was taken back is left out.
    """
    credit = charge.alias("credit")
    line = (
        select(
            func.jsonb_agg(
                func.jsonb_build_array(charge_line.c.net_minor, charge_line.c.taxes)
            ).label("lines")
        )
        .where(
            charge_line.c.cooperative_id == charge.c.cooperative_id,
            charge_line.c.charge_id == charge.c.id,
            charge_line.c.kind == "ENERGY",
        )
        .lateral("line")
    )
    s, c = charging_session.c, charge.c
    statement = (
        select(
            c.member_id, c.hub_id, c.effective_on, s.delivered_wh, c.net_minor, line.c.lines
        )
        .join(charging_session, (s.cooperative_id == c.cooperative_id) & (s.id == c.session_id))
        .join(line, line.c.lines.is_not(None))
        .where(
            among(c.member_id, member_ids), c.effective_on >= from_on, c.effective_on < to_on,
            c.credit_of_id.is_(None), ~exists().where(credit.c.credit_of_id == c.id),
        )
        .order_by(c.member_id, s.started_at, s.id)
    )  # fmt: skip
    found: dict[MemberId, list[tuple[date, UsedEnergy]]] = {}
    for row in await connection.execute(statement):
        lines = tuple(EnergyLine(int(net), taxes_of(taxes)) for net, taxes in row.lines)
        used = UsedEnergy(HubId(row.hub_id), row.delivered_wh, row.net_minor, lines)
        found.setdefault(MemberId(row.member_id), []).append((row.effective_on, used))
    return found


async def reservations_by_ids(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, StoredReservation]:
    """The reservations of those ids that exist."""
    statement = select(capacity_reservation).where(among(_R.id, ids))
    return {one.id: one for one in await _reservations(connection, statement)}
