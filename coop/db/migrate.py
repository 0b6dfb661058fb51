"""Bringing a database to the current version: roles first, then Alembic as `coop_owner`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"

_PREPARE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'coop_owner') THEN
        CREATE ROLE coop_owner NOBYPASSRLS;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'coop_app') THEN
        CREATE ROLE coop_app NOBYPASSRLS;
    END IF; IF NOT pg_has_role(current_user, 'coop_owner', 'SET') THEN GRANT coop_owner TO
    current_user; END IF; IF NOT pg_has_role(current_user, 'coop_app', 'SET') THEN GRANT coop_app TO
    current_user; END IF;
END $$;
ALTER SCHEMA public OWNER TO coop_owner;
REVOKE ALL ON SCHEMA public FROM public;
GRANT USAGE ON SCHEMA public TO coop_app;
"""


def run_sql(connection: Connection, sql: str) -> None:
    """Execute a text of many statements as it is (a prepared statement would take only one)."""
    adapted = connection.connection.dbapi_connection
    adapted.run_async(lambda driver: driver.execute(sql))  # type: ignore[union-attr]


def run_file(connection: Connection, name: str) -> None:
    """Execute the frozen copy migrations/sql/`name`."""
    run_sql(connection, (MIGRATIONS / "sql" / name).read_text())


def configuration() -> Config:
    """Alembic's configuration, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


async def prepare(admin_url: str, *, passwords: dict[str, str] | None = None) -> None:
    """Make the roles and hand them the schema. `admin_url` logs in as who may create roles."""
    engine = create_async_engine(make_url(admin_url).set(drivername="postgresql+asyncpg"))
    async with engine.begin() as connection:
        await connection.run_sync(run_sql, _PREPARE)
        for role, password in (passwords or {}).items():
            # Passwords are our own random hex; ALTER ROLE takes no parameters.
            await connection.run_sync(
                run_sql, f"ALTER ROLE {role} LOGIN PASSWORD '{bytes.fromhex(password).hex()}'"
            )
    await engine.dispose()


async def upgrade(owner_url: str, revision: str = "head") -> None:
    """Run every migration up to `revision`; nothing happens when it is there already."""
    await _with_connection(owner_url, lambda config: command.upgrade(config, revision))


async def downgrade(owner_url: str, revision: str) -> None:
    """Undo migrations down to `revision` (tests; data is lost)."""
    await _with_connection(owner_url, lambda config: command.downgrade(config, revision))


async def _with_connection(owner_url: str, action: object) -> None:
    engine = create_async_engine(
        make_url(owner_url).set(drivername="postgresql+asyncpg"),
        connect_args={"server_settings": {"role": "coop_owner"}},
    )

    def run(connection: Connection) -> None:
        config = configuration()
        config.attributes["connection"] = connection
        action(config)  # type: ignore[operator]

    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


async def status(owner_url: str) -> tuple[str | None, str]:
    """(the version the database is at, the version this code wants)."""
    engine = create_async_engine(make_url(owner_url).set(drivername="postgresql+asyncpg"))
    async with engine.connect() as connection:
        current = await connection.run_sync(
            lambda sync: MigrationContext.configure(sync).get_current_revision()
        )
    await engine.dispose()
    return current, wanted_version()


def wanted_version() -> str:
    """The version this code was written for: the last migration."""
    head = ScriptDirectory.from_config(configuration()).get_current_head()
    if head is None:
        raise LookupError("there are no migrations")
    return head


async def database_exists(admin_url: str, name: str) -> bool:
    """Whether the server of `admin_url` has the database `name`."""
    engine = create_async_engine(make_url(admin_url).set(drivername="postgresql+asyncpg"))
    async with engine.connect() as connection:
        found = await connection.scalar(
            text("SELECT true FROM pg_database WHERE datname = :name"), {"name": name}
        )
    await engine.dispose()
    return bool(found)


async def create_database(admin_url: str, name: str, *, template: str | None = None) -> None:
    """CREATE DATABASE, which no transaction may hold. `name` is ours, never from outside."""
    engine = create_async_engine(
        make_url(admin_url).set(drivername="postgresql+asyncpg"), isolation_level="AUTOCOMMIT"
    )
    suffix = f' TEMPLATE "{template}"' if template else ""
    async with engine.connect() as connection:
        await connection.execute(text(f'CREATE DATABASE "{name}"{suffix}'))
    await engine.dispose()


async def execute(admin_url: str, sql: str) -> None:
    """Run a text of statements in one transaction. Ours only: never from outside."""
    engine = create_async_engine(make_url(admin_url).set(drivername="postgresql+asyncpg"))
    async with engine.begin() as connection:
        await connection.run_sync(run_sql, sql)
    await engine.dispose()
