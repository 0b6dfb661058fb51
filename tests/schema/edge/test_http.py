"""Statuses, media types, masking: what a client is told over HTTP, and what it is not."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import structlog

from coop.schema.view import BODY_MAX, LARGE_BODY_MAX
from coop.schema.wire import negotiated
from tests.schema.edge.conftest import GRAPHQL_RESPONSE, Client
from tests.schema.edge.demo import World, app_of

pytestmark = pytest.mark.anyio

JSON = "application/json"


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}, {JSON}", GRAPHQL_RESPONSE),
        (f"{JSON}, {GRAPHQL_RESPONSE}", JSON),
        (f"{JSON};q=0.5, {GRAPHQL_RESPONSE};q=0.9", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE};q=0, */*;q=0.1", JSON),
        (f"{JSON};charset=utf-8", JSON),
        ("application/graphql-response+json, text/event-stream, multipart/mixed", GRAPHQL_RESPONSE),
        ("text/csv", None),
        (f"{JSON};q=0", None),
        (f"{JSON};q=much", None),
    ],
)
def test_the_media_type_is_negotiated(accept: str | None, media: str | None) -> None:
    assert negotiated(accept) == media


@pytest.mark.parametrize(
    ("body", "modern", "legacy", "code"),
    [
        (b'{"query": "{ hello"}', 400, 200, "GRAPHQL_PARSE_FAILED"),
        (b'{"query": "{ nothing }"}', 400, 200, "GRAPHQL_VALIDATION_FAILED"),
        (b'{"query": "{ hello ...on Query{' + b"hello " * 60 + b'} }"}', 400, 200, "TOO_MANY_ROOT_FIELDS"),
        (b'{"query": "query($n: Int!) { row(number: $n) { number } }"}', 400, 200, "BAD_USER_INPUT"),
        (b'{"query": "query A { hello } query B { hello }"}', 400, 200, "AMBIGUOUS_OPERATION"),
        (b'{"query": "{ hello }", "operationName": "X"}', 400, 200, "UNKNOWN_OPERATION"),
        (b'{"query": "subscription { ticks { number } }"}', 400, 200, "SUBSCRIPTION_NEEDS_SOCKET"),
        (b"", 400, 400, "BAD_REQUEST"),
        (b"null", 400, 400, "BAD_REQUEST"),
        (b'"x"', 400, 400, "BAD_REQUEST"),
        (b"5", 400, 400, "BAD_REQUEST"),
        (b"[]", 400, 400, "BAD_REQUEST"),
        (b'[{"query": "{ hello }"}]', 400, 400, "BAD_REQUEST"),
        (b"{", 400, 400, "BAD_REQUEST"),
        (b"\xff", 400, 400, "BAD_REQUEST"),
        (b"[" * 5000, 400, 400, "BAD_REQUEST"),
        (b"{}", 400, 400, "BAD_REQUEST"),
        (b'{"query": ""}', 400, 400, "BAD_REQUEST"),
        (b'{"query": 5}', 400, 400, "BAD_REQUEST"),
        (b'{"query": "{ hello }", "variables": "x"}', 400, 400, "BAD_REQUEST"),
        (b'{"query": "{ hello }", "variables": [1]}', 400, 400, "BAD_REQUEST"),
        (b'{"query": "{ hello }", "extensions": 1}', 400, 400, "BAD_REQUEST"),
        (b'{"query": "{ hello }", "operationName": 1}', 400, 400, "BAD_REQUEST"),
    ],
)  # fmt: skip
async def test_statuses_of_requests_of_which_nothing_ran(
    client: Client, world: World, body: bytes, modern: int, legacy: int, code: str
) -> None:
    for accept, status in ((GRAPHQL_RESPONSE, modern), (JSON, legacy)):
        headers = {"Accept": accept, "Content-Type": JSON}
        response = await client.http.post("/graphql", content=body, headers=headers)
        answer = response.json()
        assert (response.status_code, answer["errors"][0]["extensions"]["code"]) == (status, code)
        assert "data" not in answer
        assert response.headers["content-type"] == f"{accept}; charset=utf-8"
    assert world.opened in ([], ["query", "query"]), "variables are read inside the context"


@pytest.mark.parametrize(
    ("method", "url", "headers", "status", "code", "allow"),
    [
        ("PUT", "/graphql", {}, 405, "METHOD_NOT_ALLOWED", "GET, POST"),
        ("DELETE", "/graphql", {}, 405, "METHOD_NOT_ALLOWED", "GET, POST"),
        ("GET", '/graphql?query=mutation{post(text:"x"){posted}}', {}, 405, "METHOD_NOT_ALLOWED", "POST"),
        ("GET", "/graphql?query=subscription{ticks{number}}", {}, 405, "METHOD_NOT_ALLOWED", "POST"),
        ("GET", "/graphql", {}, 400, "BAD_REQUEST", None),
        ("GET", "/graphql?query={hello}&variables=[", {}, 400, "BAD_REQUEST", None),
        ("GET", "/graphql?query={hello}", {"Accept": "text/csv"}, 406, "NOT_ACCEPTABLE", None),
        ("POST", "/graphql", {}, 415, "UNSUPPORTED_MEDIA_TYPE", None),
        ("POST", "/graphql", {"Content-Type": "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE", None),
        ("POST", "/graphql", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "UNSUPPORTED_MEDIA_TYPE", None),
        ("POST", "/graphql", {"Content-Type": "multipart/form-data"}, 415, "UNSUPPORTED_MEDIA_TYPE", None),
        ("POST", "/graphql", {"Content-Type": f"{JSON}; charset=latin1"}, 415, "UNSUPPORTED_MEDIA_TYPE", None),
        ("POST", "/graphql", {"Content-Type": JSON, "Authorization": "Bearer bad"}, 401, "UNAUTHENTICATED", None),
    ],
)  # fmt: skip
async def test_statuses_of_requests_that_are_not_read(
    client: Client, world: World, method: str, url: str, headers: dict[str, str], status: int,
    code: str, allow: str | None,
) -> None:  # fmt: skip
    response = await client.http.request(method, url, headers=headers)
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (
        status,
        code,
    )
    assert response.headers.get("allow") == allow
    assert world.opened == world.posted == []


async def test_who_is_not_known_is_told_how_to_be(client: Client) -> None:
    response = await client.post("{ hello }", headers={"Authorization": "Bearer bad"})
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


async def test_queries_may_be_asked_by_get_with_variables(client: Client) -> None:
    params = {"query": "query($n: Int!) { row(number: $n) { number } }", "variables": '{"n": 3}'}
    response = await client.http.get("/graphql", params=params)
    assert response.json()["data"] == {"row": {"number": 3}}


async def test_answers_carry_their_cost_and_are_kept_by_no_cache(client: Client) -> None:
    response = await client.post("{ rows(first: 2) { nodes { number } } }")
    assert response.json() == {
        "data": {"rows": {"nodes": [{"number": 0}, {"number": 1}]}},
        "extensions": {"cost": {"points": 3, "max": 5000}},
    }
    assert response.headers["cache-control"] == "no-store"


async def test_a_query_that_its_variables_make_too_costly_is_refused(client: Client) -> None:
    query = "query($i: [ID!]!) { nodes(ids: $i) { number } }"
    assert await client.code(query, i=["a"] * 5001) == "TOO_COSTLY"


async def test_a_partial_answer_keeps_what_there_is_and_masks_bugs(client: Client) -> None:
    with structlog.testing.capture_logs() as logs:
        response = await client.post("{ hello broken forbidden row(number: 1) { broken } }")
    answer = response.json()
    assert response.status_code == 200
    assert answer["data"] == {
        "hello": "world", "broken": None, "forbidden": None, "row": {"broken": None},
    }  # fmt: skip
    by_path = {tuple(error["path"]): error for error in answer["errors"]}
    forbidden = by_path["forbidden",]
    assert (forbidden["message"], forbidden["locations"]) == (
        "You may not.",
        [{"line": 1, "column": 16}],
    )
    assert forbidden["extensions"] == {"code": "FORBIDDEN", "inputPath": ["input", "0"]}
    for path in (("broken",), ("row", "broken")):
        assert by_path[path]["extensions"]["code"] == "INTERNAL"
    assert "hunter2" not in response.text
    shown = {error["extensions"].get("errorId") for error in answer["errors"]} - {None}
    assert {log["error_id"] for log in logs} == shown
    assert {str(log["exc_info"]) for log in logs} == {"secret dsn=postgres://root:hunter2@db"}
    assert {tuple(log["path"]) for log in logs} == {("broken",), ("row", "broken")}


async def test_a_field_broken_in_every_row_is_logged_five_times(client: Client) -> None:
    with structlog.testing.capture_logs() as logs:
        response = await client.post("{ rows { nodes { broken } } }")
    errors = response.json()["errors"]
    assert [error["path"][2] for error in errors] == list(range(10))
    assert {error["extensions"]["errorId"] for error in errors} == {log["error_id"] for log in logs}
    assert len(logs) == 5


async def test_mistakes_of_clients_are_not_logged(client: Client) -> None:
    with structlog.testing.capture_logs() as logs:
        for query in (
            "{ hello",
            "{ nothing }",
            "{ forbidden }",
            "{ echo(decimal: 1) { decimal } }",
        ):
            await client.post(query)
        await client.http.put("/graphql")
    assert logs == []


async def test_what_is_not_json_is_our_bug(client: Client) -> None:
    with structlog.testing.capture_logs() as logs:
        response = await client.post("{ notJson }")
    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"]["errorId"] == logs[0]["error_id"]


async def test_a_refusal_of_the_context_is_a_request_error(client: Client, world: World) -> None:
    response = await client.post("{ hello }", headers={"Authorization": "Bearer stranger"})
    assert response.status_code == 400
    assert response.json()["errors"] == [
        {"message": "This cooperative is not yours.", "extensions": {"code": "FORBIDDEN"}}
    ]


async def test_who_asks_reaches_the_resolvers_in_one_context(client: Client, world: World) -> None:
    response = await client.post("{ viewer }", headers={"Authorization": "Bearer kari"})
    assert response.json()["data"] == {"viewer": "kari"}
    assert (world.opened, world.closed) == (["query"], 1)


async def test_bodies_are_limited_before_they_are_read_whole(client: Client) -> None:
    def body(size: int, query: str) -> bytes:
        bare = len(orjson.dumps({"query": query, "variables": {"c": ""}}))
        return orjson.dumps({"query": query, "variables": {"c": "x" * (size - bare)}})

    post = "mutation($c: String!) { post(text: $c) { posted } }"
    load = "mutation($c: String!) { importRows(csv: $c) }"
    for who, query, size, status in (
        ("anyone", post, BODY_MAX, 200),
        ("anyone", post, BODY_MAX + 1, 413),
        ("anyone", load, BODY_MAX + 1, 413),
        ("importer", load, LARGE_BODY_MAX, 200),
        ("importer", load, LARGE_BODY_MAX + 1, 413),
        ("importer", post, BODY_MAX + 1, 413),
    ):
        headers = {"Content-Type": JSON, "Authorization": f"Bearer {who}"}
        content = body(size, query)
        assert len(content) == size
        response = await client.http.post("/graphql", content=content, headers=headers)
        assert response.status_code == status, (who, query, size)

    async def unstated() -> Any:
        for _ in range(5):
            yield b"x" * 100_000

    response = await client.http.post(
        "/graphql", content=unstated(), headers={"Content-Type": JSON}
    )
    assert response.status_code == 413


async def test_a_request_that_takes_too_long_is_given_up(world: World) -> None:
    client = Client(app_of(world, timeout_s=0.05))
    response = await client.post("{ slow }")
    assert response.status_code == 503
    assert response.json()["errors"][0]["extensions"]["code"] == "TIMEOUT"
    assert (world.opened, world.closed) == (["query"], 1), "and its context is closed"
    await client.http.aclose()
