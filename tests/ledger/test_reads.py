"""Balances of any day and any knowledge, pages that lose and repeat nothing, and closed months."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.kernel.errors import Refusal
from coop.ledger import exporting, queries, service
from coop.ledger.domain.exports import beancount_names
from coop.ledger.errors import PeriodUnsealed
from coop.members.domain.roles import Viewer
from tests.ledger.town import Town, codes, found_town

pytestmark = pytest.mark.anyio


def charge(day: str, amount: str = "1.00", who: str = "ada") -> str:
    return f"{day} c\n  1200 {who}  debit {amount} EUR\n  4000 north  credit {amount} EUR\n"


async def test_balances_of_any_day_as_known_at_any_instant(town: Town) -> None:
    await town.posted(charge("2026-01-10", "1.00"))
    first = utc_now()
    await town.posted(charge("2026-03-10", "2.00"))
    second = utc_now()
    await town.posted(charge("2026-01-05", "4.00"))  # backdated
    cases = {
        (None, None): 700, (None, first): 100, (None, second): 300,
        (date(2026, 1, 4), None): 0, (date(2026, 1, 5), None): 400, (date(2026, 1, 9), None): 400,
        (date(2026, 1, 10), None): 500, (date(2026, 3, 9), None): 500, (date(2026, 3, 10), None): 700,
        (date(2026, 1, 10), first): 100, (date(2026, 1, 9), second): 0, (date(2026, 3, 10), second): 300,
    }  # fmt: skip
    for closed in ((), (date(2026, 1, 1),), (date(2026, 2, 1), date(2026, 3, 1))):
        for month in closed:
            await town.close(month)
        for (as_of, known_at), expected in cases.items():
            assert await town.balance("1200 ada", as_of=as_of, known_at=known_at) == expected
            assert await town.balance("4000 north", as_of=as_of, known_at=known_at) == -expected
    assert (await town.verify()).ok


async def test_statements_balance_at_every_instant_also_within_a_batch(town: Town) -> None:
    await town.post(
        "".join(
            charge(f"2026-03-{day:02}", who=who) for day in range(1, 29) for who in ("ada", "bob")
        )
    )
    async with town.database.snapshot(town.id) as connection:
        instants = [
            row.recorded_at
            for row in await connection.execute(
                text("SELECT DISTINCT recorded_at FROM balance ORDER BY recorded_at")
            )
        ]
        assert len(instants) > 1
        for known_at in instants:
            trial = await service.trial_balance(
                connection, town.viewer, town.id, date(2026, 12, 31), known_at
            )
            assert {total.debit_minor for total in trial.totals} <= {0, 5600}


async def test_statements_say_what_was_posted(town: Town) -> None:
    await town.open("2800", "5000 north")
    await town.fund("grant")
    await town.posted(
        charge("2026-03-10", "9.00")
        + "2026-03-11 power\n  5000 north  debit 4.00 EUR\n  1000  credit 4.00 EUR\n"
        + "2026-04-02 grant\n  1000  debit 50.00 EUR  fund grant\n  2800  credit 50.00 EUR  fund grant\n"
        + "2026-03-12 energy\n  9100 ada  debit 3.000 kWh\n  9000 north  credit 3.000 kWh\n"
    )
    day = date(2026, 4, 30)
    async with town.database.snapshot(town.id) as connection:
        asked = (connection, town.viewer, town.id)
        trial = await service.trial_balance(*asked, day)
        sheet = await service.balance_sheet(*asked, day)
        income = await service.income_statement(*asked, date(2026, 3, 1), day)
        april = await service.income_statement(*asked, date(2026, 4, 1), day)
    assert [(t.commodity, t.debit_minor, t.credit_minor) for t in trial.totals] == [
        ("EUR", 6300, 6300), ("kWh", 3000, 3000),
    ]  # fmt: skip
    assert [(s.title, s.total_minor) for s in sheet.sections] == [
        ("Assets", 5500), ("Liabilities", 5000), ("Equity", 500),
    ]  # fmt: skip
    assert [line.amount_minor for _, line in income.results] == [500]
    assert april.results == ()


async def test_only_readers_of_the_books_see_them(town: Town, elsewhere: Town) -> None:
    day = date(2026, 3, 1)
    operator = Viewer("eve", (), utc_now())
    async with town.database.snapshot(town.id) as connection:
        for ask in (
            service.trial_balance(connection, operator, town.id, day),
            service.balance_sheet(connection, operator, town.id, day),
            service.income_statement(connection, operator, town.id, day, day),
        ):
            with pytest.raises(Refusal) as caught:
                await ask
            assert caught.value.code == "NOT_FOUND"


# pages


Row = tuple[object, int]


async def page_through(
    town: Town, names: list[str], limit: int, *, backward: bool, between: list[str]
) -> list[Row]:
    """Every page one after the other, posting one of `between` after each."""
    ids = [town.accounts[name] for name in names]
    rows: list[Row] = []
    place, more = None, list(between)
    while True:
        async with town.database.snapshot(town.id) as connection:
            page = await queries.postings_page(
                connection, ids, after=place, limit=limit, backward=backward
            )
        rows += [(row.entry_id, row.line) for row in page]
        if not page:
            return rows
        place = (page[-1].recorded_at, page[-1].entry_id, page[-1].line)
        if more:
            await town.posted(more.pop())


async def all_rows(town: Town, names: list[str]) -> list[Row]:
    async with town.database.snapshot(town.id) as connection:
        page = await queries.postings_page(
            connection, [town.accounts[name] for name in names], limit=10_000
        )
    return [(row.entry_id, row.line) for row in page]


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    batches=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    limit=st.integers(1, 7),
    inserts=st.integers(0, 3),
    both=st.booleans(),
)
async def test_pages_joined_are_the_whole_whatever_comes_between(
    database: Database, batches: list[int], limit: int, inserts: int, both: bool
) -> None:
    town = await found_town(database)
    for number, size in enumerate(batches):
        who = "ada" if number % 2 else "bob"
        await town.posted("".join(charge(f"2026-03-{1 + n:02}", who=who) for n in range(size)))
    names = ["1200 ada", "4000 north"] if both else ["4000 north"]
    new = [charge("2026-02-01"), charge("2026-05-01"), charge("2026-03-02")][:inserts]
    before = await all_rows(town, names)
    assert await page_through(town, names, limit, backward=False, between=list(new)) == before
    # Backward from the oldest: what came meanwhile is newer, so it is seen at the end.
    after = await page_through(town, names, limit, backward=True, between=list(new))
    assert after == (await all_rows(town, names))[::-1]
    assert len(set(after)) == len(after)


async def test_a_page_carries_running_balances_that_meet(town: Town) -> None:
    await town.posted("".join(charge(f"2026-03-{day:02}") for day in range(1, 21)))
    async with town.database.snapshot(town.id) as connection:
        page = await queries.postings_page(connection, [town.accounts["1200 ada"]], limit=50)
    assert [row.balance_after for row in page] == [100 * n for n in range(20, 0, -1)]
    assert [row.version for row in page] == list(range(20, 0, -1))


async def test_a_page_of_days_shows_those_days_only(town: Town) -> None:
    await town.posted("".join(charge(f"2026-{month:02}-15") for month in (1, 2, 3, 2, 1)))
    ids = [town.accounts["1200 ada"]]
    async with town.database.snapshot(town.id) as connection:
        page = await queries.postings_page(
            connection, ids, limit=50, from_on=date(2026, 2, 1), to_on=date(2026, 3, 1)
        )
        [total] = await queries.postings_total(
            connection, ids, from_on=date(2026, 2, 1), to_on=date(2026, 3, 1)
        )
        lines = await queries.postings_of_days(connection, ids, date(2026, 1, 1), date(2026, 2, 1))
    assert [row.version for row in page] == [4, 2]
    assert (total.count, total.debit_minor, total.credit_minor) == (2, 200, 0)
    assert [row.version for row in lines] == [1, 5]


# months


async def test_months_close_in_order_and_reopen_by_vote(town: Town) -> None:
    await town.posted(charge("2026-01-10") + charge("2026-03-10"))
    january, february = await town.month(date(2026, 1, 1)), await town.month(date(2026, 2, 1))

    async def refused(what: object, *given: object) -> str | None:
        try:
            await town.database.unit_of_work(
                town.id,
                lambda c: what(c, town.viewer, town.id, *given),  # type: ignore[operator]
            )
        except Refusal as refusal:
            return refusal.code
        return None

    assert await refused(service.begin_close, february) == "PERIOD_ORDER"
    assert await refused(service.begin_close, town.id) == "PERIOD_UNKNOWN"
    assert await refused(service.finish_close, january, 1) == "PERIOD_NOT_OPEN"
    await town.close(date(2026, 1, 1))
    await town.close(date(2026, 2, 1))
    assert await refused(service.begin_close, january) == "PERIOD_NOT_OPEN"
    assert await refused(service.reopen_period, january, town.id) == "PERIOD_ORDER"
    assert await refused(service.reopen_period, february, None) == "RESOLUTION_REQUIRED"
    assert await refused(service.reopen_period, february, town.id) is None
    assert await refused(service.reopen_period, february, town.id) == "PERIOD_NOT_CLOSED"
    assert await refused(service.reopen_period, january, town.id) is None
    assert codes(await town.post(charge("2026-01-20", "3.00"))) == [None]
    await town.close(date(2026, 1, 1))
    assert await town.balance("1200 ada", as_of=date(2026, 1, 31)) == 400
    async with town.database.snapshot(town.id) as connection:
        closes = await connection.scalar(text("SELECT count(*) FROM period_close"))
    assert closes == 3
    assert (await town.verify()).ok


async def test_a_close_is_not_finished_over_unsealed_entries(town: Town) -> None:
    await town.posted(charge("2026-01-10"))
    january = await town.month(date(2026, 1, 1))
    await town.database.unit_of_work(
        town.id, lambda c: service.begin_close(c, town.viewer, town.id, january)
    )
    before = await town.books("period")
    with pytest.raises(PeriodUnsealed):
        await town.database.unit_of_work(
            town.id, lambda c: service.finish_close(c, town.viewer, town.id, january, 1)
        )
    assert await town.books("period") == before


async def test_sealing_and_posting_at_once_skip_nothing(town: Town) -> None:
    async def write(who: str) -> None:
        for day in range(1, 15):
            await town.posted(charge(f"2026-03-{day:02}", who=who))

    async def seal() -> None:
        for _ in range(10):
            await town.seal()

    await asyncio.gather(write("ada"), write("bob"), seal(), seal())
    await town.seal()
    found = await town.verify()
    assert (found.ok, found.unsealed, found.sealed) == (True, 0, 28)


# exports


async def test_beancount_reads_the_same_balances(town: Town) -> None:
    loader = pytest.importorskip("beancount.loader")
    realization = pytest.importorskip("beancount.core.realization")
    await town.fund("grant")
    await town.open("2800")
    await town.posted(
        charge("2026-03-10", "9.00") + charge("2026-03-09", "1.10", "bob")
        + '2026-04-02 a "quoted" memo\n  1000  debit 50.00 EUR  fund grant\n  2800  credit 50.00 EUR  fund grant\n'
        + "2026-03-12 energy\n  9100 ada  debit 3.001 kWh\n  9000 north  credit 3.001 kWh\n"
    )  # fmt: skip
    hubs = dict.fromkeys(await hub_ids(town), "North")
    async with town.database.snapshot(town.id) as connection:
        journal = "".join(
            [
                piece
                async for piece in exporting.export(
                    connection, "beancount", title="Town", hub_names=hubs
                )
            ]
        )
        sums = await queries.account_sums(connection)
        book = await exporting.read_book(connection, "Town", hubs)
    entries, errors, _ = loader.load_string(journal)
    assert errors == []
    real = realization.realize(entries)
    names = beancount_names(book)
    for line in sums:
        held = realization.get(real, names[line.account_id]).balance
        scale = 1000 if line.commodity == "kWh" else 100
        [position] = held.get_positions()
        assert position.units.number * scale == line.net_minor
    assert "Hub-North" in journal


async def hub_ids(town: Town) -> list[object]:
    async with town.database.snapshot(town.id) as connection:
        rows = await connection.execute(
            text("SELECT DISTINCT hub_id FROM account WHERE hub_id IS NOT NULL")
        )
        return [row.hub_id for row in rows]


async def test_an_export_has_every_entry_once(town: Town) -> None:
    await town.posted("".join(charge(f"2026-03-{1 + n % 28:02}") for n in range(700)))
    async with town.database.snapshot(town.id) as connection:
        pieces = [piece async for piece in exporting.export(connection, "csv", title="Town")]
        ledger = "".join([p async for p in exporting.export(connection, "hledger", title="Town")])
    assert len(pieces) == 3
    lines = "".join(pieces).splitlines()
    assert len(lines) == 1 + 2 * 700
    assert len({line.split(",")[0] for line in lines[1:]}) == 700
    assert ledger.count("kind:manual") == 700
