"""Sessions in the ledger: their accounts, their reversals, the way out of suspense."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import queries
from coop.charging.domain.entries import (
    GUEST_CODES,
    MEMBER_CODES,
    SessionAccounts,
    session_entry,
    session_memo,
)
from coop.charging.tables import charging_session
from coop.kernel.ids import CooperativeId, EntryId, HubId, MemberId
from coop.ledger import queries as ledger_queries
from coop.ledger import service as ledger
from coop.ledger.domain.entry import EntryDraft, PostingDraft, reversal_of
from coop.ledger.service import AccountKey
from coop.members.domain.roles import Viewer

_MOVED_AT_ONCE = 500  # two entries each, and a call of the ledger takes a thousand
_MOVE = (
    update(charging_session)
    .where(charging_session.c.id == bindparam("moved"))
    .values(member_id=bindparam("member"), entry_id=bindparam("entry"), state="charged")
)


async def session_accounts(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    pairs: Iterable[tuple[MemberId | None, HubId]],
) -> dict[tuple[MemberId | None, HubId], SessionAccounts]:
    """The accounts of sessions by (member or nobody, hub), opened where they are missing."""
    keys = {(member_id, hub_id): _keys(member_id, hub_id) for member_id, hub_id in pairs}
    flat = [key for four in keys.values() for key in four]
    found = await ledger.accounts_for(connection, cooperative_id, flat)
    return {pair: SessionAccounts(*(found[key] for key in four)) for pair, four in keys.items()}


def _keys(member_id: MemberId | None, hub_id: HubId) -> tuple[AccountKey, ...]:
    receivable, revenue, taken, delivered = GUEST_CODES if member_id is None else MEMBER_CODES
    return (
        AccountKey(receivable, member_id=member_id),
        AccountKey(revenue, hub_id=hub_id),
        AccountKey(taken, member_id=member_id),
        AccountKey(delivered, hub_id=hub_id),
    )


async def reversals(
    connection: AsyncConnection, entries: Sequence[tuple[EntryId, date, str]]
) -> list[EntryDraft]:
    """The mirrors of stored entries, each on its day and with its memo."""
    lines = await ledger_queries.postings_of_entries(connection, [entry for entry, _, _ in entries])
    return [
        reversal_of(
            entry,
            [
                PostingDraft(line.account_id, line.amount_minor, line.fund_id)
                for line in lines[entry]
            ],
            effective_on=on,
            memo=memo,
        )
        for entry, on, memo in entries
    ]


async def charge_to_member(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    sessions: Sequence[queries.StoredSession],
    member_id: MemberId,
    effective_on: date | None,
) -> None:
    """Reverse what guests were charged for suspended sessions and charge the member instead.

    Refuses what the ledger refuses, PERIOD_CLOSED for one; the caller's transaction is then undone.
    """
    for start in range(0, len(sessions), _MOVED_AT_ONCE):
        part = sessions[start : start + _MOVED_AT_ONCE]
        drafts = await _moving(connection, cooperative_id, part, member_id, effective_on)
        outcomes = await ledger.post_entries(connection, cooperative_id, viewer.subject, drafts)
        for outcome in outcomes:
            if outcome.refusal is not None:
                raise outcome.refusal
        new = {
            draft.source[1]: outcome.entry_id
            for draft, outcome in zip(drafts, outcomes, strict=True)
            if draft.source is not None
        }
        rows = [{"moved": s.id, "member": member_id, "entry": new.get(str(s.id))} for s in part]
        await connection.execute(_MOVE, rows)


async def _moving(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    sessions: Sequence[queries.StoredSession],
    member_id: MemberId,
    effective_on: date | None,
) -> list[EntryDraft]:
    """A reversal for each session that has an entry, then its entry on the member's account."""
    hub_ids = {session.hub_id for session in sessions}
    hubs = await queries.hubs_by_ids(connection, hub_ids)
    prices = await queries.prices_of_hubs(connection, hub_ids)
    by_id = {price.id: price for found in prices.values() for price in found}
    pairs = {(member_id, hub_id) for hub_id in hub_ids}
    accounts = await session_accounts(connection, cooperative_id, pairs)
    drafts = await reversals(
        connection,
        [
            (
                EntryId(s.entry_id),
                effective_on or s.effective_on,
                f"{hubs[s.hub_id].name}: assigned",
            )
            for s in sessions
            if s.entry_id is not None
        ],
    )
    for session in sessions:
        if session.entry_id is None or session.tariff_version_id is None:
            continue
        draft = session_entry(
            session.id,
            session_memo(
                hubs[session.hub_id], session.delivered_wh, by_id[session.tariff_version_id]
            ),
            effective_on or session.effective_on,
            accounts[member_id, session.hub_id],
            amount_minor=session.amount_minor,
            delivered_wh=session.delivered_wh,
        )
        drafts += [draft] if draft is not None else []
    return drafts
