"""The cooperative: where every question about its books, people and hubs begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import strawberry
from strawberry import UNSET

from coop.charging import queries as charging
from coop.charging.domain.place import Hub as HubValue
from coop.kernel.ids import HubId, MemberId
from coop.kernel.window import Window
from coop.ledger import queries as ledger
from coop.ledger.domain.account import AccountType
from coop.members import queries as members
from coop.members.domain.fields import may_read
from coop.members.domain.people import Cooperative as CooperativeValue
from coop.members.domain.people import Member as MemberValue
from coop.members.domain.policy import Action
from coop.schema import bank, books, profiles
from coop.schema.account import Account
from coop.schema.context import Context, Info
from coop.schema.disputes import Dispute, DisputeState, disputes_where
from coop.schema.hub import HUBS, Hub
from coop.schema.invoices import Invoice, InvoiceWhere, invoices_of_cooperative
from coop.schema.journal import JournalEntry, Seal
from coop.schema.member import MEMBERS, Member, cooperative_value
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId, node_id_of_type
from coop.schema.owed import AgingConnection, aging_of
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.plans import Plan, plans_of
from coop.schema.scalars import CurrencyCode, DateRange
from coop.schema.tariffs import TariffVersion, tariff_at

ACCOUNTS = Order("accounts", str, UUID)
ENTRIES = Order("entries", UUID)
SEALS = Order("seals", int)


@strawberry.input(description="Which members a list holds.")
class MemberWhere:
    """Which members a list holds; what is not said does not matter."""

    search: str | None = strawberry.field(
        default=None, description="The start of a number, or any part of a name."
    )
    on: date | None = strawberry.field(default=None, description="Members on that day.")


@strawberry.input(description="Which accounts a list holds.")
class AccountWhere:
    """Which accounts a list holds; what is not said does not matter."""

    code: str | None = strawberry.field(default=None, description="Of this code of the chart.")
    type: AccountType | None = strawberry.field(default=None, description="Of this type.")
    member_id: strawberry.ID | None = strawberry.field(default=None, description="Of this member.")
    hub_id: strawberry.ID | None = strawberry.field(default=None, description="Of this hub.")


@strawberry.input(description="Which entries a list holds.")
class JournalEntryWhere:
    """Which entries a list holds; what is not said does not matter."""

    kind: str | None = strawberry.field(default=None, description="Of this kind.")
    effective_on: DateRange | None = strawberry.field(
        default=None, description="Effective within these days."
    )


@strawberry.type(description="A cooperative that co-owns charging hubs.")
class Cooperative(Node):
    """A cooperative that co-owns charging hubs."""

    slug: str = strawberry.field(description="Its name in addresses and on the command line.")
    name: str = strawberry.field(description="Its full name.")
    currency: CurrencyCode = strawberry.field(description="What its books are kept in.")
    time_zone: str = strawberry.field(description="IANA time zone whose days are its days.")
    value: strawberry.Private[CooperativeValue]

    @classmethod
    def of(cls, value: CooperativeValue) -> Cooperative:
        """What the API shows of a cooperative."""
        return cls(
            id=strawberry.ID(str(NodeId("Cooperative", value.id, value.id))),
            slug=value.slug,
            name=value.name,
            currency=CurrencyCode(value.currency),
            time_zone=value.time_zone.key,
            value=value,
        )

    def _may(self, info: Info, field: str) -> bool:
        return may_read(info.context.viewer, f"Cooperative.{field}", self.value.id)

    @strawberry.field(description="Its members by number, as far as they are the viewer's to see.")
    async def members(
        self,
        info: Info,
        first: int | None = UNSET,
        after: str | None = UNSET,
        where: MemberWhere | None = None,
    ) -> Connection[Member]:
        reader = await info.context.reader(self.value.id)
        wanted = members.MemberWhere(
            search=where.search if where else None,
            on=where.on if where else None,
            extent=info.context.extent(Action.MEMBER_READ, self.value.id),
        )

        async def fetch(window: Window) -> Sequence[MemberValue]:
            place: Any = window.after
            return await reader.ask(
                members.members_page, self.value.id, where=wanted, limit=window.limit, after=place
            )

        async def count() -> int:
            return await reader.ask(members.members_count, self.value.id, wanted)

        return await connection_of(
            Connection[Member], MEMBERS, Page(first, after), fetch=fetch, count=count,
            key=lambda row: (row.number, row.id), node=Member.of,
        )  # fmt: skip

    @strawberry.field(description="Its hubs; empty when they are not the viewer's to see.")
    async def hubs(
        self, info: Info, first: int | None = UNSET, after: str | None = UNSET
    ) -> Connection[Hub]:
        reader = await info.context.reader(self.value.id)
        allowed = self._may(info, "hubs")

        async def fetch(window: Window) -> Sequence[HubValue]:
            return await reader.ask(charging.hubs_page, window) if allowed else []

        async def count() -> int:
            return await reader.ask(charging.hubs_count) if allowed else 0

        return await connection_of(
            Connection[Hub], HUBS, Page(first, after), fetch=fetch, count=count,
            key=lambda row: (row.ref, row.id), node=lambda row: Hub.of(self.value.id, row),
        )  # fmt: skip

    @strawberry.field(description="The latest version of every plan, by code.")
    async def plans(self, info: Info) -> list[Plan]:
        return await plans_of(info.context, self.value.id)

    @strawberry.field(description="Its accounts by code, as far as they are the viewer's to read.")
    async def accounts(
        self,
        info: Info,
        first: int | None = UNSET,
        after: str | None = UNSET,
        where: AccountWhere | None = None,
    ) -> Connection[Account]:
        reader = await info.context.reader(self.value.id)
        extent = info.context.extent(Action.ACCOUNT_READ, self.value.id)
        condition = _account_condition(where or AccountWhere(), extent)

        async def fetch(window: Window) -> Sequence[Any]:
            place: Any = window.after
            return await reader.ask(
                ledger.accounts_page, condition=condition, after=place, limit=window.limit
            )

        async def count() -> int:
            return await reader.ask(ledger.count_accounts, condition)

        return await connection_of(
            Connection[Account], ACCOUNTS, Page(first, after), fetch=fetch, count=count,
            key=lambda row: (row.code, row.id), node=Account.of,
        )  # fmt: skip

    @strawberry.field(
        description="Its journal, the latest entry first; empty for who may not read all of it."
    )
    async def journal_entries(
        self,
        info: Info,
        first: int | None = UNSET,
        after: str | None = UNSET,
        where: JournalEntryWhere | None = None,
    ) -> Connection[JournalEntry]:
        reader = await info.context.reader(self.value.id)
        allowed = self._may(info, "journalEntries")
        wanted = where or JournalEntryWhere()
        from_on, to_on = wanted.effective_on.bounds() if wanted.effective_on else (None, None)
        condition = ledger.entry_condition(kind=wanted.kind, from_on=from_on, to_on=to_on)

        async def fetch(window: Window) -> Sequence[Any]:
            place: Any = window.after[0] if window.after else None
            if not allowed:
                return []
            page = await reader.ask(
                ledger.entries_page, condition=condition, after=place, limit=window.limit
            )
            return await reader.entries.load_many([row.id for row in page])

        async def count() -> int:
            return await reader.ask(ledger.count_entries, condition) if allowed else 0

        return await connection_of(
            Connection[JournalEntry], ENTRIES, Page(first, after), fetch=fetch, count=count,
            key=lambda row: (row.id,), node=JournalEntry.of,
        )  # fmt: skip

    @strawberry.field(description="Its accounts at banks; none for who may not read the books.")
    async def bank_accounts(self, info: Info) -> list[bank.BankAccount]:
        allowed = self._may(info, "bankAccounts")
        return await bank.bank_accounts(info.context, self.value.id, allowed=allowed)

    @strawberry.field(description="What moved on those accounts, the latest first.")
    async def bank_lines(
        self,
        info: Info,
        first: int | None = UNSET,
        after: str | None = UNSET,
        where: bank.BankLineWhere | None = None,
    ) -> Connection[bank.BankLine]:
        return await bank.bank_lines(
            info.context, self.value.id, Page(first, after), where,
            allowed=self._may(info, "bankLines"),
        )  # fmt: skip

    @strawberry.field(description="Every account with what it holds; null if not the viewer's.")
    async def trial_balance(
        self,
        info: Info,
        as_of: date | None = None,
        known_at: datetime | None = None,
        fund_id: strawberry.ID | None = None,
    ) -> books.TrialBalance | None:
        return await books.trial_balance(info.context, self.value.id, as_of, known_at, fund_id)

    @strawberry.field(description="What it has, owes and is worth; null if not the viewer's.")
    async def balance_sheet(
        self,
        info: Info,
        as_of: date | None = None,
        known_at: datetime | None = None,
        fund_id: strawberry.ID | None = None,
    ) -> books.FinancialStatement | None:
        return await books.balance_sheet(info.context, self.value.id, as_of, known_at, fund_id)

    @strawberry.field(description="What it earned and spent; null if not the viewer's.")
    async def income_statement(
        self,
        info: Info,
        period: DateRange,
        known_at: datetime | None = None,
        hub_id: strawberry.ID | None = None,
        fund_id: strawberry.ID | None = None,
    ) -> books.FinancialStatement | None:
        return await books.income_statement(
            info.context, self.value.id, period.bounds(), known_at, hub_id, fund_id
        )

    @strawberry.field(description="Who it is on documents; null if unset or not the viewer's.")
    async def profile(
        self, info: Info, on: date | None = None
    ) -> profiles.CooperativeProfile | None:
        if not self._may(info, "profile"):
            return None
        return await profiles.profile_of_cooperative(info.context, self.value.id, on)

    @strawberry.field(description="Its months, oldest first.")
    async def periods(self, info: Info) -> list[books.Period]:
        if not self._may(info, "periods"):
            return []
        reader = await info.context.reader(self.value.id)
        return [books.Period.of(row) for row in await books.periods_of(reader)]

    @strawberry.field(description="Its seals, the latest first.")
    async def seals(
        self, info: Info, first: int | None = UNSET, after: str | None = UNSET
    ) -> Connection[Seal]:
        reader = await info.context.reader(self.value.id)
        allowed = self._may(info, "seals")

        async def fetch(window: Window) -> Sequence[Any]:
            place: Any = window.after[0] if window.after else None
            if not allowed:
                return []
            return await reader.ask(ledger.seals_page, after=place, limit=window.limit)

        async def count() -> int:
            return await reader.ask(ledger.count_seals) if allowed else 0

        return await connection_of(
            Connection[Seal], SEALS, Page(first, after), fetch=fetch, count=count,
            key=lambda row: (row.number,), node=Seal.of,
        )  # fmt: skip

    @strawberry.field(description="Its invoices and credit notes, the latest first.")
    async def invoices(
        self,
        info: Info,
        first: int | None = UNSET,
        after: str | None = UNSET,
        where: InvoiceWhere | None = None,
    ) -> Connection[Invoice]:
        page = Page(first, after)
        return await invoices_of_cooperative(info.context, self.value.id, page, where)

    @strawberry.field(description="Who owes what since when; empty if not the viewer's.")
    async def aging(
        self,
        info: Info,
        on: date | None = None,
        first: int | None = UNSET,
        after: str | None = UNSET,
    ) -> AgingConnection:
        found: AgingConnection = await aging_of(info.context, self.value.id, on, Page(first, after))
        return found

    @strawberry.field(description="The tariff in force at a hub, now or at an instant.")
    async def tariff(
        self,
        info: Info,
        hub_id: strawberry.ID,
        member_class: str = "",
        at: datetime | None = None,
    ) -> TariffVersion | None:
        return await tariff_at(info.context, self.value.id, hub_id, member_class, at)

    @strawberry.field(description="What members contest and contested, the latest first.")
    async def disputes(
        self,
        info: Info,
        first: int | None = UNSET,
        after: str | None = UNSET,
        state: DisputeState | None = None,
    ) -> Connection[Dispute]:
        page = Page(first, after)
        return await disputes_where(info.context, self.value.id, page, state=state)


def _account_condition(where: AccountWhere, extent: Any) -> Any:
    member = where.member_id and node_id_of_type(where.member_id, "Member", "where", "memberId").id
    hub = where.hub_id and node_id_of_type(where.hub_id, "Hub", "where", "hubId").id
    return ledger.account_condition(
        code=where.code,
        type_=where.type,
        member_id=MemberId(member) if member else None,
        hub_id=HubId(hub) if hub else None,
        member_ids=None if extent.everything else extent.member_ids,
    )


async def cooperative_of(context: Context, cooperative_id: UUID) -> Cooperative | None:
    """The cooperative of that id, if the viewer holds a role in it."""
    if context.extent(Action.COOPERATIVE_READ, cooperative_id).is_empty:
        return None
    return Cooperative.of(await cooperative_value(await context.reader(cooperative_id)))


@found_by("Cooperative")
async def cooperative_by_node(context: Context, named: NodeId) -> Cooperative | None:
    """The cooperative of that id, if the viewer holds a role in it."""
    return await cooperative_of(context, named.id) if named.id == named.cooperative_id else None
