"""Plans: a monthly fee, energy included in it, and everything beyond by the tariff.

A member without a plan pays per use. A plan's fee and allowance of a month are in proportion to the
days of the month on which the member has it, the fee rounded half up to the minor unit and the
allowance to the Wh. Included energy is credited at each session's own energy price: sessions that
count in the month and in the days of the plan, the oldest first, until the allowance is used up.
What is not used is not carried over. Of a session whose charge a maximum price cut below its energy
lines, only the charge is credited.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from coop.billing.domain.taxes import canonical_taxes
from coop.billing.sharing_errors import PlanInvalid
from coop.charging.domain.tariff import Tax
from coop.kernel.errors import Refusal
from coop.kernel.ids import HubId
from coop.kernel.money import MINOR_MAX
from coop.kernel.rate import round_half_up

CODE_MAX, NAME_MAX = 40, 255
KIND_DEFAULT = "charging"
_WH_MAX = 10**15
_PERCENT_MAX = Decimal(1000)


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """What a plan says. Members have at most one plan of each `kind` at a time.

    Refuses PLAN_INVALID: blank or long texts, a fee, allowance or tax below nothing.
    """

    code: str
    name: str
    fee_minor: int
    included_wh: int = 0
    kind: str = KIND_DEFAULT
    taxes: tuple[Tax, ...] = ()

    def __post_init__(self) -> None:
        _check_word(self.code, "code")
        _check_word(self.kind, "kind")
        if not self.name.strip() or len(self.name) > NAME_MAX or not self.name.isprintable():
            raise PlanInvalid(f"A name has 1 to {NAME_MAX} printable characters.", ("name",))
        if not 0 <= self.fee_minor <= MINOR_MAX:
            raise PlanInvalid("A fee is not below nothing.", ("fee",))
        if not 0 <= self.included_wh < _WH_MAX:
            raise PlanInvalid("Included energy is not below nothing.", ("included",))
        if self.included_wh and self.kind != KIND_DEFAULT:
            why = f"Only a plan of the kind {KIND_DEFAULT} includes energy, or two would credit it."
            raise PlanInvalid(why, ("included",))
        check_taxes(self.taxes, PlanInvalid)
        object.__setattr__(self, "taxes", canonical_taxes(self.taxes))


def _check_word(text: str, name: str) -> None:
    plain = text.replace("-", "").replace("_", "")
    if not (plain.isascii() and plain.isalnum() and len(text) <= CODE_MAX):
        why = f"A {name} is 1 to {CODE_MAX} letters, digits, hyphens and underscores."
        raise PlanInvalid(why, (name,))


def check_taxes(taxes: Sequence[Tax], refusal: type[Refusal]) -> None:
    """Refuse a tax without a name, named twice, or of no percentage from 0 to 1,000."""
    names = [tax.name for tax in taxes]
    if any(not name.strip() or len(name) > CODE_MAX for name in names):
        raise refusal(f"A tax is called by 1 to {CODE_MAX} characters.", ("taxes",))
    if len(set(names)) < len(names):
        raise refusal("A tax is named twice.", ("taxes",))
    if any(not 0 <= tax.percent <= _PERCENT_MAX for tax in taxes):
        raise refusal("A tax is 0 to 1,000 per cent.", ("taxes",))


@dataclass(frozen=True, slots=True)
class MonthOfPlan:
    """What a plan comes to in one month: days of how many, the fee, the energy included."""

    from_on: date
    to_on: date
    days: int
    of_days: int
    fee_minor: int
    included_wh: int

    @property
    def share(self) -> Fraction:
        """Which part of the month it was."""
        return Fraction(self.days, self.of_days)


def month_of_plan(
    fee_minor: int, included_wh: int, from_on: date, to_on: date | None, month: date
) -> MonthOfPlan | None:
    """A plan held on the days [from_on, to_on), in the month of `month`; None on no day of it."""
    first = month.replace(day=1)
    of_days = calendar.monthrange(first.year, first.month)[1]
    end = first + timedelta(days=of_days)
    begins, ends = max(first, from_on), end if to_on is None else min(end, to_on)
    if begins >= ends:
        return None
    days = (ends - begins).days
    share = Fraction(days, of_days)
    return MonthOfPlan(
        begins,
        ends,
        days,
        of_days,
        round_half_up(fee_minor * share),
        round_half_up(included_wh * share),
    )


@dataclass(frozen=True, slots=True)
class EnergyLine:
    """What a session was charged for energy under one list of taxes, before tax."""

    net_minor: int
    taxes: tuple[Tax, ...]


@dataclass(frozen=True, slots=True)
class UsedEnergy:
    """A charged session: its Wh, its energy lines, and what its whole charge came to."""

    hub_id: HubId
    delivered_wh: int
    charged_minor: int
    lines: tuple[EnergyLine, ...]


@dataclass(frozen=True, slots=True)
class IncludedCredit:
    """Energy of one hub that a plan pays for, under one list of taxes; both positive."""

    hub_id: HubId
    taxes: tuple[Tax, ...]
    covered_wh: int
    net_minor: int


def included_credits(included_wh: int, used: Sequence[UsedEnergy]) -> list[IncludedCredit]:
    """What an allowance credits of sessions, oldest first; one credit for each hub and taxes."""
    left = included_wh
    covered: dict[tuple[HubId, tuple[Tax, ...]], tuple[int, Fraction]] = {}
    for session in used:
        wh = min(left, session.delivered_wh)
        if wh <= 0:
            continue
        left -= wh
        energy = sum(line.net_minor for line in session.lines)
        kept = min(Fraction(1), Fraction(session.charged_minor, energy)) if energy > 0 else 0
        for line in session.lines:
            key = (session.hub_id, line.taxes)
            before_wh, before = covered.get(key, (0, Fraction(0)))
            part = line.net_minor * kept * Fraction(wh, session.delivered_wh)
            covered[key] = (before_wh + wh, before + part)
    return [
        IncludedCredit(hub_id, taxes, wh, net_minor)
        for (hub_id, taxes), (wh, exact) in covered.items()
        if (net_minor := round_half_up(exact)) > 0
    ]
