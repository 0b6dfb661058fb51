"""Post with fewer plans: the posting function and its check as they are now.

Databases that took 0003 before hold their earlier texts, which the program no longer speaks to.
"""

from alembic import op

from coop.db.migrate import run_file

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("post_entries", "posting_is_sound"):
        run_file(op.get_bind(), f"0012_{name}.sql")


def downgrade() -> None:
    for name in ("post_entries", "posting_is_sound"):
        run_file(op.get_bind(), f"0003_{name}.sql")
