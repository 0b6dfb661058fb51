"""What members owe and since when, and what they will be billed: no document yet, or any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing import open_items
from coop.billing.domain.lines import Bill
from coop.billing.run import bills_of
from coop.kernel.ids import CooperativeId, MemberId
from coop.kernel.window import Window
from coop.members.domain.people import Member as MemberValue
from coop.members.domain.policy import Action
from coop.schema.context import Context, Info
from coop.schema.invoices import InvoiceKind, InvoiceLine, InvoiceTax, shown
from coop.schema.member import Member, cooperative_value, member_of
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.scalars import Money

AGING = Order("aging", str)


@strawberry.type(description="A bill that nobody issued: what a member would be billed.")
class MemberBill:
    """What a member would be billed: lines, taxes and sums as an invoice would have them."""

    kind: InvoiceKind = strawberry.field(description="What it would be issued as.")
    net: Money = strawberry.field(description="Sum of its lines.")
    tax: Money = strawberry.field(description="Sum of its taxes.")
    gross: Money = strawberry.field(description="Net and tax.")
    lines: list[InvoiceLine] = strawberry.field(description="Its lines, in order.")
    taxes: list[InvoiceTax] = strawberry.field(description="Its taxes, by name and rate.")
    cooperative_id: strawberry.Private[UUID]
    member_id: strawberry.Private[MemberId]

    @classmethod
    def of(cls, cooperative_id: UUID, member_id: MemberId, bill: Bill, currency: str) -> MemberBill:
        """What the API shows of a bill."""
        return cls(
            kind=InvoiceKind(bill.kind),
            net=shown(currency, bill.net_minor),
            tax=shown(currency, bill.tax_minor),
            gross=shown(currency, bill.gross_minor),
            lines=[InvoiceLine.of(line, cooperative_id, currency) for line in bill.lines],
            taxes=[InvoiceTax.of(tax, currency) for tax in bill.taxes],
            cooperative_id=cooperative_id,
            member_id=member_id,
        )

    @strawberry.field(description="Whose it is.")
    async def member(self, info: Info) -> Member | None:
        return await member_of(info.context, self.cooperative_id, self.member_id)


@strawberry.type(description="What a member owes on invoices, by days past their due day.")
class AgingRow:
    """What a member owes; everything of a row together is what account 1200 holds."""

    current: Money = strawberry.field(description="Not due yet.")
    days30: Money = strawberry.field(description="1 to 30 days late.")
    days60: Money = strawberry.field(description="31 to 60 days late.")
    days90: Money = strawberry.field(description="61 to 90 days late.")
    older: Money = strawberry.field(description="More than 90 days late.")
    held: Money = strawberry.field(description="Contested today, and in none of these.")
    other: Money = strawberry.field(
        description="Paid or credited and settling no invoice (−); charged before invoices (+)."
    )
    total: Money = strawberry.field(description="All of it.")
    cooperative_id: strawberry.Private[UUID]
    value: strawberry.Private[open_items.AgingRow]

    @classmethod
    def of(cls, value: open_items.AgingRow, cooperative_id: UUID, currency: str) -> AgingRow:
        """What the API shows of a row."""
        sums = [*value.buckets, value.held_minor, value.other_minor, value.total_minor]
        current, *rest = [shown(currency, minor) for minor in sums]
        days30, days60, days90, older, held, other, total = rest
        return cls(
            current=current, days30=days30, days60=days60, days90=days90, older=older, held=held,
            other=other, total=total, cooperative_id=cooperative_id, value=value,
        )  # fmt: skip

    @strawberry.field(description="Who owes it; null for the sum of everybody.")
    async def member(self, info: Info) -> Member | None:
        if not self.value.number:
            return None
        return await member_of(info.context, self.cooperative_id, self.value.member_id)


@strawberry.type(description="One page of who owes what, by the member's number, and its sum.")
class AgingConnection(Connection[AgingRow]):
    """One page of aging, and the sum of the whole list, computed when asked for."""

    sum: strawberry.Private[Any]

    @strawberry.field(description="The sum of every row of the list.")
    async def total(self) -> AgingRow:
        found: AgingRow = await self.sum()
        return found


async def aging_of(context: Context, cooperative_id: UUID, on: date | None, page: Page) -> Any:
    """Who owes what at the end of `on` (today); empty unless the viewer reads everybody's bills."""
    reader = await context.reader(cooperative_id)
    currency = (await cooperative_value(reader)).currency
    allowed = context.extent(Action.BILL_READ, cooperative_id).everything
    day = on or context.viewer.today(cooperative_id)

    async def fetch(window: Window) -> Sequence[open_items.AgingRow]:
        return await reader.ask(open_items.aging_page, day, window) if allowed else []

    async def totals() -> tuple[int, open_items.AgingRow]:
        if not allowed:
            return 0, open_items.AgingRow(MemberId(cooperative_id), "", (0,) * 5, 0, 0)
        return await reader.once(("aging", day), lambda c: open_items.aging_total(c, day))

    async def count() -> int:
        return (await totals())[0]

    async def total() -> AgingRow:
        return AgingRow.of((await totals())[1], cooperative_id, currency)

    return await connection_of(
        AgingConnection, AGING, page, fetch=fetch, count=count, key=lambda row: (row.number,),
        node=lambda row: AgingRow.of(row, cooperative_id, currency), sum=total,
    )  # fmt: skip


async def unbilled_of(context: Context, member: MemberValue) -> MemberBill | None:
    """What no invoice holds yet of a member, as its next bill; None when there is nothing."""
    reader = await context.reader(member.cooperative_id)
    cooperative_id = CooperativeId(member.cooperative_id)
    currency = (await cooperative_value(reader)).currency
    bill: Bill | None = await reader.each(_bills_of, cooperative_id).load(MemberId(member.id))
    if bill is None:
        return None
    return MemberBill.of(cooperative_id, MemberId(member.id), bill, currency)


async def _bills_of(
    connection: AsyncConnection, members: Sequence[MemberId], cooperative_id: CooperativeId
) -> dict[MemberId, Bill]:
    found = await bills_of(connection, cooperative_id, members, date.max)
    return {one.member_id: one.bill for one in found}
