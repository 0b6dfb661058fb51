"""The share of a month's port-time that was down: exact, in the hub's own month, each instant once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from coop.billing.domain.downtime import HubMonth, down_share, instants_of
from coop.charging.domain.interruption import Cause, Interruption
from coop.kernel.ids import HubId

OSLO, UTC_ZONE = ZoneInfo("Europe/Oslo"), ZoneInfo("UTC")
HUB, P1, P2 = HubId(UUID(int=1)), UUID(int=11), UUID(int=12)
JUNE, MARCH = date(2026, 6, 1), date(2026, 3, 1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def outage(
    from_at: str, to_at: str | None, port: UUID | None = None, cause: Cause = Cause.OUTAGE_GRID
) -> Interruption:
    end = None if to_at is None else at(to_at)
    return Interruption(UUID(int=99), HUB, port, at(from_at), end, cause, "", "x", at("2026-07-01"))


def share(
    *outages: Interruption, ports: tuple[UUID, ...] = (P1, P2), month: date = JUNE
) -> Fraction:
    return down_share([HubMonth(UTC_ZONE, ports, outages)], month)


def test_an_hour_of_one_port_of_two_in_a_month_of_720() -> None:
    assert share(outage("2026-06-10T10:00", "2026-06-10T11:00", P1)) == Fraction(1, 1440)
    assert share(outage("2026-06-10T10:00", "2026-06-10T11:00")) == Fraction(1, 720)
    assert share(outage("2026-06-10T10:00", "2026-06-10T11:00"), ports=()) == Fraction(1, 720)


def test_two_at_once_count_once() -> None:
    both = (
        outage("2026-06-10T10:00", "2026-06-10T12:00", P1),
        outage("2026-06-10T11:00", "2026-06-10T13:00"),
        outage("2026-06-10T11:30", "2026-06-10T11:40", P1, Cause.VANDALISM),
    )
    assert share(*both) == Fraction(3 + 2, 1440)


def test_only_the_month_counts_and_what_lasts_lasts_to_its_end() -> None:
    assert share(outage("2026-05-31T23:00", "2026-06-01T01:00")) == Fraction(1, 720)
    assert share(outage("2026-06-30T18:00", None)) == Fraction(6, 720)
    assert share(outage("2026-01-01T00:00", None)) == 1
    assert share(outage("2026-07-01T00:00", "2026-07-02T00:00")) == 0


def test_throttled_power_excuses_nothing() -> None:
    assert share(outage("2026-06-01T00:00", None, cause=Cause.THROTTLED)) == 0
    for cause in (Cause.MAINTENANCE, Cause.VANDALISM, Cause.OTHER, Cause.OUTAGE_SOFTWARE):
        assert share(outage("2026-06-01T00:00", "2026-06-01T12:00", cause=cause)) == Fraction(1, 60)


def test_a_month_is_the_hubs_own_with_its_missing_hour() -> None:
    from_at, to_at = instants_of(MARCH, OSLO)
    assert (from_at, to_at) == (at("2026-02-28T23:00"), at("2026-03-31T22:00"))
    found = down_share(
        [HubMonth(OSLO, (P1,), [outage("2026-02-28T22:00", "2026-03-01T00:00")])], MARCH
    )
    assert found == Fraction(1, 743)


def test_a_pool_counts_every_port_of_every_hub() -> None:
    down = outage("2026-06-10T10:00", "2026-06-10T11:00")
    pool = [HubMonth(UTC_ZONE, (P1,), [down]), HubMonth(UTC_ZONE, (P2, UUID(int=13)), [])]
    assert down_share(pool, JUNE) == Fraction(1, 3 * 720)
    assert down_share([], JUNE) == 0


spans = st.tuples(st.integers(-100, 900), st.integers(1, 400), st.sampled_from((None, P1, P2)))


@given(st.lists(spans, max_size=6))
def test_it_is_what_counting_hours_gives(drawn: list[tuple[int, int, UUID | None]]) -> None:
    first = at("2026-06-01")
    outages = [
        Interruption(
            UUID(int=n), HUB, port, first + timedelta(hours=start),
            first + timedelta(hours=start + length), Cause.OUTAGE_GRID, "", "x", first,
        )
        for n, (start, length, port) in enumerate(drawn)
    ]  # fmt: skip
    down = {
        (port, hour)
        for start, length, which in drawn
        for port in (P1, P2)
        if which in (None, port)
        for hour in range(max(start, 0), min(start + length, 720))
    }
    assert share(*outages) == Fraction(len(down), 1440)
    assert share(*reversed(outages)) == share(*outages)
