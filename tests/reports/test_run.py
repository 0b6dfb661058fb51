"""Many statements at once: told as it goes, stopped by a kill, gone on with where it stopped."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select

from coop.config import Settings
from coop.db.engine import Database
from coop.kernel.errors import NotFound
from coop.kernel.ids import MemberId
from coop.ledger.errors import IdempotencyMismatch
from coop.members.domain.roles import Role, Viewer, system_viewer
from coop.reports import queries, tables
from coop.reports.errors import LanguageUnavailable
from coop.reports.run import Progress, issue_statements
from coop.reports.verify_document import document_proof_findings, document_twin_findings
from tests.reports.town import OCTOBER, SEPTEMBER, Grid, grid

pytestmark = pytest.mark.anyio

MEMBERS = 12


@pytest.fixture
async def place(database: Database, tmp_path: Path) -> Grid:
    """A cooperative of this test's own."""
    return await grid(database, tmp_path / "documents")


async def _everybody(place: Grid) -> list[MemberId]:
    """Twelve members, each with a session or two in October."""
    members = [place.ada, place.bo]
    members += [await place.town.admit(f"Member {i}") for i in range(MEMBERS - 2)]
    for number, member in enumerate(members):
        await place.charge(member, "Harbour", date(2026, 10, 1 + number), 1_000, 389 + number)
    return [MemberId(member.id) for member in members]


async def _run(
    place: Grid,
    ids: list[MemberId],
    tell: object = lambda _: None,
    *,
    days: tuple[date, date] = OCTOBER,
    locale: str = "en",
    by: Viewer | None = None,
) -> Progress:
    return await issue_statements(
        place.database, place.store, by or system_viewer(datetime.now(UTC)), place.id, ids, *days,
        locale=locale, idempotency_key="october", processes=2, on_progress=tell,
    )  # fmt: skip


async def _issued(place: Grid) -> list[tuple[str, int]]:
    """(stored name, number) of every statement there is."""
    async with place.database.snapshot(place.id) as connection:
        rows = await connection.execute(
            select(tables.document.c.stored_as, tables.statement.c.number).join(
                tables.statement,
                (tables.statement.c.cooperative_id == tables.document.c.cooperative_id)
                & (tables.statement.c.id == tables.document.c.statement_id),
            )
        )
        return [(row.stored_as, row.number) for row in rows]


def _are_whole(place: Grid, issued: list[tuple[str, int]]) -> None:
    for stored_as, _ in issued:
        pdf = (place.store.root / stored_as).read_bytes()
        assert hashlib.sha256(pdf).hexdigest() == stored_as.removeprefix("sha256/").replace("/", "")
        assert document_twin_findings(pdf) + document_proof_findings(pdf) == []


async def test_a_run_issues_everybodys_and_says_how_far_it_is(place: Grid) -> None:
    ids = await _everybody(place)
    told: list[Progress] = []

    done = await _run(place, ids, told.append)

    assert [(p.done, p.total, p.already) for p in told] == [(n, 12, 0) for n in range(13)]
    assert replace(done, issued=None) == Progress(12, 12, 0)
    assert {p.issued.statement.member_id for p in told if p.issued} == set(ids)
    issued = await _issued(place)
    assert [number for _, number in issued] == [1] * 12
    _are_whole(place, issued)


async def test_a_run_that_was_done_does_nothing_again(place: Grid) -> None:
    ids = await _everybody(place)
    await _run(place, ids)
    before = await _issued(place)

    assert await _run(place, [*ids, ids[0]]) == Progress(12, 12, 12)
    assert sorted(await _issued(place)) == sorted(before)
    for other in ({"locale": "nb"}, {"days": SEPTEMBER}):
        with pytest.raises(IdempotencyMismatch):
            await _run(place, ids, **other)


_KILLED = """
import asyncio, os, signal, sys
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID
from coop.config import Settings
from coop.db.open import open_access
from coop.members.domain.roles import system_viewer
from coop.reports.run import issue_statements
from coop.reports.store import DirectoryStore

async def main():
    data_dir, root, cooperative, *ids = sys.argv[1:]
    access = await open_access(Settings.read({"COOP_DATA_DIR": data_dir}), upgrade=False)

    def tell(progress):
        if progress.done == 5:
            os.kill(os.getpid(), signal.SIGKILL)

    await issue_statements(
        access.database(), DirectoryStore(Path(root)), system_viewer(datetime.now(UTC)),
        UUID(cooperative), [UUID(i) for i in ids], date(2026, 10, 1), date(2026, 11, 1),
        locale="en", idempotency_key="october", processes=2, on_progress=tell,
    )

if __name__ == "__main__":
    asyncio.run(main())
"""


def _left_behind(session: int) -> bool:
    """Whether a process of that session lives: who draws leaves with who ordered it."""
    dead = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    for process in psutil.process_iter(["status"]):
        try:
            if os.getsid(process.pid) == session and process.info["status"] not in dead:
                return True
        except ProcessLookupError:
            continue
    return False


async def test_a_run_that_was_killed_goes_on_where_it_stopped(
    place: Grid, settings: Settings, tmp_path: Path
) -> None:
    ids = await _everybody(place)
    script = tmp_path / "run.py"
    script.write_text(_KILLED)
    given = (str(settings.data_dir), str(place.store.root), str(place.id), *map(str, ids))
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(script), *given, env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        start_new_session=True,
    )  # fmt: skip
    assert await child.wait() == -signal.SIGKILL
    while _left_behind(child.pid):
        await asyncio.sleep(0.01)
    stopped = await _issued(place)
    assert 5 <= len(stopped) < 12
    _are_whole(place, stopped)

    done = await _run(place, ids)

    assert replace(done, issued=None) == Progress(12, 12, len(stopped))
    issued = await _issued(place)
    assert (len(issued), {number for _, number in issued}) == (12, {1})
    assert set(stopped) <= set(issued)
    _are_whole(place, issued)


async def test_what_one_member_refuses_stops_the_run_and_keeps_the_rest(place: Grid) -> None:
    ids = await _everybody(place)
    with pytest.raises(LanguageUnavailable):
        await _run(place, ids, locale="tlh")
    assert await _issued(place) == []


async def test_a_run_is_the_treasurers(place: Grid) -> None:
    await place.town.grant("ada", Role.OPERATOR, member_id=place.ada.id)
    await place.town.grant("sol", Role.TREASURER)
    for name in ("ada", "nobody"):
        with pytest.raises(NotFound):
            await _run(place, [MemberId(place.ada.id)], by=await place.town.viewer(name))
    done = await _run(place, [MemberId(place.ada.id)], by=await place.town.viewer("sol"))
    assert done.done == 1


async def test_statements_of_a_member_come_by_pages(place: Grid) -> None:
    from coop.kernel.window import Window

    for day in (5, 9, 20):
        await place.issue(place.ada, (date(2026, 10, 1), date(2026, 10, day)))
    async with place.database.snapshot(place.id) as connection:
        ada = MemberId(place.ada.id)
        first = await queries.statements_page(connection, ada, Window(2))
        rest = await queries.statements_page(connection, ada, Window(2, after=(2,)))
        assert [one.number for one in first + rest] == [3, 2, 1]
        assert await queries.statements_count(connection, ada) == 3
        assert await connection.scalar(select(func.count()).select_from(tables.document)) == 3
