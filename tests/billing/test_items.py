"""Bill items: one entry and one row each, once per source, or nothing at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from coop.billing.items import decimal_of
from coop.kernel.errors import Refusal
from coop.ledger.service import AccountKey
from tests.billing.books import VAT12, VAT25, Books, refused

pytestmark = pytest.mark.anyio


async def test_a_fee_is_unbilled_before_tax_and_its_tax_is_exact(books: Books) -> None:
    anna = await books.member("anna")
    item = await books.item(anna, 1_015, taxes=VAT12)
    assert (item.net_minor, item.tax) == (1_015, Decimal("1.218"))
    assert await books.balances() == {"1205 anna": 1_015, "4060": -1_015}


async def test_a_credit_goes_the_other_way(books: Books) -> None:
    anna = await books.member("anna")
    item = await books.item(anna, -500, kind="DISPUTE_CREDIT")
    assert (item.net_minor, item.tax) == (-500, Decimal("-1.25"))
    assert await books.balances() == {"1205 anna": -500, "4060": 500}


async def test_an_item_of_nothing_has_no_entry(books: Books) -> None:
    anna = await books.member("anna")
    item = await books.item(anna, 0)
    assert item.entry_id is None
    assert await books.balances() == {}


async def test_the_same_source_is_answered_and_not_doubled(books: Books) -> None:
    anna = await books.member("anna")
    draft = books.fee(anna, 700, source=("settlement", "2026-03/anna"))
    first, twin = await books.items([draft, draft])
    (again,) = await books.items([draft])
    assert first == twin == again
    assert await books.count("bill_item") == 1
    assert await books.balances() == {"1205 anna": 700, "4060": -700}
    assert await refused(books.items([replace(draft, net_minor=701)])) == "ITEM_SOURCE_TAKEN"


async def test_two_at_once_with_one_source_make_one(books: Books) -> None:
    anna = await books.member("anna")
    draft = books.fee(anna, 700)
    made = await asyncio.gather(*(books.items([draft]) for _ in range(8)))
    assert len({items[0].id for items in made}) == 1
    assert await books.balances() == {"1205 anna": 700, "4060": -700}


async def test_a_refused_draft_leaves_nothing_of_its_neighbours(books: Books) -> None:
    anna = await books.member("anna")
    good, bad = books.fee(anna, 700), books.fee(anna, 800, contra=AccountKey("1205", anna.id))
    too_large = books.fee(anna, 10**16)
    with pytest.raises(Refusal):
        await books.items([good, too_large])
    unknown = replace(bad, contra=AccountKey("4999"))
    assert await refused(books.items([good, unknown])) == "ACCOUNT_UNKNOWN"
    assert await books.count("bill_item") == 0
    assert await books.balances() == {}


async def test_more_than_a_call_of_the_ledger_takes(books: Books) -> None:
    anna = await books.member("anna")
    made = await books.items([books.fee(anna, 100) for _ in range(1_001)])
    assert len({item.id for item in made}) == 1_001
    assert await books.balances() == {"1205 anna": 100_100, "4060": -100_100}


async def test_no_item_is_changed_or_deleted(books: Books) -> None:
    await books.item(await books.member("anna"), 100, taxes=VAT25)
    for statement in ("UPDATE bill_item SET net_minor = 1", "DELETE FROM bill_item"):
        with pytest.raises(Exception, match="permission denied"):
            await books.sql(statement)


def test_an_exact_tax_is_written_plainly() -> None:
    assert str(decimal_of(Fraction(1218, 1000))) == "1.218"
    assert str(decimal_of(Fraction(-5, 4))) == "-1.25"
    assert str(decimal_of(Fraction(200))) == "200"
