"""A run: the same period for many members, on every core, memory flat, resumed after a kill.

Each member's statement is issued by itself under a key made of the run's, so a run that was
interrupted is simply started again with its key: what is issued already is passed over, and what
was not is issued as if the first run had gone on. Drawing happens in processes, gathering and
recording here; a few members are under way at a time, whatever their number.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from coop.db.engine import Database
from coop.kernel.ids import CooperativeId, MemberId
from coop.ledger import sealing
from coop.ledger.errors import IdempotencyMismatch
from coop.ledger.tables import idempotency
from coop.members.domain.policy import Action, require
from coop.members.domain.roles import Viewer
from coop.reports.batch import drawing_pool
from coop.reports.parties import Terms
from coop.reports.service import Issued, Office, Order, issue, language, require_period
from coop.reports.statement import MemberStatement
from coop.reports.statement_pdf import draw_statement
from coop.reports.store import DocumentStore

UNDER_WAY_PER_PROCESS = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `already` were issued by an earlier one; `issued` is the latest, if any."""

    done: int
    total: int
    already: int
    issued: Issued | None = None


async def issue_statements(
    database: Database,
    store: DocumentStore,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    member_ids: Sequence[MemberId],
    from_on: date,
    to_on: date,
    *,
    locale: str,
    idempotency_key: str,
    actor: str | None = None,
    terms: Terms | None = None,
    processes: int | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Issue everybody's statement of [from_on, to_on); tells `on_progress` after each.

    Uses `processes` to draw (default: one per core). The first refusal or failure stops the run and
    is raised; what is issued by then stays. Refuses what `issue_statement` refuses.
    """
    require(viewer, Action.STATEMENT_ISSUE, cooperative_id)
    require_period(from_on, to_on)
    spoken, by = language(locale), actor or viewer.subject
    orders = [
        Order(member_id, from_on, to_on, spoken, by, f"{idempotency_key}/{member_id}")
        for member_id in dict.fromkeys(member_ids)
    ]
    await sealing.seal_everything(database, cooperative_id)
    missing = await _missing(database, cooperative_id, orders)
    already = len(orders) - len(missing)
    progress = Progress(already, len(orders), already)
    on_progress(progress)

    def told(issued: Issued) -> None:
        nonlocal progress
        progress = Progress(progress.done + 1, progress.total, already, issued)
        on_progress(progress)

    if missing:
        count = processes or os.cpu_count() or 1
        with drawing_pool(count) as pool:
            office = _office(pool, database, store, cooperative_id, terms)
            await _all(office, iter(missing), count * UNDER_WAY_PER_PROCESS, told)
    return progress


def _office(
    pool: ProcessPoolExecutor,
    database: Database,
    store: DocumentStore,
    cooperative_id: CooperativeId,
    terms: Terms | None,
) -> Office:
    async def draw(statement: MemberStatement, locale: str) -> bytes:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, draw_statement, statement, locale)

    return Office(database, store, cooperative_id, draw, terms)


async def _all(
    office: Office, orders: Iterator[Order], at_once: int, told: Callable[[Issued], None]
) -> None:
    async def next_ones() -> None:
        for order in orders:
            told(await issue(office, order))

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(next_ones())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _missing(
    database: Database, cooperative_id: CooperativeId, orders: Sequence[Order]
) -> list[Order]:
    """The orders whose key has issued nothing yet. Refuses IDEMPOTENCY_MISMATCH."""
    if not orders:
        return []
    c, prefix = idempotency.c, (orders[0].key or "").rpartition("/")[0] + "/"
    asked = select(c.key, c.request_hash).where(
        c.actor == orders[0].actor, c.key.startswith(prefix, autoescape=True)
    )
    async with database.snapshot(cooperative_id) as connection:
        done = {row.key: bytes(row.request_hash) for row in await connection.execute(asked)}
    for order in orders:
        if order.key in done and done[order.key] != order.request_hash:
            raise IdempotencyMismatch("This key was used before, for another run.")
    return [order for order in orders if order.key not in done]
