"""What `coop verify` does: everything the books say twice, recomputed from the tables and compared.

    the chain        each seal's link, its entries' places and hashes, its Merkle root
    the open tail    entries in no seal yet: balanced, and none that a seal passed over
    the balances     every posting replayed: versions, running balances, balance rows, sums of days
    what was kept    holds against pending sums, closed months against their days, keys, copies

One snapshot, server-side cursors, one entry or one account in memory at a time. The chain comes
first, so that the first finding of a broken chain names the first broken link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.ledger.domain.canonical import StoredEntry
from coop.ledger.domain.verify import (
    BalanceFact,
    DayFact,
    Finding,
    PostingFact,
    SealedEntry,
    check_balances,
    check_entries,
    check_seals,
    check_unsealed,
)
from coop.ledger.queries import whole
from coop.ledger.sealing import seal_facts, stored_entry

FINDINGS_MAX = 200
STEP = 1_000

Progress = Callable[[str, int, int], None]
"""Told (stage, done, of how many) every thousand rows."""


@dataclass(slots=True)
class Verification:
    """What was read and what was found; `findings` stops at FINDINGS_MAX, `count` does not."""

    entries: int = 0
    sealed: int = 0
    unsealed: int = 0
    postings: int = 0
    seals: int = 0
    head: bytes | None = None
    count: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing contradicts anything."""
        return self.count == 0

    @property
    def first_broken_link(self) -> Finding | None:
        """The first finding in the order of the chain, when the chain is broken."""
        chain = ("SEAL_", "ENTRY_CHANGED", "ENTRY_MISSING")
        return next((one for one in self.findings if one.code.startswith(chain)), None)


async def verify(connection: AsyncConnection, progress: Progress | None = None) -> Verification:
    """Recompute everything in the connection's cooperative; give it a snapshot, and time."""
    return await connection.run_sync(_verify, progress or _silent)


def _silent(_stage: str, _done: int, _of: int) -> None:
    """Tell nobody."""


def _verify(connection: Connection, progress: Progress) -> Verification:
    counts = next(whole.stream(connection, whole.COUNTS))
    found = Verification(counts.entries, counts.sealed, counts.entries - counts.sealed)
    found.postings = counts.postings
    for finding in _findings(connection, found, progress):
        found.count += 1
        if len(found.findings) < FINDINGS_MAX:
            found.findings.append(finding)
    return found


def _findings(connection: Connection, found: Verification, progress: Progress) -> Iterator[Finding]:
    yield from _chain(connection, found, progress)
    yield from _tail(connection, found, progress)
    yield from _balances(connection, found, progress)
    yield from _held(connection)
    yield from _kept(connection)
    yield from _strays(connection)


def _counted(
    rows: Iterator[Row[Any]], stage: str, total: int, progress: Progress
) -> Iterator[Row[Any]]:
    """The rows, with word of how far they are; at the end of them all are done."""
    for number, row in enumerate(rows):
        if number % STEP == 0:
            progress(stage, number, total)
        yield row
    progress(stage, total, total)


def _chain(connection: Connection, found: Verification, progress: Progress) -> Iterator[Finding]:
    def seals() -> Iterator[Any]:
        for row in whole.stream(connection, whole.SEALS):
            seal = seal_facts(row)
            found.seals, found.head = found.seals + 1, seal.head
            yield seal

    def sealed() -> Iterator[SealedEntry]:
        rows = _counted(whole.stream(connection, whole.SEALED), "seals", found.sealed, progress)
        for row, lines in whole.with_postings(connection, rows, "sealed_id"):
            entry = None if row.id is None else stored_entry(row, lines)
            place = (row.seal_number, row.position, bytes(row.content_hash))
            yield SealedEntry(*place, entry, row.sealed_id)

    yield from check_seals(seals(), sealed())


def _tail(connection: Connection, found: Verification, progress: Progress) -> Iterator[Finding]:
    watermark: int | None = None
    for row in whole.stream(connection, whole.SEALS):
        watermark = row.watermark
    rows = whole.stream(connection, whole.UNSEALED)
    counted = _counted(rows, "unsealed", found.unsealed, progress)
    for row, lines in whole.with_postings(connection, counted):
        entry: StoredEntry = stored_entry(row, lines)
        yield from check_entries([entry])
        yield from check_unsealed([(entry.id, row.xact)], watermark)


def _balances(connection: Connection, found: Verification, progress: Progress) -> Iterator[Finding]:
    rows = whole.stream(connection, whole.POSTINGS)
    yield from check_balances(
        (PostingFact._make(row) for row in _counted(rows, "postings", found.postings, progress)),
        (BalanceFact._make(row) for row in whole.stream(connection, whole.BALANCES)),
        (DayFact._make(row) for row in whole.stream(connection, whole.DAYS)),
    )


def _held(connection: Connection) -> Iterator[Finding]:
    for row in whole.stream(connection, whole.HELD):
        where = f"account {row.account_id} fund {row.fund_id}"
        expected = f"debit {row.held_debit} credit {row.held_credit}"
        yield Finding("HOLD_SUMS", where, expected, f"debit {row.debit} credit {row.credit}")


def _kept(connection: Connection) -> Iterator[Finding]:
    for month in list(whole.stream(connection, whole.CLOSED_MONTHS)):
        asked = {"period": month.id, "closed_at": month.closed_at, "to_on": month.to_on}
        for row in whole.stream(connection, whole.KEPT, **asked):
            where = f"month {month.from_on:%Y-%m} account {row.account_id} fund {row.fund_id}"
            expected = f"debit {row.day_debit} credit {row.day_credit}"
            found = f"debit {row.debit} credit {row.credit}"
            yield Finding("PERIOD_BALANCE", where, expected, found)


def _strays(connection: Connection) -> Iterator[Finding]:
    for row in whole.stream(connection, whole.STRAY):
        entry = "" if row.entry_id is None else f" entry {row.entry_id}"
        where = f"{row.what} of account {row.account_id} fund {row.fund_id}{entry}"
        yield Finding("ACCOUNT_COPY", where, "what the account says", "something else")
    for row in whole.stream(connection, whole.LINES):
        yield Finding("LINE_GAP", f"entry {row.entry_id}", "lines from 0 on", "others")
    for row in whole.stream(connection, whole.KEYS):
        where = f"key {row.key!r} of {row.actor}"
        yield Finding("KEY_WITHOUT_ENTRY", where, f"entry {row.entry_id}", "none")
