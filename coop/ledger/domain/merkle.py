"""Merkle trees as in RFC 6962, section 2.1: leaves and inner nodes are hashed apart.

A tree over n leaves splits at the largest power of two below n. That is the same tree as pairing
neighbours level by level and carrying an odd last one up, which is how it is built here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """SHA-256 of 0x00 and the data."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def merkle_root(leaves: Iterable[bytes]) -> bytes:
    """Root over the data of the leaves, in order, in memory that grows with log n only."""
    peaks: list[tuple[int, bytes]] = []
    for data in leaves:
        height, top = 0, leaf_hash(data)
        while peaks and peaks[-1][0] == height:
            height, top = height + 1, node_hash(peaks.pop()[1], top)
        peaks.append((height, top))
    if not peaks:
        return EMPTY_ROOT
    root = peaks.pop()[1]
    while peaks:
        root = node_hash(peaks.pop()[1], root)
    return root


def merkle_levels(leaves: Iterable[bytes]) -> list[list[bytes]]:
    """Hash every level of the tree, leaves first and the root last: what proofs are cut from."""
    levels = [[leaf_hash(data) for data in leaves] or [EMPTY_ROOT]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        above = [node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
        levels.append(above if len(below) % 2 == 0 else [*above, below[-1]])
    return levels


def inclusion_proof(levels: Sequence[Sequence[bytes]], index: int) -> tuple[bytes, ...]:
    """Cut the siblings on the way from leaf `index` (from 0) to the root.

    Raises IndexError when there is no such leaf.
    """
    if not 0 <= index < len(levels[0]):
        raise IndexError(f"no leaf {index} among {len(levels[0])}")
    path = []
    for level in levels[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index >>= 1
    return tuple(path)


def verify_inclusion(
    data: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether `proof` shows that `data` is leaf `index` of the tree of `size` leaves under `root`.

    The algorithm of RFC 9162, section 2.1.3.2. Any other index, size, path or length is False.
    """
    if not 0 <= index < size:
        return False
    position, last, node = index, size - 1, leaf_hash(data)
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and node == root
