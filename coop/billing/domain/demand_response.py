"""Demand response: who took less when the grid asked for it, and what of the payment is whose.

The baseline is 10-of-10: for each quarter hour of the event, the mean of the same quarter hour on
the last ten like days before it (weekdays for a weekday, weekends for a weekend) on which the hub
had no event. A member's reduction is its baseline over the whole event less what it took, or
nothing: who merely shifted load within the event reduced nothing. The cooperative keeps its
percentage of the programme's payment; the rest is credited in proportion to reductions, exactly, by
largest remainder. Where nobody reduced, nobody is credited.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from coop.billing.domain.loads import beginning_of, is_plausible, quarter_at
from coop.billing.sharing_errors import DemandResponseInvalid
from coop.kernel.allocation import allocate
from coop.kernel.money import MINOR_MAX
from coop.kernel.rate import round_half_up

LIKE_DAYS = 10
LOOK_BACK_DAYS = 70
_SATURDAY = 5
_QUARTER_MINUTES = 15
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class EventTerms:
    """An event at a hub: its quarter hours, the programme's payment, the cooperative's fee.

    Refuses DEMAND_RESPONSE_INVALID: beginning or end off the quarter hour, over midnight of `zone`,
    a payment or fee below nothing.
    """

    from_at: datetime
    to_at: datetime
    payment_minor: int
    fee_percent: Decimal
    zone: ZoneInfo

    def __post_init__(self) -> None:
        for name in ("from_at", "to_at"):
            at = getattr(self, name)
            sound = at.tzinfo is not None and is_plausible(at)
            if not sound or beginning_of(quarter_at(at)) != at:
                why = "An event begins and ends on a quarter of an hour."
                raise DemandResponseInvalid(why, (name,))
        last = self.to_at - timedelta(minutes=_QUARTER_MINUTES)
        if self.to_at <= self.from_at or last.astimezone(self.zone).date() != self.day:
            why = "An event lasts a quarter of an hour or more of one day."
            raise DemandResponseInvalid(why, ("to_at",))
        if not 0 <= self.payment_minor <= MINOR_MAX:
            raise DemandResponseInvalid("A payment is not below nothing.", ("payment",))
        if not 0 <= self.fee_percent <= _HUNDRED:
            raise DemandResponseInvalid("A percentage is 0 to 100.", ("fee_percent",))

    @property
    def day(self) -> date:
        """The hub's day it falls on."""
        return self.from_at.astimezone(self.zone).date()

    @property
    def quarters(self) -> range:
        """Its quarter hours."""
        return range(quarter_at(self.from_at), quarter_at(self.to_at))


@dataclass(frozen=True, slots=True)
class Reduction:
    """What one member took less than its baseline, in Wh, and its part of the payment."""

    owner: str
    baseline_wh: Fraction
    actual_wh: int
    reduced_wh: Fraction
    credit_minor: int


def like_days(event: date, event_days: Collection[date]) -> list[date]:
    """The last ten days like it, the latest first, without those that had an event themselves."""
    weekend = event.weekday() >= _SATURDAY
    days = (event - timedelta(days=back) for back in range(1, LOOK_BACK_DAYS + 1))
    found = [
        day for day in days if (day.weekday() >= _SATURDAY) == weekend and day not in event_days
    ]
    return found[:LIKE_DAYS]


def baseline_quarters(terms: EventTerms, days: Sequence[date]) -> list[int]:
    """The quarter hours of those days at the event's times of the hub's clock."""
    walls = [beginning_of(quarter).astimezone(terms.zone) for quarter in terms.quarters]
    return [
        quarter_at(datetime.combine(day, wall.time(), terms.zone)) for day in days for wall in walls
    ]


def credits_of(
    terms: EventTerms,
    days: Sequence[date],
    loads: Mapping[str, Mapping[int, int]],
) -> list[Reduction]:
    """What each member reduced and is credited, by owner.

    `loads` are Wh by owner and quarter hour, absent for nothing, over the event and the like days.
    """
    before = baseline_quarters(terms, days)
    found: list[tuple[str, Fraction, int, Fraction]] = []
    for owner in sorted(loads):
        load = loads[owner]
        usual = Fraction(sum(load.get(q, 0) for q in before), len(days)) if days else Fraction(0)
        actual = sum(load.get(q, 0) for q in terms.quarters)
        found.append((owner, usual, actual, max(Fraction(0), usual - actual)))
    weights = [reduced for _, _, _, reduced in found]
    kept = round_half_up(Fraction(terms.payment_minor) * Fraction(terms.fee_percent) / 100)
    minors = allocate(terms.payment_minor - kept, weights) if any(weights) else [0] * len(found)
    return [Reduction(*one, minor) for one, minor in zip(found, minors, strict=True)]
