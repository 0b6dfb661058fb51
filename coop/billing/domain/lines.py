"""What an invoice says before it has a number: its lines, its taxes, its sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from coop.billing.domain.taxes import TaxedSum, TaxTotal, tax_totals
from coop.charging.domain.tariff import Tax
from coop.kernel.ids import HubId

INVOICE, CREDIT_NOTE = "invoice", "credit_note"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an invoice. `tax` is exact and in whole currency, `sessions` counts its charges.

    `net_minor` is the sum of charges that were rounded one by one, so it may differ from quantity
    times price by half a minor unit per session.
    """

    number: int
    hub_id: HubId | None
    tariff_version_id: UUID | None
    kind: str
    element: int | None
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net_minor: int
    taxes: tuple[Tax, ...]
    tax: Decimal
    sessions: int
    refers_to_line: int | None = None


@dataclass(frozen=True, slots=True)
class Bill:
    """Lines with their taxes and sums, in minor units; less than nothing makes a credit note."""

    lines: tuple[Line, ...]
    taxes: tuple[TaxTotal, ...]
    net_minor: int
    tax_minor: int

    @property
    def gross_minor(self) -> int:
        """Net and tax."""
        return self.net_minor + self.tax_minor

    @property
    def kind(self) -> str:
        """An invoice, or a credit note when the member is owed something."""
        return CREDIT_NOTE if self.gross_minor < 0 else INVOICE


def bill_of(lines: Sequence[Line], scale: int) -> Bill:
    """Sum lines up, in a currency of `scale` decimals: each tax is rounded once."""
    taxes = tax_totals(taxed_sums(lines), scale)
    return Bill(
        lines=tuple(lines),
        taxes=taxes,
        net_minor=sum(line.net_minor for line in lines),
        tax_minor=sum(tax.tax_minor for tax in taxes),
    )


def taxed_sums(lines: Iterable[Line]) -> list[TaxedSum]:
    """Every line as what its taxes are computed of."""
    return [TaxedSum(line.taxes, line.net_minor, Fraction(line.tax)) for line in lines]
