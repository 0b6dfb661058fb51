"""What a client is told: GraphQL's errors and refusals in full, everything else only by an id.

An exception that is neither may say anything (a password in a connection string), so its text goes
to the log, under the same id that the client gets. Mistakes of clients are not logged: they are
theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import structlog
from graphql import GraphQLError

from coop.kernel.errors import Refusal
from coop.kernel.ids import uuid7
from coop.schema.errors import Code, HttpRefusal

_LOGGED_MAX: Final = 5  # of the bugs of one answer: a broken field of 200 rows is one bug
_log = structlog.get_logger("coop.schema")


def error_of(code: str, message: str, **extensions: Any) -> dict[str, Any]:
    """An error of a whole request, as JSON."""
    return {"message": message, "extensions": {"code": code, **extensions}}


def internal_error(bug: BaseException, **where: Any) -> dict[str, Any]:
    """What a client is told of `bug`, which is logged in full with `where` it happened."""
    error_id = str(uuid7())
    _log.error("bug", error_id=error_id, **where, exc_info=bug)
    return error_of(Code.INTERNAL, "Something went wrong here.", errorId=error_id)


def errors_shown(errors: Iterable[GraphQLError], operation: str | None) -> list[dict[str, Any]]:
    """`errors` as JSON, bugs masked, and logged as happening in `operation`."""
    shown: list[dict[str, Any]] = []
    bugs: dict[str, Any] = {}
    for error in errors:
        cause = _cause(error)
        if isinstance(cause, Refusal):
            told = _refusal_shown(cause)
        elif isinstance(cause, HttpRefusal):
            told = error_of(cause.code, cause.message)
        elif cause is None:
            shown.append(_verbatim(error))
            continue
        elif len(bugs) < _LOGGED_MAX:
            told = internal_error(cause, operation=operation, path=error.path)
            bugs[told["extensions"]["errorId"]] = told
        else:
            told = next(reversed(bugs.values()))
        shown.append({**_place(error), **told})
    return shown


def _cause(error: GraphQLError) -> BaseException | None:
    """What was raised, or None when GraphQL itself refused."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _refusal_shown(refusal: Refusal) -> dict[str, Any]:
    where = {"inputPath": list(refusal.path)} if refusal.path else {}
    return error_of(refusal.code, refusal.message, **where)


def _verbatim(error: GraphQLError) -> dict[str, Any]:
    """GraphQL's own error; one at a field may be a mistake of ours (a union that fits nothing)."""
    code = Code.EXECUTION_FAILED if error.path else Code.BAD_USER_INPUT
    if error.path and not error.extensions:
        _log.warning("field_error", path=error.path, message=error.message)
    return {**error.formatted, "extensions": {"code": code, **(error.extensions or {})}}


def _place(error: GraphQLError) -> dict[str, Any]:
    """Where in the document and in the answer."""
    formatted = error.formatted
    place: dict[str, Any] = {"locations": formatted.get("locations", [])}
    if "path" in formatted:
        place["path"] = formatted["path"]
    return place
