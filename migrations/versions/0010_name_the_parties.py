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
    for name in ("profiles", "profiles_append_only", "documents_of_invoices"):
        run_file(op.get_bind(), f"0010_{name}.sql")


def downgrade() -> None:
    # Files of invoices go; neither row-level security nor the trigger may keep them.
    run_sql(
        op.get_bind(),
        "ALTER TABLE document NO FORCE ROW LEVEL SECURITY; "
        "ALTER TABLE document DISABLE TRIGGER append_only; "
        "DELETE FROM document WHERE statement_id IS NULL; "
        "ALTER TABLE document ENABLE TRIGGER append_only; "
        "ALTER TABLE document FORCE ROW LEVEL SECURITY; "
        "ALTER TABLE document DROP COLUMN invoice_id; "
        "ALTER TABLE document ALTER COLUMN statement_id SET NOT NULL; "
        "DROP TABLE member_profile, cooperative_profile;",
    )
