from __future__ import annotations

import pytest

from coop.db.engine import Database
from tests.ledger.town import Town, found_town


@pytest.fixture
async def town(database: Database) -> Town:
    """A cooperative of this test's own, with a few accounts."""
    return await found_town(database)


@pytest.fixture
async def elsewhere(database: Database) -> Town:
    """Another cooperative."""
    return await found_town(database)
