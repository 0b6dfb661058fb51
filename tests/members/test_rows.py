"""What the database itself says, to raw SQL as the serving role: nothing of this relies on our code."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from coop.db.engine import Database
from coop.members.domain.roles import Role
from tests.members.people import Town

pytestmark = pytest.mark.anyio

TABLES = ("cooperative", "member", "person_role", "access_token")
NEW_MEMBER = """INSERT INTO member (cooperative_id, id, number, name, joined_on)
    VALUES ('{0}', uuidv7(), 'x', 'X', '2026-01-01')"""
NEW_ROLE = """INSERT INTO person_role
    (cooperative_id, id, subject, role, member_id, from_on, granted_by, granted_at)
    VALUES ('{0}', uuidv7(), 'eve', {1}, '2026-01-01', 'eve', now())"""
NEW_TOKEN = """INSERT INTO access_token (cooperative_id, id, token_sha256, name, subject, scopes,
    grant_ids, created_by, created_at, expires_at)
    VALUES ('{0}', uuidv7(), sha256('x'), 'x', 'eve', {1}, ARRAY[uuidv7()], 'eve', now(), now() + {2})"""


async def run(database: Database, tenant: UUID | None, sql: str, subject: str | None = None) -> int:
    """Rows that one statement touches or finds, in a transaction of `tenant`."""

    async def work(connection):  # type: ignore[no-untyped-def]
        result = await connection.execute(text(sql))
        return len(result.all()) if result.returns_rows else result.rowcount

    return int(await database.unit_of_work(tenant, work, subject=subject))


async def refused(database: Database, tenant: UUID | None, sql: str) -> str:
    """The SQLSTATE with which the statement is refused, and the constraint where one is named."""
    with pytest.raises(DBAPIError) as caught:
        await run(database, tenant, sql)
    cause = caught.value.orig.__cause__
    return f"{cause.sqlstate} {getattr(cause, 'constraint_name', None) or ''}".strip()


async def everything_in(town: Town) -> None:
    anna = await town.admit("Anna")
    await town.grant(f"anna@{town.slug}", Role.OPERATOR, member_id=anna.id)
    await town.token(f"fund@{town.slug}")


@pytest.mark.parametrize("table", TABLES)
async def test_rows_are_seen_in_their_own_cooperative_only(
    town: Town, elsewhere: Town, table: str
) -> None:
    await everything_in(town)
    by_id = f"SELECT * FROM {table} WHERE cooperative_id = '{town.id}'"

    assert await run(town.database, town.id, by_id) == 1
    assert await run(town.database, elsewhere.id, by_id) == 0
    assert await run(town.database, None, by_id) == 0
    assert await run(town.database, elsewhere.id, by_id, subject="stranger") == 0
    assert await run(town.database, town.id, f"SELECT * FROM {table}") == 1


async def test_a_subject_sees_its_own_roles_and_their_cooperatives_and_nothing_more(
    town: Town, elsewhere: Town
) -> None:
    await everything_in(town)
    await everything_in(elsewhere)
    anna = f"anna@{town.slug}"

    assert await run(town.database, None, "SELECT * FROM person_role", anna) == 1
    assert await run(town.database, None, "SELECT * FROM cooperative", anna) == 1
    assert await run(town.database, None, "SELECT * FROM member", anna) == 0
    assert await run(town.database, None, "SELECT * FROM access_token", anna) == 0
    assert await run(town.database, elsewhere.id, "SELECT * FROM person_role", anna) == 2


async def test_the_service_sees_cooperatives_and_nothing_in_them(town: Town) -> None:
    await everything_in(town)
    mine = f"WHERE cooperative_id = '{town.id}'"

    assert await run(town.database, None, f"SELECT * FROM cooperative {mine}", "system") == 1
    for table in TABLES[1:]:
        assert await run(town.database, None, f"SELECT * FROM {table} {mine}", "system") == 0


async def test_asking_for_a_subjects_roles_leaves_nobody_bound(town: Town) -> None:
    await everything_in(town)
    async with town.database.snapshot(None, subject="bo") as connection:
        asked = text("SELECT * FROM roles_of_subject(:subject)")
        assert len((await connection.execute(asked, {"subject": f"anna@{town.slug}"})).all()) == 1
        assert await connection.scalar(text("SELECT coop_subject()")) == "bo"


@pytest.mark.parametrize(
    "sql",
    [
        NEW_MEMBER,
        NEW_ROLE.replace("{1}", "'BOARD', NULL"),
        NEW_TOKEN.replace("{1}", "ARRAY['grant:read']").replace("{2}", "interval '1 day'"),
    ],
)
async def test_nothing_is_written_into_another_cooperative(
    town: Town, elsewhere: Town, sql: str
) -> None:
    assert await refused(town.database, elsewhere.id, sql.format(town.id)) == "42501"
    assert await refused(town.database, None, sql.format(town.id)) == "42501"
    assert await run(town.database, town.id, sql.format(town.id)) == 1


@pytest.mark.parametrize("subject", [None, "system"])
async def test_rows_of_another_cooperative_are_not_changed(
    town: Town, elsewhere: Town, subject: str | None
) -> None:
    await everything_in(town)
    for change in (
        "UPDATE cooperative SET name = 'x' WHERE cooperative_id = '{0}'",
        "UPDATE member SET name = 'x' WHERE cooperative_id = '{0}'",
        "UPDATE person_role SET to_on = '2030-01-01' WHERE cooperative_id = '{0}'",
        "UPDATE access_token SET revoked_at = now() WHERE cooperative_id = '{0}'",
    ):
        assert await run(town.database, elsewhere.id, change.format(town.id), subject) == 0


async def test_a_subject_does_not_change_its_own_roles_from_outside(town: Town) -> None:
    await everything_in(town)
    change = "UPDATE person_role SET to_on = '2030-01-01'"
    assert await run(town.database, None, change, f"anna@{town.slug}") == 0


@pytest.mark.parametrize("table", TABLES)
async def test_nothing_is_deleted(town: Town, table: str) -> None:
    await everything_in(town)
    assert await refused(town.database, town.id, f"DELETE FROM {table}") == "42501"
    assert await refused(town.database, town.id, f"TRUNCATE {table} CASCADE") == "42501"


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("UPDATE cooperative SET slug = 'other'", "42501"),
        ("UPDATE cooperative SET currency = 'EUR'", "42501"),
        ("UPDATE member SET number = '9'", "42501"),
        ("UPDATE member SET cooperative_id = uuidv7()", "42501"),
        ("UPDATE member SET left_on = joined_on", "23514 ck_member_left_on"),
        ("UPDATE person_role SET role = 'TREASURER'", "42501"),
        ("UPDATE person_role SET subject = 'eve'", "42501"),
        ("UPDATE person_role SET to_on = '2025-12-31'", "23514 ck_person_role_to_on"),
        ("UPDATE access_token SET expires_at = now() + interval '9 years'", "42501"),
        ("UPDATE access_token SET scopes = ARRAY['grant:read']", "42501"),
        (NEW_ROLE.replace("{1}", "'BOSS', NULL"), "23514 ck_person_role_role"),
        (NEW_ROLE.replace("{1}", "'OPERATOR', NULL"), "23514 ck_person_role_member_id"),
        (NEW_ROLE.replace("{1}", "'OPERATOR', uuidv7()"), "23503 fk_person_role_member_cooperative_id_member_id"),
        (NEW_TOKEN.replace("{1}", "ARRAY['all']").replace("{2}", "interval '1 day'"), "23514 ck_access_token_scopes"),
        (NEW_TOKEN.replace("{1}", "ARRAY[]::text[]").replace("{2}", "interval '1 day'"), "23514 ck_access_token_scopes"),
        (NEW_TOKEN.replace("{1}", "ARRAY['grant:read']").replace("{2}", "interval '367 days'"), "23514 ck_access_token_expires_at"),
    ],
)  # fmt: skip
async def test_the_database_refuses_what_the_rules_do(town: Town, sql: str, answer: str) -> None:
    await everything_in(town)
    assert await refused(town.database, town.id, sql.format(town.id)) == answer


async def test_a_role_refers_to_a_member_of_its_own_cooperative(
    town: Town, elsewhere: Town
) -> None:
    foreigner = await elsewhere.admit("Bo")
    sql = NEW_ROLE.format(town.id, f"'OPERATOR', '{foreigner.id}'")
    assert (await refused(town.database, town.id, sql)).startswith("23503 fk_person_role_member")


async def test_a_role_without_end_is_held_once(town: Town) -> None:
    sql = NEW_ROLE.format(town.id, "'BOARD', NULL")
    assert await run(town.database, town.id, sql) == 1
    assert await refused(town.database, town.id, sql) == "23505 uq_person_role_open"


async def test_an_ending_is_not_taken_back(town: Town) -> None:
    await everything_in(town)
    end = "UPDATE person_role SET to_on = {}"
    assert await run(town.database, town.id, end.format("'2026-06-01'")) == 1
    assert await run(town.database, town.id, end.format("'2026-05-01'")) == 1
    for later in ("'2026-05-02'", "NULL"):
        assert await refused(town.database, town.id, end.format(later)) == "23001 keep_endings"
    revoke = "UPDATE access_token SET revoked_at = {}"
    assert await run(town.database, town.id, revoke.format("now()")) == 1
    for other in ("NULL", "now() + interval '1 day'"):
        assert await refused(town.database, town.id, revoke.format(other)) == "23001 keep_endings"
