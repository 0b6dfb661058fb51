"""Merkle trees: the vectors of Certificate Transparency, then properties."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.ledger.domain.merkle import (
    EMPTY_ROOT,
    inclusion_proof,
    leaf_hash,
    merkle_levels,
    merkle_root,
    verify_inclusion,
)

# The reference test data of RFC 6962's implementation: eight leaves and the root over the first n.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_reference_vectors(size):
    assert merkle_root(LEAVES[:size]).hex() == ROOTS[size]
    assert merkle_levels(LEAVES[:size])[-1][0].hex() == ROOTS[size]


def test_proofs_of_the_reference_vectors():
    levels = merkle_levels(LEAVES)
    assert [step.hex() for step in inclusion_proof(levels, 0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [step.hex() for step in inclusion_proof(merkle_levels(LEAVES[:3]), 2)] == [
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    ]
    assert inclusion_proof(merkle_levels(LEAVES[:1]), 0) == ()


def recursive_root(leaves):
    """The definition of RFC 6962 word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    halves = recursive_root(leaves[:split]) + recursive_root(leaves[split:])
    return hashlib.sha256(b"\1" + halves).digest()


TREES = st.lists(st.binary(max_size=3), max_size=70)


@given(TREES)
def test_the_root_is_the_one_the_definition_gives(leaves):
    assert merkle_root(iter(leaves)) == merkle_levels(leaves)[-1][0] == recursive_root(leaves)


@given(TREES.filter(bool), st.data())
def test_every_leaf_is_proved_and_nothing_else_is(leaves, data):
    levels, size = merkle_levels(leaves), len(leaves)
    root, index = levels[-1][0], data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(levels, index)
    assert len(proof) <= (size - 1).bit_length()
    assert verify_inclusion(leaves[index], index, size, proof, root)
    assert not verify_inclusion(leaves[index] + b"!", index, size, proof, root)
    assert not verify_inclusion(leaves[index], index, size, proof, leaf_hash(root))
    assert not verify_inclusion(leaves[index], index, size, (*proof, root), root)
    if proof:
        assert not verify_inclusion(leaves[index], index, size, proof[1:], root)
        at, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
        flipped = bytearray(proof[at])
        flipped[bit // 8] ^= 1 << bit % 8
        forged = (*proof[:at], bytes(flipped), *proof[at + 1 :])
        assert not verify_inclusion(leaves[index], index, size, forged, root)


@given(st.lists(st.binary(min_size=2, max_size=3), min_size=2, max_size=40, unique=True), st.data())
def test_a_leaf_is_proved_at_its_own_place_only(leaves, data):
    levels = merkle_levels(leaves)
    index, other = data.draw(st.permutations(range(len(leaves))))[:2]
    proof, root = inclusion_proof(levels, index), levels[-1][0]
    assert not verify_inclusion(leaves[index], other, len(leaves), proof, root)


def test_what_lies_outside_the_tree_is_refused_or_false():
    levels = merkle_levels(LEAVES)
    for index in (-1, 8):
        with pytest.raises(IndexError):
            inclusion_proof(levels, index)
        assert not verify_inclusion(LEAVES[0], index, 8, inclusion_proof(levels, 0), levels[-1][0])
    assert not verify_inclusion(b"", 0, 0, (), EMPTY_ROOT)


def test_an_inner_node_cannot_pass_for_a_leaf():
    levels = merkle_levels(LEAVES[:4])
    pair = levels[0][0] + levels[0][1]
    assert not verify_inclusion(pair, 0, 2, (levels[1][1],), levels[-1][0])
