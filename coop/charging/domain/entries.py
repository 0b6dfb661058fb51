"""What a session is in the books.

    of a member   Dr 1205 unbilled M          Cr 4000 charging revenue members H   the net price
                  Dr 9100 taken M             Cr 9000 delivered H                  the energy, in Wh
    of nobody     Dr 1220 receivable guests   Cr 4050 charging revenue guests H    the net price
    known yet                                 Cr 2200 VAT                          and its tax
                  Dr 9110 taken by guests     Cr 9000 delivered H

A member owes no tax before the bill: the bill moves 1205 to 1200 and adds it. A guest gets no bill,
so the tax is in its entry. One entry holds both; each commodity balances by itself. What is nothing
is left out, and a session that delivered nothing and costs nothing has no entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from coop.charging.domain.place import Hub
from coop.charging.domain.versions import TariffVersion
from coop.kernel.energy import kwh_of_wh
from coop.kernel.ids import AccountId
from coop.ledger.domain.entry import MEMO_MAX, EntryDraft, PostingDraft

KIND = "charging_session"
MEMBER_CODES = ("1205", "4000", "9100", "9000")
GUEST_CODES = ("1220", "4050", "9110", "9000")
TAX_CODE = "2200"


@dataclass(frozen=True, slots=True)
class SessionAccounts:
    """The accounts of a session's entry."""

    receivable: AccountId
    revenue: AccountId
    taken: AccountId
    delivered: AccountId
    tax: AccountId


def effective_on(ended_at: datetime, zone: ZoneInfo) -> date:
    """The day a session counts for: that of its end at the hub, when it was wholly delivered."""
    return ended_at.astimezone(zone).date()


def session_memo(hub: Hub, delivered_wh: int, version: TariffVersion) -> str:
    """What a statement shows: where, how much, at what price."""
    return f"{hub.name}: {kwh_of_wh(delivered_wh)} kWh at {version.name}"[:MEMO_MAX]


def session_entry(
    session_id: UUID,
    memo: str,
    on: date,
    accounts: SessionAccounts,
    *,
    net_minor: int,
    tax_minor: int,
    delivered_wh: int,
) -> EntryDraft | None:
    """The entry of a session, or None when there is nothing to post."""
    postings: tuple[PostingDraft, ...] = ()
    if net_minor:
        postings += (
            PostingDraft(accounts.receivable, net_minor + tax_minor),
            PostingDraft(accounts.revenue, -net_minor),
        )
    if tax_minor:
        postings += (PostingDraft(accounts.tax, -tax_minor),)
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
