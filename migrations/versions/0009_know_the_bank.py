"""Know the bank: accounts, files and their lines, rules, mandates, collections, payments.

Locks nothing that exists; the tables are new.
"""

from alembic import op

from coop.db.migrate import run_file, run_sql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("bank", "bank_append_only"):
        run_file(op.get_bind(), f"0009_{name}.sql")


def downgrade() -> None:
    run_sql(
        op.get_bind(),
        "DROP TABLE payment, collection_item, collection, mandate, bank_rule, bank_line,"
        " bank_statement, bank_file, bank_account;",
    )
