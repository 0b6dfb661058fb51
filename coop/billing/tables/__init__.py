"""How billing is stored, one module per topic; the migrations create what these say."""

from coop.billing.tables.bank import (
    bank_account,
    bank_file,
    bank_line,
    bank_rule,
    bank_statement,
)
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
from coop.billing.tables.payments import collection, collection_item, mandate, payment
from coop.billing.tables.settling import allocation, dispute, write_off

__all__ = [
    "allocation",
    "bank_account",
    "bank_file",
    "bank_line",
    "bank_rule",
    "bank_statement",
    "bill_item",
    "billing_run",
    "collection",
    "collection_item",
    "dispute",
    "invoice",
    "invoice_charge",
    "invoice_item",
    "invoice_line",
    "invoice_series",
    "invoice_tax",
    "mandate",
    "payment",
    "write_off",
]
