"""Billing: a month's run and its draft, credit notes, write-offs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection
from strawberry import UNSET

from coop.billing import credit_notes, write_offs
from coop.billing.domain.months import Month, month_named
from coop.billing.run import MemberBill as MemberBillValue
from coop.billing.run import Progress, preview_bills, run_billing
from coop.billing.waiting import waiting_for
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId
from coop.kernel.window import Window
from coop.members.domain.policy import Action, require
from coop.schema.context import Context, Info
from coop.schema.disputes import KEY, minor_of
from coop.schema.invoices import (
    Invoice,
    invoice_named,
    shown,
)
from coop.schema.keyed import Outcome, under_key
from coop.schema.member import cooperative_value
from coop.schema.node_id import NodeId, node_id_of_type
from coop.schema.owed import MemberBill
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.posting import cooperative_named
from coop.schema.scalars import IdempotencyKey, Money, MoneyInput
from coop.schema.user_error import Payload, refusals_as

HELD_FOR_S = 600
RUNS_AT_ONCE = 2
_RUNNING = asyncio.Semaphore(RUNS_AT_ONCE)
DRAFTS = Order("drafts", UUID)


@strawberry.input(description="Which month to bill; or only to draft.")
class BillingRunInput:
    """Which month to bill; a draft computes everything and stores nothing."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    cooperative_id: strawberry.ID = strawberry.field(description="Whose members.")
    month: str = strawberry.field(description='The month, as "2025-03".')
    draft: bool = strawberry.field(
        default=False, description="Whether only to compute it; a draft is not kept by its key."
    )
    issued_on: date | None = strawberry.field(
        default=None, description="The day invoices carry; the first after the month unless said."
    )


@strawberry.type(description="Charges of the month that nobody raised yet.")
class ChargesWaiting:
    """Charges of the month that nobody raised yet: `monthlyChargesRaise` does."""

    kind: str = strawberry.field(description="The kind of bill item: SUBSCRIPTION.")
    count: int = strawberry.field(
        description="How many subscriptions, reservations, events or hubs wait."
    )


@strawberry.type(description="What a billing run issued, or would issue.")
class BillingRunPayload(Payload):
    """What a billing run issued, or would issue; sums are of this run alone."""

    draft: bool = strawberry.field(default=False, description="Whether nothing was stored.")
    invoices: int = strawberry.field(default=0, description="How many invoices.")
    credit_notes: int = strawberry.field(default=0, description="How many credit notes.")
    net: Money | None = strawberry.field(default=None, description="Sum before tax.")
    tax: Money | None = strawberry.field(default=None, description="Sum of tax.")
    gross: Money | None = strawberry.field(default=None, description="Net and tax.")
    month_gross: Money | None = strawberry.field(
        default=None, description="Gross of everything that runs issued for the month."
    )
    month_receivable: Money | None = strawberry.field(
        default=None, description="What its entries moved on account 1200: the same."
    )
    unsettled: int = strawberry.field(
        default=0, description="How many commitments had this month still to be settled."
    )
    waiting: list[ChargesWaiting] = strawberry.field(
        default_factory=list, description="Charges of the month that were not raised by then."
    )
    work: strawberry.Private[tuple[CooperativeId, Month] | None] = None

    @strawberry.field(description="Of a draft: each member's bill, by the member's id.")
    async def bills(
        self, info: Info, first: int | None = UNSET, after: str | None = UNSET
    ) -> Connection[MemberBill]:
        found: Connection[MemberBill] = await _drafts(info.context, self, Page(first, after))
        return found


@strawberry.input(description="So much of a line of an invoice.")
class CreditLineInput:
    """So much of a line of an invoice, before tax."""

    number: int = strawberry.field(description="The line.")
    net: MoneyInput = strawberry.field(description="What to credit of it, before tax; positive.")


@strawberry.input(description="Which invoice to credit, of what, and why.")
class CreditNoteIssueInput:
    """Which invoice to credit, of what, and why."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    invoice_id: strawberry.ID = strawberry.field(description="The invoice.")
    lines: list[CreditLineInput] | None = strawberry.field(
        default=None, description="Of which lines; everything that is left unless said."
    )
    reason: str = strawberry.field(description="Why, 1 to 500 characters.")
    resolution: str | None = strawberry.field(
        default=None, description="The resolution it rests on, if any."
    )
    issued_on: date | None = strawberry.field(
        default=None, description="The day it carries; today unless said."
    )


@strawberry.input(description="Which invoice to write off, and by which resolution.")
class InvoiceWriteOffInput:
    """Which invoice to write off, and by which resolution."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    invoice_id: strawberry.ID = strawberry.field(description="The invoice.")
    amount: MoneyInput | None = strawberry.field(
        default=None, description="How much of what is open; all of it unless said."
    )
    relieve_tax: bool = strawberry.field(
        default=False, description="Whether its share of tax is claimed back."
    )
    effective_on: date = strawberry.field(description="The day it counts for.")
    resolution: str = strawberry.field(description="The resolution that allows it.")
    reason: str = strawberry.field(description="Why, 1 to 500 characters.")


@strawberry.type(description="The document, or why there is none.")
class InvoicePayload(Payload):
    """The credit note that was issued, or the invoice as it now stands."""

    invoice: Invoice | None = strawberry.field(
        default=None, description="The credit note, or the invoice that was written off."
    )


@strawberry.type
class BillingMutations:
    """Mutations of bills."""

    @strawberry.mutation(description="Bill a month, or draft it; a second run changes nothing.")
    @refusals_as(BillingRunPayload)
    async def billing_run(self, info: Info, input: BillingRunInput) -> BillingRunPayload:
        context, cooperative_id = info.context, cooperative_named(input.cooperative_id)
        require(context.viewer, Action.BILL_ISSUE, cooperative_id)
        month = month_named(input.month)
        if input.draft:
            return await _draft(context, cooperative_id, month)
        # The key is held in one transaction while members are billed in others: few runs at a time.
        async with _RUNNING:
            outcome, replayed = await under_key(
                context, cooperative_id, "billingRun", input,
                lambda _: _run(context, cooperative_id, month, input), held_for_s=HELD_FOR_S,
            )  # fmt: skip
        return _ran(outcome, replayed=replayed)

    @strawberry.mutation(description="Credit an invoice, in whole or some of its lines.")
    @refusals_as(InvoicePayload)
    async def credit_note_issue(self, info: Info, input: CreditNoteIssueInput) -> InvoicePayload:
        context, named = info.context, node_id_of_type(input.invoice_id, "Invoice", "invoiceId")
        cooperative_id = CooperativeId(named.cooperative_id)
        lines = await _lines(context, cooperative_id, input.lines)

        async def work(connection: AsyncConnection) -> Outcome:
            issued = await credit_notes.issue_credit_note(
                connection, context.viewer, cooperative_id, named.id, lines=lines,
                reason=input.reason, resolution=input.resolution, issued_on=input.issued_on,
            )  # fmt: skip
            return {"invoice": str(issued.id)}

        return await _payload(context, cooperative_id, "creditNoteIssue", input, work)

    @strawberry.mutation(description="Give up what a member owes on an invoice, by a resolution.")
    @refusals_as(InvoicePayload)
    async def invoice_write_off(self, info: Info, input: InvoiceWriteOffInput) -> InvoicePayload:
        context, named = info.context, node_id_of_type(input.invoice_id, "Invoice", "invoiceId")
        cooperative_id = CooperativeId(named.cooperative_id)
        amount = None
        if input.amount is not None:
            amount = await minor_of(context, cooperative_id, input.amount, "amount")

        async def work(connection: AsyncConnection) -> Outcome:
            done = await write_offs.write_off_invoice(
                connection, context.viewer, cooperative_id, named.id, amount_minor=amount,
                relieve_tax=input.relieve_tax, resolution=input.resolution, reason=input.reason,
                effective_on=input.effective_on,
            )  # fmt: skip
            return {"invoice": str(done.invoice_id)}

        return await _payload(context, cooperative_id, "invoiceWriteOff", input, work)


async def _run(
    context: Context, cooperative_id: CooperativeId, month: Month, input: BillingRunInput
) -> Outcome:
    outcome = await run_billing(
        context.database, context.viewer, cooperative_id, month, issued_on=input.issued_on
    )
    lacking = await waiting_for(context.database, context.viewer, cooperative_id, month)
    kept = {key: value for key, value in asdict(outcome.issued).items() if key != "run_id"}
    return {
        **kept, **asdict(lacking),
        "currency": outcome.currency, "month_gross": outcome.month.gross_minor,
        "month_receivable": outcome.month.receivable_minor,
    }  # fmt: skip


def _ran(outcome: Outcome, *, replayed: bool) -> BillingRunPayload:
    currency = outcome["currency"]
    net, tax = outcome["net_minor"], outcome["tax_minor"]
    return BillingRunPayload(
        invoices=outcome["invoices"],
        credit_notes=outcome["credit_notes"],
        net=shown(currency, net),
        tax=shown(currency, tax),
        gross=shown(currency, net + tax),
        month_gross=shown(currency, outcome["month_gross"]),
        month_receivable=shown(currency, outcome["month_receivable"]),
        unsettled=outcome.get("unsettled", 0),
        waiting=_waiting(outcome.get("charges", {})),
        replayed=replayed,
    )


async def _draft(
    context: Context, cooperative_id: CooperativeId, month: Month
) -> BillingRunPayload:
    sums = Progress()
    async for one in preview_bills(context.database, context.viewer, cooperative_id, month):
        sums = sums.plus([one.bill])
    currency = (await cooperative_value(await context.reader(cooperative_id))).currency
    lacking = await waiting_for(context.database, context.viewer, cooperative_id, month)
    return BillingRunPayload(
        draft=True,
        unsettled=lacking.unsettled,
        waiting=_waiting(lacking.charges),
        invoices=sums.invoices,
        credit_notes=sums.credit_notes,
        net=shown(currency, sums.net_minor),
        tax=shown(currency, sums.tax_minor),
        gross=shown(currency, sums.net_minor + sums.tax_minor),
        work=(cooperative_id, month),
    )


def _waiting(charges: Mapping[str, int]) -> list[ChargesWaiting]:
    return [ChargesWaiting(kind=kind, count=count) for kind, count in charges.items()]


async def _drafts(context: Context, payload: BillingRunPayload, page: Page) -> Any:
    work = payload.work

    async def fetch(window: Window) -> list[MemberBillValue]:
        if work is None:
            return []
        after: Any = None if window.after is None else window.after[0]
        found = preview_bills(
            context.database, context.viewer, *work, after=after, most=window.limit
        )
        return [one async for one in found]

    async def count() -> int:
        return payload.invoices + payload.credit_notes if work is not None else 0

    def node(row: MemberBillValue) -> MemberBill:
        if work is None or payload.net is None:
            raise LookupError("a draft without its sums")
        return MemberBill.of(work[0], row.member_id, row.bill, payload.net.currency)

    return await connection_of(
        Connection[MemberBill], DRAFTS, page, fetch=fetch, count=count,
        key=lambda row: (row.member_id,), node=node,
    )  # fmt: skip


async def _lines(
    context: Context, cooperative_id: CooperativeId, lines: list[CreditLineInput] | None
) -> dict[int, int] | None:
    if lines is None:
        return None
    wanted = {
        line.number: await minor_of(context, cooperative_id, line.net, "lines", str(place), "net")
        for place, line in enumerate(lines)
    }
    if len(wanted) < len(lines):
        raise InvalidValue("A line is named once.", ("lines",))
    return wanted


async def _payload(
    context: Context, cooperative_id: CooperativeId, mutation: str, input: Any, work: Any
) -> InvoicePayload:
    outcome, replayed = await under_key(context, cooperative_id, mutation, input, work)
    named = NodeId("Invoice", cooperative_id, UUID(outcome["invoice"]))
    return InvoicePayload(invoice=await invoice_named(context, named), replayed=replayed)
