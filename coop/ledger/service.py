"""What the house may ask of the ledger. Nothing here commits: the caller's unit of work does.

    open_books, accounts_for, open_fund     what there is to post to
    post_entries, reverse_entry             the journal (sql/post_entries.sql tells how)
    place_hold, capture_hold, …             money set aside
    begin_close, finish_close, reopen       months; sealing lies between the first two (sealing.py)

Whether a viewer may is asked here, before anything is read for writing; other rooms that post on the house's own
account (charging, billing) have asked their own question and call `post_entries` with the actor they act for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.db.refusals import register
from coop.kernel.energy import KWH_SCALE
from coop.kernel.ids import AccountId, CooperativeId, EntryId, FundId, HubId, MemberId, uuid7
from coop.kernel.money import currency_scale
from coop.ledger import queries, tables
from coop.ledger.domain.account import Dimension
from coop.ledger.domain.chart import ACCOUNTS, ENERGY, HEADINGS, ChartLine, chart_line
from coop.ledger.domain.entry import EARLIEST, EntryDraft, PostingDraft, request_hash, reversal_of
from coop.ledger.domain.hold import Hold
from coop.ledger.errors import (
    AccountClosed,
    AccountSummary,
    AccountUnknown,
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
    ResolutionRequired,
)
from coop.ledger.posting import PostingOutcome, post, stored_refusal
from coop.members.domain.policy import Action, require
from coop.members.domain.roles import Viewer

UNRESTRICTED = "UNRESTRICTED"

# What the database refuses by name, in words.
for _constraint, _kind, _message in (
    ("fk_posting_account", AccountUnknown, "There is no such account."),
    ("fk_posting_fund", FundUnknown, "There is no such fund."),
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
    ("period_without_holds", PeriodHasHolds, "Money is still held in that period."),
    ("period_resolution", ResolutionRequired, "Only a resolution reopens a closed period."),
):
    register(_constraint, _kind, _message)


@dataclass(frozen=True, slots=True)
class AccountKey:
    """Which account of the chart: its code, and the member, hub or year it is opened for."""

    code: str
    member_id: MemberId | None = None
    hub_id: HubId | None = None
    vintage: int | None = None


async def open_books(
    connection: AsyncConnection, cooperative_id: CooperativeId, currency: str
) -> None:
    """Give a new cooperative its commodities, its unrestricted fund and the template's accounts.

    Accounts kept per member, hub or year are opened when they are first met (`accounts_for`). Doing it again
    changes nothing.
    """
    commodities = [(currency, "currency", currency_scale(currency)), (ENERGY, "energy", KWH_SCALE)]
    await connection.execute(
        insert(tables.commodity).on_conflict_do_nothing(),
        [
            {"cooperative_id": cooperative_id, "code": code, "kind": kind, "scale": scale}
            for code, kind, scale in commodities
        ],
    )
    await open_fund(
        connection, cooperative_id, UNRESTRICTED, "Unrestricted", fund_id=FundId(cooperative_id)
    )
    plain = [line for line in (*HEADINGS, *ACCOUNTS) if line.dimension is Dimension.NONE]
    await _open_accounts(
        connection, cooperative_id, currency, [(AccountKey(line.code), line) for line in plain]
    )


async def open_fund(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    code: str,
    name: str,
    *,
    restriction: str = "none",
    fund_id: FundId | None = None,
) -> FundId:
    """Open a fund, or find the one that has this code."""
    statement = insert(tables.fund).values(
        cooperative_id=cooperative_id,
        id=fund_id or uuid7(),
        code=code,
        name=name,
        restriction=restriction,
    )
    await connection.execute(statement.on_conflict_do_nothing())
    found = await connection.execute(select(tables.fund.c.id).where(tables.fund.c.code == code))
    return FundId(found.scalar_one())


async def accounts_for(
    connection: AsyncConnection, cooperative_id: CooperativeId, keys: Iterable[AccountKey]
) -> dict[AccountKey, AccountId]:
    """The accounts of the template for these members, hubs and years, opened where they are missing."""
    wanted = list(dict.fromkeys(keys))
    found = await _find_accounts(connection, wanted)
    missing = [key for key in wanted if key not in found]
    if missing:
        currency = await queries.currency_of(connection)
        lines = [(key, _template(key.code)) for key in missing]
        await _open_accounts(connection, cooperative_id, currency, lines)
        found |= await _find_accounts(connection, missing)
    return found


def _template(code: str) -> ChartLine:
    line = chart_line(code)
    if line is None:
        raise AccountUnknown(f"The chart of accounts has no {code}.")
    return line


async def _find_accounts(
    connection: AsyncConnection, keys: Sequence[AccountKey]
) -> dict[AccountKey, AccountId]:
    account = tables.account.c
    found: dict[AccountKey, AccountId] = {}
    for start in range(0, len(keys), 5_000):
        part = keys[start : start + 5_000]
        codes = {key.code for key in part}
        members = {key.member_id for key in part if key.member_id}
        hubs = {key.hub_id for key in part if key.hub_id}
        rows = await connection.execute(
            select(account.id, account.code, account.member_id, account.hub_id, account.vintage)
            .where(account.code.in_(codes))
            .where(account.member_id.is_(None) | account.member_id.in_(members))
            .where(account.hub_id.is_(None) | account.hub_id.in_(hubs))
        )
        asked = set(part)
        for row in rows:
            key = AccountKey(row.code, row.member_id, row.hub_id, row.vintage)
            if key in asked:
                found[key] = AccountId(row.id)
    return found


async def _open_accounts(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    currency: str,
    lines: Sequence[tuple[AccountKey, ChartLine]],
) -> None:
    rows = [
        {
            "cooperative_id": cooperative_id,
            "id": uuid7(),
            "code": key.code,
            "name": line.name,
            "type": line.type.value,
            "normal_side": line.normal_side.sign,
            "commodity": line.commodity or currency,
            "member_id": key.member_id,
            "hub_id": key.hub_id,
            "vintage": key.vintage,
            "is_summary": line.summary,
            "opened_on": EARLIEST,
        }
        for key, line in lines
    ]
    # In one order everywhere, so that two imports opening the same accounts do not wait in a ring.
    rows.sort(key=lambda row: (row["code"], str(row["member_id"]), str(row["hub_id"])))
    await connection.execute(insert(tables.account).on_conflict_do_nothing(), rows)


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
    """The mirror of a stored entry, to be posted like any draft. Refuses NOT_FOUND, FORBIDDEN, ENTRY_UNKNOWN."""
    require(viewer, Action.ENTRY_REVERSE, cooperative_id)
    lines = (await queries.postings_of_entries(connection, [entry_id])).get(entry_id)
    if not lines:
        raise EntryUnknown("There is no such entry.", ("entryId",))
    originals = [PostingDraft(line.account_id, line.amount_minor, line.fund_id) for line in lines]
    return reversal_of(
        entry_id, originals, effective_on=effective_on, memo=memo, idempotency_key=idempotency_key
    )


async def set_limits(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    account_id: AccountId,
    *,
    floor_minor: int | None,
    ceiling_minor: int | None,
) -> None:
    """Set how far the account may go on its normal side; None lifts a limit. Refuses LIMIT_EXCEEDED."""
    require(viewer, Action.ACCOUNT_MANAGE, cooperative_id)
    await connection.execute(
        select(func.set_limits(cooperative_id, account_id, floor_minor, ceiling_minor))
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

    The rest is free again. Refuses HOLD_UNKNOWN, HOLD_NOT_PENDING, HOLD_EXPIRED, HOLD_TOO_SMALL and whatever an
    entry may be refused for; the hold then stands as it stood. A retry under the same key is a replay.
    """
    row = (
        await connection.execute(
            text(
                "SELECT entry_id, recorded_at, replayed, refusal::text AS refusal FROM capture_hold("
                ":cooperative, :hold, :amount, :actor, :kind, :memo, :effective_on, :key, :hash)"
            ),
            {
                "cooperative": cooperative_id, "hold": hold_id, "amount": amount_minor, "actor": actor,
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
    """Keep the closing balances under the seal that covers the month: closing → closed."""
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

