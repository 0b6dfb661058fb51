"""Single postings on one hot account: 32 callers of the queue in one process, beside pgbench.

The floor is pgbench on the same cluster with the statements an application without a posting
function sends for the same move: begin, an entry, two postings, two balances, commit. Its tables
are its own and bare; the durability and the hot account are the same. By turns, medians of three.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import subprocess
import tempfile
import time
from dataclasses import replace

from benchmarks.figures import Figure, print_table
from benchmarks.posting_batch import Books, hand_connection, installation
from coop.db.embedded import ADMIN, Embedded
from coop.db.open import Access
from coop.ledger.coalescer import PostingQueue
from coop.ledger.domain.entry import EntryDraft, PostingDraft

CLIENTS, EACH, ROUNDS, SECONDS = 32, 100, 3, 4

_TABLES = """
CREATE SCHEMA plain;
CREATE TABLE plain.account (id int PRIMARY KEY, balance bigint NOT NULL DEFAULT 0);
INSERT INTO plain.account SELECT g, 0 FROM generate_series(1, 201) AS g;
CREATE TABLE plain.entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, memo text, at timestamptz DEFAULT now()
);
CREATE TABLE plain.posting (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, entry_id bigint REFERENCES plain.entry,
    account_id int REFERENCES plain.account, amount bigint NOT NULL
);
CREATE INDEX ON plain.posting (account_id, id);
CREATE INDEX ON plain.posting (entry_id);
"""
_SCRIPT = """
\\set member random(2, 201)
\\set amount random(100, 5000)
BEGIN;
INSERT INTO plain.entry (memo) VALUES ('Charging') RETURNING id AS entry \\gset
INSERT INTO plain.posting (entry_id, account_id, amount)
VALUES (:entry, :member, :amount), (:entry, 1, - :amount::bigint);
UPDATE plain.account SET balance = balance - :amount::bigint WHERE id = 1;
UPDATE plain.account SET balance = balance + :amount::bigint WHERE id = :member;
COMMIT;
"""


def pgbench(cluster: Embedded) -> float:
    """Transactions a second of CLIENTS clients."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_SCRIPT)
        script.flush()
        # fmt: off
        done = subprocess.run(
            [str(cluster.binaries / "pgbench"), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j",
             "2", "-T", str(SECONDS), "-f", script.name, cluster.url(ADMIN)],
            check=True, capture_output=True, text=True,
        )
        # fmt: on
    found = re.search(r"tps = ([0-9.]+) \(without", done.stdout)
    if found is None:
        raise RuntimeError(done.stdout)
    return float(found[1])


def hot(books: Books, draft: EntryDraft) -> EntryDraft:
    """The draft with its credit on the one hot account."""
    debit, credit = draft.postings
    return replace(draft, postings=(debit, PostingDraft(books.hubs[0], credit.amount_minor)))


async def posted(queue: PostingQueue, books: Books) -> float:
    """Postings a second of CLIENTS callers, each waiting for its answer before its next."""
    drafts = [(actor, hot(books, draft)) for actor, draft in books.drafts(CLIENTS * EACH)]

    async def client(number: int) -> None:
        for actor, draft in drafts[number::CLIENTS]:
            outcome = await queue.post(books.id, actor, draft)
            assert outcome.refusal is None

    begin = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return len(drafts) / (time.perf_counter() - begin)


async def measured(access: Access) -> list[Figure]:
    """Both sides by turns."""
    if access.embedded is None:
        raise RuntimeError("the floor is measured on the embedded cluster")
    database = access.database()
    books = Books(database)
    await books.open()
    hand = await hand_connection(access, books)
    await hand.execute(_TABLES)
    await hand.close()
    queue = PostingQueue(database)
    await posted(queue, books)
    ours, floor = [], []
    calls = queue.calls
    for _ in range(ROUNDS):
        floor.append(await asyncio.to_thread(pgbench, access.embedded))
        ours.append(await posted(queue, books))
    await database.close()
    rate, beside = statistics.median(ours), statistics.median(floor)
    per_call = CLIENTS * EACH * ROUNDS / (queue.calls - calls)
    note = f"{per_call:.0f} a call; floor: pgbench, multi-statement, 32 clients"
    return [Figure("single postings, hot account", rate, "entries/s", beside, rate / beside, note)]


async def measure() -> list[Figure]:
    """In an installation of its own."""
    async with installation() as access:
        return await measured(access)


if __name__ == "__main__":
    print_table(asyncio.run(measure()))
