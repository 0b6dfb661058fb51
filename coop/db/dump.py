"""The embedded database as one file and back, with the tools of the same version.

Both log in as the cluster's administrator: the owner is bound by row-level security like everybody,
and pg_dump rightly refuses to write half a table.

A restored journal keeps the numbers of the database transactions that wrote it, and seals keep them
as watermarks that never fall. A new cluster counts from the beginning, so before anything is
restored its counter is set to the epoch (2^32 transactions) after the one the dump was taken in:
whatever is written from then on is later than everything restored, and sealing goes on as if
nothing had happened.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from coop.db import embedded
from coop.db.embedded import ADMIN, Embedded

EPOCH = 2**32


def dump(cluster: Embedded, database: str, path: Path) -> None:
    """Write `database` into `path` in pg_dump's custom format, as one snapshot."""
    _run(cluster, "pg_dump", "--format=custom", f"--dbname={database}", f"--file={path}")


def restore(cluster: Embedded, database: str, path: Path) -> None:
    """Fill the empty `database` from a dump, whole or not at all."""
    _run(
        cluster, "pg_restore", "--exit-on-error", "--single-transaction", f"--dbname={database}",
        str(path),
    )  # fmt: skip


def begin_after(data_dir: Path, xact_id: int) -> None:
    """Make the cluster of a new `data_dir`; it counts from the epoch after `xact_id`."""
    with embedded.alone(data_dir):
        cluster = embedded.start(data_dir)
        cluster.stop()
    pgdata = data_dir.resolve() / "postgres"
    owner, as_root = pgdata.stat(), os.geteuid() == 0
    subprocess.run(  # noqa: S603 - our own binary and paths
        [str(cluster.binaries / "pg_resetwal"), f"--epoch={xact_id // EPOCH + 1}", str(pgdata)],
        check=True,
        capture_output=True,
        cwd=pgdata,
        # PostgreSQL refuses to be run as root: the account that owns the files runs it then.
        user=owner.st_uid if as_root else None,
        group=owner.st_gid if as_root else None,
    )


def _run(cluster: Embedded, tool: str, *arguments: str) -> None:
    """Run a client tool against the cluster; the password travels in the environment only."""
    info = cluster.server.get_postmaster_info()
    environment = {
        **os.environ,
        "PGHOST": str(info.socket_dir),
        "PGUSER": ADMIN,
        "PGPASSWORD": cluster.passwords[ADMIN],
    }
    subprocess.run(  # noqa: S603 - our own binary and paths
        [str(cluster.binaries / tool), "--no-password", *arguments],
        check=True, capture_output=True, env=environment,
    )  # fmt: skip
