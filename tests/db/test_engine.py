"""The unit of work and the snapshot: whose rows, how often, and what is left when something fails."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.db.engine import ATTEMPTS, Database, DatabaseBusy
from coop.db.refusals import register
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import uuid7

pytestmark = pytest.mark.anyio

RAISE = (
    "DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '{code}', CONSTRAINT = '{name}'; END $$"
)


async def tenant_of(connection: AsyncConnection) -> UUID | None:
    found: UUID | None = await connection.scalar(text("SELECT coop_current()"))
    return found


async def test_a_unit_of_work_is_bound_to_one_cooperative_and_leaves_nothing_behind(
    database: Database,
) -> None:
    mine = uuid7()
    assert await database.unit_of_work(mine, tenant_of) == mine
    assert await database.unit_of_work(None, tenant_of) is None
    # Whatever connection the pool hands out next, nobody is bound on it.
    found = await asyncio.gather(*(database.unit_of_work(None, tenant_of) for _ in range(8)))
    assert found == [None] * 8


@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_what_postgresql_asks_to_repeat_is_repeated(database: Database, code: str) -> None:
    tries = []

    async def work(connection: AsyncConnection) -> int:
        tries.append(await tenant_of(connection))
        if len(tries) < 3:
            await connection.execute(text(RAISE.format(code=code, name="none")))
        return len(tries)

    mine = uuid7()
    assert await database.unit_of_work(mine, work) == 3
    assert tries == [mine] * 3


async def test_a_writer_that_is_always_in_the_way_is_a_refusal(database: Database) -> None:
    tries = 0

    async def work(connection: AsyncConnection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute(text(RAISE.format(code="40001", name="none")))

    with pytest.raises(DatabaseBusy):
        await database.unit_of_work(uuid7(), work)
    assert tries == ATTEMPTS


async def test_a_registered_constraint_is_told_as_its_refusal_and_others_stay_bugs(
    database: Database,
) -> None:
    register("test_only_constraint", InvalidValue, "Said by name.")

    async def known(connection: AsyncConnection) -> None:
        await connection.execute(text(RAISE.format(code="23514", name="test_only_constraint")))

    async def unknown(connection: AsyncConnection) -> None:
        await connection.execute(text(RAISE.format(code="23514", name="test_unknown")))

    with pytest.raises(InvalidValue, match=r"Said by name\."):
        await database.unit_of_work(uuid7(), known)
    with pytest.raises(DBAPIError):
        await database.unit_of_work(uuid7(), unknown)


async def test_a_refusal_rolls_back_what_came_before_it(database: Database) -> None:
    mine = uuid7()

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(
            text(
                "INSERT INTO cooperative (cooperative_id, slug, name, currency, time_zone, "
                "last_member_number, created_at) VALUES (:id, :slug, 'X', 'EUR', 'UTC', 0, now())"
            ),
            {"id": mine, "slug": f"x{mine.hex[:20]}"},
        )
        raise InvalidValue("No.")

    with pytest.raises(InvalidValue):
        await database.unit_of_work(mine, work)
    async with database.snapshot(mine) as connection:
        assert await connection.scalar(text("SELECT count(*) FROM cooperative")) == 0


async def test_a_snapshot_reads_one_instant_and_writes_nothing(database: Database) -> None:
    async with database.snapshot(uuid7(), subject="o'neil; --") as connection:
        row = (
            await connection.execute(
                text(
                    "SELECT current_setting('transaction_isolation') AS isolation, "
                    "coop_subject() AS subject, current_user::text AS role, now() AS at"
                )
            )
        ).one()
        assert (row.isolation, row.subject, row.role) == (
            "repeatable read", "o'neil; --", "coop_app",
        )  # fmt: skip
        with pytest.raises(DBAPIError, match="read-only"):
            await connection.execute(text("CREATE TEMPORARY TABLE t (x int)"))


async def test_a_reader_that_is_cancelled_gives_its_connection_back(database: Database) -> None:
    async def forever() -> None:
        async with database.snapshot(uuid7()) as connection:
            await connection.execute(text("SELECT pg_sleep(60)"))

    task = asyncio.create_task(forever())
    while not await _sleeping(database):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await database.unit_of_work(None, tenant_of) is None
    while await _sleeping(database):
        await asyncio.sleep(0.01)


async def _sleeping(database: Database) -> bool:
    async def work(connection: AsyncConnection) -> bool:
        found = await connection.scalar(
            text("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'"
                 " AND state = 'active'")
        )  # fmt: skip
        return bool(found)

    return await database.unit_of_work(None, work)
