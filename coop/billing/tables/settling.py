"""What settles an invoice, and what is contested: allocations, write-offs, disputes."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, Table, text

from coop.billing.tables.base import (
    day_column,
    id_column,
    instant_column,
    minor_column,
    text_column,
    uuid_column,
)
from coop.db.base import metadata, references, tenant_column

allocation = Table(
    "allocation",
    metadata,
    tenant_column(),
    id_column(),
    uuid_column("invoice_id", "The invoice it settles."),
    text_column("source_kind", "What settles it: payment, credit_note or write_off."),
    uuid_column("source_id", "Which one."),
    minor_column("amount_minor", "How much of the invoice; negative takes back an earlier one."),
    day_column("effective_on", "The day it counts for."),
    text_column("recorded_by", "Subject who had it recorded."),
    instant_column("recorded_at", "When it was recorded."),
    CheckConstraint("source_kind IN ('payment', 'credit_note', 'write_off')", name="source_kind"),
    CheckConstraint("amount_minor <> 0", name="amount_minor"),
    references("invoice", "invoice_id"),
    Index("ix_allocation_invoice", "cooperative_id", "invoice_id"),
    Index("ix_allocation_source", "cooperative_id", "source_kind", "source_id"),
    comment="What was set against an invoice; what is open is its gross less the sum of these.",
)

write_off = Table(
    "write_off",
    metadata,
    tenant_column(),
    id_column(),
    uuid_column("invoice_id", "The invoice that will not be paid."),
    minor_column("amount_minor", "How much of it, tax and all."),
    minor_column("tax_minor", "How much of that is tax claimed back from 2200."),
    day_column("effective_on", "The day it counts for."),
    text_column("resolution", "The resolution that allows it."),
    text_column("reason", "Why it will not be paid."),
    uuid_column("entry_id", "Its entry."),
    text_column("recorded_by", "Subject who had it recorded."),
    instant_column("recorded_at", "When it was recorded."),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
    CheckConstraint("tax_minor BETWEEN 0 AND amount_minor", name="tax_minor"),
    CheckConstraint("resolution <> ''", name="resolution"),
    references("invoice", "invoice_id"),
    references("journal_entry", "entry_id"),
    Index("ix_write_off_invoice", "cooperative_id", "invoice_id"),
    comment="Receivables given up, each by a resolution.",
)

dispute = Table(
    "dispute",
    metadata,
    tenant_column(),
    id_column(),
    uuid_column("member_id", "Who contests."),
    uuid_column("charge_id", "The charge contested, if it is one.", nullable=True),
    uuid_column("item_id", "The bill item contested, if it is one.", nullable=True),
    text_column("opened_by", "Subject who opened it."),
    instant_column("opened_at", "When it was opened."),
    text_column("reason", "Why the member contests it."),
    minor_column("held_minor", "What is held while it is open: the contested amount with tax."),
    text_column("decided_by", "Subject who decided it; null while it is open.", nullable=True),
    instant_column("decided_at", "When it was decided.", nullable=True),
    text_column("decision", "credited or refused; null while it is open.", nullable=True),
    text_column("decision_reason", "Why it was decided so.", nullable=True),
    text_column("resolution", "The resolution it rests on, if one is named.", nullable=True),
    uuid_column("credit_item_id", "The bill item that credits it, if one does.", nullable=True),
    CheckConstraint("(charge_id IS NULL) <> (item_id IS NULL)", name="contested"),
    CheckConstraint("decision IN ('credited', 'refused')", name="decision"),
    CheckConstraint("num_nulls(decided_by, decided_at, decision) IN (0, 3)", name="decided_at"),
    CheckConstraint("(credit_item_id IS NULL) OR decision = 'credited'", name="credit_item_id"),
    CheckConstraint("decided_by <> opened_by", name="decided_by"),
    references("member", "member_id"),
    references("charge", "charge_id"),
    references("bill_item", "item_id", name="fk_dispute_item"),
    references("bill_item", "credit_item_id", name="fk_dispute_credit_item"),
    Index(
        "uq_dispute_open_charge",
        "cooperative_id",
        "charge_id",
        unique=True,
        postgresql_where=text("decided_at IS NULL"),
    ),
    Index(
        "uq_dispute_open_item",
        "cooperative_id",
        "item_id",
        unique=True,
        postgresql_where=text("decided_at IS NULL"),
    ),
    Index("ix_dispute_member", "cooperative_id", "member_id", "id"),
    comment="A charge or item that its member contests; the amount is held until it is decided.",
)
