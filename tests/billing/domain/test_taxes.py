"""Taxes of an invoice: exact sums, each rounded once, nothing lost between lines."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from coop.billing.domain.taxes import (
    UNNAMED,
    TaxedSum,
    canonical_taxes,
    exact_tax,
    tax_totals,
    taxes_json,
    taxes_of,
)
from coop.charging.domain.tariff import Tax
from coop.kernel.rate import round_half_up

VAT = Tax("VAT", Decimal(20))
CITY = Tax("CITY", Decimal("1.5"))
TAXES = st.lists(
    st.builds(
        Tax, st.sampled_from(["VAT", "CITY", "GREEN"]),
        st.decimals("0", "50", places=2, allow_nan=False),
    ),
    max_size=3, unique_by=lambda tax: tax.name,
).map(tuple)  # fmt: skip
NETS = st.integers(-(10**9), 10**9)


def summed(net: int, *taxes: Tax) -> TaxedSum:
    return TaxedSum(taxes, net, exact_tax(net, taxes, 2))


def test_a_tax_of_many_lines_is_rounded_once() -> None:
    # Three times 0.33 at 20 % is 0.198, not three times 0.07.
    (tax,) = tax_totals([summed(33, VAT)] * 3, 2)
    assert (tax.name, tax.percent, tax.base_minor, tax.tax_minor) == ("VAT", 20, 99, 20)


def test_halves_go_away_from_zero_on_both_sides() -> None:
    half = Tax("VAT", Decimal(10))
    assert [tax_totals([summed(net, half)], 2)[0].tax_minor for net in (5, -5, 15)] == [1, -1, 2]


def test_lines_share_a_tax_whatever_else_they_carry() -> None:
    city, vat = tax_totals([summed(1_000, VAT, CITY), summed(500, VAT), summed(70)], 2)
    assert (city.base_minor, city.tax_minor) == (1_000, 15)
    assert (vat.base_minor, vat.tax_minor) == (1_500, 300)


def test_what_nobody_named_is_a_tax_of_its_own() -> None:
    assert tax_totals([TaxedSum((), 100, Fraction(0))], 2) == ()
    (tax,) = tax_totals([TaxedSum((), 100, Fraction(1, 4))], 2)
    assert (tax.key, tax.tax_minor) == (UNNAMED, 25)


def test_a_stated_tax_of_nothing_per_cent_stands_on_the_invoice() -> None:
    zero = Tax("VAT", Decimal(0))
    (tax,) = tax_totals([summed(100, zero)], 2)
    assert (tax.base_minor, tax.tax_minor) == (100, 0)


def test_taxes_are_written_in_one_way() -> None:
    given_ = (Tax("VAT", Decimal("20.00")), Tax("CITY", Decimal("1.50")))
    written = [{"name": "CITY", "percent": "1.5"}, {"name": "VAT", "percent": "20"}]
    assert taxes_json(given_) == taxes_json(given_[::-1]) == written
    assert taxes_of(written) == canonical_taxes(given_)
    assert taxes_json([Tax("VAT", Decimal("1E+2"))]) == [{"name": "VAT", "percent": "100"}]


@given(st.lists(st.tuples(NETS, TAXES), max_size=12))
def test_each_tax_is_the_rounded_sum_of_its_shares(
    lines: list[tuple[int, tuple[Tax, ...]]],
) -> None:
    sums = [summed(net, *taxes) for net, taxes in lines]
    found = {tax.key: tax for tax in tax_totals(sums, 2)}
    for key, tax in found.items():
        bases = [net for net, taxes in lines if key in canonical_taxes(taxes)]
        assert tax.base_minor == sum(bases)
        assert tax.tax_minor == round_half_up(sum(bases) * Fraction(key.percent) / 100)
    exact = sum((one.tax for one in sums), Fraction(0)) * 100
    assert abs(sum(tax.tax_minor for tax in found.values()) - exact) <= Fraction(len(found), 2)


@given(st.lists(st.tuples(NETS, TAXES), max_size=12))
def test_the_order_of_lines_does_not_matter_and_a_mirror_mirrors(
    lines: list[tuple[int, tuple[Tax, ...]]],
) -> None:
    sums = [summed(net, *taxes) for net, taxes in lines]
    assert tax_totals(sums, 2) == tax_totals(sums[::-1], 2)
    mirrored = tax_totals([TaxedSum(one.taxes, -one.net_minor, -one.tax) for one in sums], 2)
    assert [(tax.base_minor, tax.tax_minor) for tax in tax_totals(sums, 2)] == [
        (-tax.base_minor, -tax.tax_minor) for tax in mirrored
    ]
