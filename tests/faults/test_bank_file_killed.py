"""A bank file read by a process that is killed, and by two at once: each line once, or not at all."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from coop.db.engine import Database
from coop.db.open import Access
from tests.billing.bank import Bank, open_bank
from tests.billing.bank_files import Entry, camt

pytestmark = pytest.mark.anyio

READER = """
import asyncio, os, signal, sys
from uuid import UUID

from sqlalchemy import event

from coop.billing.bank_import import import_bank_file
from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.members.domain.roles import system_viewer

async def read():
    database, kill_at, seen = Database(os.environ["COOP_TEST_URL"]), int(sys.argv[3]), 0

    def count(*_):
        nonlocal seen
        seen += 1
        if seen == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database.engine.sync_engine, "after_cursor_execute", count)
    data = open(sys.argv[2], "rb").read()
    done = await import_bank_file(
        database, system_viewer(utc_now()), UUID(sys.argv[1]), data, "file.xml"
    )
    print(done.repeated, done.lines, done.posted, flush=True)
    await database.close()

asyncio.run(read())
"""
TABLES = ("bank_file", "bank_statement", "bank_line", "payment", "allocation")


async def read(
    access: Access, bank: Bank, path: Path, kill_at: int = 0
) -> subprocess.CompletedProcess[str]:
    """Read the file in a process of its own, killed after so many statements (0: not at all)."""
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", READER, str(bank.id), str(path), str(kill_at)],
        env={**os.environ, "COOP_TEST_URL": access.app_url},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
async def bank(database: Database, tmp_path: Path) -> Bank:
    """Anna owes 125.00; in the file she pays in ten parts, and somebody something unknown."""
    bank = await open_bank(database)
    await bank.owing(await bank.member("anna"), 10_000)
    reference = await bank.reference(1)
    parts = [Entry(1_250, f"part {i} {reference}", on=f"2026-04-{i + 1:02d}") for i in range(10)]
    (tmp_path / "file.xml").write_bytes(camt(*parts, Entry(99, "odd", on="2026-04-30")))
    return bank


async def counts(bank: Bank) -> list[int]:
    return [await bank.count(table) for table in TABLES]


async def test_killed_anywhere_it_leaves_nothing_and_reading_again_ends_the_same(
    access: Access, bank: Bank, tmp_path: Path
) -> None:
    path, before = tmp_path / "file.xml", await bank.money()
    for kill_at in (2, 6, 12, 20, 35, 50):
        killed = await read(access, bank, path, kill_at)
        assert killed.returncode == -9, killed.stderr
        assert await counts(bank) == [0] * len(TABLES)
        assert await bank.money() == before
    done = await read(access, bank, path)
    assert done.stdout.split() == ["False", "11", "10"], done.stderr
    again = await read(access, bank, path)
    assert again.stdout.split()[0] == "True"
    assert await counts(bank) == [1, 1, 11, 10, 10]
    assert (await bank.open(), await bank.money()) == ({1: 0}, {"1000": 12_500})
    await bank.tied()


async def test_two_processes_at_once_read_it_once(
    access: Access, bank: Bank, tmp_path: Path
) -> None:
    path = tmp_path / "file.xml"
    both = await asyncio.gather(read(access, bank, path), read(access, bank, path))
    assert sorted(one.stdout.split()[0] for one in both) == ["False", "True"]
    assert await counts(bank) == [1, 1, 11, 10, 10]
    await bank.tied()
