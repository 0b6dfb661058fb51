"""What the grid asks of a hub, and how members decided to share it: settings, each dated, kept.

    set_utility_schedule, set_sharing_rule     from a day, or from a month, on
    record_utility_bill                        what the grid charged for a month
    record_demand_response                     when it asked for less, and what it pays

What is the same again is answered, not doubled; what differs from what is there is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.cost_sharing import Bill, rule_of
from coop.billing.domain.demand_response import EventTerms
from coop.billing.domain.loads import is_plausible
from coop.billing.domain.plan import check_taxes
from coop.billing.domain.taxes import canonical_taxes, taxes_json
from coop.billing.domain.utility_schedule import (
    UtilitySchedule,
    canonical_schedule,
    schedule_text,
)
from coop.billing.queries.sharing import (
    StoredBill,
    StoredEvent,
    StoredRule,
    StoredSchedule,
    bills_of_hubs,
    events_of_hubs,
    rules_of_hubs,
    runs_of_hubs,
    schedules_of_hubs,
)
from coop.billing.sharing_errors import (
    DemandResponseInvalid,
    SharingInvalid,
    SharingRuleTaken,
    UtilityBillInvalid,
    UtilityBillRecorded,
    UtilityScheduleTaken,
)
from coop.billing.tables import (
    cost_sharing_rule,
    demand_response_event,
    utility_bill,
    utility_schedule,
)
from coop.charging import queries as charging_queries
from coop.charging.domain.place import Hub
from coop.charging.domain.tariff import Tax
from coop.db.refusals import register
from coop.kernel.clock import utc_now
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId, EntryId, HubId, uuid7
from coop.kernel.money import MINOR_MAX
from coop.ledger import queries as ledger_queries
from coop.ledger import service as ledger
from coop.ledger.domain.entry import EntryDraft, PostingDraft, reversal_of
from coop.ledger.service import AccountKey
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer

NONE = "NONE"
BILL_KIND = "utility_bill"
TEXT_MAX = 255

for _constraint, _kind, _message in (
    ("uq_utility_schedule_cooperative_id_hub_id_from_on", UtilityScheduleTaken,
     "The hub has another schedule from that day on."),
    ("uq_cost_sharing_rule_cooperative_id_hub_id_from_month", SharingRuleTaken,
     "The hub has another rule from that month on."),
    ("uq_utility_bill_cooperative_id_hub_id_month_revision", UtilityBillRecorded,
     "The hub's bill of that month was corrected at the same time."),
    ("uq_demand_response_event_cooperative_id_hub_id_from_at", DemandResponseInvalid,
     "The hub has another event from that instant on."),
):  # fmt: skip
    register(_constraint, _kind, _message)


@dataclass(frozen=True, slots=True)
class BillDraft:
    """A grid bill of a hub and month. `post`: also as a payable, Dr 5000/5010 H / Cr 2000."""

    hub_id: HubId
    month: date
    bill: Bill
    reference: str = ""
    post: bool = False


async def hub_named(connection: AsyncConnection, hub_id: HubId) -> Hub:
    """The hub of that id. Refuses NOT_FOUND."""
    found = (await charging_queries.hubs_by_ids(connection, [hub_id])).get(hub_id)
    if found is None:
        raise absent()
    return found


async def set_utility_schedule(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    hub_id: HubId,
    from_on: date,
    schedule: UtilitySchedule,
    *,
    resolution: str | None = None,
) -> StoredSchedule:
    """Let a grid tariff be in force at a hub from a day on, in the cooperative's currency.

    Refuses UTILITY_SCHEDULE_TAKEN when another is from that day on, COST_SHARING_RULE_TAKEN within
    a month that was shared, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.PLAN_MANAGE, cooperative_id)
    await hub_named(connection, hub_id)
    digest = hashlib.sha256(schedule_text(schedule).encode()).digest()
    for one in (await schedules_of_hubs(connection, [hub_id])).get(hub_id, []):
        if one.from_on == from_on and bytes(one.document_sha256) == digest:
            return one
    await _refuse_shared(connection, hub_id, from_on)
    made = StoredSchedule(
        cooperative_id, uuid7(), hub_id, from_on, schedule.name, canonical_schedule(schedule),
        digest, checked_resolution(resolution), viewer.subject, utc_now(),
    )  # fmt: skip
    await connection.execute(insert(utility_schedule).values(**_row(made)))
    return made


async def set_sharing_rule(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    hub_id: HubId,
    from_month: date,
    method: str,
    parameters: Mapping[str, object] | None = None,
    *,
    taxes: Sequence[Tax] = (),
    resolution: str | None = None,
) -> StoredRule:
    """Let a hub's grid costs be shared by a method from a month on; NONE passes none on.

    Refuses COST_SHARING_METHOD_UNKNOWN, COST_SHARING_INVALID, COST_SHARING_RULE_TAKEN when another
    is from that month on or the month was shared already, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.PLAN_MANAGE, cooperative_id)
    await hub_named(connection, hub_id)
    if from_month.day != 1 or not is_plausible(from_month):
        raise SharingInvalid("A rule begins on the first of a month.", ("from_month",))
    if method == NONE and parameters:
        raise SharingInvalid("NONE has no parameters.", ("parameters",))
    kept = {} if method == NONE else rule_of(method, parameters).parameters()
    check_taxes(taxes, SharingInvalid)
    said = taxes_json(canonical_taxes(taxes))
    for one in (await rules_of_hubs(connection, [hub_id])).get(hub_id, []):
        same = (one.method, one.parameters, one.taxes) == (method, kept, said)
        if one.from_month == from_month and same:
            return one
    await _refuse_shared(connection, hub_id, from_month)
    made = StoredRule(
        cooperative_id, uuid7(), hub_id, from_month, method, kept, said,
        checked_resolution(resolution), viewer.subject, utc_now(),
    )  # fmt: skip
    await connection.execute(insert(cost_sharing_rule).values(**_row(made)))
    return made


async def _refuse_shared(connection: AsyncConnection, hub_id: HubId, from_on: date) -> None:
    """Refuse to change by what a month was shared that is shared already."""
    month = from_on.replace(day=1)
    for run in (await runs_of_hubs(connection, [hub_id])).get(hub_id, []):
        if run.month >= month:
            why = f"The costs of {run.month:%Y-%m} are shared already."
            raise SharingRuleTaken(why, ("from",))


async def record_utility_bill(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId, draft: BillDraft
) -> StoredBill:
    """Record what the grid charged a hub for a month, and post it when asked to.

    The entry is of the month's last day: energy to 5000 H, demand and the rest to 5010 H, against
    2000. Another bill of the month is its correction, whose entry comes after the reversal of the
    last one's. Refuses UTILITY_BILL_INVALID, UTILITY_BILL_RECORDED once the month is shared, what
    the ledger refuses, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.PLAN_MANAGE, cooperative_id)
    hub = await hub_named(connection, draft.hub_id)
    _check_bill(draft)
    lock = func.hashtextextended(f"share:{hub.id}:{draft.month}", 9)  # as cost_sharing.py takes
    await connection.execute(select(func.pg_advisory_xact_lock(lock)))
    bills = (await bills_of_hubs(connection, [hub.id])).get(hub.id, [])
    before = next((one for one in bills if one.month == draft.month), None)
    if before is not None:
        if bill_of(before) == draft.bill and before.reference == draft.reference:
            return before
        await _refuse_corrected(connection, hub, draft.month)
    made_id = uuid7()
    entries = [] if before is None else await _undone(connection, before)
    if draft.post and draft.bill.total_minor:
        entries.append(await _bill_entry(connection, cooperative_id, hub, draft, str(made_id)))
    posted = await _posted(connection, viewer, cooperative_id, entries)
    bill = draft.bill
    entry_id = posted if draft.post and bill.total_minor else None
    made = StoredBill(
        cooperative_id, made_id, hub.id, draft.month, 1 if before is None else before.revision + 1,
        await ledger_queries.currency_of(connection), bill.energy_wh, bill.energy_minor,
        bill.demand_minor, bill.other_minor, draft.reference, entry_id, viewer.subject, utc_now(),
    )  # fmt: skip
    await connection.execute(insert(utility_bill).values(**_row(made)))
    return made


async def _refuse_corrected(connection: AsyncConnection, hub: Hub, month: date) -> None:
    runs = (await runs_of_hubs(connection, [hub.id])).get(hub.id, [])
    if any(run.month == month for run in runs):
        raise UtilityBillRecorded(f"The bill of {month:%Y-%m} is shared already.", ("month",))


async def _undone(connection: AsyncConnection, before: StoredBill) -> list[EntryDraft]:
    """The reversal of a bill's entry, if it has one."""
    if before.entry_id is None:
        return []
    lines = await ledger_queries.postings_of_entries(connection, [before.entry_id])
    postings = [
        PostingDraft(line.account_id, line.amount_minor, line.fund_id)
        for line in lines[before.entry_id]
    ]
    on = last_day_of(before.month)
    memo = f"Grid bill {before.month:%Y-%m} corrected"
    return [reversal_of(before.entry_id, postings, effective_on=on, memo=memo)]


async def _posted(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    entries: Sequence[EntryDraft],
) -> EntryId | None:
    """Post entries, all or none; the id of the last."""
    if not entries:
        return None
    outcomes = await ledger.post_entries(connection, cooperative_id, viewer.subject, entries)
    for outcome in outcomes:
        if outcome.refusal is not None:
            raise outcome.refusal
    return outcomes[-1].entry_id


def bill_of(stored: StoredBill) -> Bill:
    """The amounts of a stored bill."""
    return Bill(stored.energy_minor, stored.demand_minor, stored.other_minor, stored.energy_wh)


def _check_bill(draft: BillDraft) -> None:
    if draft.month.day != 1 or not is_plausible(draft.month):
        raise UtilityBillInvalid("A bill is for a month.", ("month",))
    bill = draft.bill
    if min(bill.energy_minor, bill.demand_minor, bill.other_minor, bill.energy_wh or 0) < 0:
        raise UtilityBillInvalid("A bill is not below nothing.", ("amount",))
    if max(bill.total_minor, bill.energy_wh or 0) > MINOR_MAX:
        raise UtilityBillInvalid("That is more than any grid charges.", ("amount",))
    if len(draft.reference) > TEXT_MAX or not (draft.reference + "-").isprintable():
        raise UtilityBillInvalid(f"At most {TEXT_MAX} printable characters.", ("reference",))


async def _bill_entry(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    hub: Hub,
    draft: BillDraft,
    source: str,
) -> EntryDraft:
    energy, grid = AccountKey("5000", hub_id=hub.id), AccountKey("5010", hub_id=hub.id)
    payable = AccountKey("2000")
    accounts = await ledger.accounts_for(connection, cooperative_id, [energy, grid, payable])
    bill = draft.bill
    amounts = (
        (energy, bill.energy_minor),
        (grid, bill.demand_minor + bill.other_minor),
        (payable, -bill.total_minor),
    )
    return EntryDraft(
        kind=BILL_KIND,
        effective_on=last_day_of(draft.month),
        memo=f"{hub.name}: grid bill {draft.month:%Y-%m} {draft.reference}".strip(),
        postings=tuple(PostingDraft(accounts[key], minor) for key, minor in amounts if minor),
        source=(BILL_KIND, source),
    )


async def record_demand_response(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    hub_id: HubId,
    from_at: datetime,
    to_at: datetime,
    payment_minor: int,
    fee_percent: Decimal,
    *,
    programme: str = "",
    resolution: str | None = None,
) -> StoredEvent:
    """Record when the grid asked a hub to take less, and what the programme pays for it.

    Members are credited by the month's charges. Refuses DEMAND_RESPONSE_INVALID, an event that
    overlaps another one too, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.PLAN_MANAGE, cooperative_id)
    hub = await hub_named(connection, hub_id)
    terms = EventTerms(from_at, to_at, payment_minor, fee_percent, hub.time_zone)
    if len(programme) > TEXT_MAX or not (programme + "-").isprintable():
        why = f"At most {TEXT_MAX} printable characters."
        raise DemandResponseInvalid(why, ("programme",))
    facts = (terms.from_at, terms.to_at, payment_minor, fee_percent, programme)
    for one in (await events_of_hubs(connection, [hub_id])).get(hub_id, []):
        known = (one.from_at, one.to_at, one.payment_minor, one.fee_percent, one.programme)
        if known == facts:
            return one
        if one.from_at < to_at and from_at < one.to_at:
            raise DemandResponseInvalid("Another event was then.", ("from_at",))
    made = StoredEvent(
        cooperative_id, uuid7(), hub_id, from_at, to_at, programme,
        await ledger_queries.currency_of(connection), payment_minor, fee_percent,
        checked_resolution(resolution), viewer.subject, utc_now(),
    )  # fmt: skip
    await connection.execute(insert(demand_response_event).values(**_row(made)))
    return made


def checked_resolution(text: str | None) -> str | None:
    """A resolution's reference as given. Refuses INVALID_VALUE for blank or long ones."""
    if text is not None and not (text.strip() and len(text) <= TEXT_MAX and text.isprintable()):
        raise InvalidValue(f"1 to {TEXT_MAX} printable characters.", ("resolution",))
    return text


def check_month(month: date) -> None:
    """Refuse INVALID_VALUE unless a month of our days is named by its first."""
    if month.day != 1 or not is_plausible(month):
        raise InvalidValue("A month is named by its first day.", ("month",))


def last_day_of(month: date) -> date:
    """The last day of the month that begins on `month`: what is charged for it counts then."""
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _row(made: Any) -> dict[str, Any]:
    return {name: getattr(made, name) for name in made.__dataclass_fields__}
