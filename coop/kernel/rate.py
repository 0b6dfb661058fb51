"""Exact numbers read from text, and the one place that rounds.

Amounts and rates enter as base-10 text, never as binary floating point. A rate stays a Fraction
until the line it prices is made; `round_half_up` is the rule everywhere unless a cooperative's rule
says otherwise.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from coop.kernel.errors import InvalidValue

_SHOWN_MAX = 40
_PLAIN = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,18})?", re.ASCII)


def exact_decimal(text: str) -> Decimal:
    """The number that `text` writes: digits with at most one point, no exponent, no sign but minus.

    Refuses INVALID_VALUE: NaN, infinities, exponents, blanks, underscores, foreign digits, 18+
    decimals.
    """
    if not _PLAIN.fullmatch(text):
        shown = text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 3] + "..."
        raise InvalidValue(f'"{shown}" is not a plain decimal number such as 12.50.')
    return Decimal(text)


def round_half_up(value: Fraction | Decimal | int) -> int:
    """The nearest integer, halves away from zero: 2.5 → 3, −2.5 → −3."""
    exact = Fraction(value)
    magnitude = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
    return magnitude if exact >= 0 else -magnitude


def to_scale(value: Decimal, scale: int) -> int:
    """`value` in units of 10^-scale, exactly. Refuses INVALID_VALUE when digits would be lost."""
    # By hand: Decimal's own arithmetic rounds to 28 digits without a word.
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise InvalidValue(f"{value} is not a number.")
    units: int = int("".join(map(str, digits)))
    shift = exponent + scale
    units, lost = divmod(units * 10 ** max(shift, 0), 10 ** max(-shift, 0))
    if lost:
        raise InvalidValue(f"{value:f} has more than {scale} decimals.")
    return -units if sign else units


def from_scale(units: int, scale: int) -> Decimal:
    """Units of 10^-scale as a Decimal that prints with exactly `scale` decimals."""
    return Decimal((units < 0, tuple(map(int, str(abs(units)))), -scale))
