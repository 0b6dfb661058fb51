"""Whoever writes SQL by hand is refused by the database, by name, and nothing has changed."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.db.engine import bind_tenant
from coop.db.open import Access
from coop.kernel.ids import uuid7
from tests.ledger.town import BOOKS, Town, as_owner

pytestmark = pytest.mark.anyio

DENIED = ("42501", None)
GROWING = (
    "journal_entry",
    "posting",
    "seal",
    "entry_seal",
    "period_close",
    "period_balance",
    "outbox",
)
EVERY = (*BOOKS, "balance", "idempotency", "period", "account", "fund", "commodity", "seal_cursor")
JOURNAL = """
2026-03-14 charging  ; key=k1
  1200 ada  debit 12.00 EUR
  4000 north  credit 12.00 EUR
"""


def verdict(error: DBAPIError) -> tuple[str, str | None]:
    cause = error.orig.__cause__
    return cause.sqlstate, cause.constraint_name


async def attempt(
    connection: AsyncConnection, sql: str, **parameters: object
) -> tuple[str, str | None]:
    """What the database says to `sql`: SQLSTATE and constraint."""
    with pytest.raises(DBAPIError) as caught:
        await connection.execute(text(sql), parameters)
    await connection.rollback()
    return verdict(caught.value)


@pytest.fixture
async def books(town: Town) -> Town:
    """A town with an entry, a seal and a closed month."""
    await town.open("1000", "1220")
    await town.fund("grant")
    [town.entries["e1"]] = await town.posted(JOURNAL)
    await town.posted(JOURNAL.replace("2026-03", "2026-02").replace("k1", "k0"))
    await town.close(date(2026, 2, 1))
    return town


async def serving(town: Town, sql: str, **parameters: object) -> tuple[str, str | None]:
    """What the serving role is told."""
    async with town.database.engine.connect() as connection:
        await bind_tenant(connection, town.id)
        return await attempt(connection, sql, **parameters)


@pytest.mark.parametrize("table", EVERY)
async def test_the_serving_role_deletes_and_empties_nothing(books: Town, table: str) -> None:
    before = await books.books(*EVERY)
    assert await serving(books, f"DELETE FROM {table}") == DENIED
    assert await serving(books, f"TRUNCATE {table} CASCADE") == DENIED
    assert await books.books(*EVERY) == before


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("journal_entry", "memo = 'x'"), ("posting", "amount_minor = amount_minor + 1"),
        ("balance", "debit_minor = 0"), ("balance_day", "debit_minor = 0"), ("hold", "state = 'released'"),
        ("idempotency", "outcome = NULL"), ("period", "state = 'open', closed_at = NULL"),
        ("period_close", "seal_number = 9"), ("period_balance", "debit_minor = 0"),
        ("seal", "root = hash"), ("entry_seal", "position = 5"), ("outbox", "topic = 'x'"),
        ("account", "floor_minor = NULL"), ("account", "closed_on = NULL"), ("account", "commodity = 'kWh'"),
        ("fund", "restriction = 'none'"), ("commodity", "scale = 0"),
    ],
)  # fmt: skip
async def test_the_serving_role_rewrites_nothing(books: Town, table: str, change: str) -> None:
    before = await books.books(*EVERY)
    assert await serving(books, f"UPDATE {table} SET {change}") == DENIED
    assert await books.books(*EVERY) == before


@pytest.mark.parametrize(
    "table",
    ["journal_entry", "posting", "balance", "balance_day", "hold", "period", "period_close",
     "period_balance", "outbox"],
)  # fmt: skip
async def test_the_serving_role_inserts_only_through_functions(books: Town, table: str) -> None:
    before = await books.books(*EVERY)
    assert await serving(books, f"INSERT INTO {table} SELECT * FROM {table}") == DENIED
    assert await books.books(*EVERY) == before


@pytest.mark.parametrize(
    "call",
    ["work_for(coop_current())", "extend_periods(coop_current(), '2026-01-01', '2026-01-01')",
     "free_hold(coop_current(), coop_current())",
     "lock_balances(coop_current(), '{t}', '{1}', '{}', '{}')",
     "judge_limits(coop_current(), '{t}', '{1}', '{1}', '{}', '{}', '{}')",
     "judge_reversals(coop_current(), '{}', '{t}', '{1}', '{}', '{}', '{}')"],
)  # fmt: skip
async def test_the_serving_role_has_no_hand_in_the_works(books: Town, call: str) -> None:
    assert await serving(books, f"SELECT {call}") == DENIED


@pytest.mark.parametrize(
    "call",
    [
        "begin_close(:other, :id)", "abandon_close(:other, :id)", "finish_close(:other, :id, 'x', 1)",
        "reopen_period(:other, :id, :id)", "set_limits(:other, :id, 0, 0)",
        "close_account(:other, :id, '2026-01-01')", "release_hold(:other, :id, 'released')",
        "place_hold(:other, :id, 'x', :id, :id, NULL, 5, '', '2030-01-01')",
        "capture_hold(:other, :id, 5, 'x', 'k', '', '2026-03-01', NULL, NULL)",
        ("post_entries(:other, '{x}', '{k}', '{2026-03-01}', '{}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', "
        "'{NULL}', '{NULL}', '{NULL}', '{1,1}', '{0,1}', '{2026-03-01,2026-03-01}', '{}', '{NULL,NULL}', "
        "'{NULL,NULL}', '{5,-5}')"),
    ],
)  # fmt: skip
async def test_work_bound_to_one_cooperative_writes_in_no_other(
    books: Town, elsewhere: Town, call: str
) -> None:
    before = await elsewhere.books(*EVERY)
    sql = "SELECT " + call.replace(":other", "CAST(:other AS uuid)").replace(
        ":id", "CAST(:id AS uuid)"
    )
    parameters = {"other": elsewhere.id, **({"id": uuid7()} if ":id" in call else {})}
    assert await serving(books, sql, **parameters) == ("42501", "work_for_own")
    assert await elsewhere.books(*EVERY) == before


@pytest.mark.parametrize("table", EVERY)
async def test_no_cooperative_sees_anothers_rows(books: Town, elsewhere: Town, table: str) -> None:
    asked = text(f"SELECT count(*) FROM {table} WHERE cooperative_id = :id")
    async with books.database.snapshot(elsewhere.id) as connection:
        assert await connection.scalar(asked, {"id": books.id}) == 0
    async with books.database.snapshot(None) as connection:
        assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0


async def test_rows_are_not_planted_in_another_cooperative(books: Town, elsewhere: Town) -> None:
    sql = "INSERT INTO fund (cooperative_id, id, code, name) VALUES (:to, :id, 'f', 'f')"
    assert await serving(books, sql, to=elsewhere.id, id=uuid7()) == ("42501", None)


# As the owner: the triggers and constraints themselves.


@pytest.mark.parametrize("table", GROWING)
async def test_even_the_owner_rewrites_nothing_that_only_grows(
    books: Town, access: Access, table: str
) -> None:
    before = await books.books(*EVERY)
    for sql in (
        f"UPDATE {table} SET cooperative_id = cooperative_id",
        f"DELETE FROM {table}",
        f"TRUNCATE {table} CASCADE",
    ):
        async with as_owner(access.owner_url, books) as owner:
            assert await attempt(owner, sql) == ("23001", "append_only")
    assert await books.books(*EVERY) == before


ENTRY = """
WITH e AS (
    INSERT INTO journal_entry (cooperative_id, id, kind, effective_on, recorded_at, memo, actor, reverses_id)
    SELECT :coop, CAST(:id AS uuid), 'raw', CAST(:on AS date), now(), '', 'owner', CAST(:reverses AS uuid)
    WHERE CAST(:new AS boolean)
)
INSERT INTO posting (cooperative_id, account_id, fund_id, version, entry_id, line, commodity,
    amount_minor, balance_after, effective_on)
SELECT :coop, l.account_id, l.fund_id, 1000 + l.line, CAST(:id AS uuid), l.line, l.commodity, l.amount, 0,
    CAST(:lines_on AS date)
FROM unnest(CAST(:accounts AS uuid[]), CAST(:funds AS uuid[]), CAST(:commodities AS text[]),
    CAST(:amounts AS bigint[])) WITH ORDINALITY AS l (account_id, fund_id, commodity, amount, line)
"""


def entry(town: Town, lines: list[tuple[str, int]], **changed: object) -> dict[str, object]:
    """Parameters of ENTRY: (account, amount) lines in euros, sound unless `changed`."""
    on = date(2026, 3, 14)
    return {
        "coop": town.id, "id": uuid7(), "on": on, "lines_on": on, "reverses": None, "new": True,
        "accounts": [town.accounts[name] for name, _ in lines], "funds": [town.id] * len(lines),
        "commodities": ["EUR"] * len(lines), "amounts": [amount for _, amount in lines],
    } | changed  # fmt: skip


PAIR = [("1000", 500), ("1220", -500)]


async def test_a_sound_entry_of_the_owner_is_taken(books: Town, access: Access) -> None:
    async with as_owner(access.owner_url, books) as owner:
        await owner.execute(text(ENTRY), entry(books, PAIR))


async def owner_says(books: Town, access: Access, **parameters: object) -> tuple[str, str | None]:
    before = await books.books(*EVERY)
    async with as_owner(access.owner_url, books) as owner:
        said = await attempt(owner, ENTRY, **parameters)
    assert await books.books(*EVERY) == before
    return said


async def test_what_a_posting_may_not_be(books: Town, elsewhere: Town, access: Access) -> None:
    await books.open("9000 north", "9100 ada")
    async with books.database.snapshot(books.id) as connection:
        heading = await connection.scalar(text("SELECT id FROM account WHERE code = '1'"))
    accounts = books.accounts
    for changed, constraint in (
        (entry(books, [("1000", 500), ("1220", -499)]), "posting_balanced"),
        (entry(books, [("1000", 500)]), "posting_balanced"),
        (entry(books, PAIR, funds=[books.id, books.funds["grant"]]), "posting_balanced"),
        (entry(books, PAIR, commodities=["EUR", "kWh"]), "posting_balanced"),
        (entry(books, PAIR, commodities=["kWh", "kWh"]), "posting_commodity"),
        (entry(books, PAIR, id=books.entries["e1"], new=False), "posting_born_with_entry"),
        (entry(books, PAIR, id=uuid7(), new=False), "posting_born_with_entry"),
        (entry(books, PAIR, lines_on=date(2026, 3, 15)), "posting_effective_on"),
        (entry(books, PAIR, accounts=[accounts["1000"], uuid7()]), "fk_posting_account"),
        (
            entry(books, PAIR, accounts=[accounts["1000"], elsewhere.accounts["1000"]]),
            "fk_posting_account",
        ),
        (entry(books, PAIR, accounts=[accounts["1000"], heading]), "posting_not_summary"),
        (entry(books, PAIR, funds=[elsewhere.id] * 2), "fk_posting_fund"),
        (entry(books, PAIR, on=date(2026, 2, 3), lines_on=date(2026, 2, 3)), "posting_period_open"),
        (entry(books, PAIR, on=date(2019, 2, 3), lines_on=date(2019, 2, 3)), "posting_period_open"),
    ):
        assert await owner_says(books, access, **changed) == ("23000", constraint)


async def test_a_posting_moves_something(books: Town, access: Access) -> None:
    zero = entry(books, [("1000", 0), ("1220", 0)])
    assert await owner_says(books, access, **zero) == ("23514", "ck_posting_amount")


async def test_an_account_takes_nothing_after_its_last_day(books: Town, access: Access) -> None:
    before = await books.books(*EVERY)
    async with as_owner(access.owner_url, books) as owner:
        await owner.execute(text("UPDATE account SET closed_on = '2026-03-13' WHERE code = '1000'"))
        said = await attempt(owner, ENTRY, **entry(books, PAIR))
    assert said == ("23000", "posting_account_open")
    assert await books.books(*EVERY) == before


async def test_an_entry_without_postings(books: Town, access: Access) -> None:
    bare = entry(books, [])
    assert await owner_says(books, access, **bare) == ("23000", "entry_has_postings")


async def test_an_entry_is_reversed_once(books: Town, access: Access) -> None:
    async with as_owner(access.owner_url, books) as owner:
        await owner.execute(text(ENTRY), entry(books, PAIR, reverses=books.entries["e1"]))
        again = entry(books, [("4000 north", 5), ("1200 ada", -5)], reverses=books.entries["e1"])
        said = await attempt(owner, ENTRY, **again)
    assert said == ("23505", "uq_journal_entry_reverses")


async def test_a_version_is_given_once(books: Town, access: Access) -> None:
    async with as_owner(access.owner_url, books) as owner:
        await owner.execute(text(ENTRY), entry(books, PAIR))
        assert await attempt(owner, ENTRY, **entry(books, PAIR)) == ("23505", "pk_posting")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE balance SET floor_minor = debit_minor + 1", ("23514", "ck_balance_floor")),
        ("UPDATE balance SET ceiling_minor = -100000", ("23514", "ck_balance_ceiling")),
        ("UPDATE balance SET pending_debit_minor = -1", ("23514", "ck_balance_pending")),
        ("UPDATE period SET to_on = from_on + 5", ("23514", "ck_period_month")),
        ("UPDATE period SET state = 'closed', closed_at = NULL", ("23514", "ck_period_state")),
        ("UPDATE period SET state = 'ajar'", ("23514", "ck_period_state")),
        ("UPDATE account SET closed_on = opened_on - 1", ("23514", "ck_account_open")),
        ("INSERT INTO seal SELECT cooperative_id, number + 2, hash, root, hash, 1, watermark, sealed_at FROM seal",
         ("23000", "seal_follows")),
        ("INSERT INTO seal SELECT cooperative_id, number + 1, root, root, hash, 1, watermark, sealed_at FROM seal",
         ("23000", "seal_follows")),
        ("INSERT INTO entry_seal SELECT cooperative_id, uuidv7(), seal_number, position, content_hash FROM entry_seal",
         ("23505", "uq_entry_seal_position")),
        (("INSERT INTO account SELECT cooperative_id, uuidv7(), code, name, type, normal_side, commodity "
         "FROM account LIMIT 1"), ("23502", None)),
    ],
)  # fmt: skip
async def test_what_rows_may_not_say(
    books: Town, access: Access, sql: str, said: tuple[str, str | None]
) -> None:
    before = await books.books(*EVERY)
    async with as_owner(access.owner_url, books) as owner:
        assert await attempt(owner, sql) == said
    assert await books.books(*EVERY) == before


async def test_one_account_of_each_kind(books: Town, access: Access) -> None:
    """Nulls are not distinct: a second bank account of the template is refused."""
    sql = (
        "INSERT INTO account (cooperative_id, id, code, name, type, normal_side, commodity, opened_on) "
        "SELECT cooperative_id, :id, code, name, type, normal_side, commodity, opened_on "
        "FROM account WHERE code = '1000'"
    )
    async with as_owner(access.owner_url, books) as owner:
        assert await attempt(owner, sql, id=UUID(int=7)) == ("23505", "uq_account_code")
