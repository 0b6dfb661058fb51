"""The development issuer: tokens for trying things out at home, without an identity provider.

Its Ed25519 key is made in the data directory (0600) and never leaves it. A server trusts it only in
development mode and only when it listens on loopback; `trusted_issuers` refuses anything else, so a
server exposed by mistake does not start instead of starting open.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from jwt import PyJWK

from coop.members.bearer import Issuer
from coop.members.errors import DevelopmentRefused, TokenInvalid
from coop.members.jwks import RemoteKeys, is_loopback

ISSUER: Final = "urn:coop:development"
LIFETIME: Final = timedelta(hours=24)
_KEY_FILE: Final = "development-issuer.pem"


@dataclass(frozen=True, slots=True, repr=False)
class DevelopmentIssuer:
    """The key of one data directory, and the tokens it signs."""

    private: Ed25519PrivateKey
    public: PyJWK

    async def key_named(self, kid: str) -> PyJWK:
        """The one key there is. Refuses TOKEN_INVALID for any other name."""
        if kid != self.public.key_id:
            raise TokenInvalid("The token was not made by an issuer this service trusts.")
        return self.public

    def mint(
        self, subject: str, audience: str, now: datetime, lifetime: timedelta = LIFETIME
    ) -> str:
        """A token for `subject`, good from `now` for `lifetime`."""
        claims = {
            "iss": ISSUER, "sub": subject, "aud": audience,
            "iat": now, "exp": now + lifetime, "jti": uuid4().hex,
        }  # fmt: skip
        headers = {"kid": self.public.key_id, "typ": "at+jwt"}
        return jwt.encode(claims, self.private, algorithm="EdDSA", headers=headers)


def development_issuer(data_dir: Path) -> DevelopmentIssuer:
    """The issuer of `data_dir`; its key is made on first use.

    Refuses DEVELOPMENT_REFUSED when the key's file can be read by others, or holds something else.
    """
    path = data_dir / _KEY_FILE
    if not path.exists():
        _make_key(path)
    if path.stat().st_mode & 0o077:
        raise DevelopmentRefused(f"{path.name} can be read by others; chmod 600 it, or delete it.")
    private = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise DevelopmentRefused(f"{path.name} holds no Ed25519 key; delete it to have one made.")
    return DevelopmentIssuer(private, _public_of(private))


def _make_key(path: Path) -> None:
    """Whole or not at all, and the first of two makers wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _public_of(private: Ed25519PrivateKey) -> PyJWK:
    """The public half, named by its thumbprint (RFC 7638)."""
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}
    canonical = json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()
    return PyJWK({**jwk, "kid": _base64url(hashlib.sha256(canonical).digest()), "alg": "EdDSA"})


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def trusted_issuers(
    *,
    issuer: str | None,
    jwks_url: str | None,
    development: bool,
    host: str,
    data_dir: Path,
    client: httpx.AsyncClient,
) -> list[Issuer]:
    """Whose tokens a server listening on `host` takes.

    Refuses DEVELOPMENT_REFUSED when development mode meets a host that is not loopback. Raises
    ValueError for a provider configured by half, or for one with the development issuer's name.
    """
    found: list[Issuer] = []
    if (issuer is None) != (jwks_url is None) or issuer == ISSUER:
        raise ValueError("an identity provider is an issuer and the address of its keys")
    if issuer is not None and jwks_url is not None:
        found.append(Issuer(issuer, RemoteKeys(jwks_url, client)))
    if development:
        if not is_loopback(host):
            raise DevelopmentRefused(
                f"Development tokens are taken on loopback only, not on {host}: "
                "set COOP_DEVELOPMENT=0, or listen on 127.0.0.1."
            )
        found.append(Issuer(ISSUER, development_issuer(data_dir)))
    return found
