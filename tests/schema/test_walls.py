"""Every type with ids and every id in an input: nobody gets behind the walls by naming what is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, get_named_type

from coop.db.engine import Database
from coop.members.development import DevelopmentIssuer
from coop.schema.node import _FINDERS
from coop.schema.node_id import node_id_of
from coop.schema.root import schema
from tests.schema.office import Office, furnished
from tests.schema.test_roles import ORDERS_TABLE, PEOPLE, inputs
from tests.schema.walls import complete

pytestmark = pytest.mark.anyio

NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"

# What others than the treasurer, board and auditor see of one of each, Ada's where it is a member's.
OF_ALL = {"Cooperative", "Seal", "Period", "Fund"}
OF_HUBS = {"Hub", "Port", "TariffVersion", "Interruption", "Plan"}
OF_ADA = {
    "Member", "Account", "JournalEntry", "Posting", "ChargingSession", "Charge",
    "Statement", "BillItem", "Invoice", "Dispute", "PlanSubscription", "CapacityReservation",
    "Commitment", "CommitmentSettlement", "Payment", "Mandate",
}  # fmt: skip
OF_BANK = {"BankAccount", "BankLine", "Collection"}
SEEN = {
    "treasurer": OF_ALL | OF_HUBS | OF_ADA | OF_BANK,
    "board": OF_ALL | OF_HUBS | OF_ADA | OF_BANK,
    "auditor": OF_ALL | OF_HUBS | OF_ADA | OF_BANK,
    "administrator": OF_ALL | OF_HUBS | {"Member"},
    "operator ada": OF_ALL | OF_HUBS | OF_ADA,
    "operator bo": OF_ALL | OF_HUBS,
    "grant administrator": OF_ALL,
    "stranger": set(),
}


Walled = tuple[Office, dict[str, str]]


@pytest.fixture(scope="module")
async def ours(database: Database, issuer: DevelopmentIssuer, http: Any) -> Walled:
    office = await furnished(database, issuer, http)
    return office, await complete(office)


@pytest.fixture(scope="module")
async def theirs(database: Database, issuer: DevelopmentIssuer, http: Any) -> Walled:
    office = await furnished(database, issuer, http)
    return office, await complete(office)


def forged(office: Office, id_: str) -> str:
    """The other cooperative's thing under this one's name."""
    named = node_id_of(id_)
    assert named is not None
    return office.named(named.type, named.id, named.part)


async def test_every_type_of_node_is_shown_to_whom_it_is_for(ours: Walled, theirs: Walled) -> None:
    office, ids = ours
    assert set(ids) == set(_FINDERS) == set().union(*SEEN.values())
    for person, kinds in SEEN.items():
        found = (await office.api(person).data(NODES, ids=list(ids.values())))["nodes"]
        assert {one["__typename"] for one in found if one} == kinds, person
        assert {one["id"] for one in found if one} == {ids[kind] for kind in kinds}, person
    api = theirs[0].api()
    assert (await api.data(NODES, ids=list(ids.values())))["nodes"] == [None] * len(ids)
    # A cooperative and its seals are named by the cooperative itself.
    under_theirs = [
        forged(theirs[0], ids[kind]) for kind in sorted(set(ids) - {"Cooperative", "Seal"})
    ]
    assert (await api.data(NODES, ids=under_theirs))["nodes"] == [None] * len(under_theirs)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Where in an input ids stand, and the type of each."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _places(one, (*path, key))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from _places(one, (*path, place))
    elif isinstance(value, str) and (named := node_id_of(value)) is not None:
        yield path, named.type


def _with(value: Any, path: tuple[Any, ...], to: str) -> Any:
    if not path:
        return to
    changed = value.copy()
    changed[path[0]] = _with(value[path[0]], path[1:], to)
    return changed


async def orders(walled: Walled) -> list[tuple[str, dict[str, Any]]]:
    """An input of every mutation with a real id in every place that takes one."""
    office, ids = walled
    given = await inputs(office)
    for mutation, one in given.items():
        for path, kind in _places(one):
            given[mutation] = _with(given[mutation], path, ids[kind])
    invoices = {"invoiceIds": [ids["Invoice"]]}
    del given["sessionsRerate"]["hubId"]
    line = {key: given["bankLineAssign"][key] for key in ("idempotencyKey", "lineId")}
    contest = {**given["disputeOpen"]}
    del contest["itemId"]
    for entry in (given["journalEntryPost"], *given["journalEntriesPost"]["entries"]):
        entry["postings"] = [{**line, "fundId": ids["Fund"]} for line in entry["postings"]]
    more = [
        ("paymentRecord", {**given["paymentRecord"], **invoices}),
        ("tariffSet", {**given["tariffSet"], "hubId": ids["Hub"]}),
        ("sessionsRerate", {**given["sessionsRerate"], "hubId": ids["Hub"]}),
        ("sessionsRerate", {**given["sessionsRerate"], "sessionIds": [ids["ChargingSession"]]}),
        ("interruptionRecord", {**given["interruptionRecord"], "portId": ids["Port"]}),
        ("disputeOpen", {**contest, "chargeId": ids["Charge"]}),
        ("bankLineAssign", {**line, "memberId": ids["Member"], **invoices}),
        ("bankLineAssign", {**line, "paymentId": ids["Payment"]}),
        ("bankLineAssign", {**line, "entryId": ids["JournalEntry"]}),
        ("bankRuleSet", {
            key: value for key, value in given["bankRuleSet"].items() if key != "accountCode"
        } | {"memberId": ids["Member"]}),
    ]  # fmt: skip
    return [*((name, one) for name, one in given.items() if name != "sessionsRerate"), *more]


def _id_fields(type_: GraphQLInputObjectType, path: str) -> Iterator[str]:
    for name, field in type_.fields.items():
        named = get_named_type(field.type)
        if isinstance(named, GraphQLInputObjectType):
            yield from _id_fields(named, f"{path}.{name}")
        elif named.name == "ID":
            yield f"{path}.{name}"


async def test_no_id_of_the_other_cooperative_gets_into_an_order(
    ours: Walled, theirs: Walled
) -> None:
    office, _ = ours
    mutations = schema._schema.mutation_type
    assert mutations is not None
    fields = {
        one
        for name, field in mutations.fields.items()
        for one in _id_fields(get_named_type(field.args["input"].type), name)
    }
    before = await office.moved(), await theirs[0].moved()
    told, tried = {}, set()
    for number, (mutation, given) in enumerate(await orders(ours)):
        person = PEOPLE[next(n for n, one in enumerate(ORDERS_TABLE[mutation]) if one == "ok")]
        for path, kind in _places(given):
            tried.add(".".join([mutation, *(one for one in path if isinstance(one, str))]))
            foreign = theirs[1][kind]
            for how in (foreign, forged(office, foreign)):
                if how == office.node:
                    continue  # the own cooperative is no forgery
                wrong = _with(given, path, how)
                if "idempotencyKey" in wrong:
                    wrong["idempotencyKey"] = f"mix {number} {path} {how == foreign}"[:64]
                payload = await office.api(person).order(mutation, "", **wrong)
                codes = [error["code"] for error in payload["errors"]]
                told[mutation, ".".join(map(str, path)), how == foreign] = codes
    unknown = {"NOT_FOUND", "ACCOUNT_UNKNOWN", "FUND_UNKNOWN", "ENTRY_UNKNOWN", "PERIOD_UNKNOWN"}
    assert {where: codes for where, codes in told.items() if not set(codes) <= unknown} == {}
    # A batch answers each of its entries by itself: that nothing moved is what counts there.
    assert {where[0] for where, codes in told.items() if len(codes) != 1} <= {"journalEntriesPost"}
    assert fields - tried == set()
    assert (await office.moved(), await theirs[0].moved()) == before
