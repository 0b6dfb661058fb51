"""Every question billing asks, each in one statement, one module per topic."""
