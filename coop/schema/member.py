"""Members, and who asks."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET

from coop.billing.queries.settlements import make_up_wh_of_members
from coop.kernel import money
from coop.kernel.clock import utc_now
from coop.kernel.window import Window
from coop.ledger.domain.account import AccountType
from coop.ledger.domain.member_position import member_position
from coop.members import queries
from coop.members.domain.fields import may_read
from coop.members.domain.people import Cooperative as CooperativeValue
from coop.members.domain.people import Member as MemberValue
from coop.members.domain.policy import Action
from coop.members.domain.roles import Role
from coop.members.domain.roles import RoleGrant as RoleGrantValue
from coop.schema.account import Account, PostingConnection, PostingWhere, postings_connection
from coop.schema.amounts import AS_OF
from coop.schema.context import Context, Info, Reader, gathered
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.profiles import MemberProfile, profile_of_member
from coop.schema.scalars import KWh, Money, kwh

if TYPE_CHECKING:
    from coop.schema.bill_items import BillItem
    from coop.schema.commitments import Commitment
    from coop.schema.cooperative import Cooperative
    from coop.schema.disputes import Dispute, DisputeState
    from coop.schema.invoices import Invoice
    from coop.schema.mandates import Mandate
    from coop.schema.owed import MemberBill
    from coop.schema.payments import Payment
    from coop.schema.plans import CapacityReservation, PlanSubscription
    from coop.schema.sessions import SessionConnection, SessionWhere
    from coop.schema.statements import Statement

strawberry.enum(Role, description="What a person may be in a cooperative.")

MEMBERS = Order("members", str, UUID)
MEMBERSHIPS = Order("memberships", UUID, UUID)


@strawberry.type(description="What a member owes or is owed, and what it owns.")
class MemberBalance:
    """What a member owes or is owed, and what it owns."""

    due: Money = strawberry.field(description="What it owes (+) or is owed (−).")
    equity: Money = strawberry.field(description="Its shares and allocated equity.")
    deposits: Money = strawberry.field(description="What it left with the cooperative as deposits.")
    make_up_energy: KWh = strawberry.field(
        description="Energy it paid for in a shortfall and may still make up at the end of the day."
    )
    as_of: date = strawberry.field(description=AS_OF)
    known_at: datetime = strawberry.field(description="The last instant of recording that counts.")


@strawberry.type(description="A member operator of a cooperative.")
class Member(Node):
    """A member operator of a cooperative."""

    number: str = strawberry.field(description="Unique in its cooperative.")
    name: str = strawberry.field(description="Whom it is called.")
    joined_on: date = strawberry.field(description="First day of membership.")
    left_on: date | None = strawberry.field(description="First day no longer a member, if it left.")
    value: strawberry.Private[MemberValue]

    @classmethod
    def of(cls, value: MemberValue) -> Member:
        """What the API shows of a member."""
        return cls(
            id=strawberry.ID(str(NodeId("Member", value.cooperative_id, value.id))),
            number=value.number,
            name=value.name,
            joined_on=value.joined_on,
            left_on=value.left_on,
            value=value,
        )

    def _may(self, info: Info, field: str) -> bool:
        value = self.value
        return may_read(info.context.viewer, f"Member.{field}", value.cooperative_id, value.id)

    @strawberry.field(description="The cooperative it is a member of.")
    async def cooperative(
        self, info: Info
    ) -> Annotated[Cooperative, strawberry.lazy("coop.schema.cooperative")]:
        from coop.schema.cooperative import Cooperative  # noqa: PLC0415 - the two know each other

        reader = await info.context.reader(self.value.cooperative_id)
        return Cooperative.of(await cooperative_value(reader))

    @strawberry.field(
        description="What it owes (+) or is owed (−), and what it owns; null if not the viewer's."
    )
    async def balance(
        self, info: Info, as_of: date | None = None, known_at: datetime | None = None
    ) -> MemberBalance | None:
        if not self._may(info, "balance"):
            return None
        # What takes effect later is not owed yet: without a day, today counts.
        as_of = as_of or info.context.viewer.today(self.value.cooperative_id)
        reader = await info.context.reader(self.value.cooperative_id)
        currency = (await cooperative_value(reader)).currency
        rows = await reader.accounts_of_member.load(self.value.id) or []
        accounts = [row for row in rows if row.commodity == currency]
        held = await reader.balances.load_many([(row.id, as_of, known_at) for row in accounts])
        position = member_position(
            (row.code, AccountType(row.type), balance.debit_minor - balance.credit_minor)
            for row, balance in zip(accounts, held, strict=True)
            if balance is not None
        )

        make_up = reader.each(make_up_wh_of_members, as_of, known_at)

        def shown(minor: int) -> Money:
            return Money.of(money.Money(currency, minor))

        return MemberBalance(
            due=shown(position.due_minor),
            equity=shown(position.equity_minor),
            deposits=shown(position.deposits_minor),
            make_up_energy=kwh(await make_up.load(self.value.id) or 0),
            as_of=as_of,
            known_at=known_at or utc_now(),
        )

    @strawberry.field(description="Who it is on documents; null if unset or not the viewer's.")
    async def profile(self, info: Info, on: date | None = None) -> MemberProfile | None:
        if not self._may(info, "profile"):
            return None
        value = self.value
        return await profile_of_member(info.context, value.cooperative_id, value.id, on)

    @strawberry.field(description="Every account kept for it, by code.")
    async def accounts(self, info: Info) -> list[Account]:
        if not self._may(info, "accounts"):
            return []
        reader = await info.context.reader(self.value.cooperative_id)
        rows = await reader.accounts_of_member.load(self.value.id) or []
        return [Account.of(row) for row in rows]

    @strawberry.field(description="Postings to its accounts, the latest recorded first.")
    async def postings(
        self,
        info: Info,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
        where: PostingWhere | None = None,
    ) -> PostingConnection:
        reader = await info.context.reader(self.value.cooperative_id)
        rows = await reader.accounts_of_member.load(self.value.id) or []
        accounts = rows if self._may(info, "postings") else []
        page = Page(first, after, last, before)
        return await postings_connection(
            info.context, self.value.cooperative_id, accounts, page, where
        )

    @strawberry.field(description="Its charging sessions, the latest first.")
    async def sessions(
        self,
        info: Info,
        first: int | None = UNSET,
        after: str | None = UNSET,
        where: Annotated[SessionWhere, strawberry.lazy("coop.schema.sessions")] | None = None,
    ) -> Annotated[SessionConnection, strawberry.lazy("coop.schema.sessions")]:
        from coop.schema.sessions import sessions_of_member  # noqa: PLC0415 - likewise

        return await sessions_of_member(
            info.context, self.value, Page(first, after), where, allowed=self._may(info, "sessions")
        )

    @strawberry.field(description="The plans it has and had, the latest first.")
    async def subscriptions(
        self, info: Info
    ) -> list[Annotated[PlanSubscription, strawberry.lazy("coop.schema.plans")]]:
        from coop.schema.plans import subscriptions_of  # noqa: PLC0415 - likewise

        allowed = self._may(info, "subscriptions")
        return await subscriptions_of(
            info.context, self.value.cooperative_id, self.value.id, allowed=allowed
        )

    @strawberry.field(description="Power and ports reserved for it, the latest first.")
    async def reservations(
        self, info: Info, first: int | None = UNSET, after: str | None = UNSET
    ) -> Connection[Annotated[CapacityReservation, strawberry.lazy("coop.schema.plans")]]:
        from coop.schema.plans import reservations_of  # noqa: PLC0415 - likewise

        return await reservations_of(
            info.context, self.value.cooperative_id, self.value.id, Page(first, after),
            allowed=self._may(info, "reservations"),
        )  # fmt: skip

    @strawberry.field(description="Its commitments, the first begun first.")
    async def commitments(
        self, info: Info
    ) -> list[Annotated[Commitment, strawberry.lazy("coop.schema.commitments")]]:
        from coop.schema.commitments import commitments_of_member  # noqa: PLC0415 - likewise

        if not self._may(info, "commitments"):
            return []
        return await commitments_of_member(info.context, self.value.cooperative_id, self.value.id)

    @strawberry.field(description="What it paid and was paid back, the latest first.")
    async def payments(
        self, info: Info, first: int | None = UNSET, after: str | None = UNSET
    ) -> Connection[Annotated[Payment, strawberry.lazy("coop.schema.payments")]]:
        from coop.schema.payments import payments_of_member  # noqa: PLC0415 - likewise

        return await payments_of_member(
            info.context, self.value, Page(first, after), allowed=self._may(info, "payments")
        )

    @strawberry.field(description="Its leave to collect by direct debit, the latest signed last.")
    async def mandates(
        self, info: Info
    ) -> list[Annotated[Mandate, strawberry.lazy("coop.schema.mandates")]]:
        from coop.schema.mandates import mandates_of_member  # noqa: PLC0415 - likewise

        allowed = self._may(info, "mandates")
        return await mandates_of_member(
            info.context, self.value.cooperative_id, self.value.id, allowed=allowed
        )

    @strawberry.field(description="Its statements, the latest first.")
    async def statements(
        self, info: Info, first: int | None = UNSET, after: str | None = UNSET
    ) -> Connection[Annotated[Statement, strawberry.lazy("coop.schema.statements")]]:
        from coop.schema.statements import statements_of_member  # noqa: PLC0415 - likewise

        return await statements_of_member(
            info.context, self.value, Page(first, after), allowed=self._may(info, "statements")
        )

    @strawberry.field(description="Its invoices and credit notes, the latest first.")
    async def invoices(
        self, info: Info, first: int | None = UNSET, after: str | None = UNSET
    ) -> Connection[Annotated[Invoice, strawberry.lazy("coop.schema.invoices")]]:
        from coop.schema.invoices import invoices_of_member  # noqa: PLC0415 - likewise

        return await invoices_of_member(
            info.context, self.value, Page(first, after), allowed=self._may(info, "invoices")
        )

    @strawberry.field(description="What no invoice holds yet, as its next bill; null for nothing.")
    async def unbilled(
        self, info: Info
    ) -> Annotated[MemberBill, strawberry.lazy("coop.schema.owed")] | None:
        from coop.schema.owed import unbilled_of  # noqa: PLC0415 - likewise

        if not self._may(info, "unbilled"):
            return None
        return await unbilled_of(info.context, self.value)

    @strawberry.field(description="Its fees and credits beside sessions, the latest first.")
    async def bill_items(
        self, info: Info, first: int | None = UNSET, after: str | None = UNSET
    ) -> Connection[Annotated[BillItem, strawberry.lazy("coop.schema.bill_items")]]:
        from coop.schema.bill_items import items_of_member  # noqa: PLC0415 - likewise

        return await items_of_member(
            info.context, self.value, Page(first, after), allowed=self._may(info, "billItems")
        )

    @strawberry.field(description="What it contests and contested, the latest first.")
    async def disputes(
        self,
        info: Info,
        first: int | None = UNSET,
        after: str | None = UNSET,
        state: Annotated[DisputeState, strawberry.lazy("coop.schema.disputes")] | None = None,
    ) -> Connection[Annotated[Dispute, strawberry.lazy("coop.schema.disputes")]]:
        from coop.schema.disputes import disputes_where  # noqa: PLC0415 - likewise

        return await disputes_where(
            info.context, self.value.cooperative_id, Page(first, after), state=state,
            member_id=self.value.id,
        )  # fmt: skip


async def cooperative_value(reader: Reader) -> CooperativeValue:
    """The cooperative a reader reads."""
    found = await reader.once(
        "cooperative", lambda c: queries.cooperative_by_id(c, reader.cooperative_id)
    )
    if found is None:
        raise LookupError("a reader without its cooperative")
    return found


async def member_of(context: Context, cooperative_id: UUID, member_id: UUID) -> Member | None:
    """The member of that id, if the viewer may see it."""
    if not context.extent(Action.MEMBER_READ, cooperative_id).reaches(member_id):
        return None
    reader = await context.reader(cooperative_id)
    value = await reader.members.load(member_id)
    return None if value is None else Member.of(value)


@found_by("Member")
async def member_by_node(context: Context, named: NodeId) -> Member | None:
    """The member of that id, if the viewer may see it."""
    return await member_of(context, named.cooperative_id, named.id)


@strawberry.type(description="A role and where it counts.")
class RoleGrant:
    """A role over days [from, to), for a cooperative or for one of its members."""

    role: Role = strawberry.field(description="What the person may be.")
    from_: date = strawberry.field(name="from", description="First day it counts.")
    to: date | None = strawberry.field(description="First day it no longer counts, if known.")
    value: strawberry.Private[RoleGrantValue]

    @classmethod
    def of(cls, value: RoleGrantValue) -> RoleGrant:
        """What the API shows of a granted role."""
        return cls(role=value.role, from_=value.from_on, to=value.to_on, value=value)

    @strawberry.field(description="The member acted for, or the cooperative.")
    async def scope(self, info: Info) -> Node:
        from coop.schema.cooperative import Cooperative  # noqa: PLC0415 - the two know each other

        if self.value.member_id is None:
            found = await info.context.cooperatives()
            return Cooperative.of(found[self.value.cooperative_id])
        reader = await info.context.reader(self.value.cooperative_id)
        member = await reader.members.load(self.value.member_id)
        return Member.of(member) if member else Cooperative.of(await cooperative_value(reader))


@strawberry.type(description="Who asks.")
class Viewer:
    """Who asks, and what they may be."""

    @strawberry.field(description="The subject of the token.")
    def subject(self, info: Info) -> str:
        return info.context.viewer.subject

    @strawberry.field(description="Every role held anywhere, ended ones too.")
    def roles(self, info: Info) -> list[RoleGrant]:
        return [RoleGrant.of(grant) for grant in info.context.viewer.grants]

    @strawberry.field(description="The members the viewer acts for today.")
    async def members(
        self, info: Info, first: int | None = UNSET, after: str | None = UNSET
    ) -> Connection[Member]:
        viewer = info.context.viewer
        held = sorted(
            {
                (grant.cooperative_id, grant.member_id)
                for grant in viewer.grants
                if grant.member_id and grant.in_force(viewer.today(grant.cooperative_id))
            }
        )

        async def count() -> int:
            return len(held)

        async def fetch(window: Window) -> list[MemberValue]:
            return await _acted_for(info.context, held, window)

        return await connection_of(
            Connection[Member], MEMBERSHIPS, Page(first, after), fetch=fetch, count=count,
            key=lambda value: (value.cooperative_id, value.id), node=Member.of,
        )  # fmt: skip


async def _acted_for(
    context: Context, held: list[tuple[UUID, UUID]], window: Window
) -> list[MemberValue]:
    wanted = [pair for pair in held if window.after is None or pair > window.after]

    async def read(cooperative_id: UUID, member_id: UUID) -> MemberValue | None:
        return await (await context.reader(cooperative_id)).members.load(member_id)

    found = await gathered(read(*pair) for pair in wanted[: window.limit])
    return [value for value in found if value is not None]
