"""Plans, who has which, and capacity reserved: what the API shows of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import strawberry

from coop.billing.queries import plans as queries
from coop.billing.queries.plans import StoredPlan, StoredReservation, StoredSubscription
from coop.kernel import money
from coop.kernel.window import Window
from coop.members.domain.policy import Action
from coop.schema.context import Context, Info
from coop.schema.hub import Hub, hub_of
from coop.schema.member import Member, member_of
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.scalars import KWh, Money, kwh
from coop.schema.taxes import Tax, taxes_shown

RESERVATIONS = Order("reservations", datetime, UUID)
RESOLUTION = "The resolution it rests on, if one is named."


@strawberry.type(description="A plan: a monthly fee, and energy included in it.")
class Plan(Node):
    """One version of a plan."""

    code: str = strawberry.field(description="What it is called in orders.")
    version: int = strawberry.field(description="1, 2, 3 …; members keep the one they began with.")
    kind: str = strawberry.field(description="A member has one plan of a kind at a time.")
    name: str = strawberry.field(description="What people call it.")
    fee: Money = strawberry.field(description="Of a whole month, before tax.")
    included: KWh = strawberry.field(description="Energy of a whole month that the fee pays for.")
    taxes: list[Tax] = strawberry.field(description="On the fee.")
    resolution: str | None = strawberry.field(description=RESOLUTION)

    @classmethod
    def of(cls, value: StoredPlan) -> Plan:
        """What the API shows of a plan."""
        return cls(
            id=strawberry.ID(str(NodeId("Plan", value.cooperative_id, value.id))),
            code=value.code,
            version=value.version,
            kind=value.kind,
            name=value.name,
            fee=Money.of(money.Money(value.currency, value.fee_minor)),
            included=kwh(value.included_wh),
            taxes=taxes_shown(value.taxes),
            resolution=value.resolution,
        )


@strawberry.type(description="A member's plan over days [from, to).")
class PlanSubscription(Node):
    """A member's plan over days [from, to)."""

    from_: date = strawberry.field(name="from", description="Its first day.")
    to: date | None = strawberry.field(description="The first day without it, if known.")
    value: strawberry.Private[StoredSubscription]

    @classmethod
    def of(cls, value: StoredSubscription) -> PlanSubscription:
        """What the API shows of a subscription."""
        id_ = strawberry.ID(str(NodeId("PlanSubscription", value.cooperative_id, value.id)))
        return cls(id=id_, from_=value.from_on, to=value.to_on, value=value)

    @strawberry.field(description="The version of the plan it began with.")
    async def plan(self, info: Info) -> Plan:
        reader = await info.context.reader(self.value.cooperative_id)
        return Plan.of(await reader.each(queries.plans_by_ids).load(self.value.plan_id))

    @strawberry.field(description="Whose it is.")
    async def member(self, info: Info) -> Member | None:
        return await member_of(info.context, self.value.cooperative_id, self.value.member_id)


@strawberry.type(description="Power or ports of a hub reserved for a member.")
class CapacityReservation(Node):
    """Power or ports of a hub reserved for a member."""

    kind: str = strawberry.field(description="POWER, by the kW month, or PORT_HOURS.")
    quantity: int = strawberry.field(description="W of power, or ports.")
    unit_price: Decimal = strawberry.field(description="Of a kW month or port hour, before tax.")
    from_: datetime = strawberry.field(name="from", description="When it begins.")
    to: datetime = strawberry.field(description="When it ends.")
    no_show_fee: Money = strawberry.field(description="What it costs when nobody comes.")
    grace_minutes: int = strawberry.field(description="How late somebody may come.")
    cancel_minutes: int = strawberry.field(
        description="How long before it begins it may be cancelled for nothing."
    )
    taxes: list[Tax] = strawberry.field(description="On it.")
    resolution: str | None = strawberry.field(description=RESOLUTION)
    cancelled_at: datetime | None = strawberry.field(description="When it was cancelled, if so.")
    value: strawberry.Private[StoredReservation]

    @classmethod
    def of(cls, value: StoredReservation) -> CapacityReservation:
        """What the API shows of a reservation."""
        return cls(
            id=strawberry.ID(str(NodeId("CapacityReservation", value.cooperative_id, value.id))),
            kind=value.kind,
            quantity=value.quantity,
            unit_price=value.unit_price,
            from_=value.from_at,
            to=value.to_at,
            no_show_fee=Money.of(money.Money(value.currency, value.no_show_minor)),
            grace_minutes=value.grace_minutes,
            cancel_minutes=value.cancel_minutes,
            taxes=taxes_shown(value.taxes),
            resolution=value.resolution,
            cancelled_at=value.cancelled_at,
            value=value,
        )

    @strawberry.field(description="Who reserved.")
    async def member(self, info: Info) -> Member | None:
        return await member_of(info.context, self.value.cooperative_id, self.value.member_id)

    @strawberry.field(description="Where.")
    async def hub(self, info: Info) -> Hub | None:
        return await hub_of(info.context, self.value.cooperative_id, self.value.hub_id)


async def plans_of(context: Context, cooperative_id: UUID) -> list[Plan]:
    """The latest version of every plan, by code; none for who may not read tariffs."""
    if not context.extent(Action.TARIFF_READ, cooperative_id).everything:
        return []
    reader = await context.reader(cooperative_id)
    return [Plan.of(one) for one in await reader.ask(queries.plans)]


async def subscriptions_of(
    context: Context, cooperative_id: UUID, member_id: UUID, *, allowed: bool
) -> list[PlanSubscription]:
    """Every plan a member has and had, the latest first; none where the viewer may not read."""
    if not allowed:
        return []
    reader = await context.reader(cooperative_id)
    found = await reader.each(queries.subscriptions_of_members).load(member_id)
    return [PlanSubscription.of(one) for one in found or ()]


async def reservations_of(
    context: Context, cooperative_id: UUID, member_id: UUID, page: Page, *, allowed: bool
) -> Connection[CapacityReservation]:
    """What a member reserved, the latest first; none where the viewer may not read."""
    reader = await context.reader(cooperative_id)

    async def fetch(window: Window) -> Sequence[StoredReservation]:
        if not allowed:
            return []
        return await reader.each(queries.reservations_pages, window).load(member_id) or []

    async def count() -> int:
        return await reader.each(queries.reservations_counts).load(member_id) or 0 if allowed else 0

    return await connection_of(
        Connection[CapacityReservation], RESERVATIONS, page, fetch=fetch, count=count,
        key=lambda row: (row.from_at, row.id), node=CapacityReservation.of,
    )  # fmt: skip


@found_by("Plan")
async def plan_by_node(context: Context, named: NodeId) -> Plan | None:
    """The plan of that id, for whoever may read tariffs."""
    if not context.extent(Action.TARIFF_READ, named.cooperative_id).everything:
        return None
    reader = await context.reader(named.cooperative_id)
    value = await reader.each(queries.plans_by_ids).load(named.id)
    return None if value is None else Plan.of(value)


@found_by("PlanSubscription")
async def subscription_by_node(context: Context, named: NodeId) -> PlanSubscription | None:
    """The subscription of that id, if the viewer may read its member's bills."""
    extent = context.extent(Action.BILL_READ, named.cooperative_id)
    if extent.is_empty:
        return None
    reader = await context.reader(named.cooperative_id)
    value = await reader.each(queries.subscriptions_by_ids).load(named.id)
    return PlanSubscription.of(value) if value and extent.reaches(value.member_id) else None


@found_by("CapacityReservation")
async def reservation_by_node(context: Context, named: NodeId) -> CapacityReservation | None:
    """The reservation of that id, if the viewer may read its member's bills."""
    extent = context.extent(Action.BILL_READ, named.cooperative_id)
    if extent.is_empty:
        return None
    reader = await context.reader(named.cooperative_id)
    value = await reader.each(queries.reservations_by_ids).load(named.id)
    return CapacityReservation.of(value) if value and extent.reaches(value.member_id) else None
