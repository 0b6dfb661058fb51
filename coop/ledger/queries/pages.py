"""Pages of postings for many at once: for every member or account of a list, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.kernel.ids import AccountId
from coop.ledger.queries.entries import (
    TOTAL_OF_DAYS,
    Place,
    PostingRow,
    page_row,
    page_text,
    postings_page,
    postings_total,
)

Group = tuple[AccountId, ...]
"""The accounts of one of the many; a group without accounts has no postings."""

# What the page of one asks of `:accounts` is asked of each group's, beside it.
_EACH = """
WITH one AS (
    SELECT t.number, array_agg(t.account) AS accounts
    FROM unnest(CAST(:numbers AS integer[]), CAST(:accounts AS uuid[])) AS t (number, account)
    GROUP BY t.number
)
SELECT one.number, part.* FROM one CROSS JOIN LATERAL ({part}) AS part
"""
_ACCOUNTS = "CAST(:accounts AS uuid[])"
_TOTAL = """
SELECT b.commodity, sum(b.version) AS count, sum(b.debit_minor) AS debit_minor,
    sum(b.credit_minor) AS credit_minor
FROM balance AS b
WHERE b.cooperative_id = coop_current() AND b.account_id = ANY (CAST(:accounts AS uuid[]))
GROUP BY b.commodity
"""


async def postings_pages(
    connection: AsyncConnection,
    groups: Sequence[Group],
    after: Place | None,
    limit: int,
    backward: bool,  # noqa: FBT001 - one of the values that tell one page from another
    from_on: date | None,
    to_on: date | None,
) -> dict[Group, list[PostingRow]]:
    """The page of each group as `postings_page` gives it, all in one statement."""
    if len(groups) == 1:
        found = await postings_page(
            connection, groups[0], after=after, limit=limit, backward=backward,
            from_on=from_on, to_on=to_on,
        )  # fmt: skip
        return {groups[0]: found}
    statement, parameters = page_text(
        limit=limit, after=after, backward=backward, from_on=from_on, to_on=to_on
    )
    pages: dict[Group, list[PostingRow]] = {}
    for group, row in await _each(connection, groups, statement, parameters):
        pages.setdefault(group, []).append(page_row(row))
    for page in pages.values():
        page.sort(key=lambda row: (row.recorded_at, row.entry_id, row.line), reverse=not backward)
    return pages


async def postings_totals(
    connection: AsyncConnection, groups: Sequence[Group], from_on: date | None, to_on: date | None
) -> dict[Group, list[Row[Any]]]:
    """The totals of each group as `postings_total` gives them, all in one statement."""
    if len(groups) == 1:
        found = await postings_total(connection, groups[0], from_on=from_on, to_on=to_on)
        return {groups[0]: found}
    statement, parameters = _TOTAL, {}
    if from_on is not None or to_on is not None:
        statement = TOTAL_OF_DAYS
        parameters = {"from_on": from_on or date.min, "to_on": to_on or date.max, "fund": None}
    totals: dict[Group, list[Row[Any]]] = {}
    for group, row in await _each(connection, groups, statement, parameters):
        totals.setdefault(group, []).append(row)
    for total in totals.values():
        total.sort(key=lambda row: str(row.commodity))
    return totals


async def _each(
    connection: AsyncConnection,
    groups: Sequence[Group],
    statement: str,
    parameters: dict[str, Any],
) -> list[tuple[Group, Row[Any]]]:
    pairs = [(number, id_) for number, group in enumerate(groups) for id_ in group]
    given = {"numbers": [number for number, _ in pairs], "accounts": [id_ for _, id_ in pairs]}
    part = statement.replace(_ACCOUNTS, "one.accounts")
    rows = await connection.execute(text(_EACH.format(part=part)), {**given, **parameters})
    return [(groups[row.number], row) for row in rows]
