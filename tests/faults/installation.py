"""An installation whose PostgreSQL a test may kill: its own cluster in its own directory."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psutil

from coop.config import Settings
from coop.db.open import Access, open_access


async def installation(data_dir: Path) -> Access:
    """Start, or start again after a crash, the installation in `data_dir`."""
    return await open_access(Settings.read({"COOP_DATA_DIR": str(data_dir)}))


async def kill_postgresql(access: Access) -> None:
    """SIGKILL to the postmaster and every process under it; returns when all are gone."""
    assert access.embedded is not None
    postmaster = psutil.Process(access.embedded.server.get_postmaster_info().pid)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    await asyncio.to_thread(psutil.wait_procs, processes, 30)
