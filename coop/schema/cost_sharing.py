"""How a hub's grid costs are shared: rules, schedules, months shared, and methods compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from coop.billing.cost_sharing import arithmetic_of, member_of_owner, preview_sharing, results_of
from coop.billing.queries import sharing as queries
from coop.billing.queries.sharing import StoredRule, StoredRun, StoredSchedule, StoredShare
from coop.kernel import money
from coop.kernel.ids import CooperativeId, HubId
from coop.kernel.window import Window
from coop.members.domain.policy import Action
from coop.schema.context import Context, Info
from coop.schema.member import Member, member_of
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.plans import RESOLUTION
from coop.schema.scalars import KWh, Money, kwh
from coop.schema.taxes import Tax, taxes_shown

SHARES = Order("cost_sharing_shares", int)
RUNS = Order("cost_sharing_runs", date)
_PREVIEW_RUN = UUID(int=0)


@strawberry.type(description="A grid tariff of a hub.")
class UtilitySchedule:
    """A grid tariff of a hub, in force from a day on."""

    from_: date = strawberry.field(name="from", description="First day it is in force.")
    name: str = strawberry.field(description="What the grid calls it.")
    document: JSON = strawberry.field(
        description="Seasons, weekdays, prices by time of day, and what a kW of peak costs."
    )
    sha256: str = strawberry.field(description="SHA-256 of its canonical text, hexadecimal.")
    resolution: str | None = strawberry.field(description=RESOLUTION)

    @classmethod
    def of(cls, value: StoredSchedule) -> UtilitySchedule:
        """What the API shows of a schedule."""
        return cls(
            from_=value.from_on,
            name=value.name,
            document=JSON(value.document),
            sha256=bytes(value.document_sha256).hex(),
            resolution=value.resolution,
        )


@strawberry.type(description="How a hub's grid costs are shared from a month on.")
class CostSharingRule:
    """How a hub's grid costs are shared from a month on."""

    from_: date = strawberry.field(name="from", description="First day of its first month.")
    method: str = strawberry.field(
        description="KWH, COINCIDENT_PEAK, OWN_PEAK, PEAK_LAYERS, HIGHEST_INTERVALS, or NONE."
    )
    parameters: JSON = strawberry.field(description="highest, ratchet_percent, tolerance_percent.")
    taxes: list[Tax] = strawberry.field(description="On what is passed on.")
    resolution: str | None = strawberry.field(description=RESOLUTION)

    @classmethod
    def of(cls, value: StoredRule) -> CostSharingRule:
        """What the API shows of a rule."""
        return cls(
            from_=value.from_month,
            method=value.method,
            parameters=JSON(value.parameters),
            taxes=taxes_shown(value.taxes),
            resolution=value.resolution,
        )


@strawberry.type(description="A slice of a hub's peak, paid in equal parts by all who reach it.")
class PeakLayer:
    """A slice of a hub's peak, paid in equal parts by all who reach it."""

    from_w: Decimal = strawberry.field(description="Where it begins, in W.")
    to_w: Decimal = strawberry.field(description="Where it ends, in W.")
    members: int = strawberry.field(description="How many pay for it.")


@strawberry.type(description="What one member bears of a shared bill, step by step.")
class CostSharingShare:
    """What one member bears of a shared bill; amounts of the steps are exact to six decimals."""

    taken: KWh = strawberry.field(description="Energy taken in the month.")
    own_peak_w: int = strawberry.field(description="Highest mean power of a quarter hour.")
    measured: str = strawberry.field(
        description="What the method measured, as a fraction: Wh for KWH, W for the others."
    )
    measure: str = strawberry.field(description="The same after a ratchet, if there is one.")
    losses: Decimal = strawberry.field(description="Its part of the losses, in Wh.")
    energy_cost: Decimal = strawberry.field(description="Its part of the energy, in minor units.")
    losses_cost: Decimal = strawberry.field(description="Of the losses, in minor units.")
    demand_cost: Decimal = strawberry.field(description="Of the demand charge, in minor units.")
    other_cost: Decimal = strawberry.field(description="Of the rest, in minor units.")
    amount: Money = strawberry.field(description="All of it, rounded once, before tax.")
    value: strawberry.Private[StoredShare]

    @classmethod
    def of(cls, value: StoredShare, currency: str) -> CostSharingShare:
        """What the API shows of a share."""
        said = value.arithmetic
        return cls(
            taken=kwh(value.taken_wh),
            own_peak_w=value.own_peak_w,
            measured=said["measured"],
            measure=said["measure"],
            losses=Decimal(said["losses_wh"]),
            energy_cost=Decimal(said["energy"]),
            losses_cost=Decimal(said["losses"]),
            demand_cost=Decimal(said["demand"]),
            other_cost=Decimal(said["other"]),
            amount=Money.of(money.Money(currency, value.net_minor)),
            value=value,
        )

    @strawberry.field(description="Whose; null for guests, whose part the cooperative bears.")
    async def member(self, info: Info) -> Member | None:
        if self.value.member_id is None:
            return None
        return await member_of(info.context, self.value.cooperative_id, self.value.member_id)


@dataclass(frozen=True, slots=True)
class _Shared:
    """A shared bill, kept or only computed, in the shape of what is kept."""

    cooperative_id: UUID
    month: date
    currency: str
    total_minor: int
    kept_minor: int
    results: dict[str, Any]
    shares: Sequence[StoredShare]


@strawberry.type(description="A hub's grid bill of a month, shared.")
class SharedBill:
    """A hub's grid bill of a month, shared by a method."""

    month: date = strawberry.field(description="First day of the month.")
    method: str = strawberry.field(description="By which method.")
    total: Money = strawberry.field(description="The bill: the sum of all shares.")
    kept: Money = strawberry.field(description="The part of guests, borne by the cooperative.")
    energy_cost: Money = strawberry.field(description="Of the bill, for energy.")
    demand_cost: Money = strawberry.field(description="Of the bill, for the peak.")
    other_cost: Money = strawberry.field(description="Of the bill, the rest.")
    taken: KWh = strawberry.field(description="What all took.")
    losses: KWh = strawberry.field(description="What the grid delivered and nobody took.")
    peak_at: datetime = strawberry.field(description="When the hub took most, for 15 minutes.")
    peak_w: int = strawberry.field(description="How much that was.")
    estimated: bool = strawberry.field(
        description="Whether the grid's bill is not here yet and the schedule's was shared."
    )
    value: strawberry.Private[Any]

    @classmethod
    def of(cls, value: _Shared, *, estimated: bool = False) -> SharedBill:
        """What the API shows of a shared bill."""
        said = value.results

        def amount(minor: Any) -> Money:
            return Money.of(money.Money(value.currency, int(minor)))

        return cls(
            month=value.month,
            method=said["method"],
            total=amount(value.total_minor),
            kept=amount(value.kept_minor),
            energy_cost=amount(said["energy_minor"]),
            demand_cost=amount(said["demand_minor"]),
            other_cost=amount(said["other_minor"]),
            taken=kwh(int(said["taken_wh"])),
            losses=kwh(int(said["losses_wh"])),
            peak_at=datetime.fromisoformat(said["peak_at"]),
            peak_w=int(said["peak_w"]),
            estimated=estimated,
            value=value,
        )

    def _seen(self, info: Info) -> tuple[list[StoredShare], bool]:
        """The shares the viewer may see, and whether that is all of them."""
        extent = info.context.extent(Action.BILL_READ, self.value.cooperative_id)
        seen = [
            one
            for one in self.value.shares
            if extent.everything or (one.member_id and extent.reaches(one.member_id))
        ]
        return seen, extent.everything

    @strawberry.field(
        description="Of PEAK_LAYERS, the lowest first; a member sees those that it pays for."
    )
    def layers(self, info: Info) -> list[PeakLayer]:
        seen, everything = self._seen(info)
        reached = max((Fraction(one.arithmetic["measure"]) for one in seen), default=Fraction(0))
        return [
            PeakLayer(
                from_w=_decimal(one["from_w"]), to_w=_decimal(one["to_w"]), members=one["members"]
            )
            for one in self.value.results["layers"]
            if everything or Fraction(one["to_w"]) <= reached
        ]

    @strawberry.field(description="Every member's part; a member sees its own only.")
    async def shares(
        self, info: Info, first: int | None = UNSET, after: str | None = UNSET
    ) -> Connection[CostSharingShare]:
        seen, _ = self._seen(info)

        async def fetch(window: Window) -> Sequence[StoredShare]:
            return _windowed(seen, window)

        async def count() -> int:
            return len(seen)

        return await connection_of(
            Connection[CostSharingShare], SHARES, Page(first, after), fetch=fetch, count=count,
            key=lambda row: (row.number,),
            node=lambda row: CostSharingShare.of(row, self.value.currency),
        )  # fmt: skip


def _windowed(shares: Sequence[StoredShare], window: Window) -> Sequence[StoredShare]:
    after: Any = window.after[0] if window.after else 0
    return [one for one in shares if one.number > after][: window.limit]


def _decimal(fraction: str) -> Decimal:
    """A fraction as people read it; its exact text stays in the arithmetic of the shares."""
    above, _, below = fraction.partition("/")
    return round(Decimal(above) / Decimal(below), 6) if below else Decimal(above)


@strawberry.type(description="How a hub's grid costs are and were shared.")
class HubCostSharing:
    """How a hub's grid costs are and were shared."""

    rules: list[CostSharingRule] = strawberry.field(description="Every rule, oldest first.")
    schedules: list[UtilitySchedule] = strawberry.field(description="Every schedule, likewise.")
    cooperative_id: strawberry.Private[UUID]
    hub_id: strawberry.Private[HubId]

    @strawberry.field(description="The months that were shared, the latest first.")
    async def runs(
        self, info: Info, first: int | None = UNSET, after: str | None = UNSET
    ) -> Connection[SharedBill]:
        reader = await info.context.reader(self.cooperative_id)
        found: list[StoredRun] = await reader.each(queries.runs_of_hubs).load(self.hub_id) or []

        async def fetch(window: Window) -> Sequence[_Shared]:
            before: Any = window.after[0] if window.after else date.max
            page = [one for one in reversed(found) if one.month < before][: window.limit]
            shares = await reader.each(queries.shares_of_runs).load_many([one.id for one in page])
            return [_kept(one, part or ()) for one, part in zip(page, shares, strict=True)]

        async def count() -> int:
            return len(found)

        return await connection_of(
            Connection[SharedBill], RUNS, Page(first, after), fetch=fetch, count=count,
            key=lambda row: (row.month,), node=SharedBill.of,
        )  # fmt: skip


def _kept(run: StoredRun, shares: Sequence[StoredShare]) -> _Shared:
    return _Shared(
        run.cooperative_id, run.month, run.currency, run.total_minor, run.kept_minor, run.results,
        shares,
    )  # fmt: skip


async def cost_sharing_of(context: Context, cooperative_id: UUID, hub_id: HubId) -> HubCostSharing:
    """How a hub's costs are shared; for whoever may read its tariffs."""
    reader = await context.reader(cooperative_id)
    rules = await reader.each(queries.rules_of_hubs).load(hub_id)
    schedules = await reader.each(queries.schedules_of_hubs).load(hub_id)
    return HubCostSharing(
        rules=[CostSharingRule.of(one) for one in rules or ()],
        schedules=[UtilitySchedule.of(one) for one in schedules or ()],
        cooperative_id=cooperative_id,
        hub_id=hub_id,
    )


async def preview_of(
    context: Context,
    cooperative_id: UUID,
    hub_id: HubId,
    month: date,
    method: str | None,
    parameters: dict[str, Any] | None,
) -> SharedBill:
    """What a method would give of a month. Refuses as `preview_sharing` does."""
    reader = await context.reader(cooperative_id)
    found = await reader.ask(
        preview_sharing, context.viewer, CooperativeId(cooperative_id), hub_id, month, method,
        parameters,
    )  # fmt: skip
    shares = [
        StoredShare(
            cooperative_id, _PREVIEW_RUN, number, member_of_owner(one.owner), one.taken_wh,
            one.own_peak_w, arithmetic_of(one), one.total_minor,
        )
        for number, one in enumerate(found.sharing.shares, 1)
    ]  # fmt: skip
    kept = sum(one.net_minor for one in shares if one.member_id is None)
    value = _Shared(
        cooperative_id, month, found.of.currency, found.sharing.bill.total_minor, kept,
        results_of(found), shares,
    )  # fmt: skip
    return SharedBill.of(value, estimated=found.estimated)
