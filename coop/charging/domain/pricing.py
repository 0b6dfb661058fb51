"""The price of a session: price(tariff, session, zone) → Charge; exact until a line is rounded.

stretches_of   the session as reserved, charging, parked; grace and pauses taken out
parts_of       cut wherever a restriction of the tariff could change its mind
_used          of each part and dimension the first element that holds: its quantity, summed
_rounded_up    the last rate of energy and of time, to whole blocks of its step size
_line          quantity times price, rounded once; its taxes
bounded        the least and greatest price, as lines of their own
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from coop.charging.domain.charge import Charge, ChargeLine
from coop.charging.domain.cutting import Part, parts_of
from coop.charging.domain.periods import CHARGING, PARKING, RESERVATION, Exact, Pause, stretches_of
from coop.charging.domain.price_bounds import bounded
from coop.charging.domain.session import ChargingSession
from coop.charging.domain.tariff import Tariff, flat_tariff_document, tariff_of
from coop.charging.domain.tariff_rules import SECOND_US, Moment, Rate, Rules, rules_of
from coop.charging.domain.tariff_words import duration_words
from coop.kernel.errors import InvalidValue
from coop.kernel.money import MINOR_MAX, currency_scale

__all__ = ["Charge", "ChargeLine", "FlatPrice", "Pause", "price"]

# What each kind of stretch may cost by, in the order lines appear: (dimension, once a session).
_ONCE = "FLAT"
_DIMENSIONS = {
    RESERVATION: ("RESERVATION:FLAT", "RESERVATION_EXPIRES:FLAT", "ENERGY", "RESERVATION:TIME"),
    CHARGING: (_ONCE, "ENERGY", "TIME"),
    PARKING: (_ONCE, "ENERGY", "PARKING_TIME"),
}
_EXPIRED_TIME = "RESERVATION_EXPIRES:TIME"
_EXPIRED_FLAT = "RESERVATION_EXPIRES:FLAT"
# Kinds whose last rate decides about one rounding up to whole steps.
_STEPPED = {
    "ENERGY": "energy",
    "TIME": "time",
    "PARKING_TIME": "time",
    "RESERVATION_TIME": "reservation",
}
_ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class FlatPrice:
    """So much of `currency` per kWh, at all times. `reference` says where the price comes from."""

    currency: str
    per_kwh: Decimal
    reference: str


_Used = dict[Rate, Exact]


def price(
    tariff: Tariff | FlatPrice,
    session: ChargingSession,
    zone: ZoneInfo,
    pauses: Sequence[Pause] = (),
) -> Charge:
    """What `session` costs under `tariff`; `zone` is the hub's, for prices by local time.

    A dimension that no element prices costs nothing, and what is zero has no line. Parking within
    `pauses` is not charged. Refuses INVALID_VALUE when an amount is beyond what the books can hold.
    """
    if isinstance(tariff, FlatPrice):
        tariff = tariff_of(flat_tariff_document("flat", tariff.currency, tariff.per_kwh))
    rules = rules_of(tariff)
    stretches = stretches_of(session, pauses, tariff.idle_grace_s)
    expired = all(stretch.kind == RESERVATION for stretch in stretches)
    used, last = _used(rules, parts_of(stretches, rules, zone), expired=expired)
    rounded = {rate: _rounded_up(used, rate) for rate in last.values()}
    scale = 10 ** currency_scale(tariff.currency)
    lines: list[ChargeLine] = []
    before = after = _ZERO
    for rate, units in used.items():
        line, exact = _line(rate, units, scale, rounded.get(rate, ""))
        lines.append(line)
        before += exact
        after += exact * (1 + rate.tax_rate)
    found = tuple(lines)
    if tariff.min_price is not None or tariff.max_price is not None:
        found, before, after = bounded(tariff, found, before, after, scale)
    return Charge(tariff.currency, found, before, after)


def _used(rules: Rules, parts: Iterable[Part], *, expired: bool) -> tuple[_Used, dict[str, Rate]]:
    """How much of each rate was used, and the last one of each kind of rounding."""
    used: _Used = {}
    last: dict[str, Rate] = {}
    charged_once: set[str] = set()
    for kind, energy_wh, time_us, moment in parts:
        for dimension in _DIMENSIONS[kind]:
            flat = dimension.endswith(_ONCE)
            if flat and (dimension in charged_once or (dimension == _EXPIRED_FLAT and not expired)):
                continue
            units = 1 if flat else energy_wh if dimension == "ENERGY" else time_us
            if not units:
                continue
            rate = _rate(rules, dimension, moment, expired=expired)
            if rate is None:
                continue
            used[rate] = used.get(rate, 0) + units
            if flat:
                charged_once.add(dimension)
            else:
                last[_STEPPED[rate.kind]] = rate
    return used, last


def _rate(rules: Rules, dimension: str, moment: Moment, *, expired: bool) -> Rate | None:
    """The first element that prices the dimension and holds; an unused reservation has its own."""
    if expired and dimension == "RESERVATION:TIME":
        found = _rate(rules, _EXPIRED_TIME, moment, expired=False)
        if found is not None:
            return found
    for rate in rules.rates.get(dimension, ()):
        if rate.holds(moment):
            return rate
    return None


def _rounded_up(used: _Used, rate: Rate) -> str:
    """Bill the total of the rate's kind in whole steps, the rest at this rate; says so in words."""
    if not rate.step:
        return ""
    total = sum(units for other, units in used.items() if other.kind == rate.kind)
    missing = -total % rate.step
    if not missing:
        return ""
    used[rate] += missing
    step = f"{rate.step} Wh" if rate.kind == "ENERGY" else duration_words(rate.step // SECOND_US)
    return f", in blocks of {step}"


def _line(rate: Rate, units: Exact, scale: int, rounded: str) -> tuple[ChargeLine, Fraction]:
    """The line of a rate, and its exact cost before it was rounded."""
    quantity = Fraction(units, rate.per_unit) if isinstance(units, int) else units / rate.per_unit
    exact = quantity * rate.price
    # Half up, halves away from zero, without another fraction: this is the hot path.
    top, bottom = 2 * abs(exact.numerator) * scale + exact.denominator, 2 * exact.denominator
    amount = top // bottom if exact >= 0 else -(top // bottom)
    if abs(amount) > MINOR_MAX:
        raise InvalidValue(f"{rate.description}: too large an amount for the books.")
    tax = Fraction(amount * rate.tax_rate.numerator, scale * rate.tax_rate.denominator)
    line = ChargeLine(
        rate.kind, rate.element, rate.description + rounded, quantity, rate.unit, rate.price,
        amount, rate.taxes, tax,
    )  # fmt: skip
    return line, exact
