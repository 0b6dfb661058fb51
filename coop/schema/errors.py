"""What the edge says when it says no.

Refusal
├── InvalidCursor              INVALID_CURSOR: not a cursor of this list in this order
├── InvalidPage                INVALID_PAGE: first, last: a page nobody may ask for
└── TooManyCooperatives        TOO_MANY_COOPERATIVES: more of them than one operation reads

HttpRefusal                    a request turned away before anything ran, with its HTTP status
└── RateLimited                RATE_LIMITED, 429

Codes without a class of their own stand in `Code`; they appear in `errors[].extensions.code` only.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from coop.kernel.errors import Refusal

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Code(StrEnum):
    """Codes of answers to whole requests, as `extensions.code` writes them. Never reused."""

    BAD_REQUEST = "BAD_REQUEST"
    PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    EXECUTION_FAILED = "GRAPHQL_EXECUTION_FAILED"
    AMBIGUOUS_OPERATION = "AMBIGUOUS_OPERATION"
    UNKNOWN_OPERATION = "UNKNOWN_OPERATION"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    DOCUMENT_TOO_LONG = "DOCUMENT_TOO_LONG"
    TOO_DEEP = "TOO_DEEP"
    TOO_COSTLY = "TOO_COSTLY"
    TOO_MANY_ALIASES = "TOO_MANY_ALIASES"
    TOO_MANY_ROOT_FIELDS = "TOO_MANY_ROOT_FIELDS"
    TOO_MANY_FIELDS = "TOO_MANY_FIELDS"
    TOO_MANY_MUTATIONS = "TOO_MANY_MUTATIONS"
    TOO_MANY_TOKENS = "TOO_MANY_TOKENS"
    TOO_MANY_REPEATS = "TOO_MANY_REPEATS"
    TOO_MANY_SUBSCRIPTIONS = "TOO_MANY_SUBSCRIPTIONS"
    SUBSCRIPTIONS_ONLY = "SUBSCRIPTIONS_ONLY"
    SUBSCRIPTION_NEEDS_SOCKET = "SUBSCRIPTION_NEEDS_SOCKET"
    RATE_LIMITED = "RATE_LIMITED"
    TIMEOUT = "TIMEOUT"
    INTERNAL = "INTERNAL"


class InvalidCursor(Refusal):
    """A cursor that this list, in this order, never gave out."""

    code = "INVALID_CURSOR"


class InvalidPage(Refusal):
    """A page that nobody may ask for: a negative size, above the maximum, or both ends at once."""

    code = "INVALID_PAGE"


class TooManyCooperatives(Refusal):
    """One operation asks about more cooperatives than it may hold snapshots of."""

    code = "TOO_MANY_COOPERATIVES"


class HttpRefusal(Exception):
    """A whole request refused: `status` and `headers` of the answer, `code` and `message` in it."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] = _NO_HEADERS
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


class RateLimited(HttpRefusal):
    """The principal has spent its points; the headers say when to come back."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(429, Code.RATE_LIMITED, "Too many points spent; wait.", headers)
