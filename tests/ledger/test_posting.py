"""Posting on the real database: what is taken, what is refused, and what a key promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from coop.kernel.errors import Refusal
from coop.kernel.ids import AccountId, EntryId, FundId, uuid7
from coop.kernel.money import MINOR_MAX
from coop.ledger import queries, service
from coop.ledger.domain.account import AccountType
from coop.ledger.domain.entry import EntryDraft, PostingDraft, Side
from coop.ledger.errors import BatchTooLarge
from coop.ledger.posting import BATCH_MAX, BalanceAfter, post_alone
from tests.ledger.town import Town, codes

pytestmark = pytest.mark.anyio

CHARGE = """
2026-03-14 charging  ; key=k1
  1200 ada  debit 12.00 EUR
  4000 north  credit 12.00 EUR
"""
OTHER = """
2026-03-15 charging
  1200 bob  debit 7.00 EUR
  4000 north  credit 7.00 EUR
"""


async def test_an_entry_moves_its_accounts_and_answers_their_balances(town: Town) -> None:
    [first] = await town.post(CHARGE)
    [second] = await town.post(OTHER)
    ada, bob, north = (town.accounts[name] for name in ("1200 ada", "1200 bob", "4000 north"))
    fund = FundId(town.id)
    assert first.balances == (
        BalanceAfter(ada, fund, 1200, 0, 0, 0), BalanceAfter(north, fund, 0, 1200, 0, 0),
    )  # fmt: skip
    assert second.balances == (
        BalanceAfter(bob, fund, 700, 0, 0, 0), BalanceAfter(north, fund, 0, 1900, 0, 0),
    )  # fmt: skip
    assert first.recorded_at < second.recorded_at
    assert first.entry_id < second.entry_id
    assert await town.balance("4000 north") == -1900


async def test_money_and_energy_balance_each_by_itself(town: Town) -> None:
    await town.posted(
        "2026-03-14 charging\n"
        "  1200 ada  debit 12.00 EUR\n"
        "  4000 north  credit 12.00 EUR\n"
        "  9100 ada  debit 31.500 kWh\n"
        "  9000 north  credit 31.500 kWh\n"
    )
    assert [await town.balance(name) for name in ("1200 ada", "9100 ada", "9000 north")] == [
        1200, 31500, -31500,
    ]  # fmt: skip


def pair(debit: AccountId, credit: AccountId, amount: int = 5, **changed: object) -> EntryDraft:
    lines = (PostingDraft(debit, amount), PostingDraft(credit, -amount))
    return replace(EntryDraft("test", date(2026, 3, 14), "m", lines), **changed)


def misfits(bank: AccountId, ada: AccountId, foreign_fund: FundId) -> tuple[EntryDraft, ...]:
    """Postings in unknown funds, in another's fund, in another commodity, and out of balance."""
    lines = (
        (PostingDraft(bank, 5, uuid7()), PostingDraft(ada, -5, uuid7())),
        (PostingDraft(bank, 5, foreign_fund), PostingDraft(ada, -5, foreign_fund)),
        (PostingDraft(bank, 5), PostingDraft(ada, -5, None, "kWh")),
        (PostingDraft(bank, 5), PostingDraft(ada, -4)),
    )
    return tuple(replace(pair(bank, ada), postings=postings) for postings in lines)


async def refusals(town: Town, elsewhere: Town) -> list[tuple[EntryDraft, str, tuple[str, ...]]]:
    """A draft for every way in which the books refuse, with its code and path."""
    bank, ada = town.accounts["1000"], town.accounts["1200 ada"]
    [closed, limited, gone] = [await own_account(town, code) for code in ("1990", "1991", "1992")]
    viewer, database = town.viewer, town.database
    await database.unit_of_work(
        town.id,
        lambda c: service.close_account(c, viewer, town.id, closed, date(2026, 3, 13)),
    )
    await database.unit_of_work(
        town.id,
        lambda c: service.set_limits(c, viewer, town.id, limited, floor_minor=-4, ceiling_minor=4),
    )
    async with database.snapshot(town.id) as connection:
        heading = await queries.accounts_page(connection, condition=None, after=None, limit=1)
    [reversed_id, other] = await town.posted(CHARGE.replace("  ; key=k1", "") + OTHER)
    lines = [(ada, -1200), (town.accounts["4000 north"], 1200)]
    await town.post_drafts([mirror(reversed_id, lines)])
    await town.posted("2020-01-07\n  1000  debit 1.00 EUR\n  1200 ada  credit 1.00 EUR")
    await town.close(date(2020, 1, 1))
    kwh, there = town.accounts["9100 ada"], elsewhere.accounts["1000"]

    def one(code: str, path: str, draft: EntryDraft) -> tuple[EntryDraft, str, tuple[str, ...]]:
        return draft, code, tuple(path.split("."))

    fund, foreign, unit, uneven = misfits(bank, ada, FundId(elsewhere.id))
    assert gone
    return [
        one("ENTRY_UNBALANCED", "postings", uneven),
        one("ENTRY_UNBALANCED", "postings", pair(bank, kwh)),
        one("ACCOUNT_UNKNOWN", "postings.1.accountId", pair(bank, AccountId(uuid7()))),
        one("ACCOUNT_UNKNOWN", "postings.0.accountId", pair(there, bank)),
        one("ACCOUNT_SUMMARY", "postings.1.accountId", pair(bank, heading[0].id)),
        one("ACCOUNT_CLOSED", "postings.0.accountId", pair(closed, bank)),
        one("FUND_UNKNOWN", "postings.0.fundId", fund),
        one("FUND_UNKNOWN", "postings.0.fundId", foreign),
        one("COMMODITY_MISMATCH", "postings.1.amount", unit),
        one("PERIOD_CLOSED", "effectiveOn", pair(bank, ada, effective_on=date(2020, 1, 7))),
        one("PERIOD_CLOSED", "effectiveOn", pair(bank, ada, effective_on=date(2019, 5, 7))),
        one("ENTRY_UNKNOWN", "entryId", pair(bank, ada, reverses_id=EntryId(uuid7()))),
        one("ALREADY_REVERSED", "entryId", mirror(reversed_id, lines)),
        one("REVERSAL_MISMATCH", "postings", pair(bank, ada, reverses_id=other)),
        one("REVERSAL_MISMATCH", "postings", pair(town.accounts["4000 north"], town.accounts["1200 bob"], 699, reverses_id=other)),
        one("LIMIT_EXCEEDED", "postings.0.amount", pair(limited, bank)),
        one("LIMIT_EXCEEDED", "postings.1.amount", pair(bank, limited)),
    ]  # fmt: skip


def mirror(entry_id: EntryId, lines: list[tuple[AccountId, int]]) -> EntryDraft:
    """A reversal of an entry that had these lines, on the other side."""
    postings = tuple(PostingDraft(account, amount) for account, amount in lines)
    return EntryDraft("reversal", date(2026, 3, 16), "", postings, reverses_id=entry_id)


async def own_account(town: Town, code: str) -> AccountId:
    wanted = service.NewAccount(code, f"Own {code}", AccountType.ASSET, Side.DEBIT, "EUR")
    found = await town.database.unit_of_work(
        town.id, lambda c: service.open_account(c, town.viewer, town.id, wanted)
    )
    town.accounts[code] = found
    return found


async def test_every_refusal_alone_and_among_neighbours(town: Town, elsewhere: Town) -> None:
    cases = await refusals(town, elsewhere)
    before = await town.books()
    for draft, code, path in cases:
        [outcome] = await town.post_drafts([draft])
        assert outcome.refusal is not None, code
        assert (outcome.refusal.code, outcome.refusal.path) == (code, path)
        assert outcome.entry_id is None
        assert await town.books() == before, code
    sound = pair(town.accounts["1000"], town.accounts["1200 ada"])
    mixed = [draft for refused, _, _ in cases for draft in (refused, sound)]
    expected = [code for _, refused, _ in cases for code in (refused, None)]
    balance = await town.balance("1000")
    assert codes(await town.post_drafts(mixed)) == expected
    assert await town.balance("1000") == balance + 5 * len(cases)
    assert (await town.verify()).ok


async def test_an_entry_alone_is_too_short_and_a_posting_of_nothing_is_none(town: Town) -> None:
    """Such drafts cannot be made in Python; the function says the same to whoever calls it."""
    bank = town.accounts["1000"]
    draft = pair(bank, town.accounts["1200 ada"])
    object.__setattr__(draft, "postings", (PostingDraft(bank, 0), PostingDraft(bank, 0)))
    [zero] = await town.post_drafts([draft])
    assert (zero.refusal.code, zero.refusal.path) == ("AMOUNT_ZERO", ("postings", "0", "amount"))
    object.__setattr__(draft, "postings", (PostingDraft(bank, 5),))
    [short] = await town.post_drafts([draft])
    assert short.refusal.code == "ENTRY_UNBALANCED"


async def test_more_than_a_thousand_at_once_is_refused(town: Town) -> None:
    draft = pair(town.accounts["1000"], town.accounts["1200 ada"])
    before = await town.books()
    with pytest.raises(BatchTooLarge):
        await town.post_drafts([draft] * (BATCH_MAX + 1))
    assert await town.books() == before


async def test_what_a_balance_cannot_count_is_refused_and_its_neighbour_is_not(town: Town) -> None:
    vast = pair(town.accounts["1000"], town.accounts["1200 ada"], MINOR_MAX)
    small = pair(town.accounts["1000"], town.accounts["1200 bob"])
    assert codes(await town.post_drafts([vast] * 970)) == [None] * 970
    outcomes = await town.post_drafts([vast, small, vast] * 5 + [vast] * 10)
    refused = codes(outcomes)
    assert refused[:3] == [None, None, None]
    assert refused.count("AMOUNT_OVERFLOW") == 15
    assert refused[1:15:3] == [None] * 5
    assert outcomes[-1].refusal.path == ("postings", "0", "amount")
    assert await town.balance("1000") == 975 * MINOR_MAX + 25
    assert (await town.verify()).ok


# keys


async def test_the_same_request_again_is_told_the_same(town: Town) -> None:
    [first] = await town.post(CHARGE)
    before = await town.books("idempotency")
    [again] = await town.post(CHARGE)
    assert (again.entry_id, again.recorded_at, again.refusal) == (
        first.entry_id,
        first.recorded_at,
        None,
    )
    assert (first.replayed, again.replayed) == (False, True)
    assert await town.books("idempotency") == before


async def test_the_same_key_for_another_request_is_refused(town: Town) -> None:
    await town.posted(CHARGE)
    before = await town.books("idempotency")
    for other in (
        CHARGE.replace("12.00", "13.00"),
        CHARGE.replace("charging", "x"),
        CHARGE.replace("14", "15"),
    ):
        [outcome] = await town.post(other)
        assert (outcome.refusal.code, outcome.refusal.path) == (
            "IDEMPOTENCY_MISMATCH",
            ("idempotencyKey",),
        )
        assert not outcome.replayed
    assert await town.books("idempotency") == before


async def test_a_key_is_its_actors_own(town: Town, elsewhere: Town) -> None:
    [first] = await town.post(CHARGE, actor="ada")
    [second] = await town.post(CHARGE, actor="bob")
    [third] = await elsewhere.post(CHARGE, actor="ada")
    assert len({first.entry_id, second.entry_id, third.entry_id}) == 3


async def test_a_refusal_is_replayed_even_when_it_would_be_taken_now(town: Town) -> None:
    limited = await own_account(town, "1991")
    await town.database.unit_of_work(
        town.id,
        lambda c: service.set_limits(
            c, town.viewer, town.id, limited, floor_minor=None, ceiling_minor=4
        ),
    )
    draft = pair(limited, town.accounts["1000"], idempotency_key="k")
    [first] = await town.post_drafts([draft])
    await town.database.unit_of_work(
        town.id,
        lambda c: service.set_limits(
            c, town.viewer, town.id, limited, floor_minor=None, ceiling_minor=None
        ),
    )
    before = await town.books("idempotency")
    [again] = await town.post_drafts([draft])
    assert codes([first, again]) == ["LIMIT_EXCEEDED"] * 2
    assert again.refusal.path == first.refusal.path
    assert again.replayed
    assert await town.books("idempotency") == before


async def test_an_entry_is_replayed_after_its_month_was_closed(town: Town) -> None:
    [first] = await town.post(CHARGE)
    await town.close(date(2026, 3, 1))
    [again] = await town.post(CHARGE)
    assert (again.entry_id, again.replayed, again.refusal) == (first.entry_id, True, None)


async def test_twins_in_one_batch_are_one_entry(town: Town) -> None:
    first, twin, other = await town.post(CHARGE + CHARGE + CHARGE.replace("12.00", "1.00"))
    assert (first.replayed, twin.replayed) == (False, True)
    assert first.entry_id == twin.entry_id
    assert other.refusal.code == "IDEMPOTENCY_MISMATCH"
    assert await town.balance("1200 ada") == 1200


async def test_refused_twins_in_one_batch_are_refused_alike(town: Town) -> None:
    limited = await own_account(town, "1991")
    await town.database.unit_of_work(
        town.id,
        lambda c: service.set_limits(
            c, town.viewer, town.id, limited, floor_minor=None, ceiling_minor=4
        ),
    )
    draft = pair(limited, town.accounts["1000"], idempotency_key="k")
    outcomes = await town.post_drafts([draft, draft])
    assert codes(outcomes) == ["LIMIT_EXCEEDED"] * 2
    assert [one.replayed for one in outcomes] == [False, True]


async def test_a_reversal_is_replayed_not_refused_as_a_second_one(town: Town) -> None:
    [entry_id] = await town.posted(CHARGE)
    draft = replace(
        mirror(entry_id, [(town.accounts["1200 ada"], -1200), (town.accounts["4000 north"], 1200)]),
        idempotency_key="r",
    )
    [first] = await town.post_drafts([draft])
    [again] = await town.post_drafts([draft])
    assert first.refusal is again.refusal is None
    assert (again.entry_id, again.replayed) == (first.entry_id, True)
    assert await town.balance("1200 ada") == 0


async def test_what_limits_allow_is_judged_in_order_of_arrival(town: Town) -> None:
    limited = await own_account(town, "1991")
    await town.database.unit_of_work(
        town.id,
        lambda c: service.set_limits(
            c, town.viewer, town.id, limited, floor_minor=0, ceiling_minor=10
        ),
    )
    bank = town.accounts["1000"]
    amounts = [6, 6, 4, 1, -3, 3, -11]
    drafts = [pair(limited, bank, n) if n > 0 else pair(bank, limited, -n) for n in amounts]
    assert codes(await town.post_drafts(drafts)) == [
        None, "LIMIT_EXCEEDED", None, "LIMIT_EXCEEDED", None, None, "LIMIT_EXCEEDED",
    ]  # fmt: skip
    assert await town.balance("1991") == 10


# one round trip


@pytest.mark.parametrize("count", [1, BATCH_MAX])
async def test_one_statement_posts_one_entry_or_a_thousand(town: Town, count: int) -> None:
    draft = pair(town.accounts["1000"], town.accounts["1200 ada"])
    drafts = [("ada", replace(draft, idempotency_key=f"k{n}")) for n in range(count)]
    pool = await town.database.posting_pool()
    sent: list[str] = []
    async with pool.acquire() as connection:
        # The first call of a connection also asks what an array of dates looks like.
        await post_alone(connection, town.id, [("bob", draft)])
        with connection.query_logger(lambda record: sent.append(record.query)):
            outcomes = await post_alone(connection, town.id, drafts, want_balances=True)
    assert len(sent) == 1
    assert codes(outcomes) == [None] * count
    assert await town.balance("1000") == 5 * count + 5


async def test_one_statement_inside_a_unit_of_work(town: Town) -> None:
    before = town.database.statements
    await town.post(CHARGE)
    # SET LOCAL and SET CONSTRAINTS frame it; the call itself goes past SQLAlchemy.
    assert town.database.statements - before == 2


# accounts of one's own


async def test_accounts_open_and_close(town: Town) -> None:
    account = await own_account(town, "1990")
    with pytest.raises(Refusal) as taken:
        await own_account(town, "1990")
    assert taken.value.code == "ACCOUNT_EXISTS"
    with pytest.raises(Refusal) as template:
        await own_account(town, "1000")
    assert template.value.code == "ACCOUNT_EXISTS"
    for code in ("99", "19x0", "123456789", ""):
        with pytest.raises(Refusal) as odd:
            await own_account(town, code)
        assert (odd.value.code, odd.value.path) == ("INVALID_VALUE", ("code",))

    async def close(on: date) -> str | None:
        try:
            await town.database.unit_of_work(
                town.id, lambda c: service.close_account(c, town.viewer, town.id, account, on)
            )
        except Refusal as refusal:
            return refusal.code
        return None

    await town.posted("2026-03-14\n  1990  debit 1.00 EUR\n  1000  credit 1.00 EUR")
    assert await close(date(2026, 3, 20)) == "ACCOUNT_IN_USE"
    await town.posted("2026-03-15\n  1990  credit 1.00 EUR\n  1000  debit 1.00 EUR")
    assert await close(date(2026, 3, 14)) == "ACCOUNT_IN_USE"
    assert await close(date(2026, 3, 15)) is None
    assert await close(date(2026, 3, 15)) == "ACCOUNT_CLOSED"
    [late] = await town.post("2026-03-16\n  1990  debit 1.00 EUR\n  1000  credit 1.00 EUR")
    assert late.refusal.code == "ACCOUNT_CLOSED"
