"""What billing decides without a database: settling commitments, lines, taxes, matching."""
