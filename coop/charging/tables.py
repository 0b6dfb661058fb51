"""How charging is stored. The migration creates it; these say the same to SQLAlchemy."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    Numeric,
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


def _uuid(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, Uuid, nullable=nullable, comment=comment)


def _text(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, Text, nullable=nullable, comment=comment)


def _count(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, BigInteger, nullable=nullable, comment=comment)


def _instant(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable, comment=comment)


def _day(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, Date, nullable=nullable, comment=comment)


def _bytes(name: str, comment: str) -> Column[object]:
    return Column(name, LargeBinary, nullable=False, comment=comment)


hub = Table(
    "hub",
    metadata,
    tenant_column(),
    _id(),
    _text("ref", "What charging platforms call it; unique in the cooperative."),
    _text("name", "What people call it."),
    _text("time_zone", "IANA time zone whose clocks and days are its own."),
    _count("power_w", "What one of its ports can deliver at most, if known.", nullable=True),
    _instant("registered_at", "When it was registered."),
    UniqueConstraint("cooperative_id", "ref"),
    CheckConstraint("ref <> '' AND name <> ''", name="named"),
    CheckConstraint("power_w > 0", name="power_w"),
    comment="A place with ports that the cooperative owns.",
)

port = Table(
    "port",
    metadata,
    tenant_column(),
    _id(),
    _uuid("hub_id", "Where it stands."),
    _text("ref", "What charging platforms call it (an EVSE's uid); unique at its hub."),
    _count("power_w", "What it can deliver at most, if known.", nullable=True),
    _instant("registered_at", "When it was registered."),
    UniqueConstraint("cooperative_id", "hub_id", "ref"),
    CheckConstraint("ref <> ''", name="named"),
    CheckConstraint("power_w > 0", name="power_w"),
    references("hub", "hub_id"),
    comment="Where one vehicle charges at a time.",
)

tariff_version = Table(
    "tariff_version",
    metadata,
    tenant_column(),
    _id(),
    _uuid("hub_id", "Whose tariff it is; null for every hub.", nullable=True),
    _text("member_class", "For members of this class (guest: of nobody); empty for every class."),
    _count("version", "1, 2, 3 … in the order they were set for this hub and class."),
    _instant("from_at", "Sessions that start at or after this are charged it, until the next."),
    _text("name", "What people call it."),
    _text("currency", "ISO 4217 code; the cooperative's own."),
    _text("document", "The OCPI tariff as canonical JSON."),
    _bytes("document_sha256", "SHA-256 of document."),
    _uuid(
        "corrects_id", "The version it takes the place of from the same instant on.", nullable=True
    ),
    _text("resolution", "The resolution that adopted it.", nullable=True),
    _text("set_by", "Subject who set it."),
    _instant("set_at", "When it was set."),
    CheckConstraint("member_class ~ '^([a-z0-9][a-z0-9_-]*)?$'", name="member_class"),
    CheckConstraint("version > 0", name="version"),
    CheckConstraint("name <> ''", name="name"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint(
        "document_sha256 = sha256(convert_to(document, 'UTF8'))", name="document_sha256"
    ),
    references("hub", "hub_id"),
    references("tariff_version", "corrects_id", name="fk_tariff_version_corrects"),
    Index(
        "uq_tariff_version_version",
        "cooperative_id",
        "hub_id",
        "member_class",
        "version",
        unique=True,
        postgresql_nulls_not_distinct=True,
    ),
    Index(
        "uq_tariff_version_from_at",
        "cooperative_id",
        "hub_id",
        "member_class",
        "from_at",
        unique=True,
        postgresql_where=text("corrects_id IS NULL"),
        postgresql_nulls_not_distinct=True,
    ),
    Index(
        "uq_tariff_version_corrects",
        "cooperative_id",
        "corrects_id",
        unique=True,
        postgresql_where=text("corrects_id IS NOT NULL"),
    ),
    comment="Tariffs in force from an instant on; a version once set stays, the next follows it.",
)

token = Table(
    "token",
    metadata,
    tenant_column(),
    _id(),
    _text("uid", "What the badge or app shows, upper case."),
    _uuid("member_id", "Who charges with it."),
    _day("from_on", "First day it is the member's, in the hub's time zone."),
    _day("to_on", "First day it no longer is; null while no end is known.", nullable=True),
    _text("assigned_by", "Subject who assigned it."),
    _instant("assigned_at", "When it was assigned."),
    _text("ended_by", "Subject who ended it.", nullable=True),
    CheckConstraint("uid <> ''", name="uid"),
    CheckConstraint("to_on > from_on", name="to_on"),
    references("member", "member_id"),
    Index("ix_token_uid", "cooperative_id", "uid", "from_on"),
    Index("ix_token_member", "cooperative_id", "member_id"),
    comment="Which member a badge belongs to, on which days; never two at once.",
)

import_run = Table(
    "import_run",
    metadata,
    tenant_column(),
    _id(),
    _text("kind", "csv (by a mapping) or cdr (OCPI)."),
    _text("file_name", "What the file was called."),
    _bytes("file_sha256", "SHA-256 of the file."),
    _text("actor", "Subject who imported it."),
    _instant("started_at", "When it began."),
    _instant("finished_at", "When it was through; null if it broke off.", nullable=True),
    _count("rows", "Rows read so far: accepted + rejected + duplicates + filtered."),
    _count("accepted", "Stored, priced and posted."),
    _count("rejected", "Refused; in import_rejection."),
    _count("duplicates", "Here already with the same facts."),
    _count("filtered", "Left out by the mapping."),
    _count("review", "Accepted with a doubt, or refused as implausible."),
    _count("delivered_wh", "Energy of the accepted rows, less what they credit."),
    _count("amount_minor", "Price of the accepted rows, less what they credit."),
    CheckConstraint("kind IN ('csv', 'cdr')", name="kind"),
    CheckConstraint("octet_length(file_sha256) = 32", name="file_sha256"),
    CheckConstraint("rows = accepted + rejected + duplicates + filtered", name="rows"),
    comment="One reading of one file; its counts grow with every committed chunk.",
)

import_rejection = Table(
    "import_rejection",
    metadata,
    tenant_column(),
    Column("run_id", Uuid, primary_key=True, comment="The import that refused it."),
    Column(
        "position", Integer, primary_key=True, comment="Its number among the rows read, from 1."
    ),
    _count("line", "Line of the file where it begins."),
    _text("field", "Column or path that is wrong; empty for the whole row."),
    _text("code", "Code of the refusal."),
    _text("reason", "One sentence for a person."),
    Column("implausible", Boolean, nullable=False, comment="Whether it is on the review list."),
    _bytes("raw", "The row as it came, byte for byte (the beginning of one that was too long)."),
    references("import_run", "run_id"),
    comment="What an import refused, and why: the correction report.",
)

charging_session = Table(
    "charging_session",
    metadata,
    tenant_column(),
    _id(),
    _text("country_code", "ISO 3166 code of who reported it."),
    _text("party_id", "Who reported it, within the country."),
    _text("session_id", "Its id there, upper case."),
    _uuid("hub_id", "Where."),
    _uuid("port_id", "At which port, if it is registered.", nullable=True),
    _text("token_uid", "By which badge, if one was shown.", nullable=True),
    _uuid("member_id", "Who used it; null while nobody is known for the badge.", nullable=True),
    _instant("started_at", "When the vehicle was plugged in."),
    _instant("ended_at", "When it was unplugged."),
    _day("effective_on", "Day of its end at the hub: the day it counts for."),
    _count("delivered_wh", "Energy delivered."),
    _text("state", "charged | suspended | credited | credit; see service.py."),
    _count("amount_minor", "What is charged for it before tax; negative for a credit."),
    _uuid("tariff_version_id", "The tariff it is charged by.", nullable=True),
    _uuid("entry_id", "Its journal entry; null when nothing was delivered.", nullable=True),
    _uuid("credit_of_id", "The session that this credit takes back.", nullable=True),
    Column("doubts", ARRAY(Text), nullable=False, comment="Why somebody should look at it."),
    _text("reviewed_by", "Subject who looked at it.", nullable=True),
    _instant("reviewed_at", "When.", nullable=True),
    _uuid("run_id", "The import that brought it."),
    _instant("recorded_at", "When it was stored."),
    _bytes("raw", "What was received, byte for byte."),
    _bytes("raw_sha256", "SHA-256 of raw."),
    _bytes("body_sha256", "SHA-256 of its facts: equal for two sendings of the same."),
    _text("session_ref", "The platform's id of the session that the CDR is of.", nullable=True),
    UniqueConstraint(
        "cooperative_id",
        "country_code",
        "party_id",
        "session_id",
        name="uq_charging_session_identity",
    ),
    UniqueConstraint("cooperative_id", "credit_of_id"),
    CheckConstraint("ended_at >= started_at", name="ended_at"),
    CheckConstraint("delivered_wh >= 0", name="delivered_wh"),
    CheckConstraint("state IN ('charged', 'suspended', 'credited', 'credit')", name="state"),
    CheckConstraint("(state = 'credit') = (credit_of_id IS NOT NULL)", name="credit"),
    CheckConstraint("(amount_minor < 0) <= (state = 'credit')", name="amount_minor"),
    CheckConstraint("(state = 'suspended') <= (member_id IS NULL)", name="suspended"),
    CheckConstraint("(state = 'charged') <= (member_id IS NOT NULL)", name="charged"),
    CheckConstraint("entry_id IS NOT NULL OR amount_minor = 0", name="entry"),
    CheckConstraint(
        "octet_length(raw_sha256) = 32 AND octet_length(body_sha256) = 32", name="hashes"
    ),
    references("hub", "hub_id"),
    references("port", "port_id"),
    references("member", "member_id"),
    references("import_run", "run_id"),
    references("tariff_version", "tariff_version_id", name="fk_charging_session_tariff_version"),
    Index(
        "ix_charging_session_credited",
        "cooperative_id",
        "session_ref",
        postgresql_where=text("state = 'credited'"),
    ),
    Index("ix_charging_session_token", "cooperative_id", "token_uid", "started_at"),
    Index("ix_charging_session_member", "cooperative_id", "member_id", "started_at", "id"),
    Index("ix_charging_session_hub", "cooperative_id", "hub_id", "effective_on"),
    Index(
        "ix_charging_session_review",
        "cooperative_id",
        "id",
        postgresql_where=text("doubts <> '{}' AND reviewed_at IS NULL"),
    ),
    comment="Metered use of a hub, as a charging platform reported it once.",
)

interruption = Table(
    "interruption",
    metadata,
    tenant_column(),
    _id(),
    _uuid("hub_id", "Where."),
    _uuid("port_id", "Which port; null for the whole hub.", nullable=True),
    _instant("from_at", "When it began."),
    _instant("to_at", "When it was over; null while it lasts.", nullable=True),
    _text("cause", "OUTAGE_GRID, THROTTLED …: why."),
    _text("note", "What happened; may be empty."),
    _text("recorded_by", "Subject who recorded it."),
    _instant("recorded_at", "When it was recorded."),
    _text("ended_by", "Subject who said when it was over.", nullable=True),
    CheckConstraint("to_at > from_at", name="to_at"),
    CheckConstraint(
        "cause IN ('OUTAGE_GRID', 'OUTAGE_HARDWARE', 'OUTAGE_SOFTWARE', 'MAINTENANCE', "
        "'VANDALISM', 'THROTTLED', 'OTHER')",
        name="cause",
    ),
    references("hub", "hub_id"),
    references("port", "port_id"),
    Index("ix_interruption_hub", "cooperative_id", "hub_id", "from_at", "id"),
    comment="When a hub or port gave no power, or less, and why.",
)

charge = Table(
    "charge",
    metadata,
    tenant_column(),
    _id(),
    _uuid("session_id", "What it is for."),
    _uuid("member_id", "Who owes it; null while nobody is known for the badge.", nullable=True),
    _uuid("hub_id", "Where the session was."),
    _uuid("tariff_version_id", "By which tariff."),
    _day("effective_on", "Day it counts for in the books."),
    _text("currency", "ISO 4217 code; the cooperative's own."),
    _count("net_minor", "Before tax: the sum of its lines; negative when it takes one back."),
    Column("tax", Numeric, nullable=False, comment="Exact, not rounded, in whole currency."),
    _uuid("entry_id", "Its journal entry; null when there was nothing to post.", nullable=True),
    _uuid("credit_of_id", "The charge that it takes back.", nullable=True),
    _uuid("replaces_id", "The charge in whose place it came.", nullable=True),
    _text("reason", "Why it was taken back or rated anew; empty for a first rating."),
    _text("rated_by", "Subject on whose behalf."),
    _instant("rated_at", "When it was rated."),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint(
        "CASE WHEN credit_of_id IS NULL THEN net_minor >= 0 AND tax >= 0 "
        "ELSE net_minor <= 0 AND tax <= 0 END",
        name="sign",
    ),
    CheckConstraint("entry_id IS NOT NULL OR net_minor = 0", name="entry"),
    CheckConstraint("credit_of_id IS NULL OR replaces_id IS NULL", name="links"),
    references("charging_session", "session_id", name="fk_charge_session"),
    references("member", "member_id"),
    references("hub", "hub_id"),
    references("tariff_version", "tariff_version_id", name="fk_charge_tariff_version"),
    references("charge", "credit_of_id", name="fk_charge_credit_of"),
    references("charge", "replaces_id", name="fk_charge_replaces"),
    Index("ix_charge_session", "cooperative_id", "session_id"),
    Index("ix_charge_member", "cooperative_id", "member_id", "effective_on", "id"),
    Index(
        "uq_charge_credit_of",
        "cooperative_id",
        "credit_of_id",
        unique=True,
        postgresql_where=text("credit_of_id IS NOT NULL"),
    ),
    Index(
        "uq_charge_replaces",
        "cooperative_id",
        "replaces_id",
        unique=True,
        postgresql_where=text("replaces_id IS NOT NULL"),
    ),
    comment="What a session costs under a tariff; taken back or replaced by others, never changed.",
)

charge_line = Table(
    "charge_line",
    metadata,
    tenant_column(),
    Column("charge_id", Uuid, primary_key=True, comment="Whose line it is."),
    Column("number", Integer, primary_key=True, comment="Its place in the charge, from 1."),
    _text("kind", "ENERGY, FLAT, TIME, PARKING_TIME …: what is priced."),
    Column("element", Integer, comment="Position of the tariff's element that priced it, from 0."),
    _text("description", "What it is, for a person."),
    Column("quantity", Numeric, nullable=False, comment="How much, in unit."),
    _text("unit", "kWh | h | session."),
    Column("unit_price", Numeric, nullable=False, comment="Price of one unit before tax."),
    _count("net_minor", "Before tax, rounded once; negative when it takes one back."),
    Column("taxes", JSONB, nullable=False, comment="[{name, percent}]; percent as text."),
    Column("tax", Numeric, nullable=False, comment="Exact, not rounded, in whole currency."),
    CheckConstraint("number > 0", name="number"),
    CheckConstraint(
        "kind IN ('ENERGY', 'FLAT', 'TIME', 'PARKING_TIME', 'RESERVATION_TIME', "
        "'RESERVATION_FLAT', 'MIN_PRICE', 'MAX_PRICE')",
        name="kind",
    ),
    CheckConstraint("unit IN ('kWh', 'h', 'session')", name="unit"),
    CheckConstraint("jsonb_typeof(taxes) = 'array'", name="taxes"),
    references("charge", "charge_id"),
    comment="One priced part of a charge, with the element of the tariff that priced it.",
)
