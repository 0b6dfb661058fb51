"""Reserved power by the month, reserved ports by the hour, and who did not come."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coop.billing.domain.loads import midnight_of
from coop.billing.domain.reservation import (
    ReservationKind,
    ReservationTerms,
    Reserved,
    in_time,
    is_no_show,
    reserved_in,
)
from coop.billing.sharing_errors import ReservationInvalid

OSLO = ZoneInfo("Europe/Oslo")
JUNE = tuple(midnight_of(date(2025, month, 1), OSLO) for month in (6, 7))
MARCH = tuple(midnight_of(date(2025, month, 1), OSLO) for month in (3, 4))
TEN = datetime(2025, 6, 10, 10, tzinfo=UTC)


def power(**changes: Any) -> ReservationTerms:
    given = {
        "kind": ReservationKind.POWER, "quantity": 50_000, "unit_price": Decimal("8.40"),
        "from_at": JUNE[0], "to_at": JUNE[1],
    }  # fmt: skip
    return ReservationTerms(**(given | changes))


def ports(**changes: Any) -> ReservationTerms:
    given = {
        "kind": ReservationKind.PORT_HOURS, "quantity": 2, "unit_price": Decimal("1.50"),
        "from_at": TEN, "to_at": TEN + timedelta(hours=3, minutes=30), "no_show_minor": 1000,
    }  # fmt: skip
    return ReservationTerms(**(given | changes))


def minutes(*pairs: tuple[int, int]) -> list[tuple[datetime, datetime]]:
    """(from, to) in minutes from the beginning of the reservation."""
    return [(TEN + timedelta(minutes=a), TEN + timedelta(minutes=b)) for a, b in pairs]


def test_power_by_the_part_of_the_month() -> None:
    assert reserved_in(power(), *JUNE, 100) == Reserved(Fraction(50), "kW month", 42_000)
    half = power(from_at=JUNE[0] + timedelta(days=15), to_at=JUNE[1] + timedelta(days=90))
    assert reserved_in(half, *JUNE, 100) == Reserved(Fraction(25), "kW month", 21_000)
    assert reserved_in(half, *MARCH, 100) is None
    # March has an hour less: a day of it is 24 of 743 hours.
    day = power(from_at=MARCH[0], to_at=MARCH[0] + timedelta(days=1))
    assert reserved_in(day, *MARCH, 100) == Reserved(Fraction(1200, 743), "kW month", 1357)


def test_a_cancellation_ends_power() -> None:
    middle = JUNE[0] + timedelta(days=15)
    assert reserved_in(power(), *JUNE, 100, middle) == Reserved(Fraction(25), "kW month", 21_000)
    assert reserved_in(power(), *JUNE, 100, JUNE[0]) is None


def test_ports_by_the_hour_in_the_month_they_begin() -> None:
    assert reserved_in(ports(), *JUNE, 100) == Reserved(Fraction(7), "port hour", 1050)
    assert reserved_in(ports(), *MARCH, 100) is None
    late = ports(from_at=JUNE[1] - timedelta(hours=1), to_at=JUNE[1] + timedelta(hours=1))
    assert reserved_in(late, *JUNE, 100) == Reserved(Fraction(4), "port hour", 600)


@pytest.mark.parametrize(("before", "free"), [(61, True), (60, True), (59, False), (-30, False)])
def test_cancelled_in_time_costs_nothing(before: int, free: bool) -> None:
    at = TEN - timedelta(minutes=before)
    assert in_time(ports(), at) is free
    assert (reserved_in(ports(), *JUNE, 100, at) is None) is free
    assert is_no_show(ports(), [], at) is not free


@pytest.mark.parametrize(
    ("sessions", "down", "absent"),
    [
        ([], [], True),
        ([(15, 100)], [], False),  # the last moment of grace
        ([(16, 100)], [], True),
        ([(-60, 0)], [], False),  # still there when it began
        ([(-60, -1)], [], True),
        ([(-60, -1), (5, 10)], [], False),
        ([], [(-30, 1)], False),  # the hub was down
        ([], [(-30, 0)], True),  # and up again when it began
        ([], [(16, 60)], True),
        ([], [(15, 60)], False),
    ],
)
def test_who_did_not_come(sessions: Any, down: Any, absent: bool) -> None:
    assert is_no_show(ports(), minutes(*sessions), None, minutes(*down)) is absent


def test_a_lasting_outage_excuses() -> None:
    assert not is_no_show(ports(), [], None, [(TEN - timedelta(days=1), None)])
    assert not is_no_show(power(), [])


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": 10_001}, "quantity"),
        ({"unit_price": Decimal(-1)}, "price"),
        ({"to_at": TEN}, "to_at"),
        ({"to_at": TEN + timedelta(days=32)}, "to_at"),
        ({"from_at": datetime(2025, 6, 10)}, "from_at"),
        ({"to_at": datetime(9999, 12, 31, tzinfo=UTC)}, "to_at"),
        ({"grace_minutes": -1}, "grace_minutes"),
        ({"cancel_minutes": 10**6}, "cancel_minutes"),
        ({"no_show_minor": -1}, "no_show_fee"),
        ({"kind": ReservationKind.POWER}, "no_show_fee"),
    ],
)
def test_reservations_that_cannot_be(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(ReservationInvalid) as refused:
        ports(**changes)
    assert refused.value.path == (path,)
