"""A month from the rule that prices it to the last øre paid and contested, all of it in GraphQL.

Only what the command line does was done before: the cooperative, its hubs, prices and people.
"""

from __future__ import annotations

import json

import pytest

from coop.billing.verifying import verify_bills
from coop.kernel.clock import today_in
from coop.ledger.verification import verify
from tests.billing.bank_files import ANNA_IBAN, Entry, camt
from tests.schema.bank_inputs import IBAN
from tests.schema.office import OSLO, Office
from tests.stories.test_first_year import Year

pytestmark = pytest.mark.anyio

VAT = [{"name": "VAT", "percent": "25"}]
EVENING = {
    "id": "HARBOUR-2026", "currency": "NOK", "idle_grace_minutes": 30,
    "elements": [
        {
            "price_components": [
                {"type": "ENERGY", "price": 4.5, "step_size": 1, "taxes": VAT},
            ],
            "restrictions": {"start_time": "17:00", "end_time": "20:00"},
        },
        {
            "price_components": [
                {"type": "ENERGY", "price": 3.0, "step_size": 1, "taxes": VAT},
                {"type": "PARKING_TIME", "price": 12.0, "step_size": 1, "taxes": VAT},
            ],
        },
    ],
}  # fmt: skip


def cdr(id_: str, uid: str, periods: list[tuple[str, dict[str, float]]], end: str) -> str:
    """A CDR at Harbour; instants are UTC, an hour behind Oslo's March."""
    kwh = sum(found.get("ENERGY", 0) for _, found in periods)
    start = periods[0][0]
    hours = (
        int(end[11:13]) * 60 + int(end[14:16]) - int(start[11:13]) * 60 - int(start[14:16])
    ) / 60
    return json.dumps(
        {
            "country_code": "NO", "party_id": "COP", "id": id_, "start_date_time": start,
            "end_date_time": end, "auth_method": "WHITELIST", "currency": "NOK",
            "cdr_token": {"country_code": "NO", "party_id": "COP", "uid": uid, "type": "RFID",
                          "contract_id": f"C-{uid}"},
            "cdr_location": {"id": "H1", "evse_uid": "P1"},
            "charging_periods": [
                {
                    "start_date_time": at,
                    "dimensions": [{"type": k, "volume": v} for k, v in found.items()],
                }
                for at, found in periods
            ],
            "total_cost": {"excl_vat": 0}, "total_energy": kwh, "total_time": hours,
            "last_updated": end,
        }
    )  # fmt: skip


# Ada from 16:00 to 18:00 in Oslo; Bo from 12:00, full at 13:00, gone at 14:30.
MARCH = "\n".join(
    (
        cdr("M1", "ada", [("2026-03-10T15:00:00Z", {"ENERGY": 20, "TIME": 2})],
            "2026-03-10T17:00:00Z"),
        cdr("M2", "bo", [("2026-03-11T11:00:00Z", {"ENERGY": 7, "TIME": 1}),
                         ("2026-03-11T12:00:00Z", {"PARKING_TIME": 1.5})],
            "2026-03-11T13:30:00Z"),
    )
)  # fmt: skip


async def test_a_billed_month(desk: Office) -> None:
    year = Year(desk)
    await the_rule(year)
    await the_pledge(year)
    await the_charging(year)
    dispute = await the_dispute(year)
    invoice = await the_bill(year)
    await what_ada_sees(year, invoice)
    await the_payment(year, invoice)
    await the_decision(year, dispute)
    async with desk.database.snapshot(desk.id) as connection:
        found = await verify(connection)
        await verify_bills(connection, found)
    assert found.ok


async def the_rule(year: Year) -> None:
    """The board's resolution is recorded: dear evenings, and a fee for standing after a grace."""
    desk = year.office
    made = await year.order(
        "tariffSet", "tariff { version name resolution text }", cooperativeId=desk.node,
        document=json.dumps(EVENING), hubId=desk.hub("H1"), resolution="GM 2026-3",
        **{"from": "2026-03-01T00:00:00+01:00"},
    )  # fmt: skip
    assert made["tariff"]["version"] == 2
    assert made["tariff"]["resolution"] == "GM 2026-3"
    refused = await desk.api("operator ada").order(
        "tariffSet", "", cooperativeId=desk.node, document="{}", idempotencyKey="x",
        **{"from": "2026-03-01T00:00:00+01:00"},
    )  # fmt: skip
    assert [error["code"] for error in refused["errors"]] == ["FORBIDDEN"]


async def the_pledge(year: Year) -> None:
    """Ada pledges a hundred kWh for March, and may make up for three months what she misses."""
    desk = year.office
    made = await year.order(
        "commitmentPledge", "commitment { from terms { minimum } }", person="operator ada",
        memberId=desk.member("ada"), hubIds=[desk.hub("H1")],
        terms={"from": "2026-03-01", "to": "2026-04-01", "minimum": "100.000",
               "shortfallPrice": "0.50", "makeUpMonths": 3, "taxes": VAT},
    )  # fmt: skip
    assert made["commitment"]["terms"] == [{"minimum": "100.000"}]


async def the_charging(year: Year) -> None:
    taken = await year.order(
        "chargingSessionsImport", "accepted rejected energy amount { amount }",
        cooperativeId=year.office.node, format="CDR", content=MARCH, fileName="march.jsonl",
    )  # fmt: skip
    assert (taken["accepted"], taken["rejected"], taken["energy"]) == (2, 0, "27.000")
    # Ada 10 × 3.00 + 10 × 4.50; Bo 7 × 3.00 and an hour of standing, the grace being free.
    assert taken["amount"]["amount"] == "108.00"
    assert (await year.due("ada"))["due"] == "75.00"


async def the_bill(year: Year) -> str:
    """March is settled and billed: first as a draft, then for good, then again for nothing."""
    desk = year.office
    settled = await year.order(
        "commitmentsSettle", "settled", cooperativeId=desk.node, month="2026-03-01"
    )
    assert settled["settled"] == 1
    fields = "invoices net { amount } tax { amount } gross { amount } monthGross { amount }"
    draft = await year.order(
        "billingRun", fields, cooperativeId=desk.node, month="2026-03", draft=True
    )
    run = await year.order("billingRun", fields + " monthReceivable { amount }",
                           cooperativeId=desk.node, month="2026-03")  # fmt: skip
    for found in (draft, run):
        assert found["invoices"] == 2
        assert [found[name]["amount"] for name in ("net", "tax", "gross")] == [
            "148.00", "37.00", "185.00",
        ]  # fmt: skip
    assert run["monthGross"] == run["monthReceivable"] == {"amount": "185.00"}
    again = await year.order("billingRun", fields, cooperativeId=desk.node, month="2026-03")
    assert (again["invoices"], again["monthGross"]["amount"]) == (0, "185.00")
    mine = "{ viewer { members(first: 1) { nodes { invoices(first: 5) { nodes { id gross { amount } dueOn } } } } } }"
    found = await desk.api("operator ada").data(mine)
    ((invoice,),) = (member["invoices"]["nodes"] for member in found["viewer"]["members"]["nodes"])
    assert (invoice["gross"]["amount"], invoice["dueOn"]) == ("143.75", "2026-04-15")
    return str(invoice["id"])


async def what_ada_sees(year: Year, invoice: str) -> None:
    """Every line leads to its sessions, their periods, price, rule and resolution."""
    fields = """... on Invoice { number reference taxes { name percent base { amount } tax { amount } }
      lines { kind description quantity unit unitPrice net { amount } resolution
        sessions(first: 3) { nodes { energy periods { startedAt }
          charges { id net { amount } resolution lines { kind quantity unitPrice } } } } } }"""
    seen = await year.office.api("operator ada").node(invoice, fields)
    assert seen["taxes"] == [
        {"name": "VAT", "percent": "25", "base": {"amount": "115.00"}, "tax": {"amount": "28.75"}}
    ]
    facts = [
        (line["kind"], line["quantity"], line["unitPrice"], line["net"]["amount"])
        for line in seen["lines"]
    ]
    assert [(k, float(q), float(p), n) for k, q, p, n in facts] == [
        ("ENERGY", 10, 4.5, "45.00"), ("ENERGY", 10, 3, "30.00"), ("SHORTFALL", 80, 0.5, "40.00"),
    ]  # fmt: skip
    assert [line["resolution"] for line in seen["lines"]] == ["GM 2026-3", "GM 2026-3", None]
    (session,) = seen["lines"][0]["sessions"]["nodes"]
    assert (session["energy"], len(session["periods"])) == ("20.000", 1)
    (charge,) = session["charges"]
    assert (charge["net"]["amount"], charge["resolution"]) == ("75.00", "GM 2026-3")
    assert await year.office.api("operator bo").node(invoice, fields) is None


async def the_payment(year: Year, invoice: str) -> None:
    """The bank's file brings Ada's payment, twice; it counts once."""
    desk = year.office
    fields = "... on Invoice { number reference open { amount } state }"
    before = await desk.api().node(invoice, fields)
    await year.order("bankAccountAdd", "bankAccount { id }", cooperativeId=desk.node, iban=IBAN,
                     name="Office")  # fmt: skip
    file = camt(
        Entry(14_375, before["reference"], on="2026-04-10", iban=ANNA_IBAN), iban=IBAN,
        currency="NOK",
    ).decode()  # fmt: skip
    wanted = {"cooperativeId": desk.node, "content": file}
    read = await year.order("bankFileImport", "lines posted unmatched", **wanted)
    assert (read["lines"], read["posted"], read["unmatched"]) == (1, 1, 0)
    again = await desk.api().order(
        "bankFileImport", "known posted", idempotencyKey="another", **wanted
    )
    assert (again["errors"], again["known"], again["posted"]) == ([], 1, 0)
    after = await desk.api("operator ada").node(invoice, fields)
    assert (after["open"]["amount"], after["state"]) == ("0.00", "PAID")
    assert (await year.due("ada"))["due"] == "0.00"


async def the_dispute(year: Year) -> str:
    """Bo contests what he was charged for standing, before it is billed; Ada cannot do it for him."""
    desk = year.office
    query = "{ viewer { members(first: 1) { nodes { sessions(first: 5) { nodes { charges { id gross { amount } } } } } } } }"
    found = await desk.api("operator bo").data(query)
    (member,) = found["viewer"]["members"]["nodes"]
    (charge,) = member["sessions"]["nodes"][0]["charges"]
    assert charge["gross"]["amount"] == "41.25"
    contested = {"chargeId": charge["id"], "reason": "The barrier was down"}
    refused = await desk.api("operator ada").order(
        "disputeOpen", "", idempotencyKey="hers", **contested
    )
    assert [error["code"] for error in refused["errors"]] == ["NOT_FOUND"]
    opened = await year.order("disputeOpen", "dispute { id state held { amount } }",
                              person="operator bo", **contested)  # fmt: skip
    assert (opened["dispute"]["state"], opened["dispute"]["held"]) == ("OPEN", {"amount": "41.25"})
    return str(opened["dispute"]["id"])


async def the_decision(year: Year, dispute: str) -> None:
    """The treasurer does not decide what the treasurer billed; the board credits the fee."""
    desk = year.office
    decision = {
        "disputeId": dispute, "decision": "CREDIT", "reason": "It was", "resolution": "B 2026-9",
        "amount": {"amount": "12.00", "currency": "NOK"},
    }  # fmt: skip
    refused = await desk.api().order("disputeDecide", "", idempotencyKey="own", **decision)
    assert [error["code"] for error in refused["errors"]] == ["FORBIDDEN"]
    await year.order("disputeDecide", "dispute { state }", person="board", **decision)
    # The bill of 41.25 stands; the credit of 12.00 waits, and its tax comes with the next bill.
    assert (await year.due("bo"))["due"] == "29.25"
    drafted = await year.order(
        "billingRun", "creditNotes gross { amount } bills { nodes { member { number } } }",
        cooperativeId=desk.node, month=f"{today_in(OSLO):%Y-%m}", draft=True,
    )  # fmt: skip
    assert (drafted["creditNotes"], drafted["gross"]["amount"]) == (1, "-15.00")
    assert drafted["bills"]["nodes"] == [{"member": {"number": "BO"}}]
