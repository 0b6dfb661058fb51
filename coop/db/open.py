"""From settings to a database that is there, current and ready: embedded or an existing server."""

from __future__ import annotations

from dataclasses import dataclass

from coop.config import Settings
from coop.db import embedded, migrate
from coop.db.embedded import ADMIN, APP, OWNER, Embedded
from coop.db.engine import Database

DATABASE = "coop"


@dataclass(frozen=True, slots=True)
class Access:
    """The ways in to one installation's database. URLs hold secrets: never log them."""

    app_url: str
    owner_url: str
    admin_url: str
    embedded: Embedded | None

    def database(self) -> Database:
        """The serving side."""
        return Database(self.app_url)


async def open_access(settings: Settings, *, upgrade: bool = True) -> Access:
    """Start the embedded database if that is what is used, and bring it to the current version.

    A server of one's own is never upgraded by serving: `coop database upgrade` does it when asked.
    """
    if settings.database_url is not None:
        owner = settings.database_owner_url or settings.database_url
        return Access(settings.database_url, owner, owner, None)
    with embedded.alone(settings.data_dir):
        return await _open_embedded(settings, upgrade=upgrade)


async def _open_embedded(settings: Settings, *, upgrade: bool) -> Access:
    cluster = embedded.start(settings.data_dir)
    admin_url = cluster.url(ADMIN, "postgres")
    fresh = not await migrate.database_exists(admin_url, DATABASE)
    if fresh:
        await migrate.create_database(admin_url, DATABASE)
    access = Access(
        app_url=cluster.url(APP), owner_url=cluster.url(OWNER),
        admin_url=cluster.url(ADMIN), embedded=cluster,
    )  # fmt: skip
    if fresh:
        await prepare(access)
    if upgrade:
        await migrate.upgrade(access.owner_url)
    return access


async def prepare(access: Access) -> None:
    """Make the roles `coop_owner` and `coop_app` and give them what they need."""
    passwords = None
    if access.embedded is not None:
        passwords = {role: access.embedded.passwords[role] for role in (OWNER, APP)}
    await migrate.prepare(access.admin_url, passwords=passwords)
