"""Connections: pages of a list by key, so that an insert between pages repeats and skips nothing.

A room's resolver says how its list is ordered (`Order`), what was asked (`Page`), and how to fetch
a `Window` of rows; `connection_of` does the rest. One row more than asked is fetched: it is
`hasNextPage`.

    MEMBERS = Order("member.number", str, UUID)

    @strawberry.field
    async def members(self, info: Info, first: int | None = UNSET, after: str | None = UNSET,
                      ) -> Connection[Member]:
        return await connection_of(
            Connection[Member], MEMBERS, Page(first, after),
            fetch=lambda window: queries.members(info.context.connection, window),
            key=lambda row: (row.number, row.id), node=Member.of,
            count=lambda: queries.count_of_members(info.context.connection))
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import orjson
import strawberry

from coop.kernel.window import Key, Window
from coop.schema.errors import InvalidCursor, InvalidPage

PAGE_DEFAULT: Final = 50
PAGE_MAX: Final = 200
_CURSOR_MAX: Final = 1_000
_BIGINT = range(-(2**63), 2**63)

T = TypeVar("T")
Row = TypeVar("Row")
C = TypeVar("C", bound="Connection[Any]")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Where a page lies in its list."""

    has_next_page: bool = strawberry.field(
        description="Whether at least one row follows this page."
    )
    has_previous_page: bool = strawberry.field(description="Whether a row precedes it.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first edge.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last edge.")


@strawberry.type(description="One row of a page, and its place.")
class Edge(Generic[T]):
    """One row of a page, and its place."""

    node: T = strawberry.field(description="The row itself.")
    cursor: str = strawberry.field(description="Its place, to be used as `after` or `before`.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    """One page of a list; its total is counted only when somebody asks."""

    items: strawberry.Private[list[T]]
    cursors: strawberry.Private[Callable[[int], str]]
    count: strawberry.Private[Callable[[], Awaitable[int]]]
    page_info: PageInfo = strawberry.field(description="Where this page lies in the list.")

    @strawberry.field(description="The rows with their cursors.")
    def edges(self) -> list[Edge[T]]:
        return [Edge(node=item, cursor=self.cursors(i)) for i, item in enumerate(self.items)]

    @strawberry.field(description="The rows alone.")
    def nodes(self) -> list[T]:
        return self.items

    @strawberry.field(description="How many rows the whole list has under the same filter.")
    async def total_count(self) -> int:
        return await self.count()


class Order:
    """How a list is sorted, as its cursors spell it.

    `name` keeps the cursors of one list from being used in another; `kinds` are the types of the
    key's values, of str, int, date, datetime and UUID, the last one unique.
    """

    def __init__(self, name: str, *kinds: type) -> None:
        self.name = name
        self.kinds = kinds

    def cursor(self, key: Key) -> str:
        """The opaque text that stands for `key`."""
        # `default`: the driver's UUIDs are a subclass, which orjson does not know.
        written = orjson.dumps((self.name, *key), default=str)
        return urlsafe_b64encode(written).decode().rstrip("=")

    def key(self, cursor: str) -> Key:
        """The key `cursor` stands for. Refuses INVALID_CURSOR."""
        try:
            name, *parts = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            key = tuple(_read(kind, part) for kind, part in zip(self.kinds, parts, strict=True))
        except (ValueError, TypeError):
            raise InvalidCursor("This is not a cursor of this list.") from None
        # One spelling a cursor: what was not written by `cursor` is not read either.
        if name != self.name or self.cursor(key) != cursor:
            raise InvalidCursor("This cursor belongs to another list.")
        return key


def _read(kind: type, part: object) -> Any:
    """The value of `kind` that orjson wrote as `part`. Raises ValueError or TypeError."""
    if kind is int:
        if type(part) is not int or part not in _BIGINT:
            raise ValueError(part)
        return part
    if not isinstance(part, str) or "\0" in part:
        raise TypeError(part)
    if kind is datetime:
        instant = datetime.fromisoformat(part)
        if instant.utcoffset() is None:
            raise ValueError(part)
        return instant
    if kind is date:
        return date.fromisoformat(part)
    return UUID(part) if kind is UUID else part


@dataclass(frozen=True, slots=True)
class Page:
    """The page a client asked for, as its four arguments say; UNSET is as good as None."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def __post_init__(self) -> None:
        for name in ("first", "after", "last", "before"):
            if getattr(self, name) is strawberry.UNSET:
                object.__setattr__(self, name, None)

    def window(self, order: Order) -> Window:
        """One row more than asked, in the list sorted by `order`.

        Refuses INVALID_PAGE (both ends, or a size outside 0..200) and INVALID_CURSOR.
        """
        if self.first is not None and self.last is not None:
            raise InvalidPage("Ask for the first or for the last rows, not for both.")
        backward = self.last is not None or (self.first is None and self._only_before())
        size = self.last if self.last is not None else self.first
        size = PAGE_DEFAULT if size is None else size
        if not 0 <= size <= PAGE_MAX:
            raise InvalidPage(f"A page has 0 to {PAGE_MAX} rows, not {size}.")
        return Window(size + 1, _key(order, self.after), _key(order, self.before), backward)

    def _only_before(self) -> bool:
        return self.before is not None and self.after is None


def _key(order: Order, cursor: str | None) -> Key | None:
    if cursor is None:
        return None
    if len(cursor) > _CURSOR_MAX:
        raise InvalidCursor("This is not a cursor of this list.")
    return order.key(cursor)


async def connection_of(
    kind: type[C],
    order: Order,
    page: Page,
    *,
    fetch: Callable[[Window], Awaitable[Sequence[Row]]],
    key: Callable[[Row], Key],
    node: Callable[[Row], Any],
    count: Callable[[], Awaitable[int]],
    **more: Any,
) -> C:
    """The page of `kind` that `page` asks for; `more` are the fields a subclass of Connection adds.

    `fetch` answers a Window, nearest row first; `key` and `node` read a row; `count` is awaited
    only when totalCount is selected. Refuses INVALID_PAGE and INVALID_CURSOR.
    """
    window = page.window(order)
    fetched = await fetch(window)
    size = window.limit - 1
    beyond = len(fetched) > size
    rows = fetched[:size][::-1] if window.backward else fetched[:size]

    def cursor(index: int) -> str:
        return order.cursor(key(rows[index]))

    info = PageInfo(
        has_next_page=window.before is not None if window.backward else beyond,
        has_previous_page=beyond if window.backward else window.after is not None,
        start_cursor=cursor(0) if rows else None,
        end_cursor=cursor(-1) if rows else None,
    )
    items = [node(row) for row in rows]
    return kind(items=items, cursors=cursor, count=count, page_info=info, **more)
