"""One embedded PostgreSQL for the whole run; each test works in a cooperative of its own, so none sees another."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from coop.config import Settings
from coop.db.engine import Database
from coop.db.open import Access, open_access

# Nothing is timed: how long an example takes says something of the machine, not of the code.
hypothesis_settings.register_profile(
    "coop", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("coop")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def settings() -> Iterator[Settings]:
    """An installation of its own in a temporary directory."""
    data_dir = Path(tempfile.mkdtemp(prefix="coop-test-"))
    yield Settings.read({"COOP_DATA_DIR": str(data_dir)})
    shutil.rmtree(data_dir, ignore_errors=True)


@pytest.fixture(scope="session")
async def access(settings: Settings) -> AsyncIterator[Access]:
    """The migrated database of that installation."""
    found = await open_access(settings)
    yield found
    assert found.embedded is not None
    found.embedded.stop()


@pytest.fixture(scope="session")
async def database(access: Access) -> AsyncIterator[Database]:
    """What the server works with: connections as `coop_app`."""
    found = access.database()
    yield found
    await found.close()


def shared_data(relative: str) -> Path:
    """A file of the shared real data; skips, naming it, where it is absent."""
    path = SHARED_DATA / relative
    if not path.exists():
        pytest.skip(f"real data is absent: ../shared/data/{relative}")
    return path
