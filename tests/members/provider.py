"""An identity provider for tests: real keys, real tokens, and a JWKS on loopback that can fail."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ISSUER = "https://id.example.org/realms/nor"
AUDIENCE = "coop"

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
_MAKERS: dict[str, Any] = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}
_JWK = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}


class Key:
    """One signing key, by algorithm and name."""

    def __init__(self, kid: str, algorithm: str = "EdDSA", private: Private | None = None) -> None:
        self.kid = kid
        self.algorithm = algorithm
        self.private: Private = private or _MAKERS[algorithm]()

    def jwk(self, **more: object) -> dict[str, object]:
        public = _JWK[self.algorithm].to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "alg": self.algorithm, "use": "sig", **more}

    def sign(self, claims: dict[str, Any], **header: object) -> str:
        headers = {"kid": self.kid, "typ": "at+jwt", **header}
        return jwt.encode(claims, self.private, algorithm=self.algorithm, headers=headers)


def claims(**changes: object) -> dict[str, Any]:
    """Good claims, changed; a value of None takes the claim away."""
    now = datetime.now(UTC).replace(microsecond=0)
    good: dict[str, Any] = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "anna",
        "iat": now, "exp": now + timedelta(minutes=5),
    }  # fmt: skip
    good.update(changes)
    return {name: value for name, value in good.items() if value is not None}


class Provider:
    """What the JWKS address answers; `fetches` counts how often it was asked."""

    def __init__(self, *keys: Key) -> None:
        self.document: object = {"keys": [key.jwk() for key in keys]}
        self.status = 200
        self.fetches = 0
        self.url = ""
        self._asked = asyncio.Event()
        self._go_on = asyncio.Event()
        self._go_on.set()

    def publish(self, *keys: Key) -> None:
        self.document = {"keys": [key.jwk() for key in keys]}

    def hold(self) -> tuple[asyncio.Event, asyncio.Event]:
        """From now on answers wait: (set when somebody has asked, to be set to let answers go)."""
        self._asked, self._go_on = asyncio.Event(), asyncio.Event()
        return self._asked, self._go_on

    async def answer(self, _request: Request) -> Response:
        self.fetches += 1
        self._asked.set()
        await self._go_on.wait()
        body = self.document if isinstance(self.document, bytes) else json.dumps(self.document)
        return Response(body, self.status, media_type="application/json")


@asynccontextmanager
async def serving(provider: Provider) -> AsyncIterator[Provider]:
    """Serve `provider` on a free loopback port for as long as the block runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    provider.url = f"http://127.0.0.1:{listener.getsockname()[1]}/jwks"
    app = Starlette(routes=[Route("/jwks", provider.answer)])
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield provider
    finally:
        server.should_exit = True
        await task
        listener.close()


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **step: float) -> None:
        self.now += timedelta(**step)
