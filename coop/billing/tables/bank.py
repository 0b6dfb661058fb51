"""Our bank accounts, the files and lines the bank sent, and the rules about them."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Table, UniqueConstraint, text

from coop.billing.tables.base import (
    day_column,
    id_column,
    instant_column,
    json_column,
    minor_column,
    number_column,
    of_cooperative,
    text_column,
    uuid_column,
)
from coop.db.base import metadata, references, tenant_column


def bytes_column(name: str, comment: str) -> Column[object]:
    """Bytes as they came, or a hash."""
    return Column(name, LargeBinary, nullable=False, comment=comment)


bank_account = Table(
    "bank_account",
    metadata,
    tenant_column(),
    id_column(),
    text_column("iban", "Its IBAN without blanks."),
    text_column("bic", "The bank's BIC, if it is known.", nullable=True),
    text_column("name", "The holder, as direct debits name who collects."),
    text_column("account_code", "The account of the chart that holds its money."),
    text_column("creditor_id", "Our SEPA creditor identifier, where we collect.", nullable=True),
    text_column("opened_by", "Subject who entered it."),
    instant_column("opened_at", "When it was entered."),
    UniqueConstraint("cooperative_id", "iban"),
    CheckConstraint("iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}$'", name="iban"),
    of_cooperative(),
    comment="Accounts of the cooperative at banks.",
)

bank_file = Table(
    "bank_file",
    metadata,
    tenant_column(),
    id_column(),
    uuid_column("bank_account_id", "The account; a file of several has a row for each."),
    text_column("kind", "camt.053 or mt940."),
    text_column("file_name", "What the file was called."),
    bytes_column("sha256", "SHA-256 of the file: it is read once."),
    minor_column("lines", "How many lines of the account it has."),
    minor_column("known", "How many of them were here already."),
    text_column("imported_by", "Subject who imported it."),
    instant_column("imported_at", "When it was imported."),
    UniqueConstraint("cooperative_id", "bank_account_id", "sha256"),
    CheckConstraint("kind IN ('camt.053', 'mt940')", name="kind"),
    CheckConstraint("octet_length(sha256) = 32", name="sha256"),
    CheckConstraint("known BETWEEN 0 AND lines", name="known"),
    references("bank_account", "bank_account_id"),
    comment="Files of the bank that were read.",
)

bank_statement = Table(
    "bank_statement",
    metadata,
    tenant_column(),
    id_column(),
    uuid_column("bank_file_id", "The file it stands in."),
    uuid_column("bank_account_id", "The account."),
    text_column("statement", "What the bank calls it."),
    day_column("opened_on", "Day of its opening balance."),
    day_column("closed_on", "Day of its closing balance."),
    minor_column("opening_minor", "What was there before its lines."),
    minor_column("closing_minor", "What was there after them: opening and lines, tried."),
    minor_column("lines", "How many lines it has."),
    references("bank_file", "bank_file_id"),
    references("bank_account", "bank_account_id"),
    Index("ix_bank_statement_account", "cooperative_id", "bank_account_id", "closed_on", "id"),
    comment="Statements in those files, each with balances that its lines explain.",
)

bank_line = Table(
    "bank_line",
    metadata,
    tenant_column(),
    id_column(),
    uuid_column("bank_account_id", "The account it moved."),
    uuid_column("statement_id", "The statement that brought it first."),
    number_column("number", "Its place on that statement, from 1."),
    bytes_column("facts_sha256", "SHA-256 of what makes it the same line in another file."),
    number_column("occurrence", "Which of lines alike in everything on that day, from 1."),
    day_column("booked_on", "The day the bank booked it: the day it is posted on."),
    day_column("value_on", "The day from which the bank counts it, if said.", nullable=True),
    minor_column("amount_minor", "Money in is positive."),
    text_column("currency", "ISO 4217 code of its amount."),
    text_column("bank_reference", "The bank's own name of it.", nullable=True),
    text_column("end_to_end_id", "The payer's or our name of the payment.", nullable=True),
    text_column("mandate_reference", "The mandate it names.", nullable=True),
    text_column("creditor_reference", "The structured reference it carries.", nullable=True),
    text_column("batch_reference", "The batches it settles, one a line.", nullable=True),
    text_column("content", "What the payer and the bank wrote, in one line."),
    text_column("counterparty_name", "Who is on the other side.", nullable=True),
    text_column("counterparty_iban", "From or to which account.", nullable=True),
    text_column("return_code", "Why it gives back what was collected or paid.", nullable=True),
    minor_column("original_minor", "What was collected, where it is given back.", nullable=True),
    bytes_column("raw", "The line as it came."),
    text_column("state", "unmatched until somebody knows; posted; linked to what was posted."),
    text_column("why", "Why it is what it is, or why nobody can tell."),
    json_column("candidates", "What it might be while it is unmatched: kind, id and why."),
    uuid_column("member_id", "Whose money it is, if a member's.", nullable=True),
    uuid_column("entry_id", "Its entry, once it is posted.", nullable=True),
    text_column("settled_by", "Subject who had it matched or assigned it.", nullable=True),
    instant_column("settled_at", "When.", nullable=True),
    instant_column("recorded_at", "When it was read."),
    UniqueConstraint(
        "cooperative_id", "bank_account_id", "facts_sha256", "occurrence", name="uq_bank_line_facts"
    ),
    CheckConstraint("amount_minor <> 0", name="amount_minor"),
    CheckConstraint("occurrence > 0", name="occurrence"),
    CheckConstraint("octet_length(facts_sha256) = 32", name="facts_sha256"),
    CheckConstraint("state IN ('unmatched', 'posted', 'linked')", name="state"),
    CheckConstraint("state <> 'posted' OR entry_id IS NOT NULL", name="posted"),
    CheckConstraint("state <> 'unmatched' OR entry_id IS NULL", name="unmatched"),
    references("bank_account", "bank_account_id"),
    references("bank_statement", "statement_id"),
    references("member", "member_id"),
    references("journal_entry", "entry_id"),
    Index("ix_bank_line_day", "cooperative_id", "booked_on", "id"),
    Index("ix_bank_line_account", "cooperative_id", "bank_account_id", "booked_on"),
    Index(
        "ix_bank_line_unmatched",
        "cooperative_id",
        "booked_on",
        "id",
        postgresql_where=text("state = 'unmatched'"),
    ),
    comment="What moved on our accounts, each line once however often files bring it.",
)

bank_rule = Table(
    "bank_rule",
    metadata,
    tenant_column(),
    id_column(),
    text_column("name", "What it is called."),
    text_column("contains", "What the line's text or sender must contain.", nullable=True),
    text_column("iban", "From or to which account the line must be.", nullable=True),
    uuid_column("member_id", "The member whose payment it is then,", nullable=True),
    text_column("account_code", "or the account it is posted to.", nullable=True),
    text_column("set_by", "Subject who set it."),
    instant_column("set_at", "When it was set."),
    text_column("ended_by", "Subject who ended it.", nullable=True),
    instant_column("ended_at", "When it was ended; null while it is in force.", nullable=True),
    CheckConstraint("num_nonnulls(contains, iban) > 0", name="condition"),
    CheckConstraint("num_nonnulls(member_id, account_code) = 1", name="target"),
    CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),
    references("member", "member_id"),
    Index(
        "uq_bank_rule_name",
        "cooperative_id",
        "name",
        unique=True,
        postgresql_where=text("ended_at IS NULL"),
    ),
    comment="What the cooperative decided about lines that no reference explains.",
)
