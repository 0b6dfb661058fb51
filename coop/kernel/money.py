"""Money: an exact count of a currency's minor units (ISO 4217 decides how many make one)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from coop.kernel.errors import InvalidValue
from coop.kernel.rate import from_scale, to_scale

# ISO 4217 minor units that are not two; everything else that is three capital letters has two.
_SCALES = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI",
         "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}  # fmt: skip
_CODE = re.compile(r"[A-Z]{3}", re.ASCII)
# A bigint holds 9.2e18; a sum of many postings must still fit, so one amount stays a thousand times
# below.
MINOR_MAX = 9_223_372_036_854_775


def currency_scale(code: str) -> int:
    """Decimals of an ISO 4217 currency.

    Refuses INVALID_VALUE for what is not three capital letters.
    """
    if not _CODE.fullmatch(code):
        raise InvalidValue(f'"{code}" is not an ISO 4217 currency code such as EUR.')
    return _SCALES.get(code, 2)


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """`minor` units of `currency`; may be negative (a refund, what the cooperative owes)."""

    currency: str
    minor: int

    @classmethod
    def of(cls, amount: Decimal, currency: str) -> Money:
        """Exactly `amount`; refuses INVALID_VALUE when it has more decimals than the currency."""
        minor = to_scale(amount, currency_scale(currency))
        if abs(minor) > MINOR_MAX:
            raise InvalidValue(f"{amount:f} {currency} is too large.")
        return cls(currency, minor)

    @property
    def amount(self) -> Decimal:
        """As people write it: 1250 minor units of EUR are 12.50."""
        return from_scale(self.minor, currency_scale(self.currency))

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.currency, self.minor + other.minor)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.currency, self.minor - other.minor)

    def __neg__(self) -> Money:
        return Money(self.currency, -self.minor)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
