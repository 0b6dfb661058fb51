"""The bank in the API: our accounts, the lines on them, files in, direct debits out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection
from strawberry import UNSET

from coop.billing.domain.bank_line import masked, without_ibans
from coop.billing.queries import bank as queries
from coop.billing.queries import collecting
from coop.billing.queries.bank import BankAccount as AccountValue
from coop.billing.queries.bank import LineWhere, StoredLine
from coop.billing.queries.collecting import StoredCollection, StoredItem
from coop.kernel import money
from coop.kernel.window import Window
from coop.members.domain.policy import Action
from coop.schema.context import Context, Info
from coop.schema.journal import JournalEntry, entry_of
from coop.schema.member import Member, cooperative_value, member_of
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.payments import sees_iban, shown
from coop.schema.scalars import DateRange, Money

BANK_LINES = Order("bank-lines", date, UUID)
COLLECTION_ITEMS = Order("collection-items", int)
# What candidates are called in the API; others have no id there.
_NODES = {
    "invoice": "Invoice", "member": "Member", "collection": "Collection", "payment": "Payment",
}  # fmt: skip
_ENCODING = re.compile(r'^(\s*<\?xml[^>]*?)\s+encoding=("[^"]*"|\'[^\']*\')')


@strawberry.type(description="An account of the cooperative at a bank.")
class BankAccount(Node):
    """An account of the cooperative at a bank."""

    iban: str = strawberry.field(description="Its IBAN; without its middle for who only reads.")
    name: str = strawberry.field(description="The holder, as direct debits name who collects.")
    bic: str | None = strawberry.field(description="The bank's BIC, if it is known.")
    account_code: str = strawberry.field(description="The account of the chart that holds it.")
    creditor_id: str | None = strawberry.field(description="Our SEPA creditor identifier.")

    @classmethod
    def of(cls, context: Context, cooperative_id: UUID, value: AccountValue) -> BankAccount:
        """What the API shows of an account to this viewer."""
        whole = sees_iban(context, cooperative_id, None)
        return cls(
            id=strawberry.ID(str(NodeId("BankAccount", cooperative_id, value.id))),
            iban=value.iban if whole else masked(value.iban),
            name=value.name,
            bic=value.bic,
            account_code=value.account_code,
            creditor_id=value.creditor_id,
        )


@strawberry.type(description="Something a bank line might be.")
class BankLineCandidate:
    """Something a bank line might be."""

    kind: str = strawberry.field(
        description="invoice, member, collection, collection_item or rule."
    )
    id: strawberry.ID | None = strawberry.field(description="Its id, where the API has it.")
    why: str = strawberry.field(description="Why somebody could think so.")


@strawberry.type(description="What moved on an account of the cooperative.")
class BankLine(Node):
    """What moved on an account of the cooperative, and what became of it."""

    booked_on: date = strawberry.field(description="The day the bank booked it.")
    text: str = strawberry.field(
        description="What the payer and the bank wrote; IBANs without their middle likewise."
    )
    reference: str | None = strawberry.field(description="The structured reference it carries.")
    end_to_end_id: str | None = strawberry.field(description="The payer's or our name of it.")
    counterparty: str | None = strawberry.field(description="Who is on the other side.")
    counterparty_iban: str | None = strawberry.field(
        description="From or to which account; without its middle for who only reads."
    )
    return_code: str | None = strawberry.field(description="Why it gives something back.")
    state: str = strawberry.field(
        description="unmatched, posted, or linked to what was posted by hand."
    )
    why: str = strawberry.field(description="Why it is what it is, or why nobody can tell.")
    candidates: list[BankLineCandidate] = strawberry.field(description="What it might be.")
    value: strawberry.Private[StoredLine]

    @classmethod
    def of(cls, context: Context, value: StoredLine) -> BankLine:
        """What the API shows of a line to this viewer."""
        own, iban = value.cooperative_id, value.counterparty_iban
        whole = sees_iban(context, own, value.member_id)
        return cls(
            id=strawberry.ID(str(NodeId("BankLine", own, value.id))),
            booked_on=value.booked_on,
            text=value.content if whole else without_ibans(value.content),
            reference=value.creditor_reference,
            end_to_end_id=value.end_to_end_id,
            counterparty=value.counterparty_name,
            counterparty_iban=iban if whole or iban is None else masked(iban),
            return_code=value.return_code,
            state=value.state,
            why=value.why,
            candidates=[_candidate(own, one) for one in value.candidates],
            value=value,
        )

    @strawberry.field(description="Money in is positive.")
    async def amount(self, info: Info) -> Money:
        return await shown(info.context, self.value.cooperative_id, self.value.amount_minor)

    @strawberry.field(description="Whose money it is, if a member's.")
    async def member(self, info: Info) -> Member | None:
        if self.value.member_id is None:
            return None
        return await member_of(info.context, self.value.cooperative_id, self.value.member_id)

    @strawberry.field(description="The journal entry of it, once it is posted.")
    async def entry(self, info: Info) -> JournalEntry | None:
        value: Any = self.value
        if value.entry_id is None:
            return None
        return await entry_of(info.context, value.cooperative_id, value.entry_id)


def _candidate(cooperative_id: UUID, one: dict[str, str]) -> BankLineCandidate:
    type_ = _NODES.get(one["kind"])
    node = type_ and str(NodeId(type_, cooperative_id, UUID(one["id"])))
    return BankLineCandidate(
        kind=one["kind"], id=strawberry.ID(node) if node else None, why=one["why"]
    )


@strawberry.type(description="An amount of a direct debit.")
class CollectionItem:
    """An amount of a direct debit."""

    end_to_end_id: str = strawberry.field(description="What it is called at every bank.")
    invoice_id: strawberry.ID = strawberry.field(description="The invoice it collects.")
    amount: Money = strawberry.field(description="How much.")
    sequence: str = strawberry.field(description="FRST or RCUR.")
    state: str = strawberry.field(description="pending, settled, returned or cancelled.")
    value: strawberry.Private[StoredItem]
    cooperative_id: strawberry.Private[UUID]

    @classmethod
    def of(cls, value: StoredItem, cooperative_id: UUID, currency: str) -> CollectionItem:
        """What the API shows of an amount."""
        return cls(
            end_to_end_id=value.end_to_end_id,
            invoice_id=strawberry.ID(str(NodeId("Invoice", cooperative_id, value.invoice_id))),
            amount=Money.of(money.Money(currency, value.amount_minor)),
            sequence=value.sequence,
            state=value.state,
            value=value,
            cooperative_id=cooperative_id,
        )

    @strawberry.field(description="Whose invoice.")
    async def member(self, info: Info) -> Member | None:
        return await member_of(info.context, self.cooperative_id, self.value.member_id)


@strawberry.type(description="Direct debits sent to the bank together.")
class Collection(Node):
    """Direct debits sent to the bank together, and the file of them."""

    message_id: str = strawberry.field(description="What the file is called towards the bank.")
    collect_on: date = strawberry.field(description="The day the bank is asked to collect.")
    scheme: str = strawberry.field(description="CORE or B2B.")
    file: str | None = strawberry.field(
        description="The pain.008 file for the bank; for the treasurer only."
    )
    sha256: str = strawberry.field(description="SHA-256 of the file, hexadecimal.")
    cancelled: bool = strawberry.field(description="Whether it never went to the bank.")
    value: strawberry.Private[StoredCollection]

    @classmethod
    def of(cls, context: Context, value: StoredCollection) -> Collection:
        """What the API shows of a collection to this viewer."""
        whole = sees_iban(context, value.cooperative_id, None)
        return cls(
            id=strawberry.ID(str(NodeId("Collection", value.cooperative_id, value.id))),
            message_id=value.message_id,
            collect_on=value.collect_on,
            scheme=value.scheme,
            file=value.file.decode() if whole else None,
            sha256=value.file_sha256.hex(),
            cancelled=value.cancelled_at is not None,
            value=value,
        )

    @strawberry.field(description="The sum of its amounts.")
    async def amount(self, info: Info) -> Money:
        return await shown(info.context, self.value.cooperative_id, self.value.amount_minor)

    @strawberry.field(description="Its amounts, in the order of the file.")
    async def items(
        self, info: Info, first: int | None = UNSET, after: str | None = UNSET
    ) -> Connection[CollectionItem]:
        value = self.value
        reader = await info.context.reader(value.cooperative_id)
        currency = (await cooperative_value(reader)).currency

        async def fetch(window: Window) -> Sequence[StoredItem]:
            return await reader.each(collecting.items_pages, window).load(value.id) or []

        async def count() -> int:
            return value.items

        return await connection_of(
            Connection[CollectionItem], COLLECTION_ITEMS, Page(first, after), fetch=fetch,
            count=count, key=lambda row: (row.number,),
            node=lambda row: CollectionItem.of(row, value.cooperative_id, currency),
        )  # fmt: skip


@strawberry.input(description="Which bank lines a list holds.")
class BankLineWhere:
    """Which bank lines a list holds; what is not said does not matter."""

    unmatched: bool = strawberry.field(
        default=False, description="Only those that wait for somebody to say what they are."
    )
    days: DateRange | None = strawberry.field(default=None, description="Booked on these days.")


async def bank_lines(
    context: Context, cooperative_id: UUID, page: Page, where: BankLineWhere | None, *,
    allowed: bool,
) -> Connection[BankLine]:  # fmt: skip
    """The lines on our accounts, the latest first; none where the viewer may not read them."""
    reader = await context.reader(cooperative_id)
    given = where or BankLineWhere()
    from_on, to_on = given.days.bounds() if given.days else (None, None)
    wanted = LineWhere(unmatched=given.unmatched, from_on=from_on, to_on=to_on)

    async def fetch(window: Window) -> Sequence[StoredLine]:
        return await reader.ask(queries.lines_page, wanted, window) if allowed else []

    async def count() -> int:
        return await reader.ask(queries.lines_count, wanted) if allowed else 0

    return await connection_of(
        Connection[BankLine], BANK_LINES, page, fetch=fetch, count=count,
        key=lambda row: (row.booked_on, row.id), node=lambda row: BankLine.of(context, row),
    )  # fmt: skip


async def bank_accounts(
    context: Context, cooperative_id: UUID, *, allowed: bool
) -> list[BankAccount]:
    """Our accounts by IBAN; none where the viewer may not read them."""
    if not allowed:
        return []
    reader = await context.reader(cooperative_id)
    found = await reader.ask(queries.bank_accounts)
    return [BankAccount.of(context, cooperative_id, one) for one in found]


def _readable(context: Context, cooperative_id: UUID) -> bool:
    return not context.extent(Action.BOOKS_READ, cooperative_id).is_empty


async def line_by_node(context: Context, named: NodeId) -> BankLine | None:
    """The line of that id, if the viewer may read the books."""
    if not _readable(context, named.cooperative_id):
        return None
    reader = await context.reader(named.cooperative_id)
    value = await reader.each(queries.lines_by_ids).load(named.id)
    return None if value is None else BankLine.of(context, value)


found_by("BankLine")(line_by_node)


async def account_by_node(context: Context, named: NodeId) -> BankAccount | None:
    """The account of that id, if the viewer may read the books."""
    found = await bank_accounts(
        context, named.cooperative_id, allowed=_readable(context, named.cooperative_id)
    )
    wanted = str(named)
    return next((one for one in found if one.id == wanted), None)


found_by("BankAccount")(account_by_node)


async def collection_by_node(context: Context, named: NodeId) -> Collection | None:
    """The collection of that id, if the viewer may read the books."""
    if not _readable(context, named.cooperative_id):
        return None
    reader = await context.reader(named.cooperative_id)
    value = await reader.each(collecting.collections_by_ids).load(named.id)
    return None if value is None else Collection.of(context, value)


found_by("Collection")(collection_by_node)


def bytes_of(content: str) -> bytes:
    """A file that came as text, as the bytes it stands for.

    An XML declaration names the encoding the file had on disk; as text it has none any more.
    """
    return _ENCODING.sub(r"\1", content, count=1).encode()


async def lines_of(connection: AsyncConnection, ids: Sequence[UUID]) -> list[StoredLine]:
    """The lines of those ids, in that order."""
    found = await queries.lines_by_ids(connection, ids)
    return [found[id_] for id_ in ids if id_ in found]
