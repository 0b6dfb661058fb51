"""Holds: money set aside before it moves.

    PENDING → CAPTURED  an entry for all or part of it; the rest is released
            → RELEASED  nothing moved
            → EXPIRED   its deadline passed: released by time

While pending, the whole amount counts against both accounts' limits: a capture never breaks one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from coop.kernel.ids import AccountId, FundId
from coop.kernel.money import MINOR_MAX
from coop.ledger.domain.entry import PostingDraft
from coop.ledger.errors import AmountOverflow, AmountZero, HoldExpired, HoldNotPending, HoldTooSmall


class HoldState(Enum):
    """Where a hold stands; only PENDING sets anything aside."""

    PENDING = "pending"
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Hold:
    """`amount_minor` > 0 that would be debited to one account and credited to another."""

    debit_account_id: AccountId
    credit_account_id: AccountId
    amount_minor: int
    expires_at: datetime
    fund_id: FundId | None = None
    state: HoldState = HoldState.PENDING
    captured_minor: int = 0

    def __post_init__(self) -> None:
        if self.amount_minor <= 0:
            raise AmountZero("A hold sets something aside.", ("amount",))
        if self.amount_minor > MINOR_MAX:
            raise AmountOverflow("The amount is too large.", ("amount",))

    @property
    def held_minor(self) -> int:
        """What it sets aside now."""
        return self.amount_minor if self.state is HoldState.PENDING else 0

    @property
    def released_minor(self) -> int:
        """What was set aside and came free without moving."""
        return self.amount_minor - self.captured_minor - self.held_minor


def capture(
    hold: Hold, amount_minor: int, at: datetime
) -> tuple[Hold, tuple[PostingDraft, PostingDraft]]:
    """Move `amount_minor` of what was held, at most all of it, and release the rest.

    Refuses HOLD_NOT_PENDING, HOLD_EXPIRED, AMOUNT_ZERO and HOLD_TOO_SMALL.
    """
    _refuse_unless_pending(hold)
    if at >= hold.expires_at:
        raise HoldExpired(f"The hold expired at {hold.expires_at:%Y-%m-%d %H:%M:%S %Z}.")
    if amount_minor <= 0:
        raise AmountZero("A capture moves something; to move nothing, release.", ("amount",))
    if amount_minor > hold.amount_minor:
        raise HoldTooSmall("More would be captured than was held.", ("amount",))
    lines = (
        PostingDraft(hold.debit_account_id, amount_minor, hold.fund_id),
        PostingDraft(hold.credit_account_id, -amount_minor, hold.fund_id),
    )
    return replace(hold, state=HoldState.CAPTURED, captured_minor=amount_minor), lines


def release(hold: Hold) -> Hold:
    """Let go of what was held. Refuses HOLD_NOT_PENDING; an expired deadline does not matter."""
    _refuse_unless_pending(hold)
    return replace(hold, state=HoldState.RELEASED)


def expire(hold: Hold, at: datetime) -> Hold:
    """Let go of a hold whose deadline has passed `at`; any other hold comes back as it is."""
    if hold.state is HoldState.PENDING and at >= hold.expires_at:
        return replace(hold, state=HoldState.EXPIRED)
    return hold


def _refuse_unless_pending(hold: Hold) -> None:
    if hold.state is not HoldState.PENDING:
        raise HoldNotPending(f"The hold is {hold.state.value} already.")
