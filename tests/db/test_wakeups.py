"""Whoever waits is woken: by what was committed there, not by what was rolled back or elsewhere."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.db.engine import Database
from coop.db.wakeups import Wakeups
from coop.kernel.ids import uuid7

pytestmark = pytest.mark.anyio


async def tell(database: Database, cooperative_id: UUID, *, commit: bool = True) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(
            text("SELECT pg_notify('coop_outbox', :id)"), {"id": str(cooperative_id)}
        )
        if not commit:
            raise RuntimeError

    if commit:
        await database.unit_of_work(cooperative_id, work)
    else:
        with pytest.raises(RuntimeError):
            await database.unit_of_work(cooperative_id, work)


async def test_a_waiter_is_woken_by_its_own_cooperative_only(database: Database) -> None:
    wakeups, mine, other = Wakeups(database), uuid7(), uuid7()
    wakeups.start()
    try:
        waiting = wakeups.wait_for(mine)
        await anext(waiting)
        # The connection may still be on its way: the first wake-up says that it listens.
        await asyncio.wait_for(anext(waiting), 20)
        asked = asyncio.ensure_future(anext(waiting))
        await tell(database, other)
        await tell(database, mine, commit=False)
        await tell(database, other)
        assert not asked.done()
        await tell(database, mine)
        await asyncio.wait_for(asked, 20)
    finally:
        await wakeups.stop()


async def test_a_lost_connection_wakes_everybody_and_is_made_again(database: Database) -> None:
    wakeups, mine = Wakeups(database), uuid7()
    wakeups.start()
    try:
        waiting = wakeups.wait_for(mine)
        await anext(waiting)
        await asyncio.wait_for(anext(waiting), 20)

        async def cut(connection: AsyncConnection) -> None:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()"
                )
            )

        await database.unit_of_work(None, cut)
        await asyncio.wait_for(anext(waiting), 20)
        # Once for the loss and once for the new connection, or both at once; then it hears again.
        asked = asyncio.ensure_future(anext(waiting))
        for _ in range(100):
            await tell(database, mine)
            if asked.done():
                break
            await asyncio.sleep(0.1)
        await asyncio.wait_for(asked, 20)
    finally:
        await wakeups.stop()
