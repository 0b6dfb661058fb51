"""A Window of a statement: the one way rooms page through rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, tuple_

from coop.kernel.window import Key, Window


def windowed(
    statement: Select[Any],
    columns: Sequence[ColumnElement[Any]],
    window: Window,
    *,
    descending: bool = False,
) -> Select[Any]:
    """The rows of `statement` that `window` shows, sorted by `columns`, the last of them unique.

    `descending` is the list's own order (newest first), for all columns alike: PostgreSQL compares
    the columns as one row, which an index on exactly them serves. A backward window comes nearest
    row first.
    """
    row = tuple_(*columns)

    def keyed(key: Key) -> Any:
        return tuple_(*(literal(v, c.type) for v, c in zip(key, columns, strict=True)))

    if window.after is not None:
        key = keyed(window.after)
        statement = statement.where(row < key if descending else row > key)
    if window.before is not None:
        key = keyed(window.before)
        statement = statement.where(row > key if descending else row < key)
    falling = descending != window.backward
    order = [column.desc() if falling else column.asc() for column in columns]
    return statement.order_by(*order).limit(window.limit)
