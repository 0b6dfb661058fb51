"""Exports: read back by the programs they are for, with the same balances."""

import csv
import io
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from beancount import loader
from beancount.core.data import Close, Commodity, Note, Open, Transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from coop.ledger.domain.account import AccountType
from coop.ledger.domain.exports import (
    Book,
    ExportAccount,
    ExportCommodity,
    ExportEntry,
    ExportPosting,
    beancount,
    beancount_names,
    csv_journal,
    hledger,
    hledger_names,
)

HLEDGER = shutil.which("hledger")
needs_hledger = pytest.mark.skipif(HLEDGER is None, reason="the hledger program is not installed")

OPENED = date(2026, 1, 1)


def account(number, code, name, kind, commodity="EUR", **whose):
    return ExportAccount(UUID(int=number), code, name, kind, commodity, OPENED, **whose)


BANK = account(1, "1000", "Bank", AccountType.ASSET)
ADA = account(2, "1200", "Receivable", AccountType.ASSET, member="0007")
TWIN = account(3, "1200", "Receivable", AccountType.ASSET, member="0007")
PLANT = account(4, "1500", "Plant & equipment", AccountType.ASSET, hub="Zürich: Süd (1)")
DUE = account(5, "2200", "VAT", AccountType.LIABILITY, closed_on=date(2026, 3, 14))
KEPT = account(6, "3300", "Allocated equity", AccountType.EQUITY, member="7 b; c", vintage=2025)
SOLD = account(7, "4000", "Charging revenue", AccountType.REVENUE, hub="北")
SPENT = account(8, "5000", "Energy purchased", AccountType.EXPENSE, hub="南")
DELIVERED = account(9, "9000", "Delivered", AccountType.MEMORANDUM, "kWh", hub="北")
TAKEN = account(10, "9100", "Taken", AccountType.MEMORANDUM, "kWh", member="0007")
YEN = account(11, "1001", "Bank JPY", AccountType.ASSET, "JPY")
YEN_LENT = account(12, "2501", "Loan JPY", AccountType.LIABILITY, "JPY")
SHARE = account(13, "9901", "Shares issued", AccountType.MEMORANDUM, "SHARE-A1")
SHARE_HELD = account(14, "9902", "Shares held", AccountType.MEMORANDUM, "SHARE-A1")

BOOK = Book(
    title='The "North" cooperative; books\\',
    currency="EUR",
    commodities=(
        ExportCommodity("kWh", 3),
        ExportCommodity("EUR", 2),
        ExportCommodity("JPY", 0),
        ExportCommodity("SHARE-A1", 0),
    ),
    accounts=(
        TAKEN, DELIVERED, SPENT, SOLD, KEPT, DUE, PLANT, TWIN, ADA, BANK, YEN, YEN_LENT, SHARE, SHARE_HELD,
    ),
)  # fmt: skip


def entry(number, day, memo, *lines, kind="charge", **more):
    postings = tuple(ExportPosting(a.id, amount, *fund) for a, amount, *fund in lines)
    recorded_at = datetime(2026, 3, 14, 9, 0, 0, number, tzinfo=UTC)
    return ExportEntry(UUID(int=number), kind, day, recorded_at, memo, postings, **more)


ENTRIES = (
    entry(101, date(2026, 1, 1), "Charge", (ADA, 12005), (SOLD, -10088), (DUE, -1917),
          (TAKEN, 45678), (DELIVERED, -45678)),
    entry(102, date(2026, 3, 14), 'He said "50%; ok" \\ done\n| second line', (BANK, 12005), (ADA, -12005),
          kind="payment.sepa_dd"),
    entry(103, date(2026, 3, 14), "", (BANK, -12005), (ADA, 12005), reverses_id=UUID(int=102),
          kind="reversal"),
    entry(104, date(2026, 3, 14), "(not a code) * ! = 2026-01-01 #tag ^link 充電 🔌", (DUE, 1917),
          (BANK, -1917)),
    entry(105, date(2026, 3, 15), "Grant; plant", (PLANT, 9_223_372_036_854_775, 'grant:7, "x"'),
          (BANK, -9_223_372_036_854_775, 'grant:7, "x"'), (SPENT, 1), (KEPT, -1), (TWIN, 5), (SPENT, -5)),
    entry(106, date(2026, 4, 1), "Yen and shares", (YEN, 1000), (YEN_LENT, -1000), (SHARE_HELD, 3),
          (SHARE, -3)),
)  # fmt: skip
SCALES = {"EUR": 2, "kWh": 3, "JPY": 0, "SHARE-A1": 0}


def expected_balances(entries, names):
    balances = Counter()
    for one in entries:
        for posting in one.postings:
            balances[posting.account_id] += posting.amount_minor
    return {
        names[a.id]: Decimal(balances[a.id]).scaleb(-SCALES[a.commodity])
        for a in BOOK.accounts
        if balances[a.id]
    }


def loaded(text):
    entries, errors, options = loader.load_string(text)
    assert errors == []
    return entries, options


def beancount_balances(entries):
    balances = Counter()
    for one in entries:
        if isinstance(one, Transaction):
            for posting in one.postings:
                balances[posting.account] += posting.units.number
    return {name: number for name, number in balances.items() if number}


def test_beancount_reads_it_without_a_complaint_and_with_the_same_balances():
    entries, options = loaded("".join(beancount(BOOK, ENTRIES)))
    assert beancount_balances(entries) == expected_balances(ENTRIES, beancount_names(BOOK))
    assert options["title"] == BOOK.title
    assert options["operating_currency"] == ["EUR"]
    assert Counter(type(one) for one in entries) == {
        Open: 14, Note: 14, Commodity: 4, Close: 1, Transaction: 6,
    }  # fmt: skip


def test_beancount_keeps_memo_kind_id_fund_and_reversal():
    entries, _ = loaded("".join(beancount(BOOK, ENTRIES)))
    found = {one.meta["id"]: one for one in entries if isinstance(one, Transaction)}
    for one in ENTRIES:
        read = found[str(one.id)]
        assert (read.narration, read.tags, read.date) == (one.memo, {one.kind}, one.effective_on)
    assert found[str(UUID(int=103))].meta["reverses"] == str(UUID(int=102))
    assert found[str(UUID(int=103))].meta["recorded-at"] == "2026-03-14T09:00:00.000103Z"
    funds = [posting.meta.get("fund") for posting in found[str(UUID(int=105))].postings]
    assert funds == ['grant:7, "x"', 'grant:7, "x"', None, None, None, None]


def test_names_for_beancount():
    names = beancount_names(BOOK)
    assert names[ADA.id] == "Assets:1200-Receivable:Member-0007"
    assert names[TWIN.id] == f"Assets:1200-Receivable:Member-0007-{TWIN.id.hex}"
    assert names[PLANT.id] == "Assets:1500-Plant-equipment:Hub-Zurich-Sud-1"
    assert names[KEPT.id] == "Equity:3300-Allocated-equity:Member-7-b-c:2025"
    assert names[SOLD.id] == "Income:4000-Charging-revenue:Hub"
    assert names[TAKEN.id] == "Equity:Memorandum:9100-Taken:Member-0007"
    assert len(set(names.values())) == len(BOOK.accounts)


def test_beancount_would_notice_a_missing_cent():
    first = ENTRIES[0]
    short = replace(first, postings=(ExportPosting(ADA.id, 12004), *first.postings[1:]))
    _, errors, _ = loader.load_string("".join(beancount(BOOK, [short])))
    assert len(errors) == 1


def test_an_empty_book_is_a_valid_one():
    empty = Book("", "EUR", (ExportCommodity("EUR", 2),), ())
    loaded("".join(beancount(empty, [])))
    assert "account" not in "".join(hledger(empty, []))


MEMOS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=40
)


@settings(max_examples=30)
@given(st.lists(MEMOS, min_size=1, max_size=20), st.text(st.characters(codec="utf-8"), max_size=12))
def test_no_memo_or_name_breaks_beancount(memos, name):
    hub = replace(SOLD, hub=name, name=name)
    book = replace(BOOK, accounts=(ADA, hub))
    entries = [
        entry(n, OPENED, m.strip("\x1a"), (ADA, 1), (hub, -1)) for n, m in enumerate(memos, 1)
    ]
    read, _ = loaded("".join(beancount(book, entries)))
    assert sum(isinstance(one, Transaction) for one in read) == len(memos)


def run_hledger(text, *arguments):
    return subprocess.run(
        [HLEDGER, "-f", "-", *arguments],
        input=text.encode(),
        capture_output=True,
        check=False,
        env={"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )


@needs_hledger
def test_hledger_checks_it_strictly():
    text = "".join(hledger(BOOK, ENTRIES))
    result = run_hledger(text, "check", "--strict", "ordereddates")
    assert (result.returncode, result.stderr.decode()) == (0, "")
    wrong = text.replace("-100.88 EUR", "-100.87 EUR")
    assert run_hledger(wrong, "check").returncode != 0


@needs_hledger
def test_hledger_has_the_same_balances_and_knows_the_funds():
    text = "".join(hledger(BOOK, ENTRIES))
    assert hledger_balances(text) == expected_balances(ENTRIES, hledger_names(BOOK))
    in_fund = hledger_balances(text, "tag:fund=grant")
    assert set(in_fund) == {
        "Assets:1000 Bank",
        "Assets:1500 Plant & equipment:Hub Zürich - Süd (1)",
    }


def hledger_balances(text, *query):
    result = run_hledger(text, "balance", "--flat", "--no-total", "-O", "csv", *query)
    assert result.returncode == 0, result.stderr
    rows = list(csv.reader(io.StringIO(result.stdout.decode())))[1:]
    return {name: Decimal(amount.split()[0]) for name, amount in rows}


@needs_hledger
def test_hledger_takes_any_memo_and_any_name():
    memos = [
        '"; x:y',
        "  | a",
        "(b) c",
        "; only",
        "* !",
        "=2026-01-01",
        "date:nonsense, date2:x",
        "\t\n\u2028",
    ]
    hub = replace(SOLD, hub="a  ; b: [c] (d)", name="\n;:")
    book = replace(BOOK, accounts=(ADA, hub))
    entries = [
        entry(n, OPENED, m, (ADA, 1), (hub, -1, "f; date:x")) for n, m in enumerate(memos, 1)
    ]
    text = "".join(hledger(book, entries))
    result = run_hledger(text, "check", "--strict")
    assert (result.returncode, result.stderr.decode()) == (0, "")
    assert hledger_balances(text)[hledger_names(book)[hub.id]] == Decimal("-0.08")


def test_csv_holds_every_fact_exactly():
    rows = list(csv.DictReader(io.StringIO("".join(csv_journal(BOOK, ENTRIES)))))
    assert len(rows) == sum(len(one.postings) for one in ENTRIES)
    assert rows[5] == {
        "entry_id": str(UUID(int=102)),
        "effective_on": "2026-03-14",
        "recorded_at": "2026-03-14T09:00:00.000102Z",
        "kind": "payment.sepa_dd",
        "memo": ENTRIES[1].memo,
        "reverses_id": "",
        "line": "0",
        "account_code": "1000",
        "account_name": "Bank",
        "member": "",
        "hub": "",
        "vintage": "",
        "fund": "",
        "commodity": "EUR",
        "debit": "120.05",
        "credit": "",
    }
    assert (rows[4]["credit"], rows[4]["commodity"], rows[4]["hub"]) == ("45.678", "kWh", "北")
    assert rows[7]["reverses_id"] == str(UUID(int=102))
    assert [row["vintage"] for row in rows if row["vintage"]] == ["2025"]


@pytest.mark.parametrize("writer", [beancount, hledger, csv_journal])
def test_the_text_is_the_same_every_time_and_streams(writer):
    turned = replace(BOOK, accounts=BOOK.accounts[::-1], commodities=BOOK.commodities[::-1])
    assert "".join(writer(BOOK, ENTRIES)) == "".join(writer(turned, ENTRIES))
    taken = []

    def entries():
        for one in ENTRIES:
            taken.append(one)
            yield one

    for chunk in writer(BOOK, entries()):
        if "2026-01-01 *" in chunk or str(ENTRIES[0].id) in chunk:
            break
    assert taken == [ENTRIES[0]]
