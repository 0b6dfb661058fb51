"""The pricing interface: price(tariff, session, zone) → Charge; exact until a line is rounded.

Now there is one kind of tariff, a flat price per kWh; further kinds join the `Tariff` union and the
match in `price`, nothing else changes for those who ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from coop.charging.domain.session import ChargingSession
from coop.kernel.errors import InvalidValue
from coop.kernel.money import MINOR_MAX, currency_scale
from coop.kernel.rate import round_half_up


@dataclass(frozen=True, slots=True)
class FlatPrice:
    """So much of `currency` per kWh, at all times. `reference` says where the price comes from."""

    currency: str
    per_kwh: Decimal
    reference: str


Tariff = FlatPrice


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """One priced quantity: exactly `quantity` in `unit` times `unit_price`, then rounded once."""

    description: str
    quantity: Fraction
    unit: str
    unit_price: Fraction
    amount_minor: int
    tariff_ref: str


@dataclass(frozen=True, slots=True)
class Charge:
    """What a session costs; `amount_minor` is the sum of its rounded lines."""

    currency: str
    lines: tuple[ChargeLine, ...]

    @property
    def amount_minor(self) -> int:
        """In the currency's minor units."""
        return sum(line.amount_minor for line in self.lines)


def price(tariff: Tariff, session: ChargingSession, zone: ZoneInfo) -> Charge:  # noqa: ARG001
    """What `session` costs under `tariff`; `zone` is the hub's, for prices by local time.

    No energy means no line. Refuses INVALID_VALUE when the amount is beyond what the books can
    hold.
    """
    if session.delivered_wh == 0:
        return Charge(tariff.currency, ())
    quantity = Fraction(session.delivered_wh, 1000)
    unit_price = Fraction(tariff.per_kwh)
    amount = round_half_up(quantity * unit_price * 10 ** currency_scale(tariff.currency))
    if abs(amount) > MINOR_MAX:
        raise InvalidValue(
            f"{session.delivered_wh} Wh at {tariff.per_kwh:f} is too large an amount."
        )
    line = ChargeLine("Energy", quantity, "kWh", unit_price, amount, tariff.reference)
    return Charge(tariff.currency, (line,))
