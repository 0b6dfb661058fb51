"""Stretches cut into parts within which no restriction of the tariff changes its mind.

Cut is where the hub's wall clock passes a boundary of the tariff (or jumps, when clocks change),
where the energy delivered so far passes a kWh boundary, and where the session has lasted as long as
a duration says. Energy and time of a stretch are shared by how much of it each part is: exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from coop.charging.domain.periods import (
    CHARGING,
    HOUR_US,
    RESERVATION,
    Exact,
    Stretch,
    exact,
    instant_at,
    instant_us,
    total,
)
from coop.charging.domain.tariff_rules import Moment, Rules

# (kind, Wh, µs that count, what restrictions ask): one part, one price in each dimension.
Part = tuple[str, Exact, Exact, Moment]
_ONE = Fraction(1)
_ZERO = Fraction(0)
_DAY = timedelta(days=1)


def parts_of(stretches: list[Stretch], rules: Rules, zone: ZoneInfo) -> Iterator[Part]:
    """The parts of a session in order of time."""
    charging = [one for one in stretches if one.kind != RESERVATION]
    origins = {True: stretches[0].start_us, False: (charging or stretches)[0].start_us}
    delivered: Exact = 0
    for stretch in stretches:
        kind, energy_wh, time_us = stretch.kind, stretch.energy_wh, stretch.time_us
        current = _current(stretch) if rules.by_current else 0
        power = _power(stretch) if rules.by_power else 0
        if rules.uncut:
            yield kind, energy_wh, time_us, Moment(0, 0, 0, 0, current, power, 0)
            continue
        origin = origins[kind == RESERVATION]
        for share, at_us, so_far in _pieces(stretch, rules, zone, delivered, origin):
            moment = _moment(at_us, zone, rules, so_far, current, power, at_us - origin)
            if share is None:
                yield kind, energy_wh, time_us, moment
            else:
                yield kind, share * energy_wh, share * time_us, moment
        delivered += energy_wh


def _pieces(
    stretch: Stretch, rules: Rules, zone: ZoneInfo, delivered: Exact, origin_us: int
) -> list[tuple[Fraction | None, Exact, Exact]]:
    """(share of the stretch or None for all of it, when it begins, Wh so far) of each part.

    Wh so far are those in the middle of the part, which is on the same side of every boundary.
    """
    start, end, energy = stretch.start_us, stretch.end_us, stretch.energy_wh
    instants = _instants(start, end, rules, zone, origin_us)
    if not rules.thresholds_wh:
        if not instants:
            return [(None, start, 0)]
        edges = [start, *instants, end]
        return [(Fraction(b - a, end - start), a, 0) for a, b in pairwise(edges)]
    cuts = {Fraction(at - start, end - start) for at in instants}
    if energy:
        crossed = ((threshold - delivered) / Fraction(energy) for threshold in rules.thresholds_wh)
        cuts |= {share for share in crossed if 0 < share < 1}
    if not cuts:
        return [(None, start, delivered + Fraction(energy) / 2)]
    return [
        (b - a, start + a * (end - start), delivered + energy * (a + b) / 2)
        for a, b in pairwise([_ZERO, *sorted(cuts), _ONE])
    ]


def _instants(start: int, end: int, rules: Rules, zone: ZoneInfo, origin_us: int) -> list[int]:
    """When clock or duration reach a boundary within the stretch, in order."""
    found = {origin_us + duration for duration in rules.durations_us}
    if rules.minutes:
        found.update(clock_cuts(start, end, zone, rules.minutes))
    return sorted(at for at in found if start < at < end)


def _moment(
    at_us: Exact, zone: ZoneInfo, rules: Rules, wh: Exact, current: Exact, power: Exact,
    elapsed_us: Exact,
) -> Moment:  # fmt: skip
    if not rules.minutes:
        return Moment(0, 0, 0, wh, current, power, elapsed_us)
    local = instant_at(int(at_us)).astimezone(zone)
    minute, day = local.hour * 60 + local.minute, local.toordinal()
    return Moment(minute, (day - 1) % 7, day, wh, current, power, elapsed_us)


def _current(stretch: Stretch) -> Exact:
    """Amperes of a stretch as one number, so that ranges of a tariff leave no gap.

    What was metered, the mean of least and greatest where both were; else 0, as of a vehicle that
    only stands there.
    """
    return (_metered(stretch, "CURRENT") or 0) if stretch.kind == CHARGING else 0


def _power(stretch: Stretch) -> Exact:
    """Kilowatts of a stretch as one number, like its current; not metered, it is the mean power."""
    if stretch.kind != CHARGING:
        return 0
    metered = _metered(stretch, "POWER")
    if metered is not None or not stretch.time_us:
        return metered or 0
    return Fraction(stretch.energy_wh) * HOUR_US / (1000 * stretch.time_us)


def _metered(stretch: Stretch, what: str) -> Exact | None:
    if stretch.period is None:
        return None
    stated = total(stretch.period, what)
    if stated is not None:
        return exact(stated)
    least, most = (total(stretch.period, f"{end}_{what}") for end in ("MIN", "MAX"))
    if least is None or most is None or least == most:
        one = most if least is None else least
        return None if one is None else exact(one)
    return Fraction(exact(least) + exact(most)) / 2


def clock_cuts(start_us: int, end_us: int, zone: ZoneInfo, minutes: tuple[int, ...]) -> list[int]:
    """Instants from start to end at which the wall clock shows one of `minutes`, or jumps."""
    first = instant_at(start_us).astimezone(zone).date()
    last = instant_at(end_us).astimezone(zone).date()
    found: list[int] = []
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        found += _cuts_of_day(zone, ordinal, minutes)
    return [at for at in found if start_us < at < end_us]


@lru_cache(maxsize=8192)
def _cuts_of_day(zone: ZoneInfo, ordinal: int, minutes: tuple[int, ...]) -> tuple[int, ...]:
    """The instants of one local day at which a boundary is reached, and where clocks change.

    A time that happens twice cuts twice; one that never happens cuts where it is not, harmlessly:
    the jump itself is a cut too.
    """
    midnight = datetime.combine(date.fromordinal(ordinal), datetime.min.time(), zone)
    walls = [
        midnight.replace(hour=minute // 60, minute=minute % 60, fold=fold)
        for minute in minutes
        for fold in (0, 1)
    ]
    begun = midnight.astimezone(UTC)
    found = {instant_us(wall.astimezone(UTC)) for wall in walls}
    if begun.astimezone(zone).utcoffset() != (begun + _DAY).astimezone(zone).utcoffset():
        found.add(_jump(instant_us(begun), instant_us(begun + _DAY), zone))
    return tuple(sorted(found))


def _jump(before_us: int, after_us: int, zone: ZoneInfo) -> int:
    """The instant between the two at which the zone's offset changes, by halving."""
    offset = instant_at(before_us).astimezone(zone).utcoffset()
    while after_us - before_us > 1:
        middle = (before_us + after_us) // 2
        if instant_at(middle).astimezone(zone).utcoffset() == offset:
            before_us = middle
        else:
            after_us = middle
    return after_us
