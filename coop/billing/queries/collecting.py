"""Every question about mandates, what was collected with them, and what disputes hold back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Select, and_, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.direct_debit import batch_reference
from coop.billing.domain.mandate import Mandate
from coop.billing.domain.matching import Collected
from coop.billing.tables import (
    collection,
    collection_item,
    dispute,
    invoice_charge,
    invoice_item,
    mandate,
    payment,
)
from coop.db.among import among
from coop.db.each import page_of_each
from coop.db.keyset import windowed
from coop.kernel.window import Window

_MANDATE: tuple[Column[Any], ...] = (
    mandate.c.id, mandate.c.member_id, mandate.c.reference, mandate.c.signed_on, mandate.c.scheme,
    mandate.c.iban, mandate.c.bic, mandate.c.holder, mandate.c.sequence, mandate.c.revoked_on,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredItem:
    """One amount of a collection."""

    id: UUID
    collection_id: UUID
    number: int
    invoice_id: UUID
    member_id: UUID
    mandate_id: UUID
    end_to_end_id: str
    sequence: str
    amount_minor: int
    state: str


@dataclass(frozen=True, slots=True)
class StoredCollection:
    """A collection as kept, with the file that the bank was given."""

    cooperative_id: UUID
    id: UUID
    bank_account_id: UUID
    message_id: str
    collect_on: date
    scheme: str
    file_schema: str
    file: bytes
    file_sha256: bytes
    items: int
    amount_minor: int
    made_by: str
    made_at: datetime
    cancelled_by: str | None
    cancelled_at: datetime | None


# Mandates


async def mandates(
    connection: AsyncConnection, member_ids: Iterable[UUID] | None = None
) -> list[Mandate]:
    """Mandates of some members or of all, the latest signed last."""
    statement = select(*_MANDATE).order_by(mandate.c.signed_on, mandate.c.id)
    if member_ids is not None:
        statement = statement.where(among(mandate.c.member_id, member_ids))
    return [Mandate(*row) for row in await connection.execute(statement)]


async def mandates_of_members(
    connection: AsyncConnection, member_ids: Iterable[UUID]
) -> dict[UUID, list[Mandate]]:
    """The mandates of each member, the latest signed last."""
    found: dict[UUID, list[Mandate]] = {}
    for one in await mandates(connection, member_ids):
        found.setdefault(one.member_id, []).append(one)
    return found


async def mandates_by_ids(connection: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Mandate]:
    """The mandates of those ids that exist."""
    rows = await connection.execute(select(*_MANDATE).where(among(mandate.c.id, ids)))
    return {row.id: Mandate(*row) for row in rows}


async def mandate_by_reference(connection: AsyncConnection, reference: str) -> Mandate | None:
    """The mandate of that reference."""
    row = (
        await connection.execute(select(*_MANDATE).where(mandate.c.reference == reference))
    ).one_or_none()
    return None if row is None else Mandate(*row)


# Collections


async def collections_by_ids(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, StoredCollection]:
    """The collections of those ids that exist."""
    rows = await connection.execute(select(collection).where(among(collection.c.id, ids)))
    return {row.id: StoredCollection(*row) for row in rows}


async def mandates_in_use(connection: AsyncConnection, ids: Iterable[UUID]) -> frozenset[UUID]:
    """Those of these mandates that something was collected with and not cancelled."""
    c = collection_item.c
    rows = await connection.execute(
        select(c.mandate_id).where(among(c.mandate_id, ids), c.state != "cancelled").distinct()
    )
    return frozenset(row[0] for row in rows)


async def collection_by_message(
    connection: AsyncConnection, message_id: str
) -> StoredCollection | None:
    """The collection whose file is called so."""
    statement = select(collection).where(collection.c.message_id == message_id)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else StoredCollection(*row)


_ITEM = [c for c in collection_item.c if c.name not in ("cooperative_id", "settled_line_id")]


async def items_of_collections(
    connection: AsyncConnection, collection_ids: Iterable[UUID]
) -> dict[UUID, list[StoredItem]]:
    """The amounts of each collection, in the order of its file."""
    c = collection_item.c
    found: dict[UUID, list[StoredItem]] = {}
    query = select(*_ITEM).where(among(c.collection_id, collection_ids))
    for row in await connection.execute(query.order_by(c.collection_id, c.number)):
        found.setdefault(row.collection_id, []).append(StoredItem(*row))
    return found


async def items_pages(
    connection: AsyncConnection, collection_ids: Iterable[UUID], window: Window
) -> dict[UUID, list[StoredItem]]:
    """The same stretch of the amounts of each of these collections, in the order of its file."""
    c = collection_item.c

    def page(collection_id: ColumnElement[Any]) -> Select[Any]:
        query = select(*_ITEM).where(c.collection_id == collection_id)
        return windowed(query, (c.number,), window)

    found: dict[UUID, list[StoredItem]] = {}
    for row in await connection.execute(page_of_each(c.collection_id, collection_ids, page)):
        found.setdefault(row.collection_id, []).append(StoredItem(*row))
    for rows in found.values():
        rows.sort(key=lambda row: row.number, reverse=window.backward)
    return found


async def collected(connection: AsyncConnection, end_to_end_ids: Iterable[str]) -> list[Collected]:
    """What was collected as matching sees it: these, and all that is pending.

    Besides them, what came back before the bank credited its batch. What was returned by hand and
    is on no line yet is `returned`, on a line already it is `gone`.
    """
    named = among(collection_item.c.end_to_end_id, end_to_end_ids)
    early = and_(collection_item.c.state == "returned", collection_item.c.settled_line_id.is_(None))
    rows = await connection.execute(
        select(
            collection_item.c.id, collection_item.c.collection_id, collection_item.c.member_id,
            collection_item.c.end_to_end_id, collection.c.message_id, collection_item.c.sequence,
            collection_item.c.amount_minor, collection_item.c.state, payment.c.return_line_id,
            collection_item.c.settled_line_id,
        )
        .join(collection, collection.c.id == collection_item.c.collection_id)
        .outerjoin(payment, payment.c.collection_item_id == collection_item.c.id)
        .where(or_(named, collection_item.c.state == "pending", early))
        .order_by(collection_item.c.collection_id, collection_item.c.number)
    )  # fmt: skip
    return [_collected(row) for row in rows]


def _collected(row: Any) -> Collected:
    gone = row.state == "returned" and row.return_line_id is not None
    return Collected(
        row.id, row.collection_id, row.member_id, row.end_to_end_id,
        (row.message_id, batch_reference(row.message_id, row.sequence)),
        row.amount_minor, "gone" if gone else row.state, row.settled_line_id is not None,
    )  # fmt: skip


# Disputes


async def held_of_invoices(
    connection: AsyncConnection, invoice_ids: Iterable[UUID]
) -> dict[UUID, int]:
    """What open disputes hold of each invoice, in minor units; one without any is absent."""
    ids = list(invoice_ids)
    by_charge = (
        select(invoice_charge.c.invoice_id, invoice_charge.c.charge_id, literal(None))
        .where(among(invoice_charge.c.invoice_id, ids))
        .distinct()
    )
    by_item = select(invoice_item.c.invoice_id, literal(None), invoice_item.c.item_id).where(
        among(invoice_item.c.invoice_id, ids)
    )
    found: dict[UUID, int] = {}
    for part, column, index in (
        (by_charge, dispute.c.charge_id, 1), (by_item, dispute.c.item_id, 2),
    ):  # fmt: skip
        rows = part.subquery()
        contested = await connection.execute(
            select(rows.c[0], func.sum(dispute.c.held_minor))
            .join(dispute, column == rows.c[index])
            .where(dispute.c.decided_at.is_(None))
            .group_by(rows.c[0])
        )
        for invoice_id, held in contested:
            found[invoice_id] = found.get(invoice_id, 0) + int(held)
    return found
