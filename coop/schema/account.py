"""Accounts, funds and the postings to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from strawberry import UNSET

from coop.kernel.ids import AccountId, FundId
from coop.kernel.rate import from_scale
from coop.kernel.window import Window
from coop.ledger import queries as ledger
from coop.ledger.domain.account import AccountType
from coop.ledger.domain.entry import Side
from coop.ledger.queries import AccountRow, BalanceRow, PostingRow
from coop.members.domain.policy import Action
from coop.schema.amounts import Balance, CommoditySum
from coop.schema.context import Context, Info, Reader
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.scalars import DateRange

if TYPE_CHECKING:
    from coop.schema.hub import Hub
    from coop.schema.journal import JournalEntry
    from coop.schema.member import Member

strawberry.enum(
    AccountType,
    description="The accounting meaning of an account; MEMORANDUM accounts count energy.",
)

POSTINGS = Order("postings", datetime, UUID, int)


@strawberry.type(description="Money under one restriction; every posting stands in a fund.")
class Fund(Node):
    """Money under one restriction."""

    code: str = strawberry.field(description="Short name; UNRESTRICTED is the general fund.")
    name: str = strawberry.field(description="What people call it.")
    restriction: str = strawberry.field(description="none, purpose or time.")

    @classmethod
    def of(cls, row: Any) -> Fund:
        """What the API shows of a fund's row."""
        id_ = strawberry.ID(str(NodeId("Fund", row.cooperative_id, row.id)))
        return cls(id=id_, code=row.code, name=row.name, restriction=row.restriction)


async def fund_of(reader: Reader, fund_id: FundId) -> Fund:
    """The fund of that id; all of a cooperative's are read at once, they are few."""
    return Fund.of((await reader.once("funds", ledger.funds))[fund_id])


@strawberry.type(description="One line of a journal entry.")
class Posting(Node):
    """One line of a journal entry."""

    side: Side = strawberry.field(description="Debit or credit.")
    amount: Decimal = strawberry.field(description="Positive, in the commodity.")
    commodity: str = strawberry.field(description="A currency, or kWh.")
    running_balance: Decimal = strawberry.field(
        description="The account's balance in this fund right after, on its normal side."
    )
    row: strawberry.Private[PostingRow]
    account_row: strawberry.Private[AccountRow]

    @classmethod
    def of(cls, row: PostingRow, account: AccountRow, scale: int) -> Posting:
        """What the API shows of a posting to `account`."""
        named = NodeId("Posting", account.cooperative_id, row.entry_id, row.line)
        return cls(
            id=strawberry.ID(str(named)),
            side=Side.of(row.amount_minor),
            amount=from_scale(abs(row.amount_minor), scale),
            commodity=row.commodity,
            running_balance=from_scale(account.normal_side * row.balance_after, scale),
            row=row,
            account_row=account,
        )

    @strawberry.field(description="The entry it is a line of.")
    def entry(self, info: Info) -> Annotated[JournalEntry, strawberry.lazy("coop.schema.journal")]:
        from coop.schema.journal import JournalEntry  # noqa: PLC0415 - the two know each other

        if self.row.recorded_at is not None:  # a page brings it: nothing to wait for, row by row
            return JournalEntry.of_posting(self.account_row.cooperative_id, self.row)
        # GraphQL awaits what it is given.
        return self._entry_read(info)  # type: ignore[return-value]

    async def _entry_read(self, info: Info) -> JournalEntry:
        from coop.schema.journal import JournalEntry  # noqa: PLC0415 - likewise

        reader = await info.context.reader(self.account_row.cooperative_id)
        return JournalEntry.of(await reader.entries.load(self.row.entry_id))

    @strawberry.field(description="The account it moves.")
    def account(self) -> Account:
        return Account.of(self.account_row)

    @strawberry.field(description="The fund it stands in.")
    async def fund(self, info: Info) -> Fund:
        reader = await info.context.reader(self.account_row.cooperative_id)
        return await fund_of(reader, self.row.fund_id)


@strawberry.type(description="One page of postings, the latest first, and their sums.")
class PostingConnection(Connection[Posting]):
    """One page of postings, and the sums of the whole list, computed when asked for."""

    sums: strawberry.Private[Any]

    @strawberry.field(description="Sums of the whole list under the same filter, by commodity.")
    async def sum(self) -> list[CommoditySum]:
        found: list[CommoditySum] = await self.sums()
        return found


@strawberry.input(description="Which postings a list holds.")
class PostingWhere:
    """Which postings a list holds; what is not said does not matter."""

    effective_on: DateRange | None = strawberry.field(
        default=None, description="Effective within these days."
    )
    commodity: str | None = strawberry.field(default=None, description="Of this commodity only.")

    def days(self) -> tuple[date | None, date | None]:
        """(from, to) of the effective days."""
        return (None, None) if self.effective_on is None else self.effective_on.bounds()


async def postings_connection(
    context: Context,
    cooperative_id: UUID,
    accounts: Sequence[AccountRow],
    page: Page,
    where: PostingWhere | None,
) -> PostingConnection:
    """A page of the postings to these accounts: what an account and a member both show."""
    reader = await context.reader(cooperative_id)
    scales = await reader.scales()
    wanted = where or PostingWhere()
    from_on, to_on = wanted.days()
    by_id = {a.id: a for a in accounts if wanted.commodity in (None, a.commodity)}
    ids = tuple(AccountId(id_) for id_ in by_id)

    async def fetch(window: Window) -> list[PostingRow]:
        place: Any = window.before if window.backward else window.after
        other: Any = window.after if window.backward else window.before
        page = reader.each(
            ledger.postings_pages, place, window.limit, window.backward, from_on, to_on
        )
        rows: list[PostingRow] = await page.load(ids) or [] if ids else []
        if other is None:
            return rows
        # The latest come first: what lies before `other` in the list was recorded later than it.
        if window.backward:
            return [row for row in rows if _place(row) < other]
        return [row for row in rows if _place(row) > other]

    async def totals() -> list[Any]:
        total = reader.each(ledger.postings_totals, from_on, to_on)
        return await total.load(ids) or [] if ids else []

    async def count() -> int:
        return sum(int(row.count) for row in await totals())

    async def sums() -> list[CommoditySum]:
        return [_commodity_sum(row, scales[row.commodity]) for row in await totals()]

    return await connection_of(
        PostingConnection, POSTINGS, page, fetch=fetch, key=_place, count=count, sums=sums,
        node=lambda row: Posting.of(row, by_id[row.account_id], scales[row.commodity]),
    )  # fmt: skip


def _place(row: PostingRow) -> tuple[datetime, UUID, int]:
    if row.recorded_at is None:
        raise ValueError("a page's posting knows when it was recorded")
    return (row.recorded_at, row.entry_id, row.line)


def _commodity_sum(row: Any, scale: int) -> CommoditySum:
    debit, credit = int(row.debit_minor), int(row.credit_minor)
    return CommoditySum(
        commodity=row.commodity,
        debit=from_scale(debit, scale),
        credit=from_scale(credit, scale),
        amount=from_scale(debit - credit, scale),
        count=int(row.count),
    )


@strawberry.type(description="An account of the chart, opened for what it is kept for.")
class Account(Node):
    """An account of the chart: of the cooperative, of a member, or of a hub."""

    code: str = strawberry.field(description="Its code in the chart of accounts.")
    name: str = strawberry.field(description="Its name in the chart of accounts.")
    type: AccountType = strawberry.field(description="What it means in the accounts.")
    commodity: str = strawberry.field(description="What it counts: a currency, or kWh.")
    row: strawberry.Private[AccountRow]

    @classmethod
    def of(cls, row: AccountRow) -> Account:
        """What the API shows of an account's row."""
        return cls(
            id=strawberry.ID(str(NodeId("Account", row.cooperative_id, row.id))),
            code=row.code,
            name=row.name,
            type=AccountType(row.type),
            commodity=row.commodity,
            row=row,
        )

    @strawberry.field(description="The member it is kept for, if any.")
    async def member(
        self, info: Info
    ) -> Annotated[Member, strawberry.lazy("coop.schema.member")] | None:
        from coop.schema.member import member_of  # noqa: PLC0415 - the two know each other

        if self.row.member_id is None:
            return None
        return await member_of(info.context, self.row.cooperative_id, self.row.member_id)

    @strawberry.field(description="The hub it is kept for, if any.")
    async def hub(self, info: Info) -> Annotated[Hub, strawberry.lazy("coop.schema.hub")] | None:
        from coop.schema.hub import hub_of  # noqa: PLC0415 - the two know each other

        if self.row.hub_id is None:
            return None
        return await hub_of(info.context, self.row.cooperative_id, self.row.hub_id)

    @strawberry.field(
        description="What it holds: effective by `asOf`, as was recorded by `knownAt`."
    )
    async def balance(
        self, info: Info, as_of: date | None = None, known_at: datetime | None = None
    ) -> Balance:
        reader = await info.context.reader(self.row.cooperative_id)
        scale = (await reader.scales())[self.commodity]
        row = await reader.balances.load((self.row.id, as_of, known_at))
        return Balance.of(
            row or BalanceRow(self.row.id, self.commodity, self.row.normal_side, 0, 0), scale
        )

    @strawberry.field(description="Its postings, the latest recorded first.")
    async def postings(
        self,
        info: Info,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
        where: PostingWhere | None = None,
    ) -> PostingConnection:
        page = Page(first, after, last, before)
        return await postings_connection(
            info.context, self.row.cooperative_id, [self.row], page, where
        )


@found_by("Account")
async def account_of(context: Context, named: NodeId) -> Account | None:
    """The account of that id, if the viewer may read it."""
    extent = context.extent(Action.ACCOUNT_READ, named.cooperative_id)
    if extent.is_empty:
        return None
    reader = await context.reader(named.cooperative_id)
    row = await reader.accounts.load(named.id)
    if row is None or not extent.reaches(row.member_id):
        return None
    return Account.of(row)


@found_by("Posting", numbered=True)
async def posting_of(context: Context, named: NodeId) -> Posting | None:
    """The posting of that id, if the viewer may read its account."""
    extent = context.extent(Action.ENTRY_READ, named.cooperative_id)
    if extent.is_empty or named.part is None:
        return None
    reader = await context.reader(named.cooperative_id)
    lines = await reader.postings_of_entry.load(named.id) or []
    row = next((line for line in lines if line.line == named.part), None)
    account = None if row is None else await reader.accounts.load(row.account_id)
    if row is None or account is None or not extent.reaches(account.member_id):
        return None
    return Posting.of(row, account, (await reader.scales())[row.commodity])


@found_by("Fund")
async def fund_by_id(context: Context, named: NodeId) -> Fund | None:
    """The fund of that id, for whoever has a role in the cooperative."""
    if context.extent(Action.COOPERATIVE_READ, named.cooperative_id).is_empty:
        return None
    reader = await context.reader(named.cooperative_id)
    row = (await reader.once("funds", ledger.funds)).get(FundId(named.id))
    return None if row is None else Fund.of(row)
