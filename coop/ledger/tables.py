"""How the ledger is stored. The migration creates it; these say the same to SQLAlchemy."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType

from coop.db.base import metadata, tenant_column


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id: the order in which database transactions began."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The type's name in DDL."""
        return "xid8"


def _id(name: str = "id", *, key: bool = True) -> Column[object]:
    return Column(name, Uuid, primary_key=key, nullable=False)


def _minor(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, BigInteger, nullable=nullable)


def _text(name: str, *, nullable: bool = False, key: bool = False) -> Column[object]:
    return Column(name, Text, nullable=nullable, primary_key=key)


def _instant(name: str, *, nullable: bool = False, key: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable, primary_key=key)


def _day(name: str, *, nullable: bool = False, key: bool = False) -> Column[object]:
    return Column(name, Date, nullable=nullable, primary_key=key)


commodity = Table(
    "commodity",
    metadata,
    tenant_column(),
    _text("code", key=True),
    _text("kind"),
    Column("scale", SmallInteger, nullable=False),
)

account = Table(
    "account",
    metadata,
    tenant_column(),
    _id(),
    _text("code"),
    _text("name"),
    _text("type"),
    Column("normal_side", SmallInteger, nullable=False),
    _text("commodity"),
    Column("member_id", Uuid),
    Column("hub_id", Uuid),
    Column("vintage", SmallInteger),
    Column("is_summary", Boolean, nullable=False),
    _minor("floor_minor", nullable=True),
    _minor("ceiling_minor", nullable=True),
    _day("opened_on"),
    _day("closed_on", nullable=True),
)

fund = Table(
    "fund",
    metadata,
    tenant_column(),
    _id(),
    _text("code"),
    _text("name"),
    _text("restriction"),
    _text("grant_reference", nullable=True),
)

journal_entry = Table(
    "journal_entry",
    metadata,
    tenant_column(),
    _id(),
    _text("kind"),
    _day("effective_on"),
    _instant("recorded_at"),
    _text("memo"),
    _text("actor"),
    _text("source_kind", nullable=True),
    _text("source_id", nullable=True),
    Column("resolution_id", Uuid),
    Column("reverses_id", Uuid),
    Column("metadata", JSONB, nullable=False),
    Column("xact_id", Xid8, nullable=False),
)

posting = Table(
    "posting",
    metadata,
    tenant_column(),
    _id("account_id"),
    _id("fund_id"),
    Column("version", BigInteger, primary_key=True),
    _id("entry_id", key=False),
    Column("line", SmallInteger, nullable=False),
    _text("commodity"),
    _minor("amount_minor"),
    _minor("balance_after"),
    _day("effective_on"),
)

balance = Table(
    "balance",
    metadata,
    tenant_column(),
    _id("account_id"),
    _id("fund_id"),
    _minor("debit_minor"),
    _minor("credit_minor"),
    _minor("pending_debit_minor"),
    _minor("pending_credit_minor"),
    Column("version", BigInteger, nullable=False),
    _instant("recorded_at"),
    _text("commodity"),
    Column("normal_side", SmallInteger, nullable=False),
    _minor("floor_minor", nullable=True),
    _minor("ceiling_minor", nullable=True),
)

balance_day = Table(
    "balance_day",
    metadata,
    tenant_column(),
    _id("account_id"),
    _id("fund_id"),
    _day("day", key=True),
    _minor("debit_minor"),
    _minor("credit_minor"),
    Column("first_version", BigInteger, nullable=False),
    Column("last_version", BigInteger, nullable=False),
)

hold = Table(
    "hold",
    metadata,
    tenant_column(),
    _id(),
    _id("debit_account_id", key=False),
    _id("credit_account_id", key=False),
    _id("fund_id", key=False),
    _minor("amount_minor"),
    _text("memo"),
    _text("actor"),
    _text("state"),
    _instant("placed_at"),
    _instant("expires_at"),
    _instant("settled_at", nullable=True),
    _minor("captured_minor"),
    Column("entry_id", Uuid),
)

idempotency = Table(
    "idempotency",
    metadata,
    tenant_column(),
    _text("actor", key=True),
    _text("key", key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("entry_id", Uuid),
    Column("outcome", JSONB),
    _instant("recorded_at"),
)

period = Table(
    "period",
    metadata,
    tenant_column(),
    _id(),
    _day("from_on"),
    _day("to_on"),
    _text("state"),
    _instant("closing_at", nullable=True),
    _instant("closed_at", nullable=True),
    _text("closed_by", nullable=True),
    Column("seal_number", BigInteger),
    Column("resolution_id", Uuid),
)

period_close = Table(
    "period_close",
    metadata,
    tenant_column(),
    _id("period_id"),
    _instant("closed_at", key=True),
    _text("closed_by"),
    Column("seal_number", BigInteger, nullable=False),
)

period_balance = Table(
    "period_balance",
    metadata,
    tenant_column(),
    _id("period_id"),
    _instant("closed_at", key=True),
    _id("account_id"),
    _id("fund_id"),
    _minor("debit_minor"),
    _minor("credit_minor"),
)

seal = Table(
    "seal",
    metadata,
    tenant_column(),
    Column("number", BigInteger, primary_key=True),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("entry_count", BigInteger, nullable=False),
    Column("watermark", Xid8, nullable=False),
    _instant("sealed_at"),
)

seal_cursor = Table(
    "seal_cursor", metadata, tenant_column(), Column("xact_id", Xid8, nullable=False)
)

entry_seal = Table(
    "entry_seal",
    metadata,
    tenant_column(),
    _id("entry_id"),
    Column("seal_number", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    tenant_column(),
    _id(),
    _text("topic"),
    Column("payload", JSONB, nullable=False),
    _instant("recorded_at"),
    Column("xact_id", Xid8, nullable=False),
)
