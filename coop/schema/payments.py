"""Payments of members, and the mutations that record and return them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing import payments
from coop.billing.payments import PaymentDraft, Return
from coop.billing.queries import payments as queries
from coop.billing.queries.payments import StoredPayment
from coop.kernel import money
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId, MemberId
from coop.kernel.money import currency_scale
from coop.kernel.rate import to_scale
from coop.kernel.window import Window
from coop.ledger import queries as ledger_queries
from coop.members.domain.people import Member as MemberValue
from coop.members.domain.policy import Action, require
from coop.schema.context import Context, Info
from coop.schema.journal import JournalEntry, entry_of
from coop.schema.keyed import Outcome, under_key
from coop.schema.member import Member, cooperative_value, member_of
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId, node_id_of_type
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.scalars import IdempotencyKey, Money
from coop.schema.user_error import Payload, refusals_as

PAYMENTS = Order("payments", date, UUID)
KEY = "One per intent, reused on retry."


@strawberry.enum(description="How money came, or went back.")
class PaymentMethod(Enum):
    """How money came, or went back."""

    TRANSFER = "transfer"
    DIRECT_DEBIT = "direct_debit"
    CASH = "cash"
    CARD = "card"
    OTHER = "other"
    REFUND = "refund"


async def shown(context: Context, cooperative_id: UUID, minor: int) -> Money:
    """An amount of the cooperative's currency."""
    reader = await context.reader(cooperative_id)
    return Money.of(money.Money((await cooperative_value(reader)).currency, minor))


async def minor_of(connection: AsyncConnection, amount: Decimal, name: str) -> int:
    """An amount of the cooperative's currency in minor units. Refuses INVALID_VALUE at `name`."""
    try:
        return to_scale(amount, currency_scale(await ledger_queries.currency_of(connection)))
    except InvalidValue as refusal:
        raise refusal.under(name) from None


def sees_iban(context: Context, cooperative_id: UUID, member_id: UUID | None) -> bool:
    """Whether the viewer needs whole IBANs: the treasurer's, and everybody's own."""
    if not context.extent(Action.BANK_MANAGE, cooperative_id).is_empty:
        return True
    return member_id in context.extent(Action.BILL_READ, cooperative_id).member_ids


@strawberry.type(description="A part of a payment, set against an invoice.")
class PaymentAllocation:
    """A part of a payment, set against an invoice."""

    invoice_id: strawberry.ID = strawberry.field(description="The invoice.")
    amount: Money = strawberry.field(description="How much of it.")


@strawberry.type(description="Money a member paid (+), or was paid back (−).")
class Payment(Node):
    """Money a member paid (+), or was paid back (−)."""

    received_on: date = strawberry.field(description="The day it counts.")
    method: PaymentMethod = strawberry.field(description="How it came.")
    reference: str = strawberry.field(description="What the payer wrote.")
    returned_on: date | None = strawberry.field(description="The day it was taken back, if it was.")
    return_reason: str | None = strawberry.field(description="Why: a code of the bank, or words.")
    value: strawberry.Private[StoredPayment]

    @classmethod
    def of(cls, value: StoredPayment) -> Payment:
        """What the API shows of a payment."""
        return cls(
            id=strawberry.ID(str(NodeId("Payment", value.cooperative_id, value.id))),
            received_on=value.received_on,
            method=PaymentMethod(value.method),
            reference=value.reference,
            returned_on=value.returned_on,
            return_reason=value.return_reason,
            value=value,
        )

    @strawberry.field(description="How much.")
    async def amount(self, info: Info) -> Money:
        return await shown(info.context, self.value.cooperative_id, self.value.amount_minor)

    @strawberry.field(description="What no invoice takes of it.")
    async def on_account(self, info: Info) -> Money:
        return await shown(info.context, self.value.cooperative_id, self.value.unapplied_minor)

    @strawberry.field(description="What the bank charged the cooperative for its return.")
    async def return_charge(self, info: Info) -> Money:
        minor = self.value.return_charge_minor
        return await shown(info.context, self.value.cooperative_id, minor)

    @strawberry.field(description="Whose it is.")
    async def member(self, info: Info) -> Member | None:
        return await member_of(info.context, self.value.cooperative_id, self.value.member_id)

    @strawberry.field(description="What it settles.")
    async def allocations(self, info: Info) -> list[PaymentAllocation]:
        own = self.value.cooperative_id
        reader = await info.context.reader(own)
        found = await reader.each(queries.allocations_of_payments).load(self.value.id) or []
        return [
            PaymentAllocation(
                invoice_id=strawberry.ID(str(NodeId("Invoice", own, invoice_id))),
                amount=await shown(info.context, own, minor),
            )
            for invoice_id, minor in found
        ]

    @strawberry.field(description="The journal entry of it.")
    async def entry(self, info: Info) -> JournalEntry | None:
        value: Any = self.value
        return await entry_of(info.context, value.cooperative_id, value.entry_id)

    @strawberry.field(description="The journal entry that took it back.")
    async def return_entry(self, info: Info) -> JournalEntry | None:
        value: Any = self.value
        if value.return_entry_id is None:
            return None
        return await entry_of(info.context, value.cooperative_id, value.return_entry_id)


async def payments_of_member(
    context: Context, member: MemberValue, page: Page, *, allowed: bool
) -> Connection[Payment]:
    """A member's payments, the latest first; none where the viewer may not read them."""
    reader = await context.reader(member.cooperative_id)

    async def fetch(window: Window) -> Sequence[StoredPayment]:
        if not allowed:
            return []
        return await reader.each(queries.payments_pages, window).load(member.id) or []

    async def count() -> int:
        return await reader.each(queries.payments_counts).load(member.id) or 0 if allowed else 0

    return await connection_of(
        Connection[Payment], PAYMENTS, page, fetch=fetch, count=count,
        key=lambda row: (row.received_on, row.id), node=Payment.of,
    )  # fmt: skip


async def payment_by_node(context: Context, named: NodeId) -> Payment | None:
    """The payment of that id, if the viewer may read its member's bills."""
    extent = context.extent(Action.BILL_READ, named.cooperative_id)
    if extent.is_empty:
        return None
    reader = await context.reader(named.cooperative_id)
    value = await reader.each(queries.payments_by_ids).load(named.id)
    return Payment.of(value) if value and extent.reaches(value.member_id) else None


found_by("Payment")(payment_by_node)


@strawberry.input(description="What a member paid.")
class PaymentRecordInput:
    """What a member paid."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    member_id: strawberry.ID = strawberry.field(description="Who paid.")
    received_on: date = strawberry.field(description="The day it came.")
    amount: Decimal = strawberry.field(description="How much, in the cooperative's currency.")
    method: PaymentMethod | None = strawberry.field(
        default=None, description="TRANSFER unless said; CASH, CARD or OTHER."
    )
    reference: str = strawberry.field(
        default="", description="What the payer wrote; a creditor reference names its invoice."
    )
    invoice_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Invoices it settles first; then those due first."
    )


@strawberry.input(description="A payment that came back.")
class PaymentReturnInput:
    """A payment that came back."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    payment_id: strawberry.ID = strawberry.field(description="Which payment.")
    returned_on: date = strawberry.field(description="The day it went back.")
    reason: str = strawberry.field(description="Why: a code of the bank such as AC04, or words.")
    charge: Decimal | None = strawberry.field(
        default=None, description="What the bank kept for it, on top."
    )


@strawberry.type(description="A payment after what was asked, or why nothing was done.")
class PaymentPayload(Payload):
    """A payment after what was asked, or why nothing was done."""

    payment: Payment | None = strawberry.field(default=None, description="As it is now.")


@strawberry.type
class PaymentMutations:
    """Mutations of payments."""

    @strawberry.mutation(
        description="Record what a member paid: it settles what it names, else what is due first."
    )
    @refusals_as(PaymentPayload)
    async def payment_record(self, info: Info, input: PaymentRecordInput) -> PaymentPayload:
        context = info.context
        member = node_id_of_type(input.member_id, "Member", "memberId")
        own = CooperativeId(member.cooperative_id)
        invoices = [node_id_of_type(one, "Invoice", "invoiceIds") for one in input.invoice_ids]

        async def work(connection: AsyncConnection) -> Outcome:
            require(context.viewer, Action.PAYMENT_RECORD, own)
            draft = PaymentDraft(
                member_id=MemberId(member.id),
                received_on=input.received_on,
                amount_minor=await minor_of(connection, input.amount, "amount"),
                method=(input.method or PaymentMethod.TRANSFER).value,
                reference=input.reference,
                invoice_ids=tuple(one.id for one in invoices),
            )
            made = await payments.record_payment(connection, context.viewer, own, draft)
            return {"payment": str(made.payment.id)}

        return await _payment(context, own, *await under_key(
            context, own, "paymentRecord", input, work
        ))  # fmt: skip

    @strawberry.mutation(
        description="Take a payment back: its receivable stands and its invoices are open again."
    )
    @refusals_as(PaymentPayload)
    async def payment_return(self, info: Info, input: PaymentReturnInput) -> PaymentPayload:
        context = info.context
        named = node_id_of_type(input.payment_id, "Payment", "paymentId")
        own = CooperativeId(named.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            require(context.viewer, Action.PAYMENT_RECORD, own)
            charge = await minor_of(connection, input.charge or Decimal(0), "charge")
            back = Return(named.id, input.returned_on, input.reason, charge)
            await payments.return_payment(connection, context.viewer, own, back)
            return {"payment": str(named.id)}

        return await _payment(context, own, *await under_key(
            context, own, "paymentReturn", input, work
        ))  # fmt: skip


async def _payment(
    context: Context, cooperative_id: CooperativeId, outcome: Outcome, replayed: bool
) -> PaymentPayload:
    named = NodeId("Payment", cooperative_id, UUID(outcome["payment"]))
    return PaymentPayload(payment=await payment_by_node(context, named), replayed=replayed)
