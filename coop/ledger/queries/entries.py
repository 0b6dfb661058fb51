"""The journal as it was written: entries, their postings, and pages of both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.db.among import among
from coop.kernel.ids import AccountId, EntryId, FundId
from coop.ledger import tables

EntryRow = Row[Any]

_entry, _posting = tables.journal_entry.c, tables.posting.c


@dataclass(frozen=True, slots=True)
class PostingRow:
    """One line of the journal as read, debit positive, and where its account stood after it.

    A page's lines bring what their entry says, too: recorded_at, kind, memo.
    """

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
    kind: str = ""
    memo: str = ""


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
        .where(among(_entry.id, ids))
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
        await connection.execute(statement.order_by(_entry.id if backward else _entry.id.desc()))
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
        .where(among(_posting.entry_id, ids))
        .order_by(_posting.entry_id, _posting.line)
    )
    found: dict[EntryId, list[PostingRow]] = {}
    for row in rows:
        found.setdefault(row.entry_id, []).append(posting_row(row))
    return found


def posting_row(row: Row[Any]) -> PostingRow:
    """A posting's row as read."""
    return PostingRow(
        row.entry_id, row.line, row.account_id, row.fund_id, row.version, row.commodity,
        row.amount_minor, row.balance_after, row.effective_on,
    )  # fmt: skip


def page_row(row: Row[Any]) -> PostingRow:
    """A row of `page_text`."""
    return PostingRow(
        row.entry_id, row.line, row.account_id, row.fund_id, row.version, row.commodity,
        row.amount_minor, row.balance_after, row.effective_on, row.recorded_at, row.kind, row.memo,
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
    p.balance_after, p.effective_on, j.recorded_at, j.kind, j.memo
FROM {source} AS b
CROSS JOIN LATERAL (
    SELECT q.* FROM posting AS q
    WHERE q.cooperative_id = b.cooperative_id AND q.account_id = b.account_id
        AND q.fund_id = b.fund_id
        AND q.version {comparison} {bound} {days}
    ORDER BY q.version {direction}
    LIMIT :limit
) AS p
CROSS JOIN LATERAL (
    SELECT e.recorded_at, e.kind, e.memo FROM journal_entry AS e
    WHERE e.cooperative_id = b.cooperative_id AND e.id = p.entry_id LIMIT 1
) AS j
WHERE b.cooperative_id = coop_current() AND b.account_id = ANY (CAST(:accounts AS uuid[]))
    {fund}
ORDER BY j.recorded_at {direction}, p.entry_id {direction}, p.line {direction}
LIMIT :limit
"""


_VERSION_AT = (
    "version_at(b.cooperative_id, b.account_id, b.fund_id, :recorded_at, CAST(:entry AS uuid), "
    "CAST(:line AS integer))"
)
_IN_DAYS = (
    "AND q.version BETWEEN b.low AND b.high "
    "AND q.effective_on >= :from_on AND q.effective_on < :to_on"
)


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

    `backward` reads the other way: the oldest first, newer than `after`. One range read of the
    primary key an account and fund, whatever the length of its history.
    """
    statement, parameters = page_text(
        limit=limit, after=after, backward=backward, from_on=from_on, to_on=to_on, fund_id=fund_id
    )
    rows = await connection.execute(text(statement), {"accounts": list(account_ids), **parameters})
    return [page_row(row) for row in rows]


def page_text(
    *,
    limit: int,
    after: Place | None,
    backward: bool,
    from_on: date | None = None,
    to_on: date | None = None,
    fund_id: FundId | None = None,
) -> tuple[str, dict[str, Any]]:
    """The statement of a page of `:accounts`, and its other parameters."""
    shape = {
        "comparison": ">" if backward else "<=",
        "bound": "0" if backward else "b.version",
        "direction": "ASC" if backward else "DESC",
        "source": "balance",
        "fund": "",
        "days": "",
    }
    parameters: dict[str, Any] = {"limit": limit}
    if after is not None:
        shape["bound"] = _VERSION_AT
        # Strictly before the place: one line earlier, for the place itself has been shown.
        line = after[2] if backward else after[2] - 1
        parameters |= {"recorded_at": after[0], "entry": after[1], "line": line}
    if fund_id is not None:
        shape["fund"] = "AND b.fund_id = :fund"
        parameters["fund"] = fund_id
    if from_on is not None or to_on is not None:
        # The day sums say between which versions those days lie: nothing outside is read.
        shape |= {"source": f"({_SPANS})", "days": _IN_DAYS}
        parameters |= {"from_on": from_on or date.min, "to_on": to_on or date.max}
    return _PAGE.format(**shape), parameters


async def postings_total(
    connection: AsyncConnection,
    account_ids: Sequence[AccountId],
    *,
    from_on: date | None = None,
    to_on: date | None = None,
    fund_id: FundId | None = None,
) -> list[Row[Any]]:
    """(commodity, count, sum of debits, sum of credits) of these accounts' postings, from day sums.

    Without a range of days the count is a sum of versions, which have no gaps.
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
            .where(among(b.account_id, account_ids))
            .group_by(b.commodity)
            .order_by(b.commodity)
        )
        if fund_id is not None:
            statement = statement.where(b.fund_id == fund_id)
        return list(await connection.execute(statement))
    rows = await connection.execute(
        text(TOTAL_OF_DAYS),
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
    AND p.version BETWEEN s.low AND s.high
    AND p.effective_on >= :from_on AND p.effective_on < :to_on
{journal}
WHERE CAST(:fund AS uuid) IS NULL OR p.fund_id = :fund
"""
_JOURNAL = "JOIN journal_entry AS j ON j.cooperative_id = coop_current() AND j.id = p.entry_id"
TOTAL_OF_DAYS = f"""
WITH span AS ({_SPANS})
SELECT p.commodity, count(*) AS count, sum(greatest(p.amount_minor, 0)) AS debit_minor,
    sum(greatest(-p.amount_minor, 0)) AS credit_minor
{_IN_SPAN.format(journal="")}
GROUP BY p.commodity ORDER BY p.commodity
"""
_OF_DAYS = f"""
WITH span AS ({_SPANS})
SELECT p.entry_id, p.line, p.account_id, p.fund_id, p.version, p.commodity, p.amount_minor,
    p.balance_after, p.effective_on, j.recorded_at, j.kind, j.memo, j.source_kind, j.source_id
{_IN_SPAN.format(journal=_JOURNAL)}
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
    """A statement's lines: postings effective in [from_on, to_on), by day, then as recorded."""
    return list(
        await connection.execute(
            text(_OF_DAYS),
            {"accounts": list(account_ids), "fund": fund_id, "from_on": from_on, "to_on": to_on},
        )
    )
