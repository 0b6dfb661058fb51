"""What the ledger decides without a database, a clock or any I/O."""
