"""PostgreSQL killed under load, the server killed before it answers, the disk full: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from coop.db.open import Access
from coop.ledger.coalescer import PostingQueue
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from tests.faults.installation import installation, kill_postgresql
from tests.ledger.town import Town, found_town

pytestmark = pytest.mark.anyio


@pytest.fixture
def data_dir() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="coop-fault-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
async def access(data_dir: Path) -> AsyncIterator[Access]:
    found = await installation(data_dir)
    yield found
    assert found.embedded is not None
    found.embedded.stop()


@dataclass
class Load:
    """Clients that post under keys, and what each was told."""

    town: Town
    told: dict[str, UUID] = field(default_factory=dict)
    asked: dict[str, EntryDraft] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, acknowledged: int) -> None:
        """Return once that many entries were acknowledged."""
        while len(self.told) < acknowledged:
            self.news.clear()
            await self.news.wait()

    def draft(self, key: str) -> EntryDraft:
        names = ("1000", "1200 ada", "4000 north")
        number = sum(key.encode())
        debit, credit = names[number % 3], names[(number + 1) % 3]
        lines = (
            PostingDraft(self.town.accounts[debit], 1 + number),
            PostingDraft(self.town.accounts[credit], -1 - number),
        )
        return EntryDraft("test", date(2026, 3, 1 + number % 28), key, lines, key)

    async def client(self, queue: PostingQueue, name: str) -> None:
        """Post under one key after the other until the connection is lost."""
        for number in range(100_000):
            key = f"{name}-{number}"
            self.asked[key] = self.draft(key)
            outcome = await queue.post(self.town.id, "ada", self.asked[key])
            assert outcome.entry_id is not None
            self.told[key] = outcome.entry_id
            self.news.set()

    async def batches(self, name: str) -> None:
        """Post batches of a unit of work until the connection is lost."""
        for number in range(100_000):
            drafts = [self.draft(f"{name}-{number}-{line}") for line in range(20)]
            self.asked |= {str(draft.idempotency_key): draft for draft in drafts}
            for draft, outcome in zip(drafts, await self.town.post_drafts(drafts), strict=True):
                assert outcome.entry_id is not None
                self.told[str(draft.idempotency_key)] = outcome.entry_id
            self.news.set()


async def under_load_until_killed(access: Access, load: Load) -> None:
    """Four clients and a batch writer, until PostgreSQL dies under them."""
    database, round_ = load.town.database, len(load.asked)
    tasks = [
        asyncio.create_task(load.client(PostingQueue(database), f"c{n}-{round_}")) for n in range(4)
    ]
    tasks.append(asyncio.create_task(load.batches(f"b{round_}")))
    await load.until(len(load.told) + 300)
    await kill_postgresql(access)
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(ended, Exception), ended
        assert not isinstance(ended, AssertionError), ended
    with suppress(Exception):
        await database.close()


async def test_postgresql_killed_under_load_loses_and_doubles_nothing(
    access: Access, data_dir: Path
) -> None:
    load = Load(await found_town(access.database()))
    town = load.town
    for _ in range(3):
        await under_load_until_killed(access, load)
        access = await installation(data_dir)
        town.database = access.database()

    assert len(load.asked) > len(load.told)
    assert set(load.told.values()) <= set(await entries(town)), "an acknowledged entry is lost"
    queue = PostingQueue(town.database)
    outcomes = {key: await queue.post(town.id, "ada", draft) for key, draft in load.asked.items()}
    assert {key: outcomes[key].entry_id for key in load.told} == load.told
    assert all(outcomes[key].replayed for key in load.told)
    assert sorted(await entries(town)) == sorted(one.entry_id for one in outcomes.values())
    await town.seal()
    found = await town.verify()
    assert (found.findings, found.unsealed) == ([], 0)
    lines = [line for draft in load.asked.values() for line in draft.postings]
    for name in ("1000", "1200 ada", "4000 north"):
        moved = [line.amount_minor for line in lines if line.account_id == town.accounts[name]]
        assert await town.balance(name) == sum(moved)
    await town.database.close()


async def entries(town: Town) -> list[UUID]:
    async with town.database.snapshot(town.id) as connection:
        return [row.id for row in await connection.execute(text("SELECT id FROM journal_entry"))]


SERVER = """
import asyncio, os, signal, sys
from datetime import date
from uuid import UUID
from coop.db.engine import Database
from coop.ledger.coalescer import PostingQueue
from coop.ledger.domain.entry import EntryDraft, PostingDraft

async def serve():
    town, debit, credit = map(UUID, sys.argv[1:4])
    queue = PostingQueue(Database(os.environ["COOP_TEST_URL"]))
    lines = (PostingDraft(debit, 500), PostingDraft(credit, -500))
    outcome = await queue.post(town, "ada", EntryDraft("test", date(2026, 3, 14), "", lines, "key"))
    assert outcome.refusal is None and not outcome.replayed
    os.kill(os.getpid(), signal.SIGKILL)  # committed, and nobody was told

asyncio.run(serve())
"""


async def test_the_server_killed_between_commit_and_answer_is_asked_again(access: Access) -> None:
    database = access.database()
    town = await found_town(database)
    ids = [str(town.id), str(town.accounts["1200 ada"]), str(town.accounts["4000 north"])]
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", SERVER, *ids],
        env={**os.environ, "COOP_TEST_URL": access.app_url},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -9, killed.stderr.decode()
    lines = (
        PostingDraft(town.accounts["1200 ada"], 500),
        PostingDraft(town.accounts["4000 north"], -500),
    )
    draft = EntryDraft("test", date(2026, 3, 14), "", lines, "key")
    [retry] = await town.post_drafts([draft])
    assert retry.replayed
    assert [retry.entry_id] == await entries(town)
    [other] = await town.post_drafts([replace(draft, memo="changed")])
    assert other.refusal is not None
    assert await town.balance("1200 ada") == 500
    await database.close()


async def test_a_posting_without_a_key_is_not_sent_again_after_a_lost_connection(
    access: Access, data_dir: Path
) -> None:
    """Nobody knows whether it was committed, so its caller is told of the loss."""
    database = access.database()
    town = await found_town(database)
    queue = PostingQueue(database)
    draft = replace(Load(town).draft("x"), idempotency_key=None)
    await queue.post(town.id, "ada", draft)
    await kill_postgresql(access)
    calls = queue.calls
    ended = await asyncio.gather(
        *(queue.post(town.id, "ada", draft) for _ in range(3)), return_exceptions=True
    )
    assert all(isinstance(one, Exception) for one in ended)
    assert queue.calls == calls + 1
    with suppress(Exception):
        await database.close()
    again = await installation(data_dir)
    town.database = again.database()
    assert len(await entries(town)) == 1
    await town.database.close()


# the disk full


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system that a cluster nearly fills."""
    path = Path(tempfile.mkdtemp(prefix="coop-full-"))
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=140m,mode=755", "tmpfs", str(path)],
        capture_output=True, check=False,
    ) if os.geteuid() == 0 else None  # fmt: skip
    if made is None or made.returncode != 0:
        path.rmdir()
        pytest.skip("a file system of 140 MB cannot be mounted here: needs root and mount(2)")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)
    path.rmdir()


async def fill(town: Town, load: Load) -> tuple[int, list[EntryDraft]]:
    """Post batches of a thousand until the disk says no: how many were acknowledged, and which failed."""
    acknowledged = 0
    for number in range(400):
        drafts = [load.draft(f"b{number}-{n}") for n in range(1_000)]
        try:
            outcomes = await town.post_drafts(drafts)
        except Exception:  # noqa: BLE001 - refused by the disk, or by the crash it caused
            return acknowledged, drafts
        acknowledged += sum(one.refusal is None for one in outcomes)
    raise AssertionError("the disk never filled")


async def test_a_full_disk_leaves_nothing_half_done(small_disk: Path) -> None:
    access = await installation(small_disk / "data")
    town = await found_town(access.database())
    load, ballast = Load(town), small_disk / "ballast"
    ballast.write_bytes(bytes(max(shutil.disk_usage(small_disk).free - 2_000_000, 0)))
    acknowledged, failed = await fill(town, load)
    assert shutil.disk_usage(small_disk).free < 1_000_000
    ballast.unlink()
    with suppress(Exception):
        await town.database.close()
    access = await installation(small_disk / "data")
    town.database = access.database()
    stored = len(await entries(town))
    assert stored in (acknowledged, acknowledged + 1_000)  # the last batch whole, or not at all
    assert (await town.verify()).findings == []
    assert {one.refusal for one in await town.post_drafts(failed)} == {None}
    assert len(await entries(town)) == acknowledged + 1_000
    assert (await town.verify()).findings == []
    await town.database.close()
    assert access.embedded is not None
    access.embedded.stop()
