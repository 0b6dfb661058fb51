"""Taxes: how they are written, what they come to exactly, and the one rounding on an invoice.

Every line carries the list of taxes on it and its exact tax in whole currency. An invoice adds the
exact tax of all lines that carry a tax (a name with a rate), and rounds that sum once. Where a line
carries several taxes, its exact tax is divided among them in proportion to their rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from coop.charging.domain.tariff import Tax
from coop.kernel.rate import round_half_up

# A tax that nobody named: a session's published cost after tax says more than its lines' taxes.
UNNAMED = Tax("TAX", Decimal(0))


@dataclass(frozen=True, slots=True)
class TaxedSum:
    """Lines with the same taxes: their sum before tax, and their exact tax in whole currency."""

    taxes: tuple[Tax, ...]
    net_minor: int
    tax: Fraction


@dataclass(frozen=True, slots=True)
class TaxTotal:
    """One tax of an invoice: what it is on, and what it comes to, rounded once."""

    name: str
    percent: Decimal
    base_minor: int
    tax_minor: int

    @property
    def key(self) -> Tax:
        """Which tax it is."""
        return Tax(self.name, self.percent)


def canonical_taxes(taxes: Iterable[Tax]) -> tuple[Tax, ...]:
    """The same taxes sorted by name and rate, each rate without trailing zeros."""
    return tuple(sorted(Tax(one.name, _plain(one.percent)) for one in taxes))


def taxes_json(taxes: Iterable[Tax]) -> list[dict[str, str]]:
    """How a list of taxes is stored: `[{"name": "VAT", "percent": "20"}]`, sorted."""
    return [{"name": one.name, "percent": f"{one.percent:f}"} for one in canonical_taxes(taxes)]


def taxes_of(stored: Sequence[Mapping[str, str]]) -> tuple[Tax, ...]:
    """The taxes that `taxes_json` wrote."""
    return canonical_taxes(Tax(one["name"], Decimal(one["percent"])) for one in stored)


def exact_tax(net_minor: int, taxes: Iterable[Tax], scale: int) -> Fraction:
    """The tax on `net_minor` in whole currency of `scale` decimals, not rounded."""
    percent = sum((Fraction(one.percent) for one in taxes), Fraction(0))
    return Fraction(net_minor, 10**scale) * percent / 100


def tax_totals(sums: Iterable[TaxedSum], scale: int) -> tuple[TaxTotal, ...]:
    """Every tax of an invoice whose lines sum to these, sorted by name and rate."""
    bases: dict[Tax, int] = {}
    exact: dict[Tax, Fraction] = {}
    for one in sums:
        taxes = canonical_taxes(one.taxes) or ((UNNAMED,) if one.tax else ())
        for tax, share in zip(taxes, _shares(taxes, one.tax), strict=True):
            bases[tax] = bases.get(tax, 0) + one.net_minor
            exact[tax] = exact.get(tax, Fraction(0)) + share
    return tuple(
        TaxTotal(tax.name, tax.percent, bases[tax], round_half_up(exact[tax] * 10**scale))
        for tax in sorted(bases)
    )


def _shares(taxes: Sequence[Tax], total: Fraction) -> list[Fraction]:
    """`total` divided by rate; all of it is the first one's where every rate is nothing."""
    percent = sum((Fraction(one.percent) for one in taxes), Fraction(0))
    if not percent:
        return [total if not position else Fraction(0) for position, _ in enumerate(taxes)]
    return [total * Fraction(one.percent) / percent for one in taxes]


def _plain(percent: Decimal) -> Decimal:
    return percent.quantize(Decimal(1)) if percent == percent.to_integral() else percent.normalize()
