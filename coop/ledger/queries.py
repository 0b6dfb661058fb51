"""Every question the house asks of the ledger, each in one statement. Rows come back as small frozen values.

All of them read within the tenant of the connection; `as_of` counts entries effective by that day, `known_at` those
recorded by that instant. What a page costs does not depend on how long the account's history is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.kernel.ids import AccountId, EntryId, FundId, HubId, MemberId
from coop.ledger import tables
from coop.ledger.domain.account import AccountType
from coop.ledger.domain.balance import AccountSum
from coop.ledger.domain.entry import Side

AccountRow = Row[Any]
EntryRow = Row[Any]
PeriodRow = Row[Any]
SealRow = Row[Any]

_account, _entry, _posting = tables.account.c, tables.journal_entry.c, tables.posting.c


@dataclass(frozen=True, slots=True)
class PostingRow:
    """One line of the journal as read: signed amount, debit positive, and where its account stood after."""

    entry_id: EntryId
    line: int
    account_id: AccountId
    fund_id: FundId
    version: int
    commodity: str
    amount_minor: int
    balance_after: int
    effective_on: date
    recorded_at: datetime | None = None


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


async def currency_of(connection: AsyncConnection) -> str:
    """The currency the cooperative's books are kept in."""
    found = await connection.execute(
        select(tables.commodity.c.code).where(tables.commodity.c.kind == "currency")
    )
    return str(found.scalar_one())


async def scales(connection: AsyncConnection) -> dict[str, int]:
    """How many decimals each commodity has."""
    rows = await connection.execute(select(tables.commodity.c.code, tables.commodity.c.scale))
    return {row.code: row.scale for row in rows}


# --- accounts and funds --------------------------------------------------------------------------


async def accounts_by_ids(
    connection: AsyncConnection, ids: Iterable[AccountId]
) -> dict[AccountId, AccountRow]:
    """The accounts of these ids that exist here."""
    rows = await connection.execute(select(tables.account).where(_account.id.in_(list(ids))))
    return {row.id: row for row in rows}


async def accounts_of_members(
    connection: AsyncConnection, member_ids: Iterable[MemberId]
) -> dict[MemberId, list[AccountRow]]:
    """Every account opened for these members, by code."""
    rows = await connection.execute(
        select(tables.account)
        .where(_account.member_id.in_(list(member_ids)))
        .order_by(_account.code, _account.vintage, _account.id)
    )
    found: dict[MemberId, list[AccountRow]] = {}
    for row in rows:
        found.setdefault(row.member_id, []).append(row)
    return found


async def accounts_page(
    connection: AsyncConnection,
    *,
    condition: ColumnElement[bool] | None,
    after: tuple[str, UUID] | None,
    limit: int,
    backward: bool = False,
) -> list[AccountRow]:
    """Accounts by (code, id), `limit` at most, past the place `after` in the direction asked."""
    key = tuple_(_account.code, _account.id)
    statement = select(tables.account).limit(limit)
    if condition is not None:
        statement = statement.where(condition)
    if after is not None:
        place = tuple_(*after)
        statement = statement.where(key < place if backward else key > place)
    order = (_account.code.desc(), _account.id.desc()) if backward else (_account.code, _account.id)
    return list(await connection.execute(statement.order_by(*order)))


def account_condition(
    *,
    code: str | None = None,
    type_: AccountType | None = None,
    member_id: MemberId | None = None,
    hub_id: HubId | None = None,
    member_ids: Iterable[UUID] | None = None,
) -> ColumnElement[bool]:
    """The accounts a `where` asks for; `member_ids` narrows to what a viewer may see."""
    parts: list[ColumnElement[bool]] = []
    if code is not None:
        parts.append(_account.code == code)
    if type_ is not None:
        parts.append(_account.type == type_.value)
    if member_id is not None:
        parts.append(_account.member_id == member_id)
    if hub_id is not None:
        parts.append(_account.hub_id == hub_id)
    if member_ids is not None:
        parts.append(_account.member_id.in_(list(member_ids)))
    return and_(True, *parts)  # noqa: FBT003 - the neutral element


async def count_accounts(connection: AsyncConnection, condition: ColumnElement[bool]) -> int:
    """How many accounts the condition picks."""
    return (
        await connection.scalar(select(func.count()).select_from(tables.account).where(condition))
        or 0
    )


async def funds(connection: AsyncConnection) -> dict[FundId, Row[Any]]:
    """Every fund of the cooperative."""
    rows = await connection.execute(select(tables.fund).order_by(tables.fund.c.code))
    return {row.id: row for row in rows}


# --- entries and postings ------------------------------------------------------------------------


async def entries_by_ids(
    connection: AsyncConnection, ids: Iterable[EntryId]
) -> dict[EntryId, EntryRow]:
    """The entries of these ids that exist here, with the id of their reversal if they have one."""
    reversal = tables.journal_entry.alias("reversal")
    rows = await connection.execute(
        select(tables.journal_entry, reversal.c.id.label("reversed_by_id"))
        .outerjoin(
            reversal,
            and_(
                reversal.c.cooperative_id == _entry.cooperative_id,
                reversal.c.reverses_id == _entry.id,
            ),
        )
        .where(_entry.id.in_(list(ids)))
    )
    return {row.id: row for row in rows}


def entry_condition(
    *, kind: str | None = None, from_on: date | None = None, to_on: date | None = None
) -> ColumnElement[bool]:
    """The entries a `where` asks for; days are half-open."""
    parts: list[ColumnElement[bool]] = []
    if kind is not None:
        parts.append(_entry.kind == kind)
    if from_on is not None:
        parts.append(_entry.effective_on >= from_on)
    if to_on is not None:
        parts.append(_entry.effective_on < to_on)
    return and_(True, *parts)  # noqa: FBT003 - the neutral element


async def entries_page(
    connection: AsyncConnection,
    *,
    condition: ColumnElement[bool],
    after: UUID | None,
    limit: int,
    backward: bool = False,
) -> list[EntryRow]:
    """Entries, the latest first, `limit` at most, past the place `after` in the direction asked."""
    statement = select(_entry.id).where(condition).limit(limit)
    if after is not None:
        statement = statement.where(_entry.id > after if backward else _entry.id < after)
    return list(
        await connection.execute(
            statement.order_by(_entry.id if backward else _entry.id.desc())
        )
    )


async def count_entries(connection: AsyncConnection, condition: ColumnElement[bool]) -> int:
    """How many entries the condition picks."""
    return (
        await connection.scalar(
            select(func.count()).select_from(tables.journal_entry).where(condition)
        )
        or 0
    )


async def postings_of_entries(
    connection: AsyncConnection, ids: Iterable[EntryId]
) -> dict[EntryId, list[PostingRow]]:
    """The postings of these entries, in line order."""
    rows = await connection.execute(
        select(tables.posting)
        .where(_posting.entry_id.in_(list(ids)))
        .order_by(_posting.entry_id, _posting.line)
    )
    found: dict[EntryId, list[PostingRow]] = {}
    for row in rows:
        found.setdefault(row.entry_id, []).append(_posting_row(row))
    return found


def _posting_row(row: Row[Any], recorded_at: datetime | None = None) -> PostingRow:
    return PostingRow(
        row.entry_id, row.line, row.account_id, row.fund_id, row.version, row.commodity,
        row.amount_minor, row.balance_after, row.effective_on, recorded_at,
    )  # fmt: skip


_SPANS = """
    SELECT d.cooperative_id, d.account_id, d.fund_id, max(d.last_version) AS version,
        min(d.first_version) AS low, max(d.last_version) AS high
    FROM balance_day AS d
    WHERE d.cooperative_id = coop_current() AND d.account_id = ANY (CAST(:accounts AS uuid[]))
        AND d.day >= :from_on AND d.day < :to_on
    GROUP BY d.cooperative_id, d.account_id, d.fund_id
"""

Place = tuple[datetime, UUID, int]
"""Where a posting stands in the order of recording: recorded_at, entry, line."""

_PAGE = """
SELECT p.entry_id, p.line, p.account_id, p.fund_id, p.version, p.commodity, p.amount_minor,
    p.balance_after, p.effective_on, j.recorded_at
FROM {source} AS b
CROSS JOIN LATERAL (
    SELECT q.* FROM posting AS q
    WHERE q.cooperative_id = b.cooperative_id AND q.account_id = b.account_id AND q.fund_id = b.fund_id
        AND q.version {comparison} {bound} {days}
    ORDER BY q.version {direction}
    LIMIT :limit
) AS p
CROSS JOIN LATERAL (
    SELECT e.recorded_at FROM journal_entry AS e
    WHERE e.cooperative_id = b.cooperative_id AND e.id = p.entry_id LIMIT 1
) AS j
WHERE b.cooperative_id = coop_current() AND b.account_id = ANY (CAST(:accounts AS uuid[]))
    {fund}
ORDER BY j.recorded_at {direction}, p.entry_id {direction}, p.line {direction}
LIMIT :limit
"""


async def postings_page(
    connection: AsyncConnection,
    account_ids: Sequence[AccountId],
    *,
    after: Place | None = None,
    limit: int,
    backward: bool = False,
    from_on: date | None = None,
    to_on: date | None = None,
    fund_id: FundId | None = None,
) -> list[PostingRow]:
    """Postings of these accounts, the latest recorded first, past the place `after`.

    `backward` reads the other way (older than nothing, newer than `after`). One range read of the primary key an
    account and fund, whatever the length of its history.
    """
    place = ""
    parameters: dict[str, Any] = {}
    if after is not None:
        place = (
            "version_at(b.cooperative_id, b.account_id, b.fund_id, :recorded_at, CAST(:entry AS uuid),"
            " CAST(:line AS integer))"
        )
        # Strictly before the place: one line earlier, for the place itself has been shown.
        line = after[2] if backward else after[2] - 1
        parameters = {"recorded_at": after[0], "entry": after[1], "line": line}
    shape = {
        "comparison": ">" if backward else "<=",
        "bound": place or ("0" if backward else "b.version"),
        "direction": "ASC" if backward else "DESC",
        "source": "balance",
        "fund": "",
        "days": "",
    }
    if fund_id is not None:
        shape["fund"] = "AND b.fund_id = :fund"
        parameters["fund"] = fund_id
    if from_on is not None or to_on is not None:
        # The day sums say between which versions those days lie: nothing outside is read.
        shape["source"] = f"({_SPANS})"
        shape["days"] = (
            "AND q.version BETWEEN b.low AND b.high"
            " AND q.effective_on >= :from_on AND q.effective_on < :to_on"
        )
        parameters |= {"from_on": from_on or date.min, "to_on": to_on or date.max}
    rows = await connection.execute(
        text(_PAGE.format(**shape)),
        {**parameters, "accounts": list(account_ids), "limit": limit},
    )
    return [_posting_row(row, row.recorded_at) for row in rows]


async def postings_total(
    connection: AsyncConnection,
    account_ids: Sequence[AccountId],
    *,
    from_on: date | None = None,
    to_on: date | None = None,
    fund_id: FundId | None = None,
) -> list[Row[Any]]:
    """(commodity, count, sum of debits, sum of credits) of these accounts' postings, from day sums.

    The count is exact without a range of days (versions are gapless); with one it counts the postings.
    """
    if from_on is None and to_on is None:
        b = tables.balance.c
        statement = (
            select(
                b.commodity,
                func.sum(b.version).label("count"),
                func.sum(b.debit_minor).label("debit_minor"),
                func.sum(b.credit_minor).label("credit_minor"),
            )
            .where(b.account_id.in_(list(account_ids)))
            .group_by(b.commodity)
            .order_by(b.commodity)
        )
        if fund_id is not None:
            statement = statement.where(b.fund_id == fund_id)
        return list(await connection.execute(statement))
    rows = await connection.execute(
        text(_TOTAL_OF_DAYS),
        {
            "accounts": list(account_ids),
            "fund": fund_id,
            "from_on": from_on or date.min,
            "to_on": to_on or date.max,
        },
    )
    return list(rows)


# Backdating scatters a day's postings; the day sums say between which versions they lie.
_IN_SPAN = """
FROM span AS s
JOIN posting AS p
    ON p.cooperative_id = coop_current() AND p.account_id = s.account_id AND p.fund_id = s.fund_id
    AND p.version BETWEEN s.low AND s.high AND p.effective_on >= :from_on AND p.effective_on < :to_on
WHERE CAST(:fund AS uuid) IS NULL OR p.fund_id = :fund
"""
_TOTAL_OF_DAYS = f"""
WITH span AS ({_SPANS})
SELECT p.commodity, count(*) AS count, sum(greatest(p.amount_minor, 0)) AS debit_minor,
    sum(greatest(-p.amount_minor, 0)) AS credit_minor
{_IN_SPAN}
GROUP BY p.commodity ORDER BY p.commodity
"""
_OF_DAYS = f"""
WITH span AS ({_SPANS})
SELECT p.entry_id, p.line, p.account_id, p.fund_id, p.version, p.commodity, p.amount_minor,
    p.balance_after, p.effective_on, j.recorded_at, j.kind, j.memo, j.source_kind, j.source_id
{_IN_SPAN.replace("WHERE", "JOIN journal_entry AS j ON j.cooperative_id = coop_current() AND j.id = p.entry_id WHERE")}
ORDER BY p.effective_on, j.recorded_at, p.entry_id, p.line
"""


async def postings_of_days(
    connection: AsyncConnection,
    account_ids: Sequence[AccountId],
    from_on: date,
    to_on: date,
    *,
    fund_id: FundId | None = None,
) -> list[Row[Any]]:
    """Postings effective in [from_on, to_on), by day and then in order of recording: a statement's lines."""
    return list(
        await connection.execute(
            text(_OF_DAYS),
            {"accounts": list(account_ids), "fund": fund_id, "from_on": from_on, "to_on": to_on},
        )
    )


# --- balances ------------------------------------------------------------------------------------

@cache
def _sums_text(*, accounts: bool, since: bool, until: bool, known: bool, fund: bool, hub: bool) -> str:
    """The statement for one shape of question: what is not asked is not in it, so every plan is by key.

    Now is one row an account and fund. As of a day: what the last closed month kept, and the day sums since. As
    known at an instant: less what was recorded after it.
    """
    of = "{0}.account_id = ANY (CAST(:accounts AS uuid[]))" if accounts else "TRUE"
    days = "d.day < CAST(:until_on AS date)"
    parts = []
    if not (since or until):
        parts.append(f"""SELECT b.account_id, b.fund_id, b.debit_minor, b.credit_minor, b.pending_debit_minor,
            b.pending_credit_minor
        FROM balance AS b WHERE b.cooperative_id = coop_current() AND {of.format("b")}""")
    elif since:
        days += " AND d.day >= CAST(:from_on AS date)"
    else:
        days += " AND d.day >= coalesce((SELECT to_on FROM closed), '-infinity')"
        parts.append(f"""SELECT k.account_id, k.fund_id, k.debit_minor, k.credit_minor, 0, 0
        FROM closed AS c
        JOIN period_balance AS k
            ON k.cooperative_id = coop_current() AND k.period_id = c.id AND k.closed_at = c.closed_at
        WHERE {of.format("k")}""")
    if since or until:
        parts.append(f"""SELECT d.account_id, d.fund_id, d.debit_minor, d.credit_minor, 0, 0
        FROM balance_day AS d WHERE d.cooperative_id = coop_current() AND {days} AND {of.format("d")}""")
    if known:
        upper = "AND t.effective_on < CAST(:until_on AS date)" if until else ""
        lower = "AND t.effective_on >= CAST(:from_on AS date)" if since else ""
        parts.append(f"""SELECT t.account_id, t.fund_id, -greatest(t.amount_minor, 0),
            -greatest(-t.amount_minor, 0), 0, 0
        FROM balance AS b
        JOIN posting AS t
            ON t.cooperative_id = b.cooperative_id AND t.account_id = b.account_id AND t.fund_id = b.fund_id
            AND t.version > version_at(b.cooperative_id, b.account_id, b.fund_id, :known_at)
        WHERE b.cooperative_id = coop_current() AND b.recorded_at > :known_at
            AND {of.format("b")} {upper} {lower}""")
    union = "\n        UNION ALL\n        ".join(parts)
    return f"""
    WITH closed AS (
        SELECT p.id, p.closed_at, p.to_on FROM period AS p
        WHERE p.cooperative_id = coop_current() AND p.state = 'closed'
            AND {"p.to_on <= CAST(:until_on AS date)" if until else "FALSE"}
        ORDER BY p.to_on DESC LIMIT 1
    ), part (
        account_id, fund_id, debit_minor, credit_minor, pending_debit_minor, pending_credit_minor
    ) AS (
        {union}
    )
    SELECT a.id, a.code, a.name, a.type, a.normal_side, a.commodity, a.member_id, a.hub_id, f.code AS fund,
        sum(p.debit_minor)::bigint AS debit_minor, sum(p.credit_minor)::bigint AS credit_minor,
        sum(p.pending_debit_minor)::bigint AS pending_debit_minor,
        sum(p.pending_credit_minor)::bigint AS pending_credit_minor
    FROM part AS p
    JOIN account AS a ON a.cooperative_id = coop_current() AND a.id = p.account_id
    JOIN fund AS f ON f.cooperative_id = coop_current() AND f.id = p.fund_id
    WHERE {"p.fund_id = :fund" if fund else "TRUE"} AND {"a.hub_id = :hub" if hub else "TRUE"}
    GROUP BY a.cooperative_id, a.id, f.cooperative_id, f.id
    ORDER BY a.code, a.id, f.code
    """  # noqa: S608 - constants only; every value is bound


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
    statement = _sums_text(
        accounts="accounts" in bound,
        since="from_on" in bound,
        until="until_on" in bound,
        known="known_at" in bound,
        fund="fund" in bound,
        hub="hub" in bound,
    )
    return list(await connection.execute(text(statement), bound))


async def balances_of(
    connection: AsyncConnection,
    account_ids: Sequence[AccountId],
    *,
    as_of: date | None = None,
    known_at: datetime | None = None,
    fund_id: FundId | None = None,
) -> dict[AccountId, BalanceRow]:
    """Balances of these accounts over all funds (or one), effective by `as_of`, recorded by `known_at`.

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
    """What every account holds in every fund, effective in [from_on, until_on): what statements are made of."""
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


# --- periods, holds, seals -----------------------------------------------------------------------


async def periods(connection: AsyncConnection) -> list[PeriodRow]:
    """Every month the books know, oldest first."""
    return list(
        await connection.execute(select(tables.period).order_by(tables.period.c.from_on))
    )


async def period_by_id(connection: AsyncConnection, period_id: UUID) -> PeriodRow | None:
    """One month, if it is known."""
    return (
        await connection.execute(select(tables.period).where(tables.period.c.id == period_id))
    ).one_or_none()


async def overdue_holds(connection: AsyncConnection) -> list[UUID]:
    """Pending holds whose deadline has passed, oldest first."""
    h = tables.hold.c
    rows = await connection.execute(
        select(h.id)
        .where(h.state == "pending", h.expires_at <= func.clock_timestamp())
        .order_by(h.expires_at, h.id)
    )
    return [row.id for row in rows]


async def seals_page(
    connection: AsyncConnection, *, after: int | None, limit: int, backward: bool = False
) -> list[SealRow]:
    """Seals, the latest first, past the number `after`."""
    number = tables.seal.c.number
    statement = select(tables.seal).limit(limit)
    if after is not None:
        statement = statement.where(number > after if backward else number < after)
    return list(await connection.execute(statement.order_by(number if backward else number.desc())))


async def seals_by_numbers(
    connection: AsyncConnection, numbers: Iterable[int]
) -> dict[int, SealRow]:
    """The seals of these numbers."""
    rows = await connection.execute(
        select(tables.seal).where(tables.seal.c.number.in_(list(numbers)))
    )
    return {row.number: row for row in rows}


async def count_seals(connection: AsyncConnection) -> int:
    """How many seals there are."""
    return await connection.scalar(select(func.count()).select_from(tables.seal)) or 0


async def places_of_entries(
    connection: AsyncConnection, ids: Iterable[EntryId]
) -> dict[EntryId, Row[Any]]:
    """In which seal and at which position each of these entries stands; absent while unsealed."""
    rows = await connection.execute(
        select(tables.entry_seal).where(tables.entry_seal.c.entry_id.in_(list(ids)))
    )
    return {row.entry_id: row for row in rows}


async def hashes_of_seal(connection: AsyncConnection, number: int) -> list[bytes]:
    """The content hashes under a seal, in order of position: the leaves of its tree."""
    rows = await connection.execute(
        select(tables.entry_seal.c.content_hash)
        .where(tables.entry_seal.c.seal_number == number)
        .order_by(tables.entry_seal.c.position)
    )
    return [row.content_hash for row in rows]


async def stream(
    connection: AsyncConnection, statement: str, **parameters: object
) -> AsyncIterator[Row[Any]]:
    """Rows of a long statement, fetched a few thousand at a time."""
    result = await connection.stream(
        text(statement), parameters, execution_options={"yield_per": 2_000}
    )
    async for row in result:
        yield row

