"""How issued documents are remembered; the migration creates what these say to SQLAlchemy."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from coop.db.base import metadata, references, tenant_column


def _id() -> Column[object]:
    return Column("id", Uuid, primary_key=True, nullable=False, comment="UUID version 7.")


def _uuid(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, Uuid, nullable=nullable, comment=comment)


def _text(name: str, comment: str) -> Column[object]:
    return Column(name, Text, nullable=False, comment=comment)


def _count(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, BigInteger, nullable=nullable, comment=comment)


def _instant(name: str, comment: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, comment=comment)


def _day(name: str, comment: str) -> Column[object]:
    return Column(name, Date, nullable=False, comment=comment)


def _sha256(name: str, comment: str) -> Column[object]:
    return Column(name, LargeBinary, nullable=False, comment=comment)


statement = Table(
    "statement",
    metadata,
    tenant_column(),
    _id(),
    _uuid("member_id", "Whose statement it is."),
    _count("number", "1, 2, 3 … for each member, without gaps."),
    _day("from_on", "First day it covers."),
    _day("to_on", "First day it no longer covers."),
    _instant("issued_at", "When it was issued."),
    _text("issued_by", "Subject who had it issued."),
    _text("currency", "ISO 4217 code of its amounts."),
    _count("opening_minor", "What the member owed before (+), or was owed (−)."),
    _count("closing_minor", "What the member owes after (+), or is owed (−)."),
    _count("entry_count", "How many lines it has."),
    _sha256("content_sha256", "SHA-256 of what it says, whenever it was issued."),
    _count("seal_number", "The newest seal when it was issued; null before any.", nullable=True),
    _uuid("previous_id", "The statement whose closing is its opening, if any.", nullable=True),
    _uuid("supersedes_id", "The statement of the same period it replaces, if any.", nullable=True),
    _text("program_version", "The version of this program that drew it."),
    UniqueConstraint("cooperative_id", "member_id", "number"),
    UniqueConstraint("cooperative_id", "supersedes_id"),
    CheckConstraint("number > 0", name="number"),
    CheckConstraint("to_on > from_on", name="to_on"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint("entry_count >= 0", name="entry_count"),
    CheckConstraint("octet_length(content_sha256) = 32", name="content_sha256"),
    references("member", "member_id"),
    references("statement", "previous_id", name="fk_statement_previous"),
    references("statement", "supersedes_id", name="fk_statement_supersedes"),
    Index("ix_statement_period", "cooperative_id", "member_id", "to_on", "number"),
    comment="Statements as issued: never changed, only superseded by a later one.",
)

document = Table(
    "document",
    metadata,
    tenant_column(),
    _id(),
    _uuid("statement_id", "The statement it is a drawing of, if it is of one.", nullable=True),
    _text("locale", "In which language and conventions, as de_CH."),
    _text("media_type", "What kind of file it is."),
    _text("file_name", "What it is called when it is downloaded."),
    _sha256("sha256", "SHA-256 of the file."),
    _count("size_bytes", "Size of the file."),
    _text("stored_as", "Its key in the store of documents."),
    _instant("stored_at", "When it was stored."),
    _uuid("invoice_id", "The invoice it is a drawing of, if it is of one.", nullable=True),
    UniqueConstraint("cooperative_id", "statement_id", "locale", "media_type"),
    UniqueConstraint("cooperative_id", "invoice_id", "locale", "media_type"),
    CheckConstraint("num_nonnulls(statement_id, invoice_id) = 1", name="of"),
    CheckConstraint("size_bytes > 0", name="size_bytes"),
    CheckConstraint("octet_length(sha256) = 32", name="sha256"),
    references("statement", "statement_id"),
    references("invoice", "invoice_id"),
    comment="Files of issued statements and invoices; the store keeps their bytes.",
)
