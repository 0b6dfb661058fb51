"""A file of real sessions into sealed books: time and memory, in a process of its own.

The floor is the same file merely parsed and checked by the same reader: what is above it is
storing, pricing, posting and sealing. Without the file (../shared/data) there is no figure.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.figures import Figure, print_table
from coop.charging.domain.csv_sessions import open_csv, readings_of
from coop.charging.domain.mapping import mapping_of
from coop.charging.importing import ImportFile, import_sessions
from coop.config import Settings
from coop.db.open import open_access
from coop.kernel.clock import utc_now
from coop.kernel.ids import CooperativeId, uuid7
from coop.ledger import service as ledger
from coop.ledger.sealing import seal_everything
from coop.members import service as members
from coop.members.domain.roles import system_viewer

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT.parent / "shared" / "data" / "sessions" / "norway12_charging_reports.csv"
Measured = tuple[float, int, float]  # seconds, rows, MiB
MAPPING = ROOT / "tests" / "real" / "norway12.toml"


def measure() -> list[Figure]:
    """Parse alone, then everything; each in a fresh process, so that memory is its own."""
    if not FILE.exists():
        return []
    parsed_s, rows, parse_mib = _in_a_process(_parse)
    import_s, imported, peak_mib = _in_a_process(_import)
    if imported != rows:
        raise RuntimeError(f"{rows} rows were read, {imported} came to an end")
    floor_note = f"{rows:,} rows; floor: the same rows only read and checked"
    return [
        Figure("import, price, post and seal", import_s, "s", parsed_s, import_s / parsed_s,
               floor_note),
        Figure("its peak memory", peak_mib, "MiB", parse_mib, peak_mib / parse_mib,
               "of the client process"),
    ]  # fmt: skip


def _in_a_process(work: Callable[[], Measured]) -> Measured:
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(work)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _parse() -> Measured:
    mapping = mapping_of(MAPPING.read_text())
    began = time.perf_counter()
    with FILE.open("rb") as stream:
        header = open_csv(stream, mapping)
        rows = sum(1 for _ in readings_of(stream, mapping, header, utc_now()))
    return time.perf_counter() - began, rows, _peak_mib()


def _import() -> Measured:
    data_dir = Path(tempfile.mkdtemp(prefix="coop-bench-"))
    try:
        return asyncio.run(_imported(data_dir))
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


async def _imported(data_dir: Path) -> Measured:
    access = await open_access(Settings.read({"COOP_DATA_DIR": str(data_dir)}))
    database, viewer = access.database(), system_viewer(utc_now())
    cooperative_id = CooperativeId(uuid7())

    async def found(connection: AsyncConnection) -> None:
        await members.create_cooperative(
            connection, viewer, cooperative_id, slug="nor", name="Nor", currency="NOK",
            time_zone="Europe/Oslo",
        )  # fmt: skip
        await ledger.open_books(connection, cooperative_id, "NOK")

    await database.unit_of_work(cooperative_id, found)
    began = time.perf_counter()
    with FILE.open("rb") as stream:
        outcome = await import_sessions(
            database, viewer, cooperative_id, ImportFile(stream, FILE.name),
            mapping_of(MAPPING.read_text()),
        )  # fmt: skip
    await seal_everything(database, cooperative_id)
    took = time.perf_counter() - began
    await database.close()
    if access.embedded is not None:
        access.embedded.stop()
    return took, outcome.counts.accepted + outcome.counts.rejected, _peak_mib()


if __name__ == "__main__":
    print_table(measure())
