"""Scopes of opaque access tokens: what a grant administrator's machine may do, for which grants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from coop.members.errors import TokenScopeInvalid, TokenTermInvalid

TERM_MAX = timedelta(days=366)


class Scope(StrEnum):
    """One thing an access token can be allowed, written as people write it in a token request."""

    GRANT_READ = "grant:read"
    REPORT_READ = "report:read"
    REPORT_REQUEST = "report:request"


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """The most an opaque token may do: it narrows the roles of its subject, never widens them."""

    cooperative_id: UUID
    scopes: frozenset[Scope]
    grant_ids: frozenset[UUID]


def limits_of(
    cooperative_id: UUID, scopes: Iterable[str], grant_ids: Iterable[UUID]
) -> TokenLimits:
    """The limits a token request states. Refuses TOKEN_SCOPE_INVALID."""
    try:
        known = frozenset(Scope(scope) for scope in scopes)
    except ValueError:
        raise TokenScopeInvalid(f"A scope is one of {', '.join(Scope)}.", ("scopes",)) from None
    named = frozenset(grant_ids)
    if not known:
        raise TokenScopeInvalid("A token needs at least one scope.", ("scopes",))
    if not named:
        raise TokenScopeInvalid("A token names at least one grant.", ("grantIds",))
    return TokenLimits(cooperative_id, known, named)


def require_term(expires_at: datetime, now: datetime) -> None:
    """Refuses TOKEN_TERM_INVALID unless `expires_at` lies ahead, within a year of `now`."""
    if not now < expires_at <= now + TERM_MAX:
        raise TokenTermInvalid("A token expires within a year from now.", ("expiresAt",))
