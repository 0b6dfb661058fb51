"""The chart of accounts that a cooperative starts with; it may add to it.

Headings (one digit) group what begins with their digit and take no postings. Money accounts are in
the cooperative's own currency; memorandum accounts count energy in kWh, double-entry like money, so
that what was pledged cannot drift from what was metered.
"""

from __future__ import annotations

from dataclasses import dataclass

from coop.ledger.domain.account import AccountType, Dimension
from coop.ledger.domain.entry import Side

ENERGY = "kWh"


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One account of the template: opened once, or for each member, hub or year it is met with."""

    code: str
    name: str
    type: AccountType
    normal_side: Side
    dimension: Dimension
    description: str
    summary: bool = False

    @property
    def commodity(self) -> str | None:
        """kWh for memorandum accounts; None stands for the cooperative's own currency."""
        return ENERGY if self.type is AccountType.MEMORANDUM else None


A, L, Q = AccountType.ASSET, AccountType.LIABILITY, AccountType.EQUITY
R, X, E = AccountType.REVENUE, AccountType.EXPENSE, AccountType.MEMORANDUM
D, C = Side.DEBIT, Side.CREDIT
NONE, M, H, MY = Dimension.NONE, Dimension.MEMBER, Dimension.HUB, Dimension.MEMBER_VINTAGE

HEADINGS: tuple[ChartLine, ...] = (
    ChartLine("1", "Assets", A, D, NONE, "What the cooperative has and is owed.", summary=True),
    ChartLine("2", "Liabilities", L, C, NONE, "What the cooperative owes.", summary=True),
    ChartLine("3", "Equity", Q, C, NONE, "What belongs to its members and to none.", summary=True),
    ChartLine("4", "Revenue", R, C, NONE, "What it earned and was granted.", summary=True),
    ChartLine("5", "Cost of charging", X, D, NONE, "What running hubs costs.", summary=True),
    ChartLine("6", "Overhead", X, D, NONE, "What running the cooperative costs.", summary=True),
    ChartLine("7", "Differences", X, D, NONE, "What exact splitting leaves over.", summary=True),
    ChartLine("9", "Energy", E, D, NONE, "Energy in kWh, beside the money.", summary=True),
)

ACCOUNTS: tuple[ChartLine, ...] = (
    ChartLine("1000", "Bank", A, D, NONE, "Money at the bank."),
    ChartLine("1010", "Direct-debit clearing", A, D, NONE,
              "Collections sent to the bank and not settled yet."),
    ChartLine("1200", "Receivable", A, D, M, "What a member owes for charging and fees."),
    ChartLine("1205", "Unbilled", A, D, M,
              "Charging, fees and credits of a member that no invoice holds yet, before tax."),
    ChartLine("1210", "Subscriptions receivable", A, D, M,
              "Shares a member subscribed and has not paid."),
    ChartLine("1220", "Receivable guests", A, D, NONE,
              "Charging by guests and by tokens nobody is known for yet."),
    ChartLine("1300", "Grants receivable", A, D, NONE, "Grant money earned and not received."),
    ChartLine("1500", "Plant and equipment", A, D, H, "Chargers and their works, at cost."),
    ChartLine("1590", "Accumulated depreciation", A, C, H,
              "What plant has lost in value: taken off 1500."),
    ChartLine("2000", "Payables", L, C, NONE, "Bills received and not paid."),
    ChartLine("2200", "VAT", L, C, NONE, "Value added tax owed, less what may be reclaimed."),
    ChartLine("2410", "Commitment deposits", L, C, M, "Deposits securing a member's commitment."),
    ChartLine("2420", "Make-up liability", L, C, M,
              "Shortfall a member paid for and may still make up by charging."),
    ChartLine("2430", "Prepaid energy", L, C, M, "Energy a member paid for before taking it."),
    ChartLine("2440", "Banked over-use", L, C, M,
              "Rebate a member earned by over-use, to be used in a later period."),
    ChartLine("2500", "Member loans", L, C, M, "What a member lent to the cooperative."),
    ChartLine("2510", "Accrued interest", L, C, M, "Interest on member loans, not paid yet."),
    ChartLine("2600", "Share interest payable", L, C, M, "Interest on shares, declared."),
    ChartLine("2610", "Withholding tax", L, C, NONE, "Tax kept back for the state."),
    ChartLine("2620", "Patronage payable", L, C, M, "Patronage declared in cash, not paid yet."),
    ChartLine("2630", "Equity redemption payable", L, C, M,
              "Allocated equity whose redemption was approved."),
    ChartLine("2640", "Shares repayable", L, C, M, "Shares of a member who left, to be repaid."),
    ChartLine("2700", "Income tax", L, C, NONE, "Income tax owed."),
    ChartLine("2800", "Refundable grant advance", L, C, NONE,
              "Grant money received before its conditions are met."),
    ChartLine("2850", "Deferred capital grant", L, C, NONE,
              "Grants for plant, released to revenue over the plant's life."),
    ChartLine("3100", "Member shares", Q, C, M, "Shares a member has paid."),
    ChartLine("3190", "Subscribed, unpaid shares", Q, C, M,
              "The other side of 1210 until the shares are paid."),
    ChartLine("3300", "Allocated equity, qualified", Q, C, MY,
              "Patronage of a year kept as the member's equity, taxed with the member."),
    ChartLine("3310", "Allocated equity, nonqualified", Q, C, MY,
              "Patronage of a year kept as the member's equity, taxed when redeemed."),
    ChartLine("3320", "Per-unit retains", Q, C, MY,
              "What was kept per kWh of a year as the member's equity."),
    ChartLine("3500", "Unallocated reserve", Q, C, NONE, "Reserve that no member has a claim on."),
    ChartLine("3510", "Indivisible reserve", Q, C, NONE,
              "Reserve that law or bylaws keep from members for ever."),
    ChartLine("3600", "Net assets without restriction", Q, C, NONE,
              "Grant-funded net assets free to be used."),
    ChartLine("3610", "Net assets with restriction", Q, C, NONE,
              "Grant-funded net assets bound to a purpose or a time."),
    ChartLine("3900", "Net margin", Q, C, NONE, "The closed result, until it is distributed."),
    ChartLine("3950", "Accumulated losses", Q, D, NONE, "Losses carried forward."),
    ChartLine("4000", "Charging revenue members", R, C, H, "Charging by members at a hub."),
    ChartLine("4050", "Charging revenue guests", R, C, H, "Charging by guests at a hub."),
    ChartLine("4060", "Subscriptions", R, C, NONE, "Fees members pay for a plan."),
    ChartLine("4070", "Capacity reserved", R, C, H, "Reserved power or port-hours at a hub."),
    ChartLine("4080", "Cost passed on", R, C, H,
              "Energy, losses and grid charges of a hub that its members bear by rule."),
    ChartLine("4090", "Demand response", R, C, H,
              "What the grid pays for reductions at a hub, before members' credits."),
    ChartLine("4100", "Shortfall revenue", R, C, NONE,
              "Shortfall of commitments that carries no right to make up."),
    ChartLine("4110", "Breakage", R, C, NONE, "Make-up rights that expired unused."),
    ChartLine("4120", "Deposits forfeited", R, C, NONE,
              "Commitment deposits that were lost, by resolution."),
    ChartLine("4130", "Overage", R, C, NONE, "Energy taken above a commitment, at its price."),
    ChartLine("4500", "Grant revenue", R, C, NONE, "Grants whose conditions were met."),
    ChartLine("4510", "Capital grants released", R, C, NONE,
              "The year's share of grants for plant, from 2850."),
    ChartLine("4520", "In-kind contributions", R, C, NONE, "Work and goods given, at fair value."),
    ChartLine("4800", "Entrance fees", R, C, NONE, "What members pay once to join."),
    ChartLine("5000", "Energy purchased", X, D, H, "Energy bought for a hub."),
    ChartLine("5010", "Grid and demand charges", X, D, H, "What the grid charges for a hub."),
    ChartLine("5020", "Demand-response credits", X, D, H,
              "What members are credited for their reductions at a hub."),
    ChartLine("5100", "Maintenance", X, D, H, "Repairs and upkeep of a hub."),
    ChartLine("6000", "Overhead costs", X, D, NONE, "Office, insurance, software, people."),
    ChartLine("6700", "Bank fees", X, D, NONE, "What the bank charges."),
    ChartLine("6750", "Receivables written off", X, D, NONE,
              "What members owed and will not pay, by resolution."),
    ChartLine("6800", "Interest", X, D, NONE, "Interest on member loans and other debt."),
    ChartLine("6850", "Depreciation", X, D, NONE, "The year's loss in value of plant."),
    ChartLine("6900", "Income tax expense", X, D, NONE, "Tax on the result."),
    ChartLine("6990", "Indirect cost applied", X, D, NONE,
              "Overhead charged to a grant at its indirect rate."),
    ChartLine("6991", "Indirect cost recovered", X, C, NONE,
              "The other side of 6990: overhead that grants bear."),
    ChartLine("7900", "Rounding differences", X, D, NONE, "Minor units that rounding leaves."),
    ChartLine("9000", "Delivered", E, C, H, "Energy a hub delivered."),
    ChartLine("9100", "Taken", E, D, M, "Energy a member took."),
    ChartLine("9110", "Taken by guests", E, D, NONE,
              "Energy taken by guests and by tokens nobody is known for yet."),
    ChartLine("9200", "Pledged", E, C, M, "Energy a member pledged to take."),
    ChartLine("9210", "Due", E, D, M, "Pledged energy still to be taken; falls as it is taken."),
    ChartLine("9220", "Pledge met", E, D, M,
              "Pledged energy that was taken, in its month or made up later."),
    ChartLine("9230", "Pledge paid for", E, D, M,
              "Pledged energy that was paid for as shortfall and has not been made up."),
)  # fmt: skip

CHART: tuple[ChartLine, ...] = tuple(sorted(HEADINGS + ACCOUNTS, key=lambda line: line.code))
_BY_CODE = {line.code: line for line in CHART}


def chart_line(code: str) -> ChartLine | None:
    """Look up the template's account of that code; None when a cooperative added it itself."""
    return _BY_CODE.get(code)


def heading_of(code: str) -> ChartLine | None:
    """Look up the heading an account stands under, by its first digit."""
    return _BY_CODE.get(code[:1])
