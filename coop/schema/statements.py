"""Statements as they were issued, their files, and the mutation that issues one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

import strawberry

from coop.kernel import money
from coop.kernel.clock import utc_now
from coop.kernel.ids import CooperativeId, MemberId
from coop.kernel.window import Window
from coop.members.domain.people import Member as MemberValue
from coop.members.domain.policy import Action
from coop.reports import queries, service
from coop.reports.errors import StatementPeriodInvalid
from coop.reports.gathering import number_shown
from coop.reports.queries import IssuedStatement, StoredDocument
from coop.schema.context import Context, Info
from coop.schema.member import Member, member_of
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId, node_id_of_type
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.scalars import DateRange, IdempotencyKey, Money
from coop.schema.user_error import Payload, refusals_as

STATEMENTS = Order("statements", int)


@strawberry.type(description="A file, by a link that works for minutes and needs no token.")
class Document:
    """A file that was drawn once and is kept as it is."""

    url: str = strawberry.field(
        description="Where to get it until `expiresAt`; ask again for more."
    )
    expires_at: datetime = strawberry.field(description="When the link stops working.")
    sha256: str = strawberry.field(description="SHA-256 of the file, hexadecimal.")
    bytes: int = strawberry.field(description="Its size.")
    media_type: str = strawberry.field(description="What kind of file it is.")
    locale: str = strawberry.field(description="Its language and conventions, as de_CH.")

    @classmethod
    def of(cls, context: Context, value: StoredDocument) -> Document:
        """What the API shows of a kept file, with a link made now."""
        url, expires_at = context.links.link(value.cooperative_id, value.id, utc_now())
        return cls(
            url=url,
            expires_at=expires_at,
            sha256=bytes(value.sha256).hex(),
            bytes=value.size_bytes,
            media_type=value.media_type,
            locale=value.locale,
        )


@strawberry.type(description="What a member was told it owes, with everything behind it.")
class Statement(Node):
    """A statement as issued: never changed, only superseded."""

    from_: date = strawberry.field(name="from", description="The first day it covers.")
    to: date = strawberry.field(description="The first day it no longer covers.")
    issued_at: datetime = strawberry.field(description="When it was issued.")
    opening: Money = strawberry.field(description="What was owed before (+), or due back (−).")
    closing: Money = strawberry.field(description="What was owed after (+), or due back (−).")
    value: strawberry.Private[IssuedStatement]

    @classmethod
    def of(cls, value: IssuedStatement) -> Statement:
        """What the API shows of an issued statement."""
        return cls(
            id=strawberry.ID(str(NodeId("Statement", value.cooperative_id, value.id))),
            from_=value.from_on,
            to=value.to_on,
            issued_at=value.issued_at,
            opening=Money.of(money.Money(value.currency, value.opening_minor)),
            closing=Money.of(money.Money(value.currency, value.closing_minor)),
            value=value,
        )

    @strawberry.field(description="As printed on it: the member's number and its own, as 0017-4.")
    async def number(self, info: Info) -> str:
        reader = await info.context.reader(self.value.cooperative_id)
        member = await reader.members.load(self.value.member_id)
        if member is None:
            raise LookupError("a statement without its member")
        return number_shown(member.number, self.value.number)

    @strawberry.field(description="Whose it is.")
    async def member(self, info: Info) -> Member | None:
        return await member_of(info.context, self.value.cooperative_id, self.value.member_id)

    @strawberry.field(description="The statement of the same days that it replaces, if any.")
    async def supersedes(self, info: Info) -> Statement | None:
        if self.value.supersedes_id is None:
            return None
        reader = await info.context.reader(self.value.cooperative_id)
        replaced = await reader.each(queries.statements_by_ids).load(self.value.supersedes_id)
        return _shown(replaced)

    @strawberry.field(description="The statement that replaces it, if there is one.")
    async def superseded_by(self, info: Info) -> Statement | None:
        reader = await info.context.reader(self.value.cooperative_id)
        return _shown(await reader.each(queries.successors_of).load(self.value.id))

    @strawberry.field(description="Its files, the first drawn first.")
    async def documents(self, info: Info) -> list[Document]:
        reader = await info.context.reader(self.value.cooperative_id)
        found = await reader.each(queries.documents_of).load(self.value.id)
        return [Document.of(info.context, one) for one in found or ()]


def _shown(value: IssuedStatement | None) -> Statement | None:
    return None if value is None else Statement.of(value)


async def statements_of_member(
    context: Context, member_value: MemberValue, page: Page, *, allowed: bool
) -> Connection[Annotated[Statement, strawberry.lazy("coop.schema.statements")]]:
    """A member's statements, the latest first; none where the viewer may not read them."""
    reader = await context.reader(member_value.cooperative_id)
    member_id = MemberId(member_value.id)

    async def fetch(window: Window) -> Sequence[IssuedStatement]:
        if not allowed:
            return []
        return await reader.each(queries.statements_pages, window).load(member_id) or []

    async def count() -> int:
        return await reader.each(queries.statements_counts).load(member_id) or 0 if allowed else 0

    return await connection_of(
        Connection[Statement], STATEMENTS, page, fetch=fetch, count=count,
        key=lambda row: (row.number,), node=Statement.of,
    )  # fmt: skip


@found_by("Statement")
async def statement_by_node(context: Context, named: NodeId) -> Statement | None:
    """The statement of that id, if the viewer may read its member's."""
    extent = context.extent(Action.STATEMENT_READ, named.cooperative_id)
    if extent.is_empty:
        return None
    reader = await context.reader(named.cooperative_id)
    value = await reader.each(queries.statements_by_ids).load(named.id)
    return Statement.of(value) if value and extent.reaches(value.member_id) else None


@strawberry.input(description="Whose statement to issue, and of which days.")
class StatementIssueInput:
    """Whose statement to issue, and of which days."""

    idempotency_key: IdempotencyKey = strawberry.field(
        description="One per intent, reused on retry."
    )
    member_id: strawberry.ID = strawberry.field(description="Whose statement.")
    period: DateRange = strawberry.field(description="Both ends; at most 1096 days.")
    locale: str = strawberry.field(
        default="en", description="Language and conventions of the file: en, nb, de_CH, fr …"
    )


@strawberry.type(description="The statement that was issued, or why none was.")
class StatementPayload(Payload):
    """The statement that was issued, or why none was."""

    statement: Statement | None = strawberry.field(
        default=None, description="The statement; of the same figures the one that stands."
    )
    document: Document | None = strawberry.field(
        default=None, description="Its file in the language asked for."
    )


@strawberry.type
class StatementMutations:
    """Mutations of statements."""

    @strawberry.mutation(description="Issue a member's statement and draw it.")
    @refusals_as(StatementPayload)
    async def statement_issue(self, info: Info, input: StatementIssueInput) -> StatementPayload:
        context = info.context
        named = node_id_of_type(input.member_id, "Member", "memberId")
        from_on, to_on = input.period.bounds()
        if from_on is None or to_on is None:
            raise StatementPeriodInvalid("A statement's period has both ends.", ("period",))
        issued = await service.issue_statement(
            context.database, context.store, context.viewer, CooperativeId(named.cooperative_id),
            MemberId(named.id), from_on, to_on,
            locale=input.locale, idempotency_key=input.idempotency_key,
        )  # fmt: skip
        return StatementPayload(
            statement=Statement.of(issued.statement),
            document=Document.of(context, issued.document),
            replayed=issued.replayed,
        )
