"""The only module that asks what time it is, or turns wall time into instants."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from coop.kernel.errors import InvalidValue


class TimeAmbiguous(InvalidValue):
    """A wall time that happened twice, when clocks were set back."""

    code = "TIME_AMBIGUOUS"


class TimeNonexistent(InvalidValue):
    """A wall time that never happened, when clocks were set forward."""

    code = "TIME_NONEXISTENT"


def utc_now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


def today_in(zone: ZoneInfo) -> date:
    """The calendar day it is now in `zone`."""
    return datetime.now(zone).date()


def zone_named(name: str) -> ZoneInfo:
    """The IANA time zone `name`. Refuses INVALID_VALUE when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidValue(f'"{name}" is not an IANA time zone such as Europe/Oslo.') from None


def instant_of_wall(wall: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant of the naive local time `wall` in `zone`.

    Refuses TIME_AMBIGUOUS and TIME_NONEXISTENT: it never guesses which of two instants was meant.
    """
    first = wall.replace(tzinfo=zone, fold=0)
    second = wall.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
        raise TimeNonexistent(f"{wall:%Y-%m-%d %H:%M:%S} never happened in {zone.key}.")
    raise TimeAmbiguous(f"{wall:%Y-%m-%d %H:%M:%S} happened twice in {zone.key}.")
