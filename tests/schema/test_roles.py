"""Who reads what: every field of the schema has a row, and every restricted one is asked for as everybody."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType

from coop.ledger import queries
from coop.members.domain.fields import FIELD_ACCESS, PUBLIC, access_of
from coop.members.domain.roles import Role
from coop.schema.root import schema
from tests.api import Api
from tests.schema.bank_inputs import bank_inputs
from tests.schema.bill_inputs import bill_inputs
from tests.schema.office import Office
from tests.schema.plan_inputs import plan_inputs
from tests.schema.price_inputs import price_inputs
from tests.schema.profile_inputs import ours, theirs

pytestmark = pytest.mark.anyio

PEOPLE = (
    "treasurer", "board", "auditor", "administrator", "operator ada", "operator bo",
    "grant administrator", "stranger", "foreign treasurer",
)  # fmt: skip

# What each of them gets, in that order: so many rows; `+` a value; `null`; `-` not even the object.
# The object is the cooperative, Ada, her receivable, the entry and the line of her payment, Harbour.
MATRIX = """
Cooperative.members           2    2    2    2    1    1    0    -    -
Cooperative.hubs              2    2    2    2    2    2    0    -    -
Cooperative.accounts          all  all  all  0    3    2    0    -    -
Cooperative.journalEntries    10   10   10   0    0    0    0    -    -
Cooperative.trialBalance      +    +    +    null null null null -    -
Cooperative.balanceSheet      +    +    +    null null null null -    -
Cooperative.incomeStatement   +    +    +    null null null null -    -
Cooperative.periods           2    2    2    2    2    2    2    -    -
Cooperative.seals             1    1    1    1    1    1    1    -    -
Cooperative.profile           +    +    +    +    null null null -    -
Cooperative.invoices          1    1    1    0    1    0    0    -    -
Cooperative.aging             0    0    0    0    0    0    0    -    -
Cooperative.disputes          1    1    1    0    1    0    0    -    -
Cooperative.bankAccounts      1    1    1    0    0    0    0    -    -
Cooperative.bankLines         1    1    1    0    0    0    0    -    -
Cooperative.plans             1    1    1    1    1    1    0    -    -
Cooperative.tariff            +    +    +    +    +    +    null -    -
Member.balance                +    +    +    null +    -    -    -    -
Member.accounts               3    3    3    0    3    -    -    -    -
Member.postings               6    6    6    0    6    -    -    -    -
Member.sessions               2    2    2    0    2    -    -    -    -
Member.profile                +    +    +    +    +    -    -    -    -
Member.statements             1    1    1    0    1    -    -    -    -
Member.invoices               1    1    1    0    1    -    -    -    -
Member.unbilled               +    +    +    null +    -    -    -    -
Member.billItems              1    1    1    0    1    -    -    -    -
Member.disputes               1    1    1    0    1    -    -    -    -
Member.payments               0    0    0    0    0    -    -    -    -
Member.mandates               1    1    1    0    1    -    -    -    -
Member.subscriptions          1    1    1    0    1    -    -    -    -
Member.reservations           1    1    1    0    1    -    -    -    -
Member.commitments            1    1    1    0    1    -    -    -    -
Account.balance               +    +    +    -    +    -    -    -    -
Account.postings              3    3    3    -    3    -    -    -    -
JournalEntry.postings         2    2    2    -    1    -    -    -    -
Posting.runningBalance        +    +    +    -    +    -    -    -    -
Hub.delivered                 +    +    +    +    +    +    -    -    -
Hub.tariffs                   1    1    1    1    1    1    -    -    -
Hub.costSharing               +    +    +    +    +    +    -    -    -
Hub.costSharingPreview        +    +    +    null null null -    -    -
"""
TABLE = {line.split()[0]: line.split()[1:] for line in MATRIX.strip().splitlines()}

# The code each of them is refused with; `ok` where the thing is done (tested elsewhere).
ORDERS = """
journalEntryPost        ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
journalEntriesPost      ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
journalEntryReverse     ok  FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND NOT_FOUND NOT_FOUND NOT_FOUND NOT_FOUND
chargingSessionsImport  ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
periodClose             ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
statementIssue          ok  FORBIDDEN FORBIDDEN FORBIDDEN ok        NOT_FOUND NOT_FOUND NOT_FOUND NOT_FOUND
cooperativeProfileSet   FORBIDDEN FORBIDDEN FORBIDDEN ok        FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
memberProfileSet        FORBIDDEN FORBIDDEN FORBIDDEN ok        FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
invoiceDocumentIssue    ok  ok        ok        NOT_FOUND ok        NOT_FOUND NOT_FOUND NOT_FOUND NOT_FOUND
tariffSet               ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
sessionsRerate          ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
interruptionRecord      ok  FORBIDDEN FORBIDDEN ok        FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
interruptionEnd         ok  FORBIDDEN FORBIDDEN ok        FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
memberClassSet          FORBIDDEN ok  FORBIDDEN ok        FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
billingRun              ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
creditNoteIssue         ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
invoiceWriteOff         ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
disputeOpen             ok  FORBIDDEN FORBIDDEN NOT_FOUND ok        NOT_FOUND NOT_FOUND NOT_FOUND NOT_FOUND
disputeDecide           FORBIDDEN ok  FORBIDDEN NOT_FOUND FORBIDDEN NOT_FOUND NOT_FOUND NOT_FOUND NOT_FOUND
paymentRecord           ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
paymentReturn           ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
bankAccountAdd          ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
bankFileImport          ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
bankLineAssign          ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
bankRuleSet             ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
collectionMake          ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
collectionCancel        ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
mandateRegister         ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
mandateRevoke           ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
commitmentPledge        ok  FORBIDDEN FORBIDDEN NOT_FOUND ok        NOT_FOUND NOT_FOUND NOT_FOUND NOT_FOUND
commitmentAmend         ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
commitmentTerminate     ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
commitmentDepositRecord ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
commitmentsSettle       ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
planSet                 ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
subscriptionStart       ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
subscriptionEnd         ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
reservationRecord       ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
reservationCancel       ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
utilityScheduleSet      ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
utilityBillRecord       ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
costSharingRuleSet      ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
demandResponseEventRecord ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
monthlyChargesRaise     ok  FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND NOT_FOUND
"""  # fmt: skip
ORDERS_TABLE = {line.split()[0]: line.split()[1:] for line in ORDERS.strip().splitlines()}

TERMS = {"from": "2026-05-01", "to": "2026-09-01", "minimum": "100", "shortfallPrice": "0.20"}

SELECTIONS = {
    "Cooperative.incomeStatement": 'incomeStatement(period: {from: "2026-01-01"}) { title }',
    "Cooperative.trialBalance": "trialBalance { asOf }",
    "Cooperative.balanceSheet": "balanceSheet { title }",
    "Cooperative.periods": "periods { id }",
    "Member.balance": "balance { due { amount } }",
    "Cooperative.aging": "aging { totalCount nodes { total { amount } } }",
    "Member.unbilled": "unbilled { kind }",
    "Member.accounts": "accounts { id }",
    "Member.commitments": "commitments { id }",
    "Account.balance": "balance { amount }",
    "JournalEntry.postings": "postings { id }",
    "Posting.runningBalance": "runningBalance",
    "Hub.delivered": "delivered(period: {})",
    "Cooperative.plans": "plans { id }",
    "Cooperative.profile": "profile { legalName }",
    "Member.profile": "profile { legalName }",
    "Cooperative.tariff": 'tariff(hubId: "%s") { name }',
    "Cooperative.bankAccounts": "bankAccounts { id }",
    "Member.mandates": "mandates { id }",
    "Member.subscriptions": "subscriptions { id }",
    "Hub.costSharing": "costSharing { rules { method } }",
    "Hub.costSharingPreview": 'costSharingPreview(month: "2026-01-01", method: "KWH") { month }',
}


def asking(office: Office, elsewhere: Office, person: str) -> Api:
    return elsewhere.api() if person == "foreign treasurer" else office.api(person)


async def objects(office: Office) -> dict[str, str]:
    """The id of the object of each type that the matrix asks about."""
    payment = office.entries["payment"]
    return {
        "Cooperative": office.node, "Member": office.member("ada"), "Hub": office.hub("H1"),
        "Account": await office.account("1205 ada"),
        "JournalEntry": office.named("JournalEntry", payment),
        "Posting": office.named("Posting", payment, 1),
    }  # fmt: skip


def test_every_field_of_the_schema_has_a_row_and_every_row_a_field() -> None:
    fields = {
        f"{name}.{field}"
        for name, type_ in schema._schema.type_map.items()
        if not name.startswith("__") and isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        for field in type_.fields
    }
    for field in sorted(fields):
        access_of(field)
    assert set(FIELD_ACCESS) - fields == set()


def test_every_restricted_field_stands_in_a_table_here() -> None:
    restricted = {field for field, access in FIELD_ACCESS.items() if access is not PUBLIC}
    orders = {f"Mutation.{name}" for name in ORDERS_TABLE}
    assert restricted == set(TABLE) | orders | {"Subscription.balanceChanged"}
    assert {len(row) for row in (*TABLE.values(), *ORDERS_TABLE.values())} == {len(PEOPLE)}


def outcome(found: Any, field: str) -> str:
    if found is None:
        return "-"
    value = found[field]
    if isinstance(value, dict) and "totalCount" in value:
        assert value["totalCount"] == len(value["nodes"])  # the count leaks nothing either
        value = value["nodes"]
    if isinstance(value, list):
        return str(len(value))
    return "null" if value is None else "+"


@pytest.mark.parametrize("place", range(len(PEOPLE)), ids=PEOPLE)
async def test_each_reads_what_the_matrix_says(
    office: Office, elsewhere: Office, place: int
) -> None:
    ids = await objects(office)
    api = asking(office, elsewhere, PEOPLE[place])
    everything = await api_total(office)
    told = {}
    for field in TABLE:
        kind, _, name = field.partition(".")
        selection = SELECTIONS.get(field, f"{name}(first: 200) {{ totalCount nodes {{ id }} }}")
        selection = selection.replace("%s", office.hub("H1"))
        found = await api.node(ids[kind], f"... on {kind} {{ {selection} }}")
        told[field] = outcome(found, name).replace(str(everything), "all")
    assert told == {field: row[place] for field, row in TABLE.items()}


async def api_total(office: Office) -> int:
    """How many accounts there are."""
    return await office.town.ask(_accounts)


async def _accounts(connection: Any, _id: Any) -> int:
    return int((await connection.exec_driver_sql("SELECT count(*) FROM account")).scalar_one())


async def inputs(office: Office) -> dict[str, dict[str, Any]]:
    """An input of each mutation that would do something, were it the treasurer's."""
    post = await office.entry_input("matrix")
    (_, february) = await office.ask(queries.periods)
    return {
        "journalEntryPost": post,
        "journalEntriesPost": {"cooperativeId": office.node, "entries": [post]},
        "journalEntryReverse": {
            "idempotencyKey": "matrix", "effectiveOn": "2026-03-01", "memo": "",
            "entryId": office.named("JournalEntry", office.entries["energy"]),
        },
        "chargingSessionsImport": {
            "idempotencyKey": "matrix", "cooperativeId": office.node, "format": "CDR",
            "content": "[]",
        },
        "periodClose": {
            "idempotencyKey": "matrix", "periodId": office.named("Period", february.id),
        },
        **plan_inputs(office),
        **price_inputs(office),
        **bill_inputs(office),
        **bank_inputs(office),
        "cooperativeProfileSet": ours(office),
        "memberProfileSet": theirs(office),
        "invoiceDocumentIssue": {"invoiceId": office.invoice},
        "statementIssue": {
            "idempotencyKey": "matrix", "memberId": office.member("ada"),
            "period": {"from": "2026-02-01", "to": "2026-03-01"},
        },
        "commitmentPledge": {
            "idempotencyKey": "matrix", "memberId": office.member("ada"),
            "hubIds": [office.hub("H1")], "terms": TERMS,
        },
        "commitmentAmend": {
            "idempotencyKey": "matrix", "commitmentId": office.commitment, "resolution": "1",
            "terms": {**TERMS, "from": "2026-04-01"},
        },
        "commitmentTerminate": {
            "idempotencyKey": "matrix", "commitmentId": office.commitment, "resolution": "1",
            "to": "2026-04-01",
        },
        "commitmentDepositRecord": {
            "idempotencyKey": "matrix", "commitmentId": office.commitment, "kind": "TAKEN",
            "amount": "100.00", "effectiveOn": "2026-04-01",
        },
        "commitmentsSettle": {
            "idempotencyKey": "matrix", "cooperativeId": office.node, "month": "2026-04-01",
        },
    }  # fmt: skip


@pytest.mark.parametrize("place", range(len(PEOPLE)), ids=PEOPLE)
async def test_each_is_refused_what_the_matrix_says_and_nothing_moves(
    office: Office, elsewhere: Office, place: int
) -> None:
    before = await office.moved()
    api = asking(office, elsewhere, PEOPLE[place])
    told = {}
    for mutation, input_ in (await inputs(office)).items():
        if ORDERS_TABLE[mutation][place] == "ok":
            told[mutation] = "ok"
            continue
        payload = await api.order(mutation, "", **input_)
        told[mutation] = ",".join(error["code"] for error in payload["errors"])
    assert told == {mutation: row[place] for mutation, row in ORDERS_TABLE.items()}
    assert await office.moved() == before


async def test_a_role_counts_on_its_days_only(office: Office) -> None:
    for person, days in {
        "former": {"from_on": date(2026, 1, 1), "to_on": date(2026, 2, 1)},
        "coming": {"from_on": date(2200, 1, 1)},
    }.items():
        await office.town.grant(office.subject(person), Role.TREASURER, **days)
        api = office.api(person)
        assert await api.node(office.node, "id") is None
        viewer = (await api.data("{ viewer { subject roles { role scope { id } } } }"))["viewer"]
        assert viewer == {
            "subject": office.subject(person),
            "roles": [{"role": "TREASURER", "scope": {"id": office.node}}],
        }
