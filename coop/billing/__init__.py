"""Billing: commitments and their settlement, invoices, credit notes, payments, the bank."""
