"""The chain of seals: each fact of each link is fixed by its head."""

import hashlib
from dataclasses import replace
from uuid import UUID

import pytest

from coop.ledger.domain.canonical import content_hash
from coop.ledger.domain.merkle import inclusion_proof, merkle_levels, merkle_root
from coop.ledger.domain.seal import (
    GENESIS,
    BrokenLink,
    EntryProof,
    SealFacts,
    broken_links,
    first_broken_link,
    next_seal,
    proves,
)
from tests.ledger.domain.test_canonical import EMPTY, FULL, PLAIN

COOPERATIVE = UUID("01890000-0000-7000-8000-000000000001")


def chain(length):
    seals = []
    for number in range(length):
        root = merkle_root([bytes([number])])
        seals.append(next_seal(seals[-1] if seals else None, COOPERATIVE, root, 1, 700 + number))
    return seals


def test_a_chain_begins_at_one_after_zeros_and_its_heads_never_change():
    first, second = chain(2)
    assert (first.number, first.previous_hash) == (1, GENESIS) == (1, bytes(32))
    assert (second.number, second.previous_hash) == (2, first.head)
    assert [first.head.hex(), second.head.hex()] == [
        "abe4b15133a349f546fb88a6c784992fa9fea4b613bc8dc168f174f435a0adb1",
        "bac0fce7029d7697cd72474bc4bb7b4d0c8cfd506d60585cc48d22e2ba7b25ae",
    ]


def test_a_head_is_the_hash_of_every_fact_with_its_length():
    first = chain(1)[0]
    by_hand = b"12:coop.seal.v116:" + COOPERATIVE.bytes + b"1:132:" + bytes(32)
    by_hand += b"32:" + first.root + b"1:13:700"
    assert first.head == hashlib.sha256(by_hand).digest()


def test_an_untouched_chain_has_no_broken_link():
    assert first_broken_link([]) is None
    assert list(broken_links(chain(5))) == []


@pytest.mark.parametrize(
    ("fact", "value", "named"),
    [
        ("cooperative_id", UUID(int=1), (3, "head")),
        ("root", bytes(32), (3, "head")),
        ("entry_count", 2, (3, "head")),
        ("watermark", 701, (3, "head")),
        ("head", bytes(32), (3, "head")),
        ("previous_hash", bytes(32), (3, "previous_hash")),
        ("number", 4, (4, "number")),
    ],
)
def test_any_changed_fact_is_named_with_its_link(fact, value, named):
    seals = chain(5)
    seals[2] = replace(seals[2], **{fact: value})
    broken = first_broken_link(seals)
    assert (broken.number, broken.fact) == named


def test_a_link_forged_as_a_whole_breaks_the_next_one():
    seals = chain(4)
    forged = next_seal(seals[0], COOPERATIVE, bytes(32), 1, 701)
    seals[1] = forged
    assert list(broken_links(seals)) == [
        BrokenLink(3, "previous_hash", forged.head.hex(), seals[2].previous_hash.hex())
    ]


def test_a_missing_link_is_named_by_the_one_after_it():
    seals = chain(4)
    found = list(broken_links([seals[0], *seals[2:]]))
    assert [(link.number, link.fact) for link in found] == [(3, "number"), (3, "previous_hash")]
    assert (found[0].expected, found[0].found) == ("2", "3")


def test_a_chain_that_lost_its_beginning_is_broken():
    assert first_broken_link(chain(3)[1:]).fact == "number"


def test_forging_refuses_nonsense():
    first = chain(1)[0]
    for previous, cooperative, count, watermark in [
        (None, COOPERATIVE, 0, 1),
        (first, COOPERATIVE, 1, first.watermark - 1),
        (first, UUID(int=1), 1, first.watermark),
    ]:
        with pytest.raises(ValueError, match="a seal"):
            next_seal(previous, cooperative, GENESIS, count, watermark)


def test_an_entry_is_proved_by_its_facts_its_place_and_its_seal():
    entries = [PLAIN, FULL, EMPTY]
    levels = merkle_levels([content_hash(entry) for entry in entries])
    seal = next_seal(None, COOPERATIVE, levels[-1][0], 3, 900)
    proof = EntryProof(1, 1, inclusion_proof(levels, 1))
    assert proves(proof, FULL, seal)
    assert not proves(proof, replace(FULL, memo="another"), seal)
    assert not proves(replace(proof, position=0), FULL, seal)
    assert not proves(replace(proof, seal_number=2), FULL, seal)
    assert not proves(proof, FULL, replace(seal, root=bytes(32)))
    assert set(SealFacts.__slots__) >= {"root", "head"}
