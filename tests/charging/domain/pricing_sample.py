"""Tariffs and uses of a port in a line each."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from coop.charging.domain.pricing import Charge
from coop.charging.domain.session import ChargingSession, Dimension, MeteredPeriod
from coop.charging.domain.tariff import Tariff, tariff_of
from tests.charging.domain.test_plausibility import session

BERLIN = ZoneInfo("Europe/Berlin")
_HOURS = {
    "charging": "TIME",
    "parking": "PARKING_TIME",
    "reserved": "RESERVATION_TIME",
}
_SEGMENT = re.compile(r"(charging|parking|reserved) (\d+) min(.*)")
_MEASURE = re.compile(r"([0-9.]+) (kWh|A|kW)\b")
_DAYS = dict(
    zip(["mo", "tu", "we", "th", "fr", "sa", "su"],
        ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"], strict=True)
)  # fmt: skip


def element(*components: str, **restrictions: Any) -> dict[str, Any]:
    """An element out of "ENERGY 0.25 +10% /100" (price, VAT, step size) and restrictions.

    `days` is "mo-fr" or "sa su", `window` is "17:00-20:00".
    """
    if "days" in restrictions:
        restrictions["day_of_week"] = _days(restrictions.pop("days"))
    if "window" in restrictions:
        start, end = restrictions.pop("window").split("-")
        restrictions |= {"start_time": start, "end_time": end}
    stated = {name: Decimal(value) if isinstance(value, int) else value
              for name, value in restrictions.items()}  # fmt: skip
    found: dict[str, Any] = {"price_components": [_component(text) for text in components]}
    return found | ({"restrictions": stated} if stated else {})


def _days(text: str) -> list[str]:
    if "-" in text:
        first, last = (list(_DAYS).index(day) for day in text.split("-"))
        return list(_DAYS.values())[first : last + 1]
    return [_DAYS[day] for day in text.split()]


def _component(text: str) -> dict[str, Any]:
    kind, price, *rest = text.split()
    found: dict[str, Any] = {"type": kind, "price": Decimal(price), "step_size": Decimal(1)}
    for part in rest:
        if part.startswith("+"):
            found["vat"] = Decimal(part[1:-1])
        else:
            found["step_size"] = Decimal(part[1:])
    return found


def document(*elements: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"id": "T", "currency": "EUR", "elements": list(elements)} | fields


def tariff(*elements: dict[str, Any], **fields: Any) -> Tariff:
    return tariff_of(document(*elements, **fields))


def bound(excl: str, incl: str | None = None) -> dict[str, Decimal]:
    return {"excl_vat": Decimal(excl)} | ({"incl_vat": Decimal(incl)} if incl else {})


def used(start: str, *segments: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> ChargingSession:
    """A session that starts at a local time: "charging 60 min 20 kWh 16 A", "parking 40 min"."""
    at = datetime.fromisoformat(start).replace(tzinfo=zone, fold=fold).astimezone(UTC)
    begun, periods, kwh = at, [], Decimal(0)
    for segment in segments:
        match = _SEGMENT.fullmatch(segment)
        assert match is not None, segment
        minutes = int(match[2])
        dimensions = [Dimension(_HOURS[match[1]], round(Decimal(minutes) / 60, 4))]
        for value, unit in _MEASURE.findall(match[3]):
            if unit == "kWh":
                kwh += Decimal(value)
                dimensions.append(Dimension("ENERGY", Decimal(value)))
            else:
                name = "CURRENT" if unit == "A" else "POWER"
                dimensions += [Dimension(f"{end}_{name}", Decimal(value)) for end in ("MIN", "MAX")]
        periods.append(MeteredPeriod(at, tuple(dimensions)))
        at += timedelta(minutes=minutes)
    return session(int(kwh * 1000), at - begun, started_at=begun, ended_at=at,
                   periods=tuple(periods))  # fmt: skip


def lines(charge: Charge) -> list[str]:
    """The lines as text: "ENERGY@0 20 kWh x 0.25 = 500 + 0.5"."""
    return [
        f"{line.kind}@{'-' if line.element is None else line.element} {line.quantity} {line.unit}"
        f" x {line.unit_price} = {line.amount_minor} + {line.tax}"
        for line in charge.lines
    ]
