"""Financial statements, derived purely from sums of accounts.

Accounts are shown by code: a thousand members' receivables are one line. Each line says how much of
it stands in each fund. Energy (memorandum accounts) stands apart and never adds to money.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from coop.ledger.domain.account import AccountType
from coop.ledger.domain.balance import AccountSum, OutOfBalance, assert_balanced
from coop.ledger.domain.chart import chart_line
from coop.ledger.domain.entry import Side

RESULT_NAME = "Result not yet closed"
_TITLES = {
    AccountType.ASSET: "Assets",
    AccountType.LIABILITY: "Liabilities",
    AccountType.EQUITY: "Equity",
    AccountType.REVENUE: "Revenue",
    AccountType.EXPENSE: "Expenses",
    AccountType.MEMORANDUM: "Energy",
}


@dataclass(frozen=True, slots=True)
class FundAmount:
    """How much of a line or a total stands in one fund, in minor units."""

    fund: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One account code, positive on the side its section reads on; no code: a derived line."""

    code: str | None
    name: str
    amount_minor: int
    by_fund: tuple[FundAmount, ...]


@dataclass(frozen=True, slots=True)
class StatementSection:
    """The lines of one type in one commodity, and their total."""

    type: AccountType
    title: str
    commodity: str
    lines: tuple[StatementLine, ...]
    total_minor: int
    by_fund: tuple[FundAmount, ...]


@dataclass(frozen=True, slots=True)
class FinancialStatement:
    """A balance sheet or an income statement: sections in reading order, and the result.

    `results` has one derived line per commodity of money: revenue less expenses.
    """

    title: str
    starts_on: date | None
    as_of: date
    known_at: datetime
    sections: tuple[StatementSection, ...]
    results: tuple[tuple[str, StatementLine], ...]
    memorandum: tuple[StatementSection, ...]

    def section(self, kind: AccountType, commodity: str) -> StatementSection | None:
        """Find the section of that type and commodity, if it has any account."""
        every = (*self.sections, *self.memorandum)
        return next((s for s in every if (s.type, s.commodity) == (kind, commodity)), None)


def balance_sheet(
    sums: Sequence[AccountSum], as_of: date, known_at: datetime
) -> FinancialStatement:
    """State what there is, what is owed and whose it is, `as_of` the end of that day.

    `sums` hold every posting up to then. The result not yet closed stands as a line of equity, so
    assets = liabilities + equity, fund by fund. Raises OutOfBalance when they are not.
    """
    assert_balanced(sums)
    money = [line for line in sums if line.type is not AccountType.MEMORANDUM]
    results = tuple(_results(money))
    sections = []
    for commodity in sorted({line.commodity for line in money}):
        own = [line for line in money if line.commodity == commodity]
        derived = [line for code, line in results if code == commodity and _says_something(line)]
        for kind in (AccountType.ASSET, AccountType.LIABILITY, AccountType.EQUITY):
            extra = derived if kind is AccountType.EQUITY else []
            sections.append(_section(kind, commodity, own, extra))
        _assert_position(sections[-3:])
    memorandum = tuple(_memorandum(sums))
    return FinancialStatement(
        "Balance sheet", None, as_of, known_at, tuple(sections), results, memorandum
    )


def income_statement(
    sums: Sequence[AccountSum], starts_on: date, as_of: date, known_at: datetime
) -> FinancialStatement:
    """State what was earned and spent from `starts_on` to the end of `as_of`, and the result.

    `sums` hold the postings of those days only, without the entries that close a year.
    """
    money = [line for line in sums if line.type.in_result]
    sections = tuple(
        _section(kind, commodity, money, [])
        for commodity in sorted({line.commodity for line in money})
        for kind in (AccountType.REVENUE, AccountType.EXPENSE)
    )
    memorandum = tuple(_memorandum(sums))
    return FinancialStatement(
        "Income statement", starts_on, as_of, known_at, sections, tuple(_results(money)), memorandum
    )


def _section(
    kind: AccountType,
    commodity: str,
    sums: Iterable[AccountSum],
    extra: Sequence[StatementLine],
) -> StatementSection:
    own = [line for line in sums if line.type is kind and line.commodity == commodity]
    lines = (*_lines(own, kind.normal_side), *extra)
    by_fund = _added(fund for line in lines for fund in line.by_fund)
    total = sum(line.amount_minor for line in lines)
    return StatementSection(kind, _TITLES[kind], commodity, lines, total, by_fund)


def _lines(sums: Iterable[AccountSum], side: Side) -> Iterator[StatementLine]:
    """Fold accounts of one code together; contra accounts of the section come out negative."""
    for code, group in groupby(sorted(sums, key=lambda line: line.code), lambda line: line.code):
        accounts = list(group)
        by_fund = _added(FundAmount(line.fund, side.sign * line.net_minor) for line in accounts)
        amount = sum(fund.amount_minor for fund in by_fund)
        yield StatementLine(code, _name(code, accounts), amount, by_fund)


def _name(code: str, accounts: Sequence[AccountSum]) -> str:
    names = sorted({line.name for line in accounts})
    template = chart_line(code)
    return template.name if len(names) > 1 and template else names[0]


def _added(amounts: Iterable[FundAmount]) -> tuple[FundAmount, ...]:
    totals: dict[str, int] = {}
    for amount in amounts:
        totals[amount.fund] = totals.get(amount.fund, 0) + amount.amount_minor
    return tuple(FundAmount(fund, totals[fund]) for fund in sorted(totals))


def _results(money: Iterable[AccountSum]) -> Iterator[tuple[str, StatementLine]]:
    of_result = [line for line in money if line.type.in_result]
    for commodity in sorted({line.commodity for line in of_result}):
        by_fund = _added(
            FundAmount(line.fund, -line.net_minor)
            for line in of_result
            if line.commodity == commodity
        )
        amount = sum(fund.amount_minor for fund in by_fund)
        yield commodity, StatementLine(None, RESULT_NAME, amount, by_fund)


def _says_something(line: StatementLine) -> bool:
    return any(fund.amount_minor for fund in line.by_fund)


def _memorandum(sums: Iterable[AccountSum]) -> Iterator[StatementSection]:
    own = [line for line in sums if line.type is AccountType.MEMORANDUM]
    for commodity in sorted({line.commodity for line in own}):
        yield _memorandum_section(commodity, [x for x in own if x.commodity == commodity])


def _memorandum_section(commodity: str, own: Sequence[AccountSum]) -> StatementSection:
    """Show each energy account on its own normal side: the section's total says nothing, so 0."""
    lines = sorted(
        (line for side in Side for line in _lines([x for x in own if x.normal_side is side], side)),
        key=lambda line: line.code or "",
    )
    kind = AccountType.MEMORANDUM
    return StatementSection(kind, _TITLES[kind], commodity, tuple(lines), 0, ())


def _assert_position(sections: Sequence[StatementSection]) -> None:
    """Say again, from the drawn figures, that assets = liabilities + equity in each fund."""
    assets, liabilities, equity = (
        {fund.fund: fund.amount_minor for fund in section.by_fund} for section in sections
    )
    for fund in sorted({*assets, *liabilities, *equity}):
        rest = assets.get(fund, 0) - liabilities.get(fund, 0) - equity.get(fund, 0)
        if rest:
            raise OutOfBalance(f"{sections[0].commodity} of fund {fund}: {rest} has no owner")
