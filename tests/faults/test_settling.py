"""Runs of a settlement at once, and runs that are killed: every commitment settled once, or later."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest
from sqlalchemy import text

from coop.billing import settling
from coop.billing.commitments import PledgeDraft, amend, pledge
from coop.db.engine import Database
from coop.db.open import Access
from coop.kernel.ids import MemberId
from tests.billing.books import refused
from tests.billing.domain.months import month, terms
from tests.billing.pledges import Pledges, open_pledges
from tests.ledger.town import until_it_waits
from tests.members.people import system

pytestmark = pytest.mark.anyio
MEMBERS = 30


@pytest.fixture
async def pledges(database: Database) -> Pledges:
    """Thirty members who pledged and took nothing."""
    pledges = await open_pledges(database)
    hub = await pledges.hub()
    for number in range(MEMBERS):
        member = await pledges.member(f"m{number:02}")
        draft = PledgeDraft(MemberId(member.id), (hub.id,), terms(make_up_months=3))
        await pledges.order(pledge, draft)
    return pledges


async def assert_settled_once(pledges: Pledges) -> None:
    assert await pledges.sql(
        "SELECT count(*), count(DISTINCT commitment_id), min(number), max(number)"
        " FROM commitment_settlement"
    ) == [(MEMBERS, MEMBERS, 1, 1)]
    assert await pledges.count("bill_item") == MEMBERS
    assert await pledges.count("make_up_movement") == MEMBERS
    held = await pledges.held("2420", "1205")
    assert {held[f"2420 m{n:02}"] for n in range(MEMBERS)} == {-20_000}
    assert {held[f"1205 m{n:02}"] for n in range(MEMBERS)} == {20_000}
    await pledges.sound()


async def test_runs_at_once_settle_everything_once(pledges: Pledges) -> None:
    runs = await asyncio.gather(*(pledges.settle("2026-01", batch=4) for _ in range(5)))
    await assert_settled_once(pledges)
    assert sum(run.written for run in runs) == MEMBERS
    assert {(run.done, run.total) for run in runs} == {(MEMBERS, MEMBERS)}


async def test_of_two_settlements_at_once_one_is_refused(pledges: Pledges) -> None:
    (commitment_id,) = (await pledges.sql("SELECT id FROM commitment ORDER BY id LIMIT 1"))[0]
    viewer, january = system(), month("2026-01")
    async with pledges.database.engine.begin() as first:
        await first.execute(text(f"SET LOCAL coop.cooperative_id = '{pledges.id}'"))
        await settling.settle_one(first, viewer, pledges.id, commitment_id, january)
        second = asyncio.ensure_future(
            refused(pledges.order(settling.settle_one, commitment_id, january))
        )
        await until_it_waits(pledges.database, second)
    assert await second == "SETTLEMENT_DONE"
    assert await pledges.count("commitment_settlement") == 1


async def test_an_amendment_waits_for_the_settlement_and_then_sees_it(pledges: Pledges) -> None:
    (commitment_id,) = (await pledges.sql("SELECT id FROM commitment ORDER BY id LIMIT 1"))[0]
    viewer, january = system(), month("2026-01")
    async with pledges.database.engine.begin() as first:
        await first.execute(text(f"SET LOCAL coop.cooperative_id = '{pledges.id}'"))
        await settling.settle_one(first, viewer, pledges.id, commitment_id, january)
        changed = pledges.order(amend, commitment_id, terms(minimum_kwh=1), resolution="2026-1")
        second = asyncio.ensure_future(refused(changed))
        await until_it_waits(pledges.database, second)
    assert await second == "COMMITMENT_MONTH_SETTLED"
    assert await pledges.count("commitment_terms") == MEMBERS


RUN = """
import asyncio, os, sys
from datetime import date
from uuid import UUID
from coop.billing.settling import settle_month
from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.members.domain.roles import system_viewer

async def run():
    database = Database(os.environ["COOP_TEST_URL"])
    await settle_month(
        database, system_viewer(utc_now()), UUID(sys.argv[1]), date(2026, 1, 1),
        batch=3, on_progress=lambda one: print(one.done, flush=True),
    )

asyncio.run(run())
"""


async def test_a_killed_run_is_started_again_and_ends_the_same(
    pledges: Pledges, access: Access
) -> None:
    for kills in (1, 2):
        await asyncio.to_thread(_run_and_kill, access, str(pledges.id), 3 * kills)
        settled = await pledges.count("commitment_settlement")
        assert settled % 3 == 0
        assert settled > 0
        await pledges.sound()
    before = await pledges.count("commitment_settlement")
    done = await pledges.settle("2026-01")
    assert (done.already, done.written) == (before, MEMBERS - before)
    await assert_settled_once(pledges)


def _run_and_kill(access: Access, cooperative: str, after: int) -> None:
    """Start a run and kill -9 it once it says that so many are done."""
    with subprocess.Popen(
        [sys.executable, "-c", RUN, cooperative],
        env={**os.environ, "COOP_TEST_URL": access.app_url},
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if int(line) >= after:
                break
        run.kill()
    assert run.returncode == -9
