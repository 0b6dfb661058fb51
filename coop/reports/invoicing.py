"""Drawing issued invoices: once per invoice and language, kept as it is, and the same ever after.

    may the viewer → is it kept in that language → seal what can be sealed
    → gather (one snapshot), or what another language's file holds inside → draw, off the event loop
    → one unit of work: take turns per invoice, keep the file, write the row

Whoever finds that somebody else drew it in between takes theirs: in another language the twin
inside it is drawn, so that all files of an invoice say the same. A file is put in the store before
its row is written; a kill between the two leaves a file that nobody names, and the next order draws
again.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import partial
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.queries import invoices
from coop.billing.queries.invoices import InvoiceRow
from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.kernel.errors import Refusal
from coop.kernel.ids import CooperativeId, uuid7
from coop.ledger import sealing
from coop.members import queries as members
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer
from coop.reports import invoice_queries, tables
from coop.reports.batch import drawing_pool
from coop.reports.errors import StatementBusy
from coop.reports.invoice import InvoiceDocument, number_shown
from coop.reports.invoice_gathering import gather_invoice
from coop.reports.invoice_pdf import draw_invoice
from coop.reports.invoice_twin import from_json_twin, read_twin
from coop.reports.proofs import SealTrees
from coop.reports.queries import StoredDocument
from coop.reports.service import PDF, in_thread, language
from coop.reports.store import DocumentStore, document_bytes, key_of

ATTEMPTS = 10
UNDER_WAY_PER_PROCESS = 3
DEFAULT_LOCALE = "en"
_TURNS = 10

Draw = Callable[[InvoiceDocument, str], Awaitable[bytes]]


async def drawn_in_thread(document: InvoiceDocument, locale: str) -> bytes:
    """The invoice drawn without holding up the event loop, one at a time."""
    return await in_thread(draw_invoice, document, locale)


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that drawing invoices needs, the same for one and for a thousand."""

    database: Database
    store: DocumentStore
    cooperative_id: CooperativeId
    draw: Draw = drawn_in_thread
    trees: SealTrees = field(default_factory=SealTrees)


@dataclass(frozen=True, slots=True)
class InvoiceFile:
    """What became of one invoice of a batch of `total`: its file, or why there is none.

    `already` when the file was kept from before.
    """

    number: str
    document: StoredDocument | None = None
    already: bool = False
    refusal: Refusal | None = None
    total: int = 1


async def issue_invoice_document(
    database: Database,
    store: DocumentStore,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    invoice_id: UUID,
    locale: str | None = None,
) -> StoredDocument:
    """The file of an invoice or credit note in `locale`, drawn at the first asking.

    Without a locale it is the member's own, or English. Refuses NOT_FOUND, LANGUAGE_UNAVAILABLE,
    INVOICE_INCOMPLETE (nothing is then drawn).
    """
    desk = Desk(database, store, cooperative_id)
    async with database.snapshot(cooperative_id) as connection:
        row = (await invoices.invoices_by_ids(connection, [invoice_id])).get(invoice_id)
        if row is None:
            raise absent()
        require(viewer, Action.BILL_READ, cooperative_id, member_id=row.member_id)
        wanted = language(locale or await _own_locale(connection, row))
        kept = await _kept(connection, invoice_id, wanted)
    if kept is not None:
        return kept
    await sealing.seal_everything(database, cooperative_id)
    return (await _issue(desk, row, wanted))[0]


async def issue_month(
    database: Database,
    store: DocumentStore,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    from_on: date,
    to_on: date,
    locale: str | None = None,
    processes: int | None = None,
) -> AsyncIterator[InvoiceFile]:
    """The files of every bill of the days [from_on, to_on), drawn on every core, as they are ready.

    An invoice that cannot be drawn says why and stops nobody else. What an earlier run drew is not
    drawn again, so a run that was killed is simply started again; a few are under way at a time.
    Refuses FORBIDDEN, NOT_FOUND, LANGUAGE_UNAVAILABLE.
    """
    require(viewer, Action.BILL_READ, cooperative_id)
    if locale is not None:
        language(locale)
    await sealing.seal_everything(database, cooperative_id)
    async with database.snapshot(cooperative_id) as connection:
        found = await invoice_queries.invoices_issued(connection, from_on, to_on)
    count = min(processes or os.cpu_count() or 1, max(1, len(found)))
    with drawing_pool(count) as pool:
        desk = Desk(database, store, cooperative_id, _in(pool))
        async for made in _each(desk, found, locale, count * UNDER_WAY_PER_PROCESS):
            yield replace(made, total=len(found))


def _in(pool: ProcessPoolExecutor) -> Draw:
    async def draw(document: InvoiceDocument, locale: str) -> bytes:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, draw_invoice, document, locale)

    return draw


async def _each(
    desk: Desk, found: Sequence[tuple[UUID, str, int]], locale: str | None, at_once: int
) -> AsyncIterator[InvoiceFile]:
    """The files in the order of `found`, `at_once` of them under way."""
    waiting: list[asyncio.Task[InvoiceFile]] = []
    try:
        for invoice_id, kind, number in found:
            one = _one(desk, invoice_id, number_shown(kind, number), locale)
            waiting.append(asyncio.create_task(one))
            if len(waiting) == at_once:
                yield await waiting.pop(0)
        while waiting:
            yield await waiting.pop(0)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _one(desk: Desk, invoice_id: UUID, number: str, locale: str | None) -> InvoiceFile:
    try:
        async with desk.database.snapshot(desk.cooperative_id) as connection:
            row = (await invoices.invoices_by_ids(connection, [invoice_id]))[invoice_id]
            wanted = language(locale or await _own_locale(connection, row))
        document, already = await _issue(desk, row, wanted)
    except Refusal as refusal:
        return InvoiceFile(number, refusal=refusal)
    return InvoiceFile(number, document, already)


# One invoice


async def _own_locale(connection: AsyncConnection, row: InvoiceRow) -> str:
    """The language the member asked for, on the day of issue."""
    held = await members.member_profiles_on(
        connection, row.cooperative_id, [row.member_id], row.issued_on
    )
    profile = held[row.member_id].profile if row.member_id in held else None
    return (profile and profile.locale) or DEFAULT_LOCALE


async def _kept(
    connection: AsyncConnection, invoice_id: UUID, locale: str
) -> StoredDocument | None:
    found = await invoice_queries.documents_of_invoices(connection, [invoice_id])
    documents = found.get(invoice_id, [])
    wanted = (locale, PDF)
    return next((one for one in documents if (one.locale, one.media_type) == wanted), None)


async def _issue(desk: Desk, row: InvoiceRow, locale: str) -> tuple[StoredDocument, bool]:
    """The file, and whether it was there already; what can be sealed is sealed."""
    for _ in range(ATTEMPTS):
        async with desk.database.snapshot(desk.cooperative_id) as connection:
            kept = await _kept(connection, row.id, locale)
            if kept is not None:
                return kept, True
            drawn_before = await invoice_queries.documents_of_invoices(connection, [row.id])
            first = next(iter(drawn_before.get(row.id, [])), None)
            said = None
            if first is None:
                said = await gather_invoice(
                    connection, desk.cooperative_id, row.id, utc_now(), desk.trees
                )
        if said is None and first is not None:
            said = invoice_in(await document_bytes(desk.store, first.stored_as))
        if said is None:
            raise LookupError("an invoice neither gathered nor kept")
        pdf = await desk.draw(said, locale)
        work = partial(_record, desk, row, locale, said, pdf, first)
        stored = await desk.database.unit_of_work(desk.cooperative_id, work)
        if stored is not None:
            return stored, False
    raise StatementBusy("Others kept drawing the same invoice; please try again.")


def invoice_in(pdf: bytes) -> InvoiceDocument:
    """The proved invoice inside a document. Refuses TWIN_MISSING and TWIN_MALFORMED."""
    return from_json_twin(read_twin(pdf))


async def _record(
    desk: Desk,
    row: InvoiceRow,
    locale: str,
    said: InvoiceDocument,
    pdf: bytes,
    first: StoredDocument | None,
    connection: AsyncConnection,
) -> StoredDocument | None:
    """Keep the file and write its row, or answer None when somebody drew it in between."""
    turn = func.hashtextextended(f"{desk.cooperative_id}{row.id}", _TURNS)
    await connection.execute(select(func.pg_advisory_xact_lock(turn)))
    found = (await invoice_queries.documents_of_invoices(connection, [row.id])).get(row.id, [])
    if (found[0] if found else None) != first or any(one.locale == locale for one in found):
        return None
    document = StoredDocument(
        cooperative_id=desk.cooperative_id,
        id=uuid7(),
        statement_id=None,
        locale=locale,
        media_type=PDF,
        file_name=f"{said.seller.slug}-{said.number.lower()}-{locale}.pdf",
        sha256=hashlib.sha256(pdf).digest(),
        size_bytes=len(pdf),
        stored_as=key_of(pdf),
        stored_at=utc_now(),
        invoice_id=row.id,
    )
    await desk.store.put(pdf)
    await connection.execute(insert(tables.document).values(asdict(document)))
    return document
