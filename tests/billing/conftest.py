from __future__ import annotations

import pytest

from coop.db.engine import Database
from tests.billing.books import Books, open_books
from tests.billing.grid import Grid, open_grid


@pytest.fixture
async def books(database: Database) -> Books:
    """A cooperative of this test's own that bills, in NOK and Oslo."""
    return await open_books(database)


@pytest.fixture
async def grid(database: Database) -> Grid:
    """A cooperative of this test's own with a hub's grid to pay, in USD and Los Angeles."""
    return await open_grid(database)
