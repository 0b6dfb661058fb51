"""`coop bill` and `coop aging`: a month's invoices, drafted or issued, and who owes what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import typer

from coop.billing.domain.months import Month, month_named
from coop.billing.open_items import AgingRow, aging_page, aging_total
from coop.billing.run import (
    BillingOutcome,
    MemberBill,
    Progress,
    preview_bills,
    run_billing,
)
from coop.billing.waiting import Waiting, waiting_for
from coop.cli.running import House, run
from coop.cli.showing import (
    AsJson,
    CooperativeSlug,
    amount_text,
    day_of,
    print_error,
    print_json,
    print_table,
    progress,
)
from coop.kernel.clock import today_in
from coop.kernel.ids import CooperativeId
from coop.kernel.money import currency_scale
from coop.kernel.window import Window
from coop.members import queries as member_queries
from coop.members.domain.people import Cooperative

_PAGE = 200
_WAITING = {
    "SUBSCRIPTION": ("subscription", "subscriptions"),
    "RESERVED_CAPACITY": ("reservation", "reservations"),
    "DEMAND_RESPONSE": ("demand-response event", "demand-response events"),
    "COST_PASSED_ON": ("hub with costs to share", "hubs with costs to share"),
}
_BUCKETS = ("current", "1-30", "31-60", "61-90", "over 90")


@dataclass(frozen=True, slots=True)
class _Drafted:
    cooperative: Cooperative
    bills: list[tuple[str, MemberBill]]
    sums: Progress
    waiting: Waiting


def bill(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="2025-03.", show_default=False)],
    draft: Annotated[
        bool, typer.Option("--draft", help="Compute everything, store nothing.")
    ] = False,
    issued_on: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="What they carry; else the first after the month."),
    ] = None,
    payment_days: Annotated[
        int | None, typer.Option(min=0, max=365, help="Days until due; else by the profile, or 14.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Bill a month: one invoice per member, numbered without gaps and booked with it.

    A run takes every charge and item of days before the month's end that no invoice holds. Run
    again it changes nothing; what came late is billed by a supplementary invoice. A run that was
    killed is continued. A member who is owed more than it owes gets a credit note.

    Commitments first (`coop settle`), then fees and shared costs (`coop charges`), then bills: what
    is missing when it is billed is told, and is on a later bill.

    Examples:

        coop bill 2025-03 --draft

        coop bill 2025-03 --json
    """
    if draft:
        drafted = run(lambda house: _draft(house, slug, month_named(month)), as_json=as_json)
        _warn(drafted.waiting, month)
        _show_draft(drafted, month, as_json=as_json)
        return

    async def work(house: House) -> tuple[BillingOutcome, Waiting]:
        found = await house.cooperative(slug)
        of = (house.database, house.viewer, CooperativeId(found.id), month_named(month))
        day = day_of(issued_on, "issued-on")
        with progress() as step:
            outcome = await run_billing(
                *of, issued_on=day, payment_days=payment_days,
                on_progress=lambda at: step(f"{found.slug}: billing {month}", at.done, at.total),
            )  # fmt: skip
        return outcome, await waiting_for(*of)

    outcome, waiting = run(work, as_json=as_json)
    _warn(waiting, month)
    _show_run(outcome, waiting, month, as_json=as_json)


async def _draft(house: House, slug: str | None, month: Month) -> _Drafted:
    found = await house.cooperative(slug)
    id_, sums, bills = CooperativeId(found.id), Progress(), []
    async for one in preview_bills(house.database, house.viewer, id_, month):
        sums = sums.plus([one.bill])
        bills.append(one)
    async with house.database.snapshot(found.id) as connection:
        ids = {one.member_id for one in bills}
        members = await member_queries.members_by_ids(connection, found.id, ids)
    numbered = sorted((members[one.member_id].number, one) for one in bills)
    waiting = await waiting_for(house.database, house.viewer, id_, month)
    return _Drafted(found, [(number, one) for number, one in numbered], sums, waiting)


def _show_draft(drafted: _Drafted, month: str, *, as_json: bool) -> None:
    currency = drafted.cooperative.currency
    scale = currency_scale(currency)
    rows = [
        (number, one.bill.kind, len(one.bill.lines), *(
            amount_text(minor, scale)
            for minor in (one.bill.net_minor, one.bill.tax_minor, one.bill.gross_minor)
        ))
        for number, one in drafted.bills
    ]  # fmt: skip
    if as_json:
        names = ("member", "kind", "lines", "net", "tax", "gross")
        listed = [dict(zip(names, row, strict=True)) for row in rows]
        shown = _sums(drafted.sums, currency) | _lacking(drafted.waiting)
        print_json(shown | {"month": month, "draft": True, "bills": listed})
        return
    columns = ("member", "kind", "lines", "net", "tax", "gross")
    print_table(f"Draft of {month} in {currency}", columns, rows, right=4)
    _say(drafted.sums, currency, "would be issued")


def _show_run(outcome: BillingOutcome, waiting: Waiting, month: str, *, as_json: bool) -> None:
    scale, stands = currency_scale(outcome.currency), outcome.month
    if as_json:
        totals = {
            "invoices": stands.invoices, "credit_notes": stands.credit_notes,
            "gross": amount_text(stands.gross_minor, scale),
            "receivable": amount_text(stands.receivable_minor, scale),
        }  # fmt: skip
        issued = _sums(outcome.issued, outcome.currency) | _lacking(waiting)
        print_json(issued | {"month": month, "draft": False, "of_month": totals})
        return
    _say(outcome.issued, outcome.currency, "issued")
    typer.echo(
        f"{month} altogether: {stands.invoices} invoices, {stands.credit_notes} credit notes. "
        f"Σ invoices {amount_text(stands.gross_minor, scale)}, "
        f"Σ receivable entries {amount_text(stands.receivable_minor, scale)} {outcome.currency}."
    )


def _warn(waiting: Waiting, month: str) -> None:
    """Say on stderr what these bills lack, and which command brings it."""
    if waiting.unsettled:
        print_error(
            f"Not on these bills: {waiting.unsettled} "
            f"{'commitment is' if waiting.unsettled == 1 else 'commitments are'} "
            f"not settled for {month}. "
            f"Run `coop settle {month}`; what it makes is on the bill of a run after it."
        )
    if waiting.charges:
        kinds = ", ".join(
            f"{count} {_WAITING[kind][count != 1]}" for kind, count in waiting.charges.items()
        )
        print_error(
            f"Not on these bills: {kinds} of {month} not charged. "
            f"Run `coop charges {month}`; what it makes is on the bill of a run after it."
        )


def _lacking(waiting: Waiting) -> dict[str, Any]:
    return {"unsettled": waiting.unsettled, "waiting": waiting.charges}


def _say(sums: Progress, currency: str, done: str) -> None:
    gross = amount_text(sums.net_minor + sums.tax_minor, currency_scale(currency))
    typer.echo(
        f"{sums.invoices} invoices and {sums.credit_notes} credit notes {done}: {gross} {currency}."
    )


def _sums(sums: Progress, currency: str) -> dict[str, Any]:
    scale = currency_scale(currency)
    return {
        "invoices": sums.invoices, "credit_notes": sums.credit_notes, "currency": currency,
        "net": amount_text(sums.net_minor, scale), "tax": amount_text(sums.tax_minor, scale),
        "gross": amount_text(sums.net_minor + sums.tax_minor, scale),
    }  # fmt: skip


def aging(
    on: Annotated[
        str | None, typer.Option(metavar="DAY", help="End of this day; else of today.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Show who owes what on invoices, by days past due; contested amounts stand apart.

    Examples:

        coop aging --on 2025-06-30
    """

    async def work(house: House) -> tuple[Cooperative, date, list[AgingRow], AgingRow]:
        found = await house.cooperative(slug)
        day = day_of(on, "on") or today_in(found.time_zone)
        rows: list[AgingRow] = []
        async with house.database.snapshot(found.id) as connection:
            while True:
                after = (rows[-1].number,) if rows else None
                page = await aging_page(connection, day, Window(_PAGE, after=after))
                rows += page
                if len(page) < _PAGE:
                    break
            _, total = await aging_total(connection, day)
        return found, day, rows, total

    found, day, rows, total = run(work, as_json=as_json)
    scale = currency_scale(found.currency)
    columns = ("member", *_BUCKETS, "held", "other", "total")
    listed = [(row.number, *_amounts(row, scale)) for row in rows]
    if as_json:
        shown = [dict(zip(columns, row, strict=True)) for row in listed]
        sums = dict(zip(columns[1:], _amounts(total, scale), strict=True))
        print_json({"on": day, "currency": found.currency, "members": shown, "total": sums})
        return
    title = f"Owed at the end of {day} in {found.currency}, by days past due"
    print_table(title, columns, [*listed, ("all", *_amounts(total, scale))], right=8)


def _amounts(row: AgingRow, scale: int) -> list[str]:
    sums = (*row.buckets, row.held_minor, row.other_minor, row.total_minor)
    return [amount_text(minor, scale) for minor in sums]
