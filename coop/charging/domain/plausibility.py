"""Could it have happened? What cannot have is refused; what may not have is accepted and reviewed.

| what                                         | refused               | only doubted       |
|----------------------------------------------|-----------------------|--------------------|
| ends before it starts                        | END_BEFORE_START      |                    |
| starts before 2000 or ends after it was read | TIME_IMPLAUSIBLE      |                    |
| lasts longer than `max_duration`             | DURATION_IMPLAUSIBLE  |                    |
| lasts longer than `long_duration`            |                       | DURATION_LONG      |
| less than nothing delivered                  | ENERGY_NEGATIVE       |                    |
| more than `max_session_wh` (a lifetime meter)| ENERGY_IMPLAUSIBLE    |                    |
| more than `max_power_w` gives in that time   | ENERGY_IMPLAUSIBLE    |                    |
| more than `power_w` gives in that time       |                       | ENERGY_ABOVE_POWER |
| nothing delivered                            | by choice             | ENERGY_ZERO        |

`max_power_w` is `power_w` unless somebody widens it: then what lies between is charged and looked
at afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from coop.charging.domain.session import ChargingSession, Doubt
from coop.charging.errors import (
    DurationImplausible,
    EndBeforeStart,
    EnergyImplausible,
    EnergyNegative,
    TimeImplausible,
)
from coop.kernel.energy import kwh_of_wh

ZeroPolicy = Literal["accept", "review", "reject"]
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_CLOCK_SKEW = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """Where plausible ends. Powers are W, by hub reference where hubs differ; energy is Wh.

    `tolerance` is added to every duration before power is judged: clocks tick in whole minutes in
    many exports.
    """

    power_w: int = 400_000
    max_power_w: int | None = None
    hub_power_w: Mapping[str, int] = field(default_factory=dict)
    max_session_wh: int = 1_000_000
    long_duration: timedelta = timedelta(days=7)
    max_duration: timedelta = timedelta(days=31)
    tolerance: timedelta = timedelta(minutes=1)
    zero_energy: ZeroPolicy = "review"

    def doubted_above_w(self, hub_ref: str) -> int:
        """The power of the hub, above which a session is looked at."""
        return self.hub_power_w.get(hub_ref, self.power_w)

    def refused_above_w(self, hub_ref: str) -> int:
        """The power above which a session is not believed."""
        return max(self.doubted_above_w(hub_ref), self.max_power_w or 0)


def doubts_about(
    session: ChargingSession, limits: Limits, read_at: datetime | None = None
) -> tuple[Doubt, ...]:
    """Why `session` should be looked at. Refuses (`Implausible`) what cannot have happened.

    `read_at` is when it was received; nothing ends more than a day (of wrong clocks) after that.
    """
    return (*_time_doubts(session, limits, read_at), *_energy_doubts(session, limits))


def _time_doubts(
    session: ChargingSession, limits: Limits, read_at: datetime | None
) -> Iterable[Doubt]:
    if session.started_at < EARLIEST:
        raise TimeImplausible(f"It starts in {session.started_at:%Y}.", ("start",))
    lasted = session.ended_at - session.started_at
    if lasted < timedelta(0):
        raise EndBeforeStart(f"It ends {-lasted} before it starts.", ("end",))
    if read_at is not None and session.ended_at > read_at + _CLOCK_SKEW:
        raise TimeImplausible(f"It ends in the future, {session.ended_at:%Y-%m-%d}.", ("end",))
    if lasted > limits.max_duration:
        raise DurationImplausible(
            f"It lasts {lasted}, more than {limits.max_duration.days} days.", ("end",)
        )
    return (Doubt.DURATION_LONG,) if lasted > limits.long_duration else ()


def _energy_doubts(session: ChargingSession, limits: Limits) -> Iterable[Doubt]:
    energy_wh, path = session.delivered_wh, ("energy",)
    if energy_wh < 0:
        raise EnergyNegative(f"{kwh_of_wh(energy_wh)} kWh: a credit comes by reference.", path)
    if energy_wh == 0:
        return _zero_doubts(limits)
    if energy_wh > limits.max_session_wh:
        raise EnergyImplausible(
            f"{kwh_of_wh(energy_wh)} kWh in one session looks like the meter's lifetime register.",
            path,
        )
    seconds = (session.ended_at - session.started_at + limits.tolerance) // _SECOND
    watt_seconds = energy_wh * 3600
    if watt_seconds > limits.refused_above_w(session.hub_ref) * seconds:
        limit_w = limits.refused_above_w(session.hub_ref)
        raise EnergyImplausible(
            f"{kwh_of_wh(energy_wh)} kWh exceed what {kwh_of_wh(limit_w)} kW deliver in that time.",
            path,
        )
    above = watt_seconds > limits.doubted_above_w(session.hub_ref) * seconds
    return (Doubt.ENERGY_ABOVE_POWER,) if above else ()


def _zero_doubts(limits: Limits) -> Iterable[Doubt]:
    if limits.zero_energy == "reject":
        raise EnergyImplausible("Nothing was delivered, and the mapping refuses that.", ("energy",))
    return (Doubt.ENERGY_ZERO,) if limits.zero_energy == "review" else ()


def overlapping(sessions: Iterable[ChargingSession]) -> set[int]:
    """Positions of sessions that begin before an earlier one of the same token has ended.

    Of two sessions at once, the one that starts later is doubted; a hand-over at the same instant
    is none.
    """
    numbered = sorted(
        (s.token_uid, s.started_at, s.ended_at, position)
        for position, s in enumerate(sessions)
        if s.token_uid is not None and s.credit_of is None
    )
    found: set[int] = set()
    token, until = "", EARLIEST
    for uid, started_at, ended_at, position in numbered:
        if uid == token and started_at < until:
            found.add(position)
        until = max(until, ended_at) if uid == token else ended_at
        token = uid
    return found
