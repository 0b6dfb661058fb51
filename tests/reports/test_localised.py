"""Figures and dates of the locales we write in, against Babel and against what people write there."""

from __future__ import annotations

import string
from datetime import date, datetime
from decimal import Decimal

import pytest
from babel.numbers import format_currency, format_decimal
from hypothesis import given
from hypothesis import strategies as st

from coop.reports.errors import LanguageUnavailable
from coop.reports.localised import localised
from coop.reports.phrases import LANGUAGES, phrases

LOCALES = ["en", "en_GB", "nb", "de", "de_CH", "fr", "fr_CH"]


@pytest.mark.parametrize(
    ("locale", "currency", "positive", "negative"),
    [
        ("en", "EUR", "€1,234,567.89", "−€0.05"),
        ("en_GB", "GBP", "£1,234,567.89", "−£0.05"),
        ("nb", "NOK", "1\u00a0234\u00a0567,89\u00a0kr", "−0,05\u00a0kr"),
        ("de", "EUR", "1.234.567,89\u00a0€", "−0,05\u00a0€"),
        ("de_CH", "CHF", "CHF\u00a01’234’567.89", "CHF−0.05"),
        ("fr", "EUR", "1\u202f234\u202f567,89\u00a0€", "−0,05\u00a0€"),
        ("en", "JPY", "¥123,456,789", "−¥5"),
        ("en", "KWD", "KWD\u00a0123,456.789", "−KWD\u00a00.005"),
    ],
)
def test_money_as_people_write_it(locale, currency, positive, negative):
    writing = localised(locale, currency)
    assert writing.money(123_456_789) == positive
    assert writing.money(-5) == negative


@given(st.integers(-(10**17), 10**17), st.sampled_from(LOCALES))
def test_every_digit_is_kept_and_grouped_as_babel_does(minor, locale):
    writing = localised(locale, "EUR")
    exact = Decimal(minor).scaleb(-2)
    expected = format_decimal(exact, locale=locale, format="#,##0.00", decimal_quantization=False)
    assert writing.amount(minor) == expected.replace("-", "−")
    plain = format_currency(exact, "EUR", locale=locale, decimal_quantization=False)
    assert "".join(filter(str.isdigit, writing.money(minor))) == "".join(filter(str.isdigit, plain))


def test_energy_has_three_decimals_and_dates_follow_the_locale():
    day = date(2026, 10, 3)
    shown = {
        locale: (localised(locale, "EUR").kwh(-1_234_567), localised(locale, "EUR").day(day), localised(locale, "EUR").long_day(day), localised(locale, "EUR").month(day))
        for locale in LANGUAGES
    }  # fmt: skip
    assert shown == {
        "en": ("−1,234.567", "Oct 3, 2026", "October 3, 2026", "Oct\u00a026"),
        "nb": ("−1\u00a0234,567", "3. okt. 2026", "3. oktober 2026", "okt\u00a026"),
        "de": ("−1.234,567", "03.10.2026", "3. Oktober 2026", "Okt\u00a026"),
        "fr": ("−1\u202f234,567", "3 oct. 2026", "3 octobre 2026", "oct.\u00a026"),
    }


@pytest.mark.parametrize(
    ("value", "least", "most", "shown"),
    [
        ("0.3890", 2, 6, "0,389"),
        ("6", 2, 6, "6,00"),
        ("1234.5", 0, 6, "1.234,5"),
        ("100", 0, 6, "100"),
        ("-0.25", 0, 3, "−0,25"),
        ("20.657809", 3, 3, "≈\u00a020,658"),
        ("43.79999999999999", 0, 3, "43,8"),
        ("0", 3, 3, "0,000"),
    ],
)
def test_a_price_keeps_its_decimals_and_says_where_some_are_cut(value, least, most, shown):
    assert localised("de", "EUR").exact(Decimal(value), least, most) == shown


def test_rates_times_and_countries_follow_the_locale():
    at = datetime(2026, 10, 3, 7, 5)
    shown = {
        locale: (localised(locale, "EUR").percent(Decimal("12.50")), localised(locale, "EUR").time(at), localised(locale, "EUR").country("NO"))
        for locale in LANGUAGES
    }  # fmt: skip
    assert shown == {
        "en": ("12.5%", "Oct 3, 2026 07:05", "Norway"),
        "nb": ("12,5\u00a0%", "3. okt. 2026 07:05", "Norge"),
        "de": ("12,5\u00a0%", "03.10.2026 07:05", "Norwegen"),
        "fr": ("12,5\u00a0%", "3 oct. 2026 07:05", "Norvège"),
    }


@pytest.mark.parametrize("locale", ["es", "ar", "he", "klingon", "", "../../etc"])
def test_a_language_without_words_is_refused(locale):
    with pytest.raises(LanguageUnavailable):
        localised(locale, "EUR")


def _places(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", phrases())
def test_every_phrase_has_every_language_and_the_same_places(key):
    assert tuple(phrases()[key]) == LANGUAGES
    texts = list(phrases()[key].values())
    assert all(text.strip() for text in texts)
    assert {frozenset(_places(text)) for text in texts} == {frozenset(_places(texts[0]))}
    assert not any(character.isdigit() for text in texts for character in text if key != "previous")
