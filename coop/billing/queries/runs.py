"""What runs did, and what stands for a month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.queries.unbilled import UNBILLED_MEMBERS
from coop.kernel.ids import CooperativeId


@dataclass(frozen=True, slots=True)
class MonthTotals:
    """What runs issued for a month, and what their entries moved on 1200, in minor units."""

    invoices: int
    credit_notes: int
    net_minor: int
    tax_minor: int
    gross_minor: int
    receivable_minor: int


_MONTH = text("""
WITH issued AS (
    SELECT i.kind, i.net_minor, i.tax_minor, i.gross_minor, (
        SELECT sum(p.amount_minor)
        FROM posting AS p
        JOIN account AS a ON a.cooperative_id = p.cooperative_id AND a.id = p.account_id
        WHERE p.cooperative_id = i.cooperative_id AND p.entry_id = i.entry_id AND a.code = '1200'
    ) AS receivable_minor
    FROM invoice AS i
    JOIN billing_run AS r ON r.cooperative_id = i.cooperative_id AND r.id = i.run_id
    WHERE r.from_on = :from_on
)
SELECT
    count(*) FILTER (WHERE i.kind = 'invoice'), count(*) FILTER (WHERE i.kind = 'credit_note'),
    coalesce(sum(i.net_minor), 0), coalesce(sum(i.tax_minor), 0), coalesce(sum(i.gross_minor), 0),
    coalesce(sum(i.receivable_minor), 0)
FROM issued AS i
""")


async def month_totals(connection: AsyncConnection, from_on: date) -> MonthTotals:
    """What every run of the month that begins on `from_on` issued."""
    row = (await connection.execute(_MONTH, {"from_on": from_on})).one()
    return MonthTotals(*(int(value) for value in row))


async def count_unbilled_members(
    connection: AsyncConnection, cooperative_id: CooperativeId, before: date
) -> int:
    """How many members have something of a day before `before` that no invoice holds."""
    given = {"cooperative": cooperative_id, "before": before}
    found = await connection.scalar(text(f"SELECT count(*) {UNBILLED_MEMBERS}"), given)
    return int(found or 0)
