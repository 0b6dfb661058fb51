"""Lists page by page on the real database, while somebody writes between the pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from coop.charging import service as charging
from coop.charging.domain.place import HubDraft
from coop.ledger.sealing import seal_everything
from tests.schema.office import OSLO, Office

pytestmark = pytest.mark.anyio


async def pages(
    office: Office, parent: str, kind: str, field: str, how: str, row: str
) -> AsyncIterator[list[Any]]:
    """The rows of page after page of two; `how` is `forward` or `backward`."""
    size, cursor, more, end = (
        ("first: 2", "after", "hasNextPage", "endCursor") if how == "forward"
        else ("last: 2", "before", "hasPreviousPage", "startCursor")
    )  # fmt: skip
    place = ""
    while True:
        page = f"{field}({size}{place}) {{ edges {{ cursor node {{ {row} }} }} pageInfo {{ {more} {end} }} }}"
        found = (await office.api().node(parent, f"... on {kind} {{ {page} }}"))[field]
        yield [edge["node"][row] for edge in found["edges"]]
        if not found["pageInfo"][more]:
            return
        place = f', {cursor}: "{found["pageInfo"][end]}"'


async def note(office: Office, number: int) -> None:
    """An entry between the bank and Ada's receivable whose memo is its number."""
    await office.post(f"n{number}", "2026-03-01", "1000", "1205 ada", number)


@pytest.mark.parametrize("how", ["forward", "backward"])
async def test_postings_between_pages_repeat_and_skip_nothing(desk: Office, how: str) -> None:
    for number in range(1, 8):
        await note(desk, number)
    member, seen = desk.member("ada"), []
    new = 100
    async for rows in pages(desk, member, "Member", "postings", how, "amount"):
        seen.append(rows)
        new += 1
        await note(desk, new)
    if how == "forward":  # the latest first: what comes later stands before what was read
        assert seen == [["0.07", "0.06"], ["0.05", "0.04"], ["0.03", "0.02"], ["0.01"]]
    else:  # from the oldest on, so what comes meanwhile is met, once
        assert [row for page in seen for row in reversed(page)][:7] == [
            f"0.0{number}" for number in range(1, 8)
        ]
        flat = [row for page in seen for row in page]
        assert len(flat) == len(set(flat))


async def test_a_page_between_two_cursors(desk: Office) -> None:
    for number in range(1, 8):
        await note(desk, number)
    account = await desk.account("1205 ada")
    all_of = "... on Account { postings { edges { cursor node { amount } } } }"
    edges = (await desk.api().node(account, all_of))["postings"]["edges"]
    assert [edge["node"]["amount"] for edge in edges] == [f"0.0{n}" for n in range(7, 0, -1)]
    after, before = edges[1]["cursor"], edges[5]["cursor"]
    for asked, amounts in {
        "first: 9": ["0.05", "0.04", "0.03"], "last: 9": ["0.05", "0.04", "0.03"],
        "first: 2": ["0.05", "0.04"], "last: 2": ["0.04", "0.03"],
    }.items():  # fmt: skip
        page = f'... on Account {{ postings({asked}, after: "{after}", before: "{before}") {{ nodes {{ amount }} }} }}'
        found = await desk.api().node(account, page)
        assert [node["amount"] for node in found["postings"]["nodes"]] == amounts


async def test_members_and_hubs_that_join_between_pages(desk: Office) -> None:
    for number in ("B1", "B2", "D1"):
        await desk.town.admit(number, number=number)
    seen = []
    async for rows in pages(desk, desk.node, "Cooperative", "members", "forward", "number"):
        seen.append(rows)
        if len(seen) == 1:  # one sorts before what was read, one after
            await desk.town.admit("A0", number="A0")
            await desk.town.admit("C1", number="C1")
    assert seen == [["ADA", "B1"], ["B2", "BO"], ["C1", "D1"]]
    hubs = []
    async for rows in pages(desk, desk.node, "Cooperative", "hubs", "forward", "ref"):
        hubs += rows
        if len(hubs) == 2:
            await desk.town.order(charging.register_hub, HubDraft("A1", "New", OSLO))
            await desk.town.order(charging.register_hub, HubDraft("Z1", "Newer", OSLO))
    assert hubs == ["H1", "S1"]  # the page had told that nothing follows
    refs = [
        r
        async for rows in pages(desk, desk.node, "Cooperative", "hubs", "forward", "ref")
        for r in rows
    ]
    assert refs == ["A1", "H1", "S1", "Z1"]


async def test_entries_seals_and_statements_that_come_between_pages(desk: Office) -> None:
    for number in range(1, 6):
        await note(desk, number)
        await seal_everything(desk.database, desk.id)
    memos = []
    async for rows in pages(desk, desk.node, "Cooperative", "journalEntries", "forward", "memo"):
        memos += rows
        await note(desk, 100 + len(memos))
    assert memos == ["N5", "N4", "N3", "N2", "N1"]
    numbers = []
    async for rows in pages(desk, desk.node, "Cooperative", "seals", "forward", "number"):
        numbers += rows
        await note(desk, 200 + len(numbers))
        await seal_everything(desk.database, desk.id)
    assert numbers == [5, 4, 3, 2, 1]
    for month in (1, 2, 3):
        await desk.issue("ada", date(2026, month, 1), date(2026, month + 1, 1))
    issued = []
    async for rows in pages(desk, desk.member("ada"), "Member", "statements", "forward", "number"):
        issued += rows
        await desk.issue("ada", date(2026, 5, len(issued)), date(2026, 5, len(issued) + 1))
    assert issued == ["ADA-3", "ADA-2", "ADA-1"]


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ('after: "x"', "INVALID_CURSOR"), ('after: ""', "INVALID_CURSOR"),
        ('after: "bnVsbA"', "INVALID_CURSOR"), ("first: -1", "INVALID_PAGE"),
        ("first: 201", "INVALID_PAGE"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", ["members", "hubs", "accounts", "journalEntries", "seals"])
async def test_pages_nobody_may_ask_for(office: Office, field: str, page: str, code: str) -> None:
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on Cooperative {{ {field}({page}) {{ totalCount }} }} }} }}"
    assert await office.api().code(query, id=office.node) == code


@pytest.mark.parametrize("field", ["postings", "sessions", "statements"])
async def test_pages_of_a_member_nobody_may_ask_for(office: Office, field: str) -> None:
    for page, code in {'after: "x"': "INVALID_CURSOR", "first: 999": "INVALID_PAGE"}.items():
        query = f"query($id: ID!) {{ node(id: $id) {{ ... on Member {{ {field}({page}) {{ totalCount }} }} }} }}"
        assert await office.api().code(query, id=office.member("ada")) == code
    both = "query($id: ID!) { node(id: $id) { ... on Member { postings(first: 1, last: 1) { totalCount } } } }"
    assert await office.api().code(both, id=office.member("ada")) == "INVALID_PAGE"


async def test_the_cursor_of_one_list_is_none_of_another(office: Office) -> None:
    page = "... on Cooperative { accounts(first: 1) { pageInfo { endCursor } } }"
    cursor = (await office.api().node(office.node, page))["accounts"]["pageInfo"]["endCursor"]
    query = f'query($id: ID!) {{ node(id: $id) {{ ... on Cooperative {{ members(after: "{cursor}") {{ totalCount }} }} }} }}'
    assert await office.api().code(query, id=office.node) == "INVALID_CURSOR"


async def test_filters_hold_what_they_count(office: Office) -> None:
    fields = """... on Cooperative {
      b: members(where: {search: "b"}) { totalCount nodes { number } }
      o: members(where: {search: "O"}) { totalCount nodes { number } }
      past: members(where: {on: "2025-12-31"}) { totalCount nodes { number } }
      liabilities: accounts(where: {code: "2000"}) { totalCount nodes { code } }
      hub: accounts(where: {hubId: "%s", type: REVENUE}) { totalCount nodes { code } }
      ada: accounts(where: {memberId: "%s"}) { totalCount nodes { code } }
      payments: journalEntries(where: {kind: "payment"}) { totalCount nodes { kind } }
      days: journalEntries(where: {effectiveOn: {from: "2026-02-20", to: "2026-02-22"}}) {
        totalCount nodes { kind } }
    }"""
    asked = fields.replace("%s", office.hub("H1"), 1).replace("%s", office.member("ada"), 1)
    found = await office.api().node(office.node, asked)
    told = {
        name: [next(iter(node.values())) for node in part["nodes"]] for name, part in found.items()
    }
    assert told == {
        "b": ["BO"], "o": ["BO"], "past": [], "liabilities": ["2000"], "hub": ["4000", "4050"],
        "ada": ["1205", "3100", "9100"], "payments": ["payment"], "days": ["mistake", "grant"],
    }  # fmt: skip
    assert {name: part["totalCount"] for name, part in found.items()} == {
        name: len(rows) for name, rows in told.items()
    }
