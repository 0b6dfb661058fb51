"""When an element of a tariff holds: all that it states must be true at once (mod_tariffs 11.4.6).

Times of day, dates and weekdays are those of the hub's wall clock at that very moment: a window
22:00 to 06:00 on MONDAY is Monday's first six hours and its last two. Least values are inclusive,
greatest are exclusive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from coop.charging.domain.json_fields import Fields
from coop.charging.errors import TariffRestrictionBroken

DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
DAY_MINUTES = 1440
_NAMES = """
    start_time end_time start_date end_date min_kwh max_kwh min_current max_current min_power
    max_power min_duration max_duration day_of_week reservation
"""
_KNOWN = frozenset(_NAMES.split())
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_RESERVATIONS = ("RESERVATION", "RESERVATION_EXPIRES")


@dataclass(frozen=True, slots=True)
class Restrictions:
    """What an element is restricted to; None restricts nothing.

    Minutes are of the local day, [start, end), wrapping over midnight when the end comes first; an
    end of 1440 is midnight. Days of the week count from Monday, 0. Currents are A over all phases,
    powers kW, durations seconds since charging began.
    """

    start_minute: int | None = None
    end_minute: int | None = None
    start_date: date | None = None
    end_date: date | None = None
    min_kwh: Decimal | None = None
    max_kwh: Decimal | None = None
    min_current: Decimal | None = None
    max_current: Decimal | None = None
    min_power: Decimal | None = None
    max_power: Decimal | None = None
    min_duration_s: int | None = None
    max_duration_s: int | None = None
    days: frozenset[int] | None = None
    reservation: str | None = None

    def in_minute(self, minute: int) -> bool:
        """Whether the window of the day holds at this minute of it."""
        start, end = self.start_minute or 0, self.end_minute
        if end is None:
            return minute >= start
        return start <= minute < end if start < end else minute >= start or minute < end


def restrictions_of(fields: Fields) -> Restrictions | None:
    """The restrictions a JSON object states, or None when it states none.

    Refuses TARIFF_RESTRICTION with the path: what nobody can meet, what has another form, and what
    is unknown (ignoring it would price more than was meant).
    """
    unknown = sorted(name for name in fields.values if name not in _KNOWN)
    if unknown:
        raise TariffRestrictionBroken("Not a restriction of OCPI 2.2.1.", fields.path(unknown[0]))
    found = Restrictions(
        *_window(fields),
        *_dates(fields),
        *_range(fields, "kwh"),
        *_range(fields, "current"),
        *_range(fields, "power"),
        *_durations(fields),
        days=_days(fields),
        reservation=_reservation(fields),
    )
    return None if found == Restrictions() else found


def _window(fields: Fields) -> tuple[int | None, int | None]:
    start, end = _minute(fields, "start_time"), _minute(fields, "end_time")
    end = DAY_MINUTES if end == 0 else end
    if start is not None and start == end:
        raise TariffRestrictionBroken("Starts when it ends.", fields.path("end_time"))
    if (start or 0, end or DAY_MINUTES) == (0, DAY_MINUTES):
        return None, None
    return start, end


def _minute(fields: Fields, name: str) -> int | None:
    if name not in fields:
        return None
    match = _TIME.fullmatch(fields.text(name, 40))
    if match is None:
        raise TariffRestrictionBroken("Not a time of day such as 13:30.", fields.path(name))
    return int(match[1]) * 60 + int(match[2])


def _dates(fields: Fields) -> tuple[date | None, date | None]:
    start, end = _date(fields, "start_date"), _date(fields, "end_date")
    if start is not None and end is not None and end <= start:
        why = "The end, which is the first day without, comes after the start."
        raise TariffRestrictionBroken(why, fields.path("end_date"))
    return start, end


def _date(fields: Fields, name: str) -> date | None:
    if name not in fields:
        return None
    text = fields.text(name, 40)
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise TariffRestrictionBroken("Not a day such as 2026-03-01.", fields.path(name))


def _range(fields: Fields, what: str) -> tuple[Decimal | None, Decimal | None]:
    least, most = _measure(fields, f"min_{what}"), _measure(fields, f"max_{what}")
    if most is not None and most <= (least or 0):
        why = f"Nothing is at least {least or 0:f} and below {most:f}."
        raise TariffRestrictionBroken(why, fields.path(f"max_{what}"))
    return least, most


def _measure(fields: Fields, name: str) -> Decimal | None:
    if name not in fields:
        return None
    value = fields.number(name)
    if value < 0:
        raise TariffRestrictionBroken(f"{value:f} is negative.", fields.path(name))
    return value


def _durations(fields: Fields) -> tuple[int | None, int | None]:
    found = _range(fields, "duration")
    for name, value in zip(("min_duration", "max_duration"), found, strict=True):
        if value is not None and value != int(value):
            raise TariffRestrictionBroken("Not whole seconds.", fields.path(name))
    least, most = found
    return None if least is None else int(least), None if most is None else int(most)


def _days(fields: Fields) -> frozenset[int] | None:
    names = fields.values.get("day_of_week")
    if names is None or names == []:
        return None
    path = fields.path("day_of_week")
    if not isinstance(names, list):
        raise TariffRestrictionBroken("Not a list of days.", path)
    for i, name in enumerate(names):
        if name not in DAYS:
            raise TariffRestrictionBroken("Not a day such as MONDAY.", (*path, str(i)))
    days = frozenset(DAYS.index(name) for name in names)
    return None if len(days) == len(DAYS) else days


def _reservation(fields: Fields) -> str | None:
    if "reservation" not in fields:
        return None
    kind = fields.text("reservation", 40)
    if kind not in _RESERVATIONS:
        why = f"Neither {' nor '.join(_RESERVATIONS)}."
        raise TariffRestrictionBroken(why, fields.path("reservation"))
    return kind
