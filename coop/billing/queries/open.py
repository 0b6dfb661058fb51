"""What is open: invoices less what settles them, credit notes less what they settle, aging."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.kernel.ids import MemberId
from coop.kernel.window import Window

# Days past due at which a bucket ends; what is older is in the last one.
BUCKETS = (0, 30, 60, 90)


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """An invoice with something open (+), or a credit note with something left to give (−)."""

    id: UUID
    kind: str
    number: int
    member_id: MemberId
    issued_on: date
    due_on: date
    reference: str
    refers_to_id: UUID | None
    gross_minor: int
    open_minor: int


@dataclass(frozen=True, slots=True)
class AgingRow:
    """What a member owes on invoices by days past due, in minor units.

    `held_minor` is what is contested today, in no bucket. `other_minor` is what account 1200 holds
    beside open invoices: payments and credits that settle none yet (negative), and what was charged
    before there were invoices. All of a row together is the balance of 1200.
    """

    member_id: MemberId
    number: str
    buckets: tuple[int, ...]
    held_minor: int
    other_minor: int

    @property
    def total_minor(self) -> int:
        """Everything the member owes on account 1200."""
        return sum(self.buckets) + self.held_minor + self.other_minor


_DOCUMENTS = """
SELECT
    i.id, i.kind, i.number, i.member_id, i.issued_on, i.due_on, i.reference, i.refers_to_id,
    i.gross_minor, o.open_minor
FROM invoice AS i
CROSS JOIN LATERAL (
    SELECT (i.gross_minor - coalesce((
        SELECT sum(a.amount_minor) FROM allocation AS a
        WHERE a.cooperative_id = i.cooperative_id AND a.invoice_id = i.id
    ), 0) + CASE i.kind WHEN 'invoice' THEN 0 ELSE coalesce((
        SELECT sum(a.amount_minor) FROM allocation AS a
        WHERE a.cooperative_id = i.cooperative_id AND a.source_kind = 'credit_note'
            AND a.source_id = i.id
    ), 0) END)::bigint AS open_minor
) AS o
"""
_OPEN_OF_MEMBERS = text(
    _DOCUMENTS
    + "WHERE i.member_id = ANY(CAST(:members AS uuid[])) AND i.kind = :kind AND o.open_minor <> 0 "
    "ORDER BY i.member_id, i.due_on, i.number"
)
_OPEN = text(
    _DOCUMENTS
    + "WHERE i.kind = :kind AND o.open_minor <> 0 ORDER BY i.due_on, i.number LIMIT :most"
)
_BY_IDS = text(_DOCUMENTS + "WHERE i.id = ANY(CAST(:ids AS uuid[]))")
_BY_REFERENCES = text(_DOCUMENTS + "WHERE i.reference = ANY(CAST(:references AS text[]))")
OPEN_MAX = 10_000


async def open_of_members(
    connection: AsyncConnection, members: Iterable[MemberId], kind: str = "invoice"
) -> dict[MemberId, list[OpenDocument]]:
    """The open invoices (or credit notes) of these members, those due first first."""
    found: dict[MemberId, list[OpenDocument]] = {}
    given = {"members": list(members), "kind": kind}
    for row in await connection.execute(_OPEN_OF_MEMBERS, given):
        found.setdefault(row.member_id, []).append(OpenDocument(*row))
    return found


async def open_documents(
    connection: AsyncConnection, kind: str = "invoice", most: int = OPEN_MAX
) -> list[OpenDocument]:
    """Up to `most` open invoices (or credit notes) of everybody, those due first first."""
    rows = await connection.execute(_OPEN, {"kind": kind, "most": most})
    return [OpenDocument(*row) for row in rows]


async def documents_by_ids(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, OpenDocument]:
    """These invoices and credit notes with what is open of them, if anything."""
    rows = await connection.execute(_BY_IDS, {"ids": list(ids)})
    return {row.id: OpenDocument(*row) for row in rows}


async def documents_by_references(
    connection: AsyncConnection, references: Iterable[str]
) -> dict[str, OpenDocument]:
    """The invoices that go by these creditor references, with what is open of them."""
    rows = await connection.execute(_BY_REFERENCES, {"references": list(references)})
    return {row.reference: OpenDocument(*row) for row in rows}


_AGING = """
WITH open_invoice AS (
    SELECT
        i.member_id, CAST(:on AS date) - i.due_on AS days,
        i.gross_minor - coalesce((
            SELECT sum(a.amount_minor) FROM allocation AS a
            WHERE a.cooperative_id = i.cooperative_id AND a.invoice_id = i.id
                AND a.effective_on <= :on
        ), 0) AS open_minor,
        coalesce(h.held_minor, 0) AS contested_minor
    FROM invoice AS i
    LEFT JOIN (
        SELECT b.invoice_id, sum(d.held_minor) AS held_minor
        FROM dispute AS d
        CROSS JOIN LATERAL (
            SELECT c.invoice_id FROM invoice_charge AS c
            WHERE c.cooperative_id = d.cooperative_id AND c.charge_id = d.charge_id
            UNION
            SELECT t.invoice_id FROM invoice_item AS t
            WHERE t.cooperative_id = d.cooperative_id AND t.item_id = d.item_id
        ) AS b
        WHERE d.decided_at IS NULL
        GROUP BY b.invoice_id
    ) AS h ON h.invoice_id = i.id
    WHERE i.kind = 'invoice' AND i.issued_on <= :on
),
held AS (
    SELECT o.member_id, o.days, least(o.contested_minor, o.open_minor) AS held_minor, o.open_minor
    FROM open_invoice AS o WHERE o.open_minor <> 0
),
aged AS (
    SELECT
        h.member_id,
        sum(h.open_minor - h.held_minor) FILTER (WHERE h.days <= 0) AS b0,
        sum(h.open_minor - h.held_minor) FILTER (WHERE h.days BETWEEN 1 AND 30) AS b1,
        sum(h.open_minor - h.held_minor) FILTER (WHERE h.days BETWEEN 31 AND 60) AS b2,
        sum(h.open_minor - h.held_minor) FILTER (WHERE h.days BETWEEN 61 AND 90) AS b3,
        sum(h.open_minor - h.held_minor) FILTER (WHERE h.days > 90) AS b4,
        sum(h.held_minor) AS held, sum(h.open_minor) AS total
    FROM held AS h GROUP BY h.member_id
),
booked AS (
    SELECT a.member_id, sum(d.debit_minor - d.credit_minor) AS balance
    FROM account AS a
    JOIN balance_day AS d ON d.cooperative_id = a.cooperative_id AND d.account_id = a.id
    WHERE a.code = '1200' AND a.member_id IS NOT NULL AND d.day <= :on
    GROUP BY a.member_id
),
aging AS (
    SELECT
        m.id, m.number, coalesce(g.b0, 0) AS b0, coalesce(g.b1, 0) AS b1, coalesce(g.b2, 0) AS b2,
        coalesce(g.b3, 0) AS b3, coalesce(g.b4, 0) AS b4, coalesce(g.held, 0) AS held,
        coalesce(b.balance, 0) - coalesce(g.total, 0) AS other
    FROM member AS m
    LEFT JOIN aged AS g ON g.member_id = m.id
    LEFT JOIN booked AS b ON b.member_id = m.id
    WHERE coalesce(b.balance, 0) <> 0 OR coalesce(g.total, 0) <> 0
)"""
_AGING_TOTAL: TextClause = text(
    f"""{_AGING}
SELECT
    count(*), coalesce(sum(b0), 0), coalesce(sum(b1), 0), coalesce(sum(b2), 0),
    coalesce(sum(b3), 0), coalesce(sum(b4), 0), coalesce(sum(held), 0), coalesce(sum(other), 0)
FROM aging"""  # noqa: S608 - constants only
)
_AGING_PAGE = f"""{_AGING}
SELECT g.id, g.number, g.b0, g.b1, g.b2, g.b3, g.b4, g.held, g.other FROM aging AS g
WHERE (CAST(:after AS text) IS NULL OR g.number COLLATE "C" > :after)
    AND (CAST(:before AS text) IS NULL OR g.number COLLATE "C" < :before)
ORDER BY g.number COLLATE "C" """  # noqa: S608 - constants only
_FORWARD = text(_AGING_PAGE + "ASC LIMIT :most")
_BACKWARD = text(_AGING_PAGE + "DESC LIMIT :most")


async def aging_page(connection: AsyncConnection, on: date, window: Window) -> list[AgingRow]:
    """Who owes what at the end of `on`, by the member's number (one key of a window)."""
    given = {
        "on": on, "most": window.limit,
        "after": None if window.after is None else window.after[0],
        "before": None if window.before is None else window.before[0],
    }  # fmt: skip
    rows = await connection.execute(_BACKWARD if window.backward else _FORWARD, given)
    return [_aging(row) for row in rows]


async def aging_total(connection: AsyncConnection, on: date) -> tuple[int, AgingRow]:
    """How many members owe or are owed, and the sum of all their rows."""
    row = (await connection.execute(_AGING_TOTAL, {"on": on})).one()
    count, *sums = (int(value) for value in row)
    return count, AgingRow(MemberId(UUID(int=0)), "", tuple(sums[:5]), sums[5], sums[6])


def _aging(row: Sequence[Any]) -> AgingRow:
    id_, number, *sums = row
    *buckets, held, other = (int(value) for value in sums)
    return AgingRow(MemberId(id_), number, tuple(buckets), held, other)
