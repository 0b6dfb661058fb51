"""How the ledger is stored: what the migration creates, CHECKs aside, and a test compares."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine, UserDefinedType

from coop.db.base import metadata, tenant_column


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id: the order in which database transactions began."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:  # noqa: D102 - SQLAlchemy's own
        return "xid8"


_Type = TypeEngine[Any] | type[TypeEngine[Any]]
_INSTANT = DateTime(timezone=True)


def _key(name: str, type_: _Type, comment: str) -> Column[object]:
    return Column(name, type_, primary_key=True, nullable=False, comment=comment)


def _must(
    name: str,
    type_: _Type,
    comment: str,
    default: str | None = None,
) -> Column[object]:
    server_default = None if default is None else text(default)
    return Column(name, type_, nullable=False, comment=comment, server_default=server_default)


def _may(name: str, type_: _Type, comment: str) -> Column[object]:
    return Column(name, type_, nullable=True, comment=comment)


def _of_cooperative() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["cooperative_id"], ["cooperative.cooperative_id"])


def _refers(name: str, column: str, table: str, key: str = "id") -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["cooperative_id", column], [f"{table}.cooperative_id", f"{table}.{key}"], name=name
    )


commodity = Table(
    "commodity",
    metadata,
    tenant_column(),
    _key("code", Text, "ISO 4217 for a currency; kWh for energy."),
    _must("kind", Text, "currency, energy or share."),
    _must("scale", SmallInteger, "Decimals: amounts are stored in the smallest unit."),
    _of_cooperative(),
    comment="What amounts are counted in: a currency, energy, shares.",
)

account = Table(
    "account",
    metadata,
    tenant_column(),
    _key("id", Uuid, "UUID version 7."),
    _must("code", Text, "Its number in the chart of accounts."),
    _must("name", Text, "What it is called."),
    _must("type", Text, "asset, liability, equity, revenue, expense or memorandum (energy)."),
    _must("normal_side", SmallInteger, "Side on which it grows: 1 debit, -1 credit."),
    _must("commodity", Text, "The one commodity its postings are in."),
    _may("member_id", Uuid, "The member it is opened for, if any."),
    _may("hub_id", Uuid, "The hub it is opened for, if any; the ledger knows hubs by id only."),
    _may("vintage", SmallInteger, "The year it is opened for, if any."),
    _must(
        "is_summary",
        Boolean,
        "Whether it is a heading of the chart, which takes no postings.",
        default="FALSE",
    ),
    _may(
        "floor_minor",
        BigInteger,
        "Least it may hold on its normal side, with holds; null: no limit.",
    ),
    _may(
        "ceiling_minor",
        BigInteger,
        "Most it may hold on its normal side, with holds; null: no limit.",
    ),
    _must("opened_on", Date, "First day it takes postings of."),
    _may("closed_on", Date, "Last day it takes postings of; null while it is open."),
    _refers("fk_account_commodity", "commodity", "commodity", "code"),
    _refers("fk_account_member", "member_id", "member"),
    UniqueConstraint(
        "cooperative_id",
        "code",
        "commodity",
        "member_id",
        "hub_id",
        "vintage",
        name="uq_account_code",
        postgresql_nulls_not_distinct=True,
    ),
    Index(
        "ix_account_member",
        "cooperative_id",
        "member_id",
        postgresql_where=text("member_id IS NOT NULL"),
    ),
    comment="An account of the chart, opened once or for a member, a hub or a year.",
)

fund = Table(
    "fund",
    metadata,
    tenant_column(),
    _key("id", Uuid, "UUID version 7; the cooperative's id for the unrestricted fund."),
    _must("code", Text, "Its short name, unique in the cooperative."),
    _must("name", Text, "What it is called."),
    _must("restriction", Text, "none, purpose or time.", default="'none'"),
    _may("grant_reference", Text, "The grant it came from, if any."),
    _of_cooperative(),
    UniqueConstraint("cooperative_id", "code", name="uq_fund_code"),
    comment="What money is bound to. The unrestricted fund has the cooperative's own id.",
)

journal_entry = Table(
    "journal_entry",
    metadata,
    tenant_column(),
    _key("id", Uuid, "UUID version 7."),
    _must("kind", Text, "What kind of event it books."),
    _must("effective_on", Date, "The day it counts for."),
    _must("recorded_at", _INSTANT, "When it was written; later on an account means later here."),
    _must("memo", Text, "What it says to a reader."),
    _must("actor", Text, "Who had it posted."),
    _may("source_kind", Text, "What it was made from: a kind of thing,"),
    _may("source_id", Text, "and which one."),
    _may("resolution_id", Uuid, "The vote that authorised it, where one did."),
    _may("reverses_id", Uuid, "The entry it takes back; an entry is taken back once."),
    _must("metadata", JSONB, "Further facts, as JSON; hashed like the rest.", default="'{}'"),
    _must(
        "xact_id",
        Xid8,
        "Database transaction that wrote it: the order of sealing.",
        default="pg_current_xact_id()",
    ),
    _refers("fk_journal_entry_reverses", "reverses_id", "journal_entry"),
    Index(
        "uq_journal_entry_reverses",
        "cooperative_id",
        "reverses_id",
        unique=True,
        postgresql_where=text("reverses_id IS NOT NULL"),
    ),
    Index("ix_journal_entry_xact", "xact_id"),
    comment="The journal: what happened, written once. A correction is a new entry.",
)

posting = Table(
    "posting",
    metadata,
    tenant_column(),
    _key("account_id", Uuid, "The account it moves."),
    _key("fund_id", Uuid, "The fund it moves."),
    _key(
        "version",
        BigInteger,
        "Running number of the account's postings in this fund, from 1, without a gap.",
    ),
    _must("entry_id", Uuid, "The entry it belongs to."),
    _must("line", SmallInteger, "Its place in the entry, from 0."),
    _must("commodity", Text, "The account's commodity."),
    _must(
        "amount_minor",
        BigInteger,
        "Amount in the commodity's smallest unit; debit positive, never 0.",
    ),
    _must("balance_after", BigInteger, "Debits less credits of the account in this fund after it."),
    _must("effective_on", Date, "The entry's effective day."),
    _refers("fk_posting_entry", "entry_id", "journal_entry"),
    _refers("fk_posting_account", "account_id", "account"),
    _refers("fk_posting_fund", "fund_id", "fund"),
    Index("ix_posting_entry", "cooperative_id", "entry_id"),
    comment="One line of an entry; a statement page is one range of its key.",
)

balance = Table(
    "balance",
    metadata,
    tenant_column(),
    _key("account_id", Uuid, "The account."),
    _key("fund_id", Uuid, "The fund."),
    _must("debit_minor", BigInteger, "Sum of all debits.", default="0"),
    _must("credit_minor", BigInteger, "Sum of all credits.", default="0"),
    _must("pending_debit_minor", BigInteger, "What pending holds would debit.", default="0"),
    _must("pending_credit_minor", BigInteger, "What pending holds would credit.", default="0"),
    _must("version", BigInteger, "Running number of the last posting.", default="0"),
    _must(
        "recorded_at",
        _INSTANT,
        "When it was last moved; the next posting is recorded later.",
        default="'-infinity'",
    ),
    _must("commodity", Text, "The account's commodity."),
    _must("normal_side", SmallInteger, "The account's normal side: 1 debit, -1 credit."),
    _may("floor_minor", BigInteger, "The account's floor."),
    _may("ceiling_minor", BigInteger, "The account's ceiling."),
    _refers("fk_balance_account", "account_id", "account"),
    _refers("fk_balance_fund", "fund_id", "fund"),
    comment="Where each account stands in each fund now: one row, whatever its history.",
)

balance_day = Table(
    "balance_day",
    metadata,
    tenant_column(),
    _key("account_id", Uuid, "The account."),
    _key("fund_id", Uuid, "The fund."),
    _key("day", Date, "The effective day."),
    _must("debit_minor", BigInteger, "Debits of that day."),
    _must("credit_minor", BigInteger, "Credits of that day."),
    _must("first_version", BigInteger, "Running number of the first posting of that day."),
    _must("last_version", BigInteger, "Running number of the last posting of that day."),
    comment="What one effective day moved on an account in a fund: sums, never running totals.",
)

hold = Table(
    "hold",
    metadata,
    tenant_column(),
    _key("id", Uuid, "UUID version 7."),
    _must("debit_account_id", Uuid, "Account that a capture debits."),
    _must("credit_account_id", Uuid, "Account that a capture credits."),
    _must("fund_id", Uuid, "The fund."),
    _must("amount_minor", BigInteger, "How much is set aside."),
    _must("memo", Text, "What for."),
    _must("actor", Text, "Who set it aside."),
    _must("state", Text, "pending, captured, released or expired.", default="'pending'"),
    _must("placed_at", _INSTANT, "When it was set aside."),
    _must("expires_at", _INSTANT, "From when it can no longer be captured."),
    _may("settled_at", _INSTANT, "When it was captured, released or expired."),
    _must("captured_minor", BigInteger, "How much of it was moved.", default="0"),
    _may("entry_id", Uuid, "The entry that moved it."),
    _refers("fk_hold_debit_account", "debit_account_id", "account"),
    _refers("fk_hold_credit_account", "credit_account_id", "account"),
    _refers("fk_hold_fund", "fund_id", "fund"),
    Index(
        "ix_hold_pending",
        "cooperative_id",
        "expires_at",
        postgresql_where=text("state = 'pending'"),
    ),
    comment="Money set aside between two accounts until it is captured, released or expires.",
)

idempotency = Table(
    "idempotency",
    metadata,
    tenant_column(),
    _key("actor", Text, "Whose key it is."),
    _key("key", Text, "The key, as sent."),
    _must("request_hash", LargeBinary, "SHA-256 of everything the request asked for."),
    _may("entry_id", Uuid, "The entry it made, or would have made."),
    _may(
        "outcome",
        JSONB,
        "The refusal, or the outcome of a request that is no posting; null for an entry.",
    ),
    _must("recorded_at", _INSTANT, "When.", default="clock_timestamp()"),
    comment="What became of a request, by its key; a retry is told the same, for ever.",
)

period = Table(
    "period",
    metadata,
    tenant_column(),
    Column(
        "id", Uuid, primary_key=True, comment="UUID version 7.", server_default=text("uuidv7()")
    ),
    _must("from_on", Date, "Its first day."),
    _must("to_on", Date, "The first day after it."),
    _must("state", Text, "open, closing or closed.", default="'open'"),
    _may("closing_at", _INSTANT, "When its close began."),
    _may("closed_at", _INSTANT, "When it was closed; names the close that counts."),
    _may("closed_by", Text, "Who closed it."),
    _may("seal_number", BigInteger, "The seal that covers it."),
    _may("resolution_id", Uuid, "The vote that last reopened it, if any."),
    _of_cooperative(),
    UniqueConstraint("cooperative_id", "from_on", name="uq_period_from"),
    comment="A month of the books: open, closing or closed. Months have no gaps.",
)

period_close = Table(
    "period_close",
    metadata,
    tenant_column(),
    _key("period_id", Uuid, "The month."),
    _key("closed_at", _INSTANT, "When it was closed."),
    _must("closed_by", Text, "Who closed it."),
    _must("seal_number", BigInteger, "The seal that covered it."),
    _refers("fk_period_close_period", "period_id", "period"),
    comment="Each close of a month, also those that a vote undid later.",
)

period_balance = Table(
    "period_balance",
    metadata,
    tenant_column(),
    _key("period_id", Uuid, "The month."),
    _key("closed_at", _INSTANT, "The close that kept it."),
    _key("account_id", Uuid, "The account."),
    _key("fund_id", Uuid, "The fund."),
    _must("debit_minor", BigInteger, "Debits of all days up to its end."),
    _must("credit_minor", BigInteger, "Credits of all days up to its end."),
    ForeignKeyConstraint(
        ["cooperative_id", "period_id", "closed_at"],
        ["period_close.cooperative_id", "period_close.period_id", "period_close.closed_at"],
        name="fk_period_balance_close",
    ),
    comment="Where each account stood at the end of a closed month.",
)

seal = Table(
    "seal",
    metadata,
    tenant_column(),
    _key("number", BigInteger, "Place in the chain, from 1."),
    _must("previous_hash", LargeBinary, "Hash of the link before it; zeros for the first."),
    _must("root", LargeBinary, "Merkle root over the content hashes of its entries."),
    _must("hash", LargeBinary, "SHA-256 of this link's facts: what people print and keep."),
    _must("entry_count", BigInteger, "How many entries it holds."),
    _must("watermark", Xid8, "Every database transaction below it is sealed."),
    _must("sealed_at", _INSTANT, "When it was made."),
    _of_cooperative(),
    comment="A link of the chain: it fixes a batch of entries and all links before it.",
)

seal_cursor = Table(
    "seal_cursor",
    metadata,
    tenant_column(),
    _must("xact_id", Xid8, "The last seal's watermark."),
    _of_cooperative(),
    comment="How far sealing is: where the next seal starts to look.",
)

entry_seal = Table(
    "entry_seal",
    metadata,
    tenant_column(),
    _key("entry_id", Uuid, "The entry."),
    _must("seal_number", BigInteger, "The seal."),
    _must("position", Integer, "Place among the seal's entries, from 0."),
    _must("content_hash", LargeBinary, "SHA-256 of the entry's canonical form when it was sealed."),
    _refers("fk_entry_seal_seal", "seal_number", "seal", "number"),
    UniqueConstraint("cooperative_id", "seal_number", "position", name="uq_entry_seal_position"),
    comment="In which seal an entry stands, and what it said then.",
)

outbox = Table(
    "outbox",
    metadata,
    tenant_column(),
    Column(
        "id",
        Uuid,
        primary_key=True,
        comment="UUID version 7: the order of telling.",
        server_default=text("uuidv7()"),
    ),
    _must("topic", Text, "What kind of fact."),
    _must("payload", JSONB, "The fact."),
    _must("recorded_at", _INSTANT, "When.", default="clock_timestamp()"),
    _must("xact_id", Xid8, "Database transaction that told it.", default="pg_current_xact_id()"),
    comment="What happened, for whoever subscribes, in the commit that did it.",
)
