"""Plans by days of a month, and what their included energy credits."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.billing.domain.plan import (
    EnergyLine,
    IncludedCredit,
    PlanTerms,
    UsedEnergy,
    included_credits,
    month_of_plan,
)
from coop.billing.sharing_errors import PlanInvalid
from coop.charging.domain.tariff import Tax
from coop.kernel.ids import HubId, uuid7

HUB, OTHER = HubId(uuid7()), HubId(uuid7())
VAT = (Tax("VAT", Decimal(20)),)
JUNE = date(2025, 6, 1)


def used(wh: int, minor: int, hub: HubId = HUB, taxes: Any = VAT, charged: Any = None) -> Any:
    lines = (EnergyLine(minor, taxes),)
    return UsedEnergy(hub, wh, minor if charged is None else charged, lines)


@pytest.mark.parametrize(
    ("from_on", "to_on", "days", "fee", "included"),
    [
        ("2025-01-01", None, 30, 1900, 100_000),
        ("2025-06-01", "2025-07-01", 30, 1900, 100_000),
        ("2025-06-16", None, 15, 950, 50_000),
        ("2025-06-24", None, 7, 443, 23_333),  # 443.33, 23,333.3 Wh
        ("2025-01-01", "2025-06-02", 1, 63, 3333),
        ("2025-06-30", "2026-01-01", 1, 63, 3333),
    ],
)
def test_a_month_by_its_days(
    from_on: str, to_on: str | None, days: int, fee: int, included: int
) -> None:
    ends = None if to_on is None else date.fromisoformat(to_on)
    found = month_of_plan(1900, 100_000, date.fromisoformat(from_on), ends, JUNE)
    assert found is not None
    assert (found.days, found.of_days, found.fee_minor, found.included_wh) == (
        days, 30, fee, included
    )  # fmt: skip
    assert found.share == Fraction(days, 30)


def test_no_day_is_no_month() -> None:
    assert month_of_plan(1900, 0, date(2025, 7, 1), None, JUNE) is None
    assert month_of_plan(1900, 0, date(2025, 1, 1), JUNE, JUNE) is None


def test_the_oldest_sessions_are_credited_at_their_own_price() -> None:
    # 10 kWh at 0.30, 10 kWh at 0.40, of which 5 are left of the 15 included.
    found = included_credits(15_000, [used(10_000, 300), used(10_000, 400), used(5000, 500)])
    assert found == [IncludedCredit(HUB, VAT, 15_000, 500)]


def test_each_hub_and_each_tax_has_a_credit_of_its_own() -> None:
    found = included_credits(
        10**6, [used(1000, 30), used(1000, 40, OTHER), used(2000, 60), used(1000, 25, HUB, ())]
    )
    assert found == [
        IncludedCredit(HUB, VAT, 3000, 90),
        IncludedCredit(OTHER, VAT, 1000, 40),
        IncludedCredit(HUB, (), 1000, 25),
    ]


def test_no_more_is_credited_than_was_charged() -> None:
    assert included_credits(10_000, [used(10_000, 400, charged=250)]) == [
        IncludedCredit(HUB, VAT, 10_000, 250)
    ]
    assert included_credits(10_000, [used(10_000, 0), used(0, 0)]) == []
    assert included_credits(0, [used(10_000, 400)]) == []


@given(st.integers(0, 50_000), st.lists(st.tuples(st.integers(1, 9000), st.integers(0, 900))))
def test_a_credit_is_at_most_the_energy(included: int, sessions: list[tuple[int, int]]) -> None:
    found = included_credits(included, [used(*one) for one in sessions])
    whole_wh, whole = sum(wh for wh, _ in sessions), sum(minor for _, minor in sessions)
    assert sum(one.net_minor for one in found) <= whole
    if included >= whole_wh:
        assert sum(one.net_minor for one in found) == whole


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"code": ""}, "code"),
        ({"code": "a b"}, "code"),
        ({"kind": "-"}, "kind"),
        ({"name": " "}, "name"),
        ({"fee_minor": -1}, "fee"),
        ({"included_wh": -1}, "included"),
        ({"included_wh": 1, "kind": "parking"}, "included"),
        ({"taxes": (Tax("", Decimal(1)),)}, "taxes"),
        ({"taxes": VAT + VAT}, "taxes"),
        ({"taxes": (Tax("VAT", Decimal(-1)),)}, "taxes"),
    ],
)
def test_plans_that_cannot_be(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(PlanInvalid) as refused:
        PlanTerms(**{"code": "basic", "name": "Basic", "fee_minor": 1900, **changes})
    assert refused.value.path == (path,)
