"""Speaking GraphQL to the real application as somebody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
from starlette.applications import Starlette

GRAPHQL_RESPONSE = "application/graphql-response+json"


def client_of(app: Starlette) -> httpx.AsyncClient:
    """A client of the application in this process; its bugs are answers, as they would be."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")


@dataclass(frozen=True)
class Api:
    """One person at the API: a client, and the token that says who asks."""

    http: httpx.AsyncClient
    token: str | None

    async def post(self, query: str, variables: dict[str, Any] | None = None) -> httpx.Response:
        headers = {"Accept": GRAPHQL_RESPONSE}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        body = {"query": query, "variables": variables or {}}
        return await self.http.post("/graphql", json=body, headers=headers)

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer."""
        answer: dict[str, Any] = (await self.post(query, variables)).json()
        return answer

    async def data(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        answer = await self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def code(self, query: str, **variables: Any) -> str:
        """The code of the one error of an answer."""
        answer = await self.ask(query, **variables)
        assert len(answer.get("errors", ())) == 1, answer
        return str(answer["errors"][0]["extensions"]["code"])

    async def node(self, id_: str, fields: str) -> Any:
        """`fields`, as `... on Member { name }`, of what an id names; None when it names nothing."""
        query = f"query($id: ID!) {{ node(id: $id) {{ {fields} }} }}"
        return (await self.data(query, id=id_))["node"]

    async def order(self, mutation: str, fields: str, **input_: Any) -> dict[str, Any]:
        """The payload of a mutation: `fields`, and what every payload has."""
        kind = mutation[0].upper() + mutation[1:] + "Input"
        query = (
            f"mutation($input: {kind}!) {{ {mutation}(input: $input)"
            f" {{ replayed errors {{ code message path }} {fields} }} }}"
        )
        payload: dict[str, Any] = (await self.data(query, input=input_))[mutation]
        return payload
