"""`coop database`: the version of the database and bringing it up to date."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import typer

from coop.cli.running import guarded, opened
from coop.cli.showing import AsJson, print_json
from coop.config import Settings
from coop.db import migrate
from coop.db.open import Access, prepare

app = typer.Typer(no_args_is_help=True, help="The database: its version, and upgrading it.")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say which version the database has and which one this program needs.

    Example: coop database status --json
    """
    current, head = guarded(lambda: _with_access(_versions), as_json=as_json)
    if as_json:
        print_json({"current": current, "needed": head, "up_to_date": current == head})
        return
    verdict = "up to date" if current == head else "run `coop database upgrade`"
    typer.echo(f"Database version {current or 'none'}, needed {head}: {verdict}.")


@app.command()
def upgrade(as_json: AsJson = False) -> None:
    """Bring the database to the version this program needs.

    The embedded database is upgraded whenever it is opened. For a server of your own, set
    COOP_DATABASE_OWNER_URL to a login that may create roles and tables, then run this.

    Example: COOP_DATABASE_OWNER_URL=postgresql://… coop database upgrade
    """
    before, after = guarded(lambda: _with_access(_upgrade), as_json=as_json)
    if as_json:
        print_json({"before": before, "after": after})
        return
    typer.echo(f"Database version {after}" + (" already." if before == after else "."))


async def _versions(access: Access) -> tuple[str | None, str]:
    return await migrate.status(access.owner_url)


async def _upgrade(access: Access) -> tuple[str | None, str]:
    before, head = await migrate.status(access.owner_url)
    if access.embedded is None:
        await prepare(access)
    await migrate.upgrade(access.owner_url)
    return before, head


async def _with_access(
    work: Callable[[Access], Awaitable[tuple[str | None, str]]],
) -> tuple[str | None, str]:
    access = await opened(Settings.read(), upgrade=False)
    try:
        return await work(access)
    finally:
        if access.embedded is not None:
            access.embedded.stop()
