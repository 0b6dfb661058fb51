"""The one way to the database for everything that serves.

Tenancy, the unit of work, consistent reads.

A unit of work is one database transaction:

    BEGIN; SET LOCAL coop.cooperative_id   whose rows it may see: nobody else's, whatever is asked
    … what the service does …
    SET CONSTRAINTS ALL IMMEDIATE          what was deferred is refused while it still has a name
    COMMIT                                 only now may anybody be told that it happened

Serialization failures and deadlocks are retried here and nowhere else, so `work` may run more than
once and must keep its effects inside the connection it is given.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from coop.db.refusals import refusal_of, sqlstate_of
from coop.kernel.errors import Refusal

Result = TypeVar("Result")
Work = Callable[[AsyncConnection], Awaitable[Result]]

APP_ROLE = "coop_app"
ATTEMPTS = 6
_RETRYABLE = {"40001", "40P01"}
_SETTINGS = {
    "role": APP_ROLE,
    "application_name": "coop",
    "timezone": "UTC",
    "idle_in_transaction_session_timeout": "60000",
}


class DatabaseBusy(Refusal):
    """Every attempt met another writer; nothing was written, and trying again may work."""

    code = "DATABASE_BUSY"


def _driver_url(url: str) -> URL:
    return make_url(url).set(drivername="postgresql+asyncpg")


class Database:
    """Connections of the serving role to one PostgreSQL.

    `url` may hold a secret and is never shown.
    """

    def __init__(self, url: str, *, pool_size: int = 20, posting_connections: int = 2) -> None:
        self._url = url
        self.engine: AsyncEngine = create_async_engine(
            _driver_url(url),
            pool_size=pool_size,
            max_overflow=10,
            connect_args={"server_settings": _SETTINGS},
            hide_parameters=True,
        )
        self._posting_connections = posting_connections
        self._posting_pool: asyncpg.Pool | None = None
        self.statements = 0
        """Statements sent by SQLAlchemy since the start, transaction control aside.

        Tests count round trips.
        """
        event.listen(self.engine.sync_engine, "before_cursor_execute", self._count)

    def _count(self, *_: object) -> None:
        self.statements += 1

    async def posting_pool(self) -> asyncpg.Pool:
        """Bare connections for single-statement postings.

        Few on purpose, a crowd only queues on the same row.
        """
        if self._posting_pool is None:
            self._posting_pool = await asyncpg.create_pool(
                **self._address(),
                min_size=1,
                max_size=self._posting_connections,
                # The pool's own reset costs a round trip a call; nothing here sets session state.
                reset=_keep,
            )
        return self._posting_pool

    async def bare_connection(self) -> asyncpg.Connection:
        """A connection of the driver's own, outside every pool; whoever asked closes it."""
        return await asyncpg.connect(**self._address())

    def _address(self) -> dict[str, Any]:
        url = make_url(self._url)
        return {
            "user": url.username,
            "password": url.password,
            "database": url.database,
            "host": _host(url),
            "port": url.port,
            "server_settings": _SETTINGS,
        }

    async def unit_of_work(
        self, cooperative_id: UUID | None, work: Work[Result], *, subject: str | None = None
    ) -> Result:
        """Do `work` in one transaction of one cooperative and commit.

        Retry when PostgreSQL asks for it.

        Refuses whatever `work` refuses (nothing is then written), what a registered constraint
        stands for, and DATABASE_BUSY when every attempt failed.
        """
        for attempt in range(ATTEMPTS):
            try:
                async with self.engine.begin() as connection:
                    await bind_tenant(connection, cooperative_id, subject)
                    result = await work(connection)
                    await connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
                return result  # noqa: TRY300 - an else would stand far from here
            except (DBAPIError, asyncpg.PostgresError) as error:
                if sqlstate_of(error) not in _RETRYABLE:
                    refusal = refusal_of(error)
                    if refusal is None:
                        raise
                    raise refusal from error
            await asyncio.sleep(0.01 * 2**attempt)
        raise DatabaseBusy("The books are busy; nothing was written. Please try again.")

    @asynccontextmanager
    async def snapshot(
        self, cooperative_id: UUID | None, *, subject: str | None = None
    ) -> AsyncIterator[AsyncConnection]:
        """A read-only connection that sees one instant of one cooperative while it is open."""
        async with self.engine.connect() as connection:
            await connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            transaction = await connection.begin()
            try:
                await bind_tenant(connection, cooperative_id, subject)
                yield connection
            finally:
                # Nothing was written. A reader cancelled in the middle of a statement leaves the
                # connection invalid, which a rollback accepts and a commit would not.
                await transaction.rollback()

    async def close(self) -> None:
        """Give every connection back."""
        if self._posting_pool is not None:
            await self._posting_pool.close()
        await self.engine.dispose()


def _host(url: URL) -> str | None:
    """Where the server is.

    A host, or the directory of its socket, which a URL carries as ?host=.
    """
    asked = url.query.get("host")
    return asked if isinstance(asked, str) else url.host


async def _keep(_connection: object) -> None:
    """Leave a returned connection as it is."""


async def bind_tenant(
    connection: AsyncConnection, cooperative_id: UUID | None, subject: str | None = None
) -> None:
    """Say for the rest of this transaction whose rows may be seen; None sees none.

    SET LOCAL takes no parameters, and a distributed cluster passes on nothing else: the text is
    built from a parsed UUID, never from outside. The subject (who asks, across cooperatives) is
    bound as a parameter.
    """
    if cooperative_id is not None:
        tenant = UUID(str(cooperative_id))
        await connection.exec_driver_sql(f"SET LOCAL coop.cooperative_id = '{tenant}'")
    if subject is not None:
        await connection.execute(
            text("SELECT set_config('coop.subject', :subject, true)"), {"subject": subject}
        )
