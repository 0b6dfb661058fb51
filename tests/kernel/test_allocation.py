"""Splitting a total: nothing lost, nothing made, within one unit of exact."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.kernel.allocation import allocate

WEIGHTS = st.lists(
    st.one_of(st.integers(0, 10**9), st.fractions(0, 1000, max_denominator=997)),
    min_size=1,
    max_size=40,
).filter(any)


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (5, [0, 1, 1], [0, 3, 2]),
        (1, [1, 2], [0, 1]),
        (0, [3, 4], [0, 0]),
        (10, [Fraction(1, 3), Fraction(2, 3)], [3, 7]),
    ],
)
def test_worked_splits(total: int, weights: list[int | Fraction], shares: list[int]) -> None:
    assert allocate(total, weights) == shares


@given(st.integers(-(10**15), 10**15), WEIGHTS)
def test_shares_sum_to_the_total_and_lie_within_one_unit(
    total: int, weights: list[int | Fraction]
) -> None:
    shares = allocate(total, weights)
    base = sum(map(Fraction, weights))
    assert sum(shares) == total
    assert all(
        abs(share - total * Fraction(weight) / base) < 1
        for share, weight in zip(shares, weights, strict=True)
    )
    assert all(share == 0 for share, weight in zip(shares, weights, strict=True) if weight == 0)


@given(st.integers(0, 10**9), WEIGHTS)
def test_more_weight_never_gets_less(total: int, weights: list[int | Fraction]) -> None:
    shares = allocate(total, weights)
    ranked = sorted(zip(weights, shares, strict=True))
    assert all(
        low[1] <= high[1] for low, high in zip(ranked, ranked[1:], strict=False) if low[0] < high[0]
    )


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1, 1]])
def test_weights_that_split_nothing_are_a_bug(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        allocate(1, weights)
