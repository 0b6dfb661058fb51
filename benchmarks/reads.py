"""A balance and a page of 50 postings of an account with a long history beside one with a short.

Default: 10 thousand against 1 million postings on one account; `--full`: against 10 million. The
rows are made by the owner in SQL, with triggers off, as posting would have left them.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.figures import Figure, print_table
from benchmarks.posting_batch import Books, hand_connection, installation
from coop.db.open import Access
from coop.ledger import queries

SHORT, LONG, FULL, READS = 10_000, 1_000_000, 10_000_000, 400

# One debit of 1.00 each to the first account and credit to the second; the last days of ten years.
_ENTRIES = """
INSERT INTO journal_entry (cooperative_id, id, kind, effective_on, recorded_at, memo, actor)
SELECT $1, uuidv7(g * interval '1 ms'), 'charge', date '2016-01-01' + (g * 3650 / $2)::integer,
    timestamptz '2026-01-01' + g * interval '1 ms', 'Charging', 'import'
FROM generate_series(1, $2::bigint) AS g
"""
_POSTINGS = """
INSERT INTO posting (cooperative_id, account_id, fund_id, version, entry_id, line, commodity,
    amount_minor, balance_after, effective_on)
SELECT $1, l.account, $1, g.n, g.id, l.line, 'EUR', l.amount, g.n * l.amount, g.effective_on
FROM (
    SELECT id, effective_on, row_number() OVER (ORDER BY recorded_at, id) AS n
    FROM journal_entry WHERE cooperative_id = $1
) AS g
CROSS JOIN (VALUES ($2::uuid, 0, 100), ($3::uuid, 1, -100)) AS l (account, line, amount)
ORDER BY l.account, g.n
"""
_SUMS = """
INSERT INTO balance (cooperative_id, account_id, fund_id, debit_minor, credit_minor, version,
    recorded_at, commodity, normal_side)
SELECT p.cooperative_id, p.account_id, p.fund_id, sum(greatest(p.amount_minor, 0)),
    sum(greatest(-p.amount_minor, 0)), count(*), '2026-02-01', 'EUR', 1
FROM posting AS p WHERE p.cooperative_id = $1 GROUP BY 1, 2, 3
"""
_DAYS = """
INSERT INTO balance_day SELECT p.cooperative_id, p.account_id, p.fund_id, p.effective_on,
    sum(greatest(p.amount_minor, 0)), sum(greatest(-p.amount_minor, 0)), min(version), max(version)
FROM posting AS p WHERE p.cooperative_id = $1 GROUP BY 1, 2, 3, 4
"""


async def filled(access: Access, hand: asyncpg.Connection, count: int) -> Books:
    """A cooperative with `count` postings on one account."""
    books = Books(access.database())
    await books.open()
    await hand.execute("SET session_replication_role = replica")
    await hand.execute(_ENTRIES, books.id, count)
    await hand.execute(_POSTINGS, books.id, books.members[0], books.hubs[0])
    await hand.execute(_SUMS, books.id)
    await hand.execute(_DAYS, books.id)
    return books


Read = Callable[[AsyncConnection, Books], Awaitable[object]]


async def balance(connection: AsyncConnection, books: Books) -> object:
    """Where the account stands now."""
    return await queries.balances_of(connection, books.members[:1])


async def newest(connection: AsyncConnection, books: Books) -> object:
    """The first page of its history."""
    page = await queries.postings_page(connection, books.members[:1], limit=50)
    assert len(page) == 50
    return page


def middle(place: queries.Place) -> Read:
    """A page from the middle of its history."""

    async def read(connection: AsyncConnection, books: Books) -> object:
        return await queries.postings_page(connection, books.members[:1], after=place, limit=50)

    return read


async def middle_of(books: Books) -> queries.Place:
    """The place of the posting in the middle."""
    async with books.database.snapshot(books.id) as connection:
        found = await queries.postings_total(connection, books.members[:1])
        rows = await connection.exec_driver_sql(
            "SELECT j.recorded_at, p.entry_id, p.line FROM posting AS p "
            "JOIN journal_entry AS j USING (cooperative_id) "
            "WHERE cooperative_id = coop_current() AND p.account_id = $1 AND p.version = $2 "
            "AND j.id = p.entry_id",
            (books.members[0], found[0].debit_minor // 200),
        )
        row = rows.one()
    return row.recorded_at, row.entry_id, row.line


async def timed(read: Read, books: Books) -> float:
    """Microseconds of one read, on a connection that is open already."""
    async with books.database.snapshot(books.id) as connection:
        await read(connection, books)
        begin = time.perf_counter()
        for _ in range(10):
            await read(connection, books)
        return (time.perf_counter() - begin) * 100_000


async def measured(access: Access, long: int) -> list[Figure]:
    """The same reads on both, by turns; medians."""
    hand = await hand_connection(access, await _opened(access))
    small, large = await filled(access, hand, SHORT), await filled(access, hand, long)
    await hand.execute("VACUUM ANALYZE")
    await hand.close()
    places = {books.id: await middle_of(books) for books in (small, large)}
    reads: tuple[tuple[str, dict[UUID, Read]], ...] = (
        ("balance_of", dict.fromkeys(places, balance)),
        ("50-row page, newest", dict.fromkeys(places, newest)),
        ("50-row page, from the middle", {key: middle(place) for key, place in places.items()}),
    )
    figures = []
    for name, read_of in reads:
        times: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(READS // 10):
            for books in (small, large):
                times[books is large].append(await timed(read_of[books.id], books))
        here, floor = statistics.median(times[True]), statistics.median(times[False])
        note = f"of {long:,} postings; floor: of {SHORT:,}"
        figures.append(Figure(name, here, "µs", floor, here / floor, note))
    for books in (small, large):
        await books.database.close()
    return figures


async def _opened(access: Access) -> Books:
    books = Books(access.database())
    await books.open()
    await books.database.close()
    return books


async def measure(long: int = LONG) -> list[Figure]:
    """In an installation of its own."""
    async with installation() as access:
        return await measured(access, long)


if __name__ == "__main__":
    print_table(asyncio.run(measure(FULL if "--full" in sys.argv else LONG)))
