"""A cooperative's first months, as its people live them: everything they do and see is GraphQL.

Only what the command line does was done before: the cooperative, its hubs, prices and people.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from coop.ledger.verification import verify
from coop.reports.verify_document import (
    document_proof_findings,
    document_twin_findings,
    statement_in,
)
from tests.charging.domain.sample import rows
from tests.schema.office import CAUTIOUS, Office

pytestmark = pytest.mark.anyio

JANUARY = rows(
    "H1;ada;s1;2026-01-10 08:00:00;2026-01-10 10:00:00;40",
    "H1;bo;s2;2026-01-20 08:00:00;2026-01-20 09:00:00;12,5",
    "S1;ada;s3;2026-01-28 22:30:00;2026-01-29 01:00:00;21,333",
)
FEBRUARY = rows(
    "S1;ada;s4;2026-02-03 08:00:00;2026-02-03 09:00:00;10",
    "H1;bo;s5;2026-02-04 08:00:00;2026-02-04 07:00:00;5",  # ends before it starts
    "H1;stray;s6;2026-02-05 08:00:00;2026-02-05 09:00:00;2",
)


class Year:
    """The people of one cooperative; every order is one intent under one key."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.orders = 0

    async def order(
        self, mutation: str, fields: str, person: str = "treasurer", **input_: Any
    ) -> Any:
        self.orders += 1
        key = f"order-{self.orders}"
        payload = await self.office.api(person).order(
            mutation, fields, idempotencyKey=key, **input_
        )
        assert payload["errors"] == [], payload
        assert payload["replayed"] is False
        return payload

    async def book(self, debit: str, credit: str, amount: str, on: str, memo: str) -> str:
        entry = await self.office.entry_input("", debit, credit, amount, on, memo=memo)
        del entry["idempotencyKey"]
        payload = await self.order("journalEntryPost", "entry { id }", **entry)
        return str(payload["entry"]["id"])

    async def take_in(self, file: str, name: str) -> Any:
        return await self.order(
            "chargingSessionsImport", "accepted rejected energy amount { amount } rejections { line code }",
            cooperativeId=self.office.node, format="CSV", content=file, mapping=CAUTIOUS, fileName=name,
        )  # fmt: skip

    async def due(self, name: str) -> dict[str, str]:
        """What a member sees of itself."""
        query = "{ viewer { members { nodes { balance { due { amount } equity { amount } } } } } }"
        found = await self.office.api(f"operator {name}").data(query)
        (member,) = found["viewer"]["members"]["nodes"]
        return {what: value["amount"] for what, value in member["balance"].items()}

    async def months(self) -> dict[str, dict[str, Any]]:
        fields = "... on Cooperative { periods { id from state sealNumber } }"
        found = await self.office.api("board").node(self.office.node, fields)
        return {period["from"]: period for period in found["periods"]}


async def test_the_first_months(desk: Office) -> None:
    year = Year(desk)
    await january(year)
    await the_mistake(year)
    await the_close(year)
    await the_statement(year)
    await february(year)
    await the_audit(year)


async def january(year: Year) -> None:
    """Members pay their shares; their first charging comes in."""
    await year.book("1000", "3100 ada", "2000.00", "2026-01-02", "Two shares")
    await year.book("1000", "3100 bo", "1000.00", "2026-01-02", "One share")
    taken = await year.take_in(JANUARY, "january.csv")
    assert (taken["accepted"], taken["rejected"]) == (3, 0)
    assert (taken["energy"], taken["amount"]["amount"]) == ("73.833", "242.83")
    assert await year.due("ada") == {"due": "205.33", "equity": "2000.00"}
    assert await year.due("bo") == {"due": "37.50", "equity": "1000.00"}


async def the_mistake(year: Year) -> None:
    """Ada pays; the treasurer books it on Bo, notices, and reverses it."""
    wrong = await year.book("1000", "1200 bo", "205.33", "2026-02-02", "Ada's January")
    assert (await year.due("bo"))["due"] == "-167.83"
    reversal = await year.order(
        "journalEntryReverse", "entry { reverses { id } }",
        entryId=wrong, effectiveOn="2026-02-02", memo="It was Ada's",
    )  # fmt: skip
    assert reversal["entry"]["reverses"]["id"] == wrong
    await year.book("1000", "1200 ada", "205.33", "2026-02-02", "Ada's January")
    assert await year.due("ada") == {"due": "0.00", "equity": "2000.00"}
    assert await year.due("bo") == {"due": "37.50", "equity": "1000.00"}


async def the_close(year: Year) -> None:
    """The board sees January's result by hub; the month is closed, and stays as it is."""
    desk = year.office
    days = 'period: {from: "2026-01-01", to: "2026-02-01"}'
    fields = f"""... on Cooperative {{
      all: incomeStatement({days}) {{ results {{ amount }} }}
      harbour: incomeStatement({days}, hubId: "{desk.hub("H1")}") {{ results {{ amount }} }} }}"""
    results = await desk.api("board").node(desk.node, fields)
    assert results["all"]["results"] == [{"amount": "242.83"}]
    assert results["harbour"]["results"] == [{"amount": "157.50"}]
    month = (await year.months())["2026-01-01"]["id"]
    closed = await year.order("periodClose", "period { state sealNumber }", periodId=month)
    assert closed["period"] == {"state": "CLOSED", "sealNumber": 1}
    late = await desk.entry_input("late", "1000", "1200 ada", "1.00", "2026-01-31")
    (refusal,) = (await desk.api().order("journalEntryPost", "", **late))["errors"]
    assert refusal["code"] == "PERIOD_CLOSED"


async def the_statement(year: Year) -> None:
    """Ada has her statement made, downloads it by its link, and proves it without us."""
    desk = year.office
    issued = await year.order(
        "statementIssue", "statement { number closing { amount } } document { url sha256 }",
        person="operator ada", memberId=desk.member("ada"),
        period={"from": "2026-01-01", "to": "2026-02-01"},
    )  # fmt: skip
    assert issued["statement"] == {"number": "ADA-1", "closing": {"amount": "205.33"}}
    pdf = (await desk.http.get(issued["document"]["url"])).content
    assert hashlib.sha256(pdf).hexdigest() == issued["document"]["sha256"]
    assert document_twin_findings(pdf) == []
    assert document_proof_findings(pdf) == []
    fields = "... on Cooperative { seals { nodes { number hash } } }"
    published = (await desk.api("operator ada").node(desk.node, fields))["seals"]["nodes"]
    printed = [{"number": seal.number, "hash": seal.head_hash} for seal in statement_in(pdf).seals]
    assert printed
    assert all(seal in published for seal in printed)


async def february(year: Year) -> None:
    """A broken row and an unknown badge stop nothing else."""
    taken = await year.take_in(FEBRUARY, "february.csv")
    assert (taken["accepted"], taken["rejected"]) == (2, 1)
    assert taken["rejections"][0]["line"] == 3
    assert await year.due("ada") == {"due": "40.00", "equity": "2000.00"}


async def the_audit(year: Year) -> None:
    """The auditor finds everything in balance, in the API and under the seals."""
    desk = year.office
    fields = "... on Cooperative { trialBalance { totals { commodity debit credit } } }"
    totals = (await desk.api("auditor").node(desk.node, fields))["trialBalance"]["totals"]
    assert [total["commodity"] for total in totals] == ["NOK", "kWh"]
    assert all(total["debit"] == total["credit"] for total in totals)
    async with desk.database.snapshot(desk.id) as connection:
        assert (await verify(connection)).ok
