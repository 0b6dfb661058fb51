"""What the house says when it says no.

Refusal                      expected, safe to show; carries a stable code and a path into the input
├── NotFound                 NOT_FOUND: absent, or not for this viewer (the same answer on purpose)
├── Forbidden                FORBIDDEN: the viewer may see it but not do this to it
├── InvalidValue             INVALID_VALUE: a value no reading of the input allows (NaN, 1e3)
└── …                        every room's errors.py opens with its own tree

Anything that is not a Refusal is a bug: it is masked for the client and logged in full.
"""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):
    """An expected "no". `code` is API: SCREAMING_SNAKE, never reused, listed in docs/glossary.md.

    `message` is one sentence for a person; `path` says where in the input ("postings.1.amount").
    """

    code: ClassVar[str] = "REFUSED"

    def __init__(self, message: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path

    def under(self, *prefix: str) -> Refusal:
        """The same refusal, seen from an input that holds this one under `prefix`."""
        self.path = (*prefix, *self.path)
        return self


class NotFound(Refusal):
    """There is no such thing, or it is not for this viewer."""

    code = "NOT_FOUND"


class Forbidden(Refusal):
    """The viewer may see this, but may not do that to it."""

    code = "FORBIDDEN"


class InvalidValue(Refusal):
    """A value that no reading of the input allows."""

    code = "INVALID_VALUE"


def refusal_codes() -> dict[str, type[Refusal]]:
    """Every code a Refusal of any imported room can carry, with its class."""
    found: dict[str, type[Refusal]] = {}
    pending: list[type[Refusal]] = [Refusal]
    while pending:
        kind = pending.pop()
        found.setdefault(kind.code, kind)
        pending.extend(kind.__subclasses__())
    return found
