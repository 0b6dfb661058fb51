"""Exact numbers: what is read, what is refused, where rounding happens."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.kernel.errors import InvalidValue
from coop.kernel.rate import exact_decimal, from_scale, round_half_up, to_scale


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.50", "12.50"),
        ("-0.001", "-0.001"),
        ("0", "0"),
        ("007", "7"),
        ("1.000000000000000001", None),
    ],
)
def test_plain_digits_are_read_as_they_stand(text: str, value: str | None) -> None:
    assert exact_decimal(text) == Decimal(value or text)


@pytest.mark.parametrize(
    "text",
    ["NaN", "sNaN", "Infinity", "1E3", "1e-7", "+1", " 1", "1 ", "1_000", "1,5", ".5", "5.", "", "-",
     "١٢", "1.0000000000000000001", "0x10", "1\n"],
)  # fmt: skip
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        exact_decimal(text)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (Fraction(5, 2), 3), (Fraction(-5, 2), -3), (Fraction(7, 3), 2), (Fraction(8, 3), 3),
        (Decimal("0.5"), 1), (Decimal("-0.5"), -1), (Decimal("0.4999"), 0), (7, 7),
    ],
)  # fmt: skip
def test_halves_go_away_from_zero(value: Fraction | Decimal | int, rounded: int) -> None:
    assert round_half_up(value) == rounded


@given(st.fractions())
def test_rounding_is_never_further_than_a_half(value: Fraction) -> None:
    assert abs(round_half_up(value) - value) <= Fraction(1, 2)


@given(st.integers(min_value=-(10**40), max_value=10**40), st.integers(min_value=0, max_value=9))
def test_scaling_there_and_back_loses_nothing(units: int, scale: int) -> None:
    shown = from_scale(units, scale)
    assert to_scale(shown, scale) == units
    assert -shown.as_tuple().exponent == scale


def test_digits_that_would_be_lost_are_refused_however_many_there_are() -> None:
    with pytest.raises(InvalidValue):
        to_scale(Decimal("12345678901.000000000000000001"), 2)
    assert to_scale(Decimal("12345678901.10"), 2) == 1_234_567_890_110
