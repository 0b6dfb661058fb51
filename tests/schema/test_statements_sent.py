"""How many SQL statements a query sends: as many for fifty rows as for one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    parse,
    visit,
)

from coop.billing.commitments import PledgeDraft, pledge
from coop.billing.domain.commitment import Terms
from coop.billing.settling import settle_month
from coop.charging import queries as charging_queries
from coop.charging import service as charging
from coop.charging.domain.mapping import mapping_of
from coop.charging.domain.place import HubDraft, PortDraft
from coop.charging.importing import ImportFile, import_sessions
from coop.db.engine import Database
from coop.ledger import service
from coop.ledger.accounts import AccountKey
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.sealing import seal_everything
from coop.members import service as members
from coop.members.development import DevelopmentIssuer
from coop.members.domain.people import MemberDraft
from coop.schema.root import schema
from tests.charging.domain.sample import MAPPING, rows
from tests.members.people import system
from tests.schema.bill_lists import BILL_LISTS
from tests.schema.office import OSLO, Office, opened

pytestmark = pytest.mark.anyio

MANY = 50
PRICED = '[price]\ncurrency = "NOK"\nper_kwh = 2.50\n'

# Every field that is asked of each row of some list, by where it stands: `%d` is the list's length.
LISTS = {
    "members": """members(first: %d, where: {search: "m"}) { edges { cursor node {
        id cooperative { name } balance { due { amount } } accounts { code member { number } }
    } } }""",
    "members' pages": """members(first: %d, where: {search: "m"}) { nodes {
        postings(first: 2) { totalCount sum { amount } nodes { amount } }
        sessions(first: 2) { totalCount energy charges { amount } nodes { energy } }
        statements(first: 2) { totalCount nodes { closing { amount } } }
    } }""",
    "filtered pages": """members(first: %d, where: {search: "m"}) { nodes {
        postings(first: 2, where: {commodity: "kWh", effectiveOn: {from: "2026-03-01"}}) {
          totalCount sum { debit } nodes { amount } }
        sessions(first: 2, where: {days: {from: "2026-03-01", to: "2026-04-01"}}) {
          totalCount nodes { energy } }
    } }""",
    "last pages": """members(first: %d, where: {search: "m"}) { nodes {
        postings(last: 2) { nodes { amount } }
    } }""",
    "accounts": """accounts(first: %d, where: {code: "1205"}) { nodes {
        code balance { amount } then: balance(asOf: "2026-02-01") { amount }
        member { number } hub { name }
        postings(first: 2) { totalCount sum { amount } nodes { amount runningBalance } }
    } }""",
    "entries": """journalEntries(first: %d, where: {kind: "charging_session"}) { nodes {
        kind memo reverses { id } reversedBy { id } seal { number hash }
        postings { amount account { code member { number } hub { name } } fund { code }
                   entry { memo } }
    } }""",
    "hubs": """hubs(first: %d) { nodes {
        name ports { ref } delivered(period: {from: "2026-01-01"})
        tariffs(first: 2) { totalCount nodes { to text hub { name } } }
    } }""",
    "sessions": """members(first: 1, where: {search: "m"}) { nodes { sessions(first: %d) { nodes {
        charge { amount } hub { name } member { name } entry { memo seal { number } }
    } } } }""",
    "charges": """members(first: 1, where: {search: "m"}) { nodes { sessions(first: %d) { nodes {
        charges { rule tariff { to } entry { memo } replaces { id } creditOf { id } }
    } } } }""",
    "charges' lines": """members(first: 1, where: {search: "m"}) { nodes {
        sessions(first: %d) { nodes { charges { lines { element } } } }
    } }""",
    "periods": """members(first: 1, where: {search: "m"}) { nodes { sessions(first: %d) { nodes {
        periods { startedAt dimensions { type } } } } } }""",
    "statements": """members(first: 1, where: {search: "m"}) { nodes { statements(first: %d) { nodes {
        number member { name } supersedes { id } supersededBy { id } documents { sha256 url }
    } } } }""",
    "commitments": """members(first: %d, where: {search: "m"}) { nodes { commitments {
        member { name } hubs { name } banked deposit { amount }
    } } }""",
    "commitments' lists": """members(first: %d, where: {search: "m"}) { nodes {
        commitments { terms { version } makeUpCredits { open } }
    } }""",
    "settlements": """members(first: 1, where: {search: "m"}) { nodes { commitments {
        settlements(first: %d) { totalCount nodes {
            movements { kind } items { kind hub { name } } adjusts { number } entry { kind }
        } }
    } } }""",
    "seals": "seals(first: %d) { nodes { number hash } }",
}


@pytest.fixture(scope="module")
async def crowd(database: Database, issuer: DevelopmentIssuer, http: Any) -> Office:
    """Fifty members with accounts, hubs with ports, sessions, entries, and seals; statements of one."""
    office = await opened(database, issuer, http)
    names = [f"m{number:02}" for number in range(MANY)]
    drafts = [MemberDraft(name, date(2026, 1, 1), name) for name in names]
    made = await office.town.order(members.register_members, drafts)
    hubs = [HubDraft(f"X{number:02}", f"Hub {number}", OSLO) for number in range(MANY)]
    registered = await office.town.order(charging.register_hubs, hubs)
    ports = [PortDraft(hub.id, "A") for hub in registered.values()]
    await office.town.order(charging.register_ports, ports)
    file = rows(
        *(f"X{n:02};{name};s{n};2026-03-{n % 28 + 1:02} 08:00:00;2026-03-{n % 28 + 1:02} 09:00:00;7"
          for n, name in enumerate(names)),
        *(f"X{n:02};m00;t{n};2026-04-{n % 28 + 1:02} {n % 20:02}:00:00;"
          f"2026-04-{n % 28 + 1:02} {n % 20:02}:30:00;3" for n in range(MANY)),
    )  # fmt: skip
    outcome = await import_sessions(
        database, system(), office.id, ImportFile(BytesIO(file.encode()), "s.csv"),
        mapping_of(MAPPING + PRICED),
    )  # fmt: skip
    assert outcome.counts.accepted == 2 * MANY
    keys = [AccountKey("1205", one.member.id) for one in made]
    accounts = await office.work(lambda c: service.accounts_for(c, office.id, keys))
    bank = await office.account_id("1000")
    for key in keys[:3]:
        lines = (PostingDraft(bank, 100), PostingDraft(accounts[key], -100))
        await office.post_draft(str(key), EntryDraft("payment", date(2026, 5, 1), "", lines))
        await seal_everything(database, office.id)
    office.members["m00"] = made[0].member
    await pledged(office, [one.member.id for one in made])
    for month in range(3, 6):
        await office.issue("m00", date(2026, month, 1), date(2026, month + 1, 1))
    return office


async def pledged(office: Office, member_ids: list[Any]) -> None:
    """A pledge of each member at the first hub; five months of the first one settled."""
    (hub, *_) = (await office.ask(charging_queries.hubs_by_refs, ["X00"])).values()
    for place, member_id in enumerate(member_ids):
        from_on = date(2026, 5, 1) if not place else date(2027, 5, 1)
        terms = Terms(from_on, date(2027, 8, 1), 5_000, Decimal("0.20"), make_up_months=2)
        await office.town.order(pledge, PledgeDraft(member_id, (hub.id,), terms))
    for month in range(5, 10):
        await settle_month(office.database, system(), office.id, date(2026, month, 1))


async def sent(office: Office, query: str, **variables: Any) -> int:
    """How many statements the query sends; the viewer's roles, read once a second, aside."""
    counts = []
    for _ in range(3):
        before = office.database.statements
        await office.api().data(query, **variables)
        counts.append(office.database.statements - before)
    return min(counts)


@pytest.mark.parametrize("name", LISTS)
async def test_fifty_rows_send_what_one_row_sends(crowd: Office, name: str) -> None:
    query = f"query($s: String!) {{ cooperative(slug: $s) {{ {LISTS[name]} }} }}"
    one = await sent(crowd, query % 1, s=crowd.slug)
    assert await sent(crowd, query % MANY, s=crowd.slug) == one


@pytest.mark.parametrize("kind", ["Member", "Account", "Hub", "Port", "ChargingSession", "Posting"])
async def test_a_hundred_ids_send_what_one_sends(crowd: Office, kind: str) -> None:
    where = {
        "Member": "members(first: 50) { nodes { id } }",
        "Account": "accounts(first: 50) { nodes { id } }",
        "Hub": "hubs(first: 50) { nodes { id } }",
        "Port": "hubs(first: 50) { nodes { ports { id } } }",
        "ChargingSession": "members(first: 50) { nodes { sessions(first: 1) { nodes { id } } } }",
        "Posting": "journalEntries(first: 25) { nodes { postings { id } } }",
    }[kind]
    found = await crowd.api().node(crowd.node, f"... on Cooperative {{ {where} }}")
    ids = _ids(found)[:MANY]
    assert len(ids) > 25
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    assert await sent(crowd, query, ids=ids) == await sent(crowd, query, ids=ids[:1])


def _ids(found: Any) -> list[str]:
    if isinstance(found, dict):
        return [v for k, v in found.items() if k == "id"] + [
            i for v in found.values() for i in _ids(v)
        ]
    return [i for v in found for i in _ids(v)] if isinstance(found, list) else []


# Lists of what there is one of in an operation, or that come whole with the row they are on.
OF_ONE = {"Cooperative", "Viewer", "Query", "Mutation"}
WHOLE = {
    "FinancialStatement", "FinancialStatementSection", "TrialBalance", "ChargeLine",
    "CooperativeProfile", "CommitmentTerms",
}  # fmt: skip
NAMED = {"Collection.items"}  # only by the id of its collection: tests/schema/test_bank.py


def test_every_list_of_the_schema_is_counted_here() -> None:
    """A list field that no query above selects would be one whose statements nobody counts."""
    listed = set()
    for name, type_ in schema._schema.type_map.items():
        if name.startswith("__") or not isinstance(type_, GraphQLObjectType):
            continue
        if name in OF_ONE | WHOLE or name.endswith(("Payload", "Connection")):
            continue
        for field, definition in type_.fields.items():
            kind = definition.type
            kind = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
            named = get_named_type(kind)
            if isinstance(named, GraphQLObjectType) and (
                isinstance(kind, GraphQLList) or named.name.endswith("Connection")
            ):
                listed.add(f"{name}.{field}")
    selected = set().union(*map(_selected, (*LISTS.values(), *BILL_LISTS.values())))
    assert listed - selected == NAMED


def _selected(selection: str) -> set[str]:
    """Every "Type.field" that a selection of a cooperative asks for."""
    info, found = TypeInfo(schema._schema), set[str]()

    class Fields(Visitor):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            parent = info.get_parent_type()
            assert parent is not None, node.name.value
            found.add(f"{parent.name}.{node.name.value}")

    query = f'{{ cooperative(slug: "s") {{ {selection.replace("%d", "1")} }} }}'
    visit(parse(query), TypeInfoVisitor(info, Fields()))
    return found
