"""Quarter hours of sessions: whole Wh that add up, in UTC, months by the hub's clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.billing.domain.loads import (
    Loads,
    beginning_of,
    load_of,
    quarter_at,
    quarters_between,
    quarters_of_month,
)
from coop.charging.domain.session import Dimension, MeteredPeriod
from coop.kernel.allocation import allocate

NOON = datetime(2025, 7, 1, 12, tzinfo=UTC)
OSLO = ZoneInfo("Europe/Oslo")


def period(minutes: int, kwh: str | None = None) -> MeteredPeriod:
    dimensions = () if kwh is None else (Dimension("ENERGY", Decimal(kwh)),)
    return MeteredPeriod(NOON + timedelta(minutes=minutes), dimensions)


def flat(parts: list[tuple[int, list[int]]]) -> dict[int, int]:
    """Wh by quarter hour after noon."""
    found: dict[int, int] = {}
    for first, shares in parts:
        for i, wh in enumerate(shares):
            found[first + i - quarter_at(NOON)] = found.get(first + i - quarter_at(NOON), 0) + wh
    return found


def test_a_session_is_spread_over_its_time() -> None:
    found = load_of(NOON + timedelta(minutes=5), NOON + timedelta(minutes=50), 9000)
    assert flat(found) == {0: 2000, 1: 3000, 2: 3000, 3: 1000}


def test_what_does_not_divide_goes_to_the_largest_remainders() -> None:
    assert flat(load_of(NOON, NOON + timedelta(hours=1), 10)) == {0: 3, 1: 3, 2: 2, 3: 2}
    assert flat(load_of(NOON, NOON + timedelta(minutes=50), 1)) == {0: 1, 1: 0, 2: 0, 3: 0}


def test_periods_keep_their_own_energy() -> None:
    periods = (period(0, "6"), period(30, "0"), period(60, "3"))
    found = load_of(NOON, NOON + timedelta(minutes=75), 9000, periods)
    assert flat(found) == {0: 3000, 1: 3000, 4: 3000}


@pytest.mark.parametrize(
    ("periods", "loads"),
    [
        # The meter's total counts, the periods only say when.
        ((period(0, "1"), period(30, "2")), {0: 500, 1: 500, 2: 1000, 3: 1000}),
        # What was fed back is no load.
        ((period(0, "-1"), period(30, "2")), {2: 1500, 3: 1500}),
        # Periods without energy: by time.
        ((period(0), period(15)), {0: 750, 1: 750, 2: 750, 3: 750}),
        ((period(0),), {0: 750, 1: 750, 2: 750, 3: 750}),
        # A period of no time keeps its energy where it is.
        ((period(0, "1"), period(30, "1"), period(30, "1")), {0: 500, 1: 500, 2: 1500, 3: 500}),
    ],
)
def test_what_periods_say(periods: tuple[MeteredPeriod, ...], loads: dict[int, int]) -> None:
    assert flat(load_of(NOON, NOON + timedelta(hours=1), 3000, periods)) == loads


def test_energy_in_no_time_and_time_without_energy() -> None:
    assert flat(load_of(NOON, NOON, 500)) == {0: 500}
    assert flat(load_of(NOON, NOON, 500, (period(0), period(0)))) == {0: 500}
    assert load_of(NOON, NOON + timedelta(hours=1), 0) == []


@given(
    wh=st.integers(1, 10**6),
    begins=st.integers(0, 3600),
    lasts=st.integers(1, 20_000),
)
def test_it_is_what_allocate_gives(wh: int, begins: int, lasts: int) -> None:
    start, end = NOON + timedelta(seconds=begins), NOON + timedelta(seconds=begins + lasts)
    [(first, shares)] = load_of(start, end, wh)
    bounds = [
        (max(start, beginning_of(first + i)), min(end, beginning_of(first + i + 1)))
        for i in range(len(shares))
    ]
    weights = [int((until - since) / timedelta(seconds=1)) for since, until in bounds]
    assert sum(weights) == lasts
    assert shares == allocate(wh, weights)


@given(st.data())
def test_a_session_is_whole(data: st.DataObject) -> None:
    minutes = sorted(data.draw(st.lists(st.integers(0, 300), max_size=6)))
    energies = data.draw(
        st.lists(st.integers(-5, 50), min_size=len(minutes), max_size=len(minutes))
    )
    periods = [period(0, "1")] + [period(m, str(e)) for m, e in zip(minutes, energies, strict=True)]
    wh = data.draw(st.integers(1, 10**5))
    found = load_of(NOON, NOON + timedelta(minutes=300), wh, periods)
    assert sum(sum(shares) for _, shares in found) == wh
    assert all(part >= 0 for _, shares in found for part in shares)


@pytest.mark.parametrize(
    ("month", "hours"), [("2025-03-01", 743), ("2025-10-15", 745), ("2025-02-28", 672)]
)
def test_a_month_is_that_of_the_hub(month: str, hours: int) -> None:
    quarters = quarters_of_month(date.fromisoformat(month), OSLO)
    assert len(quarters) == 4 * hours
    assert beginning_of(quarters.start).astimezone(OSLO).strftime("%d %H:%M") == "01 00:00"


def test_a_day_without_midnight_begins_when_it_begins() -> None:
    beirut = ZoneInfo("Asia/Beirut")  # 30 March 2025 began at 01:00
    day = quarters_between(date(2025, 3, 30), date(2025, 3, 31), beirut)
    assert len(day) == 23 * 4
    assert beginning_of(day.start).astimezone(beirut).strftime("%d %H:%M") == "30 01:00"


def test_a_session_over_the_end_of_a_month_counts_in_both() -> None:
    start = datetime(2025, 6, 30, 21, tzinfo=UTC)  # 23:00 in Oslo
    end = start + timedelta(hours=3)
    june = Loads[str](quarters_of_month(date(2025, 6, 1), OSLO))
    july = Loads[str](quarters_of_month(date(2025, 7, 1), OSLO))
    for loads in (june, july):
        loads.add("anna", start, end, 12_000)
    assert sum(june.by_owner["anna"]) == 4000
    assert sum(july.by_owner["anna"]) == 8000
    assert july.by_owner["anna"][:9].tolist() == [1000] * 8 + [0]
