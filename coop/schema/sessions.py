"""Charging sessions as they are read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from coop.charging import pages
from coop.charging import queries as charging
from coop.charging.queries import StoredSession
from coop.kernel import money
from coop.kernel.ids import HubId
from coop.kernel.window import Window
from coop.members.domain.people import Member as MemberValue
from coop.members.domain.policy import Action
from coop.schema.context import Context, Info
from coop.schema.hub import Hub, hub_of
from coop.schema.journal import JournalEntry, entry_of
from coop.schema.member import Member, cooperative_value, member_of
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId, node_id_of_type
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.scalars import DateRange, KWh, Money, kwh
from coop.schema.tariffs import Charge, SessionPeriod, charges_of, periods_of

SESSIONS = Order("sessions", datetime, UUID)


@strawberry.type(description="Metered use of a port, from a charge detail record.")
class ChargingSession(Node):
    """Metered use of a port, from a charge detail record."""

    country_code: str = strawberry.field(description="Country of who reported it.")
    party_id: str = strawberry.field(description="Who reported it, within the country.")
    session_id: str = strawberry.field(description="Its id there.")
    started_at: datetime = strawberry.field(description="When the vehicle was plugged in.")
    ended_at: datetime = strawberry.field(description="When it was unplugged.")
    energy: KWh = strawberry.field(description="What the meter counted.")
    state: str = strawberry.field(
        description="charged, suspended (of an unknown token), credited, or credit."
    )
    doubts: list[str] = strawberry.field(description="Why somebody should look at it; often none.")
    value: strawberry.Private[StoredSession]

    @classmethod
    def of(cls, value: StoredSession) -> ChargingSession:
        """What the API shows of a stored session."""
        return cls(
            id=strawberry.ID(str(NodeId("ChargingSession", value.cooperative_id, value.id))),
            country_code=value.country_code,
            party_id=value.party_id,
            session_id=value.session_id,
            started_at=value.started_at,
            ended_at=value.ended_at,
            energy=kwh(value.delivered_wh),
            state=value.state,
            doubts=list(value.doubts),
            value=value,
        )

    @strawberry.field(description="What it costs, before tax.")
    async def charge(self, info: Info) -> Money:
        reader = await info.context.reader(self.value.cooperative_id)
        currency = (await cooperative_value(reader)).currency
        return Money.of(money.Money(currency, self.value.amount_minor))

    @strawberry.field(description="Every charge it was ever given, with what took it back.")
    async def charges(self, info: Info) -> list[Charge]:
        return await charges_of(info.context, self.value)

    @strawberry.field(description="What was metered, period by period, as the platform told it.")
    async def periods(self, info: Info) -> list[SessionPeriod]:
        return await periods_of(info.context, self.value)

    @strawberry.field(description="Where it was.")
    async def hub(self, info: Info) -> Hub | None:
        return await hub_of(info.context, self.value.cooperative_id, self.value.hub_id)

    @strawberry.field(description="Whose it is; null while in suspense.")
    async def member(self, info: Info) -> Member | None:
        if self.value.member_id is None:
            return None
        return await member_of(info.context, self.value.cooperative_id, self.value.member_id)

    @strawberry.field(description="The journal entry that charges it.")
    async def entry(self, info: Info) -> JournalEntry | None:
        value: Any = self.value
        return await entry_of(info.context, value.cooperative_id, value.entry_id)


@strawberry.type(description="One page of charging sessions, the latest first, and their sums.")
class SessionConnection(Connection[ChargingSession]):
    """One page of sessions, and the sums of the whole list, computed when asked for."""

    total: strawberry.Private[Any]
    currency: strawberry.Private[str]

    @strawberry.field(description="Energy of the whole list under the same filter.")
    async def energy(self) -> KWh:
        return kwh((await self.total()).delivered_wh)

    @strawberry.field(description="Charges of the whole list under the same filter.")
    async def charges(self) -> Money:
        return Money.of(money.Money(self.currency, (await self.total()).amount_minor))


@strawberry.input(description="Which sessions a list holds.")
class SessionWhere:
    """Which sessions a list holds; what is not said does not matter."""

    days: DateRange | None = strawberry.field(
        default=None, description="Counted on these days, in the hub's time zone."
    )
    hub_id: strawberry.ID | None = strawberry.field(default=None, description="At this hub.")
    on_review: bool = strawberry.field(
        default=False, description="Only those somebody should look at and nobody did."
    )


async def sessions_of_member(
    context: Context, member: MemberValue, page: Page, where: SessionWhere | None, *, allowed: bool
) -> SessionConnection:
    """A page of a member's sessions; empty when the viewer may not read them."""
    reader = await context.reader(member.cooperative_id)
    wanted = _where(where or SessionWhere())
    currency = (await cooperative_value(reader)).currency

    async def fetch(window: Window) -> Sequence[StoredSession]:
        if not allowed:
            return []
        return await reader.each(pages.sessions_pages, wanted, window).load(member.id) or []

    async def total() -> charging.SessionTotal:
        found = allowed and await reader.each(pages.sessions_totals, wanted).load(member.id)
        return found or charging.SessionTotal(0, 0, 0)

    async def count() -> int:
        return (await total()).count

    return await connection_of(
        SessionConnection, SESSIONS, page, fetch=fetch, count=count, total=total,
        key=lambda row: (row.started_at, row.id), node=ChargingSession.of, currency=currency,
    )  # fmt: skip


def _where(where: SessionWhere) -> charging.SessionWhere:
    from_on, to_on = (None, None) if where.days is None else where.days.bounds()
    hub = None
    if where.hub_id is not None:
        hub = node_id_of_type(where.hub_id, "Hub", "where", "hubId")
    return charging.SessionWhere(
        hub_id=None if hub is None else HubId(hub.id),
        from_on=from_on,
        to_on=to_on,
        on_review=where.on_review,
    )


@found_by("ChargingSession")
async def session_by_node(context: Context, named: NodeId) -> ChargingSession | None:
    """The session of that id, if the viewer may read its member's."""
    extent = context.extent(Action.SESSION_READ, named.cooperative_id)
    if extent.is_empty:
        return None
    reader = await context.reader(named.cooperative_id)
    value = await reader.sessions.load(named.id)
    if value is None or not extent.reaches(value.member_id):
        return None
    return ChargingSession.of(value)
