"""A month's billing run: one invoice per member, a few members at a time, resumed after a kill.

Each batch of members is one transaction: it holds the series, takes what is unbilled, posts,
numbers and stores. What is committed stays; a run that was killed is started again and bills those
who are left. Runs at once take turns and share the members. Nothing is held in memory but a batch.

A run takes everything of days before the month's end that no invoice holds, late things of earlier
months too. What comes late for a month that was billed is billed by the next run: of the next
month, or of the same month again, which then issues a supplementary invoice of it. With nothing
new, a run changes nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.lines import INVOICE, Bill, bill_of
from coop.billing.domain.months import Month
from coop.billing.errors import IssueDayInvalid, MonthNotOver
from coop.billing.invoicing import Frame, Issued, bill_members, hold_series, issue
from coop.billing.queries.runs import MonthTotals, count_unbilled_members, month_totals
from coop.billing.queries.unbilled import members_with_unbilled, unbilled_lines
from coop.billing.tables import billing_run
from coop.db.engine import Database
from coop.kernel.clock import today_in, utc_now
from coop.kernel.ids import CooperativeId, MemberId, uuid7
from coop.kernel.money import currency_scale
from coop.members import queries as member_queries
from coop.members.domain.people import Cooperative
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer

MEMBERS_AT_ONCE = 25
PAYMENT_DAYS = 14


@dataclass(frozen=True, slots=True)
class MemberBill:
    """What a member would be billed: a draft, of which nothing is stored."""

    member_id: MemberId
    bill: Bill


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: members done of those it found, and what it issued, in minor units."""

    done: int = 0
    total: int = 0
    run_id: UUID | None = None
    invoices: int = 0
    credit_notes: int = 0
    net_minor: int = 0
    tax_minor: int = 0

    def plus(self, bills: Sequence[Bill | Issued]) -> Progress:
        """What it comes to with these documents."""
        invoices = sum(one.kind == INVOICE for one in bills)
        return replace(
            self,
            invoices=self.invoices + invoices,
            credit_notes=self.credit_notes + len(bills) - invoices,
            net_minor=self.net_minor + sum(one.net_minor for one in bills),
            tax_minor=self.tax_minor + sum(one.tax_minor for one in bills),
        )


@dataclass(frozen=True, slots=True)
class BillingOutcome:
    """What this run issued, and what stands for the month after it."""

    currency: str
    issued: Progress
    month: MonthTotals


async def preview_bills(
    database: Database,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    month: Month,
    *,
    after: MemberId | None = None,
    most: int | None = None,
) -> AsyncIterator[MemberBill]:
    """What a run of the month would issue now, a member at a time by id; nothing is stored.

    Members whose things cancel out are passed over. The month need not be over. Refuses FORBIDDEN,
    NOT_FOUND.
    """
    require(viewer, Action.BILL_ISSUE, cooperative_id)
    left = most
    while left is None or left > 0:
        async with database.snapshot(cooperative_id) as connection:
            members = await members_with_unbilled(
                connection, cooperative_id, month.to_on, after=after, most=MEMBERS_AT_ONCE
            )
            bills = await bills_of(connection, cooperative_id, members, month.to_on)
        if not members:
            return
        for one in bills[:left]:
            yield one
        left = None if left is None else left - len(bills)
        after = members[-1]


async def bills_of(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    members: Sequence[MemberId],
    before: date,
) -> list[MemberBill]:
    """The bills these members would have now of days before `before`; who owes nothing has none.

    Whoever calls has asked whether it may.
    """
    scale = currency_scale((await _cooperative(connection, cooperative_id)).currency)
    lines = await unbilled_lines(connection, cooperative_id, members, before, scale)
    return [MemberBill(one, bill_of(lines[one], scale)) for one in members if one in lines]


async def run_billing(
    database: Database,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    month: Month,
    *,
    issued_on: date | None = None,
    payment_days: int | None = None,
    members_at_once: int = MEMBERS_AT_ONCE,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> BillingOutcome:
    """Bill a month that is over, and tell `on_progress` after each batch of members.

    Invoices carry `issued_on`: the first day after the month unless told otherwise, or the day
    last issued on if that is later, so that numbers and days run together. They are due
    `payment_days` later (the cooperative's own terms, or 14). Refuses BILL_MONTH_OPEN,
    ISSUE_DAY_INVALID, PERIOD_CLOSED (the day lies in a closed month), FORBIDDEN, NOT_FOUND; what
    earlier batches issued stays.
    """
    require(viewer, Action.BILL_ISSUE, cooperative_id)
    async with database.snapshot(cooperative_id) as connection:
        cooperative = await _cooperative(connection, cooperative_id)
        _require_over(month, issued_on, today_in(cooperative.time_zone))
        total = await count_unbilled_members(connection, cooperative_id, month.to_on)
        days = payment_days
        if days is None:
            days = await payment_days_of(connection, cooperative_id, month.to_on)
    order = _Order(
        viewer.subject,
        cooperative_id,
        cooperative.currency,
        month,
        issued_on,
        days,
        members_at_once,
    )
    progress, after = Progress(total=total), None
    on_progress(progress)
    while True:
        batch = await database.unit_of_work(cooperative_id, partial(_batch, order, after))
        if not batch.members:
            break
        after = batch.members[-1]
        progress = _further(progress, batch)
        on_progress(progress)
    async with database.snapshot(cooperative_id) as connection:
        totals = await month_totals(connection, month.from_on)
    return BillingOutcome(cooperative.currency, progress, totals)


async def payment_days_of(
    connection: AsyncConnection, cooperative_id: CooperativeId, on: date
) -> int:
    """In how many days the cooperative's invoices are due: its profile's terms, or 14."""
    profile = await member_queries.cooperative_profile_on(connection, cooperative_id, on)
    return PAYMENT_DAYS if profile is None else profile.profile.payment_days


@dataclass(frozen=True, slots=True)
class _Order:
    subject: str
    cooperative_id: CooperativeId
    currency: str
    month: Month
    issued_on: date | None
    payment_days: int
    members_at_once: int


@dataclass(frozen=True, slots=True)
class _Batch:
    members: list[MemberId]
    run_id: UUID | None = None
    issued: tuple[Issued, ...] = ()


async def _cooperative(connection: AsyncConnection, cooperative_id: CooperativeId) -> Cooperative:
    found = await member_queries.cooperative_by_id(connection, cooperative_id)
    if found is None:
        raise absent()
    return found


def _require_over(month: Month, issued_on: date | None, today: date) -> None:
    if month.to_on > today:
        raise MonthNotOver(f"{month} ends after {today}; a draft can be had before.", ("month",))
    if issued_on is not None and not month.to_on <= issued_on <= today:
        raise IssueDayInvalid(
            f"Invoices of {month} carry a day from {month.to_on} to {today}.", ("issuedOn",)
        )


async def _batch(order: _Order, after: MemberId | None, connection: AsyncConnection) -> _Batch:
    """One transaction: the next members, billed; none are left when it answers without any."""
    cooperative_id = order.cooperative_id
    last_on = await hold_series(connection, cooperative_id)
    members = await members_with_unbilled(
        connection, cooperative_id, order.month.to_on, after=after, most=order.members_at_once
    )
    if not members:
        await _finish(connection, order.month)
        return _Batch([])
    frame = _frame(order, last_on)
    drafts = await bill_members(connection, frame, members)
    if not drafts:
        return _Batch(members)
    run_id = await _run_under_way(connection, order, frame.issued_on)
    issued = await issue(connection, replace(frame, run_id=run_id), drafts)
    await _count(connection, run_id, issued)
    return _Batch(members, run_id, tuple(issued))


def _frame(order: _Order, last_on: date | None) -> Frame:
    issued_on = order.issued_on or max(order.month.to_on, last_on or order.month.to_on)
    if last_on is not None and issued_on < last_on:
        raise IssueDayInvalid(f"The last document carries {last_on}.", ("issuedOn",))
    return Frame(
        cooperative_id=order.cooperative_id,
        subject=order.subject,
        month=order.month,
        issued_on=issued_on,
        due_on=issued_on + timedelta(days=order.payment_days),
        currency=order.currency,
        scale=currency_scale(order.currency),
    )


async def _run_under_way(connection: AsyncConnection, order: _Order, issued_on: date) -> UUID:
    """The month's run that is not finished, begun now when there is none."""
    c = billing_run.c
    found: UUID | None = await connection.scalar(
        select(c.id).where(c.from_on == order.month.from_on, c.state == "issuing")
    )
    if found is not None:
        return found
    row: dict[str, Any] = {
        "cooperative_id": order.cooperative_id, "id": uuid7(), "from_on": order.month.from_on,
        "to_on": order.month.to_on, "issued_on": issued_on, "state": "issuing",
        "started_by": order.subject, "started_at": utc_now(),
    }  # fmt: skip
    await connection.execute(insert(billing_run).values(row))
    began: UUID = row["id"]
    return began


async def _count(connection: AsyncConnection, run_id: UUID, issued: list[Issued]) -> None:
    c = billing_run.c
    invoices = sum(one.kind == INVOICE for one in issued)
    await connection.execute(
        update(billing_run)
        .where(c.id == run_id)
        .values(
            members=c.members + len(issued),
            invoices=c.invoices + invoices,
            credit_notes=c.credit_notes + len(issued) - invoices,
            net_minor=c.net_minor + sum(one.net_minor for one in issued),
            tax_minor=c.tax_minor + sum(one.tax_minor for one in issued),
        )
    )


async def _finish(connection: AsyncConnection, month: Month) -> None:
    c = billing_run.c
    await connection.execute(
        update(billing_run)
        .where(c.from_on == month.from_on, c.state == "issuing")
        .values(state="issued", finished_at=utc_now())
    )


def _further(progress: Progress, batch: _Batch) -> Progress:
    done = progress.done + len(batch.members)
    return replace(
        progress.plus(batch.issued),
        done=done,
        total=max(progress.total, done),
        run_id=batch.run_id or progress.run_id,
    )
