"""The real ledger against the simple one: step by step, and a crowd replayed afterwards."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from coop.db.engine import Database
from coop.db.open import Access
from coop.kernel.clock import utc_now
from coop.kernel.errors import Refusal
from coop.ledger import queries, sealing, service
from coop.ledger.coalescer import PostingQueue
from coop.ledger.domain.entry import EntryDraft, PostingDraft, reversal_of
from coop.ledger.domain.hold import Hold
from coop.ledger.posting import PostingOutcome
from tests.ledger import model as simple
from tests.ledger.model import Model
from tests.ledger.town import Town, found_town

NAMES = ("1000", "1200 ada", "4000 north", "9000 north", "9100 ada")
DAYS = [date(2026, month, day) for month in (1, 2, 3) for day in (1, 15, 28)]
LIMITS = {"1000": (-300, None), "1200 ada": (None, 400)}


async def limited_town(database: Database) -> tuple[Town, Model]:
    """A town and its model, with the same accounts, funds and limits."""
    town = await found_town(database, *NAMES)
    await town.fund("grant")
    for name, (floor, ceiling) in LIMITS.items():
        await town.database.unit_of_work(
            town.id,
            lambda c, name=name, floor=floor, ceiling=ceiling: service.set_limits(
                c, town.viewer, town.id, town.accounts[name], floor_minor=floor, ceiling_minor=ceiling
            ),
        )  # fmt: skip
    books = Model(town.id)
    books.funds.add(town.funds["grant"])
    for name in NAMES:
        energy, side = name.startswith("9"), 1 if name[0] == "1" or name.startswith("91") else -1
        account = simple.Account(
            town.accounts[name], "kWh" if energy else "EUR", side, *LIMITS.get(name, (None, None))
        )
        books.accounts[account.id] = account
    return town, books


class Ledger(RuleBasedStateMachine):
    """Whatever is asked of both, both answer alike and hold alike."""

    access: Access

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = self.access.database()
        self.town, self.model = self.runner.run(limited_town(self.database))
        self.holds: list[UUID] = []
        self.instants: list[Any] = []

    def teardown(self) -> None:
        try:
            self.runner.run(self.agree_on_history())
        finally:
            self.runner.run(self.database.close())
            self.runner.close()

    def account(self, number: int) -> Any:
        return self.town.accounts[NAMES[number % len(NAMES)]]

    def same(self, draft: EntryDraft, outcome: PostingOutcome) -> None:
        """Post to the model what was posted, and compare what was said."""
        entry_id = outcome.entry_id or UUID(int=0)
        said = self.model.post("ada", draft, entry_id, outcome.recorded_at or utc_now())
        code = None if outcome.refusal is None else outcome.refusal.code
        path = () if outcome.refusal is None else outcome.refusal.path
        assert (said.code, said.path, said.replayed) == (code, path, outcome.replayed)
        if code is None:
            assert said.entry_id == outcome.entry_id

    @rule(
        wanted=st.lists(
            st.tuples(
                st.integers(0, 4), st.integers(0, 4), st.integers(-250, 250).filter(bool),
                st.sampled_from(DAYS), st.booleans(), st.sampled_from([None, None, "k1", "k2", "k3"]),
                st.sampled_from([0, 0, 0, 1]),
            ),
            min_size=1,
            max_size=6,
        )
    )  # fmt: skip
    def post(self, wanted: list[Any]) -> None:
        """A batch: some unbalanced, some over a limit, some under a used key."""
        drafts = []
        for debit, credit, amount, day, granted, key, off in wanted:
            fund = self.town.funds["grant"] if granted else None
            lines = (
                PostingDraft(self.account(debit), amount, fund),
                PostingDraft(self.account(credit), off - amount or 1, fund),
            )
            drafts.append(EntryDraft("test", day, f"{amount}", lines, key))
        for draft, outcome in zip(
            drafts, self.runner.run(self.town.post_drafts(drafts)), strict=True
        ):
            self.same(draft, outcome)

    @rule(
        number=st.integers(0, 50),
        day=st.sampled_from(DAYS),
        key=st.sampled_from([None, "k3", "k4"]),
    )
    def reverse(self, number: int, day: date, key: str | None) -> None:
        if not self.model.entries:
            return
        original = self.model.entries[number % len(self.model.entries)]
        draft = reversal_of(
            original.id, original.draft.postings, effective_on=day, memo="", idempotency_key=key
        )
        [outcome] = self.runner.run(self.town.post_drafts([draft]))
        self.same(draft, outcome)

    def ask(self, work: Any) -> tuple[Any, str | None]:
        try:
            return self.runner.run(self.database.unit_of_work(self.town.id, work)), None
        except Refusal as refusal:
            return None, refusal.code

    @rule(debit=st.integers(0, 2), credit=st.integers(0, 4), amount=st.integers(1, 200))
    def hold(self, debit: int, credit: int, amount: int) -> None:
        if debit == credit:
            return
        town, until = self.town, utc_now() + timedelta(hours=1)
        wanted = Hold(self.account(debit), self.account(credit), amount, until)
        hold_id, code = self.ask(lambda c: service.place_hold(c, town.id, "ada", wanted, ""))
        kept = simple.Hold(
            wanted.debit_account_id, wanted.credit_account_id, town.id, amount, until
        )
        hold_id = hold_id or UUID(int=len(self.holds) + 1)
        assert self.model.hold(hold_id, kept) == code
        if code is None:
            self.holds.append(hold_id)

    @rule(number=st.integers(0, 50), amount=st.integers(1, 250), day=st.sampled_from(DAYS))
    def capture(self, number: int, amount: int, day: date) -> None:
        if not self.holds or simple.month(day) not in self.model.periods:
            return
        hold_id = self.holds[number % len(self.holds)]
        held = self.model.holds[hold_id]
        lines = (PostingDraft(held.debit, amount), PostingDraft(held.credit, -amount))
        draft = EntryDraft("capture", day, "", lines)
        town = self.town
        outcome, code = self.ask(
            lambda c: service.capture_hold(c, town.id, "ada", hold_id, amount, draft)
        )
        entry_id = outcome.entry_id if outcome else UUID(int=0)
        at = outcome.recorded_at if outcome else utc_now()
        assert self.model.capture(hold_id, draft, entry_id, at) == code

    @rule(number=st.integers(0, 50))
    def release(self, number: int) -> None:
        if self.holds:
            hold_id = self.holds[number % len(self.holds)]
            _, code = self.ask(lambda c: service.release_hold(c, self.town.id, hold_id))
            assert self.model.release(hold_id) == code

    @rule(first=st.sampled_from(sorted({simple.month(day) for day in DAYS})))
    def close(self, first: date) -> None:
        if first not in self.model.periods:
            return
        try:
            self.runner.run(self.town.close(first))
            code = None
        except Refusal as refusal:
            code = refusal.code
        assert self.model.close(first) == code

    @rule(first=st.sampled_from(sorted({simple.month(day) for day in DAYS})), voted=st.booleans())
    def reopen(self, first: date, voted: bool) -> None:
        if first not in self.model.periods:
            return
        town, resolution = self.town, self.town.id if voted else None
        period = self.runner.run(town.month(first))
        _, code = self.ask(
            lambda c: service.reopen_period(c, town.viewer, town.id, period, resolution)
        )
        assert self.model.reopen(first, resolution) == code

    @rule()
    def remember_now(self) -> None:
        self.instants.append(utc_now())

    @rule()
    def seal(self) -> None:
        self.runner.run(self.town.seal())

    @invariant()
    def agree_on_balances(self) -> None:
        found = self.runner.run(self.balances())
        for account_id in self.model.accounts:
            row = found.get(account_id)
            sides = (row.debit_minor, row.credit_minor) if row else (0, 0)
            assert sides == self.model.sides(account_id)
            held = [self.model.pending(account_id, fund) for fund in self.model.funds]
            pending = (row.pending_debit_minor, row.pending_credit_minor) if row else (0, 0)
            assert pending == tuple(map(sum, zip(*held, strict=True)))

    async def balances(self, **how: Any) -> dict[Any, queries.BalanceRow]:
        async with self.database.snapshot(self.town.id) as connection:
            return await queries.balances_of(connection, list(self.model.accounts), **how)

    async def agree_on_history(self) -> None:
        """Every day and instant, every running balance, and the books' own word."""
        for as_of in (None, *DAYS[::2]):
            for known_at in (None, *self.instants[-2:]):
                found = await self.balances(as_of=as_of, known_at=known_at)
                for account_id in self.model.accounts:
                    row = found.get(account_id)
                    sides = (row.debit_minor, row.credit_minor) if row else (0, 0)
                    assert sides == self.model.sides(account_id, None, as_of, known_at)
        await running_agrees(self.town, self.model)
        assert (await self.town.verify()).findings == []


async def running_agrees(town: Town, model: Model) -> None:
    async with town.database.snapshot(town.id) as connection:
        for account_id in model.accounts:
            for fund in model.funds:
                page = await queries.postings_page(
                    connection, [account_id], limit=10_000, backward=True, fund_id=fund
                )
                found = [(row.entry_id, row.amount_minor, row.balance_after) for row in page]
                assert found == model.running(account_id, fund)


def test_whatever_is_asked_the_ledger_and_the_model_agree(
    access: Access, anyio_backend: str
) -> None:
    Ledger.access = access
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=15, stateful_step_count=25, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


# a crowd


def random_draft(town: Town, dice: random.Random, key: str) -> EntryDraft:
    debit, credit = dice.sample(("1000", "1200 ada", "4000 north"), 2)
    amount = dice.randint(1, 120)
    lines = (
        PostingDraft(town.accounts[debit], amount),
        PostingDraft(town.accounts[credit], -amount),
    )
    return EntryDraft("test", dice.choice(DAYS), "", lines, key)


async def writer(
    town: Town, queue: PostingQueue, seed: int
) -> list[tuple[EntryDraft, PostingOutcome]]:
    """Single postings through the queue, batches beside it, reversals of its own, keys used twice."""
    dice = random.Random(seed)
    done: list[tuple[EntryDraft, PostingOutcome]] = []
    for number in range(25):
        draft = random_draft(town, dice, f"{seed % 3}-{number}")
        taken = [entry for _, entry in done if entry.entry_id and not entry.replayed]
        if number % 5 == 4 and taken:
            original = next(one for one, entry in done if entry is taken[-1])
            draft = reversal_of(
                taken[-1].entry_id, original.postings, effective_on=draft.effective_on, memo="",
                idempotency_key=draft.idempotency_key,
            )  # fmt: skip
        if number % 6 == 5:
            more = [draft, *(random_draft(town, dice, f"{seed}-{number}-{n}") for n in range(4))]
            outcomes = await town.post_drafts(more)
            done += zip(more, outcomes, strict=True)
        else:
            done.append((draft, await queue.post(town.id, "ada", draft)))
    return done


async def history(town: Town) -> list[tuple[UUID, Any]]:
    """(entry, recorded_at) in the order of recording."""
    async with town.database.snapshot(town.id) as connection:
        rows = await connection.execute(
            text("SELECT id, recorded_at FROM journal_entry ORDER BY recorded_at, id")
        )
        return [(row.id, row.recorded_at) for row in rows]


@pytest.mark.anyio
async def test_a_crowd_on_few_accounts_is_a_history_the_model_accepts(database: Database) -> None:
    town, books = await limited_town(database)
    queue = PostingQueue(database)
    results = await asyncio.gather(
        *(writer(town, queue, seed) for seed in range(8)), seal_meanwhile(town)
    )
    drafts = {
        outcome.entry_id: replace(draft, idempotency_key=None)
        for done in results[:-1]
        for draft, outcome in done
        if outcome.refusal is None and not outcome.replayed
    }
    posted = await history(town)
    assert sorted(drafts) == sorted(entry_id for entry_id, _ in posted)
    for entry_id, recorded_at in posted:
        said = books.post("ada", drafts[entry_id], entry_id, recorded_at)
        assert said.code is None, said
    await running_agrees(town, books)
    await sealing.seal_everything(database, town.id)
    found = await town.verify()
    assert (found.findings, found.unsealed, found.sealed) == ([], 0, len(posted))
    codes = {one.refusal.code for done in results[:-1] for _, one in done if one.refusal}
    assert codes <= {"LIMIT_EXCEEDED", "IDEMPOTENCY_MISMATCH", "ALREADY_REVERSED"}


async def seal_meanwhile(town: Town) -> list[Any]:
    for _ in range(20):
        await town.seal()
        await asyncio.sleep(0)
    return []
