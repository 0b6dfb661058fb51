"""The one route of the API: a GraphQL request over HTTP, from its bytes to its answer.

    authenticate → one point of the rate → read → parse, limits, validation (remembered by text)
    → the points of the query → context → execution → JSON

It knows no rooms. Whoever mounts it says who asks (`authenticate`), what they may spend (`spend`),
and what resolvers get (`context_factory`), which for a query opens one snapshot around the whole
execution.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

import strawberry
from graphql import ExecutionResult, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from coop.kernel.errors import Refusal
from coop.schema import wire
from coop.schema.answers import error_of, errors_shown, internal_error
from coop.schema.documents import (
    Documents,
    Prepared,
    RequestRefused,
    executed,
    expect_text,
    is_request_error,
    refused,
)
from coop.schema.errors import Code, HttpRefusal, RateLimited
from coop.schema.limits import COST_MAX, MeasuredOperation
from coop.schema.rate_limit import Verdict
from coop.schema.wire import Answer, Asked

BODY_MAX: Final = 256 * 1024
LARGE_BODY_MAX: Final = 8 * 1024 * 1024
TIMEOUT_S: Final = 10
LARGE_TIMEOUT_S: Final = 300  # a large import takes minutes
REFUSED_POINTS: Final = 10  # of a document that failed: its parsing and validation were the work

P = TypeVar("P")
P_contra = TypeVar("P_contra", contravariant=True)
P_co = TypeVar("P_co", covariant=True)


class Authenticate(Protocol[P_co]):
    """Who asks. A Refusal is answered by 401; an HttpRefusal says its own status."""

    async def __call__(self, request: Request, /) -> P_co: ...


class ContextFactory(Protocol[P_contra]):
    """What resolvers find in `info.context`, open for as long as the operation runs.

    It may raise a Refusal (no such cooperative) or an HttpRefusal.
    """

    def __call__(
        self, request: Request, principal: P_contra, operation: MeasuredOperation, /
    ) -> AbstractAsyncContextManager[Any]: ...


@dataclass(frozen=True)
class LargeBodies(Generic[P]):
    """Mutations whose body may have 8 MiB rather than 256 KiB, for whom, and for how long.

    Which field a body asks for is known once it is read, so the limit is `allowed(principal)` while
    reading, and the `fields` are checked after.
    """

    fields: frozenset[str]
    allowed: Callable[[P], bool]
    timeout_s: float = LARGE_TIMEOUT_S


class GraphQLView(Generic[P]):
    """An ASGI application that serves `schema` at one path: GET (queries only) and POST."""

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        authenticate: Authenticate[P],
        context_factory: ContextFactory[P],
        spend: Callable[[P, int], Verdict] | None = None,
        large_bodies: LargeBodies[P] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.documents = Documents(schema)
        self._authenticate = authenticate
        self._context_factory = context_factory
        self._spend = spend
        self._large = large_bodies
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        request = Request(scope, receive)
        media = wire.negotiated(request.headers.get("accept"))
        try:
            answer = await self._answer(request, media)
        except ClientDisconnect:
            return
        message = _written(answer, media or wire.JSON)
        body = message.pop("body")
        await send({"type": "http.response.start", **message})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, request: Request, media: str | None) -> Answer:
        headers: dict[str, str] = {}
        try:
            _expect_acceptable(media)
            principal = await self._principal(request)
            self._pay(principal, 1, headers)
            answer = await self._served(request, principal, headers)
        except HttpRefusal as no:
            headers.update(no.headers)
            return Answer(no.status, {"errors": [error_of(no.code, no.message)]}, headers)
        except ClientDisconnect:
            raise
        except Exception as bug:  # noqa: BLE001 - whatever it is, the client learns only its id
            return Answer(wire.INTERNAL, {"errors": [internal_error(bug)]}, headers)
        if answer.status == wire.REQUEST_ERROR and media == wire.JSON:
            answer.status = wire.LEGACY_REQUEST_ERROR
        answer.headers |= headers
        return answer

    async def _principal(self, request: Request) -> P:
        try:
            return await self._authenticate(request)
        except Refusal as no:
            headers = {"WWW-Authenticate": "Bearer"}
            raise HttpRefusal(wire.UNAUTHENTICATED, no.code, no.message, headers) from None

    def _pay(self, principal: P, points: int, headers: dict[str, str]) -> None:
        if self._spend is None or points <= 0:
            return
        verdict = self._spend(principal, points)
        if not verdict.admitted:
            raise RateLimited(verdict.headers())
        headers.update(verdict.headers())

    async def _served(self, request: Request, principal: P, headers: dict[str, str]) -> Answer:
        large = self._large is not None and self._large.allowed(principal)
        asked = await wire.asked_by(request, LARGE_BODY_MAX if large else BODY_MAX)
        try:
            prepared = self.documents.prepared(asked.query)
            operation = prepared.operation(asked.operation_name)
            self._expect_suitable(request, asked, operation)
            if operation.kind is not OperationType.MUTATION:  # whose domain says what is wrong
                expect_text(asked.variables)
            cost = operation.cost(asked.variables or {})
            if cost > COST_MAX:
                raise refused(Code.TOO_COSTLY, f"This costs {cost} points, above {COST_MAX}.")
        except RequestRefused as no:
            self._pay(principal, REFUSED_POINTS, headers)
            return _request_error(errors_shown(no.errors, asked.operation_name))
        self._pay(principal, cost - 1, headers)
        answer = await self._run(request, principal, asked, prepared, operation)
        answer.content["extensions"] = {"cost": {"points": cost, "max": COST_MAX}}
        return answer

    def _expect_suitable(
        self, request: Request, asked: Asked, operation: MeasuredOperation
    ) -> None:
        if request.method == "GET" and operation.kind is not OperationType.QUERY:
            message = "Only queries may be asked by GET."
            raise HttpRefusal(
                wire.METHOD_NOT_ALLOWED, Code.METHOD_NOT_ALLOWED, message, {"Allow": "POST"}
            )
        if operation.kind is OperationType.SUBSCRIPTION:
            raise refused(
                Code.SUBSCRIPTION_NEEDS_SOCKET, "Subscribe over a WebSocket, graphql-transport-ws."
            )
        if asked.size > BODY_MAX and self._large_of(operation) is None:
            raise wire.body_too_large(BODY_MAX)

    def _large_of(self, operation: MeasuredOperation) -> LargeBodies[P] | None:
        found = self._large
        return found if found and found.fields.issuperset(operation.root_fields) else None

    async def _run(
        self, request: Request, principal: P, asked: Asked, prepared: Prepared,
        operation: MeasuredOperation,
    ) -> Answer:  # fmt: skip
        large = self._large_of(operation)
        timeout_s = self._timeout_s if large is None else large.timeout_s
        limit = asyncio.timeout(timeout_s)
        try:
            async with limit, self._context_factory(request, principal, operation) as context:
                result = await executed(
                    self.documents, prepared, operation, asked.variables, context
                )
        except Refusal as no:
            return _request_error([error_of(no.code, no.message)])
        except TimeoutError:
            if not limit.expired():
                raise
            message = f"This took longer than {timeout_s} seconds."
            return Answer(wire.TIMED_OUT, {"errors": [error_of(Code.TIMEOUT, message)]})
        return _shown(result, operation.name)


def _expect_acceptable(media: str | None) -> None:
    if media is None:
        message = f"Accept {wire.GRAPHQL_RESPONSE} or {wire.JSON}."
        raise HttpRefusal(wire.NOT_ACCEPTABLE, Code.NOT_ACCEPTABLE, message)


def _request_error(errors: list[dict[str, Any]]) -> Answer:
    return Answer(wire.REQUEST_ERROR, {"errors": errors})


def _shown(result: ExecutionResult, operation: str | None) -> Answer:
    if not result.errors:
        return Answer(wire.OK, {"data": result.data})
    errors = errors_shown(result.errors, operation)
    if is_request_error(result):
        return _request_error(errors)
    return Answer(wire.PARTIAL, {"errors": errors, "data": result.data})


def _written(answer: Answer, media: str) -> dict[str, Any]:
    try:
        return wire.written(answer, media)
    except TypeError as bug:  # a JSON scalar that is not JSON
        masked = Answer(wire.INTERNAL, {"errors": [internal_error(bug)]}, answer.headers)
        return wire.written(masked, media)
