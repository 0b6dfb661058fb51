"""The ledger: accounts, journal, balances, periods, holds, seals. It knows no hubs, no votes."""
