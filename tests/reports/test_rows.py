"""What the database itself refuses of issued statements, whoever writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from coop.db.engine import Database
from tests.reports.town import OCTOBER, SEPTEMBER, Grid, grid

pytestmark = pytest.mark.anyio

_COPY = (
    "INSERT INTO statement SELECT cooperative_id, uuidv7(), member_id, {number}, from_on, to_on, "
    "issued_at, issued_by, currency, opening_minor, closing_minor, entry_count, content_sha256, "
    "seal_number, previous_id, {supersedes}, program_version FROM statement WHERE id = :id"
)


@pytest.fixture
async def place(database: Database, tmp_path: Path) -> Grid:
    """A cooperative of this test's own."""
    return await grid(database, tmp_path / "documents")


async def _refused(place: Grid, statement: str, **given: Any) -> Any:
    """The driver's error that `statement` meets as the serving role."""
    with pytest.raises(DBAPIError) as refused:
        await place.work(lambda c: c.execute(text(statement), given))
    assert refused.value.orig is not None
    return refused.value.orig.__cause__


@pytest.mark.parametrize("table", ["statement", "document"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {} SET cooperative_id = cooperative_id", "DELETE FROM {}", "TRUNCATE {} CASCADE"],
)
async def test_what_was_issued_is_never_changed(place: Grid, table: str, statement: str) -> None:
    await place.issue(place.ada)
    assert (await _refused(place, statement.format(table))).sqlstate == "42501"


@pytest.mark.parametrize("table", ["statement", "document"])
async def test_not_even_by_the_owner(access: Any, place: Grid, table: str) -> None:
    import asyncpg

    await place.issue(place.ada)
    owner = await asyncpg.connect(access.owner_url)
    try:
        async with owner.transaction():
            await owner.execute(f"SET LOCAL coop.cooperative_id = '{place.id}'")
            with pytest.raises(asyncpg.RestrictViolationError):
                await owner.execute(f"DELETE FROM {table}")
    finally:
        await owner.close()


@pytest.mark.parametrize("number", [1, 3, 0])
async def test_numbers_follow_each_other(place: Grid, number: int) -> None:
    issued = await place.issue(place.ada)
    copy = _COPY.format(number=number, supersedes="NULL")
    error = await _refused(place, copy, id=issued.statement.id)
    assert error.constraint_name == "statement_is_next"


async def test_a_statement_replaces_one_of_its_days_once(place: Grid) -> None:
    september, issued = (
        await place.issue(place.ada, SEPTEMBER),
        await place.issue(place.ada, OCTOBER),
    )
    other = _COPY.format(number=3, supersedes=f"'{september.statement.id}'")
    error = await _refused(place, other, id=issued.statement.id)
    assert error.constraint_name == "statement_replaces_same"

    once = _COPY.format(number=3, supersedes=f"'{issued.statement.id}'")
    await place.work(lambda c: c.execute(text(once), {"id": issued.statement.id}))
    twice = _COPY.format(number=4, supersedes=f"'{issued.statement.id}'")
    error = await _refused(place, twice, id=issued.statement.id)
    assert error.constraint_name == "uq_statement_cooperative_id_supersedes_id"


async def test_another_cooperatives_statements_are_not_there(
    place: Grid, database: Database, tmp_path: Path
) -> None:
    other = await grid(database, tmp_path / "other")
    await other.issue(other.ada)
    for table in ("statement", "document"):
        async with place.database.snapshot(place.id) as connection:
            found = await connection.scalar(text(f"SELECT count(*) FROM {table}"))
        assert found == 0


@pytest.mark.parametrize(
    ("statement_id", "invoice_id", "constraint"),
    [
        ("NULL", "NULL", "ck_document_of"),
        ("statement_id", "uuidv7()", "ck_document_of"),
        ("NULL", "uuidv7()", "fk_document_invoice_cooperative_id_invoice_id"),
    ],
)
async def test_a_file_is_of_one_statement_or_one_invoice_that_exists(
    place: Grid, statement_id: str, invoice_id: str, constraint: str
) -> None:
    await place.issue(place.ada)
    copy = (
        "INSERT INTO document (cooperative_id, id, statement_id, locale, media_type, file_name, "
        f"sha256, size_bytes, stored_as, stored_at, invoice_id) SELECT cooperative_id, uuidv7(), "
        f"{statement_id}, 'fr', media_type, file_name, sha256, size_bytes, stored_as, stored_at, "
        f"{invoice_id} FROM document"
    )
    assert (await _refused(place, copy)).constraint_name == constraint
