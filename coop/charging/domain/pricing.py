"""The price of a session: price(tariff, session, zone) → Charge; exact until a line is rounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from coop.charging.domain.session import ChargingSession
from coop.charging.domain.tariff import Tariff, Tax, flat_tariff_document, tariff_of
from coop.kernel.errors import InvalidValue
from coop.kernel.money import MINOR_MAX, currency_scale
from coop.kernel.rate import round_half_up


@dataclass(frozen=True, slots=True)
class FlatPrice:
    """So much of `currency` per kWh, at all times. `reference` says where the price comes from."""

    currency: str
    per_kwh: Decimal
    reference: str


@dataclass(frozen=True, slots=True)
class Pause:
    """The hub itself held back power from one instant to another, in UTC."""

    from_at: datetime
    to_at: datetime


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


def price(
    tariff: Tariff | FlatPrice,
    session: ChargingSession,
    zone: ZoneInfo,  # noqa: ARG001
    pauses: Sequence[Pause] = (),  # noqa: ARG001
) -> Charge:
    """What `session` costs under `tariff`; `zone` is the hub's, for prices by local time.

    No energy means no line. Refuses INVALID_VALUE when the amount is beyond what the books can
    hold.
    """
    if isinstance(tariff, FlatPrice):
        tariff = tariff_of(flat_tariff_document("flat", tariff.currency, tariff.per_kwh))
    component = tariff.elements[0].components[0]
    if session.delivered_wh == 0:
        return Charge(tariff.currency, (), Fraction(0), Fraction(0))
    quantity, unit_price = Fraction(session.delivered_wh, 1000), Fraction(component.price)
    exact = quantity * unit_price
    scale = 10 ** currency_scale(tariff.currency)
    amount = round_half_up(exact * scale)
    if abs(amount) > MINOR_MAX:
        raise InvalidValue(f"{session.delivered_wh} Wh cost too large an amount.")
    rate = sum((Fraction(tax.percent) for tax in component.taxes), Fraction(0)) / 100
    line = ChargeLine(
        "ENERGY", 0, "Energy", quantity, "kWh", unit_price, amount, component.taxes,
        Fraction(amount, scale) * rate,
    )  # fmt: skip
    return Charge(tariff.currency, (line,), exact, exact * (1 + rate))
