"""Two at once, step by step: one holds a transaction open, the other waits, and then both are right."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.kernel.clock import utc_now
from coop.kernel.errors import Refusal
from coop.kernel.ids import EntryId, FundId
from coop.ledger import queries, service
from coop.ledger.coalescer import PostingQueue
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.domain.hold import Hold
from coop.ledger.errors import QueueFull
from coop.ledger.posting import post
from tests.ledger.town import Town, codes, step, until_it_waits

pytestmark = pytest.mark.anyio

CHARGE = """
2026-03-14 charging
  1200 ada  debit 12.00 EUR
  4000 north  credit 12.00 EUR
"""


def reversal(town: Town, entry_id: EntryId, key: str | None = None) -> EntryDraft:
    lines = (
        PostingDraft(town.accounts["1200 ada"], -1200),
        PostingDraft(town.accounts["4000 north"], 1200),
    )
    return EntryDraft("reversal", date(2026, 3, 15), "", lines, key, reverses_id=entry_id)


async def test_of_two_reversals_at_once_one_is_taken(town: Town) -> None:
    [entry_id] = await town.posted(CHARGE)
    async with step(town) as first:
        taken = await post(first, town.id, [("ada", reversal(town, entry_id))])
        second = asyncio.create_task(town.post_drafts([reversal(town, entry_id)]))
        await until_it_waits(town.database, second)
    assert codes(taken) == [None]
    assert codes(await second) == ["ALREADY_REVERSED"]
    assert await town.balance("1200 ada") == 0
    assert (await town.verify()).ok


async def test_when_the_first_reversal_is_given_up_the_second_is_taken(town: Town) -> None:
    [entry_id] = await town.posted(CHARGE)
    async with step(town) as first:
        await post(first, town.id, [("ada", reversal(town, entry_id))])
        second = asyncio.create_task(town.post_drafts([reversal(town, entry_id)]))
        await until_it_waits(town.database, second)
        await first.rollback()
    assert codes(await second) == [None]
    assert await town.balance("1200 ada") == 0


async def test_a_twin_waits_for_the_first_and_is_told_the_same(town: Town) -> None:
    [draft] = town.drafts(CHARGE)
    keyed = replace(draft, idempotency_key="k")
    async with step(town) as first:
        [taken] = await post(first, town.id, [("ada", keyed)])
        twin = asyncio.create_task(town.post_drafts([keyed]))
        other = asyncio.create_task(town.post_drafts([replace(keyed, memo="another")]))
        await until_it_waits(town.database, twin)
    [told] = await twin
    assert (told.entry_id, told.replayed) == (taken.entry_id, True)
    assert codes(await other) == ["IDEMPOTENCY_MISMATCH"]
    assert await town.balance("1200 ada") == 1200


async def test_when_the_first_twin_is_given_up_the_second_posts(town: Town) -> None:
    [draft] = town.drafts(CHARGE)
    keyed = replace(draft, idempotency_key="k")
    async with step(town) as first:
        await post(first, town.id, [("ada", keyed)])
        twin = asyncio.create_task(town.post_drafts([keyed]))
        await until_it_waits(town.database, twin)
        await first.rollback()
    [told] = await twin
    assert (told.replayed, told.refusal) == (False, None)
    assert await town.balance("1200 ada") == 1200


async def test_closing_waits_for_a_posting_under_way(town: Town) -> None:
    await town.posted(CHARGE)
    period = await town.month(date(2026, 3, 1))
    async with step(town) as posting:
        taken = await post(posting, town.id, [("ada", town.drafts(CHARGE)[0])])
        closing = asyncio.create_task(order(town, service.begin_close, period))
        await until_it_waits(town.database, closing)
    await closing
    assert codes(taken) == [None]
    assert codes(await town.post(CHARGE)) == ["PERIOD_CLOSED"]
    seal = await town.seal()
    await order(town, service.finish_close, period, seal)
    assert await town.balance("1200 ada", as_of=date(2026, 3, 31)) == 2400
    assert (await town.verify()).ok


async def order(town: Town, what: object, *given: object) -> None:
    await town.database.unit_of_work(town.id, lambda c: what(c, town.viewer, town.id, *given))  # type: ignore[operator]


async def test_a_posting_waits_for_a_close_and_is_then_refused(town: Town) -> None:
    await town.posted(CHARGE)
    period = await town.month(date(2026, 3, 1))
    async with step(town) as closing:
        await service.begin_close(closing, town.viewer, town.id, period)
        posting = asyncio.create_task(town.post(CHARGE))
        await until_it_waits(town.database, posting)
    assert codes(await posting) == ["PERIOD_CLOSED"]
    assert await town.balance("1200 ada") == 1200


async def test_an_abandoned_close_lets_the_posting_in(town: Town) -> None:
    await town.posted(CHARGE)
    period = await town.month(date(2026, 3, 1))
    await order(town, service.begin_close, period)
    assert codes(await town.post(CHARGE)) == ["PERIOD_CLOSED"]
    await order(town, service.abandon_close, period)
    assert codes(await town.post(CHARGE)) == [None]
    with pytest.raises(Refusal) as caught:
        await order(town, service.abandon_close, period)
    assert caught.value.code == "PERIOD_NOT_OPEN"


async def test_a_limit_is_not_passed_by_two_at_once(town: Town) -> None:
    account = town.accounts["1200 ada"]
    await town.database.unit_of_work(
        town.id,
        lambda c: service.set_limits(
            c, town.viewer, town.id, account, floor_minor=None, ceiling_minor=2000
        ),
    )
    async with step(town) as first:
        taken = await post(first, town.id, [("ada", town.drafts(CHARGE)[0])])
        second = asyncio.create_task(town.post(CHARGE))
        await until_it_waits(town.database, second)
    assert codes(taken) == [None]
    assert codes(await second) == ["LIMIT_EXCEEDED"]
    assert await town.balance("1200 ada") == 1200


async def test_a_limit_set_meanwhile_counts_for_who_waits(town: Town) -> None:
    account = town.accounts["1200 ada"]
    async with step(town) as setting:
        await service.set_limits(
            setting, town.viewer, town.id, account, floor_minor=None, ceiling_minor=1000
        )
        posting = asyncio.create_task(town.post(CHARGE))
        await until_it_waits(town.database, posting)
    assert codes(await posting) == ["LIMIT_EXCEEDED"]


# holds


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


# the queue


async def test_many_at_once_go_in_few_calls_each_with_its_own_answer(town: Town) -> None:
    queue = PostingQueue(town.database)
    [draft] = town.drafts(CHARGE)
    [bad] = town.drafts(CHARGE.replace("credit 12.00", "credit 11.00"))
    wanted = [replace(bad if n % 7 == 3 else draft, idempotency_key=f"k{n}") for n in range(200)]
    outcomes = await asyncio.gather(*(queue.post(town.id, "ada", one) for one in wanted))
    expected = ["ENTRY_UNBALANCED" if n % 7 == 3 else None for n in range(200)]
    assert codes(outcomes) == expected
    assert queue.calls <= 3
    assert queue.waiting == 0
    assert await town.balance("1200 ada") == 1200 * expected.count(None)
    after = [one.balances[0].debit_minor for one in outcomes if one.balances]
    assert after == sorted(after)
    assert (await town.verify()).ok


async def test_two_reversals_in_the_queue_go_one_after_the_other(town: Town) -> None:
    [entry_id] = await town.posted(CHARGE)
    queue = PostingQueue(town.database)
    outcomes = await asyncio.gather(
        *(queue.post(town.id, "ada", reversal(town, entry_id, f"r{n}")) for n in range(3))
    )
    assert codes(outcomes) == [None, "ALREADY_REVERSED", "ALREADY_REVERSED"]
    assert await town.balance("1200 ada") == 0


async def test_a_full_queue_accepts_nothing_more(town: Town) -> None:
    queue = PostingQueue(town.database, waiting_max=2)
    [draft] = town.drafts(CHARGE)
    waiting = [asyncio.create_task(queue.post(town.id, "ada", draft)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(QueueFull):
        await queue.post(town.id, "ada", draft)
    await asyncio.gather(*waiting)
    assert await town.balance("1200 ada") == 2400


async def test_a_caller_who_gives_up_does_not_undo_the_posting(town: Town) -> None:
    queue = PostingQueue(town.database)
    [draft] = town.drafts(CHARGE)
    async with step(town) as first:
        await post(first, town.id, [("ada", replace(draft, idempotency_key="k"))])
        given_up = asyncio.create_task(
            queue.post(town.id, "ada", replace(draft, idempotency_key="k"))
        )
        await until_it_waits(town.database, given_up)
        given_up.cancel()
    again = await queue.post(town.id, "ada", replace(draft, idempotency_key="k"))
    assert again.replayed
    assert await town.balance("1200 ada") == 1200


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


async def test_books_verify_at_any_moment_while_they_are_written_and_sealed(town: Town) -> None:
    queue = PostingQueue(town.database)
    [draft] = town.drafts(CHARGE)

    async def write() -> None:
        for _ in range(60):
            await queue.post(town.id, "ada", draft)

    async def look() -> list[bool]:
        return [(await town.verify()).ok for _ in range(8)]

    async def seal() -> None:
        for _ in range(8):
            await town.seal()

    _, _, first, _, second = await asyncio.gather(write(), write(), look(), seal(), look())
    assert first + second == [True] * 16


async def test_a_ring_of_two_units_of_work_is_broken_and_both_are_done(town: Town) -> None:
    """Each holds what the other wants next; PostgreSQL ends one, and it is done again."""
    await town.open("1010")
    await town.posted(CHARGE)  # the month is there: making it would let only one of them in
    first = "2026-03-14\n  1200 ada  debit 1.00 EUR\n  1000  credit 1.00 EUR\n"
    second = "2026-03-14\n  1200 bob  debit 1.00 EUR\n  1010  credit 1.00 EUR\n"
    meeting = asyncio.Barrier(2)
    attempts: list[str] = []

    async def both(name: str, journals: tuple[str, str]) -> None:
        async def work(connection: AsyncConnection) -> None:
            attempts.append(name)
            await post(connection, town.id, [("ada", town.drafts(journals[0])[0])])
            if attempts.count(name) == 1:
                await meeting.wait()
            await post(connection, town.id, [("ada", town.drafts(journals[1])[0])])

        await town.database.unit_of_work(town.id, work)

    await asyncio.gather(both("one", (first, second)), both("two", (second, first)))
    assert sorted(attempts) in (["one", "one", "two"], ["one", "two", "two"])
    assert [await town.balance(name) for name in ("1200 ada", "1200 bob", "1000", "1010")] == [
        1400, 200, -200, -200,
    ]  # fmt: skip
    assert (await town.verify()).ok
