"""Invoices and credit notes as they were issued: their facts, lines, taxes and corrections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.lines import Line
from coop.billing.domain.taxes import TaxTotal, taxes_of
from coop.billing.tables import (
    allocation,
    bill_item,
    invoice,
    invoice_charge,
    invoice_item,
    invoice_line,
    invoice_tax,
)
from coop.db.among import among
from coop.db.each import page_of_each
from coop.db.keyset import windowed
from coop.kernel.ids import EntryId, MemberId
from coop.kernel.window import Window
from coop.members.domain.policy import Extent

I = invoice.c  # noqa: E741 - columns of the one table this is about


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """A document as it was issued, and what is open of it now."""

    cooperative_id: UUID
    id: UUID
    kind: str
    number: int
    member_id: MemberId
    from_on: date
    to_on: date
    issued_on: date
    due_on: date
    currency: str
    net_minor: int
    tax_minor: int
    gross_minor: int
    reference: str
    refers_to_id: UUID | None
    reason: str | None
    resolution: str | None
    entry_id: EntryId | None
    run_id: UUID | None
    issued_by: str
    recorded_at: datetime
    open_minor: int


@dataclass(frozen=True, slots=True)
class InvoiceWhere:
    """Which documents a list holds; what is None does not matter."""

    kind: str | None = None
    member_id: MemberId | None = None
    from_on: date | None = None
    to_on: date | None = None
    settled: bool | None = None
    overdue_on: date | None = None
    extent: Extent | None = None


def _settled() -> ColumnElement[int]:
    a = allocation.c
    return func.coalesce(
        select(func.sum(a.amount_minor))
        .where(a.cooperative_id == I.cooperative_id, a.invoice_id == I.id)
        .scalar_subquery(),
        0,
    )


def _given() -> ColumnElement[int]:
    """What a credit note settled; nothing for an invoice, which is no source."""
    a = allocation.c
    return func.coalesce(
        select(func.sum(a.amount_minor))
        .where(
            a.cooperative_id == I.cooperative_id,
            a.source_kind == "credit_note",
            a.source_id == I.id,
        )
        .scalar_subquery(),
        0,
    )


OPEN = I.gross_minor - _settled() + _given()
_KEYS = (I.issued_on, I.id)


def _invoices() -> Select[Any]:
    return select(invoice, OPEN.label("open_minor"))


def _row(row: Any) -> InvoiceRow:
    return InvoiceRow(**{**row._asdict(), "open_minor": int(row.open_minor)})


def _where(query: Select[Any], where: InvoiceWhere) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = []
    if where.kind is not None:
        conditions.append(I.kind == where.kind)
    if where.member_id is not None:
        conditions.append(I.member_id == where.member_id)
    if where.extent is not None and not where.extent.everything:
        conditions.append(among(I.member_id, where.extent.member_ids))
    if where.from_on is not None:
        conditions.append(I.issued_on >= where.from_on)
    if where.to_on is not None:
        conditions.append(I.issued_on < where.to_on)
    if where.settled is not None:
        conditions.append(OPEN == 0 if where.settled else OPEN != 0)
    if where.overdue_on is not None:
        conditions.append(and_(I.kind == "invoice", I.due_on < where.overdue_on))
    return query.where(*conditions)


async def invoices_page(
    connection: AsyncConnection, where: InvoiceWhere, window: Window
) -> list[InvoiceRow]:
    """A stretch of the documents, the latest first."""
    query = windowed(_where(_invoices(), where), _KEYS, window, descending=True)
    return [_row(row) for row in await connection.execute(query)]


async def count_invoices(connection: AsyncConnection, where: InvoiceWhere) -> int:
    """How many documents there are."""
    query = _where(select(func.count()).select_from(invoice), where)
    return int(await connection.scalar(query) or 0)


async def invoices_pages(
    connection: AsyncConnection, members: Iterable[MemberId], where: InvoiceWhere, window: Window
) -> dict[MemberId, list[InvoiceRow]]:
    """The same stretch of the documents of each of these members, the latest first."""

    def page(member_id: ColumnElement[Any]) -> Select[Any]:
        query = _where(_invoices(), where).where(I.member_id == member_id)
        return windowed(query, _KEYS, window, descending=True)

    found: dict[MemberId, list[InvoiceRow]] = {}
    for row in await connection.execute(page_of_each(I.member_id, members, page)):
        found.setdefault(row.member_id, []).append(_row(row))
    for rows in found.values():
        rows.sort(key=lambda row: (row.issued_on, row.id), reverse=not window.backward)
    return found


async def counts_of_members(
    connection: AsyncConnection, members: Iterable[MemberId], where: InvoiceWhere
) -> dict[MemberId, int]:
    """How many documents each of these members has."""
    query = _where(select(I.member_id, func.count()), where)
    query = query.where(among(I.member_id, members)).group_by(I.member_id)
    return {MemberId(member): count for member, count in await connection.execute(query)}


async def invoices_by_ids(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, InvoiceRow]:
    """These documents."""
    rows = await connection.execute(_invoices().where(among(I.id, ids)))
    return {row.id: _row(row) for row in rows}


async def invoice_by_number(
    connection: AsyncConnection, kind: str, number: int
) -> InvoiceRow | None:
    """The document of that number in its series."""
    query = _invoices().where(I.kind == kind, I.number == number)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _row(row)


async def credit_notes_of(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, list[InvoiceRow]]:
    """The credit notes that name each of these invoices, by number."""
    found: dict[UUID, list[InvoiceRow]] = {}
    query = _invoices().where(among(I.refers_to_id, ids)).order_by(I.number)
    for row in await connection.execute(query):
        found.setdefault(row.refers_to_id, []).append(_row(row))
    return found


async def lines_of(connection: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, list[Line]]:
    """The lines of these documents, in order."""
    c = invoice_line.c
    query = select(invoice_line).where(among(c.invoice_id, ids)).order_by(c.invoice_id, c.number)
    found: dict[UUID, list[Line]] = {}
    for row in (await connection.execute(query)).mappings():
        facts = {key: row[key] for key in Line.__slots__}
        line = Line(**{**facts, "taxes": taxes_of(row["taxes"])})
        found.setdefault(row["invoice_id"], []).append(line)
    return found


async def taxes_of_invoices(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, list[TaxTotal]]:
    """The taxes of these documents, in order."""
    c = invoice_tax.c
    query = select(invoice_tax).where(among(c.invoice_id, ids)).order_by(c.invoice_id, c.number)
    found: dict[UUID, list[TaxTotal]] = {}
    for row in await connection.execute(query):
        tax = TaxTotal(row.name, row.percent, row.base_minor, row.tax_minor)
        found.setdefault(row.invoice_id, []).append(tax)
    return found


async def contras_of(connection: AsyncConnection, invoice_id: UUID) -> dict[int, UUID]:
    """The account that stands against each line of bill items, by the line's number."""
    b, t = invoice_item.c, bill_item.c
    query = (
        select(b.line_number, t.contra_account_id)
        .join_from(
            invoice_item,
            bill_item,
            and_(t.cooperative_id == b.cooperative_id, t.id == b.item_id),
        )
        .where(b.invoice_id == invoice_id)
    )
    rows = await connection.execute(query)
    return {row.line_number: row.contra_account_id for row in rows}


async def invoices_of_charges(
    connection: AsyncConnection, charge_ids: Iterable[UUID]
) -> dict[UUID, UUID]:
    """The invoice that holds each of these charges; one that none holds is absent."""
    c = invoice_charge.c
    query = select(c.charge_id, c.invoice_id).where(among(c.charge_id, charge_ids)).distinct()
    return {row.charge_id: row.invoice_id for row in await connection.execute(query)}


async def invoices_of_items(
    connection: AsyncConnection, item_ids: Iterable[UUID]
) -> dict[UUID, UUID]:
    """The invoice that holds each of these bill items; one that none holds is absent."""
    c = invoice_item.c
    query = select(c.item_id, c.invoice_id).where(among(c.item_id, item_ids))
    return {row.item_id: row.invoice_id for row in await connection.execute(query)}


# What other bills credit of an invoice: contested charges and items that were credited, and charges
# that were taken back to be rated anew; with the lines they are on, and the net.
_CONTESTED = text("""
SELECT array_agg(DISTINCT b.line_number ORDER BY b.line_number) AS lines, (
    SELECT -sum(t.net_minor) FROM bill_item AS t
    WHERE t.cooperative_id = d.cooperative_id AND t.source_kind = 'dispute'
        AND (t.source_id = d.id::text OR t.source_id LIKE d.id::text || '/%')
) AS net_minor
FROM dispute AS d
CROSS JOIN LATERAL (
    SELECT c.invoice_id, c.line_number FROM invoice_charge AS c
    WHERE c.cooperative_id = d.cooperative_id AND c.charge_id = d.charge_id
    UNION ALL
    SELECT t.invoice_id, t.line_number FROM invoice_item AS t
    WHERE t.cooperative_id = d.cooperative_id AND t.item_id = d.item_id
) AS b
WHERE d.decision = 'credited' AND b.invoice_id = :invoice
GROUP BY d.cooperative_id, d.id
UNION ALL
SELECT array_agg(DISTINCT b.line_number ORDER BY b.line_number), -c.net_minor
FROM charge AS c
JOIN invoice_charge AS b ON b.cooperative_id = c.cooperative_id AND b.charge_id = c.credit_of_id
WHERE b.invoice_id = :invoice
GROUP BY c.cooperative_id, c.id, c.net_minor
""")


async def contested_of(
    connection: AsyncConnection, invoice_id: UUID
) -> list[tuple[tuple[int, ...], int]]:
    """What other bills credit of an invoice's charges and items: their lines, and the net."""
    rows: Sequence[Any] = (await connection.execute(_CONTESTED, {"invoice": invoice_id})).all()
    return [(tuple(row.lines), int(row.net_minor or 0)) for row in rows]
