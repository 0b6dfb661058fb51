"""A bucket of points per principal: refilled steadily, emptied by what each query costs.

Pure arithmetic on a clock that is passed in. Buckets live in this process: a server with several
workers allows each of them the full rate.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

_NS: Final = (
    1_000_000_000  # a point is this many units, so that refilling by the nanosecond is exact
)


@dataclass(frozen=True, slots=True)
class Allowance:
    """A bucket of `points` that regains `per_second` points every second."""

    points: int
    per_second: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may go on and what is left; times are whole seconds, rounded up."""

    admitted: bool
    limit: int
    remaining: int
    full_after_s: int
    retry_after_s: int

    def headers(self) -> dict[str, str]:
        """RateLimit-* of every answer, and Retry-After when refused."""
        told = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.full_after_s),
        }
        if not self.admitted:
            told["Retry-After"] = str(self.retry_after_s)
        return told


class RateLimiter:
    """The buckets of the `principals_max` principals last seen; a newcomer's bucket is full."""

    def __init__(
        self, allowance: Allowance, clock_ns: Callable[[], int], principals_max: int = 100_000
    ) -> None:
        self._allowance = allowance
        self._clock_ns = clock_ns
        self._principals_max = principals_max
        self._buckets: OrderedDict[Hashable, tuple[int, int]] = OrderedDict()  # units, at ns

    def spend(self, principal: Hashable, points: int) -> Verdict:
        """Take `points` from the bucket of `principal`, or none when it holds fewer.

        A request that costs more than a whole bucket waits for a full one and empties it.
        """
        full = self._allowance.points * _NS
        now = self._clock_ns()
        units, then = self._buckets.get(principal, (full, now))
        units = min(full, units + (now - then) * self._allowance.per_second)
        wanted = min(points * _NS, full)
        admitted = units >= wanted
        if admitted:
            units -= wanted
        self._keep(principal, units, now)
        return Verdict(
            admitted=admitted,
            limit=self._allowance.points,
            remaining=units // _NS,
            full_after_s=self._seconds(full - units),
            retry_after_s=0 if admitted else self._seconds(wanted - units),
        )

    def _seconds(self, units: int) -> int:
        return -(-units // (self._allowance.per_second * _NS))

    def _keep(self, principal: Hashable, units: int, now: int) -> None:
        self._buckets[principal] = (units, now)
        self._buckets.move_to_end(principal)
        if len(self._buckets) > self._principals_max:
            self._buckets.popitem(last=False)
