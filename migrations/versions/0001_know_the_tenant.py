"""Know the tenant: the two functions every policy asks, whose rows and who asks.

Locks nothing; the schema is empty.
"""

from alembic import op

from coop.db.migrate import run_file, run_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("tenant", "work_for"):
        run_file(op.get_bind(), f"0001_{name}.sql")
    # The server asks whether the database is at the version it was written for.
    run_sql(op.get_bind(), "GRANT SELECT ON alembic_version TO coop_app;")


def downgrade() -> None:
    run_sql(op.get_bind(), "DROP FUNCTION work_for(uuid), coop_subject(), coop_current();")
