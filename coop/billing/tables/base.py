"""Columns as billing's tables write them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    Numeric,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB


def id_column() -> Column[object]:
    """The row's own id."""
    return Column("id", Uuid, primary_key=True, nullable=False, comment="UUID version 7.")


def uuid_column(
    name: str, comment: str, *, nullable: bool = False, key: bool = False
) -> Column[object]:
    """A reference; `key` when it is part of the primary key."""
    return Column(name, Uuid, nullable=nullable, primary_key=key, comment=comment)


def text_column(
    name: str, comment: str, *, nullable: bool = False, key: bool = False
) -> Column[object]:
    """A text; `key` when it is part of the primary key."""
    return Column(name, Text, nullable=nullable, primary_key=key, comment=comment)


def minor_column(
    name: str, comment: str, *, nullable: bool = False, default: str | None = None
) -> Column[object]:
    """An amount in minor units, or a large count."""
    server_default = None if default is None else text(default)
    return Column(
        name, BigInteger, nullable=nullable, comment=comment, server_default=server_default
    )


def number_column(
    name: str, comment: str, *, nullable: bool = False, key: bool = False
) -> Column[object]:
    """A small whole number, such as the number of a line."""
    return Column(
        name, Integer, nullable=nullable, primary_key=key, autoincrement=False, comment=comment
    )


def exact_column(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    """An exact decimal number: a quantity, a price, a tax before rounding."""
    return Column(name, Numeric, nullable=nullable, comment=comment)


def instant_column(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    """When something happened."""
    return Column(name, DateTime(timezone=True), nullable=nullable, comment=comment)


def day_column(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    """A calendar day of the cooperative."""
    return Column(name, Date, nullable=nullable, comment=comment)


def json_column(name: str, comment: str) -> Column[object]:
    """A JSON value."""
    return Column(name, JSONB, nullable=False, comment=comment)


def of_cooperative() -> ForeignKeyConstraint:
    """A reference to the cooperative alone, for what refers to nothing else in it."""
    return ForeignKeyConstraint(["cooperative_id"], ["cooperative.cooperative_id"])


def line_of_invoice(name: str, *, deferred: bool = False) -> ForeignKeyConstraint:
    """A reference to a line of an invoice; `deferred` when it is written before the line."""
    return ForeignKeyConstraint(
        ["cooperative_id", "invoice_id", "line_number"],
        ["invoice_line.cooperative_id", "invoice_line.invoice_id", "invoice_line.number"],
        name=name,
        deferrable=deferred or None,
        initially="DEFERRED" if deferred else None,
    )
