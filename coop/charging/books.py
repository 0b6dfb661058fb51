"""Sessions in the ledger: their accounts, the tax in their entries, their reversals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging.domain.entries import (
    GUEST_CODES,
    MEMBER_CODES,
    TAX_CODE,
    SessionAccounts,
)
from coop.charging.price_list import Rated
from coop.kernel.ids import CooperativeId, EntryId, HubId, MemberId
from coop.kernel.money import currency_scale
from coop.kernel.rate import round_half_up
from coop.ledger import queries as ledger_queries
from coop.ledger import service as ledger
from coop.ledger.domain.entry import EntryDraft, PostingDraft, reversal_of
from coop.ledger.service import AccountKey


async def session_accounts(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    pairs: Iterable[tuple[MemberId | None, HubId]],
) -> dict[tuple[MemberId | None, HubId], SessionAccounts]:
    """The accounts of sessions by (member or nobody, hub), opened where they are missing."""
    keys = {(member_id, hub_id): _keys(member_id, hub_id) for member_id, hub_id in pairs}
    flat = [key for several in keys.values() for key in several]
    found = await ledger.accounts_for(connection, cooperative_id, flat)
    return {pair: SessionAccounts(*(found[one] for one in of)) for pair, of in keys.items()}


def _keys(member_id: MemberId | None, hub_id: HubId) -> tuple[AccountKey, ...]:
    receivable, revenue, taken, delivered = GUEST_CODES if member_id is None else MEMBER_CODES
    return (
        AccountKey(receivable, member_id=member_id),
        AccountKey(revenue, hub_id=hub_id),
        AccountKey(taken, member_id=member_id),
        AccountKey(delivered, hub_id=hub_id),
        AccountKey(TAX_CODE),
    )


def tax_due(rated: Rated, member_id: MemberId | None) -> int:
    """The tax of a session's own entry, in minor units: a member's is left to the bill."""
    if member_id is not None:
        return 0
    return round_half_up(rated.charge.tax * 10 ** currency_scale(rated.charge.currency))


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
