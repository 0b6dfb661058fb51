"""How billing says no. Nothing has moved when it does.

Refusal
├── BillRefused
│   ├── MonthNotOver           BILL_MONTH_OPEN: the month has not ended at the cooperative
│   ├── MonthInvalid           BILL_MONTH_INVALID: not the first day of a month, or no such month
│   ├── IssueDayInvalid        ISSUE_DAY_INVALID: before the month's end, or still to come
│   ├── ItemSourceTaken        ITEM_SOURCE_TAKEN: the source made another item before
│   ├── NothingToCredit        NOTHING_TO_CREDIT: a credit of nothing
│   ├── CreditTooLarge         CREDIT_TOO_LARGE: more than is left of the invoice or the line
│   ├── WriteOffTooLarge       WRITE_OFF_TOO_LARGE: more than is open
│   ├── WriteOffUnresolved     WRITE_OFF_UNRESOLVED: a write-off rests on a resolution
│   ├── AllocationTooLarge     ALLOCATION_TOO_LARGE: more than is open, or than was allocated
│   ├── DisputeOpen            DISPUTE_OPEN: the charge or item is contested already
│   ├── DisputeLate            DISPUTE_LATE: the days to contest it have passed
│   ├── DisputeDecided         DISPUTE_DECIDED: a dispute is decided once
│   └── DisputeOwn             DISPUTE_OWN: whoever opened it does not decide it
├── CommitmentRefused
│   ├── CommitmentInvalid      COMMITMENT_INVALID: terms that no commitment can have
│   ├── CommitmentOverlaps     COMMITMENT_OVERLAPS: another of the member at a hub of it, at a time
│   ├── CommitmentOver         COMMITMENT_OVER: ended before the month that is asked for
│   ├── MonthSettled           COMMITMENT_MONTH_SETTLED: the change would reach into what is settled
│   ├── MonthOpen              SETTLEMENT_MONTH_OPEN: the month has not ended at every hub
│   ├── SettledAlready         SETTLEMENT_DONE: a month is settled once; late facts adjust it
│   ├── SettlementOrder        SETTLEMENT_ORDER: an earlier month waits to be settled
│   ├── SettlementMissing      SETTLEMENT_MISSING: only what is settled can be adjusted
│   └── DepositTooSmall        DEPOSIT_TOO_SMALL: more than the commitment's deposit holds
└── BankRefused                (payments and the bank)
    ├── BankFileMalformed      BANK_FILE_MALFORMED: neither camt.053 nor MT940, or it breaks off
    ├── BankFileTooLarge       BANK_FILE_TOO_LARGE: more bytes or lines than a bank file may have
    ├── BankFileUnbalanced     BANK_FILE_UNBALANCED: opening and lines do not come to the closing
    ├── BankFileCurrency       BANK_FILE_CURRENCY: not the currency of the books
    ├── BankFileOverlaps       BANK_FILE_OVERLAPS: told before in another format, with other lines
    ├── BankAccountUnknown     BANK_ACCOUNT_UNKNOWN: no account of ours
    ├── BankAccountTaken       BANK_ACCOUNT_TAKEN: it is here already
    ├── BankLineSettled        BANK_LINE_SETTLED: posted, or explained by something that is
    ├── BankLineMismatch       BANK_LINE_MISMATCH: it cannot be what it is assigned to
    ├── BankRuleTaken          BANK_RULE_TAKEN: another rule in force has that name
    ├── MandateTaken           MANDATE_TAKEN: another goes by that reference
    ├── MandateEnded           MANDATE_REVOKED: it has been revoked
    ├── PaymentTakenBack       PAYMENT_RETURNED: it was returned already
    ├── CollectionEmpty        COLLECTION_EMPTY: nothing is due that a mandate allows to collect
    ├── CollectionTooSoon      COLLECTION_TOO_SOON: the bank needs more days
    ├── CollectionImpossible   COLLECTION_IMPOSSIBLE: no creditor identifier, or books not in euro
    └── CollectionSettled      COLLECTION_SETTLED: the bank has credited some of it already
"""

from __future__ import annotations

from coop.kernel.errors import Refusal

# Bills


class BillRefused(Refusal):
    """Billing says no."""

    code = "BILL_REFUSED"


class MonthNotOver(BillRefused):
    """The month has not ended in the cooperative's time zone; a draft can be had before."""

    code = "BILL_MONTH_OPEN"


class MonthInvalid(BillRefused):
    """What was given names no month."""

    code = "BILL_MONTH_INVALID"


class IssueDayInvalid(BillRefused):
    """Invoices carry a day after the month, not before the last invoice and not still to come."""

    code = "ISSUE_DAY_INVALID"


class ItemSourceTaken(BillRefused):
    """The source made an item before, for another member, kind or amount."""

    code = "ITEM_SOURCE_TAKEN"


class NothingToCredit(BillRefused):
    """A credit note credits something."""

    code = "NOTHING_TO_CREDIT"


class CreditTooLarge(BillRefused):
    """More would be credited than is left of the line or of the invoice."""

    code = "CREDIT_TOO_LARGE"


class WriteOffTooLarge(BillRefused):
    """More would be written off than is open."""

    code = "WRITE_OFF_TOO_LARGE"


class WriteOffUnresolved(BillRefused):
    """A write-off names the resolution it rests on."""

    code = "WRITE_OFF_UNRESOLVED"


class AllocationTooLarge(BillRefused):
    """More would be allocated than is open, or taken back than was allocated."""

    code = "ALLOCATION_TOO_LARGE"


class DisputeOpen(BillRefused):
    """The charge or item is contested already; that dispute is decided first."""

    code = "DISPUTE_OPEN"


class DisputeLate(BillRefused):
    """The days in which an invoiced charge or item can be contested have passed."""

    code = "DISPUTE_LATE"


class DisputeDecided(BillRefused):
    """The dispute is decided; a decision stays."""

    code = "DISPUTE_DECIDED"


class DisputeOwn(BillRefused):
    """Whoever opened a dispute does not decide it."""

    code = "DISPUTE_OWN"


# Commitments


class CommitmentRefused(Refusal):
    """A commitment or its settlement says no."""

    code = "COMMITMENT_REFUSED"


class CommitmentInvalid(CommitmentRefused):
    """Terms that no commitment can have; the path names the one."""

    code = "COMMITMENT_INVALID"


class CommitmentOverlaps(CommitmentRefused):
    """The member has another commitment at one of these hubs in one of these months."""

    code = "COMMITMENT_OVERLAPS"


class CommitmentOver(CommitmentRefused):
    """The commitment ended before the month that is asked for."""

    code = "COMMITMENT_OVER"


class MonthSettled(CommitmentRefused):
    """A month that is settled already would have to be settled otherwise."""

    code = "COMMITMENT_MONTH_SETTLED"


class MonthOpen(CommitmentRefused):
    """The month has not ended yet in the time zone of every hub."""

    code = "SETTLEMENT_MONTH_OPEN"


class SettledAlready(CommitmentRefused):
    """The month is settled; what comes late leads to an adjusting settlement."""

    code = "SETTLEMENT_DONE"


class SettlementOrder(CommitmentRefused):
    """An earlier month of the commitment is not settled yet."""

    code = "SETTLEMENT_ORDER"


class SettlementMissing(CommitmentRefused):
    """The month has no settlement that could be adjusted."""

    code = "SETTLEMENT_MISSING"


class DepositTooSmall(CommitmentRefused):
    """More would be returned or forfeited than the deposit holds."""

    code = "DEPOSIT_TOO_SMALL"


# Payments and the bank


class BankRefused(Refusal):
    """Something about payments or the bank that cannot be done."""

    code = "BANK_REFUSED"


class BankFileMalformed(BankRefused):
    """Neither camt.053 nor MT940, or it breaks off; nothing of it was stored."""

    code = "BANK_FILE_MALFORMED"


class BankFileTooLarge(BankRefused):
    """More bytes or lines than a bank file may have."""

    code = "BANK_FILE_TOO_LARGE"


class BankFileUnbalanced(BankRefused):
    """The opening balance and the lines do not come to the closing balance."""

    code = "BANK_FILE_UNBALANCED"


class BankFileCurrency(BankRefused):
    """The statement is in a currency the books are not kept in."""

    code = "BANK_FILE_CURRENCY"


class BankFileOverlaps(BankRefused):
    """A file of the other format told those days before, with other lines."""

    code = "BANK_FILE_OVERLAPS"


class BankAccountUnknown(BankRefused):
    """No account of the cooperative has that IBAN."""

    code = "BANK_ACCOUNT_UNKNOWN"


class BankAccountTaken(BankRefused):
    """The cooperative has that bank account already."""

    code = "BANK_ACCOUNT_TAKEN"


class BankLineSettled(BankRefused):
    """The line is posted, or explained by something that is."""

    code = "BANK_LINE_SETTLED"


class BankLineMismatch(BankRefused):
    """The line cannot be what it is assigned to: its direction or amount says so."""

    code = "BANK_LINE_MISMATCH"


class BankRuleTaken(BankRefused):
    """Another rule in force has that name."""

    code = "BANK_RULE_TAKEN"


class MandateTaken(BankRefused):
    """Another mandate goes by that reference."""

    code = "MANDATE_TAKEN"


class MandateEnded(BankRefused):
    """The mandate has been revoked."""

    code = "MANDATE_REVOKED"


class PaymentTakenBack(BankRefused):
    """The payment was returned already."""

    code = "PAYMENT_RETURNED"


class CollectionEmpty(BankRefused):
    """Nothing is due that a mandate allows to collect."""

    code = "COLLECTION_EMPTY"


class CollectionTooSoon(BankRefused):
    """The bank needs more days between the file and the collection."""

    code = "COLLECTION_TOO_SOON"


class CollectionImpossible(BankRefused):
    """No account with a creditor identifier, or books that are not in euro."""

    code = "COLLECTION_IMPOSSIBLE"


class CollectionSettled(BankRefused):
    """The bank has credited some of it already, so it cannot be cancelled."""

    code = "COLLECTION_SETTLED"
