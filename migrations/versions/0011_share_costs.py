"""Share costs: utility schedules, plans, reservations, demand response.

Locks nothing that exists; the tables are new.
"""

from alembic import op

from coop.db.migrate import run_file, run_sql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("sharing", "subscription_is_one_of_its_kind", "sharing_append_only"):
        run_file(op.get_bind(), f"0011_{name}.sql")
    run_sql(op.get_bind(), "REVOKE ALL ON FUNCTION subscription_is_one_of_its_kind() FROM public")


def downgrade() -> None:
    run_sql(
        op.get_bind(),
        "DROP TABLE cost_sharing_share, cost_sharing_run, utility_bill, cost_sharing_rule,"
        " utility_schedule, subscription, plan, capacity_reservation, demand_response_event;"
        "DROP FUNCTION subscription_is_one_of_its_kind();",
    )
