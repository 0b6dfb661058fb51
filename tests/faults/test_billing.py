"""Ten billing runs at once, and runs that are killed: no number missing, nobody billed twice."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from coop.db.engine import Database
from coop.db.open import Access
from tests.billing.books import Books, open_books

pytestmark = pytest.mark.anyio
MEMBERS = 40


@pytest.fixture
async def books(database: Database) -> Books:
    """Forty members, each with three things to be billed; every fourth one is owed something."""
    books = await open_books(database)
    members = [await books.member(f"m{number}") for number in range(MEMBERS)]
    await books.items(
        [
            books.fee(member, net)
            for place, member in enumerate(members)
            for net in (333, 250, -900 if place % 4 == 0 else 20)
        ]
    )
    return books


async def assert_billed_once(books: Books) -> None:
    invoices, notes = MEMBERS * 3 // 4, MEMBERS // 4
    numbers = [row[:2] for row in await books.documents()]
    expected = [("invoice", number) for number in range(1, invoices + 1)]
    assert numbers == expected + [("credit_note", number) for number in range(1, notes + 1)]
    assert await books.sql("SELECT series, last_number FROM invoice_series ORDER BY 1") == [
        ("credit_note", notes),
        ("invoice", invoices),
    ]
    assert await books.count("invoice_item") == MEMBERS * 3
    assert await books.sql("SELECT count(*) FROM invoice GROUP BY member_id") == [(1,)] * MEMBERS
    # 603 and 25 % of it are 753.75; −317 and 25 % of it are −396.25: each rounded once.
    ((gross,),) = await books.sql("SELECT sum(gross_minor) FROM invoice")
    assert gross == invoices * 754 - notes * 396
    balances = await books.balances()
    assert sum(balances[f"1200 m{number}"] for number in range(MEMBERS)) == gross
    assert {balances[f"1205 m{number}"] for number in range(MEMBERS)} == {0}
    assert await books.sql("SELECT DISTINCT state FROM billing_run") == [("issued",)]
    assert await books.sql(
        "SELECT sum(members), sum(invoices), sum(credit_notes) FROM billing_run"
    ) == [(MEMBERS, invoices, notes)]


async def test_ten_runs_at_once_leave_no_gap_and_no_double(books: Books) -> None:
    outcomes = await asyncio.gather(*(books.bill(members_at_once=3) for _ in range(10)))
    await assert_billed_once(books)
    assert sum(one.issued.invoices + one.issued.credit_notes for one in outcomes) == MEMBERS
    assert {one.month for one in outcomes} == {outcomes[0].month}


RUN = """
import asyncio, os, sys
from uuid import UUID
from coop.billing.domain.months import month_named
from coop.billing.run import run_billing
from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.members.domain.roles import system_viewer

async def run():
    database = Database(os.environ["COOP_TEST_URL"])
    await run_billing(
        database, system_viewer(utc_now()), UUID(sys.argv[1]), month_named("2026-03"),
        members_at_once=1, on_progress=lambda one: print(one.done, flush=True),
    )

asyncio.run(run())
"""


def run_until(url: str, cooperative: str, lines: int) -> None:
    """Run in a process of its own, and kill it as soon as it has told that often how far it is."""
    with subprocess.Popen(
        [sys.executable, "-c", RUN, cooperative],
        env={**os.environ, "COOP_TEST_URL": url},
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        for _ in range(lines):
            assert process.stdout.readline(), "it ended before it was to be killed"
        process.kill()
    assert process.returncode == -9


async def test_runs_that_are_killed_end_the_same_as_one_that_is_not(
    access: Access, books: Books
) -> None:
    for lines in (1, 4, 9):
        await asyncio.to_thread(run_until, access.app_url, str(books.id), lines)
    ((issued, state, members),) = await books.sql(
        "SELECT (SELECT count(*) FROM invoice), state, members FROM billing_run"
    )
    assert (state, members) == ("issuing", issued)
    assert 0 < issued < MEMBERS
    await asyncio.gather(*(books.bill(members_at_once=3) for _ in range(3)))
    await assert_billed_once(books)
    assert await books.count("billing_run") == 1
