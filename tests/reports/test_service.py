"""Issuing on the real database: exact figures, once per key, superseded by what came later."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from coop.db.engine import Database
from coop.kernel.errors import NotFound, Refusal
from coop.kernel.ids import MemberId, uuid7
from coop.ledger import queries as ledger_queries
from coop.ledger import sealing
from coop.ledger.accounts import AccountKey
from coop.ledger.domain.entry import EntryDraft, PostingDraft, reversal_of
from coop.ledger.errors import IdempotencyMismatch
from coop.members.domain.roles import Role
from coop.reports import queries
from coop.reports.errors import LanguageUnavailable, StatementPeriodInvalid
from coop.reports.gathering import SealTrees, gather_statement
from coop.reports.statement_pdf import draw_statement, read_twin
from coop.reports.verify_document import (
    document_proof_findings,
    document_twin_findings,
    page_texts,
    statement_in,
)
from tests.reports.test_statement_pdf import _amounts
from tests.reports.town import OCTOBER, SEPTEMBER, Grid, grid, october

pytestmark = pytest.mark.anyio


@pytest.fixture
async def place(database: Database, tmp_path: Path) -> Grid:
    """A cooperative of this test's own."""
    return await grid(database, tmp_path / "documents")


# What it says


async def test_the_figures_are_those_worked_out_by_hand(place: Grid) -> None:
    await october(place)

    said = statement_in(place.file(await place.issue(place.ada)))

    assert (said.opening_minor, said.closing_minor) == (1_200, 8_065)
    assert (said.charges_minor, said.payments_minor) == (11_865, 5_000)
    lines = [
        (e.effective_on.day, e.account_code, e.debit_minor, e.credit_minor, e.due_minor,
         e.energy_wh, e.hub)
        for e in said.entries
    ]  # fmt: skip
    assert lines == [
        (3, "1205", 3_890, 0, 5_090, 10_000, "Harbour"),
        (15, "1200", 0, 5_000, 90, None, None),
        (20, "1205", 7_975, 0, 8_065, 20_500, "Station"),
        (21, "9100", 0, 0, 8_065, 1_500, "Station"),
    ]
    assert [(use.hub, use.sessions, use.energy_wh) for use in said.hubs] == [
        ("Station", 2, 22_000), ("Harbour", 1, 10_000),
    ]  # fmt: skip
    assert [(m.first_day, m.energy_wh) for m in said.months[-2:]] == [
        (date(2026, 9, 1), 3_085), (date(2026, 10, 1), 32_000),
    ]  # fmt: skip
    assert [(line.account_code, line.equity_class, line.amount_minor) for line in said.equity] == [
        ("3100", "shares", 200_000)
    ]
    assert (said.number, said.member.name) == ("0001-1", "Ada Berg")
    assert (said.sealed_entries, said.withheld_entries) == (4, 0)


async def test_the_twin_is_what_another_question_finds_in_the_journal(place: Grid) -> None:
    await october(place)
    issued = await place.issue(place.ada)

    twin = read_twin(place.file(issued))

    async with place.database.snapshot(place.id) as connection:
        rows = await connection.execute(
            text(
                "SELECT j.id, j.memo, p.amount_minor FROM journal_entry AS j "
                "JOIN posting AS p ON p.cooperative_id = j.cooperative_id AND p.entry_id = j.id "
                "JOIN account AS a ON a.cooperative_id = j.cooperative_id AND a.id = p.account_id "
                "WHERE a.member_id = :ada AND a.code = '1200' "
                "AND j.effective_on >= '2026-10-01' AND j.effective_on < '2026-11-01'"
            ),
            {"ada": place.ada.id},
        )
        journal = Counter((str(row.id), row.memo, row.amount_minor) for row in rows)
    minor = [
        (e["id"], e["memo"], int(100 * (Decimal(e["debit"]) - Decimal(e["credit"]))))
        for e in twin["entries"]
        if e["account"] == "1200"
    ]
    assert Counter(minor) == journal


async def test_opening_and_lines_make_closing_in_what_is_printed(place: Grid) -> None:
    await october(place)

    printed = "\n".join(page_texts(place.file(await place.issue(place.ada))))

    rows = re.findall(r"^Oct \d+, 2026 (?!–).*$", printed, re.MULTILINE)
    opening, *body, closing = [_amounts(re.sub(r"\d+\.\d{3}", "", row)) for row in rows]
    due = opening[-1]
    for row, amounts in zip(rows[1:-1], body, strict=True):
        if len(amounts) == 2:
            due += -amounts[0] if "Direct debit" in row else amounts[0]
        assert due == amounts[-1]
    assert [len(amounts) for amounts in body] == [2, 2, 2, 1]
    assert closing == [Decimal("118.65"), Decimal("50.00"), due]
    assert due == Decimal("80.65") == opening[-1] + Decimal("118.65") - Decimal("50.00")


async def test_a_reversal_takes_money_and_energy_back(place: Grid) -> None:
    made = await october(place)
    async with place.database.snapshot(place.id) as connection:
        lines = (await ledger_queries.postings_of_entries(connection, [made["first"]]))[
            made["first"]
        ]
    mirror = reversal_of(
        made["first"], [PostingDraft(x.account_id, x.amount_minor, x.fund_id) for x in lines],
        effective_on=date(2026, 10, 25), memo="Wrong badge",
    )  # fmt: skip
    await place.post(mirror)

    said = statement_in(place.file(await place.issue(place.ada)))

    last = said.entries[-1]
    assert (last.memo, last.credit_minor, last.energy_wh, last.hub) == (
        "Wrong badge", 3_890, -10_000, "Harbour",
    )  # fmt: skip
    assert [(u.hub, u.sessions, u.energy_wh) for u in said.hubs if u.hub == "Harbour"] == [
        ("Harbour", 0, 0)
    ]
    assert (said.closing_minor, said.energy_wh) == (4_175, 22_000)
    assert document_proof_findings(draw_statement(said)) == []


async def test_what_is_owed_to_the_member_is_set_off(place: Grid) -> None:
    receivable, payable, bank = await place.accounts(
        AccountKey("1200", MemberId(place.ada.id)), AccountKey("2620", MemberId(place.ada.id)),
        AccountKey("1000"),
    )  # fmt: skip
    await place.post(
        EntryDraft("patronage", date(2026, 10, 5), "Patronage",
                   (PostingDraft(bank, 700), PostingDraft(payable, -700))),
        EntryDraft("set_off", date(2026, 10, 6), "Set off",
                   (PostingDraft(payable, 300), PostingDraft(receivable, -300))),
    )  # fmt: skip

    said = statement_in(place.file(await place.issue(place.ada)))

    assert [(e.account_code, e.debit_minor, e.credit_minor, e.line) for e in said.entries] == [
        ("2620", 0, 700, 1), ("2620", 300, 0, 0), ("1200", 0, 300, 1),
    ]  # fmt: skip
    assert (said.closing_minor, said.due_on) == (-700, None)


async def test_an_entry_that_touches_another_member_stands_by_its_hash_alone(place: Grid) -> None:
    mine, others = await place.accounts(
        AccountKey("1200", MemberId(place.ada.id)), AccountKey("1200", MemberId(place.bo.id))
    )
    lines = (PostingDraft(mine, 500), PostingDraft(others, -500))
    await place.post(EntryDraft("transfer", date(2026, 10, 9), "Shared trailer", lines))

    pdf = place.file(await place.issue(place.ada))

    said = statement_in(pdf)
    assert (said.journal, said.withheld_entries, said.closing_minor) == ((), 1, 500)
    assert str(others) not in str(read_twin(pdf))
    assert "money of other members" in page_texts(pdf)[1]
    assert document_proof_findings(pdf) == []


async def test_a_member_without_anything_has_an_empty_statement(place: Grid) -> None:
    said = statement_in(place.file(await place.issue(place.bo)))

    assert (said.opening_minor, said.closing_minor, said.entries, said.seals) == (0, 0, (), ())


async def test_the_number_of_statements_sent_does_not_depend_on_the_lines(place: Grid) -> None:
    async def sent() -> int:
        before = place.database.statements
        async with place.database.snapshot(place.id) as connection:
            await gather_statement(
                connection, place.id, MemberId(place.ada.id), *OCTOBER, datetime.now(UTC),
                trees=SealTrees(),
            )  # fmt: skip
        return place.database.statements - before

    await october(place)
    await sealing.seal_everything(place.database, place.id)
    few = await sent()
    for day in range(1, 31):
        await place.charge(place.ada, "Harbour", date(2026, 10, day), 1_000 + day, 400 + day)
        if day % 10 == 0:
            await sealing.seal_everything(place.database, place.id)
    assert await sent() == few


# Once per key, and the same for the same figures


async def test_the_same_key_is_answered_what_it_was_answered(place: Grid) -> None:
    await october(place)
    first = await place.issue(place.ada, key="intent-1")
    await place.charge(place.ada, "Harbour", date(2026, 10, 30), 5_000, 1_945)

    again = await place.issue(place.ada, key="intent-1")

    assert again == replace(first, replayed=True)
    assert place.files() == 1


async def test_the_same_key_for_something_else_is_refused(place: Grid) -> None:
    await place.issue(place.ada, key="intent-1")

    for member, days, locale in (
        (place.bo, OCTOBER, "en"), (place.ada, SEPTEMBER, "en"), (place.ada, OCTOBER, "nb"),
    ):  # fmt: skip
        with pytest.raises(IdempotencyMismatch):
            await place.issue(member, days, key="intent-1", locale=locale)
    assert place.files() == 1


async def test_twins_of_a_request_issue_one_statement(place: Grid) -> None:
    await october(place)

    twins = await asyncio.gather(*(place.issue(place.ada, key="intent-1") for _ in range(6)))

    assert len({(t.statement.id, t.document.id) for t in twins}) == 1
    assert sorted(t.replayed for t in twins) == [False] + [True] * 5
    assert place.files() == 1


async def test_requests_that_race_for_the_next_number_are_one_statement_too(place: Grid) -> None:
    await october(place)

    racing = await asyncio.gather(*(place.issue(place.ada, key=f"intent-{i}") for i in range(5)))

    assert len({one.document.id for one in racing}) == 1
    assert place.files() == 1


async def test_unchanged_books_give_the_same_file_and_another_language_a_second(
    place: Grid,
) -> None:
    await october(place)
    first = await place.issue(place.ada, key="a")

    same = await place.issue(place.ada, key="b")
    german = await place.issue(place.ada, key="c", locale="de-CH")

    assert (same.document, same.replayed) == (first.document, False)
    assert german.statement == first.statement
    assert german.document.locale == "de_CH"
    assert statement_in(place.file(german)) == statement_in(place.file(first))
    assert document_twin_findings(place.file(german)) == []
    async with place.database.snapshot(place.id) as connection:
        files = await queries.documents_of(connection, [first.statement.id])
    assert files[first.statement.id] == [first.document, german.document]
    assert hashlib.sha256(place.file(german)).digest() == german.document.sha256
    assert len(place.file(german)) == german.document.size_bytes


# What came later


async def test_a_late_entry_makes_a_statement_that_supersedes(place: Grid) -> None:
    await october(place)
    first = await place.issue(place.ada)
    await place.charge(place.ada, "Station", date(2026, 10, 31), 2_000, 778)

    second = await place.issue(place.ada)

    assert (second.statement.number, second.statement.supersedes_id) == (2, first.statement.id)
    said = statement_in(place.file(second))
    assert (said.supersedes, said.opening_minor, said.closing_minor) == ("0001-1", 1_200, 8_843)
    assert "Replaces 0001-1" in page_texts(place.file(second))[0]
    assert document_twin_findings(place.file(first)) == []
    async with place.database.snapshot(place.id) as connection:
        assert await queries.successors_of(connection, [first.statement.id]) == {
            first.statement.id: second.statement
        }


async def test_a_statement_continues_the_one_before_it(place: Grid) -> None:
    await october(place)
    september = await place.issue(place.ada, SEPTEMBER)

    said = statement_in(place.file(await place.issue(place.ada)))

    assert september.statement.closing_minor == said.opening_minor == 1_200
    assert said.previous_statement_sha256 == september.document.sha256.hex()


async def test_a_late_entry_before_the_period_reissues_the_statement_before_first(
    place: Grid,
) -> None:
    await october(place)
    july = (date(2026, 7, 1), date(2026, 9, 1))
    summer = await place.issue(place.ada, july, locale="nb")
    september = await place.issue(place.ada, SEPTEMBER)
    await place.charge(place.ada, "Harbour", date(2026, 8, 31), 500, 195)

    issued = await place.issue(place.ada)

    async with place.database.snapshot(place.id) as connection:
        newer = await queries.successors_of(
            connection, [summer.statement.id, september.statement.id]
        )
    assert newer[summer.statement.id].closing_minor == 195
    again = newer[september.statement.id]
    assert (again.opening_minor, again.closing_minor) == (195, 1_395)
    assert (issued.statement.opening_minor, issued.statement.previous_id) == (1_395, again.id)
    assert [newer[summer.statement.id].number, again.number, issued.statement.number] == [3, 4, 5]


# What is refused


async def test_only_ones_own_statement_and_the_treasurers(place: Grid) -> None:
    await place.town.grant("ada", Role.OPERATOR, member_id=place.ada.id)
    await place.town.grant("kim", Role.BOARD)
    await place.town.grant("sol", Role.TREASURER)
    by = {name: await place.town.viewer(name) for name in ("ada", "kim", "sol", "nobody")}

    assert (await place.issue(place.ada, by=by["ada"])).statement.issued_by == "ada"
    assert (await place.issue(place.bo, by=by["sol"])).statement.issued_by == "sol"
    for member, name, code in (
        (place.bo, "ada", "NOT_FOUND"), (place.ada, "nobody", "NOT_FOUND"),
        (place.ada, "kim", "FORBIDDEN"), (replace(place.ada, id=uuid7()), "sol", "NOT_FOUND"),
    ):  # fmt: skip
        with pytest.raises(Refusal) as refused:
            await place.issue(member, by=by[name])
        assert refused.value.code == code
    assert place.files() == 2


async def test_a_member_of_another_cooperative_is_not_there(
    place: Grid, database: Database, tmp_path: Path
) -> None:
    other = await grid(database, tmp_path / "other")

    with pytest.raises(NotFound):
        await place.issue(other.ada)


async def test_what_cannot_be_drawn_is_not_issued(place: Grid) -> None:
    with pytest.raises(LanguageUnavailable):
        await place.issue(place.ada, locale="tlh")
    for days in (OCTOBER[::-1], (OCTOBER[0], OCTOBER[0]), (date(2020, 1, 1), date(2026, 1, 1))):
        with pytest.raises(StatementPeriodInvalid):
            await place.issue(place.ada, days)
    async with place.database.snapshot(place.id) as connection:
        assert await queries.last_number(connection, MemberId(place.ada.id)) == 0


async def test_a_store_that_fails_leaves_nothing_issued(place: Grid) -> None:
    await october(place)
    place.store.root.parent.mkdir(exist_ok=True)
    place.store.root.write_text("a file where the directory should be")

    with pytest.raises(OSError, match="documents"):
        await place.issue(place.ada, key="intent-1")

    place.store.root.unlink()
    issued = await place.issue(place.ada, key="intent-1")
    assert (issued.statement.number, issued.replayed) == (1, False)
