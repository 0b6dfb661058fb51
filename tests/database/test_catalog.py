"""What the migrations make is what the code says: objects, tables, grants, policies, comments."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

import coop
from coop.db import migrate
from coop.db.base import metadata
from coop.db.open import Access
from coop.ledger.tables import Xid8

pytestmark = pytest.mark.anyio

ROOMS = sorted(Path(coop.__file__).parent.glob("*/sql/*.sql"))
FROZEN = migrate.MIGRATIONS / "sql"
NAME = "coop_catalog"

# What the serving role may do beside reading: everything else is refused by the absence of a grant.
TABLE_GRANTS = {
    "access_token": "INSERT", "account": "INSERT", "allocation": "INSERT", "bill_item": "INSERT",
    "billing_run": "INSERT", "dispute": "INSERT", "invoice": "INSERT", "invoice_charge": "INSERT",
    "invoice_item": "INSERT", "invoice_line": "INSERT", "invoice_series": "INSERT",
    "invoice_tax": "INSERT", "write_off": "INSERT",
    "charge": "INSERT", "charge_line": "INSERT",
    "charging_session": "INSERT",
    "commodity": "INSERT", "cooperative": "INSERT", "cooperative_profile": "INSERT", "document": "INSERT", "entry_seal": "INSERT", "fund": "INSERT",
    "hub": "INSERT", "idempotency": "INSERT", "import_rejection": "INSERT",
    "import_run": "INSERT", "interruption": "INSERT", "member": "INSERT",
    "member_class": "INSERT", "member_profile": "INSERT", "person_role": "INSERT", "port": "INSERT",
    "bank_account": "INSERT", "bank_file": "INSERT", "bank_line": "INSERT", "bank_rule": "INSERT",
    "bank_statement": "INSERT", "collection": "INSERT", "collection_item": "INSERT",
    "mandate": "INSERT", "payment": "INSERT",
    "commitment": "INSERT", "commitment_deposit": "INSERT", "commitment_hub": "INSERT",
    "commitment_settlement": "INSERT", "commitment_terms": "INSERT",
    "make_up_credit": "INSERT", "make_up_movement": "INSERT",
    "capacity_reservation": "INSERT", "cost_sharing_rule": "INSERT", "cost_sharing_run": "INSERT",
    "cost_sharing_share": "INSERT", "demand_response_event": "INSERT", "plan": "INSERT",
    "subscription": "INSERT", "utility_bill": "INSERT", "utility_schedule": "INSERT",
    "seal": "INSERT", "seal_cursor": "INSERT", "statement": "INSERT", "tariff_version": "INSERT", "token": "INSERT",
}  # fmt: skip
COLUMN_UPDATES = {
    "capacity_reservation": {"cancelled_at", "cancelled_by"},
    "subscription": {"ended_by", "to_on"},
    "access_token": {"last_used_at", "revoked_at", "revoked_by"},
    "account": {"name"},
    "bank_line": {
        "candidates", "entry_id", "member_id", "settled_at", "settled_by", "state", "why",
    },
    "bank_rule": {"ended_at", "ended_by"},
    "billing_run": {
        "credit_notes", "finished_at", "invoices", "members", "net_minor", "state", "tax_minor",
    },
    "charging_session": {
        "amount_minor", "entry_id", "member_id", "reviewed_at", "reviewed_by", "state",
        "tariff_version_id",
    },
    "collection": {"cancelled_at", "cancelled_by"},
    "collection_item": {"settled_line_id", "state"},
    "commitment": {"to_on"},
    "cooperative": {"last_member_number", "name"},
    "dispute": {
        "credit_item_id", "decided_at", "decided_by", "decision", "decision_reason", "resolution",
    },
    "hub": {"name", "power_w"},
    "import_run": {
        "accepted", "amount_minor", "delivered_wh", "duplicates", "filtered", "finished_at",
        "rejected", "review", "rows",
    },
    "interruption": {"ended_by", "to_at"},
    "invoice_series": {"last_number"},
    "member": {"email", "left_on", "name"},
    "member_class": {"ended_by", "to_on"},
    "mandate": {"revoked_by", "revoked_on", "sequence"},
    "payment": {
        "bank_line_id", "return_charge_minor", "return_code_account", "return_entry_id",
        "return_line_id", "return_reason", "returned_by", "returned_on",
    },
    "person_role": {"ended_at", "ended_by", "to_on"},
    "port": {"power_w"},
    "seal_cursor": {"xact_id"},
    "token": {"ended_by", "to_on"},
}  # fmt: skip
EXECUTES = {
    "abandon_close", "begin_close", "capture_hold", "close_account", "coop_current", "coop_subject",
    "finish_close", "place_hold", "post_entries", "release_hold", "reopen_period",
    "roles_of_subject", "set_limits", "version_at",
}  # fmt: skip


@pytest.fixture(scope="module")
async def owner_url(access: Access) -> str:
    """A second, freshly migrated database of the same cluster."""
    await migrate.create_database(access.admin_url, NAME)
    admin = make_url(access.admin_url).set(database=NAME).render_as_string(hide_password=False)
    await migrate.prepare(admin)
    owner = make_url(access.owner_url).set(database=NAME).render_as_string(hide_password=False)
    await migrate.upgrade(owner)
    return owner


@pytest.fixture
async def owner(owner_url: str) -> AsyncIterator[AsyncConnection]:
    """A connection as the owner of everything; what it does is rolled back."""
    engine = create_async_engine(
        make_url(owner_url).set(drivername="postgresql+asyncpg"),
        connect_args={"server_settings": {"role": "coop_owner"}},
    )
    async with engine.connect() as connection:
        yield connection
        await connection.rollback()
    await engine.dispose()


async def catalog(connection: AsyncConnection) -> dict[str, str]:
    """Every function and trigger as PostgreSQL writes it, with its comment."""
    found = await connection.execute(
        text("""
        SELECT 'function ' || p.oid::regprocedure::text, pg_get_functiondef(p.oid)
            || coalesce(obj_description(p.oid, 'pg_proc'), '')
        FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace
        UNION ALL
        SELECT 'trigger ' || t.tgname || ' on ' || t.tgrelid::regclass, pg_get_triggerdef(t.oid)
        FROM pg_trigger AS t WHERE NOT t.tgisinternal
        """)
    )
    return {row[0]: row[1] for row in found}


async def all_rows(connection: AsyncConnection, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await connection.execute(text(sql))]


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_the_last_frozen_copy_of_every_object_is_its_current_text(path: Path) -> None:
    copies = sorted(FROZEN.glob(f"[0-9][0-9][0-9][0-9]_{path.stem}.sql"))
    assert copies, f"no migration holds {path.name}"
    assert copies[-1].read_text() == path.read_text()


async def test_applying_the_current_files_changes_nothing(owner: AsyncConnection) -> None:
    migrated = await catalog(owner)
    for path in ROOMS:
        await owner.run_sync(migrate.run_sql, path.read_text())
    assert await catalog(owner) == migrated
    assert len(migrated) > 30


async def test_tables_say_what_the_database_holds(owner: AsyncConnection) -> None:
    for room in sorted(Path(coop.__file__).parent.iterdir()):
        if (room / "tables.py").exists() or (room / "tables" / "__init__.py").exists():
            importlib.import_module(f"coop.{room.name}.tables")

    def compare(sync: Connection) -> list[object]:
        sync.dialect.ischema_names["xid8"] = Xid8  # reflection knows only what SQLAlchemy ships
        context = MigrationContext.configure(
            sync, opts={"compare_type": True, "compare_server_default": True}
        )
        return compare_metadata(context, metadata)

    assert await owner.run_sync(compare) == []


async def test_down_to_nothing_and_up_again(access: Access, owner_url: str) -> None:
    name = f"{NAME}_down"
    await migrate.create_database(access.admin_url, name)
    admin = make_url(access.admin_url).set(database=name).render_as_string(hide_password=False)
    await migrate.prepare(admin)
    url = make_url(owner_url).set(database=name).render_as_string(hide_password=False)
    await migrate.upgrade(url)
    before = await _everything(url)
    await migrate.downgrade(url, "base")
    assert await _everything(url) == {"table alembic_version"}
    await migrate.upgrade(url)
    assert await _everything(url) == before
    current, wanted = await migrate.status(url)
    assert current == wanted


async def _everything(url: str) -> set[str]:
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
    async with engine.connect() as connection:
        found = set(await catalog(connection))
        tables = await all_rows(
            connection,
            "SELECT 'table ' || relname FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
        )
    await engine.dispose()
    return found | {str(name) for (name,) in tables}


TABLES = "relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'"


async def test_every_table_shows_only_its_tenants_rows(owner: AsyncConnection) -> None:
    open_tables = await all_rows(
        owner,
        f"SELECT relname FROM pg_class WHERE {TABLES} "
        "AND NOT (relrowsecurity AND relforcerowsecurity AND EXISTS ("
        "SELECT FROM pg_policies WHERE tablename = relname AND policyname = 'tenant' "
        "AND qual = '(cooperative_id = ( SELECT coop_current() AS coop_current))' "
        "AND with_check = qual))",
    )
    assert open_tables == []


async def test_every_key_leads_with_the_cooperative(owner: AsyncConnection) -> None:
    loose = await all_rows(
        owner,
        "SELECT c.conname FROM pg_constraint AS c "
        "JOIN pg_class ON pg_class.oid = c.conrelid "
        "JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] "
        f"WHERE {TABLES} AND c.contype IN ('p', 'u', 'f') AND a.attname <> 'cooperative_id'",
    )
    assert loose == [("uq_cooperative_slug",)]


async def test_the_serving_role_may_no_more_than_is_said_here(owner: AsyncConnection) -> None:
    rows = await all_rows(
        owner,
        "SELECT table_name, privilege_type FROM information_schema.table_privileges "
        "WHERE grantee = 'coop_app' AND table_name <> 'alembic_version' ORDER BY 1, 2",
    )
    tables = {
        str(name)
        for (name,) in await all_rows(owner, f"SELECT relname FROM pg_class WHERE {TABLES}")
    }
    read = {(name, "SELECT") for name in tables}
    assert set(rows) - read == set(TABLE_GRANTS.items())
    assert read <= set(rows)


async def test_the_serving_role_updates_only_these_columns(owner: AsyncConnection) -> None:
    rows = await all_rows(
        owner,
        "SELECT table_name, column_name FROM information_schema.column_privileges "
        "WHERE grantee = 'coop_app' AND privilege_type = 'UPDATE'",
    )
    assert set(rows) == {(t, c) for t, columns in COLUMN_UPDATES.items() for c in columns}


async def test_the_public_may_nothing(owner: AsyncConnection) -> None:
    assert (
        await all_rows(
            owner,
            "SELECT table_name, privilege_type FROM information_schema.table_privileges "
            "WHERE grantee = 'PUBLIC' AND table_schema = 'public'",
        )
        == []
    )
    rows = await all_rows(
        owner,
        "SELECT p.proname, coalesce(r.rolname, 'PUBLIC') FROM pg_proc AS p "
        "CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS g "
        "LEFT JOIN pg_roles AS r ON r.oid = g.grantee "
        "WHERE p.pronamespace = 'public'::regnamespace AND g.grantee <> p.proowner",
    )
    assert set(rows) == {(name, "coop_app") for name in EXECUTES}


async def test_every_function_says_where_it_looks_for_names(owner: AsyncConnection) -> None:
    # Functions with a body of the SQL standard were bound when they were made: they look up nothing.
    assert (
        await all_rows(
            owner,
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
            "AND prosqlbody IS NULL "
            "AND NOT coalesce('search_path=public, pg_temp' = ANY (proconfig), FALSE)",
        )
        == []
    )


async def test_no_table_column_or_function_is_without_a_word(owner: AsyncConnection) -> None:
    assert (
        await all_rows(
            owner,
            f"SELECT relname, NULL FROM pg_class WHERE {TABLES} AND obj_description(oid) IS NULL "
            "UNION ALL SELECT relname, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid "
            f"WHERE {TABLES} AND attnum > 0 AND NOT attisdropped "
            "AND col_description(pg_class.oid, attnum) IS NULL "
            "UNION ALL SELECT 'function', proname FROM pg_proc "
            "WHERE pronamespace = 'public'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL",
        )
        == []
    )
