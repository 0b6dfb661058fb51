"""Members pay each in its own way, and the bank books it in order."""

from __future__ import annotations

from datetime import date

from coop.demo.bank import iban
from coop.demo.paying import FEE_MINOR, Billed, Collected, moves_in
from coop.demo.town import MEMBERS, Paying

NUMBERS = {member.paying: member.number for member in MEMBERS}
LATE, HALVES, STOPPED = (NUMBERS[one] for one in (Paying.LATE, Paying.HALVES, Paying.STOPPED))
DEBITED = "0014"


def billed(month: int, number: int = 1) -> list[Billed]:
    return [
        Billed(number + i, who, date(2025, month, 1), 10_001, f"RF00{number + i}")
        for i, who in enumerate((LATE, HALVES, STOPPED, DEBITED))
    ]


def facts(moves: list) -> list[tuple[int, int, str, str | None]]:
    return [(m.booked_on.day, m.minor, m.text, m.creditor_reference) for m in moves]


def test_a_month_in_which_everybody_pays() -> None:
    collected = Collected("M1", ((DEBITED, "E1", 10_001),))
    moves = moves_in(date(2025, 4, 1), billed(3, 5), billed(2, 1), collected)
    assert facts(moves) == [
        (5, 10_001, "", "RF001"),
        (12, 10_001, "", "RF006"),
        (12, 10_001, "Rechnung 7", None),
        (17, 10_001, "Sammellastschrift", None),
        (28, -FEE_MINOR, "Kontoführung 04/2025", None),
    ]
    assert [move.bank_reference for move in moves] == [f"WFT2504000{i}" for i in range(1, 6)]
    assert (moves[3].batch, moves[0].iban) == ("M1", iban(int(LATE)))


def test_who_pays_half_and_who_stopped() -> None:
    moves = moves_in(date(2025, 11, 1), billed(10), [], None)
    assert facts(moves) == [
        (12, 5_000, "", "RF002"),
        (28, -FEE_MINOR, "Kontoführung 11/2025", None),
    ]


def test_a_debit_comes_back_and_is_paid_by_transfer() -> None:
    collected = Collected("M5", ((DEBITED, "E5", 10_001),))
    june = moves_in(date(2025, 6, 1), billed(5), [], collected)
    (returned,) = (move for move in june if move.returned)
    assert (returned.booked_on, returned.minor) == (date(2025, 6, 20), -10_001)
    assert (returned.returned, returned.end_to_end_id) == ("AM04", "E5")
    july = moves_in(date(2025, 7, 1), billed(6, 5), billed(5), None)
    assert (3, 10_001, "", "RF004") in facts(july)


def test_a_stranger_pays_once() -> None:
    (stranger,) = (m for m in moves_in(date(2025, 9, 1), [], [], None) if m.minor == 12_345)
    assert (stranger.name, stranger.iban) == ("M. Unbekannt", iban(9_999))
