"""Refused mutations answer with data; bugs in them do not."""

from __future__ import annotations

import pytest
from graphql import print_schema

from tests.schema.edge.conftest import Client
from tests.schema.edge.demo import World, schema

pytestmark = pytest.mark.anyio

POST = """mutation($t: String!) { post(text: $t) {
  posted replayed errors { __typename code message path ... on TooMuchError { excess } } } }"""


async def test_a_mutation_that_goes_through_has_no_errors(client: Client, world: World) -> None:
    assert await client.data(POST, t="fine") == {
        "post": {"posted": "fine", "replayed": False, "errors": []}
    }
    assert world.posted == ["fine"]


async def test_a_refusal_becomes_a_user_error_with_its_path_in_the_apis_spelling(
    client: Client, world: World
) -> None:
    error = {
        "__typename": "PlainError", "code": "INVALID_VALUE", "message": "No.",
        "path": ["input", "effectiveOn"],
    }  # fmt: skip
    assert await client.data(POST, t="plain") == {
        "post": {"posted": None, "replayed": False, "errors": [error]}
    }
    assert world.posted == []


async def test_a_room_may_say_more_about_its_own_refusal(client: Client) -> None:
    (error,) = (await client.data(POST, t="much"))["post"]["errors"]
    assert (error["__typename"], error["code"], error["excess"]) == (
        "TooMuchError", "DEMO_TOO_MUCH", "1.50",
    )  # fmt: skip


async def test_a_bug_is_no_user_error(client: Client) -> None:
    assert await client.code(POST, t="bug") == "INTERNAL"


def test_the_names_clients_rely_on() -> None:
    sdl = print_schema(schema._schema)
    for text in (
        "interface UserError {",
        "type PlainError implements UserError {",
        "type PageInfo {",
        "type RowConnection {",
        "type RowEdge {",
        "type Money {",
        "input MoneyInput {",
        "input DateRange {",
        *(f"scalar {name}\n" for name in ("Decimal", "KWh", "DateTime", "Date", "IdempotencyKey", "CurrencyCode", "JSON")),
        "rows(first: Int, after: String, last: Int, before: String): RowConnection!",
    ):  # fmt: skip
        assert text in sdl
