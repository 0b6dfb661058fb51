"""What holds of every table and every function there is or will be: tried, not only read in the catalog."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.db.engine import bind_tenant
from coop.db.open import Access
from tests.ledger.town import Town, as_owner

pytestmark = pytest.mark.anyio

TABLES = text(
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    " AND relkind = 'r' AND relname <> 'alembic_version' ORDER BY relname"
)
FIXED = text(
    "SELECT attname FROM pg_attribute WHERE attrelid = CAST(:name AS regclass) AND attnum > 0"
    " AND NOT attisdropped AND NOT has_column_privilege(attrelid, attnum, 'UPDATE')"
    " ORDER BY attnum"
)


# A trigger comes before the policy, and to it the other cooperative's plan is not there either.
REFUSED_BEFORE = {"subscription": "23514"}


async def sqlstate(connection: AsyncConnection, sql: str, **given: object) -> str | None:
    """What the database says to `sql`, which it does not do; None: it would have been done."""
    attempt = await connection.begin_nested()
    try:
        await connection.execute(text(sql), given)
    except DBAPIError as error:
        state: str = error.orig.__cause__.sqlstate  # type: ignore[union-attr]
        return state
    finally:
        await attempt.rollback()
    return None


async def test_no_row_of_another_cooperative_is_written(town: Town, elsewhere: Town) -> None:
    # The policy is asked before any other constraint, so a row of one column is enough.
    told = {}
    async with town.database.engine.connect() as connection:
        await bind_tenant(connection, town.id)
        for (name,) in (await connection.execute(TABLES)).all():
            told[name] = await sqlstate(
                connection, f"INSERT INTO {name} (cooperative_id) VALUES (:id)", id=elsewhere.id
            )
        await connection.rollback()
    assert len(told) > 60
    assert {name: state for name, state in told.items() if state != "42501"} == REFUSED_BEFORE


async def test_nothing_is_deleted_emptied_or_rewritten(town: Town) -> None:
    told = {}
    async with town.database.engine.connect() as connection:
        await bind_tenant(connection, town.id)
        for (name,) in (await connection.execute(TABLES)).all():
            told[f"delete {name}"] = await sqlstate(connection, f"DELETE FROM {name}")
            told[f"truncate {name}"] = await sqlstate(connection, f"TRUNCATE {name}")
            for (column,) in (await connection.execute(FIXED, {"name": name})).all():
                statement = f"UPDATE {name} SET {column} = {column}"
                told[f"{name}.{column}"] = await sqlstate(connection, statement)
        await connection.rollback()
    assert {what: state for what, state in told.items() if state != "42501"} == {}


async def test_without_a_cooperative_and_in_another_nothing_is_seen(
    town: Town, elsewhere: Town
) -> None:
    async with town.database.engine.connect() as connection:
        for bound in (None, elsewhere.id):
            if bound is not None:
                await bind_tenant(connection, bound)
            for (name,) in (await connection.execute(TABLES)).all():
                rows = await connection.execute(
                    text(f"SELECT count(*) FROM {name} WHERE cooperative_id = :id"),
                    {"id": town.id},
                )
                assert rows.scalar_one() == 0, name
        await connection.rollback()


async def test_what_runs_as_the_owner_is_bound_to_the_cooperative_too(
    access: Access, town: Town
) -> None:
    """Functions of definer's rights belong to a role that row-level security binds."""
    async with as_owner(access.owner_url, town) as owner:
        found = await owner.execute(
            text(
                "SELECT p.proname, r.rolsuper OR r.rolbypassrls FROM pg_proc AS p"
                " JOIN pg_roles AS r ON r.oid = p.proowner"
                " WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef"
            )
        )
        free = dict(tuple(row) for row in found)
        assert len(free) > 5
        assert set(free.values()) == {False}
