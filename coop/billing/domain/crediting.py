"""What is left of an invoice to credit, and the credit note that credits it. Pure.

A credit note mirrors lines of its invoice: so much of a line's net, and the same share of its exact
tax. A tax is rounded once per credit note, and all credit notes of an invoice together never credit
more of a tax than it charged: the one that credits the last of it credits the rest of each tax.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from coop.billing.domain.lines import Bill, Line, bill_of
from coop.billing.domain.taxes import TaxTotal
from coop.billing.errors import CreditTooLarge, NothingToCredit
from coop.charging.domain.tariff import Tax
from coop.kernel.rate import from_scale, round_half_up

_TAX_DECIMALS = 12


@dataclass(frozen=True, slots=True)
class Creditable:
    """An invoice's lines and taxes, and what was credited of them by now (as positive amounts).

    `contested` is what other bills credit of it, for a dispute or because a charge was taken back:
    the lines that the charge or item is on, and the net.
    """

    lines: tuple[Line, ...]
    taxes: tuple[TaxTotal, ...]
    credited_lines: Mapping[int, int]
    credited_taxes: Mapping[Tax, int]
    contested: tuple[tuple[tuple[int, ...], int], ...] = ()


def left_of(found: Creditable) -> dict[int, int]:
    """What is left of each line's net to credit, by its number."""
    left = {
        line.number: line.net_minor - found.credited_lines.get(line.number, 0)
        for line in found.lines
    }
    for numbers, net_minor in found.contested:
        rest = net_minor
        for number in numbers:
            taken = max(min(rest, left[number]), 0)
            left[number] -= taken
            rest -= taken
    return left


def credit_of(found: Creditable, wanted: Mapping[int, int] | None, scale: int) -> Bill:
    """The credit note of `wanted` (net by line), or of everything that is left.

    Refuses NOTHING_TO_CREDIT, and CREDIT_TOO_LARGE with the line as path.
    """
    left = left_of(found)
    amounts = left if wanted is None else _within(wanted, left)
    lines = [
        _mirrored(number, line, amounts[line.number])
        for number, line in enumerate((x for x in found.lines if amounts.get(x.number)), 1)
    ]
    bill = bill_of(lines, scale)
    if bill.net_minor >= 0:
        raise NothingToCredit("There is nothing left of it to credit.", ("lines",))
    last = not found.contested and all(
        amounts.get(number, 0) == rest for number, rest in left.items()
    )
    return _within_taxes(bill, found, last=last)


def _within(wanted: Mapping[int, int], left: Mapping[int, int]) -> Mapping[int, int]:
    for number, net_minor in wanted.items():
        if net_minor <= 0:
            raise NothingToCredit("A credit is of more than nothing.", ("lines", str(number)))
        if net_minor > left.get(number, 0):
            raise CreditTooLarge(
                f"{max(left.get(number, 0), 0)} minor units are left of line {number}.",
                ("lines", str(number)),
            )
    return wanted


def _mirrored(number: int, line: Line, net_minor: int) -> Line:
    share = Fraction(net_minor, line.net_minor)
    whole = share == 1
    return replace(
        line,
        number=number,
        quantity=-line.quantity if whole else -_decimal(Fraction(line.quantity) * share),
        net_minor=-net_minor,
        tax=-line.tax if whole else -_decimal(Fraction(line.tax) * share),
        sessions=line.sessions if whole else 0,
        refers_to_line=line.number,
    )


def _within_taxes(bill: Bill, found: Creditable, *, last: bool) -> Bill:
    """The bill whose taxes credit no more than is left of each; the last one credits all of it."""
    charged = {tax.key: tax.tax_minor for tax in found.taxes}
    taxes = tuple(
        replace(tax, tax_minor=-_rest(tax, charged, found.credited_taxes, last=last))
        for tax in bill.taxes
    )
    return replace(bill, taxes=taxes, tax_minor=sum(tax.tax_minor for tax in taxes))


def _rest(
    tax: TaxTotal, charged: Mapping[Tax, int], credited: Mapping[Tax, int], *, last: bool
) -> int:
    left = charged.get(tax.key, 0) - credited.get(tax.key, 0)
    return left if last else min(-tax.tax_minor, max(left, 0))


def _decimal(value: Fraction) -> Decimal:
    return from_scale(round_half_up(value * 10**_TAX_DECIMALS), _TAX_DECIMALS)


def credited_by(lines: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Positive sums by line of (line, net of a credit note's line)."""
    found: dict[int, int] = {}
    for number, net_minor in lines:
        found[number] = found.get(number, 0) - net_minor
    return found


def taxes_credited_by(taxes: Sequence[TaxTotal]) -> dict[Tax, int]:
    """Positive sums by tax of the taxes of credit notes."""
    found: dict[Tax, int] = {}
    for tax in taxes:
        found[tax.key] = found.get(tax.key, 0) - tax.tax_minor
    return found
