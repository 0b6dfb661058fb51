"""What the house asks of issued documents, and what only a statement asks of the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.db.among import among
from coop.db.each import page_of_each
from coop.db.keyset import windowed
from coop.kernel.ids import AccountId, MemberId
from coop.kernel.window import Window
from coop.ledger.domain.merkle import HASH_BYTES
from coop.reports.tables import document, statement


@dataclass(frozen=True, slots=True)
class IssuedStatement:
    """A statement as it was issued; amounts in minor units of `currency`, positive is owed."""

    cooperative_id: UUID
    id: UUID
    member_id: MemberId
    number: int
    from_on: date
    to_on: date
    issued_at: datetime
    issued_by: str
    currency: str
    opening_minor: int
    closing_minor: int
    entry_count: int
    content_sha256: bytes
    seal_number: int | None
    previous_id: UUID | None
    supersedes_id: UUID | None
    program_version: str


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A file of a statement or an invoice: where the store keeps it, the hash of its bytes."""

    cooperative_id: UUID
    id: UUID
    statement_id: UUID | None
    locale: str
    media_type: str
    file_name: str
    sha256: bytes
    size_bytes: int
    stored_as: str
    stored_at: datetime
    invoice_id: UUID | None = None


# Issued statements


async def statements_around(
    connection: AsyncConnection, member_id: MemberId, from_on: date, to_on: date
) -> list[IssuedStatement]:
    """A member's last statement, those that end on `from_on`, those of [from_on, to_on).

    By number, the last one last.
    """
    c = statement.c
    last = select(func.max(c.number)).where(c.member_id == member_id).scalar_subquery()
    near = or_(c.number == last, c.to_on == from_on, and_(c.from_on == from_on, c.to_on == to_on))
    found = select(statement).where(c.member_id == member_id, near).order_by(c.number)
    return await _statements(connection, found)


async def last_number(connection: AsyncConnection, member_id: MemberId) -> int:
    """The number of a member's last statement, 0 before the first."""
    c = statement.c
    return await connection.scalar(select(func.max(c.number)).where(c.member_id == member_id)) or 0


async def statements_page(
    connection: AsyncConnection, member_id: MemberId, window: Window
) -> list[IssuedStatement]:
    """A member's statements, the latest first, as many as the window holds."""
    found = select(statement).where(statement.c.member_id == member_id)
    return await _statements(
        connection, windowed(found, [statement.c.number], window, descending=True)
    )


async def statements_count(connection: AsyncConnection, member_id: MemberId) -> int:
    """How many statements a member was issued; numbers have no gaps."""
    return await last_number(connection, member_id)


async def statements_pages(
    connection: AsyncConnection, member_ids: Iterable[MemberId], window: Window
) -> dict[MemberId, list[IssuedStatement]]:
    """The window of each member's statements, as `statements_page` gives it, in one statement."""
    c = statement.c
    wanted = page_of_each(
        c.member_id,
        member_ids,
        lambda member_id: windowed(
            select(statement).where(c.member_id == member_id), [c.number], window, descending=True
        ),
    )
    found: dict[MemberId, list[IssuedStatement]] = {}
    for one in await _statements(connection, wanted):
        found.setdefault(one.member_id, []).append(one)
    for page in found.values():
        page.sort(key=lambda one: one.number, reverse=not window.backward)
    return found


async def statements_counts(
    connection: AsyncConnection, member_ids: Iterable[MemberId]
) -> dict[MemberId, int]:
    """How many statements each member was issued; one without any is absent."""
    c = statement.c
    rows = await connection.execute(
        select(c.member_id, func.max(c.number))
        .where(among(c.member_id, member_ids))
        .group_by(c.member_id)
    )
    return {row[0]: int(row[1]) for row in rows}


async def statements_by_ids(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, IssuedStatement]:
    """The statements of these ids that exist."""
    found = select(statement).where(statement.c.id.in_(list(ids)))
    return {one.id: one for one in await _statements(connection, found)}


async def successors_of(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, IssuedStatement]:
    """The statement that replaced each of these, where one did."""
    found = select(statement).where(statement.c.supersedes_id.in_(list(ids)))
    return {one.supersedes_id: one for one in await _statements(connection, found)
            if one.supersedes_id is not None}  # fmt: skip


async def _statements(connection: AsyncConnection, found: Select[Any]) -> list[IssuedStatement]:
    return [IssuedStatement(**row) for row in (await connection.execute(found)).mappings()]


# Their files


async def documents_of(
    connection: AsyncConnection, statement_ids: Iterable[UUID]
) -> dict[UUID, list[StoredDocument]]:
    """The files of each of these statements, the first drawn first."""
    found: dict[UUID, list[StoredDocument]] = {}
    for one in await documents_where(connection, document.c.statement_id.in_(list(statement_ids))):
        if one.statement_id is not None:
            found.setdefault(one.statement_id, []).append(one)
    return found


async def document_by_id(connection: AsyncConnection, document_id: UUID) -> StoredDocument | None:
    """One file, if it exists."""
    found = await documents_where(connection, document.c.id == document_id)
    return found[0] if found else None


async def documents_where(
    connection: AsyncConnection, condition: ColumnElement[bool]
) -> list[StoredDocument]:
    """The files that `condition` holds, the first drawn first."""
    c = document.c
    query = select(document).where(condition).order_by(c.stored_at, c.id)
    return [StoredDocument(**row) for row in (await connection.execute(query)).mappings()]


# What a statement asks of the ledger


async def energy_by_month(
    connection: AsyncConnection, account_ids: Sequence[AccountId], from_on: date, to_on: date
) -> dict[date, int]:
    """Wh that these accounts took in the months of [from_on, to_on), by their first days."""
    rows = await connection.execute(
        text(
            "SELECT date_trunc('month', d.day)::date AS month, "
            "sum(d.debit_minor - d.credit_minor)::bigint AS wh FROM balance_day AS d "
            "WHERE d.cooperative_id = coop_current() "
            "AND d.account_id = ANY (CAST(:accounts AS uuid[])) "
            "AND d.day >= :from_on AND d.day < :to_on GROUP BY 1"
        ),
        {"accounts": list(account_ids), "from_on": from_on, "to_on": to_on},
    )
    return {row.month: row.wh for row in rows}


async def leaves_of_seals(
    connection: AsyncConnection, numbers: Iterable[int]
) -> dict[int, list[bytes]]:
    """The content hashes under each of these seals, in order of position; one statement."""
    rows = await connection.execute(
        text(
            "SELECT s.seal_number, string_agg(s.content_hash, ''::bytea ORDER BY s.position) "
            "AS leaves FROM entry_seal AS s WHERE s.cooperative_id = coop_current() "
            "AND s.seal_number = ANY (CAST(:numbers AS bigint[])) GROUP BY s.seal_number"
        ),
        {"numbers": list(numbers)},
    )
    return {
        row.seal_number: [
            row.leaves[at : at + HASH_BYTES] for at in range(0, len(row.leaves), HASH_BYTES)
        ]
        for row in rows
    }
