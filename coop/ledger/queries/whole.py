"""Reads of everything there is, for verification and exports: streamed, so memory stays flat.

They run inside `AsyncConnection.run_sync` on a snapshot: each is a server-side cursor, and several
may be open at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

CHUNK = 2_000

_POSTINGS_OF = """
SELECT entry_id, line, account_id, fund_id, commodity, amount_minor FROM posting
WHERE cooperative_id = coop_current() AND entry_id = ANY (CAST(:ids AS uuid[]))
ORDER BY entry_id, line
"""
SEALED = """
SELECT s.seal_number, s.position, s.content_hash, s.entry_id AS sealed_id, j.*
FROM entry_seal AS s
LEFT JOIN journal_entry AS j ON j.cooperative_id = s.cooperative_id AND j.id = s.entry_id
WHERE s.cooperative_id = coop_current() ORDER BY s.seal_number, s.position
"""
UNSEALED = """
SELECT j.*, j.xact_id::text::bigint AS xact FROM journal_entry AS j
WHERE j.cooperative_id = coop_current() AND NOT EXISTS (
    SELECT FROM entry_seal AS s WHERE s.cooperative_id = j.cooperative_id AND s.entry_id = j.id
) ORDER BY j.xact_id, j.id
"""
POSTINGS = """
SELECT p.account_id, p.fund_id, p.version, p.entry_id, p.amount_minor, p.balance_after,
    p.effective_on, j.effective_on AS entry_effective_on
FROM posting AS p
LEFT JOIN journal_entry AS j ON j.cooperative_id = p.cooperative_id AND j.id = p.entry_id
WHERE p.cooperative_id = coop_current() ORDER BY p.account_id, p.fund_id, p.version
"""
BALANCES = """
SELECT account_id, fund_id, debit_minor, credit_minor, version FROM balance
WHERE cooperative_id = coop_current() ORDER BY account_id, fund_id
"""
DAYS = """
SELECT account_id, fund_id, day, debit_minor, credit_minor, first_version, last_version
FROM balance_day
WHERE cooperative_id = coop_current() ORDER BY account_id, fund_id, day
"""
SEALS = """
SELECT cooperative_id, number, previous_hash, root, hash, entry_count,
    watermark::text::bigint AS watermark
FROM seal WHERE cooperative_id = coop_current() ORDER BY number
"""
HELD = """
SELECT account_id, fund_id,
    sum(held_debit)::bigint AS held_debit, sum(held_credit)::bigint AS held_credit,
    sum(debit)::bigint AS debit, sum(credit)::bigint AS credit
FROM (
    SELECT account_id, fund_id, 0 AS held_debit, 0 AS held_credit,
        pending_debit_minor AS debit, pending_credit_minor AS credit
    FROM balance WHERE cooperative_id = coop_current()
    UNION ALL
    SELECT debit_account_id, fund_id, amount_minor, 0, 0, 0
    FROM hold WHERE cooperative_id = coop_current() AND state = 'pending'
    UNION ALL
    SELECT credit_account_id, fund_id, 0, amount_minor, 0, 0
    FROM hold WHERE cooperative_id = coop_current() AND state = 'pending'
) AS said
GROUP BY account_id, fund_id
HAVING sum(held_debit) <> sum(debit) OR sum(held_credit) <> sum(credit)
ORDER BY account_id, fund_id
"""
CLOSED_MONTHS = """
SELECT id, from_on, to_on, closed_at FROM period
WHERE cooperative_id = coop_current() AND state = 'closed' ORDER BY from_on
"""
KEPT = """
SELECT account_id, fund_id,
    sum(day_debit)::bigint AS day_debit, sum(day_credit)::bigint AS day_credit,
    sum(debit)::bigint AS debit, sum(credit)::bigint AS credit
FROM (
    SELECT account_id, fund_id, 0 AS day_debit, 0 AS day_credit,
        debit_minor AS debit, credit_minor AS credit
    FROM period_balance
    WHERE cooperative_id = coop_current() AND period_id = :period AND closed_at = :closed_at
    UNION ALL
    SELECT account_id, fund_id, debit_minor, credit_minor, 0, 0
    FROM balance_day WHERE cooperative_id = coop_current() AND day < :to_on
) AS said
GROUP BY account_id, fund_id
HAVING sum(day_debit) <> sum(debit) OR sum(day_credit) <> sum(credit)
ORDER BY account_id, fund_id
"""
# What a balance row and a posting repeat of their account.
STRAY = """
SELECT 'balance' AS what, b.account_id, b.fund_id, NULL::uuid AS entry_id
FROM balance AS b
LEFT JOIN account AS a ON a.cooperative_id = b.cooperative_id AND a.id = b.account_id
WHERE b.cooperative_id = coop_current() AND (
    a.commodity, a.normal_side::integer, a.floor_minor, a.ceiling_minor
) IS DISTINCT FROM (b.commodity, b.normal_side::integer, b.floor_minor, b.ceiling_minor)
UNION ALL
SELECT 'posting', p.account_id, p.fund_id, p.entry_id
FROM posting AS p
LEFT JOIN account AS a ON a.cooperative_id = p.cooperative_id AND a.id = p.account_id
WHERE p.cooperative_id = coop_current() AND a.commodity IS DISTINCT FROM p.commodity
"""
# Hashing sees the order of lines, not their numbers.
LINES = """
SELECT entry_id FROM posting WHERE cooperative_id = coop_current() GROUP BY entry_id
HAVING min(line) <> 0 OR max(line) <> count(*) - 1 OR count(DISTINCT line) <> count(*)
ORDER BY entry_id
"""
# A key that promises an entry which is not there; refusals and other requests keep an outcome.
KEYS = """
SELECT i.actor, i.key, i.entry_id FROM idempotency AS i
WHERE i.cooperative_id = coop_current() AND i.outcome IS NULL AND NOT EXISTS (
    SELECT FROM journal_entry AS j WHERE j.cooperative_id = i.cooperative_id AND j.id = i.entry_id
) ORDER BY i.actor, i.key
"""
JOURNAL = """
SELECT j.id, j.kind, j.effective_on, j.recorded_at, j.memo, j.reverses_id
FROM journal_entry AS j WHERE j.cooperative_id = coop_current()
ORDER BY j.effective_on, j.recorded_at, j.id
"""
BOOK_ACCOUNTS = """
SELECT a.id, a.code, a.name, a.type, a.commodity, a.opened_on, a.closed_on, a.hub_id, a.vintage,
    m.number AS member
FROM account AS a
LEFT JOIN member AS m ON m.cooperative_id = a.cooperative_id AND m.id = a.member_id
WHERE a.cooperative_id = coop_current() AND NOT a.is_summary ORDER BY a.code, a.id
"""
COUNTS = """
SELECT (SELECT count(*) FROM journal_entry WHERE cooperative_id = coop_current()) AS entries,
    (SELECT count(*) FROM entry_seal WHERE cooperative_id = coop_current()) AS sealed,
    (SELECT coalesce(sum(version), 0)::bigint FROM balance
     WHERE cooperative_id = coop_current()) AS postings
"""


def stream(connection: Connection, statement: str, **parameters: object) -> Iterator[Row[Any]]:
    """Rows of a long statement, a few thousand at a time."""
    yield from connection.execute(
        text(statement), parameters, execution_options={"yield_per": CHUNK}
    )


def with_postings(
    connection: Connection, rows: Iterator[Row[Any]], key: str = "id"
) -> Iterator[tuple[Row[Any], Sequence[Row[Any]]]]:
    """Each entry's row with the rows of its postings in line order; `key` names the entry's id."""
    chunk: list[Row[Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield from _joined(connection, chunk, key)
            chunk = []
    yield from _joined(connection, chunk, key)


def _joined(
    connection: Connection, chunk: Sequence[Row[Any]], key: str
) -> Iterator[tuple[Row[Any], Sequence[Row[Any]]]]:
    ids = [getattr(row, key) for row in chunk]
    lines: dict[UUID, list[Row[Any]]] = {}
    for line in connection.execute(text(_POSTINGS_OF), {"ids": ids}) if ids else ():
        lines.setdefault(line.entry_id, []).append(line)
    for row in chunk:
        yield row, lines.get(getattr(row, key), ())
