"""Two cooperatives side by side: a treasurer reads and changes nothing of the other one."""

from __future__ import annotations

from typing import Any

import pytest

from coop.kernel.ids import uuid7
from coop.ledger import queries
from coop.schema.node_id import node_id_of
from tests.schema.office import FEBRUARY, JANUARY, Office

pytestmark = pytest.mark.anyio

NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


async def one_of_everything(office: Office) -> dict[str, str]:
    """An id of each type that has ids."""
    payment = office.entries["payment"]
    (january, _) = await office.ask(queries.periods)
    shown = await office.api().node(
        office.node,
        "... on Cooperative { members { nodes { sessions { nodes { id } } } }"
        " hubs(first: 1) { nodes { ports { id } } } }",
    )
    return {
        "Cooperative": office.node,
        "Member": office.member("ada"),
        "Account": await office.account("1205 ada"),
        "Fund": office.named("Fund", office.funds["EU"]),
        "JournalEntry": office.named("JournalEntry", payment),
        "Posting": office.named("Posting", payment, 0),
        "Seal": office.named("Seal", office.id, 1),
        "Period": office.named("Period", january.id),
        "Hub": office.hub("H1"),
        "Port": shown["hubs"]["nodes"][0]["ports"][0]["id"],
        "ChargingSession": shown["members"]["nodes"][0]["sessions"]["nodes"][0]["id"],
        "Statement": office.statement,
    }


async def test_every_type_of_node_is_the_own_treasurers_and_nobody_elses(
    office: Office, elsewhere: Office
) -> None:
    ids = await one_of_everything(office)
    own = (await office.api().data(NODES, ids=list(ids.values())))["nodes"]
    assert own == [{"__typename": kind, "id": id_} for kind, id_ in ids.items()]
    foreign = (await elsewhere.api().data(NODES, ids=list(ids.values())))["nodes"]
    assert foreign == [None] * len(ids)


async def test_the_other_cooperatives_ids_under_the_own_name_nothing(
    office: Office, elsewhere: Office
) -> None:
    ids = await one_of_everything(office)
    forged = []
    for kind in ids.keys() - {"Cooperative", "Seal"}:  # those are named by the cooperative itself
        named = node_id_of(ids[kind])
        assert named is not None
        forged.append(elsewhere.named(kind, named.id, named.part))
    found = (await elsewhere.api().data(NODES, ids=forged))["nodes"]
    assert found == [None] * len(forged)


async def test_slugs_filters_and_cursors_of_the_other_reach_nothing(
    office: Office, elsewhere: Office
) -> None:
    api = elsewhere.api()
    assert (
        await api.data("query($s: String!) { cooperative(slug: $s) { id } }", s=office.slug)
    ) == {"cooperative": None}
    query = """query($id: ID!, $member: ID!, $fund: ID!, $hub: ID!) { node(id: $id) {
      ... on Cooperative {
        accounts(where: {memberId: $member}) { totalCount nodes { id } }
        trialBalance(fundId: $fund) { rows { code } }
        incomeStatement(period: {}, hubId: $hub) { sections { title } }
        members(first: 1, where: {search: "A"}) {
          nodes { sessions(where: {hubId: $hub}) { totalCount } }
        } } } }"""
    found = await api.data(
        query, id=elsewhere.node, member=office.member("ada"), hub=office.hub("H1"),
        fund=office.named("Fund", office.funds["EU"]),
    )  # fmt: skip
    assert found["node"] == {
        "accounts": {"totalCount": 0, "nodes": []},
        "trialBalance": {"rows": []},
        "incomeStatement": {"sections": []},
        "members": {"nodes": [{"sessions": {"totalCount": 0}}]},
    }
    page = "... on Cooperative { accounts(first: 5) { nodes { id } pageInfo { endCursor } } }"
    cursor = (await office.api().node(office.node, page))["accounts"]["pageInfo"]["endCursor"]
    after = page.replace("first: 5", f'first: 200, after: "{cursor}"')
    rows = (await api.node(elsewhere.node, after))["accounts"]["nodes"]
    assert {node_id_of(row["id"]).cooperative_id for row in rows} == {elsewhere.id}  # type: ignore[union-attr]


async def refused(office: Office, mutation: str, **input_: Any) -> tuple[str, list[str]]:
    payload = await office.api().order(mutation, "", idempotencyKey=uuid7().hex, **input_)
    (error,) = payload["errors"]
    return error["code"], error["path"]


async def test_orders_that_mix_two_cooperatives_are_refused(
    office: Office, elsewhere: Office
) -> None:
    before = await office.moved(), await elsewhere.moved()
    mine = await elsewhere.entry_input("mix")
    del mine["idempotencyKey"]
    foreign = await office.account("1205 ada")
    forged = elsewhere.named("Account", await office.account_id("1205 ada"))
    for account in (
        foreign,
        forged,
        elsewhere.named("Account", uuid7()),
        elsewhere.member("ada"),
        "",
    ):
        lines = [mine["postings"][0], {**mine["postings"][1], "accountId": account}]
        code = await refused(elsewhere, "journalEntryPost", **{**mine, "postings": lines})
        assert code == ("ACCOUNT_UNKNOWN", ["postings", "1", "accountId"])
    for fund in (office.named("Fund", office.funds["EU"]), "x"):
        lines = [{**line, "fundId": fund} for line in mine["postings"]]
        code = await refused(elsewhere, "journalEntryPost", **{**mine, "postings": lines})
        assert code == ("FUND_UNKNOWN", ["postings", "0", "fundId"])
    lines = [
        {**line, "fundId": elsewhere.named("Fund", office.funds["EU"])} for line in mine["postings"]
    ]
    code = await refused(elsewhere, "journalEntryPost", **{**mine, "postings": lines})
    assert code[0] == "FUND_UNKNOWN"
    entry = elsewhere.named("JournalEntry", office.entries["payment"])
    day = {"effectiveOn": "2026-03-01", "memo": ""}
    assert (await refused(elsewhere, "journalEntryReverse", entryId=entry, **day))[
        0
    ] == "ENTRY_UNKNOWN"
    (_, february) = await office.ask(queries.periods)
    period = elsewhere.named("Period", february.id)
    assert (await refused(elsewhere, "periodClose", periodId=period))[0] == "PERIOD_UNKNOWN"
    member = elsewhere.named("Member", office.members["ada"].id)
    days = {"from": "2026-01-01", "to": "2026-02-01"}
    code = await refused(elsewhere, "statementIssue", memberId=member, period=days)
    assert code[0] == "NOT_FOUND"
    assert (await office.moved(), await elsewhere.moved()) == before


async def test_a_link_opens_its_own_document_only(desk: Office, elsewhere: Office) -> None:
    url = (await desk.issue("ada", JANUARY, FEBRUARY))["url"]
    assert (await desk.http.get(url)).status_code == 200
    for changed in (
        url.replace(str(desk.id), str(elsewhere.id)),
        url.replace(url.split("/")[5].partition("?")[0], str(uuid7())),
        url.replace("signature=", "signature=A"),
        url.partition("?")[0],
    ):
        assert (await desk.http.get(changed)).status_code == 404, changed
