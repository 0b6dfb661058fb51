"""How billing is stored, one module per topic; the migrations create what these say."""

from coop.billing.tables.core import (
    bill_item,
    billing_run,
    invoice,
    invoice_charge,
    invoice_item,
    invoice_line,
    invoice_series,
    invoice_tax,
)
from coop.billing.tables.settling import allocation, dispute, write_off

__all__ = [
    "allocation",
    "bill_item",
    "billing_run",
    "dispute",
    "invoice",
    "invoice_charge",
    "invoice_item",
    "invoice_line",
    "invoice_series",
    "invoice_tax",
    "write_off",
]
