"""What charging costs in Warnefurt: tariffs as resolutions adopted them, in OCPI's words. Pure.

Prices are before tax; German VAT comes on top. Each hub has its own tariff for members, the care
services a class of their own at Nordtor, and guests one price everywhere. Güterhof got a second
version in July; sessions that began before it keep the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from coop.demo.town import CURRENCY

VAT = {"name": "VAT", "percent": "19"}
CARE_CLASS, GUEST_CLASS = "care", "guest"
_WORKDAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]

Component = dict[str, Any]
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DemoTariff:
    """A version: its name, hub (None: everywhere), class ("": all) and first day."""

    name: str
    hub: str | None
    member_class: str
    from_on: date
    resolution: str
    document: Document


def _price(kind: str, price: str, step: int = 1) -> Component:
    return {"type": kind, "price": Decimal(price), "step_size": Decimal(step), "taxes": [VAT]}


def _element(*components: Component, **restrictions: object) -> dict[str, Any]:
    element: dict[str, Any] = {"price_components": list(components)}
    return element | ({"restrictions": restrictions} if restrictions else {})


def _tariff(name: str, *elements: dict[str, Any], **rest: object) -> Document:
    return {"id": name, "currency": CURRENCY, "elements": list(elements), **rest}


def _goods_yard(name: str, peak: str, night: str, day: str) -> Document:
    """Dear when everybody comes home, cheap by night; standing there costs by day only."""
    return _tariff(
        name,
        _element(_price("ENERGY", peak), start_time="17:00", end_time="20:00",
                 day_of_week=_WORKDAYS),
        _element(_price("ENERGY", night), start_time="22:00", end_time="06:00"),
        _element(_price("ENERGY", day)),
        _element(_price("PARKING_TIME", "1.20", 60), start_time="07:00", end_time="19:00"),
        idle_grace_minutes=Decimal(60),
    )  # fmt: skip


_YEAR, _JULY = date(2025, 1, 1), date(2025, 7, 1)

TARIFFS = (
    DemoTariff("Güterhof 2025", "WFT-101", "", _YEAR, "GV 2024-11/3",
               _goods_yard("GUETERHOF-2025-1", "0.46", "0.34", "0.39")),
    DemoTariff("Güterhof ab Juli 2025", "WFT-101", "", _JULY, "GV 2025-06/2",
               _goods_yard("GUETERHOF-2025-2", "0.48", "0.345", "0.405")),
    DemoTariff("Marktgarage 2025", "WFT-102", "", _YEAR, "GV 2024-11/4", _tariff(
        "MARKT-2025-1",
        _element(_price("ENERGY", "0.42"), _price("FLAT", "0.35")),
        _element(_price("PARKING_TIME", "2.40", 60), start_time="08:00", end_time="20:00"),
        idle_grace_minutes=Decimal(45),
        max_price={"excl_vat": Decimal("45.00"), "incl_vat": Decimal("53.55")},
    )),
    DemoTariff("Nordtor 2025", "WFT-103", "", _YEAR, "GV 2024-11/5",
               _tariff("NORDTOR-2025-1", _element(_price("ENERGY", "0.42", 100)))),
    DemoTariff("Nordtor für Pflegedienste", "WFT-103", CARE_CLASS, _YEAR, "GV 2024-11/6",
               _tariff("NORDTOR-PFLEGE-2025-1", _element(_price("ENERGY", "0.38")))),
    DemoTariff("Gäste 2025", None, GUEST_CLASS, _YEAR, "GV 2024-11/7",
               _tariff("GAST-2025-1", _element(_price("ENERGY", "0.59"), _price("FLAT", "0.50")))),
)  # fmt: skip
