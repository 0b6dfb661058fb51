"""Every mutation twice: the key answers with what was done, moves nothing again, and is of one request."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest

from coop.charging.domain.mapping import mapping_of
from coop.charging.importing import ImportFile, import_sessions
from coop.db.engine import Database
from coop.kernel.errors import NotFound
from coop.kernel.ids import uuid7
from coop.ledger import queries
from coop.members.development import DevelopmentIssuer
from coop.members.domain.roles import Viewer
from coop.schema.context import Context
from coop.schema.keyed import under_key
from coop.schema.node_id import node_id_of
from coop.schema.root import schema
from tests.charging.domain.sample import MAPPING
from tests.members.people import system
from tests.schema.office import Office, furnished
from tests.schema.test_bills import MARCH, invoice_of, run
from tests.schema.test_roles import ORDERS_TABLE, PEOPLE
from tests.schema.test_walls import orders
from tests.schema.walls import complete

pytestmark = pytest.mark.anyio

# What has no key, or answers each of several by itself: tests/schema/test_posting.py, test_profiles.py.
WITHOUT = {"journalEntriesPost", "invoiceDocumentIssue"}
IN_EURO = {"collectionMake", "collectionCancel"}  # tests/schema/test_bank.py
LAST = {
    "commitmentPledge": 1,
    "subscriptionStart": 1,
    "periodClose": 2,
}  # they would stand in the way of others
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
WORDS = (
    "reason",
    "memo",
    "name",
    "note",
    "plan",
    "holder",
    "code",
    "legalName",
    "content",
    "memberClass",
)


def other(given: dict[str, Any]) -> dict[str, Any]:
    """Another request: a word or a day of it is another, or one that was left out is said."""
    for name in WORDS:
        if isinstance(given.get(name), str):
            return {**given, name: given[name] + ("\n" if name == "content" else "x")}
    for name, value in reversed(given.items()):
        if isinstance(value, str) and ISO_DAY.match(value):
            return {**given, name: "2027-01" + value[7:]}
        if isinstance(value, dict):
            return {**given, name: other(value)}
    if "month" in given:
        return {**given, "month": "2027-01"}
    (name, named), *_ = (
        (name, node_id_of(one)) for name, one in given.items() if name.endswith("Id")
    )
    assert named is not None
    return {**given, name: str(named._replace(id=uuid7()))}


async def twice(office: Office, mutation: str, given: dict[str, Any], key: str) -> list[str]:
    """Order it, again, and something else under its key; what the first was refused with."""
    person = PEOPLE[next(n for n, one in enumerate(ORDERS_TABLE[mutation]) if one == "ok")]
    api, given = office.api(person), {**given, "idempotencyKey": key}
    first = await api.order(mutation, "", **given)
    moved = await office.moved()
    again = await api.order(mutation, "", **given)
    changed = await api.order(mutation, "", **other(given))
    assert await office.moved() == moved, mutation
    assert first["replayed"] is False, mutation
    # Where nothing was done nothing is remembered: the refusal is made again.
    assert (again["errors"], again["replayed"]) == (first["errors"], not first["errors"]), mutation
    if not first["errors"]:
        assert [one["code"] for one in changed["errors"]] == ["IDEMPOTENCY_MISMATCH"], mutation
    return [error["code"] for error in first["errors"]]


async def test_a_key_is_answered_with_what_it_did_and_is_of_one_request(
    database: Database, issuer: DevelopmentIssuer, http: Any
) -> None:
    office = await furnished(database, issuer, http)
    ids = await complete(office, settled=False)
    (_, february) = await office.ask(queries.periods)
    walled = office, {**ids, "Period": office.named("Period", february.id)}
    told: dict[str, list[list[str]]] = {}
    given_in_order = sorted(await orders(walled), key=lambda one: LAST.get(one[0], 0))
    for number, (mutation, given) in enumerate(given_in_order):
        if mutation not in WITHOUT | IN_EURO:
            codes = await twice(office, mutation, given, f"key {number}")
            told.setdefault(mutation, []).append(codes)
    mutations = schema._schema.mutation_type
    assert mutations is not None
    assert set(mutations.fields) - set(told) == WITHOUT | IN_EURO
    assert {name for name, codes in told.items() if [] not in codes} == OF_A_BILL


OF_A_BILL = {"creditNoteIssue", "disputeOpen", "interruptionEnd", "invoiceWriteOff"}


async def test_keys_of_what_is_done_about_a_bill(desk: Office) -> None:
    """What the furnished office has nothing of: a bill of something, an outage that lasts."""
    await import_sessions(
        desk.database, system(), desk.id, ImportFile(BytesIO(MARCH.encode()), "s.csv"),
        mapping_of(MAPPING.replace("register = true", "register = false")),
    )  # fmt: skip
    bo = "... on Member { sessions { nodes { charges { id } } } }"
    ((charge,),) = [
        one["charges"]
        for one in (await desk.api().node(desk.member("bo"), bo))["sessions"]["nodes"]
    ]
    outage = await desk.api().order(
        "interruptionRecord", "interruption { id }", idempotencyKey="i", hubId=desk.hub("H1"),
        cause="OTHER", **{"from": "2026-05-01T08:00:00Z"},
    )  # fmt: skip
    told = [await twice(desk, "disputeOpen", {"chargeId": charge["id"], "reason": "Why"}, "d")]
    await run(desk)
    invoice = {"invoiceId": await invoice_of(desk, "ada"), "reason": "Why"}
    off = {
        **invoice, "effectiveOn": "2026-05-01", "resolution": "1",
        "amount": {"amount": "1.00", "currency": "NOK"},
    }  # fmt: skip
    line = {"number": 1, "net": {"amount": "1.00", "currency": "NOK"}}
    end = {"interruptionId": outage["interruption"]["id"], "to": "2026-05-01T09:00:00Z"}
    for mutation, given in (
        ("creditNoteIssue", {**invoice, "lines": [line]}),
        ("invoiceWriteOff", off),
        ("interruptionEnd", end),
    ):
        told.append(await twice(desk, mutation, given, mutation))
    assert told == [[]] * len(OF_A_BILL)


async def test_who_lost_its_role_is_told_no_more_what_its_key_did(desk: Office) -> None:
    treasurer = replace(system(), subject="former")
    former = replace(treasurer, is_system=False)

    async def work(_: Any) -> dict[str, str]:
        return {"id": "1"}

    async def asked_by(viewer: Viewer) -> Any:
        rest: Any = (None,) * 4
        context = Context(viewer, desk.database, *rest)
        return await under_key(
            context, desk.id, "planSet", SimpleNamespace(idempotency_key="k"), work
        )

    assert [await asked_by(treasurer) for _ in range(2)] == [
        ({"id": "1"}, False),
        ({"id": "1"}, True),
    ]
    with pytest.raises(NotFound):
        await asked_by(former)
