"""Keep commitments: pledges, settlements, make-up credits.

Locks nothing that exists; the tables are new.
"""

from alembic import op

from coop.db.migrate import run_file, run_sql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_FUNCTIONS = ("commitment_is_alone", "make_up_fits", "deposit_fits")


def upgrade() -> None:
    for name in ("commitments", *_FUNCTIONS, "commitments_append_only"):
        run_file(op.get_bind(), f"0008_{name}.sql")
    for name in _FUNCTIONS:
        run_sql(op.get_bind(), f"REVOKE ALL ON FUNCTION {name}() FROM public")


def downgrade() -> None:
    run_sql(
        op.get_bind(),
        "DROP TABLE commitment_deposit, make_up_movement, make_up_credit, commitment_settlement,"
        " commitment_terms, commitment_hub, commitment;"
        "DROP FUNCTION commitment_is_alone(), make_up_fits(), deposit_fits();",
    )
