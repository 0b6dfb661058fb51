"""What only the document of an invoice asks of billing, charging and the files that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.tables import invoice
from coop.kernel.ids import EntryId
from coop.reports.queries import StoredDocument, documents_where
from coop.reports.tables import document

# A charge with the parts of it that lines of the invoice gathered, and the session it is of.
_CHARGES = text("""
SELECT
    b.charge_id, b.line_number, c.session_id, c.net_minor AS charge_net_minor, c.entry_id,
    c.hub_id, c.credit_of_id IS NOT NULL AS back, s.country_code, s.party_id,
    s.session_id AS session_ref, s.started_at, s.ended_at, s.delivered_wh,
    l.kind, l.element, l.quantity, l.unit, l.unit_price, l.net_minor
FROM invoice_charge AS b
JOIN charge AS c ON c.cooperative_id = b.cooperative_id AND c.id = b.charge_id
JOIN charge_line AS l
    ON l.cooperative_id = b.cooperative_id AND l.charge_id = b.charge_id
    AND l.number = b.charge_line
JOIN charging_session AS s ON s.cooperative_id = c.cooperative_id AND s.id = c.session_id
WHERE b.cooperative_id = coop_current() AND b.invoice_id = :invoice
ORDER BY s.started_at, b.charge_id, b.charge_line
""")

_ITEMS = text("""
SELECT b.line_number, t.effective_on, t.resolution, t.entry_id
FROM invoice_item AS b
JOIN bill_item AS t ON t.cooperative_id = b.cooperative_id AND t.id = b.item_id
WHERE b.cooperative_id = coop_current() AND b.invoice_id = :invoice
""")


@dataclass(frozen=True, slots=True)
class InvoicedItem:
    """The bill item on a line."""

    effective_on: date
    resolution: str | None
    entry_id: EntryId | None


async def charges_on(connection: AsyncConnection, invoice_id: UUID) -> Sequence[Row[Any]]:
    """Every part of every charge on the invoice, with its session, by when it began."""
    return (await connection.execute(_CHARGES, {"invoice": invoice_id})).all()


async def items_on(connection: AsyncConnection, invoice_id: UUID) -> dict[int, InvoicedItem]:
    """The bill item of each line that is one, by the line's number."""
    rows = await connection.execute(_ITEMS, {"invoice": invoice_id})
    return {
        row.line_number: InvoicedItem(row.effective_on, row.resolution, row.entry_id)
        for row in rows
    }


async def invoices_issued(
    connection: AsyncConnection, from_on: date, to_on: date
) -> list[tuple[UUID, str, int]]:
    """Id, kind and number of the documents that bill days of [from_on, to_on), in their order."""
    c = invoice.c
    rows = await connection.execute(
        select(c.id, c.kind, c.number)
        .where(c.from_on >= from_on, c.from_on < to_on)
        .order_by(c.kind.desc(), c.number)
    )
    return [(row.id, row.kind, row.number) for row in rows]


async def documents_of_invoices(
    connection: AsyncConnection, invoice_ids: Iterable[UUID]
) -> dict[UUID, list[StoredDocument]]:
    """The files of each of these invoices, the first drawn first."""
    found: dict[UUID, list[StoredDocument]] = {}
    for one in await documents_where(connection, document.c.invoice_id.in_(list(invoice_ids))):
        if one.invoice_id is not None:
            found.setdefault(one.invoice_id, []).append(one)
    return found
