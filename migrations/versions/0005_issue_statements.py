"""Issue statements: what was issued to whom over which days, and the files of it.

Locks nothing that exists; the tables are new.
"""

from alembic import op

from coop.db.migrate import run_file, run_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("reports", "statement_is_next", "documents_append_only"):
        run_file(op.get_bind(), f"0005_{name}.sql")
    run_sql(op.get_bind(), "REVOKE ALL ON FUNCTION statement_is_next() FROM public")


def downgrade() -> None:
    run_sql(
        op.get_bind(),
        "DROP TABLE document, statement; DROP FUNCTION statement_is_next();",
    )
