"""Hubs, ports, and whose badge is whose on which day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from coop.charging.domain.session import normal_id
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import HubId, MemberId

REF_MAX = 100
NAME_MAX = 255
# Before there were sessions: prices and badges that a mapped file registers count from here.
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Hub:
    """A place with ports. `ref` is what platforms call it, `power_w` what a port can give."""

    id: HubId
    ref: str
    name: str
    time_zone: ZoneInfo
    power_w: int | None


@dataclass(frozen=True, slots=True)
class HubDraft:
    """A hub to be registered. Refuses INVALID_VALUE for blank, long or unprintable texts."""

    ref: str
    name: str
    time_zone: ZoneInfo
    power_w: int | None = None

    def __post_init__(self) -> None:
        _check_text(self.ref, REF_MAX, "ref")
        _check_text(self.name, NAME_MAX, "name")
        _check_power(self.power_w)

    @property
    def normal_ref(self) -> str:
        """The reference as compared and stored, in upper case."""
        return normal_id(self.ref)


@dataclass(frozen=True, slots=True)
class Port:
    """Where one vehicle charges at a time."""

    id: UUID
    hub_id: HubId
    ref: str
    power_w: int | None


@dataclass(frozen=True, slots=True)
class PortDraft:
    """A port to be registered. Refuses INVALID_VALUE like a hub."""

    hub_id: HubId
    ref: str
    power_w: int | None = None

    def __post_init__(self) -> None:
        _check_text(self.ref, REF_MAX, "ref")
        _check_power(self.power_w)

    @property
    def normal_ref(self) -> str:
        """The reference as compared and stored, in upper case."""
        return normal_id(self.ref)


@dataclass(frozen=True, slots=True)
class Holding:
    """Whose badge `uid` is on the days [from_on, to_on), in the hub's time zone."""

    id: UUID
    uid: str
    member_id: MemberId
    from_on: date
    to_on: date | None

    def on(self, day: date) -> bool:
        """Whether it counts on `day`."""
        return self.from_on <= day and (self.to_on is None or day < self.to_on)


@dataclass(frozen=True, slots=True)
class HoldingDraft:
    """A badge to be given to a member. Its uid is kept in upper case."""

    uid: str
    member_id: MemberId
    from_on: date
    to_on: date | None = None

    def __post_init__(self) -> None:
        _check_text(self.uid, REF_MAX, "tokenUid")
        if self.to_on is not None and self.to_on <= self.from_on:
            raise InvalidValue("The last day comes after the first.", ("to",))

    @property
    def normal_uid(self) -> str:
        """The uid as compared and stored."""
        return normal_id(self.uid)


def _check_text(text: str, longest: int, name: str) -> None:
    if not text.strip() or len(text) > longest or not text.isprintable():
        raise InvalidValue(f"{name} is 1 to {longest} printable characters.", (name,))


def _check_power(power_w: int | None) -> None:
    if power_w is not None and power_w <= 0:
        raise InvalidValue("A power is more than nothing.", ("powerW",))


def holder_on(holdings: Sequence[Holding], day: date) -> MemberId | None:
    """Whose badge it is on `day`, or None when nobody's."""
    return next((holding.member_id for holding in holdings if holding.on(day)), None)
