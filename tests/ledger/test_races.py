"""Two at once, step by step: one holds a transaction open, the other waits, and then both are right."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.kernel.errors import Refusal
from coop.kernel.ids import EntryId
from coop.ledger import service
from coop.ledger.coalescer import PostingQueue
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.errors import QueueFull
from coop.ledger.posting import post
from tests.ledger.town import Town, codes, order, step, until_it_waits

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
