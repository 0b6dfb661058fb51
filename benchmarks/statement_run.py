"""Statements for everybody: gathered, sealed, proved, drawn on every core, kept and recorded.

The floor only draws: the same statements, in the same number of processes, kept nowhere. Memory is
that of this process and of those that draw, a quarter through the run and at its end.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from functools import partial
from pathlib import Path

import psutil
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.figures import Figure, print_table
from coop.charging import service as charging
from coop.charging.books import session_accounts
from coop.charging.domain.entries import session_entry
from coop.charging.domain.place import HubDraft
from coop.config import Settings
from coop.db.engine import Database
from coop.db.open import open_access
from coop.kernel.clock import utc_now, zone_named
from coop.kernel.ids import CooperativeId, HubId, MemberId, uuid7
from coop.ledger import service as ledger
from coop.members import service as members
from coop.members.domain.people import MemberDraft
from coop.members.domain.roles import system_viewer
from coop.reports.batch import drawing_pool
from coop.reports.gathering import gather_statement
from coop.reports.proofs import SealTrees
from coop.reports.run import Progress, issue_statements
from coop.reports.statement import MemberStatement
from coop.reports.statement_pdf import draw_statement
from coop.reports.store import DirectoryStore

MEMBERS = 1_000
SESSIONS = 20
MAY = (date(2026, 5, 1), date(2026, 6, 1))


async def _members(connection: AsyncConnection, id_: CooperativeId) -> tuple[HubId, list[MemberId]]:
    viewer = system_viewer(utc_now())
    await members.create_cooperative(
        connection, viewer, id_, slug="run", name="Run", currency="EUR", time_zone="Europe/Berlin"
    )
    await ledger.open_books(connection, id_, "EUR")
    zone = zone_named("Europe/Berlin")
    hub = await charging.register_hub(connection, viewer, id_, HubDraft("H", "Harbour", zone))
    drafts = [MemberDraft(f"Member {i}", date(2020, 1, 1)) for i in range(MEMBERS)]
    made = await members.register_members(connection, viewer, id_, drafts)
    return hub.id, [MemberId(one.member.id) for one in made]


async def _charge(
    connection: AsyncConnection, id_: CooperativeId, hub: HubId, ids: list[MemberId], day: int
) -> None:
    """One session of everybody on one day."""
    accounts = await session_accounts(connection, id_, [(one, hub) for one in ids])
    drafts = [
        session_entry(
            uuid7(), f"Harbour: {20 + day}.000 kWh at 0.39 EUR/kWh", date(2026, 5, day),
            accounts[one, hub], net_minor=780 + 39 * day, tax_minor=0,
            delivered_wh=20_000 + 1_000 * day,
        )
        for one in ids
    ]  # fmt: skip
    await ledger.post_entries(connection, id_, "bench", [one for one in drafts if one is not None])


@asynccontextmanager
async def _cooperative(
    folder: Path,
) -> AsyncIterator[tuple[Database, CooperativeId, list[MemberId]]]:
    access = await open_access(Settings.read({"COOP_DATA_DIR": str(folder)}))
    database, id_ = access.database(), CooperativeId(uuid7())
    try:
        hub, ids = await database.unit_of_work(id_, lambda c: _members(c, id_))
        for day in range(1, SESSIONS + 1):
            work = partial(_charge, id_=id_, hub=hub, ids=ids, day=day)
            await database.unit_of_work(id_, work)
        yield database, id_, ids
    finally:
        await database.close()
        if access.embedded is not None:
            access.embedded.stop()


async def _floor(statement: MemberStatement, processes: int) -> float:
    """Seconds to draw as many statements and do nothing else."""
    loop = asyncio.get_running_loop()
    with drawing_pool(processes) as pool:
        await asyncio.gather(
            *(loop.run_in_executor(pool, draw_statement, statement) for _ in range(processes))
        )
        begun = time.perf_counter()
        for _ in range(10):
            await asyncio.gather(
                *(
                    loop.run_in_executor(pool, draw_statement, statement)
                    for _ in range(MEMBERS // 10)
                )
            )
        return time.perf_counter() - begun


def _megabytes() -> float:
    mine = psutil.Process()
    # PostgreSQL is a child of ours too, and not ours to count.
    drawing = [one for one in mine.children() if "spawn_main" in " ".join(one.cmdline())]
    return sum(one.memory_info().rss for one in (mine, *drawing)) / 1e6


async def measure() -> list[Figure]:
    """A thousand statements of twenty sessions each."""
    folder = Path(tempfile.mkdtemp(prefix="coop-bench-"))
    memory: dict[int, float] = {}
    stamps: list[float] = []

    def tell(progress: Progress) -> None:
        stamps.append(time.perf_counter())
        if progress.done in (MEMBERS // 4, MEMBERS):
            memory[progress.done] = _megabytes()

    processes = os.cpu_count() or 1
    try:
        async with _cooperative(folder) as (database, id_, ids):
            store = DirectoryStore(folder / "documents")
            await issue_statements(
                database, store, system_viewer(utc_now()), id_, ids, *MAY, locale="en",
                idempotency_key="run", on_progress=tell,
            )  # fmt: skip
            async with database.snapshot(id_) as connection:
                found = await gather_statement(
                    connection, id_, ids[0], *MAY, utc_now(), trees=SealTrees()
                )
        floor = await _floor(found.statement, processes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    taken = stamps[-1] - stamps[0]
    grown = memory[MEMBERS] / memory[MEMBERS // 4]
    return [
        Figure(f"{MEMBERS} statements issued", taken, "s", floor, taken / floor, "only drawn"),
        Figure("memory at the end of the run", memory[MEMBERS], "MB", memory[MEMBERS // 4], grown,
               "a quarter through"),
    ]  # fmt: skip


if __name__ == "__main__":
    print_table(asyncio.run(measure()))
