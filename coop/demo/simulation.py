"""A year of charging in Warnefurt, day by day: the same seed gives the same sessions, everywhere.

Every vehicle has a battery that driving empties and charging fills. Each day of its fleet's week it
drives, stops when its trade stops, and charges if it must and finds a free port. Ports are busy for
as long as somebody stands there; who finds none goes to the next hub or away. Integers only: Wh, W,
seconds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from coop.demo.town import (
    FIRST_DAY,
    HUBS,
    LAST_DAY,
    MEMBERS,
    SEASON_PERCENT,
    ZONE,
    DemoMember,
    Fleet,
    PortKind,
    Stop,
    Week,
    is_out,
)
from coop.kernel.clock import instant_of_wall

SEED = 2025
_RESERVE_PERCENT = 8
_IDLE_PERCENT = 26  # sick, on holiday, in the workshop, or simply not needed
_FULL_PERCENT = {False: 100, True: 82}  # by fast: quick charging slows down towards the end
_SHORTEST_S = 240
_LEAST_WH = 1_500
_GUESTS_IN_A_THOUSAND = 11
_UNPLUG_S = (40, 420)


@dataclass(frozen=True, slots=True)
class Simulated:
    """One session, in UTC and Wh; `hub` and `port` are positions in HUBS and its ports.

    From `full_at` on the vehicle only stands there.
    """

    number: int
    badge: str
    hub: int
    port: int
    started_at: datetime
    full_at: datetime
    ended_at: datetime
    delivered_wh: int


@dataclass(slots=True)
class _Vehicle:
    member: DemoMember
    badge: str
    charge_wh: int
    busy_until_s: int = 0


@dataclass(frozen=True, slots=True, order=True)
class _Visit:
    """A vehicle that wants to charge `at_s` seconds after the year began."""

    at_s: int
    order: int
    vehicle: _Vehicle = field(compare=False)
    stop: Stop = field(compare=False)
    used_wh: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Place:
    hub: int
    port: int
    at_s: int


class _Town:
    """The ports of the town and until when each is taken."""

    def __init__(self) -> None:
        self.free_at_s = [[0] * len(hub.ports) for hub in HUBS]

    def find(self, home: int, fast: bool, at_s: int) -> _Place | None:  # noqa: FBT001
        """A free port of the wanted kind: at home, else at the others, ten minutes' drive away."""
        others = [hub for hub in range(len(HUBS)) if hub != home]
        for away, hub in enumerate([home, *others]):
            then = at_s + 600 * away
            for port, kind in enumerate(HUBS[hub].ports):
                if kind.is_fast is fast and self.free_at_s[hub][port] <= then:
                    return _Place(hub, port, then)
        return None

    def take(self, place: _Place, until_s: int) -> None:
        """Stand there until then."""
        self.free_at_s[place.hub][place.port] = until_s


def sessions_of(seed: int = SEED, last_day: date = LAST_DAY) -> Iterator[Simulated]:
    """Every session up to `last_day`, in the order in which they ended within each day."""
    chance = random.Random(seed)  # noqa: S311 - a simulation, not a secret
    town, vehicles = _Town(), _vehicles(chance)
    midnight = instant_of_wall(datetime.combine(FIRST_DAY, time()), ZONE)
    number, day = 0, FIRST_DAY
    last_s = _seconds_since(midnight, last_day + timedelta(days=1))
    while day <= last_day:
        start_s = _seconds_since(midnight, day)
        found = []
        for visit in sorted(_visits(chance, vehicles, day, start_s)):
            session = _charge(chance, town, visit, midnight)
            # The year ends at midnight: who charges into the next one is not of this one.
            if session is not None and visit.vehicle.busy_until_s < last_s:
                found.append(session)
        for one in sorted(found, key=lambda one: (one[5], one[0])):
            number += 1
            yield Simulated(number, *one)
        day += timedelta(days=1)


_Found = tuple[str, int, int, datetime, datetime, datetime, int]


def _seconds_since(midnight: datetime, day: date) -> int:
    here = instant_of_wall(datetime.combine(day, time()), ZONE)
    return (here - midnight) // timedelta(seconds=1)


def _vehicles(chance: random.Random) -> list[_Vehicle]:
    return [
        _Vehicle(member, member.badge(i), member.fleet.battery_wh * chance.randrange(55, 96) // 100)
        for member in MEMBERS
        for i in range(member.vehicles)
    ]


def _visits(
    chance: random.Random, vehicles: list[_Vehicle], day: date, start_s: int
) -> Iterator[_Visit]:
    for order, vehicle in enumerate(vehicles):
        member, fleet = vehicle.member, vehicle.member.fleet
        if (
            day < member.active_from
            or not is_out(fleet.week, day)
            or chance.randrange(100) < _IDLE_PERCENT
        ):
            continue
        driven_wh = _driven_wh(chance, fleet, day)
        for stop in fleet.stops:
            used_wh = driven_wh * stop.share_percent // 100
            at_s = start_s + _around(chance, stop.earliest, stop.latest) * 60 + chance.randrange(60)
            yield _Visit(at_s, order, vehicle, stop, used_wh)


def _driven_wh(chance: random.Random, fleet: Fleet, day: date) -> int:
    km = _around(chance, *fleet.km)
    if fleet.week is Week.LEISURE and day.weekday() < 4:  # noqa: PLR2004 - Friday begins the weekend
        km = km * 60 // 100
    if fleet.week is Week.DAILY and day.weekday() in (4, 5):
        km = km * 115 // 100
    return km * fleet.wh_per_km * SEASON_PERCENT[day.month - 1] // 100


def _around(chance: random.Random, low: int, high: int) -> int:
    """Somewhere from low to high, more often in the middle: the mean of two dice."""
    return (chance.randint(low, high) + chance.randint(low, high)) // 2


def _charge(chance: random.Random, town: _Town, visit: _Visit, midnight: datetime) -> _Found | None:
    """The session of a visit, or None: no need, no time, no free port."""
    vehicle, fleet, stop = visit.vehicle, visit.vehicle.member.fleet, visit.stop
    least = fleet.battery_wh * _RESERVE_PERCENT // 100
    vehicle.charge_wh = max(vehicle.charge_wh - visit.used_wh, least)
    needs = vehicle.charge_wh * 100 < fleet.battery_wh * fleet.below_percent
    if not needs or visit.at_s < vehicle.busy_until_s or chance.randrange(1000) >= stop.likely:
        return None
    place = town.find(_hub_today(chance, vehicle.member.home), stop.fast, visit.at_s)
    if place is None:
        return None
    kind = HUBS[place.hub].ports[place.port]
    delivered_wh, charging_s, stands_s = _delivered(chance, vehicle, stop, kind)
    if delivered_wh < _LEAST_WH:
        return None
    vehicle.charge_wh += delivered_wh
    vehicle.busy_until_s = place.at_s + stands_s
    town.take(place, vehicle.busy_until_s)
    started_at = midnight + timedelta(seconds=place.at_s)
    badge = vehicle.badge
    if chance.randrange(1000) < _GUESTS_IN_A_THOUSAND:
        badge = f"ROAM{chance.randrange(40):04d}"
    full_at = started_at + timedelta(seconds=charging_s)
    ended_at = started_at + timedelta(seconds=stands_s)
    return badge, place.hub, place.port, started_at, full_at, ended_at, delivered_wh


def _hub_today(chance: random.Random, home: int) -> int:
    """Mostly the hub at home, one day in eight another."""
    return home if chance.randrange(8) else chance.randrange(len(HUBS))


def _delivered(
    chance: random.Random, vehicle: _Vehicle, stop: Stop, kind: PortKind
) -> tuple[int, int, int]:
    """(Wh, seconds it charges, seconds it stands there): never more than the power gives."""
    fleet = vehicle.member.fleet
    power_w = min(kind.power_w, fleet.dc_w if kind.is_fast else fleet.ac_w)
    power_w = power_w * chance.randrange(76, 98) // 100
    wanted_wh = fleet.battery_wh * _FULL_PERCENT[kind.is_fast] // 100 - vehicle.charge_wh
    wanted_wh = max(wanted_wh, 0)
    longest_s = chance.randint(*stop.stay) * 60 + chance.randrange(60)
    needed_s = wanted_wh * 3600 // power_w + 1
    charging_s = min(needed_s, longest_s)
    delivered_wh = min(wanted_wh, power_w * charging_s // 3600)
    leaves_s = charging_s + chance.randint(*_UNPLUG_S)
    stands_s = leaves_s if kind.is_fast else max(leaves_s, longest_s)
    return delivered_wh, charging_s, max(stands_s, _SHORTEST_S)
