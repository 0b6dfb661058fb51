"""Least and greatest prices: the totals are the tariff's, and every line keeps its tax."""

from __future__ import annotations

from fractions import Fraction

import pytest

from coop.charging.domain.pricing import Charge, price

from .pricing_sample import BERLIN, bound, element, lines, tariff, used

TWO_TAXES = (element("FLAT 2 +20%", "ENERGY 0.5 +10%"),)


def charged(kwh: str, **bounds: dict[str, object]) -> Charge:
    use = used("2026-03-02T09:00", f"charging 60 min {kwh} kWh")
    return price(tariff(*TWO_TAXES, **bounds), use, BERLIN)


def totals(charge: Charge) -> tuple[Fraction, Fraction, int, Fraction]:
    return charge.before_tax, charge.after_tax, charge.amount_minor, charge.tax


def test_within_its_bounds_a_charge_is_what_it_is() -> None:
    charge = charged("4", min_price=bound("1", "1.2"), max_price=bound("10", "11"))
    assert len(charge.lines) == 2
    assert totals(charge) == (4, Fraction("4.6"), 400, Fraction("0.6"))


def test_without_an_amount_after_taxes_every_tax_keeps_its_percentage() -> None:
    """2 and 8 before taxes, at most 5: both halved, and so are their taxes."""
    charge = charged("16", max_price=bound("5"))
    assert lines(charge)[2:] == [
        "MAX_PRICE@- 1 session x -1 = -100 + -1/5",
        "MAX_PRICE@- 1 session x -4 = -400 + -2/5",
    ]
    assert totals(charge) == (5, Fraction("5.6"), 500, Fraction("0.6"))


def test_nets_move_to_the_tax_that_the_bound_after_taxes_asks_for() -> None:
    """At most 5, and 5.50 with taxes: all of it at 10 %."""
    charge = charged("16", max_price=bound("5", "5.5"))
    assert lines(charge)[2:] == [
        "MAX_PRICE@- 1 session x -2 = -200 + -2/5",
        "MAX_PRICE@- 1 session x -3 = -300 + -3/10",
    ]
    assert totals(charge) == (5, Fraction("5.5"), 500, Fraction("0.5"))


def test_nets_move_the_other_way_too() -> None:
    """At least 20, and 23 with taxes: half of it at 20 %."""
    charge = charged("16", min_price=bound("20", "23"))
    nets: dict[int, int] = {}
    for line in charge.lines:
        percent = int(line.taxes[0].percent)
        nets[percent] = nets.get(percent, 0) + line.amount_minor
        assert line.tax == Fraction(line.amount_minor, 100) * percent / 100
    assert nets == {20: 1000, 10: 1000}
    assert totals(charge) == (20, 23, 2000, 3)


def test_only_the_bound_after_taxes_binds() -> None:
    """10 before taxes is allowed; 11.20 after them is not: less of it at 20 %."""
    charge = charged("16", max_price=bound("10", "11.1"))
    assert lines(charge)[2:] == [
        "MAX_PRICE@- 1 session x -1 = -100 + -1/5",
        "MAX_PRICE@- 1 session x 1 = 100 + 1/10",
    ]
    assert totals(charge) == (10, Fraction("11.1"), 1000, Fraction("1.1"))


def test_a_bound_that_no_mix_of_taxes_meets_is_stated_as_it_is() -> None:
    """5 and 5.20: 4 % where there is 10 % and 20 %. The rest is on one line, less than its tax."""
    charge = charged("16", max_price=bound("5", "5.2"))
    assert totals(charge) == (5, Fraction("5.2"), 500, Fraction("0.2"))
    assert lines(charge)[2:] == [
        "MAX_PRICE@- 1 session x -2 = -200 + -2/5",
        "MAX_PRICE@- 1 session x -3 = -300 + -3/5",
    ]


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (bound("0.5", "0.55"), "MIN_PRICE@- 1 session x 1/2 = 50 + 1/20"),
        (bound("0.5", "0.6"), "MIN_PRICE@- 1 session x 1/2 = 50 + 1/10"),
        (bound("0.5"), "MIN_PRICE@- 1 session x 1/2 = 50 + 1/10"),  # the first tax it names
    ],
)
def test_a_session_of_nothing_costs_the_least_at_the_tax_that_fits(
    stated: dict[str, object], expected: str
) -> None:
    found = tariff(element("TIME 1 +20%", "ENERGY 0.5 +10%"), min_price=stated)
    charge = price(found, used("2026-03-02T09:00", "parking 10 min"), BERLIN)
    assert lines(charge) == [expected]


def test_rounded_lines_do_not_exceed_the_greatest_price() -> None:
    """Two lines of 0.505 are 1.01 each rounded up, and 1.01 exactly; at most 1.01 is charged."""
    halves = tariff(
        element("TIME 0.505 +10%", "ENERGY 0.0505 +10%"), max_price=bound("1.01", "1.11")
    )
    charge = price(halves, used("2026-03-02T09:00", "charging 60 min 10 kWh"), BERLIN)
    assert [line.amount_minor for line in charge.lines] == [51, 51, -1]
    assert (charge.before_tax, charge.amount_minor) == (Fraction("1.01"), 101)
    assert Fraction(charge.amount_minor, 100) + charge.tax == Fraction("1.11")


def test_a_greatest_price_of_nothing_is_nothing() -> None:
    charge = charged("16", max_price=bound("0", "0"))
    assert totals(charge) == (0, 0, 0, 0)


def test_yen_have_no_cents() -> None:
    found = tariff(element("ENERGY 33.3 +10%"), currency="JPY", max_price=bound("500", "550"))
    charge = price(found, used("2026-03-02T09:00", "charging 60 min 100 kWh"), BERLIN)
    assert (charge.amount_minor, charge.tax) == (500, 50)
