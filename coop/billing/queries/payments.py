"""Every question about payments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Select, and_, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.tables import allocation, invoice, payment
from coop.db.among import among
from coop.db.each import page_of_each
from coop.db.keyset import windowed
from coop.kernel.ids import MemberId
from coop.kernel.window import Window

_P = payment.c


@dataclass(frozen=True, slots=True)
class StoredPayment:
    """A payment as kept; `unapplied_minor` is what no invoice takes."""

    cooperative_id: UUID
    id: UUID
    member_id: UUID
    received_on: date
    amount_minor: int
    method: str
    reference: str
    bank_line_id: UUID | None
    collection_item_id: UUID | None
    entry_id: UUID
    recorded_by: str
    recorded_at: datetime
    returned_on: date | None
    return_reason: str | None
    return_code_account: str | None
    return_entry_id: UUID | None
    return_line_id: UUID | None
    return_charge_minor: int
    returned_by: str | None
    unapplied_minor: int


# Payments


def _payments() -> Select[Any]:
    """Payments with what no invoice takes of them; nothing of what was taken back."""
    applied = (
        select(func.coalesce(func.sum(allocation.c.amount_minor), 0))
        .where(
            allocation.c.cooperative_id == _P.cooperative_id,
            allocation.c.source_kind == "payment",
            allocation.c.source_id == _P.id,
        )
        .scalar_subquery()
    )
    unapplied = case((_P.returned_on.is_(None), _P.amount_minor - applied), else_=0)
    return select(*payment.c, cast(unapplied, BigInteger).label("unapplied_minor"))


async def _stored(connection: AsyncConnection, statement: Select[Any]) -> list[StoredPayment]:
    return [StoredPayment(*row) for row in await connection.execute(statement)]


async def payments_by_ids(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, StoredPayment]:
    """The payments of those ids that exist."""
    found = await _stored(connection, _payments().where(among(_P.id, ids)))
    return {one.id: one for one in found}


async def payments_of_entries(
    connection: AsyncConnection, entry_ids: Iterable[UUID]
) -> dict[UUID, StoredPayment]:
    """The payments that those entries record, by entry."""
    found = await _stored(connection, _payments().where(among(_P.entry_id, entry_ids)))
    return {one.entry_id: one for one in found}


async def payments_of_items(
    connection: AsyncConnection, item_ids: Iterable[UUID]
) -> dict[UUID, StoredPayment]:
    """The payments that came by those direct debits, by item."""
    found = await _stored(connection, _payments().where(among(_P.collection_item_id, item_ids)))
    return {one.collection_item_id: one for one in found if one.collection_item_id}


async def payments_pages(
    connection: AsyncConnection, member_ids: Sequence[MemberId], window: Window
) -> dict[MemberId, list[StoredPayment]]:
    """The window of each member's payments, the latest first."""
    statement = page_of_each(
        _P.member_id,
        member_ids,
        lambda member_id: windowed(
            _payments().where(_P.member_id == member_id), [_P.received_on, _P.id], window,
            descending=True,
        ),
    )  # fmt: skip
    found: dict[MemberId, list[StoredPayment]] = {}
    for one in await _stored(connection, statement):
        found.setdefault(MemberId(one.member_id), []).append(one)
    for page in found.values():
        page.sort(key=lambda one: (one.received_on, one.id), reverse=not window.backward)
    return found


async def payments_counts(
    connection: AsyncConnection, member_ids: Sequence[MemberId]
) -> dict[MemberId, int]:
    """How many payments each member has; one without any is absent."""
    rows = await connection.execute(
        select(_P.member_id, func.count())
        .where(among(_P.member_id, member_ids))
        .group_by(_P.member_id)
    )
    return {MemberId(row[0]): int(row[1]) for row in rows}


async def payments_page(connection: AsyncConnection, window: Window) -> list[StoredPayment]:
    """The window of everybody's payments, the latest first."""
    columns = [_P.received_on, _P.id]
    return await _stored(connection, windowed(_payments(), columns, window, descending=True))


async def payments_on_account(
    connection: AsyncConnection, member_ids: Iterable[UUID] | None = None
) -> list[StoredPayment]:
    """Payments, and what was paid back, of which something is on account; the oldest first."""
    part = _payments()
    if member_ids is not None:
        part = part.where(among(_P.member_id, member_ids))
    found = part.subquery()
    statement = (
        select(found).where(found.c.unapplied_minor != 0).order_by(found.c.received_on, found.c.id)
    )
    return await _stored(connection, statement)


async def payments_by_hand(
    connection: AsyncConnection, member_ids: Iterable[UUID]
) -> list[StoredPayment]:
    """Transfers of these members that no line of the bank explains yet, the oldest first."""
    return await _stored(
        connection,
        _payments()
        .where(
            among(_P.member_id, member_ids),
            _P.method == "transfer",
            _P.bank_line_id.is_(None),
            _P.returned_on.is_(None),
        )
        .order_by(_P.received_on, _P.id),
    )


async def allocated_by(connection: AsyncConnection, payment_id: UUID) -> list[tuple[UUID, int]]:
    """(invoice, amount) of what a payment settles now."""
    settled = func.sum(allocation.c.amount_minor)
    rows = await connection.execute(
        select(allocation.c.invoice_id, settled)
        .where(allocation.c.source_kind == "payment", allocation.c.source_id == payment_id)
        .group_by(allocation.c.invoice_id)
        .having(settled != 0)
        .order_by(allocation.c.invoice_id)
    )
    return [(row[0], int(row[1])) for row in rows]


async def allocations_of_payments(
    connection: AsyncConnection, payment_ids: Iterable[UUID]
) -> dict[UUID, list[tuple[UUID, int]]]:
    """(invoice, amount) of what each payment settles now, by invoice number."""
    settled = func.sum(allocation.c.amount_minor)
    rows = await connection.execute(
        select(allocation.c.source_id, allocation.c.invoice_id, settled)
        .join(
            invoice,
            and_(
                invoice.c.cooperative_id == allocation.c.cooperative_id,
                invoice.c.id == allocation.c.invoice_id,
            ),
        )
        .where(allocation.c.source_kind == "payment", among(allocation.c.source_id, payment_ids))
        .group_by(allocation.c.source_id, allocation.c.invoice_id, invoice.c.number)
        .having(settled != 0)
        .order_by(invoice.c.number)
    )
    found: dict[UUID, list[tuple[UUID, int]]] = {}
    for row in rows:
        found.setdefault(row[0], []).append((row[1], int(row[2])))
    return found
