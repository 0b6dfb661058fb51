"""The metadata every room's tables hang on, and the columns they share."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKeyConstraint, MetaData, Uuid

# Constraint names are API: db/refusals.py maps them to what a client is told.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING_CONVENTION)


def tenant_column() -> Column[object]:
    """The column every table begins with: whose row it is."""
    return Column(
        "cooperative_id",
        Uuid,
        primary_key=True,
        comment="Whose row this is; row-level security shows it to nobody else.",
    )


def references(table: str, column: str, *, name: str | None = None) -> ForeignKeyConstraint:
    """A foreign key on (cooperative_id, column): no reference can cross cooperatives."""
    return ForeignKeyConstraint(
        ["cooperative_id", column], [f"{table}.cooperative_id", f"{table}.id"], name=name
    )
