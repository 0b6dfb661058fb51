"""What kinds of accounts there are, and on which side each grows."""

from __future__ import annotations

from enum import Enum

from coop.ledger.domain.entry import Side


class AccountType(Enum):
    """The accounting meaning of an account. Memorandum accounts count energy and stand apart."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    REVENUE = "revenue"
    EXPENSE = "expense"
    MEMORANDUM = "memorandum"

    @property
    def normal_side(self) -> Side:
        """The side on which such accounts usually grow; contra accounts of the chart say otherwise.

        Memorandum accounts come in pairs, so theirs is always said by the chart; debit here.
        """
        return Side.DEBIT if self in _DEBIT_NORMAL else Side.CREDIT

    @property
    def in_result(self) -> bool:
        """Whether the account counts toward the result of a period rather than the position."""
        return self in (AccountType.REVENUE, AccountType.EXPENSE)


_DEBIT_NORMAL = (AccountType.ASSET, AccountType.EXPENSE, AccountType.MEMORANDUM)


class Dimension(Enum):
    """What an account is opened for: once, per member, per hub, or per member and year."""

    NONE = "none"
    MEMBER = "member"
    HUB = "hub"
    MEMBER_VINTAGE = "member+vintage"

    @property
    def by_member(self) -> bool:
        """Whether each member has its own."""
        return self in (Dimension.MEMBER, Dimension.MEMBER_VINTAGE)


def amount_on(side: Side, debit_minor: int, credit_minor: int) -> int:
    """Give a balance as people read it: positive on its normal `side`, in minor units."""
    return side.sign * (debit_minor - credit_minor)
