"""What a member statement says: the figures of one member and one period, proved together.

Pure data. Amounts are minor units of the cooperative's currency, energy is watt-hours. *Due* is
what the member owes: a debit raises it, a credit lowers it, and below zero the cooperative owes the
member. A statement that does not add up cannot be constructed (STATEMENT_INCONSISTENT):

    opening + charges − payments = closing      of journal entries that raise due, and lower it
    each entry's running due                    = opening + everything up to and including it
    kWh of a hub                                = Σ kWh of the entries there
    kWh of the months of a period of whole months = Σ kWh of all entries
    an entry said to be sealed                  lies in one of the seals listed
    the lines of a journal entry                = its postings to the member's accounts, all of them

The journal entries behind the lines are part of the statement, every fact of them, so that anyone
can recompute the hashes that are sealed. Only those that touch another member too are withheld.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from uuid import UUID

from coop.kernel.clock import zone_named
from coop.ledger.domain.canonical import StoredEntry
from coop.ledger.domain.chart import ENERGY
from coop.reports.errors import StatementInconsistent

EQUITY_CLASSES = ("shares", "allocated", "retained", "other")


@dataclass(frozen=True, slots=True)
class Issuer:
    """The cooperative: whose letter, currency and days these are; `contact` is where to dispute."""

    cooperative_id: UUID
    name: str
    slug: str
    currency: str
    time_zone: str
    address: tuple[str, ...] = ()
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """The member the statement is for."""

    number: str
    name: str
    address: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatementAccount:
    """An account of the member that lines are on: of money that is due, or of energy taken."""

    account_id: UUID
    code: str
    name: str
    commodity: str


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Where an entry lies: number of its seal, position in it (from 0), Merkle path (hex)."""

    seal: int
    position: int
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """One line: what happened, what it cost or paid, and what was due after it.

    It is posting number `line` (from 0) of the journal entry. One of `debit_minor` and
    `credit_minor` is above zero, or neither for energy that cost nothing. `energy_wh` and `hub` go
    together; energy below zero was taken back. `content_hash` (hex) and `inclusion` are None until
    the entry is sealed.
    """

    entry_id: UUID
    effective_on: date
    recorded_at: datetime
    kind: str
    memo: str
    account_code: str
    account_name: str
    debit_minor: int
    credit_minor: int
    due_minor: int
    energy_wh: int | None = None
    hub: str | None = None
    content_hash: str | None = None
    inclusion: Inclusion | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """What one journal entry does to what is due: its lines, one or more.

    An invoice moves what was unbilled to what is billed: of both lines only the tax is new.
    """

    lines: tuple[StatementEntry, ...]

    @property
    def net_minor(self) -> int:
        """By how much it raises (+) or lowers (−) what is due."""
        return sum(line.debit_minor - line.credit_minor for line in self.lines)

    @property
    def account_codes(self) -> str:
        """The accounts of its lines."""
        return ", ".join(dict.fromkeys(line.account_code for line in self.lines))


@dataclass(frozen=True, slots=True)
class HubUse:
    """Energy taken at one hub in the period, and in how many sessions, less those taken back."""

    hub: str
    sessions: int
    energy_wh: int


@dataclass(frozen=True, slots=True)
class MonthUse:
    """Energy taken in the month beginning on `first_day`."""

    first_day: date
    energy_wh: int


@dataclass(frozen=True, slots=True)
class EquityLine:
    """What the member owns in one account at the end of the period; positive is theirs.

    `equity_class` is one of EQUITY_CLASSES; `retained` is by the kWh.
    """

    account_code: str
    account_name: str
    equity_class: str
    vintage: int | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class SealHead:
    """One link of the sealed journal and what its head is made of (coop.ledger.domain.seal)."""

    number: int
    previous_hash: str
    root: str
    entry_count: int
    watermark: int
    head_hash: str


@dataclass(frozen=True, slots=True)
class MemberStatement:
    """All a member statement says, from `period_from` to the day before `period_to`.

    `months` are the twelve up to the end of the period, oldest first; `seals` those the entries lie
    in, oldest first, and last the newest one at `issued_at`. `due_on` is when a positive closing is
    to be paid, `collection` the cooperative's own sentence on how; `dispute_by` the last day for
    saying that something is wrong. `accounts` are the member's that lines may be on, one a code;
    `journal` the entries behind the lines, in their order. `supersedes` is the number of the
    statement of the same period that this one replaces.
    """

    cooperative: Issuer
    member: Recipient
    number: str
    period_from: date
    period_to: date
    issued_at: datetime
    opening_minor: int
    closing_minor: int
    entries: tuple[StatementEntry, ...]
    hubs: tuple[HubUse, ...]
    months: tuple[MonthUse, ...]
    equity: tuple[EquityLine, ...] = ()
    deposits_minor: int = 0
    make_up_wh: int = 0
    seals: tuple[SealHead, ...] = ()
    previous_statement_sha256: str | None = None
    due_on: date | None = None
    collection: str = ""
    dispute_by: date | None = None
    accounts: tuple[StatementAccount, ...] = ()
    journal: tuple[StoredEntry, ...] = ()
    supersedes: str | None = None

    def __post_init__(self) -> None:
        """Prove the statement, or refuse it with STATEMENT_INCONSISTENT."""
        _prove_frame(self)
        _prove_due(self)
        _prove_energy(self)
        _prove_seals(self)
        _prove_journal(self)

    @property
    def last_day(self) -> date:
        """The last day of the period, as people write periods."""
        return self.period_to - timedelta(days=1)

    @property
    def issued_on(self) -> date:
        """The day of issue where the cooperative is."""
        return self.issued_at.astimezone(zone_named(self.cooperative.time_zone)).date()

    @property
    def moves(self) -> tuple[Move, ...]:
        """The lines by the journal entry that they are of, in order."""
        groups = groupby(self.entries, key=lambda entry: entry.entry_id)
        return tuple(Move(tuple(lines)) for _, lines in groups)

    @property
    def charges_minor(self) -> int:
        """Everything that raised what is due."""
        return sum(max(move.net_minor, 0) for move in self.moves)

    @property
    def payments_minor(self) -> int:
        """Everything that lowered it: payments, credits, reversed charges."""
        return sum(max(-move.net_minor, 0) for move in self.moves)

    @property
    def energy_wh(self) -> int:
        """Energy taken in the period, at all hubs."""
        return sum(use.energy_wh for use in self.hubs)

    @property
    def sessions(self) -> int:
        """Charging sessions in the period, at all hubs."""
        return sum(use.sessions for use in self.hubs)

    @property
    def equity_minor(self) -> int:
        """What the member owns, all classes together."""
        return sum(line.amount_minor for line in self.equity)

    @property
    def sealed_entries(self) -> int:
        """How many of the entries lie in a seal already."""
        return sum(entry.inclusion is not None for entry in self.entries)

    @property
    def withheld_entries(self) -> int:
        """How many of the lines stand without their journal entry."""
        shown = {stored.id for stored in self.journal}
        return sum(entry.entry_id not in shown for entry in self.entries)


def _demand(holds: object, complaint: str, where: str, index: int | None = None) -> None:
    if not holds:
        path = (where,) if index is None else (where, str(index))
        raise StatementInconsistent(complaint, path)


def _prove_frame(statement: MemberStatement) -> None:
    _demand(statement.period_from < statement.period_to, "The period is empty.", "period")
    _demand(statement.issued_at.tzinfo, "The time of issue has no offset.", "issued_at")
    for owned in statement.equity:
        _demand(owned.equity_class in EQUITY_CLASSES, "There is no such class.", "equity")
    for entry in statement.entries:
        inside = statement.period_from <= entry.effective_on < statement.period_to
        _demand(inside, f"{entry.effective_on} is not in the period.", "entries")
        _demand(entry.recorded_at.tzinfo, "A time of recording has no offset.", "entries")


def _prove_due(statement: MemberStatement) -> None:
    due = statement.opening_minor
    for index, entry in enumerate(statement.entries):
        sides = (entry.debit_minor, entry.credit_minor)
        one_sided = min(sides) == 0 < max(sides)
        free = sides == (0, 0) and entry.energy_wh
        _demand(one_sided or free, "An entry is one debit or one credit.", "entries", index)
        due += entry.debit_minor - entry.credit_minor
        summed = due == entry.due_minor
        _demand(summed, "The running due is not the sum so far.", "entries", index)
    _demand(due == statement.closing_minor, "Opening and entries do not make closing.", "closing")


def _prove_energy(statement: MemberStatement) -> None:
    taken: dict[str, int] = {}
    for index, entry in enumerate(statement.entries):
        paired = (entry.energy_wh is None) == (entry.hub is None)
        _demand(paired, "Energy and hub go together.", "entries", index)
        if entry.hub is not None:
            taken[entry.hub] = taken.get(entry.hub, 0) + (entry.energy_wh or 0)
    stated = {use.hub: use.energy_wh for use in statement.hubs}
    _demand(len(stated) == len(statement.hubs), "A hub is listed twice.", "hubs")
    _demand(taken == stated, "The energy by hub is not that of the entries.", "hubs")
    first_days = [month.first_day for month in statement.months]
    _demand(first_days == sorted(set(first_days)), "The months are not in order.", "months")
    _demand(all(day.day == 1 for day in first_days), "A month begins on its first day.", "months")
    if statement.period_from in first_days and statement.period_to.day == 1:
        total = sum(
            month.energy_wh
            for month in statement.months
            if statement.period_from <= month.first_day < statement.period_to
        )
        complaint = "The energy by month is not that of the entries."
        _demand(total == statement.energy_wh, complaint, "months")


def _prove_seals(statement: MemberStatement) -> None:
    numbers = [seal.number for seal in statement.seals]
    _demand(numbers == sorted(set(numbers)), "The seals are not in order.", "seals")
    sizes = {seal.number: seal.entry_count for seal in statement.seals}
    for index, entry in enumerate(statement.entries):
        if entry.inclusion is None:
            continue
        size = sizes.get(entry.inclusion.seal, 0)
        _demand(0 <= entry.inclusion.position < size, "No such place in a seal.", "entries", index)
        _demand(entry.content_hash, "A sealed entry has its content hash.", "entries", index)


def _prove_journal(statement: MemberStatement) -> None:
    journal: dict[UUID, StoredEntry] = {stored.id: stored for stored in statement.journal}
    accounts = {account.code: account for account in statement.accounts}
    ids = {account.account_id for account in statement.accounts}
    alone = len(accounts) == len(statement.accounts) == len(ids)
    _demand(alone, "An account is listed twice.", "accounts")
    places = list(dict.fromkeys(e.entry_id for e in statement.entries if e.entry_id in journal))
    behind = [stored.id for stored in statement.journal]
    _demand(behind == places, "The journal is not that of the lines.", "journal")
    lines: dict[UUID, list[StatementEntry]] = {}
    for index, entry in enumerate(statement.entries):
        stored = journal.get(entry.entry_id)
        if stored is not None:
            account = accounts.get(entry.account_code)
            _demand(account, "A line is on no account of the member.", "entries", index)
            _demand(_is_line_of(entry, stored), "A line is not as its entry.", "entries", index)
            lines.setdefault(entry.entry_id, []).append(entry)
    for index, stored in enumerate(statement.journal):
        complete = _posted(stored, statement) == _shown(lines[stored.id], accounts)
        _demand(complete, "Lines and postings of an entry differ.", "journal", index)


def _is_line_of(entry: StatementEntry, stored: StoredEntry) -> bool:
    return (entry.kind, entry.memo, entry.effective_on, entry.recorded_at) == (
        stored.kind,
        stored.memo,
        stored.effective_on,
        stored.recorded_at,
    )


_Postings = tuple[dict[int, tuple[UUID, int]], int]


def _posted(stored: StoredEntry, statement: MemberStatement) -> _Postings:
    """What an entry does to the member: (account, minor) by line for money, and Wh in all."""
    mine = {account.account_id for account in statement.accounts}
    money: dict[int, tuple[UUID, int]] = {}
    energy = 0
    for line, posting in enumerate(stored.postings):
        if posting.account_id in mine and posting.commodity == ENERGY:
            energy += posting.amount_minor
        elif posting.account_id in mine:
            # Another currency than the statement's matches no line.
            same = posting.commodity == statement.cooperative.currency
            money[line] = (posting.account_id, posting.amount_minor if same else 0)
    return money, energy


def _shown(lines: list[StatementEntry], accounts: dict[str, StatementAccount]) -> _Postings:
    """What the lines of an entry say it does, in the same form."""
    money: dict[int, tuple[UUID, int]] = {}
    for entry in lines:
        net_minor = entry.debit_minor - entry.credit_minor
        if net_minor:
            money[entry.line] = (accounts[entry.account_code].account_id, net_minor)
    return money, sum(entry.energy_wh or 0 for entry in lines)
