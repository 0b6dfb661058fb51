"""The real application over the real database, in this process, and cooperatives to ask it about."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from coop.app import create_app
from coop.config import Settings
from coop.db.engine import Database
from coop.members.development import DevelopmentIssuer, development_issuer
from tests.api import client_of
from tests.schema.office import Office, furnished, opened


@pytest.fixture(scope="session")
def app(settings: Settings, database: Database) -> Starlette:
    """The server, without its lifespan: nothing is sealed behind a test's back."""
    return create_app(settings, database)


@pytest.fixture(scope="session")
async def http(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as found:
        yield found


@pytest.fixture(scope="session")
def issuer(settings: Settings, app: Starlette) -> DevelopmentIssuer:
    """Signs the tokens that `app`, which made its key, believes."""
    return development_issuer(settings.data_dir)


@pytest.fixture(scope="session")
async def office(database: Database, issuer: DevelopmentIssuer, http: httpx.AsyncClient) -> Office:
    """A furnished cooperative that tests only read."""
    return await furnished(database, issuer, http)


@pytest.fixture(scope="session")
async def elsewhere(
    database: Database, issuer: DevelopmentIssuer, http: httpx.AsyncClient
) -> Office:
    """Another cooperative, furnished alike, that tests only read."""
    return await furnished(database, issuer, http)


@pytest.fixture
async def desk(database: Database, issuer: DevelopmentIssuer, http: httpx.AsyncClient) -> Office:
    """A cooperative of the test's own, to write in."""
    return await opened(database, issuer, http)
