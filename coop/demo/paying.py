"""How the members of Warnefurt pay their invoices, as the bank books it. Pure.

    ON_TIME   by direct debit; one debit comes back in June and is paid by transfer in July
    LATE      by transfer, three weeks late, with the reference
    HALVES    by transfer with the reference; since the invoice for August only half
    STOPPED   by transfer with the number of the invoice; since the invoice for October not at all

Beside that somebody nobody knows sends money once, and the bank takes its fee every month.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from coop.demo.bank import BankMove, iban
from coop.demo.town import MEMBERS, DemoMember, Paying

FEE_MINOR = 4_850
FEE_TEXT = "Kontoführung"
RETURNED_BY, RETURNED_FOR = "0014", date(2025, 5, 1)
_STRANGER = BankMove(date(2025, 9, 18), 12_345, "", "Danke für alles", "M. Unbekannt", iban(9_999))
_HABITS = {member.number: member for member in MEMBERS}


@dataclass(frozen=True, slots=True)
class Billed:
    """An invoice as its payer sees it; `month` is the first day of what it bills."""

    number: int
    member: str
    month: date
    gross_minor: int
    reference: str


@dataclass(frozen=True, slots=True)
class Collected:
    """A batch of direct debits: its message and, by member, what each debit is called and takes."""

    message_id: str
    debits: tuple[tuple[str, str, int], ...]

    @property
    def total_minor(self) -> int:
        """The whole batch."""
        return sum(minor for _, _, minor in self.debits)


def pays_by_debit(member: DemoMember) -> bool:
    """Whether the cooperative may collect from it."""
    return member.paying is Paying.ON_TIME


def moves_in(
    month: date, billed: Sequence[Billed], before: Sequence[Billed], collected: Collected | None
) -> list[BankMove]:
    """What the bank books in `month` (its first day), in order.

    `billed` are the invoices issued on that day, `before` those issued a month earlier.
    """
    found = [*_transfers(month, billed), *_late(month, before)]
    if collected is not None and collected.debits:
        found.append(
            BankMove(month.replace(day=17), collected.total_minor, "", "Sammellastschrift",
                     batch=collected.message_id)
        )  # fmt: skip
        found += _returned(month, billed, collected)
    if _STRANGER.booked_on.replace(day=1) == month:
        found.append(_STRANGER)
    fee_on = month.replace(day=28)
    found.append(BankMove(fee_on, -FEE_MINOR, "", f"{FEE_TEXT} {month:%m/%Y}"))
    found.sort(key=lambda move: (move.booked_on, move.text, move.minor))
    return [
        replace(move, bank_reference=f"WFT{month:%y%m}{position:04d}")
        for position, move in enumerate(found, 1)
    ]


def _transfer(on: date, invoice: Billed, minor: int, text: str, reference: str | None) -> BankMove:
    member = _HABITS[invoice.member]
    return BankMove(
        on, minor, "", text, member.name, iban(int(member.number)), creditor_reference=reference
    )


def _transfers(month: date, billed: Iterable[Billed]) -> Iterator[BankMove]:
    for invoice in billed:
        paying = _HABITS[invoice.member].paying
        if paying is Paying.HALVES:
            half = invoice.month >= date(2025, 8, 1)
            minor = invoice.gross_minor // 2 if half else invoice.gross_minor
            yield _transfer(month.replace(day=12), invoice, minor, "", invoice.reference)
        elif paying is Paying.STOPPED and invoice.month < date(2025, 10, 1):
            text = f"Rechnung {invoice.number}"
            yield _transfer(month.replace(day=12), invoice, invoice.gross_minor, text, None)


def _late(month: date, before: Iterable[Billed]) -> Iterator[BankMove]:
    for invoice in before:
        came_back = (invoice.member, invoice.month) == (RETURNED_BY, RETURNED_FOR)
        if came_back or _HABITS[invoice.member].paying is Paying.LATE:
            on = month.replace(day=3 if came_back else 5)
            yield _transfer(on, invoice, invoice.gross_minor, "", invoice.reference)


def _returned(month: date, billed: Iterable[Billed], collected: Collected) -> Iterator[BankMove]:
    if not any(one.month == RETURNED_FOR for one in billed):
        return
    for member, end_to_end_id, minor in collected.debits:
        if member == RETURNED_BY:
            yield BankMove(
                month.replace(day=20), -minor, "", "Rücklastschrift", _HABITS[member].name,
                iban(int(member)), end_to_end_id=end_to_end_id, returned="AM04",
            )  # fmt: skip
