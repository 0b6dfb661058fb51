"""`coop balance`, `trial-balance`, `close`, `seal`: asking the books, and settling a month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import queries as charging_queries
from coop.cli.running import House, run
from coop.cli.showing import (
    AsJson,
    CooperativeSlug,
    amount_text,
    day_of,
    instant_of,
    month_of_text,
    print_json,
    print_table,
    waiting,
)
from coop.kernel.clock import utc_now
from coop.kernel.ids import AccountId, CooperativeId, MemberId
from coop.ledger import queries, sealing
from coop.ledger.closing import close_period
from coop.ledger.domain.balance import AccountSum, trial_balance
from coop.ledger.errors import PeriodUnknown
from coop.members import queries as member_queries
from coop.members.domain.policy import absent

AsOf = Annotated[
    str | None,
    typer.Option(metavar="DAY", help="What counted by the end of that day: 2025-06-30."),
]
KnownAt = Annotated[
    str | None,
    typer.Option(
        metavar="INSTANT", help="What was recorded by that instant: 2025-07-05T12:00:00Z."
    ),
]


_FIGURES = ("debit", "credit", "balance")
_ORDER = ("account", "member", "hub", "vintage", "fund")


@dataclass(frozen=True, slots=True)
class Owners:
    """What people call whom an account is kept for."""

    member: str | None
    hub: str | None
    vintage: int | None


async def owners_of(
    connection: AsyncConnection, cooperative_id: CooperativeId, ids: list[AccountId]
) -> dict[AccountId, Owners]:
    """The member number, hub reference and year of each of these accounts."""
    rows = await queries.accounts_by_ids(connection, ids)
    member_ids = {row.member_id for row in rows.values() if row.member_id}
    members = await member_queries.members_by_ids(connection, cooperative_id, member_ids)
    hub_ids = {row.hub_id for row in rows.values() if row.hub_id}
    hubs = await charging_queries.hubs_by_ids(connection, hub_ids)
    return {
        account_id: Owners(
            members[row.member_id].number if row.member_id in members else None,
            hubs[row.hub_id].ref if row.hub_id in hubs else None,
            row.vintage,
        )
        for account_id, row in rows.items()
    }


def balance(
    member: Annotated[str | None, typer.Option(help="Number of a member.")] = None,
    account: Annotated[str | None, typer.Option(help="Code of the chart: 1000.")] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Show balances, each on its account's normal side: now, of a day, or as known at an instant.

    Examples:

        coop balance --member 0007

        coop balance --account 1000 --as-of 2025-06-30 --json
    """

    async def work(house: House) -> list[dict[str, object]]:
        cooperative = await house.cooperative(slug)
        day, instant = day_of(as_of, "as_of"), instant_of(known_at, "known_at")
        async with house.database.snapshot(cooperative.id) as connection:
            member_id = await _member_id(connection, CooperativeId(cooperative.id), member)
            return await _balances(
                connection, CooperativeId(cooperative.id), member_id, account, day, instant
            )

    found = run(work, as_json=as_json)
    if as_json:
        print_json({"as_of": as_of, "known_at": known_at, "balances": found})
        return
    columns = ("account", "name", "member", "hub", "vintage", "commodity", "balance", "available")
    rows = [[line[column] for column in columns] for line in found]
    print_table("Balances", columns, rows, right=2)


async def _member_id(
    connection: AsyncConnection, cooperative_id: CooperativeId, number: str | None
) -> MemberId | None:
    if number is None:
        return None
    found = await member_queries.members_by_numbers(connection, cooperative_id, [number])
    if number not in found:
        raise absent().under("member")
    return MemberId(found[number].id)


async def _balances(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    member_id: MemberId | None,
    code: str | None,
    as_of: date | None,
    known_at: Any,
) -> list[dict[str, object]]:
    condition = queries.account_condition(code=code, member_id=member_id)
    total = await queries.count_accounts(connection, condition)
    accounts = await queries.accounts_page(
        connection, condition=condition, after=None, limit=total or 1
    )
    ids = [AccountId(row.id) for row in accounts]
    found = await queries.balances_of(connection, ids, as_of=as_of, known_at=known_at)
    owners = await owners_of(connection, cooperative_id, list(found))
    scales = await queries.scales(connection)
    return [
        {
            "account": row.code, "name": row.name, "account_id": row.id,
            "member": owners[row.id].member, "hub": owners[row.id].hub,
            "vintage": owners[row.id].vintage, "commodity": row.commodity,
            "balance": amount_text(found[row.id].amount_minor, scales[row.commodity]),
            "available": amount_text(found[row.id].available_minor, scales[row.commodity]),
        }
        for row in sorted(accounts, key=lambda row: (row.code, str(owners.get(row.id))))
        if row.id in found
    ]  # fmt: skip


def trial_balance_(
    as_of: AsOf = None,
    known_at: KnownAt = None,
    fund: Annotated[str | None, typer.Option(help="Code of one fund; default: all.")] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Show every account with its debits, credits and balance; totals are equal by commodity.

    Without --as-of everything posted counts, entries dated ahead too.

    Examples:

        coop trial-balance

        coop trial-balance --as-of 2025-12-31 --json
    """
    found: dict[str, Any] = run(
        lambda house: _trial_balance(house, slug, as_of, known_at, fund), as_json=as_json
    )
    if as_json:
        print_json(found)
        return
    columns = ("account", "name", "member", "hub", "fund", "commodity", *_FIGURES)
    rows = [[line[column] for column in columns] for line in found["lines"]]
    rows += [
        ["", "Total", "", "", "", total["commodity"], total["debit"], total["credit"], ""]
        for total in found["totals"]
    ]
    print_table("Trial balance", columns, rows, right=3)


async def _trial_balance(
    house: House, slug: str | None, as_of: str | None, known_at: str | None, fund: str | None
) -> dict[str, object]:
    cooperative = await house.cooperative(slug)
    day, instant = day_of(as_of, "as_of"), instant_of(known_at, "known_at")
    async with house.database.snapshot(cooperative.id) as connection:
        funds = await queries.funds(connection)
        fund_id = next((one for one, row in funds.items() if row.code == fund), None)
        if fund is not None and fund_id is None:
            raise absent().under("fund")
        until_on = None if day is None else day + timedelta(days=1)
        sums = await queries.account_sums(
            connection, until_on=until_on, known_at=instant, fund_id=fund_id
        )
        made = trial_balance(sums, day or date.max, instant or utc_now())
        ids = [line.account_id for line in made.lines]
        owners = await owners_of(connection, CooperativeId(cooperative.id), ids)
        scales = await queries.scales(connection)
    lines = [_line(one, owners[one.account_id], scales[one.commodity]) for one in made.lines]
    lines.sort(key=lambda one: [str(one[part] or "") for part in _ORDER])
    totals = [
        {
            "commodity": total.commodity,
            "debit": amount_text(total.debit_minor, scales[total.commodity]),
            "credit": amount_text(total.credit_minor, scales[total.commodity]),
        }
        for total in made.totals
    ]
    return {
        "cooperative": cooperative.slug, "as_of": day, "known_at": instant,
        "lines": lines, "totals": totals,
    }  # fmt: skip


def _line(line: AccountSum, owner: Owners, scale: int) -> dict[str, object]:
    return {
        "account": line.code, "name": line.name, "account_id": line.account_id,
        "type": line.type.value, "normal_side": line.normal_side.value,
        "member": owner.member, "hub": owner.hub, "vintage": owner.vintage, "fund": line.fund,
        "commodity": line.commodity, "debit": amount_text(line.debit_minor, scale),
        "credit": amount_text(line.credit_minor, scale),
        "balance": amount_text(line.amount_minor, scale),
    }  # fmt: skip


def close(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="The month: 2025-01.")],
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Close one month: nothing is posted into it any more; its balances are kept and sealed.

    Months close oldest first. Only a resolution of the members reopens one. Closing a month whose
    close was interrupted finishes it.

    Example: coop close 2025-01
    """

    async def work(house: House) -> dict[str, object]:
        cooperative = await house.cooperative(slug)
        first = month_of_text(month, "month")
        with waiting(f"closing {month}"):
            number = await close_month(house, CooperativeId(cooperative.id), first)
        return {"cooperative": cooperative.slug, "month": month, "state": "closed", "seal": number}

    found = run(work, as_json=as_json)
    if as_json:
        print_json(found)
        return
    typer.echo(f"{month} is closed under seal {found['seal']}.")


async def close_month(house: House, cooperative_id: CooperativeId, first: date) -> int:
    """Close the month that begins on `first`; answers the seal it is closed under.

    Refuses PERIOD_UNKNOWN, PERIOD_NOT_OPEN, PERIOD_ORDER, PERIOD_HAS_HOLDS.
    """
    async with house.database.snapshot(cooperative_id) as connection:
        periods = await queries.periods(connection)
    period = next((one for one in periods if one.from_on == first), None)
    if period is None:
        raise PeriodUnknown(f"The books hold nothing of {first:%Y-%m}.", ("month",))
    closed = await close_period(house.database, house.viewer, cooperative_id, period.id)
    return int(closed.row.seal_number)


def seal(slug: CooperativeSlug = None, as_json: AsJson = False) -> None:
    """Seal whatever is recorded and not sealed yet: a Merkle root chained to the seal before.

    The server does this by itself; run it before printing statements or taking a backup.

    Example: coop seal --json
    """

    async def work(house: House) -> dict[str, object]:
        cooperative = await house.cooperative(slug)
        cooperative_id = CooperativeId(cooperative.id)
        with waiting("sealing"):
            number = await sealing.seal_everything(house.database, cooperative_id)
        async with house.database.snapshot(cooperative_id) as connection:
            head = await sealing.last_seal(connection)
        hash_ = None if head is None else head.head.hex()
        return {"cooperative": cooperative.slug, "seal": number, "head": hash_}

    found = run(work, as_json=as_json)
    if as_json:
        print_json(found)
        return
    typer.echo(f"Seal {found['seal']}, head {found['head']}." if found["seal"] else "Nothing yet.")
