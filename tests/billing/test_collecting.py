"""Direct debits: who is collected from, the file, the bank's credit, what comes back."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
from lxml import etree
from sepaxml.validation import try_valid_xml

from coop.billing import bank_desk, collecting, mandates
from coop.billing.bank_desk import AccountDraft
from coop.billing.collecting import MadeCollection
from coop.billing.domain.mandate import creditor_of, is_business_day
from coop.billing.errors import CollectionEmpty
from coop.billing.queries import collecting as queries
from coop.billing.queries import payments as payment_queries
from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.kernel.errors import InvalidValue, Refusal
from coop.kernel.ids import uuid7
from tests.billing.bank import DUE, Bank, open_bank
from tests.billing.bank_files import ANNA_IBAN, BO_IBAN, Entry, camt, mt940
from tests.billing.books import refused
from tests.charging.yard import open_yard

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bank(database: Database) -> Bank:
    """Anna owes 125.00 and 250.00 and Bo 12.50, all due; both signed a mandate, Cy did not."""
    bank = await open_bank(database)
    anna, bo, cy = [await bank.member(name) for name in ("anna", "bo", "cy")]
    await bank.owing(anna, 10_000, month="2026-02")
    await bank.item(bo, 1_000)
    await bank.item(cy, 2_000)
    await bank.owing(anna, 20_000)
    await bank.mandate(anna, ANNA_IBAN)
    await bank.mandate(bo, BO_IBAN, used=True)
    return bank


def amounts(file: bytes) -> list[tuple[str | None, str | None, str | None]]:
    """(end-to-end id, amount, IBAN) of every debit in a pain.008 file."""
    root = etree.fromstring(file)
    return [
        (
            one.findtext("{*}PmtId/{*}EndToEndId"), one.findtext("{*}InstdAmt"),
            one.findtext("{*}DbtrAcct/{*}Id/{*}IBAN"),
        )
        for one in root.iter("{*}DrctDbtTxInf")
    ]  # fmt: skip


@pytest.mark.parametrize("schema", ["pain.008.001.02", "pain.008.001.08"])
async def test_what_is_due_is_collected_once_and_the_file_says_so(bank: Bank, schema: str) -> None:
    made = await bank.collect(schema=schema)
    try_valid_xml(made.collection.file, schema)
    stated = {(o.end_to_end_id, f"{o.amount_minor / 100:.2f}") for o in made.items}
    assert {row[:2] for row in amounts(made.collection.file)} == stated
    assert sorted(row[1:] for row in amounts(made.collection.file)) == [
        ("12.50", BO_IBAN), ("125.00", ANNA_IBAN), ("250.00", ANNA_IBAN),
    ]  # fmt: skip
    root = etree.fromstring(made.collection.file)
    assert root.findtext(".//{*}GrpHdr/{*}CtrlSum") == "387.50"
    assert root.findtext(".//{*}GrpHdr/{*}MsgId") == made.collection.message_id
    assert [one.sequence for one in made.items] == ["FRST", "RCUR", "RCUR"]
    assert await bank.money() == {"1010": 38_750, "1200 cy": 2_500}
    assert await refused(bank.collect()) == CollectionEmpty.code
    await bank.tied()
    [anna] = await bank.ask(queries.mandates, [made.items[0].member_id])
    assert anna.sequence == "RCUR"


async def test_the_banks_credit_empties_clearing(bank: Bank) -> None:
    made = await bank.collect()
    credit = Entry(38_750, "SEPA collection", batch=made.collection.message_id, reference="B1")
    outcome = await bank.read_bank(camt(credit))
    assert [(one.state, one.why) for one in outcome.outcomes] == [
        ("posted", f"The bank credits the 3 collections of {made.collection.message_id}.")
    ]
    assert await bank.money() == {"1000": 38_750, "1200 cy": 2_500}
    assert await states(bank, made) == ["settled"] * 3
    again = camt(Entry(38_750, batch=made.collection.message_id, reference="B2"), opening=38_750)
    assert [one.state for one in (await bank.read_bank(again)).outcomes] == ["unmatched"]


async def states(bank: Bank, made: MadeCollection) -> list[str]:
    found = await bank.ask(queries.items_of_collections, [made.collection.id])
    return [one.state for one in found[made.collection.id]]


async def test_a_credit_of_each_batch_or_of_each_item_does_too(bank: Bank) -> None:
    made = await bank.collect()
    first, second, third = made.items
    name = made.collection.message_id
    await bank.read_bank(
        camt(
            Entry(first.amount_minor, batch=f"{name}-FRST", reference="B1"),
            Entry(second.amount_minor, e2e=second.end_to_end_id, reference="B2"),
            Entry(third.amount_minor, e2e=third.end_to_end_id, reference="B3"),
        )
    )
    assert await states(bank, made) == ["settled"] * 3
    assert await bank.money() == {"1000": 38_750, "1200 cy": 2_500}


@pytest.mark.parametrize("form", [camt, mt940], ids=["camt", "mt940"])
async def test_a_returned_debit_opens_the_receivable_again(bank: Bank, form: object) -> None:
    made = await bank.collect()
    anna = made.items[1]
    assert anna.amount_minor == 1_250 or anna.member_id == made.items[0].member_id
    back = Entry(
        -anna.amount_minor - 350, "returned", e2e=anna.end_to_end_id, code="AC04",
        original=anna.amount_minor, reference="R1", on="2026-04-22",
    )  # fmt: skip
    credit = Entry(38_750, "credit", batch=made.collection.message_id, reference="B1")
    outcome = await bank.read_bank(form(credit, back))  # type: ignore[operator]
    assert [one.state for one in outcome.outcomes] == ["posted", "posted"]
    whose = "anna" if anna.member_id == made.items[0].member_id else "bo"
    assert await bank.money() == {
        "1000": 38_750 - anna.amount_minor - 350, "6700": 350, "1200 cy": 2_500,
        f"1200 {whose}": anna.amount_minor,
    }  # fmt: skip
    paid = (await bank.ask(payment_queries.payments_of_items, [anna.id]))[anna.id]
    assert (paid.return_reason, paid.return_charge_minor) == ("AC04", 350)
    assert sum(await bank.open_minor()) == anna.amount_minor + 2_500
    await bank.tied()
    # It is due again, and the mandate keeps its state.
    next_ = await bank.collect(date(2026, 5, 4), made_on=date(2026, 4, 28))
    assert [(o.invoice_id, o.sequence) for o in next_.items] == [(anna.invoice_id, "RCUR")]


async def test_an_amount_that_no_charge_explains_is_left_to_a_person(bank: Bank) -> None:
    made = await bank.collect()
    item = made.items[0]
    line = Entry(-item.amount_minor - 350, e2e=item.end_to_end_id, code="MD06", reference="R1")
    await bank.read_bank(camt(line))
    [waiting] = await bank.lines(unmatched=True)
    assert waiting.candidates[0]["id"] == str(item.id)
    paid = (await bank.ask(payment_queries.payments_of_items, [item.id]))[item.id]
    await bank.assign(waiting, payment_id=paid.id)
    assert (await bank.money())["6700"] == 350
    await bank.tied()


async def test_a_return_by_hand_before_the_bank_tells_is_not_posted_twice(bank: Bank) -> None:
    made = await bank.collect()
    item, name = made.items[0], made.collection.message_id
    paid = (await bank.ask(payment_queries.payments_of_items, [item.id]))[item.id]
    await bank.give_back(paid.id)
    assert (await bank.money())["1010"] == 38_750 - item.amount_minor
    back = Entry(-item.amount_minor, e2e=item.end_to_end_id, code="AC04", reference="R1")
    await bank.read_bank(camt(Entry(38_750, batch=name, reference="B1"), back))
    assert await bank.lines(unmatched=True) == []
    money = await bank.money()
    assert money == {
        "1000": 38_750 - item.amount_minor, "1200 anna": item.amount_minor, "1200 cy": 2_500,
    }  # fmt: skip
    twice = camt(
        Entry(-item.amount_minor, e2e=item.end_to_end_id, code="AC04", reference="R2"),
        opening=38_750 - item.amount_minor,
    )
    assert [o.state for o in (await bank.read_bank(twice)).outcomes] == ["unmatched"]
    assert await bank.money() == money


async def test_a_return_the_bank_tells_before_its_credit(bank: Bank) -> None:
    made = await bank.collect()
    item, name = made.items[0], made.collection.message_id
    back = Entry(-item.amount_minor, e2e=item.end_to_end_id, code="AC04", reference="R1")
    await bank.read_bank(camt(back))
    assert (await bank.money())["1010"] == 38_750
    credit = Entry(38_750, batch=name, reference="B1", on="2026-04-22")
    await bank.read_bank(camt(credit, opening=-item.amount_minor, name="S2"))
    assert await bank.lines(unmatched=True) == []
    assert await bank.money() == {
        "1000": 38_750 - item.amount_minor, "1200 anna": item.amount_minor, "1200 cy": 2_500,
    }  # fmt: skip
    await bank.tied()


async def test_a_return_by_hand_of_settled_money_is_explained_by_its_line(bank: Bank) -> None:
    made = await bank.collect()
    item = made.items[0]
    await bank.read_bank(camt(Entry(38_750, batch=made.collection.message_id, reference="B1")))
    paid = (await bank.ask(payment_queries.payments_of_items, [item.id]))[item.id]
    await bank.give_back(paid.id)
    line = Entry(
        -item.amount_minor - 300, e2e=item.end_to_end_id, code="AC04", reference="R1",
        original=item.amount_minor, on="2026-04-29",
    )  # fmt: skip
    await bank.read_bank(camt(line, opening=38_750, name="S2"))
    assert await bank.money() == {
        "1000": 38_750 - item.amount_minor - 300, "6700": 300, "1200 anna": item.amount_minor,
        "1200 cy": 2_500,
    }  # fmt: skip


async def test_a_cancelled_collection_leaves_everything_as_it_was(bank: Bank) -> None:
    before, open_before = await bank.money(), await bank.open()
    made = await bank.collect()
    undone = await bank.order(collecting.cancel_collection, made.collection.id, date(2026, 4, 15))
    assert undone.collection.cancelled_by == "system"
    assert (await bank.money(), await bank.open()) == (before, open_before)
    [anna] = await bank.ask(queries.mandates, [made.items[0].member_id])
    assert anna.sequence == "FRST"
    order = bank.order(collecting.cancel_collection, made.collection.id, date(2026, 4, 15))
    assert await refused(order) == "COLLECTION_SETTLED"
    assert len((await bank.collect()).items) == 3


async def test_what_the_bank_credited_is_not_cancelled(bank: Bank) -> None:
    made = await bank.collect()
    await bank.read_bank(camt(Entry(38_750, batch=made.collection.message_id)))
    order = bank.order(collecting.cancel_collection, made.collection.id, date(2026, 4, 21))
    assert await refused(order) == "COLLECTION_SETTLED"


async def test_what_is_contested_or_on_account_or_not_due_is_left_out(bank: Bank) -> None:
    bo = await bank.ask_member("bo")
    ((item,),) = await bank.sql("SELECT id FROM bill_item WHERE member_id = :bo", bo=bo.id)
    await bank.sql(
        "INSERT INTO dispute (cooperative_id, id, member_id, item_id, opened_by, opened_at, reason,"
        " held_minor) VALUES (:coop, :id, :bo, :item, 'bo', :now, 'never', 400)",
        coop=bank.id, id=uuid7(), bo=bo.id, item=item, now=utc_now(),
    )  # fmt: skip
    anna = await bank.ask_member("anna")
    await bank.pay(anna, 12_000)
    made = await bank.collect()
    assert [one.amount_minor for one in made.items] == [500, 25_000, 850]
    await bank.tied()


async def test_nothing_is_collected_twice_at_once(bank: Bank) -> None:
    found = await asyncio.gather(*(bank.collect() for _ in range(4)), return_exceptions=True)
    made = [one for one in found if isinstance(one, MadeCollection)]
    told = [one.code for one in found if isinstance(one, Refusal)]
    assert (len(made), told) == (1, ["COLLECTION_EMPTY"] * 3)
    assert await bank.count("collection_item") == 3


async def test_mandates_hold_from_signing_until_they_are_revoked(bank: Bank) -> None:
    revoked = await bank.order(mandates.revoke_mandate, "M-anna", date(2026, 4, 20))
    assert revoked.revoked_on == date(2026, 4, 20)
    order = bank.order(mandates.revoke_mandate, "M-anna", date(2026, 4, 21))
    assert await refused(order) == "MANDATE_REVOKED"
    made = await bank.collect()
    assert [one.amount_minor for one in made.items] == [1_250]
    anna = await bank.ask_member("anna")
    assert await refused(bank.mandate(anna, ANNA_IBAN)) == "MANDATE_TAKEN"
    assert await refused(bank.mandate(anna, "DE75512108001245126198")) == "IBAN_INVALID"
    again = await bank.mandate(anna, ANNA_IBAN, reference="M-anna-2", signed_on=date(2026, 4, 1))
    same = await bank.mandate(anna, ANNA_IBAN, reference="M-anna-2", signed_on=date(2026, 4, 1))
    assert again == same
    assert len((await bank.collect()).items) == 2


@pytest.mark.parametrize(
    ("on", "named", "code"),
    [
        (date(2026, 4, 15), {}, "COLLECTION_TOO_SOON"),
        (date(2026, 4, 18), {}, "INVALID_VALUE"),
        (date(2026, 5, 1), {}, "INVALID_VALUE"),
        (date(2026, 5, 29), {}, "INVALID_VALUE"),
        (DUE, {"scheme": "SDD"}, "INVALID_VALUE"),
        (DUE, {"scheme": "B2B"}, "COLLECTION_EMPTY"),
        (DUE, {"schema": "pain.001.001.03"}, "COLLECTION_IMPOSSIBLE"),
    ],
)
async def test_what_no_bank_takes_is_refused_and_posts_nothing(
    bank: Bank, on: date, named: dict[str, str], code: str
) -> None:
    assert await refused(bank.collect(on, **named)) == code
    assert await bank.count("payment") == await bank.count("collection") == 0


async def test_books_in_another_currency_or_without_identifier_collect_nothing(
    database: Database,
) -> None:
    yard = await open_yard(database)
    bank = Bank(yard.town, yard.database)
    draft = AccountDraft("NO9386011117947", "Nor")
    await bank.order(bank_desk.add_bank_account, draft)
    assert await refused(bank.collect()) == "COLLECTION_IMPOSSIBLE"
    assert await refused(bank.order(bank_desk.add_bank_account, draft)) == "BANK_ACCOUNT_TAKEN"


def test_target_days_and_creditor_identifiers() -> None:
    closed = [date(2026, 4, 3), date(2026, 4, 6), date(2026, 5, 1), date(2026, 12, 25)]
    assert not any(is_business_day(day) for day in closed)
    assert is_business_day(date(2026, 4, 7))
    assert creditor_of("de98 zzz 0999 9999 999") == "DE98ZZZ09999999999"
    with pytest.raises(InvalidValue):
        creditor_of("DE97ZZZ09999999999")
