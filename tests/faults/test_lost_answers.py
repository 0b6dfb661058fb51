"""The real server killed after a commit that nobody was told of: asking again under the key replays it."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from benchmarks.house import SERVE
from coop.db.open import Access
from coop.members.development import development_issuer
from tests.faults.installation import installation
from tests.schema.office import CAUTIOUS, Office, opened

pytestmark = pytest.mark.anyio


@pytest.fixture
def data_dir() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="coop-lost-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
async def access(data_dir: Path) -> AsyncIterator[Access]:
    found = await installation(data_dir)
    yield found
    assert found.embedded is not None
    found.embedded.stop()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@asynccontextmanager
async def server(data_dir: Path, port: int) -> AsyncIterator[subprocess.Popen[bytes]]:
    """The server in a process of its own, killed at the end if it was not before."""
    command = [sys.executable, "-W", "ignore", "-c", SERVE, str(data_dir), str(port)]
    process = subprocess.Popen(command)  # noqa: ASYNC220 - it only starts it
    try:
        async with httpx.AsyncClient() as http, asyncio.timeout(60):
            while not await _ready(http, port):
                await asyncio.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


async def _ready(http: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def sent(port: int, token: str, query: str, input_: dict[str, Any]) -> asyncio.StreamWriter:
    """Send a mutation and read nothing of its answer."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    body = orjson.dumps({"query": query, "variables": {"input": input_}})
    writer.write(
        b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n"
        % (token.encode(), len(body))
        + body
    )
    await writer.drain()
    return writer


async def until(question: Callable[[], Awaitable[bool]]) -> None:
    """Return once another process has committed what `question` sees."""
    async with asyncio.timeout(60):
        while not await question():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def settled(data_dir: Path, access: Access) -> AsyncIterator[tuple[Office, int]]:
    """A cooperative of that installation, asked over real HTTP, and where the server will be."""
    database, port = access.database(), free_port()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            async with server(data_dir, port):  # makes the key that signs tokens
                office = await opened(database, development_issuer(data_dir), http)
            yield office, port
    finally:
        await database.close()


async def test_a_posting_whose_answer_was_lost_is_replayed(data_dir: Path, access: Access) -> None:
    query = (
        "mutation($input: JournalEntryPostInput!) { journalEntryPost(input: $input) { replayed } }"
    )
    async with settled(data_dir, access) as (office, port):
        input_ = await office.entry_input("lost")

        async def posted() -> bool:
            return (await office.moved())[0] == 1

        async with server(data_dir, port) as process:
            writer = await sent(port, office.token("treasurer"), query, input_)
            await until(posted)
            process.send_signal(signal.SIGKILL)
            process.wait()
            writer.transport.abort()
        before = await office.moved()
        async with server(data_dir, port):
            payload = await office.api().order(
                "journalEntryPost", "entry { id } balances { amount }", **input_
            )
            other = await office.api().order(
                "journalEntryPost", "", **{**input_, "memo": "another"}
            )
        assert (payload["replayed"], payload["errors"]) == (True, [])
        assert [one["amount"] for one in payload["balances"]] == ["10.00", "-10.00"]
        assert [error["code"] for error in other["errors"]] == ["IDEMPOTENCY_MISMATCH"]
        assert await office.moved() == before


async def test_an_import_killed_between_its_chunks_is_finished_by_the_retry(
    data_dir: Path, access: Access
) -> None:
    query = """mutation($input: ChargingSessionsImportInput!) {
      chargingSessionsImport(input: $input) { accepted } }"""
    async with settled(data_dir, access) as (office, port):
        count = 5_000
        lines = [
            f"H1;ada;s{n};2026-{n // 27 % 8 + 2:02}-{n % 27 + 1:02} {n // 216:02}:00:00;"
            f"2026-{n // 27 % 8 + 2:02}-{n % 27 + 1:02} {n // 216:02}:30:00;1"
            for n in range(count)
        ]
        input_ = {
            "idempotencyKey": "lost", "cooperativeId": office.node, "format": "CSV",
            "content": "hub;user;id;from;to;kwh\n" + "\n".join(lines), "mapping": CAUTIOUS,
        }  # fmt: skip

        async def begun() -> bool:
            return (await office.moved())[1] >= 1_000

        async with server(data_dir, port) as process:
            writer = await sent(port, office.token("treasurer"), query, input_)
            await until(begun)
            process.send_signal(signal.SIGKILL)
            process.wait()
            writer.transport.abort()
        stored = (await office.moved())[1]
        async with server(data_dir, port):
            fields = "accepted duplicates rejected"
            payload = await office.api().order("chargingSessionsImport", fields, **input_)
            again = await office.api().order("chargingSessionsImport", fields, **input_)
        assert payload["errors"] == []
        assert (payload["accepted"], payload["duplicates"]) == (count - stored, stored)
        assert (await office.moved())[:2] == (count, count)
        assert again == {**payload, "replayed": True}


async def test_a_close_that_was_killed_goes_on(data_dir: Path, access: Access) -> None:
    query = "mutation($input: PeriodCloseInput!) { periodClose(input: $input) { replayed } }"
    months = "... on Cooperative { periods { id state } }"
    async with settled(data_dir, access) as (office, port):
        await office.post("old", "2026-01-05", "1000", "1200 ada", 100)

        async with server(data_dir, port) as process:
            (january,) = (await office.api().node(office.node, months))["periods"]
            input_ = {"idempotencyKey": "lost", "periodId": january["id"]}

            async def fenced() -> bool:
                return await office.town.ask(_state) != "open"

            writer = await sent(port, office.token("treasurer"), query, input_)
            await until(fenced)
            process.send_signal(signal.SIGKILL)
            process.wait()
            writer.transport.abort()
        async with server(data_dir, port):
            payload = await office.api().order("periodClose", "period { state }", **input_)
            again: Any = await office.api().order("periodClose", "period { state }", **input_)
        assert (payload["errors"], payload["period"]) == ([], {"state": "CLOSED"})
        assert (again["replayed"], again["period"]) == (True, {"state": "CLOSED"})


async def _state(connection: Any, _id: Any) -> str:
    found = await connection.exec_driver_sql("SELECT state FROM period")
    return str(found.scalar_one())
