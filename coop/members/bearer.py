"""Bearer tokens: from a signed JWT to the subject it names, or a refusal.

    header    EdDSA, RS256 or ES256; a kid; no jku, x5u, jwk, x5c, crit
    key       of the issuer the token claims, if that is ours (jwks.py), bound to its algorithm
    claims    exp iat iss aud sub there; aud exactly ours; exp ahead, iat and nbf not (leeway 30 s)
    kind      an access token: typ at+jwt, token_use access, or Keycloak's typ Bearer; no ID token

What is verified is remembered for a minute by hash, never beyond its exp, so that a client posting
in a loop is verified once a minute. What a bearer may do is not in the token: roles are rows.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from jwt.exceptions import ExpiredSignatureError, PyJWTError

from coop.kernel.clock import utc_now
from coop.members.domain.people import SUBJECT_MAX, is_system_subject
from coop.members.errors import TokenExpired, TokenInvalid, Unauthenticated
from coop.members.jwks import ALGORITHMS, Clock, Keys

BYTES_MAX: Final = 8 * 1024
KEY_ID_MAX: Final = 255
LEEWAY: Final = timedelta(seconds=30)
REMEMBERED_FOR: Final = timedelta(minutes=1)
REMEMBERED_MAX: Final = 1024

_FOREIGN_KEYS: Final = frozenset({"jku", "x5u", "jwk", "x5c", "crit"})
_OPTIONS: Final[dict[str, Any]] = {
    "require": ["exp", "iat", "iss", "aud", "sub"],
    "strict_aud": True,
    "enforce_minimum_key_length": True,
}


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who may make tokens: the exact `iss`, and where its keys are."""

    name: str
    keys: Keys


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a token speaks for, by which issuer, until when. A stream ends at `expires_at`."""

    subject: str
    issuer: str
    expires_at: datetime


class Verifier:
    """Verifies the JWTs of `issuers` meant for `audience`."""

    def __init__(self, issuers: Sequence[Issuer], audience: str, *, clock: Clock = utc_now) -> None:
        self._issuers = {issuer.name: issuer for issuer in issuers}
        self._audience = audience
        self._clock = clock
        self._remembered: OrderedDict[bytes, tuple[Principal, datetime]] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """Whom `token` speaks for. Refuses TOKEN_INVALID, TOKEN_EXPIRED, KEYS_UNAVAILABLE."""
        if len(token) > BYTES_MAX or not token.isascii():
            raise _invalid()
        digest = hashlib.sha256(token.encode()).digest()
        known = self._remembered.get(digest)
        if known is not None and self._clock() < known[1]:
            self._remembered.move_to_end(digest)
            return known[0]
        principal = await self._verified(token)
        self._remember(digest, principal)
        return principal

    def _remember(self, digest: bytes, principal: Principal) -> None:
        until = min(principal.expires_at, self._clock() + REMEMBERED_FOR)
        self._remembered[digest] = (principal, until)
        self._remembered.move_to_end(digest)
        if len(self._remembered) > REMEMBERED_MAX:
            self._remembered.popitem(last=False)

    async def _verified(self, token: str) -> Principal:
        try:
            header = jwt.get_unverified_header(token)
            issuer = self._issuer_claimed(token)
            key = await issuer.keys.key_named(_key_id(header))
            claims = jwt.decode(
                token, key, algorithms=list(ALGORITHMS), audience=self._audience,
                issuer=issuer.name, leeway=LEEWAY, options=_OPTIONS,  # type: ignore[arg-type]
            )  # fmt: skip
            expires_at = datetime.fromtimestamp(int(claims["exp"]), UTC)
        except ExpiredSignatureError:
            raise TokenExpired("The token has expired; sign in again.") from None
        except (PyJWTError, ValueError, OverflowError, OSError, RecursionError):
            raise _invalid() from None
        _require_access_token(header, claims)
        return Principal(_subject(claims["sub"]), issuer.name, expires_at)

    def _issuer_claimed(self, token: str) -> Issuer:
        """The issuer the unverified token names; only chooses which keys must have signed it."""
        claims = jwt.decode(token, options={"verify_signature": False})
        name = claims.get("iss")
        issuer = self._issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            raise _invalid()
        return issuer


def bearer_of(authorization: str | None) -> str:
    """The token of an Authorization header. Refuses UNAUTHENTICATED when there is none."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip() or not token.isascii():
        raise Unauthenticated('Send "Authorization: Bearer" and a token.')
    return token.strip()


def _invalid() -> TokenInvalid:
    return TokenInvalid("The token was not made by an issuer this service trusts.")


def _key_id(header: Mapping[str, Any]) -> str:
    if header.get("alg") not in ALGORITHMS or not _FOREIGN_KEYS.isdisjoint(header):
        raise _invalid()
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= KEY_ID_MAX:
        raise _invalid()
    return kid


def _require_access_token(header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
    """An ID token says who signed in to some client; it is not meant for an API."""
    typ = str(header.get("typ", "")).lower().removeprefix("application/")
    if typ != "at+jwt" and claims.get("token_use") != "access" and claims.get("typ") != "Bearer":
        raise _invalid()


def _subject(subject: str) -> str:
    """`system` and `system:…` are the house's own; control characters have no place in a log."""
    if not 0 < len(subject) <= SUBJECT_MAX or not subject.isprintable():
        raise _invalid()
    if is_system_subject(subject):
        raise _invalid()
    return subject
