"""Where a member stands: what it owes or is owed, what it owns, what it left as a deposit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from coop.ledger.domain.account import AccountType

# What the cooperative owes a member outright, and sets off against what the member owes it.
SET_OFF = frozenset({"2600", "2620", "2630", "2640"})
DUE = frozenset({"1200", "1205", "1210"})
DEPOSITS = frozenset({"2410", "2430"})


@dataclass(frozen=True, slots=True)
class MemberPosition:
    """Minor units of the cooperative's currency. `due_minor`.

    The member owes (+) or is owed (−).
    """

    due_minor: int
    equity_minor: int
    deposits_minor: int


def member_position(sums: Iterable[tuple[str, AccountType, int]]) -> MemberPosition:
    """The position of a member whose money accounts are (code, type, debits less credits)."""
    due = equity = deposits = 0
    for code, type_, net_minor in sums:
        if code in DUE or code in SET_OFF:
            due += net_minor
        elif code in DEPOSITS:
            deposits -= net_minor
        elif type_ is AccountType.EQUITY:
            equity -= net_minor
    return MemberPosition(due, equity, deposits)
