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
from fractions import Fraction
from zoneinfo import ZoneInfo

from coop.charging.domain.charge import Charge, ChargeLine
from coop.charging.domain.cutting import Part, parts_of
from coop.charging.domain.periods import RESERVATION, Exact, Pause, stretches_of
from coop.charging.domain.price_bounds import bounded
from coop.charging.domain.session import ChargingSession
from coop.charging.domain.tariff import Tariff
from coop.charging.domain.tariff_rules import (
    ENERGY,
    EXPIRED,
    ONCE,
    SECOND_US,
    TIME,
    Rate,
    Rules,
    rules_of,
)
from coop.charging.domain.tariff_words import duration_words
from coop.kernel.errors import InvalidValue
from coop.kernel.money import MINOR_MAX, currency_scale

__all__ = ["Charge", "ChargeLine", "Pause", "price"]

_ZERO = Fraction(0)


_Used = dict[Rate, Exact]


def price(
    tariff: Tariff,
    session: ChargingSession,
    zone: ZoneInfo,
    pauses: Sequence[Pause] = (),
) -> Charge:
    """What `session` costs under `tariff`; `zone` is the hub's, for prices by local time.

    A dimension that no element prices costs nothing, and what is zero has no line. Parking within
    `pauses` is not charged. Refuses INVALID_VALUE when an amount is beyond what the books can hold.
    """
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
    """How much of each rate was used, and the last one of each group that is rounded together."""
    used: _Used = {}
    last: dict[str, Rate] = {}
    for kind, energy_wh, time_us, moment in parts:
        for name, counts, rates in rules.asked[EXPIRED if expired else kind]:
            units = energy_wh if counts == ENERGY else time_us if counts == TIME else 1
            if not units or (counts == ONCE and name in last):
                continue
            for rate in rates:
                if rate.holds(moment):
                    used[rate] = used.get(rate, 0) + units
                    last[name if counts == ONCE else rate.group] = rate
                    break
    return used, last


def _rounded_up(used: _Used, rate: Rate) -> str:
    """Bill the total of the rate's kind in whole steps, the rest at this rate; says so in words."""
    if not rate.step or rate.per_unit == 1:
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
