"""The server's doors: tokens, rates, request ids, health, and logs that keep secrets."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette

from coop.app import create_app
from coop.config import Settings
from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.members import service as members
from coop.members.domain.roles import Role
from coop.members.errors import DevelopmentRefused
from coop.observing import configure_logging
from coop.schema import root
from tests.api import GRAPHQL_RESPONSE, Api, client_of
from tests.schema.office import Office

pytestmark = pytest.mark.anyio

WHO = "{ viewer { subject } }"


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims of a token."""
    head, claims, _ = token.split(".")
    return tuple(json.loads(base64.urlsafe_b64decode(p + "===")) for p in (head, claims))  # type: ignore[return-value]


def unsigned(token: str) -> str:
    def text(part: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    head, claims = parts(token)
    return f"{text({**head, 'alg': 'none'})}.{text(claims)}."


def resigned(token: str) -> str:
    """The same claims under the same key's name, signed by another key."""
    head, claims = parts(token)
    return jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA", headers={"kid": head["kid"]})


def forged(office: Office) -> dict[str, str]:
    """Tokens that say treasurer and are none."""
    subject, now = office.subject("treasurer"), utc_now()
    good = office.token("treasurer")
    head, claims = parts(good)
    claims_of_another = base64.urlsafe_b64encode(
        json.dumps({**claims, "sub": "x"}).encode()
    ).decode()
    return {
        "expired": office.issuer.mint(subject, "coop", now - timedelta(days=2)),
        "of the future": office.issuer.mint(subject, "coop", now + timedelta(days=2)),
        "another audience": office.issuer.mint(subject, "elsewhere", now),
        "unsigned": unsigned(good),
        "re-signed": resigned(good),
        "another's claims": f"{good.split('.')[0]}.{claims_of_another.rstrip('=')}.{good.split('.')[2]}",
        "by a shared secret": jwt.encode(claims, "x" * 40, "HS256", headers={"kid": head["kid"]}),
        "cut": good[:-10],
        "nonsense": "nonsense",
        "opaque nonsense": "coop_pat_nonsense",
    }


async def test_no_forged_token_comes_in(office: Office) -> None:
    for kind, token in forged(office).items():
        answer = await Api(office.http, token).post(WHO)
        (error,) = answer.json()["errors"]
        code = "TOKEN_EXPIRED" if kind == "expired" else "TOKEN_INVALID"
        assert (kind, answer.status_code, error["extensions"]["code"]) == (kind, 401, code)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "data" not in answer.json()


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic dTpw", "Bearer a b"])
async def test_without_a_token_nobody_comes_in(office: Office, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = await office.http.post("/graphql", json={"query": WHO}, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] in {"UNAUTHENTICATED", "TOKEN_INVALID"}


async def test_an_opaque_token_counts_in_its_cooperative_only(
    office: Office, elsewhere: Office
) -> None:
    made, secret = await office.town.token(
        office.subject("grant administrator"), name="reports", scopes=["grant:read"]
    )
    api = Api(office.http, secret)
    found = await api.data(
        "query($id: ID!) { viewer { subject } node(id: $id) { id } }", id=office.node
    )
    assert found == {
        "viewer": {"subject": office.subject("grant administrator")}, "node": {"id": office.node},
    }  # fmt: skip
    await elsewhere.town.grant(office.subject("grant administrator"), Role.GRANT_ADMINISTRATOR)
    assert await api.node(elsewhere.node, "id") is None
    seen = await api.node(
        office.node,
        "... on Cooperative { seals { totalCount } members { totalCount } accounts { totalCount } }",
    )
    # A funder's machine may check the head of the chain, and sees nothing of members or money.
    assert seen == {
        "seals": {"totalCount": 1}, "members": {"totalCount": 0}, "accounts": {"totalCount": 0},
    }  # fmt: skip
    for changed in (secret[:-1] + "A", secret.replace("coop_pat_", "coop_pat_x")):
        answer = await Api(office.http, changed).post(WHO)
        assert answer.status_code == 401
    await office.town.order(members.revoke_access_token, made.id)
    answer = await api.post(WHO)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (
        401,
        "TOKEN_REVOKED",
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "coop.example", "::"])
async def test_development_tokens_never_leave_the_machine(
    settings: Settings, database: Database, host: str
) -> None:
    with pytest.raises(DevelopmentRefused):
        create_app(settings, database, host=host)


async def test_who_spends_too_much_waits(
    settings: Settings, database: Database, desk: Office
) -> None:
    async with client_of(create_app(settings, database)) as http:
        api = Api(http, desk.token("board"))
        costly = (
            "query($s: String!) { cooperative(slug: $s) { journalEntries(first: 200) { nodes {"
            " postings { account { id } fund { id } entry { id } } } } } }"
        )
        first = await api.post(costly, {"s": desk.slug})
        points = first.json()["extensions"]["cost"]["points"]
        assert first.headers["ratelimit-limit"] == "200000"
        assert 200_000 - 2 * points < int(first.headers["ratelimit-remaining"]) < 200_000
        for _ in range(2_000):
            answer = await api.post(costly, {"s": desk.slug})
            if answer.status_code == 429:
                break
        assert answer.status_code == 429
        assert answer.json() == {
            "errors": [
                {"message": "Too many points spent; wait.", "extensions": {"code": "RATE_LIMITED"}}
            ]
        }
        assert int(answer.headers["retry-after"]) >= 1
        assert int(answer.headers["ratelimit-remaining"]) < points
        other = await Api(http, desk.token("treasurer")).post(WHO)
        assert other.status_code == 200


async def test_every_answer_carries_its_request_id(office: Office) -> None:
    http = office.http
    for given, kept in (("abc-1.2_3", True), ("a b", False), ("x" * 65, False), ("", False)):
        answer = await http.get("/health", headers={"X-Request-ID": given})
        assert (answer.headers["x-request-id"] == given) is kept
        assert answer.headers["x-request-id"]
    made = {(await http.get("/health")).headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3
    refused = await http.post("/graphql", json={}, headers={"X-Request-ID": "mine"})
    assert refused.headers["x-request-id"] == "mine"
    assert (await http.get("/nowhere", headers={"X-Request-ID": "mine"})).headers[
        "x-request-id"
    ] == "mine"


async def test_health_readiness_and_metrics(office: Office) -> None:
    assert (await office.http.get("/health")).json() == {"status": "ok"}
    ready = await office.http.get("/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    text = (await office.http.get("/metrics")).text
    for name in (
        "coop_requests_total",
        "coop_request_seconds",
        "coop_postings_waiting",
        "coop_posting_calls",
    ):
        assert name in text
    assert 'coop_requests_total{route="/health",status="200"}' in text


async def test_readiness_says_when_the_database_is_gone(settings: Settings) -> None:
    nowhere = Database("postgresql://nobody:secret@127.0.0.1:1/none")
    async with client_of(create_app(settings, nowhere)) as http:
        assert (await http.get("/health")).status_code == 200
        answer = await http.get("/ready")
        assert (answer.status_code, answer.json()) == (503, {"status": "database unreachable"})
        with structlog.testing.capture_logs() as logs:
            broken = await http.post(
                "/graphql", json={"query": WHO}, headers={"Authorization": "Bearer x"}
            )
        assert broken.status_code in {401, 500}
    await nowhere.close()
    assert "secret" not in repr(logs)


async def test_logs_hold_no_token_and_no_secret(
    settings: Settings,
    database: Database,
    office: Office,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a bug, told in full in the log")

    tokens = [*forged(office).values(), office.token("treasurer")]
    _, secret = await office.town.token(office.subject("grant administrator"), name="l")
    kept = structlog.get_config()
    configure_logging(json=True)
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(), cache_logger_on_first_use=False
    )
    try:
        for token in [*tokens, secret]:
            await Api(office.http, token).post(WHO)
        monkeypatch.setattr(root, "node_of", broken)
        answer = await office.api().ask("query($id: ID!) { node(id: $id) { id } }", id=office.node)
    finally:
        structlog.configure(**kept)
    (error,) = answer["errors"]
    assert (error["message"], error["extensions"]["code"]) == (
        "Something went wrong here.",
        "INTERNAL",
    )
    written = "".join(capsys.readouterr())
    (line,) = [json.loads(text) for text in written.splitlines() if '"bug"' in text]
    assert line["error_id"] == error["extensions"]["errorId"]
    assert "a bug, told in full in the log" in line["exception"]
    assert line["request_id"]
    for kept_secret in [*tokens, secret]:
        assert kept_secret not in written


async def test_graphiql_is_served_and_asks_no_other_host(app: Starlette) -> None:
    async with client_of(app) as http:
        page = await http.get("/graphiql")
    assert page.status_code == 200
    assert "https://" not in page.text


async def test_the_answer_says_how_it_may_be_kept(office: Office) -> None:
    answer = await office.api().post(WHO)
    assert answer.headers["content-type"] == f"{GRAPHQL_RESPONSE}; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


def deep(levels: int) -> str:
    return "... on JournalEntry { reverses {" * levels + " id " + "} }" * levels


BOMBS = {
    "TOO_DEEP": f'{{ node(id: "x") {{ {deep(12)} }} }}',
    "TOO_COSTLY": """{ node(id: "x") { ... on Cooperative { members(first: 200) { nodes {
        postings(first: 200) { nodes { amount } } } } } } }""",
    "TOO_MANY_ALIASES": "{" + " ".join(f"a{n}: viewer {{ subject }}" for n in range(31)) + "}",
    "TOO_MANY_ROOT_FIELDS": "{"
    + " ".join(f'n{n}: node(id: "x") {{ id }}' for n in range(25))
    + "}",
    "TOO_MANY_FIELDS": "{ viewer { ...f0 } } fragment f20 on Viewer { subject }"
    + "".join(f" fragment f{n} on Viewer {{ ...f{n + 1} ...f{n + 1} }}" for n in range(20)),
    "TOO_MANY_MUTATIONS": """mutation($a: PeriodCloseInput!) {
        a: periodClose(input: $a) { replayed } b: periodClose(input: $a) { replayed } }""",
    "TOO_MANY_TOKENS": "{ viewer {" + " subject" * 2_000 + " } }",
}


@pytest.mark.parametrize("code", BOMBS)
async def test_bombs_are_refused_by_the_real_schema(office: Office, code: str) -> None:
    before = office.database.statements
    answer = await office.api().post(BOMBS[code])
    assert answer.status_code == 400
    assert code in {error["extensions"]["code"] for error in answer.json()["errors"]}
    assert office.database.statements - before <= 1  # the viewer's roles at most
