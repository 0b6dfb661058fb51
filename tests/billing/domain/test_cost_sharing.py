"""Sharing a grid bill: worked numbers, the brute-force Shapley value, and what holds of any load."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.billing.domain.cost_sharing import (
    Bill,
    Layer,
    Method,
    Sharing,
    SharingRule,
    bill_by_schedule,
    hub_load,
    layers_of,
    rule_of,
    share_costs,
)
from coop.billing.sharing_errors import (
    LoadMissing,
    LossesNegative,
    SharingInvalid,
    SharingMethodUnknown,
    UtilityBillInvalid,
)

# Four quarter hours; the hub's own: 4, 9, 7, 0 kWh, so it peaks in the second at 36 kW.
LOADS = {"ada": [4000, 3000, 0, 0], "bob": [0, 6000, 2000, 0], "cyd": [0, 0, 5000, 0]}
PRICES = [10, 20, 20, 10]
DEMAND = Bill(0, 36_000)


def shared(method: Method, bill: Bill = DEMAND, loads: Any = None, **named: Any) -> Sharing:
    past = named.pop("past", None)
    return share_costs(loads or LOADS, PRICES, bill, SharingRule(method, **named), past)


def minors(sharing: Sharing) -> dict[str, int]:
    return {share.owner: share.total_minor for share in sharing.shares}


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (Method.KWH, {"ada": 12_600, "bob": 14_400, "cyd": 9_000}),  # 7, 8, 5 of 20 kWh
        (Method.COINCIDENT_PEAK, {"ada": 12_000, "bob": 24_000, "cyd": 0}),  # 3, 6, 0 of 9
        (Method.OWN_PEAK, {"ada": 9_600, "bob": 14_400, "cyd": 12_000}),  # 4, 6, 5 of 15
        # 16 kW in thirds, 4 kW in halves, 4 kW alone, of 24 kW: 5 1/3, 11 1/3, 7 1/3.
        (Method.PEAK_LAYERS, {"ada": 8_000, "bob": 17_000, "cyd": 11_000}),
        # k = 2, the second and third quarter hours: 3, 8, 5 of 16.
        (Method.HIGHEST_INTERVALS, {"ada": 6_750, "bob": 18_000, "cyd": 11_250}),
    ],
)
def test_a_demand_charge_by_each_method(method: Method, expected: dict[str, int]) -> None:
    sharing = shared(method, highest=2)
    assert minors(sharing) == expected
    assert (sharing.peak_index, sharing.peak_w) == (1, 36_000)
    assert {share.own_peak_w for share in sharing.shares} == {16_000, 24_000, 20_000}


def test_energy_follows_the_price_and_losses_the_kwh() -> None:
    # 100 of energy for 25 kWh, of which 20 were taken: 80 by price, 20 by kWh.
    sharing = shared(Method.KWH, Bill(10_000, 0, 600, 25_000))
    ada, bob, cyd = sharing.shares
    # At the schedule's prices: 4×10 + 3×20 = 100, 8×20 = 160, 5×20 = 100.
    assert [s.energy for s in (ada, bob, cyd)] == [
        Fraction(8000 * 100, 360), Fraction(8000 * 160, 360), Fraction(8000 * 100, 360)
    ]  # fmt: skip
    assert [s.losses for s in (ada, bob, cyd)] == [700, 800, 500]
    assert [s.losses_wh for s in (ada, bob, cyd)] == [1750, 2000, 1250]
    assert [s.other for s in (ada, bob, cyd)] == [210, 240, 150]
    assert sharing.losses_wh == 5000
    assert minors(sharing) == {"ada": 3132, "bob": 4596, "cyd": 2872}


def test_free_energy_is_shared_by_kwh() -> None:
    sharing = share_costs(LOADS, [0] * 4, Bill(2000, 0), SharingRule(Method.KWH))
    assert minors(sharing) == {"ada": 700, "bob": 800, "cyd": 500}


def test_layers_name_who_pays_which_slice() -> None:
    assert shared(Method.PEAK_LAYERS).layers == (
        Layer(Fraction(0), Fraction(16_000), 3),
        Layer(Fraction(16_000), Fraction(20_000), 2),
        Layer(Fraction(20_000), Fraction(24_000), 1),
    )
    assert shared(Method.OWN_PEAK).layers == ()


def test_one_interval_is_the_coincident_peak() -> None:
    assert minors(shared(Method.HIGHEST_INTERVALS, highest=1)) == minors(
        shared(Method.COINCIDENT_PEAK)
    )
    everything = shared(Method.HIGHEST_INTERVALS, highest=96)  # more than there are
    assert minors(everything) == minors(shared(Method.KWH))


def test_of_two_equal_peaks_the_first_counts() -> None:
    loads = {"ada": [5000, 0], "bob": [0, 5000]}
    sharing = share_costs(loads, [1, 1], DEMAND, SharingRule(Method.COINCIDENT_PEAK))
    assert minors(sharing) == {"ada": 36_000, "bob": 0}


def test_a_ratchet_remembers() -> None:
    past = {"ada": Fraction(40_000), "bob": Fraction(10_000)}
    sharing = shared(Method.OWN_PEAK, ratchet_percent=Decimal(80), past=past)
    # max(16, 32), max(24, 8), 20 kW of 76.
    assert [share.measure for share in sharing.shares] == [32_000, 24_000, 20_000]
    assert minors(sharing) == {"ada": 15_158, "bob": 11_368, "cyd": 9_474}
    gone = shared(
        Method.OWN_PEAK, loads=LOADS | {"dan": [0] * 4}, ratchet_percent=Decimal(50),
        past={"dan": Fraction(30_000)},
    )  # fmt: skip
    assert [share.measure for share in gone.shares] == [16_000, 24_000, 20_000, 15_000]


@pytest.mark.parametrize(
    ("bill", "refusal"),
    [
        (Bill(-1, 0), UtilityBillInvalid),
        (Bill(0, -1), UtilityBillInvalid),
        (Bill(0, 0, -1), UtilityBillInvalid),
        (Bill(0, 0, 0, -1), UtilityBillInvalid),
        (Bill(100, 0, 0, 19_801), LossesNegative),
    ],
)
def test_what_cannot_be_billed(bill: Bill, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        shared(Method.KWH, bill)


def test_meters_may_differ_a_little() -> None:
    sharing = shared(Method.KWH, Bill(2000, 0, 0, 19_802))
    assert sharing.losses_wh == 0
    assert sum(minors(sharing).values()) == 2000


def test_nobody_bears_the_cost_of_no_load() -> None:
    for loads in ({}, {"ada": [0, 0, 0, 0]}):
        with pytest.raises(LoadMissing):
            share_costs(loads, PRICES, DEMAND, SharingRule(Method.KWH))


@pytest.mark.parametrize(
    ("method", "parameters", "refusal"),
    [
        ("SHAPLEY", {}, SharingMethodUnknown),
        ("", {}, SharingMethodUnknown),
        ("KWH", {"k": 3}, SharingInvalid),
        ("KWH", {"ratchet_percent": "80"}, SharingInvalid),
        ("OWN_PEAK", {"ratchet_percent": "101"}, SharingInvalid),
        ("OWN_PEAK", {"ratchet_percent": "many"}, SharingInvalid),
        ("HIGHEST_INTERVALS", {"highest": "0"}, SharingInvalid),
        ("HIGHEST_INTERVALS", {"highest": "2.5"}, SharingInvalid),
        ("HIGHEST_INTERVALS", {"highest": "97"}, SharingInvalid),
        ("KWH", {"tolerance_percent": "-1"}, SharingInvalid),
    ],
)
def test_rules_that_cannot_be(method: str, parameters: Any, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        rule_of(method, parameters)


def test_a_rule_says_what_it_was_made_of() -> None:
    rule = rule_of("OWN_PEAK", {"ratchet_percent": "80", "highest": 8})
    assert rule == SharingRule(Method.OWN_PEAK, 8, Decimal(80))
    assert rule_of("OWN_PEAK", rule.parameters()) == rule


def test_a_schedule_gives_a_bill_where_there_is_none() -> None:
    # 4×0.10 + 9×0.20 + 7×0.20 = 3.60, and 36 kW at 15.51.
    found = bill_by_schedule(hub_load(LOADS), PRICES, Fraction(1, 100), Fraction("15.51"), 100)
    assert found == Bill(360, 55_836, 0, 20_000)


peaks = st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any)


@given(peaks)
def test_layers_are_the_shapley_value(heights: list[int]) -> None:
    """Over every order of arrival, what each adds to the highest peak so far, on average."""
    names = [f"m{i}" for i in range(len(heights))]
    of = dict(zip(names, heights, strict=True))
    added = dict.fromkeys(names, 0)
    orders = list(permutations(names))
    for order in orders:
        highest = 0
        for name in order:
            added[name] += max(0, of[name] - highest)
            highest = max(highest, of[name])
    loads = {name: [height] for name, height in of.items()}
    sharing = share_costs(loads, [1], Bill(0, 4 * max(heights)), SharingRule(Method.PEAK_LAYERS))
    for share in sharing.shares:
        assert share.demand == Fraction(4 * added[share.owner], len(orders))


member_loads = st.lists(st.integers(0, 20_000), min_size=3, max_size=3)
hubs = st.lists(member_loads, min_size=1, max_size=7).filter(lambda all_: any(map(any, all_)))
bills = st.builds(
    Bill, st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**4), st.none()
)
methods = st.sampled_from(list(Method))


def named(rows: list[list[int]]) -> dict[str, list[int]]:
    return {f"m{i}": row for i, row in enumerate(rows)}


@given(hubs, bills, methods, st.integers(0, 30_000))
def test_shares_are_the_bill(
    rows: list[list[int]], bill: Bill, method: Method, lost_wh: int
) -> None:
    whole = Bill(
        bill.energy_minor, bill.demand_minor, bill.other_minor, sum(map(sum, rows)) + lost_wh
    )
    sharing = share_costs(named(rows), [7, 11, 13], whole, SharingRule(method, 2))
    assert sum(share.total_minor for share in sharing.shares) == whole.total_minor
    assert sum(share.exact for share in sharing.shares) == whole.total_minor
    assert all(abs(share.total_minor - share.exact) < 1 for share in sharing.shares)
    assert sum(share.losses_wh for share in sharing.shares) == lost_wh
    idle = [share for share in sharing.shares if not share.taken_wh]
    assert all(share.total_minor == 0 for share in idle)


@given(hubs, bills, methods, st.randoms(use_true_random=False))
def test_neither_order_nor_name_matters(
    rows: list[list[int]], bill: Bill, method: Method, random: Any
) -> None:
    loads = named(rows)
    shuffled = list(loads.items())
    random.shuffle(shuffled)
    rule = SharingRule(method, 2)
    one, other = (share_costs(d, [7, 11, 13], bill, rule) for d in (loads, dict(shuffled)))
    assert one == other
    # Two with the same load pay the same, but for the one minor unit that does not divide.
    twins = share_costs(loads | {"twin": loads["m0"]}, [7, 11, 13], bill, rule)
    by_owner = {share.owner: share for share in twins.shares}
    assert by_owner["twin"].exact == by_owner["m0"].exact
    assert abs(by_owner["twin"].total_minor - by_owner["m0"].total_minor) <= 1


@given(hubs, st.sampled_from([Method.KWH, Method.OWN_PEAK, Method.PEAK_LAYERS]), st.integers(0, 2))
def test_who_takes_more_pays_no_less(rows: list[list[int]], method: Method, place: int) -> None:
    loads = named(rows)
    more = [wh + (9_000 if i == place else 0) for i, wh in enumerate(loads["m0"])]
    rule = SharingRule(method)
    before, after = (
        share_costs(d, [1, 1, 1], DEMAND, rule).shares for d in (loads, loads | {"m0": more})
    )
    assert after[0].demand >= before[0].demand


@given(hubs)
def test_higher_peaks_pay_no_less_by_layers(rows: list[list[int]]) -> None:
    shares = share_costs(named(rows), [1] * 3, DEMAND, SharingRule(Method.PEAK_LAYERS)).shares
    ordered = sorted(shares, key=lambda share: share.own_peak_w)
    assert [share.demand for share in ordered] == sorted(share.demand for share in shares)


def test_equal_peaks_share_one_layer() -> None:
    assert layers_of([Fraction(5), Fraction(5)]) == (Layer(Fraction(0), Fraction(5), 2),)
