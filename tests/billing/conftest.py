from __future__ import annotations

import pytest

from coop.db.engine import Database
from tests.billing.books import Books, open_books


@pytest.fixture
async def books(database: Database) -> Books:
    """A cooperative of this test's own that bills, in NOK and Oslo."""
    return await open_books(database)
