"""LISTEN, once per process.

Who waits for something to happen in a cooperative is woken when something did.

A wake-up carries no fact: the facts are rows, committed before the wake-up was sent, and read under
the reader's own rights. Several wake-ups may become one. When the connection is lost every waiter
is woken, because it may have missed one, and the connection is made again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import asyncpg
import structlog

from coop.db.engine import Database

CHANNEL = "coop_outbox"
RECONNECT_S = 1
log = structlog.get_logger()


class Wakeups:
    """The one listening connection of a process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[UUID, set[asyncio.Event]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen, in the running loop."""
        self._task = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def wait_for(self, cooperative_id: UUID) -> AsyncIterator[None]:
        """Yield at the start, and again whenever something happened since the last yield."""
        with self._registered(cooperative_id) as event:
            while True:
                event.clear()
                yield
                await event.wait()

    @contextlib.contextmanager
    def _registered(self, cooperative_id: UUID) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        waiting = self._waiting.setdefault(cooperative_id, set())
        waiting.add(event)
        try:
            yield event
        finally:
            waiting.discard(event)
            if not waiting:
                self._waiting.pop(cooperative_id, None)

    async def _listen(self) -> None:
        while True:
            try:
                await self._until_lost()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("listening_lost", error=type(error).__name__)
            self._wake_everybody()
            await asyncio.sleep(RECONNECT_S)

    async def _until_lost(self) -> None:
        connection = await self._database.bare_connection()
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, self._wake)
            self._wake_everybody()
            await lost.wait()
        finally:
            connection.terminate()

    def _wake(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        for event in self._waiting.get(UUID(str(payload)), ()):
            event.set()

    def _wake_everybody(self) -> None:
        for waiting in self._waiting.values():
            for event in waiting:
                event.set()
