"""One of many values as one array parameter: one statement serves every number of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, any_, literal


def among(column: ColumnElement[Any], values: Iterable[object]) -> ColumnElement[bool]:
    """Whether `column` is one of `values`; an IN list would be a new statement for every length."""
    return column == any_(literal(list(values), ARRAY(column.type)))
