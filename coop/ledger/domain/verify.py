"""Everything the books say twice, recomputed and compared: pure findings for `coop verify`.

    check_entries    each entry alone: two postings or more, none 0, balanced per commodity, fund
    check_balances   each (account, fund): versions 1, 2, 3 … without a gap, running balances, the
                     balance row, the sums of each day
    check_seals      the chain link by link; in each its entries: position, hash, count, root
    check_unsealed   no entry below the last watermark was left out

Each takes streams in the order it names and holds one entry, one account or one link at a time.
Findings come in the order of the stream, so the first is the first broken link.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from coop.kernel.ids import AccountId, EntryId, FundId
from coop.ledger.domain.canonical import StoredEntry, content_hash
from coop.ledger.domain.entry import POSTINGS_MIN
from coop.ledger.domain.merkle import merkle_root
from coop.ledger.domain.seal import GENESIS, SealFacts, link_faults


@dataclass(frozen=True, slots=True)
class Finding:
    """One contradiction: a stable code, where it is, what follows from the rest, what is stored."""

    code: str
    where: str
    expected: str
    found: str


class PostingFact(NamedTuple):
    """A stored posting as a line of its account's history."""

    account_id: AccountId
    fund_id: FundId
    version: int
    entry_id: EntryId
    amount_minor: int
    balance_after: int
    effective_on: date
    entry_effective_on: date | None


class BalanceFact(NamedTuple):
    """A stored balance row: sums of posted debits and credits, and how many postings made them."""

    account_id: AccountId
    fund_id: FundId
    debit_minor: int
    credit_minor: int
    version: int


class DayFact(NamedTuple):
    """What a balance's postings of one effective day sum to, and which versions they span."""

    account_id: AccountId
    fund_id: FundId
    day: date
    debit_minor: int
    credit_minor: int
    first_version: int
    last_version: int


_Fact = PostingFact | BalanceFact | DayFact
_Key = tuple[UUID, UUID]


class SealedEntry(NamedTuple):
    """An entry in its place; `stored_hash` is the content hash that was sealed.

    No `entry`: the place names `entry_id`, and the journal has no such entry any more.
    """

    seal_number: int
    position: int
    stored_hash: bytes
    entry: StoredEntry | None
    entry_id: EntryId | None = None


def check_entries(entries: Iterable[StoredEntry]) -> Iterator[Finding]:
    """Find entries that no ledger could hold, in any order given."""
    for entry in entries:
        yield from _entry_faults(entry)


def _entry_faults(entry: StoredEntry) -> Iterator[Finding]:
    where = f"entry {entry.id}"
    if len(entry.postings) < POSTINGS_MIN:
        count = str(len(entry.postings))
        yield Finding("ENTRY_TOO_SHORT", where, "2 or more postings", count)
    sums: dict[tuple[str, FundId], int] = {}
    for line, posting in enumerate(entry.postings):
        if posting.amount_minor == 0:
            yield Finding("AMOUNT_ZERO", f"{where} line {line}", "not 0", "0")
        key = (posting.commodity, posting.fund_id)
        sums[key] = sums.get(key, 0) + posting.amount_minor
    for (commodity, fund_id), total in sums.items():
        if total:
            yield Finding(
                "ENTRY_UNBALANCED", f"{where} {commodity} fund {fund_id}", "0", str(total)
            )


def check_balances(
    postings: Iterable[PostingFact], balances: Iterable[BalanceFact], days: Iterable[DayFact]
) -> Iterator[Finding]:
    """Replay each balance's postings and compare what is stored about them.

    All three come by account id, then fund id (as the bytes of UUIDs sort); postings then by
    version. Raises ValueError when a stream is out of order: it would hide what it should find.
    """
    last: _Key | None = None
    merged: Iterable[_Fact] = heapq.merge(postings, balances, days, key=_account_first)
    for key, facts in groupby(merged, lambda fact: (fact.account_id, fact.fund_id)):
        if last is not None and (key[0].bytes, key[1].bytes) <= (last[0].bytes, last[1].bytes):
            raise ValueError(
                f"account {key[0]} comes after {last[0]}: the streams are not in order"
            )
        last = key
        replay = _Replay(f"account {key[0]} fund {key[1]}")
        for fact in facts:
            yield from replay.take(fact)
        yield from replay.finish()


def _account_first(fact: _Fact) -> tuple[bytes, bytes, int]:
    order = 0 if isinstance(fact, PostingFact) else 1
    return (fact.account_id.bytes, fact.fund_id.bytes, order)


class _Replay:
    """One balance's history, posting by posting, then what is stored about it."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.version = self.debit = self.credit = 0
        self.days: dict[date, tuple[int, int, int, int]] = {}
        self.has_row = False

    def take(self, fact: _Fact) -> Iterator[Finding]:
        """Judge the next fact: postings first, then the rows about them."""
        if isinstance(fact, PostingFact):
            return self._posting(fact)
        if isinstance(fact, BalanceFact):
            return self._row(fact)
        return self._day(fact)

    def _posting(self, fact: PostingFact) -> Iterator[Finding]:
        where = f"{self.where} version {fact.version} entry {fact.entry_id}"
        if fact.version != self.version + 1:
            yield Finding("VERSION_GAP", where, str(self.version + 1), str(fact.version))
        debit, credit = max(fact.amount_minor, 0), max(-fact.amount_minor, 0)
        self.version, self.debit, self.credit = (
            fact.version,
            self.debit + debit,
            self.credit + credit,
        )
        balance = self.debit - self.credit
        if fact.balance_after != balance:
            yield Finding("BALANCE_AFTER", where, str(balance), str(fact.balance_after))
        if fact.effective_on != fact.entry_effective_on:
            yield Finding(
                "EFFECTIVE_ON", where, str(fact.entry_effective_on), str(fact.effective_on)
            )
        day = self.days.get(fact.effective_on, (0, 0, fact.version, 0))
        self.days[fact.effective_on] = (day[0] + debit, day[1] + credit, day[2], fact.version)

    def _row(self, fact: BalanceFact) -> Iterator[Finding]:
        self.has_row = True
        expected = _sides(self.debit, self.credit, self.version)
        found = _sides(fact.debit_minor, fact.credit_minor, fact.version)
        if expected != found:
            yield Finding("BALANCE_ROW", self.where, expected, found)

    def _day(self, fact: DayFact) -> Iterator[Finding]:
        expected, found = self.days.pop(fact.day, (0, 0, 0, 0)), fact[3:]
        if expected != found:
            where = f"{self.where} {fact.day}"
            yield Finding("BALANCE_DAY", where, _day(expected), _day(found))

    def finish(self) -> Iterator[Finding]:
        """Name the rows that should be there and are not."""
        if self.version and not self.has_row:
            expected = _sides(self.debit, self.credit, self.version)
            yield Finding("BALANCE_ROW", self.where, expected, "none")
        for day, sums in sorted(self.days.items()):
            yield Finding("BALANCE_DAY", f"{self.where} {day}", _day(sums), "none")


def _day(sums: tuple[int, int, int, int]) -> str:
    return f"{_sides(*sums[:2])} versions {sums[2]} to {sums[3]}"


def _sides(debit: int, credit: int, version: int | None = None) -> str:
    return f"debit {debit} credit {credit}" + ("" if version is None else f" version {version}")


def check_seals(seals: Iterable[SealFacts], sealed: Iterable[SealedEntry]) -> Iterator[Finding]:
    """Follow the chain and, at each link, what it seals; each sealed entry is checked alone too.

    `seals` come by number, `sealed` by seal number and position (from 0).
    """
    batches = groupby(sealed, lambda entry: entry.seal_number)
    batch = next(batches, None)
    number, previous_hash = 1, GENESIS
    for seal in seals:
        while batch and batch[0] < seal.number:
            yield Finding("SEAL_MISSING", f"seal {batch[0]}", "a seal", "none")
            batch = next(batches, None)
        for fault in link_faults(seal, number, previous_hash):
            code = f"SEAL_{fault.fact.upper()}"
            yield Finding(code, f"seal {fault.number}", fault.expected, fault.found)
        number, previous_hash = seal.number + 1, seal.head
        if batch and batch[0] == seal.number:
            yield from _check_contents(seal, batch[1])
            batch = next(batches, None)
        else:
            yield from _check_contents(seal, ())
    while batch:
        yield Finding("SEAL_MISSING", f"seal {batch[0]}", "a seal", "none")
        batch = next(batches, None)


def _check_contents(seal: SealFacts, sealed: Iterable[SealedEntry]) -> Iterator[Finding]:
    leaves: list[bytes] = []
    for item in sealed:
        entry_id = item.entry.id if item.entry else item.entry_id
        where = f"seal {seal.number} position {item.position} entry {entry_id}"
        if item.position != len(leaves):
            yield Finding("SEAL_POSITION", where, str(len(leaves)), str(item.position))
        leaves.append(item.stored_hash)
        if item.entry is None:
            yield Finding("ENTRY_MISSING", where, item.stored_hash.hex(), "none")
            continue
        actual = content_hash(item.entry)
        if actual != item.stored_hash:
            yield Finding("ENTRY_CHANGED", where, item.stored_hash.hex(), actual.hex())
        yield from _entry_faults(item.entry)
    if len(leaves) != seal.entry_count:
        yield Finding("SEAL_COUNT", f"seal {seal.number}", str(seal.entry_count), str(len(leaves)))
    root = merkle_root(leaves)
    if root != seal.root:
        yield Finding("SEAL_ROOT", f"seal {seal.number}", seal.root.hex(), root.hex())


def check_unsealed(
    unsealed: Iterable[tuple[EntryId, int]], watermark: int | None
) -> Iterator[Finding]:
    """Find entries in no seal although their transaction (xid8) lies below the last watermark.

    No seal yet, no watermark: nothing is missing.
    """
    for entry_id, xact_id in unsealed:
        if watermark is not None and xact_id < watermark:
            yield Finding(
                "ENTRY_UNSEALED", f"entry {entry_id}", f"a seal below {watermark}", "none"
            )
