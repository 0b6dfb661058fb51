"""Bills through the API: drafted, issued, read down to the sessions, credited, contested."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from coop.charging.domain.mapping import mapping_of
from coop.charging.importing import ImportFile, import_sessions
from tests.charging.domain.sample import MAPPING, rows
from tests.members.people import system
from tests.schema.office import Office

pytestmark = pytest.mark.anyio

MARCH = rows(
    "H1;ada;s1;2026-03-10 08:00:00;2026-03-10 10:00:00;10",
    "H1;ada;s2;2026-03-11 08:00:00;2026-03-11 10:00:00;5",
    "S1;ada;s3;2026-03-12 08:00:00;2026-03-12 09:00:00;2",
    "H1;bo;s4;2026-03-20 08:00:00;2026-03-20 09:00:00;7",
)
RUN = """draft invoices creditNotes net { amount } gross { amount } monthGross { amount }
monthReceivable { amount } unsettled waiting { kind count } bills(first: 1) { totalCount nodes { member { number } kind
  gross { amount } lines { net { amount } sessionCount } } pageInfo { hasNextPage endCursor } }"""
INVOICE = """... on Invoice { id number kind issuedOn dueOn from to state reference
net { amount } tax { amount } gross { amount currency } open { amount } taxes { name }
member { number } refersTo { number } creditNotes { number } entry { kind }
lines { number kind hub { ref } tariff resolution description quantity unit unitPrice
  net { amount } taxes { name } sessionCount item { kind }
  sessions(first: 1) { totalCount nodes { sessionId } pageInfo { hasNextPage endCursor } } } }"""
UNBILLED = "... on Member { unbilled { kind gross { amount } lines { kind } } }"
INVOICES = "... on Member { invoices(first: %d) { totalCount nodes { id number } pageInfo { hasNextPage } } }"


@pytest.fixture
async def desk(desk: Office) -> Office:
    """Ada charged 17 kWh at two hubs in March, Bo 7."""
    await import_sessions(
        desk.database, system(), desk.id, ImportFile(BytesIO(MARCH.encode()), "s.csv"),
        mapping_of(MAPPING.replace("register = true", "register = false")),
    )  # fmt: skip
    return desk


async def run(desk: Office, by: str = "treasurer", key: str = "k1", **changes: Any) -> Any:
    given = {"idempotencyKey": key, "cooperativeId": desk.node, "month": "2026-03", **changes}
    return await desk.api(by).order("billingRun", RUN, **given)


async def invoice_of(desk: Office, name: str) -> str:
    found = await desk.api().node(desk.member(name), INVOICES % 50)
    (invoice,) = found["invoices"]["nodes"]
    return str(invoice["id"])


async def test_a_draft_pages_through_bills_and_stores_nothing(desk: Office) -> None:
    payload = await run(desk, draft=True)
    assert (payload["draft"], payload["invoices"], payload["net"]["amount"]) == (True, 2, "74.00")
    assert payload["bills"]["totalCount"] == 2
    assert payload["bills"]["nodes"] == [
        {"member": {"number": "ADA"}, "kind": "INVOICE", "gross": {"amount": "53.00"},
         "lines": [{"net": {"amount": "45.00"}, "sessionCount": 2},
                   {"net": {"amount": "8.00"}, "sessionCount": 1}]}
    ]  # fmt: skip
    assert payload["bills"]["pageInfo"]["hasNextPage"]
    found = await desk.api().node(desk.member("ada"), INVOICES % 50)
    assert found["invoices"]["totalCount"] == 0


async def test_what_a_bill_lacks_is_told(desk: Office) -> None:
    payload = await run(desk, draft=True)
    assert (payload["unsettled"], payload["waiting"]) == (0, [])
    of = {"cooperativeId": desk.node}
    plan = {"code": "basic", "name": "Basic", "fee": "19.00", "idempotencyKey": "p", **of}
    assert (await desk.api("treasurer").order("planSet", "replayed", **plan))["errors"] == []
    start = {"memberId": desk.member("ada"), "plan": "basic", "from": "2026-03-01"}
    begun = await desk.api("treasurer").order(
        "subscriptionStart", "replayed", idempotencyKey="s", **start
    )
    assert begun["errors"] == []
    payload = await run(desk)
    lacking = [{"kind": "SUBSCRIPTION", "count": 1}]
    assert (payload["invoices"], payload["unsettled"], payload["waiting"]) == (2, 0, lacking)
    again = await run(desk)
    assert (again["replayed"], again["waiting"]) == (True, lacking)


async def test_a_month_is_billed_once_whatever_the_key(desk: Office) -> None:
    payload = await run(desk)
    assert (payload["errors"], payload["invoices"], payload["gross"]["amount"]) == ([], 2, "74.00")
    assert payload["monthGross"] == payload["monthReceivable"] == {"amount": "74.00"}
    assert payload["bills"] == {
        "totalCount": 0, "nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None},
    }  # fmt: skip
    again = await run(desk)
    assert (again["replayed"], again["invoices"]) == (True, 2)
    other = await run(desk, key="k2")
    assert (other["replayed"], other["invoices"], other["monthGross"]["amount"]) == (
        False,
        0,
        "74.00",
    )
    changed = await run(desk, month="2026-04")
    assert [error["code"] for error in changed["errors"]] == ["IDEMPOTENCY_MISMATCH"]


async def test_a_member_reads_its_invoice_down_to_the_sessions(desk: Office) -> None:
    api = desk.api("operator ada")
    unbilled = (await api.node(desk.member("ada"), UNBILLED))["unbilled"]
    assert unbilled == {
        "kind": "INVOICE", "gross": {"amount": "53.00"}, "lines": [{"kind": "ENERGY"}] * 2,
    }  # fmt: skip
    await run(desk)
    assert (await api.node(desk.member("ada"), UNBILLED))["unbilled"] is None
    invoice = await api.node(await invoice_of(desk, "ada"), INVOICE)
    harbour, station = invoice.pop("lines")
    assert {key: invoice[key] for key in ("number", "kind", "issuedOn", "dueOn", "from", "to")} == {
        "number": 1, "kind": "INVOICE", "issuedOn": "2026-04-01", "dueOn": "2026-04-15",
        "from": "2026-03-01", "to": "2026-04-01",
    }  # fmt: skip
    assert (invoice["state"], invoice["open"], invoice["reference"]) == (
        "OVERDUE", {"amount": "53.00"}, "RF69INV000001",
    )  # fmt: skip
    assert (invoice["entry"], invoice["member"]) == ({"kind": "invoice"}, {"number": "ADA"})
    assert (harbour["hub"], harbour["quantity"], harbour["unitPrice"]) == ({"ref": "H1"}, "15", "3")
    assert (harbour["sessionCount"], harbour["item"], station["hub"]) == (2, None, {"ref": "S1"})
    assert harbour["sessions"]["totalCount"] == 2
    assert [one["sessionId"] for one in harbour["sessions"]["nodes"]] == ["S1"]
    assert harbour["sessions"]["pageInfo"]["hasNextPage"]


async def test_nobody_else_reads_it(desk: Office, elsewhere: Office) -> None:
    await run(desk)
    invoice = await invoice_of(desk, "ada")
    for api in (
        desk.api("operator bo"),
        desk.api("administrator"),
        desk.api("stranger"),
        elsewhere.api(),
    ):
        assert await api.node(invoice, "... on Invoice { number }") is None
    mine = await desk.api("operator bo").node(
        desk.node,
        "... on Cooperative { invoices { totalCount nodes { member { number } } } aging { totalCount } }",
    )
    assert mine == {
        "invoices": {"totalCount": 1, "nodes": [{"member": {"number": "BO"}}]},
        "aging": {"totalCount": 0},
    }


async def test_lists_have_pages_and_filters(desk: Office) -> None:
    await run(desk)
    query = (
        "query($id: ID!) { node(id: $id) { ... on Member { invoices(first: %d) { totalCount } } } }"
    )
    assert await desk.api().code(query % 201, id=desk.member("ada")) == "INVALID_PAGE"
    fields = "... on Cooperative { invoices(where: %s) { totalCount nodes { number } } }"
    counts = []
    for where in ("{state: OPEN}", "{state: OVERDUE}", "{state: PAID}", "{kind: CREDIT_NOTE}",
                  '{issued: {from: "2026-04-02"}}', f'{{memberId: "{desk.member("bo")}"}}'):  # fmt: skip
        found = (await desk.api().node(desk.node, fields % where))["invoices"]
        assert found["totalCount"] == len(found["nodes"])
        counts.append(found["totalCount"])
    assert counts == [2, 2, 0, 0, 0, 1]


async def test_a_credit_note_in_part_then_the_rest(desk: Office) -> None:
    await run(desk)
    invoice = await invoice_of(desk, "ada")
    given = {"invoiceId": invoice, "reason": "Wrong meter"}
    shown = "invoice { kind number gross { amount } open { amount } refersTo { number } reason }"
    line = [{"number": 1, "net": {"amount": "5.00", "currency": "NOK"}}]
    part = await desk.api().order(
        "creditNoteIssue", shown, idempotencyKey="c1", lines=line, **given
    )
    assert part["invoice"] == {
        "kind": "CREDIT_NOTE", "number": 1, "gross": {"amount": "-5.00"},
        "open": {"amount": "0.00"}, "refersTo": {"number": 1}, "reason": "Wrong meter",
    }  # fmt: skip
    again = await desk.api().order(
        "creditNoteIssue", shown, idempotencyKey="c1", lines=line, **given
    )
    assert (again["replayed"], again["invoice"]) == (True, part["invoice"])
    foreign = [{"number": 1, "net": {"amount": "5.00", "currency": "EUR"}}]
    for lines, code in (([*line, *line], "INVALID_VALUE"), (foreign, "INVALID_VALUE")):
        payload = await desk.api().order(
            "creditNoteIssue", shown, idempotencyKey="c2", lines=lines, **given
        )
        assert [error["code"] for error in payload["errors"]] == [code]
    await desk.api().order("creditNoteIssue", shown, idempotencyKey="c3", **given)
    found = await desk.api("operator ada").node(invoice, INVOICE)
    assert (found["state"], found["creditNotes"]) == ("PAID", [{"number": 1}, {"number": 2}])


async def test_a_write_off_needs_its_resolution(desk: Office) -> None:
    await run(desk)
    given = {
        "invoiceId": await invoice_of(desk, "bo"),
        "effectiveOn": "2026-05-01",
        "reason": "Gone",
    }
    shown = "invoice { state open { amount } }"
    none = await desk.api().order(
        "invoiceWriteOff", shown, idempotencyKey="w1", resolution=" ", **given
    )
    assert [(error["code"], error["path"]) for error in none["errors"]] == [
        ("WRITE_OFF_UNRESOLVED", ["resolution"])
    ]
    done = await desk.api().order(
        "invoiceWriteOff", shown, idempotencyKey="w1", resolution="2026/3", **given
    )
    assert done["invoice"] == {"state": "PAID", "open": {"amount": "0.00"}}


async def test_who_owes_what(desk: Office) -> None:
    await run(desk)
    fields = """... on Cooperative { aging(on: "2026-05-20", first: 1) { totalCount
        total { days60 { amount } total { amount } member { number } }
        nodes { member { number } current { amount } days60 { amount } } pageInfo { endCursor } } }"""
    found = (await desk.api("board").node(desk.node, fields))["aging"]
    assert (found["totalCount"], found["total"]) == (
        2, {"days60": {"amount": "74.00"}, "total": {"amount": "74.00"}, "member": None},
    )  # fmt: skip
    assert found["nodes"] == [
        {"member": {"number": "ADA"}, "current": {"amount": "0.00"}, "days60": {"amount": "53.00"}}
    ]
    rest = fields.replace("first: 1", f'first: 1, after: "{found["pageInfo"]["endCursor"]}"')
    found = (await desk.api("board").node(desk.node, rest))["aging"]
    assert [row["member"]["number"] for row in found["nodes"]] == ["BO"]


async def test_a_dispute_is_opened_by_the_member_and_decided_by_the_board(desk: Office) -> None:
    (charge,) = await desk.ask(_charge_of, "S1")
    api, shown = (
        desk.api("operator ada"),
        "dispute { id state held { amount } openedBy chargeId decidedBy credit { net { amount } } }",
    )
    given = {"chargeId": desk.named("Charge", charge), "reason": "I was away"}
    opened = await api.order("disputeOpen", shown, idempotencyKey="d1", **given)
    dispute = opened["dispute"]
    assert (dispute["state"], dispute["held"], dispute["chargeId"]) == (
        "OPEN", {"amount": "30.00"}, given["chargeId"],
    )  # fmt: skip
    twice = await api.order("disputeOpen", shown, idempotencyKey="d2", **given)
    assert [error["code"] for error in twice["errors"]] == ["DISPUTE_OPEN"]
    neither = await api.order("disputeOpen", shown, idempotencyKey="d3", reason="x")
    assert [error["code"] for error in neither["errors"]] == ["INVALID_VALUE"]
    decided = await desk.api("board").order(
        "disputeDecide", shown, idempotencyKey="d1", disputeId=dispute["id"], decision="CREDIT",
        amount={"amount": "12.00", "currency": "NOK"}, reason="Half of it",
    )  # fmt: skip
    assert decided["dispute"]["credit"] == {"net": {"amount": "-12.00"}}
    listed = "... on Member { disputes(state: CREDITED) { totalCount nodes { state decidedBy } } }"
    found = (await api.node(desk.member("ada"), listed))["disputes"]
    assert found["nodes"] == [{"state": "CREDITED", "decidedBy": desk.subject("board")}]
    assert (await desk.api("operator bo").node(dispute["id"], "id")) is None


async def _charge_of(connection: Any, session: str) -> list[Any]:
    found = await connection.exec_driver_sql(
        "SELECT c.id FROM charge c JOIN charging_session s ON s.id = c.session_id"
        f" WHERE s.session_id = '{session}'"
    )
    return [row[0] for row in found]
