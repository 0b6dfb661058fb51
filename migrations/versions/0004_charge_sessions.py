"""Charge sessions: hubs, ports, prices, badges, imports, and sessions as they came.

Locks nothing that exists; the tables are new.
"""

from alembic import op

from coop.db.migrate import run_file, run_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("charging", "token_has_one_holder", "charging_append_only"):
        run_file(op.get_bind(), f"0004_{name}.sql")
    run_sql(op.get_bind(), "REVOKE ALL ON FUNCTION token_has_one_holder() FROM public")


def downgrade() -> None:
    run_sql(
        op.get_bind(),
        "DROP TABLE charging_session, import_rejection, import_run, token, hub_price, port, hub;"
        "DROP FUNCTION token_has_one_holder();",
    )
