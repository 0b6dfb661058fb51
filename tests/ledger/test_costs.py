"""What a posting and a page read does not grow with the books: counted in rows, never timed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.db.open import Access
from coop.ledger import queries, service
from coop.ledger.domain.entry import EntryDraft, PostingDraft, reversal_of
from coop.ledger.posting import post
from tests.ledger.town import Town, as_owner, codes, step

pytestmark = pytest.mark.anyio

_READ = """
SELECT relname, seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_xact_user_tables
WHERE schemaname = 'public'
"""


async def rows_read(connection: AsyncConnection) -> dict[str, int]:
    """Rows of each table that the session has read; only differences mean anything."""
    return {row.relname: row.rows for row in await connection.execute(text(_READ))}


async def rows_since(connection: AsyncConnection, before: dict[str, int]) -> dict[str, int]:
    after = await rows_read(connection)
    return {
        name: rows - before.get(name, 0)
        for name, rows in after.items()
        if rows > before.get(name, 0)
    }


def pair(town: Town, number: int, key: str | None = None) -> EntryDraft:
    lines = (
        PostingDraft(town.accounts["1200 ada"], 1 + number),
        PostingDraft(town.accounts["4000 north"], -1 - number),
    )
    return EntryDraft("test", date(2026, 3, 1 + number % 28), "", lines, key)


async def test_posting_reads_no_more_in_long_books_than_in_short(town: Town) -> None:
    await town.database.unit_of_work(
        town.id,
        lambda c: service.set_limits(
            c, town.viewer, town.id, town.accounts["4000 north"], floor_minor=0, ceiling_minor=10**9
        ),
    )
    read = []
    for size in (20, 1_000):
        first, *_ = await town.post_drafts([pair(town, n, f"k{size}-{n}") for n in range(size)])
        reversal = reversal_of(
            first.entry_id, pair(town, 0).postings, effective_on=date(2026, 3, 2), memo=""
        )
        wanted = [pair(town, 1, f"k{size}-1"), pair(town, 2, f"new-{size}"), reversal]
        huge = pair(town, 10**10, f"huge-{size}")
        async with step(town) as connection:
            before = await rows_read(connection)
            outcomes = await post(
                connection, town.id, [("ada", draft) for draft in [*wanted, huge]], want_balances=True
            )  # fmt: skip
            read.append(await rows_since(connection, before))
        assert codes(outcomes) == [None, None, None, "LIMIT_EXCEEDED"]
        assert outcomes[0].replayed
    short, long = read
    assert short == long
    assert long["journal_entry"] < 20
    assert long["posting"] < 40


async def test_a_balance_and_a_page_read_no_more_of_a_long_history(town: Town) -> None:
    ids = [town.accounts["1200 ada"]]
    read = []
    for size in (100, 1_000):
        await town.post_drafts([pair(town, n) for n in range(size)])
        async with town.database.snapshot(town.id) as connection:
            before = await rows_read(connection)
            await queries.balances_of(connection, ids)
            newest = await queries.postings_page(connection, ids, limit=50)
            place = (newest[-1].recorded_at, newest[-1].entry_id, newest[-1].line)
            await queries.postings_page(connection, ids, limit=50, after=place)
            read.append(await rows_since(connection, before))
    assert read[0] == read[1]
    assert read[0]["balance"] == 3
    assert read[0]["posting"] <= 102


async def test_when_the_clock_is_set_back_accounts_keep_their_order(
    town: Town, access: Access
) -> None:
    """One account was moved "an hour from now": what follows on it, and on what it met, is later."""
    await town.posted("2026-03-01\n  1000  debit 1.00 EUR\n  4000 north  credit 1.00 EUR")
    async with as_owner(access.owner_url, town) as owner:
        await owner.execute(
            text(
                "UPDATE balance SET recorded_at = now() + interval '1 hour' WHERE account_id = :id"
            ),
            {"id": town.accounts["1000"]},
        )
        await owner.commit()
    for debit, credit in (
        ("1000", "1200 ada"),
        ("1200 ada", "1200 bob"),
        ("1200 bob", "4000 north"),
    ) * 2:
        await town.posted(f"2026-03-02\n  {debit}  debit 1.00 EUR\n  {credit}  credit 1.00 EUR")
    async with town.database.snapshot(town.id) as connection:
        for name in ("1000", "1200 ada", "1200 bob", "4000 north"):
            page = await queries.postings_page(connection, [town.accounts[name]], limit=50)
            times = [row.recorded_at for row in page]
            assert times == sorted(times, reverse=True)
            assert len(set(times)) == len(times)
            for row in page:
                known = await queries.balances_of(
                    connection, [town.accounts[name]], known_at=row.recorded_at
                )
                held = known[town.accounts[name]]
                assert held.debit_minor - held.credit_minor == row.balance_after
    assert (await town.verify()).ok


async def test_crooked_arrays_are_refused_by_the_database(town: Town) -> None:
    """The serving role may call the function with anything: nothing unsound comes of it."""
    sound = pair(town, 5)
    before = await town.books()
    for crooked in (
        replace(sound, effective_on=date(2026, 3, 9)),  # its lines say another day, see below
    ):
        with pytest.raises(Exception, match="not sound"):
            await town.database.unit_of_work(
                town.id,
                lambda c, crooked=crooked: c.execute(text(_CROOKED), _arrays(town, crooked, date(2026, 3, 8))),
            )  # fmt: skip
    with pytest.raises(Exception, match="journal_entry"):
        await town.database.unit_of_work(
            town.id,
            lambda c: c.execute(text(_CROOKED), _arrays(town, sound, sound.effective_on, ord_=2)),
        )
    assert await town.books() == before


_CROOKED = """
SELECT * FROM post_entries(CAST(:coop AS uuid), '{ada}', '{test}', CAST(:on AS date[]), '{m}', '{NULL}', '{NULL}',
    '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', CAST(:ords AS integer[]), '{0,1}', CAST(:lines_on AS date[]),
    CAST(:accounts AS uuid[]), '{NULL,NULL}', '{NULL,NULL}', CAST(:amounts AS bigint[]))
"""


def _arrays(town: Town, draft: EntryDraft, lines_on: date, ord_: int = 1) -> dict[str, object]:
    return {
        "coop": town.id, "on": [draft.effective_on], "lines_on": [lines_on] * 2, "ords": [ord_] * 2,
        "accounts": [line.account_id for line in draft.postings],
        "amounts": [line.amount_minor for line in draft.postings],
    }  # fmt: skip
