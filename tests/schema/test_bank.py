"""Payments and the bank through the API: as the treasurer, as a member, as who only reads."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from coop.db.engine import Database
from coop.kernel.ids import uuid7
from coop.members.development import DevelopmentIssuer
from coop.members.domain.roles import Role
from tests.billing.bank import CREDITOR, Bank
from tests.billing.bank_files import ANNA_IBAN, OUR_IBAN, Entry, camt, mt940
from tests.charging.yard import open_yard
from tests.schema.office import Office

pytestmark = pytest.mark.anyio

PAYMENT = (
    "payment { id amount { amount } onAccount { amount } method returnedOn returnReason"
    " allocations { invoiceId amount { amount } } entry { kind } returnEntry { kind }"
    " returnCharge { amount } member { number } }"
)
LINES = "nodes { id state text why amount { amount } counterpartyIban candidates { kind id } }"


@pytest.fixture
async def bank(database: Database) -> Bank:
    """Anna owes 125.00 and 250.00, billed in euro."""
    yard = await open_yard(database, currency="EUR")
    bank = Bank(yard.town, yard.database)
    anna = await bank.member("anna")
    await bank.owing(anna, 10_000, 20_000)
    return bank


@pytest.fixture
async def office(bank: Bank, issuer: DevelopmentIssuer, http: httpx.AsyncClient) -> Office:
    """The people of that cooperative at the API."""
    found = Office(bank.town, issuer, http)
    anna = found.members["anna"] = await bank.ask_member("anna")
    bo = found.members["bo"] = await bank.member("bo")
    for person, role in (("treasurer", Role.TREASURER), ("auditor", Role.AUDITOR)):
        await bank.town.grant(found.subject(person), role)
    for member, name in ((anna, "anna"), (bo, "bo")):
        await bank.town.grant(found.subject(f"operator {name}"), Role.OPERATOR, member_id=member.id)
    return found


async def order(office: Office, mutation: str, fields: str, **input_: Any) -> dict[str, Any]:
    payload = await office.api().order(
        mutation, fields, **{"idempotencyKey": uuid7().hex, **input_}
    )
    assert payload["errors"] == [], payload
    return payload


async def bank_account(office: Office) -> None:
    await order(
        office, "bankAccountAdd", "bankAccount { id iban }", cooperativeId=office.node,
        iban=OUR_IBAN, name="Nor eG", bic="COBADEFFXXX", creditorId=CREDITOR,
    )  # fmt: skip


async def bank_lines(office: Office, person: str = "treasurer", where: str = "") -> list[Any]:
    query = (
        f"query($id: ID!) {{ node(id: $id) {{ ... on Cooperative {{ bankLines{where} {{ {LINES} }}"
        " } } }"
    )
    node = (await office.api(person).data(query, id=office.node))["node"]
    found: list[Any] = node["bankLines"]["nodes"]
    return found


async def test_a_payment_is_recorded_returned_and_seen_by_its_member(
    bank: Bank, office: Office
) -> None:
    invoice = office.named("Invoice", await bank.invoice_id(2))
    given = {
        "idempotencyKey": "p1", "memberId": office.member("anna"), "receivedOn": "2026-04-15",
        "amount": "260.00", "invoiceIds": [invoice],
    }  # fmt: skip
    made = await order(office, "paymentRecord", PAYMENT, **given)
    payment = made["payment"]
    assert [one["amount"]["amount"] for one in payment["allocations"]] == ["10.00", "250.00"]
    assert payment["allocations"][1]["invoiceId"] == invoice
    assert payment["entry"] == {"kind": "payment"}
    assert payment["onAccount"] == {"amount": "0.00"}
    again = await order(office, "paymentRecord", PAYMENT, **given)
    assert (again["replayed"], again["payment"]["id"]) == (True, payment["id"])
    back = await order(
        office, "paymentReturn", PAYMENT, paymentId=payment["id"], returnedOn="2026-04-20",
        reason="wrong account", charge="3.50",
    )  # fmt: skip
    assert back["payment"]["returnEntry"] == {"kind": "payment_return"}
    assert back["payment"]["returnCharge"] == {"amount": "3.50"}
    assert back["payment"]["allocations"] == []
    assert await bank.open() == {1: 12_500, 2: 25_000}
    fields = "... on Member { payments { totalCount nodes { id returnReason } } }"
    seen = await office.api("operator anna").node(office.member("anna"), fields)
    assert seen["payments"] == {
        "totalCount": 1, "nodes": [{"id": payment["id"], "returnReason": "wrong account"}],
    }  # fmt: skip
    assert await office.api("operator bo").node(payment["id"], "id") is None


async def test_a_bank_file_is_read_once_and_what_waits_is_assigned(
    bank: Bank, office: Office
) -> None:
    await bank_account(office)
    content = camt(
        Entry(12_500, "Ünser", creditor=await bank.reference(1), iban=ANNA_IBAN, reference="A"),
        Entry(-350, "ENTGELT", reference="B"),
        Entry(4_711, "who knows", reference="C", iban=ANNA_IBAN),
    ).decode()
    latin = content.replace('encoding="UTF-8"', 'encoding="ISO-8859-1"')
    fields = "kind lines known posted unmatched missing { amount } bankLines { state }"
    done = await order(office, "bankFileImport", fields, cooperativeId=office.node, content=latin)
    assert (done["kind"], done["lines"], done["posted"], done["unmatched"]) == ("camt.053", 3, 1, 2)
    assert [one["state"] for one in done["bankLines"]] == ["posted", "unmatched", "unmatched"]
    again = await order(office, "bankFileImport", fields, cooperativeId=office.node, content=latin)
    assert (again["replayed"], again["known"], again["bankLines"]) == (True, 3, [])
    ruled = await order(
        office, "bankRuleSet", "posted", cooperativeId=office.node, name="fees",
        contains="entgelt", accountCode="6700",
    )  # fmt: skip
    assert ruled["posted"] == 1
    [waiting] = await bank_lines(office, where="(where: {unmatched: true})")
    assert waiting["counterpartyIban"] == ANNA_IBAN
    done = await order(
        office, "bankLineAssign", "line { state member { number } entry { kind } }",
        lineId=waiting["id"], memberId=office.member("anna"),
    )  # fmt: skip
    assert done["line"] == {
        "state": "posted", "member": {"number": "anna"}, "entry": {"kind": "payment"},
    }  # fmt: skip
    assert await bank.open() == {1: 0, 2: 20_289}
    refused = await office.api().order(
        "bankLineAssign", "", idempotencyKey="x", lineId=waiting["id"], accountCode="6700"
    )
    assert [one["code"] for one in refused["errors"]] == ["BANK_LINE_SETTLED"]


async def test_who_only_reads_sees_no_whole_iban(bank: Bank, office: Office) -> None:
    await bank_account(office)
    await order(
        office, "mandateRegister", "mandate { iban }", memberId=office.member("anna"),
        reference="M-1", signedOn="2026-01-05", iban=ANNA_IBAN, holder="Anna",
    )  # fmt: skip
    await bank.read_bank(camt(Entry(4_711, f"from {ANNA_IBAN}", iban=ANNA_IBAN)))
    mandates = "... on Member { mandates { iban sequence } }"
    for person, shown in (
        ("treasurer", ANNA_IBAN), ("operator anna", ANNA_IBAN), ("auditor", "DE75 … 6199"),
    ):  # fmt: skip
        seen = await office.api(person).node(office.member("anna"), mandates)
        assert seen["mandates"] == [{"iban": shown, "sequence": "FRST"}]
    [line] = await bank_lines(office, "auditor")
    assert (line["counterpartyIban"], line["text"]) == ("DE75 … 6199", "from DE75 … 6199")
    [line] = await bank_lines(office)
    assert (line["counterpartyIban"], line["text"]) == (ANNA_IBAN, f"from {ANNA_IBAN}")
    assert await bank_lines(office, "operator anna") == []
    accounts = "... on Cooperative { bankAccounts { iban } }"
    seen = await office.api("auditor").node(office.node, accounts)
    assert seen == {"bankAccounts": [{"iban": "DE89 … 3000"}]}


async def test_a_collection_is_made_settled_and_returned(bank: Bank, office: Office) -> None:
    await bank_account(office)
    made = await order(
        office, "mandateRegister", "mandate { id }", memberId=office.member("anna"),
        reference="M-1", signedOn="2026-01-05", iban=ANNA_IBAN, holder="Anna Ås",
    )  # fmt: skip
    collect_on = (await bank.next_collection()).isoformat()
    fields = (
        "collection { id messageId sha256 file amount { amount } cancelled"
        " items { totalCount nodes { endToEndId amount { amount } sequence state member { number } } } }"
    )
    given = {"cooperativeId": office.node, "collectOn": collect_on}
    done = (await order(office, "collectionMake", fields, **given))["collection"]
    assert done["amount"] == {"amount": "375.00"}
    items = done["items"]
    assert items["totalCount"] == 2
    assert [one["sequence"] for one in items["nodes"]] == ["FRST", "RCUR"]
    assert done["messageId"] in done["file"]
    empty = await office.api().order("collectionMake", "", idempotencyKey="again", **given)
    assert [one["code"] for one in empty["errors"]] == ["COLLECTION_EMPTY"]
    seen = await office.api("auditor").node(done["id"], "... on Collection { file sha256 }")
    assert seen == {"file": None, "sha256": done["sha256"]}
    credit = Entry(37_500, "credit", batch=done["messageId"], reference="B1")
    await bank.read_bank(mt940(credit))
    refused = await office.api().order(
        "collectionCancel", "", idempotencyKey="c", collectionId=done["id"],
        cancelledOn="2026-11-20",
    )  # fmt: skip
    assert [one["code"] for one in refused["errors"]] == ["COLLECTION_SETTLED"]
    ended = await order(
        office, "mandateRevoke", "mandate { revokedOn }", mandateId=made["mandate"]["id"],
        revokedOn="2026-06-01",
    )  # fmt: skip
    assert ended["mandate"] == {"revokedOn": "2026-06-01"}


async def test_a_collection_is_made_and_cancelled_once_per_key(bank: Bank, office: Office) -> None:
    await bank_account(office)
    await order(
        office, "mandateRegister", "mandate { id }", memberId=office.member("anna"),
        reference="M-1", signedOn="2026-01-05", iban=ANNA_IBAN, holder="Anna Ås",
    )  # fmt: skip
    api, collect_on = office.api(), (await bank.next_collection()).isoformat()
    make = {"idempotencyKey": "m", "cooperativeId": office.node, "collectOn": collect_on}
    made = [await api.order("collectionMake", "collection { id }", **make) for _ in range(2)]
    assert made[0]["collection"] == made[1]["collection"]
    cancel = {
        "idempotencyKey": "c", "collectionId": made[0]["collection"]["id"],
        "cancelledOn": (await bank.next_collection()).isoformat(),
    }  # fmt: skip
    done = [await api.order("collectionCancel", "", **cancel) for _ in range(2)]
    assert [(one["replayed"], one["errors"]) for one in (*made, *done)] == [
        (False, []), (True, []), (False, []), (True, []),
    ]  # fmt: skip
    for mutation, given in (
        ("collectionMake", {**make, "leadDays": 3}),
        ("collectionCancel", {**cancel, "cancelledOn": "2030-01-01"}),
    ):
        payload = await api.order(mutation, "", **given)
        assert [one["code"] for one in payload["errors"]] == ["IDEMPOTENCY_MISMATCH"]
