"""Disputes: opened by a member in time, decided by somebody else, once; a credit is on the next bill."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from coop.billing.credit_notes import issue_credit_note
from coop.billing.disputes import credit_dispute, open_dispute, refuse_dispute
from coop.kernel.ids import uuid7
from coop.members.domain.people import Member
from coop.members.domain.roles import Role, Viewer
from tests.billing.books import VAT12, Books, refused

pytestmark = pytest.mark.anyio
APRIL = date(2026, 4, 10)


async def as_member(books: Books, member: Member) -> Viewer:
    await books.town.grant(member.number, Role.OPERATOR, member_id=member.id)
    return await books.town.viewer(member.number)


async def as_board(books: Books) -> Viewer:
    await books.town.grant("bo", Role.BOARD)
    return await books.town.viewer("bo")


async def contest(books: Books, by: Viewer, **named: Any) -> Any:
    return await books.order(open_dispute, by=by, **{"reason": "Not mine", "on": APRIL, **named})


async def test_a_contested_charge_is_credited_on_the_next_bill(books: Books) -> None:
    anna, hub = await books.member("anna"), await books.hub("N")
    charge = await books.charge(
        anna, hub, await books.tariff(hub), {}, {"kwh": "1", "net": 200, "taxes": VAT12}
    )
    await books.bill()
    member, board = await as_member(books, anna), await as_board(books)
    dispute = await contest(books, member, charge_id=charge)
    # 32.00 and its tax: 7.50 + 0.24.
    assert (dispute.state, dispute.held_minor, dispute.opened_by) == ("open", 3_974, "anna")
    done = await books.order(credit_dispute, dispute.id, reason="Agreed", on=APRIL, by=board)
    assert (done.state, done.decided_by) == ("credited", "bo")
    assert await books.sql(
        "SELECT kind, net_minor, tax, hub_id FROM bill_item ORDER BY net_minor"
    ) == [
        ("DISPUTE_CREDIT", -3_000, Decimal("-7.5"), hub.id),
        ("DISPUTE_CREDIT", -200, Decimal("-0.24"), hub.id),
    ]
    assert (await books.balances())["4000 N"] == 0
    await books.bill("2026-04")
    assert await books.documents("gross_minor, refers_to_id IS NOT NULL") == [
        ("invoice", 1, "anna", 3_974, False), ("credit_note", 1, "anna", -3_974, True),
    ]  # fmt: skip
    assert (await books.balances())["1200 anna"] == 0


async def test_a_part_may_be_credited_and_the_rest_contested_again(books: Books) -> None:
    anna = await books.member("anna")
    item = await books.item(anna, 1_000, contra=books.fee(anna, 1).contra)
    board = await as_board(books)
    first = await contest(books, await as_member(books, anna), item_id=item.id)
    for too_much, code in ((1_001, "CREDIT_TOO_LARGE"), (0, "NOTHING_TO_CREDIT")):
        order = books.order(credit_dispute, first.id, reason="x", net_minor=too_much, by=board)
        assert await refused(order) == code
    await books.order(credit_dispute, first.id, reason="Half", net_minor=400, on=APRIL, by=board)
    second = await contest(books, await books.town.viewer("anna"), item_id=item.id)
    assert second.held_minor == 750
    await books.order(credit_dispute, second.id, reason="All of it", on=APRIL, by=board)
    assert (await books.balances())["4060"] == 0
    assert await refused(contest(books, await books.town.viewer("anna"), item_id=item.id)) == (
        "NOTHING_TO_CREDIT"
    )


async def test_a_refusal_says_why_and_stands(books: Books) -> None:
    anna = await books.member("anna")
    item = await books.item(anna, 1_000)
    dispute = await contest(books, await as_member(books, anna), item_id=item.id)
    board = await as_board(books)
    assert (
        await refused(books.order(refuse_dispute, dispute.id, reason=" ", by=board))
        == "INVALID_VALUE"
    )
    done = await books.order(refuse_dispute, dispute.id, reason="The meter is right", by=board)
    assert (done.state, done.decision_reason) == ("refused", "The meter is right")
    for order in (refuse_dispute, credit_dispute):
        assert (
            await refused(books.order(order, dispute.id, reason="again", by=board))
            == "DISPUTE_DECIDED"
        )
    assert await books.count("bill_item") == 1


async def test_one_open_dispute_for_each_charge_or_item(books: Books) -> None:
    anna = await books.member("anna")
    item = await books.item(anna, 1_000)
    member = await as_member(books, anna)
    await contest(books, member, item_id=item.id)
    assert await refused(contest(books, member, item_id=item.id)) == "DISPUTE_OPEN"


async def test_only_in_time(books: Books) -> None:
    anna = await books.member("anna")
    item = await books.item(anna, 1_000)
    await books.bill()
    member = await as_member(books, anna)
    late = contest(books, member, item_id=item.id, on=date(2026, 6, 1))
    assert await refused(late) == "DISPUTE_LATE"
    await contest(books, member, item_id=item.id, on=date(2026, 5, 31))


async def test_whoever_opened_it_does_not_decide_and_a_member_not_at_all(books: Books) -> None:
    anna, berit = await books.member("anna"), await books.member("berit")
    item = await books.item(anna, 1_000)
    other = await as_member(books, berit)
    assert await refused(contest(books, other, item_id=item.id)) == "NOT_FOUND"
    dispute = await contest(books, await as_member(books, anna), item_id=item.id)
    assert (
        await refused(
            books.order(refuse_dispute, dispute.id, reason="x", by=await books.town.viewer("anna"))
        )
        == "FORBIDDEN"
    )
    assert (
        await refused(books.order(refuse_dispute, dispute.id, reason="x", by=other)) == "NOT_FOUND"
    )
    await books.town.grant("tr", Role.TREASURER)
    treasurer = await books.town.viewer("tr")
    assert (
        await refused(books.order(refuse_dispute, dispute.id, reason="x", by=treasurer))
        == "FORBIDDEN"
    )
    mine = await contest(books, treasurer, item_id=(await books.item(anna, 500)).id)
    assert mine.opened_by == "tr"


async def test_the_system_neither_decides_what_it_opened(books: Books) -> None:
    anna = await books.member("anna")
    item = await books.item(anna, 1_000)
    dispute = await books.order(open_dispute, item_id=item.id, reason="Told by phone", on=APRIL)
    assert await refused(books.order(refuse_dispute, dispute.id, reason="x")) == "DISPUTE_OWN"


async def test_what_is_no_charge_or_a_credit_is_not_contested(books: Books) -> None:
    anna = await books.member("anna")
    member = await as_member(books, anna)
    assert await refused(contest(books, member, charge_id=uuid7())) == "NOT_FOUND"
    credit = await books.item(anna, -100)
    assert await refused(contest(books, member, item_id=credit.id)) == "NOTHING_TO_CREDIT"


async def test_what_a_dispute_credited_is_not_credited_again(books: Books) -> None:
    anna = await books.member("anna")
    items = [await books.item(anna, 1_000), await books.item(anna, 300)]
    await books.bill()
    ((invoice,),) = await books.sql("SELECT id FROM invoice")
    dispute = await contest(books, await as_member(books, anna), item_id=items[0].id)
    await books.order(
        credit_dispute, dispute.id, reason="Part", net_minor=600, on=APRIL, by=await as_board(books)
    )
    note = await books.order(issue_credit_note, invoice, reason="The rest", issued_on=APRIL)
    assert (note.net_minor, note.tax_minor) == (-700, -175)
    await books.bill("2026-04")
    assert (await books.balances())["1200 anna"] == 0


async def test_a_charge_rated_anew_is_contested_in_its_new_form(books: Books) -> None:
    anna, hub = await books.member("anna"), await books.hub("N")
    tariff = await books.tariff(hub)
    charge = await books.charge(anna, hub, tariff, {})
    await books.charge(anna, hub, tariff, {"kwh": "-10"}, credit_of=charge)
    member = await as_member(books, anna)
    assert await refused(contest(books, member, charge_id=charge)) == "NOTHING_TO_CREDIT"
