"""What the house asks about settlements and about the make-up credits that follow from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.settlement import Credit, Figures, Movement, MovementKind, Settlement
from coop.billing.domain.taxes import taxes_of
from coop.billing.tables import (
    commitment,
    commitment_settlement,
    make_up_credit,
    make_up_movement,
)
from coop.charging.domain.tariff import Tax
from coop.db.among import among
from coop.db.each import page_of_each
from coop.db.keyset import windowed
from coop.kernel.window import Window

_C, _S = commitment.c, commitment_settlement.c
_K, _M = make_up_credit.c, make_up_movement.c
_FIGURES = tuple(Figures.__slots__)


@dataclass(frozen=True, slots=True)
class StoredMovement:
    """What happened to a credit, and the entry and item that say so."""

    settlement_id: UUID | None
    commitment_id: UUID
    movement: Movement
    effective_on: date
    item_id: UUID | None
    entry_id: UUID | None


@dataclass(frozen=True, slots=True)
class StoredSettlement:
    """A settlement as kept; of an adjusting one the figures are differences."""

    cooperative_id: UUID
    id: UUID
    commitment_id: UUID
    number: int
    adjusts_id: UUID | None
    terms_version: int
    effective_on: date
    inputs: dict[str, Any]
    inputs_sha256: bytes
    settlement: Settlement
    entry_id: UUID | None
    shortfall_item_id: UUID | None
    overage_item_id: UUID | None
    settled_by: str
    settled_at: datetime

    @property
    def month(self) -> date:
        """First day of the month that was settled."""
        return self.settlement.month


@dataclass(frozen=True, slots=True)
class StoredCredit:
    """A make-up credit as it stands: what was issued, what is open, until when."""

    id: UUID
    commitment_id: UUID
    credit: Credit
    per_kwh: Decimal
    taxes: tuple[Tax, ...]


# Settlements


async def settlements_of(
    connection: AsyncConnection, commitment_ids: Iterable[UUID]
) -> dict[UUID, list[StoredSettlement]]:
    """Every settlement of each commitment, in the order they were made."""
    wanted = select(commitment_settlement).where(among(_S.commitment_id, commitment_ids))
    found: dict[UUID, list[StoredSettlement]] = {}
    for one in await _settlements(connection, wanted.order_by(_S.number)):
        found.setdefault(one.commitment_id, []).append(one)
    return found


async def settlements_by_ids(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, StoredSettlement]:
    """The settlements of those ids that exist."""
    wanted = select(commitment_settlement).where(among(_S.id, ids))
    return {one.id: one for one in await _settlements(connection, wanted)}


async def settlements_pages(
    connection: AsyncConnection, commitment_ids: Iterable[UUID], window: Window
) -> dict[UUID, list[StoredSettlement]]:
    """The window of each commitment's settlements, the latest first, in one statement."""
    wanted = page_of_each(
        _S.commitment_id,
        commitment_ids,
        lambda one: windowed(
            select(commitment_settlement).where(_S.commitment_id == one),
            [_S.number],
            window,
            descending=True,
        ),
    )
    found: dict[UUID, list[StoredSettlement]] = {}
    for settled in await _settlements(connection, wanted):
        found.setdefault(settled.commitment_id, []).append(settled)
    for page in found.values():
        page.sort(key=lambda one: one.number, reverse=not window.backward)
    return found


async def settlements_counts(
    connection: AsyncConnection, commitment_ids: Iterable[UUID]
) -> dict[UUID, int]:
    """How many settlements each commitment has; one without any is absent."""
    rows = await connection.execute(
        select(_S.commitment_id, func.max(_S.number))
        .where(among(_S.commitment_id, commitment_ids))
        .group_by(_S.commitment_id)
    )
    return {row[0]: int(row[1]) for row in rows}


async def banked_wh_of(
    connection: AsyncConnection, commitment_ids: Iterable[UUID]
) -> dict[UUID, int]:
    """Wh of over-use that each commitment keeps; one that is not settled yet is absent."""
    rows = await connection.execute(
        select(_S.commitment_id, func.sum(_S.banked_wh - _S.bank_used_wh))
        .where(among(_S.commitment_id, commitment_ids))
        .group_by(_S.commitment_id)
    )
    return {row[0]: int(row[1]) for row in rows}


async def items_of_settlements(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, list[UUID]]:
    """The bill items of each settlement: shortfall, overage, and what was made up, oldest first."""
    wanted = list(ids)
    found: dict[UUID, list[UUID]] = {}
    billed = select(_S.id, _S.shortfall_item_id, _S.overage_item_id).where(among(_S.id, wanted))
    for row in await connection.execute(billed):
        found[row[0]] = [item_id for item_id in row[1:] if item_id is not None]
    made_up = (
        select(_M.settlement_id, _M.item_id)
        .where(among(_M.settlement_id, wanted), _M.kind == MovementKind.USED.value)
        .where(_M.item_id.is_not(None))
        .order_by(_M.id)
    )
    for settlement_id, item_id in await connection.execute(made_up):
        found[settlement_id].append(item_id)
    return found


async def _settlements(
    connection: AsyncConnection, statement: Select[Any]
) -> list[StoredSettlement]:
    rows = (await connection.execute(statement)).mappings().all()
    moved: dict[UUID | None, list[Movement]] = {}
    for one in await _movements(connection, among(_M.settlement_id, [row["id"] for row in rows])):
        moved.setdefault(one.settlement_id, []).append(one.movement)
    kept = ("month", *_FIGURES)
    return [
        StoredSettlement(
            **{name: value for name, value in row.items() if name not in kept},
            settlement=Settlement(
                row["month"],
                Figures(*(row[name] for name in _FIGURES)),
                tuple(moved.get(row["id"], ())),
            ),
        )
        for row in rows
    ]


# Make-up credits


def _of_credit() -> ColumnElement[bool]:
    return and_(_M.cooperative_id == _K.cooperative_id, _M.credit_id == _K.id)


async def movements_of(
    connection: AsyncConnection, commitment_ids: Iterable[UUID]
) -> dict[UUID, list[StoredMovement]]:
    """What happened to the credits of each commitment, in the order it was recorded."""
    found: dict[UUID, list[StoredMovement]] = {}
    for one in await _movements(connection, among(_K.commitment_id, commitment_ids)):
        found.setdefault(one.commitment_id, []).append(one)
    return found


async def all_movements(connection: AsyncConnection, to_on: date) -> list[StoredMovement]:
    """What happened to all credits by the books before that day."""
    return await _movements(connection, _M.effective_on < to_on)


async def _movements(
    connection: AsyncConnection, condition: ColumnElement[bool]
) -> list[StoredMovement]:
    rows = await connection.execute(
        select(
            _M.settlement_id, _K.commitment_id, _M.kind, _M.month, _K.issued_on, _K.expires_on,
            _M.wh, _M.amount_minor, _M.effective_on, _M.item_id, _M.entry_id,
        )
        .join(make_up_credit, _of_credit())
        .where(condition)
        .order_by(_M.id)
    )  # fmt: skip
    return [
        StoredMovement(r[0], r[1], Movement(MovementKind(r[2]), *r[3:8]), *r[8:11]) for r in rows
    ]


async def credits_of(
    connection: AsyncConnection, commitment_ids: Iterable[UUID]
) -> dict[UUID, list[StoredCredit]]:
    """The make-up credits of each commitment as they stand, oldest first, used ones too."""
    issued = _M.kind == MovementKind.ISSUED.value
    rows = await connection.execute(
        select(
            _K.id, _K.commitment_id, _K.issued_on, _K.expires_on, _K.per_kwh, _K.taxes,
            func.coalesce(func.sum(case((issued, _M.wh), else_=0)), 0),
            func.coalesce(func.sum(case((issued, _M.amount_minor), else_=0)), 0),
            func.coalesce(func.sum(_M.wh), 0),
            func.coalesce(func.sum(_M.amount_minor), 0),
        )
        .outerjoin(make_up_movement, _of_credit())
        .where(among(_K.commitment_id, commitment_ids))
        .group_by(_K.cooperative_id, _K.id)
        .order_by(_K.issued_on)
    )  # fmt: skip
    found: dict[UUID, list[StoredCredit]] = {}
    for r in rows:
        credit = Credit(r[2], r[3], *(int(value) for value in r[6:10]))
        found.setdefault(r[1], []).append(StoredCredit(r[0], r[1], credit, r[4], taxes_of(r[5])))
    return found


async def make_up_wh_of_members(
    connection: AsyncConnection,
    member_ids: Iterable[UUID],
    as_of: date | None = None,
    known_at: datetime | None = None,
) -> dict[UUID, int]:
    """Wh that each member may still make up at the end of `as_of`, as known at `known_at`."""
    statement = (
        select(_C.member_id, func.sum(_M.wh))
        .join(make_up_credit, _K.commitment_id == _C.id)
        .join(make_up_movement, _of_credit())
        .where(among(_C.member_id, member_ids))
        .group_by(_C.member_id)
    )
    if as_of is not None:
        statement = statement.where(_M.effective_on <= as_of)
    if known_at is not None:
        statement = statement.where(_M.recorded_at <= known_at)
    return {row[0]: int(row[1]) for row in await connection.execute(statement)}
