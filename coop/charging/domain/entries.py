"""What a session is in the books.

    of a member   Dr 1200 receivable M        Cr 4000 charging revenue members H     the price, in
    money
                  Dr 9100 taken M             Cr 9000 delivered H                    the energy, in
                  Wh
    of nobody     Dr 1220 receivable guests   Cr 4050 charging revenue guests H
    known yet     Dr 9110 taken by guests     Cr 9000 delivered H

One entry holds both; each commodity balances by itself. What is nothing is left out, and a session
that delivered nothing and costs nothing has no entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from coop.charging.domain.place import Hub, HubPrice
from coop.kernel.energy import kwh_of_wh
from coop.kernel.ids import AccountId
from coop.ledger.domain.entry import EntryDraft, PostingDraft

KIND = "charging_session"
MEMBER_CODES = ("1200", "4000", "9100", "9000")
GUEST_CODES = ("1220", "4050", "9110", "9000")


@dataclass(frozen=True, slots=True)
class SessionAccounts:
    """The four accounts of a session's entry."""

    receivable: AccountId
    revenue: AccountId
    taken: AccountId
    delivered: AccountId


def effective_on(ended_at: datetime, zone: ZoneInfo) -> date:
    """The day a session counts for: that of its end at the hub, when it was wholly delivered."""
    return ended_at.astimezone(zone).date()


def session_memo(hub: Hub, delivered_wh: int, price: HubPrice) -> str:
    """What a statement shows: where, how much, at what price."""
    return f"{hub.name}: {kwh_of_wh(delivered_wh)} kWh at {price.per_kwh:f} {price.currency}/kWh"


def session_entry(
    session_id: UUID,
    memo: str,
    on: date,
    accounts: SessionAccounts,
    *,
    amount_minor: int,
    delivered_wh: int,
) -> EntryDraft | None:
    """The entry of a session, or None when there is nothing to post."""
    postings: tuple[PostingDraft, ...] = ()
    if amount_minor:
        postings += (
            PostingDraft(accounts.receivable, amount_minor),
            PostingDraft(accounts.revenue, -amount_minor),
        )
    if delivered_wh:
        postings += (
            PostingDraft(accounts.taken, delivered_wh),
            PostingDraft(accounts.delivered, -delivered_wh),
        )
    if not postings:
        return None
    return EntryDraft(
        kind=KIND, effective_on=on, memo=memo, postings=postings, source=(KIND, str(session_id))
    )
