"""Credit notes that somebody issues on an invoice, in whole or of some of its lines.

What the invoice's charges and items earned is taken back where it was earned: Dr revenue and 2200 /
Cr 1200. The note settles what is open of its invoice at once; what the member had paid already
stays with the member, for its next invoices or to be paid back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.crediting import (
    Creditable,
    credit_of,
    credited_by,
    left_of,
    taxes_credited_by,
)
from coop.billing.domain.lines import INVOICE, Bill
from coop.billing.domain.months import Month
from coop.billing.errors import IssueDayInvalid
from coop.billing.invoicing import Draft, Frame, Issued, hold_series, issue
from coop.billing.open_items import lock_receivables
from coop.billing.queries import invoices as queries
from coop.billing.queries.invoices import InvoiceRow
from coop.kernel.clock import today_in
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import AccountId, CooperativeId, uuid7
from coop.kernel.money import currency_scale
from coop.ledger import service as ledger
from coop.ledger.service import AccountKey
from coop.members import queries as member_queries
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer

REVENUE = "4000"
REASON_MAX = 500


async def issue_credit_note(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    invoice_id: UUID,
    *,
    reason: str,
    lines: Mapping[int, int] | None = None,
    issued_on: date | None = None,
    resolution: str | None = None,
) -> Issued:
    """Credit an invoice: so much net of each of `lines` by number, or all that is left of it.

    It carries `issued_on`: today at the cooperative unless told otherwise. Refuses
    NOTHING_TO_CREDIT, CREDIT_TOO_LARGE (earlier credit notes and credited disputes count),
    ISSUE_DAY_INVALID, PERIOD_CLOSED, INVALID_VALUE without a reason, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.BILL_ISSUE, cooperative_id)
    require_reason(reason)
    last_on = await hold_series(connection, cooperative_id)
    found = (await queries.invoices_by_ids(connection, [invoice_id])).get(invoice_id)
    if found is None or found.kind != INVOICE:
        raise absent()
    await lock_receivables(connection, [found.member_id])
    day = await _day(connection, cooperative_id, issued_on, last_on)
    scale = currency_scale(found.currency)
    bill = credit_of(await creditable(connection, found), lines, scale)
    frame = Frame(
        cooperative_id=cooperative_id,
        subject=viewer.subject,
        month=Month(found.from_on, found.to_on),
        issued_on=day,
        due_on=day,
        currency=found.currency,
        scale=scale,
    )
    draft = Draft(
        id=uuid7(),
        member_id=found.member_id,
        bill=bill,
        contra=await _contra(connection, cooperative_id, found, bill),
        refers_to_id=invoice_id,
        reason=reason,
        resolution=resolution,
    )
    (issued,) = await issue(connection, frame, [draft])
    return issued


async def creditable(connection: AsyncConnection, found: InvoiceRow) -> Creditable:
    """An invoice with what was credited of it by now."""
    notes = (await queries.credit_notes_of(connection, [found.id])).get(found.id, [])
    ids = [note.id for note in notes]
    lines = await queries.lines_of(connection, [found.id, *ids])
    taxes = await queries.taxes_of_invoices(connection, [found.id, *ids])
    mirrored = [line for id_ in ids for line in lines.get(id_, ()) if line.refers_to_line]
    whole = {id_ for id_ in ids if any(line.refers_to_line for line in lines.get(id_, ()))}
    return Creditable(
        lines=tuple(lines.get(found.id, ())),
        taxes=tuple(taxes.get(found.id, ())),
        credited_lines=credited_by((line.refers_to_line or 0, line.net_minor) for line in mirrored),
        credited_taxes=taxes_credited_by([tax for id_ in whole for tax in taxes.get(id_, ())]),
        contested=tuple(await queries.contested_of(connection, found.id)),
    )


async def left_to_credit(connection: AsyncConnection, found: InvoiceRow) -> dict[int, int]:
    """What may still be credited of each line of an invoice, net, by its number."""
    return left_of(await creditable(connection, found))


def require_reason(reason: str) -> None:
    """Refuses INVALID_VALUE unless a reason says something, in at most 500 characters."""
    if not reason.strip() or len(reason) > REASON_MAX:
        raise InvalidValue(f"A reason has 1 to {REASON_MAX} characters.", ("reason",))


async def _day(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    issued_on: date | None,
    last_on: date | None,
) -> date:
    cooperative = await member_queries.cooperative_by_id(connection, cooperative_id)
    if cooperative is None:
        raise absent()
    today = today_in(cooperative.time_zone)
    day = issued_on or today
    if day > today or (last_on is not None and day < last_on):
        raise IssueDayInvalid(f"It carries a day from {last_on} to {today}.", ("issuedOn",))
    return day


async def _contra(
    connection: AsyncConnection, cooperative_id: CooperativeId, found: InvoiceRow, bill: Bill
) -> tuple[tuple[AccountId, int], ...]:
    """What stands against the credit: the revenue of each line's hub, or its item's account."""
    items = await queries.contras_of(connection, found.id)
    hubs = {
        line.hub_id: AccountKey(REVENUE, hub_id=line.hub_id)
        for line in bill.lines
        if line.refers_to_line not in items
    }
    accounts = await ledger.accounts_for(connection, cooperative_id, hubs.values())
    sums: dict[AccountId, int] = {}
    for line in bill.lines:
        held = items.get(line.refers_to_line or 0)
        account = accounts[hubs[line.hub_id]] if held is None else AccountId(held)
        sums[account] = sums.get(account, 0) + line.net_minor
    return tuple(sums.items())
