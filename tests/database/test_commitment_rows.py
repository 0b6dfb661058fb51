"""Commitments in the database: what it refuses whoever writes, and what nobody else sees."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from coop.billing.queries.commitments import Commitment
from coop.db.engine import Database, bind_tenant
from coop.kernel.ids import uuid7
from tests.billing.pledges import Pledges, open_pledges

pytestmark = pytest.mark.anyio

TABLES = (
    "commitment", "commitment_hub", "commitment_terms", "commitment_settlement", "make_up_credit",
    "make_up_movement", "commitment_deposit",
)  # fmt: skip
DENIED = ("42501", None)


@pytest.fixture
async def lived(database: Database) -> tuple[Pledges, Commitment]:
    """A commitment with a settled month and an open credit."""
    pledges = await open_pledges(database)
    hub = await pledges.hub()
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub, make_up_months=3)
    await pledges.settle("2026-01")
    return pledges, made


async def said(pledges: Pledges, sql: str, **values: Any) -> tuple[str, str | None]:
    """What the database says to the serving role: SQLSTATE and constraint."""
    async with pledges.database.engine.connect() as connection:
        await bind_tenant(connection, pledges.id)
        with pytest.raises(DBAPIError) as caught:
            await connection.execute(text(sql), values)
        await connection.rollback()
    cause: Any = caught.value.orig.__cause__
    return cause.sqlstate, cause.constraint_name


@pytest.mark.parametrize("table", TABLES)
async def test_nothing_is_deleted(lived: tuple[Pledges, Commitment], table: str) -> None:
    pledges, _ = lived
    assert await said(pledges, f"DELETE FROM {table}") == DENIED
    assert await said(pledges, f"TRUNCATE {table} CASCADE") == DENIED


async def test_only_the_end_of_a_commitment_moves(lived: tuple[Pledges, Commitment]) -> None:
    pledges, _ = lived
    for change in (
        "commitment SET from_on = '2026-03-01'",
        "commitment_terms SET minimum_wh = 1",
        "commitment_settlement SET shortfall_wh = 0",
        "make_up_movement SET wh = 0",
        "make_up_credit SET expires_on = '2099-01-01'",
    ):
        assert await said(pledges, f"UPDATE {change}") == DENIED


async def test_a_month_has_one_settlement_that_adjusts_none(
    lived: tuple[Pledges, Commitment],
) -> None:
    pledges, _ = lived
    columns = [
        row[0]
        for row in await pledges.sql(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'commitment_settlement'::regclass"
            " AND attnum > 0"
        )
    ]
    new = {"id": f"'{uuid7()}'", "number": "2"}
    copied = ", ".join(new.get(name, name) for name in columns)
    again = (
        f"INSERT INTO commitment_settlement ({', '.join(columns)})"
        f" SELECT {copied} FROM commitment_settlement"
    )
    assert await said(pledges, again) == ("23505", "uq_commitment_settlement_month")
    wrong = copied.replace("shortfall_wh,", "shortfall_wh + 1,").replace(
        "month,", "date '2026-02-01',"
    )
    bad = again.replace(copied, wrong)
    assert await said(pledges, bad) == ("23514", "ck_commitment_settlement_adds_up")


async def test_no_second_commitment_of_a_member_at_a_hub_in_a_month(
    lived: tuple[Pledges, Commitment],
) -> None:
    pledges, made = lived
    other = uuid7()
    await pledges.sql(
        "INSERT INTO commitment (cooperative_id, id, member_id, from_on, to_on, pledged_by,"
        " pledged_at) VALUES (:c, :id, :m, '2026-12-01', '2027-02-01', 'x', now())",
        c=pledges.id, id=other, m=made.member_id,
    )  # fmt: skip
    into = "INSERT INTO commitment_hub (cooperative_id, commitment_id, hub_id) VALUES (:c, :id, :h)"
    alone = ("23P01", "commitment_is_alone")
    values = {"c": pledges.id, "id": other, "h": made.hub_ids[0]}
    assert await said(pledges, into, **values) == alone
    await pledges.sql("UPDATE commitment SET to_on = '2026-12-01' WHERE id = :id", id=made.id)
    await pledges.sql(into, **values)
    longer = "UPDATE commitment SET to_on = '2027-01-01' WHERE id = :id"
    assert await said(pledges, longer, id=made.id) == alone


async def test_no_more_is_taken_of_a_credit_than_is_left(
    lived: tuple[Pledges, Commitment],
) -> None:
    pledges, _ = lived
    into = (
        "INSERT INTO make_up_movement (cooperative_id, id, credit_id, kind, month, effective_on,"
        " wh, amount_minor, recorded_at) SELECT cooperative_id, :id, id, 'used', '2026-02-01',"
        " '2026-02-28', :wh, :minor, now() FROM make_up_credit"
    )
    fits = ("23514", "make_up_fits")
    for wh, minor in ((-1_000_001, -20_000), (-1_000_000, -20_001), (-1_000_000, -19_999)):
        assert await said(pledges, into, id=uuid7(), wh=wh, minor=minor) == fits


async def test_no_more_is_returned_of_a_deposit_than_was_taken(
    lived: tuple[Pledges, Commitment],
) -> None:
    pledges, made = lived
    into = (
        "INSERT INTO commitment_deposit (cooperative_id, id, commitment_id, kind, amount_minor,"
        " effective_on, entry_id, recorded_by, recorded_at) SELECT cooperative_id, :id,"
        " commitment_id, :kind, 1, '2026-02-28', entry_id, 'x', now() FROM commitment_terms"
    )
    assert made.versions
    found = await said(pledges, into, id=uuid7(), kind="returned")
    assert found == ("23514", "deposit_fits")
    found = await said(pledges, into, id=uuid7(), kind="forfeited")
    assert found == ("23514", "deposit_fits")


async def test_another_cooperative_sees_nothing_of_it(
    lived: tuple[Pledges, Commitment], database: Database
) -> None:
    other = await open_pledges(database)
    pledges, made = lived
    for table in TABLES:
        assert await other.count(table) == 0
        assert await pledges.count(table) > 0 or table == "commitment_deposit"
    with pytest.raises(DBAPIError):
        await other.sql(
            "INSERT INTO commitment (cooperative_id, id, member_id, from_on, to_on, pledged_by,"
            " pledged_at) VALUES (:c, :id, :m, '2028-12-01', '2029-02-01', 'x', now())",
            c=pledges.id, id=uuid7(), m=made.member_id,
        )  # fmt: skip
