"""What an operator of the service sees: health, readiness, metrics, and what went wrong.

A request that failed or took long is one line of the log. Every request has an id, taken from
X-Request-ID when it is one and made here when it is not; it stands in the answer and in every log
line written while serving it. No header, body or token is ever logged.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coop.db.engine import Database
from coop.db.migrate import wanted_version
from coop.kernel.ids import uuid7
from coop.ledger.coalescer import PostingQueue

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_ROUTES = ("/graphql", "/graphiql", "/documents", "/health", "/ready", "/metrics")
SLOW_S = 1
log = structlog.get_logger()


def configure_logging(*, json: bool) -> None:
    """Structured logs on stderr: JSON for machines, plain lines for people.

    No locals in tracebacks.
    """
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    exceptions = [structlog.processors.format_exc_info] if json else []
    structlog.configure(
        processors=[*shared, *exceptions, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        # Looked up for every line: who redirects stderr for a while gets those lines, and no later.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


class Observer:
    """The metrics of one server process."""

    def __init__(self, queue: PostingQueue) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "coop_requests_total", "Requests by route and status.", ["route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "coop_request_seconds", "How long requests took.", ["route"], registry=self.registry
        )
        waiting = Gauge(
            "coop_postings_waiting", "Postings accepted and not yet answered.",
            registry=self.registry,
        )  # fmt: skip
        waiting.set_function(lambda: queue.waiting)
        calls = Gauge(
            "coop_posting_calls", "Calls that posted, since the start.", registry=self.registry
        )
        calls.set_function(lambda: queue.calls)

    def middleware(self) -> Middleware:
        """What watches every request."""
        return Middleware(_Watching, observer=self)


class _Watching:
    def __init__(self, app: ASGIApp, observer: Observer) -> None:
        self._app = app
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        status = 500
        began = time.perf_counter()

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()), (b"x-request-id", request_id.encode()),
                ]  # fmt: skip
            await send(message)

        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, answered)
        finally:
            self._tell(scope, status, time.perf_counter() - began)
            structlog.contextvars.unbind_contextvars("request_id")

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = next((known for known in _ROUTES if scope["path"].startswith(known)), "other")
        self._observer.requests.labels(route, str(status)).inc()
        self._observer.seconds.labels(route).observe(seconds)
        if status >= 500:  # noqa: PLR2004 - server errors
            log.error("request", method=scope["method"], route=route, status=status)
        elif seconds >= SLOW_S:
            log.warning("slow_request", route=route, status=status, ms=int(seconds * 1000))


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value.decode("latin-1")):
            return str(value.decode("latin-1"))
    return str(uuid7())


def observed_routes(database: Database, observer: Observer) -> list[BaseRoute]:
    """/health, /ready and /metrics."""

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_request: Request) -> Response:
        try:
            async with database.snapshot(None) as connection:
                version = await connection.scalar(text("SELECT version_num FROM alembic_version"))
        except (DBAPIError, OSError):
            return JSONResponse({"status": "database unreachable"}, 503)
        if version != wanted_version():
            return JSONResponse({"status": "database at another version", "version": version}, 503)
        return JSONResponse({"status": "ok", "version": version})

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(observer.registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/health", health), Route("/ready", ready), Route("/metrics", metrics)]
