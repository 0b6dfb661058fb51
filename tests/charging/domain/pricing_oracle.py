"""Pricing a second time, another way: minute by minute, straight from the JSON, for plain tariffs.

Knows sessions and tariffs of whole minutes, without kWh boundaries and bounds of the price. Shares
no code with what it checks.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

_WEEKDAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
# (kind, minutes, watt-hours, ampere)
Segment = tuple[str, int, int, int]


def simulated(
    document: dict[str, Any], start: datetime, segments: list[Segment], zone: ZoneInfo
) -> Fraction:
    """The cost before taxes of a session that starts at a UTC instant."""
    minutes = [
        (kind, Fraction(wh, 1000 * length), ampere)
        for kind, length, wh, ampere in segments
        for _ in range(length)
    ]
    bill: dict[str, list[list[Any]]] = {"ENERGY": [], "TIME": [], "PARKING_TIME": []}
    order: list[str] = []
    fee: Fraction | None = None
    for number, (kind, kwh, ampere) in enumerate(minutes):
        local = (start + timedelta(minutes=number)).astimezone(zone)
        now = {"local": local, "ampere": ampere if kind == "TIME" else 0, "second": number * 60}
        if fee is None:
            flat = _component(document, "FLAT", now)
            fee = None if flat is None else Fraction(flat["price"])
        for dimension, amount in (("ENERGY", kwh), (kind, Fraction(1, 60))):
            component = _component(document, dimension, now)
            if component is not None and amount:
                bill[dimension].append([component, amount])
                if dimension != "ENERGY":
                    order.append(dimension)
    _step(bill["ENERGY"], 1000)
    if order:
        _step(bill[order[-1]], 3600)
    spent = sum(Fraction(one["price"]) * amount for rows in bill.values() for one, amount in rows)
    return spent + (fee or 0)


def _step(rows: list[list[Any]], per_unit: int) -> None:
    if rows and rows[-1][0]["step_size"]:
        step = Fraction(int(rows[-1][0]["step_size"]), per_unit)
        total = sum((amount for _, amount in rows), Fraction(0))
        rows[-1][1] += ceil(total / step) * step - total


def _component(document: dict[str, Any], kind: str, now: dict[str, Any]) -> dict[str, Any] | None:
    for element in document["elements"]:
        if not _matches(element.get("restrictions", {}), now):
            continue
        for component in element["price_components"]:
            if component["type"] == kind:
                found: dict[str, Any] = component
                return found
    return None


def _matches(wanted: dict[str, Any], now: dict[str, Any]) -> bool:
    local: datetime = now["local"]
    clock, day = local.strftime("%H:%M"), local.date().isoformat()
    start, end = wanted.get("start_time", "00:00"), wanted.get("end_time", "00:00")
    end = "24:00" if end == "00:00" else end
    inside = start <= clock < end if start < end else (clock >= start or clock < end)
    return (
        inside
        and _WEEKDAYS[local.weekday()] in wanted.get("day_of_week", _WEEKDAYS)
        and wanted.get("start_date", "0001-01-01") <= day < wanted.get("end_date", "9999-12-31")
        and wanted.get("min_current", 0) <= now["ampere"] < wanted.get("max_current", 10**9)
        and wanted.get("min_duration", 0) <= now["second"] < wanted.get("max_duration", 10**9)
    )


def first_minute(day: str) -> datetime:
    """Midnight UTC of a day."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC)
