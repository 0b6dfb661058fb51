"""What somebody past every trigger changes in payments and at the bank is found."""

from __future__ import annotations

from datetime import date

import pytest

from coop.billing.queries import payments as queries
from coop.db.engine import Database
from coop.db.open import Access
from tests.billing.bank import Bank, open_bank
from tests.billing.bank_files import ANNA_IBAN, BO_IBAN, Entry, camt
from tests.billing.test_verifying import findings

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def bank(database: Database) -> Bank:
    """Paid, collected, credited, returned by a line and by hand, assigned, refunded, linked."""
    bank = await open_bank(database)
    anna, bo = await bank.member("anna"), await bank.member("bo")
    await bank.item(bo, 1_000)
    await bank.owing(anna, 10_000, 20_000)
    await bank.mandate(anna, ANNA_IBAN)
    await bank.mandate(bo, BO_IBAN)
    await bank.pay(anna, 2_000)
    made = await bank.collect(date(2026, 5, 20), made_on=date(2026, 5, 14))
    first, second, third = made.items
    paid = (await bank.ask(queries.payments_of_items, [third.id]))[third.id]
    await bank.give_back(paid.id, returned_on=date(2026, 5, 18), charge_minor=100)
    await bank.pay(anna, 900, received_on=date(2026, 5, 19))
    await bank.read_bank(
        camt(
            Entry(made.collection.amount_minor, batch=made.collection.message_id, reference="A"),
            Entry(-first.amount_minor - 350, e2e=first.end_to_end_id, code="AC04", reference="B",
                  original=first.amount_minor),
            Entry(-third.amount_minor - 100, e2e=third.end_to_end_id, code="MD06", reference="C",
                  original=third.amount_minor),
            Entry(-40, "fee", reference="D"),
            Entry(-300, "back to anna", reference="E"),
            Entry(900, f"thanks {await bank.reference(1)}", reference="F", on="2026-05-20"),
        )
    )  # fmt: skip
    fee, refund = [
        next(line for line in await bank.lines() if line.content == name)
        for name in ("fee", "back to anna")
    ]
    await bank.assign(fee, account_code="6700")
    await bank.assign(refund, member_id=anna.id)
    assert second.amount_minor
    return bank


async def test_sound_books_have_no_finding(access: Access, bank: Bank) -> None:
    assert await bank.lines(unmatched=True) == []
    await bank.tied()
    assert await findings(access, bank) == []


HERE = "cooperative_id = coop_current()"


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ((f"UPDATE payment SET amount_minor = amount_minor + 1 WHERE {HERE} AND method = 'transfer'"
         " AND received_on = '2026-04-15'"), {"PAYMENT_POSTED"}),
        (f"UPDATE payment SET return_entry_id = entry_id WHERE {HERE} AND returned_on IS NOT NULL",
         {"PAYMENT_POSTED"}),
        ((f"UPDATE allocation SET amount_minor = amount_minor + 1 WHERE {HERE} AND source_id IN"
         " (SELECT id FROM payment WHERE received_on = '2026-04-15')"), {"PAYMENT_ALLOCATED"}),
        ((f"UPDATE payment SET member_id = (SELECT id FROM member WHERE {HERE} AND number = 'bo')"
         f" WHERE {HERE} AND received_on = '2026-04-15'"), {"PAYMENT_POSTED", "PAYMENT_ALLOCATED"}),
        (f"UPDATE bank_line SET amount_minor = -41 WHERE {HERE} AND content = 'fee'",
         {"BANK_LINE_POSTED"}),
        (f"UPDATE collection SET items = items + 1 WHERE {HERE}", {"COLLECTION_SUMS"}),
        (f"DELETE FROM collection_item WHERE {HERE} AND number = 1", {"COLLECTION_SUMS"}),
    ],
)  # fmt: skip
async def test_what_was_changed_is_found(
    access: Access, bank: Bank, change: str, codes: set[str]
) -> None:
    assert {code for code, _ in await findings(access, bank, change)} == codes
