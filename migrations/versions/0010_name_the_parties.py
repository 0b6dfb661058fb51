"""Name the parties: who cooperative and members are on paper; documents of invoices.

Locks document for a moment, to let it belong to an invoice instead of a statement.
"""

from alembic import op

from coop.db.migrate import run_file, run_sql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("profiles", "profiles_append_only"):
        run_file(op.get_bind(), f"0010_{name}.sql")


def downgrade() -> None:
    run_sql(op.get_bind(), "DROP TABLE member_profile, cooperative_profile;")
