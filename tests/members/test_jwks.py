"""Keys over HTTP: rotation, a provider that is away or talks nonsense, strangers' kids."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from coop.members.errors import KeysUnavailable, TokenInvalid
from coop.members.jwks import RemoteKeys, is_loopback, keys_of
from tests.members.provider import Clock, Key, Provider, serving

pytestmark = pytest.mark.anyio

OLD, NEW = Key("2026-01"), Key("2026-07", "ES256")


@asynccontextmanager
async def keys_from(provider: Provider, clock: Clock) -> AsyncIterator[RemoteKeys]:
    async with serving(provider), httpx.AsyncClient() as client:
        yield RemoteKeys(provider.url, client, clock=clock)


async def test_keys_are_fetched_once_in_five_minutes() -> None:
    provider, clock = Provider(OLD), Clock()
    async with keys_from(provider, clock) as keys:
        for seconds in (0, 100, 200):
            clock.advance(seconds=seconds)
            assert (await keys.key_named("2026-01")).algorithm_name == "EdDSA"
        assert provider.fetches == 1
        clock.advance(seconds=1)
        await keys.key_named("2026-01")
        assert provider.fetches == 2


async def test_a_rotated_key_is_found_at_once_and_the_old_one_goes() -> None:
    provider, clock = Provider(OLD), Clock()
    async with keys_from(provider, clock) as keys:
        await keys.key_named("2026-01")
        provider.publish(NEW)

        assert (await keys.key_named("2026-07")).algorithm_name == "ES256"
        assert provider.fetches == 2
        with pytest.raises(TokenInvalid):
            await keys.key_named("2026-01")


async def test_unknown_names_cost_one_fetch_in_half_a_minute() -> None:
    provider, clock = Provider(OLD), Clock()
    async with keys_from(provider, clock) as keys:
        await keys.key_named("2026-01")
        for name in range(50):
            with pytest.raises(TokenInvalid):
                await keys.key_named(f"stranger-{name}")
        assert provider.fetches == 2
        clock.advance(seconds=30)
        with pytest.raises(TokenInvalid):
            await keys.key_named("stranger")
        assert provider.fetches == 3


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (500, {"keys": []}),
        (302, {"keys": [NEW.jwk()]}),
        (200, b"<html>"),
        (200, b"\xff\xfe"),
        (200, []),
        (200, {"keys": {}}),
        (200, {"keys": []}),
        (200, {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "2026-01"}]}),
        (200, {"keys": [NEW.jwk()], "padding": "x" * 70_000}),
    ],
)
async def test_a_provider_that_fails_or_talks_nonsense_leaves_the_old_keys_in_force(
    status: int, document: object
) -> None:
    provider, clock = Provider(OLD), Clock()
    async with keys_from(provider, clock) as keys:
        await keys.key_named("2026-01")
        provider.status, provider.document = status, document
        clock.advance(hours=23)

        assert (await keys.key_named("2026-01")).key_id == "2026-01"
        assert provider.fetches == 2
        await keys.key_named("2026-01")
        assert provider.fetches == 2  # tried again in ten seconds, not for each token
        clock.advance(hours=1, seconds=1)
        with pytest.raises(KeysUnavailable):
            await keys.key_named("2026-01")


async def test_a_provider_that_is_away_from_the_start_is_said_to_be() -> None:
    clock = Clock()
    async with httpx.AsyncClient() as client:
        keys = RemoteKeys("http://127.0.0.1:9/jwks", client, clock=clock)
        with pytest.raises(KeysUnavailable):
            await keys.key_named("2026-01")


async def test_it_recovers_when_the_provider_does() -> None:
    provider, clock = Provider(OLD), Clock()
    provider.status = 503
    async with keys_from(provider, clock) as keys:
        with pytest.raises(KeysUnavailable):
            await keys.key_named("2026-01")
        provider.status = 200
        clock.advance(seconds=10)
        assert (await keys.key_named("2026-01")).key_id == "2026-01"


async def test_a_crowd_fetches_once_and_waits_only_when_it_has_no_keys() -> None:
    provider, clock = Provider(OLD), Clock()
    async with keys_from(provider, clock) as keys:
        asked, go_on = provider.hold()
        crowd = [asyncio.create_task(keys.key_named("2026-01")) for _ in range(20)]
        await asked.wait()
        go_on.set()
        await asyncio.gather(*crowd)
        assert provider.fetches == 1

        asked, go_on = provider.hold()
        clock.advance(minutes=6)
        first = asyncio.create_task(keys.key_named("2026-01"))
        await asked.wait()
        assert (await keys.key_named("2026-01")).key_id == "2026-01"  # the kept one, at once
        assert not first.done()
        go_on.set()
        assert (await first).key_id == "2026-01"
        assert provider.fetches == 2


async def test_a_crowd_with_a_new_key_waits_for_the_one_fetch_that_brings_it() -> None:
    provider, clock = Provider(OLD), Clock()
    async with keys_from(provider, clock) as keys:
        await keys.key_named("2026-01")
        provider.publish(OLD, NEW)
        asked, go_on = provider.hold()
        crowd = [asyncio.create_task(keys.key_named("2026-07")) for _ in range(20)]
        await asked.wait()
        go_on.set()

        assert {key.key_id for key in await asyncio.gather(*crowd)} == {"2026-07"}
        assert provider.fetches == 2


async def test_a_crowd_before_a_provider_that_is_away_asks_once() -> None:
    provider, clock = Provider(OLD), Clock()
    provider.status = 503
    async with keys_from(provider, clock) as keys:
        asked, go_on = provider.hold()
        crowd = [asyncio.create_task(keys.key_named("2026-01")) for _ in range(20)]
        await asked.wait()
        go_on.set()
        answers = await asyncio.gather(*crowd, return_exceptions=True)
        assert {type(answer) for answer in answers} == {KeysUnavailable}
        assert provider.fetches == 1


async def test_only_public_named_signing_keys_are_used() -> None:
    entries = [
        OLD.jwk(),
        OLD.jwk(kid="for-encryption", use="enc"),
        OLD.jwk(kid="private", d="c2VjcmV0"),
        {k: v for k, v in OLD.jwk().items() if k != "kid"},
        NEW.jwk(kid="nonsense", x="!"),
        NEW.jwk(kid="2026-01"),
        "2026-01",
        Key("other", "RS256").jwk(kid="strong-hash", alg="RS512"),
        {**Key("bare", "RS256").jwk(), "alg": None, "use": None},
    ]
    bare = {k: v for k, v in Key("bare", "RS256").jwk().items() if k not in ("alg", "use")}

    found = keys_of(httpx.Response(200, json={"keys": [*entries, bare]}).content)

    assert {kid: key.algorithm_name for kid, key in found.items()} == {
        "2026-01": "EdDSA",
        "bare": "RS256",
    }


@pytest.mark.parametrize("url", ["http://id.example.org/jwks", "file:///etc/passwd", "jwks", ""])
async def test_keys_are_not_fetched_in_the_clear(url: str) -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(ValueError, match="https"):
            RemoteKeys(url, client)
        RemoteKeys("https://id.example.org/jwks", client)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.4", False),
        ("localhost.example.org", False),
        ("", False),
        (None, False),
    ],
)
def test_loopback_is_this_machine_only(host: str | None, loopback: bool) -> None:
    assert is_loopback(host) is loopback
