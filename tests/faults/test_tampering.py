"""Whoever can write anything, past every trigger, cannot change one fact of the books unseen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from coop.db.engine import Database, bind_tenant
from coop.db.open import DATABASE, Access
from coop.kernel.clock import utc_now
from coop.ledger import service
from coop.ledger.domain.hold import Hold
from coop.ledger.verification import Verification, verify
from tests.ledger.town import Town, found_town

pytestmark = pytest.mark.anyio

# Facts that nothing else in the books repeats, and that no hash covers: when rows were written about
# others, and what sealing is ordered by before it happens.
UNTOLD = {
    ("journal_entry", "xact_id"), ("seal", "sealed_at"), ("balance", "recorded_at"),
    ("period_balance", "closed_at"),
}  # fmt: skip
TABLES = (
    "journal_entry", "posting", "seal", "entry_seal", "balance", "balance_day", "period_balance",
)  # fmt: skip
CHANGES = {
    "uuid": "overlay({0}::text placing to_hex((('x' || substr({0}::text, 36, 1))::bit(4)::int + {n} % 15 + 1) % 16) "
    "from 36)::uuid",
    "text": "overlay({0} || ' ' placing chr(ascii(substr({0} || ' ', {n} % length({0} || ' ') + 1, 1)) # 1) "
    "from {n} % length({0} || ' ') + 1 for 1)",
    "bigint": "{0} # (1 << {n} % 40)::bigint",
    "smallint": "({0} + 1 + {n} % 3)::smallint",
    "integer": "{0} # (1 << {n} % 20)",
    "date": "{0} + 1 + {n} % 400",
    "timestamp with time zone": "{0} + interval '1 microsecond' * ({n} + 1)",
    "bytea": "set_bit({0}, {n} % (8 * length({0})), 1 - get_bit({0}, {n} % (8 * length({0}))))",
    "jsonb": "{0} || jsonb_build_object('n', {n})",
    "xid8": "({0}::text::bigint + 1 + {n})::text::xid8",
}


@pytest.fixture(scope="module")
async def town(database: Database) -> Town:
    """Entries of every shape in three seals, a closed month, a hold, limits."""
    town = await found_town(database)
    await town.fund("grant")
    for month in ("01", "02", "03"):
        await town.posted(
            f"2026-{month}-10 charging  ; key=k{month}\n"
            "  1200 ada  debit 12.00 EUR\n  4000 north  credit 12.00 EUR\n"
            "  9100 ada  debit 3.000 kWh\n  9000 north  credit 3.000 kWh\n"
            f"2026-{month}-11 grant\n"
            "  1000  debit 7.00 EUR  fund grant\n  1200 bob  credit 7.00 EUR  fund grant\n"
        )
        await town.seal()
    [draft] = town.drafts(
        "2026-03-12 back\n  1200 ada  credit 1.00 EUR\n  4000 north  debit 1.00 EUR"
    )
    await town.post_drafts([draft])
    await town.close(date(2026, 1, 1))
    until = utc_now() + timedelta(days=1)
    wanted = Hold(town.accounts["1200 ada"], town.accounts["4000 north"], 500, until)
    await database.unit_of_work(
        town.id, lambda c: service.place_hold(c, town.id, "ada", wanted, "")
    )
    found = await town.verify()
    assert (found.findings, found.seals, found.unsealed) == ([], 4, 0)
    return town


@asynccontextmanager
async def almighty(access: Access, town: Town) -> AsyncIterator[AsyncConnection]:
    """A superuser whom no trigger and no policy stops; what is done is rolled back."""
    url = make_url(access.admin_url).set(drivername="postgresql+asyncpg", database=DATABASE)
    engine = create_async_engine(url, connect_args={"server_settings": {"timezone": "UTC"}})
    try:
        async with engine.connect() as connection:
            await bind_tenant(connection, town.id)
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            yield connection
            await connection.rollback()
    finally:
        await engine.dispose()


async def after(access: Access, town: Town, sql: str, **parameters: object) -> Verification:
    """What verification says once `sql` was done by who can do anything."""
    async with almighty(access, town) as connection:
        done = await connection.execute(text(sql), {"coop": town.id, **parameters})
        assert done.rowcount == 1
        return await verify(connection)


@pytest.fixture(scope="module")
async def columns(access: Access, town: Town) -> list[tuple[str, str, str]]:
    """(table, column, type) of every fact that is watched."""
    async with almighty(access, town) as connection:
        rows = await connection.execute(
            text(
                "SELECT table_name, column_name, data_type FROM information_schema.columns "
                "WHERE table_schema = 'public' AND table_name = ANY (:tables) ORDER BY 1, ordinal_position"
            ),
            {"tables": list(TABLES)},
        )
        return [tuple(row) for row in rows if (row[0], row[1]) not in UNTOLD]


async def unseen(access: Access, town: Town, where: tuple[str, str, str], row: int, n: int) -> bool:
    """Whether flipping something in one value of one row, null or not, would go unnoticed."""
    table, column, type_ = where
    empty = {"uuid": "uuidv7()", "text": "'x'", "bigint": "-77777"}.get(type_, column)
    how = f"coalesce({CHANGES[type_].format(column, n=n)}, {empty})"
    sql = (
        f"UPDATE {table} SET {column} = {how} WHERE ctid = (SELECT ctid FROM {table} "
        "WHERE cooperative_id = :coop ORDER BY md5(ctid::text || :salt) LIMIT 1)"
    )
    try:
        return (await after(access, town, sql, salt=str(row))).ok
    except IntegrityError:
        return False  # a CHECK or a key refused even this


async def test_every_column_of_every_table_is_watched(
    access: Access, town: Town, columns: list[tuple[str, str, str]]
) -> None:
    found = [
        f"{where[0]}.{where[1]} row {row}"
        for where in columns
        for row in range(2)
        if await unseen(access, town, where, row, row)
    ]
    assert found == []


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_any_flipped_byte_is_found(
    access: Access, town: Town, columns: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    where = data.draw(st.sampled_from(columns))
    row, n = data.draw(st.integers(0, 99)), data.draw(st.integers(0, 400))
    assert not await unseen(access, town, where, row, n), (where, row, n)


@pytest.mark.parametrize("table", [*TABLES, "hold"])
async def test_any_row_gone_is_found(access: Access, town: Town, table: str) -> None:
    sql = f"DELETE FROM {table} WHERE ctid = (SELECT min(ctid) FROM {table} WHERE cooperative_id = :coop)"
    assert not (await after(access, town, sql)).ok


@pytest.mark.parametrize(
    ("sql", "code", "where"),
    [
        ("UPDATE seal SET root = hash WHERE cooperative_id = :coop AND number = 2", "SEAL_HEAD", "seal 2"),
        ("UPDATE seal SET previous_hash = hash WHERE cooperative_id = :coop AND number = 3",
         "SEAL_PREVIOUS_HASH", "seal 3"),
        ("DELETE FROM seal WHERE cooperative_id = :coop AND number = 2", "SEAL_MISSING", "seal 2"),
        ("DELETE FROM entry_seal WHERE cooperative_id = :coop AND seal_number = 2 AND position = 0",
         "SEAL_POSITION", "seal 2 position 1"),
        (("UPDATE journal_entry SET memo = 'never happened' WHERE cooperative_id = :coop AND id = "
         "(SELECT entry_id FROM entry_seal WHERE cooperative_id = :coop AND seal_number = 3 AND position = 1)"),
         "ENTRY_CHANGED", "seal 3 position 1"),
        (("DELETE FROM journal_entry WHERE cooperative_id = :coop AND id = "
         "(SELECT entry_id FROM entry_seal WHERE cooperative_id = :coop AND seal_number = 1 AND position = 0)"),
         "ENTRY_MISSING", "seal 1 position 0"),
        (("UPDATE posting SET amount_minor = amount_minor + 1 WHERE cooperative_id = :coop AND line = 0 "
         "AND entry_id = (SELECT entry_id FROM entry_seal WHERE cooperative_id = :coop AND seal_number = 2 "
         "AND position = 1)"), "ENTRY_CHANGED", "seal 2 position 1"),
    ],
)  # fmt: skip
async def test_the_first_broken_link_is_named(
    access: Access, town: Town, sql: str, code: str, where: str
) -> None:
    broken = (await after(access, town, sql)).first_broken_link
    assert broken is not None
    assert broken.code == code
    assert broken.where.startswith(where)


async def test_a_chain_forged_to_the_end_shows_by_its_head(access: Access, town: Town) -> None:
    """Who recomputes everything after a change still cannot give the head that people printed."""
    kept = (await town.verify()).head
    sql = "UPDATE seal SET hash = sha256(root) WHERE cooperative_id = :coop AND number = 4"
    forged = await after(access, town, sql)
    assert forged.head != kept
    assert not forged.ok


async def test_an_entry_a_seal_passed_over_is_found(access: Access, town: Town) -> None:
    sql = "DELETE FROM entry_seal WHERE cooperative_id = :coop AND seal_number = 4 AND position = 0"
    found = await after(access, town, sql)
    assert "ENTRY_UNSEALED" in {one.code for one in found.findings}
