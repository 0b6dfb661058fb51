from __future__ import annotations

import pytest

from coop.db.engine import Database
from tests.charging.yard import Yard, open_yard


@pytest.fixture
async def yard(database: Database) -> Yard:
    """A cooperative of this test's own, books open, in NOK and Oslo."""
    return await open_yard(database)
