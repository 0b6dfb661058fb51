"""When the ledger says no. Nothing has moved when it does.

LedgerRefusal
├── EntryRefused: what an entry itself may not be
│   ├── EntryUnbalanced           ENTRY_UNBALANCED: debits ≠ credits of a commodity in a fund
│   ├── EntryOneLegged            ENTRY_TOO_SHORT: fewer than two postings
│   ├── AmountZero                AMOUNT_ZERO: a posting of nothing
│   ├── AmountOverflow            AMOUNT_OVERFLOW: an amount or a resulting balance is too large
│   ├── CommodityMismatch         COMMODITY_MISMATCH: an amount not in the account's commodity
│   ├── EffectiveDateImplausible  EFFECTIVE_DATE_IMPLAUSIBLE: before 1900 or more than a year ahead
│   ├── ReversalMismatch          REVERSAL_MISMATCH: not the exact mirror of what it reverses
│   └── AlreadyReversed           ALREADY_REVERSED: an entry is reversed once
├── AccountUnknown                ACCOUNT_UNKNOWN: absent, or another cooperative's (on purpose)
├── AccountClosed                 ACCOUNT_CLOSED: not open on that day
├── AccountSummary                ACCOUNT_SUMMARY: a heading takes no postings
├── AccountExists                 ACCOUNT_EXISTS: its code is taken
├── AccountInUse                  ACCOUNT_IN_USE: it holds something, or awaits it, and cannot close
├── CommodityUnknown              COMMODITY_UNKNOWN: the books keep no such commodity
├── FundUnknown                   FUND_UNKNOWN: absent, or of another cooperative
├── EntryUnknown                  ENTRY_UNKNOWN: absent, or of another cooperative
├── LimitExceeded                 LIMIT_EXCEEDED: available would pass a floor or ceiling
├── PeriodRefused
│   ├── PeriodClosed              PERIOD_CLOSED: the day lies in a closed period
│   ├── PeriodUnknown             PERIOD_UNKNOWN: absent, or of another cooperative
│   ├── PeriodNotOpen             PERIOD_NOT_OPEN: only an open period closes
│   ├── PeriodNotClosed           PERIOD_NOT_CLOSED: only a closed period reopens
│   ├── PeriodOrder               PERIOD_ORDER: oldest closes first, newest reopens first, no gaps
│   ├── PeriodHasHolds            PERIOD_HAS_HOLDS: holds are still pending in it
│   ├── PeriodUnsealed            PERIOD_UNSEALED: entries of it still wait for their seal
│   └── ResolutionRequired        RESOLUTION_REQUIRED: only a vote reopens a period
├── HoldRefused
│   ├── HoldUnknown               HOLD_UNKNOWN: absent, or of another cooperative
│   ├── HoldNotPending            HOLD_NOT_PENDING: captured, released or expired before
│   ├── HoldExpired               HOLD_EXPIRED: its deadline has passed
│   └── HoldTooSmall              HOLD_TOO_SMALL: more is captured than was held
└── RequestRefused
    ├── IdempotencyMismatch       IDEMPOTENCY_MISMATCH: the key was used for another request
    ├── BatchTooLarge             BATCH_TOO_LARGE: more entries than one call takes
    ├── BatchRefused              BATCH_REFUSED: all or nothing, and a neighbour was refused
    └── QueueFull                 LEDGER_BUSY: too many postings are waiting; try again
"""

from __future__ import annotations

from coop.kernel.errors import Refusal, refusal_codes


class LedgerRefusal(Refusal):
    """The ledger says no."""


class EntryRefused(LedgerRefusal):
    """The entry is not one this ledger can hold."""


class EntryUnbalanced(EntryRefused):
    """Debits and credits differ in some commodity of some fund."""

    code = "ENTRY_UNBALANCED"


class EntryOneLegged(EntryRefused):
    """Fewer than two postings."""

    code = "ENTRY_TOO_SHORT"


class AmountZero(EntryRefused):
    """A posting that moves nothing."""

    code = "AMOUNT_ZERO"


class AmountOverflow(EntryRefused):
    """The amount, or the balance it would make, is larger than the ledger counts."""

    code = "AMOUNT_OVERFLOW"


class CommodityMismatch(EntryRefused):
    """The amount is not in the commodity of its account."""

    code = "COMMODITY_MISMATCH"


class EffectiveDateImplausible(EntryRefused):
    """The effective day is before 1900 or more than a year ahead: a slip of the keyboard."""

    code = "EFFECTIVE_DATE_IMPLAUSIBLE"


class ReversalMismatch(EntryRefused):
    """The postings are not the exact mirror of the entry they reverse."""

    code = "REVERSAL_MISMATCH"


class AlreadyReversed(EntryRefused):
    """The entry has its one reversal already."""

    code = "ALREADY_REVERSED"


class AccountUnknown(LedgerRefusal):
    """No such account in this cooperative; another cooperative's looks the same."""

    code = "ACCOUNT_UNKNOWN"


class AccountClosed(LedgerRefusal):
    """The account is not open on the effective day."""

    code = "ACCOUNT_CLOSED"


class AccountSummary(LedgerRefusal):
    """The account is a heading of the chart and takes no postings."""

    code = "ACCOUNT_SUMMARY"


class AccountExists(LedgerRefusal):
    """The code is taken, by the template or by another account."""

    code = "ACCOUNT_EXISTS"


class AccountInUse(LedgerRefusal):
    """The account holds something, or something is held on it, so it cannot close that day."""

    code = "ACCOUNT_IN_USE"


class CommodityUnknown(LedgerRefusal):
    """The books keep no such commodity."""

    code = "COMMODITY_UNKNOWN"


class FundUnknown(LedgerRefusal):
    """No such fund in this cooperative; another cooperative's looks the same."""

    code = "FUND_UNKNOWN"


class EntryUnknown(LedgerRefusal):
    """No such entry in this cooperative; another cooperative's looks the same."""

    code = "ENTRY_UNKNOWN"


class LimitExceeded(LedgerRefusal):
    """What is available, holds counted, would pass the account's floor or ceiling."""

    code = "LIMIT_EXCEEDED"


class PeriodRefused(LedgerRefusal):
    """The state of an accounting period forbids it."""


class PeriodClosed(PeriodRefused):
    """The effective day lies in a closed period."""

    code = "PERIOD_CLOSED"


class PeriodUnknown(PeriodRefused):
    """No such period in this cooperative; another cooperative's looks the same."""

    code = "PERIOD_UNKNOWN"


class PeriodNotOpen(PeriodRefused):
    """Only an open period can be closed."""

    code = "PERIOD_NOT_OPEN"


class PeriodNotClosed(PeriodRefused):
    """Only a closed period can be reopened."""

    code = "PERIOD_NOT_CLOSED"


class PeriodOrder(PeriodRefused):
    """Periods follow one another without a gap, close oldest first and reopen newest first."""

    code = "PERIOD_ORDER"


class PeriodHasHolds(PeriodRefused):
    """Holds are still pending in the period."""

    code = "PERIOD_HAS_HOLDS"


class PeriodUnsealed(PeriodRefused):
    """Entries of the period still wait for their seal: something older is being written."""

    code = "PERIOD_UNSEALED"


class ResolutionRequired(PeriodRefused):
    """Only a resolution of the members reopens a closed period."""

    code = "RESOLUTION_REQUIRED"


class HoldRefused(LedgerRefusal):
    """The state of a hold forbids it."""


class HoldUnknown(HoldRefused):
    """No such hold in this cooperative; another cooperative's looks the same."""

    code = "HOLD_UNKNOWN"


class HoldNotPending(HoldRefused):
    """The hold was captured, released or expired before."""

    code = "HOLD_NOT_PENDING"


class HoldExpired(HoldRefused):
    """The hold's deadline has passed."""

    code = "HOLD_EXPIRED"


class HoldTooSmall(HoldRefused):
    """More would be captured than was held."""

    code = "HOLD_TOO_SMALL"


class RequestRefused(LedgerRefusal):
    """The request, not the bookkeeping in it, cannot be served."""


class IdempotencyMismatch(RequestRefused):
    """The idempotency key was used before, for another request."""

    code = "IDEMPOTENCY_MISMATCH"


class BatchTooLarge(RequestRefused):
    """More entries than one call takes."""

    code = "BATCH_TOO_LARGE"


class BatchRefused(RequestRefused):
    """All or nothing was asked, and a neighbour in the batch was refused."""

    code = "BATCH_REFUSED"


class QueueFull(RequestRefused):
    """Too many postings are waiting. Nothing was accepted; the same request may be sent again."""

    code = "LEDGER_BUSY"


def refusal_of(code: str, message: str, path: tuple[str, ...] = ()) -> Refusal:
    """Rebuild the refusal a stored outcome tells of: a retry raises what the first attempt raised.

    Raises ValueError for a code no room knows. Codes are never removed: that is a bug.
    """
    kind = refusal_codes().get(code)
    if kind is None:
        raise ValueError(f"no refusal has the code {code!r}")
    return kind(message, path)
