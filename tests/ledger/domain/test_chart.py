"""The chart of accounts: the agreed list, nothing forgotten, every account described."""

from coop.ledger.domain.account import AccountType, Dimension, amount_on
from coop.ledger.domain.chart import ACCOUNTS, CHART, HEADINGS, chart_line, heading_of
from coop.ledger.domain.entry import Side

# As the cooperative's rules list it: M opened per member, H per hub, MY per member and year;
# a minus marks what grows on the other side than its type usually does.
AGREED = """
1000 1010 1200M 1205M 1210M 1220 1300 1500H 1590H-
2000 2200 2410M 2420M 2430M 2440M 2500M 2510M 2600M 2610 2620M 2630M 2640M 2700 2800 2850
3100M 3190M 3300MY 3310MY 3320MY 3500 3510 3600 3610 3900 3950-
4000H 4050H 4060 4070H 4080H 4090H 4100 4110 4120 4130 4500 4510 4520 4800
5000H 5010H 5020H 5100H 6000 6700 6750 6800 6850 6900 6990 6991- 7900
9000H- 9100M 9110 9200M- 9210M 9220M 9230M
"""
LETTERS = {
    Dimension.NONE: "",
    Dimension.MEMBER: "M",
    Dimension.HUB: "H",
    Dimension.MEMBER_VINTAGE: "MY",
}


def notation(line):
    contra = "-" if line.normal_side is not line.type.normal_side else ""
    return line.code + LETTERS[line.dimension] + contra


def test_the_template_is_the_agreed_list():
    assert [notation(line) for line in ACCOUNTS] == AGREED.split()


def test_codes_are_unique_and_in_order_and_names_and_descriptions_say_something():
    codes = [line.code for line in CHART]
    assert codes == sorted(set(codes))
    assert len(CHART) == len(ACCOUNTS) + len(HEADINGS)
    assert len({line.name for line in CHART}) == len(CHART)
    for line in CHART:
        assert line.description.endswith(".")
        assert len(line.description) > 12


def test_every_account_stands_under_a_heading_of_its_own_type():
    for line in ACCOUNTS:
        heading = heading_of(line.code)
        assert heading.summary
        assert not line.summary
        assert heading.type is line.type
    assert heading_of("8000") is None


def test_energy_is_counted_in_kwh_and_everything_else_in_the_cooperatives_currency():
    assert {line.commodity for line in CHART if line.code.startswith("9")} == {"kWh"}
    assert {line.commodity for line in CHART if not line.code.startswith("9")} == {None}


def test_an_account_is_found_by_its_code():
    assert chart_line("1200").name == "Receivable"
    assert chart_line("1201") is None


def test_types_know_their_side_and_whether_they_make_the_result():
    sides = {kind.value: kind.normal_side.value for kind in AccountType}
    assert sides == {
        "asset": "debit",
        "liability": "credit",
        "equity": "credit",
        "revenue": "credit",
        "expense": "debit",
        "memorandum": "debit",
    }
    assert {kind.value for kind in AccountType if kind.in_result} == {"revenue", "expense"}
    assert {d.value for d in Dimension if d.by_member} == {"member", "member+vintage"}


def test_a_balance_reads_positive_on_its_normal_side():
    assert amount_on(Side.DEBIT, 120, 20) == 100
    assert amount_on(Side.CREDIT, 20, 120) == 100
