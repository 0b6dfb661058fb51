"""Bank files into the books: what is matched and why, what waits, and that nothing is posted twice."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from coop.billing.bank_desk import rematch
from coop.db.engine import Database
from coop.kernel.ids import uuid7
from coop.members.domain.roles import Role
from tests.billing.bank import Bank, open_bank
from tests.billing.bank_files import (
    ANNA_IBAN,
    BO_IBAN,
    Entry,
    camt,
    camt_document,
    camt_stmt,
    mt940,
)
from tests.billing.books import refused

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bank(database: Database) -> Bank:
    return await open_bank(database)


async def furnished(bank: Bank) -> None:
    """Anna owes 125.00 and 250.00, Bo 12.50."""
    anna, bo = await bank.member("anna"), await bank.member("bo")
    await bank.owing(anna, 10_000, 20_000)
    await bank.owing(bo, 1_000, month="2026-05")
    await bank.mandate(anna, ANNA_IBAN)


async def test_each_line_is_matched_by_the_best_it_says(bank: Bank) -> None:
    await furnished(bank)
    await bank.rule("fees", contains="entgelt", account_code="6700")
    outcome = await bank.read_bank(
        camt(
            Entry(12_500, "by reference", creditor=await bank.reference(1), reference="A"),
            Entry(25_000, "from her account", iban=ANNA_IBAN, reference="B"),
            Entry(1_250, "Invoice No. 3", reference="C"),
            Entry(-350, "ENTGELT 04/2026", reference="D"),
            Entry(4_711, "who knows", reference="E", iban=BO_IBAN, name="Somebody"),
        )
    )
    assert (outcome.lines, outcome.posted, outcome.unmatched) == (5, 4, 1)
    assert {one.content: one.why for one in await bank.lines()} == {
        "by reference": "It carries the reference of invoice 1.",
        "from her account": "From the member's account, exactly invoice 2.",
        "Invoice No. 3": "It names invoice 3 and is exactly what is open on it.",
        "ENTGELT 04/2026": "The rule fees says so.",
        "who knows": "Nothing in the books fits it.",
    }
    assert await bank.open() == {1: 0, 2: 0, 3: 0}
    assert await bank.money() == {"1000": 38_400, "6700": 350}
    await bank.tied()


async def test_a_reference_takes_part_and_too_much_and_again(bank: Bank) -> None:
    await furnished(bank)
    reference = await bank.reference(1)
    await bank.read_bank(camt(Entry(5_000, f"part {reference}", reference="A")))
    assert await bank.open() == {1: 7_500, 2: 25_000, 3: 1_250}
    await bank.read_bank(camt(Entry(10_000, f"rest{reference}danke", reference="B"), opening=5_000))
    # What is too much for the invoice it names settles what is due next.
    assert await bank.open() == {1: 0, 2: 22_500, 3: 1_250}
    await bank.read_bank(camt(Entry(30_000, reference, reference="C"), opening=15_000))
    assert await bank.open() == {1: 0, 2: 0, 3: 1_250}
    assert await bank.money() == {"1000": 45_000, "1200 anna": -7_500, "1200 bo": 1_250}
    await bank.tied()


async def test_two_that_fit_are_left_to_a_person(bank: Bank) -> None:
    anna = await bank.member("anna")
    await bank.owing(anna, 10_000, 10_000)
    await bank.mandate(anna, ANNA_IBAN)
    await bank.read_bank(camt(Entry(12_500, "thanks", iban=ANNA_IBAN)))
    [line] = await bank.lines(unmatched=True)
    assert line.why == "Two invoices of whoever sent it ask exactly this."
    assert [one["kind"] for one in line.candidates] == ["member", "invoice", "invoice"]
    await bank.assign(line, member_id=anna.id, invoice_ids=(await bank.invoice_id(2),))
    assert await bank.open() == {1: 12_500, 2: 0}
    assert await refused(bank.assign(line, member_id=anna.id)) == "BANK_LINE_SETTLED"


async def test_the_same_file_again_posts_nothing(bank: Bank) -> None:
    await furnished(bank)
    data = camt(Entry(12_500, creditor=await bank.reference(1)), Entry(99, "odd"))
    await bank.read_bank(data)
    money = await bank.money()
    again = await bank.read_bank(data, name="copy.xml")
    assert (again.repeated, again.known, again.outcomes) == (True, 2, ())
    assert await bank.money() == money
    assert await bank.count("bank_line") == 2


async def test_files_that_overlap_post_each_line_once(bank: Bank) -> None:
    await furnished(bank)
    first, twins = Entry(700, "first", on="2026-04-20"), Entry(500, "coffee", on="2026-04-21")
    last = Entry(900, "last", on="2026-04-22")
    one = await bank.read_bank(camt(first, twins, twins, name="S1"))
    two = await bank.read_bank(camt(twins, twins, last, name="S2", opening=700))
    whole = await bank.read_bank(camt(first, twins, twins, last, name="S3"))
    assert [(o.lines, o.known, o.missing_minor) for o in (one, two, whole)] == [
        (3, 0, 0), (3, 2, 0), (4, 4, 0),
    ]  # fmt: skip
    assert [line.content for line in await bank.lines()] == ["first", "coffee", "coffee", "last"]


async def test_a_statement_that_goes_on_the_same_day_brings_another_line_alike(bank: Bank) -> None:
    noon, evening = Entry(500, "coffee"), Entry(500, "coffee")
    await bank.read_bank(camt(noon, name="S1"))
    outcome = await bank.read_bank(camt(evening, name="S2", opening=500))
    assert (outcome.known, outcome.missing_minor) == (0, 0)
    both = camt_document(camt_stmt([noon], name="S1"), camt_stmt([evening], name="S2", opening=500))
    assert (await bank.read_bank(both)).known == 2
    assert await bank.count("bank_line") == 2


@pytest.mark.parametrize("reference", [None, "R"])
async def test_the_same_days_in_the_other_format_post_nothing_twice(
    bank: Bank, reference: str | None
) -> None:
    await furnished(bank)
    ref = await bank.reference(1)
    first = [
        Entry(5_000, f"part {ref}", reference=reference and f"{reference}1", e2e="E-1"),
        Entry(700, "odd", reference=reference and f"{reference}2"),
        Entry(700, "odd too", on="2026-04-21"),
    ]
    more = Entry(800, "new", on="2026-04-21")
    await bank.read_bank(camt(*first))
    outcome = await bank.read_bank(mt940(*first, more))
    assert (outcome.lines, outcome.known, outcome.missing_minor) == (4, 3, 0)
    assert (await bank.read_bank(camt(*first, more, name="S2"))).known == 4
    assert await bank.open() == {1: 7_500, 2: 25_000, 3: 1_250}


async def test_the_same_day_going_on_in_the_other_format_is_new(bank: Bank) -> None:
    await bank.read_bank(camt(Entry(500, "coffee")))
    outcome = await bank.read_bank(mt940(Entry(500, "coffee"), opening=500))
    assert (outcome.known, outcome.missing_minor) == (0, 0)


async def test_days_that_the_other_format_tells_otherwise_are_refused(bank: Bank) -> None:
    batch = Entry(3_000, parts=(Entry(1_000, "a"), Entry(2_000, "b")), reference="B")
    await bank.read_bank(camt(batch))
    assert await refused(bank.read_bank(mt940(Entry(3_000, "batch", reference="B")))) == (
        "BANK_FILE_OVERLAPS"
    )
    assert (await bank.count("bank_line"), await bank.count("bank_file")) == (2, 1)


async def test_a_missing_statement_is_told(bank: Bank) -> None:
    await bank.read_bank(camt(Entry(500, "a", on="2026-04-20"), name="S1"))
    later = camt(Entry(100, "c", on="2026-04-24"), name="S3", opening=1_200)
    assert (await bank.read_bank(later)).missing_minor == 700
    between = camt(Entry(700, "b", on="2026-04-22"), name="S2", opening=500)
    assert (await bank.read_bank(between)).missing_minor == 0


async def test_a_file_cut_off_anywhere_stores_nothing(bank: Bank) -> None:
    await furnished(bank)
    entries = [Entry(100 + i, f"line {i}") for i in range(10)]
    tables = ("bank_file", "bank_statement", "bank_line", "payment")
    before = [await bank.count(table) for table in tables]
    for whole in (camt(*entries), camt(*entries, newer=False), mt940(*entries)):
        end = whole.find(b":62F:") if b":62F:" in whole else len(whole)
        for length in range(0, end, 200):
            assert await refused(bank.read_bank(whole[:length])) in {
                "BANK_FILE_MALFORMED", "BANK_FILE_UNBALANCED",
            }  # fmt: skip
    assert [await bank.count(table) for table in tables] == before == [0, 0, 0, 0]


async def test_files_of_others_and_other_money_are_refused(bank: Bank) -> None:
    paid = Entry(500, "a")
    assert await refused(bank.read_bank(camt(paid, iban=BO_IBAN))) == "BANK_ACCOUNT_UNKNOWN"
    assert await refused(bank.read_bank(mt940(paid, account="X/1"))) == "BANK_ACCOUNT_UNKNOWN"
    assert await refused(bank.read_bank(camt(paid, currency="USD"))) == "BANK_FILE_CURRENCY"
    mixed = camt_document(camt_stmt([paid]), camt_stmt([paid], name="S2", iban=BO_IBAN))
    assert await refused(bank.read_bank(mixed)) == "BANK_ACCOUNT_UNKNOWN"
    assert await bank.count("bank_line") == 0


async def test_only_the_treasurer_reads_bank_files(bank: Bank) -> None:
    await bank.town.grant(f"board-{bank.town.slug}", Role.BOARD)
    viewer = await bank.town.viewer(f"board-{bank.town.slug}")
    assert await refused(bank.read_bank(camt(Entry(500)), by=viewer)) == "FORBIDDEN"


async def test_the_same_file_twice_at_once_is_read_once(bank: Bank) -> None:
    await furnished(bank)
    data = camt(*[Entry(100 + i, f"x {await bank.reference(1)}") for i in range(20)])
    found = await asyncio.gather(*(bank.read_bank(data) for _ in range(4)))
    assert sorted(one.repeated for one in found) == [False, True, True, True]
    assert (await bank.count("bank_line"), await bank.count("payment")) == (20, 20)
    await bank.tied()


async def test_files_that_overlap_at_once_post_each_line_once(bank: Bank) -> None:
    days = [Entry(100 + i, f"d{i}", on=f"2026-04-{i + 1:02d}") for i in range(8)]
    openings = [sum(one.minor for one in days[:i]) for i in range(8)]
    files = [camt(*days[i : i + 4], name=f"S{i}", opening=openings[i]) for i in range(5)]
    await asyncio.gather(*(bank.read_bank(one) for one in files))
    assert [one.amount_minor for one in await bank.lines()] == [one.minor for one in days]


async def test_what_was_recorded_by_hand_is_found_and_not_posted_again(bank: Bank) -> None:
    await furnished(bank)
    anna = await bank.ask_member("anna")
    await bank.pay(anna, 12_500, reference=await bank.reference(1), received_on=date(2026, 4, 17))
    entry = Entry(12_500, f"thanks {await bank.reference(1)}", on="2026-04-20")
    outcome = await bank.read_bank(camt(entry))
    assert [one.state for one in outcome.outcomes] == ["linked"]
    assert await bank.money() == {"1000": 12_500, "1200 anna": 25_000, "1200 bo": 1_250}
    # The same amount again is another payment: the one by hand is explained already.
    more = Entry(12_500, f"again {await bank.reference(1)}", on="2026-04-21")
    outcome = await bank.read_bank(camt(more, opening=12_500, name="S2"))
    assert [one.state for one in outcome.outcomes] == ["posted"]
    await bank.tied()


async def test_rules_do_not_contradict_each_other_and_are_tried_on_what_waits(bank: Bank) -> None:
    await furnished(bank)
    await bank.read_bank(camt(Entry(-1_000, "Strom Stadtwerke"), Entry(-200, "Porto")))
    assert await bank.states() == {"Strom Stadtwerke": "unmatched", "Porto": "unmatched"}
    await bank.rule("power", contains="stadtwerke", account_code="2000")
    assert await bank.states() == {"Strom Stadtwerke": "posted", "Porto": "unmatched"}
    await bank.rule("all power", contains="strom", account_code="6000")
    more = camt(Entry(-50, "Strom Stadtwerke"), opening=-1_200, name="S2")
    await bank.read_bank(more)
    assert [one.why for one in await bank.lines(unmatched=True)][-1] == (
        "Rules that fit it do not agree."
    )
    assert await refused(bank.rule("x", contains="ab", account_code="6000")) == "INVALID_VALUE"
    assert await refused(bank.rule("x", contains="abc", account_code="1200")) == "ACCOUNT_UNKNOWN"
    assert await refused(bank.rule("x", contains="abc", account_code="9999")) == "ACCOUNT_UNKNOWN"
    assert await refused(bank.rule("x", account_code="6000")) == "INVALID_VALUE"


async def test_a_line_of_a_closed_month_waits_for_a_day(bank: Bank) -> None:
    await furnished(bank)
    await bank.close_months(date(2026, 4, 30))
    await bank.read_bank(camt(Entry(12_500, await bank.reference(1), on="2026-04-20")))
    [line] = await bank.lines(unmatched=True)
    assert line.why.startswith("PERIOD_CLOSED")
    anna = await bank.ask_member("anna")
    code = await refused(bank.assign(line, member_id=anna.id))
    assert code == "PERIOD_CLOSED"
    await bank.assign(line, member_id=anna.id, posted_on=date(2026, 6, 1))
    assert await bank.open() == {1: 0, 2: 25_000, 3: 1_250}


async def test_lines_are_assigned_to_accounts_and_members_either_way(bank: Bank) -> None:
    await furnished(bank)
    anna = await bank.ask_member("anna")
    await bank.read_bank(camt(Entry(-4_000, "out"), Entry(800, "in"), Entry(-90, "fee")))
    out, income, fee = await bank.lines()
    assert await refused(bank.assign(fee)) == "INVALID_VALUE"
    assert await refused(bank.assign(fee, account_code="1000")) == "BANK_LINE_MISMATCH"
    assert await refused(bank.assign(fee, account_code="1200")) == "ACCOUNT_UNKNOWN"
    await bank.assign(fee, account_code="6700")
    await bank.assign(out, member_id=anna.id)
    await bank.assign(income, member_id=anna.id)
    assert await bank.money() == {
        "1000": -3_290, "6700": 90, "1200 anna": 37_500 + 4_000 - 800, "1200 bo": 1_250,
    }  # fmt: skip
    await bank.tied()


async def test_what_was_posted_otherwise_explains_a_line_once(bank: Bank) -> None:
    entry = await bank.posted(("1000", 4_000), ("3500", -4_000))
    await bank.read_bank(camt(Entry(4_000, "shares"), Entry(4_000, "more"), Entry(90, "other")))
    shares, more, other = await bank.lines()
    assert await refused(bank.assign(other, entry_id=entry)) == "BANK_LINE_MISMATCH"
    assert (await bank.assign(shares, entry_id=entry)).state == "linked"
    assert await refused(bank.assign(more, entry_id=entry)) == "BANK_LINE_MISMATCH"
    assert await refused(bank.assign(more, entry_id=uuid7())) == "NOT_FOUND"
    assert await bank.money() == {"1000": 4_000}


async def test_an_invoice_that_comes_later_lets_lines_be_matched_again(bank: Bank) -> None:
    anna = await bank.member("anna")
    await bank.mandate(anna, ANNA_IBAN)
    await bank.read_bank(camt(Entry(12_500, "early", iban=ANNA_IBAN)))
    assert await bank.states() == {"early": "unmatched"}
    await bank.owing(anna, 10_000)
    assert [one.state for one in await bank.order(rematch)] == ["posted"]
    assert await bank.open() == {1: 0}
    assert await bank.order(rematch) == []
