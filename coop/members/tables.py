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
from sqlalchemy.dialects.postgresql import ARRAY

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
