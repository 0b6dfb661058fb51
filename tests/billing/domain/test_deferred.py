"""Deferred revenue rolls forward: a listed company's published table, and our own movements."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from coop.billing.domain.deferred import Split, roll_forward, rolled
from coop.billing.domain.settlement import Movement, State, fold, settle
from tests.billing.domain.months import SCALE, month, terms, took
from tests.conftest import shared_data

TABLE = "coopfin/sec_summit_mvc_deferred_revenue.json"


def published() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shared_data(TABLE).read_text())
    return found


def test_the_published_table_rolls_forward_to_its_closings() -> None:
    """Seven columns of current and seven of noncurrent deferred revenue: all fourteen foot."""
    table = published()
    current, noncurrent = table["current"], table["noncurrent"]
    columns = range(len(current["opening_2020_01_01"]))
    assert len(columns) == 7
    for i in columns:
        found = roll_forward(
            Split(current["opening_2020_01_01"][i], noncurrent["opening_2020_01_01"][i]),
            Split(0, noncurrent["additions"][i]),
            Split(current["recognized"][i], 0),
            noncurrent["reclassified_to_current"][i],
        )
        assert found.reclassified == current["additions_from_noncurrent"][i]
        assert found.closing == (
            current["closing_2020_03_31"][i], noncurrent["closing_2020_03_31"][i]
        )  # fmt: skip


def test_the_published_amendment_releases_everything_at_once() -> None:
    """The make-up right was removed by an amendment: 37.7 million became revenue in one quarter."""
    millions = Decimal(
        published()["amendment_case"]["deferred_revenue_released_to_revenue_millions"]
    )
    minor = int(millions * 100_000_000)
    kwh = minor // 10  # at 0.10 a kWh
    agreed = terms(minimum_kwh=kwh, shortfall_per_kwh="0.10", make_up_months=36)
    amended = terms(from_on="2026-02", minimum_kwh=kwh, shortfall_per_kwh="0.10")
    first, state = settle(agreed, State(), took("2026-01", 0), SCALE)
    assert state.liability_minor == minor
    second, state = settle(amended, state, took("2026-02", kwh), SCALE)
    moved = [*first.movements, *second.movements]
    found = rolled(moved, month("2026-02"), month("2026-05"))
    assert found.opening == (0, minor)
    assert (found.recognised, found.closing) == ((0, minor), (0, 0))
    assert state == State()


def _moved(*months: tuple[str, int], make_up_months: int) -> list[Movement]:
    agreed = terms(to_on="2028-01", make_up_months=make_up_months)
    settled, _ = fold([agreed], State(), [took(*one) for one in months], SCALE)
    return [movement for one in settled for movement in one.movements]


def test_a_credit_becomes_current_in_its_last_twelve_months() -> None:
    months = [("2026-01", 900), *((f"2026-0{n}", 1_000) for n in range(2, 7)), ("2026-07", 1_040)]
    moved = _moved(*months, make_up_months=18)  # usable until the end of July 2027
    early = rolled(moved, month("2026-01"), month("2026-04"))
    assert (early.opening, early.additions, early.closing) == ((0, 0), (0, 2_000), (0, 2_000))
    late = rolled(moved, month("2026-04"), month("2026-08"))
    # What was used in July is recognised from where it stood; the rest ends within a year now.
    assert (late.opening, late.recognised) == ((0, 2_000), (0, 800))
    assert (late.reclassified, late.closing) == (1_200, (1_200, 0))


def test_what_is_issued_and_used_within_the_stretch_passes_through() -> None:
    moved = _moved(("2026-01", 900), ("2026-02", 1_100), make_up_months=3)
    found = rolled(moved, month("2026-01"), month("2026-03"))
    assert (found.opening, found.additions, found.recognised, found.closing) == (
        (0, 0), (2_000, 0), (2_000, 0), (0, 0)
    )  # fmt: skip


def test_more_cannot_be_recognised_than_was_deferred() -> None:
    with pytest.raises(ValueError, match="more is recognised"):
        roll_forward(Split(10, 0), Split(), Split(11, 0), 0)
