"""Alembic's entry: runs inside the connection that coop.db.migrate opened as coop_owner."""

from alembic import context

from coop.db.base import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    transaction_per_migration=True,
    compare_server_default=True,
)
with context.begin_transaction():
    connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
    # Two upgrades at once: the second waits here, then finds nothing to do.
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7232901)")
    context.run_migrations()
