"""Money, energy and their exact units."""

from decimal import Decimal

import pytest

from coop.kernel.energy import kwh_of_wh, wh_of_kwh
from coop.kernel.errors import InvalidValue
from coop.kernel.money import MINOR_MAX, Money, currency_scale


@pytest.mark.parametrize(("code", "scale"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4)])
def test_a_currency_has_its_own_decimals(code: str, scale: int) -> None:
    assert currency_scale(code) == scale


@pytest.mark.parametrize("code", ["eur", "EURO", "E1R", "", "ÉUR"])
def test_what_is_no_currency_code_is_refused(code: str) -> None:
    with pytest.raises(InvalidValue):
        currency_scale(code)


def test_money_is_exact_or_refused() -> None:
    assert Money.of(Decimal("12.5"), "EUR") == Money("EUR", 1250)
    assert str(Money("EUR", -5)) == "-0.05 EUR"
    assert str(Money("JPY", 5)) == "5 JPY"
    with pytest.raises(InvalidValue):
        Money.of(Decimal("0.001"), "EUR")
    with pytest.raises(InvalidValue):
        Money.of(Decimal(MINOR_MAX), "EUR")


def test_currencies_do_not_mix() -> None:
    assert Money("EUR", 3) - Money("EUR", 5) == -Money("EUR", 2)
    with pytest.raises(ValueError, match="do not mix"):
        Money("EUR", 1) + Money("NOK", 1)


def test_energy_counts_watt_hours() -> None:
    assert wh_of_kwh(Decimal("12.34")) == 12_340
    assert str(kwh_of_wh(12_340)) == "12.340"
    with pytest.raises(InvalidValue):
        wh_of_kwh(Decimal("0.0001"))
