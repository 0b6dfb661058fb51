"""Single postings through GraphQL over HTTP, 32 clients, one hot account, against plain SQL.

The floor is pgbench, which costs almost nothing itself, on the same cluster and disk, with the six
statements an application without a posting function sends: begin, one entry, two postings, two
balances, commit; the same durability, one hot account too.
"""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import tempfile
import uuid
from pathlib import Path

import orjson

from benchmarks.figures import Figure, print_table
from benchmarks.house import House, global_id, requests_per_second, running_house
from coop.db import migrate
from coop.db.embedded import ADMIN

CLIENTS = 32
EACH = 60
ROUNDS = 3
MUTATION = """mutation Post($input: JournalEntryPostInput!) {
  journalEntryPost(input: $input) { entry { id } replayed errors { code message } }
}"""
_SCHEMA = """
CREATE TABLE account (id int PRIMARY KEY, balance bigint NOT NULL DEFAULT 0);
INSERT INTO account SELECT g, 0 FROM generate_series(1, 1000) AS g;
CREATE TABLE entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, memo text, at timestamptz DEFAULT now()
);
CREATE TABLE posting (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, entry_id bigint REFERENCES entry,
    account_id int REFERENCES account, amount bigint NOT NULL
);
CREATE INDEX ON posting (account_id, id);
CREATE INDEX ON posting (entry_id);
"""
_SCRIPT = """
\\set member random(2, 1000)
\\set amount random(1, 10000)
BEGIN;
INSERT INTO entry (memo) VALUES ('charging') RETURNING id AS entry \\gset
INSERT INTO posting (entry_id, account_id, amount)
VALUES (:entry, :member, :amount), (:entry, 1, - :amount::bigint);
UPDATE account SET balance = balance - :amount::bigint WHERE id = 1;
UPDATE account SET balance = balance + :amount::bigint WHERE id = :member;
COMMIT;
"""


def _body(house: House, key: str) -> bytes:
    amount = f"{random.randint(1, 10_000) / 100:.2f}"  # a figure to send, not to count with
    member = random.choice(house.accounts[1:])
    lines = [(member, "DEBIT"), (house.accounts[0], "CREDIT")]
    entry = {
        "idempotencyKey": key,
        "cooperativeId": global_id("Cooperative", house.cooperative_id, house.cooperative_id),
        "effectiveOn": "2026-03-01",
        "kind": "payment",
        "memo": "benchmark",
        "postings": [
            {
                "accountId": global_id("Account", house.cooperative_id, account),
                "side": side,
                "amount": amount,
            }
            for account, side in lines
        ],
    }
    return orjson.dumps({"query": MUTATION, "variables": {"input": entry}})


async def _posted(house: House) -> float:
    bodies = [_body(house, uuid.uuid4().hex) for _ in range(CLIENTS * EACH)]
    return await requests_per_second(
        house.port, house.token, lambda number: bodies[number], clients=CLIENTS, each=EACH,
        check=lambda answer: b'"errors":[]' in answer,
    )  # fmt: skip


def _pgbench(house: House, *, clients: int) -> float:
    cluster = house.access.embedded
    if cluster is None:
        raise RuntimeError("the floor is measured on the embedded cluster")
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_SCRIPT)
        script.flush()
        done = subprocess.run(
            [str(Path(cluster.binaries) / "pgbench"), "-n", "-M", "prepared", "-c", str(clients),
             "-j", "2", "-T", "4", "-f", script.name, cluster.url(ADMIN, "floor")],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    found = re.search(r"tps = ([0-9.]+) \(without", done.stdout)
    if found is None:
        raise RuntimeError(done.stdout)
    return float(found[1])


async def measure() -> list[Figure]:
    """Both sides in turn, three times; the medians and their ratio."""
    async with running_house() as house:
        cluster = house.access.embedded
        if cluster is None:
            raise RuntimeError("the floor is measured on the embedded cluster")
        await migrate.create_database(cluster.url(ADMIN, "postgres"), "floor")
        await migrate.execute(cluster.url(ADMIN, "floor"), _SCHEMA)
        await _posted(house)
        ours, floor = [], []
        for _ in range(ROUNDS):
            floor.append(await asyncio.to_thread(_pgbench, house, clients=CLIENTS))
            ours.append(await _posted(house))
        value, beside = sorted(ours)[ROUNDS // 2], sorted(floor)[ROUNDS // 2]
    note = "GraphQL over HTTP, every answer after its commit; floor: pgbench, six statements"
    return [
        Figure(f"post one, hot account, {CLIENTS} clients", value, "postings/s", beside,
               value / beside, note),
    ]  # fmt: skip


if __name__ == "__main__":
    print_table(asyncio.run(measure()))
