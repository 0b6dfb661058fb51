"""Trial balance, balance sheet and income statement: exact, and balancing fund by fund."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.ledger.domain.account import AccountType
from coop.ledger.domain.balance import (
    AccountSum,
    CommodityTotal,
    OutOfBalance,
    assert_balanced,
    trial_balance,
)
from coop.ledger.domain.chart import ACCOUNTS, chart_line
from coop.ledger.domain.entry import Side
from coop.ledger.domain.statements import (
    FundAmount,
    _assert_position,
    balance_sheet,
    income_statement,
)

DAY = date(2026, 3, 31)
NOW = datetime(2026, 4, 2, 9, tzinfo=UTC)


def sums(sheet, commodity="EUR"):
    """Read "1200 Ada | general | 120 20": code and name, fund, debits and credits."""
    found = []
    for number, row in enumerate(sheet.strip().splitlines()):
        account, fund, amounts = (part.strip() for part in row.split("|"))
        code, _, name = account.partition(" ")
        debit, credit = map(int, amounts.split())
        line = chart_line(code)
        own = "kWh" if line.type is AccountType.MEMORANDUM else commodity
        found.append(
            AccountSum(
                UUID(int=number),
                code,
                name or line.name,
                line.type,
                line.normal_side,
                own,
                fund,
                debit,
                credit,
            )
        )
    return found


MARCH = sums("""
    4000         | general |      0 30000
    1200 Ada     | general |  12000 0
    1200 Bo      | general |  18000 5000
    1000         | general |   5000 2500
    5000         | general |   2500 0
    1000         | grant-7 |  90000 40000
    1500         | grant-7 |  40000 0
    1590         | grant-7 |      0 1000
    6850         | grant-7 |   1000 0
    2850         | grant-7 |    500 90000
    4510         | grant-7 |      0 500
    9000         | general |      0 75000
    9100 Ada     | general |  30000 0
    9100 Bo      | general |  45000 0
""")


def drawn(section):
    return [
        (line.code, line.name, line.amount_minor, [(f.fund, f.amount_minor) for f in line.by_fund])
        for line in section.lines
    ]


def test_the_trial_balance_lists_by_code_and_totals_by_commodity():
    trial = trial_balance(MARCH, DAY, NOW)
    assert [(line.code, line.name) for line in trial.lines][:4] == [
        ("1000", "Bank"),
        ("1000", "Bank"),
        ("1200", "Ada"),
        ("1200", "Bo"),
    ]
    assert trial.totals == (
        CommodityTotal("EUR", 169000, 169000),
        CommodityTotal("kWh", 75000, 75000),
    )
    assert (trial.as_of, trial.known_at) == (DAY, NOW)
    assert [line.amount_minor for line in trial.lines if line.code in ("1590", "4000")] == [
        1000,
        30000,
    ]


def test_a_sum_that_balances_only_across_funds_or_commodities_is_out_of_balance():
    across_funds = sums("1000 | a | 5 0\n4000 | b | 0 5")
    with pytest.raises(OutOfBalance, match="EUR of fund a: debits exceed credits by 5"):
        assert_balanced(across_funds)
    across_commodities = [*sums("1000 | a | 5 0"), *sums("4000 | a | 0 5", "NOK")]
    with pytest.raises(OutOfBalance):
        trial_balance(across_commodities, DAY, NOW)
    with pytest.raises(OutOfBalance):
        balance_sheet(across_commodities, DAY, NOW)


def test_the_balance_sheet_shows_assets_liabilities_and_equity_with_the_open_result():
    sheet = balance_sheet(MARCH, DAY, NOW)
    assert [section.title for section in sheet.sections] == ["Assets", "Liabilities", "Equity"]
    assets, liabilities, equity = sheet.sections
    assert drawn(assets) == [
        ("1000", "Bank", 52500, [("general", 2500), ("grant-7", 50000)]),
        ("1200", "Receivable", 25000, [("general", 25000)]),
        ("1500", "Plant and equipment", 40000, [("grant-7", 40000)]),
        ("1590", "Accumulated depreciation", -1000, [("grant-7", -1000)]),
    ]
    assert drawn(liabilities) == [("2850", "Deferred capital grant", 89500, [("grant-7", 89500)])]
    assert drawn(equity) == [
        (None, "Result not yet closed", 27000, [("general", 27500), ("grant-7", -500)])
    ]
    assert [section.total_minor for section in sheet.sections] == [116500, 89500, 27000]
    assert [[f.amount_minor for f in s.by_fund] for s in sheet.sections] == [
        [27500, 89000],
        [89500],
        [27500, -500],
    ]


def test_energy_stands_apart_on_its_own_sides():
    sheet = balance_sheet(MARCH, DAY, NOW)
    energy = sheet.section(AccountType.MEMORANDUM, "kWh")
    assert drawn(energy) == [
        ("9000", "Delivered", 75000, [("general", 75000)]),
        ("9100", "Taken", 75000, [("general", 75000)]),
    ]
    assert sheet.section(AccountType.ASSET, "kWh") is None
    assert sheet.memorandum == (energy,)


def test_the_income_statement_gives_revenue_expenses_and_the_result():
    statement = income_statement(MARCH, date(2026, 3, 1), DAY, NOW)
    revenue, expenses = statement.sections
    assert drawn(revenue) == [
        ("4000", "Charging revenue members", 30000, [("general", 30000)]),
        ("4510", "Capital grants released", 500, [("grant-7", 500)]),
    ]
    assert drawn(expenses) == [
        ("5000", "Energy purchased", 2500, [("general", 2500)]),
        ("6850", "Depreciation", 1000, [("grant-7", 1000)]),
    ]
    ((currency, result),) = statement.results
    assert (currency, result.amount_minor) == ("EUR", 27000)
    assert revenue.total_minor - expenses.total_minor == result.amount_minor
    assert (statement.starts_on, statement.as_of) == (date(2026, 3, 1), DAY)


def test_a_sheet_whose_figures_have_no_owner_is_never_handed_out():
    assets, liabilities, equity = balance_sheet(MARCH, DAY, NOW).sections
    moved = replace(equity, by_fund=(FundAmount("general", 27499), FundAmount("grant-7", -499)))
    with pytest.raises(OutOfBalance, match="EUR of fund general: 1 has no owner"):
        _assert_position((assets, liabilities, moved))


def test_nothing_posted_gives_empty_statements():
    assert balance_sheet([], DAY, NOW).sections == ()
    assert income_statement([], DAY, DAY, NOW).results == ()
    assert trial_balance([], DAY, NOW).totals == ()


def test_a_closed_result_leaves_no_derived_line():
    sheet = balance_sheet(sums("4000 | a | 9 9\n3900 | a | 0 9\n1000 | a | 9 0"), DAY, NOW)
    assert drawn(sheet.sections[2]) == [("3900", "Net margin", 9, [("a", 9)])]


def test_accounts_that_a_cooperative_added_keep_their_name():
    own = AccountSum(
        UUID(int=1), "1207", "Roaming", AccountType.ASSET, Side.DEBIT, "EUR", "a", 7, 0
    )
    twin = AccountSum(
        UUID(int=2), "1207", "Roaming, second", AccountType.ASSET, Side.DEBIT, "EUR", "a", 0, 7
    )
    sheet = balance_sheet([own, twin], DAY, NOW)
    assert drawn(sheet.sections[0]) == [("1207", "Roaming", 0, [("a", 0)])]


PAIRS = st.tuples(
    st.sampled_from([x.code for x in ACCOUNTS]),
    st.sampled_from([x.code for x in ACCOUNTS]),
    st.sampled_from(["general", "grant"]),
    st.sampled_from(["EUR", "NOK"]),
    st.integers(1, 10**12),
).filter(lambda pair: (pair[0] >= "9") == (pair[1] >= "9"))


@given(st.lists(PAIRS, max_size=12))
def test_whatever_is_posted_the_sheet_balances_in_every_fund(pairs):
    rows = []
    for debit, credit, fund, commodity, amount in pairs:
        rows += sums(f"{debit} | {fund} | {amount} 0\n{credit} | {fund} | 0 {amount}", commodity)
    sheet = balance_sheet(rows, DAY, NOW)
    for at in range(0, len(sheet.sections), 3):
        totals = [section.total_minor for section in sheet.sections[at : at + 3]]
        assert totals[0] == totals[1] + totals[2]
    income = income_statement(rows, DAY, DAY, NOW)
    assert sheet.results == income.results
    trial = trial_balance(rows, DAY, NOW)
    assert all(total.debit_minor == total.credit_minor for total in trial.totals)
