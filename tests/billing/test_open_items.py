"""What settles which invoice, taking it back, and who owes what for how long."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from coop.billing import open_items
from coop.billing.disputes import open_dispute, refuse_dispute
from coop.kernel.ids import uuid7
from coop.kernel.window import Window
from coop.ledger import service as ledger
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.service import AccountKey
from coop.members.domain.people import Member
from coop.members.domain.roles import Role
from tests.billing.books import Books, refused

pytestmark = pytest.mark.anyio


async def months(books: Books, member: Member, *nets: int) -> list[UUID]:
    """An untaxed invoice a month from January on; their ids."""
    for month, net in enumerate(nets, 1):
        await books.item(member, net, f"2026-{month:02}-10", taxes=())
        await books.bill(f"2026-{month:02}")
    return [row[0] for row in await books.sql("SELECT id FROM invoice ORDER BY number")]


async def pay(books: Books, member: Member, amount: int, on: str, **named: Any) -> tuple[UUID, int]:
    """A payment: Dr 1000 / Cr 1200 and its allocation; its id, and how much of it found an invoice."""
    id_ = uuid7()

    async def work(connection: Any) -> int:
        keys = (AccountKey("1000"), AccountKey("1200", member_id=member.id))
        accounts = await ledger.accounts_for(connection, books.id, keys)
        postings = (
            PostingDraft(accounts[keys[0]], amount),
            PostingDraft(accounts[keys[1]], -amount),
        )
        draft = EntryDraft("payment", date.fromisoformat(on), "paid", postings)
        await ledger.post_entries(connection, books.id, "treasurer", [draft])
        made = await open_items.allocate(
            connection, books.id, "treasurer", member.id, ("payment", id_), amount,
            date.fromisoformat(on), **named,
        )  # fmt: skip
        return sum(one.amount_minor for one in made)

    return id_, await books.database.unit_of_work(books.id, work)


async def opened(books: Books, member: Member) -> list[tuple[int, int]]:
    found = await books.ask(open_items.open_of_members, [member.id])
    return [(one.number, one.open_minor) for one in found.get(member.id, [])]


async def test_the_named_invoice_first_then_the_oldest(books: Books) -> None:
    anna = await books.member("anna")
    invoices = await months(books, anna, 100, 200, 300)
    assert (await pay(books, anna, 350, "2026-04-05", invoice_ids=[invoices[2]]))[1] == 350
    assert await opened(books, anna) == [(1, 50), (2, 200)]
    assert (await pay(books, anna, 60, "2026-04-06"))[1] == 60
    assert await opened(books, anna) == [(2, 190)]
    assert (await pay(books, anna, 400, "2026-04-07"))[1] == 190
    assert await opened(books, anna) == []


async def test_only_what_is_named(books: Books) -> None:
    anna, berit = await books.member("anna"), await books.member("berit")
    invoices = await months(books, anna, 100, 200)
    given = {"invoice_ids": [invoices[1]], "oldest_first": False}
    assert (await pay(books, anna, 250, "2026-04-05", **given))[1] == 200
    assert (await pay(books, berit, 250, "2026-04-05", **given))[1] == 0


async def test_a_returned_debit_reopens_what_it_settled_once(books: Books) -> None:
    anna = await books.member("anna")
    await months(books, anna, 100, 200)
    payment, _ = await pay(books, anna, 250, "2026-04-05")
    for expected in ([-100, -150], []):
        made = await books.database.unit_of_work(
            books.id,
            lambda c: open_items.unallocate(
                c, books.id, "bank", anna.id, ("payment", payment), date(2026, 4, 9)
            ),
        )
        assert sorted((one.amount_minor for one in made), reverse=True) == expected
    assert await opened(books, anna) == [(1, 100), (2, 200)]


async def test_payments_at_once_never_settle_twice(books: Books) -> None:
    anna = await books.member("anna")
    await months(books, anna, 100)
    paid = await asyncio.gather(*(pay(books, anna, 30, "2026-04-05") for _ in range(6)))
    assert sorted(settled for _, settled in paid) == [0, 0, 10, 30, 30, 30]


async def test_the_database_refuses_to_settle_beyond_the_gross(books: Books) -> None:
    anna = await books.member("anna")
    await months(books, anna, 100)
    for amount in (101, -1):
        order = books.sql(
            "INSERT INTO allocation SELECT cooperative_id, :id, id, 'payment', :id, :amount,"
            " issued_on, 'treasurer', recorded_at FROM invoice",
            id=uuid7(),
            amount=amount,
        )
        assert await refused(order) == "ALLOCATION_TOO_LARGE"


async def aging(books: Books, on: str) -> list[tuple[str, tuple[int, ...], int, int]]:
    rows = await books.ask(open_items.aging_page, date.fromisoformat(on), Window(100))
    return [(row.number, row.buckets, row.held_minor, row.other_minor) for row in rows]


async def test_aging_counts_days_from_the_due_day(books: Books) -> None:
    anna = await books.member("anna")
    await months(books, anna, 1, 20, 300, 4_000, 50_000)
    # Due on 15 February, 15 March, 15 April, 15 May and 15 June.
    assert await aging(books, "2026-02-15") == [("anna", (1, 0, 0, 0, 0), 0, 0)]
    assert await aging(books, "2026-02-16") == [("anna", (0, 1, 0, 0, 0), 0, 0)]
    assert await aging(books, "2026-03-17") == [("anna", (0, 21, 0, 0, 0), 0, 0)]
    assert await aging(books, "2026-03-18") == [("anna", (0, 20, 1, 0, 0), 0, 0)]
    assert await aging(books, "2026-06-15") == [("anna", (50_000, 0, 4_000, 300, 21), 0, 0)]
    assert await aging(books, "2026-06-30") == [("anna", (0, 50_000, 4_000, 300, 21), 0, 0)]


async def test_aging_sums_to_the_receivable(books: Books) -> None:
    anna, berit, cato = [await books.member(name) for name in ("anna", "berit", "cato")]
    await books.items([books.fee(anna, 500, taxes=()), books.fee(berit, 70, taxes=())])
    await books.bill()
    await books.item(cato, -40, "2026-04-10", taxes=())
    await books.bill("2026-04")
    await pay(books, anna, 600, "2026-05-04")
    await pay(books, berit, 50, "2026-05-04")
    assert await aging(books, "2026-05-03") == [
        ("anna", (0, 500, 0, 0, 0), 0, 0), ("berit", (0, 70, 0, 0, 0), 0, 0),
        ("cato", (0, 0, 0, 0, 0), 0, -40),
    ]  # fmt: skip
    assert await aging(books, "2026-05-04") == [
        ("anna", (0, 0, 0, 0, 0), 0, -100), ("berit", (0, 20, 0, 0, 0), 0, 0),
        ("cato", (0, 0, 0, 0, 0), 0, -40),
    ]  # fmt: skip
    count, total = await books.ask(open_items.aging_total, date(2026, 5, 4))
    assert (count, total.buckets, total.total_minor) == (3, (0, 20, 0, 0, 0), -120)
    balances = await books.balances()
    assert sum(balances[f"1200 {name}"] for name in ("anna", "berit", "cato")) == -120


async def test_what_is_contested_is_shown_apart(books: Books) -> None:
    anna = await books.member("anna")
    item = await books.item(anna, 100)
    await books.item(anna, 300)
    await books.bill()
    dispute = await books.order(open_dispute, item_id=item.id, reason="Never", on=date(2026, 4, 2))
    assert await aging(books, "2026-05-01") == [("anna", (0, 375, 0, 0, 0), 125, 0)]
    await books.town.grant("bo", Role.BOARD)
    board = await books.town.viewer("bo")
    await books.order(refuse_dispute, dispute.id, reason="The meter is right", by=board)
    assert await aging(books, "2026-05-01") == [("anna", (0, 500, 0, 0, 0), 0, 0)]


async def test_aging_is_paged_both_ways(books: Books) -> None:
    members = [await books.member(f"m{number}") for number in range(5)]
    await books.items([books.fee(member, 100) for member in members])
    await books.bill()
    day = date(2026, 5, 1)
    page = await books.ask(open_items.aging_page, day, Window(2, after=("m1",)))
    assert [row.number for row in page] == ["m2", "m3"]
    page = await books.ask(open_items.aging_page, day, Window(2, before=("m3",), backward=True))
    assert [row.number for row in page] == ["m2", "m1"]
