"""Profiles and files of invoices through the API: set, read by whom, drawn, downloaded, checked."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import httpx
import pytest

from coop.charging.domain.mapping import mapping_of
from coop.charging.importing import ImportFile, import_sessions
from coop.reports.invoicing import invoice_in
from coop.reports.verify_document import document_proof_findings, document_twin_findings
from tests.charging.domain.sample import MAPPING, rows
from tests.members.people import system
from tests.schema.office import Office
from tests.schema.profile_inputs import ADDRESS, ours, theirs

pytestmark = pytest.mark.anyio

MARCH = rows(
    "H1;ada;s1;2026-03-10 08:00:00;2026-03-10 10:00:00;10",
    "S1;ada;s3;2026-03-12 08:00:00;2026-03-12 09:00:00;2",
)
OURS = """profile { from legalName vatId iban paymentDays taxes { name percent }
address { lines postalCode city country } }"""
THEIRS = "profile { legalName vatId locale address { city } }"
FILE = "document { url sha256 bytes locale mediaType } invoice { number documents { sha256 } }"


async def order(desk: Office, mutation: str, shown: str, by: str, **given: Any) -> Any:
    return await desk.api(by).order(mutation, shown, **given)


async def named(desk: Office) -> None:
    for mutation, shown, given in (
        ("cooperativeProfileSet", OURS, ours(desk)),
        ("memberProfileSet", THEIRS, theirs(desk)),
    ):
        payload = await order(desk, mutation, shown, "administrator", **given)
        assert payload["errors"] == [], payload


async def test_profiles_are_set_once_per_key_and_read_by_day(desk: Office) -> None:
    first = await order(desk, "cooperativeProfileSet", OURS, "administrator", **ours(desk))
    assert first["profile"] == {
        "from": "2026-01-01", "legalName": "Nor SA", "vatId": "NO974760673MVA",
        "iban": "NO9386011117947", "paymentDays": 14, "address": ADDRESS,
        "taxes": [{"name": "VAT", "percent": "25"}],
    }  # fmt: skip
    again = await order(desk, "cooperativeProfileSet", OURS, "administrator", **ours(desk))
    assert (again["replayed"], again["profile"]) == (True, first["profile"])
    other = ours(desk, legalName="Sør SA")
    refused = await order(desk, "cooperativeProfileSet", OURS, "administrator", **other)
    assert [error["code"] for error in refused["errors"]] == ["IDEMPOTENCY_MISMATCH"]
    asked = '... on Cooperative { before: profile(on: "2025-12-31") { legalName } profile { legalName } }'
    found = await desk.api("board").node(desk.node, asked)
    assert found == {"before": None, "profile": {"legalName": "Nor SA"}}


async def test_what_cannot_be_is_refused_with_its_place(desk: Office) -> None:
    wrong = ours(desk, vatId="NO974760674MVA")
    payload = await order(desk, "cooperativeProfileSet", OURS, "administrator", **wrong)
    assert [(e["code"], e["path"]) for e in payload["errors"]] == [("VAT_ID_INVALID", ["vatId"])]
    assert payload["profile"] is None


async def test_a_member_reads_its_own_profile_only(desk: Office) -> None:
    await named(desk)
    asked = f"... on Member {{ {THEIRS} }}"
    mine = await desk.api("operator ada").node(desk.member("ada"), asked)
    assert mine["profile"]["legalName"] == "Ada AS"
    assert await desk.api("operator bo").node(desk.member("ada"), asked) is None


@pytest.fixture
async def billed(desk: Office) -> str:
    """The id of Ada's invoice of March."""
    await import_sessions(
        desk.database, system(), desk.id, ImportFile(BytesIO(MARCH.encode()), "s.csv"),
        mapping_of(MAPPING.replace("register = true", "register = false")),
    )  # fmt: skip
    run = {"idempotencyKey": "k", "cooperativeId": desk.node, "month": "2026-03"}
    payload = await desk.api().order("billingRun", "invoices", **run)
    assert payload["errors"] == [], payload
    asked = "... on Member { invoices { nodes { id } } }"
    found = await desk.api().node(desk.member("ada"), asked)
    return str(found["invoices"]["nodes"][0]["id"])


async def test_an_invoice_is_drawn_downloaded_and_proves_itself(
    desk: Office, billed: str, http: httpx.AsyncClient
) -> None:
    await named(desk)
    payload = await order(desk, "invoiceDocumentIssue", FILE, "operator ada", invoiceId=billed)
    assert payload["errors"] == [], payload
    document = payload["document"]
    assert (document["locale"], document["mediaType"]) == ("nb", "application/pdf")
    assert payload["invoice"]["documents"] == [{"sha256": document["sha256"]}]
    answer = await http.get(document["url"])
    assert answer.status_code == 200
    assert document_twin_findings(answer.content) + document_proof_findings(answer.content) == []
    said = invoice_in(answer.content)
    assert (said.number, said.buyer.party.name) == ("INV-000001", "Ada AS")
    assert [session.reference.rpartition("*")[2] for session in said.sessions] == ["S1", "S3"]
    again = await order(desk, "invoiceDocumentIssue", FILE, "board", invoiceId=billed)
    assert again["document"]["sha256"] == document["sha256"]


async def test_without_profiles_it_says_what_is_missing(desk: Office, billed: str) -> None:
    payload = await order(desk, "invoiceDocumentIssue", FILE, "treasurer", invoiceId=billed)
    (error,) = payload["errors"]
    assert error["code"] == "INVOICE_INCOMPLETE"
    assert "member.address" in error["path"]
    assert payload["document"] is None
