"""Cooperatives, their members, the people who act for them, and what each may do."""
