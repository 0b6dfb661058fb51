"""Admit members: cooperatives, members, dated roles, access tokens, and who sees which rows.

Locks nothing that exists; the tables are new.
"""

from alembic import op

from coop.db.migrate import run_file, run_sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("members", "keep_endings", "roles_of_subject"):
        run_file(op.get_bind(), f"0002_{name}.sql")


def downgrade() -> None:
    run_sql(
        op.get_bind(),
        "DROP FUNCTION roles_of_subject(text);"
        "DROP TABLE access_token, person_role, member, cooperative;"
        "DROP FUNCTION keep_endings();",
    )
