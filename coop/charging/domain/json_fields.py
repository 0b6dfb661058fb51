"""Reading typed fields out of parsed JSON, each refusal with the path of its field.

`decoder()` makes numbers Decimals, NaN and Infinity into something no reader accepts, and remembers
a key that is written twice, so that nobody has to guess which of the two was meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from coop.charging.errors import FieldInvalid, FieldMissing, RowMalformed

_DUPLICATE = "\0duplicate"
_MAX_NUMBER = 10**15
_MAX_DECIMALS = 18
_MAX_EXPONENT = 1000
_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,9}))?(Z|z|[+-][0-9]{2}:[0-9]{2})?"
)


class NotANumber:
    """NaN or Infinity, which JSON does not have, or digits beyond counting; `text` says which."""

    def __init__(self, text: str) -> None:
        self.text = text


def decoder() -> json.JSONDecoder:
    """A decoder whose numbers are exact."""
    return json.JSONDecoder(
        parse_float=_number,
        parse_int=_number,
        parse_constant=NotANumber,
        object_pairs_hook=_object,
    )


def _number(text: str) -> Decimal | NotANumber:
    """Exactly the number, unless its exponent is one that Decimal cannot calculate with."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return NotANumber(text[:40])
    return value if -_MAX_EXPONENT < value.adjusted() < _MAX_EXPONENT else NotANumber(text[:40])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        found[_DUPLICATE] = next(name for name in names if names.count(name) > 1)
    return found


class Fields:
    """A JSON object seen from `at`, its path within the document."""

    def __init__(self, document: object, at: tuple[str, ...] = ()) -> None:
        if not isinstance(document, dict):
            raise (FieldInvalid if at else RowMalformed)("Not a JSON object.", at)
        self.values: Mapping[str, Any] = document
        self._at = at
        if _DUPLICATE in document:
            name = document[_DUPLICATE]
            raise FieldInvalid("Written twice in one object.", self.path(str(name)[:40]))

    def __contains__(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self.values.get(name) is not None

    def path(self, name: str) -> tuple[str, ...]:
        """The path of a field of this object."""
        return (*self._at, name)

    def _value(self, name: str) -> Any:
        value = self.values.get(name)
        if value is None:
            raise FieldMissing("Required.", self.path(name))
        return value

    def child(self, name: str) -> Fields:
        """A required object."""
        return Fields(self._value(name), self.path(name))

    def children(self, name: str) -> list[Fields]:
        """A required list of objects."""
        value = self._value(name)
        if not isinstance(value, list):
            raise FieldInvalid("Not a list.", self.path(name))
        return [Fields(item, (*self.path(name), str(i))) for i, item in enumerate(value)]

    def text(self, name: str, longest: int) -> str:
        """A required text of printable characters, at most `longest`."""
        value = self._value(name)
        if not isinstance(value, str):
            raise FieldInvalid("Not a text.", self.path(name))
        if not value.strip():
            raise FieldMissing("Blank.", self.path(name))
        if len(value) > longest or not value.isprintable():
            raise FieldInvalid(f"Not a text of at most {longest} characters.", self.path(name))
        return value

    def identifier(self, name: str, longest: int) -> str:
        """A required CiString: printable ASCII."""
        value = self.text(name, longest)
        if not value.isascii():
            raise FieldInvalid("An identifier is printable ASCII.", self.path(name))
        return value

    def flag(self, name: str) -> bool:
        """True or false; absent is false."""
        value = self.values.get(name)
        if not isinstance(value, bool | None):
            raise FieldInvalid("Neither true nor false.", self.path(name))
        return value is True

    def number(self, name: str) -> Decimal:
        """A required JSON number within what anything here measures."""
        value = self._value(name)
        if isinstance(value, NotANumber):
            raise FieldInvalid(f"{value.text} is not a number.", self.path(name))
        if not isinstance(value, Decimal):
            raise FieldInvalid("Not a JSON number.", self.path(name))
        exponent = value.as_tuple().exponent
        if abs(value) > _MAX_NUMBER or not isinstance(exponent, int) or exponent < -_MAX_DECIMALS:
            raise FieldInvalid("A number beyond any measurement.", self.path(name))
        return value

    def instant(self, name: str) -> datetime:
        """A required RFC 3339 time as UTC; OCPI's are UTC even when the Z is left out.

        An offset is outside the specification but says what it means, so it is read.
        """
        value = self._value(name)
        match = _RFC3339.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise FieldInvalid("Not a time such as 2026-03-01T08:15:00Z.", self.path(name))
        *parts, fraction, offset = match.groups()
        microseconds = int((fraction or "0")[:6].ljust(6, "0"))
        year, month, day, hour, minute, second = map(int, parts)
        try:
            time = datetime(
                year, month, day, hour, minute, second, microseconds, tzinfo=_offset(offset)
            )
            return time.astimezone(UTC)
        except (ValueError, OverflowError):
            raise FieldInvalid("Not a time that exists.", self.path(name)) from None


def _offset(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-offset if text[0] == "-" else offset)
