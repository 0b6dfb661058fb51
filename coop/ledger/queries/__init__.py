"""Every question the house asks of the ledger, each in one statement. Rows are small frozen values.

All of them read within the tenant of the connection; `as_of` counts entries effective by that day,
`known_at` those recorded by that instant. What a page costs does not depend on how long the
account's history is.
"""

from coop.ledger.queries.accounts import (
    AccountRow,
    account_condition,
    accounts_by_ids,
    accounts_of_members,
    accounts_page,
    count_accounts,
    currency_of,
    funds,
    scales,
)
from coop.ledger.queries.balances import (
    BalanceRow,
    account_sums,
    balances_of,
)
from coop.ledger.queries.books import (
    PeriodRow,
    SealRow,
    count_seals,
    hashes_of_seal,
    overdue_holds,
    period_by_id,
    periods,
    places_of_entries,
    seals_by_numbers,
    seals_page,
    stream,
)
from coop.ledger.queries.entries import (
    EntryRow,
    Place,
    PostingRow,
    count_entries,
    entries_by_ids,
    entries_page,
    entry_condition,
    postings_of_days,
    postings_of_entries,
    postings_page,
    postings_total,
)
from coop.ledger.queries.pages import postings_pages, postings_totals

__all__ = [
    "AccountRow",
    "BalanceRow",
    "EntryRow",
    "PeriodRow",
    "Place",
    "PostingRow",
    "SealRow",
    "account_condition",
    "account_sums",
    "accounts_by_ids",
    "accounts_of_members",
    "accounts_page",
    "balances_of",
    "count_accounts",
    "count_entries",
    "count_seals",
    "currency_of",
    "entries_by_ids",
    "entries_page",
    "entry_condition",
    "funds",
    "hashes_of_seal",
    "overdue_holds",
    "period_by_id",
    "periods",
    "places_of_entries",
    "postings_of_days",
    "postings_of_entries",
    "postings_page",
    "postings_pages",
    "postings_total",
    "postings_totals",
    "scales",
    "seals_by_numbers",
    "seals_page",
    "stream",
]
