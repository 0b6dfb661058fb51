"""The same page for each of many parents, in one statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Select, column, func, literal, select, true


def page_of_each(
    parent: ColumnElement[Any],
    keys: Iterable[object],
    page: Callable[[ColumnElement[Any]], Select[Any]],
) -> Select[Any]:
    """The rows of `page(key)` for each of `keys`, values of the column `parent`.

    Each parent's rows come in no particular order: whoever asks sorts them.
    """
    parents = func.unnest(literal(list(keys), ARRAY(parent.type))).table_valued(
        column("key", parent.type), name="one"
    )
    parents = parents.render_derived()
    part = page(parents.c.key).lateral("part")
    return select(part).select_from(parents.join(part, true()))
