"""What the house may ask of the ledger. Nothing here commits: the caller's unit of work does.

    open_books, accounts_for, open_fund     what there is to post to
    post_entries, reverse_entry             the journal (sql/post_entries.sql tells how)
    place_hold, capture_hold, …             money set aside
    begin_close, finish_close, reopen       months; sealing lies between the first two (sealing.py)

Whether a viewer may is asked here, before anything is read for writing; other rooms that post on
the house's own account (charging, billing) have asked their own question and call `post_entries`
with the actor they act for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.db.refusals import register
from coop.kernel.clock import utc_now
from coop.kernel.ids import CooperativeId, EntryId, FundId, HubId, uuid7
from coop.ledger import queries
from coop.ledger.accounts import (
    UNRESTRICTED,
    AccountKey,
    NewAccount,
    accounts_for,
    close_account,
    open_account,
    open_books,
    open_fund,
    set_limits,
)
from coop.ledger.domain import balance, statements
from coop.ledger.domain.balance import TrialBalance
from coop.ledger.domain.entry import EntryDraft, PostingDraft, request_hash, reversal_of
from coop.ledger.domain.hold import Hold
from coop.ledger.domain.statements import FinancialStatement
from coop.ledger.errors import (
    AccountClosed,
    AccountExists,
    AccountInUse,
    AccountSummary,
    AccountUnknown,
    AmountZero,
    CommodityMismatch,
    EntryUnknown,
    FundUnknown,
    HoldExpired,
    HoldNotPending,
    HoldTooSmall,
    HoldUnknown,
    LimitExceeded,
    PeriodHasHolds,
    PeriodNotClosed,
    PeriodNotOpen,
    PeriodOrder,
    PeriodUnknown,
    PeriodUnsealed,
    ResolutionRequired,
)
from coop.ledger.posting import PostingOutcome, post, stored_refusal
from coop.members.domain.policy import Action, require
from coop.members.domain.roles import Viewer

__all__ = [
    "UNRESTRICTED",
    "AccountKey",
    "NewAccount",
    "abandon_close",
    "accounts_for",
    "balance_sheet",
    "begin_close",
    "capture_hold",
    "close_account",
    "expire_holds",
    "finish_close",
    "income_statement",
    "open_account",
    "open_books",
    "open_fund",
    "place_hold",
    "post_entries",
    "release_hold",
    "reopen_period",
    "reversal_draft",
    "set_limits",
    "trial_balance",
]

# What the database refuses by name, in words.
for _constraint, _kind, _message in (
    ("fk_posting_account", AccountUnknown, "There is no such account."),
    ("fk_posting_fund", FundUnknown, "There is no such fund."),
    ("fk_balance_fund", FundUnknown, "There is no such fund."),
    ("uq_account_code", AccountExists, "There is such an account already."),
    ("account_open", AccountClosed, "The account is closed already."),
    ("account_empty", AccountInUse, "The account holds something, or awaits it."),
    ("account_unused", AccountInUse, "The account has postings of a later day."),
    ("posting_commodity", CommodityMismatch, "The accounts do not keep the same commodity."),
    ("posting_not_summary", AccountSummary, "The account is a heading and takes no postings."),
    ("posting_account_open", AccountClosed, "The account is not open on that day."),
    ("ck_balance_floor", LimitExceeded, "The account's floor leaves too little available."),
    ("ck_balance_ceiling", LimitExceeded, "The account's ceiling leaves too little room."),
    ("hold_known", HoldUnknown, "There is no such hold."),
    ("hold_pending", HoldNotPending, "The hold is settled already."),
    ("hold_not_expired", HoldExpired, "The hold's deadline has passed."),
    ("hold_expired", HoldNotPending, "The hold's deadline has not passed."),
    ("hold_enough", HoldTooSmall, "More would be captured than was held."),
    ("period_known", PeriodUnknown, "There is no such period."),
    ("period_open", PeriodNotOpen, "Only an open period can be closed."),
    ("period_closing", PeriodNotOpen, "No close of that period is under way."),
    ("period_closed", PeriodNotClosed, "Only a closed period can be reopened."),
    ("period_order", PeriodOrder, "Periods close oldest first and reopen newest first."),
    ("period_sealed", PeriodUnsealed, "Entries of that period still wait for their seal."),
    ("period_without_holds", PeriodHasHolds, "Money is still held in that period."),
    ("period_resolution", ResolutionRequired, "Only a resolution reopens a closed period."),
):
    register(_constraint, _kind, _message)


async def post_entries(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    actor: str,
    drafts: Sequence[EntryDraft],
) -> list[PostingOutcome]:
    """Post up to a thousand drafts, each with its own outcome, on the word of the calling room."""
    return await post(connection, cooperative_id, [(actor, draft) for draft in drafts])


async def reversal_draft(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    entry_id: EntryId,
    *,
    effective_on: date,
    memo: str,
    idempotency_key: str | None,
) -> EntryDraft:
    """The mirror of a stored entry, to be posted like any draft.

    Refuses NOT_FOUND, FORBIDDEN, ENTRY_UNKNOWN.
    """
    require(viewer, Action.ENTRY_REVERSE, cooperative_id)
    lines = (await queries.postings_of_entries(connection, [entry_id])).get(entry_id)
    if not lines:
        raise EntryUnknown("There is no such entry.", ("entryId",))
    originals = [PostingDraft(line.account_id, line.amount_minor, line.fund_id) for line in lines]
    return reversal_of(
        entry_id, originals, effective_on=effective_on, memo=memo, idempotency_key=idempotency_key
    )


async def place_hold(
    connection: AsyncConnection, cooperative_id: CooperativeId, actor: str, hold: Hold, memo: str
) -> UUID:
    """Set an amount aside; answers the hold's id. Refuses LIMIT_EXCEEDED, ACCOUNT_UNKNOWN."""
    hold_id = uuid7()
    await connection.execute(
        select(
            func.place_hold(
                cooperative_id, hold_id, actor, hold.debit_account_id, hold.credit_account_id,
                hold.fund_id, hold.amount_minor, memo, hold.expires_at,
            )
        )
    )  # fmt: skip
    return hold_id


async def capture_hold(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    actor: str,
    hold_id: UUID,
    amount_minor: int,
    draft: EntryDraft,
) -> PostingOutcome:
    """Move `amount_minor` of what was held by an entry with the draft's kind, memo, day and key.

    The rest is free again. Refuses AMOUNT_ZERO for nothing or less, HOLD_UNKNOWN, HOLD_NOT_PENDING,
    HOLD_EXPIRED, HOLD_TOO_SMALL and whatever an entry may be refused for; the hold then stands as
    it stood. A retry under the same key is a replay.
    """
    if amount_minor <= 0:
        raise AmountZero("A capture moves something; to move nothing, release.", ("amount",))
    row = (
        await connection.execute(
            text(
                "SELECT entry_id, recorded_at, replayed, refusal::text AS refusal "
                "FROM capture_hold(:cooperative, :hold, :amount, :actor, :kind, :memo, "
                ":effective_on, :key, :hash)"
            ),
            {
                "cooperative": cooperative_id, "hold": hold_id, "amount": amount_minor,
                "actor": actor,
                "kind": draft.kind, "memo": draft.memo, "effective_on": draft.effective_on,
                "key": draft.idempotency_key, "hash": request_hash(draft),
            },
        )
    ).one()  # fmt: skip
    if row.refusal is not None:
        raise stored_refusal(row.refusal)
    return PostingOutcome(EntryId(row.entry_id), row.recorded_at, row.replayed, None)


async def release_hold(
    connection: AsyncConnection, cooperative_id: CooperativeId, hold_id: UUID
) -> None:
    """Let go of what was held. Refuses HOLD_UNKNOWN, HOLD_NOT_PENDING."""
    await connection.execute(select(func.release_hold(cooperative_id, hold_id, "released")))


async def expire_holds(connection: AsyncConnection, cooperative_id: CooperativeId) -> int:
    """Let go of every hold whose deadline has passed; answers how many."""
    overdue = await queries.overdue_holds(connection)
    for hold_id in overdue:
        await connection.execute(select(func.release_hold(cooperative_id, hold_id, "expired")))
    return len(overdue)


async def begin_close(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId, period_id: UUID
) -> None:
    """Put up the fence around a month: open → closing.

    Refuses FORBIDDEN, PERIOD_UNKNOWN, PERIOD_NOT_OPEN, PERIOD_ORDER, PERIOD_HAS_HOLDS.
    """
    require(viewer, Action.PERIOD_CLOSE, cooperative_id)
    await connection.execute(select(func.begin_close(cooperative_id, period_id)))


async def finish_close(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    period_id: UUID,
    seal_number: int,
) -> None:
    """Keep the closing balances under the seal that covers the month: closing → closed.

    Refuses FORBIDDEN, PERIOD_NOT_OPEN, PERIOD_UNSEALED.
    """
    require(viewer, Action.PERIOD_CLOSE, cooperative_id)
    await connection.execute(
        select(func.finish_close(cooperative_id, period_id, viewer.subject, seal_number))
    )


async def reopen_period(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    period_id: UUID,
    resolution_id: UUID | None,
) -> None:
    """Open a closed month again, by resolution. What was sealed and kept at its close stays."""
    require(viewer, Action.PERIOD_CLOSE, cooperative_id)
    await connection.execute(select(func.reopen_period(cooperative_id, period_id, resolution_id)))


async def abandon_close(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId, period_id: UUID
) -> None:
    """Take the fence down again before the month is closed: closing → open."""
    require(viewer, Action.PERIOD_CLOSE, cooperative_id)
    await connection.execute(select(func.abandon_close(cooperative_id, period_id)))


async def trial_balance(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    as_of: date,
    known_at: datetime | None = None,
    *,
    fund_id: FundId | None = None,
) -> TrialBalance:
    """Every account's sums at the end of `as_of`, as known at `known_at` (None: now)."""
    require(viewer, Action.BOOKS_READ, cooperative_id)
    sums = await queries.account_sums(
        connection, until_on=_next_day(as_of), known_at=known_at, fund_id=fund_id
    )
    return balance.trial_balance(sums, as_of, known_at or utc_now())


async def balance_sheet(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    as_of: date,
    known_at: datetime | None = None,
    *,
    fund_id: FundId | None = None,
) -> FinancialStatement:
    """What there is, what is owed and whose it is, at the end of `as_of`."""
    require(viewer, Action.BOOKS_READ, cooperative_id)
    sums = await queries.account_sums(
        connection, until_on=_next_day(as_of), known_at=known_at, fund_id=fund_id
    )
    return statements.balance_sheet(sums, as_of, known_at or utc_now())


async def income_statement(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    starts_on: date,
    as_of: date,
    known_at: datetime | None = None,
    *,
    fund_id: FundId | None = None,
    hub_id: HubId | None = None,
) -> FinancialStatement:
    """What was earned and spent from `starts_on` to the end of `as_of`, of one hub or of all."""
    require(viewer, Action.BOOKS_READ, cooperative_id)
    sums = await queries.account_sums(
        connection,
        from_on=starts_on,
        until_on=_next_day(as_of),
        known_at=known_at,
        fund_id=fund_id,
        hub_id=hub_id,
    )
    return statements.income_statement(sums, starts_on, as_of, known_at or utc_now())


def _next_day(day: date) -> date:
    return day + timedelta(days=1)
