"""Reading bank files: every version says the same, and whatever is missing or changed is refused."""

from __future__ import annotations

from datetime import date

import pytest

from coop.billing.bank_import import read_bank_file
from coop.billing.domain.bank_line import BankLine, masked, references_of, without_ibans
from coop.billing.domain.camt import camt_file
from coop.billing.domain.mt940_file import mt940_file
from coop.kernel.errors import Refusal
from tests.billing.bank_files import (
    ANNA_IBAN,
    OUR_IBAN,
    Entry,
    camt,
    camt_document,
    camt_stmt,
    mt940,
)

PAID = Entry(
    12_375, "Invoice 1 thanks", reference="R1", e2e="E-1", name="Anna Ås", iban=ANNA_IBAN,
    creditor="RF18539007547034",
)  # fmt: skip
FEE = Entry(-350, "ENTGELT April", on="2026-04-30", reference="R2")
BACK = Entry(
    -2_850, "returned", on="2026-04-22", reference="R3", e2e="C1-1", code="AC04", original=2_500,
    name="Anna", iban=ANNA_IBAN,
)  # fmt: skip


def refused(read: object, data: bytes) -> str:
    with pytest.raises(Refusal) as told:
        read(data)  # type: ignore[operator]
    return told.value.code


def facts(line: BankLine) -> tuple[object, ...]:
    return (
        line.booked_on, line.amount_minor, line.currency, line.bank_reference, line.end_to_end_id,
        line.counterparty_iban, line.return_code, line.original_minor,
    )  # fmt: skip


@pytest.mark.parametrize("newer", [False, True], ids=["camt.053.001.02", "camt.053.001.08"])
def test_both_versions_of_camt_say_the_same(newer: bool) -> None:
    [statement] = camt_file(camt(PAID, FEE, BACK, opening=10_000, newer=newer)).statements
    assert (statement.iban, statement.currency) == (OUR_IBAN, "EUR")
    assert (statement.opening_minor, statement.closing_minor) == (10_000, 19_175)
    assert [facts(one) for one in statement.lines] == [
        (date(2026, 4, 20), 12_375, "EUR", "R1", "E-1", ANNA_IBAN, None, None),
        (date(2026, 4, 30), -350, "EUR", "R2", None, None, None, None),
        (date(2026, 4, 22), -2_850, "EUR", "R3", "C1-1", ANNA_IBAN, "AC04", 2_500),
    ]
    first = statement.lines[0]
    assert (first.creditor_reference, first.text) == ("RF18539007547034", "Invoice 1 thanks")
    assert first.counterparty_name == "Anna Ås"
    assert first.raw.startswith(b"<Ntry")


def test_mt940_in_german_says_the_same() -> None:
    [statement] = mt940_file(mt940(PAID, FEE, BACK, opening=10_000)).statements
    assert (statement.opening_minor, statement.closing_minor) == (10_000, 19_175)
    assert [facts(one) for one in statement.lines] == [
        (date(2026, 4, 20), 12_375, "EUR", "R1", "E-1", ANNA_IBAN, None, None),
        (date(2026, 4, 30), -350, "EUR", "R2", None, None, None, None),
        (date(2026, 4, 22), -2_850, "EUR", "R3", "C1-1", ANNA_IBAN, "AC04", 2_500),
    ]
    assert "RF18539007547034" in references_of(statement.lines[0].text)
    assert statement.lines[0].raw.startswith(b":61:")


def test_mt940_in_plain_words_keeps_the_words() -> None:
    [statement] = mt940_file(mt940(PAID, german=False)).statements
    assert statement.lines[0].text == "Invoice 1 thanks RF18539007547034"


def test_an_account_as_german_banks_write_it_is_its_iban() -> None:
    [statement] = mt940_file(mt940(PAID, account="37040044/0532013000EUR")).statements
    assert statement.iban == OUR_IBAN


def test_an_entry_of_several_payments_is_several_lines() -> None:
    parts = (Entry(1_000, "a", e2e="A"), Entry(2_000, "b", e2e="B"))
    batch = Entry(3_000, reference="B1", parts=parts)
    for newer in (False, True):
        [statement] = camt_file(camt(batch, newer=newer)).statements
        assert [(one.amount_minor, one.end_to_end_id) for one in statement.lines] == [
            (1_000, "A"), (2_000, "B"),
        ]  # fmt: skip


def test_parts_that_do_not_sum_stay_one_line() -> None:
    batch = Entry(3_000, reference="B1", parts=(Entry(1_000, e2e="A"), Entry(1_999, e2e="B")))
    [statement] = camt_file(camt(batch)).statements
    assert [(one.amount_minor, one.end_to_end_id) for one in statement.lines] == [(3_000, None)]


def test_what_is_not_booked_yet_is_no_line() -> None:
    pending = Entry(700, "later", status="PDNG")
    [statement] = camt_file(camt(PAID, pending)).statements
    assert [one.amount_minor for one in statement.lines] == [12_375]


def test_several_statements_in_a_file() -> None:
    first = camt_stmt([PAID], name="S1")
    second = camt_stmt([FEE], name="S2", opening=12_375)
    read = camt_file(camt_document(first, second))
    assert [(one.id, one.closing_minor) for one in read.statements] == [
        ("S1", 12_375),
        ("S2", 12_025),
    ]
    both = mt940(PAID) + mt940(FEE, opening=12_375, number="00002/001")
    assert [one.closing_minor for one in mt940_file(both).statements] == [12_375, 12_025]


def test_balances_that_the_lines_do_not_explain_are_refused() -> None:
    assert refused(read_all, camt(PAID, off_by=1)) == "BANK_FILE_UNBALANCED"
    assert refused(read_all, mt940(PAID, off_by=-1)) == "BANK_FILE_UNBALANCED"


def read_all(data: bytes) -> object:
    return read_bank_file(data, "x")


@pytest.mark.parametrize("newer", [False, True])
def test_camt_cut_off_anywhere_is_refused(newer: bool) -> None:
    whole = camt(PAID, FEE, BACK, opening=10_000, newer=newer)
    for length in range(0, len(whole), 50):
        assert refused(read_all, whole[:length]) == "BANK_FILE_MALFORMED"


def test_mt940_cut_off_before_its_closing_balance_is_refused() -> None:
    whole = mt940(*[PAID, FEE, BACK] * 3, opening=10_000)
    for length in range(len(whole.partition(b":62F:")[0]) + 18):
        assert refused(read_all, whole[:length]) in {"BANK_FILE_MALFORMED", "BANK_FILE_UNBALANCED"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<Document/>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><Document><BkToCstmrStmt>&x;</BkToCstmrStmt></Document>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><Document/>',
        camt(PAID).replace(b"123.75", b"123,75"),
        camt(PAID).replace(b"123.75", b"NaN"),
        camt(PAID).replace(b"CRDT", b"????"),
        camt(PAID).replace(b"CLBD", b"XXXX"),
        camt(PAID).replace(b"2026-04-20", b"2026-02-30"),
        mt940(PAID).replace(b"123,75", b"123.75"),
        mt940(PAID).replace(b":61:2604", b":61:2613"),
        mt940(PAID, closed=False),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(data: bytes) -> None:
    assert refused(read_all, data) == "BANK_FILE_MALFORMED"


def test_nobody_who_fails_to_read_a_file_logs_what_is_in_it(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    refused(read_all, mt940(PAID).replace(b":61:", b":61:x"))
    said = capsys.readouterr()
    assert ANNA_IBAN not in said.out + said.err + caplog.text


def test_an_iban_is_shown_without_its_middle() -> None:
    assert masked(ANNA_IBAN) == "DE75 … 6199"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Rent DE89370400440532013000, thanks", "Rent DE89 … 3000, thanks"),
        ("DE89 3704 0044 0532 0130 00 MAY", "DE89 … 3000 MAY"),
        ("NO93 8601 1117 947 FEES", "NO93 … 7947 FEES"),
        ("AT61 1904 3002 3457 3201 PAID BILL", "AT61 … 3201 PAID BILL"),
        ("DE89370400440532013001 is none", "DE89370400440532013001 is none"),
        ("RF18 5390 0754 7034 is a reference", "RF18 5390 0754 7034 is a reference"),
        ("Invoice 12", "Invoice 12"),
    ],
)
def test_ibans_in_a_text_lose_their_middle(text: str, shown: str) -> None:
    assert without_ibans(text) == shown
