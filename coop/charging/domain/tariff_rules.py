"""A tariff made ready for pricing many sessions: what cuts them, and what holds when.

Compiled once a tariff (`rules_of` remembers), because a month is priced by a handful of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from coop.charging.domain.periods import CHARGING, PARKING, RESERVATION, Exact, exact
from coop.charging.domain.tariff import Element, PriceComponent, Tariff, Tax
from coop.charging.domain.tariff_restrictions import Restrictions
from coop.charging.domain.tariff_words import words_of

SECOND_US = 1_000_000
# Line kind → unit, how many internal units (Wh, µs, 1) make one, and one step in internal units.
UNITS = {
    "ENERGY": ("kWh", 1000, 1),
    "TIME": ("h", 3600 * SECOND_US, SECOND_US),
    "PARKING_TIME": ("h", 3600 * SECOND_US, SECOND_US),
    "RESERVATION_TIME": ("h", 3600 * SECOND_US, SECOND_US),
    "FLAT": ("session", 1, 1),
    "RESERVATION_FLAT": ("session", 1, 1),
}
# Charging and parking are rounded up together: the session's time, by whichever came last.
_GROUPS = {**{kind: kind for kind in UNITS}, "PARKING_TIME": "TIME"}
ONCE, ENERGY, TIME = "once", "energy", "time"
EXPIRED = "EXPIRED"
# Kind of use → what it counts, and the dimensions of the tariff for that, in the order of lines.
_DIMENSIONS = {
    CHARGING: ((ONCE, ("FLAT",)), (ENERGY, ("ENERGY",)), (TIME, ("TIME",))),
    PARKING: ((ONCE, ("FLAT",)), (ENERGY, ("ENERGY",)), (TIME, ("PARKING_TIME",))),
    RESERVATION: (
        (ONCE, ("RESERVATION:FLAT",)),
        (ENERGY, ("ENERGY",)),
        (TIME, ("RESERVATION:TIME",)),
    ),
    # A reservation that nobody came to: its own time if there is one, and a fee on top.
    EXPIRED: (
        (ONCE, ("RESERVATION:FLAT",)),
        (ONCE, ("RESERVATION_EXPIRES:FLAT",)),
        (ENERGY, ("ENERGY",)),
        (TIME, ("RESERVATION_EXPIRES:TIME", "RESERVATION:TIME")),
    ),
}


class Moment(NamedTuple):
    """What restrictions ask about one part of a session. Clock values are the hub's."""

    minute: int
    weekday: int
    day: int
    wh: Exact
    current: Exact
    power: Exact
    elapsed_us: Exact


_Test = Callable[[Moment], bool]


@dataclass(frozen=True, slots=True, eq=False)
class Rate:
    """One price component of one element: `price` per `unit`, of `per_unit` Wh, µs or 1.

    The last rate of a `group` in a session decides about its rounding up to whole steps.
    """

    kind: str
    group: str
    element: int
    tests: tuple[_Test, ...]
    price: Fraction
    step: int
    taxes: tuple[Tax, ...]
    tax_rate: Fraction
    unit: str
    per_unit: int
    description: str

    def holds(self, moment: Moment) -> bool:
        """Whether every restriction of its element is met."""
        for test in self.tests:  # noqa: SIM110 - a generator costs more than the tests
            if not test(moment):
                return False
        return True


class Asked(NamedTuple):
    """One dimension of a kind of use: what it counts, and the rates in order."""

    name: str
    counts: str
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """A compiled tariff: what each kind of use may cost by, and where sessions must be cut.

    `minutes` of the local day, `thresholds_wh` and `durations_us` are the tariff's boundaries;
    `by_current` and `by_power` say that one is asked for.
    """

    asked: dict[str, tuple[Asked, ...]]
    minutes: tuple[int, ...]
    thresholds_wh: tuple[Exact, ...]
    durations_us: tuple[int, ...]
    by_current: bool
    by_power: bool

    @property
    def uncut(self) -> bool:
        """Whether every stretch has one price from beginning to end."""
        return not (self.minutes or self.thresholds_wh or self.durations_us)


@lru_cache(maxsize=1024)
def rules_of(tariff: Tariff) -> Rules:
    """The compiled form of a tariff."""
    rates: dict[str, list[Rate]] = {}
    for i, element in enumerate(tariff.elements):
        for component in element.components:
            dimension, rate = _rate(i, element, component)
            rates.setdefault(dimension, []).append(rate)
    stated = [element.restrictions for element in tariff.elements if element.restrictions]
    return Rules(
        {kind: _asked(dimensions, rates) for kind, dimensions in _DIMENSIONS.items()},
        tuple(sorted({minute for one in stated for minute in _minutes(one)})),
        tuple(sorted({exact(kwh, 1000) for one in stated
                      for kwh in (one.min_kwh, one.max_kwh) if kwh is not None})),
        tuple(sorted({s * SECOND_US for one in stated
                      for s in (one.min_duration_s, one.max_duration_s) if s is not None})),
any(one.min_current is not None or one.max_current is not None for one in stated),
        any(one.min_power is not None or one.max_power is not None for one in stated),
    )  # fmt: skip


def _asked(
    dimensions: tuple[tuple[str, tuple[str, ...]], ...], rates: dict[str, list[Rate]]
) -> tuple[Asked, ...]:
    """What the tariff prices of a kind of use; rates of several names one after another."""
    found = [
        Asked(names[0], counts, tuple(rate for name in names for rate in rates.get(name, ())))
        for counts, names in dimensions
    ]
    return tuple(asked for asked in found if asked.rates)


def _rate(i: int, element: Element, component: PriceComponent) -> tuple[str, Rate]:
    """A component as a rate, under the dimension it prices (of RESERVATION_EXPIRES, its own)."""
    reservation = element.restrictions.reservation if element.restrictions else None
    kind = f"RESERVATION_{component.kind}" if reservation else component.kind
    dimension = f"{reservation}:{component.kind}" if reservation else component.kind
    unit, per_unit, step = UNITS[kind]
    tax_rate = sum((Fraction(tax.percent) for tax in component.taxes), Fraction(0)) / 100
    return dimension, Rate(
        kind, _GROUPS[kind], i, _tests(element.restrictions), Fraction(component.price),
        component.step_size * step, component.taxes, tax_rate, unit, per_unit,
        words_of(kind, element.restrictions),
    )  # fmt: skip


def _minutes(one: Restrictions) -> set[int]:
    edges = {one.start_minute, one.end_minute} - {None}
    if edges or one.start_date or one.end_date or one.days:
        edges |= {0}
    return {minute % 1440 for minute in edges if minute is not None}


def _tests(one: Restrictions | None) -> tuple[_Test, ...]:
    if one is None:
        return ()
    return (*_clock_tests(one), *_meter_tests(one))


def _clock_tests(one: Restrictions) -> list[_Test]:
    tests: list[_Test] = []
    if one.start_minute is not None or one.end_minute is not None:
        tests.append(lambda m: one.in_minute(m.minute))
    if one.days is not None:
        days = one.days
        tests.append(lambda m: m.weekday in days)
    if one.start_date is not None:
        first = one.start_date.toordinal()
        tests.append(lambda m: m.day >= first)
    if one.end_date is not None:
        last = one.end_date.toordinal()
        tests.append(lambda m: m.day < last)
    return tests


def _meter_tests(one: Restrictions) -> list[_Test]:
    return [
        *_between("wh", one.min_kwh, one.max_kwh, 1000),
        *_between("current", one.min_current, one.max_current, 1),
        *_between("power", one.min_power, one.max_power, 1),
        *_between("elapsed_us", one.min_duration_s, one.max_duration_s, SECOND_US),
    ]


def _between(
    field: str, least: Decimal | int | None, most: Decimal | int | None, unit: int
) -> list[_Test]:
    """Tests that a field is at least `least` and below `most`."""
    position = Moment._fields.index(field)
    tests: list[_Test] = []
    if least is not None:
        low = exact(Decimal(least), unit)
        tests.append(lambda m: m[position] >= low)
    if most is not None:
        high = exact(Decimal(most), unit)
        tests.append(lambda m: m[position] < high)
    return tests
