"""Taxes as the API shows and takes them: a list, for one amount may carry several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import strawberry

from coop.billing.domain.taxes import taxes_of
from coop.charging.domain.tariff import Tax as TaxValue


@strawberry.type(description="A tax on an amount.")
class Tax:
    """A tax on an amount."""

    name: str = strawberry.field(description="What it is called: VAT.")
    percent: Decimal = strawberry.field(description="Its rate in per cent.")

    @classmethod
    def of(cls, value: TaxValue) -> Tax:
        """What the API shows of a tax."""
        return cls(name=value.name, percent=value.percent)


@strawberry.input(description="A tax on an amount.")
class TaxInput:
    """A tax on an amount, as a client writes it."""

    name: str = strawberry.field(description="What it is called: VAT.")
    percent: Decimal = strawberry.field(description="Its rate in per cent.")


def taxes_shown(stored: Sequence[dict[str, str]]) -> list[Tax]:
    """The taxes of a stored list."""
    return [Tax.of(one) for one in taxes_of(stored)]


def taxes_in(given: Iterable[TaxInput] | None) -> tuple[TaxValue, ...]:
    """The taxes an input names; none where it says nothing."""
    return tuple(TaxValue(one.name, one.percent) for one in given or ())
