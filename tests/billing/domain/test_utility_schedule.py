"""Grid tariffs: the published ones as they are, our own form, and what is refused where."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coop.billing.domain.utility_schedule import (
    canonical_schedule,
    demand_charge_of,
    energy_price_at,
    idle_rows,
    row_on,
    schedule_of,
    schedule_of_text,
    schedule_text,
)
from coop.billing.sharing_errors import UtilityScheduleInvalid
from tests.conftest import shared_data

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
FILES = (
    "pge_a10_tou_aug_2019.json", "sce_tou_ev_4_march_2019.json", "sce_tou_ev_8_june_2019.json",
    "sce_tou_ev_8_oct_2018.json",
)  # fmt: skip


def real(name: str) -> Any:
    return schedule_of_text(shared_data(f"tariffs/{name}").read_text())


def small(**changes: Any) -> dict[str, Any]:
    """A published schedule of one row, with fields of the row changed."""
    row = {
        "id": "All", "effective_start": "01-01", "effective_end": "12-31", "dow_mask": "ALL",
        "times": [0, "8.5"], "tariffs": ["0.10", "0.20"], "demand_charge": "12.5",
    }  # fmt: skip
    return {"name": "Small", "schedule": [row | changes]}


@pytest.mark.parametrize("name", FILES)
def test_every_quarter_hour_of_a_year_has_one_price(name: str) -> None:
    schedule = real(name)
    document = json.loads(shared_data(f"tariffs/{name}").read_text(), parse_float=str)
    published = {str(price) for row in document["schedule"] for price in row["tariffs"]}
    at = datetime(2024, 1, 1, 8, tzinfo=UTC)  # a leap year, midnight in Los Angeles
    seen = set()
    for _ in range(366 * 96):
        seen.add(f"{energy_price_at(schedule, at.astimezone(LOS_ANGELES))}")
        at += timedelta(minutes=15)
    assert at == datetime(2025, 1, 1, 8, tzinfo=UTC)
    assert seen <= published


@pytest.mark.parametrize("name", FILES)
def test_our_own_form_says_the_same(name: str) -> None:
    schedule = real(name)
    again = schedule_of(canonical_schedule(schedule))
    assert canonical_schedule(again) == canonical_schedule(schedule)
    assert schedule_text(again) == schedule_text(schedule)
    assert schedule_of_text(schedule_text(schedule)) == again


@pytest.mark.parametrize(
    ("wall", "price"),
    [
        ("2025-07-14 07:59", "0.05623"), ("2025-07-14 08:00", "0.0925"),
        ("2025-07-14 12:00", "0.26668"), ("2025-07-14 17:59", "0.26668"),
        ("2025-07-14 23:00", "0.05623"),
        ("2025-07-12 14:00", "0.05623"),  # a Saturday
        ("2025-01-13 14:00", "0.0869"), ("2025-12-31 14:00", "0.0869"),
        ("2025-05-31 14:00", "0.06087"),  # the last day of winter, a Saturday
        ("2025-06-02 14:00", "0.26668"),  # the first Monday of summer
    ],
)  # fmt: skip
def test_prices_of_sce_tou_ev_4(wall: str, price: str) -> None:
    schedule = real("sce_tou_ev_4_march_2019.json")
    assert energy_price_at(schedule, datetime.fromisoformat(wall)) == Decimal(price)
    assert demand_charge_of(schedule, date(2025, 7, 1)) == Fraction("15.51")


def test_of_two_rows_for_the_same_days_the_first_holds() -> None:
    schedule = real("pge_a10_tou_aug_2019.json")
    assert idle_rows(schedule) == ("Winter-Weekend",)  # its neighbour says ALL, and comes first
    saturday = datetime(2025, 1, 11, 12)
    assert energy_price_at(schedule, saturday) == Decimal("0.1477")
    assert energy_price_at(schedule, datetime(2025, 1, 11, 8, 29)) == Decimal("0.13064")
    assert energy_price_at(schedule, datetime(2025, 1, 11, 8, 30)) == Decimal("0.1477")
    assert demand_charge_of(schedule, date(2025, 4, 30)) == Fraction("11.66")
    assert demand_charge_of(schedule, date(2025, 5, 1)) == Fraction("19.99")


def test_fewer_weekdays_go_before_more() -> None:
    document = small()
    weekend = document["schedule"][0] | {"id": "Weekend", "dow_mask": "WEEKENDS"}
    document["schedule"].append(weekend | {"times": [0], "tariffs": ["0.05"]})
    schedule = schedule_of(document)
    assert row_on(schedule, date(2025, 1, 11)).id == "Weekend"
    assert row_on(schedule, date(2025, 1, 10)).id == "All"
    assert idle_rows(schedule) == ()


def test_a_season_that_begins_within_a_month_counts_by_days() -> None:
    document = small(effective_end="06-14", demand_charge="9")
    second = document["schedule"][0] | {
        "effective_start": "06-15", "effective_end": "12-31", "demand_charge": "24",
    }  # fmt: skip
    document["schedule"].append(second)
    # 14 days at 9 and 16 at 24.
    assert demand_charge_of(schedule_of(document), date(2025, 6, 3)) == Fraction(510, 30)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"effective_end": "02-28"}, "schedule"),
        ({"dow_mask": "WEEKDAYS"}, "schedule"),
        ({"dow_mask": "MONDAYS"}, "schedule.0.dow_mask"),
        ({"effective_start": "13-01"}, "schedule.0.effective_start"),
        ({"effective_start": "02-30"}, "schedule.0.effective_start"),
        ({"effective_start": 101}, "schedule.0.effective_start"),
        ({"times": [1, 8]}, "schedule.0.times"),
        ({"times": [0, 0]}, "schedule.0.times"),
        ({"times": [0, 24]}, "schedule.0.times.1"),
        ({"times": [0, "8.1"]}, "schedule.0.times.1"),
        ({"times": [0]}, "schedule.0.tariffs"),
        ({"times": []}, "schedule.0.times"),
        ({"tariffs": ["0.1", "-0.1"]}, "schedule.0.tariffs.1"),
        ({"tariffs": ["0.1", "1e3"]}, "schedule.0.tariffs.1"),
        ({"tariffs": ["0.1", None]}, "schedule.0.tariffs.1"),
        ({"demand_charge": True}, "schedule.0.demand_charge"),
        ({"id": " "}, "schedule.0.id"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(UtilityScheduleInvalid) as refused:
        schedule_of(small(**changes))
    assert ".".join(refused.value.path) == path


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"name": "x", "schedule": [1]}', '{"name": "x", "name": "y"}', "NaN"]
)
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(UtilityScheduleInvalid):
        schedule_of_text(text)


def test_a_schedule_has_no_thousand_rows() -> None:
    document = small()
    with pytest.raises(UtilityScheduleInvalid):
        schedule_of(document | {"schedule": document["schedule"] * 101})


@pytest.mark.parametrize(
    ("key", "value", "path"),
    [
        ("days", ["MON", "MO"], "rows.0.days.1"),
        ("from", "1-32", "rows.0.from"),
        ("steps", [{"at": "8", "per_kwh": "1"}], "rows.0.steps.0.at"),
        ("steps", [{"at": "00:00", "per_kwh": "x"}], "rows.0.steps.0.per_kwh"),
        ("demand_per_kw", "-1", "rows.0.demand_per_kw"),
    ],
)
def test_what_is_wrong_in_our_own_form_is_named(key: str, value: object, path: str) -> None:
    document = canonical_schedule(schedule_of(small()))
    document["rows"][0][key] = value
    with pytest.raises(UtilityScheduleInvalid) as refused:
        schedule_of(document)
    assert ".".join(refused.value.path) == path
