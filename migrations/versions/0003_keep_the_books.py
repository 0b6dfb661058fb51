"""Keep the books: the ledger's tables, its one way in, and what the database itself refuses.

Locks nothing; every table is new.
"""

from alembic import op

from coop.db.migrate import run_file, run_sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FILES = (
    "ledger", "append_only", "posting_is_sound", "entry_has_postings", "extend_periods",
    "judge_reversals", "judge_limits", "lock_balances", "post_entries", "holds", "periods",
    "close_account", "seal_follows", "set_limits", "version_at",
)  # fmt: skip
TABLES = (
    "outbox, entry_seal, seal_cursor, seal, period_balance, period_close, period, "
    "idempotency, hold, balance_day, balance, posting, journal_entry, fund, account, "
    "commodity"
)
FUNCTIONS = (
    "append_only, posting_is_sound, entry_has_postings, extend_periods, judge_reversals, "
    "judge_limits, lock_balances, post_entries, place_hold, free_hold, capture_hold, "
    "release_hold, begin_close, finish_close, abandon_close, reopen_period, close_account, "
    "seal_follows, set_limits, version_at"
)
SERVED = (
    "coop_current, coop_subject, roles_of_subject, post_entries, place_hold, capture_hold, "
    "release_hold, begin_close, finish_close, abandon_close, reopen_period, close_account, "
    "set_limits, version_at"
)


def upgrade() -> None:
    for name in FILES:
        run_file(op.get_bind(), f"0003_{name}.sql")
    run_sql(
        op.get_bind(),
        "DO $$ DECLARE f regprocedure; BEGIN FOR f IN SELECT oid FROM pg_proc "  # noqa: S608 - names of ours
        "WHERE pronamespace = 'public'::regnamespace LOOP "
        "EXECUTE format('REVOKE ALL ON FUNCTION %s FROM public', f); END LOOP; END $$;"
        f"GRANT EXECUTE ON FUNCTION {SERVED} TO coop_app;",
    )


def downgrade() -> None:
    run_sql(op.get_bind(), f"DROP FUNCTION {FUNCTIONS} CASCADE; DROP TABLE {TABLES};")
