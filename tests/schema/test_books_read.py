"""What the API says of the furnished cooperative's books: trial balance, statements, periods, seals."""

from __future__ import annotations

from typing import Any

import pytest

from coop.ledger import queries
from coop.schema.books import Period
from tests.schema.office import Office

pytestmark = pytest.mark.anyio


async def asked(office: Office, fields: str, person: str = "treasurer") -> Any:
    return await office.api(person).node(office.node, f"... on Cooperative {{ {fields} }}")


TRIAL = [
    ("1000", "EU", "500.00", "0.00", "500.00"),
    ("1000", "UNRESTRICTED", "2034.99", "9.99", "2025.00"),
    ("1205", "UNRESTRICTED", "31.74", "9.99", "21.75"),
    ("1205", "UNRESTRICTED", "52.00", "25.00", "27.00"),
    ("1220", "UNRESTRICTED", "6.00", "0.00", "6.00"),
    ("2000", "UNRESTRICTED", "0.00", "40.00", "40.00"),
    ("3100", "UNRESTRICTED", "0.00", "2000.00", "2000.00"),
    ("4000", "UNRESTRICTED", "0.00", "22.00", "22.00"),
    ("4000", "UNRESTRICTED", "0.00", "51.75", "51.75"),
    ("4050", "UNRESTRICTED", "0.00", "6.00", "6.00"),
    ("4500", "EU", "0.00", "500.00", "500.00"),
    ("5000", "UNRESTRICTED", "40.00", "0.00", "40.00"),
    ("9000", "UNRESTRICTED", "0.000", "19.250", "19.250"),
    ("9000", "UNRESTRICTED", "0.000", "5.500", "5.500"),
    ("9100", "UNRESTRICTED", "15.500", "0.000", "15.500"),
    ("9100", "UNRESTRICTED", "7.250", "0.000", "7.250"),
    ("9110", "UNRESTRICTED", "2.000", "0.000", "2.000"),
]


async def test_the_trial_balance(office: Office) -> None:
    fields = "{ asOf rows { code fund debit credit amount } totals { commodity debit credit } }"
    found = (await asked(office, f"trialBalance {fields}"))["trialBalance"]
    assert sorted(tuple(row.values()) for row in found["rows"]) == TRIAL
    assert found["totals"] == [
        {"commodity": "NOK", "debit": "2664.73", "credit": "2664.73"},
        {"commodity": "kWh", "debit": "24.750", "credit": "24.750"},
    ]
    january = (await asked(office, f'trialBalance(asOf: "2026-01-31") {fields}'))["trialBalance"]
    assert january["asOf"] == "2026-01-31"
    assert january["totals"] == [
        {"commodity": "NOK", "debit": "2051.75", "credit": "2051.75"},
        {"commodity": "kWh", "debit": "17.250", "credit": "17.250"},
    ]
    fund = office.named("Fund", office.funds["EU"])
    of_fund = (await asked(office, f'trialBalance(fundId: "{fund}") {fields}'))["trialBalance"]
    assert [(row["code"], row["amount"]) for row in of_fund["rows"]] == [
        ("1000", "500.00"), ("4500", "500.00"),
    ]  # fmt: skip
    before = f'trialBalance(knownAt: "2026-01-01T00:00:00Z") {fields}'
    assert all(
        row["amount"] in ("0.00", "0.000")
        for row in (await asked(office, before))["trialBalance"]["rows"]
    )


SECTIONS = "{ title from sections { title lines { code amount } total } results { name amount } energy { lines { code amount } } }"


def lines(found: Any) -> dict[str, dict[str | None, str]]:
    """The amounts of a financial statement's lines by code, under each section's title."""
    return {
        section["title"]: {line["code"]: line["amount"] for line in section["lines"]}
        for section in found["sections"]
    }


async def test_the_balance_sheet(office: Office) -> None:
    found = (await asked(office, f"balanceSheet {SECTIONS}"))["balanceSheet"]
    assert (found["title"], found["from"]) == ("Balance sheet", None)
    assert lines(found) == {
        "Assets": {"1000": "2525.00", "1205": "48.75", "1220": "6.00"},
        "Liabilities": {"2000": "40.00"},
        "Equity": {"3100": "2000.00", None: "539.75"},
    }
    assert [section["total"] for section in found["sections"]] == ["2579.75", "40.00", "2539.75"]
    assert found["energy"] == [
        {"lines": [{"code": code, "amount": amount} for code, amount in (
            ("9000", "24.750"), ("9100", "22.750"), ("9110", "2.000"))]}
    ]  # fmt: skip
    january = (await asked(office, f'balanceSheet(asOf: "2026-01-31") {SECTIONS}'))["balanceSheet"]
    assert lines(january)["Equity"] == {"3100": "2000.00", None: "51.75"}


@pytest.mark.parametrize(
    ("how", "revenue", "expenses", "result"),
    [
        ("period: {}", {"4000": "73.75", "4050": "6.00", "4500": "500.00"}, {"5000": "40.00"}, "539.75"),
        ('period: {to: "2026-02-01"}', {"4000": "51.75"}, {}, "51.75"),
        ('period: {from: "2026-02-01", to: "2026-03-01"}',
         {"4000": "22.00", "4050": "6.00", "4500": "500.00"}, {"5000": "40.00"}, "488.00"),
        ('period: {}, hubId: "H1"', {"4000": "51.75", "4050": "6.00"}, {"5000": "40.00"}, "17.75"),
        ('period: {}, hubId: "S1"', {"4000": "22.00"}, {}, "22.00"),
        ('period: {from: "2026-02-01"}, fundId: "EU"', {"4500": "500.00"}, {}, "500.00"),
    ],
)  # fmt: skip
async def test_the_income_statement(
    office: Office, how: str, revenue: dict[str, str], expenses: dict[str, str], result: str
) -> None:
    fund = office.named("Fund", office.funds["EU"])
    asked_for = how.replace("EU", fund)
    for ref in ("H1", "S1"):
        asked_for = asked_for.replace(f'"{ref}"', f'"{office.hub(ref)}"')
    found = (await asked(office, f"incomeStatement({asked_for}) {SECTIONS}"))["incomeStatement"]
    told = {title: kept for title, kept in lines(found).items() if kept}
    assert told == {k: v for k, v in {"Revenue": revenue, "Expenses": expenses}.items() if v}
    assert [line["amount"] for line in found["results"]] == [result]


async def test_periods_and_seals(office: Office) -> None:
    found = await asked(
        office,
        "periods { from to state sealNumber closedAt }"
        " seals { totalCount nodes { number entryCount root previousHash hash } }",
    )
    january, february = found["periods"]
    assert january.pop("closedAt").endswith("Z")
    assert january == {"from": "2026-01-01", "to": "2026-02-01", "state": "CLOSED", "sealNumber": 1}
    assert february == {
        "from": "2026-02-01", "to": "2026-03-01", "state": "OPEN", "sealNumber": None,
        "closedAt": None,
    }  # fmt: skip
    (stored,) = await office.ask(queries.seals_page, after=None, limit=9)
    assert found["seals"] == {
        "totalCount": 1,
        "nodes": [{
            "number": 1, "entryCount": 5, "root": bytes(stored.root).hex(),
            "previousHash": bytes(stored.previous_hash).hex(), "hash": bytes(stored.hash).hex(),
        }],
    }  # fmt: skip
    assert Period.of((await office.ask(queries.periods))[0]).seal_number == 1
