"""How much of a month's port-time was down: what excuses a member from its minimum. Pure.

A port counts from the first to the last instant of the month in its hub's time zone, whether it was
asked for or not. What interrupted the whole hub was down at each of its ports; two interruptions at
once count once. Power that was only throttled excuses nothing. A hub without registered ports
counts as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

from coop.billing.domain.commitment import month_after
from coop.charging.domain.interruption import Cause, Interruption

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class HubMonth:
    """A hub in a month: its zone, its ports, and what interrupted it."""

    zone: ZoneInfo
    port_ids: Sequence[UUID]
    interruptions: Sequence[Interruption]


def instants_of(month: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first instant of a month in a zone, and the first one after it."""
    return _midnight(month, zone), _midnight(month_after(month), zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def down_share(hubs: Iterable[HubMonth], month: date) -> Fraction:
    """The share of the hubs' port-time in the month that was down, 0 to 1, exactly."""
    down = whole = 0
    for hub in hubs:
        from_at, to_at = instants_of(month, hub.zone)
        for port_id in hub.port_ids or (None,):
            whole += (to_at - from_at) // _TICK
            down += _down_ticks(hub.interruptions, port_id, from_at, to_at)
    return Fraction(down, whole) if whole else Fraction(0)


def _down_ticks(
    interruptions: Iterable[Interruption],
    port_id: UUID | None,
    from_at: datetime,
    to_at: datetime,
) -> int:
    """Microseconds of [from_at, to_at) in which the port was down, each counted once."""
    spans = sorted(
        (max(one.from_at, from_at), min(one.to_at or to_at, to_at))
        for one in interruptions
        if one.cause is not Cause.THROTTLED and one.concerns(port_id, from_at, to_at)
    )
    ticks, until = 0, from_at
    for start, end in spans:
        if end > until:
            ticks += (end - max(start, until)) // _TICK
            until = end
    return ticks
