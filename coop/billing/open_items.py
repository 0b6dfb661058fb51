"""Open items: what settles which invoice, and taking that back.

An invoice is open by its gross less its allocations; a payment, a credit note or a write-off
settles it. Allocations are never changed: what a returned debit reopens is an allocation of the
negative amount. Whoever allocates holds the member's lock until it commits, so two payments of one
member never settle the same invoice twice; the database refuses more than its gross besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.errors import AllocationTooLarge
from coop.billing.queries.open import (
    AgingRow,
    OpenDocument,
    aging_page,
    aging_total,
    documents_by_ids,
    documents_by_references,
    open_documents,
    open_of_members,
)
from coop.billing.tables import allocation
from coop.db.refusals import register
from coop.kernel.clock import utc_now
from coop.kernel.ids import CooperativeId, MemberId, uuid7

__all__ = [
    "AgingRow",
    "Allocation",
    "OpenDocument",
    "aging_page",
    "aging_total",
    "allocate",
    "apply_credits",
    "documents_by_ids",
    "documents_by_references",
    "lock_receivables",
    "open_documents",
    "open_of_members",
    "unallocate",
]

PAYMENT, CREDIT, WRITE_OFF = "payment", "credit_note", "write_off"

register("allocation_fits", AllocationTooLarge, "An invoice is settled up to its gross.")

_LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('receivable:' || m.id, 9)) FROM ("
    "SELECT m.id FROM unnest(CAST(:members AS uuid[])) AS m (id) ORDER BY m.id) AS m"
)


@dataclass(frozen=True, slots=True)
class Allocation:
    """So much of an invoice was settled (+) or is open again (−)."""

    id: UUID
    invoice_id: UUID
    amount_minor: int


async def lock_receivables(connection: AsyncConnection, members: Iterable[MemberId]) -> None:
    """Let nobody else allocate for these members until this transaction ends."""
    await connection.execute(_LOCK, {"members": list(members)})


async def allocate(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    subject: str,
    member_id: MemberId,
    source: tuple[str, UUID],
    amount_minor: int,
    effective_on: date,
    *,
    invoice_ids: Sequence[UUID] = (),
    oldest_first: bool = True,
) -> list[Allocation]:
    """Settle the member's invoices with `amount_minor` of a source: those named first, in order.

    What is left goes to the others, those due first first, unless told otherwise; what is left
    then stays on account (the answer sums to less than the amount). An invoice that is not the
    member's, or has nothing open, is passed over.
    """
    await lock_receivables(connection, [member_id])
    found = (await open_of_members(connection, [member_id])).get(member_id, [])
    by_id = {one.id: one for one in found}
    named = [by_id[id_] for id_ in dict.fromkeys(invoice_ids) if id_ in by_id]
    others = [one for one in found if one.id not in set(invoice_ids)] if oldest_first else []
    made = _shares([*named, *others], amount_minor)
    await _store(connection, cooperative_id, subject, source, effective_on, made)
    return made


async def unallocate(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    subject: str,
    member_id: MemberId,
    source: tuple[str, UUID],
    effective_on: date,
) -> list[Allocation]:
    """Take back everything a source settled: its invoices are open again by as much.

    Answers the negative allocations; none when there is nothing to take back, or no more.
    """
    await lock_receivables(connection, [member_id])
    c = allocation.c
    rows = await connection.execute(
        select(c.invoice_id, func.sum(c.amount_minor).label("amount"))
        .where(c.source_kind == source[0], c.source_id == source[1])
        .group_by(c.invoice_id)
        .having(func.sum(c.amount_minor) != 0)
        .order_by(c.invoice_id)
    )
    made = [Allocation(uuid7(), row.invoice_id, -int(row.amount)) for row in rows]
    await _store(connection, cooperative_id, subject, source, effective_on, made)
    return made


async def apply_credits(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    subject: str,
    members: Sequence[MemberId],
    effective_on: date,
) -> None:
    """Settle open invoices of these members with what their credit notes have left.

    A credit note settles the invoice it refers to first, then those due first.
    """
    await lock_receivables(connection, members)
    credits_ = await open_of_members(connection, members, "credit_note")
    if not credits_:
        return
    invoices = await open_of_members(connection, credits_)
    for member_id, notes in credits_.items():
        left = {one.id: one.open_minor for one in invoices.get(member_id, [])}
        for note in notes:
            order = sorted(left, key=lambda id_: id_ != note.refers_to_id)
            made = _settle(left, order, -note.open_minor)
            source = (CREDIT, note.id)
            await _store(connection, cooperative_id, subject, source, effective_on, made)


def _shares(found: Sequence[OpenDocument], amount_minor: int) -> list[Allocation]:
    return _settle(
        {one.id: one.open_minor for one in found}, [one.id for one in found], amount_minor
    )


def _settle(left: dict[UUID, int], order: Sequence[UUID], amount_minor: int) -> list[Allocation]:
    """Take `amount_minor` off what is `left` of invoices, in order."""
    made = []
    for invoice_id in order:
        taken = min(amount_minor, left[invoice_id])
        if taken > 0:
            made.append(Allocation(uuid7(), invoice_id, taken))
            left[invoice_id] -= taken
            amount_minor -= taken
    return made


async def _store(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    subject: str,
    source: tuple[str, UUID],
    effective_on: date,
    made: Sequence[Allocation],
) -> None:
    now = utc_now()
    rows = [
        {
            "cooperative_id": cooperative_id, "id": one.id, "invoice_id": one.invoice_id,
            "source_kind": source[0], "source_id": source[1], "amount_minor": one.amount_minor,
            "effective_on": effective_on, "recorded_by": subject, "recorded_at": now,
        }
        for one in made
    ]  # fmt: skip
    if rows:
        await connection.execute(insert(allocation), rows)
