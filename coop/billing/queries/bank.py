"""Every question about our bank accounts, the lines on them and the rules about those."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.bank_line import BankLine
from coop.billing.domain.matching import Rule
from coop.billing.tables import (
    bank_account,
    bank_file,
    bank_line,
    bank_rule,
    bank_statement,
    invoice,
)
from coop.billing.tables import mandate as mandate_table
from coop.db.among import among
from coop.db.keyset import windowed
from coop.kernel.window import Window

_L = bank_line.c
_LINE = [c for c in _L if c.name not in ("facts_sha256", "occurrence", "number", "statement_id")]
_RULE = (
    bank_rule.c.id, bank_rule.c.name, bank_rule.c.contains, bank_rule.c.iban,
    bank_rule.c.member_id, bank_rule.c.account_code,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BankAccount:
    """An account of the cooperative at a bank."""

    id: UUID
    iban: str
    bic: str | None
    name: str
    account_code: str
    creditor_id: str | None


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line as kept, and what became of it."""

    cooperative_id: UUID
    id: UUID
    bank_account_id: UUID
    booked_on: date
    value_on: date | None
    amount_minor: int
    currency: str
    bank_reference: str | None
    end_to_end_id: str | None
    mandate_reference: str | None
    creditor_reference: str | None
    batch_reference: str | None
    content: str
    counterparty_name: str | None
    counterparty_iban: str | None
    return_code: str | None
    original_minor: int | None
    raw: bytes
    state: str
    why: str
    candidates: Sequence[dict[str, str]]
    member_id: UUID | None
    entry_id: UUID | None
    settled_by: str | None
    settled_at: datetime | None
    recorded_at: datetime

    @property
    def line(self) -> BankLine:
        """The line as it was read."""
        return BankLine(
            booked_on=self.booked_on, value_on=self.value_on, amount_minor=self.amount_minor,
            currency=self.currency, bank_reference=self.bank_reference,
            end_to_end_id=self.end_to_end_id, mandate_id=self.mandate_reference,
            creditor_reference=self.creditor_reference, text=self.content,
            counterparty_name=self.counterparty_name, counterparty_iban=self.counterparty_iban,
            batch_references=tuple((self.batch_reference or "").splitlines()),
            return_code=self.return_code, original_minor=self.original_minor, raw=self.raw,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that was read."""

    id: UUID
    bank_account_id: UUID
    lines: int
    known: int


async def bank_accounts(connection: AsyncConnection) -> list[BankAccount]:
    """Our accounts, by IBAN."""
    columns = [bank_account.c[name] for name in BankAccount.__slots__]
    rows = await connection.execute(select(*columns).order_by(bank_account.c.iban))
    return [BankAccount(*row) for row in rows]


async def bank_rules(connection: AsyncConnection) -> list[Rule]:
    """The rules in force, by name."""
    rows = await connection.execute(
        select(*_RULE).where(bank_rule.c.ended_at.is_(None)).order_by(bank_rule.c.name)
    )
    return [Rule(*tuple(row)) for row in rows]


async def members_of_ibans(
    connection: AsyncConnection, ibans: Iterable[str]
) -> dict[str, frozenset[UUID]]:
    """Whose account each IBAN is by any mandate ever given; one of nobody's is absent."""
    c = mandate_table.c
    rows = await connection.execute(
        select(c.iban, c.member_id).where(among(c.iban, ibans)).distinct()
    )
    found: dict[str, set[UUID]] = {}
    for iban, member_id in rows:
        found.setdefault(iban, set()).add(member_id)
    return {iban: frozenset(members) for iban, members in found.items()}


# Files, statements and which lines they brought


async def files_of(connection: AsyncConnection, sha256: bytes) -> list[StoredFile]:
    """What was read of this very file before, by account."""
    c = bank_file.c
    rows = await connection.execute(
        select(c.id, c.bank_account_id, c.lines, c.known).where(c.sha256 == sha256)
    )
    return [StoredFile(*row) for row in rows]


async def statements_until(
    connection: AsyncConnection, account_id: UUID, from_on: date, to_on: date
) -> list[Any]:
    """Statements that closed between these days, both counted: (id, opening, closing, …)."""
    c = bank_statement.c
    rows = await connection.execute(
        select(c.id, c.opening_minor, c.closing_minor, c.opened_on, c.closed_on, c.statement)
        .where(c.bank_account_id == account_id, c.closed_on.between(from_on, to_on))
        .order_by(c.id)
    )
    return list(rows)


async def known_lines(
    connection: AsyncConnection, account_id: UUID, facts: Iterable[bytes]
) -> list[tuple[bytes, int, UUID]]:
    """(facts, occurrence, statement) of the lines that are here of these."""
    rows = await connection.execute(
        select(_L.facts_sha256, _L.occurrence, _L.statement_id).where(
            _L.bank_account_id == account_id, among(_L.facts_sha256, facts)
        )
    )
    return [(bytes(row[0]), int(row[1]), row[2]) for row in rows]


async def lines_of_other_kinds(
    connection: AsyncConnection, account_id: UUID, kind: str, from_on: date, to_on: date
) -> list[tuple[UUID, date, int, int]]:
    """(statement, day, amount, how many) of lines that files of another kind brought."""
    rows = await connection.execute(
        select(_L.statement_id, _L.booked_on, _L.amount_minor, func.count())
        .join(bank_statement, bank_statement.c.id == _L.statement_id)
        .join(bank_file, bank_file.c.id == bank_statement.c.bank_file_id)
        .where(
            _L.bank_account_id == account_id, bank_file.c.kind != kind,
            _L.booked_on.between(from_on, to_on),
        )
        .group_by(_L.statement_id, _L.booked_on, _L.amount_minor)
    )  # fmt: skip
    return [(row[0], row[1], int(row[2]), int(row[3])) for row in rows]


async def first_opening(connection: AsyncConnection, account_id: UUID) -> tuple[int, date] | None:
    """What the earliest statement of the account opened with, and on which day."""
    c = bank_statement.c
    row = (
        await connection.execute(
            select(c.opening_minor, c.opened_on)
            .where(c.bank_account_id == account_id)
            .order_by(c.opened_on, c.closed_on, c.id)
            .limit(1)
        )
    ).one_or_none()
    return None if row is None else (int(row[0]), row[1])


async def last_closing(connection: AsyncConnection, account_id: UUID) -> tuple[int, date] | None:
    """What the latest statement of the account closed with, and on which day."""
    c = bank_statement.c
    row = (
        await connection.execute(
            select(c.closing_minor, c.closed_on)
            .where(c.bank_account_id == account_id)
            .order_by(c.closed_on.desc(), c.id.desc())
            .limit(1)
        )
    ).one_or_none()
    return None if row is None else (int(row[0]), row[1])


async def sum_of_lines(connection: AsyncConnection, account_id: UUID) -> int:
    """What all lines of the account come to."""
    found = await connection.scalar(
        select(func.sum(_L.amount_minor)).where(_L.bank_account_id == account_id)
    )
    return int(found or 0)


# Lines


@dataclass(frozen=True, slots=True)
class LineWhere:
    """Which lines a list holds."""

    unmatched: bool = False
    bank_account_id: UUID | None = None
    from_on: date | None = None
    to_on: date | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same for SQLAlchemy."""
        found: list[ColumnElement[bool]] = []
        if self.unmatched:
            found.append(_L.state == "unmatched")
        if self.bank_account_id is not None:
            found.append(_L.bank_account_id == self.bank_account_id)
        if self.from_on is not None:
            found.append(_L.booked_on >= self.from_on)
        if self.to_on is not None:
            found.append(_L.booked_on < self.to_on)
        return found


async def lines_page(
    connection: AsyncConnection, where: LineWhere, window: Window
) -> list[StoredLine]:
    """The window of lines, the latest first."""
    statement = windowed(
        select(*_LINE).where(*where.conditions()), [_L.booked_on, _L.id], window, descending=True
    )
    return [StoredLine(*row) for row in await connection.execute(statement)]


async def lines_count(connection: AsyncConnection, where: LineWhere) -> int:
    """How many lines there are."""
    statement = select(func.count()).select_from(bank_line).where(*where.conditions())
    return int(await connection.scalar(statement) or 0)


async def lines_by_ids(connection: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, StoredLine]:
    """The lines of those ids that exist."""
    rows = await connection.execute(select(*_LINE).where(among(_L.id, ids)))
    return {row.id: StoredLine(*row) for row in rows}


async def line_of_entry(connection: AsyncConnection, entry_id: UUID) -> UUID | None:
    """The line that an entry explains already."""
    found: UUID | None = await connection.scalar(
        select(_L.id).where(_L.entry_id == entry_id).limit(1)
    )
    return found


async def unmatched_lines(connection: AsyncConnection, most: int) -> list[StoredLine]:
    """Up to `most` lines nobody knows what they are, the oldest first."""
    rows = await connection.execute(
        select(*_LINE).where(_L.state == "unmatched").order_by(_L.booked_on, _L.id).limit(most)
    )
    return [StoredLine(*row) for row in rows]


async def invoices_by_numbers(connection: AsyncConnection, numbers: Iterable[int]) -> list[UUID]:
    """The invoices that have these numbers."""
    rows = await connection.execute(
        select(invoice.c.id).where(invoice.c.kind == "invoice", among(invoice.c.number, numbers))
    )
    return [row.id for row in rows]
