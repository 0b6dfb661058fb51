"""From the books to what a statement says: one snapshot, a fixed number of SQL statements.

    accounts of the member → balances before and after → postings of the days → their entries
    → whose the other accounts are, which hub → seals, places and leaves → inclusion proofs
    → the statement before, which this one continues, and the one of the same days, if there is one

Opening and closing are asked of the balances, the lines of the postings: MemberStatement refuses
when one does not lead to the other.

A line's energy is that of its entry's postings to the member's kWh account, so a reversal takes
energy back, whoever made it. An entry without money (a free session) is a line of energy alone.
What an entry says is shown in full, with the ids of the accounts on its other side, so that anyone
can recompute its hash; an entry that touches an account of another member is withheld and stands
by its hash alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import queries as charging
from coop.kernel.ids import AccountId, CooperativeId, EntryId, HubId, MemberId
from coop.ledger import queries as ledger
from coop.ledger import sealing
from coop.ledger.domain.account import AccountType
from coop.ledger.domain.canonical import StoredEntry
from coop.ledger.domain.chart import ENERGY
from coop.ledger.domain.member_position import DUE, SET_OFF, MemberPosition, member_position
from coop.members import queries as members
from coop.members.domain.people import Cooperative, Member
from coop.members.domain.policy import absent
from coop.reports import queries
from coop.reports.parties import Terms, issuer_of, parties_on, recipient_of
from coop.reports.proofs import SealTrees, proofs_of
from coop.reports.queries import IssuedStatement
from coop.reports.statement import (
    EquityLine,
    HubUse,
    Inclusion,
    MemberStatement,
    MonthUse,
    SealHead,
    StatementAccount,
    StatementEntry,
)
from coop.reports.twin import to_json_twin, twin_bytes

MONTHS_SHOWN = 12
NO_HUB = "–"  # energy that an entry moved without any hub
TAKEN = "9100"
_CLASSES = {
    "3100": "shares", "3190": "shares", "3300": "allocated", "3310": "allocated", "3320": "retained"
}  # fmt: skip
# What differs between two issues of the same figures.
_OF_THE_ISSUE = ("number", "supersedes", "issued_at", "previous_statement_sha256", "seals",
                 "sealed_entries")  # fmt: skip
_OF_THE_PROOF = ("content_hash", "seal", "position", "path")


@dataclass(frozen=True, slots=True)
class Beside:
    """The issued statements that one would stand beside, and the next number.

    `previous` ends where it begins (`previous_sha256` is that of its first file); `current` is of
    the same days and would be replaced.
    """

    previous: IssuedStatement | None
    previous_sha256: str | None
    current: IssuedStatement | None
    number: int

    def supersedes(self, member_number: str) -> str | None:
        """The number of `current` as people write it."""
        return number_shown(member_number, self.current.number) if self.current else None


@dataclass(frozen=True, slots=True)
class Gathered:
    """A statement as it would be issued now, and the issued ones it stands beside."""

    statement: MemberStatement
    content_sha256: bytes
    beside: Beside

    @property
    def unchanged(self) -> bool:
        """Whether `current` says the same already."""
        current = self.beside.current
        return current is not None and current.content_sha256 == self.content_sha256

    @property
    def continues(self) -> bool:
        """Whether the opening is the closing of the statement before, if there is one."""
        before = self.beside.previous
        return before is None or before.closing_minor == self.statement.opening_minor


@dataclass(frozen=True, slots=True)
class _Books:
    """What the ledger knows of the member: its accounts, and net sums before and after."""

    cooperative: Cooperative
    member: Member
    accounts: Sequence[Row[Any]]
    before: dict[AccountId, int]
    after: dict[AccountId, int]

    @property
    def due(self) -> list[Row[Any]]:
        """Money accounts whose sum is what is due."""
        currency = self.cooperative.currency
        return [a for a in self.accounts if a.code in DUE | SET_OFF and a.commodity == currency]

    @property
    def taken(self) -> list[Row[Any]]:
        """Accounts of energy taken."""
        return [a for a in self.accounts if a.code == TAKEN and a.commodity == ENERGY]

    def position(self, sums: dict[AccountId, int]) -> MemberPosition:
        """Where the member stands by these sums."""
        return member_position(
            (a.code, AccountType(a.type), sums.get(a.id, 0))
            for a in self.accounts
            if a.commodity == self.cooperative.currency
        )


@dataclass(frozen=True, slots=True)
class _Entries:
    """The entries behind the lines, what of them may be shown, and what proves them."""

    stored: dict[EntryId, StoredEntry]
    shown: frozenset[EntryId]
    hubs: dict[EntryId, str]
    hashes: dict[EntryId, str]
    places: dict[EntryId, Inclusion]
    seals: tuple[SealHead, ...]


async def gather_statement(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    member_id: MemberId,
    from_on: date,
    to_on: date,
    issued_at: datetime,
    *,
    terms: Terms | None = None,
    trees: SealTrees | None = None,
) -> Gathered:
    """What the member's statement of [from_on, to_on) says in this snapshot. Refuses NOT_FOUND.

    STATEMENT_INCONSISTENT would be a bug of the ledger's: its postings do not make its balances.
    """
    books = await _books(connection, cooperative_id, member_id, from_on, to_on)
    wanted = [account.id for account in (*books.due, *books.taken)]
    rows = await ledger.postings_of_days(connection, wanted, from_on, to_on)
    entries = await _entries(connection, books, rows, trees or SealTrees())
    lines = tuple(_lines(books, rows, entries))
    months = await _months(connection, books, to_on)
    beside = await _beside(connection, member_id, from_on, to_on)
    position = books.position(books.after)
    # Names, addresses and, unless given, terms are those of the profiles on the day of issue.
    issued_on = issued_at.astimezone(books.cooperative.time_zone).date()
    parties = await parties_on(connection, books.cooperative, books.member, issued_on)
    terms, owes = terms or parties.terms, position.due_minor > 0
    statement = MemberStatement(
        cooperative=parties.issuer,
        member=parties.recipient,
        number=number_shown(books.member.number, beside.number),
        period_from=from_on,
        period_to=to_on,
        issued_at=issued_at,
        opening_minor=books.position(books.before).due_minor,
        closing_minor=position.due_minor,
        entries=lines,
        hubs=_by_hub(lines),
        months=months,
        equity=tuple(_equity(books)),
        deposits_minor=position.deposits_minor,
        seals=entries.seals,
        previous_statement_sha256=beside.previous_sha256,
        due_on=issued_on + timedelta(days=terms.payment_days) if owes else None,
        dispute_by=issued_on + timedelta(days=terms.dispute_days),
        accounts=tuple(_accounts(books)),
        journal=_journal(lines, entries),
        supersedes=beside.supersedes(books.member.number),
    )
    return Gathered(statement, content_sha256(_bare(statement, books)), beside)


def _bare(statement: MemberStatement, books: _Books) -> MemberStatement:
    """The statement without letterhead: another address does not make another statement."""
    return replace(
        statement,
        cooperative=issuer_of(books.cooperative),
        member=recipient_of(books.member),
    )


def number_shown(member_number: str, number: int) -> str:
    """A statement's number as people write it: 0017-4 is the fourth of member 0017."""
    return f"{member_number}-{number}"


def content_sha256(statement: MemberStatement) -> bytes:
    """SHA-256 of what a statement says, without its number, its date and its proofs."""
    twin = to_json_twin(statement)
    for name in _OF_THE_ISSUE:
        del twin[name]
    for name in ("due_on", "dispute_by"):
        del twin["due"][name]
    for line in twin["entries"]:
        for name in _OF_THE_PROOF:
            del line[name]
    return hashlib.sha256(twin_bytes(twin)).digest()


async def _beside(
    connection: AsyncConnection, member_id: MemberId, from_on: date, to_on: date
) -> Beside:
    around = await queries.statements_around(connection, member_id, from_on, to_on)
    previous = _last(one for one in around if one.to_on == from_on)
    current = _last(one for one in around if (one.from_on, one.to_on) == (from_on, to_on))
    files = await queries.documents_of(connection, [previous.id] if previous else [])
    sha256 = files[previous.id][0].sha256.hex() if previous else None
    return Beside(previous, sha256, current, around[-1].number + 1 if around else 1)


def _last(statements: Iterable[IssuedStatement]) -> IssuedStatement | None:
    return max(statements, key=lambda one: one.number, default=None)


async def _books(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    member_id: MemberId,
    from_on: date,
    to_on: date,
) -> _Books:
    cooperative = await members.cooperative_by_id(connection, cooperative_id)
    found = await members.members_by_ids(connection, cooperative_id, [member_id])
    if cooperative is None or member_id not in found:
        raise absent()
    accounts = (await ledger.accounts_of_members(connection, [member_id])).get(member_id, [])
    ids = [account.id for account in accounts]

    async def sums(day: date) -> dict[AccountId, int]:
        balances = await ledger.balances_of(connection, ids, as_of=day - timedelta(days=1))
        return {id_: row.debit_minor - row.credit_minor for id_, row in balances.items()}

    before, after = await sums(from_on), await sums(to_on)
    return _Books(cooperative, found[member_id], accounts, before, after)


async def _entries(
    connection: AsyncConnection, books: _Books, rows: Sequence[Row[Any]], trees: SealTrees
) -> _Entries:
    ids = list(dict.fromkeys(EntryId(row.entry_id) for row in rows))
    found = await ledger.entries_by_ids(connection, ids)
    complete = await sealing.stored_entries(connection, [found[id_] for id_ in ids])
    stored = {entry.id: entry for entry in complete}
    touched = {posting.account_id for entry in complete for posting in entry.postings}
    others = await ledger.accounts_by_ids(connection, touched)
    hubs = await charging.hubs_by_ids(connection, {a.hub_id for a in others.values() if a.hub_id})
    names = {hub_id: hub.name for hub_id, hub in hubs.items()}
    mine = {None, books.member.id}
    shown = frozenset(
        entry.id
        for entry in complete
        if all(others[posting.account_id].member_id in mine for posting in entry.postings)
    )
    return _Entries(
        stored,
        shown,
        {entry.id: _hub_of(entry, others, names) for entry in complete},
        *await proofs_of(connection, ids, trees),
    )


def _hub_of(
    entry: StoredEntry, accounts: dict[AccountId, Row[Any]], names: dict[HubId, str]
) -> str:
    """Where an entry's energy comes from: the hub whose kWh account it moves."""
    hubs = {
        accounts[posting.account_id].hub_id
        for posting in entry.postings
        if posting.commodity == ENERGY
    }
    return ", ".join(sorted(names[hub_id] for hub_id in hubs if hub_id in names)) or NO_HUB


def _lines(books: _Books, rows: Sequence[Row[Any]], entries: _Entries) -> Iterable[StatementEntry]:
    """One line for each posting of money, and one for an entry of energy alone."""
    names = {account.id: account for account in books.accounts}
    due = books.position(books.before).due_minor
    for entry_id, group in groupby(rows, key=lambda row: row.entry_id):
        postings = list(group)
        money = [row for row in postings if row.commodity != ENERGY]
        energy = sum(row.amount_minor for row in postings if row.commodity == ENERGY)
        for index, row in enumerate(money or (postings[:1] if energy else [])):
            amount = row.amount_minor if money else 0
            due += amount
            account = names[row.account_id]
            takes = energy != 0 and index == 0
            yield StatementEntry(
                entry_id=entry_id,
                line=row.line,
                effective_on=row.effective_on,
                recorded_at=row.recorded_at,
                kind=row.kind,
                memo=row.memo,
                account_code=account.code,
                account_name=account.name,
                debit_minor=max(amount, 0),
                credit_minor=max(-amount, 0),
                due_minor=due,
                energy_wh=energy if takes else None,
                hub=entries.hubs[entry_id] if takes else None,
                content_hash=entries.hashes.get(entry_id),
                inclusion=entries.places.get(entry_id),
            )


def _journal(lines: Sequence[StatementEntry], entries: _Entries) -> tuple[StoredEntry, ...]:
    ids = dict.fromkeys(EntryId(line.entry_id) for line in lines)
    return tuple(entries.stored[id_] for id_ in ids if id_ in entries.shown)


def _by_hub(lines: Sequence[StatementEntry]) -> tuple[HubUse, ...]:
    """Energy by hub, the most first; a session taken back counts as one less."""
    sums: dict[str, tuple[int, int]] = {}
    for line in lines:
        if line.hub is not None and line.energy_wh:
            sessions, energy = sums.get(line.hub, (0, 0))
            count = 1 if line.energy_wh > 0 else -1
            sums[line.hub] = (sessions + count, energy + line.energy_wh)
    uses = [HubUse(hub, sessions, energy) for hub, (sessions, energy) in sums.items()]
    return tuple(sorted(uses, key=lambda use: (-use.energy_wh, use.hub)))


async def _months(connection: AsyncConnection, books: _Books, to_on: date) -> tuple[MonthUse, ...]:
    last = (to_on - timedelta(days=1)).replace(day=1)
    first_days = [_month_before(last, back) for back in range(MONTHS_SHOWN - 1, -1, -1)]
    ids = [account.id for account in books.taken]
    energy = await queries.energy_by_month(connection, ids, first_days[0], to_on)
    return tuple(MonthUse(day, energy.get(day, 0)) for day in first_days)


def _month_before(month: date, back: int) -> date:
    year, index = divmod(month.year * 12 + month.month - 1 - back, 12)
    return date(year, index + 1, 1)


def _equity(books: _Books) -> Iterable[EquityLine]:
    for account in books.accounts:
        amount = -books.after.get(account.id, 0)
        money = account.commodity == books.cooperative.currency
        if AccountType(account.type) is AccountType.EQUITY and money and amount:
            yield EquityLine(
                account_code=account.code,
                account_name=account.name,
                equity_class=_CLASSES.get(account.code, "other"),
                vintage=account.vintage,
                amount_minor=amount,
            )


def _accounts(books: _Books) -> Iterable[StatementAccount]:
    for account in (*books.due, *books.taken):
        yield StatementAccount(account.id, account.code, account.name, account.commodity)
