"""What charging decides without a database: reading, judging and pricing sessions."""
