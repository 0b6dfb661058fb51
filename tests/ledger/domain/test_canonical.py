"""The bytes an entry is hashed over: golden vectors, a second implementation, and every fact counts."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.ledger.domain.canonical import (
    StoredEntry,
    StoredPosting,
    canonical_bytes,
    content_hash,
    length_prefixed,
)

PLAIN = StoredEntry(
    cooperative_id=UUID("01890000-0000-7000-8000-000000000001"),
    id=UUID("01890000-0000-7000-8000-000000000002"),
    kind="charge",
    effective_on=date(2026, 3, 14),
    recorded_at=datetime(2026, 3, 14, 8, 5, 9, 120, tzinfo=UTC),
    memo="March charging",
    actor="treasurer",
    source=None,
    resolution_id=None,
    reverses_id=None,
    metadata={},
    postings=(
        StoredPosting(UUID(int=1), UUID(int=9), "EUR", 12000),
        StoredPosting(UUID(int=2), UUID(int=9), "EUR", -12000),
    ),
)
FULL = replace(
    PLAIN,
    memo='Zürich 充電 🔌 e\u0301 "quoted"\nsecond line',
    actor="",
    source=("charging_session", "NO*ABC|1:2"),
    resolution_id=UUID(int=2**128 - 1),
    reverses_id=UUID(int=0),
    metadata={"ü": [None, True, -1, {"b": "", "a": "\u007f\t"}], "": {}, "\U0001f50c": "\uffff"},
    postings=(
        StoredPosting(UUID(int=1), UUID(int=9), "kWh", 9223372036854775),
        StoredPosting(UUID(int=2), UUID(int=9), "kWh", -9223372036854775),
        StoredPosting(UUID(int=1), UUID(int=8), "EUR", -1),
    ),
)
EMPTY = replace(PLAIN, memo="", actor="", source=("", ""), postings=())


def test_the_form_is_readable_by_eye():
    assert canonical_bytes(replace(EMPTY, cooperative_id=UUID(int=0), id=UUID(int=0))) == (
        b"13:coop.entry.v116:" + bytes(16) + b"16:" + bytes(16) + b"6:charge10:2026-03-14"
        b"27:2026-03-14T08:05:09.000120Z0:0:0:0:--2:{}1:0"
    )


GOLDEN = {
    "plain": (PLAIN, "e3f51cfa0dda60fd5a45d0962a7ca1b370baaab94be83725b9770a7fd2d47b9b"),
    "full": (FULL, "f6c6437469c66506026f3a2dc54c803232678c757c88de8cc6ef21651321a7fc"),
    "empty": (EMPTY, "5a31e51e64c138d0349df73390a72ab67b63f9e7a5f72570b948a2a062988bad"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_hash_of_a_known_entry_never_changes(name):
    entry, expected = GOLDEN[name]
    assert content_hash(entry).hex() == expected


def second_implementation(entry):
    """Written from the module's prose alone, sharing no code with it."""

    def field(value):
        return b"-" if value is None else str(len(value)).encode() + b":" + value

    def text(value):
        return None if value is None else bytes(value, "utf-8")

    instant = entry.recorded_at.astimezone(timezone(timedelta(0)))
    out = field(b"coop.entry.v1")
    out += field(bytes.fromhex(entry.cooperative_id.hex))
    out += field(bytes.fromhex(entry.id.hex))
    out += field(text(entry.kind))
    day = entry.effective_on
    out += field(text(f"{day.year:04}-{day.month:02}-{day.day:02}"))
    wall = f"{instant.hour:02}:{instant.minute:02}:{instant.second:02}.{instant.microsecond:06}"
    out += field(text(f"{instant.year:04}-{instant.month:02}-{instant.day:02}T{wall}Z"))
    out += field(text(entry.memo))
    out += field(text(entry.actor))
    out += field(text(entry.source[0] if entry.source else None))
    out += field(text(entry.source[1] if entry.source else None))
    for identifier in (entry.resolution_id, entry.reverses_id):
        out += field(None if identifier is None else identifier.int.to_bytes(16, "big"))
    out += field(text(plain_json(entry.metadata)))
    out += field(text(str(len(entry.postings))))
    for line in entry.postings:
        out += field(bytes.fromhex(line.account_id.hex)) + field(bytes.fromhex(line.fund_id.hex))
        out += field(text(line.commodity)) + field(text(str(line.amount_minor)))
    return hashlib.sha256(out).hexdigest()


def plain_json(value):
    if isinstance(value, dict):
        pairs = sorted((list(map(ord, key)), key) for key in value)
        return (
            "{" + ",".join(f"{plain_json(key)}:{plain_json(value[key])}" for _, key in pairs) + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(plain_json, value)) + "]"
    if isinstance(value, str):
        short = {
            '"': '\\"',
            "\\": "\\\\",
            "\n": "\\n",
            "\t": "\\t",
            "\r": "\\r",
            "\b": "\\b",
            "\f": "\\f",
        }
        inner = [short.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 32 else c) for c in value]
        return '"' + "".join(inner) + '"'
    return (
        {None: "null", True: "true", False: "false"}[value]
        if value is None or isinstance(value, bool)
        else str(value)
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
ENTRIES = st.builds(
    StoredEntry,
    cooperative_id=st.uuids(),
    id=st.uuids(),
    kind=st.text(max_size=5),
    effective_on=st.dates(),
    recorded_at=st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)),
    memo=st.text(max_size=20),
    actor=st.text(max_size=5),
    source=st.none() | st.tuples(st.text(max_size=5), st.text(max_size=5)),
    resolution_id=st.none() | st.uuids(),
    reverses_id=st.none() | st.uuids(),
    metadata=st.dictionaries(st.text(max_size=5), JSON, max_size=4),
    postings=st.lists(
        st.builds(
            StoredPosting, st.uuids(), st.uuids(), st.sampled_from(["EUR", "kWh"]), st.integers()
        ),
        max_size=4,
    ).map(tuple),
)


@given(ENTRIES)
def test_a_second_implementation_agrees(entry):
    assert content_hash(entry).hex() == second_implementation(entry)


def test_the_second_implementation_agrees_on_the_known_entries():
    for entry, expected in GOLDEN.values():
        assert second_implementation(entry) == expected


OTHER = {
    "cooperative_id": UUID(int=5),
    "id": UUID(int=5),
    "kind": "charged",
    "effective_on": date(2026, 3, 15),
    "recorded_at": datetime(2026, 3, 14, 8, 5, 9, 121, tzinfo=UTC),
    "memo": "March charging ",
    "actor": "",
    "source": ("", ""),
    "resolution_id": UUID(int=0),
    "reverses_id": UUID(int=0),
    "metadata": {"a": None},
    "postings": PLAIN.postings[::-1],
}


@pytest.mark.parametrize("fact", OTHER)
def test_every_fact_of_an_entry_changes_its_hash(fact):
    assert set(OTHER) == set(StoredEntry.__slots__)
    assert content_hash(replace(PLAIN, **{fact: OTHER[fact]})) != content_hash(PLAIN)


@pytest.mark.parametrize(
    "change",
    [
        {"account_id": UUID(int=5)},
        {"fund_id": UUID(int=5)},
        {"commodity": "kWh"},
        {"amount_minor": -12000},
    ],
)
def test_every_fact_of_a_posting_changes_the_hash(change):
    assert set(StoredPosting.__slots__) == {"account_id", "fund_id", "commodity", "amount_minor"}
    first, second = PLAIN.postings
    changed = replace(PLAIN, postings=(replace(first, **change), second))
    assert content_hash(changed) != content_hash(PLAIN)


def test_the_same_instant_in_another_zone_and_the_same_metadata_in_another_order_are_the_same():
    local = PLAIN.recorded_at.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert content_hash(replace(PLAIN, recorded_at=local)) == content_hash(PLAIN)
    one, two = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert content_hash(replace(PLAIN, metadata=one)) == content_hash(replace(PLAIN, metadata=two))


def test_metadata_that_was_tampered_into_something_unacceptable_still_hashes():
    tampered = replace(PLAIN, metadata={"a": 1.5, "b": json.loads("1e400"), "c": "\ud800"})
    assert content_hash(tampered) != content_hash(PLAIN)


FIELDS = st.lists(st.none() | st.binary(max_size=6), max_size=5)


@given(FIELDS, FIELDS)
def test_two_lists_of_fields_never_give_the_same_bytes(left, right):
    assert (length_prefixed(left) == length_prefixed(right)) == (left == right)
