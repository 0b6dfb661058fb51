"""Pricing on one core: sessions a second, beside the least any pricing has to do.

The floor multiplies and rounds the quantities of the very same lines with Decimals, which is all in
C. A ratio is how many times longer pricing takes: finding the rates, cutting at their boundaries,
keeping everything exact until each line is rounded once, and stating its taxes.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.figures import Figure, print_table
from coop.charging.domain.pricing import price
from coop.charging.domain.session import ChargingSession, Dimension, MeteredPeriod
from coop.charging.domain.tariff import Tariff, Tax, flat_tariff_document, tariff_of

SESSIONS = 5_000
ROUNDS = 5
_ZONE = ZoneInfo("Europe/Berlin")
_BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
_CENT = Decimal("0.01")
_WORKDAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]


def _element(components: dict[str, tuple[str, int]], **restrictions: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "price_components": [
            {"type": kind, "price": Decimal(amount), "vat": Decimal(20), "step_size": step}
            for kind, (amount, step) in components.items()
        ]
    }
    return found | ({"restrictions": restrictions} if restrictions else {})


def _simple() -> Tariff:
    return tariff_of(
        flat_tariff_document("simple", "EUR", Decimal("0.39"), (Tax("VAT", Decimal(20)),))
    )


def _complex() -> Tariff:
    """The shape of the specification's complex tariff: start fee, current, days, parking."""
    return tariff_of({
        "id": "complex", "currency": "EUR", "elements": [
            _element({"FLAT": ("2.50", 1)}),
            _element({"TIME": ("1.00", 900)}, max_current=32),
            _element({"TIME": ("2.00", 600)}, min_current=32, day_of_week=_WORKDAYS),
            _element({"TIME": ("1.25", 600)}, min_current=32, day_of_week=["SATURDAY", "SUNDAY"]),
            _element({"PARKING_TIME": ("5.00", 300)}, start_time="09:00", end_time="18:00",
                     day_of_week=_WORKDAYS),
            _element({"PARKING_TIME": ("6.00", 300)}, start_time="10:00", end_time="17:00",
                     day_of_week=["SATURDAY"]),
        ],
    })  # fmt: skip


def _time_of_use() -> Tariff:
    """Peak on workdays, day, night; by energy."""
    return tariff_of({
        "id": "tou", "currency": "EUR", "elements": [
            _element({"ENERGY": ("0.45", 1)}, start_time="17:00", end_time="20:00",
                     day_of_week=_WORKDAYS),
            _element({"ENERGY": ("0.35", 1)}, start_time="07:00", end_time="22:00"),
            _element({"ENERGY": ("0.19", 1)}),
        ],
    })  # fmt: skip


def _session(number: int, *, metered: bool) -> ChargingSession:
    """Sessions of three to five hours round the clock and the year."""
    start = _BEGUN + timedelta(minutes=97 * number)
    parked = start + timedelta(minutes=150 + number % 90)
    end = parked + timedelta(minutes=42)
    wh = 9_000 + number * 7 % 40_000
    charging = (
        Dimension("ENERGY", Decimal(wh) / 1000),
        Dimension("TIME", round(Decimal(150 + number % 90) / 60, 3)),
        Dimension("MAX_CURRENT", Decimal(16 if number % 3 else 43)),
    )
    periods = (
        MeteredPeriod(start, charging),
        MeteredPeriod(parked, (Dimension("PARKING_TIME", Decimal("0.700")),)),
    )
    return ChargingSession(
        "NO", "BEN", str(number), "H1", None, "BADGE", start, end, wh, b"", b"",
        periods=periods if metered else (),
    )  # fmt: skip


def _seconds(work: Callable[[], object]) -> float:
    """The best of several rounds: another process on the core is not what is measured."""
    best = float("inf")
    gc.disable()
    try:
        for _ in range(ROUNDS):
            begun = time.process_time()
            work()
            best = min(best, time.process_time() - begun)
    finally:
        gc.enable()
    return best


def _figure(name: str, tariff: Tariff, sessions: Sequence[ChargingSession]) -> Figure:
    charges = [price(tariff, session, _ZONE) for session in sessions]
    rows = [
        (Decimal(line.quantity.numerator) / line.quantity.denominator,
         Decimal(line.unit_price.numerator) / line.unit_price.denominator)
        for charge in charges
        for line in charge.lines
    ]  # fmt: skip
    taken = _seconds(lambda: [price(tariff, session, _ZONE) for session in sessions])
    floor = _seconds(lambda: [(a * b).quantize(_CENT, ROUND_HALF_UP) for a, b in rows])
    note = f"{len(rows) / len(sessions):.1f} lines each; floor: multiplied and rounded only"
    return Figure(
        f"priced, {name}", len(sessions) / taken, "sessions/s of one core", len(sessions) / floor,
        taken / floor, note,
    )  # fmt: skip


def measure() -> list[Figure]:
    """Simple, complex and time-of-use tariffs; sessions as exports and as CDRs write them."""
    plain = [_session(i, metered=False) for i in range(SESSIONS)]
    metered = [_session(i, metered=True) for i in range(SESSIONS)]
    return [
        _figure("simple tariff", _simple(), plain),
        _figure("simple tariff, two periods", _simple(), metered),
        _figure("time-of-use tariff", _time_of_use(), plain),
        _figure("complex tariff, two periods", _complex(), metered),
    ]


if __name__ == "__main__":
    print_table(measure())
