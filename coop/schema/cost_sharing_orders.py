"""Orders about grid costs: schedules, bills, rules, events, and raising what a month costs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection
from strawberry.scalars import JSON

from coop.billing import grid
from coop.billing.domain.cost_sharing import Bill
from coop.billing.domain.utility_schedule import schedule_of_text
from coop.billing.grid import BillDraft
from coop.billing.monthly import Raised, raise_monthly_items
from coop.kernel import energy, money
from coop.kernel.ids import CooperativeId, HubId
from coop.members.domain.policy import Action, require
from coop.schema.context import Context, Info
from coop.schema.hub import Hub, hub_of
from coop.schema.keyed import Outcome, under_key
from coop.schema.node_id import NodeId, node_id_of_type
from coop.schema.plan_orders import KEY, minor_of
from coop.schema.plans import RESOLUTION
from coop.schema.posting import cooperative_named
from coop.schema.scalars import IdempotencyKey, KWh, Money
from coop.schema.taxes import TaxInput, taxes_in
from coop.schema.user_error import Payload, refusals_as

HELD_FOR_S = 600
HUB = "The hub."
MONTH = "First day of the month."


@strawberry.input(description="A grid tariff to be in force at a hub from a day on.")
class UtilityScheduleSetInput:
    """A grid tariff to be in force at a hub from a day on."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    hub_id: strawberry.ID = strawberry.field(description=HUB)
    from_: date = strawberry.field(name="from", description="First day it is in force.")
    document: str = strawberry.field(
        description="JSON text, as published or in our own form; docs/cost-sharing.md tells both."
    )
    resolution: str | None = strawberry.field(default=None, description=RESOLUTION)


@strawberry.input(description="What the grid charged a hub for a month.")
class UtilityBillRecordInput:
    """What the grid charged a hub for a month, in the cooperative's currency."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    hub_id: strawberry.ID = strawberry.field(description=HUB)
    month: date = strawberry.field(description=MONTH)
    energy_cost: Decimal = strawberry.field(description="For energy.")
    demand_cost: Decimal = strawberry.field(description="For the peak.")
    other_cost: Decimal = strawberry.field(default=Decimal(0), description="The rest.")
    energy: KWh | None = strawberry.field(
        default=None, description="What the grid delivered; without it there are no losses."
    )
    reference: str = strawberry.field(default="", description="The grid's number of the bill.")
    post: bool = strawberry.field(
        default=False, description="Also as a payable: 5000 and 5010 of the hub against 2000."
    )


@strawberry.input(description="How a hub's grid costs are to be shared from a month on.")
class CostSharingRuleSetInput:
    """How a hub's grid costs are to be shared from a month on."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    hub_id: strawberry.ID = strawberry.field(description=HUB)
    from_: date = strawberry.field(name="from", description="First day of its first month.")
    method: str = strawberry.field(
        description="KWH, COINCIDENT_PEAK, OWN_PEAK, PEAK_LAYERS, HIGHEST_INTERVALS, or NONE."
    )
    parameters: JSON | None = strawberry.field(
        default=None, description="highest, ratchet_percent, tolerance_percent, as text."
    )
    taxes: list[TaxInput] | None = strawberry.field(
        default=None, description="On what is passed on."
    )
    resolution: str | None = strawberry.field(default=None, description=RESOLUTION)


@strawberry.input(description="When the grid asked a hub to take less, and what it pays for that.")
class DemandResponseEventRecordInput:
    """When the grid asked a hub to take less, and what it pays for that."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    hub_id: strawberry.ID = strawberry.field(description=HUB)
    from_: datetime = strawberry.field(name="from", description="On a quarter of an hour.")
    to: datetime = strawberry.field(description="Likewise, on the same day of the hub.")
    payment: Decimal = strawberry.field(description="What the programme pays.")
    fee_percent: Decimal = strawberry.field(description="Per cent the cooperative keeps.")
    programme: str = strawberry.field(default="", description="Whose programme it was.")
    resolution: str | None = strawberry.field(default=None, description=RESOLUTION)


@strawberry.input(description="A month to raise everything of that is not charging.")
class MonthlyChargesRaiseInput:
    """A month to raise everything of that is not charging; as often as one likes."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    cooperative_id: strawberry.ID = strawberry.field(description="Whose month.")
    month: date = strawberry.field(description=MONTH)


@strawberry.type(description="The hub as it is set now, or why nothing was set.")
class HubSettingPayload(Payload):
    """The hub as it is set now, or why nothing was set."""

    hub: Hub | None = strawberry.field(default=None, description="The hub.")


@strawberry.type(description="Items of one kind that a run has added.")
class RaisedItems:
    """Items of one kind that a run has added."""

    kind: str = strawberry.field(description="SUBSCRIPTION, COST_PASSED_ON and so on.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="A hub whose costs cannot be shared yet, and why.")
class WaitingHub:
    """A hub whose costs cannot be shared yet, and why."""

    hub_id: strawberry.ID = strawberry.field(description=HUB)
    code: str = strawberry.field(description="Stable, one of the codes in the glossary.")
    message: str = strawberry.field(description="One sentence for a person.")


@strawberry.type(description="What a run has added.")
class MonthlyChargesPayload(Payload):
    """What a run has added; what was there before is not counted."""

    items: list[RaisedItems] = strawberry.field(default_factory=list, description="By kind.")
    net: Money | None = strawberry.field(default=None, description="Their sum before tax.")
    waiting: list[WaitingHub] = strawberry.field(
        default_factory=list, description="Hubs whose costs cannot be shared yet."
    )


Work = Callable[[AsyncConnection, CooperativeId, HubId], Awaitable[Any]]


async def _set(context: Context, mutation: str, input: Any, work: Work) -> HubSettingPayload:
    """Do `work` for the input's hub under its key, and show the hub."""
    named = node_id_of_type(input.hub_id, "Hub", "hubId")
    cooperative_id, hub_id = CooperativeId(named.cooperative_id), HubId(named.id)

    async def once(connection: AsyncConnection) -> Outcome:
        await work(connection, cooperative_id, hub_id)
        return {"id": str(hub_id)}

    _, replayed = await under_key(context, cooperative_id, mutation, input, once)
    hub = await hub_of(context, cooperative_id, hub_id)
    return HubSettingPayload(hub=hub, replayed=replayed)


@strawberry.type
class CostSharingMutations:
    """Mutations of grid costs and of what a month costs."""

    @strawberry.mutation(description="Let a grid tariff be in force at a hub from a day on.")
    @refusals_as(HubSettingPayload)
    async def utility_schedule_set(
        self, info: Info, input: UtilityScheduleSetInput
    ) -> HubSettingPayload:
        async def work(connection: AsyncConnection, of: CooperativeId, hub_id: HubId) -> Any:
            return await grid.set_utility_schedule(
                connection, info.context.viewer, of, hub_id, input.from_,
                schedule_of_text(input.document), resolution=input.resolution,
            )  # fmt: skip

        return await _set(info.context, "utilityScheduleSet", input, work)

    @strawberry.mutation(description="Record what the grid charged a hub for a month.")
    @refusals_as(HubSettingPayload)
    async def utility_bill_record(
        self, info: Info, input: UtilityBillRecordInput
    ) -> HubSettingPayload:
        async def work(connection: AsyncConnection, of: CooperativeId, hub_id: HubId) -> Any:
            bill = Bill(
                await minor_of(connection, input.energy_cost, "energy_cost"),
                await minor_of(connection, input.demand_cost, "demand_cost"),
                await minor_of(connection, input.other_cost, "other_cost"),
                None if input.energy is None else energy.wh_of_kwh(input.energy),
            )
            draft = BillDraft(hub_id, input.month, bill, input.reference, input.post)
            return await grid.record_utility_bill(connection, info.context.viewer, of, draft)

        return await _set(info.context, "utilityBillRecord", input, work)

    @strawberry.mutation(description="Let a hub's grid costs be shared by a method.")
    @refusals_as(HubSettingPayload)
    async def cost_sharing_rule_set(
        self, info: Info, input: CostSharingRuleSetInput
    ) -> HubSettingPayload:
        async def work(connection: AsyncConnection, of: CooperativeId, hub_id: HubId) -> Any:
            return await grid.set_sharing_rule(
                connection, info.context.viewer, of, hub_id, input.from_, input.method,
                parameters_in(input.parameters), taxes=taxes_in(input.taxes),
                resolution=input.resolution,
            )  # fmt: skip

        return await _set(info.context, "costSharingRuleSet", input, work)

    @strawberry.mutation(description="Record when the grid asked a hub to take less.")
    @refusals_as(HubSettingPayload)
    async def demand_response_event_record(
        self, info: Info, input: DemandResponseEventRecordInput
    ) -> HubSettingPayload:
        async def work(connection: AsyncConnection, of: CooperativeId, hub_id: HubId) -> Any:
            return await grid.record_demand_response(
                connection, info.context.viewer, of, hub_id, input.from_, input.to,
                await minor_of(connection, input.payment, "payment"), input.fee_percent,
                programme=input.programme, resolution=input.resolution,
            )  # fmt: skip

        return await _set(info.context, "demandResponseEventRecord", input, work)

    @strawberry.mutation(description="Raise everything a month costs beside charging.")
    @refusals_as(MonthlyChargesPayload)
    async def monthly_charges_raise(
        self, info: Info, input: MonthlyChargesRaiseInput
    ) -> MonthlyChargesPayload:
        context, cooperative_id = info.context, cooperative_named(input.cooperative_id)
        require(context.viewer, Action.BILL_ISSUE, cooperative_id)

        # The key is held in one transaction while the parts commit by others.
        async def work(_: AsyncConnection) -> Outcome:
            found = await raise_monthly_items(
                context.database, context.viewer, cooperative_id, input.month
            )
            return _outcome(found)

        outcome, replayed = await under_key(
            context, cooperative_id, "monthlyChargesRaise", input, work, held_for_s=HELD_FOR_S
        )
        return _payload(cooperative_id, outcome, replayed=replayed)


def parameters_in(given: Any) -> dict[str, object] | None:
    """The parameters an input names; anything but an object is refused by what reads them."""
    if given is None:
        return None
    return dict(given) if isinstance(given, dict) else {str(given): given}


def _outcome(found: Raised) -> dict[str, Any]:
    return {
        "items": found.items,
        "net_minor": str(found.net_minor),
        "currency": found.currency,
        "waiting": [[str(one.hub_id), one.code, one.message] for one in found.waiting],
    }


def _payload(
    cooperative_id: CooperativeId, outcome: Outcome, *, replayed: bool
) -> MonthlyChargesPayload:
    return MonthlyChargesPayload(
        items=[
            RaisedItems(kind=kind, count=count) for kind, count in sorted(outcome["items"].items())
        ],
        net=Money.of(money.Money(outcome["currency"], int(outcome["net_minor"]))),
        waiting=[
            WaitingHub(
                hub_id=strawberry.ID(str(NodeId("Hub", cooperative_id, UUID(hub_id)))), code=code,
                message=message,
            )
            for hub_id, code, message in outcome["waiting"]
        ],
        replayed=replayed,
    )  # fmt: skip
