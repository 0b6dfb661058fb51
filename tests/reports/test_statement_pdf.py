"""The drawn statement says exactly what its twin says: nothing more, nothing less, nothing else."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from uuid import UUID

import pikepdf
import pytest

from coop.reports import theme
from coop.reports.errors import LanguageUnavailable
from coop.reports.statement import HubUse, MonthUse, StatementEntry
from coop.reports.statement_pdf import LAYOUT, draw_statement, read_twin
from coop.reports.twin import to_json_twin
from coop.reports.verify_document import page_texts
from tests.reports.sample import ISSUER, MEMBER, line, months, rerun, statement, use_of

_NUMBER = re.compile(r"−?[0-9][0-9.,]*[0-9]|−?[0-9]")


def _numbers(text):
    return Counter(_NUMBER.findall(text.replace("€", "")))


def _shown(decimal_text):
    """A figure of the twin as an English page writes it."""
    return f"{Decimal(decimal_text):,}".replace("-", "−")


def _figures(twin):
    """How often a page of the statement must show each amount and kWh of its twin."""
    due, energy = twin["due"], twin["energy"]
    absolute = due["closing"].lstrip("-")
    figures = [absolute, *[due[key] for key in ("opening", "charges", "payments", "closing")] * 2]
    figures += [due["charges"], due["payments"]]
    figures += [twin["equity"]["total"]] * 2 + [line["amount"] for line in twin["equity"]["lines"]]
    figures += [month["kwh"] for month in energy["by_month"]]
    figures += [energy["kwh"]] * (4 if energy["by_hub"] else 2 + (energy["sessions"] > 0))
    figures += [use["kwh"] for use in energy["by_hub"]] + [twin["deposits"], twin["make_up_kwh"]]
    for entry in twin["entries"]:
        sides = [entry[side] for side in ("debit", "credit") if Decimal(entry[side])]
        figures += [*sides, entry["due"], *([entry["kwh"]] if entry["kwh"] else [])]
    return Counter(map(_shown, figures))


def _rows(pages):
    """The entries as read back: (charge, payment, due), told apart by the running due."""
    first, *body, last = re.findall(r"^\w{3} \d+, 2026 .*$", "\n".join(pages[1:]), re.MULTILINE)
    return first, body, last


def _amounts(text):
    found = re.findall(r"−?[0-9,]+\.[0-9]{2}(?![0-9])", text)
    return [Decimal(amount.replace(",", "").replace("−", "-")) for amount in found]


@pytest.mark.parametrize("count", [0, 1, 12, 300])
def test_the_embedded_twin_is_the_statement(count):
    source = statement(count)
    assert read_twin(draw_statement(source)) == to_json_twin(source)


@pytest.mark.parametrize("count", [0, 1, 12, 300])
def test_every_figure_of_the_twin_is_on_the_pages_and_no_other(count):
    source = statement(count)
    pdf = draw_statement(source)
    text = "\n".join(page_texts(pdf))
    figures = _figures(read_twin(pdf))
    on_pages = Counter(
        {token: n for token, n in _numbers(text).items() if re.search(r"\.\d\d", token)}
    )
    assert on_pages == figures


@pytest.mark.parametrize("count", [1, 12, 300])
def test_opening_plus_entries_is_closing_on_the_pages(count):
    first, body, last = _rows(
        [
            re.sub(r"^.* – .*$", "", p, flags=re.MULTILINE)
            for p in page_texts(draw_statement(statement(count)))
        ]
    )
    due = _amounts(first)[-1]
    assert len(body) == count
    for row in body:
        amount, after = _amounts(row.replace(re.search(r"\d\.\d{3}|$", row).group(), ""))[-2:]
        due += -amount if "Direct debit" in row else amount
        assert due == after
    charges, payments, closing = _amounts(last)[-3:]
    assert closing == due == _amounts(first)[-1] + charges - payments


def test_what_is_owed_and_by_when_is_the_first_thing():
    first = page_texts(draw_statement(statement(12)))[0]
    assert "You owe\r\n€38.81\r\nPay by November 16, 2026" in first
    credit = statement(0, opening_minor=-5_000, closing_minor=-5_000, due_on=None)
    first = page_texts(draw_statement(credit))[0]
    assert "We owe you\r\n€50.00\r\nThis credit stays on your account." in first
    assert "due now −€50.00. Below zero, we owe you." in first.replace("\r\n", " ")
    settled = statement(0, opening_minor=0, closing_minor=0, due_on=None)
    assert "Nothing is due\r\n€0.00\r\n" in page_texts(draw_statement(settled))[0]


def test_the_amount_due_is_the_largest_text():
    with pikepdf.open(BytesIO(draw_statement(statement(12)))) as pdf:
        operators = pdf.pages[0].Contents.read_bytes()
    sizes = sorted({float(size) for size in re.findall(rb" ([0-9.]+) Tf", operators)}, reverse=True)
    assert sizes[0] == theme.RESULT.size > 2 * sizes[1]


@pytest.mark.parametrize(
    ("locale", "phrase"),
    [
        ("nb", "Du skylder\r\n38,81 €\r\nBetal innen 16. november 2026"),
        ("de", "Sie schulden\r\n38,81 €\r\nZahlbar bis 16. November 2026"),
        ("fr", "Vous devez\r\n38,81 €\r\nÀ payer avant le 16 novembre 2026"),
    ],
)
def test_the_words_are_those_of_the_locale(locale, phrase):
    pdf = draw_statement(statement(12), locale)
    assert phrase in page_texts(pdf)[0]
    with pikepdf.open(BytesIO(pdf)) as opened:
        assert str(opened.Root.Lang) == locale


def test_a_language_without_words_draws_nothing():
    with pytest.raises(LanguageUnavailable):
        draw_statement(statement(1), "es")


@pytest.mark.parametrize(("currency", "owed"), [("JPY", "¥3,881"), ("KWD", "KWD 3.881")])
def test_currencies_with_no_and_three_decimals(currency, owed):
    pdf = draw_statement(statement(12, cooperative=replace(ISSUER, currency=currency)))
    assert f"You owe\r\n{owed}\r\n" in page_texts(pdf)[0]


def test_huge_amounts_do_not_run_into_each_other():
    amount = 9_223_372_036_854_775
    entries = tuple(
        rerun(-amount, [line(0, 0, debit=amount, wh=999_999_999_999), line(1, 0, credit=amount)])
    )
    huge = statement(
        0, opening_minor=-amount, closing_minor=-amount, entries=entries, due_on=None,
        hubs=use_of(list(entries)), months=months(999_999_999_999),
    )  # fmt: skip
    pages = page_texts(draw_statement(huge))
    assert "We owe you\r\n€92,233,720,368,547.75" in pages[0]
    assert "Direct debit, thank you 92,233" in pages[1]
    assert "999,999,999.999 92,233,720,368,547.75 0.00" in pages[1]
    assert "92,233,720,368,547.75 −92,233,720,368,547.75 –" in pages[1]


# Long tables


@pytest.mark.parametrize("count", [300])
def test_the_head_is_repeated_on_every_page_of_a_long_table(count):
    pages = page_texts(draw_statement(statement(count)))
    with_rows = [page for page in pages[1:] if "Charging session" in page]
    assert len(with_rows) == 8
    assert all("Date Description Hub kWh Charge Payment Due Seal" in page for page in with_rows)
    assert f"Page 1 of {len(pages)}" in pages[0]
    assert f"Page {len(pages)} of {len(pages)}" in pages[-1]


@pytest.mark.parametrize("count", range(34, 44))
def test_the_total_is_never_alone_on_a_page(count):
    pages = page_texts(draw_statement(statement(count)))
    page = next(page for page in pages[1:] if "Due now" in page)
    before = page[: page.index("Due now")]
    assert len(re.findall(r"Charging session|Direct debit", before)) >= 2


# Hostile text


HOSTILE = (
    "<b>bold</b> & <font color=red>",
    "(unbalanced \\ parentheses))((",
    "שלום עולם 123.45",
    "\u202e54.321 drawn backwards\u202c",
    "🚗⚡ emoji",
    "line\nbreak\ttab\rreturn",
    "W" * 500,
    "{number} {0} %s %(x)s",
    "Ω ж ≥ € № ½ Ğ ậ",
    "",
    " ",
    "\x00\x07\x1b[31m",
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_neither_breaks_nor_disappears(text):
    entry = line(0, 0, debit=250, wh=1_000, memo=text, hub=text, account_name=text)
    source = statement(
        0, opening_minor=0, closing_minor=250, entries=(entry,), hubs=use_of([entry]), months=months(1_000),
        member=replace(MEMBER, name=text, address=(text,) * 9),
        cooperative=replace(ISSUER, name=text, address=(text,), contact=text), collection=text, number=text,
    )  # fmt: skip
    pdf = draw_statement(source)
    assert read_twin(pdf)["entries"][0]["memo"] == text
    with pikepdf.open(BytesIO(pdf)) as opened:
        assert opened.check_pdf_syntax() == []
    assert draw_statement(source) == pdf


def test_what_the_font_cannot_draw_is_visibly_replaced_and_said_in_full():
    entry = line(0, 0, debit=250, memo="Taxi 🚗 שלום \u202egnihton", wh=1_000)
    source = statement(
        0,
        opening_minor=0,
        closing_minor=250,
        entries=(entry,),
        hubs=use_of([entry]),
        months=months(1_000),
    )
    pdf = draw_statement(source)
    assert "Taxi □ □□□□ □gnihton" in page_texts(pdf)[1].replace("\r\n", " ")
    with pikepdf.open(BytesIO(pdf)) as opened:
        meant = [
            str(o.ActualText)
            for o in opened.objects
            if isinstance(o, pikepdf.Dictionary) and "/ActualText" in o
        ]
    assert meant == ["Taxi 🚗 שלום \u202egnihton"]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one two three", 1_000, ["one two three"]),
        ("one two three", 40, ["one two", "three"]),
        ("abcdefghij", 22, ["abcd", "efghij"]),
        ("", 10, [""]),
    ],
)
def test_wrapping_breaks_between_words_and_only_then_within(text, width, lines):
    assert theme.wrapped(text, theme.CELL, width) == lines


def test_text_beyond_the_last_line_ends_in_an_ellipsis():
    lines = theme.wrapped("word " * 50, theme.CELL, 60, most=3)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert all(theme.text_width(text, theme.CELL.font) * theme.CELL.size <= 60 for text in lines)


# The same bytes


def test_the_same_statement_gives_the_same_bytes_in_every_process():
    here = draw_statement(statement(12))
    assert draw_statement(statement(12)) == here
    script = (
        "import sys; from tests.reports.sample import statement;"
        "from coop.reports.statement_pdf import draw_statement;"
        "sys.stdout.buffer.write(draw_statement(statement(12)))"
    )
    for seed in ("0", "12345"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo"}
        there = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, check=True
        )
        assert there.stdout == here


def test_the_file_is_dated_by_its_issue_not_by_the_clock():
    with pikepdf.open(BytesIO(draw_statement(statement(12)))) as pdf:
        assert str(pdf.docinfo.CreationDate) == str(pdf.docinfo.ModDate) == "D:20261102081500Z"
        assert (
            b"<xmp:CreateDate>2026-11-02T08:15:00Z</xmp:CreateDate>"
            in pdf.Root.Metadata.read_bytes()
        )
        assert (
            str(pdf.docinfo.Title) == "Member statement 2026-10-0017, Nordlys Charging Cooperative"
        )


def test_the_day_of_issue_is_that_of_the_cooperative():
    late = statement(0, issued_at=datetime(2026, 11, 2, 23, 30, tzinfo=UTC))
    assert "Issued Nov 3, 2026" in page_texts(draw_statement(late))[0]


def test_a_period_without_months_has_no_chart():
    pages = page_texts(draw_statement(statement(0, months=())))
    assert "kWh per month" not in pages[0]


def test_a_year_of_negative_corrections_draws_no_bar_below_the_line():
    undone = StatementEntry(
        UUID(int=7), date(2026, 10, 2), datetime(2026, 10, 2, tzinfo=UTC), "reversal", "Session reversed",
        "1200", "Receivable", 0, 250, -250, -1_000, "Harbour",
    )  # fmt: skip
    source = statement(
        0, opening_minor=0, closing_minor=-250, entries=(undone,), hubs=(HubUse("Harbour", 0, -1_000),),
        months=(MonthUse(date(2026, 10, 1), -1_000),), due_on=None,
    )  # fmt: skip
    assert "−1.000" in page_texts(draw_statement(source))[0]


def test_another_drawing_of_the_same_figures_has_another_layout_number():
    """Count LAYOUT up and put the new hash here: files of the old layout are then told apart."""
    with pikepdf.open(BytesIO(draw_statement(statement(60), "de"))) as pdf:
        pages = [page.Contents.read_bytes() for page in pdf.pages]
    drawn = hashlib.sha256(b"".join(pages)).hexdigest()
    assert {LAYOUT: drawn} == {
        "coop statement layout 1": "f7258245f3eb22ff0daf2899bc09d26856d599bd6671a3ec7c6a85543b96de1a"
    }
