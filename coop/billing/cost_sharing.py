"""A hub's month shared: computed for whoever compares methods, or kept and charged.

    preview_sharing     what a method would give, nothing written
    share_month         the rule in force: the run with every member's arithmetic, and its items

A run is kept once for each hub and month, in one transaction with the items that charge it:
COST_PASSED_ON, Dr 1205 M / Cr 4080 H. The share of guests is kept in the run and charged to
nobody: they paid their own price, so the cooperative bears it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.cost_sharing import (
    Bill,
    Method,
    Share,
    Sharing,
    SharingRule,
    bill_by_schedule,
    hub_load,
    rule_of,
    share_costs,
)
from coop.billing.domain.grid_prices import Dated, GridPrices, grid_prices
from coop.billing.domain.loads import Loads, beginning_of
from coop.billing.domain.taxes import taxes_of
from coop.billing.domain.utility_schedule import schedule_of
from coop.billing.grid import NONE, bill_of, check_month, hub_named, last_day_of
from coop.billing.items import Item, ItemDraft, add_items
from coop.billing.metering import GUESTS, hub_loads
from coop.billing.queries.sharing import (
    StoredBill,
    StoredRule,
    StoredRun,
    StoredSchedule,
    StoredShare,
    bills_of_hubs,
    in_force,
    rules_of_hubs,
    runs_of_hubs,
    schedules_of_hubs,
    shares_of_runs,
)
from coop.billing.sharing_errors import LoadMissing, SharingRuleMissing, UtilityBillMissing
from coop.billing.tables import cost_sharing_run, cost_sharing_share
from coop.charging.domain.place import Hub
from coop.kernel.clock import utc_now
from coop.kernel.ids import CooperativeId, HubId, MemberId, uuid7
from coop.kernel.money import currency_scale
from coop.kernel.rate import from_scale, round_half_up
from coop.ledger import queries as ledger_queries
from coop.ledger.service import AccountKey
from coop.members.domain.policy import Action, require
from coop.members.domain.roles import Viewer

ITEM_KIND = "COST_PASSED_ON"
SOURCE = "cost_sharing"
RATCHET_MONTHS = 11
_PLACES = 6
_WRITTEN_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class HubMonth:
    """A hub's month as it is known: its load, the grid's prices, the bill if it came."""

    hub: Hub
    month: date
    currency: str
    loads: Loads[str]
    prices: GridPrices
    schedule: StoredSchedule
    stored_bill: StoredBill | None

    @property
    def minor_units(self) -> int:
        """How many minor units make a whole one."""
        return int(10 ** currency_scale(self.currency))

    def bill(self) -> Bill:
        """The grid's bill, or what the schedule makes of the load where there is none yet."""
        if self.stored_bill is not None:
            return bill_of(self.stored_bill)
        if not self.loads.by_owner:
            raise LoadMissing("Nobody took anything at the hub in that month.")
        prices = self.prices
        return bill_by_schedule(
            hub_load(self.loads.by_owner), prices.per_kwh, prices.unit, prices.demand_per_kw,
            self.minor_units,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SharedMonth:
    """A shared bill with what it was shared from; `estimated` where the grid's bill is not here."""

    of: HubMonth
    sharing: Sharing

    @property
    def estimated(self) -> bool:
        """Whether the bill is the schedule's rather than the grid's."""
        return self.of.stored_bill is None


async def read_month(connection: AsyncConnection, hub_id: HubId, month: date) -> HubMonth:
    """Everything known of a hub's month. Refuses UTILITY_SCHEDULE_MISSING, NOT_FOUND."""
    check_month(month)
    hub = await hub_named(connection, hub_id)
    end = last_day_of(month)
    schedules = (await schedules_of_hubs(connection, [hub_id])).get(hub_id, [])
    dated = [Dated(one.from_on, schedule_of(one.document)) for one in schedules]
    to_on = date.fromordinal(end.toordinal() + 1)
    loads = await hub_loads(connection, hub_id, hub.time_zone, month, to_on)
    prices = grid_prices(dated, month, loads.quarters, hub.time_zone)
    bills = (await bills_of_hubs(connection, [hub_id])).get(hub_id, [])
    return HubMonth(
        hub, month, await ledger_queries.currency_of(connection), loads, prices,
        max((one for one in schedules if one.from_on <= end), key=lambda one: one.from_on),
        next((one for one in bills if one.month == month), None),
    )  # fmt: skip


async def preview_sharing(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    hub_id: HubId,
    month: date,
    method: str | None = None,
    parameters: Mapping[str, object] | None = None,
) -> SharedMonth:
    """What a method (None: the rule in force) gives of a month; nothing is written.

    Without the grid's bill that of the schedule is shared. Refuses COST_SHARING_RULE_MISSING,
    COST_SHARING_METHOD_UNKNOWN, COST_SHARING_NO_LOAD, UTILITY_SCHEDULE_MISSING, NOT_FOUND.
    """
    require(viewer, Action.BOOKS_READ, cooperative_id)
    if method is None:
        rule = _rule(await _rule_in_force(connection, hub_id, month))
    else:
        rule = rule_of(method, parameters)
    return await _shared(connection, await read_month(connection, hub_id, month), rule)


async def _rule_in_force(connection: AsyncConnection, hub_id: HubId, month: date) -> StoredRule:
    rules = (await rules_of_hubs(connection, [hub_id])).get(hub_id, [])
    found = in_force(rules, month)
    if found is None or found.method == NONE:
        raise SharingRuleMissing(f"No rule is in force at the hub in {month:%Y-%m}.", ("hub",))
    return found


def _rule(stored: StoredRule) -> SharingRule:
    return rule_of(stored.method, stored.parameters)


async def _shared(connection: AsyncConnection, of: HubMonth, rule: SharingRule) -> SharedMonth:
    past = await _past_measures(connection, of, rule) if rule.ratchet_percent else {}
    loads: dict[str, Any] = dict(of.loads.by_owner)
    for owner in past.keys() - loads.keys():
        loads[owner] = [0] * len(of.loads.quarters)
    # A second of arithmetic for a thousand members: others are served meanwhile.
    sharing = await asyncio.to_thread(share_costs, loads, of.prices.per_kwh, of.bill(), rule, past)
    return SharedMonth(of, sharing)


async def _past_measures(
    connection: AsyncConnection, of: HubMonth, rule: SharingRule
) -> dict[str, Fraction]:
    """Each owner's highest measure by the same method in the eleven months before."""
    since = (of.month.year * 12 + of.month.month - 1) - RATCHET_MONTHS
    first = date(since // 12, since % 12 + 1, 1)
    runs = (await runs_of_hubs(connection, [of.hub.id])).get(of.hub.id, [])
    wanted = [
        run.id
        for run in runs
        if first <= run.month < of.month and run.results["method"] == rule.method
    ]
    found: dict[str, Fraction] = {}
    for shares in (await shares_of_runs(connection, wanted)).values():
        for share in shares:
            owner = GUESTS if share.member_id is None else str(share.member_id)
            measured = Fraction(share.arithmetic["measured"])
            found[owner] = max(measured, found.get(owner, measured))
    return found


async def share_month(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    hub_id: HubId,
    month: date,
) -> tuple[StoredRun, list[Item]]:
    """Share a hub's bill of a month by the rule in force and charge it; the run and its new items.

    A month that is shared is answered as it was, without items. Refuses COST_SHARING_RULE_MISSING,
    UTILITY_BILL_MISSING, what sharing refuses, PERIOD_CLOSED, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.BILL_ISSUE, cooperative_id)
    lock = func.hashtextextended(f"share:{hub_id}:{month}", 9)
    await connection.execute(select(func.pg_advisory_xact_lock(lock)))
    for run in (await runs_of_hubs(connection, [hub_id])).get(hub_id, []):
        if run.month == month:
            return run, []
    rule = await _rule_in_force(connection, hub_id, month)
    bills = (await bills_of_hubs(connection, [hub_id])).get(hub_id, [])
    if not any(bill.month == month for bill in bills):
        raise UtilityBillMissing(f"The grid's bill of {month:%Y-%m} is not recorded.", ("hub",))
    found = await _shared(connection, await read_month(connection, hub_id, month), _rule(rule))
    run = await _keep(connection, viewer, cooperative_id, rule, found)
    drafts = [
        draft
        for share in found.sharing.shares
        if (draft := _draft(run, rule, found, share)) is not None
    ]
    return run, await add_items(connection, viewer.subject, cooperative_id, drafts)


async def _keep(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    rule: StoredRule,
    found: SharedMonth,
) -> StoredRun:
    of, sharing = found.of, found.sharing
    if of.stored_bill is None:
        raise LookupError("a shared month without its bill")
    kept = sum(share.total_minor for share in sharing.shares if share.owner == GUESTS)
    run = StoredRun(
        cooperative_id, uuid7(), of.hub.id, of.month, rule.id, of.schedule.id, of.stored_bill.id,
        of.currency, sharing.bill.total_minor, kept, inputs_sha256(found), results_of(found),
        viewer.subject, utc_now(),
    )  # fmt: skip
    values = {name: getattr(run, name) for name in run.__dataclass_fields__}
    await connection.execute(insert(cost_sharing_run).values(**values))
    rows = [
        {
            "cooperative_id": cooperative_id, "run_id": run.id, "number": number,
            "member_id": member_of_owner(share.owner), "taken_wh": share.taken_wh,
            "own_peak_w": share.own_peak_w, "arithmetic": arithmetic_of(share),
            "net_minor": share.total_minor,
        }
        for number, share in enumerate(sharing.shares, 1)
    ]  # fmt: skip
    for start in range(0, len(rows), _WRITTEN_AT_ONCE):
        await connection.execute(insert(cost_sharing_share), rows[start : start + _WRITTEN_AT_ONCE])
    return run


def _draft(run: StoredRun, rule: StoredRule, found: SharedMonth, share: Share) -> ItemDraft | None:
    member_id = member_of_owner(share.owner)
    if member_id is None or not share.total_minor:
        return None
    hub = found.of.hub
    return ItemDraft(
        member_id=member_id,
        kind=ITEM_KIND,
        effective_on=last_day_of(run.month),
        description=(
            f"{hub.name}: grid costs of {run.month:%Y-%m}, shared {Method(rule.method).words}"
        ),
        quantity=Decimal(1),
        unit="month",
        unit_price=from_scale(share.total_minor, currency_scale(run.currency)),
        net_minor=share.total_minor,
        contra=AccountKey("4080", hub_id=hub.id),
        source=(SOURCE, f"{run.id}:{share.owner}"),
        taxes=taxes_of(rule.taxes),
        hub_id=hub.id,
        resolution=rule.resolution,
    )


def member_of_owner(owner: str) -> MemberId | None:
    """Whose load it is; None for guests."""
    return None if owner == GUESTS else MemberId(UUID(owner))


def inputs_sha256(found: SharedMonth) -> bytes:
    """A hash of everything the shares follow from: rule, bill, prices, every load."""
    of, sharing = found.of, found.sharing
    digest = hashlib.sha256()
    rule = sorted(sharing.rule.parameters().items())
    for fact in (sharing.rule.method, rule, sharing.bill, of.prices, of.loads.quarters):
        digest.update(f"{fact}\n".encode())
    for owner in sorted(of.loads.by_owner):
        digest.update(f"{owner}:{','.join(map(str, of.loads.by_owner[owner]))}\n".encode())
    for share in sharing.shares:
        digest.update(f"{share.owner}:{share.measure}\n".encode())
    return digest.digest()


def results_of(found: SharedMonth) -> dict[str, Any]:
    """What is the same for all shares, as text: so that anybody can follow the sums."""
    sharing, of = found.sharing, found.of
    bill = sharing.bill
    return {
        "method": sharing.rule.method.value,
        "parameters": sharing.rule.parameters(),
        "energy_minor": str(bill.energy_minor),
        "demand_minor": str(bill.demand_minor),
        "other_minor": str(bill.other_minor),
        "taken_wh": str(sharing.taken_wh),
        "losses_wh": str(sharing.losses_wh),
        "peak_at": beginning_of(of.loads.quarters[sharing.peak_index]).isoformat(),
        "peak_w": str(sharing.peak_w),
        "layers": [
            {"from_w": str(one.from_w), "to_w": str(one.to_w), "members": one.members}
            for one in sharing.layers
        ],
    }


def arithmetic_of(share: Share) -> dict[str, str]:
    """The steps of one share: measures exact, amounts in minor units with six decimals."""
    return {
        "measured": str(share.measured),
        "measure": str(share.measure),
        "losses_wh": shown(share.losses_wh),
        "energy": shown(share.energy),
        "losses": shown(share.losses),
        "demand": shown(share.demand),
        "other": shown(share.other),
        "exact": shown(share.exact),
    }


def shown(value: Fraction) -> str:
    """A number with six decimals, the last one rounded."""
    return f"{from_scale(round_half_up(value * 10**_PLACES), _PLACES):f}"


__all__ = [
    "HubMonth",
    "SharedMonth",
    "StoredRun",
    "StoredShare",
    "arithmetic_of",
    "preview_sharing",
    "read_month",
    "share_month",
]
