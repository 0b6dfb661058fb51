"""What one chunk of an import is worked on with, and what becomes of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging.domain.place import Hub
from coop.charging.domain.session import ChargingSession, Doubt, Reading
from coop.charging.price_list import Rated
from coop.kernel.errors import Refusal
from coop.kernel.ids import CooperativeId, EntryId, MemberId, uuid7
from coop.members.domain.roles import Viewer


@dataclass(frozen=True, slots=True)
class Rules:
    """What a file may bring along besides sessions, and what its fields are called.

    `price_of` says the first price per kWh of a hub that has none; `zone_of` a new hub's zone.
    """

    currency: str
    zone_of: Callable[[str], ZoneInfo]
    price_of: Callable[[str], Decimal | None]
    register_hubs: bool = False
    register_ports: bool = False
    register_members: bool = False
    hub_field: str = "hub"
    end_field: str = "end"
    longest: timedelta = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a chunk is worked on: a unit of work, on whose behalf, by what rules."""

    connection: AsyncConnection
    viewer: Viewer
    cooperative_id: CooperativeId
    run_id: UUID
    rules: Rules


@dataclass(slots=True)
class Counts:
    """What became of rows; `review` counts those to be looked at, however they ended."""

    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicates: int = 0
    filtered: int = 0
    review: int = 0
    delivered_wh: int = 0
    amount_minor: int = 0

    def add(self, other: Counts) -> None:
        """Count another chunk's rows too."""
        for name in Counts.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class Taken:
    """What became of one chunk: its counts, and the readings that were refused, with why."""

    counts: Counts = field(default_factory=Counts)
    refused: list[tuple[int, Reading, Refusal]] = field(default_factory=list)


@dataclass(slots=True)
class Row:
    """A new session on its way into the books."""

    position: int
    reading: Reading
    session: ChargingSession
    doubts: tuple[Doubt, ...]
    id: UUID = field(default_factory=uuid7)
    hub: Hub | None = None
    port_id: UUID | None = None
    rated: Rated | None = None
    member_id: MemberId | None = None
    on: date | None = None
    amount_minor: int = 0
    entry_id: EntryId | None = None
    credit_of_id: UUID | None = None
    replaces_id: UUID | None = None
    refusal: Refusal | None = None

    @property
    def counted_wh(self) -> int:
        """What it adds to energy delivered: a credit takes away."""
        delivered_wh = self.session.delivered_wh
        return delivered_wh if self.credit_of_id is None else -abs(delivered_wh)

    @property
    def tariff_version_id(self) -> UUID | None:
        """The tariff it is charged by; a credit names none."""
        return None if self.rated is None else self.rated.version.id

    @property
    def state(self) -> str:
        """What it is stored as."""
        if self.credit_of_id is not None:
            return "credit"
        return "suspended" if self.member_id is None else "charged"


def standing(rows: Iterable[Row]) -> list[Row]:
    """Those that nothing was said against so far."""
    return [row for row in rows if row.refusal is None]
