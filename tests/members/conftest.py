from __future__ import annotations

import pytest

from coop.db.engine import Database
from tests.members.people import Town, found


@pytest.fixture
async def town(database: Database) -> Town:
    """A cooperative of this test's own."""
    return await found(database)


@pytest.fixture
async def elsewhere(database: Database) -> Town:
    """Another cooperative."""
    return await found(database)
