"""Whole files into the books: the only thing in charging that works in many units of work.

    check      size, hash, and that the file can be read at all: a refusal here leaves no trace
    begin      an import_run, so that what follows can be told apart
    chunks     a thousand rows each: read in a thread, taken in by one unit of work (intake.py)
    finish     the run says when; the correction report is put in its place

Memory is that of one chunk, whatever the size of the file. Killed in the middle, the import leaves
whole chunks; importing the file again finds those rows as duplicates and ends as if nothing had
happened.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Self
from uuid import UUID

from anyio import to_thread
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import queries
from coop.charging.desk import Counts, Desk, Rules, Taken
from coop.charging.domain.cdr_file import open_cdrs, readings_of_cdrs
from coop.charging.domain.csv_sessions import open_csv, readings_of
from coop.charging.domain.mapping import SessionMapping
from coop.charging.domain.plausibility import Limits
from coop.charging.domain.report import cdr_report_line, csv_report_header, csv_report_line
from coop.charging.domain.session import Reading
from coop.charging.errors import FileTooLarge, MappingInvalid, ReportUnwritable
from coop.charging.intake import take_in
from coop.charging.tables import import_run
from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.kernel.energy import kwh_of_wh
from coop.kernel.ids import CooperativeId, uuid7
from coop.kernel.money import Money
from coop.members import queries as member_queries
from coop.members.domain.people import Cooperative
from coop.members.domain.policy import Action, absent, may, require
from coop.members.domain.roles import Viewer

CHUNK = 1_000
MAX_FILE_BYTES = 4 * 1024**3

# (bytes of the file read so far, bytes it has, counts so far)
Progress = Callable[[int, int, Counts], None]


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What an import came to; `report_path` is None when there was nothing to report."""

    run_id: UUID
    counts: Counts
    currency: str
    report_path: Path | None

    @property
    def kwh(self) -> Decimal:
        """Energy of the accepted rows, less what they credit."""
        return kwh_of_wh(self.counts.delivered_wh)

    @property
    def amount(self) -> Money:
        """Price of the accepted rows, less what they credit."""
        return Money(self.currency, self.counts.amount_minor)


@dataclass(frozen=True, slots=True)
class _Feed:
    """A file that was found good to read: its readings, and how a refused one is reported."""

    kind: str
    size: int
    sha256: bytes
    readings: Iterator[Reading]
    rules: Rules
    report_header: bytes
    report_line: Callable[[Reading], bytes]


@dataclass(frozen=True, slots=True)
class ImportFile:
    """The file itself, seekable, with what it is called and where its correction report goes."""

    stream: BinaryIO
    name: str
    report_path: Path | None = None
    max_bytes: int = MAX_FILE_BYTES


async def import_sessions(
    database: Database,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    file: ImportFile,
    mapping: SessionMapping,
    progress: Progress | None = None,
) -> ImportOutcome:
    """Import a CSV export by its mapping. Every row is accepted, rejected, a duplicate or filtered.

    Unknown hubs, ports and users are registered where the mapping says so and the viewer may; else
    rows of unknown hubs are rejected and sessions of unknown users wait in suspense. Refuses
    MAPPING_INVALID (a price in another currency), MAPPING_COLUMN_MISSING, FILE_*, FORBIDDEN,
    NOT_FOUND; nothing is stored then.
    """
    cooperative, power_w, file_is = await _prepare(database, viewer, cooperative_id, file)
    prices, now = mapping.prices, utc_now()
    if prices is not None and prices.currency != cooperative.currency:
        why = f"Prices are in {prices.currency}, the books are in {cooperative.currency}."
        raise MappingInvalid(why, ("price", "currency"))
    limits = replace(mapping.limits, hub_power_w={**power_w, **mapping.limits.hub_power_w})
    mapping = replace(mapping, limits=limits)
    header = await to_thread.run_sync(open_csv, file.stream, mapping)
    allowed = partial(may, viewer, cooperative_id=cooperative_id)
    places = allowed(Action.HUB_MANAGE)
    rules = Rules(
        currency=cooperative.currency,
        zone_of=lambda ref: mapping.times.hub_zones.get(ref, mapping.times.zone),
        price_of=prices.at if prices and allowed(Action.PRICE_SET) else _no_price,
        register_hubs=mapping.hub.register and places,
        register_ports=mapping.port.register and places,
        register_members=mapping.user.register and allowed(Action.MEMBER_ADMIT),
        hub_field=mapping.hub.column or "hub",
        end_field=mapping.times.end,
        longest=limits.max_duration,
    )
    feed = _Feed(
        "csv",
        *file_is,
        readings=readings_of(file.stream, mapping, header, now),
        rules=rules,
        report_header=csv_report_header(header, mapping.layout),
        report_line=lambda reading: csv_report_line(reading, header, mapping.layout),
    )
    return await _run(database, viewer, cooperative_id, file, feed, progress)


async def import_cdrs(
    database: Database,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    file: ImportFile,
    *,
    register_hubs: bool = False,
    per_kwh: Decimal | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> ImportOutcome:
    """Import OCPI 2.2.1 CDRs: one, an array, an envelope or one a line.

    `register_hubs` registers unknown locations and EVSEs, in the cooperative's time zone, at
    `per_kwh`. Refuses FILE_*, FORBIDDEN, NOT_FOUND; nothing is stored then.
    """
    cooperative, power_w, file_is = await _prepare(database, viewer, cooperative_id, file)
    await to_thread.run_sync(open_cdrs, file.stream)
    found = limits or Limits()
    found = replace(found, hub_power_w={**power_w, **found.hub_power_w})
    allowed = register_hubs and may(viewer, Action.HUB_MANAGE, cooperative_id)
    priced = may(viewer, Action.PRICE_SET, cooperative_id)
    rules = Rules(
        currency=cooperative.currency,
        zone_of=lambda _: cooperative.time_zone,
        price_of=(lambda _: per_kwh) if priced else _no_price,
        register_hubs=allowed,
        register_ports=allowed,
        hub_field="cdr_location.id",
        end_field="end_date_time",
        longest=found.max_duration,
    )
    readings = readings_of_cdrs(file.stream, found, utc_now())
    feed = _Feed("cdr", *file_is, readings, rules, b"", cdr_report_line)
    return await _run(database, viewer, cooperative_id, file, feed, progress)


def _no_price(_: str) -> None:
    return None


async def _prepare(
    database: Database, viewer: Viewer, cooperative_id: CooperativeId, file: ImportFile
) -> tuple[Cooperative, dict[str, int], tuple[int, bytes]]:
    """The cooperative, the power of its hubs by reference, the file's size and hash."""
    require(viewer, Action.SESSION_IMPORT, cooperative_id)
    async with database.snapshot(cooperative_id) as connection:
        cooperative = await member_queries.cooperative_by_id(connection, cooperative_id)
        hubs = await queries.hubs(connection)
    if cooperative is None:
        raise absent()
    power_w = {hub.ref: hub.power_w for hub in hubs if hub.power_w is not None}
    return cooperative, power_w, await to_thread.run_sync(_measure, file)


async def _run(
    database: Database,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    file: ImportFile,
    feed: _Feed,
    progress: Progress | None,
) -> ImportOutcome:
    run_id, counts = uuid7(), Counts()
    begun = {
        "cooperative_id": cooperative_id, "id": run_id, "kind": feed.kind, "file_name": file.name,
        "file_sha256": feed.sha256, "actor": viewer.subject, "started_at": utc_now(),
        **dict.fromkeys(Counts.__slots__, 0),
    }  # fmt: skip
    await database.unit_of_work(
        cooperative_id, lambda connection: connection.execute(insert(import_run), begun)
    )
    with _Report(file.report_path, feed) as report:
        while chunk := await to_thread.run_sync(_next_chunk, feed.readings):

            async def work(connection: AsyncConnection, rows: list[Reading] = chunk) -> Taken:
                desk = Desk(connection, viewer, cooperative_id, run_id, feed.rules)
                return await take_in(desk, rows, counts.rows)

            taken = await database.unit_of_work(cooperative_id, work)
            counts.add(taken.counts)
            report.add(taken)
            if progress is not None:
                progress(file.stream.tell(), feed.size, counts)
        finished = update(import_run).where(import_run.c.id == run_id).values(finished_at=utc_now())
        await database.unit_of_work(cooperative_id, lambda connection: connection.execute(finished))
        return ImportOutcome(run_id, counts, feed.rules.currency, report.keep())


def _next_chunk(readings: Iterator[Reading]) -> list[Reading]:
    return list(islice(readings, CHUNK))


def _measure(file: ImportFile) -> tuple[int, bytes]:
    """How many bytes the file has, and their SHA-256; leaves it rewound.

    Refuses FILE_TOO_LARGE, and REPORT_UNWRITABLE before a row is read rather than after.
    """
    if file.report_path is not None and not os.access(file.report_path.parent, os.W_OK | os.X_OK):
        raise ReportUnwritable(
            f"The correction report cannot be written to {file.report_path.parent}; "
            "say another place for it.",
            ("report",),
        )
    size = file.stream.seek(0, os.SEEK_END)
    if size > file.max_bytes:
        raise FileTooLarge(f"The file has {size} bytes, more than {file.max_bytes}.")
    file.stream.seek(0)
    digest = hashlib.file_digest(file.stream, "sha256").digest()  # type: ignore[arg-type]
    file.stream.seek(0)
    return size, digest


class _Report:
    """The correction report, written beside its place and moved there in the end."""

    def __init__(self, path: Path | None, feed: _Feed) -> None:
        self._path = path
        self._feed = feed
        self._partial: Path | None = None
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def add(self, taken: Taken) -> None:
        """Write what a chunk refused."""
        if self._path is None or not taken.refused:
            return
        if self._file is None:
            self._partial = self._path.with_name(self._path.name + ".part")
            self._file = self._partial.open("wb")
            self._file.write(self._feed.report_header)
        for _, reading, refusal in taken.refused:
            self._file.write(self._feed.report_line(replace(reading, refusal=refusal)))

    def keep(self) -> Path | None:
        """Put the report in its place; None when there is nothing in it."""
        if self._file is None or self._partial is None or self._path is None:
            return None
        self._file.close()
        return self._partial.replace(self._path)

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
