"""Disputes: opening one, deciding it, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing import disputes as service
from coop.billing.queries import disputes as queries
from coop.billing.queries.disputes import DisputeRow
from coop.kernel import money
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId
from coop.kernel.window import Window
from coop.members.domain.policy import Action
from coop.schema.bill_items import BillItem, item_by_id
from coop.schema.context import Context, Info
from coop.schema.keyed import Outcome, under_key
from coop.schema.member import Member, cooperative_value, member_of
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId, node_id_of_type
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.scalars import IdempotencyKey, Money, MoneyInput
from coop.schema.user_error import Payload, refusals_as

DISPUTES = Order("disputes", UUID)
KEY = "One per intent, reused on retry."


@strawberry.enum(description="Where a dispute stands.")
class DisputeState(Enum):
    """Where a dispute stands."""

    OPEN = "open"
    CREDITED = "credited"
    REFUSED = "refused"


@strawberry.enum(description="What a dispute comes to.")
class DisputeDecision(Enum):
    """What a dispute comes to."""

    CREDIT = "credit"
    REFUSE = "refuse"


@strawberry.type(description="A charge or bill item that its member contests.")
class Dispute(Node):
    """A charge or item that its member contests; what it holds is neither due nor overdue."""

    state: DisputeState = strawberry.field(description="Open, credited or refused.")
    opened_by: str = strawberry.field(description="Subject who opened it.")
    opened_at: datetime = strawberry.field(description="When.")
    reason: str = strawberry.field(description="Why it is contested.")
    held: Money = strawberry.field(description="What is contested, with tax.")
    decided_by: str | None = strawberry.field(description="Subject who decided it.")
    decided_at: datetime | None = strawberry.field(description="When.")
    decision_reason: str | None = strawberry.field(description="Why it was decided so.")
    resolution: str | None = strawberry.field(description="The resolution it rests on, if any.")
    charge_id: strawberry.ID | None = strawberry.field(description="The charge, if it is of one.")
    value: strawberry.Private[DisputeRow]

    @classmethod
    def of(cls, value: DisputeRow, currency: str) -> Dispute:
        """What the API shows of a dispute."""
        cooperative_id, charge = value.cooperative_id, value.charge_id
        named = None if charge is None else str(NodeId("Charge", cooperative_id, charge))
        return cls(
            id=strawberry.ID(str(NodeId("Dispute", cooperative_id, value.id))),
            state=DisputeState(value.state),
            opened_by=value.opened_by,
            opened_at=value.opened_at,
            reason=value.reason,
            held=Money.of(money.Money(currency, value.held_minor)),
            decided_by=value.decided_by,
            decided_at=value.decided_at,
            decision_reason=value.decision_reason,
            resolution=value.resolution,
            charge_id=None if named is None else strawberry.ID(named),
            value=value,
        )

    @strawberry.field(description="Who contests.")
    async def member(self, info: Info) -> Member | None:
        return await member_of(info.context, self.value.cooperative_id, self.value.member_id)

    @strawberry.field(description="The bill item contested, if it is one.")
    async def item(self, info: Info) -> BillItem | None:
        return await self._item(info, self.value.item_id)

    @strawberry.field(description="The bill item that credits it, if one does.")
    async def credit(self, info: Info) -> BillItem | None:
        return await self._item(info, self.value.credit_item_id)

    async def _item(self, info: Info, id_: UUID | None) -> BillItem | None:
        if id_ is None:
            return None
        return await item_by_id(await info.context.reader(self.value.cooperative_id), id_)


async def disputes_where(
    context: Context,
    cooperative_id: UUID,
    page: Page,
    *,
    state: DisputeState | None,
    member_id: UUID | None = None,
) -> Connection[Dispute]:
    """The disputes of a member, or of all, that are the viewer's to read, the latest first."""
    reader = await context.reader(cooperative_id)
    currency = (await cooperative_value(reader)).currency
    where = queries.DisputeWhere(
        state=None if state is None else state.value,
        extent=context.extent(Action.BILL_READ, cooperative_id),
    )

    async def fetch(window: Window) -> Sequence[DisputeRow]:
        if member_id is None:
            return await reader.ask(queries.disputes_page, where, window)
        return await reader.each(queries.disputes_pages, where, window).load(member_id) or []

    async def count() -> int:
        if member_id is None:
            return await reader.ask(queries.count_disputes, where)
        return await reader.each(queries.disputes_counts, where).load(member_id) or 0

    return await connection_of(
        Connection[Dispute], DISPUTES, page, fetch=fetch, count=count,
        key=lambda row: (row.id,), node=lambda row: Dispute.of(row, currency),
    )  # fmt: skip


async def dispute_named(context: Context, named: NodeId) -> Dispute | None:
    """The dispute of that id, if the viewer may read its member's bills."""
    extent = context.extent(Action.BILL_READ, named.cooperative_id)
    if extent.is_empty:
        return None
    reader = await context.reader(named.cooperative_id)
    value = await reader.each(queries.disputes_by_ids).load(named.id)
    if value is None or not extent.reaches(value.member_id):
        return None
    return Dispute.of(value, (await cooperative_value(reader)).currency)


@found_by("Dispute")
async def dispute_by_node(context: Context, named: NodeId) -> Dispute | None:
    """The dispute of that id, if the viewer may read its member's bills."""
    return await dispute_named(context, named)


@strawberry.input(description="What is contested, and why: a charge or a bill item.")
class DisputeOpenInput:
    """What is contested, and why: a charge or a bill item, one of them."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    charge_id: strawberry.ID | None = strawberry.field(
        default=None, description="The charge of a session."
    )
    item_id: strawberry.ID | None = strawberry.field(default=None, description="The bill item.")
    reason: str = strawberry.field(description="Why, 1 to 500 characters.")


@strawberry.input(description="How a dispute is decided, and why.")
class DisputeDecideInput:
    """How a dispute is decided, and why."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    dispute_id: strawberry.ID = strawberry.field(description="The dispute.")
    decision: DisputeDecision = strawberry.field(description="Credit or refusal.")
    amount: MoneyInput | None = strawberry.field(
        default=None, description="What to credit before tax; all that is left unless said."
    )
    reason: str = strawberry.field(description="Why, 1 to 500 characters.")
    resolution: str | None = strawberry.field(
        default=None, description="The resolution it rests on, if any."
    )


@strawberry.type(description="The dispute, or why there is none.")
class DisputePayload(Payload):
    """The dispute, or why there is none."""

    dispute: Dispute | None = strawberry.field(default=None, description="As it now stands.")


@strawberry.type
class DisputeMutations:
    """Mutations of disputes."""

    @strawberry.mutation(description="Contest a charge or a bill item.")
    @refusals_as(DisputePayload)
    async def dispute_open(self, info: Info, input: DisputeOpenInput) -> DisputePayload:
        context = info.context
        named, kind = _contested(input)

        async def work(connection: AsyncConnection) -> Outcome:
            about: dict[str, Any] = {kind: named.id}
            row = await service.open_dispute(
                connection, context.viewer, CooperativeId(named.cooperative_id),
                reason=input.reason, **about,
            )  # fmt: skip
            return {"dispute": str(row.id)}

        return await _payload(context, named.cooperative_id, "disputeOpen", input, work)

    @strawberry.mutation(description="Decide a dispute: credit it, in whole or part, or refuse it.")
    @refusals_as(DisputePayload)
    async def dispute_decide(self, info: Info, input: DisputeDecideInput) -> DisputePayload:
        context = info.context
        named = node_id_of_type(input.dispute_id, "Dispute", "disputeId")
        cooperative_id = CooperativeId(named.cooperative_id)
        amount = await _amount(context, cooperative_id, input)

        async def work(connection: AsyncConnection) -> Outcome:
            given: dict[str, Any] = {"reason": input.reason, "resolution": input.resolution}
            if input.decision is DisputeDecision.CREDIT:
                row = await service.credit_dispute(
                    connection, context.viewer, cooperative_id, named.id, net_minor=amount, **given
                )
            else:
                row = await service.refuse_dispute(
                    connection, context.viewer, cooperative_id, named.id, **given
                )
            return {"dispute": str(row.id)}

        return await _payload(context, named.cooperative_id, "disputeDecide", input, work)


def _contested(input: DisputeOpenInput) -> tuple[NodeId, str]:
    if (input.charge_id is None) == (input.item_id is None):
        raise InvalidValue("Name a charge or a bill item, one of them.", ("chargeId",))
    if input.charge_id is not None:
        return node_id_of_type(input.charge_id, "Charge", "chargeId"), "charge_id"
    return node_id_of_type(input.item_id or "", "BillItem", "itemId"), "item_id"


async def _amount(
    context: Context, cooperative_id: CooperativeId, input: DisputeDecideInput
) -> int | None:
    if input.amount is None:
        return None
    if input.decision is DisputeDecision.REFUSE:
        raise InvalidValue("What is refused has no amount.", ("amount",))
    return await minor_of(context, cooperative_id, input.amount, "amount")


async def minor_of(
    context: Context, cooperative_id: CooperativeId, given: MoneyInput, *path: str
) -> int:
    """An amount in minor units of the cooperative's currency. Refuses INVALID_VALUE for another."""
    try:
        value = given.money()
    except InvalidValue as refusal:
        raise refusal.under(*path) from None
    found = (await context.cooperatives()).get(cooperative_id)
    if found is not None and value.currency != found.currency:
        raise InvalidValue(f"Amounts are in {found.currency}.", (*path, "currency"))
    return value.minor


async def _payload(
    context: Context, cooperative_id: UUID, mutation: str, input: Any, work: Any
) -> DisputePayload:
    outcome, replayed = await under_key(
        context, CooperativeId(cooperative_id), mutation, input, work
    )
    named = NodeId("Dispute", cooperative_id, UUID(outcome["dispute"]))
    return DisputePayload(dispute=await dispute_named(context, named), replayed=replayed)
