"""Invoices and credit notes as they were issued, and their lines down to the sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from strawberry import UNSET

from coop.billing.domain.lines import Line
from coop.billing.domain.taxes import TaxTotal
from coop.billing.queries import bill_items
from coop.billing.queries import invoices as queries
from coop.billing.queries.bill_items import LineKey
from coop.billing.queries.invoices import InvoiceRow
from coop.kernel import money
from coop.kernel.ids import CooperativeId, MemberId
from coop.kernel.window import Window
from coop.members.domain.people import Member as MemberValue
from coop.members.domain.policy import Action
from coop.reports.invoice_queries import documents_of_invoices
from coop.schema.bill_items import BillItem, item_by_id
from coop.schema.context import Context, Info
from coop.schema.hub import Hub, hub_of
from coop.schema.journal import JournalEntry, entry_of
from coop.schema.member import Member, member_of
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId, node_id_of_type
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.scalars import DateRange, Money
from coop.schema.sessions import ChargingSession
from coop.schema.statements import Document
from coop.schema.taxes import Tax

INVOICES = Order("invoices", date, UUID)
LINE_SESSIONS = Order("line-sessions", UUID)


@strawberry.enum(description="What a document is.")
class InvoiceKind(Enum):
    """What a document is."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


@strawberry.enum(description="Where a document stands today.")
class InvoiceState(Enum):
    """Where a document stands today."""

    OPEN = "open"
    PAID = "paid"
    OVERDUE = "overdue"


@strawberry.type(description="A tax of an invoice: exact sums of its lines, rounded once.")
class InvoiceTax:
    """A tax of an invoice."""

    name: str = strawberry.field(description="Which tax.")
    percent: Decimal = strawberry.field(description="Its rate in per cent.")
    base: Money = strawberry.field(description="What it is on.")
    tax: Money = strawberry.field(description="What it comes to.")

    @classmethod
    def of(cls, value: TaxTotal, currency: str) -> InvoiceTax:
        """What the API shows of a tax."""
        return cls(
            name=value.name,
            percent=value.percent,
            base=shown(currency, value.base_minor),
            tax=shown(currency, value.tax_minor),
        )


@strawberry.type(description="A line of a bill: charges of one price at one hub, or one item.")
class InvoiceLine:
    """A line of a bill, of an invoice that was issued or of a draft."""

    number: int = strawberry.field(description="Its place, from 1.")
    kind: str = strawberry.field(description="ENERGY, TIME and so on, or the kind of its item.")
    element: int | None = strawberry.field(
        description="Element of the tariff that priced it, from 0."
    )
    description: str = strawberry.field(description="What it is for.")
    quantity: Decimal = strawberry.field(description="How much of the unit.")
    unit: str = strawberry.field(description="What the quantity counts.")
    unit_price: Decimal = strawberry.field(description="Of one unit, before tax, exact.")
    net: Money = strawberry.field(description="Before tax; each charge was rounded by itself.")
    taxes: list[Tax] = strawberry.field(description="Taxes on it.")
    session_count: int = strawberry.field(description="How many charges it gathers.")
    refers_to_line: int | None = strawberry.field(
        description="On a credit note: the line of the invoice it corrects."
    )
    value: strawberry.Private[Line]
    cooperative_id: strawberry.Private[UUID]
    invoice_id: strawberry.Private[UUID | None]

    @classmethod
    def of(
        cls, value: Line, cooperative_id: UUID, currency: str, invoice_id: UUID | None = None
    ) -> InvoiceLine:
        """What the API shows of a line."""
        return cls(
            number=value.number,
            kind=value.kind,
            element=value.element,
            description=value.description,
            quantity=value.quantity,
            unit=value.unit,
            unit_price=value.unit_price,
            net=shown(currency, value.net_minor),
            taxes=[Tax.of(tax) for tax in value.taxes],
            session_count=value.sessions,
            refers_to_line=value.refers_to_line,
            value=value,
            cooperative_id=cooperative_id,
            invoice_id=invoice_id,
        )

    @strawberry.field(description="Where it arose, if at one hub.")
    async def hub(self, info: Info) -> Hub | None:
        if self.value.hub_id is None:
            return None
        return await hub_of(info.context, self.cooperative_id, self.value.hub_id)

    @strawberry.field(description="Name of the tariff that priced it, if one did.")
    async def tariff(self, info: Info) -> str | None:
        return (await self._tariff(info))[0]

    @strawberry.field(description="The resolution that the price rests on, if one is named.")
    async def resolution(self, info: Info) -> str | None:
        return (await self._tariff(info))[1]

    async def _tariff(self, info: Info) -> tuple[str | None, str | None]:
        if self.value.tariff_version_id is None:
            return None, None
        reader = await info.context.reader(self.cooperative_id)
        found = reader.each(bill_items.tariffs_named)
        return await found.load(self.value.tariff_version_id) or (None, None)

    @strawberry.field(description="The bill item it shows, if it is of one.")
    async def item(self, info: Info) -> BillItem | None:
        if self.invoice_id is None or self.value.sessions:
            return None
        reader = await info.context.reader(self.cooperative_id)
        line = LineKey(self.invoice_id, self.number)
        id_ = await reader.each(bill_items.items_of_lines).load(line)
        return None if id_ is None else await item_by_id(reader, id_)

    @strawberry.field(description="The sessions it charges, in the order they were rated.")
    async def sessions(
        self, info: Info, first: int | None = UNSET, after: str | None = UNSET
    ) -> Connection[ChargingSession]:
        reader = await info.context.reader(self.cooperative_id)
        held = self.invoice_id if self.value.sessions else None

        async def fetch(window: Window) -> Sequence[tuple[UUID, Any]]:
            if held is None:
                return []
            lines = reader.each(bill_items.charges_of_lines, window)
            page = await lines.load(LineKey(held, self.number)) or []
            sessions = await reader.sessions.load_many([session for _, session in page])
            return [
                (charge, session)
                for (charge, _), session in zip(page, sessions, strict=True)
                if session is not None
            ]

        async def count() -> int:
            return self.value.sessions if held is not None else 0

        return await connection_of(
            Connection[ChargingSession], LINE_SESSIONS, Page(first, after), fetch=fetch,
            count=count, key=lambda row: (row[0],), node=lambda row: ChargingSession.of(row[1]),
        )  # fmt: skip


@strawberry.type(description="An invoice or a credit note: never changed, only corrected.")
class Invoice(Node):
    """An invoice or a credit note as it was issued; a credit note's amounts are negative."""

    number: int = strawberry.field(description="1, 2, 3 … in its series, without gaps.")
    kind: InvoiceKind = strawberry.field(description="Whether it is an invoice or a credit note.")
    issued_on: date = strawberry.field(description="The day it carries and is posted on.")
    due_on: date = strawberry.field(description="The day by which it is to be paid.")
    from_: date = strawberry.field(name="from", description="First day it bills.")
    to: date = strawberry.field(description="First day it no longer bills.")
    net: Money = strawberry.field(description="Sum of its lines.")
    tax: Money = strawberry.field(description="Sum of its taxes.")
    gross: Money = strawberry.field(description="Net and tax.")
    open: Money = strawberry.field(
        description="What is not settled; of a credit note what it has left to settle (−)."
    )
    reference: str = strawberry.field(description="What a payer writes (ISO 11649).")
    reason: str | None = strawberry.field(description="Why a credit note was issued.")
    resolution: str | None = strawberry.field(description="The resolution it rests on, if any.")
    value: strawberry.Private[InvoiceRow]

    @classmethod
    def of(cls, value: InvoiceRow) -> Invoice:
        """What the API shows of a document."""
        return cls(
            id=strawberry.ID(str(NodeId("Invoice", value.cooperative_id, value.id))),
            number=value.number,
            kind=InvoiceKind(value.kind),
            issued_on=value.issued_on,
            due_on=value.due_on,
            from_=value.from_on,
            to=value.to_on,
            net=shown(value.currency, value.net_minor),
            tax=shown(value.currency, value.tax_minor),
            gross=shown(value.currency, value.gross_minor),
            open=shown(value.currency, value.open_minor),
            reference=value.reference,
            reason=value.reason,
            resolution=value.resolution,
            value=value,
        )

    @strawberry.field(description="Whether it is open, settled, or open past its due day today.")
    async def state(self, info: Info) -> InvoiceState:
        value = self.value
        if not value.open_minor:
            return InvoiceState.PAID
        today = info.context.viewer.today(value.cooperative_id)
        late = value.kind == "invoice" and value.due_on < today
        return InvoiceState.OVERDUE if late else InvoiceState.OPEN

    @strawberry.field(description="Whose it is.")
    async def member(self, info: Info) -> Member | None:
        return await member_of(info.context, self.value.cooperative_id, self.value.member_id)

    @strawberry.field(description="Its lines, in order.")
    async def lines(self, info: Info) -> list[InvoiceLine]:
        value = self.value
        reader = await info.context.reader(value.cooperative_id)
        found: list[Line] = await reader.each(queries.lines_of).load(value.id) or []
        return [
            InvoiceLine.of(line, value.cooperative_id, value.currency, value.id) for line in found
        ]

    @strawberry.field(description="Its taxes, by name and rate.")
    async def taxes(self, info: Info) -> list[InvoiceTax]:
        reader = await info.context.reader(self.value.cooperative_id)
        found: list[TaxTotal] = (
            await reader.each(queries.taxes_of_invoices).load(self.value.id) or []
        )
        return [InvoiceTax.of(tax, self.value.currency) for tax in found]

    @strawberry.field(description="The invoice that a credit note corrects.")
    async def refers_to(self, info: Info) -> Invoice | None:
        if self.value.refers_to_id is None:
            return None
        reader = await info.context.reader(self.value.cooperative_id)
        found = await reader.each(queries.invoices_by_ids).load(self.value.refers_to_id)
        return None if found is None else Invoice.of(found)

    @strawberry.field(description="The credit notes that correct it, by number.")
    async def credit_notes(self, info: Info) -> list[Invoice]:
        reader = await info.context.reader(self.value.cooperative_id)
        found = await reader.each(queries.credit_notes_of).load(self.value.id)
        return [Invoice.of(one) for one in found or ()]

    @strawberry.field(description="Its files, the first drawn first; none before it was drawn.")
    async def documents(self, info: Info) -> list[Document]:
        reader = await info.context.reader(self.value.cooperative_id)
        found = await reader.each(documents_of_invoices).load(self.value.id)
        return [Document.of(info.context, one) for one in found or ()]

    @strawberry.field(description="The journal entry that books it.")
    async def entry(self, info: Info) -> JournalEntry | None:
        return await entry_of(info.context, self.value.cooperative_id, self.value.entry_id)


@strawberry.input(description="Which invoices and credit notes a list holds.")
class InvoiceWhere:
    """Which documents a list holds; what is not said does not matter."""

    kind: InvoiceKind | None = strawberry.field(default=None, description="Of this kind.")
    state: InvoiceState | None = strawberry.field(
        default=None, description="OPEN holds the overdue ones too."
    )
    issued: DateRange | None = strawberry.field(default=None, description="Issued on these days.")
    member_id: strawberry.ID | None = strawberry.field(default=None, description="Of this member.")


def shown(currency: str, minor: int) -> Money:
    """An amount as the API shows it."""
    return Money.of(money.Money(currency, minor))


async def invoices_of_member(
    context: Context, member: MemberValue, page: Page, *, allowed: bool
) -> Connection[Invoice]:
    """A member's invoices and credit notes, the latest first; none the viewer may not read."""
    reader = await context.reader(member.cooperative_id)
    where, member_id = queries.InvoiceWhere(), MemberId(member.id)

    async def fetch(window: Window) -> Sequence[InvoiceRow]:
        if not allowed:
            return []
        return await reader.each(queries.invoices_pages, where, window).load(member_id) or []

    async def count() -> int:
        found = allowed and await reader.each(queries.counts_of_members, where).load(member_id)
        return found or 0

    return await _connection(page, fetch, count)


async def invoices_of_cooperative(
    context: Context, cooperative_id: UUID, page: Page, where: InvoiceWhere | None
) -> Connection[Invoice]:
    """The documents of a cooperative that are the viewer's to read, the latest first."""
    reader = await context.reader(cooperative_id)
    wanted = _where(context, CooperativeId(cooperative_id), where or InvoiceWhere())

    async def fetch(window: Window) -> Sequence[InvoiceRow]:
        return await reader.ask(queries.invoices_page, wanted, window)

    async def count() -> int:
        return await reader.ask(queries.count_invoices, wanted)

    return await _connection(page, fetch, count)


async def _connection(page: Page, fetch: Any, count: Any) -> Connection[Invoice]:
    return await connection_of(
        Connection[Invoice], INVOICES, page, fetch=fetch, count=count,
        key=lambda row: (row.issued_on, row.id), node=Invoice.of,
    )  # fmt: skip


def _where(
    context: Context, cooperative_id: CooperativeId, where: InvoiceWhere
) -> queries.InvoiceWhere:
    member = where.member_id and node_id_of_type(where.member_id, "Member", "where", "memberId").id
    from_on, to_on = (None, None) if where.issued is None else where.issued.bounds()
    today = context.viewer.today(cooperative_id)
    return queries.InvoiceWhere(
        kind=None if where.kind is None else where.kind.value,
        member_id=MemberId(member) if member else None,
        from_on=from_on,
        to_on=to_on,
        settled=None if where.state is None else where.state is InvoiceState.PAID,
        overdue_on=today if where.state is InvoiceState.OVERDUE else None,
        extent=context.extent(Action.BILL_READ, cooperative_id),
    )


async def invoice_named(context: Context, named: NodeId) -> Invoice | None:
    """The document of that id, if the viewer may read its member's."""
    extent = context.extent(Action.BILL_READ, named.cooperative_id)
    if extent.is_empty:
        return None
    reader = await context.reader(named.cooperative_id)
    value = await reader.each(queries.invoices_by_ids).load(named.id)
    return Invoice.of(value) if value and extent.reaches(value.member_id) else None


@found_by("Invoice")
async def invoice_by_node(context: Context, named: NodeId) -> Invoice | None:
    """The document of that id, if the viewer may read its member's."""
    return await invoice_named(context, named)
