"""Where plausible ends, to the watt-hour and the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from coop.charging.domain.plausibility import Limits, doubts_about, overlapping
from coop.charging.domain.session import ChargingSession, Doubt
from coop.charging.errors import Implausible

START = datetime(2026, 3, 2, 7, tzinfo=UTC)


def session(wh: int, lasted: timedelta, **changes: object) -> ChargingSession:
    facts: dict[str, object] = {
        "country_code": "NO", "party_id": "TST", "id": "1", "hub_ref": "H1", "port_ref": None,
        "token_uid": "BADGE", "started_at": START, "ended_at": START + lasted, "delivered_wh": wh,
        "raw": b"", "body_sha256": b"",
    } | changes  # fmt: skip
    return ChargingSession(**facts)  # type: ignore[arg-type]


LIMITS = Limits(power_w=22_000, max_power_w=50_000, hub_power_w={"H2": 60_000})
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("case", "doubts"),
    [
        (session(22_000, HOUR - MINUTE), ()),  # a minute is granted to clocks that show minutes
        (session(22_001, HOUR - MINUTE), (Doubt.ENERGY_ABOVE_POWER,)),
        (session(50_000, HOUR - MINUTE), (Doubt.ENERGY_ABOVE_POWER,)),
        (session(60_000, HOUR - MINUTE, hub_ref="H2"), ()),
        (session(366, timedelta(0)), ()),
        (session(367, timedelta(0)), (Doubt.ENERGY_ABOVE_POWER,)),
        (session(0, HOUR), (Doubt.ENERGY_ZERO,)),
        (session(1, timedelta(days=7)), ()),
        (session(1, timedelta(days=7, seconds=1)), (Doubt.DURATION_LONG,)),
        (session(0, timedelta(days=31)), (Doubt.DURATION_LONG, Doubt.ENERGY_ZERO)),
    ],
)
def test_doubted(case: ChargingSession, doubts: tuple[Doubt, ...]) -> None:
    assert doubts_about(case, LIMITS) == doubts


@pytest.mark.parametrize(
    ("case", "code", "field"),
    [
        (session(50_001, HOUR - MINUTE), "ENERGY_IMPLAUSIBLE", "energy"),
        (session(60_001, HOUR - MINUTE, hub_ref="H2"), "ENERGY_IMPLAUSIBLE", "energy"),
        (session(1_000_001, timedelta(days=2)), "ENERGY_IMPLAUSIBLE", "energy"),
        (session(-1, HOUR), "ENERGY_NEGATIVE", "energy"),
        (session(1, timedelta(microseconds=-1)), "END_BEFORE_START", "end"),
        (session(1, timedelta(days=31, seconds=1)), "DURATION_IMPLAUSIBLE", "end"),
        (
            session(1, HOUR, started_at=datetime(1999, 12, 31, 23, tzinfo=UTC)),
            "TIME_IMPLAUSIBLE",
            "start",
        ),
    ],
)
def test_refused(case: ChargingSession, code: str, field: str) -> None:
    with pytest.raises(Implausible) as refused:
        doubts_about(case, LIMITS)
    assert (refused.value.code, refused.value.path) == (code, (field,))


def test_nothing_ends_after_it_was_received() -> None:
    received = START + HOUR - timedelta(days=1)
    assert doubts_about(session(1, HOUR), LIMITS, received) == ()
    with pytest.raises(Implausible) as refused:
        doubts_about(session(1, HOUR), LIMITS, received - timedelta(seconds=1))
    assert refused.value.code == "TIME_IMPLAUSIBLE"


def test_nothing_delivered_is_what_the_mapping_says_it_is() -> None:
    assert doubts_about(session(0, HOUR), Limits(zero_energy="accept")) == ()
    with pytest.raises(Implausible):
        doubts_about(session(0, HOUR), Limits(zero_energy="reject"))


def test_two_sessions_of_one_badge_at_once() -> None:
    def at(hour: int, hours: int, token: str | None = "A", credit_of: str | None = None):
        start = START + hour * HOUR
        return session(1, HOUR, started_at=start, ended_at=start + hours * HOUR,
                       token_uid=token, credit_of=credit_of)  # fmt: skip

    day = [at(0, 4), at(4, 1), at(1, 1), at(3, 3), at(1, 1, "B"), at(1, 1, None), at(1, 2, None),
           at(1, 1, "A", "1")]  # fmt: skip
    # 3 begins inside 0; 1 begins as 0 ends, but inside 3; 2 lies inside 0. Guests have no badge to compare.
    assert overlapping(day) == {1, 2, 3}
