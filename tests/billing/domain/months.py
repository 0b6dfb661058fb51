"""Short ways of saying terms and months."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from coop.billing.domain.commitment import Terms
from coop.billing.domain.settlement import MonthFacts, Movement, State

SCALE = 2


def month(text: str) -> date:
    """2026-03 is its first day."""
    return date.fromisoformat(f"{text}-01")


def terms(**changes: Any) -> Terms:
    """1,000 kWh a month for the year 2026, at 0.20 for what is missing; no other clause."""
    given: dict[str, Any] = {
        "from_on": "2026-01",
        "to_on": "2027-01",
        "minimum_kwh": 1_000,
        **changes,
    }
    kwh = {name: given.pop(name) for name in ("minimum_kwh", "bank_cap_kwh") if name in given}
    days: dict[str, Any] = {name: month(given.pop(name)) for name in ("from_on", "to_on")}
    ramp = tuple(Decimal(factor) for factor in given.pop("ramp", ()))
    prices: dict[str, Any] = {
        name: Decimal(given.pop(name))
        for name in ("shortfall_per_kwh", "overage_per_kwh")
        if given.get(name) is not None
    }
    energy = {name.replace("_kwh", "_wh"): round(value * 1000) for name, value in kwh.items()}
    return Terms(
        **{"shortfall_per_kwh": Decimal("0.20"), **days, **energy, **prices, **given}, ramp=ramp
    )


def took(text: str, kwh: int, down: str | Fraction | int = 0) -> MonthFacts:
    """A month in which so many kWh were metered."""
    return MonthFacts(month(text), kwh * 1000, Fraction(down))


def shown(movements: tuple[Movement, ...]) -> list[tuple[str, str, int, int]]:
    """(kind, month of the shortfall, Wh, minor) of each."""
    return [(m.kind.value, f"{m.issued_on:%Y-%m}", m.wh, m.minor) for m in movements]


def open_credits(state: State) -> list[tuple[str, int, int]]:
    """(month of the shortfall, Wh, minor) of each open credit."""
    return [(f"{c.issued_on:%Y-%m}", c.open_wh, c.open_minor) for c in state.credits]
