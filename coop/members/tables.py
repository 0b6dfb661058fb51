"""How people are stored. The migration creates it; these say the same to SQLAlchemy."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from coop.db.base import metadata, references, tenant_column


def _id() -> Column[object]:
    return Column("id", Uuid, primary_key=True, nullable=False, comment="UUID version 7.")


def _text(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, Text, nullable=nullable, comment=comment)


def _instant(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable, comment=comment)


def _day(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, Date, nullable=nullable, comment=comment)


def _of_cooperative() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["cooperative_id"], ["cooperative.cooperative_id"])


cooperative = Table(
    "cooperative",
    metadata,
    tenant_column(),
    _text("slug", "Its name in addresses and on the command line; unique among all cooperatives."),
    _text("name", "Its full name, as on documents."),
    _text("currency", "ISO 4217 code of the currency its books are kept in."),
    _text("time_zone", "IANA time zone whose days are its days."),
    Column(
        "last_member_number",
        BigInteger,
        nullable=False,
        comment="The last member number given out; locking it also makes role changes take turns.",
    ),
    _instant("created_at", "When it was set up here."),
    UniqueConstraint("slug"),
    CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,38}[a-z0-9]$'", name="slug"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint("last_member_number >= 0", name="last_member_number"),
    comment="A cooperative: one tenant, one set of books.",
)

member = Table(
    "member",
    metadata,
    tenant_column(),
    _id(),
    Column(
        "number",
        Text(collation="C"),
        nullable=False,
        comment="Its number, unique in the cooperative; members are listed by it.",
    ),
    _text("name", "Whom the member is called on bills and statements."),
    _text("email", "Where it is written to, if known.", nullable=True),
    _day("joined_on", "First day of membership."),
    _day("left_on", "First day no longer a member; null while it is one.", nullable=True),
    UniqueConstraint("cooperative_id", "number"),
    CheckConstraint("left_on > joined_on", name="left_on"),
    _of_cooperative(),
    comment="A member of a cooperative: who owns it, charges at it and owes it.",
)

person_role = Table(
    "person_role",
    metadata,
    tenant_column(),
    _id(),
    _text("subject", "Who holds the role: the sub of their tokens."),
    _text("role", "What they may be; coop/members/domain/policy.py says what that lets them do."),
    Column("member_id", Uuid, comment="The member an operator acts for; null for all other roles."),
    Column("grant_id", Uuid, comment="The one grant a grant administrator is held to, if any."),
    _day("from_on", "First day the role counts, in the cooperative's time zone."),
    _day("to_on", "First day it no longer counts; null while no end is known.", nullable=True),
    _text("granted_by", "Subject who granted it."),
    _instant("granted_at", "When it was granted."),
    _text("ended_by", "Subject who ended it, or set another end.", nullable=True),
    _instant("ended_at", "When that was done.", nullable=True),
    CheckConstraint(
        "role IN ('OPERATOR', 'BOARD', 'TREASURER', 'GRANT_ADMINISTRATOR', 'AUDITOR', "
        "'ADMINISTRATOR')",
        name="role",
    ),
    CheckConstraint("(role = 'OPERATOR') = (member_id IS NOT NULL)", name="member_id"),
    CheckConstraint("grant_id IS NULL OR role = 'GRANT_ADMINISTRATOR'", name="grant_id"),
    CheckConstraint("to_on >= from_on", name="to_on"),
    CheckConstraint("subject <> ''", name="subject"),
    _of_cooperative(),
    references("member", "member_id"),
    Index("ix_person_role_subject", "subject"),
    Index("ix_person_role_member", "cooperative_id", "member_id"),
    Index(
        "uq_person_role_open",
        "cooperative_id",
        "subject",
        "role",
        "member_id",
        "grant_id",
        unique=True,
        postgresql_where=text("to_on IS NULL"),
        postgresql_nulls_not_distinct=True,
    ),
    comment="Who may be what, where, on which days; ended by dating, never deleted.",
)

member_class = Table(
    "member_class",
    metadata,
    tenant_column(),
    _id(),
    Column("member_id", Uuid, nullable=False, comment="Who is of the class."),
    _text("class", "Lower-case name of the class; guest is nobody's."),
    _day("from_on", "First day it counts, at the hub where it is asked for."),
    _day(
        "to_on",
        "First day it no longer counts; null while no end is known. From = to: withdrawn.",
        nullable=True,
    ),
    _text("set_by", "Subject who set it."),
    _instant("set_at", "When it was set."),
    _text("ended_by", "Subject who set the next class, or none.", nullable=True),
    CheckConstraint("class ~ '^[a-z0-9][a-z0-9_-]*$' AND class <> 'guest'", name="class"),
    CheckConstraint("to_on >= from_on", name="to_on"),
    references("member", "member_id"),
    Index("ix_member_class_member", "cooperative_id", "member_id", "from_on"),
    comment="Which class a member is of on which days: what tariffs and votes may tell apart.",
)

access_token = Table(
    "access_token",
    metadata,
    tenant_column(),
    _id(),
    Column(
        "token_sha256",
        LargeBinary,
        nullable=False,
        comment="SHA-256 of the token's text; the token itself is kept nowhere.",
    ),
    _text("name", "What its holder uses it for."),
    _text("subject", "Whose roles it narrows."),
    Column("scopes", ARRAY(Text), nullable=False, comment="What it may do at most."),
    Column("grant_ids", ARRAY(Uuid), nullable=False, comment="The grants it is limited to."),
    _text("created_by", "Subject who made it."),
    _instant("created_at", "When it was made."),
    _instant("expires_at", "From when it is refused; at most a year after it was made."),
    _text("revoked_by", "Subject who withdrew it.", nullable=True),
    _instant("revoked_at", "When it was withdrawn; never taken back.", nullable=True),
    _instant("last_used_at", "When it was last used, to the minute.", nullable=True),
    UniqueConstraint("cooperative_id", "token_sha256"),
    CheckConstraint("octet_length(token_sha256) = 32", name="token_sha256"),
    CheckConstraint(
        "cardinality(scopes) > 0 "
        "AND scopes <@ ARRAY['grant:read', 'report:read', 'report:request']::text[]",
        name="scopes",
    ),
    CheckConstraint("cardinality(grant_ids) > 0", name="grant_ids"),
    CheckConstraint(
        "expires_at > created_at AND expires_at <= created_at + interval '366 days'",
        name="expires_at",
    ),
    _of_cooperative(),
    comment="Opaque tokens for machines of grant administrators: scoped, expiring, revocable.",
)


def _whole(name: str, comment: str) -> Column[object]:
    return Column(name, BigInteger, nullable=False, comment=comment)


def _address() -> list[Column[object]]:
    return [
        Column("lines", ARRAY(Text), nullable=False, comment="Its address before the postal code."),
        _text("postal_code", "Postal code of its address."),
        _text("city", "Town of its address."),
        _text("country", "Country of its address, ISO 3166-1 alpha-2."),
    ]


cooperative_profile = Table(
    "cooperative_profile",
    metadata,
    tenant_column(),
    _id(),
    _day("from_on", "First day it counts, until a later one does."),
    _text("legal_name", "Its name as it is registered."),
    *_address(),
    _text("register_number", "Its number in the register of companies.", nullable=True),
    _text("vat_id", "Its VAT number with the country before it.", nullable=True),
    _text("tax_number", "Its national tax number, where it has no VAT number.", nullable=True),
    _text("email", "Where it is written to.", nullable=True),
    _text("phone", "Where it is called.", nullable=True),
    _text("iban", "The account that members pay to.", nullable=True),
    _text("bic", "The bank of that account.", nullable=True),
    _whole("payment_days", "Days from issue until a bill is due."),
    _whole("dispute_days", "Days from issue until which a bill is disputed."),
    Column("taxes", JSONB, nullable=False, comment="Taxes charged where nothing else is said."),
    _text("exemption", "Why no tax is charged where none is.", nullable=True),
    _text("note", "What closes its documents.", nullable=True),
    _text("set_by", "Subject who set it."),
    _instant("set_at", "When it was set."),
    CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),
    CheckConstraint("payment_days BETWEEN 0 AND 365", name="payment_days"),
    CheckConstraint("dispute_days BETWEEN 0 AND 365", name="dispute_days"),
    _of_cooperative(),
    Index("ix_cooperative_profile_from_on", "cooperative_id", "from_on", "id"),
    comment="Who the cooperative is on paper, from a day on; never changed, only followed.",
)

member_profile = Table(
    "member_profile",
    metadata,
    tenant_column(),
    _id(),
    Column("member_id", Uuid, nullable=False, comment="Whose profile it is."),
    _day("from_on", "First day it counts, until a later one does."),
    _text("legal_name", "Its name as it is registered."),
    *_address(),
    _text("vat_id", "Its VAT number with the country before it.", nullable=True),
    _text("email", "Where its bills are sent.", nullable=True),
    _text("buyer_reference", "What its own books want to be quoted.", nullable=True),
    _text("locale", "Language and conventions of its documents, as de_CH.", nullable=True),
    _text("set_by", "Subject who set it."),
    _instant("set_at", "When it was set."),
    CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),
    references("member", "member_id"),
    Index("ix_member_profile_from_on", "cooperative_id", "member_id", "from_on", "id"),
    comment="Who a member is on paper, from a day on; never changed, only followed.",
)
