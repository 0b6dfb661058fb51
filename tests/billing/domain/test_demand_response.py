"""Baselines of ten like days, reductions, and the payment split to the cent."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.billing.domain.demand_response import (
    EventTerms,
    baseline_quarters,
    credits_of,
    like_days,
)
from coop.billing.domain.loads import beginning_of, quarter_at
from coop.billing.sharing_errors import DemandResponseInvalid

OSLO = ZoneInfo("Europe/Oslo")
TUESDAY = date(2025, 7, 15)
FIVE = datetime(2025, 7, 15, 15, tzinfo=UTC)  # 17:00 in Oslo


def event(**changes: Any) -> EventTerms:
    given = {
        "from_at": FIVE, "to_at": FIVE + timedelta(minutes=30), "payment_minor": 10_000,
        "fee_percent": Decimal(10), "zone": OSLO,
    }  # fmt: skip
    return EventTerms(**(given | changes))


def test_like_days_are_ten_of_the_same_sort_without_events() -> None:
    days = like_days(TUESDAY, {date(2025, 7, 14), date(2025, 7, 12)})
    assert days[0] == date(2025, 7, 11)  # not Monday's event, not the weekend
    assert len(days) == 10
    assert days[-1] == date(2025, 6, 30)
    assert like_days(date(2025, 7, 13), ())[:3] == [
        date(2025, 7, 12), date(2025, 7, 6), date(2025, 7, 5)
    ]  # fmt: skip


def test_the_same_time_is_that_of_the_clock() -> None:
    after = event(
        from_at=datetime(2025, 3, 31, 15, tzinfo=UTC),
        to_at=datetime(2025, 3, 31, 15, 15, tzinfo=UTC),
    )  # 17:00 on the Monday after clocks were set forward
    [quarter] = baseline_quarters(after, [date(2025, 3, 28)])
    assert beginning_of(quarter) == datetime(2025, 3, 28, 16, tzinfo=UTC)


def loads_of(usual: int, actual: int, terms: EventTerms, days: list[date]) -> dict[int, int]:
    before = dict.fromkeys(baseline_quarters(terms, days), usual)
    return before | dict.fromkeys(terms.quarters, actual)


def test_the_payment_less_the_fee_follows_reductions() -> None:
    terms, days = event(), like_days(TUESDAY, ())
    loads = {
        "ada": loads_of(5000, 1000, terms, days),  # two quarter hours: 8 kWh less
        "bob": loads_of(3000, 1000, terms, days),  # 4 kWh less
        "cyd": loads_of(1000, 3000, terms, days),  # more
        "dan": {},
    }
    ada, bob, cyd, dan = credits_of(terms, days, loads)
    assert (ada.baseline_wh, ada.actual_wh, ada.reduced_wh, ada.credit_minor) == (
        10_000, 2000, 8000, 6000
    )  # fmt: skip
    assert (bob.reduced_wh, bob.credit_minor) == (4000, 3000)
    assert (cyd.reduced_wh, cyd.credit_minor) == (0, 0)
    assert (dan.baseline_wh, dan.credit_minor) == (0, 0)


def test_a_tenth_of_a_day_counts_a_tenth() -> None:
    terms, days = event(), like_days(TUESDAY, ())
    once = {baseline_quarters(terms, days)[0]: 5000}
    [ada] = credits_of(terms, days, {"ada": once})
    assert (ada.baseline_wh, ada.credit_minor) == (Fraction(500), 9000)


def test_who_shifts_within_the_event_reduces_nothing() -> None:
    terms, days = event(), like_days(TUESDAY, ())
    load = loads_of(4000, 0, terms, days) | {quarter_at(FIVE): 8000}
    assert [one.reduced_wh for one in credits_of(terms, days, {"ada": load})] == [0]


def test_nobody_is_credited_where_nobody_reduced() -> None:
    terms, days = event(), like_days(TUESDAY, ())
    found = credits_of(terms, days, {"ada": loads_of(1000, 1000, terms, days)})
    assert [one.credit_minor for one in found] == [0]
    assert credits_of(terms, days, {}) == []
    assert credits_of(terms, [], {"ada": {}})[0].credit_minor == 0


@given(
    st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 9000)), min_size=1, max_size=6),
    st.integers(0, 10**6),
    st.integers(0, 100),
)
def test_credits_are_the_payment_less_the_fee(
    members: list[tuple[int, int]], payment: int, fee: int
) -> None:
    terms = event(payment_minor=payment, fee_percent=Decimal(fee))
    days = like_days(TUESDAY, ())
    loads = {f"m{i}": loads_of(*pair, terms, days) for i, pair in enumerate(members)}
    found = credits_of(terms, days, loads)
    credited = sum(one.credit_minor for one in found)
    reduced = sum(one.reduced_wh for one in found)
    kept = (payment * fee + 50) // 100
    assert credited == (payment - kept if reduced else 0)
    for one in found:
        if reduced:
            exact = Fraction(credited) * one.reduced_wh / reduced
            assert abs(one.credit_minor - exact) < 1
        assert one.reduced_wh or not one.credit_minor


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"from_at": FIVE + timedelta(minutes=5)}, "from_at"),
        ({"from_at": datetime(2025, 7, 15, 15)}, "from_at"),
        ({"from_at": datetime(1, 1, 1, tzinfo=UTC)}, "from_at"),
        ({"to_at": FIVE}, "to_at"),
        ({"to_at": FIVE + timedelta(hours=8)}, "to_at"),
        ({"payment_minor": -1}, "payment"),
        ({"fee_percent": Decimal(101)}, "fee_percent"),
    ],
)
def test_events_that_cannot_be(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(DemandResponseInvalid) as refused:
        event(**changes)
    assert refused.value.path == (path,)
