"""Local times as exports write them, by strptime's formats, compiled once because that is slow.

Understood: %Y %y %m %d %H %I %M %S %f %p %z and %%. No month names: they depend on a language
nobody stated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import NoReturn
from zoneinfo import ZoneInfo

from coop.charging.errors import FieldInvalid
from coop.kernel.clock import TimeAmbiguous, instant_of_wall
from coop.kernel.errors import InvalidValue

_PATTERNS = {
    "Y": "([0-9]{4})",
    "y": "([0-9]{2})",
    "m": "([0-9]{1,2})",
    "d": "([0-9]{1,2})",
    "H": "([0-9]{1,2})",
    "I": "([0-9]{1,2})",
    "M": "([0-9]{1,2})",
    "S": "([0-9]{1,2})",
    "f": "([0-9]{1,6})",
    "p": "([AaPp][Mm])",
    "z": "(Z|[+-][0-9]{2}:?[0-9]{2})",
}
_NEEDED = ({"Y", "y"}, {"m"}, {"d"}, {"H", "I"}, {"M"})
_NOON = 12


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """One compiled format; `parts` are its directives in order."""

    text: str
    pattern: re.Pattern[str]
    parts: tuple[str, ...]


def time_format(text: str) -> TimeFormat:
    """Compile `text`. Refuses INVALID_VALUE for an unknown directive or an incomplete date."""
    parts: list[str] = []

    def pattern_of(match: re.Match[str]) -> str:
        directive = match[1]
        if directive is None and match[0] != "%":
            return re.escape(match[0])
        if directive == "%":
            return "%"
        if directive not in _PATTERNS or directive in parts:
            raise InvalidValue(f'"{match[0]}" in the format "{text}" is unknown or used twice.')
        parts.append(directive)
        return _PATTERNS[directive]

    pattern = re.sub(r"%(.)|[^%]+|%$", pattern_of, text)
    _check_complete(text, set(parts))
    return TimeFormat(text, re.compile(pattern), tuple(parts))


def _check_complete(text: str, parts: set[str]) -> None:
    if not all(parts & choices for choices in _NEEDED) or ("I" in parts) != ("p" in parts):
        raise InvalidValue(f'The format "{text}" does not say year, month, day, hour and minute.')


def wall_reader(formats: Sequence[TimeFormat], year_offset: int = 0) -> Callable[[str], datetime]:
    """A function that reads a time by whichever of `formats` fits, naive unless the format has %z.

    It refuses FIELD_INVALID for a time that fits none, is impossible, or that two formats read
    differently. `year_offset` is added to the year as written: 2000 makes 2014 of 0014.
    """
    first, others = formats[0], formats[1:]

    def read(text: str) -> datetime:
        found = _read(first, text, year_offset)
        for other in others:
            again = _read(other, text, year_offset)
            if again is not None and found is not None and again != found:
                raise FieldInvalid(f'"{text}" reads as {found} and as {again}.')
            found = again if found is None else found
        return found if found is not None else _unreadable(text, formats)

    return read


def _unreadable(text: str, formats: Sequence[TimeFormat]) -> NoReturn:
    wanted = " or ".join(f'"{form.text}"' for form in formats)
    raise FieldInvalid(f'"{text[:40]}" is not a time written as {wanted}.')


def _read(form: TimeFormat, text: str, year_offset: int) -> datetime | None:
    match = form.pattern.fullmatch(text)
    if match is None:
        return None
    part = dict(zip(form.parts, match.groups(), strict=True))
    year = int(part["Y"]) if "Y" in part else 2000 + int(part["y"])
    try:
        return datetime(
            year + year_offset,
            int(part["m"]),
            int(part["d"]),
            _hour(part),
            int(part["M"]),
            int(part.get("S", 0)),
            int(part.get("f", "0").ljust(6, "0")),
            tzinfo=_offset(part.get("z")),
        )
    except ValueError:
        raise FieldInvalid(f'"{text[:40]}" is not a time that exists.') from None


def _hour(part: dict[str, str]) -> int:
    if "H" in part:
        return int(part["H"])
    hour = int(part["I"])
    if not 1 <= hour <= _NOON:
        raise ValueError(hour)
    return hour % _NOON + (_NOON if part["p"].upper() == "PM" else 0)


def _offset(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)


def instant_of(time: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant of a time as read: by its own offset if it has one, else by `zone`."""
    return instant_of_wall(time, zone) if time.tzinfo is None else time.astimezone(UTC)


def settled_by(
    start: datetime, end: datetime, zone: ZoneInfo, lasted: timedelta, tolerance: timedelta
) -> tuple[datetime, datetime]:
    """Both instants, where `lasted` tells which reading of the repeated hour was meant.

    Refuses TIME_AMBIGUOUS when it does not fit exactly one reading.
    """
    fits = {
        (first, last)
        for first in _instants(start, zone)
        for last in _instants(end, zone)
        if abs(last - first - lasted) <= tolerance
    }
    if len(fits) != 1:
        raise TimeAmbiguous(f"{start} to {end} in {zone.key} fits {len(fits)} readings.")
    return fits.pop()


def _instants(time: datetime, zone: ZoneInfo) -> set[datetime]:
    try:
        return {instant_of(time, zone)}
    except TimeAmbiguous:
        return {time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
