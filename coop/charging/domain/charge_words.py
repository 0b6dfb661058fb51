"""A charge in words and figures, as a member reads it."""

from __future__ import annotations

from fractions import Fraction

from coop.charging.domain.charge import ChargeLine
from coop.kernel.money import currency_scale
from coop.kernel.rate import from_scale, round_half_up

_SHOWN_DECIMALS = 6


def exact_text(value: Fraction) -> str:
    """A number with all its decimals, or, where they never end, with six, half up."""
    decimals = 0
    rest = value.denominator
    while rest % 10 == 0:
        rest, decimals = rest // 10, decimals + 1
    while rest % 5 == 0:
        rest, decimals = rest // 5, decimals + 1
    while rest % 2 == 0:
        rest, decimals = rest // 2, decimals + 1
    decimals = decimals if rest == 1 else _SHOWN_DECIMALS
    return f"{from_scale(round_half_up(value * 10**decimals), decimals):f}"


def line_words(line: ChargeLine, currency: str) -> str:
    """What a line is and how it came about: "Energy: 20 kWh × 0.25 EUR = 5.00 EUR, VAT 10 %"."""
    amount = f"{from_scale(line.amount_minor, currency_scale(currency)):f} {currency}"
    taxes = "".join(f", {tax.name} {tax.percent:f} %" for tax in line.taxes)
    if line.unit == "session":
        return f"{line.description}: {amount}{taxes}"
    times = f"{exact_text(line.quantity)} {line.unit} × {exact_text(line.unit_price)} {currency}"
    return f"{line.description}: {times} = {amount}{taxes}"
