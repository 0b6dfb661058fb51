"""What was closed, held and sealed, and long reads that stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.db.among import among
from coop.kernel.ids import EntryId
from coop.ledger import tables

PeriodRow = Row[Any]
SealRow = Row[Any]


async def periods(connection: AsyncConnection) -> list[PeriodRow]:
    """Every month the books know, oldest first."""
    return list(await connection.execute(select(tables.period).order_by(tables.period.c.from_on)))


async def period_by_id(connection: AsyncConnection, period_id: UUID) -> PeriodRow | None:
    """One month, if it is known."""
    return (
        await connection.execute(select(tables.period).where(tables.period.c.id == period_id))
    ).one_or_none()


async def overdue_holds(connection: AsyncConnection) -> list[UUID]:
    """Pending holds whose deadline has passed, oldest first."""
    h = tables.hold.c
    rows = await connection.execute(
        select(h.id)
        .where(h.state == "pending", h.expires_at <= func.clock_timestamp())
        .order_by(h.expires_at, h.id)
    )
    return [row.id for row in rows]


async def seals_page(
    connection: AsyncConnection, *, after: int | None, limit: int, backward: bool = False
) -> list[SealRow]:
    """Seals, the latest first, past the number `after`."""
    number = tables.seal.c.number
    statement = select(tables.seal).limit(limit)
    if after is not None:
        statement = statement.where(number > after if backward else number < after)
    return list(await connection.execute(statement.order_by(number if backward else number.desc())))


async def seals_by_numbers(
    connection: AsyncConnection, numbers: Iterable[int]
) -> dict[int, SealRow]:
    """The seals of these numbers."""
    rows = await connection.execute(select(tables.seal).where(among(tables.seal.c.number, numbers)))
    return {row.number: row for row in rows}


async def count_seals(connection: AsyncConnection) -> int:
    """How many seals there are."""
    return await connection.scalar(select(func.count()).select_from(tables.seal)) or 0


async def places_of_entries(
    connection: AsyncConnection, ids: Iterable[EntryId]
) -> dict[EntryId, Row[Any]]:
    """In which seal and at which position each of these entries stands; absent while unsealed."""
    rows = await connection.execute(
        select(tables.entry_seal).where(among(tables.entry_seal.c.entry_id, ids))
    )
    return {row.entry_id: row for row in rows}


async def hashes_of_seal(connection: AsyncConnection, number: int) -> list[bytes]:
    """The content hashes under a seal, in order of position: the leaves of its tree."""
    rows = await connection.execute(
        select(tables.entry_seal.c.content_hash)
        .where(tables.entry_seal.c.seal_number == number)
        .order_by(tables.entry_seal.c.position)
    )
    return [row.content_hash for row in rows]


async def stream(
    connection: AsyncConnection, statement: str, **parameters: object
) -> AsyncIterator[Row[Any]]:
    """Rows of a long statement, fetched a few thousand at a time."""
    result = await connection.stream(
        text(statement), parameters, execution_options={"yield_per": 2_000}
    )
    async for row in result:
        yield row
