"""Bills before they are documents: sums, what is left to credit, references, months."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iso11649

from coop.billing.domain.crediting import Creditable, credit_of, left_of
from coop.billing.domain.lines import CREDIT_NOTE, INVOICE, Bill, Line, bill_of
from coop.billing.domain.months import month_named, month_of
from coop.billing.domain.reference import creditor_reference, is_reference, reference_of
from coop.billing.errors import CreditTooLarge, MonthInvalid, NothingToCredit
from coop.charging.domain.tariff import Tax

VAT = Tax("VAT", Decimal(25))


def line(number: int, net: int, *taxes: Tax) -> Line:
    percent = sum((tax.percent for tax in taxes), Decimal(0))
    return Line(
        number=number, hub_id=None, tariff_version_id=None, kind="ENERGY", element=0,
        description="Energy", quantity=Decimal(net) / 250, unit="kWh", unit_price=Decimal("2.5"),
        net_minor=net, taxes=taxes, tax=Decimal(net) * percent / 10_000, sessions=1,
    )  # fmt: skip


def invoice(*nets: int) -> Creditable:
    bill = bill_of([line(number, net, VAT) for number, net in enumerate(nets, 1)], 2)
    return Creditable(bill.lines, bill.taxes, {}, {})


def after(found: Creditable, note: Bill) -> Creditable:
    """The same invoice once that credit note is out."""
    lines, taxes = dict(found.credited_lines), dict(found.credited_taxes)
    for one in note.lines:
        assert one.refers_to_line is not None
        lines[one.refers_to_line] = lines.get(one.refers_to_line, 0) - one.net_minor
    for tax in note.taxes:
        taxes[tax.key] = taxes.get(tax.key, 0) - tax.tax_minor
    return replace(found, credited_lines=lines, credited_taxes=taxes)


def test_a_bill_of_less_than_nothing_is_a_credit_note() -> None:
    owed, due = bill_of([line(1, -100, VAT)], 2), bill_of([line(1, 100, VAT)], 2)
    assert (owed.kind, owed.net_minor, owed.tax_minor, owed.gross_minor) == (
        CREDIT_NOTE,
        -100,
        -25,
        -125,
    )
    assert (due.kind, due.gross_minor) == (INVOICE, 125)
    assert bill_of([line(1, 0)], 2).kind == INVOICE


def test_what_other_bills_credited_is_not_left() -> None:
    found = replace(invoice(1_000, 300), contested=(((1, 2), 1_100),))
    assert left_of(found) == {1: 0, 2: 200}
    note = credit_of(found, None, 2)
    assert [(one.refers_to_line, one.net_minor) for one in note.lines] == [(2, -200)]


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [({1: 1_001}, CreditTooLarge), ({3: 1}, CreditTooLarge), ({1: 0}, NothingToCredit), ({}, NothingToCredit)],
)  # fmt: skip
def test_what_is_not_there_is_not_credited(
    wanted: dict[int, int], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        credit_of(invoice(1_000, 300), wanted, 2)


@given(
    st.lists(st.integers(1, 10_000), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 10_000)), max_size=8),
)
def test_credit_notes_together_credit_the_invoice_and_never_more(
    nets: list[int], parts: list[tuple[int, int]]
) -> None:
    found = invoice(*nets)
    charged = bill_of(found.lines, 2)
    notes = []
    for number, net in parts:
        if 0 < net <= left_of(found).get(number, 0):
            notes.append(credit_of(found, {number: net}, 2))
            found = after(found, notes[-1])
    if any(left_of(found).values()):
        notes.append(credit_of(found, None, 2))
    assert sum(note.net_minor for note in notes) == -charged.net_minor
    assert sum(note.tax_minor for note in notes) == -charged.tax_minor
    assert all(note.tax_minor <= 0 and note.gross_minor < 0 for note in notes)
    rest = invoice(*nets)
    for note in notes:
        rest = after(rest, note)
    with pytest.raises(NothingToCredit):
        credit_of(rest, None, 2)


def test_a_part_takes_its_share_of_the_exact_tax() -> None:
    note = credit_of(invoice(1_000), {1: 333}, 2)
    (credited,) = note.lines
    assert Fraction(credited.tax) == Fraction(-333, 400)
    assert (note.tax_minor, credited.quantity) == (-83, Decimal("-1.332"))


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=21))
def test_references_are_what_the_standard_says(body: str) -> None:
    reference = creditor_reference(body)
    assert iso11649.is_valid(reference)
    assert is_reference(reference)
    # A letter counts as two digits: a slip is found for certain among digits and among letters.
    last = reference[-1]
    other = str((int(last) + 1) % 10) if last.isdigit() else ("A" if last != "A" else "B")
    assert not is_reference(reference[:-1] + other)


def test_published_and_own_references() -> None:
    assert creditor_reference("539007547034") == "RF18539007547034"
    assert (reference_of(INVOICE, 1), reference_of(CREDIT_NOTE, 12)) == (
        "RF69INV000001",
        "RF28CN000012",
    )
    for text in ("", "a", "1" * 22, "1 2"):
        with pytest.raises(ValueError, match="digits and capital letters"):
            creditor_reference(text)


def test_months() -> None:
    assert (month_named("2025-12").from_on, month_named("2025-12").to_on) == (
        date(2025, 12, 1), date(2026, 1, 1),
    )  # fmt: skip
    assert str(month_of(date(2026, 2, 28))) == "2026-02"
    for text in ("2025-13", "2025-00", "25-01", "0000-01", "9999-12", "2025-1"):
        with pytest.raises(MonthInvalid):
            month_named(text)
