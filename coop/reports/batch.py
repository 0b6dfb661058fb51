"""A thousand statements: every core, flat memory, nothing half-written, resumed where it stopped.

Each statement is one task of a process pool; only a few wait at a time, so a generator may read
them from the database as they are drawn. A file is written beside its place, synced, then renamed:
under its name it is whole. A file that already holds this very statement is left alone, so a killed
run is simply started again.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from coop.reports.archive import language_of
from coop.reports.errors import DocumentRefused
from coop.reports.statement import MemberStatement
from coop.reports.statement_pdf import draw_statement, read_twin
from coop.reports.twin import to_json_twin

WAITING_PER_PROCESS = 4


@dataclass(frozen=True, slots=True)
class DrawTask:
    """A statement, the locale to write it in, and the file to put it into."""

    statement: MemberStatement
    path: Path
    locale: str = "en"


@dataclass(frozen=True, slots=True)
class DrawnFile:
    """A complete file. `already` when it was there from an earlier run."""

    path: Path
    sha256: str
    size_bytes: int
    already: bool


def draw_batch(tasks: Iterable[DrawTask], processes: int | None = None) -> Iterator[DrawnFile]:
    """Draw all tasks, in order, yielding each file as it is complete: iterate to see progress.

    Uses `processes` of them (default: one per core). The first refusal or failure stops
    the run and is raised; files finished by then stay.
    """
    count = processes or os.cpu_count() or 1
    with drawing_pool(count) as pool:
        waiting: deque[Future[DrawnFile]] = deque()
        try:
            for task in tasks:
                waiting.append(pool.submit(draw_file, task))
                if len(waiting) >= count * WAITING_PER_PROCESS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def drawing_pool(processes: int) -> ProcessPoolExecutor:
    """Processes to draw in, which end when this one does, even if it is killed."""
    context = multiprocessing.get_context("spawn")  # a fork would copy threads and connections
    return ProcessPoolExecutor(processes, mp_context=context, initializer=_leave_with_parent)


def _leave_with_parent() -> None:
    """End this process as soon as its parent has: a worker would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()


def draw_file(task: DrawTask) -> DrawnFile:
    """Draw one statement into its file, unless the file holds it already."""
    pdf = _complete(task)
    if pdf is not None:
        return DrawnFile(task.path, hashlib.sha256(pdf).hexdigest(), len(pdf), already=True)
    pdf = draw_statement(task.statement, task.locale)
    write_whole(task.path, pdf)
    return DrawnFile(task.path, hashlib.sha256(pdf).hexdigest(), len(pdf), already=False)


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` into `path` so that a reader finds all of it or nothing."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _complete(task: DrawTask) -> bytes | None:
    try:
        pdf = task.path.read_bytes()
        same = read_twin(pdf) == to_json_twin(task.statement)
        return pdf if same and language_of(pdf) == task.locale.replace("_", "-") else None
    except (FileNotFoundError, DocumentRefused):
        return None
