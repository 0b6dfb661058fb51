"""What a session costs: lines, each rounded once, and the tariff's exact totals."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from coop.charging.domain.tariff import Tax


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """One priced quantity: exactly `quantity` in `unit` times `unit_price`, rounded once.

    `kind` is ENERGY, FLAT, TIME, PARKING_TIME, RESERVATION_TIME, RESERVATION_FLAT, MIN_PRICE or
    MAX_PRICE; `element` the position (from 0) of the tariff's element that priced it. `tax` is that
    of `amount_minor`, exact, in whole currency.
    """

    kind: str
    element: int | None
    description: str
    quantity: Fraction
    unit: str
    unit_price: Fraction
    amount_minor: int
    taxes: tuple[Tax, ...]
    tax: Fraction


@dataclass(frozen=True, slots=True)
class Charge:
    """What a session costs. `before_tax` and `after_tax` are the tariff's exact totals."""

    currency: str
    lines: tuple[ChargeLine, ...]
    before_tax: Fraction
    after_tax: Fraction

    @property
    def amount_minor(self) -> int:
        """Before taxes, in the currency's minor units: the sum of the rounded lines."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def tax(self) -> Fraction:
        """All taxes of the lines, exact, in whole currency."""
        return sum((line.tax for line in self.lines), Fraction(0))
