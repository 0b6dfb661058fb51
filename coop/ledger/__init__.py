"""The ledger: accounts, journal, balances, periods, holds, seals. Knows nothing of hubs or votes."""
