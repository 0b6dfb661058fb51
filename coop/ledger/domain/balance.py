"""Sums of accounts and the trial balance made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from coop.kernel.ids import AccountId
from coop.ledger.domain.account import AccountType, amount_on
from coop.ledger.domain.entry import Side


class OutOfBalance(Exception):
    """Sums that cannot come from balanced entries: a bug or damage, never an outcome."""


@dataclass(frozen=True, slots=True)
class AccountSum:
    """What an account holds in one fund: sums of debits and credits, both ≥ 0, in minor units."""

    account_id: AccountId
    code: str
    name: str
    type: AccountType
    normal_side: Side
    commodity: str
    fund: str
    debit_minor: int
    credit_minor: int

    @property
    def net_minor(self) -> int:
        """Debits less credits."""
        return self.debit_minor - self.credit_minor

    @property
    def amount_minor(self) -> int:
        """The balance on the account's normal side."""
        return amount_on(self.normal_side, self.debit_minor, self.credit_minor)


@dataclass(frozen=True, slots=True)
class CommodityTotal:
    """Debits and credits of one commodity over all accounts: equal, and said so twice."""

    commodity: str
    debit_minor: int
    credit_minor: int


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Every account with its sums, by code; totals by commodity, which balance fund by fund."""

    as_of: date
    known_at: datetime
    lines: tuple[AccountSum, ...]
    totals: tuple[CommodityTotal, ...]


def trial_balance(sums: Iterable[AccountSum], as_of: date, known_at: datetime) -> TrialBalance:
    """List `sums` by code, name, commodity and fund, with totals by commodity.

    Raises OutOfBalance when debits and credits of a commodity in a fund differ.
    """
    lines = sorted(sums, key=_reading_order)
    assert_balanced(lines)
    totals: dict[str, list[int]] = {}
    for line in lines:
        total = totals.setdefault(line.commodity, [0, 0])
        total[0] += line.debit_minor
        total[1] += line.credit_minor
    ordered = tuple(CommodityTotal(code, *totals[code]) for code in sorted(totals))
    return TrialBalance(as_of, known_at, tuple(lines), ordered)


def _reading_order(line: AccountSum) -> tuple[str, str, str, str, str]:
    return (line.code, line.name, line.commodity, line.fund, line.account_id.hex)


def assert_balanced(sums: Iterable[AccountSum]) -> None:
    """Raise OutOfBalance unless debits equal credits in every commodity of every fund."""
    nets: dict[tuple[str, str], int] = {}
    for line in sums:
        key = (line.commodity, line.fund)
        nets[key] = nets.get(key, 0) + line.net_minor
    for (commodity, fund), net in sorted(nets.items()):
        if net:
            raise OutOfBalance(f"{commodity} of fund {fund}: debits exceed credits by {net}")
