"""Bank files into the books: a whole file in one unit of work, each line once.

    read        camt.053 or MT940 into lines; balances tried; a refusal here leaves no trace
    hold        the cooperative's bank lock: a twin waits, and then finds the file read
    known       lines that another file brought are passed over (below)
    settle      the others are matched and posted, or left to a person (bank_lines.py)

A line is the same as another when the bank's reference, or else everything it says, is the same on
the same day. Two lines alike in everything are counted: the second of a day is occurrence 2. A file
that overlaps an earlier one counts from 1 again and meets the same lines; a statement that goes on
where another of that day ended (its opening is the other's closing) counts on from it. Where
files of the other format told the same days, lines of the same day and amount are the same; if the
account's lines then do not come to its balance, the file is refused.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from anyio import to_thread
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.bank_lines import Desk, Outcome, settle_lines
from coop.billing.domain.bank_line import BankFile, BankLine, BankStatement, masked
from coop.billing.domain.camt import camt_file, looks_like_camt
from coop.billing.domain.mt940_file import looks_like_mt940, mt940_file
from coop.billing.errors import (
    BankAccountUnknown,
    BankFileCurrency,
    BankFileMalformed,
    BankFileOverlaps,
)
from coop.billing.payments import hold
from coop.billing.queries import bank as queries
from coop.billing.queries.bank import BankAccount
from coop.billing.tables import bank_file, bank_line, bank_statement
from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.kernel.ids import CooperativeId, uuid7
from coop.ledger import queries as ledger_queries
from coop.members.domain.policy import Action, require
from coop.members.domain.roles import Viewer

DAYS_BACK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A bank file that was found good to read, and the hash of its bytes."""

    content: BankFile
    sha256: bytes
    name: str


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """What an import came to: `known` of its `lines` were here already; the others by outcome.

    `repeated`: this very file was read before, and nothing was done. `missing_minor` is what the
    account's lines lack of its latest balance: not 0 while a statement in between is not here.
    """

    kind: str
    lines: int
    known: int
    repeated: bool
    outcomes: tuple[Outcome, ...] = ()
    missing_minor: int = 0

    @property
    def posted(self) -> int:
        """How many new lines are posted, or explained by what was."""
        return sum(one.state != "unmatched" for one in self.outcomes)

    @property
    def unmatched(self) -> int:
        """How many new lines wait for somebody to say what they are."""
        return len(self.outcomes) - self.posted


def read_bank_file(data: bytes, name: str) -> ReadFile:
    """Read a file of either kind. Refuses BANK_FILE_*; see the domain's readers."""
    if looks_like_camt(data):
        content = camt_file(data)
    elif looks_like_mt940(data):
        content = mt940_file(data)
    else:
        raise BankFileMalformed("It is neither camt.053 nor MT940.", ("file",))
    return ReadFile(content, hashlib.sha256(data).digest(), name)


async def import_bank_file(
    database: Database, viewer: Viewer, cooperative_id: CooperativeId, data: bytes, name: str
) -> ImportedFile:
    """Read a file and settle its lines, in one unit of work.

    Refuses FORBIDDEN, NOT_FOUND, BANK_FILE_*, BANK_ACCOUNT_UNKNOWN; nothing is stored then.
    """
    require(viewer, Action.BANK_MANAGE, cooperative_id)
    read = await to_thread.run_sync(read_bank_file, data, name)
    return await database.unit_of_work(
        cooperative_id, lambda connection: take_in(connection, viewer, cooperative_id, read)
    )


async def take_in(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId, read: ReadFile
) -> ImportedFile:
    """Store and settle what a file says, inside the caller's unit of work."""
    require(viewer, Action.BANK_MANAGE, cooperative_id)
    await hold(connection, cooperative_id)
    accounts = {one.iban: one for one in await queries.bank_accounts(connection)}
    await _refuse_foreign(connection, read.content, accounts)
    before = await queries.files_of(connection, read.sha256)
    total = sum(len(one.lines) for one in read.content.statements)
    if before:
        return ImportedFile(read.content.kind, total, total, repeated=True)
    by_id = {one.id: one for one in accounts.values()}
    desk = Desk(connection, viewer.subject, cooperative_id, by_id)
    fresh: list[UUID] = []
    for iban in sorted({one.iban for one in read.content.statements}):
        fresh += await _store(desk, read, accounts[iban])
    stored = await queries.lines_by_ids(connection, fresh)
    outcomes = await settle_lines(desk, [stored[id_] for id_ in fresh])
    missing = 0
    for iban in {one.iban for one in read.content.statements}:
        missing += await _missing(connection, accounts[iban].id)
    return ImportedFile(
        read.content.kind,
        total,
        total - len(fresh),
        repeated=False,
        outcomes=tuple(outcomes),
        missing_minor=missing,
    )


async def _refuse_foreign(
    connection: AsyncConnection, content: BankFile, accounts: dict[str, BankAccount]
) -> None:
    currency = await ledger_queries.currency_of(connection)
    for statement in content.statements:
        if statement.iban not in accounts:
            raise BankAccountUnknown(
                f"{masked(statement.iban)} is no account of the cooperative.", ("file",)
            )
        if statement.currency != currency:
            raise BankFileCurrency(
                f"The statement is in {statement.currency}, the books are in {currency}.",
                ("file",),
            )


async def _store(desk: Desk, read: ReadFile, account: BankAccount) -> list[UUID]:
    """Store the account's part of a file; answers the ids of the lines that are new."""
    statements = [one for one in read.content.statements if one.iban == account.iban]
    file_id, now, fresh = uuid7(), utc_now(), []
    ids = {id(one): uuid7() for one in statements}
    rows: list[dict[str, Any]] = []
    earlier = _Earlier(desk, account, read.content.kind)
    for statement in statements:
        found = await earlier.new_lines(statement, ids[id(statement)])
        for number, occurrence, line in found:
            row = _row(line, desk, account, ids[id(statement)], number, occurrence)
            rows.append({**row, "recorded_at": now})
            fresh.append(row["id"])
    count = sum(len(one.lines) for one in statements)
    await desk.connection.execute(
        insert(bank_file),
        {
            "cooperative_id": desk.cooperative_id, "id": file_id, "bank_account_id": account.id,
            "kind": read.content.kind, "file_name": read.name, "sha256": read.sha256,
            "lines": count, "known": count - len(fresh), "imported_by": desk.actor,
            "imported_at": now,
        },
    )  # fmt: skip
    await desk.connection.execute(
        insert(bank_statement),
        [_statement_row(one, ids[id(one)], desk, account, file_id) for one in statements],
    )
    if rows:
        await desk.connection.execute(insert(bank_line), rows)
    if earlier.told_otherwise and await _missing(desk.connection, account.id):
        raise BankFileOverlaps(
            "A file of the other format told these days before, with other lines.", ("file",)
        )
    return fresh


class _Earlier:
    """What is here already of an account: lines by facts, and statements, this file's too."""

    def __init__(self, desk: Desk, account: BankAccount, kind: str) -> None:
        self._desk = desk
        self._account = account
        self._kind = kind
        self.told_otherwise = False
        """Whether files of the other format told days of this one."""
        self._taken: set[tuple[bytes, int]] = set()
        self._of: dict[UUID, Counter[bytes]] = {}
        self._statements: list[Any] = []

    async def new_lines(
        self, statement: BankStatement, statement_id: UUID
    ) -> list[tuple[int, int, BankLine]]:
        """(number, occurrence, line) of the statement's lines that are not here yet."""
        facts = [line.facts_sha256 for line in statement.lines]
        for known, occurrence, where in await queries.known_lines(
            self._desk.connection, self._account.id, set(facts)
        ):
            if (known, occurrence) not in self._taken:
                self._taken.add((known, occurrence))
                self._of.setdefault(where, Counter())[known] += 1
        seen, going = await self._before(statement)
        other = await self._otherwise(statement, going)
        new: list[tuple[int, int, BankLine]] = []
        for number, (line, fact) in enumerate(zip(statement.lines, facts, strict=True), 1):
            seen[fact] += 1
            if (fact, seen[fact]) in self._taken:
                other[line.booked_on, line.amount_minor] -= 1
            else:
                new.append((number, seen[fact], line))
        found = []
        for number, occurrence, line in new:
            if other[line.booked_on, line.amount_minor] > 0:
                other[line.booked_on, line.amount_minor] -= 1
            else:
                found.append((number, occurrence, line))
        mine = Counter(line.facts_sha256 for _, _, line in found)
        self._taken |= {(line.facts_sha256, occurrence) for _, occurrence, line in found}
        self._of[statement_id] = mine
        self._statements.append(_Ends(statement_id, statement))
        return found

    async def _otherwise(
        self, statement: BankStatement, going: set[UUID]
    ) -> Counter[tuple[date, int]]:
        """How many lines of each day and amount files of the other format told of these days."""
        other: Counter[tuple[date, int]] = Counter()
        days = [line.booked_on for line in statement.lines]
        if not days:
            return other
        for where, day, amount, count in await queries.lines_of_other_kinds(
            self._desk.connection, self._account.id, self._kind, min(days), max(days)
        ):
            if where not in going:
                other[day, amount] += count
                self.told_otherwise = True
        return other

    async def _before(self, statement: BankStatement) -> tuple[Counter[bytes], set[UUID]]:
        """The lines of statements that this one goes on from, and those statements.

        The same line again is another one.
        """
        first = min((line.booked_on for line in statement.lines), default=statement.closed_on)
        stored = await queries.statements_until(
            self._desk.connection, self._account.id, first - DAYS_BACK, first
        )
        ends = [*stored, *(one for one in self._statements if one.closed_on <= first)]
        seen: Counter[bytes] = Counter()
        passed: set[UUID] = set()
        at, left = statement.opening_minor, list(ends)
        while True:
            # One that moved nothing on balance proves nothing: it may be the same days again.
            going = [one for one in left if one.closing_minor == at != one.opening_minor]
            if len(going) != 1:
                return seen, passed
            left.remove(going[0])
            passed.add(going[0].id)
            seen += self._of.get(going[0].id, Counter())
            at = going[0].opening_minor


class _Ends:
    """A statement of the file that is being read, as a stored one would be."""

    def __init__(self, id_: UUID, statement: BankStatement) -> None:
        self.id = id_
        self.opening_minor = statement.opening_minor
        self.closing_minor = statement.closing_minor
        self.closed_on = statement.closed_on


def _statement_row(
    one: BankStatement, id_: UUID, desk: Desk, account: BankAccount, file_id: UUID
) -> dict[str, Any]:
    return {
        "cooperative_id": desk.cooperative_id, "id": id_, "bank_file_id": file_id,
        "bank_account_id": account.id, "statement": one.id, "opened_on": one.opened_on,
        "closed_on": one.closed_on, "opening_minor": one.opening_minor,
        "closing_minor": one.closing_minor, "lines": len(one.lines),
    }  # fmt: skip


def _row(
    line: BankLine, desk: Desk, account: BankAccount, statement_id: UUID, number: int,
    occurrence: int,
) -> dict[str, Any]:  # fmt: skip
    return {
        "cooperative_id": desk.cooperative_id, "id": uuid7(), "bank_account_id": account.id,
        "statement_id": statement_id, "number": number, "facts_sha256": line.facts_sha256,
        "occurrence": occurrence, "booked_on": line.booked_on, "value_on": line.value_on,
        "amount_minor": line.amount_minor, "currency": line.currency,
        "bank_reference": line.bank_reference, "end_to_end_id": line.end_to_end_id,
        "mandate_reference": line.mandate_id, "creditor_reference": line.creditor_reference,
        "batch_reference": "\n".join(line.batch_references) or None, "content": line.text,
        "counterparty_name": line.counterparty_name, "counterparty_iban": line.counterparty_iban,
        "return_code": line.return_code, "original_minor": line.original_minor, "raw": line.raw,
        "state": "unmatched", "why": "", "candidates": [],
    }  # fmt: skip


async def _missing(connection: AsyncConnection, account_id: UUID) -> int:
    """What the account's lines lack of its latest balance; 0 when no statement is missing."""
    first = await queries.first_opening(connection, account_id)
    last = await queries.last_closing(connection, account_id)
    if first is None or last is None:
        return 0
    return last[0] - first[0] - await queries.sum_of_lines(connection, account_id)
