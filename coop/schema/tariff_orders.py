"""Orders about prices: set a tariff, rate sessions anew, record interruptions, set a class."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import interruptions, queries, rating, tariffs
from coop.charging.domain.interruption import Cause
from coop.charging.domain.interruption import Interruption as InterruptionValue
from coop.charging.domain.tariff import parse_tariff
from coop.charging.errors import TariffInvalid
from coop.kernel import money
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId, HubId
from coop.ledger import queries as ledger_queries
from coop.members.classes import set_member_class
from coop.members.domain.policy import Action
from coop.schema.context import Context, Info
from coop.schema.hub import Hub, Port, hub_of
from coop.schema.keyed import Outcome, under_key
from coop.schema.member import Member, member_of
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId, node_id_of_type
from coop.schema.posting import cooperative_named
from coop.schema.scalars import DateRange, IdempotencyKey, Money
from coop.schema.sessions import ChargingSession
from coop.schema.tariffs import TariffVersion
from coop.schema.user_error import Payload, refusals_as

HELD_FOR_S = 600
KEY = "One per intent, reused on retry."
SESSIONS_MAX = 1_000
SESSIONS_SHOWN = 100

strawberry.enum(
    Cause, name="InterruptionCause",
    description="Why a hub gave no power, or (THROTTLED) less.",
)  # fmt: skip


@strawberry.input(description="A tariff to be in force from an instant on.")
class TariffSetInput:
    """A tariff to be in force from an instant on."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    cooperative_id: strawberry.ID = strawberry.field(description="Whose tariff it is.")
    document: str = strawberry.field(description="The OCPI 2.2.1 tariff, as the text of its JSON.")
    from_: datetime = strawberry.field(
        name="from", description="Sessions that start from then on are charged by it."
    )
    hub_id: strawberry.ID | None = strawberry.field(
        default=None, description="At this hub; at every hub unless said."
    )
    member_class: str = strawberry.field(
        default="", description="For members of this class; for everybody unless said."
    )
    name: str | None = strawberry.field(default=None, description="What people call it.")
    resolution: str | None = strawberry.field(
        default=None, description="The resolution that adopted it."
    )
    corrects: bool = strawberry.field(
        default=False, description="It takes the place of the one from the very same instant."
    )


@strawberry.type(description="The tariff that was set, or why none was.")
class TariffPayload(Payload):
    """The tariff that was set, or why none was."""

    tariff: TariffVersion | None = strawberry.field(default=None, description="The version.")


@strawberry.input(description="Which sessions to charge anew by what is in force for them now.")
class SessionsRerateInput:
    """Which sessions to rate anew: these, or those of a hub and some days."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    cooperative_id: strawberry.ID = strawberry.field(description="Whose sessions they are.")
    reason: str = strawberry.field(description="Why; it is told with each charge.")
    session_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="These, at most 1000."
    )
    hub_id: strawberry.ID | None = strawberry.field(
        default=None, description="Or those at this hub."
    )
    days: DateRange | None = strawberry.field(
        default=None, description="That count for these days, in the hub's time zone."
    )
    effective_on: date | None = strawberry.field(
        default=None, description="Post on this day; each on its own unless said."
    )


@strawberry.type(description="What became of the sessions, or why nothing was done.")
class SessionsReratePayload(Payload):
    """What became of the sessions, or why nothing was done."""

    looked_at: int = strawberry.field(default=0, description="How many were looked at.")
    rerated: int = strawberry.field(default=0, description="How many cost something else now.")
    difference: Money | None = strawberry.field(
        default=None, description="How much more they cost now, before tax."
    )
    sessions: list[ChargingSession] = strawberry.field(
        default_factory=list, description="The first 100 of those that cost something else."
    )


@strawberry.type(description="When a hub or port gave no power, or less, and why.")
class Interruption(Node):
    """When a hub or port gave no power, or less, and why."""

    from_: datetime = strawberry.field(name="from", description="When it began.")
    to: datetime | None = strawberry.field(description="When it was over; null while it lasts.")
    cause: Cause = strawberry.field(description="Why.")
    note: str = strawberry.field(description="What happened; may be empty.")
    recorded_at: datetime = strawberry.field(description="When it was recorded.")
    cooperative_id: strawberry.Private[UUID]
    value: strawberry.Private[InterruptionValue]

    @classmethod
    def of(cls, cooperative_id: UUID, value: InterruptionValue) -> Interruption:
        """What the API shows of an interruption."""
        return cls(
            id=strawberry.ID(str(NodeId("Interruption", cooperative_id, value.id))),
            from_=value.from_at,
            to=value.to_at,
            cause=value.cause,
            note=value.note,
            recorded_at=value.recorded_at,
            cooperative_id=cooperative_id,
            value=value,
        )

    @strawberry.field(description="Where.")
    async def hub(self, info: Info) -> Hub | None:
        return await hub_of(info.context, self.cooperative_id, self.value.hub_id)

    @strawberry.field(description="Which port; null for the whole hub.")
    async def port(self, info: Info) -> Port | None:
        if self.value.port_id is None:
            return None
        reader = await info.context.reader(self.cooperative_id)
        found = await reader.ports.load(self.value.port_id)
        return None if found is None else Port.of(self.cooperative_id, found)


@found_by("Interruption")
async def interruption_by_node(context: Context, named: NodeId) -> Interruption | None:
    """The interruption of that id, if the viewer may see hubs."""
    if not context.extent(Action.HUB_READ, named.cooperative_id).everything:
        return None
    reader = await context.reader(named.cooperative_id)
    value = await reader.each(queries.interruptions_by_ids).load(named.id)
    return None if value is None else Interruption.of(named.cooperative_id, value)


@strawberry.input(description="An interruption to be recorded.")
class InterruptionRecordInput:
    """An interruption to be recorded."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    hub_id: strawberry.ID = strawberry.field(description="Where.")
    from_: datetime = strawberry.field(name="from", description="When it began.")
    cause: Cause = strawberry.field(description="Why.")
    port_id: strawberry.ID | None = strawberry.field(
        default=None, description="Which port; the whole hub unless said."
    )
    to: datetime | None = strawberry.field(
        default=None, description="When it was over; it lasts unless said."
    )
    note: str = strawberry.field(default="", description="What happened.")


@strawberry.input(description="An interruption that is over.")
class InterruptionEndInput:
    """An interruption that is over."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    interruption_id: strawberry.ID = strawberry.field(description="Which.")
    to: datetime = strawberry.field(description="When it was over.")


@strawberry.type(description="The interruption as recorded, or why it is not.")
class InterruptionPayload(Payload):
    """The interruption as recorded, or why it is not."""

    interruption: Interruption | None = strawberry.field(
        default=None, description="The interruption."
    )


@strawberry.input(description="A class that a member is of from a day on.")
class MemberClassSetInput:
    """A class that a member is of from a day on."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    member_id: strawberry.ID = strawberry.field(description="Which member.")
    member_class: str = strawberry.field(description="The class; empty for none.")
    from_: date = strawberry.field(name="from", description="Its first day.")


@strawberry.type(description="The member, or why its class stays.")
class MemberClassPayload(Payload):
    """The member, or why its class stays."""

    member: Member | None = strawberry.field(default=None, description="The member.")


@strawberry.type
class TariffMutations:
    """Mutations of prices and of what they depend on."""

    @strawberry.mutation(description="Let a tariff be in force from an instant on.")
    @refusals_as(TariffPayload)
    async def tariff_set(self, info: Info, input: TariffSetInput) -> TariffPayload:
        context, cooperative_id = info.context, cooperative_named(input.cooperative_id)
        hub = None if input.hub_id is None else _hub(input.hub_id)

        async def work(connection: AsyncConnection) -> Outcome:
            draft = tariffs.TariffDraft(
                parse_tariff(input.document), input.from_, hub, input.member_class, input.name,
                input.resolution, input.corrects,
            )  # fmt: skip
            try:
                made = await tariffs.set_tariff(connection, context.viewer, cooperative_id, draft)
            except TariffInvalid as refusal:
                raise refusal.under("document") from None
            return {"id": str(made.id)}

        outcome, replayed = await under_key(context, cooperative_id, "tariffSet", input, work)
        reader = await context.reader(cooperative_id)
        found = await reader.each(queries.tariff_versions_by_ids).load(UUID(outcome["id"]))
        return TariffPayload(tariff=TariffVersion.of(found), replayed=replayed)

    @strawberry.mutation(description="Charge sessions anew by what is in force for them now.")
    @refusals_as(SessionsReratePayload)
    async def sessions_rerate(
        self, info: Info, input: SessionsRerateInput
    ) -> SessionsReratePayload:
        context, cooperative_id = info.context, cooperative_named(input.cooperative_id)
        where = _where(input)

        async def work(connection: AsyncConnection) -> Outcome:
            done = await rating.rerate(
                connection, context.viewer, cooperative_id, where, input.reason,
                input.effective_on,
            )  # fmt: skip
            return {
                "looked_at": done.looked_at, "rerated": len(done.session_ids),
                "sessions": [str(id_) for id_ in done.session_ids[:SESSIONS_SHOWN]],
                "difference_minor": str(done.difference_minor),
                "currency": await ledger_queries.currency_of(connection),
            }  # fmt: skip

        outcome, replayed = await under_key(
            context, cooperative_id, "sessionsRerate", input, work, held_for_s=HELD_FOR_S
        )
        reader = await context.reader(cooperative_id)
        found = await reader.sessions.load_many([UUID(id_) for id_ in outcome["sessions"]])
        difference = money.Money(outcome["currency"], int(outcome["difference_minor"]))
        return SessionsReratePayload(
            looked_at=outcome["looked_at"],
            rerated=outcome["rerated"],
            difference=Money.of(difference),
            sessions=[ChargingSession.of(one) for one in found if one is not None],
            replayed=replayed,
        )

    @strawberry.mutation(description="Record that a hub or port gave no power, or less.")
    @refusals_as(InterruptionPayload)
    async def interruption_record(
        self, info: Info, input: InterruptionRecordInput
    ) -> InterruptionPayload:
        context, hub = info.context, node_id_of_type(input.hub_id, "Hub", "hubId")
        cooperative_id = CooperativeId(hub.cooperative_id)
        port = None
        if input.port_id is not None:
            port = node_id_of_type(input.port_id, "Port", "portId").id

        async def work(connection: AsyncConnection) -> Outcome:
            draft = interruptions.InterruptionDraft(
                HubId(hub.id), input.from_, input.cause, port, input.to, input.note
            )
            made = await interruptions.record_interruption(
                connection, context.viewer, cooperative_id, draft
            )
            return {"id": str(made.id)}

        done = await under_key(context, cooperative_id, "interruptionRecord", input, work)
        return await _interruption(context, cooperative_id, *done)

    @strawberry.mutation(description="Record when an interruption was over.")
    @refusals_as(InterruptionPayload)
    async def interruption_end(
        self, info: Info, input: InterruptionEndInput
    ) -> InterruptionPayload:
        context = info.context
        named = node_id_of_type(input.interruption_id, "Interruption", "interruptionId")
        cooperative_id = CooperativeId(named.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            await interruptions.end_interruption(
                connection, context.viewer, cooperative_id, named.id, input.to
            )
            return {"id": str(named.id)}

        done = await under_key(context, cooperative_id, "interruptionEnd", input, work)
        return await _interruption(context, cooperative_id, *done)

    @strawberry.mutation(description="Let a member be of a class from a day on.")
    @refusals_as(MemberClassPayload)
    async def member_class_set(self, info: Info, input: MemberClassSetInput) -> MemberClassPayload:
        context = info.context
        named = node_id_of_type(input.member_id, "Member", "memberId")
        cooperative_id = CooperativeId(named.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            await set_member_class(
                connection, context.viewer, cooperative_id, named.id, input.member_class,
                input.from_,
            )  # fmt: skip
            return {}

        _, replayed = await under_key(context, cooperative_id, "memberClassSet", input, work)
        member = await member_of(context, cooperative_id, named.id)
        return MemberClassPayload(member=member, replayed=replayed)


def _hub(text: str) -> HubId:
    return HubId(node_id_of_type(text, "Hub", "hubId").id)


def _where(input: SessionsRerateInput) -> rating.SessionsOf:
    """Which sessions are meant. Refuses INVALID_VALUE for both ways of saying it, or neither."""
    if (input.session_ids is None) == (input.hub_id is None):
        raise InvalidValue("Either sessions are named, or a hub.", ("session_ids",))
    if input.hub_id is not None:
        days = (None, None) if input.days is None else input.days.bounds()
        return rating.SessionsOf(hub_id=_hub(input.hub_id), from_on=days[0], to_on=days[1])
    ids = input.session_ids or []
    if len(ids) > SESSIONS_MAX:
        raise InvalidValue(f"At most {SESSIONS_MAX} sessions at a time.", ("session_ids",))
    return rating.SessionsOf(
        [node_id_of_type(id_, "ChargingSession", "sessionIds").id for id_ in ids]
    )


async def _interruption(
    context: Context, cooperative_id: CooperativeId, outcome: Outcome, replayed: bool
) -> InterruptionPayload:
    reader = await context.reader(cooperative_id)
    found = await reader.each(queries.interruptions_by_ids).load(UUID(outcome["id"]))
    return InterruptionPayload(
        interruption=Interruption.of(cooperative_id, found), replayed=replayed
    )
