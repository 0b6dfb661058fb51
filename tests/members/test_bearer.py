"""Which JWTs are taken: real keys, a real key server, every case of the table by name."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from coop.members.bearer import Issuer, Verifier, bearer_of
from coop.members.errors import TokenExpired, TokenInvalid, Unauthenticated
from coop.members.jwks import RemoteKeys
from tests.members.provider import AUDIENCE, ISSUER, Clock, Key, Provider, claims, serving

pytestmark = pytest.mark.anyio

KEYS = {algorithm: Key(f"key-{algorithm}", algorithm) for algorithm in ("EdDSA", "RS256", "ES256")}
STRANGER = Key("key-EdDSA")
GOOD = KEYS["EdDSA"]


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[Provider]:
    async with serving(Provider(*KEYS.values())) as running:
        yield running


@pytest.fixture
async def verifier(provider: Provider) -> AsyncIterator[Verifier]:
    async with httpx.AsyncClient() as client:
        yield Verifier([Issuer(ISSUER, RemoteKeys(provider.url, client))], AUDIENCE)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def segment(content: object) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def plain(**changes: object) -> dict[str, Any]:
    """Claims as JSON can hold them."""
    found = claims(**changes)
    return {k: int(v.timestamp()) if isinstance(v, datetime) else v for k, v in found.items()}


def handmade(header: object, payload: object, secret: bytes | None = None) -> str:
    """A token no library would make: unsigned, or with an HMAC over any secret."""
    signed = f"{segment(header)}.{segment(payload)}"
    if secret is None:
        return f"{signed}."
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{segment(mac)}"


def public_pem(key: Key, encoding: Encoding = Encoding.PEM) -> bytes:
    return key.private.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("algorithm", sorted(KEYS))
async def test_a_token_of_each_algorithm_says_who_and_until_when(
    verifier: Verifier, algorithm: str
) -> None:
    expires = now() + timedelta(minutes=5)

    principal = await verifier.verify(KEYS[algorithm].sign(claims(exp=expires)))

    assert (principal.subject, principal.issuer, principal.expires_at) == ("anna", ISSUER, expires)


@pytest.mark.parametrize(
    ("header", "more"),
    [
        ({"typ": "AT+JWT"}, {}),
        ({"typ": "application/at+jwt"}, {}),
        ({"typ": "JWT"}, {"token_use": "access"}),
        ({"typ": "JWT"}, {"typ": "Bearer"}),
    ],
)
async def test_access_tokens_of_common_providers_are_taken(
    verifier: Verifier, header: dict[str, str], more: dict[str, str]
) -> None:
    assert (await verifier.verify(GOOD.sign(claims(**more), **header))).subject == "anna"


async def test_an_expired_token_is_refused_as_such(verifier: Verifier) -> None:
    token = GOOD.sign(claims(iat=now() - timedelta(hours=1), exp=now() - timedelta(minutes=1)))
    with pytest.raises(TokenExpired):
        await verifier.verify(token)


async def test_an_expired_token_signed_by_a_stranger_is_only_invalid(verifier: Verifier) -> None:
    with pytest.raises(TokenInvalid):
        await verifier.verify(STRANGER.sign(claims(exp=now() - timedelta(minutes=1))))


async def test_clocks_may_differ_by_half_a_minute(verifier: Verifier) -> None:
    token = GOOD.sign(claims(exp=now() - timedelta(seconds=5), iat=now() + timedelta(seconds=5)))
    assert (await verifier.verify(token)).subject == "anna"


REFUSED: dict[str, Any] = {
    # Signatures
    "unsigned": lambda: handmade({"alg": "none", "kid": GOOD.kid, "typ": "at+jwt"}, plain()),
    "unsigned, spelled otherwise": lambda: handmade({"alg": "nOnE", "kid": GOOD.kid}, plain()),
    "signature cut off": lambda: GOOD.sign(claims()).rpartition(".")[0] + ".",
    "re-signed by a stranger": lambda: STRANGER.sign(claims()),
    "payload exchanged": lambda: ".".join(
        [GOOD.sign(claims()).split(".")[0], segment(plain(sub="board")), GOOD.sign(claims()).split(".")[2]]
    ),
    "HS256 with the public PEM": lambda: handmade(
        {"alg": "HS256", "kid": "key-RS256", "typ": "at+jwt"}, plain(), public_pem(KEYS["RS256"])
    ),
    "HS256 with the public DER": lambda: handmade(
        {"alg": "HS256", "kid": "key-RS256", "typ": "at+jwt"},
        plain(),
        public_pem(KEYS["RS256"], Encoding.DER),
    ),
    "HS256 without a secret": lambda: handmade({"alg": "HS256", "kid": GOOD.kid}, plain(), b""),
    "another algorithm than the key's": lambda: KEYS["RS256"].sign(claims(), kid=GOOD.kid),
    "an algorithm not taken": lambda: jwt.encode(
        claims(), KEYS["RS256"].private, "RS512", headers={"kid": "key-RS256", "typ": "at+jwt"}
    ),
    # Headers
    "no kid": lambda: jwt.encode(claims(), GOOD.private, "EdDSA", headers={"typ": "at+jwt"}),
    "empty kid": lambda: GOOD.sign(claims(), kid=""),
    "unknown kid": lambda: GOOD.sign(claims(), kid="elsewhere"),
    "jku": lambda: GOOD.sign(claims(), jku="http://127.0.0.1:1/jwks"),
    "x5u": lambda: GOOD.sign(claims(), x5u="http://127.0.0.1:1/chain"),
    "its own key inside": lambda: STRANGER.sign(claims(), jwk=STRANGER.jwk()),
    "unknown crit": lambda: GOOD.sign(claims(), crit=["exp"]),
    # Claims
    **{f"no {name}": lambda name=name: GOOD.sign(claims(**{name: None})) for name in ("exp", "iat", "iss", "aud", "sub")},
    "wrong audience": lambda: GOOD.sign(claims(aud="bank")),
    "audience prefix": lambda: GOOD.sign(claims(aud="coop-staging")),
    "audience list": lambda: GOOD.sign(claims(aud=[AUDIENCE])),
    "audience list with others": lambda: GOOD.sign(claims(aud=[AUDIENCE, "bank"])),
    "wrong issuer": lambda: GOOD.sign(claims(iss="https://id.example.org/realms/other")),
    "issuer as a list": lambda: handmade({"alg": "EdDSA", "kid": GOOD.kid}, plain(iss=[ISSUER]), b"x"),
    "made in the future": lambda: GOOD.sign(claims(iat=now() + timedelta(minutes=2))),
    "not valid yet": lambda: GOOD.sign(claims(nbf=now() + timedelta(minutes=2))),
    "expiry beyond all calendars": lambda: GOOD.sign(claims(exp=10**18)),
    "expiry as text": lambda: GOOD.sign(claims(exp="soon")),
    "empty subject": lambda: GOOD.sign(claims(sub="")),
    "subject too long": lambda: GOOD.sign(claims(sub="a" * 256)),
    "subject with a line break": lambda: GOOD.sign(claims(sub="anna\nboard")),
    "the house's own subject": lambda: GOOD.sign(claims(sub="system")),
    "a subject of the house's": lambda: GOOD.sign(claims(sub="System:seal")),
    # Kinds
    "an ID token": lambda: GOOD.sign(claims(nonce="n"), typ="JWT"),
    "Keycloak's ID token": lambda: GOOD.sign(claims(typ="ID"), typ="JWT"),
    "an ID token by use": lambda: GOOD.sign(claims(token_use="id"), typ="JWT"),
    # Shapes
    "nothing": lambda: "",
    "one word": lambda: "token",
    "three dots": lambda: "...",
    "not base64": lambda: "é.ü.ö",
    "a payload that is no object": lambda: handmade({"alg": "EdDSA", "kid": GOOD.kid}, ["anna"], b"x"),
    "a header that is no object": lambda: handmade(["EdDSA"], plain(), b"x"),
    "brackets a thousand deep": lambda: handmade({"alg": "EdDSA", "kid": GOOD.kid}, b"[" * 3000, b"x"),
    "nine kilobytes": lambda: GOOD.sign(claims(more="x" * 9000)),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(REFUSED))
async def test_any_other_token_is_refused_without_saying_why(verifier: Verifier, case: str) -> None:
    assert (await verifier.verify(GOOD.sign(claims()))).subject == "anna"

    with pytest.raises(TokenInvalid) as refused:
        await verifier.verify(REFUSED[case]())

    assert refused.value.message == "The token was not made by an issuer this service trusts."


@pytest.mark.parametrize(
    ("algorithm", "private"),
    [
        ("RS256", lambda: rsa.generate_private_key(65537, 1024)),
        ("ES256", lambda: ec.generate_private_key(ec.SECP521R1())),
    ],
)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_a_published_key_of_the_wrong_strength_or_curve_opens_nothing(
    algorithm: str, private: Any
) -> None:
    weak = Key("weak", algorithm, private())
    token = handmade({"alg": algorithm, "kid": "weak", "typ": "at+jwt"}, plain(), b"x")
    if algorithm == "RS256":
        token = weak.sign(claims())
    async with serving(Provider(GOOD, weak)) as provider, httpx.AsyncClient() as client:
        verifier = Verifier([Issuer(ISSUER, RemoteKeys(provider.url, client))], AUDIENCE)

        with pytest.raises(TokenInvalid):
            await verifier.verify(token)


async def test_two_issuers_do_not_sign_for_each_other(provider: Provider) -> None:
    other = Key("key-EdDSA")
    async with serving(Provider(other)) as second, httpx.AsyncClient() as client:
        verifier = Verifier(
            [
                Issuer(ISSUER, RemoteKeys(provider.url, client)),
                Issuer("https://other.example.org", RemoteKeys(second.url, client)),
            ],
            AUDIENCE,
        )
        theirs = claims(iss="https://other.example.org")

        assert (await verifier.verify(other.sign(theirs))).issuer == "https://other.example.org"
        with pytest.raises(TokenInvalid):
            await verifier.verify(other.sign(claims()))
        with pytest.raises(TokenInvalid):
            await verifier.verify(GOOD.sign(theirs))


async def test_a_verified_token_is_remembered_for_a_minute_and_never_beyond_its_expiry() -> None:
    clock = Clock()
    async with serving(Provider(GOOD)) as provider, httpx.AsyncClient() as client:
        keys = RemoteKeys(provider.url, client, clock=clock)
        verifier = Verifier([Issuer(ISSUER, keys)], AUDIENCE, clock=clock)
        long = GOOD.sign(claims())
        short = GOOD.sign(claims(exp=now() + timedelta(seconds=20)))
        await verifier.verify(long)
        await verifier.verify(short)
        provider.publish(STRANGER)
        clock.advance(seconds=59)
        keys._keys = {}  # nothing could be verified now

        assert (await verifier.verify(long)).subject == "anna"
        with pytest.raises(TokenInvalid):
            await verifier.verify(short)
        clock.advance(seconds=2)
        with pytest.raises(TokenInvalid):
            await verifier.verify(long)


async def test_memory_of_tokens_is_bounded(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coop.members.bearer.REMEMBERED_MAX", 3)
    for i in range(5):
        await verifier.verify(GOOD.sign(claims(sub=f"anna-{i}")))
    assert [p.subject for p, _ in verifier._remembered.values()] == ["anna-2", "anna-3", "anna-4"]


@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "Bearer", "Bearer ", "Bearer é"])
async def test_a_request_without_a_bearer_token_is_nobodys(header: str | None) -> None:
    with pytest.raises(Unauthenticated) as refused:
        bearer_of(header)
    assert refused.value.code == "UNAUTHENTICATED"


async def test_the_scheme_is_read_in_any_case() -> None:
    assert bearer_of("bearer abc.def.ghi") == "abc.def.ghi"
    assert bearer_of("Bearer  abc ") == "abc"
