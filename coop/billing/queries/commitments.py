"""What the house asks about commitments: their terms, use, deposits, how far they are settled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.commitment import Terms, month_after
from coop.billing.domain.taxes import taxes_of
from coop.billing.tables import (
    commitment,
    commitment_deposit,
    commitment_hub,
    commitment_settlement,
    commitment_terms,
    make_up_credit,
    make_up_movement,
)
from coop.charging.queries import COUNTED
from coop.charging.tables import charging_session
from coop.db.among import among
from coop.kernel.ids import HubId, MemberId

_C, _S = commitment.c, commitment_settlement.c
_K, _M = make_up_credit.c, make_up_movement.c


@dataclass(frozen=True, slots=True)
class StoredTerms:
    """A version of a commitment's terms as it was set."""

    commitment_id: UUID
    version: int
    terms: Terms
    resolution: str | None
    pledged_wh: int
    entry_id: UUID | None
    set_by: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class Commitment:
    """A commitment: whose, where, over which months [from_on, to_on)."""

    cooperative_id: UUID
    id: UUID
    member_id: MemberId
    from_on: date
    to_on: date
    pledged_by: str
    pledged_at: datetime
    hub_ids: tuple[HubId, ...]
    versions: tuple[StoredTerms, ...]

    @property
    def terms(self) -> list[Terms]:
        """Its terms, version by version."""
        return [version.terms for version in self.versions]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a commitment is settled, and what it may still make up."""

    id: UUID
    from_on: date
    to_on: date
    settled_on: date | None
    open_wh: int

    @property
    def next_month(self) -> date:
        """The month to be settled next, if it runs on."""
        return self.from_on if self.settled_on is None else month_after(self.settled_on)

    @property
    def runs_on(self) -> bool:
        """Whether there is a month left to settle: of its own, or to make something up."""
        return self.next_month < self.to_on or self.open_wh > 0


# Commitments


async def commitments_by_ids(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, Commitment]:
    """The commitments of those ids that exist."""
    found = await _commitments(connection, select(commitment).where(among(_C.id, ids)))
    return {one.id: one for one in found}


async def commitments_of_members(
    connection: AsyncConnection, member_ids: Iterable[UUID]
) -> dict[UUID, list[Commitment]]:
    """The commitments of each member, the first begun first."""
    wanted = select(commitment).where(among(_C.member_id, member_ids))
    found: dict[UUID, list[Commitment]] = {}
    for one in await _commitments(connection, wanted.order_by(_C.from_on, _C.id)):
        found.setdefault(one.member_id, []).append(one)
    return found


async def all_commitments(connection: AsyncConnection) -> list[Commitment]:
    """Every commitment, the first begun first."""
    return await _commitments(connection, select(commitment).order_by(_C.from_on, _C.id))


async def _commitments(connection: AsyncConnection, statement: Select[Any]) -> list[Commitment]:
    rows = (await connection.execute(statement)).mappings().all()
    ids = [row["id"] for row in rows]
    hubs, versions = await _hubs_of(connection, ids), await _versions_of(connection, ids)
    return [
        Commitment(**row, hub_ids=hubs.get(row["id"], ()), versions=versions.get(row["id"], ()))
        for row in rows
    ]


async def _hubs_of(
    connection: AsyncConnection, ids: Sequence[UUID]
) -> dict[UUID, tuple[HubId, ...]]:
    h = commitment_hub.c
    rows = await connection.execute(
        select(h.commitment_id, func.array_agg(h.hub_id.distinct()))
        .where(among(h.commitment_id, ids))
        .group_by(h.commitment_id)
    )
    return {row[0]: tuple(sorted(row[1])) for row in rows}


async def _versions_of(
    connection: AsyncConnection, ids: Sequence[UUID]
) -> dict[UUID, tuple[StoredTerms, ...]]:
    t = commitment_terms.c
    rows = await connection.execute(
        select(commitment_terms)
        .where(among(t.commitment_id, ids))
        .order_by(t.commitment_id, t.version)
    )
    found: dict[UUID, tuple[StoredTerms, ...]] = {}
    for row in rows.mappings():
        found[row["commitment_id"]] = (*found.get(row["commitment_id"], ()), _terms_of(row))
    return found


def _terms_of(row: Any) -> StoredTerms:
    terms = Terms(
        row["from_on"],
        row["to_on"],
        row["minimum_wh"],
        row["shortfall_per_kwh"],
        row["overage_per_kwh"],
        ramp=tuple(Decimal(factor) for factor in row["ramp"]),
        make_up_months=row["make_up_months"],
        bank_cap_wh=row["bank_cap_wh"],
        outage_relief=row["outage_relief"],
        deposit_minor=row["deposit_minor"],
        taxes=taxes_of(row["taxes"]),
    )
    return StoredTerms(
        row["commitment_id"], row["version"], terms, row["resolution"], row["pledged_wh"],
        row["entry_id"], row["set_by"], row["set_at"],
    )  # fmt: skip


async def standings(
    connection: AsyncConnection, ids: Iterable[UUID] | None = None
) -> list[Standing]:
    """How far each commitment (of these) is settled, the first begun first."""
    settled = select(_S.commitment_id, func.max(_S.month).label("on")).group_by(_S.commitment_id)
    open_ = (
        select(_K.commitment_id, func.sum(_M.wh).label("wh"))
        .join(make_up_movement, and_(_M.cooperative_id == _K.cooperative_id, _M.credit_id == _K.id))
        .group_by(_K.commitment_id)
    )
    if ids is not None:
        wanted = list(ids)
        settled = settled.where(among(_S.commitment_id, wanted))
        open_ = open_.where(among(_K.commitment_id, wanted))
    s, o = settled.subquery(), open_.subquery()
    statement = (
        select(_C.id, _C.from_on, _C.to_on, s.c.on, func.coalesce(o.c.wh, 0))
        .outerjoin(s, s.c.commitment_id == _C.id)
        .outerjoin(o, o.c.commitment_id == _C.id)
        .order_by(_C.from_on, _C.id)
    )
    if ids is not None:
        statement = statement.where(among(_C.id, wanted))
    rows = await connection.execute(statement)
    return [Standing(row[0], row[1], row[2], row[3], int(row[4])) for row in rows]


async def is_settled_from(connection: AsyncConnection, month: date) -> bool:
    """Whether any commitment is settled for this month or a later one."""
    return bool(await connection.scalar(select(exists().where(_S.month >= month))))


async def in_force_elsewhere(
    connection: AsyncConnection, ids: Iterable[UUID], from_on: date, to_on: date
) -> dict[UUID, list[tuple[HubId, date, date]]]:
    """At hubs of each commitment: other commitments of its member, as (hub, from_on, to_on)."""
    other, theirs = commitment.alias("other"), commitment_hub.alias("theirs")
    rows = await connection.execute(
        select(_C.id, theirs.c.hub_id, other.c.from_on, other.c.to_on)
        .join(other, and_(other.c.member_id == _C.member_id, other.c.id != _C.id))
        .join(theirs, theirs.c.commitment_id == other.c.id)
        .where(among(_C.id, ids), other.c.from_on < to_on, other.c.to_on > from_on)
    )
    found: dict[UUID, list[tuple[HubId, date, date]]] = {}
    for row in rows:
        found.setdefault(row[0], []).append((HubId(row[1]), row[2], row[3]))
    return found


# Metered use


async def metered_wh(
    connection: AsyncConnection, member_ids: Iterable[UUID], from_on: date, to_on: date
) -> dict[tuple[MemberId, HubId, date], int]:
    """Wh that members took by (member, hub, first day of the month), credited sessions aside."""
    c = charging_session.c
    month = func.date_trunc("month", c.effective_on).label("month")
    rows = await connection.execute(
        select(c.member_id, c.hub_id, month, func.sum(c.delivered_wh))
        .where(among(c.member_id, member_ids), c.state.in_(COUNTED))
        .where(c.effective_on >= from_on, c.effective_on < to_on)
        .group_by(c.member_id, c.hub_id, month)
    )
    return {(MemberId(r[0]), HubId(r[1]), r[2].date()): int(r[3]) for r in rows}


# Deposits


async def deposits_held(
    connection: AsyncConnection, commitment_ids: Iterable[UUID]
) -> dict[UUID, int]:
    """Minor units of the deposit that each commitment holds; one that never had any is absent."""
    d = commitment_deposit.c
    signed = case((d.kind == "taken", d.amount_minor), else_=-d.amount_minor)
    rows = await connection.execute(
        select(d.commitment_id, func.sum(signed))
        .where(among(d.commitment_id, commitment_ids))
        .group_by(d.commitment_id)
    )
    return {row[0]: int(row[1]) for row in rows}
