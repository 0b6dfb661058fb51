"""CDRs whose parts are not the whole: refused beyond rounding, and by which field."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest

from coop.charging.domain.cdr_file import readings_of_cdrs
from coop.charging.domain.plausibility import Limits
from coop.charging.domain.session import Doubt, Reading

from .sample import cdr, dumped

NOW = datetime(2026, 3, 3, tzinfo=UTC)


def read(**changes: Any) -> Reading:
    (reading,) = readings_of_cdrs(BytesIO(dumped(cdr(**changes))), Limits(), NOW)
    return reading


def periods(*stated: tuple[str, dict[str, str]]) -> list[dict[str, Any]]:
    """Periods of the second of March by the time they begin; the session is 07:00 to 09:30."""
    return [
        {
            "start_date_time": f"2026-03-02T{time}Z",
            "dimensions": [
                {"type": kind, "volume": Decimal(value)} for kind, value in volumes.items()
            ],
        }
        for time, volumes in stated
    ]


@pytest.mark.parametrize(
    ("stated", "more"),
    [
        (periods(("07:00:00", {"ENERGY": "12.34"})), {}),
        (periods(("07:00:00", {"ENERGY": "6.1695"}), ("08:00:00", {"ENERGY": "6.1695"})), {}),
        (periods(("07:00:00", {"TIME": "2.5"})), {}),  # says nothing of energy
        (periods(("07:00:00", {"TIME": "1.5", "ENERGY": "12.34"})), {}),  # the rest is not sold
        (periods(("07:00:00", {"TIME": "2.505"})), {}),  # 18 seconds are how it was rounded
        (periods(("07:00:00", {"TIME": "2"}), ("09:00:00", {"PARKING_TIME": "0.5"})),
         {"total_parking_time": Decimal("0.5")}),
        (periods(("06:59:50", {"ENERGY": "12.34"})), {}),
        (periods(("07:00:00", {"ENERGY": "12.34", "MAX_POWER": "4.9"})), {}),  # 4.936 kW
        (periods(("07:00:00", {"ENERGY": "12.34", "MAX_POWER": "0"})), {}),  # not metered
    ],
)  # fmt: skip
def test_parts_that_are_the_whole_but_for_rounding(
    stated: list[dict[str, Any]], more: dict[str, Any]
) -> None:
    reading = read(charging_periods=stated, **more)
    assert reading.refusal is None
    assert reading.doubts == ()


@pytest.mark.parametrize(
    ("stated", "more", "code", "path"),
    [
        # The trap of session_example_2: periods of 120 and 41000 under a total of 41.12.
        (periods(("07:00:00", {"ENERGY": "120"}), ("07:02:00", {"ENERGY": "41000"})),
         {"total_energy": Decimal("41.12")}, "PARTS_DISAGREE", "charging_periods"),
        (periods(("07:00:00", {"ENERGY": "12.342"})), {}, "PARTS_DISAGREE", "charging_periods"),
        (periods(("07:00:00", {"ENERGY": "6"}), ("08:00:00", {"ENERGY": "6"})), {},
         "PARTS_DISAGREE", "charging_periods"),
        (periods(("07:00:00", {"TIME": "2.5", "PARKING_TIME": "0.5"})), {},
         "PARTS_DISAGREE", "charging_periods"),
        (periods(("07:00:00", {"TIME": "2.5"})), {"total_parking_time": Decimal("0.5")},
         "PARTS_DISAGREE", "total_parking_time"),
        (periods(("07:00:00", {"TIME": "2"}), ("09:00:00", {"PARKING_TIME": "0.5"})),
         {"total_parking_time": 0}, "PARTS_DISAGREE", "total_parking_time"),
        # 12.34 kWh in two hours and a half need 4.936 kW, in one half hour five times that.
        (periods(("07:00:00", {"ENERGY": "12.34", "MAX_POWER": "4.7"})), {},
         "ENERGY_IMPLAUSIBLE", "charging_periods.0.dimensions"),
        (periods(("07:00:00", {}), ("09:00:00", {"ENERGY": "12.34", "MAX_POWER": "22"})), {},
         "ENERGY_IMPLAUSIBLE", "charging_periods.1.dimensions"),
        (periods(("07:00:00", {"TIME": "-1"})), {}, "FIELD_INVALID", "charging_periods.0.dimensions"),
        (periods(("06:00:00", {})), {}, "FIELD_INVALID", "charging_periods.0.start_date_time"),
        (periods(("07:00:00", {}), ("10:00:00", {})), {}, "FIELD_INVALID",
         "charging_periods.1.start_date_time"),
    ],
)  # fmt: skip
def test_parts_that_are_not_the_whole_are_refused(
    stated: list[dict[str, Any]], more: dict[str, Any], code: str, path: str
) -> None:
    reading = read(charging_periods=stated, **more)
    assert reading.session is None
    assert reading.refusal is not None
    assert (reading.refusal.code, ".".join(reading.refusal.path)) == (code, path)


def test_a_credit_repeats_what_was_accepted_and_is_only_doubted() -> None:
    reading = read(
        credit=True, credit_reference_id="cdr-1", total_cost={"excl_vat": Decimal(-3)},
        charging_periods=periods(("07:00:00", {"ENERGY": "12340"})),
    )  # fmt: skip
    assert reading.session is not None
    assert reading.doubts == (Doubt.PERIODS_DISAGREE,)
