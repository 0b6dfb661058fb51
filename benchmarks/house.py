"""A cooperative, its server in a process of its own, and a client that costs little."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.config import Settings
from coop.db.engine import Database
from coop.db.open import Access, open_access
from coop.kernel.clock import utc_now
from coop.kernel.ids import AccountId, CooperativeId, MemberId, uuid7
from coop.ledger import service as ledger
from coop.ledger.service import AccountKey
from coop.members import service as members
from coop.members.development import development_issuer
from coop.members.domain.people import MemberDraft
from coop.members.domain.roles import Role, system_viewer

SERVE = """
import asyncio, sys
from pathlib import Path
import uvicorn
from coop.config import Settings
from coop.db.open import open_access
from coop.app import create_app
async def main():
    settings = Settings.read({"COOP_DATA_DIR": sys.argv[1]})
    access = await open_access(settings)
    database = access.database()
    app = create_app(settings, database, port=int(sys.argv[2]))
    port = int(sys.argv[2])
    config = uvicorn.Config(app, port=port, log_level="warning", access_log=False)
    await uvicorn.Server(config).serve()
asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class House:
    """A running server, its database and what a client needs to post."""

    access: Access
    database: Database
    cooperative_id: CooperativeId
    accounts: list[AccountId]
    token: str
    port: int
    data_dir: Path


@asynccontextmanager
async def running_house(*, members_count: int = 1_000, port: int = 8765) -> AsyncIterator[House]:
    """A fresh cooperative with `members_count` receivables; accounts[0] is the bank."""
    data_dir = Path(tempfile.mkdtemp(prefix="coop-bench-"))
    settings = Settings.read({"COOP_DATA_DIR": str(data_dir)})
    access = await open_access(settings)
    database = access.database()
    cooperative_id = CooperativeId(uuid7())
    accounts = await _books(database, cooperative_id, members_count)
    token = development_issuer(data_dir).mint("treasurer", settings.audience, utc_now())
    command = [sys.executable, "-W", "ignore", "-c", SERVE, str(data_dir), str(port)]
    server = await asyncio.create_subprocess_exec(*command)
    try:
        await answering(port)
        yield House(access, database, cooperative_id, accounts, token, port, data_dir)
    finally:
        server.send_signal(signal.SIGTERM)
        await asyncio.wait_for(server.wait(), 20)
        await database.close()
        if access.embedded is not None:
            access.embedded.stop()
        shutil.rmtree(data_dir, ignore_errors=True)


async def _books(
    database: Database, cooperative_id: CooperativeId, members_count: int
) -> list[AccountId]:
    viewer = system_viewer(utc_now())

    async def work(c: AsyncConnection) -> list[AccountId]:
        await members.create_cooperative(
            c, viewer, cooperative_id, slug="bench", name="Bench", currency="EUR",
            time_zone="Europe/Berlin",
        )  # fmt: skip
        await ledger.open_books(c, cooperative_id, "EUR")
        await members.grant_role(
            c, viewer, cooperative_id, subject="treasurer", role=Role.TREASURER,
            from_on=date(2020, 1, 1),
        )  # fmt: skip
        drafts = [MemberDraft(f"Member {i}", date(2020, 1, 1)) for i in range(members_count)]
        made = await members.register_members(c, viewer, cooperative_id, drafts)
        ids = [MemberId(one.member.id) for one in made]
        keys = [AccountKey("1000"), *(AccountKey("1200", id_) for id_ in ids)]
        found = await ledger.accounts_for(c, cooperative_id, keys)
        return [found[key] for key in keys]

    return await database.unit_of_work(cooperative_id, work)


async def answering(port: int) -> None:
    """Return once somebody listens there."""
    for _ in range(400):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.close()
        return
    raise TimeoutError("the server did not start")


async def requests_per_second(
    port: int,
    token: str,
    bodies: Callable[[int], bytes],
    *,
    clients: int,
    each: int,
    check: Callable[[bytes], bool],
    path: str = "/graphql",
) -> float:
    """Keep-alive POSTs over `clients` connections, `each` so many; every answer is checked."""

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {token}\r\n"
        ).encode()
        for turn in range(each):
            body = bodies(number * each + turn)
            writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            answer = await _body(reader)
            if not check(answer):
                raise RuntimeError(answer[:500].decode())
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(clients)))
    return clients * each / (time.perf_counter() - began)


async def _body(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    at = lower.index(b"content-length:") + 15
    return await reader.readexactly(int(lower[at : lower.index(b"\r\n", at)]))


def global_id(kind: str, cooperative_id: UUID, id_: UUID) -> str:
    """The API's id of a thing."""
    from coop.schema.node_id import NodeId  # noqa: PLC0415 - only where the API is measured

    return str(NodeId(kind, cooperative_id, id_))
