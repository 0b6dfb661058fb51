"""The notation of the tests is itself tested: a slip in it would make every story lie."""

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.kernel.errors import InvalidValue
from coop.ledger.domain.entry import PostingDraft
from tests.ledger.notation import Entry, Line, drafts, read, write

JOURNAL = """\
2026-03-14 March charging  ; kind=charge key=k1
  1200 receivable ada  debit 120.00 EUR
  4000 revenue  credit 120.00 EUR  fund grant-7
  9100 taken ada  debit 45.678 kWh

2026-03-15
  1000 bank  credit 7 JPY
"""


def test_a_journal_reads_as_it_looks_and_writes_as_it_reads():
    assert read(JOURNAL) == [
        Entry(
            date(2026, 3, 14),
            "March charging",
            (
                Line("1200 receivable ada", 12000, "EUR"),
                Line("4000 revenue", -12000, "EUR", "grant-7"),
                Line("9100 taken ada", 45678, "kWh"),
            ),
            {"kind": "charge", "key": "k1"},
        ),
        Entry(date(2026, 3, 15), "", (Line("1000 bank", -7, "JPY"),)),
    ]
    assert write(read(JOURNAL)) == JOURNAL
    assert read("# nothing\n\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "  1000 bank  debit 1.00 EUR",
        "2026-03-14 x\n  1000 bank debit 1.00 EUR",
        "2026-03-14 x\n  1000 bank  debet 1.00 EUR",
        "2026-03-14 x\n  1000 bank  debit 1.00",
        "14.3.2026 x",
        "2026-02-30 x",
    ],
)
def test_what_is_not_a_journal_is_refused(text):
    with pytest.raises(ValueError):
        read(text)


def test_an_amount_has_the_decimals_of_its_commodity():
    with pytest.raises(InvalidValue):
        read("2026-03-14 x\n  1000 bank  debit 1.005 EUR")


def test_drafts_find_ids_by_name():
    ids = {
        "1200 receivable ada": UUID(int=1),
        "4000 revenue": UUID(int=2),
        "9100 taken ada": UUID(int=3),
    }
    text = JOURNAL.split("\n\n", maxsplit=1)[0].replace("key=k1", "key=k1 reverses=e1")
    (draft,) = drafts(
        text, ids.__getitem__, {"grant-7": UUID(int=9)}.__getitem__, {"e1": UUID(int=5)}.__getitem__
    )
    assert (draft.kind, draft.idempotency_key, draft.reverses_id) == ("charge", "k1", UUID(int=5))
    assert draft.postings == (
        PostingDraft(UUID(int=1), 12000, None, "EUR"),
        PostingDraft(UUID(int=2), -12000, UUID(int=9), "EUR"),
        PostingDraft(UUID(int=3), 45678, None, "kWh"),
    )


WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=6)
NAMES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
LINES = st.builds(
    Line,
    NAMES,
    st.integers(-(10**15), 10**15).filter(bool),
    st.sampled_from(["EUR", "kWh", "JPY"]),
    st.none() | WORDS,
)
ENTRIES = st.builds(
    Entry,
    st.dates(),
    st.just("") | NAMES,
    st.lists(LINES, max_size=4).map(tuple),
    st.dictionaries(st.sampled_from(["kind", "key"]), WORDS),
)


@given(st.lists(ENTRIES, max_size=3))
def test_any_journal_survives_being_written_and_read(entries):
    assert read(write(entries)) == entries
