"""What one month makes of plans, reservations and events: drafts of bill items, in groups.

The drafts of a group were computed together, so they are recorded together or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.demand_response import EventTerms, Reduction, credits_of, like_days
from coop.billing.domain.loads import beginning_of, midnight_of, quarter_at
from coop.billing.domain.plan import (
    IncludedCredit,
    MonthOfPlan,
    included_credits,
    month_of_plan,
)
from coop.billing.domain.reservation import is_no_show, reserved_in
from coop.billing.domain.taxes import taxes_of
from coop.billing.grid import last_day_of
from coop.billing.items import ItemDraft, decimal_of
from coop.billing.metering import GUESTS, hub_loads
from coop.billing.plans import FEE_SOURCE, RESERVED_SOURCE
from coop.billing.queries.plans import (
    StoredPlan,
    StoredReservation,
    StoredSubscription,
    energy_used,
    plans_by_ids,
    visits,
)
from coop.billing.queries.sharing import (
    Credited,
    StoredEvent,
    credited_in_month,
    events_of_hubs,
    known_sources,
)
from coop.charging import queries as charging_queries
from coop.charging.domain.interruption import Cause
from coop.charging.domain.place import Hub
from coop.kernel.energy import kwh_of_wh
from coop.kernel.ids import HubId, MemberId
from coop.kernel.money import currency_scale
from coop.kernel.rate import from_scale, round_half_up
from coop.ledger.service import AccountKey

SUBSCRIPTION = "SUBSCRIPTION"
RESERVED = "RESERVED_CAPACITY"
NO_SHOW = "NO_SHOW"
REDUCTION = "DEMAND_RESPONSE"
INCLUDED_SOURCE = "subscription_included"
NO_SHOW_SOURCE = "no_show"
REDUCTION_SOURCE = "demand_response"

Group = list[ItemDraft]


@dataclass(frozen=True, slots=True)
class Month:
    """A month and the cooperative's currency, with the hubs it has."""

    first: date
    currency: str
    hubs: Mapping[HubId, Hub]

    @property
    def end(self) -> date:
        """The first day after it."""
        return self.on + timedelta(days=1)

    @property
    def on(self) -> date:
        """Its last day, on which what it costs counts."""
        return last_day_of(self.first)

    @property
    def scale(self) -> int:
        """Decimals of the currency."""
        return currency_scale(self.currency)

    def amount(self, minor: int) -> Decimal:
        """Minor units as people write them."""
        return from_scale(minor, self.scale)


async def subscription_drafts(
    connection: AsyncConnection, month: Month, subscriptions: Sequence[StoredSubscription]
) -> list[Group]:
    """The fee of each subscription's days of the month, and what its included energy credits.

    What was credited before is taken off, so a later run credits (or takes back) what came late.
    """
    plans = await plans_by_ids(connection, {one.plan_id for one in subscriptions})
    including = {one.member_id for one in subscriptions if plans[one.plan_id].included_wh}
    used = await energy_used(connection, including, month.first, month.end)
    named = f"{month.first:%Y-%m}"
    given = await credited_in_month(
        connection, INCLUDED_SOURCE, {str(one.id) for one in subscriptions}, named
    )
    groups: list[Group] = []
    for one in subscriptions:
        plan = plans[one.plan_id]
        part = month_of_plan(plan.fee_minor, plan.included_wh, one.from_on, one.to_on, month.first)
        if part is None:
            continue
        taken = [
            energy for on, energy in used.get(one.member_id, []) if part.from_on <= on < part.to_on
        ]
        groups.append([_fee(month, one, plan, part)])
        due = {
            draft.source[1]: draft
            for credit in included_credits(part.included_wh, taken)
            for draft in [_included(month, one, plan, credit)]
        }
        before = {key: given[key] for key in given if key.startswith(f"{one.id}:")}
        groups += _adjusting(month, one, due, before)
    return groups


def _adjusting(
    month: Month,
    one: StoredSubscription,
    due: Mapping[str, ItemDraft],
    before: Mapping[str, Credited],
) -> list[Group]:
    """What is missing of the credits that are due, given those of before.

    Sessions that came late, or were rated anew or taken back, change what an allowance is worth.
    """
    groups = [[draft] for source, draft in due.items() if source not in before]
    for source, credited in before.items():
        wanted = due[source].net_minor if source in due else 0
        missing = wanted - credited.net_minor
        if not missing:
            continue
        draft = ItemDraft(
            member_id=one.member_id,
            kind=SUBSCRIPTION,
            effective_on=month.on,
            description=f"{month.hubs[credited.hub_id].name}: included energy, adjusted",
            quantity=Decimal(1),
            unit="month",
            unit_price=month.amount(missing),
            net_minor=missing,
            contra=AccountKey("4000", hub_id=credited.hub_id),
            source=(INCLUDED_SOURCE, f"{source}#{credited.items + 1}"),
            taxes=taxes_of(credited.taxes),
            hub_id=credited.hub_id,
        )
        groups.append([draft])
    return groups


def _fee(month: Month, one: StoredSubscription, plan: StoredPlan, part: MonthOfPlan) -> ItemDraft:
    days = "" if part.days == part.of_days else f", {part.days} of {part.of_days} days"
    return ItemDraft(
        member_id=one.member_id,
        kind=SUBSCRIPTION,
        effective_on=month.on,
        description=f"{plan.name}, {month.first:%Y-%m}{days}",
        quantity=Decimal(1),
        unit="month",
        unit_price=month.amount(part.fee_minor),
        net_minor=part.fee_minor,
        contra=AccountKey("4060"),
        source=(FEE_SOURCE, f"{one.id}:{month.first:%Y-%m}"),
        taxes=taxes_of(plan.taxes),
        resolution=plan.resolution,
    )


def _included(
    month: Month, one: StoredSubscription, plan: StoredPlan, credit: IncludedCredit
) -> ItemDraft:
    taxes = "+".join(f"{tax.name} {tax.percent:f}" for tax in credit.taxes)
    mark = hashlib.sha256(taxes.encode()).hexdigest()[:8]
    kwh = kwh_of_wh(credit.covered_wh)
    return ItemDraft(
        member_id=one.member_id,
        kind=SUBSCRIPTION,
        effective_on=month.on,
        description=f"{plan.name}: {kwh} kWh included at {month.hubs[credit.hub_id].name}",
        quantity=Decimal(1),
        unit="month",
        unit_price=month.amount(-credit.net_minor),
        net_minor=-credit.net_minor,
        contra=AccountKey("4000", hub_id=credit.hub_id),
        source=(INCLUDED_SOURCE, f"{one.id}:{month.first:%Y-%m}:{credit.hub_id}:{mark}"),
        taxes=credit.taxes,
        hub_id=credit.hub_id,
        resolution=plan.resolution,
    )


async def reservation_drafts(
    connection: AsyncConnection, month: Month, reservations: Sequence[StoredReservation]
) -> list[Group]:
    """What each reservation costs in the month, and the fee where nobody came."""
    charged = await known_sources(
        connection, [NO_SHOW_SOURCE], [str(one.id) for one in reservations]
    )
    groups: list[Group] = []
    for one in reservations:
        reserved = reserved_draft(month, one)
        groups += [[reserved]] if reserved is not None else []
        fee = _no_show_fee(month, one)
        if fee is None:
            continue
        if await _nobody_came(connection, one):
            groups.append([fee])
        elif fee.source in charged:
            groups.append([_taken_back(month, fee)])
    return groups


def reserved_draft(month: Month, one: StoredReservation) -> ItemDraft | None:
    """What a reservation costs in the month, beside any fee; None when nothing."""
    hub = month.hubs[one.hub_id]
    begins, ends = (midnight_of(day, hub.time_zone) for day in (month.first, month.end))
    found = reserved_in(one.terms, begins, ends, 10**month.scale, one.cancelled_at)
    if found is None:
        return None
    return ItemDraft(
        member_id=one.member_id,
        kind=RESERVED,
        effective_on=month.on,
        description=f"{hub.name}: reserved {_what(one)}, {month.first:%Y-%m}",
        quantity=decimal_of(found.quantity),
        unit=found.unit,
        unit_price=one.unit_price,
        net_minor=found.net_minor,
        contra=AccountKey("4070", hub_id=one.hub_id),
        source=(RESERVED_SOURCE, f"{one.id}:{month.first:%Y-%m}"),
        taxes=taxes_of(one.taxes),
        hub_id=one.hub_id,
        resolution=one.resolution,
    )


def _what(one: StoredReservation) -> str:
    if one.kind == "POWER":
        return f"{kwh_of_wh(one.quantity):f} kW"
    return f"{one.quantity} ports from {one.from_at:%Y-%m-%d %H:%M} UTC"


async def _nobody_came(connection: AsyncConnection, one: StoredReservation) -> bool:
    latest = one.from_at + timedelta(minutes=one.grace_minutes)
    came = await visits(connection, one.hub_id, one.member_id, one.from_at, latest)
    down = [
        (stop.from_at, stop.to_at)
        for stop in await charging_queries.interruptions(
            connection, [one.hub_id], one.from_at, latest + timedelta(seconds=1)
        )
        if stop.port_id is None and stop.cause is not Cause.THROTTLED
    ]
    return is_no_show(one.terms, came, one.cancelled_at, down)


def _no_show_fee(month: Month, one: StoredReservation) -> ItemDraft | None:
    """The fee it would be if nobody came; None where there is none or another month's."""
    hub = month.hubs[one.hub_id]
    begins_on = one.from_at.astimezone(hub.time_zone).date()
    if not (month.first <= begins_on < month.end and one.no_show_minor):
        return None
    return ItemDraft(
        member_id=one.member_id,
        kind=NO_SHOW,
        effective_on=month.on,
        description=f"{hub.name}: nobody came for {_what(one)}",
        quantity=Decimal(1),
        unit="reservation",
        unit_price=month.amount(one.no_show_minor),
        net_minor=one.no_show_minor,
        contra=AccountKey("4070", hub_id=one.hub_id),
        source=(NO_SHOW_SOURCE, str(one.id)),
        taxes=taxes_of(one.taxes),
        hub_id=one.hub_id,
        resolution=one.resolution,
    )


def _taken_back(month: Month, fee: ItemDraft) -> ItemDraft:
    """The mirror of a no-show fee: a session or an outage came to light later."""
    return replace(
        fee,
        description=f"{fee.description}: taken back",
        net_minor=-fee.net_minor,
        unit_price=month.amount(-fee.net_minor),
        source=(NO_SHOW_SOURCE, f"{fee.source[1]}:taken back"),
    )


async def demand_response_drafts(
    connection: AsyncConnection, month: Month, event: StoredEvent
) -> list[Group]:
    """What each member is credited for its reduction during an event: one group, or none."""
    hub = month.hubs[event.hub_id]
    reductions = await reductions_of(connection, hub, event)
    group = [_reduction(month, hub, event, one) for one in reductions if one.credit_minor]
    return [group] if group else []


async def reductions_of(
    connection: AsyncConnection, hub: Hub, event: StoredEvent
) -> list[Reduction]:
    """What every member with a load around an event reduced; guests are nobody's reduction."""
    terms = EventTerms(
        event.from_at, event.to_at, event.payment_minor, event.fee_percent, hub.time_zone
    )
    others = (await events_of_hubs(connection, [hub.id])).get(hub.id, [])
    days = like_days(terms.day, {one.from_at.astimezone(hub.time_zone).date() for one in others})
    loads = await hub_loads(
        connection, hub.id, hub.time_zone, min([*days, terms.day]), terms.day + timedelta(days=1)
    )
    start = loads.quarters.start
    sparse = {
        owner: {start + i: wh for i, wh in enumerate(load) if wh}
        for owner, load in loads.by_owner.items()
        if owner != GUESTS
    }
    return credits_of(terms, days, sparse)


def _reduction(month: Month, hub: Hub, event: StoredEvent, one: Reduction) -> ItemDraft:
    begins = beginning_of(quarter_at(event.from_at)).astimezone(hub.time_zone)
    less = kwh_of_wh(round_half_up(one.reduced_wh))
    usual = kwh_of_wh(round_half_up(one.baseline_wh))
    return ItemDraft(
        member_id=MemberId(UUID(one.owner)),
        kind=REDUCTION,
        effective_on=month.on,
        description=f"{hub.name}: {less} of {usual} kWh less from {begins:%Y-%m-%d %H:%M} on",
        quantity=Decimal(1),
        unit="event",
        unit_price=month.amount(-one.credit_minor),
        net_minor=-one.credit_minor,
        contra=AccountKey("5020", hub_id=hub.id),
        source=(REDUCTION_SOURCE, f"{event.id}:{one.owner}"),
        hub_id=hub.id,
        resolution=event.resolution,
    )
