"""What the grid charges a hub: energy by season, weekday and hour, demand by the kW of the peak.

Two forms are read. Published ones, as collections of utility schedules write them:

    {"name": …, "schedule": [{"id", "effective_start": "10-01", "effective_end": "5-31",
      "dow_mask": "ALL" | "WEEKDAYS" | "WEEKENDS", "times": [0, 8.5, 21.5],
      "tariffs": [0.13064, 0.1477, 0.13064], "demand_charge": 11.66}, …]}

and our own, in which schedules are kept and which says the same with words and exact text:

    {"name": …, "rows": [{"id", "from": "10-01", "through": "05-31", "days": ["MON", …],
      "steps": [{"at": "08:30", "per_kwh": "0.1477"}, …], "demand_per_kw": "11.66"}, …]}

Both ends of a season are days that belong to it, and a season may wrap the year. On a day for which
several rows hold, the one for fewer weekdays is in force (WEEKENDS before ALL), and of equals the
one written first; `idle_rows` tells which rows are thereby never in force. A day of the year
without a row is refused. Prices are in whole currency per kWh and per kW and month.
"""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from coop.billing.domain.json_values import (
    Path,
    decimal_in,
    filled_list,
    object_in,
    parsed,
    text_in,
)
from coop.billing.sharing_errors import UtilityScheduleInvalid

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MASKS = {"ALL": range(7), "WEEKDAYS": range(5), "WEEKENDS": range(5, 7)}
_LEAP_YEAR = 2000
_MINUTES = 1440
_ROWS_MAX = 100
_QUARTER = 15
_PRICE_MAX = Decimal(1_000_000)
MonthDay = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Step:
    """From `minute` of the day on, until the next step, a kWh costs `per_kwh`."""

    minute: int
    per_kwh: Decimal


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """What holds on some weekdays (0 is Monday) of a season, both of whose ends belong to it."""

    id: str
    from_day: MonthDay
    through_day: MonthDay
    weekdays: frozenset[int]
    steps: tuple[Step, ...]
    demand_per_kw: Decimal

    def holds(self, day: MonthDay, weekday: int) -> bool:
        """Whether the row is for that day of the year, if it is that weekday."""
        if weekday not in self.weekdays:
            return False
        if self.from_day <= self.through_day:
            return self.from_day <= day <= self.through_day
        return day >= self.from_day or day <= self.through_day


@dataclass(frozen=True, slots=True)
class UtilitySchedule:
    """A grid tariff: rows that leave no day of any year without one."""

    name: str
    rows: tuple[ScheduleRow, ...]


def schedule_of_text(text: str) -> UtilitySchedule:
    """The schedule that a JSON text writes in either form. Refuses UTILITY_SCHEDULE_INVALID."""
    return schedule_of(parsed(text, UtilityScheduleInvalid))


def schedule_of(document: object) -> UtilitySchedule:
    """The schedule of a parsed document, its numbers Decimals or text.

    Refuses UTILITY_SCHEDULE_INVALID with the path: what is missing or no date, time or price, times
    that do not ascend from midnight by quarter hours, and a day that no row is for.
    """
    fields = object_in(document, (), UtilityScheduleInvalid)
    published = "schedule" in fields
    key = "schedule" if published else "rows"
    rows = filled_list(fields, key, (), UtilityScheduleInvalid)
    if len(rows) > _ROWS_MAX:
        raise UtilityScheduleInvalid(f"At most {_ROWS_MAX} rows.", (key,))
    read = _published_row if published else _own_row
    made = UtilitySchedule(
        name=text_in(fields, "name", (), UtilityScheduleInvalid),
        rows=tuple(read(row, (key, str(i))) for i, row in enumerate(rows)),
    )
    for day, weekday in _every_day():
        if _row(made, day, weekday) is None:
            what = f"{day[0]:02}-{day[1]:02} on a {WEEKDAYS[weekday]}"
            raise UtilityScheduleInvalid(f"No row is for {what}.", (key,))
    return made


def canonical_schedule(schedule: UtilitySchedule) -> dict[str, Any]:
    """The schedule in our own form: equal for equal schedules, every figure text."""
    return {
        "name": schedule.name,
        "rows": [
            {
                "id": row.id,
                "from": f"{row.from_day[0]:02}-{row.from_day[1]:02}",
                "through": f"{row.through_day[0]:02}-{row.through_day[1]:02}",
                "days": [WEEKDAYS[day] for day in sorted(row.weekdays)],
                "steps": [
                    {
                        "at": f"{step.minute // 60:02}:{step.minute % 60:02}",
                        "per_kwh": f"{step.per_kwh.normalize():f}",
                    }
                    for step in row.steps
                ],
                "demand_per_kw": f"{row.demand_per_kw.normalize():f}",
            }
            for row in schedule.rows
        ],
    }


def schedule_text(schedule: UtilitySchedule) -> str:
    """The canonical JSON text of a schedule, for hashing."""
    return json.dumps(canonical_schedule(schedule), sort_keys=True, separators=(",", ":"))


def row_on(schedule: UtilitySchedule, day: date) -> ScheduleRow:
    """The row in force on a day: that for fewer weekdays first, then the one written first."""
    row = _row(schedule, (day.month, day.day), day.weekday())
    if row is None:
        raise LookupError(f"a schedule without {day}")
    return row


def energy_price_at(schedule: UtilitySchedule, local: datetime) -> Decimal:
    """What a kWh costs at that wall time of the hub, in whole currency."""
    minute = local.hour * 60 + local.minute
    return price_of_row(row_on(schedule, local.date()), minute)


def price_of_row(row: ScheduleRow, minute: int) -> Decimal:
    """What a kWh costs at a minute of a day on which the row is in force."""
    return next(step.per_kwh for step in reversed(row.steps) if step.minute <= minute)


def demand_charge_of(schedule: UtilitySchedule, month: date) -> Fraction:
    """What a kW of a month's peak costs, in whole currency.

    Where rows of a month differ (a season that begins within it), each day counts its own: the
    mean over the days of the month.
    """
    days = calendar.monthrange(month.year, month.month)[1]
    first = month.replace(day=1)
    rates = [row_on(schedule, first + timedelta(days=i)).demand_per_kw for i in range(days)]
    return sum((Fraction(rate) for rate in rates), Fraction(0)) / days


def idle_rows(schedule: UtilitySchedule) -> tuple[str, ...]:
    """The ids of rows that are never in force, because others go before them on all their days."""
    used = {_row(schedule, day, weekday) for day, weekday in _every_day()}
    return tuple(row.id for row in schedule.rows if row not in used)


def _row(schedule: UtilitySchedule, day: MonthDay, weekday: int) -> ScheduleRow | None:
    found = [row for row in schedule.rows if row.holds(day, weekday)]
    return min(found, key=lambda row: len(row.weekdays), default=None)  # min keeps the first


def _every_day() -> Iterator[tuple[MonthDay, int]]:
    """Every day of the year, 29 February too, on every weekday it may be."""
    for month in range(1, 13):
        for day in range(1, calendar.monthrange(_LEAP_YEAR, month)[1] + 1):
            for weekday in range(7):
                yield (month, day), weekday


def _published_row(value: object, at: Path) -> ScheduleRow:
    row = object_in(value, at, UtilityScheduleInvalid)
    mask = text_in(row, "dow_mask", at, UtilityScheduleInvalid)
    if mask not in _MASKS:
        raise UtilityScheduleInvalid(f'"{mask[:40]}" is no mask of weekdays.', (*at, "dow_mask"))
    times = filled_list(row, "times", at, UtilityScheduleInvalid)
    prices = filled_list(row, "tariffs", at, UtilityScheduleInvalid)
    if len(times) != len(prices):
        raise UtilityScheduleInvalid("Times and tariffs are not as many.", (*at, "tariffs"))
    minutes = [_minute_of_hours(times[i], (*at, "times", str(i))) for i in range(len(times))]
    steps = [
        Step(minutes[i], _price(prices[i], (*at, "tariffs", str(i)))) for i in range(len(times))
    ]
    return ScheduleRow(
        id=text_in(row, "id", at, UtilityScheduleInvalid),
        from_day=_month_day(row, "effective_start", at),
        through_day=_month_day(row, "effective_end", at),
        weekdays=frozenset(_MASKS[mask]),
        steps=_ascending(steps, (*at, "times")),
        demand_per_kw=_price(row.get("demand_charge", Decimal(0)), (*at, "demand_charge")),
    )


def _own_row(value: object, at: Path) -> ScheduleRow:
    row = object_in(value, at, UtilityScheduleInvalid)
    steps = []
    for i, one in enumerate(filled_list(row, "steps", at, UtilityScheduleInvalid)):
        here = (*at, "steps", str(i))
        step = object_in(one, here, UtilityScheduleInvalid)
        steps.append(Step(_minute(step, here), _price(step.get("per_kwh"), (*here, "per_kwh"))))
    days = filled_list(row, "days", at, UtilityScheduleInvalid)
    for i, day in enumerate(days):
        if day not in WEEKDAYS:
            raise UtilityScheduleInvalid("Not a weekday such as MON.", (*at, "days", str(i)))
    return ScheduleRow(
        id=text_in(row, "id", at, UtilityScheduleInvalid),
        from_day=_month_day(row, "from", at),
        through_day=_month_day(row, "through", at),
        weekdays=frozenset(WEEKDAYS.index(str(day)) for day in days),
        steps=_ascending(steps, (*at, "steps")),
        demand_per_kw=_price(row.get("demand_per_kw"), (*at, "demand_per_kw")),
    )


def _ascending(steps: list[Step], at: Path) -> tuple[Step, ...]:
    minutes = [step.minute for step in steps]
    if minutes[0] != 0 or minutes != sorted(set(minutes)) or minutes[-1] >= _MINUTES:
        raise UtilityScheduleInvalid("Times ascend from midnight within the day.", at)
    return tuple(steps)


def _month_day(row: Mapping[str, object], key: str, at: Path) -> MonthDay:
    text = text_in(row, key, at, UtilityScheduleInvalid)
    try:
        month, day = (int(part) for part in text.split("-"))
        date(_LEAP_YEAR, month, day)
    except ValueError:
        why = f'"{text[:40]}" is not a day of the year such as 09-30.'
        raise UtilityScheduleInvalid(why, (*at, key)) from None
    return month, day


def _minute_of_hours(value: object, at: Path) -> int:
    hours = decimal_in(value, at, UtilityScheduleInvalid)
    return _on_the_quarter(hours * 60, at)


def _minute(step: Mapping[str, object], at: Path) -> int:
    text = text_in(step, "at", at, UtilityScheduleInvalid)
    try:
        hours, minutes = (int(part) for part in text.split(":"))
    except ValueError:
        why = f'"{text[:40]}" is not a time such as 08:30.'
        raise UtilityScheduleInvalid(why, (*at, "at")) from None
    return _on_the_quarter(Decimal(hours * 60 + minutes), (*at, "at"))


def _on_the_quarter(minutes: Decimal, at: Path) -> int:
    if minutes % _QUARTER or not 0 <= minutes < _MINUTES:
        raise UtilityScheduleInvalid("Prices change on a quarter of an hour of the day.", at)
    return int(minutes)


def _price(value: object, at: Path) -> Decimal:
    price = decimal_in(value, at, UtilityScheduleInvalid)
    if not 0 <= price < _PRICE_MAX:
        raise UtilityScheduleInvalid("A price is not negative and below a million.", at)
    return price
