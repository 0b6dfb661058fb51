"""A PostgreSQL server of one's own: never upgraded by use, upgraded when asked, then like the embedded one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import asyncpg
import orjson
import pytest

from tests.cli.conftest import NOR, Shell

NAME = "own"


@pytest.fixture
def server(shell: Shell) -> Iterator[Shell]:
    """The same cluster reached by URL, with an empty database."""
    secrets = orjson.loads((shell.data_dir / "database-secrets.json").read_bytes())
    pid_file = (shell.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
    url = f"postgresql://postgres:{secrets['postgres']}@/{{}}?host={pid_file[4]}"
    asyncio.run(execute(url.format("postgres"), f"CREATE DATABASE {NAME}"))
    found = Shell(shell.data_dir)
    found.env["COOP_DATABASE_URL"] = url.format(NAME)
    yield found
    asyncio.run(execute(url.format("postgres"), f"DROP DATABASE {NAME} WITH (FORCE)"))


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


def test_a_server_of_ones_own_is_upgraded_when_asked(server: Shell) -> None:
    assert server.refusal("cooperative", "list") == ("DATABASE_OUTDATED", [])
    assert server.json("database", "status")["current"] is None
    needed = server.json("database", "upgrade")["after"]
    assert server.json("database", "upgrade") == {"before": needed, "after": needed}
    server.text("cooperative", "create", *NOR)
    (made,) = server.json("cooperative", "list")["cooperatives"]
    assert made["slug"] == "nor"
    assert server.refusal("backup", server.data_dir / "backup.tar") == ("EMBEDDED_ONLY", [])
