"""What there is to post to: opening the books, accounts and funds, limits, closing an account.

The template (domain/chart.py) is there from the beginning; accounts kept per member, hub or year
open when they are first met; a cooperative opens others of its own beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.kernel.energy import KWH_SCALE
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import AccountId, CooperativeId, FundId, HubId, MemberId, uuid7
from coop.kernel.money import currency_scale
from coop.ledger import queries, tables
from coop.ledger.domain.account import AccountType, Dimension
from coop.ledger.domain.chart import ACCOUNTS, ENERGY, HEADINGS, ChartLine, chart_line
from coop.ledger.domain.entry import EARLIEST, Side
from coop.ledger.errors import AccountExists, AccountUnknown, CommodityUnknown
from coop.members.domain.policy import Action, require
from coop.members.domain.roles import Viewer

UNRESTRICTED = "UNRESTRICTED"

CODE_MIN, CODE_MAX = 4, 8
NAME_MAX = 200


@dataclass(frozen=True, slots=True)
class AccountKey:
    """Which account of the chart: its code, and the member, hub or year it is opened for."""

    code: str
    member_id: MemberId | None = None
    hub_id: HubId | None = None
    vintage: int | None = None


async def open_books(
    connection: AsyncConnection, cooperative_id: CooperativeId, currency: str
) -> None:
    """Give a new cooperative its commodities, its unrestricted fund and the template's accounts.

    Accounts kept per member, hub or year are opened when they are first met (`accounts_for`). Doing
    it again changes nothing.
    """
    commodities = [(currency, "currency", currency_scale(currency)), (ENERGY, "energy", KWH_SCALE)]
    await connection.execute(
        insert(tables.commodity).on_conflict_do_nothing(),
        [
            {"cooperative_id": cooperative_id, "code": code, "kind": kind, "scale": scale}
            for code, kind, scale in commodities
        ],
    )
    await open_fund(
        connection, cooperative_id, UNRESTRICTED, "Unrestricted", fund_id=FundId(cooperative_id)
    )
    plain = [line for line in (*HEADINGS, *ACCOUNTS) if line.dimension is Dimension.NONE]
    await _open_accounts(
        connection, cooperative_id, currency, [(AccountKey(line.code), line) for line in plain]
    )


async def open_fund(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    code: str,
    name: str,
    *,
    restriction: str = "none",
    fund_id: FundId | None = None,
) -> FundId:
    """Open a fund, or find the one that has this code."""
    statement = insert(tables.fund).values(
        cooperative_id=cooperative_id,
        id=fund_id or uuid7(),
        code=code,
        name=name,
        restriction=restriction,
    )
    await connection.execute(statement.on_conflict_do_nothing())
    found = await connection.execute(select(tables.fund.c.id).where(tables.fund.c.code == code))
    return FundId(found.scalar_one())


async def accounts_for(
    connection: AsyncConnection, cooperative_id: CooperativeId, keys: Iterable[AccountKey]
) -> dict[AccountKey, AccountId]:
    """The template's accounts for these members, hubs and years, opened where they are missing."""
    wanted = list(dict.fromkeys(keys))
    found = await _find_accounts(connection, wanted)
    missing = [key for key in wanted if key not in found]
    if missing:
        currency = await queries.currency_of(connection)
        lines = [(key, _template(key.code)) for key in missing]
        await _open_accounts(connection, cooperative_id, currency, lines)
        found |= await _find_accounts(connection, missing)
    return found


def _template(code: str) -> ChartLine:
    line = chart_line(code)
    if line is None:
        raise AccountUnknown(f"The chart of accounts has no {code}.")
    return line


async def _find_accounts(
    connection: AsyncConnection, keys: Sequence[AccountKey]
) -> dict[AccountKey, AccountId]:
    account = tables.account.c
    found: dict[AccountKey, AccountId] = {}
    for start in range(0, len(keys), 5_000):
        part = keys[start : start + 5_000]
        codes = {key.code for key in part}
        members = {key.member_id for key in part if key.member_id}
        hubs = {key.hub_id for key in part if key.hub_id}
        rows = await connection.execute(
            select(account.id, account.code, account.member_id, account.hub_id, account.vintage)
            .where(account.code.in_(codes))
            .where(account.member_id.is_(None) | account.member_id.in_(members))
            .where(account.hub_id.is_(None) | account.hub_id.in_(hubs))
        )
        asked = set(part)
        for row in rows:
            key = AccountKey(row.code, row.member_id, row.hub_id, row.vintage)
            if key in asked:
                found[key] = AccountId(row.id)
    return found


async def _open_accounts(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    currency: str,
    lines: Sequence[tuple[AccountKey, ChartLine]],
) -> None:
    rows = [
        {
            "cooperative_id": cooperative_id,
            "id": uuid7(),
            "code": key.code,
            "name": line.name,
            "type": line.type.value,
            "normal_side": line.normal_side.sign,
            "commodity": line.commodity or currency,
            "member_id": key.member_id,
            "hub_id": key.hub_id,
            "vintage": key.vintage,
            "is_summary": line.summary,
            "opened_on": EARLIEST,
        }
        for key, line in lines
    ]
    # In one order everywhere, so that two imports opening the same accounts do not wait in a ring.
    rows.sort(key=lambda row: (row["code"], str(row["member_id"]), str(row["hub_id"])))
    await connection.execute(insert(tables.account).on_conflict_do_nothing(), rows)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account a cooperative adds to the template; its code is four digits or more, its own."""

    code: str
    name: str
    type: AccountType
    normal_side: Side
    commodity: str
    opened_on: date = EARLIEST


async def open_account(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId, wanted: NewAccount
) -> AccountId:
    """Open an account beside the template's; answers its id.

    Refuses FORBIDDEN, INVALID_VALUE, ACCOUNT_EXISTS when the code is taken, COMMODITY_UNKNOWN.
    """
    require(viewer, Action.ACCOUNT_MANAGE, cooperative_id)
    digits = wanted.code.isascii() and wanted.code.isdigit()
    if not (digits and CODE_MIN <= len(wanted.code) <= CODE_MAX):
        raise InvalidValue(f"A code is {CODE_MIN} to {CODE_MAX} digits.", ("code",))
    if not wanted.name.strip() or len(wanted.name) > NAME_MAX:
        raise InvalidValue(f"A name has 1 to {NAME_MAX} characters.", ("name",))
    if wanted.commodity not in await queries.scales(connection):
        raise CommodityUnknown("The books keep no such commodity.", ("commodity",))
    taken = await queries.count_accounts(connection, queries.account_condition(code=wanted.code))
    if taken or chart_line(wanted.code) is not None:
        raise AccountExists(f"There is an account {wanted.code} already.", ("code",))
    account_id = AccountId(uuid7())
    row = {
        "cooperative_id": cooperative_id,
        "id": account_id,
        "code": wanted.code,
        "name": wanted.name,
        "type": wanted.type.value,
        "normal_side": wanted.normal_side.sign,
        "commodity": wanted.commodity,
        "is_summary": False,
        "opened_on": wanted.opened_on,
    }
    await connection.execute(insert(tables.account), [row])
    return account_id


async def close_account(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    account_id: AccountId,
    closed_on: date,
) -> None:
    """Let `closed_on` be the last day the account takes postings of.

    Refuses FORBIDDEN, ACCOUNT_UNKNOWN, ACCOUNT_CLOSED when it is already, and ACCOUNT_IN_USE while
    it holds or awaits something, or has postings of a later day.
    """
    require(viewer, Action.ACCOUNT_MANAGE, cooperative_id)
    await connection.execute(select(func.close_account(cooperative_id, account_id, closed_on)))


async def set_limits(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    account_id: AccountId,
    *,
    floor_minor: int | None,
    ceiling_minor: int | None,
) -> None:
    """Set how far the account may go on its normal side; None lifts. Refuses LIMIT_EXCEEDED."""
    require(viewer, Action.ACCOUNT_MANAGE, cooperative_id)
    await connection.execute(
        select(func.set_limits(cooperative_id, account_id, floor_minor, ceiling_minor))
    )
