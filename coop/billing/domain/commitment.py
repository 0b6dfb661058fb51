"""What a member pledges: so much energy a month, and what follows when it takes less or more.

A commitment runs over whole months [from_on, to_on), each in the time zone of its hubs. Its terms
may be changed by resolution from a month on; each version says everything anew. Pure and exact:
energy in Wh, prices Decimal per kWh in whole currency, money in minor units, rounded once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from coop.billing.errors import CommitmentInvalid
from coop.kernel.rate import round_half_up

if TYPE_CHECKING:
    from coop.charging.domain.tariff import Tax

MONTHS_MAX = 240
MINIMUM_WH_MAX = 10**12
PRICE_MAX = Decimal(1_000_000)
DECIMALS_MAX = 9
SHARE_MAX = Decimal(12)
PERCENT_MAX = Decimal(100)
_MONTHS_A_YEAR = 12
_WH_A_KWH = 1_000


def month_after(month: date, months: int = 1) -> date:
    """The first day of the month that many months later (or earlier, if negative)."""
    year, index = divmod(month.year * _MONTHS_A_YEAR + month.month - 1 + months, _MONTHS_A_YEAR)
    return date(year, index + 1, 1)


def months_between(from_on: date, to_on: date) -> int:
    """How many months lie between two first days."""
    return (to_on.year - from_on.year) * _MONTHS_A_YEAR + to_on.month - from_on.month


def months_of(from_on: date, to_on: date) -> Iterator[date]:
    """The first day of each month in [from_on, to_on)."""
    return (month_after(from_on, n) for n in range(months_between(from_on, to_on)))


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a commitment from the month `from_on` on, until the next version of them.

    `minimum_wh` a month, times the factor of `ramp` in the first months of this version. Prices are
    per kWh. A paid shortfall may be made up in the `make_up_months` after its own (0: no right).
    At most `bank_cap_wh` of over-use is kept for later minimums. Refuses COMMITMENT_INVALID.
    """

    from_on: date
    to_on: date
    minimum_wh: int
    shortfall_per_kwh: Decimal
    overage_per_kwh: Decimal | None = None
    ramp: tuple[Decimal, ...] = ()
    make_up_months: int = 0
    bank_cap_wh: int = 0
    outage_relief: bool = True
    deposit_minor: int = 0
    taxes: tuple[Tax, ...] = ()

    def __post_init__(self) -> None:
        _check_months(self.from_on, self.to_on)
        _check_amounts(self)
        _check_prices(self)

    def pledged_wh(self, month: date) -> int:
        """The minimum of a month before any excuse; 0 outside the term. Half a Wh rounds up."""
        if not self.from_on <= month < self.to_on:
            return 0
        index = months_between(self.from_on, month)
        factor = self.ramp[index] if index < len(self.ramp) else Decimal(1)
        return round_half_up(self.minimum_wh * Fraction(factor))

    def from_month(self, month: date) -> Terms:
        """These very terms as a version of its own that begins later: the ramp goes on."""
        rest = self.ramp[months_between(self.from_on, month) :]
        return replace(self, from_on=month, ramp=rest)


def require_term(terms: Terms) -> None:
    """Refuses COMMITMENT_INVALID unless the terms last 1 to 240 months, their ramp no longer."""
    months = months_between(terms.from_on, terms.to_on)
    if not 1 <= months <= MONTHS_MAX:
        raise CommitmentInvalid(f"A commitment lasts 1 to {MONTHS_MAX} months.", ("to",))
    if len(terms.ramp) > months:
        raise CommitmentInvalid("A ramp is not longer than the commitment.", ("ramp",))


def price_minor(wh: int, per_kwh: Decimal, scale: int) -> int:
    """What that energy costs in units of 10^-scale of the currency, rounded once, half up."""
    return round_half_up(Fraction(wh, _WH_A_KWH) * Fraction(per_kwh) * 10**scale)


def cap_of_share(minimum_wh: int, share: Decimal) -> int:
    """A bank cap said as a share of the minimum, in whole Wh, rounded down."""
    if not _plain(share) or not 0 <= share <= SHARE_MAX:
        raise CommitmentInvalid(f"A share of the minimum is 0 to {SHARE_MAX}.", ("bankCapShare",))
    return int(minimum_wh * Fraction(share))


def terms_in(versions: Sequence[Terms], month: date) -> Terms:
    """The version in force in a month, of versions in order; after the end, the last one.

    Raises ValueError before the first: there is nothing to settle then.
    """
    begun = [terms for terms in versions if terms.from_on <= month]
    if not begun:
        raise ValueError(f"no terms are in force in {month}")
    return begun[-1]


def pledged_wh(versions: Sequence[Terms], from_on: date, to_on: date) -> int:
    """What is pledged over the months [from_on, to_on), each by the version in force."""
    return sum(terms_in(versions, month).pledged_wh(month) for month in months_of(from_on, to_on))


def _check_months(from_on: date, to_on: date) -> None:
    if from_on.day != 1 or to_on.day != 1:
        raise CommitmentInvalid("A commitment begins and ends with a month.", ("from",))


def _check_amounts(terms: Terms) -> None:
    if not 0 < terms.minimum_wh <= MINIMUM_WH_MAX:
        raise CommitmentInvalid("A minimum is more than nothing, up to 1 TWh.", ("minimum",))
    if len(terms.ramp) > MONTHS_MAX:
        raise CommitmentInvalid(f"A ramp has at most {MONTHS_MAX} factors.", ("ramp",))
    for position, factor in enumerate(terms.ramp):
        if not _plain(factor) or not 0 <= factor <= 1:
            raise CommitmentInvalid("A factor of a ramp is 0 to 1.", ("ramp", str(position)))
    if not 0 <= terms.make_up_months <= MONTHS_MAX:
        raise CommitmentInvalid(f"A window has 0 to {MONTHS_MAX} months.", ("makeUpMonths",))
    if not 0 <= terms.bank_cap_wh <= MINIMUM_WH_MAX * SHARE_MAX:
        raise CommitmentInvalid("A bank's cap is not negative.", ("bankCap",))
    if terms.deposit_minor < 0:
        raise CommitmentInvalid("A deposit is not negative.", ("deposit",))


def _check_prices(terms: Terms) -> None:
    for name, price in (
        ("shortfallPrice", terms.shortfall_per_kwh),
        ("overagePrice", terms.overage_per_kwh),
    ):
        if price is not None and not (_plain(price) and 0 <= price < PRICE_MAX):
            raise CommitmentInvalid("A price is not negative and below a million.", (name,))
    for tax in terms.taxes:
        if not tax.name or not _plain(tax.percent) or not 0 <= tax.percent <= PERCENT_MAX:
            raise CommitmentInvalid("A tax has a name and 0 to 100 percent.", ("taxes",))


def _plain(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and -DECIMALS_MAX <= exponent <= DECIMALS_MAX
