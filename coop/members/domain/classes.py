"""Classes of members: what tariffs, and later votes, may tell apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from coop.kernel.errors import InvalidValue

# What nobody's session is priced as; no member is of it.
GUEST: Final = "guest"
NO_CLASS: Final = ""
_CLASS = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True)
class MemberClass:
    """The class `name` of a member on the days [from_on, to_on)."""

    id: UUID
    member_id: UUID
    name: str
    from_on: date
    to_on: date | None

    def on(self, day: date) -> bool:
        """Whether it counts on `day`."""
        return self.from_on <= day and (self.to_on is None or day < self.to_on)


def class_named(text: str, name: str = "memberClass") -> str:
    """A class as compared and stored, in lower case; empty stands for none.

    Refuses INVALID_VALUE, with `name` as its path.
    """
    found = text.strip().lower()
    if found and not _CLASS.fullmatch(found):
        raise InvalidValue("A class is 1 to 40 of a-z, 0-9, _ and -.", (name,))
    return found


def class_on(classes: Sequence[MemberClass], day: date) -> str:
    """What a member is on `day`; empty for no class."""
    return next((one.name for one in classes if one.on(day)), NO_CLASS)
