"""An element of a tariff in plain words, as a line of a bill names it."""

from __future__ import annotations

from datetime import timedelta

from coop.charging.domain.tariff_restrictions import DAY_MINUTES, DAYS, Restrictions

_KINDS = {
    "ENERGY": "Energy",
    "TIME": "Charging time",
    "PARKING_TIME": "Parking time",
    "FLAT": "Start fee",
    "RESERVATION_TIME": "Reserved time",
    "RESERVATION_FLAT": "Reservation fee",
}


def words_of(kind: str, restrictions: Restrictions | None) -> str:
    """What is priced and when: "Energy, Monday to Friday, 17:00–20:00, from 20 kWh"."""
    if restrictions is None:
        return _KINDS[kind]
    expires = restrictions.reservation == "RESERVATION_EXPIRES"
    said = [
        _KINDS[kind] + (" of a reservation not used" if expires else ""),
        _days(restrictions),
        _dates(restrictions),
        _window(restrictions),
        _range(restrictions.min_kwh, restrictions.max_kwh, " kWh"),
        _range(restrictions.min_current, restrictions.max_current, " A"),
        _range(restrictions.min_power, restrictions.max_power, " kW"),
        _range(restrictions.min_duration_s, restrictions.max_duration_s, ""),
    ]
    return ", ".join(part for part in said if part)


def _days(one: Restrictions) -> str:
    if one.days is None:
        return ""
    days = sorted(one.days)
    names = [DAYS[day].capitalize() for day in days]
    if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):  # noqa: PLR2004 - a range
        return f"{names[0]} to {names[-1]}"
    return " and ".join(names) if len(names) < 3 else ", ".join(names)  # noqa: PLR2004


def _dates(one: Restrictions) -> str:
    if one.start_date and one.end_date:
        return f"{one.start_date} to {one.end_date - timedelta(days=1)}"
    if one.start_date:
        return f"from {one.start_date}"
    return f"before {one.end_date}" if one.end_date else ""


def _window(one: Restrictions) -> str:
    if one.start_minute is None and one.end_minute is None:
        return ""
    start, end = one.start_minute or 0, one.end_minute or DAY_MINUTES
    return f"{_time(start)}–{_time(end)}"


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _range(least: object, most: object, unit: str) -> str:
    texts = []
    if least is not None:
        texts.append(f"from {_amount(least, unit)}")
    if most is not None:
        texts.append(f"below {_amount(most, unit)}")
    return " ".join(texts)


def _amount(value: object, unit: str) -> str:
    if not unit:
        return duration_words(int(str(value)))
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + unit


def duration_words(seconds: int) -> str:
    """So many seconds as people say it: 15 min, 90 s, 2 h."""
    if seconds and seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds // 60} min" if seconds and seconds % 60 == 0 else f"{seconds} s"
