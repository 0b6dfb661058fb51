"""Subscriptions over a WebSocket, graphql-transport-ws and nothing else.

    connection_init {authorization} → connect → connection_ack
    subscribe → parse, limits, validation → source of events
    each event → still allowed? → a context of its own → execution → next

Queries and mutations are refused here: they have their own route, with its limits. Who listens is
asked again before every event and every half minute, so a revoked role or an expired token ends
the stream. Closes: 4400 not of the protocol, 4401 no init yet, 4403 not allowed (any more), 4406
another protocol, 4408 no init in time, 4409 id in use, 4429 init twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, Final, Generic, Protocol, TypeVar, cast
from urllib.parse import urlsplit

import orjson
from graphql import ExecutionResult, OperationType
from graphql.execution import create_source_event_stream
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from coop.kernel.errors import Refusal
from coop.schema.answers import error_of, errors_shown, internal_error
from coop.schema.documents import (
    Documents,
    Prepared,
    RequestRefused,
    executed,
    expect_text,
    refused,
)
from coop.schema.errors import Code, HttpRefusal, RateLimited
from coop.schema.limits import ERRORS_MAX, MeasuredOperation
from coop.schema.rate_limit import Verdict
from coop.schema.wire import Asked, asked_in

PROTOCOL: Final = "graphql-transport-ws"
SUBSCRIPTIONS_MAX: Final = 20
MESSAGE_MAX: Final = 256 * 1024
ID_MAX: Final = 100
INIT_TIMEOUT_S: Final = 10
RECHECK_S: Final = 30
EVENT_TIMEOUT_S: Final = 10


class Listener(Protocol):
    """Whoever is at the other end of one socket."""

    stream_context: Any
    """`info.context` of the resolver that yields events; it lives long, so it holds no snapshot."""

    async def allowed(self) -> bool:
        """Whether it may still listen: the token has not expired, the role has not ended."""
        ...

    def event_context(self, operation: MeasuredOperation) -> AbstractAsyncContextManager[Any]:
        """`info.context` of the fields of one event, with a snapshot of its own."""
        ...


L = TypeVar("L", bound=Listener)
L_co = TypeVar("L_co", bound=Listener, covariant=True)


class Connect(Protocol[L_co]):
    """Who connects, from the payload of connection_init. Raises a Refusal or HttpRefusal: 4403."""

    async def __call__(self, socket: WebSocket, payload: dict[str, Any], /) -> L_co: ...


def bearer_in(payload: dict[str, Any]) -> str | None:
    """The token in the payload of connection_init, `{"authorization": "Bearer …"}`, in any case."""
    for name, value in payload.items():
        if name.lower() == "authorization" and isinstance(value, str):
            scheme, _, token = value.strip().partition(" ")
            return token.strip() if scheme.lower() == "bearer" else None
    return None


class SubscriptionSocket(Generic[L]):
    """An ASGI application that serves the subscriptions of `documents` at one path.

    Browsers may connect from the same origin and from `origins` only.
    """

    def __init__(
        self,
        documents: Documents,
        *,
        connect: Connect[L],
        spend: Callable[[L, int], Verdict] | None = None,
        origins: frozenset[str] = frozenset(),
        init_timeout_s: float = INIT_TIMEOUT_S,
        recheck_s: float = RECHECK_S,
    ) -> None:
        self.documents = documents
        self.connect = connect
        self.spend = spend
        self.init_timeout_s = init_timeout_s
        self.recheck_s = recheck_s
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until either side closes it."""
        socket = WebSocket(scope, receive, send)
        if not self._from_here(socket):
            await socket.close()  # before accept: HTTP 403
        elif PROTOCOL not in scope["subprotocols"]:
            await socket.accept()
            await socket.close(4406, "Subprotocol not acceptable")
        else:
            await socket.accept(PROTOCOL)
            await _Connection(self, socket).run()

    def _from_here(self, socket: WebSocket) -> bool:
        origin = socket.headers.get("origin")
        if origin is None or origin in self._origins:
            return True
        return urlsplit(origin).netloc == socket.headers.get("host")


class _Close(Exception):
    """The socket is to be closed, by whichever of its tasks finds out."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Connection(Generic[L]):
    """One open socket: its listener, and a task for each subscription by id."""

    def __init__(self, served: SubscriptionSocket[L], socket: WebSocket) -> None:
        self.served = served
        self.socket = socket
        self.listener: L | None = None
        self.init_seen = asyncio.Event()
        self.running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until somebody closes; every task of the socket ends with it."""
        closed: _Close | None = None
        try:
            async with asyncio.TaskGroup() as self.tasks:
                self.tasks.create_task(self._watch())
                while True:
                    await self._handle(await self._received())
        except* _Close as group:
            closed = cast(_Close, group.exceptions[0])
        except* WebSocketDisconnect:
            pass
        except* Exception as group:  # noqa: BLE001 - the client learns nothing of it
            internal_error(group)
            closed = _Close(1011, "Internal error")
        if closed is not None:
            await self.socket.close(closed.code, closed.reason)

    async def _watch(self) -> None:
        try:
            async with asyncio.timeout(self.served.init_timeout_s):
                await self.init_seen.wait()
        except TimeoutError:
            raise _Close(4408, "Connection initialisation timeout") from None
        while True:
            await asyncio.sleep(self.served.recheck_s)
            await self._expect_allowed()

    async def _expect_allowed(self) -> None:
        if self.listener is not None and not await self.listener.allowed():
            raise _Close(4403, "Forbidden")

    async def _received(self) -> dict[str, Any]:
        message = await self.socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text = message.get("text")
        if text is None or len(text) > MESSAGE_MAX:
            raise _Close(4400, "Invalid message")
        try:
            found = orjson.loads(text)
        except ValueError:
            raise _Close(4400, "Invalid message") from None
        if not isinstance(found, dict) or not isinstance(found.get("payload"), dict | None):
            raise _Close(4400, "Invalid message")
        return found

    async def _handle(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        payload = message.get("payload")
        if kind == "connection_init":
            await self._init(payload or {})
        elif kind == "ping":
            await self._send({"type": "pong"} | ({"payload": payload} if payload else {}))
        elif kind == "subscribe":
            await self._subscribe(_id(message), payload or {})
        elif kind == "complete":
            task = self.running.pop(_id(message), None)
            if task is not None:
                task.cancel()
        elif kind != "pong":
            raise _Close(4400, "Invalid message")

    async def _init(self, payload: dict[str, Any]) -> None:
        if self.init_seen.is_set():
            raise _Close(4429, "Too many initialisation requests")
        self.init_seen.set()
        try:
            self.listener = await self.served.connect(self.socket, payload)
        except (Refusal, HttpRefusal):
            raise _Close(4403, "Forbidden") from None
        await self._send({"type": "connection_ack"})

    async def _subscribe(self, key: str, payload: dict[str, Any]) -> None:
        if self.listener is None:
            raise _Close(4401, "Unauthorized")
        if key in self.running:
            raise _Close(4409, f"Subscriber for {key} already exists")
        try:
            asked = asked_in(payload, 0)
        except HttpRefusal:
            raise _Close(4400, "Invalid message") from None
        if len(self.running) >= SUBSCRIPTIONS_MAX:
            message = f"A socket carries at most {SUBSCRIPTIONS_MAX} subscriptions."
            await self._fail(key, [error_of(Code.TOO_MANY_SUBSCRIPTIONS, message)])
            return
        task = self.tasks.create_task(self._stream(key, asked, self.listener))
        self.running[key] = task

    async def _stream(self, key: str, asked: Asked, listener: L) -> None:
        try:
            async with aclosing(self._answers(asked, listener)) as answers:
                async for answer in answers:
                    await self._send({"id": key, "type": "next", "payload": answer})
            await self._send({"id": key, "type": "complete"})
        except (_Close, WebSocketDisconnect):
            raise
        except RequestRefused as no:
            await self._fail(key, errors_shown(no.errors, asked.operation_name))
        except (Refusal, HttpRefusal) as no:
            await self._fail(key, [error_of(no.code, no.message)])
        except Exception as bug:  # noqa: BLE001 - the client learns only its id
            await self._fail(key, [internal_error(bug, operation=asked.operation_name)])
        finally:
            if self.running.get(key) is asyncio.current_task():
                del self.running[key]

    async def _answers(self, asked: Asked, listener: L) -> AsyncGenerator[dict[str, Any]]:
        documents = self.served.documents
        prepared = documents.prepared(asked.query)
        operation = prepared.operation(asked.operation_name)
        if operation.kind is not OperationType.SUBSCRIPTION:
            raise refused(Code.SUBSCRIPTIONS_ONLY, "Only subscriptions are served on this socket.")
        expect_text(asked.variables)
        self._pay(listener, operation.cost(asked.variables or {}))
        events = await _events(documents, prepared, operation, asked, listener.stream_context)
        try:
            async for event in events:
                await self._expect_allowed()
                async with (
                    asyncio.timeout(EVENT_TIMEOUT_S),
                    listener.event_context(operation) as context,
                ):
                    result = await executed(
                        documents, prepared, operation, asked.variables, context, event
                    )
                yield _shown(result, operation.name)
        finally:
            await events.aclose()

    def _pay(self, listener: L, points: int) -> None:
        if self.served.spend is not None:
            verdict = self.served.spend(listener, max(points, 1))
            if not verdict.admitted:
                raise RateLimited(verdict.headers())

    async def _fail(self, key: str, errors: list[dict[str, Any]]) -> None:
        await self._send({"id": key, "type": "error", "payload": errors})

    async def _send(self, message: dict[str, Any]) -> None:
        await self.socket.send_text(orjson.dumps(message).decode())


def _id(message: dict[str, Any]) -> str:
    found = message.get("id")
    if not isinstance(found, str) or not 0 < len(found) <= ID_MAX:
        raise _Close(4400, "Invalid message")
    return found


def _shown(result: ExecutionResult, operation: str | None) -> dict[str, Any]:
    if not result.errors:
        return {"data": result.data}
    return {"errors": errors_shown(result.errors, operation), "data": result.data}


async def _events(
    documents: Documents,
    prepared: Prepared,
    operation: MeasuredOperation,
    asked: Asked,
    context: Any,
) -> Any:
    """The source of events, an async generator. Raises RequestRefused: it never started."""
    executor = StrawberryGraphQLCoreExecutionContext.build(
        documents.schema,
        prepared.node,
        None,
        context,
        asked.variables,
        operation.name,
        max_coercion_errors=ERRORS_MAX - 1,
        is_awaitable=cast(Any, optimized_is_awaitable),
        hide_suggestions=True,
    )
    if isinstance(executor, list):
        raise RequestRefused(executor)
    stream: Any = create_source_event_stream(executor)
    if optimized_is_awaitable(stream):
        stream = await stream
    if isinstance(stream, ExecutionResult):
        raise RequestRefused(stream.errors or [])
    return stream
