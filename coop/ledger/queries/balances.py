"""Where accounts stand: now, as of a day, as known at an instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.kernel.ids import AccountId, FundId, HubId
from coop.ledger.domain.account import AccountType
from coop.ledger.domain.balance import AccountSum
from coop.ledger.domain.entry import Side


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """Sums of one account over the asked funds, in minor units; `pending_*` are holds."""

    account_id: AccountId
    commodity: str
    normal_side: int
    debit_minor: int
    credit_minor: int
    pending_debit_minor: int = 0
    pending_credit_minor: int = 0

    @property
    def amount_minor(self) -> int:
        """The balance on the account's normal side."""
        return self.normal_side * (self.debit_minor - self.credit_minor)

    @property
    def available_minor(self) -> int:
        """What is left on the normal side if every hold against it is captured."""
        held = self.pending_credit_minor if self.normal_side == 1 else self.pending_debit_minor
        return self.amount_minor - held


_NOW = """SELECT b.account_id, b.fund_id, b.debit_minor, b.credit_minor,
            b.pending_debit_minor, b.pending_credit_minor
        FROM balance AS b WHERE b.cooperative_id = coop_current() AND {of_b}"""
_KEPT = """SELECT k.account_id, k.fund_id, k.debit_minor, k.credit_minor, 0, 0
        FROM closed AS c
        JOIN period_balance AS k ON k.cooperative_id = coop_current()
            AND k.period_id = c.id AND k.closed_at = c.closed_at
        WHERE {of_k}"""
_DAYS = """SELECT d.account_id, d.fund_id, d.debit_minor, d.credit_minor, 0, 0
        FROM balance_day AS d
        WHERE d.cooperative_id = coop_current() AND {days} AND {of_d}"""
# What was recorded later is taken off again: the tail of each account's history, found by halves.
_LATER = """SELECT t.account_id, t.fund_id,
            -greatest(t.amount_minor, 0), -greatest(-t.amount_minor, 0), 0, 0
        FROM balance AS b
        JOIN posting AS t ON t.cooperative_id = b.cooperative_id
            AND t.account_id = b.account_id AND t.fund_id = b.fund_id
            AND t.version > version_at(b.cooperative_id, b.account_id, b.fund_id, :known_at)
        WHERE b.cooperative_id = coop_current() AND {of_b} {upper} {lower}"""
_FIRST_DAY_OPEN = "coalesce((SELECT to_on FROM closed), '-infinity')"
_SUMS = """
    WITH closed AS (
        SELECT p.id, p.closed_at, p.to_on FROM period AS p
        WHERE p.cooperative_id = coop_current() AND p.state = 'closed' AND {covered}
        ORDER BY p.to_on DESC LIMIT 1
    ), part (
        account_id, fund_id, debit_minor, credit_minor, pending_debit_minor, pending_credit_minor
    ) AS (
        {parts}
    )
    SELECT a.id, a.code, a.name, a.type, a.normal_side, a.commodity, a.member_id, a.hub_id,
        f.code AS fund,
        sum(p.debit_minor)::bigint AS debit_minor, sum(p.credit_minor)::bigint AS credit_minor,
        sum(p.pending_debit_minor)::bigint AS pending_debit_minor,
        sum(p.pending_credit_minor)::bigint AS pending_credit_minor
    FROM part AS p
    JOIN account AS a ON a.cooperative_id = coop_current() AND a.id = p.account_id
    JOIN fund AS f ON f.cooperative_id = coop_current() AND f.id = p.fund_id
    WHERE {of_fund} AND {of_hub}
    GROUP BY a.cooperative_id, a.id, f.cooperative_id, f.id
    ORDER BY a.code, a.id, f.code
"""


@cache
def _sums_text(asked: frozenset[str]) -> str:
    """The statement for one shape of question: what is not asked is not in it, so plans go by key.

    Now is one row an account and fund. As of a day: what the last closed month kept, and the day
    sums since. As known at an instant: less what was recorded after it.
    """
    since, until = "from_on" in asked, "until_on" in asked
    parts = _parts(since=since, until=until, known="known_at" in asked)
    first = "CAST(:from_on AS date)" if since else _FIRST_DAY_OPEN
    days = f"d.day < CAST(:until_on AS date) AND d.day >= {first}"
    of = "{0}.account_id = ANY (CAST(:accounts AS uuid[]))" if "accounts" in asked else "TRUE"
    return _SUMS.format(
        covered="p.to_on <= CAST(:until_on AS date)" if until else "FALSE",
        parts="\n        UNION ALL\n        ".join(parts).format(
            of_b=of.format("b"),
            of_k=of.format("k"),
            of_d=of.format("d"),
            days=days,
            upper="AND t.effective_on < CAST(:until_on AS date)" if until else "",
            lower="AND t.effective_on >= CAST(:from_on AS date)" if since else "",
        ),
        of_fund="p.fund_id = :fund" if "fund" in asked else "TRUE",
        of_hub="a.hub_id = :hub" if "hub" in asked else "TRUE",
    )


def _parts(*, since: bool, until: bool, known: bool) -> list[str]:
    if since:
        parts = [_DAYS]
    elif until:
        parts = [_KEPT, _DAYS]
    else:
        parts = [_NOW]
    return [*parts, _LATER] if known else parts


async def _sums(
    connection: AsyncConnection,
    *,
    account_ids: Sequence[AccountId] | None = None,
    from_on: date | None = None,
    until_on: date | None = None,
    known_at: datetime | None = None,
    fund_id: FundId | None = None,
    hub_id: HubId | None = None,
) -> list[Row[Any]]:
    asked = {
        "accounts": None if account_ids is None else list(account_ids),
        "from_on": from_on,
        "until_on": until_on,
        "known_at": known_at,
        "fund": fund_id,
        "hub": hub_id,
    }
    if from_on is not None and until_on is None:
        asked["until_on"] = date.max
    bound = {name: value for name, value in asked.items() if value is not None}
    statement = _sums_text(frozenset(bound))
    return list(await connection.execute(text(statement), bound))


async def balances_of(
    connection: AsyncConnection,
    account_ids: Sequence[AccountId],
    *,
    as_of: date | None = None,
    known_at: datetime | None = None,
    fund_id: FundId | None = None,
) -> dict[AccountId, BalanceRow]:
    """Balances of these accounts over all funds or one, effective by `as_of`, known at `known_at`.

    Holds count only in the balance of now. An account nobody posted to is absent.
    """
    until_on = None if as_of is None else date.fromordinal(as_of.toordinal() + 1)
    found: dict[AccountId, BalanceRow] = {}
    for row in await _sums(
        connection, account_ids=account_ids, until_on=until_on, known_at=known_at, fund_id=fund_id
    ):
        before = found.get(row.id) or BalanceRow(row.id, row.commodity, row.normal_side, 0, 0)
        found[row.id] = BalanceRow(
            row.id,
            row.commodity,
            row.normal_side,
            before.debit_minor + row.debit_minor,
            before.credit_minor + row.credit_minor,
            before.pending_debit_minor + row.pending_debit_minor,
            before.pending_credit_minor + row.pending_credit_minor,
        )
    return found


async def account_sums(
    connection: AsyncConnection,
    *,
    from_on: date | None = None,
    until_on: date | None = None,
    known_at: datetime | None = None,
    fund_id: FundId | None = None,
    hub_id: HubId | None = None,
) -> list[AccountSum]:
    """What every account holds in every fund, effective in [from_on, until_on)."""
    return [
        AccountSum(
            account_id=row.id,
            code=row.code,
            name=row.name,
            type=AccountType(row.type),
            normal_side=Side.DEBIT if row.normal_side == 1 else Side.CREDIT,
            commodity=row.commodity,
            fund=row.fund,
            debit_minor=row.debit_minor,
            credit_minor=row.credit_minor,
        )
        for row in await _sums(
            connection,
            from_on=from_on,
            until_on=until_on,
            known_at=known_at,
            fund_id=fund_id,
            hub_id=hub_id,
        )
    ]
