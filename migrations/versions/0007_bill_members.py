"""Bill members: items, invoices, disputes, what settles them.

Locks nothing that exists; the tables are new.
"""

from alembic import op

from coop.db.migrate import run_file, run_sql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_FUNCTIONS = (
    "invoice_is_next", "invoice_charge_is_sound", "allocation_fits", "dispute_is_open",
)  # fmt: skip
_QUEUE = ("queue_unbilled", "leave_unbilled")


def upgrade() -> None:
    for name in ("billing", *_FUNCTIONS, "billing_append_only"):
        run_file(op.get_bind(), f"0007_{name}.sql")
    run_file(op.get_bind(), "0007_unbilled.sql")
    for name in (*_FUNCTIONS, *_QUEUE):
        run_sql(op.get_bind(), f"REVOKE ALL ON FUNCTION {name}() FROM public")


def downgrade() -> None:
    run_sql(
        op.get_bind(),
        "DROP TRIGGER queue_unbilled ON charge_line;"
        "DROP TABLE dispute, write_off, allocation, unbilled, invoice_item, invoice_charge,"
        " invoice_tax, invoice_line, invoice, billing_run, invoice_series, bill_item;"
        "DROP FUNCTION invoice_is_next(), invoice_charge_is_sound(), allocation_fits(),"
        " dispute_is_open(), queue_unbilled(), leave_unbilled();",
    )
