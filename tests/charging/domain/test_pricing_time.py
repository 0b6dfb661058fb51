"""Prices that change within a session: by the wall clock, by energy, by duration, by idling."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coop.charging.domain.cutting import clock_cuts
from coop.charging.domain.periods import instant_at, instant_us
from coop.charging.domain.pricing import Pause, price
from coop.charging.domain.session import ChargingSession
from coop.charging.domain.tariff import Tariff

from .pricing_sample import BERLIN, element, tariff, used


def shares(found: Tariff, use: ChargingSession, zone: ZoneInfo = BERLIN) -> dict[int, Fraction]:
    """How many kWh each element priced."""
    return {
        line.element: line.quantity
        for line in price(found, use, zone).lines
        if line.kind == "ENERGY" and line.element is not None
    }


def two(window: str, **more: Any) -> Tariff:
    """Cheap in the window, dear else; exact, without steps."""
    return tariff(element("ENERGY 0.10 /0", window=window, **more), element("ENERGY 0.30 /0"))


@pytest.mark.parametrize(
    ("window", "start", "minutes", "cheap_minutes"),
    [
        ("17:00-20:00", "2026-03-02T16:00", 300, 180),
        ("22:00-06:00", "2026-03-02T21:00", 600, 480),  # wraps over midnight
        ("20:00-00:00", "2026-03-02T19:00", 360, 240),  # 00:00 is the end of the day
        ("00:00-20:00", "2026-03-02T19:00", 360, 120),
        ("17:00-20:00", "2026-03-02T17:00", 1, 1),  # the start is within
        ("17:00-20:00", "2026-03-02T20:00", 1, 0),  # the end is not
        ("17:00-20:00", "2026-03-02T12:00", 3 * 1440, 3 * 180),  # day after day
        # Spring: the clock goes from 02:00 to 03:00.
        ("00:00-06:00", "2026-03-28T23:00", 480, 300),
        ("00:00-02:30", "2026-03-28T23:00", 240, 120),  # 02:30 never comes: over at the jump
        ("02:30-06:00", "2026-03-28T23:00", 240, 60),  # and this one begins there
        ("02:15-02:45", "2026-03-28T23:00", 240, 0),  # all of it is left out
        # Autumn: the clock goes from 03:00 back to 02:00.
        ("00:00-06:00", "2026-10-24T23:00", 600, 420),
        ("02:00-03:00", "2026-10-25T01:00", 300, 120),  # an hour that happens twice
        ("02:30-03:00", "2026-10-25T01:00", 300, 60),  # half an hour, twice
        ("01:00-02:30", "2026-10-25T00:00", 300, 120),  # over, and on again when the clock jumps
    ],
)
def test_windows_are_of_the_wall_clock(
    window: str, start: str, minutes: int, cheap_minutes: int
) -> None:
    # One kWh a minute, so that kWh are minutes.
    found = shares(two(window), used(start, f"charging {minutes} min {minutes} kWh"))
    dear = minutes - cheap_minutes
    assert found == {
        number: Fraction(priced) for number, priced in ((0, cheap_minutes), (1, dear)) if priced
    }


@pytest.mark.parametrize(
    ("zone", "day", "minutes"),
    [
        ("Europe/Berlin", "2026-03-29", 23 * 60),
        ("Europe/Berlin", "2026-10-25", 25 * 60),
        ("Australia/Lord_Howe", "2026-04-05", 24 * 60 + 30),  # half an hour back
        ("America/Havana", "2026-11-01", 25 * 60),  # midnight happens twice
        ("America/Santiago", "2026-09-06", 23 * 60),  # midnight never happens
        ("Asia/Kathmandu", "2026-03-29", 24 * 60),  # 05:45 from UTC, no change
    ],
)
def test_a_day_is_as_long_as_it_is(zone: str, day: str, minutes: int) -> None:
    """A price of one date only, of a session two days around it."""
    first = datetime.fromisoformat(day)
    after = (first + timedelta(days=1)).date().isoformat()
    only = tariff(element("ENERGY 1 /0", start_date=day, end_date=after), element("ENERGY 0 /0"))
    start = (first - timedelta(hours=12)).isoformat()
    use = used(start, "charging 3000 min 3000 kWh", zone=ZoneInfo(zone))
    assert shares(only, use, ZoneInfo(zone))[0] == minutes


def test_weekdays_are_of_the_very_moment() -> None:
    """A window over midnight on Mondays is Monday's first hours and its last."""
    night = two("22:00-06:00", days="mo")
    sunday_to_tuesday = used("2026-03-01T12:00", "charging 2880 min 2880 kWh")
    assert shares(night, sunday_to_tuesday) == {0: 8 * 60, 1: 40 * 60}


def test_where_a_session_is_cut() -> None:
    start, end = (
        instant_us(datetime(2026, 10, 24, 22, tzinfo=UTC)),
        instant_us(datetime(2026, 10, 25, 23, tzinfo=UTC)),
    )
    cuts = clock_cuts(start, end, BERLIN, (0, 150))
    hours = [instant_at(cut).strftime("%H:%M") for cut in cuts]
    assert hours == ["00:30", "01:00", "01:30"]  # 02:30, the jump back, 02:30 again


def test_energy_in_blocks_of_kwh() -> None:
    steps = tariff(
        element("ENERGY 0.5 /0", max_kwh=10),
        element("ENERGY 0.3 /0", min_kwh=10, max_kwh=20),
        element("ENERGY 0.2 /0"),
    )
    whole = price(steps, used("2026-03-02T09:00", "charging 75 min 25 kWh"), BERLIN)
    assert [(line.element, line.quantity) for line in whole.lines] == [(0, 10), (1, 10), (2, 5)]
    assert whole.amount_minor == 900
    parts = used(
        "2026-03-02T09:00", "charging 10 min 8 kWh", "parking 9 min", "charging 5 min 17 kWh"
    )
    assert price(steps, parts, BERLIN).amount_minor == 900
    assert (
        price(steps, used("2026-03-02T09:00", "charging 1 min 10 kWh"), BERLIN).amount_minor == 500
    )


def test_energy_and_time_of_a_cut_are_pro_rata() -> None:
    """25 kWh in 150 minutes: the first ten take the first hour."""
    found = tariff(element("TIME 6", max_kwh=10), element("TIME 3", "ENERGY 1 /0"))
    charge = price(found, used("2026-03-02T09:00", "charging 150 min 25 kWh"), BERLIN)
    assert [(line.kind, line.element, line.quantity) for line in charge.lines] == [
        ("ENERGY", 1, 25), ("TIME", 0, 1), ("TIME", 1, Fraction(3, 2))
    ]  # fmt: skip


def test_energy_that_flows_in_no_time_is_cut_too() -> None:
    """A platform that writes one instant for start and end."""
    steps = tariff(element("ENERGY 0.5 /0", max_kwh=10), element("ENERGY 0.2 /0"))
    assert shares(steps, used("2026-03-02T09:00", "charging 0 min 25 kWh")) == {0: 10, 1: 15}


def test_duration_counts_from_when_charging_began() -> None:
    found = tariff(element("TIME 0", max_duration=1800), element("TIME 6 /1"))
    assert price(found, used("2026-03-02T09:00", "charging 40 min"), BERLIN).amount_minor == 100
    reserved = used("2026-03-02T09:00", "reserved 40 min", "charging 40 min")
    assert price(found, reserved, BERLIN).amount_minor == 100


def test_a_fee_that_falls_due_after_a_while_is_charged_once() -> None:
    found = tariff(element("FLAT 5", min_duration=7200), element("ENERGY 0.1"))
    short, long = (
        used("2026-03-02T09:00", f"charging {minutes} min 10 kWh", "parking 1 min")
        for minutes in (119, 300)
    )
    assert price(found, short, BERLIN).amount_minor == 100
    assert price(found, long, BERLIN).amount_minor == 600


IDLE = tariff(element("ENERGY 0 /0", "PARKING_TIME 6"), idle_grace_minutes=15)


def at(minute: int) -> datetime:
    """So many minutes after 09:00 in Berlin."""
    return datetime(2026, 3, 2, 8, tzinfo=UTC) + timedelta(minutes=minute)


@pytest.mark.parametrize(
    ("segments", "pauses", "minutes"),
    [
        (["charging 60 min", "parking 10 min"], [], 0),
        (["charging 60 min", "parking 15 min"], [], 0),
        (["charging 60 min", "parking 45 min"], [], 30),
        # Once a session, over all its parking.
        (["charging 60 min", "parking 10 min", "charging 5 min", "parking 10 min"], [], 5),
        # What the hub paused is free and does not use up the grace.
        (["charging 60 min", "parking 45 min"], [(65, 75)], 20),
        (["charging 60 min", "parking 45 min"], [(80, 200)], 5),
        (["charging 60 min", "parking 45 min"], [(0, 200)], 0),
        # Pauses that overlap, touch, come in any order, or say nothing.
        (["charging 60 min", "parking 45 min"], [(70, 75), (65, 72), (75, 76), (90, 90)], 19),
        (["charging 60 min", "parking 45 min"], [(65, 80), (70, 72)], 15),  # one within another
        # While charging, a pause changes nothing.
        (["charging 60 min", "parking 45 min"], [(10, 50)], 30),
    ],
)
def test_idle_time_is_charged_after_the_grace_and_not_in_pauses(
    segments: list[str], pauses: list[tuple[int, int]], minutes: int
) -> None:
    held_back = [Pause(at(start), at(end)) for start, end in pauses]
    charge = price(IDLE, used("2026-03-02T09:00", *segments), BERLIN, held_back)
    assert charge.amount_minor == minutes * 10
    assert [line.quantity for line in charge.lines] == ([Fraction(minutes, 60)] if minutes else [])


def test_grace_runs_while_parking_costs_nothing() -> None:
    """Parked from 07:00, paid from 09:00: the grace has long passed."""
    found = tariff(
        element("ENERGY 0 /0"),
        element("PARKING_TIME 6", window="09:00-18:00"),
        idle_grace_minutes=15,
    )
    charge = price(found, used("2026-03-02T06:00", "charging 60 min", "parking 150 min"), BERLIN)
    assert charge.amount_minor == 300


def test_parking_that_does_not_count_is_not_rounded_up() -> None:
    found = tariff(
        element("ENERGY 0 /0", "TIME 6 /900", "PARKING_TIME 6 /900"), idle_grace_minutes=15
    )
    charge = price(found, used("2026-03-02T09:00", "charging 50 min", "parking 14 min"), BERLIN)
    # The last time that counted was charging: 50 minutes are an hour.
    assert [(line.kind, line.quantity) for line in charge.lines] == [("TIME", 1)]
