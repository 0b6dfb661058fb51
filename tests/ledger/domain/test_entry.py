"""An entry as it is asked for: what is refused without looking at any account."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.kernel.errors import InvalidValue, Refusal
from coop.kernel.ids import AccountId, EntryId, FundId
from coop.kernel.money import MINOR_MAX
from coop.ledger.domain.entry import (
    EntryDraft,
    PostingDraft,
    Side,
    canonical_json,
    refuse_implausible,
    refuse_unless_reversal,
    request_hash,
    reversal_of,
)
from coop.ledger.errors import (
    AmountOverflow,
    AmountZero,
    EffectiveDateImplausible,
    EntryOneLegged,
    ReversalMismatch,
)

BANK = AccountId(UUID(int=1))
RECEIVABLE = AccountId(UUID(int=2))
FUND = FundId(UUID(int=9))


def draft(**changes):
    facts = {
        "kind": "charge",
        "effective_on": date(2026, 3, 14),
        "memo": "March",
        "postings": (PostingDraft(BANK, 12000), PostingDraft(RECEIVABLE, -12000)),
    }
    return EntryDraft(**{**facts, **changes})


def refused(refusal_kind, path, **changes):
    with pytest.raises(refusal_kind) as refusal:
        draft(**changes)
    assert refusal.value.path == path


def test_takes_what_is_ordinary_and_the_extremes():
    assert draft().postings[1].amount_minor == -12000
    draft(kind="a", memo="")
    draft(kind="a" * 64, memo="ö" * 500, idempotency_key="k" * 200, source=("session", "s" * 200))
    draft(postings=(PostingDraft(BANK, MINOR_MAX), PostingDraft(BANK, -MINOR_MAX)))
    draft(memo="two\nlines\tand a tab", effective_on=date(1900, 1, 1))
    draft(metadata={"a": [1, None, True, {"b": "ü"}], "c": (2**53, -(2**53))})


@pytest.mark.parametrize("postings", [(), (PostingDraft(BANK, 1),)])
def test_refuses_fewer_than_two_postings(postings):
    refused(EntryOneLegged, ("postings",), postings=postings)


def test_refuses_a_zero_and_an_overflowing_amount_and_says_which():
    one = PostingDraft(BANK, 1)
    refused(AmountZero, ("postings", "1", "amount"), postings=(one, PostingDraft(BANK, 0)))
    for amount in (MINOR_MAX + 1, -MINOR_MAX - 1):
        refused(
            AmountOverflow,
            ("postings", "0", "amount"),
            postings=(PostingDraft(BANK, amount), one),
        )


@pytest.mark.parametrize("kind", ["", "A", "1a", "a b", "a-b", "a" * 65, "a\n", "ä"])
def test_refuses_a_kind_that_is_not_a_plain_word(kind):
    refused(InvalidValue, ("kind",), kind=kind)


@pytest.mark.parametrize("memo", ["x" * 501, "a\0b", "\x1b[31m", "\ud800", "a\rb"])
def test_refuses_a_memo_that_no_reader_could_show(memo):
    refused(InvalidValue, ("memo",), memo=memo)


def test_refuses_an_empty_key_and_an_empty_source():
    refused(InvalidValue, ("idempotencyKey",), idempotency_key="")
    refused(InvalidValue, ("idempotencyKey",), idempotency_key="k" * 201)
    refused(InvalidValue, ("source",), source=("", "1"))
    refused(InvalidValue, ("source",), source=("session", ""))


def test_refuses_an_instant_or_a_day_before_1900_as_the_effective_day():
    refused(
        EffectiveDateImplausible, ("effectiveOn",), effective_on=datetime(2026, 3, 14, tzinfo=UTC)
    )
    refused(EffectiveDateImplausible, ("effectiveOn",), effective_on=date(1899, 12, 31))


def test_refuses_a_day_more_than_a_year_ahead_of_today():
    today = date(2026, 3, 14)
    refuse_implausible(today + timedelta(days=366), today)
    refuse_implausible(date(1900, 1, 1), today)
    for day in (today + timedelta(days=367), date(1899, 12, 31)):
        with pytest.raises(EffectiveDateImplausible):
            refuse_implausible(day, today)


@pytest.mark.parametrize(
    "metadata",
    [
        {"a": 1.5},
        {"a": float("nan")},
        {"a": 2**53 + 1},
        {1: "a"},
        {"a": "\0"},
        {"\0": "a"},
        {"a": {"b": b"bytes"}},
        {"a": ["x" * 10_000, "x" * 10_000]},
        {"a": [[[[[[[[[1]]]]]]]]]},
    ],
)
def test_refuses_metadata_that_readers_would_not_agree_on(metadata):
    with pytest.raises(InvalidValue):
        draft(metadata=metadata)


def test_canonical_json_has_one_form():
    left = canonical_json({"b": [1, True, None], "a": {"ü": "\n"}})
    assert left == '{"a":{"ü":"\\n"},"b":[1,true,null]}'.encode()
    assert canonical_json({"a": {"ü": "\n"}, "b": (1, True, None)}) == left
    assert canonical_json({}) == b"{}"


def test_the_request_hash_never_changes():
    assert request_hash(draft()).hex() == REQUEST_HASH
    assert request_hash(draft(idempotency_key="k1")).hex() == REQUEST_HASH


REQUEST_HASH = "c5fb32a8403a0b090ff5bd86f7de4d500728659425bd1ed75bcd5798fd6d8b04"


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "charges"},
        {"effective_on": date(2026, 3, 15)},
        {"memo": ""},
        {"source": ("charge", "March")},
        {"source": ("chargeM", "arch")},
        {"reverses_id": EntryId(UUID(int=3))},
        {"resolution_id": UUID(int=3)},
        {"metadata": {"a": 1}},
        {"metadata": {"a": "1"}},
        {"postings": (PostingDraft(BANK, 12000, FUND), PostingDraft(RECEIVABLE, -12000))},
        {"postings": (PostingDraft(BANK, 12001), PostingDraft(RECEIVABLE, -12000))},
        {"postings": (PostingDraft(RECEIVABLE, -12000), PostingDraft(BANK, 12000))},
        {"postings": (PostingDraft(BANK, 12000, None, "EUR"), PostingDraft(RECEIVABLE, -12000))},
    ],
)
def test_every_fact_changes_the_request_hash(changes):
    assert request_hash(draft(**changes)) != request_hash(draft())


def test_neighbouring_texts_do_not_run_together():
    hashes = {
        request_hash(draft(source=pair)) for pair in [("ab", "c"), ("a", "bc"), ("a", "b"), None]
    }
    assert len(hashes) == 4


def test_a_reversal_mirrors_every_line_and_names_what_it_reverses():
    postings = (PostingDraft(BANK, 5, FUND), PostingDraft(RECEIVABLE, -5, FUND))
    undone = reversal_of(
        EntryId(UUID(int=7)),
        postings,
        effective_on=date(2026, 4, 1),
        memo="double",
        idempotency_key="k",
    )
    assert undone == EntryDraft(
        kind="reversal",
        effective_on=date(2026, 4, 1),
        memo="double",
        postings=(PostingDraft(BANK, -5, FUND), PostingDraft(RECEIVABLE, 5, FUND)),
        idempotency_key="k",
        reverses_id=EntryId(UUID(int=7)),
    )
    refuse_unless_reversal(undone.postings[::-1], postings)
    for wrong in (undone.postings[:1], (*undone.postings, undone.postings[0]), postings):
        with pytest.raises(ReversalMismatch):
            refuse_unless_reversal(wrong, postings)


def test_sides():
    assert [Side.DEBIT.sign, Side.CREDIT.sign] == [1, -1]
    assert [Side.of(5), Side.of(-5)] == [Side.DEBIT, Side.CREDIT]
    assert [Side.DEBIT.opposite, Side.CREDIT.opposite] == [Side.CREDIT, Side.DEBIT]


@given(st.text(max_size=600))
def test_any_text_is_a_memo_or_a_refusal(memo):
    try:
        taken = draft(memo=memo)
    except Refusal:
        return
    request_hash(taken)
    assert "\0" not in taken.memo
