"""A stretch of an ordered list, said by keys rather than by counting from its start.

A key is the values a list is sorted by, ending in something unique (an id), so that rows written
between two pages neither repeat nor disappear. The API makes windows; rooms answer them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

KeyPart = str | int | date | datetime | UUID
Key = tuple[KeyPart, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` rows strictly after the key `after` and strictly before the key `before`.

    `backward` takes them from the far end: the rows nearest to `before`, or to the end of the
    list, and in that order, so nearest first. Keys compare in the list's own order, whichever way
    it runs.
    """

    limit: int
    after: Key | None = None
    before: Key | None = None
    backward: bool = False
