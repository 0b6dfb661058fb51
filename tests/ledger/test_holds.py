"""Holds: money set aside, captured in part, let go, and who may be quicker than whom."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.kernel.clock import utc_now
from coop.kernel.errors import Refusal
from coop.kernel.ids import FundId
from coop.ledger import queries, service
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.domain.hold import Hold
from coop.ledger.posting import post
from tests.ledger.town import Town, codes, order, step, until_it_waits

pytestmark = pytest.mark.anyio

CHARGE = """
2026-03-14 charging
  1200 ada  debit 12.00 EUR
  4000 north  credit 12.00 EUR
"""


async def hold(town: Town, amount: int = 1000, seconds: int = 600) -> UUID:
    wanted = Hold(
        town.accounts["1200 ada"], town.accounts["4000 north"], amount,
        utc_now() + timedelta(seconds=seconds),
    )  # fmt: skip
    return await town.database.unit_of_work(
        town.id, lambda c: service.place_hold(c, town.id, "ada", wanted, "for charging")
    )


async def capture(
    town: Town,
    hold_id: UUID,
    amount: int,
    key: str | None = None,
    on: AsyncConnection | None = None,
) -> object:
    lines = (
        PostingDraft(town.accounts["1200 ada"], max(amount, 1)),
        PostingDraft(town.accounts["4000 north"], -max(amount, 1)),
    )
    draft = EntryDraft("capture", date(2026, 3, 14), "", lines, key)

    async def work(connection: AsyncConnection) -> object:
        return await service.capture_hold(connection, town.id, "ada", hold_id, amount, draft)

    if on is not None:
        return await work(on)
    try:
        return await town.database.unit_of_work(town.id, work)
    except Refusal as refusal:
        return refusal.code


async def pending(town: Town, name: str) -> tuple[int, int]:
    async with town.database.snapshot(town.id) as connection:
        found = await queries.balances_of(connection, [town.accounts[name]])
    row = found[town.accounts[name]]
    return row.pending_debit_minor, row.pending_credit_minor


async def test_a_hold_is_captured_in_part_and_the_rest_is_free(town: Town) -> None:
    hold_id = await hold(town)
    assert (await pending(town, "1200 ada"), await pending(town, "4000 north")) == (
        (1000, 0),
        (0, 1000),
    )
    await capture(town, hold_id, 400)
    assert (await pending(town, "1200 ada"), await pending(town, "4000 north")) == ((0, 0), (0, 0))
    assert await town.balance("1200 ada") == 400
    before = await town.books()
    for amount in (400, 1):
        assert await capture(town, hold_id, amount) == "HOLD_NOT_PENDING"
    assert await town.books() == before
    assert (await town.verify()).ok


async def test_what_a_capture_may_not_be_leaves_the_hold_as_it_stood(town: Town) -> None:
    hold_id = await hold(town)
    before = await town.books()
    assert await capture(town, hold_id, 1001) == "HOLD_TOO_SMALL"
    assert await capture(town, hold_id, 0) == "AMOUNT_ZERO"
    assert await capture(town, hold_id, -5) == "AMOUNT_ZERO"
    assert await capture(town, town.id, 5) == "HOLD_UNKNOWN"
    await town.posted("2020-01-07\n  1000  debit 1.00 EUR\n  1200 bob  credit 1.00 EUR")
    assert await pending(town, "1200 ada") == (1000, 0)
    assert before["hold"] == (await town.books())["hold"]


async def test_an_expired_hold_is_let_go_and_never_captured(town: Town) -> None:
    hold_id = await hold(town, seconds=-1)
    kept = await hold(town)
    before = await town.books()
    assert await capture(town, hold_id, 5) == "HOLD_EXPIRED"
    assert await town.books() == before
    assert (
        await town.database.unit_of_work(town.id, lambda c: service.expire_holds(c, town.id)) == 1
    )
    assert await capture(town, hold_id, 5) == "HOLD_NOT_PENDING"
    assert await pending(town, "1200 ada") == (1000, 0)
    await town.database.unit_of_work(town.id, lambda c: service.release_hold(c, town.id, kept))
    assert await pending(town, "1200 ada") == (0, 0)
    with pytest.raises(Refusal) as again:
        await town.database.unit_of_work(town.id, lambda c: service.release_hold(c, town.id, kept))
    assert again.value.code == "HOLD_NOT_PENDING"


async def test_of_two_captures_at_once_one_moves_the_money(town: Town) -> None:
    hold_id = await hold(town)
    async with step(town) as first:
        await capture(town, hold_id, 1000, on=first)
        second = asyncio.create_task(capture(town, hold_id, 1000))
        await until_it_waits(town.database, second)
    assert await second == "HOLD_NOT_PENDING"
    assert await town.balance("1200 ada") == 1000
    assert (await town.verify()).ok


async def test_a_capture_retried_at_once_is_told_of_the_first(town: Town) -> None:
    hold_id = await hold(town)
    async with step(town) as first:
        taken = await capture(town, hold_id, 900, "c", on=first)
        retry = asyncio.create_task(capture(town, hold_id, 900, "c"))
        await until_it_waits(town.database, retry)
    told = await retry
    assert (told.entry_id, told.replayed) == (taken.entry_id, True)  # type: ignore[attr-defined]
    assert await capture(town, hold_id, 901, "c") == "IDEMPOTENCY_MISMATCH"
    assert await town.balance("1200 ada") == 900


async def test_holds_count_against_limits_as_if_captured(town: Town) -> None:
    account = town.accounts["1200 ada"]
    await town.database.unit_of_work(
        town.id,
        lambda c: service.set_limits(
            c, town.viewer, town.id, account, floor_minor=None, ceiling_minor=2000
        ),
    )
    await hold(town, 1500)
    with pytest.raises(Refusal) as caught:
        await hold(town, 501)
    assert caught.value.code == "LIMIT_EXCEEDED"
    assert codes(await town.post(CHARGE)) == ["LIMIT_EXCEEDED"]
    assert codes(await town.post(CHARGE.replace("12.00", "5.00"))) == [None]
    assert (await town.verify()).ok


async def test_a_month_does_not_close_over_a_pending_hold(town: Town) -> None:
    today = utc_now().date()
    await town.posted(CHARGE.replace("2026-03-14", today.isoformat()))
    hold_id = await hold(town)
    period = await town.month(today.replace(day=1))
    with pytest.raises(Refusal) as caught:
        await order(town, service.begin_close, period)
    assert caught.value.code == "PERIOD_HAS_HOLDS"
    await town.database.unit_of_work(town.id, lambda c: service.release_hold(c, town.id, hold_id))
    await order(town, service.begin_close, period)


async def test_what_a_hold_may_not_be(town: Town, elsewhere: Town) -> None:
    ada, north = town.accounts["1200 ada"], town.accounts["4000 north"]
    until = utc_now() + timedelta(hours=1)
    async with town.database.snapshot(town.id) as connection:
        [heading] = await queries.accounts_page(connection, condition=None, after=None, limit=1)
    before = await town.books()
    for wanted, code in (
        (Hold(ada, elsewhere.accounts["1000"], 5, until), "ACCOUNT_UNKNOWN"),
        (Hold(ada, ada, 5, until), "ACCOUNT_UNKNOWN"),
        (Hold(ada, town.accounts["9000 north"], 5, until), "COMMODITY_MISMATCH"),
        (Hold(ada, heading.id, 5, until), "ACCOUNT_SUMMARY"),
        (Hold(ada, north, 5, until, FundId(elsewhere.id)), "FUND_UNKNOWN"),
    ):
        with pytest.raises(Refusal) as caught:
            await town.database.unit_of_work(
                town.id, lambda c, wanted=wanted: service.place_hold(c, town.id, "ada", wanted, "")
            )
        assert caught.value.code == code
        assert await town.books() == before


async def test_an_account_does_not_close_under_a_hold_or_a_posting(town: Town) -> None:
    ada = town.accounts["1200 ada"]

    def close(day: date) -> asyncio.Task[None]:
        return asyncio.create_task(order(town, service.close_account, ada, day))

    hold_id = await hold(town)
    with pytest.raises(Refusal) as held:
        await close(date(2026, 3, 31))
    assert held.value.code == "ACCOUNT_IN_USE"
    await town.database.unit_of_work(town.id, lambda c: service.release_hold(c, town.id, hold_id))
    async with step(town) as posting:
        await post(posting, town.id, [("ada", town.drafts(CHARGE)[0])])
        closing = close(date(2026, 3, 31))
        await until_it_waits(town.database, closing)
    with pytest.raises(Refusal) as used:
        await closing
    assert used.value.code == "ACCOUNT_IN_USE"
    assert codes(await town.post(CHARGE)) == [None]
