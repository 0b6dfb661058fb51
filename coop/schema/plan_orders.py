"""Orders about plans and reservations: offer, begin, end, reserve, cancel."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing import plans as service
from coop.billing.domain.plan import KIND_DEFAULT, PlanTerms
from coop.billing.domain.reservation import ReservationKind, ReservationTerms
from coop.billing.queries import plans as queries
from coop.billing.sharing_errors import ReservationInvalid
from coop.kernel import energy, money
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId, HubId, MemberId
from coop.kernel.rate import to_scale
from coop.ledger import queries as ledger_queries
from coop.schema.context import Context, Info
from coop.schema.keyed import Outcome, under_key
from coop.schema.node_id import node_id_of_type
from coop.schema.plans import RESOLUTION, CapacityReservation, Plan, PlanSubscription
from coop.schema.posting import cooperative_named
from coop.schema.scalars import IdempotencyKey, KWh
from coop.schema.taxes import TaxInput, taxes_in
from coop.schema.user_error import Payload, refusals_as

KEY = "One per intent, reused on retry."


@strawberry.input(description="A plan to offer, in the cooperative's currency.")
class PlanSetInput:
    """A plan to offer; other terms under its code are its next version."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    cooperative_id: strawberry.ID = strawberry.field(description="Whose plan it is.")
    code: str = strawberry.field(description="Letters, digits, hyphens and underscores.")
    name: str = strawberry.field(description="What people call it.")
    fee: Decimal = strawberry.field(description="Of a whole month, before tax.")
    included: KWh | None = strawberry.field(default=None, description="Energy the fee pays for.")
    kind: str = strawberry.field(
        default=KIND_DEFAULT, description="A member has one plan of a kind at a time."
    )
    taxes: list[TaxInput] | None = strawberry.field(default=None, description="On the fee.")
    resolution: str | None = strawberry.field(default=None, description=RESOLUTION)


@strawberry.input(description="A plan to begin for a member.")
class SubscriptionStartInput:
    """A plan to begin for a member: its latest version."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    member_id: strawberry.ID = strawberry.field(description="For whom.")
    plan: str = strawberry.field(description="Code of the plan.")
    from_: date = strawberry.field(name="from", description="Its first day.")
    to: date | None = strawberry.field(default=None, description="The first day without it.")


@strawberry.input(description="A subscription to end.")
class SubscriptionEndInput:
    """A subscription to end."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    subscription_id: strawberry.ID = strawberry.field(description="Which.")
    to: date = strawberry.field(description="The first day without it.")


@strawberry.input(description="Power or ports to reserve, in the cooperative's currency.")
class ReservationRecordInput:
    """Power or ports to reserve for a member."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    member_id: strawberry.ID = strawberry.field(description="For whom.")
    hub_id: strawberry.ID = strawberry.field(description="Where.")
    kind: str = strawberry.field(description="POWER, by the kW month, or PORT_HOURS.")
    quantity: int = strawberry.field(description="W of power, or ports.")
    unit_price: Decimal = strawberry.field(description="Of a kW month or port hour, before tax.")
    from_: datetime = strawberry.field(name="from", description="When it begins.")
    to: datetime = strawberry.field(description="When it ends.")
    no_show_fee: Decimal = strawberry.field(
        default=Decimal(0), description="When nobody comes, before tax."
    )
    grace_minutes: int = strawberry.field(default=15, description="How late somebody may come.")
    cancel_minutes: int = strawberry.field(
        default=60, description="How long before it begins it may be cancelled for nothing."
    )
    taxes: list[TaxInput] | None = strawberry.field(default=None, description="On it.")
    resolution: str | None = strawberry.field(default=None, description=RESOLUTION)


@strawberry.input(description="A reservation to cancel.")
class ReservationCancelInput:
    """A reservation to cancel."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    reservation_id: strawberry.ID = strawberry.field(description="Which.")
    at: datetime = strawberry.field(description="As of when: an instant that has passed.")


@strawberry.type(description="The plan, or why there is none.")
class PlanPayload(Payload):
    """The plan, or why there is none."""

    plan: Plan | None = strawberry.field(default=None, description="The plan as offered now.")


@strawberry.type(description="The subscription, or why there is none.")
class PlanSubscriptionPayload(Payload):
    """The subscription, or why there is none."""

    subscription: PlanSubscription | None = strawberry.field(
        default=None, description="The subscription as it stands."
    )


@strawberry.type(description="The reservation, or why there is none.")
class CapacityReservationPayload(Payload):
    """The reservation, or why there is none."""

    reservation: CapacityReservation | None = strawberry.field(
        default=None, description="The reservation as it stands."
    )


async def minor_of(connection: AsyncConnection, amount: Decimal, *path: str) -> int:
    """An amount of the cooperative's currency in minor units. Refuses INVALID_VALUE at `path`."""
    scale = money.currency_scale(await ledger_queries.currency_of(connection))
    try:
        return to_scale(amount, scale)
    except InvalidValue as refusal:
        raise refusal.under(*path) from None


@strawberry.type
class PlanMutations:
    """Mutations of plans and reservations."""

    @strawberry.mutation(description="Offer a plan, or the next version of one.")
    @refusals_as(PlanPayload)
    async def plan_set(self, info: Info, input: PlanSetInput) -> PlanPayload:
        context, cooperative_id = info.context, cooperative_named(input.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            terms = PlanTerms(
                input.code, input.name, await minor_of(connection, input.fee, "fee"),
                energy.wh_of_kwh(input.included or Decimal(0)), input.kind, taxes_in(input.taxes),
            )  # fmt: skip
            made = await service.set_plan(
                connection, context.viewer, cooperative_id, terms, resolution=input.resolution
            )
            return {"id": str(made.id)}

        outcome, replayed = await under_key(context, cooperative_id, "planSet", input, work)
        reader = await context.reader(cooperative_id)
        found = await reader.each(queries.plans_by_ids).load(UUID(outcome["id"]))
        return PlanPayload(plan=Plan.of(found), replayed=replayed)

    @strawberry.mutation(description="Begin a plan for a member.")
    @refusals_as(PlanSubscriptionPayload)
    async def subscription_start(
        self, info: Info, input: SubscriptionStartInput
    ) -> PlanSubscriptionPayload:
        context = info.context
        member = node_id_of_type(input.member_id, "Member", "memberId")
        cooperative_id = CooperativeId(member.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            made = await service.start_subscription(
                connection, context.viewer, cooperative_id, MemberId(member.id), input.plan,
                input.from_, input.to,
            )  # fmt: skip
            return {"id": str(made.id)}

        done = await under_key(context, cooperative_id, "subscriptionStart", input, work)
        return await _subscription(context, cooperative_id, *done)

    @strawberry.mutation(description="End a member's plan.")
    @refusals_as(PlanSubscriptionPayload)
    async def subscription_end(
        self, info: Info, input: SubscriptionEndInput
    ) -> PlanSubscriptionPayload:
        context = info.context
        named = node_id_of_type(input.subscription_id, "PlanSubscription", "subscriptionId")
        cooperative_id = CooperativeId(named.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            await service.end_subscription(
                connection, context.viewer, cooperative_id, named.id, input.to
            )
            return {"id": str(named.id)}

        done = await under_key(context, cooperative_id, "subscriptionEnd", input, work)
        return await _subscription(context, cooperative_id, *done)

    @strawberry.mutation(description="Reserve power or ports of a hub for a member.")
    @refusals_as(CapacityReservationPayload)
    async def reservation_record(
        self, info: Info, input: ReservationRecordInput
    ) -> CapacityReservationPayload:
        context = info.context
        member = node_id_of_type(input.member_id, "Member", "memberId")
        hub = node_id_of_type(input.hub_id, "Hub", "hubId")
        cooperative_id = CooperativeId(member.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            made = await service.record_reservation(
                connection, context.viewer, cooperative_id, MemberId(member.id), HubId(hub.id),
                await _terms(connection, input), resolution=input.resolution,
            )  # fmt: skip
            return {"id": str(made.id)}

        done = await under_key(context, cooperative_id, "reservationRecord", input, work)
        return await _reservation(context, cooperative_id, *done)

    @strawberry.mutation(description="Cancel a reservation.")
    @refusals_as(CapacityReservationPayload)
    async def reservation_cancel(
        self, info: Info, input: ReservationCancelInput
    ) -> CapacityReservationPayload:
        context = info.context
        named = node_id_of_type(input.reservation_id, "CapacityReservation", "reservationId")
        cooperative_id = CooperativeId(named.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            await service.cancel_reservation(
                connection, context.viewer, cooperative_id, named.id, input.at
            )
            return {"id": str(named.id)}

        done = await under_key(context, cooperative_id, "reservationCancel", input, work)
        return await _reservation(context, cooperative_id, *done)


async def _terms(connection: AsyncConnection, input: ReservationRecordInput) -> ReservationTerms:
    if input.kind not in ReservationKind.__members__:
        raise ReservationInvalid("POWER or PORT_HOURS is reserved.", ("kind",))
    return ReservationTerms(
        ReservationKind(input.kind), input.quantity, input.unit_price, input.from_, input.to,
        await minor_of(connection, input.no_show_fee, "no_show_fee"), input.grace_minutes,
        input.cancel_minutes, taxes_in(input.taxes),
    )  # fmt: skip


async def _subscription(
    context: Context, cooperative_id: UUID, outcome: Outcome, replayed: bool
) -> PlanSubscriptionPayload:
    reader = await context.reader(cooperative_id)
    found = await reader.each(queries.subscriptions_by_ids).load(UUID(outcome["id"]))
    return PlanSubscriptionPayload(subscription=PlanSubscription.of(found), replayed=replayed)


async def _reservation(
    context: Context, cooperative_id: UUID, outcome: Outcome, replayed: bool
) -> CapacityReservationPayload:
    reader = await context.reader(cooperative_id)
    found = await reader.each(queries.reservations_by_ids).load(UUID(outcome["id"]))
    return CapacityReservationPayload(reservation=CapacityReservation.of(found), replayed=replayed)
