"""pain.008: valid by its schema whatever people are called, and the same bytes for the same collection."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from sepaxml.validation import try_valid_xml

from coop.billing.domain.direct_debit import (
    SCHEMAS,
    Creditor,
    Debit,
    direct_debit_file,
    sepa_text,
)
from coop.kernel.errors import Refusal
from tests.billing.bank_files import ANNA_IBAN, OUR_IBAN

MADE = datetime(2026, 4, 14, 12, tzinfo=UTC)
OURS = Creditor("Nør & Söhne eG", OUR_IBAN, "COBADEFFXXX", "DE98ZZZ09999999999")


def debit(number: int = 1, minor: int = 12_345, holder: str = "Anna", text: str = "Invoice 1",
          sequence: str = "FRST") -> Debit:  # fmt: skip
    return Debit(
        f"C1-{number}", minor, sequence, f"M-{number}", date(2026, 1, 5), holder, ANNA_IBAN, None,
        text,
    )  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("scheme", ["CORE", "B2B"])
def test_a_file_is_valid_and_the_same_again(schema: str, scheme: str) -> None:
    debits = [debit(1), debit(2, 1, sequence="RCUR"), debit(3, 99_999_999_999, sequence="RCUR")]

    def written() -> bytes:
        return direct_debit_file(
            "C1", MADE, date(2026, 4, 20), OURS, debits, scheme=scheme, schema=schema
        )

    file = written()
    try_valid_xml(file, schema)
    assert file == written()
    root = etree.fromstring(file)
    assert [one.text for one in root.iter("{*}InstdAmt")] == ["123.45", "0.01", "999999999.99"]
    assert [one.text for one in root.iter("{*}PmtInfId")] == ["C1-FRST", "C1-RCUR"]
    assert root.findtext(".//{*}CtrlSum") == "1000000123.45"
    assert {one.text for one in root.iter("{*}LclInstrm/{*}Cd")} <= {scheme}
    assert root.findtext(".//{*}CreDtTm") == "2026-04-14T12:00:00"
    assert root.findtext(".//{*}Cdtr/{*}Nm") == "Nor Sohne eG"


@settings(max_examples=25)
@given(st.text(max_size=200), st.text(max_size=300))
def test_any_name_and_text_becomes_what_banks_take(holder: str, text: str) -> None:
    file = direct_debit_file("C1", MADE, date(2026, 4, 20), OURS, [debit(1, 1, holder, text)])
    root = etree.fromstring(file)
    name, said = root.findtext(".//{*}Dbtr/{*}Nm"), root.findtext(".//{*}Ustrd")
    assert name is not None
    assert said is not None
    assert name.isascii()
    assert said.isascii()
    assert 1 <= len(name) <= 70
    assert 1 <= len(said) <= 140


def test_words_are_cleaned_not_dropped() -> None:
    assert sepa_text("Ærø Straße 5 – Łódź", 70) == "AEro Strasse 5 - Lodz"
    assert sepa_text("\u0000 <&> ", 70) == "-"


def test_what_the_schema_does_not_allow_is_refused() -> None:
    homeless = Creditor("Nor", OUR_IBAN, None, "DE98ZZZ09999999999")
    for creditor, schema, debits in (
        (homeless, SCHEMAS[0], [debit()]),
        (OURS, "pain.008.001.99", [debit()]),
        (OURS, SCHEMAS[1], [debit(minor=100_000_000_000_000_000_000)]),
    ):
        with pytest.raises(Refusal) as told:
            direct_debit_file("C1", MADE, date(2026, 4, 20), creditor, debits, schema=schema)
        assert told.value.code == "COLLECTION_IMPOSSIBLE"
