"""A flat price per kWh: exact, rounded half-up once a line."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from coop.charging.domain.pricing import Charge, ChargeLine, FlatPrice, price
from coop.kernel.errors import InvalidValue

from .test_plausibility import session

ZONE = ZoneInfo("Europe/Oslo")


def cost(wh: int, per_kwh: str, currency: str = "EUR") -> Charge:
    tariff = FlatPrice(currency, Decimal(per_kwh), "hub:H1")
    return price(tariff, session(wh, timedelta(hours=1)), ZONE)


@pytest.mark.parametrize(
    ("wh", "per_kwh", "currency", "minor"),
    [
        (12_340, "0.39", "EUR", 481),  # 4.8126
        (1_000, "0.125", "EUR", 13),  # 0.125, half up
        (1_000, "0.1249999", "EUR", 12),
        (15_342, "0.25", "EUR", 384),  # 3.8355 → 3.84
        (12_340, "39", "JPY", 481),
        (12_340, "0.39", "KWD", 4813),
        (1, "0.001", "EUR", 0),
        (10_000, "0", "EUR", 0),
    ],
)
def test_energy_times_price(wh: int, per_kwh: str, currency: str, minor: int) -> None:
    charge = cost(wh, per_kwh, currency)
    assert (charge.currency, charge.amount_minor) == (currency, minor)
    assert charge.lines == (
        ChargeLine(
            "ENERGY",
            0,
            "Energy",
            Fraction(wh, 1000),
            "kWh",
            Fraction(per_kwh),
            minor,
            (),
            Fraction(0),
        ),
    )


def test_nothing_delivered_costs_nothing_and_has_no_line() -> None:
    assert cost(0, "0.39") == Charge("EUR", (), Fraction(0), Fraction(0))


def test_an_amount_beyond_the_books_is_refused() -> None:
    with pytest.raises(InvalidValue):
        cost(10**9, "1000000000")
