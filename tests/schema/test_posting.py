"""Posting and reversing through the API: payloads, refusals as data, keys, crowds."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest

from coop.ledger import service
from coop.ledger.accounts import close_account
from coop.members.domain.roles import Role
from tests.members.people import system
from tests.schema.office import Office

pytestmark = pytest.mark.anyio

ENTRY = "entry { id kind memo effectiveOn recordedAt } balances { amount debit credit available commodity }"
BALANCE = "... on Account { balance { amount } postings { totalCount } }"


async def post(office: Office, key: str = "k1", person: str = "treasurer", **changes: Any) -> Any:
    input_ = await office.entry_input(key, **changes)
    return await office.api(person).order("journalEntryPost", ENTRY, **input_)


async def refused(office: Office, key: str = "k1", **changes: Any) -> tuple[str, str]:
    """(code, path) of a posting that is refused and has moved nothing."""
    before = await office.moved()
    payload = await post(office, key, **changes)
    assert (payload["entry"], payload["balances"], payload["replayed"]) == (None, [], False)
    assert await office.moved() == before
    (error,) = payload["errors"]
    return error["code"], ".".join(error["path"])


async def test_a_posting_answers_the_entry_and_its_accounts_balances(desk: Office) -> None:
    payload = await post(desk)
    entry = payload["entry"]
    assert entry.pop("recordedAt").endswith("Z")
    id_ = entry.pop("id")
    assert payload == {
        "replayed": False, "errors": [],
        "entry": {"kind": "payment", "memo": "Bank transfer", "effectiveOn": "2026-03-05"},
        "balances": [
            {"amount": "10.00", "debit": "10.00", "credit": "0.00", "available": "10.00",
             "commodity": "NOK"},
            {"amount": "-10.00", "debit": "0.00", "credit": "10.00", "available": "-10.00",
             "commodity": "NOK"},
        ],
    }  # fmt: skip
    fields = "... on JournalEntry { memo postings { side amount } }"
    assert await desk.api().node(id_, fields) == {
        "memo": "Bank transfer",
        "postings": [{"side": "DEBIT", "amount": "10.00"}, {"side": "CREDIT", "amount": "10.00"}],
    }


async def test_energy_and_funds_are_posted_alike(desk: Office) -> None:
    fund = desk.named("Fund", desk.funds["EU"])
    money = [{**line, "fundId": fund} for line in await desk.lines("1000", "4500", "500")]
    energy = await desk.lines("9100 ada", "9000 H1", "12.345")
    payload = await post(desk, postings=[*money, *energy])
    assert payload["errors"] == []
    assert [(one["amount"], one["commodity"]) for one in payload["balances"]] == [
        ("500.00", "NOK"), ("500.00", "NOK"), ("12.345", "kWh"), ("12.345", "kWh"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"memo": "a\0b"}, "INVALID_VALUE", "memo"),
        ({"memo": "x" * 501}, "INVALID_VALUE", "memo"),
        ({"kind": "Payment!"}, "INVALID_VALUE", "kind"),
        ({"postings": []}, "ENTRY_TOO_SHORT", "postings"),
        ({"amount": "0"}, "AMOUNT_ZERO", "postings.0"),
        ({"amount": "-1.00"}, "INVALID_VALUE", "postings.0.amount"),
        ({"amount": "0.001"}, "INVALID_VALUE", "postings.0.amount"),
        ({"amount": "92233720368547758.08"}, "AMOUNT_OVERFLOW", "postings.0"),
        ({"amount": "9" * 30}, "AMOUNT_OVERFLOW", "postings.0"),
        ({"debit": "9000 H1"}, "ENTRY_UNBALANCED", "postings"),
        ({"debit": "1"}, "ACCOUNT_SUMMARY", "postings.0"),
        ({"on": "1899-12-31"}, "EFFECTIVE_DATE_IMPLAUSIBLE", "effectiveOn"),
        ({"on": "2999-01-01"}, "EFFECTIVE_DATE_IMPLAUSIBLE", "effectiveOn"),
        ({"on": "9999-12-31"}, "EFFECTIVE_DATE_IMPLAUSIBLE", "effectiveOn"),
    ],
)
async def test_what_no_entry_may_be(
    desk: Office, changes: dict[str, Any], code: str, path: str
) -> None:
    found, where = await refused(desk, **changes)
    assert (found, where.startswith(path)) == (code, True), where


async def test_one_leg_and_unequal_legs(desk: Office) -> None:
    lines = await desk.lines("1000", "1205 ada", "10.00")
    assert await refused(desk, postings=lines[:1]) == ("ENTRY_TOO_SHORT", "postings")
    unequal = [lines[0], {**lines[1], "amount": "10.01"}]
    assert await refused(desk, "k2", postings=unequal) == ("ENTRY_UNBALANCED", "postings")
    one_sided = [lines[0], {**lines[1], "side": "DEBIT"}]
    assert await refused(desk, "k3", postings=one_sided) == ("ENTRY_UNBALANCED", "postings")
    fund = desk.named("Fund", desk.funds["EU"])
    across = [lines[0], {**lines[1], "fundId": fund}]
    assert await refused(desk, "k4", postings=across) == ("ENTRY_UNBALANCED", "postings")


async def test_closed_accounts_and_months_and_limits(desk: Office) -> None:
    await post(desk, "january", on="2026-01-05")
    closed = await desk.account_id("6700")
    await desk.work(lambda c: close_account(c, system(), desk.id, closed, date(2026, 3, 1)))
    assert (await refused(desk, debit="6700"))[0] == "ACCOUNT_CLOSED"
    (january, *_) = (
        await desk.api().node(desk.node, "... on Cooperative { periods { id from } }")
    )["periods"]
    closing = await desk.api().order(
        "periodClose", "period { state }", idempotencyKey="c", periodId=january["id"]
    )
    assert (closing["errors"], closing["period"]) == ([], {"state": "CLOSED"})
    assert await refused(desk, "k9", on="2026-01-31") == ("PERIOD_CLOSED", "effectiveOn")


@pytest.mark.parametrize(
    "amount",
    [12.5, 12, "1e3", "NaN", "Infinity", "-Infinity", "1,50", "", " 1", "0x1", "١٢", None, True],
)
async def test_amounts_that_are_none_never_reach_the_ledger(desk: Office, amount: Any) -> None:
    before = await desk.moved()
    input_ = await desk.entry_input("k1", amount=amount)
    query = (
        "mutation($input: JournalEntryPostInput!) { journalEntryPost(input: $input) { replayed } }"
    )
    answer = await desk.api().post(query, {"input": input_})
    assert answer.status_code == 400
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {"BAD_USER_INPUT"}
    assert await desk.moved() == before


@pytest.mark.parametrize(
    "day",
    ["2026-02-30", "2026-13-01", "20260301", "2026-3-1", "2026-03-01T00:00:00Z", "", 20260301],
)
async def test_days_that_do_not_exist(desk: Office, day: Any) -> None:
    input_ = await desk.entry_input("k1", on=day)
    query = (
        "mutation($input: JournalEntryPostInput!) { journalEntryPost(input: $input) { replayed } }"
    )
    assert await desk.api().code(query, input=input_) == "BAD_USER_INPUT"


@pytest.mark.parametrize("key", ["", " ", "a\nb", "x" * 256])
async def test_keys_that_are_none(desk: Office, key: str) -> None:
    query = (
        "mutation($input: JournalEntryPostInput!) { journalEntryPost(input: $input) { replayed } }"
    )
    assert await desk.api().code(query, input=await desk.entry_input(key)) == "BAD_USER_INPUT"


async def test_the_same_again_is_the_same_answer(desk: Office) -> None:
    first = await post(desk)
    before = await desk.moved()
    again = await post(desk)
    assert again == {**first, "replayed": True}
    assert await desk.moved() == before
    for changes in (
        {"amount": "10.01"},
        {"memo": "other"},
        {"on": "2026-03-06"},
        {"credit": "1205 bo"},
    ):
        assert await refused(desk, **changes) == ("IDEMPOTENCY_MISMATCH", "idempotencyKey")


async def test_a_refusal_is_remembered_too(desk: Office) -> None:
    first = await post(desk, amount="0")
    again = await post(desk, amount="0")
    assert again["errors"] == first["errors"]
    assert again["entry"] is None


async def test_a_key_belongs_to_who_used_it(desk: Office) -> None:
    await desk.town.grant(desk.subject("deputy"), Role.TREASURER)
    first, second = await post(desk), await post(desk, person="deputy")
    assert (first["replayed"], second["replayed"]) == (False, False)
    assert first["entry"]["id"] != second["entry"]["id"]


async def test_twins_at_once_are_one_entry(desk: Office) -> None:
    answers = await asyncio.gather(*(post(desk) for _ in range(8)))
    assert len({answer["entry"]["id"] for answer in answers}) == 1
    assert sorted(answer["replayed"] for answer in answers) == [False] + [True] * 7
    bank = await desk.api().node(await desk.account("1000"), BALANCE)
    assert bank == {"balance": {"amount": "10.00"}, "postings": {"totalCount": 1}}


async def test_a_crowd_shares_calls_and_each_has_its_own_outcome(desk: Office, app: Any) -> None:
    inputs = [
        await desk.entry_input(f"k{n}", amount="0" if n % 4 == 0 else f"{n}.00") for n in range(32)
    ]
    metrics = (await desk.http.get("/metrics")).text
    answers = await asyncio.gather(
        *(desk.api().order("journalEntryPost", ENTRY, **input_) for input_ in inputs)
    )
    for n, answer in enumerate(answers):
        codes = [error["code"] for error in answer["errors"]]
        assert codes == (["AMOUNT_ZERO"] if n % 4 == 0 else [])
        assert (answer["entry"] is None) is (n % 4 == 0)
    total = sum(n for n in range(32) if n % 4)
    bank = await desk.api().node(await desk.account("1000"), BALANCE)
    assert bank == {"balance": {"amount": f"{total}.00"}, "postings": {"totalCount": 24}}
    calls = [
        float(line.split()[1]) for text in (metrics, (await desk.http.get("/metrics")).text)
        for line in text.splitlines() if line.startswith("coop_posting_calls ")
    ]  # fmt: skip
    assert 1 <= calls[1] - calls[0] < 32


async def test_many_at_once_each_with_its_outcome(desk: Office) -> None:
    good = await desk.entry_input("g1", amount="1.00")
    entries = [
        good, await desk.entry_input("z", amount="0"), await desk.entry_input("n", amount="-1"),
        {**good, "idempotencyKey": "g2"}, good,
        {**good, "idempotencyKey": "u", "postings": [{**good["postings"][0], "accountId": "x"}] * 2},
    ]  # fmt: skip
    payload = await desk.api().order(
        "journalEntriesPost", "results { entry { id } replayed errors { code path } }",
        cooperativeId=desk.node, entries=entries,
    )  # fmt: skip
    results = payload["results"]
    assert payload["errors"] == []
    assert [[error["code"] for error in one["errors"]] for one in results] == [
        [], ["AMOUNT_ZERO"], ["INVALID_VALUE"], [], [], ["ACCOUNT_UNKNOWN"],
    ]  # fmt: skip
    assert results[4]["entry"] == results[0]["entry"]
    assert [one["replayed"] for one in results] == [False, False, False, False, True, False]
    bank = await desk.api().node(await desk.account("1000"), BALANCE)
    assert bank == {"balance": {"amount": "2.00"}, "postings": {"totalCount": 2}}


async def test_one_that_overflows_with_its_neighbours_stops_none_of_them(desk: Office) -> None:
    huge = "90000000000000000.00"
    entries = [
        await desk.entry_input("h1", amount=huge), await desk.entry_input("h2", amount=huge),
        await desk.entry_input("g", amount="1.00", debit="6700", credit="2000"),
    ]  # fmt: skip
    payload = await desk.api().order(
        "journalEntriesPost", "results { entry { id } errors { code } }",
        cooperativeId=desk.node, entries=entries,
    )  # fmt: skip
    assert payload["errors"] == []
    codes = [[error["code"] for error in one["errors"]] for one in payload["results"]]
    assert codes[2] == []
    assert ["AMOUNT_OVERFLOW"] in codes[:2]


async def test_a_thousand_fit_and_no_more(desk: Office) -> None:
    one = await desk.entry_input("k", amount="0.01")
    entries = [{**one, "idempotencyKey": f"k{number}"} for number in range(1001)]
    payload = await desk.api().order(
        "journalEntriesPost", "", cooperativeId=desk.node, entries=entries
    )
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [
        ("INVALID_VALUE", ["entries"])
    ]
    payload = await desk.api().order(
        "journalEntriesPost", "results { replayed errors { code } }",
        cooperativeId=desk.node, entries=entries[:1000],
    )  # fmt: skip
    assert payload["results"] == [{"replayed": False, "errors": []}] * 1000
    empty = await desk.api().order("journalEntriesPost", "", cooperativeId=desk.node, entries=[])
    assert empty["errors"][0]["code"] == "INVALID_VALUE"
    other = [{**one, "cooperativeId": "x"}]
    mixed = await desk.api().order("journalEntriesPost", "", cooperativeId=desk.node, entries=other)
    assert mixed["errors"][0]["path"] == ["entries", "0", "cooperativeId"]


async def reverse(office: Office, entry: str, key: str, **changes: Any) -> Any:
    given = {"effectiveOn": "2026-03-06", "memo": "Wrong member", **changes}
    fields = "entry { id kind memo effectiveOn reverses { id } postings { side amount } } balances { amount }"
    return await office.api().order(
        "journalEntryReverse", fields, idempotencyKey=key, entryId=entry, **given
    )


async def test_a_reversal_mirrors_its_entry_once(desk: Office) -> None:
    entry = (await post(desk))["entry"]["id"]
    payload = await reverse(desk, entry, "r1")
    assert payload["errors"] == []
    assert {k: v for k, v in payload["entry"].items() if k != "id"} == {
        "kind": "reversal", "memo": "Wrong member", "effectiveOn": "2026-03-06",
        "reverses": {"id": entry},
        "postings": [{"side": "CREDIT", "amount": "10.00"}, {"side": "DEBIT", "amount": "10.00"}],
    }  # fmt: skip
    assert [one["amount"] for one in payload["balances"]] == ["0.00", "0.00"]
    assert await reverse(desk, entry, "r1") == {**payload, "replayed": True}
    before = await desk.moved()
    for key, changes, code in (
        ("r2", {}, "ALREADY_REVERSED"), ("r1", {"memo": "x"}, "IDEMPOTENCY_MISMATCH"),
        ("r3", {"effectiveOn": "2999-01-01"}, "EFFECTIVE_DATE_IMPLAUSIBLE"),
        ("r4", {"memo": "\0"}, "INVALID_VALUE"),
    ):  # fmt: skip
        again = await reverse(desk, entry, key, **changes)
        assert [error["code"] for error in again["errors"]] == [code]
    for nonsense in ("", "x", desk.node, desk.named("JournalEntry", desk.id)):
        (error,) = (await reverse(desk, nonsense, "r5"))["errors"]
        assert error["path"] == ["entryId"]
    assert await desk.moved() == before


async def test_two_reversals_at_once_are_one(desk: Office) -> None:
    entry = (await post(desk))["entry"]["id"]
    answers = await asyncio.gather(*(reverse(desk, entry, f"r{n}") for n in range(6)))
    codes = sorted(",".join(error["code"] for error in one["errors"]) for one in answers)
    assert codes == [""] + ["ALREADY_REVERSED"] * 5
    bank = await desk.api().node(await desk.account("1000"), BALANCE)
    assert bank == {"balance": {"amount": "0.00"}, "postings": {"totalCount": 2}}


async def test_a_caller_who_gives_up_has_posted_all_the_same(desk: Office) -> None:
    input_ = await desk.entry_input("k1")
    asking = asyncio.create_task(desk.api().order("journalEntryPost", ENTRY, **input_))
    queue_seen = desk.api().node(desk.node, "id")
    await queue_seen
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    again = await post(desk)
    assert again["errors"] == []
    bank = await desk.api().node(await desk.account("1000"), BALANCE)
    assert bank == {"balance": {"amount": "10.00"}, "postings": {"totalCount": 1}}


async def test_floors_hold_at_the_api(desk: Office) -> None:
    bank = await desk.account_id("1000")
    await desk.work(
        lambda c: service.set_limits(c, system(), desk.id, bank, floor_minor=0, ceiling_minor=None)
    )
    code, _ = await refused(desk, debit="1205 ada", credit="1000")
    assert code == "LIMIT_EXCEEDED"
