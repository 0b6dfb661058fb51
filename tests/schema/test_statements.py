"""Statements through the API: issued, listed, read and downloaded by whom they are for."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from coop.kernel.clock import utc_now
from coop.kernel.ids import uuid7
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.reports.links import DocumentLinks, link_key
from coop.reports.verify_document import (
    document_proof_findings,
    document_twin_findings,
    statement_in,
)
from tests.schema.office import FEBRUARY, MARCH, Office

pytestmark = pytest.mark.anyio

SHOWN = """
statement { id number from to issuedAt opening { amount currency } closing { amount currency }
    member { number } supersedes { number } supersededBy { number } }
document { url expiresAt sha256 bytes mediaType locale }
"""


@pytest.fixture
async def desk(desk: Office) -> Office:
    """Ada owed 30.00 in January; in February she was charged 22.00 and paid 25.00."""
    await desk.post("january", "2026-01-10", "1205 ada", "4000 H1", 3_000)
    await desk.post("february", "2026-02-03", "1205 ada", "4000 S1", 2_200)
    await desk.post("payment", "2026-02-15", "1000", "1205 ada", 2_500)
    return desk


async def _issued(
    desk: Office, by: str = "operator ada", key: str = "k1", **changes: Any
) -> dict[str, Any]:
    given = {
        "idempotencyKey": key, "memberId": desk.member("ada"),
        "period": {"from": str(FEBRUARY), "to": str(MARCH)}, **changes,
    }  # fmt: skip
    return await desk.api(by).order("statementIssue", SHOWN, **given)


async def test_an_operator_has_its_own_statement_made(desk: Office) -> None:
    payload = await _issued(desk)

    said = payload["statement"]
    assert (payload["errors"], payload["replayed"]) == ([], False)
    assert {name: said[name] for name in ("number", "from", "to", "member")} == {
        "number": "ADA-1", "from": "2026-02-01", "to": "2026-03-01", "member": {"number": "ADA"},
    }  # fmt: skip
    assert said["opening"] == {"amount": "30.00", "currency": "NOK"}
    assert said["closing"] == {"amount": "27.00", "currency": "NOK"}
    assert payload["document"]["mediaType"] == "application/pdf"


async def test_the_link_gives_the_document_that_was_issued(desk: Office) -> None:
    document = (await _issued(desk))["document"]

    answer = await desk.http.get(document["url"])

    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == document["sha256"]
    assert len(answer.content) == document["bytes"] == int(answer.headers["Content-Length"])
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Content-Disposition"].startswith(
        f'attachment; filename="{desk.slug}-statement-ADA-1-en.pdf"'
    )
    assert statement_in(answer.content).closing_minor == 2_700
    assert document_twin_findings(answer.content) + document_proof_findings(answer.content) == []


async def test_a_retry_is_answered_the_same_and_says_so(desk: Office) -> None:
    first, again = await _issued(desk), await _issued(desk)

    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["statement"] == first["statement"]
    assert again["document"]["sha256"] == first["document"]["sha256"]


@pytest.mark.parametrize(
    ("by", "changes", "code", "path"),
    [
        ("operator bo", {}, "NOT_FOUND", []),
        ("stranger", {}, "NOT_FOUND", []),
        ("board", {}, "FORBIDDEN", []),
        ("operator ada", {"memberId": "nonsense"}, "NOT_FOUND", ["memberId"]),
        ("operator ada", {"locale": "tlh"}, "LANGUAGE_UNAVAILABLE", []),
        ("operator ada", {"period": {"from": "2026-02-01"}}, "STATEMENT_PERIOD_INVALID", ["period"]),
        (
            "operator ada", {"period": {"from": "2020-01-01", "to": "2026-01-01"}},
            "STATEMENT_PERIOD_INVALID", ["period"],
        ),
    ],
)  # fmt: skip
async def test_what_cannot_be_issued_is_said(
    desk: Office, by: str, changes: dict[str, Any], code: str, path: list[str]
) -> None:
    payload = await _issued(desk, by, **changes)

    assert (payload["statement"], payload["document"]) == (None, None)
    assert [(e["code"], e["path"]) for e in payload["errors"]] == [(code, path)]


async def test_another_request_under_the_same_key_is_refused(desk: Office) -> None:
    await _issued(desk)
    payload = await _issued(desk, locale="nb")
    assert [e["code"] for e in payload["errors"]] == ["IDEMPOTENCY_MISMATCH"]


async def _late(desk: Office) -> None:
    """A fee of February that is posted after its statement."""
    receivable, revenue = await desk.account_id("1205 ada"), await desk.account_id("4800")
    lines = (PostingDraft(receivable, 100), PostingDraft(revenue, -100))
    await desk.post_draft("late", EntryDraft("fee", FEBRUARY, "Late fee", lines))


LISTED = """
... on Member { statements(first: 5) { totalCount nodes {
    id number closing { amount } supersedes { number } supersededBy { number }
    documents { locale sha256 } member { number }
} } }
"""


async def test_a_members_statements_the_latest_first(desk: Office) -> None:
    first = await _issued(desk, key="k1")
    await _issued(desk, key="k2", locale="nb")
    await _late(desk)
    second = await _issued(desk, key="k3")

    found = (await desk.api("operator ada").node(desk.member("ada"), LISTED))["statements"]

    assert found["totalCount"] == 2
    newest, oldest = found["nodes"]
    assert (newest["number"], newest["closing"]) == ("ADA-2", {"amount": "28.00"})
    assert (newest["supersedes"], newest["supersededBy"]) == ({"number": "ADA-1"}, None)
    assert (oldest["supersedes"], oldest["supersededBy"]) == (None, {"number": "ADA-2"})
    assert [d["locale"] for d in oldest["documents"]] == ["en", "nb"]
    assert [n["id"] for n in (newest, oldest)] == [
        second["statement"]["id"], first["statement"]["id"],
    ]  # fmt: skip
    for person in ("treasurer", "board", "auditor"):
        assert (await desk.api(person).node(desk.member("ada"), LISTED))["statements"] == found


async def test_the_statements_sent_do_not_depend_on_the_length_of_the_list(desk: Office) -> None:
    async def sent() -> int:
        before = desk.database.statements
        await desk.api("operator ada").node(desk.member("ada"), LISTED)
        return desk.database.statements - before

    for key in ("k1", "k2"):
        await _issued(desk, key=key)
        await _late(desk)
    few = await sent()
    for key in ("k3", "k4", "k5"):
        await _issued(desk, key=key)
        await _late(desk)
    assert await sent() == few


async def test_a_statement_is_found_by_its_id_by_whom_it_is_for(desk: Office) -> None:
    id_ = (await _issued(desk))["statement"]["id"]

    fields = "... on Statement { number documents { sha256 } }"
    for person in ("operator ada", "treasurer", "board", "auditor"):
        assert (await desk.api(person).node(id_, fields))["number"] == "ADA-1"
    for person in ("operator bo", "stranger", "grant administrator"):
        assert await desk.api(person).node(id_, fields) is None


async def test_no_statements_of_others_are_listed(desk: Office) -> None:
    await _issued(desk)
    assert await desk.api("operator bo").node(desk.member("ada"), LISTED) is None
    listed = (await desk.api("administrator").node(desk.member("ada"), LISTED))["statements"]
    assert listed == {"totalCount": 0, "nodes": []}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda url: url.replace("signature=", "signature=0"),
        lambda url: url.partition("?")[0],
        lambda url: url.partition("&")[0],
        lambda url: url.replace("expires=", "expires=9"),
        lambda url: url.replace("expires=", "expires=x"),
        lambda url: url.replace("expires=", "expires=٣"),
        lambda url: url.replace("/documents/", "/documents/0"),
        lambda url: url.replace("?", "0?"),
    ],
)
async def test_a_link_that_was_touched_opens_nothing(desk: Office, spoil: Any) -> None:
    url = (await _issued(desk))["document"]["url"]

    answer = await desk.http.get(spoil(url))

    assert answer.status_code == 404
    assert "There is no such document" in answer.text


async def test_a_link_ends_and_leads_to_its_own_document_only(desk: Office, settings: Any) -> None:
    links = DocumentLinks(link_key(settings.data_dir))
    url = (await _issued(desk))["document"]["url"]
    cooperative, document = map(UUID, url.partition("?")[0].rsplit("/", 2)[1:])
    good, _ = links.link(cooperative, document, utc_now())
    assert (await desk.http.get(good)).status_code == 200
    old, _ = links.link(cooperative, document, utc_now() - timedelta(minutes=6))
    other, until = links.link(cooperative, uuid7(), utc_now())
    assert until - utc_now() <= timedelta(minutes=5)
    assert [(await desk.http.get(url)).status_code for url in (old, other)] == [404, 404]


async def test_a_document_whose_file_is_lost_is_not_there(desk: Office, settings: Any) -> None:
    document = (await _issued(desk))["document"]
    digest = document["sha256"]
    (settings.data_dir / "documents" / "sha256" / digest[:2] / digest[2:]).unlink()

    assert (await desk.http.get(document["url"])).status_code == 404
