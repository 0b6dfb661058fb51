"""The keys an issuer signs with: fetched asynchronously, kept fresh, served stale in its absence.

    a token names key K
        kept, not older than FRESH_FOR    K
        kept, older                       fetch; while that fails, what is kept, up to STALE_FOR
        unknown                           one fetch, at most every UNKNOWN_EVERY, whoever asks

Nothing in a token says where keys are (`jku` and `x5u` are refused): the address is configuration.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import httpx
import structlog
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from coop.kernel.clock import utc_now
from coop.members.errors import KeysUnavailable, TokenInvalid

FRESH_FOR: Final = timedelta(minutes=5)
STALE_FOR: Final = timedelta(hours=24)
UNKNOWN_EVERY: Final = timedelta(seconds=30)
RETRY_EVERY: Final = timedelta(seconds=10)
TIMEOUT_S: Final = 5
BYTES_MAX: Final = 64 * 1024
ALGORITHMS: Final = ("EdDSA", "RS256", "ES256")

Clock = Callable[[], datetime]
_log = structlog.get_logger(__name__)


class Keys(Protocol):
    """Where the key that a token names comes from."""

    async def key_named(self, kid: str) -> PyJWK:
        """The key `kid`. Refuses TOKEN_INVALID for an unknown one, KEYS_UNAVAILABLE without any."""


class RemoteKeys:
    """The JWKS at `url`, which is https, or http on this machine's loopback."""

    def __init__(self, url: str, client: httpx.AsyncClient, *, clock: Clock = utc_now) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
            raise ValueError("a JWKS is fetched over https, or over http from loopback")
        self._url = url
        self._client = client
        self._clock = clock
        self._keys: Mapping[str, PyJWK] = {}
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._unknown_at: datetime | None = None
        self._fetching = asyncio.Lock()

    async def key_named(self, kid: str) -> PyJWK:
        """The key `kid`. Refuses TOKEN_INVALID for an unknown one, KEYS_UNAVAILABLE without any."""
        if self._wants_refresh() or (self._fetched_at is None and self._fetching.locked()):
            await self._refresh()
        if self._fetched_at is None or self._age() > STALE_FOR:
            raise KeysUnavailable("The issuer's keys cannot be fetched just now.")
        if kid not in self._keys and self._may_ask_again():
            await self._refresh()
        if kid not in self._keys:
            raise TokenInvalid("The token was not made by an issuer this service trusts.")
        return self._keys[kid]

    def _age(self) -> timedelta:
        return timedelta.max if self._fetched_at is None else self._clock() - self._fetched_at

    def _wants_refresh(self) -> bool:
        if self._age() <= FRESH_FOR:
            return False
        return self._tried_at is None or self._clock() - self._tried_at >= RETRY_EVERY

    def _may_ask_again(self) -> bool:
        """An unknown key may be new: wait for the fetch under way, or make the one that is due."""
        if self._fetching.locked():
            return True
        if self._unknown_at is not None and self._clock() - self._unknown_at < UNKNOWN_EVERY:
            return False
        self._unknown_at = self._clock()
        return True

    async def _refresh(self) -> None:
        """Fetch, or wait for the fetch under way. A failure leaves what is kept as it is."""
        joined = self._fetching.locked()
        async with self._fetching:
            if joined:
                return
            self._tried_at = self._clock()
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    self._keys = keys_of(await self._fetch())
                self._fetched_at = self._clock()
            except (httpx.HTTPError, ValueError, TimeoutError) as error:
                _log.warning("jwks.unavailable", url=self._url, reason=type(error).__name__)

    async def _fetch(self) -> bytes:
        body = b""
        async with self._client.stream("GET", self._url, follow_redirects=False) as response:
            if response.status_code != HTTPStatus.OK:
                raise ValueError(f"status {response.status_code}")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > BYTES_MAX:
                    raise ValueError("a key set this large is not one")
        return body


def keys_of(document: bytes) -> dict[str, PyJWK]:
    """The usable public signing keys of a JWKS by kid; of two with one kid, the first.

    Raises ValueError when the document is no JWKS or holds no usable key: an issuer's mistake must
    not take away the keys that were good until now.
    """
    parsed = json.loads(document)
    entries = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(entries, list):
        raise ValueError("no key set")  # noqa: TRY004 - one kind of failure for the caller
    found: dict[str, PyJWK] = {}
    for entry in entries:
        key = _usable(entry)
        if key is not None and key.key_id is not None:
            found.setdefault(key.key_id, key)
    if not found:
        raise ValueError("no usable key")
    return found


def _usable(entry: Any) -> PyJWK | None:
    """Asymmetric, named, for signatures, of an algorithm we take, and public."""
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
        return None
    if entry.get("use", "sig") != "sig" or "d" in entry or entry.get("kty") == "oct":
        return None
    try:
        key = PyJWK(entry)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    return key if key.algorithm_name in ALGORITHMS else None


def is_loopback(host: str | None) -> bool:
    """Whether `host` is this machine itself, by address or as localhost."""
    if host is None:
        return False
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
