"""A month of a commitment, settled: what was taken, excused, owed, made up, banked. Pure.

    0  rights whose terms were taken away are released
    1  metered        what the member took at the hubs of the commitment in the month
    2  excused        pledged × share of port-time down, rounded up to the Wh: for the member
    3  minimum        pledged − excused
    4  bank used      over-use of earlier months, for what is missing to the minimum
    5  shortfall      what is missing still; paid for at the price of shortfall
    6  made up        of the energy above the minimum, what open credits cover, oldest first
    7  banked         of the rest, what the bank has room for
       overage        of the rest, what is more than was excused: it is charged its price, if any
    8  expired        what is left of credits whose last month this was
    9  issued         a credit for the shortfall, if there is a right to make it up

So each metered Wh counts once: metered = met + made up + banked + overage + plain, where met is the
lesser of metered and minimum, and plain is what was excused and taken all the same: an outage never
makes overage. Each pledged Wh is accounted for: pledged = excused + met + bank used + shortfall.
After its term a commitment is settled on, with nothing pledged, while credits are
open. Money of a credit follows its energy by largest remainder, so it is nothing when that is.

`settle` is a step and `fold` the steps in order: the same facts give the same result, whoever asks
and whenever. What a late fact changes is `difference`, to be added beside what stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import ceil

from coop.billing.domain.commitment import Terms, month_after, price_minor, terms_in
from coop.kernel.allocation import allocate


class MovementKind(StrEnum):
    """What happens to a make-up credit."""

    ISSUED = "issued"
    USED = "used"
    EXPIRED = "expired"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Credit:
    """A paid shortfall of the month `issued_on`, usable in the months after it up to expires_on."""

    issued_on: date
    expires_on: date
    issued_wh: int
    issued_minor: int
    open_wh: int
    open_minor: int

    def less(self, wh: int) -> Credit:
        """The credit with so much energy taken off; its money follows exactly."""
        left_wh = self.open_wh - wh
        _, left_minor = allocate(self.issued_minor, (self.issued_wh - left_wh, left_wh))
        return replace(self, open_wh=left_wh, open_minor=left_minor)


@dataclass(frozen=True, slots=True)
class State:
    """Where a commitment stands between two months; credits oldest first, none of them empty."""

    banked_wh: int = 0
    credits: tuple[Credit, ...] = ()

    @property
    def open_wh(self) -> int:
        """Energy that may still be made up."""
        return sum(credit.open_wh for credit in self.credits)

    @property
    def liability_minor(self) -> int:
        """Money of the open credits: what account 2420 holds for this commitment."""
        return sum(credit.open_minor for credit in self.credits)


@dataclass(frozen=True, slots=True)
class MonthFacts:
    """What is known of a month; `down` is the share of port-time that outages took, 0 to 1."""

    month: date
    metered_wh: int
    down: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        if self.metered_wh < 0 or not 0 <= self.down <= 1:
            raise ValueError("metered energy is not negative, and a share is 0 to 1")


@dataclass(frozen=True, slots=True)
class Movement:
    """What a month adds to a credit (+) or takes off it (−); `month` is the month it happens in."""

    kind: MovementKind
    month: date
    issued_on: date
    expires_on: date
    wh: int
    minor: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one settlement in Wh and minor units; of an adjusting one, the differences."""

    metered_wh: int = 0
    pledged_wh: int = 0
    excused_wh: int = 0
    minimum_wh: int = 0
    met_wh: int = 0
    bank_used_wh: int = 0
    shortfall_wh: int = 0
    shortfall_minor: int = 0
    banked_wh: int = 0
    overage_wh: int = 0
    overage_minor: int = 0

    def __add__(self, other: Figures) -> Figures:
        return Figures(*(getattr(self, n) + getattr(other, n) for n in _FIGURES))

    def __sub__(self, other: Figures) -> Figures:
        return Figures(*(getattr(self, n) - getattr(other, n) for n in _FIGURES))


_FIGURES = tuple(one.name for one in fields(Figures))


@dataclass(frozen=True, slots=True)
class Settlement:
    """A month settled, or what an adjusting settlement adds to it."""

    month: date
    figures: Figures = field(default_factory=Figures)
    movements: tuple[Movement, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether it changes nothing."""
        return self.figures == Figures() and not self.movements

    def moved_wh(self, kind: MovementKind) -> int:
        """Energy that its movements of this kind add to open credits."""
        return sum(one.wh for one in self.movements if one.kind is kind)

    def moved_minor(self, kind: MovementKind) -> int:
        """Money that its movements of this kind add to open credits."""
        return sum(one.minor for one in self.movements if one.kind is kind)


def settle(terms: Terms, before: State, facts: MonthFacts, scale: int) -> tuple[Settlement, State]:
    """The settlement of one month, and the state after it; money in units of 10^-scale."""
    pledged = terms.pledged_wh(facts.month)
    excused = ceil(pledged * facts.down) if terms.outage_relief else 0
    minimum = pledged - excused
    met = min(facts.metered_wh, minimum)
    bank_used = min(before.banked_wh, minimum - met)
    shortfall = minimum - met - bank_used
    released, rights = _released(terms, before.credits, facts.month)
    used, rights = _used(rights, facts.metered_wh - met, facts.month)
    above = facts.metered_wh - met + sum(one.wh for one in used)
    in_term = facts.month < terms.to_on
    room = max(terms.bank_cap_wh - before.banked_wh, 0) if in_term else 0
    banked = min(above, room)
    # After the term there is no minimum to be above of: what no credit covers is plain charging.
    overage = max(above - banked - excused, 0) if in_term else 0
    expired, rights = _expired(rights, facts.month)
    shortfall_minor = price_minor(shortfall, terms.shortfall_per_kwh, scale)
    issued, rights = _issued(terms, rights, facts.month, shortfall, shortfall_minor)
    figures = Figures(
        facts.metered_wh, pledged, excused, minimum, met, bank_used, shortfall, shortfall_minor,
        banked, overage, price_minor(overage, terms.overage_per_kwh or _FREE, scale),
    )  # fmt: skip
    settlement = Settlement(facts.month, figures, (*released, *used, *expired, *issued))
    return settlement, State(before.banked_wh - bank_used + banked, rights)


_FREE = Decimal(0)
_Moved = tuple[list[Movement], tuple[Credit, ...]]


def _taken(kind: MovementKind, month: date, credit: Credit, after: Credit) -> Movement:
    return Movement(
        kind, month, credit.issued_on, credit.expires_on,
        after.open_wh - credit.open_wh, after.open_minor - credit.open_minor,
    )  # fmt: skip


def _released(terms: Terms, rights: tuple[Credit, ...], month: date) -> _Moved:
    """Without a right to make up, whatever is open is let go at once."""
    if terms.make_up_months:
        return [], rights
    emptied = [(credit, credit.less(credit.open_wh)) for credit in rights]
    return [_taken(MovementKind.RELEASED, month, *pair) for pair in emptied], ()


def _used(rights: tuple[Credit, ...], above_wh: int, month: date) -> _Moved:
    """Cover what is above the minimum from credits, oldest first."""
    movements, left = [], []
    for credit in rights:
        wh = min(credit.open_wh, above_wh)
        above_wh -= wh
        after = credit.less(wh)
        if wh:
            movements.append(_taken(MovementKind.USED, month, credit, after))
        if after.open_wh:
            left.append(after)
    return movements, tuple(left)


def _expired(rights: tuple[Credit, ...], month: date) -> _Moved:
    """Let go of what is left of credits that end with this month."""
    ending = [credit for credit in rights if credit.expires_on <= month_after(month)]
    left = tuple(credit for credit in rights if credit.expires_on > month_after(month))
    emptied = [(credit, credit.less(credit.open_wh)) for credit in ending]
    return [_taken(MovementKind.EXPIRED, month, *pair) for pair in emptied], left


def _issued(terms: Terms, rights: tuple[Credit, ...], month: date, wh: int, minor: int) -> _Moved:
    """A credit for this month's shortfall, if it may be made up."""
    if not wh or not terms.make_up_months:
        return [], rights
    expires_on = month_after(month, terms.make_up_months + 1)
    credit = Credit(month, expires_on, wh, minor, wh, minor)
    movement = Movement(MovementKind.ISSUED, month, month, expires_on, wh, minor)
    return [movement], (*rights, credit)


def fold(
    versions: Sequence[Terms], before: State, facts: Iterable[MonthFacts], scale: int
) -> tuple[list[Settlement], State]:
    """Settle months in their order, each by the terms in force; the settlements and the end."""
    settled, state = [], before
    for one in facts:
        settlement, state = settle(terms_in(versions, one.month), state, one, scale)
        settled.append(settlement)
    return settled, state


def total(month: date, settlements: Iterable[Settlement]) -> Settlement:
    """What stands of a month: its settlement and every adjusting one, added up."""
    figures = Figures()
    moved: dict[tuple[MovementKind, date], Movement] = {}
    for settlement in settlements:
        figures += settlement.figures
        for one in settlement.movements:
            key = (one.kind, one.issued_on)
            known = moved.get(key, replace(one, wh=0, minor=0))
            moved[key] = replace(known, wh=known.wh + one.wh, minor=known.minor + one.minor)
    standing = tuple(one for one in moved.values() if one.wh or one.minor)
    return Settlement(month, figures, standing)


def difference(after: Settlement, before: Settlement) -> Settlement:
    """What must be added to `before` so that `after` stands; nothing when they are the same."""
    undone = Settlement(
        before.month,
        Figures() - before.figures,
        tuple(replace(one, wh=-one.wh, minor=-one.minor) for one in before.movements),
    )
    return total(after.month, (after, undone))


def state_after(settlements: Iterable[Settlement]) -> State:
    """Where a commitment stands after these settlements, adjusting ones too, in any order."""
    banked = 0
    found: dict[date, Credit] = {}
    for settlement in settlements:
        banked += settlement.figures.banked_wh - settlement.figures.bank_used_wh
        for one in settlement.movements:
            is_issue = one.kind is MovementKind.ISSUED
            known = found.get(one.issued_on, Credit(one.issued_on, one.expires_on, 0, 0, 0, 0))
            found[one.issued_on] = replace(
                known,
                issued_wh=known.issued_wh + (one.wh if is_issue else 0),
                issued_minor=known.issued_minor + (one.minor if is_issue else 0),
                open_wh=known.open_wh + one.wh,
                open_minor=known.open_minor + one.minor,
            )
    rights = sorted((one for one in found.values() if one.open_wh), key=lambda one: one.issued_on)
    return State(banked, tuple(rights))
