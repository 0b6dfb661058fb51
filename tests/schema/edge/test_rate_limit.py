"""Points spent and regained, by a clock that stands still until told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.schema.rate_limit import Allowance, RateLimiter
from tests.schema.edge.conftest import Client
from tests.schema.edge.demo import World, app_of

SECOND = 1_000_000_000


class Clock:
    def __init__(self) -> None:
        self.ns = 7

    def __call__(self) -> int:
        return self.ns


def test_a_bucket_empties_and_refills() -> None:
    clock = Clock()
    limiter = RateLimiter(Allowance(points=100, per_second=10), clock)
    first = limiter.spend("kari", 70)
    assert (first.admitted, first.remaining, first.full_after_s) == (True, 30, 7)
    refused = limiter.spend("kari", 50)
    assert (refused.admitted, refused.remaining, refused.retry_after_s) == (False, 30, 2)
    assert refused.headers() == {
        "RateLimit-Limit": "100", "RateLimit-Remaining": "30", "RateLimit-Reset": "7", "Retry-After": "2",
    }  # fmt: skip
    assert limiter.spend("ola", 100).admitted, "another principal has a bucket of its own"
    clock.ns += 2 * SECOND - 1
    assert not limiter.spend("kari", 50).admitted
    clock.ns += 1
    assert limiter.spend("kari", 50).remaining == 0
    clock.ns += 3600 * SECOND
    assert limiter.spend("kari", 0).remaining == 100


def test_what_costs_more_than_a_bucket_takes_a_full_one() -> None:
    clock = Clock()
    limiter = RateLimiter(Allowance(points=100, per_second=10), clock)
    assert limiter.spend("kari", 5000).remaining == 0
    assert limiter.spend("kari", 5000).retry_after_s == 10


def test_the_principals_seen_longest_ago_are_forgotten() -> None:
    limiter = RateLimiter(Allowance(10, 1), Clock(), principals_max=2)
    for name in ("a", "b", "c"):
        limiter.spend(name, 10)
    assert [limiter.spend(name, 10).admitted for name in ("c", "b", "a")] == [False, False, True]


@given(st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(0, 60)), max_size=40))
def test_nobody_spends_more_than_a_bucket_and_its_refill(steps: list[tuple[int, int]]) -> None:
    clock = Clock()
    limiter = RateLimiter(Allowance(points=50, per_second=5), clock)
    start, spent = clock.ns, 0
    for waited, points in steps:
        clock.ns += waited
        if limiter.spend("kari", points).admitted:
            spent += min(points, 50)
        assert spent * SECOND <= 50 * SECOND + (clock.ns - start) * 5


@pytest.mark.anyio
async def test_the_view_charges_the_cost_and_answers_429(world: World) -> None:
    clock = Clock()
    limiter = RateLimiter(Allowance(points=60, per_second=1), clock)
    client = Client(app_of(world, spend=limiter.spend))
    rows = await client.post("{ rows(first: 40) { nodes { number } } }")
    assert rows.headers["ratelimit-remaining"] == "19"
    bad = await client.post("{ nothing }")
    assert (bad.status_code, bad.headers["ratelimit-remaining"]) == (400, "8"), "1 and 10 points"
    refused = await client.post("{ rows(first: 40) { nodes { number } } }")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "33")
    assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert len(world.opened) == 1
    await client.http.aclose()
