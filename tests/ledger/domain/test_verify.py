"""Whatever is changed behind the ledger's back, verification names it, and nothing else."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.ledger.domain.canonical import content_hash
from coop.ledger.domain.seal import next_seal
from coop.ledger.domain.verify import (
    BalanceFact,
    DayFact,
    Finding,
    SealedEntry,
    check_balances,
    check_entries,
    check_seals,
    check_unsealed,
)
from tests.ledger.books import COOPERATIVE, books, id_of, stored
from tests.ledger.test_model import MARCH

JOURNAL = (
    MARCH
    + """
2026-03-21 Paid
  1000 bank  debit 120.00 EUR
  1200 ada  credit 120.00 EUR
2026-03-14 More, the same day
  1200 ada  debit 7.00 EUR
  4000 hub  credit 7.00 EUR
"""
)
ADA = id_of("1200 ada")


def world():
    return stored(books(JOURNAL).model)


def balance_findings(rows):
    return list(check_balances(iter(rows.postings), iter(rows.balances), iter(rows.days)))


def seal_findings(rows):
    return list(check_seals(iter(rows.seals), iter(rows.sealed)))


def codes(findings):
    return [finding.code for finding in findings]


def test_sound_books_have_no_findings():
    rows = world()
    assert len(rows.seals) == 3
    assert list(check_entries(rows.entries)) == []
    assert balance_findings(rows) == []
    assert seal_findings(rows) == []
    assert list(check_unsealed([(UUID(int=1), 900)], rows.seals[-1].watermark)) == []
    empty = stored(books().model)
    assert balance_findings(empty) == seal_findings(empty) == []


# entries alone


def test_an_entry_that_does_not_balance_is_named_with_commodity_and_fund():
    entry = world().entries[0]
    first, second, *rest = entry.postings
    off = replace(entry, postings=(replace(first, amount_minor=12001), second, *rest))
    assert list(check_entries([off])) == [
        Finding("ENTRY_UNBALANCED", f"entry {entry.id} EUR fund {COOPERATIVE}", "0", "1")
    ]
    moved = replace(entry, postings=(replace(first, fund_id=UUID(int=1)), second, *rest))
    assert codes(check_entries([moved])) == ["ENTRY_UNBALANCED", "ENTRY_UNBALANCED"]


def test_an_entry_that_is_too_short_or_moves_nothing_is_named():
    entry = world().entries[1]
    empty = replace(entry, postings=())
    zero = replace(entry, postings=tuple(replace(p, amount_minor=0) for p in entry.postings))
    assert codes(check_entries([empty, zero])) == ["ENTRY_TOO_SHORT", "AMOUNT_ZERO", "AMOUNT_ZERO"]


# balances


def at(rows, account=ADA):
    return [i for i, fact in enumerate(rows) if fact.account_id == account]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"amount_minor": 3001}, ["BALANCE_AFTER", "BALANCE_AFTER", "BALANCE_AFTER", "BALANCE_ROW", "BALANCE_DAY"]),
        ({"balance_after": 15001}, ["BALANCE_AFTER"]),
        ({"effective_on": date(2026, 3, 3)}, ["EFFECTIVE_ON", "BALANCE_DAY", "BALANCE_DAY"]),
        ({"version": 5}, ["VERSION_GAP", "VERSION_GAP", "BALANCE_DAY"]),
    ],
)  # fmt: skip
def test_any_changed_fact_of_a_posting_is_found(changes, expected):
    rows = world()
    second = at(rows.postings)[1]
    rows.postings[second] = rows.postings[second]._replace(**changes)
    found = balance_findings(rows)
    assert codes(found) == expected
    assert found[0].where.startswith(f"account {ADA} fund {COOPERATIVE} version ")


def test_a_posting_that_is_gone_or_doubled_is_found():
    rows = world()
    second = at(rows.postings)[1]
    removed = rows.postings.pop(second)
    assert codes(balance_findings(rows))[0] == "VERSION_GAP"
    rows.postings[second:second] = [removed, removed]
    assert codes(balance_findings(rows))[0] == "VERSION_GAP"


def test_the_last_posting_gone_is_found_by_the_balance_row():
    rows = world()
    gone = rows.postings.pop(at(rows.postings)[-1])
    found = balance_findings(rows)
    assert found[0] == Finding(
        "BALANCE_ROW",
        f"account {ADA} fund {COOPERATIVE}",
        "debit 15000 credit 12000 version 3",
        "debit 15700 credit 12000 version 4",
    )
    assert codes(found) == ["BALANCE_ROW", "BALANCE_DAY"]
    assert gone.effective_on.isoformat() in found[1].where


@pytest.mark.parametrize("field", ["debit_minor", "credit_minor", "version"])
def test_a_changed_balance_row_is_found(field):
    rows = world()
    (index,) = at(rows.balances)
    fact = rows.balances[index]
    rows.balances[index] = fact._replace(**{field: getattr(fact, field) + 1})
    assert codes(balance_findings(rows)) == ["BALANCE_ROW"]


def test_a_missing_row_and_a_surplus_row_are_found():
    rows = world()
    (index,) = at(rows.balances)
    rows.balances.pop(index)
    rows.days.pop(at(rows.days)[0])
    stranger = UUID(int=2**128 - 1)
    rows.balances.append(BalanceFact(stranger, COOPERATIVE, 5, 5, 2))
    rows.days.append(DayFact(stranger, COOPERATIVE, date(2026, 3, 1), 5, 5, 1, 1))
    found = balance_findings(rows)
    assert {(f.code, f.found) for f in found} == {
        ("BALANCE_ROW", "none"),
        ("BALANCE_DAY", "none"),
        ("BALANCE_ROW", "debit 5 credit 5 version 2"),
        ("BALANCE_DAY", "debit 5 credit 5 versions 1 to 1"),
    }


def test_a_balance_that_only_holds_touched_is_sound():
    untouched = [BalanceFact(ADA, COOPERATIVE, 0, 0, 0)]
    assert list(check_balances([], untouched, [])) == []


def test_streams_out_of_order_are_a_bug_not_a_finding():
    rows = world()
    with pytest.raises(ValueError, match="not in order"):
        list(check_balances(reversed(rows.postings), [], []))


# seals


def resealed(rows, index, **changes):
    rows.seals[index] = replace(rows.seals[index], **changes)
    return seal_findings(rows)


@pytest.mark.parametrize(
    ("fact", "value", "expected"),
    [
        ("root", bytes(32), ["SEAL_HEAD", "SEAL_ROOT"]),
        ("entry_count", 3, ["SEAL_HEAD", "SEAL_COUNT"]),
        ("watermark", 1, ["SEAL_HEAD"]),
        ("head", bytes(32), ["SEAL_HEAD", "SEAL_PREVIOUS_HASH"]),
        ("previous_hash", bytes(32), ["SEAL_PREVIOUS_HASH", "SEAL_HEAD"]),
        ("cooperative_id", UUID(int=1), ["SEAL_HEAD"]),
    ],
)
def test_any_changed_fact_of_a_seal_is_found(fact, value, expected):
    found = resealed(world(), 1, **{fact: value})
    assert codes(found) == expected
    assert found[0].where == "seal 2"


def test_a_changed_entry_is_named_with_its_place():
    rows = world()
    item = rows.sealed[2]
    rows.sealed[2] = item._replace(entry=replace(item.entry, memo="another"))
    (found,) = seal_findings(rows)
    assert found.code == "ENTRY_CHANGED"
    assert found.where == f"seal 2 position 0 entry {item.entry.id}"
    assert found.expected == item.stored_hash.hex()


def test_a_changed_entry_with_its_hash_rewritten_is_found_by_the_root():
    rows = world()
    item = rows.sealed[2]
    forged = replace(item.entry, memo="another")
    rows.sealed[2] = item._replace(entry=forged, stored_hash=content_hash(forged))
    assert [(f.code, f.where) for f in seal_findings(rows)] == [("SEAL_ROOT", "seal 2")]


def test_a_seal_forged_over_changed_entries_is_found_by_the_next_link():
    rows = world()
    first = rows.seals[0]
    rows.seals[1] = next_seal(first, COOPERATIVE, bytes(32), 2, rows.seals[1].watermark)
    assert ("SEAL_PREVIOUS_HASH", "seal 3") in [(f.code, f.where) for f in seal_findings(rows)]


def test_a_sealed_entry_that_is_gone_is_found():
    rows = world()
    rows.sealed.pop(2)
    assert codes(seal_findings(rows)) == ["SEAL_POSITION", "SEAL_COUNT", "SEAL_ROOT"]
    del rows.sealed[2:3]
    assert codes(seal_findings(rows)) == ["SEAL_COUNT", "SEAL_ROOT"]


def test_swapped_entries_are_found():
    rows = world()
    one, two = rows.sealed[2:4]
    rows.sealed[2:4] = [two._replace(position=0), one._replace(position=1)]
    assert codes(seal_findings(rows)) == ["SEAL_ROOT"]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_missing_seal_is_found(number):
    rows = world()
    rows.seals.pop(number)
    found = seal_findings(rows)
    assert ("SEAL_MISSING", f"seal {number + 1}") in [(f.code, f.where) for f in found]


def test_an_unbalanced_entry_is_found_even_where_its_seal_agrees():
    rows = stored(books(JOURNAL).model, batch=1)
    entry = replace(rows.entries[0], postings=rows.entries[0].postings[:1])
    seal = next_seal(None, COOPERATIVE, bytes(32), 1, 700)
    found = codes(check_seals([seal], [SealedEntry(1, 0, content_hash(entry), entry)]))
    assert found == ["ENTRY_TOO_SHORT", "ENTRY_UNBALANCED", "SEAL_ROOT"]


def test_an_entry_below_the_watermark_and_in_no_seal_is_found():
    entry = UUID(int=1)
    assert list(check_unsealed([(entry, 699), (entry, 700)], 700)) == [
        Finding("ENTRY_UNSEALED", f"entry {entry}", "a seal below 700", "none")
    ]
    assert list(check_unsealed([(entry, 1)], None)) == []


# any change at all


@given(st.data())
def test_no_single_number_can_change_unnoticed(data):
    rows = world()
    table = data.draw(st.sampled_from(["postings", "balances", "days"]))
    facts = getattr(rows, table)
    index = data.draw(st.integers(0, len(facts) - 1))
    numbers = [name for name, value in facts[index]._asdict().items() if isinstance(value, int)]
    name = data.draw(st.sampled_from(numbers))
    bit = 1 << data.draw(st.integers(0, 62))
    facts[index] = facts[index]._replace(**{name: getattr(facts[index], name) ^ bit})
    assert balance_findings(rows)
