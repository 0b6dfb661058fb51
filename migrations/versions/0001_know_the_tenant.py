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
    run_file(op.get_bind(), "0001_tenant.sql")


def downgrade() -> None:
    run_sql(op.get_bind(), "DROP FUNCTION coop_subject(); DROP FUNCTION coop_current();")
