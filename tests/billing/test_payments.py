"""Payments: what they settle, what stays on account, what comes back; exact balances every time."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.billing import payments
from coop.billing.open_items import OpenDocument, _shares
from coop.billing.payments import apply_on_account
from coop.db.engine import Database
from coop.kernel.ids import MemberId, uuid7
from coop.members.domain.roles import Role
from tests.billing.bank import Bank, open_bank
from tests.billing.books import refused

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bank(database: Database) -> Bank:
    return await open_bank(database)


async def test_a_payment_settles_the_oldest_first_and_the_rest_is_on_account(bank: Bank) -> None:
    anna = await bank.member("anna")
    await bank.owing(anna, 10_000, 20_000)
    made = await bank.pay(anna, 30_000)
    assert (await bank.open(), made.payment.unapplied_minor) == ({1: 0, 2: 7_500}, 0)
    assert await bank.money() == {"1000": 30_000, "1200 anna": 7_500}
    more = await bank.pay(anna, 10_000)
    assert (await bank.open(), more.payment.unapplied_minor) == ({1: 0, 2: 0}, 2_500)
    assert await bank.money() == {"1000": 40_000, "1200 anna": -2_500}
    await bank.tied()


async def test_a_payment_settles_what_it_names_first(bank: Bank) -> None:
    anna = await bank.member("anna")
    await bank.owing(anna, 10_000, 20_000)
    await bank.pay(anna, 5_000, reference=f"thanks {await bank.reference(2)}")
    assert await bank.open() == {1: 12_500, 2: 20_000}
    await bank.pay(anna, 21_000, invoice_ids=(await bank.invoice_id(2),))
    assert await bank.open() == {1: 11_500, 2: 0}


async def test_a_reference_of_somebody_elses_invoice_settles_none_of_theirs(bank: Bank) -> None:
    anna, bo = await bank.member("anna"), await bank.member("bo")
    await bank.owing(anna, 10_000)
    await bank.owing(bo, 10_000, month="2026-04")
    await bank.pay(bo, 5_000, reference=await bank.reference(1))
    assert await bank.open() == {1: 12_500, 2: 7_500}


async def test_the_same_key_records_one_payment(bank: Bank) -> None:
    anna = await bank.member("anna")
    await bank.owing(anna, 10_000)
    first = await bank.pay(anna, 4_000, key="k1")
    again = await bank.pay(anna, 4_000, key="k1")
    assert (first.replayed, again.replayed) == (False, True)
    assert first.payment.id == again.payment.id
    assert await bank.open() == {1: 8_500}
    assert await refused(bank.pay(anna, 4_001, key="k1")) == "IDEMPOTENCY_MISMATCH"
    assert await refused(bank.pay(anna, 4_000, key="k1", method="cash")) == "IDEMPOTENCY_MISMATCH"
    assert await bank.count("payment") == 1


async def test_a_return_opens_the_receivable_again(bank: Bank) -> None:
    anna = await bank.member("anna")
    await bank.owing(anna, 10_000, 20_000)
    made = await bank.pay(anna, 30_000)
    back = await bank.give_back(made.payment.id, charge_minor=350)
    assert (back.return_reason, back.unapplied_minor) == ("AC04", 0)
    assert await bank.open() == {1: 12_500, 2: 25_000}
    assert await bank.money() == {"1000": -350, "6700": 350, "1200 anna": 37_500}
    assert await refused(bank.give_back(made.payment.id)) == "PAYMENT_RETURNED"
    await bank.tied()


async def test_money_on_account_settles_later_invoices_but_what_was_paid_back(bank: Bank) -> None:
    anna = await bank.member("anna")
    await bank.owing(anna, 10_000)
    await bank.pay(anna, 20_000)
    await bank.order(
        lambda c, viewer, id_: payments.post_payments(
            c, viewer.subject, id_,
            [payments.PaymentDraft(anna.id, date(2026, 4, 16), -3_000, "refund")],
        )
    )  # fmt: skip
    assert await bank.money() == {"1000": 17_000, "1200 anna": -4_500}
    # Issuing an invoice settles it with what is on account.
    await bank.owing(anna, 20_000, month="2026-04")
    assert await bank.open() == {1: 0, 2: 20_500}
    applied = await bank.order(
        lambda c, viewer, id_: apply_on_account(c, id_, viewer.subject, [anna.id], date(2026, 5, 1))
    )
    assert applied == 0
    await bank.tied()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"minor": 0}, "INVALID_VALUE"),
        ({"minor": -5}, "INVALID_VALUE"),
        ({"method": "refund"}, "INVALID_VALUE"),
        ({"method": "gold"}, "INVALID_VALUE"),
        ({"reference": "x" * 141}, "INVALID_VALUE"),
        ({"received_on": date(1890, 1, 1)}, "EFFECTIVE_DATE_IMPLAUSIBLE"),
    ],
)
async def test_what_is_no_payment_is_refused(
    bank: Bank, changes: dict[str, object], code: str
) -> None:
    anna = await bank.member("anna")
    minor = changes.pop("minor", 100)
    assert await refused(bank.pay(anna, minor, **changes)) == code  # type: ignore[arg-type]
    assert await bank.count("payment") == 0


async def test_only_the_treasurer_records_payments(bank: Bank) -> None:
    anna = await bank.member("anna")
    for role, told in ((Role.BOARD, "FORBIDDEN"), (Role.OPERATOR, "FORBIDDEN")):
        named = {"member_id": anna.id} if role is Role.OPERATOR else {}
        await bank.town.grant(f"{role}@x-{bank.town.slug}", role, **named)
        viewer = await bank.town.viewer(f"{role}@x-{bank.town.slug}")
        draft = payments.PaymentDraft(anna.id, date(2026, 4, 1), 100)
        order = bank.order(payments.record_payment, draft, by=viewer)
        assert await refused(order) == told


def _open(number: int, minor: int) -> OpenDocument:
    on = date(2026, 1, 1 + number % 28)
    return OpenDocument(
        uuid7(), "invoice", number, MemberId(uuid4()), on, on, "RF", None, minor, minor
    )


@given(st.lists(st.integers(1, 10_000), max_size=12), st.integers(1, 60_000))
def test_what_is_allocated_never_exceeds_and_with_the_rest_is_the_payment(
    opens: list[int], paid: int
) -> None:
    found = [_open(number, minor) for number, minor in enumerate(opens, 1)]
    made = _shares(found, paid)
    by_id = {one.id: one.open_minor for one in found}
    assert all(0 < one.amount_minor <= by_id[one.invoice_id] for one in made)
    assert len({one.invoice_id for one in made}) == len(made)
    allocated = sum(one.amount_minor for one in made)
    assert allocated == min(paid, sum(opens))
    assert allocated + (paid - allocated) == paid
