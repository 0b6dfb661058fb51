"""Issuing statements: from the order to a file that is kept and a row that says so.

    may the viewer → was it done under this key → seal what can be sealed
    → gather (one snapshot) → has the statement before changed? then that one is issued anew first
    → the same figures as the last one of these days? then it is that one
    → draw, off the event loop → one unit of work: claim the key, keep the file, write the rows

The unit of work at the end takes turns per member; who finds that another statement came in between
starts over. A twin of a request draws in vain, waits for the first one's commit and is answered
what that one was. Nothing is stored or written before it is certain to be the next statement, and a
key is remembered with what it issued only: a refusal moves nothing, so it is not kept.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from datetime import date
from functools import partial
from importlib.metadata import version
from threading import Lock
from typing import Any, TypeVar
from uuid import UUID

import anyio.to_thread
from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.kernel.ids import CooperativeId, MemberId, uuid7
from coop.ledger import sealing
from coop.ledger.domain.canonical import length_prefixed
from coop.ledger.errors import IdempotencyMismatch
from coop.ledger.tables import idempotency
from coop.members.domain.policy import Action, require
from coop.members.domain.roles import Viewer
from coop.reports import queries, tables
from coop.reports.errors import StatementBusy, StatementPeriodInvalid
from coop.reports.gathering import Gathered, gather_statement
from coop.reports.localised import localised
from coop.reports.parties import Terms
from coop.reports.proofs import SealTrees
from coop.reports.queries import IssuedStatement, StoredDocument
from coop.reports.statement import MemberStatement
from coop.reports.statement_pdf import draw_statement
from coop.reports.store import DocumentStore, document_bytes, key_of
from coop.reports.verify_document import statement_in

PDF = "application/pdf"
ATTEMPTS = 10
DAYS_MAX = 1096
_TURNS = 9
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_DRAWING = Lock()  # ReportLab keeps what it knows of fonts in one place

Draw = Callable[[MemberStatement, str], Awaitable[bytes]]
Said = TypeVar("Said")


@dataclass(frozen=True, slots=True)
class Issued:
    """A statement, the file that was asked for, and whether this key had issued it before."""

    statement: IssuedStatement
    document: StoredDocument
    replayed: bool


@dataclass(frozen=True, slots=True)
class Order:
    """Whose statement, of which days, in which language; `key` is the client's, one per intent."""

    member_id: MemberId
    from_on: date
    to_on: date
    locale: str
    actor: str
    key: str | None

    @property
    def request_hash(self) -> bytes:
        """What another request under the same key differs in."""
        words = ("coop.statement.v1", self.member_id, self.from_on, self.to_on, self.locale)
        return hashlib.sha256(length_prefixed(str(word).encode() for word in words)).digest()


async def drawn_in_thread(statement: MemberStatement, locale: str) -> bytes:
    """The statement drawn without holding up the event loop, one at a time."""
    return await in_thread(draw_statement, statement, locale)


async def in_thread(draw: Callable[[Said, str], bytes], said: Said, locale: str) -> bytes:
    """Any document drawn without holding up the event loop, one at a time."""

    def drawn() -> bytes:
        with _DRAWING:
            return draw(said, locale)

    return await anyio.to_thread.run_sync(drawn)


@dataclass(frozen=True, slots=True)
class Office:
    """Everything that issuing needs, the same for one statement and for a thousand."""

    database: Database
    store: DocumentStore
    cooperative_id: CooperativeId
    draw: Draw = drawn_in_thread
    terms: Terms | None = None
    trees: SealTrees = field(default_factory=SealTrees)


async def issue_statement(
    database: Database,
    store: DocumentStore,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    member_id: MemberId,
    from_on: date,
    to_on: date,
    *,
    locale: str,
    idempotency_key: str | None,
    actor: str | None = None,
    terms: Terms | None = None,
) -> Issued:
    """Issue the member's statement of [from_on, to_on) and draw it in `locale`.

    The same figures again are the same statement, byte for byte; changed ones are a new statement
    that supersedes it. Refuses NOT_FOUND, FORBIDDEN, STATEMENT_PERIOD_INVALID,
    LANGUAGE_UNAVAILABLE, IDEMPOTENCY_MISMATCH, STATEMENT_BUSY; then nothing was issued.
    """
    require(viewer, Action.STATEMENT_ISSUE, cooperative_id, member_id=member_id)
    office = Office(database, store, cooperative_id, terms=terms)
    order = Order(
        member_id, from_on, to_on, language(locale), actor or viewer.subject, idempotency_key
    )
    require_period(from_on, to_on)
    replayed = await replay(office, order)
    if replayed is not None:
        return replayed
    await sealing.seal_everything(database, cooperative_id)
    return await issue(office, order)


def language(locale: str) -> str:
    """The locale as it is kept: de_CH for de-CH. Refuses LANGUAGE_UNAVAILABLE."""
    return str(localised(locale, "EUR").locale)


def require_period(from_on: date, to_on: date) -> None:
    """Refuses STATEMENT_PERIOD_INVALID unless [from_on, to_on) is one to 1096 days."""
    if not 1 <= (to_on - from_on).days <= DAYS_MAX:
        raise StatementPeriodInvalid("A statement covers 1 to 1096 days.", ("period",))


async def statement_document(
    database: Database, cooperative_id: CooperativeId, document_id: UUID
) -> StoredDocument | None:
    """The document of that id. Whoever asks holds a link to it, or has asked the policy."""
    async with database.snapshot(cooperative_id) as connection:
        return await queries.document_by_id(connection, document_id)


# One statement


async def issue(office: Office, order: Order) -> Issued:
    """Issue what is ordered, whoever ordered it; what can be sealed is sealed already."""
    for _ in range(ATTEMPTS):
        async with office.database.snapshot(office.cooperative_id) as connection:
            gathered = await gather_statement(
                connection, office.cooperative_id, order.member_id, order.from_on, order.to_on,
                utc_now(), terms=office.terms, trees=office.trees,
            )  # fmt: skip
        if not gathered.continues:
            await _issue_anew(office, order, gathered.beside.previous)
            continue
        drawn = await _drawn(office, order, gathered)
        work = partial(_record, office, order, gathered, drawn)
        issued = await office.database.unit_of_work(office.cooperative_id, work)
        if issued is not None:
            return issued
    raise StatementBusy("The member's books kept moving; nothing was issued. Please try again.")


async def _issue_anew(office: Office, order: Order, before: IssuedStatement | None) -> None:
    """Supersede the statement before this one: something was posted to its days since."""
    if before is None:
        raise LookupError("a statement that continues nothing has no opening to differ from")
    async with office.database.snapshot(office.cooperative_id) as connection:
        documents = (await queries.documents_of(connection, [before.id]))[before.id]
    again = Order(
        order.member_id, before.from_on, before.to_on, documents[0].locale, order.actor, None
    )
    await issue(office, again)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A file to keep, or the one that is kept already."""

    statement: IssuedStatement
    pdf: bytes
    kept: StoredDocument | None = None


async def _drawn(office: Office, order: Order, gathered: Gathered) -> _Drawn:
    """The file of the statement: of the one that stands if nothing changed, else of a new one."""
    if not gathered.unchanged or gathered.beside.current is None:
        pdf = await office.draw(gathered.statement, order.locale)
        return _Drawn(_row(office, order, gathered), pdf)
    current = gathered.beside.current
    async with office.database.snapshot(office.cooperative_id) as connection:
        documents = (await queries.documents_of(connection, [current.id]))[current.id]
    for document in documents:
        if (document.locale, document.media_type) == (order.locale, PDF):
            return _Drawn(current, b"", document)
    # Another language of the very same statement, which its first file holds inside.
    first = await document_bytes(office.store, documents[0].stored_as)
    return _Drawn(current, await office.draw(statement_in(first), order.locale))


def _row(office: Office, order: Order, gathered: Gathered) -> IssuedStatement:
    said = gathered.statement
    return IssuedStatement(
        cooperative_id=office.cooperative_id,
        id=uuid7(),
        member_id=order.member_id,
        number=gathered.beside.number,
        from_on=order.from_on,
        to_on=order.to_on,
        issued_at=said.issued_at,
        issued_by=order.actor,
        currency=said.cooperative.currency,
        opening_minor=said.opening_minor,
        closing_minor=said.closing_minor,
        entry_count=len(said.entries),
        content_sha256=gathered.content_sha256,
        seal_number=said.seals[-1].number if said.seals else None,
        previous_id=gathered.beside.previous.id if gathered.beside.previous else None,
        supersedes_id=gathered.beside.current.id if gathered.beside.current else None,
        program_version=version("coop"),
    )


async def _record(
    office: Office, order: Order, gathered: Gathered, drawn: _Drawn, connection: AsyncConnection
) -> Issued | None:
    """Write it all down, or answer None when another statement came in between."""
    turn = func.hashtextextended(f"{office.cooperative_id}{order.member_id}", _TURNS)
    await connection.execute(select(func.pg_advisory_xact_lock(turn)))
    replayed = await _replayed(connection, order)
    if replayed is not None:
        return replayed
    if await queries.last_number(connection, order.member_id) != gathered.beside.number - 1:
        return None
    if drawn.kept is None and drawn.statement is gathered.beside.current:
        drawn = await _kept_since(connection, order, drawn)
    document = drawn.kept or _document(order, gathered, drawn)
    issued = Issued(drawn.statement, document, replayed=False)
    if not await _claim(connection, order, issued):
        return await _replayed(connection, order)
    if drawn.kept is None:
        if drawn.statement is not gathered.beside.current:
            await connection.execute(insert(tables.statement).values(_values(drawn.statement)))
        await office.store.put(drawn.pdf)
        await connection.execute(insert(tables.document).values(_values(document)))
    return issued


async def _kept_since(connection: AsyncConnection, order: Order, drawn: _Drawn) -> _Drawn:
    """The same, but with the file somebody else drew in that language in the meantime."""
    documents = await queries.documents_of(connection, [drawn.statement.id])
    for document in documents[drawn.statement.id]:
        if (document.locale, document.media_type) == (order.locale, PDF):
            return _Drawn(drawn.statement, b"", document)
    return drawn


def _document(order: Order, gathered: Gathered, drawn: _Drawn) -> StoredDocument:
    slug = gathered.statement.cooperative.slug
    member = _UNSAFE.sub("-", gathered.statement.member.number)
    name = f"{slug}-statement-{member}-{drawn.statement.number}-{order.locale}.pdf"
    return StoredDocument(
        cooperative_id=drawn.statement.cooperative_id,
        id=uuid7(),
        statement_id=drawn.statement.id,
        locale=order.locale,
        media_type=PDF,
        file_name=name,
        sha256=hashlib.sha256(drawn.pdf).digest(),
        size_bytes=len(drawn.pdf),
        stored_as=key_of(drawn.pdf),
        stored_at=utc_now(),
    )


def _values(row: IssuedStatement | StoredDocument) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in fields(row)}


# Once per key


async def replay(office: Office, order: Order) -> Issued | None:
    """What was issued under this key before. Refuses IDEMPOTENCY_MISMATCH."""
    async with office.database.snapshot(office.cooperative_id) as connection:
        return await _replayed(connection, order)


async def _replayed(connection: AsyncConnection, order: Order) -> Issued | None:
    if order.key is None:
        return None
    c = idempotency.c
    found = await connection.execute(
        select(c.request_hash, c.outcome).where(c.actor == order.actor, c.key == order.key)
    )
    row = found.one_or_none()
    if row is None:
        return None
    if bytes(row.request_hash) != order.request_hash:
        raise IdempotencyMismatch(
            "This key was used before, for another request.", ("idempotency_key",)
        )
    statement_id, document_id = UUID(row.outcome["statement"]), UUID(row.outcome["document"])
    statements = await queries.statements_by_ids(connection, [statement_id])
    document = await queries.document_by_id(connection, document_id)
    if document is None:
        raise LookupError("an outcome without its document")
    return Issued(statements[statement_id], document, replayed=True)


async def _claim(connection: AsyncConnection, order: Order, issued: Issued) -> bool:
    """Take the key, if there is one; False when a request for somebody else has just taken it."""
    if order.key is None:
        return True
    row = {
        "cooperative_id": issued.statement.cooperative_id,
        "actor": order.actor,
        "key": order.key,
        "request_hash": order.request_hash,
        "outcome": {
            "statement": str(issued.statement.id), "document": str(issued.document.id)
        },
        "recorded_at": utc_now(),
    }  # fmt: skip
    claim = insert_or(idempotency).values(row).on_conflict_do_nothing()
    return (await connection.execute(claim)).rowcount == 1
