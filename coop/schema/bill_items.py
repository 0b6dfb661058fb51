"""Bill items: what a member is charged or credited beside sessions; and what is not billed yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry

from coop.billing.queries import bill_items as queries
from coop.billing.queries import invoices as invoice_queries
from coop.kernel import money
from coop.kernel.ids import MemberId
from coop.kernel.window import Window
from coop.members.domain.people import Member as MemberValue
from coop.members.domain.policy import Action
from coop.schema.context import Context, Info, Reader
from coop.schema.hub import Hub, hub_of
from coop.schema.journal import JournalEntry, entry_of
from coop.schema.member import Member, cooperative_value, member_of
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.scalars import Money
from coop.schema.taxes import Tax, taxes_shown

if TYPE_CHECKING:
    from coop.schema.invoices import Invoice

ITEMS = Order("bill-items", date, UUID)


@strawberry.type(description="What a member is charged or credited beside sessions.")
class BillItem(Node):
    """A fee, a shortfall, a cost passed on, a credit: one entry each, gathered by an invoice."""

    kind: str = strawberry.field(description="SUBSCRIPTION, SHORTFALL, DISPUTE_CREDIT and so on.")
    effective_on: date = strawberry.field(description="The day it counts for.")
    description: str = strawberry.field(description="What it is for.")
    quantity: Decimal = strawberry.field(description="How much of the unit.")
    unit: str = strawberry.field(description="What the quantity counts.")
    unit_price: Decimal = strawberry.field(description="Of one unit, before tax, exact.")
    net: Money = strawberry.field(description="Before tax; negative is a credit.")
    taxes: list[Tax] = strawberry.field(description="Taxes on it.")
    resolution: str | None = strawberry.field(description="The resolution it rests on, if any.")
    value: strawberry.Private[dict[str, Any]]

    @classmethod
    def of(cls, value: dict[str, Any], currency: str) -> BillItem:
        """What the API shows of a stored item."""
        return cls(
            id=strawberry.ID(str(NodeId("BillItem", value["cooperative_id"], value["id"]))),
            kind=value["kind"],
            effective_on=value["effective_on"],
            description=value["description"],
            quantity=value["quantity"],
            unit=value["unit"],
            unit_price=value["unit_price"],
            net=Money.of(money.Money(currency, value["net_minor"])),
            taxes=taxes_shown(value["taxes"]),
            resolution=value["resolution"],
            value=value,
        )

    @strawberry.field(description="Whose it is.")
    async def member(self, info: Info) -> Member | None:
        return await member_of(info.context, self.value["cooperative_id"], self.value["member_id"])

    @strawberry.field(description="Where it arose, if at one hub.")
    async def hub(self, info: Info) -> Hub | None:
        if self.value["hub_id"] is None:
            return None
        return await hub_of(info.context, self.value["cooperative_id"], self.value["hub_id"])

    @strawberry.field(description="The journal entry that books it.")
    async def entry(self, info: Info) -> JournalEntry | None:
        return await entry_of(info.context, self.value["cooperative_id"], self.value["entry_id"])

    @strawberry.field(description="The invoice that holds it; null until one does.")
    async def invoice(
        self, info: Info
    ) -> Annotated[Invoice, strawberry.lazy("coop.schema.invoices")] | None:
        from coop.schema.invoices import Invoice  # noqa: PLC0415 - the two know each other

        reader = await info.context.reader(self.value["cooperative_id"])
        held = await reader.each(invoice_queries.invoices_of_items).load(self.value["id"])
        found = held and await reader.each(invoice_queries.invoices_by_ids).load(held)
        return Invoice.of(found) if found else None


async def item_by_id(reader: Reader, id_: UUID) -> BillItem | None:
    """The bill item of that id; whoever asks has asked whether the viewer may."""
    value = await reader.each(queries.items_by_ids).load(id_)
    return None if value is None else BillItem.of(value, (await cooperative_value(reader)).currency)


async def items_of_member(
    context: Context, member: MemberValue, page: Page, *, allowed: bool
) -> Connection[BillItem]:
    """A member's bill items, the latest first; none the viewer may not read."""
    reader = await context.reader(member.cooperative_id)
    currency, member_id = (await cooperative_value(reader)).currency, MemberId(member.id)

    async def fetch(window: Window) -> Sequence[dict[str, Any]]:
        if not allowed:
            return []
        return await reader.each(queries.items_pages, window).load(member_id) or []

    async def count() -> int:
        return await reader.each(queries.items_counts).load(member_id) or 0 if allowed else 0

    return await connection_of(
        Connection[BillItem], ITEMS, page, fetch=fetch, count=count,
        key=lambda row: (row["effective_on"], row["id"]),
        node=lambda row: BillItem.of(row, currency),
    )  # fmt: skip


@found_by("BillItem")
async def item_by_node(context: Context, named: NodeId) -> BillItem | None:
    """The bill item of that id, if the viewer may read its member's."""
    extent = context.extent(Action.BILL_READ, named.cooperative_id)
    if extent.is_empty:
        return None
    found = await item_by_id(await context.reader(named.cooperative_id), named.id)
    return found if found and extent.reaches(found.value["member_id"]) else None
