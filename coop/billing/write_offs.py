"""Write-offs: what a member owes and will not pay, given up by a resolution.

    Dr 6750 receivables written off   what is given up, less the tax claimed back
    Dr 2200 tax                       the invoice's share of tax in it, where the law gives it back
    Cr 1200 M                         all of it

Whether tax may be claimed back on a bad debt differs by country and by how long it is overdue, so
it is claimed only when whoever writes off says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing import open_items
from coop.billing.credit_notes import require_reason
from coop.billing.errors import WriteOffTooLarge, WriteOffUnresolved
from coop.billing.invoicing import RECEIVABLE, TAX
from coop.billing.open_items import lock_receivables
from coop.billing.queries import invoices as queries
from coop.billing.queries.invoices import InvoiceRow
from coop.billing.tables import write_off
from coop.kernel.clock import utc_now
from coop.kernel.ids import CooperativeId, EntryId, uuid7
from coop.kernel.rate import round_half_up
from coop.ledger import service as ledger
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.service import AccountKey
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer

KIND = "write_off"
LOSS = "6750"


@dataclass(frozen=True, slots=True)
class WrittenOff:
    """What was given up of an invoice, in minor units; `tax_minor` of it is claimed back."""

    id: UUID
    invoice_id: UUID
    amount_minor: int
    tax_minor: int
    entry_id: EntryId


async def write_off_invoice(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    invoice_id: UUID,
    *,
    resolution: str,
    reason: str,
    effective_on: date,
    amount_minor: int | None = None,
    relieve_tax: bool = False,
) -> WrittenOff:
    """Give up `amount_minor` of what is open of an invoice, or all of it.

    With `relieve_tax` the invoice's proportion of tax is claimed back from 2200, rounded half-up.
    Refuses WRITE_OFF_UNRESOLVED without a resolution, WRITE_OFF_TOO_LARGE for more than is open or
    for nothing, PERIOD_CLOSED, INVALID_VALUE without a reason, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.BILL_ISSUE, cooperative_id)
    require_reason(reason)
    if not resolution.strip():
        raise WriteOffUnresolved("Name the resolution that allows it.", ("resolution",))
    found = (await queries.invoices_by_ids(connection, [invoice_id])).get(invoice_id)
    if found is None or found.kind != "invoice":
        raise absent()
    await lock_receivables(connection, [found.member_id])
    found = (await queries.invoices_by_ids(connection, [invoice_id]))[invoice_id]
    amount = found.open_minor if amount_minor is None else amount_minor
    if not 0 < amount <= found.open_minor:
        raise WriteOffTooLarge(f"{found.open_minor} minor units of it are open.", ("amount",))
    tax = _tax(found, amount) if relieve_tax else 0
    id_ = uuid7()
    entry_id = await _post(connection, viewer, found, id_, (amount, tax), effective_on)
    row = {
        "cooperative_id": cooperative_id, "id": id_, "invoice_id": invoice_id,
        "amount_minor": amount, "tax_minor": tax, "effective_on": effective_on,
        "resolution": resolution, "reason": reason, "entry_id": entry_id,
        "recorded_by": viewer.subject, "recorded_at": utc_now(),
    }  # fmt: skip
    await connection.execute(insert(write_off), [row])
    await open_items.allocate(
        connection, cooperative_id, viewer.subject, found.member_id, (KIND, id_), amount,
        effective_on, invoice_ids=[invoice_id], oldest_first=False,
    )  # fmt: skip
    return WrittenOff(id_, invoice_id, amount, tax, entry_id)


def _tax(found: InvoiceRow, amount_minor: int) -> int:
    return round_half_up(Fraction(amount_minor * found.tax_minor, found.gross_minor))


async def _post(
    connection: AsyncConnection,
    viewer: Viewer,
    found: InvoiceRow,
    id_: UUID,
    sums: tuple[int, int],
    effective_on: date,
) -> EntryId:
    amount, tax = sums
    cooperative_id = CooperativeId(found.cooperative_id)
    keys = (AccountKey(LOSS), AccountKey(TAX), AccountKey(RECEIVABLE, member_id=found.member_id))
    accounts = await ledger.accounts_for(connection, cooperative_id, keys)
    postings = tuple(
        PostingDraft(accounts[key], moved)
        for key, moved in zip(keys, (amount - tax, tax, -amount), strict=True)
        if moved
    )
    draft = EntryDraft(
        kind=KIND,
        effective_on=effective_on,
        memo=f"Invoice {found.number} written off",
        postings=postings,
        source=(KIND, str(id_)),
    )
    (outcome,) = await ledger.post_entries(connection, cooperative_id, viewer.subject, [draft])
    if outcome.refusal is not None or outcome.entry_id is None:
        raise outcome.refusal or absent()
    return outcome.entry_id
