"""Credit notes on invoices, and write-offs: what they take back, and never more than there is."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from coop.billing.credit_notes import issue_credit_note
from coop.billing.write_offs import write_off_invoice
from coop.kernel.ids import uuid7
from coop.ledger.service import AccountKey
from coop.members.queries import MemberWhere, members_page
from tests.billing.books import VAT12, Books, refused

pytestmark = pytest.mark.anyio


async def billed(books: Books) -> UUID:
    """Anna's March: 30.00 and 3.33 of energy at two rates, and a subscription of 10.00."""
    anna, hub = await books.member("anna"), await books.hub("N")
    tariff = await books.tariff(hub)
    await books.charge(
        anna, hub, tariff, {}, {"net": 333, "price": "3.33", "kwh": "1", "taxes": VAT12}
    )
    await books.item(anna, 1_000, contra=AccountKey("4070", hub_id=hub.id))
    await books.bill()
    ((id_,),) = await books.sql("SELECT id FROM invoice")
    return UUID(str(id_))


async def credit(books: Books, invoice: UUID, **named: Any) -> Any:
    given = {"reason": "Meter was wrong", "issued_on": date(2026, 4, 20), **named}
    return await books.order(issue_credit_note, invoice, **given)


async def write_off(books: Books, invoice: UUID, **named: Any) -> Any:
    given = {
        "resolution": "2026/7", "reason": "Insolvent", "effective_on": date(2026, 5, 2), **named
    }  # fmt: skip
    return await books.order(write_off_invoice, invoice, **given)


async def settled(books: Books) -> list[tuple[Any, ...]]:
    rows = await books.sql("SELECT source_kind, amount_minor FROM allocation ORDER BY id")
    return [tuple(row) for row in rows]


async def test_a_whole_credit_note_mirrors_its_invoice(books: Books) -> None:
    invoice = await billed(books)
    # Taxes: 25 % of 40.00 and 12 % of 3.33 (0.3996).
    assert await books.documents("net_minor, tax_minor, gross_minor") == [
        ("invoice", 1, "anna", 4_333, 1_040, 5_373)
    ]
    issued = await credit(books, invoice)
    assert (issued.kind, issued.number, issued.gross_minor) == ("credit_note", 1, -5_373)
    balances = await books.balances()
    assert {key: balances[key] for key in ("1200 anna", "2200", "4000 N", "4070 N")} == {
        "1200 anna": 0, "2200": 0, "4000 N": 0, "4070 N": 0,
    }  # fmt: skip
    assert await settled(books) == [("credit_note", 5_373)]
    assert await books.sql(
        "SELECT l.quantity, l.net_minor, l.tax, l.refers_to_line FROM invoice_line l"
        " JOIN invoice i ON i.id = l.invoice_id WHERE i.kind = 'credit_note' ORDER BY l.number"
    ) == [
        (Decimal(-10), -3_000, Decimal("-7.5"), 1),
        (Decimal(-1), -333, Decimal("-0.3996"), 2),
        (Decimal(-1), -1_000, Decimal("-2.5"), 3),
    ]
    assert await refused(credit(books, invoice)) == "NOTHING_TO_CREDIT"


async def test_parts_never_come_to_more_than_the_whole(books: Books) -> None:
    anna = await books.member("anna")
    await books.item(anna, 333, taxes=VAT12)
    await books.bill()
    ((invoice,),) = await books.sql("SELECT id FROM invoice")
    # 12 % of 3.33 is 0.40; of 1.11 three times 0.13, which would be 0.39: the last one takes the rest.
    for _ in range(3):
        await credit(books, invoice, lines={1: 111})
    assert [row[3:] for row in await books.documents("net_minor, tax_minor")] == [
        (333, 40), (-111, -13), (-111, -13), (-111, -14),
    ]  # fmt: skip
    assert await refused(credit(books, invoice, lines={1: 1})) == "CREDIT_TOO_LARGE"


@pytest.mark.parametrize(
    ("lines", "code"),
    [({1: 3_001}, "CREDIT_TOO_LARGE"), ({9: 1}, "CREDIT_TOO_LARGE"), ({1: 0}, "NOTHING_TO_CREDIT"),
     ({1: -5}, "NOTHING_TO_CREDIT"), ({}, "NOTHING_TO_CREDIT")],
)  # fmt: skip
async def test_what_is_not_there_is_not_credited(books: Books, lines: Any, code: str) -> None:
    invoice = await billed(books)
    before = await books.balances()
    assert await refused(credit(books, invoice, lines=lines)) == code
    assert (await books.balances(), await books.count("invoice")) == (before, 1)


async def test_a_credit_of_a_paid_invoice_is_left_for_the_next(books: Books) -> None:
    invoice = await billed(books)
    await books.sql(
        "INSERT INTO allocation SELECT cooperative_id, :id, id, 'payment', :id, gross_minor,"
        " issued_on, 'treasurer', recorded_at FROM invoice",
        id=uuid7(),
    )
    await credit(books, invoice, lines={3: 1_000})
    assert await settled(books) == [("payment", 5_373)]
    (anna,) = await books.ask(members_page, books.id, where=MemberWhere(), limit=1)
    await books.item(anna, 2_000, "2026-04-12", taxes=())
    await books.bill("2026-04")
    assert await settled(books) == [("payment", 5_373), ("credit_note", 1_250)]


async def test_a_credit_note_needs_an_invoice_a_reason_and_a_day(books: Books) -> None:
    invoice = await billed(books)
    assert await refused(credit(books, uuid7())) == "NOT_FOUND"
    assert await refused(credit(books, invoice, reason=" ")) == "INVALID_VALUE"
    assert await refused(credit(books, invoice, issued_on=date(2026, 3, 31))) == "ISSUE_DAY_INVALID"
    assert await refused(credit(books, invoice, issued_on=date(2999, 1, 1))) == "ISSUE_DAY_INVALID"
    note = (await credit(books, invoice)).id
    assert await refused(credit(books, note)) == "NOT_FOUND"


async def test_a_write_off_closes_the_invoice_by_a_resolution(books: Books) -> None:
    invoice = await billed(books)
    done = await write_off(books, invoice, amount_minor=1_373)
    assert (done.amount_minor, done.tax_minor) == (1_373, 0)
    rest = await write_off(books, invoice, relieve_tax=True)
    # 40.00 of 53.73, of which 10.40 is tax: 40.00 × 10.40 / 53.73 = 7.742… is claimed back.
    assert (rest.amount_minor, rest.tax_minor) == (4_000, 774)
    balances = await books.balances()
    assert (balances["1200 anna"], balances["6750"], balances["2200"]) == (0, 4_599, -266)
    assert await settled(books) == [("write_off", 1_373), ("write_off", 4_000)]
    assert await refused(write_off(books, invoice)) == "WRITE_OFF_TOO_LARGE"


async def test_a_write_off_is_refused_without_a_resolution_or_for_too_much(books: Books) -> None:
    invoice = await billed(books)
    assert await refused(write_off(books, invoice, resolution="")) == "WRITE_OFF_UNRESOLVED"
    assert await refused(write_off(books, invoice, reason="")) == "INVALID_VALUE"
    for amount in (0, -1, 5_374):
        assert (
            await refused(write_off(books, invoice, amount_minor=amount)) == "WRITE_OFF_TOO_LARGE"
        )
    assert (await settled(books), await books.count("write_off")) == ([], 0)


async def test_each_line_is_taken_back_from_the_account_that_earned_it(
    books: Books,
) -> None:
    invoice = await billed(books)
    await credit(books, invoice, lines={1: 100, 3: 500})
    balances = await books.balances()
    assert (balances["4000 N"], balances["4070 N"]) == (-3_233, -500)
    # 25 % of 6.00.
    assert (balances["2200"], balances["1200 anna"]) == (-890, 5_373 - 750)
