"""The demo schema behind the real view: in this process for requests, on a loopback port for sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from tests.schema.edge.demo import World, app_of

GRAPHQL_RESPONSE = "application/graphql-response+json"


class Client:
    """Asks one application over HTTP, without a network."""

    def __init__(self, app: Starlette) -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://coop.test")

    async def post(
        self, query: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        sent = {"Accept": GRAPHQL_RESPONSE, **(headers or {})}
        return await self.http.post("/graphql", json={"query": query, **more}, headers=sent)

    async def data(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = (await self.post(query, variables=variables)).json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def error(self, query: str, **variables: Any) -> dict[str, Any]:
        """The one error of an answer."""
        errors = (await self.post(query, variables=variables)).json()["errors"]
        assert len(errors) == 1, errors
        return errors[0]

    async def code(self, query: str, **variables: Any) -> str:
        return (await self.error(query, **variables))["extensions"]["code"]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    found = Client(app_of(world))
    yield found
    await found.http.aclose()


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """`app` on a free loopback port, by the server it is deployed with; gives "127.0.0.1:port"."""
    config = uvicorn.Config(app, port=0, log_level="error", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
