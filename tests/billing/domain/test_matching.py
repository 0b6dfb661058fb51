"""Matching: why a line is what it is, that two fits are none, and that order does not matter."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from coop.billing.domain.bank_line import BankLine
from coop.billing.domain.matching import (
    Books,
    Collected,
    Match,
    OpenInvoice,
    Rule,
    Unmatched,
    match_lines,
)
from coop.billing.domain.reference import reference_of
from tests.billing.bank_files import ANNA_IBAN, BO_IBAN

ANNA, BO = UUID(int=1), UUID(int=2)
DAY = date(2026, 4, 20)


def line(minor: int, text: str = "", **named: object) -> BankLine:
    return BankLine(DAY, DAY, minor, "EUR", text=text, **named)  # type: ignore[arg-type]


def invoice(number: int, minor: int, member: UUID = ANNA) -> OpenInvoice:
    return OpenInvoice(
        UUID(int=100 + number), number, member, minor, reference_of("invoice", number)
    )


BOOKS = Books(
    invoices=[invoice(1, 1_000), invoice(2, 2_000), invoice(3, 1_000, BO), invoice(4, 0)],
    collected=[
        Collected(UUID(int=11), UUID(int=10), ANNA, "C-1", ("C", "C-FRST"), 500, "pending"),
        Collected(UUID(int=12), UUID(int=10), BO, "C-2", ("C", "C-RCUR"), 700, "pending"),
        Collected(UUID(int=13), UUID(int=9), BO, "D-1", ("D",), 300, "settled", True),
        Collected(UUID(int=14), UUID(int=9), BO, "D-2", ("D",), 300, "gone", True),
    ],
    members_of_iban={ANNA_IBAN: frozenset({ANNA}), BO_IBAN: frozenset({ANNA, BO})},
    rules=[
        Rule(UUID(int=21), "fees", "entgelt", None, None, "6700"),
        Rule(UUID(int=22), "bo", None, BO_IBAN, BO, None),
        Rule(UUID(int=23), "bo again", "bo's car", None, BO, None),
    ],
)


def one(found: BankLine) -> Match | Unmatched:
    [result] = match_lines([found], BOOKS)
    return result


def matched(found: BankLine) -> tuple[str, str, UUID | None, tuple[int, ...]]:
    result = one(found)
    assert isinstance(result, Match), result
    return result.kind, result.confidence, result.member_id, tuple(id_.int for id_ in result.ids)


def why(found: BankLine) -> tuple[str, set[str]]:
    result = one(found)
    assert isinstance(result, Unmatched), result
    return result.why, {candidate.kind for candidate in result.candidates}


def test_what_a_line_says_best_decides() -> None:
    assert matched(line(7, f"x{reference_of('invoice', 3)}y")) == ("invoice", "certain", BO, (103,))
    assert matched(line(7, creditor_reference=reference_of("invoice", 4))) == (
        "invoice", "certain", ANNA, (104,),
    )  # fmt: skip
    assert matched(line(2_000, "for No 2/2026")) == ("invoice", "likely", ANNA, (102,))
    assert matched(line(2_000, counterparty_iban=ANNA_IBAN)) == ("invoice", "likely", ANNA, (102,))
    assert matched(line(3_000, counterparty_iban=ANNA_IBAN)) == ("member", "likely", ANNA, ())
    assert matched(line(500, end_to_end_id="C-1")) == ("collection_item", "certain", ANNA, (11,))
    assert matched(line(1_200, batch_references=("C",))) == (
        "collection",
        "certain",
        None,
        (11, 12),
    )
    assert matched(line(700, batch_references=("X", "C-RCUR"))) == (
        "collection", "certain", None, (12,),
    )  # fmt: skip
    assert matched(line(-300, end_to_end_id="D-1", return_code="AC04")) == (
        "return", "certain", BO, (13,),
    )  # fmt: skip
    assert matched(line(-42, "ENTGELT")) == ("account", "rule", None, ())
    assert matched(line(42, "Bo's car", counterparty_iban=BO_IBAN)) == ("member", "rule", BO, ())


def test_a_return_may_carry_a_charge_that_the_bank_states() -> None:
    result = one(line(-650, end_to_end_id="D-1", return_code="AC04", original_minor=300))
    assert isinstance(result, Match)
    assert result.charge_minor == 350
    assert (
        why(line(-650, end_to_end_id="D-1", return_code="AC04"))[0] == "D-1 was of another amount."
    )


def test_what_two_things_fit_is_none_of_them() -> None:
    both = f"{reference_of('invoice', 1)} {reference_of('invoice', 3)}"
    assert why(line(2_000, both)) == ("It names invoices of several members.", {"invoice"})
    assert why(line(1_000, "1 or 3")) == (
        "Two invoices it could name ask exactly this.", {"invoice"},
    )  # fmt: skip
    assert why(line(1_000, counterparty_iban=BO_IBAN)) == (
        "Two invoices of whoever sent it ask exactly this.", {"member", "invoice"},
    )  # fmt: skip
    assert why(line(1_000, "No 3", counterparty_iban=ANNA_IBAN)) == (
        "It names the invoice of one member and comes from the account of another.", {"invoice"},
    )  # fmt: skip
    assert why(line(5, "Entgelt Bo's car")) == ("Rules that fit it do not agree.", {"rule"})


def test_what_nothing_fits_says_what_it_might_be() -> None:
    assert why(line(999, "2")) == ("Nothing in the books fits it.", {"invoice"})
    assert why(line(999, counterparty_iban=ANNA_IBAN)) == (
        "Nothing in the books fits it.", {"member"},
    )  # fmt: skip
    assert why(line(-999, "out")) == ("Nothing in the books fits it.", set())
    assert why(line(400, end_to_end_id="C-1"))[1] == {"collection_item"}
    assert why(line(1_201, batch_references=("C",)))[1] == {"collection"}
    assert (
        why(line(-300, end_to_end_id="D-2", return_code="AC04"))[0] == "D-2 has come back already."
    )
    assert why(line(-300, end_to_end_id="ours-not", return_code="AC04"))[1] == set()


def test_what_a_line_settles_is_gone_for_the_next() -> None:
    twice = [line(2_000, "No 2", bank_reference="a"), line(2_000, "No 2", bank_reference="b")]
    found = match_lines(twice, BOOKS)
    assert sorted(type(result).__name__ for result in found) == ["Match", "Unmatched"]


LINES = st.builds(
    line,
    st.sampled_from([500, 700, 1_000, 1_200, 2_000, 3_000, -300, -350, 42]),
    st.sampled_from(["", "No 1", "No 2", "1 3", "Entgelt", reference_of("invoice", 2), "Bo's car"]),
    bank_reference=st.sampled_from([None, "a", "b", "c"]),
    end_to_end_id=st.sampled_from([None, "C-1", "C-2", "D-1"]),
    counterparty_iban=st.sampled_from([None, ANNA_IBAN, BO_IBAN]),
    batch_references=st.sampled_from([(), ("C",), ("C-RCUR",)]),
    return_code=st.sampled_from([None, "AC04"]),
)


@given(
    st.lists(LINES, max_size=8).flatmap(
        lambda some: st.tuples(st.just(some), st.permutations(some))
    )
)
def test_the_order_of_lines_does_not_matter(
    lists: tuple[list[BankLine], list[BankLine]],
) -> None:
    first, second = lists
    as_read = match_lines(first, BOOKS)
    shuffled = match_lines(second, BOOKS)
    key = repr
    assert sorted(zip(map(key, first), map(key, as_read), strict=True)) == sorted(
        zip(map(key, second), map(key, shuffled), strict=True)
    )


def test_invoices_in_any_order_give_the_same() -> None:
    lines = [line(1_000, "No 1"), line(2_000, counterparty_iban=ANNA_IBAN), line(42, "Bo's car")]
    turned = Books(
        list(reversed(BOOKS.invoices)), list(reversed(BOOKS.collected)), BOOKS.members_of_iban,
        list(reversed(BOOKS.rules)),
    )  # fmt: skip
    assert match_lines(lines, BOOKS) == match_lines(lines, turned)


def test_an_overpaid_day_is_another_line_than_the_next_days() -> None:
    same = line(5, "x")
    later = BankLine(DAY + timedelta(days=1), DAY, 5, "EUR", text="x")
    assert same.facts_sha256 != later.facts_sha256
