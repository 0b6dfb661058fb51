"""From what PostgreSQL refused to what a client is told, by constraint name and never by text.

Every RAISE of ours carries ERRCODE and CONSTRAINT; every CHECK, key and index has a name. A room
registers the names it owns beside its service. What nobody registered stays an exception, which is
to say a bug.
"""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from coop.kernel.errors import Refusal

_REGISTERED: dict[str, tuple[type[Refusal], str]] = {}


def register(constraint: str, refusal: type[Refusal], message: str) -> None:
    """Let the violation of `constraint` be the refusal `refusal(message)`."""
    _REGISTERED[constraint] = (refusal, message)


def refusal_of(error: BaseException) -> Refusal | None:
    """The refusal a database error stands for, or None when nobody registered its constraint."""
    driver_error: object = error
    if isinstance(error, DBAPIError):
        driver_error = error.orig.__cause__ if error.orig is not None else None
    constraint = getattr(driver_error, "constraint_name", None)
    if constraint not in _REGISTERED:
        return None
    kind, message = _REGISTERED[constraint]
    return kind(message)


def sqlstate_of(error: BaseException) -> str | None:
    """The five-character SQLSTATE of a database error, or None when it carries none."""
    driver_error: object = error
    if isinstance(error, DBAPIError):
        driver_error = error.orig.__cause__ if error.orig is not None else None
    return getattr(driver_error, "sqlstate", None)
