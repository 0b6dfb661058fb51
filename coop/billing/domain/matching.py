"""What a bank line is: one thing with a reason, or nothing with what it might be. Never a guess.

Tried in this order; the first that fits exactly one thing decides, one that fits two ends the
matter and leaves the line to a person:

    returned      the end-to-end id of what was collected, or the batch it was collected in
    reference     an ISO 11649 reference of an invoice
    collected     the end-to-end id, or the batch and its exact sum, of a collection
    number        an invoice's number in the text, with exactly what is open on it
    account       money from a member's own IBAN, exactly what one invoice or all of them ask
    rule          what the cooperative decided about such lines

Pure: the same lines and the same books give the same answers in whatever order the lines come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from coop.billing.domain.bank_line import BankLine, numbers_in, references_in

INVOICE, MEMBER, ITEM, BATCH, RETURN, ACCOUNT = (
    "invoice", "member", "collection_item", "collection", "return", "account",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """An invoice as matching sees it; a paid one (`open_minor` 0) still says whose money it is."""

    id: UUID
    number: int
    member_id: UUID
    open_minor: int
    reference: str


@dataclass(frozen=True, slots=True)
class Collected:
    """One item of a direct debit.

    `state`: pending, settled, returned (by hand: no line tells of it yet), gone (a line does) or
    cancelled. `credited`: a line of the bank credited it once.
    """

    id: UUID
    batch_id: UUID
    member_id: UUID
    end_to_end_id: str
    batch_references: tuple[str, ...]
    amount_minor: int
    state: str
    credited: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """What the cooperative decided: lines with this text or from this IBAN are that.

    `contains` is compared without regard to case; both conditions must hold where both are set.
    """

    id: UUID
    name: str
    contains: str | None
    iban: str | None
    member_id: UUID | None
    account_code: str | None

    def fits(self, line: BankLine) -> bool:
        """Whether it is about this line. A member's rule is about money coming in."""
        if self.member_id is not None and line.amount_minor < 0:
            return False
        if self.iban is not None and self.iban != line.counterparty_iban:
            return False
        if self.contains is None:
            return self.iban is not None
        shown = f"{line.counterparty_name or ''} {line.text}".casefold()
        return self.contains.casefold() in shown

    @property
    def target(self) -> tuple[UUID | None, str | None]:
        """What it makes of a line."""
        return self.member_id, self.account_code


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something a line might be, and why somebody could think so."""

    kind: str
    id: str
    why: str


@dataclass(frozen=True, slots=True)
class Match:
    """What a line is. `ids` name invoices or items; `charge_minor` is what the bank kept."""

    kind: str
    why: str
    confidence: str
    member_id: UUID | None = None
    ids: tuple[UUID, ...] = ()
    account_code: str | None = None
    charge_minor: int = 0


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A line nobody can be sure about."""

    why: str
    candidates: tuple[Candidate, ...] = ()


Result = Match | Unmatched


@dataclass(frozen=True, slots=True)
class Books:
    """What matching may know: invoices, what was collected, members' IBANs, rules."""

    invoices: Sequence[OpenInvoice] = ()
    collected: Sequence[Collected] = ()
    members_of_iban: Mapping[str, frozenset[UUID]] = field(default_factory=dict)
    rules: Sequence[Rule] = ()


class _Desk:
    """The books by what lines are looked up by; what a line takes is gone for the next."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.invoices = {one.id: one for one in books.invoices}
        self.by_reference = {one.reference: one.id for one in books.invoices}
        self.by_number = {one.number: one.id for one in books.invoices}
        self.of_member: dict[UUID, list[UUID]] = {}
        for one in books.invoices:
            self.of_member.setdefault(one.member_id, []).append(one.id)
        self.items = {one.id: one for one in books.collected}
        self.by_end_to_end: dict[str, list[UUID]] = {}
        self.by_batch: dict[str, list[UUID]] = {}
        for item in books.collected:
            self.by_end_to_end.setdefault(item.end_to_end_id, []).append(item.id)
            for name in item.batch_references:
                self.by_batch.setdefault(name, []).append(item.id)

    def open_of(self, member_id: UUID) -> list[OpenInvoice]:
        """The member's invoices with something open."""
        found = [self.invoices[id_] for id_ in self.of_member.get(member_id, ())]
        return [one for one in found if one.open_minor > 0]

    def take(self, line: BankLine, found: Match) -> None:
        """Let what the line settles be settled for the lines after it."""
        if found.kind == INVOICE:
            self._pay(found.ids, line.amount_minor)
        elif found.kind == MEMBER and found.member_id is not None:
            mine = sorted(self.open_of(found.member_id), key=lambda one: one.number)
            self._pay(tuple(one.id for one in mine), line.amount_minor)
        elif found.kind in (ITEM, BATCH, RETURN):
            back = found.kind == RETURN
            for id_ in found.ids:
                item = self.items[id_]
                self.items[id_] = replace(
                    item,
                    state="gone" if back else "settled",
                    credited=item.credited or not back,
                )

    def _pay(self, ids: Iterable[UUID], amount_minor: int) -> None:
        left = amount_minor
        for id_ in ids:
            invoice = self.invoices[id_]
            paid = min(left, max(invoice.open_minor, 0))
            self.invoices[id_] = replace(invoice, open_minor=invoice.open_minor - paid)
            left -= paid


def match_lines(lines: Sequence[BankLine], books: Books) -> list[Result]:
    """What each line is, in the order of `lines`; deterministic whatever that order is."""
    desk = _Desk(books)
    results: dict[int, Result] = {}
    order = sorted(
        range(len(lines)), key=lambda i: (lines[i].booked_on, lines[i].facts_sha256, repr(lines[i]))
    )
    for i in order:
        found = results[i] = _match(lines[i], desk)
        if isinstance(found, Match):
            desk.take(lines[i], found)
    return [results[i] for i in range(len(lines))]


def _match(line: BankLine, desk: _Desk) -> Result:
    hints: list[Candidate] = []
    for attempt in (_returned, _by_reference, _collected, _by_number, _by_account, _by_rule):
        found = attempt(line, desk)
        if isinstance(found, Match):
            return found
        if found is not None:
            hints += [one for one in found.candidates if one not in hints]
            if found.why:
                return Unmatched(found.why, tuple(hints))
    return Unmatched("Nothing in the books fits it.", tuple(hints))


def _hint(*candidates: Candidate) -> Unmatched:
    """Something to show a person while other attempts go on."""
    return Unmatched("", candidates)


def _returned(line: BankLine, desk: _Desk) -> Result | None:
    if line.amount_minor > 0 or (line.end_to_end_id is None and line.return_code is None):
        return None
    ids = desk.by_end_to_end.get(line.end_to_end_id or "", [])
    if not ids:
        return None if line.return_code is None else _hint()
    item = desk.items[ids[0]]
    shown = Candidate("collection_item", str(item.id), f"It names {item.end_to_end_id}.")
    if len(ids) > 1 or item.state in ("gone", "cancelled"):
        return Unmatched(f"{item.end_to_end_id} has come back already.", (shown,))
    charge = -line.amount_minor - item.amount_minor
    if charge < 0 or (charge > 0 and line.original_minor != item.amount_minor):
        return Unmatched(f"{item.end_to_end_id} was of another amount.", (shown,))
    why = f"{item.end_to_end_id} came back ({line.return_code or 'no reason given'})."
    return Match(RETURN, why, "certain", item.member_id, (item.id,), charge_minor=charge)


def _by_reference(line: BankLine, desk: _Desk) -> Result | None:
    if line.amount_minor < 0:
        return None
    ids = [desk.by_reference[r] for r in references_in(line) if r in desk.by_reference]
    found = [desk.invoices[id_] for id_ in ids]
    members = {one.member_id for one in found}
    if len(members) > 1:
        shown = [Candidate("invoice", str(one.id), f"It names {one.reference}.") for one in found]
        return Unmatched("It names invoices of several members.", tuple(shown))
    if not found:
        return None
    named = ", ".join(str(one.number) for one in found)
    return Match(
        INVOICE, f"It carries the reference of invoice {named}.", "certain",
        found[0].member_id, tuple(ids),
    )  # fmt: skip


def _collected(line: BankLine, desk: _Desk) -> Result | None:
    if line.amount_minor < 0:
        return None
    for id_ in desk.by_end_to_end.get(line.end_to_end_id or "", []):
        item = desk.items[id_]
        if item.state == "pending" and item.amount_minor == line.amount_minor:
            why = f"The bank credits {item.end_to_end_id}."
            return Match(ITEM, why, "certain", item.member_id, (item.id,))
        shown = Candidate("collection_item", str(id_), f"It names {item.end_to_end_id}.")
        return Unmatched(f"{item.end_to_end_id} is {item.state}, or of another amount.", (shown,))
    hints = []
    for name in line.batch_references:
        ids = desk.by_batch.get(name, [])
        pending = [id_ for id_ in ids if desk.items[id_].state == "pending"]
        # What came back before the bank credited it may be in the bank's sum nevertheless.
        early = [id_ for id_ in ids if _came_early(desk.items[id_])]
        totals = {
            sum(desk.items[id_].amount_minor for id_ in some) for some in (pending, pending + early)
        }
        if pending and line.amount_minor in totals:
            why = f"The bank credits the {len(pending)} collections of {name}."
            return Match(BATCH, why, "certain", None, tuple(pending))
        hints += [Candidate("collection", str(desk.items[i].batch_id), f"It names {name}.")
                  for i in ids[:1]]  # fmt: skip
    if hints:
        why = "What it credits is of another amount, or credited already."
        return Unmatched(why, tuple(hints))
    return None


def _came_early(item: Collected) -> bool:
    """Whether an item came back without ever having been credited."""
    return item.state in ("returned", "gone") and not item.credited


def _by_number(line: BankLine, desk: _Desk) -> Result | None:
    if line.amount_minor < 0:
        return None
    numbers = sorted(numbers_in(line) & desk.by_number.keys())
    named = [desk.invoices[desk.by_number[number]] for number in numbers]
    exact = [one for one in named if one.open_minor == line.amount_minor]
    shown = [Candidate("invoice", str(one.id), f"Its number {one.number} is in the text.")
             for one in named]  # fmt: skip
    if len(exact) > 1:
        return Unmatched("Two invoices it could name ask exactly this.", tuple(shown))
    senders = desk.books.members_of_iban.get(line.counterparty_iban or "")
    if exact and senders and exact[0].member_id not in senders:
        why = "It names the invoice of one member and comes from the account of another."
        return Unmatched(why, tuple(shown))
    if exact:
        why = f"It names invoice {exact[0].number} and is exactly what is open on it."
        return Match(INVOICE, why, "likely", exact[0].member_id, (exact[0].id,))
    return _hint(*shown) if named else None


def _by_account(line: BankLine, desk: _Desk) -> Result | None:
    if line.amount_minor < 0 or line.counterparty_iban is None:
        return None
    members = sorted(desk.books.members_of_iban.get(line.counterparty_iban, ()))
    fits: list[Match] = []
    for member_id in members:
        mine = desk.open_of(member_id)
        exact = [one for one in mine if one.open_minor == line.amount_minor]
        fits += [
            Match(INVOICE, f"From the member's account, exactly invoice {one.number}.", "likely",
                  member_id, (one.id,))
            for one in exact
        ]  # fmt: skip
        if not exact and mine and sum(one.open_minor for one in mine) == line.amount_minor:
            why = "From the member's account, exactly all that is open."
            fits.append(Match(MEMBER, why, "likely", member_id))
    if len(fits) == 1:
        return fits[0]
    shown = [Candidate("member", str(one), "It comes from this member's account.")
             for one in members]  # fmt: skip
    if fits:
        shown += [Candidate("invoice", str(i), "The amount fits.") for one in fits for i in one.ids]
        return Unmatched("Two invoices of whoever sent it ask exactly this.", tuple(shown))
    return _hint(*shown) if members else None


def _by_rule(line: BankLine, desk: _Desk) -> Result | None:
    found = [rule for rule in desk.books.rules if rule.fits(line)]
    if not found:
        return None
    if len({rule.target for rule in found}) > 1:
        shown = [Candidate("rule", str(rule.id), f"The rule {rule.name} fits.") for rule in found]
        return Unmatched("Rules that fit it do not agree.", tuple(shown))
    rule = min(found, key=lambda one: str(one.id))
    kind = ACCOUNT if rule.member_id is None else MEMBER
    return Match(kind, f"The rule {rule.name} says so.", "rule", rule.member_id,
                 account_code=rule.account_code)  # fmt: skip
