"""The grid's prices of a month, quarter hour by quarter hour, whichever schedules were in force."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from coop.billing.domain.loads import beginning_of
from coop.billing.domain.utility_schedule import UtilitySchedule, price_of_row, row_on
from coop.billing.sharing_errors import UtilityScheduleMissing


@dataclass(frozen=True, slots=True)
class Dated:
    """A schedule and the first day it is in force."""

    from_on: date
    schedule: UtilitySchedule


@dataclass(frozen=True, slots=True)
class GridPrices:
    """Prices of a kWh by quarter hour in units of `unit` whole currency; what a kW of peak costs.

    Integers, so that adding up a month of a thousand members is exact and quick.
    """

    per_kwh: list[int]
    unit: Fraction
    demand_per_kw: Fraction


def grid_prices(
    schedules: Sequence[Dated], month: date, quarters: range, zone: ZoneInfo
) -> GridPrices:
    """The prices of a month. A schedule that begins within it holds from its first day on.

    Refuses UTILITY_SCHEDULE_MISSING when none is in force on its first day.
    """
    first = month.replace(day=1)
    days = calendar.monthrange(first.year, first.month)[1]
    rates = []
    for i in range(days):
        day = first + timedelta(days=i)
        rates.append(Fraction(row_on(_on(schedules, day), day).demand_per_kw))
    found: list[Decimal] = []
    for quarter in quarters:
        wall = beginning_of(quarter).astimezone(zone)
        found.append(_price(schedules, wall))
    decimals = max(0, *(-int(price.as_tuple().exponent) for price in found))
    scale = 10**decimals
    return GridPrices(
        [int(price * scale) for price in found],
        Fraction(1, scale),
        sum(rates, Fraction(0)) / days,
    )


def _price(schedules: Sequence[Dated], wall: datetime) -> Decimal:
    row = row_on(_on(schedules, wall.date()), wall.date())
    return price_of_row(row, wall.hour * 60 + wall.minute)


def _on(schedules: Sequence[Dated], day: date) -> UtilitySchedule:
    begun = [one for one in schedules if one.from_on <= day]
    if not begun:
        raise UtilityScheduleMissing(f"No schedule of the grid is in force on {day}.")
    return max(begun, key=lambda one: one.from_on).schedule
