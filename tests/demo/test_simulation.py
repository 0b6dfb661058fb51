"""The simulated year: the same from the same seed, and nothing in it that could not have happened."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import date, timedelta
from io import BytesIO

import orjson
import pytest

from coop.charging.domain.cdr_file import readings_of_cdrs
from coop.charging.domain.plausibility import Limits
from coop.demo import books
from coop.demo.cdrs import cdr_lines
from coop.demo.simulation import Simulated, sessions_of
from coop.demo.town import FIRST_DAY, HUBS, LAST_DAY, MEMBERS, ZONE, Week, is_out

JANUARY = date(2025, 1, 31)


@pytest.fixture(scope="module")
def year() -> list[Simulated]:
    return list(sessions_of())


def test_the_year_is_the_one_we_tell_of(year: list[Simulated]) -> None:
    assert (len(year), sum(one.delivered_wh for one in year)) == (20_550, 672_297_162)
    facts = orjson.dumps([(one.badge, one.started_at, one.delivered_wh) for one in year])
    again = orjson.dumps([(o.badge, o.started_at, o.delivered_wh) for o in sessions_of()])
    assert hashlib.sha256(facts).digest() == hashlib.sha256(again).digest()
    assert [one.number for one in year] == list(range(1, len(year) + 1))


def test_another_seed_is_another_year() -> None:
    assert list(sessions_of(1, JANUARY)) != list(sessions_of(2, JANUARY))


def test_no_port_gives_more_than_its_power(year: list[Simulated]) -> None:
    for one in year:
        seconds = (one.ended_at - one.started_at) // timedelta(seconds=1)
        assert 0 < one.delivered_wh * 3600 <= HUBS[one.hub].ports[one.port].power_w * seconds


def test_one_vehicle_at_a_port_and_one_port_at_a_vehicle(year: list[Simulated]) -> None:
    members = {member.badge(i) for member in MEMBERS for i in range(member.vehicles)}
    for key in (lambda one: (one.hub, one.port), lambda one: one.badge):
        until: dict[object, object] = {}
        for one in sorted(year, key=lambda one: one.started_at):
            if key(one) == one.badge and one.badge not in members:
                continue  # forty roaming badges stand for many guests
            assert until.get(key(one), one.started_at) <= one.started_at
            until[key(one)] = one.ended_at


def test_everything_happens_in_the_year(year: list[Simulated]) -> None:
    assert all(one.started_at.astimezone(ZONE).date() >= FIRST_DAY for one in year)
    assert all(one.ended_at.astimezone(ZONE).date() <= LAST_DAY for one in year)


def test_fleets_keep_their_weeks_and_seasons(year: list[Simulated]) -> None:
    trades = {member.badge(i): member.fleet for member in MEMBERS for i in range(member.vehicles)}
    for one in year:
        fleet = trades.get(one.badge)
        assert fleet is None or is_out(fleet.week, one.started_at.astimezone(ZONE).date())
    christmas, ascension, monday = date(2025, 12, 25), date(2025, 5, 29), date(2025, 6, 16)
    out = [[is_out(week, day) for week in Week] for day in (christmas, ascension, monday)]
    assert out == [[True, False, False, False, True]] * 2 + [[True] * 5]
    taken = Counter[int]()
    for one in year:
        taken[one.started_at.astimezone(ZONE).month] += one.delivered_wh
    assert taken[1] > taken[6]


def test_new_members_charge_from_when_they_joined(year: list[Simulated]) -> None:
    joined = {
        member.badge(i): member.joined_on for member in MEMBERS for i in range(member.vehicles)
    }
    assert all(
        one.started_at.astimezone(ZONE).date() >= joined.get(one.badge, FIRST_DAY) for one in year
    )
    assert sum(member.joined_on >= FIRST_DAY for member in MEMBERS) == 3


def test_the_platform_is_as_sloppy_as_platforms_are(year: list[Simulated]) -> None:
    lines = list(cdr_lines(year))
    found = list(readings_of_cdrs(BytesIO(b"".join(lines)), Limits()))
    refusals = Counter(one.refusal.code for one in found if one.refusal)
    assert refusals == {"ENERGY_IMPLAUSIBLE": 2, "END_BEFORE_START": 1}
    identities = Counter(one.session.id for one in found if one.session)
    assert sum(count - 1 for count in identities.values()) == 41
    assert not any(one.doubts for one in found)


def test_entries_balance_by_fund_and_have_their_own_keys(year: list[Simulated]) -> None:
    entries = [*books.entries_before_charging(), *books.energy_entries(year)]
    assert len({entry.key for entry in entries}) == len(entries)
    assert all(sum(line.minor for line in entry.lines) == 0 for entry in entries)
    assert all(line.minor for entry in entries for line in entry.lines)
    assert all(FIRST_DAY <= entry.effective_on <= LAST_DAY for entry in entries)


def test_vehicles_are_full_before_they_leave(year: list[Simulated]) -> None:
    assert all(one.started_at < one.full_at < one.ended_at for one in year)
    parked = [one for one in year if one.ended_at - one.full_at > timedelta(hours=1)]
    assert 4_000 < len(parked) < 12_000
