"""A page of fifty postings with six fields each through the API, beside a bare ASGI endpoint.

Both run in servers of their own, on the same database, and answer the same rows read by the same
statement; the floor knows no token and no schema: it asks, and writes what it got as JSON.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from datetime import date

import orjson

from benchmarks.figures import Figure, print_table
from benchmarks.house import House, answering, global_id, requests_per_second, running_house
from coop.kernel.ids import AccountId
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.posting import post

CLIENTS = 4
EACH = 100
ROUNDS = 3
PAGE = 50
QUERY = """query Page($id: ID!) { node(id: $id) { ... on Account {
  postings(first: 50) { nodes { id side amount commodity runningBalance entry { memo } } }
} } }"""
BARE = """
import asyncio, sys, uuid
import orjson, uvicorn
from coop.config import Settings
from coop.db.engine import bind_tenant
from coop.db.open import open_access
from coop.ledger import queries
async def main():
    access = await open_access(Settings.read({"COOP_DATA_DIR": sys.argv[1]}))
    database, tenant = access.database(), uuid.UUID(sys.argv[3])
    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        body = orjson.loads((await receive())["body"])
        async with database.engine.connect() as connection:
            await bind_tenant(connection, tenant)
            page = await queries.postings_page(connection, [uuid.UUID(body["account"])], limit=51)
        rows = [
            {"id": f"{row.entry_id}:{row.line}",
             "side": "DEBIT" if row.amount_minor > 0 else "CREDIT",
             "amount": row.amount_minor, "commodity": row.commodity,
             "runningBalance": row.balance_after, "entry": {"memo": row.memo}}
            for row in page[:50]
        ]
        answer = orjson.dumps({"data": rows})
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})
    config = uvicorn.Config(app, port=int(sys.argv[2]), log_level="warning", access_log=False,
                            lifespan="off", loop="uvloop", http="httptools")
    await uvicorn.Server(config).serve()
asyncio.run(main())
"""


async def _furnish(house: House) -> AccountId:
    """Two hundred postings to one receivable."""
    bank, receivable = house.accounts[0], house.accounts[1]
    drafts = [
        EntryDraft(
            "payment", date(2026, 3, 1), f"Payment {number}",
            (PostingDraft(bank, number + 1), PostingDraft(receivable, -1 - number)),
        )
        for number in range(4 * PAGE)
    ]  # fmt: skip
    await house.database.unit_of_work(
        house.cooperative_id,
        lambda connection: post(
            connection, house.cooperative_id, [("bench", draft) for draft in drafts]
        ),
    )
    return receivable


async def _rate(port: int, token: str, body: bytes) -> float:
    return await requests_per_second(
        port, token, lambda _: body, clients=CLIENTS, each=EACH,
        check=lambda answer: answer.count(b'"runningBalance"') == PAGE,
    )  # fmt: skip


async def measure() -> list[Figure]:
    """Both sides in turn, three times; the medians and their ratio."""
    async with running_house(members_count=2) as house:
        account = await _furnish(house)
        id_ = global_id("Account", house.cooperative_id, uuid.UUID(str(account)))
        asked = orjson.dumps({"query": QUERY, "variables": {"id": id_}})
        bare = orjson.dumps({"account": str(account)})
        port = house.port + 1
        floor_server = subprocess.Popen(  # noqa: ASYNC220 - it only starts it
            [sys.executable, "-W", "ignore", "-c", BARE, str(house.data_dir), str(port),
             str(house.cooperative_id)]
        )  # fmt: skip
        try:
            await answering(port)
            ours, floor = [], []
            for _ in range(ROUNDS):
                floor.append(await _rate(port, house.token, bare))
                ours.append(await _rate(house.port, house.token, asked))
        finally:
            floor_server.terminate()
            floor_server.wait()
    value, beside = sorted(ours)[ROUNDS // 2], sorted(floor)[ROUNDS // 2]
    note = "GraphQL over HTTP; floor: bare ASGI, the same rows by the same statement"
    return [Figure("page of 50 postings, 6 fields", value, "pages/s", beside, value / beside, note)]


if __name__ == "__main__":
    print_table(asyncio.run(measure()))
