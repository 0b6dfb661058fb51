"""The year's bills, month by month, through the services a treasurer uses.

    settle      pledges against what was taken                        coop settle MONTH
    raise       plans, reservations, reductions, the grid's charge    coop charges MONTH
    bill        invoices on the first of the next month               coop bill MONTH
    contest     what was credited and contested after some of them    (contests.py)
    collect     direct debits of what is due on the fifteenth         coop bank collect
    bank        the statement of that month, as a file                coop bank import

The last month is left to whoever looks at the demo. Every step knows what it did before, so a demo
that was killed goes on; a month's bank file is written before it is read, and then read again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.bank_import import import_bank_file
from coop.billing.collecting import CollectionOrder, collect
from coop.billing.domain.cost_sharing import Bill
from coop.billing.domain.mandate import is_business_day
from coop.billing.domain.months import month_of
from coop.billing.errors import CollectionEmpty
from coop.billing.grid import BillDraft, record_utility_bill
from coop.billing.monthly import raise_monthly_items
from coop.billing.queries import collecting as collecting_queries
from coop.billing.queries import invoices as invoice_queries
from coop.billing.run import run_billing
from coop.billing.settling import settle_month
from coop.billing.tables import collection
from coop.charging import queries as charging_queries
from coop.db.engine import Database
from coop.demo import promises, town
from coop.demo.bank import camt_statement
from coop.demo.contests import contest
from coop.demo.paying import Billed, Collected, moves_in
from coop.kernel.ids import CooperativeId
from coop.kernel.window import Window
from coop.members import queries as member_queries
from coop.members.domain.roles import Viewer
from coop.reports.batch import write_whole

Step = Callable[[str, int, int], None]
_MADE_ON, _COLLECTED_ON = 8, 15
_INVOICES = Window(1_000)


@dataclass(frozen=True, slots=True)
class Office:
    """Where the year is billed: whose books, on whose behalf, and where bank files go."""

    database: Database
    viewer: Viewer
    cooperative_id: CooperativeId
    folder: Path
    last_day: date


async def bill_the_year(office: Office, step: Step) -> int:
    """Bill every month of the year that is over but the last, and take in what was paid.

    Answers how many invoices and credit notes there are.
    """
    firsts = [date(town.FIRST_DAY.year, number, 1) for number in range(1, office.last_day.month)]
    balance, before = 0, list[Billed]()
    for done, first in enumerate(firsts):
        step("billing months", done, len(firsts))
        await _charge(office, first)
        await contest(office.database, office.viewer, office.cooperative_id, first)
        billed = await _billed(office, first)
        collected = await _collect(office, month_of(first).to_on)
        balance = await _bank(office, month_of(first).to_on, billed, before, collected, balance)
        before = billed
    await _record_grid_bill(office, office.last_day.replace(day=1))
    step("billing months", len(firsts), len(firsts))
    async with office.database.snapshot(office.cooperative_id) as connection:
        return await invoice_queries.count_invoices(connection, invoice_queries.InvoiceWhere())


async def _charge(office: Office, first: date) -> None:
    """Settle the pledges of a month, raise what it costs beside charging, and issue its bills."""
    database, viewer, id_ = office.database, office.viewer, office.cooperative_id
    await settle_month(database, viewer, id_, first)
    await _record_grid_bill(office, first)
    await raise_monthly_items(database, viewer, id_, first)
    await run_billing(database, viewer, id_, month_of(first))


async def _record_grid_bill(office: Office, first: date) -> None:
    """The bill of the hub whose grid charge is shared, in the months in which it is."""
    if first < promises.SHARED_FROM:
        return

    async def work(connection: AsyncConnection) -> None:
        hubs = await charging_queries.hubs_by_refs(connection, [promises.SHARED_HUB])
        bill = Bill(energy_minor=0, demand_minor=promises.GRID_CHARGE_MINOR)
        draft = BillDraft(hubs[promises.SHARED_HUB].id, first, bill, f"SW-{first:%Y-%m}")
        await record_utility_bill(connection, office.viewer, office.cooperative_id, draft)

    await office.database.unit_of_work(office.cooperative_id, work)


async def _billed(office: Office, first: date) -> list[Billed]:
    """The invoices of the month that begins on `first`, by number."""
    where = invoice_queries.InvoiceWhere(
        kind="invoice", from_on=month_of(first).to_on, to_on=month_of(first).to_on + _A_DAY
    )
    async with office.database.snapshot(office.cooperative_id) as connection:
        rows = await invoice_queries.invoices_page(connection, where, _INVOICES)
        found = await member_queries.members_by_ids(
            connection, office.cooperative_id, {row.member_id for row in rows}
        )
    return sorted(
        (
            Billed(row.number, found[row.member_id].number, first, row.gross_minor, row.reference)
            for row in rows
        ),
        key=lambda one: one.number,
    )


_A_DAY = timedelta(days=1)


async def _collect(office: Office, month: date) -> Collected | None:
    """Make the direct debits of `month`, unless they are made, and say what the bank will book."""
    collect_on = month.replace(day=_COLLECTED_ON)
    while not is_business_day(collect_on):
        collect_on += _A_DAY
    order = CollectionOrder(collect_on, made_on=month.replace(day=_MADE_ON))

    async def work(connection: AsyncConnection) -> Collected | None:
        made_for = select(collection.c.message_id).where(
            collection.c.collect_on == order.collect_on
        )
        message_id: str | None = await connection.scalar(made_for)
        if message_id is None:
            try:
                made = await collect(connection, office.viewer, office.cooperative_id, order)
            except CollectionEmpty:
                return None
            message_id = made.collection.message_id
        return await _collected(connection, office.cooperative_id, message_id)

    return await office.database.unit_of_work(office.cooperative_id, work)


async def _collected(
    connection: AsyncConnection, cooperative_id: CooperativeId, message_id: str
) -> Collected:
    stored = await collecting_queries.collection_by_message(connection, message_id)
    if stored is None:
        raise LookupError("a collection that was just there")
    items = (await collecting_queries.items_of_collections(connection, [stored.id]))[stored.id]
    found = await member_queries.members_by_ids(
        connection, cooperative_id, {item.member_id for item in items}
    )
    debits = ((found[i.member_id].number, i.end_to_end_id, i.amount_minor) for i in items)
    return Collected(message_id, tuple(debits))


async def _bank(
    office: Office,
    month: date,
    billed: Sequence[Billed],
    before: Sequence[Billed],
    collected: Collected | None,
    balance_minor: int,
) -> int:
    """Let the bank's statement of `month` come in; answers the balance at its end."""
    moves = moves_in(month, billed, before, collected)
    data = camt_statement(month.month, month, month_of(month).to_on - _A_DAY, balance_minor, moves)
    path = office.folder / f"bank-{month:%Y-%m}.camt053.xml"
    if not path.exists():
        write_whole(path, data)
    await import_bank_file(
        office.database, office.viewer, office.cooperative_id, path.read_bytes(), path.name
    )
    return balance_minor + sum(move.minor for move in moves)
