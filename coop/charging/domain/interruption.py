"""When a hub or port gave no power, or less, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from coop.charging.domain.pricing import Pause
from coop.kernel.ids import HubId


class Cause(StrEnum):
    """Why. THROTTLED gave less power; all others gave none."""

    OUTAGE_GRID = "OUTAGE_GRID"
    OUTAGE_HARDWARE = "OUTAGE_HARDWARE"
    OUTAGE_SOFTWARE = "OUTAGE_SOFTWARE"
    MAINTENANCE = "MAINTENANCE"
    VANDALISM = "VANDALISM"
    THROTTLED = "THROTTLED"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Interruption:
    """What kept a port (None: the whole hub) from charging during [from_at, to_at).

    `to_at` is None while it lasts.
    """

    id: UUID
    hub_id: HubId
    port_id: UUID | None
    from_at: datetime
    to_at: datetime | None
    cause: Cause
    note: str
    recorded_by: str
    recorded_at: datetime

    def concerns(self, port_id: UUID | None, from_at: datetime, to_at: datetime) -> bool:
        """Whether it is of that port (or the whole hub) and at some time of [from_at, to_at)."""
        if self.port_id is not None and self.port_id != port_id:
            return False
        return self.from_at < to_at and (self.to_at is None or self.to_at > from_at)


def pauses_of(
    interruptions: Iterable[Interruption],
    port_id: UUID | None,
    from_at: datetime,
    to_at: datetime,
) -> tuple[Pause, ...]:
    """When the hub held back power from a session at that port: no idle fee runs then."""
    return tuple(
        Pause(max(one.from_at, from_at), min(one.to_at or to_at, to_at))
        for one in interruptions
        if one.concerns(port_id, from_at, to_at)
    )
