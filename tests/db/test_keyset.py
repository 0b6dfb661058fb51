"""Windows of a statement, as PostgreSQL answers them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Date, Integer, column, select, values

from coop.db.engine import Database
from coop.db.keyset import windowed
from coop.kernel.ids import CooperativeId, uuid7
from coop.kernel.window import Window

pytestmark = pytest.mark.anyio

DAY = date(2026, 1, 1)
# Three days with two rows each: the second column decides where days are equal.
ROWS = [(date(2026, 1, 1 + day), number) for day in range(3) for number in (1, 2)]
LISTED = values(column("day", Date), column("number", Integer), name="listed").data(ROWS)


async def answered(database: Database, window: Window, *, descending: bool) -> Sequence[Any]:
    columns = (LISTED.c.day, LISTED.c.number)
    statement = windowed(select(*columns), columns, window, descending=descending)
    async with database.snapshot(CooperativeId(uuid7())) as connection:
        return [tuple(row) for row in await connection.execute(statement)]


@pytest.mark.parametrize("descending", [False, True])
async def test_windows_follow_the_lists_own_order(database: Database, descending: bool) -> None:
    order = ROWS[::-1] if descending else ROWS
    for after in range(-1, 6):
        for before in range(7):
            keys = {
                "after": order[after] if after >= 0 else None,
                "before": order[before] if before < 6 else None,
            }
            between = order[after + 1 : before]
            forward = Window(limit=2, **keys)
            backward = Window(limit=2, backward=True, **keys)
            assert await answered(database, forward, descending=descending) == between[:2]
            assert await answered(database, backward, descending=descending) == between[::-1][:2]
