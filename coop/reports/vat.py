"""What European tax law calls the taxes of a line: the category codes of EN 16931 (UNTDID 5305).

no tax stated     E  exempt, with the cooperative's sentence of why
                  O  outside the scope of the tax, where the cooperative has no tax number
a tax above zero  S  standard: any rate
a tax at zero     Z  zero-rated; AE when it is called "Reverse charge": the buyer owes it
several taxes     none: the norm knows one tax a line (so sales taxes of two levels)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from coop.reports.invoice import InvoiceLine, Seller

REVERSE_CHARGE: Final = "Reverse charge"
NOT_SUBJECT: Final = "Not subject to VAT"
# Where EN 16931 is the norm: the members of CEN. A sales tax elsewhere is no VAT.
CEN: Final = frozenset(
    {
        "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR",
        "HR", "HU", "IE", "IS", "IT", "LT", "LU", "LV", "MK", "MT", "NL", "NO", "PL", "PT",
        "RO", "RS", "SE", "SI", "SK", "TR",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Category:
    """A category with its rate in per cent, and why nothing is charged where nothing is."""

    code: str
    percent: Decimal
    reason: str | None = None


def category_of(line: InvoiceLine, seller: Seller) -> Category | None:
    """The category of a line; None when it has no single one."""
    taxes = line.taxes
    if len(taxes) > 1 or (line.tax and not any(tax.percent for tax in taxes)):
        return None
    registered = bool(seller.party.vat_id or seller.party.tax_number)
    zero = Decimal(0)
    if taxes and taxes[0].percent:
        return Category("S", taxes[0].percent)
    if taxes and taxes[0].name.casefold() == REVERSE_CHARGE.casefold():
        return Category("AE", zero, REVERSE_CHARGE)
    if not registered:
        return Category("O", zero, seller.exemption or NOT_SUBJECT)
    return Category("Z", zero) if taxes else Category("E", zero, seller.exemption)


def mentions(lines: Iterable[InvoiceLine], seller: Seller) -> list[str]:
    """The sentences that an invoice with these lines must carry, each once."""
    found = (category_of(line, seller) for line in lines)
    return list(dict.fromkeys(one.reason for one in found if one and one.reason))
