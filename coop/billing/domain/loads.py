"""What each member took in every quarter of an hour: whole Wh, and exactly what its sessions say.

A metered period's energy is spread evenly over its time, a session's without periods over the time
it was plugged in. Both splits are largest remainder, so that the quarter hours of a session add up
to its Wh:

    the session's Wh over its periods, by what each says it metered (periods that fed back count as
    nothing; where none metered anything, by their time) → each period's Wh over its quarter hours,
    by time

Quarter hours are numbered from 1970 in UTC: no clock that is set forward or back can lose or double
one. A month is that of the hub's own clock.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from coop.charging.domain.session import MeteredPeriod
from coop.kernel.allocation import allocate

Owner = TypeVar("Owner", bound=Hashable)
QUARTERS_AN_HOUR = 4
_QUARTER_US = 900_000_000
_QUARTER = timedelta(minutes=15)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_YEARS = range(2000, 3000)


def quarter_at(instant: datetime) -> int:
    """The number of the quarter hour that an instant lies in."""
    return (instant - _EPOCH) // _QUARTER


def beginning_of(quarter: int) -> datetime:
    """The instant at which a quarter hour begins, in UTC."""
    return _EPOCH + quarter * _QUARTER


def is_plausible(at: date) -> bool:
    """Whether an instant or a day lies where clocks and calendars have room around it."""
    return at.year in _YEARS


def quarters_of_month(month: date, zone: ZoneInfo) -> range:
    """The quarter hours of the month that `month` lies in, by the clock of `zone`."""
    first = month.replace(day=1)
    return quarters_between(first, (first + timedelta(days=31)).replace(day=1), zone)


def quarters_between(from_on: date, to_on: date, zone: ZoneInfo) -> range:
    """The quarter hours of the days [from_on, to_on) by the clock of `zone`."""
    return range(quarter_at(midnight_of(from_on, zone)), quarter_at(midnight_of(to_on, zone)))


def midnight_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day; where midnight was left out, the one that stands for it."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def load_of(
    started_at: datetime,
    ended_at: datetime,
    delivered_wh: int,
    periods: Sequence[MeteredPeriod] = (),
) -> list[tuple[int, list[int]]]:
    """The Wh of a session: for each part of it, the first quarter hour and the Wh from there on.

    Parts may share a quarter hour; everything together is `delivered_wh` exactly.
    """
    if delivered_wh <= 0:
        return []
    start, end = _micros(started_at), _micros(ended_at)
    if len(periods) <= 1:
        return [_spread(delivered_wh, start, end)]
    bounds = [start, *(_micros(one.started_at) for one in periods[1:]), end]
    parts = [(begin, max(begin, until)) for begin, until in pairwise(bounds)]
    shares = allocate(delivered_wh, _weights(periods, parts))
    return [
        _spread(wh, begin, until) for wh, (begin, until) in zip(shares, parts, strict=True) if wh
    ]


def _weights(periods: Sequence[MeteredPeriod], parts: Sequence[tuple[int, int]]) -> list[int]:
    metered = [_metered(period) for period in periods]
    if any(metered):
        return metered
    lasted = [until - begin for begin, until in parts]
    return lasted if any(lasted) else [1, *[0] * (len(parts) - 1)]


def _metered(period: MeteredPeriod) -> int:
    """The period's energy in millionths of a Wh; nothing for one that fed back."""
    volumes = [one.volume for one in period.dimensions if one.type == "ENERGY"]
    return max(0, int(sum(volumes, Decimal(0)) * 10**9))


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _spread(wh: int, begin: int, until: int) -> tuple[int, list[int]]:
    """`wh` evenly over [begin, until) in microseconds: what `allocate` would give, in integers.

    All quarter hours but the first and the last weigh alike, so three divisions do for any number.
    """
    first = begin // _QUARTER_US
    last = max(first, (until - 1) // _QUARTER_US)
    if first == last:
        return first, [wh]
    whole = until - begin
    head, tail = (first + 1) * _QUARTER_US - begin, until - last * _QUARTER_US
    between = last - first - 1
    shares = []
    left = wh
    ranks = []
    for place, (weight, count) in enumerate(((head, 1), (_QUARTER_US, between), (tail, 1))):
        share, remainder = divmod(wh * weight, whole)
        shares.append(share)
        left -= share * count
        ranks.append((-remainder, -weight, place, count))
    more = [0, 0, 0]
    for _, _, place, count in sorted(ranks):
        more[place] = min(left, count)
        left -= more[place]
    middle = [shares[1] + 1] * more[1] + [shares[1]] * (between - more[1])
    return first, [shares[0] + more[0], *middle, shares[2] + more[2]]


@dataclass(slots=True)
class Loads(Generic[Owner]):
    """Wh by owner and quarter hour over `quarters`; what lies outside them is left out.

    Sessions that reach over the end of a month count in each month with what they took in it.
    """

    quarters: range
    by_owner: dict[Owner, array[int]] = field(default_factory=dict)

    def add(
        self,
        owner: Owner,
        started_at: datetime,
        ended_at: datetime,
        delivered_wh: int,
        periods: Sequence[MeteredPeriod] = (),
    ) -> None:
        """Count a session in."""
        taken = self.by_owner.get(owner)
        if taken is None:
            taken = self.by_owner[owner] = array("q", bytes(8 * len(self.quarters)))
        begin, size = self.quarters.start, len(self.quarters)
        for first, parts in load_of(started_at, ended_at, delivered_wh, periods):
            place = first - begin
            for wh in parts:
                if 0 <= place < size:
                    taken[place] += wh
                place += 1
