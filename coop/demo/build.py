"""The demo put into a database through the services that real input takes, step by step.

    town        everything agreed before the first day (founding.py)         one unit of work
    journal     shares, loans, plant, a grant, energy, overhead              by idempotency key
    sessions    the year's CDRs, imported from a file like any other         a CDR twice is one
    bills       pledges, invoices, direct debits, bank files (year.py)       each knows what it did
    months      January to November closed, everything sealed                closed stays closed
    proof       every invariant recomputed

Killed anywhere, the next run finds what is there and goes on. The last step, the summary, is
written by who calls (coop/cli/demo.py): a demo without one is not finished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import queries as charging_queries
from coop.charging.desk import Counts
from coop.charging.importing import ImportFile, import_cdrs
from coop.db.engine import Database
from coop.demo import books, town
from coop.demo.books import DemoEntry
from coop.demo.cdrs import cdr_lines
from coop.demo.founding import found
from coop.demo.simulation import Simulated, sessions_of
from coop.demo.year import Office, bill_the_year
from coop.kernel.ids import CooperativeId, FundId, HubId, MemberId
from coop.ledger import queries as ledger_queries
from coop.ledger import sealing
from coop.ledger import service as ledger
from coop.ledger.closing import close_period
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.domain.period import PeriodState
from coop.ledger.posting import BATCH_MAX
from coop.ledger.service import AccountKey
from coop.ledger.verification import Verification, verify
from coop.members import queries as member_queries
from coop.members.domain.people import Cooperative
from coop.members.domain.roles import SYSTEM_SUBJECT, Viewer
from coop.members.errors import SlugTaken

Step = Callable[[str, int, int], None]
CDR_FILE = "cdrs.jsonl"


@dataclass(frozen=True, slots=True)
class Built:
    """What there is now: the cooperative, what the import came to, and the proof of the books."""

    cooperative: Cooperative
    counts: Counts
    entries: int
    invoices: int
    verification: Verification


@dataclass(frozen=True, slots=True)
class _Town:
    """Ids by what people call things."""

    members: dict[str, MemberId]
    hubs: dict[str, HubId]
    fund_id: FundId


async def build(
    database: Database,
    viewer: Viewer,
    folder: Path,
    step: Step,
    *,
    last_day: date = town.LAST_DAY,
) -> Built:
    """Make the demo, or finish one that was begun; `folder` keeps its file of sessions."""
    cooperative = await _found(database) or await found(database, viewer)
    id_ = CooperativeId(cooperative.id)
    step("simulating a year", 0, 1)
    sessions = list(sessions_of(last_day=last_day))
    path = _write_cdrs(sessions, folder)
    step("simulating a year", 1, 1)
    before = [*books.entries_before_charging(last_day), *books.energy_entries(sessions, last_day)]
    entries = await _post(database, viewer, id_, before, step)
    with path.open("rb") as stream:
        outcome = await import_cdrs(
            database, viewer, id_, ImportFile(stream, path.name, folder / "rejected.jsonl"),
            progress=lambda done, size, _: step("importing sessions", done, size),
        )  # fmt: skip
    invoices = await bill_the_year(Office(database, viewer, id_, folder, last_day), step)
    await _close(database, viewer, id_, last_day, step)
    step("sealing", 0, 1)
    await sealing.seal_everything(database, id_)
    step("sealing", 1, 1)
    async with database.snapshot(id_) as connection:
        proof = await verify(connection, lambda what, done, of: step(f"verifying {what}", done, of))
    return Built(cooperative, outcome.counts, entries, invoices, proof)


async def _found(database: Database) -> Cooperative | None:
    """The demo cooperative, if it was begun. Refuses SLUG_TAKEN when `demo` is somebody's own."""
    async with database.snapshot(None, subject=SYSTEM_SUBJECT) as connection:
        found = await member_queries.cooperative_by_slug(connection, town.SLUG)
    if found is None:
        return None
    async with database.snapshot(found.id) as connection:
        funds = await ledger_queries.funds(connection)
    if books.FUND not in {row.code for row in funds.values()}:
        raise SlugTaken(f'A cooperative of yours is called "{town.SLUG}"; the demo needs the name.')
    return found


def _write_cdrs(sessions: Sequence[Simulated], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CDR_FILE
    with path.open("wb") as file:
        file.writelines(cdr_lines(sessions))
    return path


async def _post(
    database: Database,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    entries: Sequence[DemoEntry],
    step: Step,
) -> int:
    """Post what is not posted yet, a thousand at a time. A refusal here is a bug of the demo."""
    waiting = iter(sorted(entries, key=lambda entry: (entry.effective_on, entry.key)))
    done = 0
    while batch := list(islice(waiting, BATCH_MAX)):

        async def work(connection: AsyncConnection, part: list[DemoEntry] = batch) -> None:
            drafts = await _drafts(connection, cooperative_id, part)
            for outcome in await ledger.post_entries(
                connection, cooperative_id, viewer.subject, drafts
            ):
                if outcome.refusal is not None:
                    raise outcome.refusal

        await database.unit_of_work(cooperative_id, work)
        done += len(batch)
        step("posting the journal", done, len(entries))
    return len(entries)


async def _drafts(
    connection: AsyncConnection, cooperative_id: CooperativeId, entries: Iterable[DemoEntry]
) -> list[EntryDraft]:
    here = await _ids(connection, cooperative_id)
    keys = {
        line: AccountKey(
            line.code,
            here.members[line.member] if line.member else None,
            here.hubs[line.hub] if line.hub else None,
        )
        for entry in entries
        for line in entry.lines
    }
    accounts = await ledger.accounts_for(connection, cooperative_id, keys.values())
    return [
        EntryDraft(
            entry.kind, entry.effective_on, entry.memo,
            tuple(
                PostingDraft(
                    accounts[keys[line]], line.minor, here.fund_id if entry.granted else None
                )
                for line in entry.lines
            ),
            idempotency_key=f"demo:{entry.key}",
        )
        for entry in entries
    ]  # fmt: skip


async def _ids(connection: AsyncConnection, cooperative_id: CooperativeId) -> _Town:
    numbers = [member.number for member in town.MEMBERS]
    found = await member_queries.members_by_numbers(connection, cooperative_id, numbers)
    hubs = await charging_queries.hubs_by_refs(connection, [hub.ref for hub in town.HUBS])
    funds = await ledger_queries.funds(connection)
    fund_id = next(one for one, row in funds.items() if row.code == books.FUND)
    return _Town(
        {number: MemberId(one.id) for number, one in found.items()},
        {ref: hub.id for ref, hub in hubs.items()},
        fund_id,
    )


async def _close(
    database: Database,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    last_day: date,
    step: Step,
) -> None:
    """Close every month but the last; those that are closed already stay so."""
    async with database.snapshot(cooperative_id) as connection:
        periods = await ledger_queries.periods(connection)
    closing = [period for period in periods if period.to_on <= last_day]
    for done, period in enumerate(closing, 1):
        if period.state != PeriodState.CLOSED.value:
            await close_period(database, viewer, cooperative_id, period.id)
        step("closing months", done, len(closing))
