"""Splitting a total exactly: largest remainder, deterministic, nothing lost and nothing made."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def allocate(total: int, weights: Sequence[int | Fraction]) -> list[int]:
    """Shares of `total` in proportion to `weights`; they sum to `total` exactly.

    Each share is within one unit of its exact value. The units that rounding down leaves go to the
    largest remainders; ties go to the larger exact share, then to the earlier position. A negative
    total is the mirror image of its positive. Raises ValueError for a negative weight or when all
    are zero.
    """
    exact_weights = [Fraction(weight) for weight in weights]
    base = sum(exact_weights, Fraction(0))
    if base <= 0 or any(weight < 0 for weight in exact_weights):
        raise ValueError("weights must not be negative and must not all be zero")
    if total < 0:
        return [-share for share in allocate(-total, weights)]
    exact = [total * weight / base for weight in exact_weights]
    shares = [int(share) for share in exact]
    order = sorted(range(len(exact)), key=lambda i: (shares[i] - exact[i], -exact[i], i))
    for i in order[: total - sum(shares)]:
        shares[i] += 1
    return shares
