"""Amounts, energy and dates as a reader of one locale writes them, exactly.

Babel knows the conventions; it is asked once per locale and currency what a number looks like, and
the digits are then put in as text. So nothing is rounded (Babel would, half to even), the decimals
are those of our own currency table, the minus is a true one (U+2212), and a page with a thousand
figures costs little.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton
from babel.numbers import (
    format_currency,
    format_decimal,
    format_percent,
    get_currency_name,
)

from coop.kernel.energy import KWH_SCALE
from coop.kernel.money import currency_scale
from coop.kernel.rate import round_half_up
from coop.reports.errors import LanguageUnavailable
from coop.reports.phrases import phrases_in

NBSP = "\u00a0"
MINUS = "\u2212"
EXACT_MAX = 6  # decimals of a price that are shown
UNSEEN = Fraction(1, 10**9)  # what a stored quantity may differ from the fraction it stands for
_FIGURE = re.compile(r"[0-9].*[0-9]|[0-9]")


@dataclass(frozen=True, slots=True)
class Localised:
    """How one locale writes: `money` with the currency, `amount` and `kwh` without, and dates."""

    locale: Locale
    currency: str
    words: dict[str, str]
    group: str
    point: str
    positive: str
    negative: str

    @property
    def language_tag(self) -> str:
        """The locale as BCP 47 ("de-CH"), which a document declares as its language."""
        return str(self.locale).replace("_", "-")

    def decimal(self, units: int, scale: int) -> str:
        """Units of 10^-scale in digits: 1234567 with scale 3 is 1,234.567."""
        digits = str(abs(units)).rjust(scale + 1, "0")
        cut = len(digits) - scale
        whole = f"{int(digits[:cut]):,}".replace(",", self.group)
        text = f"{whole}{self.point}{digits[cut:]}" if scale else whole
        return MINUS + text if units < 0 else text

    def amount(self, minor: int) -> str:
        """Minor units without their currency, for tables that name it once."""
        return self.decimal(minor, currency_scale(self.currency))

    def money(self, minor: int) -> str:
        """Minor units with their currency: −€1,234.50."""
        pattern = self.negative if minor < 0 else self.positive
        return pattern.format(self.amount(abs(minor)))

    def kwh(self, wh: int) -> str:
        """Watt-hours as kWh with three decimals, without the unit."""
        return self.decimal(wh, KWH_SCALE)

    def count(self, number: int) -> str:
        """A whole number."""
        return self.decimal(number, 0)

    def exact(self, value: Decimal, least: int = 0, most: int = EXACT_MAX) -> str:
        """A number with its decimals, at least `least`; ≈ where there are more than `most`."""
        units = round_half_up(Fraction(value) * 10**most)
        cut = abs(Fraction(units, 10**most) - Fraction(value)) > UNSEEN
        scale = most
        while scale > least and units % 10 == 0:
            units, scale = units // 10, scale - 1
        text = self.decimal(units, scale)
        return f"≈{NBSP}{text}" if cut else text

    def percent(self, value: Decimal) -> str:
        """A rate in per cent: 25 % in German, 25% in English."""
        return _percent(self.locale).format(self.exact(value))

    def time(self, at: datetime) -> str:
        """Day and time of day, in the zone `at` is given in."""
        return f"{_day(at.date(), self.locale, 'medium')} {at:%H:%M}"

    def country(self, code: str) -> str:
        """A country by its name in this language."""
        return str(self.locale.territories.get(code, code))

    def day(self, day: date) -> str:
        """A day in a table: 3 Oct 2026 in British English, 03.10.2026 in German."""
        return _day(day, self.locale, "medium")

    def long_day(self, day: date) -> str:
        """A day in a sentence: 3 October 2026."""
        return _day(day, self.locale, "long")

    def month(self, day: date) -> str:
        """The month of `day`, abbreviated, with two digits of the year."""
        return f"{_month(day, self.locale)}{NBSP}{day:%y}"

    def currency_name(self) -> str:
        """The currency by name and code: euros (EUR)."""
        return f"{get_currency_name(self.currency, locale=self.locale)} ({self.currency})"


@lru_cache(maxsize=256)
def localised(locale: str, currency: str) -> Localised:
    """The conventions of `locale` ("de_CH"). Refuses LANGUAGE_UNAVAILABLE without words in it."""
    try:
        parsed = Locale.parse(locale, sep="-" if "-" in locale else "_")
    except (UnknownLocaleError, ValueError):
        raise LanguageUnavailable(f'"{locale}" is not a locale such as en or de_CH.') from None
    words = phrases_in(parsed.language)
    sample = format_decimal(12_345.5, locale=parsed, format="#,##0.0")
    return Localised(
        locale=parsed,
        currency=currency,
        words=words,
        group=sample[2:-5],
        point=sample[-2:-1],
        positive=_pattern(1, currency, parsed),
        negative=_pattern(-1, currency, parsed),
    )


def _pattern(amount: int, currency: str, locale: Locale) -> str:
    """A sample amount with {} for its digits, a true minus, a space after a lettered currency."""
    shown = format_currency(amount, currency, locale=locale).replace("-", MINUS)
    before, after = _FIGURE.split(shown)
    if before[-1:].isalpha():
        before += NBSP
    return f"{before}{{}}{after}"


@lru_cache(maxsize=64)
def _percent(locale: Locale) -> str:
    """A sample rate with {} for its digits."""
    before, after = _FIGURE.split(format_percent(1, locale=locale, format=None))
    return f"{before}{{}}{after}"


@lru_cache(maxsize=4096)
def _day(day: date, locale: Locale, width: str) -> str:
    return format_date(day, format=width, locale=locale)


@lru_cache(maxsize=4096)
def _month(day: date, locale: Locale) -> str:
    return format_skeleton("MMM", day, locale=locale)
