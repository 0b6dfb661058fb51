"""GraphQL over HTTP: what a request says, and how an answer is written.

Statuses follow the specification's table as its audit suite reads it today; the draft moves on, so
each is a constant here. A client that accepts only application/json gets 200 with `errors`, as it
always did.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request

from coop.schema.errors import Code, HttpRefusal

GRAPHQL_RESPONSE: Final = "application/graphql-response+json"
JSON: Final = "application/json"

OK: Final = 200
PARTIAL: Final = 200  # data beside errors; 294 in the draft of 2026
REQUEST_ERROR: Final = (
    400  # syntax, limits, validation, variables; 422 in the draft for the last two
)
LEGACY_REQUEST_ERROR: Final = 200  # the same for clients that accept application/json only
BAD_REQUEST: Final = 400
UNAUTHENTICATED: Final = 401
METHOD_NOT_ALLOWED: Final = 405
NOT_ACCEPTABLE: Final = 406
BODY_TOO_LARGE: Final = 413
UNSUPPORTED_MEDIA_TYPE: Final = 415
INTERNAL: Final = 500
TIMED_OUT: Final = 503

_HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"vary", b"Accept, Authorization"),
    (b"x-content-type-options", b"nosniff"),
)


class Asked(NamedTuple):
    """The parameters of a GraphQL request; `size` is that of its body in bytes."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None
    size: int


@dataclass(slots=True)
class Answer:
    """What goes back: a status, a JSON object, headers beside the content type."""

    status: int
    content: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def bad_request(message: str) -> HttpRefusal:
    """A request that is no GraphQL request."""
    return HttpRefusal(BAD_REQUEST, Code.BAD_REQUEST, message)


@functools.lru_cache(maxsize=256)
def negotiated(accept: str | None) -> str | None:
    """The media type to answer in, of the two there are; None when `accept` allows neither.

    The more exact range wins over the wider, the higher q over the lower, and on a tie the one
    named first; whoever accepts anything gets application/json.
    """
    if not accept:
        return JSON
    best: tuple[float, str] | None = None
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        offered = {
            JSON: JSON,
            GRAPHQL_RESPONSE: GRAPHQL_RESPONSE,
            "*/*": JSON,
            "application/*": JSON,
        }
        weight = _q(parameters)
        if media in offered and weight > 0 and (best is None or weight > best[0]):
            best = (weight, offered[media])
    return best[1] if best else None


def _q(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0
    return 1


async def asked_by(request: Request, body_max: int) -> Asked:
    """The GraphQL request in `request`. Raises HttpRefusal: 400, 405, 413, 415."""
    if request.method == "POST":
        return _asked_in(await _body(request, body_max))
    if request.method == "GET":
        return _asked_in_url(request)
    raise HttpRefusal(
        METHOD_NOT_ALLOWED, Code.METHOD_NOT_ALLOWED, "Use GET or POST.", {"Allow": "GET, POST"}
    )


@functools.lru_cache(maxsize=64)
def _is_json(content_type: str) -> bool:
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = {p.partition("=")[2].strip('"') for p in parameters if p.startswith("charset=")}
    return media == JSON and charsets <= {"utf-8", "utf8"}


async def _body(request: Request, body_max: int) -> bytes:
    if not _is_json(request.headers.get("content-type", "")):
        message = "Send application/json in UTF-8."
        raise HttpRefusal(UNSUPPORTED_MEDIA_TYPE, Code.UNSUPPORTED_MEDIA_TYPE, message)
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > body_max:
        raise body_too_large(body_max)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > body_max:
            raise body_too_large(body_max)
        parts.append(part)
    return b"".join(parts)


def body_too_large(body_max: int) -> HttpRefusal:
    """A body above the limit of what it asks for."""
    message = f"The body may have {body_max} bytes."
    return HttpRefusal(BODY_TOO_LARGE, Code.BODY_TOO_LARGE, message)


def _asked_in(body: bytes) -> Asked:
    parameters = _json(body, "The body")
    if isinstance(parameters, list):
        raise bad_request("Send one request at a time: batches are not served.")
    if not isinstance(parameters, dict):
        raise bad_request("The body must be a JSON object.")
    return asked_in(parameters, len(body))


def _asked_in_url(request: Request) -> Asked:
    found = dict(parse_qsl(request.url.query, keep_blank_values=True))
    parameters: dict[str, Any] = dict(found)
    for name in ("variables", "extensions"):
        if name in found:
            parameters[name] = _json(found[name], name) if found[name] else None
    return asked_in(parameters, len(request.url.query))


def _json(text: bytes | str, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise bad_request(f"{what} is not JSON.") from None


def asked_in(parameters: Mapping[str, Any], size: int) -> Asked:
    """The GraphQL request that JSON `parameters` make. Raises HttpRefusal 400."""
    query = parameters.get("query")
    if not isinstance(query, str) or not query:
        raise bad_request("query must be a string with a GraphQL document.")
    for name in ("variables", "extensions"):
        if not isinstance(parameters.get(name), dict | None):
            raise bad_request(f"{name} must be a JSON object.")
    operation_name = parameters.get("operationName")
    if not isinstance(operation_name, str | None):
        raise bad_request("operationName must be a string.")
    return Asked(query, parameters.get("variables"), operation_name or None, size)


def written(answer: Answer, media: str) -> dict[str, Any]:
    """The start message of ASGI for `answer`, its body under "body". Raises TypeError: not JSON."""
    body = orjson.dumps(answer.content)
    headers = [
        *_HEADERS,
        (b"content-type", f"{media}; charset=utf-8".encode()),
        (b"content-length", b"%d" % len(body)),
        *((name.lower().encode(), value.encode()) for name, value in answer.headers.items()),
    ]
    return {"status": answer.status, "headers": headers, "body": body}
