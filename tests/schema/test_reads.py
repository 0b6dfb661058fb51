"""What the API says of the furnished cooperative, figure by figure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.kernel.ids import uuid7
from coop.members.domain.roles import Role
from coop.schema.node_id import NodeId
from tests.members.people import found as new_town
from tests.schema.office import Office

pytestmark = pytest.mark.anyio


async def asked(office: Office, fields: str, person: str = "treasurer") -> Any:
    return await office.api(person).node(office.node, f"... on Cooperative {{ {fields} }}")


async def balance(office: Office, account: str, how: str = "") -> dict[str, str]:
    fields = f"... on Account {{ balance{how} {{ debit credit amount available commodity }} }}"
    found = await office.api().node(await office.account(account), fields)
    shown: dict[str, str] = found["balance"]
    return shown


async def test_who_asks(office: Office) -> None:
    query = """{ viewer {
      subject roles { role from to scope { __typename id } } members { totalCount nodes { number } }
    } }"""
    assert (await office.api("operator ada").data(query))["viewer"] == {
        "subject": office.subject("operator ada"),
        "roles": [
            {"role": "OPERATOR", "from": "2026-01-01", "to": None,
             "scope": {"__typename": "Member", "id": office.member("ada")}}
        ],
        "members": {"totalCount": 1, "nodes": [{"number": "ADA"}]},
    }  # fmt: skip
    assert (await office.api("stranger").data(query))["viewer"] == {
        "subject": office.subject("stranger"), "roles": [],
        "members": {"totalCount": 0, "nodes": []},
    }  # fmt: skip


async def test_the_cooperative_by_its_slug(office: Office) -> None:
    query = "query($s: String!) { cooperative(slug: $s) { id slug name currency timeZone } }"
    assert (await office.api().data(query, s=office.slug))["cooperative"] == {
        "id": office.node, "slug": office.slug, "name": "Nor", "currency": "NOK",
        "timeZone": "Europe/Oslo",
    }  # fmt: skip
    assert await office.api().data(query, s="nowhere") == {"cooperative": None}


@pytest.mark.parametrize(
    ("account", "how", "shown"),
    [
        ("1205 ada", "", ("52.00", "25.00", "27.00", "NOK")),
        ("1205 ada", '(asOf: "2026-01-31")', ("30.00", "0.00", "30.00", "NOK")),
        ("1205 ada", '(asOf: "2026-02-14")', ("52.00", "0.00", "52.00", "NOK")),
        ("1205 ada", '(asOf: "2026-01-09")', ("0.00", "0.00", "0.00", "NOK")),
        ("1205 ada", '(asOf: "0001-01-01")', ("0.00", "0.00", "0.00", "NOK")),
        ("1205 ada", '(asOf: "9999-12-31")', ("52.00", "25.00", "27.00", "NOK")),
        ("1205 ada", '(knownAt: "2026-01-01T00:00:00Z")', ("0.00", "0.00", "0.00", "NOK")),
        ("1205 ada", '(knownAt: "9999-12-31T23:59:59Z")', ("52.00", "25.00", "27.00", "NOK")),
        ("3100 ada", "", ("0.00", "2000.00", "2000.00", "NOK")),
        ("9100 ada", "", ("15.500", "0.000", "15.500", "kWh")),
        ("9000 H1", "", ("0.000", "19.250", "19.250", "kWh")),
        ("1010", "", ("0.00", "0.00", "0.00", "NOK")),
    ],
)
async def test_balances(office: Office, account: str, how: str, shown: tuple[str, ...]) -> None:
    debit, credit, amount, commodity = shown
    assert await balance(office, account, how) == {
        "debit": debit, "credit": credit, "amount": amount, "available": amount,
        "commodity": commodity,
    }  # fmt: skip


async def test_what_was_known_before_the_mistake_was_reversed(office: Office) -> None:
    entry = office.named("JournalEntry", office.entries["mistake"])
    at = (await office.api().node(entry, "... on JournalEntry { recordedAt }"))["recordedAt"]
    assert (await balance(office, "1205 bo", f'(knownAt: "{at}")'))["amount"] == "11.76"
    assert (await balance(office, "1205 bo"))["amount"] == "21.75"


async def test_what_a_member_owes_and_owns(office: Office) -> None:
    fields = """... on Member { number name joinedOn leftOn cooperative { slug }
      now: balance { due { amount currency } equity { amount } deposits { amount } makeUpEnergy }
      then: balance(asOf: "2026-01-31") { due { amount } equity { amount } asOf }
      accounts { code type commodity member { number } hub { id } }
    }"""
    assert await office.api("operator ada").node(office.member("ada"), fields) == {
        "number": "ADA", "name": "Ada", "joinedOn": "2026-01-01", "leftOn": None,
        "cooperative": {"slug": office.slug},
        "now": {
            "due": {"amount": "27.00", "currency": "NOK"}, "equity": {"amount": "2000.00"},
            "deposits": {"amount": "0.00"}, "makeUpEnergy": "0.000",
        },
        "then": {
            "due": {"amount": "30.00"}, "equity": {"amount": "2000.00"}, "asOf": "2026-01-31",
        },
        "accounts": [
            {"code": code, "type": type_, "commodity": commodity, "member": {"number": "ADA"},
             "hub": None}
            for code, type_, commodity in (
                ("1205", "ASSET", "NOK"), ("3100", "EQUITY", "NOK"), ("9100", "MEMORANDUM", "kWh"),
            )
        ],
    }  # fmt: skip


async def test_postings_with_their_running_balance_and_sums(office: Office) -> None:
    fields = """... on Account { postings { totalCount
      sum { commodity debit credit amount count }
      nodes { side amount runningBalance commodity fund { code restriction }
              entry { kind effectiveOn } account { code } } } }"""
    found = await office.api().node(await office.account("1205 ada"), fields)
    assert found["postings"] == {
        "totalCount": 3,
        "sum": [
            {"commodity": "NOK", "debit": "52.00", "credit": "25.00", "amount": "27.00", "count": 3}
        ],
        "nodes": [
            {"side": side, "amount": amount, "runningBalance": running, "commodity": "NOK",
             "fund": {"code": "UNRESTRICTED", "restriction": "none"},
             "entry": {"kind": kind, "effectiveOn": on}, "account": {"code": "1205"}}
            for side, amount, running, kind, on in (
                ("CREDIT", "25.00", "27.00", "payment", "2026-02-15"),
                ("DEBIT", "22.00", "52.00", "charging_session", "2026-02-03"),
                ("DEBIT", "30.00", "30.00", "charging_session", "2026-01-10"),
            )
        ],
    }  # fmt: skip


async def test_filtered_postings_sum_to_what_the_list_holds(office: Office) -> None:
    fields = """... on Member {
      february: postings(where: {effectiveOn: {from: "2026-02-01", to: "2026-03-01"}}) {
        totalCount sum { commodity amount } nodes { amount }
      }
      energy: postings(where: {commodity: "kWh", effectiveOn: {to: "2026-02-01"}}) {
        totalCount sum { commodity debit } nodes { amount }
      }
      none: postings(where: {commodity: "EUR"}) { totalCount sum { commodity } nodes { amount } }
    }"""
    assert await office.api().node(office.member("ada"), fields) == {
        "february": {
            "totalCount": 3,
            "sum": [
                {"commodity": "NOK", "amount": "-3.00"}, {"commodity": "kWh", "amount": "5.500"},
            ],
            "nodes": [{"amount": "25.00"}, {"amount": "5.500"}, {"amount": "22.00"}],
        },
        "energy": {
            "totalCount": 1, "sum": [{"commodity": "kWh", "debit": "10.000"}],
            "nodes": [{"amount": "10.000"}],
        },
        "none": {"totalCount": 0, "sum": [], "nodes": []},
    }  # fmt: skip


async def test_an_entry_and_its_reversal_know_each_other(office: Office) -> None:
    fields = """... on JournalEntry { kind memo effectiveOn
      reverses { id } reversedBy { id } seal { number } postings { side amount account { code } } }"""
    mistake, reversal = (
        office.named("JournalEntry", office.entries[n]) for n in ("mistake", "reversal")
    )
    assert await office.api().node(reversal, fields) == {
        "kind": "reversal", "memo": "Not Bo's", "effectiveOn": "2026-02-22",
        "reverses": {"id": mistake}, "reversedBy": None, "seal": None,
        "postings": [
            {"side": "CREDIT", "amount": "9.99", "account": {"code": "1000"}},
            {"side": "DEBIT", "amount": "9.99", "account": {"code": "1205"}},
        ],
    }  # fmt: skip
    found = await office.api().node(mistake, fields)
    assert (found["reverses"], found["reversedBy"]) == (None, {"id": reversal})
    shares = office.named("JournalEntry", office.entries["shares"])
    assert (await office.api().node(shares, fields))["seal"] == {"number": 1}


async def test_an_operator_sees_its_own_line_of_an_entry(office: Office) -> None:
    entry = office.named("JournalEntry", office.entries["payment"])
    fields = "... on JournalEntry { memo postings { amount account { code } } }"
    assert await office.api("operator ada").node(entry, fields) == {
        "memo": "Payment", "postings": [{"amount": "25.00", "account": {"code": "1205"}}],
    }  # fmt: skip
    bank = office.named("Posting", office.entries["payment"], 0)
    assert await office.api("operator ada").node(bank, "id") is None


async def test_sessions_and_what_they_come_to(office: Office) -> None:
    fields = """... on Member { sessions%s { totalCount energy charges { amount currency }
      nodes { sessionId energy charge { amount } state doubts startedAt endedAt
              hub { name } member { number } entry { memo } } } }"""
    found = (await office.api().node(office.member("ada"), fields % ""))["sessions"]
    assert found == {
        "totalCount": 2, "energy": "15.500", "charges": {"amount": "52.00", "currency": "NOK"},
        "nodes": [
            {"sessionId": id_, "energy": kwh, "charge": {"amount": amount}, "state": "charged",
             "doubts": [], "startedAt": start, "endedAt": end, "hub": {"name": hub},
             "member": {"number": "ADA"},
             "entry": {"memo": f"{hub}: {kwh} kWh at {price} NOK/kWh"}}
            for id_, kwh, amount, start, end, hub, price in (
                ("S3", "5.500", "22.00", "2026-02-03T07:00:00Z", "2026-02-03T08:00:00Z", "Station",
                 "4.00"),
                ("S1", "10.000", "30.00", "2026-01-10T07:00:00Z", "2026-01-10T09:00:00Z", "Harbour",
                 "3.00"),
            )
        ],
    }  # fmt: skip
    for where, told in {
        f'hubId: "{office.hub("S1")}"': (1, "5.500", "22.00"),
        'days: {from: "2026-01-01", to: "2026-02-01"}': (1, "10.000", "30.00"),
        "onReview: true": (0, "0.000", "0.00"),
    }.items():
        part = (await office.api().node(office.member("ada"), fields % f"(where: {{{where}}})"))[
            "sessions"
        ]
        assert (part["totalCount"], part["energy"], part["charges"]["amount"]) == told
        assert len(part["nodes"]) == told[0]


async def test_hubs_and_what_they_delivered(office: Office) -> None:
    found = await asked(
        office,
        'hubs { totalCount nodes { ref name timeZone ports { ref powerW }'
        ' all: delivered(period: {}) january: delivered(period: {to: "2026-02-01"}) } }',
    )  # fmt: skip
    assert found["hubs"] == {
        "totalCount": 2,
        "nodes": [
            {"ref": "H1", "name": "Harbour", "timeZone": "Europe/Oslo", "all": "19.250",
             "january": "17.250",
             "ports": [{"ref": "P1", "powerW": 22000}, {"ref": "P2", "powerW": None}]},
            {"ref": "S1", "name": "Station", "timeZone": "Europe/Oslo", "all": "5.500",
             "january": "0.000", "ports": []},
        ],
    }  # fmt: skip


async def test_a_statement_as_it_was_issued(office: Office) -> None:
    fields = """... on Statement { number from to opening { amount } closing { amount currency }
      member { number } supersedes { id } supersededBy { id }
      documents { mediaType locale bytes sha256 } }"""
    found = await office.api("operator ada").node(office.statement, fields)
    (document,) = found.pop("documents")
    assert found == {
        "number": "ADA-1", "from": "2026-01-01", "to": "2026-02-01", "opening": {"amount": "0.00"},
        "closing": {"amount": "30.00", "currency": "NOK"}, "member": {"number": "ADA"},
        "supersedes": None, "supersededBy": None,
    }  # fmt: skip
    assert (document["mediaType"], document["locale"]) == ("application/pdf", "en")


@pytest.mark.parametrize("nonsense", ["", "x", "TWVtYmVy", "🐈", "A" * 300, "QWNjb3VudDo=", "\0"])
async def test_nonsense_names_nothing(office: Office, nonsense: str) -> None:
    query = "query($id: ID!) { node(id: $id) { id } }"
    answer = await office.api().ask(query, id=nonsense)
    if nonsense == "\0":
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    else:
        assert answer["data"] == {"node": None}


async def test_absent_things_of_every_type_are_null(office: Office) -> None:
    kinds = ("Cooperative", "Member", "Account", "Fund", "JournalEntry", "Posting", "Seal", "Period",
             "Hub", "Port", "ChargingSession", "Statement", "Unknown")  # fmt: skip
    ids = [office.named(kind, uuid7(), part) for kind in kinds for part in (None, 7)]
    found = await office.api().data("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
    assert found["nodes"] == [None] * len(ids)


async def test_a_hundred_ids_at_most(office: Office) -> None:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    found = await office.api().data(query, ids=[office.node] * 100)
    assert found["nodes"] == [{"id": office.node}] * 100
    assert await office.api().code(query, ids=[office.node] * 101) == "INVALID_PAGE"


@pytest.mark.parametrize(
    "field",
    [
        'members(where: {search: "\\u0000"}) { totalCount }',
        'accounts(where: {code: "\\u0000"}) { totalCount }',
        'incomeStatement(period: {to: "0001-01-01"}) { title }',
        'incomeStatement(period: {from: "2026-02-01", to: "2026-02-01"}) { title }',
        'trialBalance(fundId: "x") { asOf }',
        'incomeStatement(period: {}, hubId: "x") { title }',
        'accounts(where: {memberId: "x"}) { totalCount }',
        'trialBalance(asOf: "2026-02-30") { asOf }',
        'trialBalance(knownAt: "2026-02-01T00:00:00") { asOf }',
        "trialBalance(asOf: 20260201) { asOf }",
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(office: Office, field: str) -> None:
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on Cooperative {{ {field} }} }} }}"
    (error,) = (await office.api().ask(query, id=office.node))["errors"]
    assert error["extensions"]["code"] in {
        "BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "INVALID_VALUE", "NOT_FOUND",
    }  # fmt: skip


async def test_one_field_that_fails_leaves_the_snapshot_sound(office: Office) -> None:
    """Its neighbours are still reading when it fails; the next request finds every connection whole."""
    query = """query($s: String!) { cooperative(slug: $s) {
      members(after: "x") { totalCount } trialBalance { asOf } balanceSheet { title }
      accounts { totalCount nodes { balance { amount } } } } }"""
    for _ in range(40):
        assert await office.api().code(query, s=office.slug) == "INVALID_CURSOR"
    assert (await balance(office, "1205 ada"))["amount"] == "27.00"


async def test_a_treasurer_of_many_sees_every_role(office: Office, database: Database) -> None:
    subject = office.subject("busy")
    towns = [await new_town(database) for _ in range(7)]
    for town in towns:
        await town.grant(subject, Role.TREASURER)
    api = office.api("busy")
    roles = (await api.data("{ viewer { roles { role scope { id } } } }"))["viewer"]["roles"]
    ids = {str(NodeId("Cooperative", town.id, town.id)) for town in towns}
    assert {role["scope"]["id"] for role in roles} == ids
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Cooperative { slug } } }"
    assert await api.code(query, ids=sorted(ids)) == "TOO_MANY_COOPERATIVES"


async def test_what_counts_from_a_later_day_counts_when_no_day_is_asked_for(desk: Office) -> None:
    later = (utc_now() + timedelta(days=40)).date()
    await desk.post("later", later.isoformat(), "1000", "1205 ada", 100)
    assert (await balance(desk, "1205 ada"))["amount"] == "-1.00"
    today = f'(asOf: "{utc_now().date()}")'
    assert (await balance(desk, "1205 ada", today))["amount"] == "0.00"
