"""A month of a thousand members: 300,000 sessions into loads, and their peak into layers.

The floor of the loads is the same sessions put evenly into the same quarter hours by one division
each, without periods and without what does not divide; what is above it is being exact. The floor
of the sharing is the largest-remainder split of the same bill by kWh alone. No database: what is
measured is the arithmetic.
"""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from benchmarks.figures import Figure, print_table
from coop.billing.domain.cost_sharing import Bill, Method, SharingRule, share_costs
from coop.billing.domain.grid_prices import Dated, grid_prices
from coop.billing.domain.loads import Loads, quarters_of_month
from coop.billing.domain.utility_schedule import schedule_of
from coop.charging.domain.session import Dimension, MeteredPeriod
from coop.kernel.allocation import allocate

T = TypeVar("T")
MEMBERS, SESSIONS = 1_000, 300_000
MONTH, ZONE = date(2026, 3, 1), ZoneInfo("Europe/Oslo")
SCHEDULE = {
    "name": "Night and day", "schedule": [{
        "id": "All", "effective_start": "01-01", "effective_end": "12-31", "dow_mask": "ALL",
        "times": [0, 8], "tariffs": ["0.0562", "0.2667"], "demand_charge": "15.51",
    }],
}  # fmt: skip


class Session(NamedTuple):
    """What a load is made of."""

    owner: str
    started_at: datetime
    ended_at: datetime
    wh: int
    periods: tuple[MeteredPeriod, ...]


def measure() -> list[Figure]:
    """Loads, then each way of sharing them."""
    sessions = _sessions()
    took, loads = _timed(lambda: _loads(sessions))
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    floor, _ = _timed(lambda: _roughly(sessions))
    whole = sum(map(sum, loads.by_owner.values()))
    if whole > sum(one.wh for one in sessions):
        raise RuntimeError("the quarter hours hold more than the sessions")
    rate, floor_rate = SESSIONS / took, SESSIONS / floor
    figures = [
        Figure("sessions into quarter hours", rate, "sessions/s", floor_rate, floor_rate / rate,
               f"{SESSIONS:,} of {MEMBERS:,} members; a fifth with four periods"),
        Figure("their memory", peak_mib, "MiB",
               note="peak of the process, the sessions themselves included"),
    ]  # fmt: skip
    prices = grid_prices([Dated(MONTH, schedule_of(SCHEDULE))], MONTH, loads.quarters, ZONE)
    bill = Bill(9_000_000, 4_000_000, 50_000, whole + whole // 50)
    weights = [sum(load) for load in loads.by_owner.values()]
    least, _ = _timed(lambda: allocate(bill.total_minor, weights))
    for method in Method:
        share = partial(share_costs, loads.by_owner, prices.per_kwh, bill, SharingRule(method))
        seconds, shared = _timed(share)
        if sum(one.total_minor for one in shared.shares) != bill.total_minor:
            raise RuntimeError(f"{method} does not add up")
        figures.append(
            Figure(f"share a bill, {method}", seconds * 1000, "ms", least * 1000, seconds / least,
                   f"{MEMBERS:,} members, {len(loads.quarters):,} quarter hours; floor: by kWh")
        )  # fmt: skip
    return figures


def _sessions() -> list[Session]:
    chance = random.Random(7)
    first = datetime(2026, 3, 1, tzinfo=UTC)
    made = []
    for number in range(SESSIONS):
        start = first + timedelta(seconds=chance.randrange(29 * 86_400))
        lasts = timedelta(seconds=chance.randrange(1_200, 36_000))
        wh = chance.randrange(1_000, 60_000)
        periods: tuple[MeteredPeriod, ...] = ()
        if number % 5 == 0:
            periods = tuple(
                MeteredPeriod(start + lasts * i / 4, (Dimension("ENERGY", Decimal(wh) / 4000),))
                for i in range(4)
            )
        made.append(Session(f"m{number % MEMBERS:04}", start, start + lasts, wh, periods))
    return made


def _roughly(sessions: list[Session]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    quarters = quarters_of_month(MONTH, ZONE)
    start, size = quarters.start, len(quarters)
    for one in sessions:
        taken = found.setdefault(one.owner, [0] * size)
        first, last = (int(at.timestamp()) // 900 - start for at in (one.started_at, one.ended_at))
        each = one.wh // (last - first + 1)
        for place in range(max(0, first), min(size, last + 1)):
            taken[place] += each
    return found


def _loads(sessions: list[Session]) -> Loads[str]:
    loads = Loads[str](quarters_of_month(MONTH, ZONE))
    for one in sessions:
        loads.add(one.owner, one.started_at, one.ended_at, one.wh, one.periods)
    return loads


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


if __name__ == "__main__":
    print_table(measure())
