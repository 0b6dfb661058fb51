"""How a command runs: settings, database, one asyncio loop, and exit codes a script can rely on.

    0 done · 1 refused (code, message and path on stderr; as JSON on stdout with --json)
    2 the command line itself is wrong · 3 `coop verify` found something

A command acts as the operator of the service, who may do everything and is recorded as `system`.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

import asyncpg
import typer
from sqlalchemy.exc import DBAPIError

from coop.cli.errors import (
    CooperativeUnknown,
    CooperativeUnnamed,
    DatabaseOutdated,
    DatabaseUnreachable,
)
from coop.cli.showing import print_error, print_json
from coop.config import Settings
from coop.db import migrate
from coop.db.engine import Database
from coop.db.open import Access, open_access
from coop.kernel.clock import utc_now
from coop.kernel.errors import Refusal
from coop.members import queries as member_queries
from coop.members.domain.people import Cooperative
from coop.members.domain.roles import SYSTEM_SUBJECT, Viewer, system_viewer

Result = TypeVar("Result")

REFUSED = 1
FINDINGS = 3
# The API's names for what files and options call otherwise.
_SPELLINGS = {
    "collectOn": "on",
    "effectiveOn": "effective_on",
    "idempotencyKey": "idempotency_key",
    "memberId": "member",
}


@dataclass(frozen=True, slots=True)
class House:
    """What a command works with: an open installation, and who acts."""

    settings: Settings
    access: Access
    database: Database
    viewer: Viewer

    async def cooperative(self, slug: str | None) -> Cooperative:
        """The cooperative `slug`, or the only one. Refuses COOPERATIVE_UNKNOWN, _UNNAMED."""
        found = await self.cooperatives()
        slugs = ", ".join(one.slug for one in found) or "none yet"
        if slug is None and len(found) > 1:
            raise CooperativeUnnamed(f"Say which one: --cooperative {slugs}.", ("cooperative",))
        wanted = [one for one in found if slug in (None, one.slug)]
        if not wanted:
            raise CooperativeUnknown(
                f"No such cooperative here ({slugs}); `coop cooperative create` makes one.",
                ("cooperative",),
            )
        return wanted[0]

    async def cooperatives(self) -> list[Cooperative]:
        """Every cooperative of this installation, by slug."""
        async with self.database.snapshot(None, subject=SYSTEM_SUBJECT) as connection:
            return await member_queries.cooperatives(connection)


def run(work: Callable[[House], Awaitable[Result]], *, as_json: bool = False) -> Result:
    """Open the installation, do `work`, close it; a refusal is shown and ends with exit code 1."""
    return guarded(lambda: _with_house(work), as_json=as_json)


def guarded(start: Callable[[], Awaitable[Result]], *, as_json: bool = False) -> Result:
    """Run what `start` begins; a refusal is shown and ends with exit code 1."""

    async def inside() -> Result:
        return await start()

    try:
        return asyncio.run(inside())
    except Refusal as refusal:
        refuse(refusal, as_json=as_json)


async def _with_house(work: Callable[[House], Awaitable[Result]]) -> Result:
    settings = Settings.read()
    access = await opened(settings)
    if access.embedded is None:
        await _require_current(access)
    database = access.database()
    try:
        return await work(House(settings, access, database, system_viewer(utc_now())))
    finally:
        await database.close()
        if access.embedded is not None:
            access.embedded.stop()


async def opened(settings: Settings, *, upgrade: bool = True) -> Access:
    """The installation's database. Refuses DATABASE_UNREACHABLE when it does not start."""
    try:
        return await open_access(settings, upgrade=upgrade)
    except (OSError, subprocess.SubprocessError) as error:
        folder = settings.data_dir
        raise DatabaseUnreachable(
            f"The database in {folder} does not start or answer ({type(error).__name__}): "
            f"{folder / 'postgres' / 'log'} may say why. Whoever made the folder has to own it.",
            ("COOP_DATA_DIR",),
        ) from error


async def _require_current(access: Access) -> None:
    """Refuse DATABASE_OUTDATED when a server of one's own is not at the version we need."""
    try:
        current, needed = await migrate.status(access.owner_url)
    except (OSError, DBAPIError, asyncpg.PostgresError) as error:
        raise DatabaseUnreachable(
            f"COOP_DATABASE_URL cannot be reached: {type(error).__name__}.", ("COOP_DATABASE_URL",)
        ) from error
    if current != needed:
        raise DatabaseOutdated(
            f"The database is at version {current or 'none'}, {needed} is needed: "
            "run `coop database upgrade`."
        )


def refuse(refusal: Refusal, *, as_json: bool) -> NoReturn:
    """Show the refusal and end with exit code 1."""
    where = f" at {'.'.join(path_of(refusal))}" if refusal.path else ""
    print_error(f"Refused ({refusal.code}){where}: {refusal.message}")
    if as_json:
        print_json({"error": refusal_json(refusal)})
    raise typer.Exit(REFUSED)


def refusal_json(refusal: Refusal) -> dict[str, object]:
    """A refusal as scripts read it."""
    return {"code": refusal.code, "message": refusal.message, "path": path_of(refusal)}


def path_of(refusal: Refusal) -> list[str]:
    """Where in the input, in the spelling of files and options rather than of the API."""
    return [_SPELLINGS.get(part, part) for part in refusal.path]
