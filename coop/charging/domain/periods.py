"""A session as stretches of one kind: reserved, charging, parked. Exact, in µs and Wh.

- A metered period lasts until the next begins; within it, what was reserved comes first, then
  charging, then parking, each as long as its hours say.
- Hours that differ from the clock by less than platforms round them (`TOLERANCE_US`) are the
  clock's; hours that differ by more count as they are written.
- A period that says nothing of time, and a session without periods, is charging from start to end.
- Energy is the session's `delivered_wh`, shared by the periods' volumes, or by time without them.
- Parking while the hub itself held back power, and parking within the grace of the tariff, takes
  its time but none of it counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from coop.charging.domain.session import ChargingSession, MeteredPeriod

RESERVATION, CHARGING, PARKING = "RESERVATION", "CHARGING", "PARKING"
HOUR_US = 3_600_000_000
# A third of a minute: platforms write hours with three decimals and round them as they like.
TOLERANCE_US = 20_000_000
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = (("RESERVATION_TIME", RESERVATION), ("TIME", CHARGING), ("PARKING_TIME", PARKING))
Exact = int | Fraction


@dataclass(frozen=True, slots=True)
class Pause:
    """The hub itself held back power from one instant to another, in UTC."""

    from_at: datetime
    to_at: datetime


@dataclass(slots=True)
class Stretch:
    """One kind of use from `start_us` to `end_us` (µs since 1970).

    `time_us` of it counts as time, `energy_wh` was delivered in it, evenly; `period` is what the
    platform metered.
    """

    kind: str
    start_us: int
    end_us: int
    time_us: Exact
    energy_wh: Exact = 0
    period: MeteredPeriod | None = None

    def between(self, start_us: int, end_us: int, *, counts: bool) -> Stretch:
        """A part of it, its energy and time pro rata; no time when it does not count."""
        share = Fraction(end_us - start_us, self.end_us - self.start_us)
        time_us = self.time_us * share if counts else 0
        return Stretch(self.kind, start_us, end_us, time_us, self.energy_wh * share, self.period)


def instant_us(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def instant_at(us: int) -> datetime:
    """The instant so many microseconds after 1970, in UTC."""
    return _EPOCH + timedelta(microseconds=us)


def stretches_of(
    session: ChargingSession, pauses: Sequence[Pause] = (), grace_s: int = 0
) -> list[Stretch]:
    """The session's stretches in order; parking in a pause or within the grace does not count."""
    start_us, end_us = instant_us(session.started_at), instant_us(session.ended_at)
    if not session.periods:
        lasted = end_us - start_us
        return [Stretch(CHARGING, start_us, end_us, lasted, session.delivered_wh)]
    found: list[Stretch] = []
    starts = [min(max(instant_us(one.started_at), start_us), end_us) for one in session.periods]
    for period, begun, ended in zip(session.periods, starts, [*starts[1:], end_us], strict=True):
        found += _stretches_of_period(period, begun, max(begun, ended))
    _share_energy(found, session.delivered_wh)
    if pauses or grace_s:
        return _without_free(found, _merged(pauses), grace_s * 1_000_000)
    return found


def total(period: MeteredPeriod, kind: str) -> Decimal | None:
    """The sum of a period's volumes of one dimension, or None when it states none."""
    found: Decimal | None = None
    for stated, volume in period.dimensions:
        if stated == kind:
            found = volume if found is None else found + volume
    return found


def exact(volume: Decimal, per_unit: int = 1) -> Exact:
    """A volume in smaller units, an int where it is whole: ints are several times faster."""
    top, bottom = volume.as_integer_ratio()
    top *= per_unit
    return top // bottom if top % bottom == 0 else Fraction(top, bottom)


def _stretches_of_period(period: MeteredPeriod, start_us: int, end_us: int) -> list[Stretch]:
    hours = [(kind, total(period, dimension)) for dimension, kind in _KINDS]
    stated = [(kind, exact(volume, HOUR_US)) for kind, volume in hours if volume is not None]
    metered = total(period, "ENERGY")
    energy = 0 if metered is None else exact(metered, 1000)
    clock_us = end_us - start_us
    if not stated:
        return [Stretch(CHARGING, start_us, end_us, clock_us, energy, period)]
    if len(stated) > 1:
        stated = [(kind, us) for kind, us in stated if us > 0] or stated[:1]
    if len(stated) == 1:
        kind, us = stated[0]
        time_us = clock_us if -TOLERANCE_US < us - clock_us < TOLERANCE_US else us
        return [Stretch(kind, start_us, end_us, max(time_us, 0), energy, period)]
    return _several(period, start_us, end_us, stated, energy)


def _several(
    period: MeteredPeriod,
    start_us: int,
    end_us: int,
    stated: list[tuple[str, Exact]],
    energy: Exact,
) -> list[Stretch]:
    """A period of several kinds, one after another; its charging has the energy."""
    clock_us = end_us - start_us
    sum_us = sum((us for _, us in stated), Fraction(0))
    by_clock = -TOLERANCE_US < sum_us - clock_us < TOLERANCE_US
    receiver = CHARGING if CHARGING in dict(stated) else stated[-1][0]
    found: list[Stretch] = []
    begun, passed = start_us, Fraction(0)
    for kind, us in stated:
        passed += us
        ended = start_us + int(clock_us * passed / sum_us)
        time_us = ended - begun if by_clock else us
        received = energy if kind == receiver else 0
        found.append(Stretch(kind, begun, ended, time_us, received, period))
        begun = ended
    return found


def _share_energy(stretches: list[Stretch], delivered_wh: int) -> None:
    """Make the energy metered in each stretch add up to exactly what was delivered."""
    weights = [stretch.energy_wh for stretch in stretches]
    whole: Exact = sum(weights, 0)
    if whole == delivered_wh:
        return
    if whole <= 0:
        weights = _lasted(stretches)
        whole = sum(weights, 0)
    for stretch, weight in zip(stretches, weights, strict=True):
        stretch.energy_wh = Fraction(weight) * delivered_wh / whole


def _lasted(stretches: list[Stretch]) -> list[Exact]:
    """How long each lasted, charging if there was any; the last one when nothing lasted at all."""
    kinds = {stretch.kind for stretch in stretches}
    kind = next(one for one in (CHARGING, PARKING, RESERVATION) if one in kinds)
    found: list[Exact] = [
        stretch.end_us - stretch.start_us if stretch.kind == kind else 0 for stretch in stretches
    ]
    return found if any(found) else [*([0] * (len(found) - 1)), 1]


def _merged(pauses: Sequence[Pause]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for pause in sorted(pauses, key=lambda one: one.from_at):
        start, end = instant_us(pause.from_at), instant_us(pause.to_at)
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif start < end:
            found.append((start, end))
    return found


def _without_free(
    stretches: list[Stretch], pauses: list[tuple[int, int]], grace_us: int
) -> list[Stretch]:
    """Parking split where pauses begin and end, and where the grace has passed."""
    found: list[Stretch] = []
    for stretch in stretches:
        if stretch.kind != PARKING or stretch.start_us == stretch.end_us:
            found.append(stretch)
            continue
        for start, end, paused in _spans(stretch.start_us, stretch.end_us, pauses):
            free_us = 0 if paused else min(grace_us, end - start)
            grace_us -= free_us
            middle = end if paused else start + free_us
            if start < middle:
                found.append(stretch.between(start, middle, counts=False))
            if middle < end:
                found.append(stretch.between(middle, end, counts=True))
    return found


def _spans(start: int, end: int, pauses: list[tuple[int, int]]) -> list[tuple[int, int, bool]]:
    """(start, end, paused) of the parts of a stretch between the edges of the pauses."""
    inside = [(max(start, one), min(end, other)) for one, other in pauses]
    inside = [(one, other) for one, other in inside if one < other]
    found: list[tuple[int, int, bool]] = []
    for one, other in inside:
        if start < one:
            found.append((start, one, False))
        found.append((one, other, True))
        start = other
    return [*found, (start, end, False)] if start < end else found
