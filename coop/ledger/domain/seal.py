"""Seals: a chain over batches of entries, each link fixing all that came before it.

    head = SHA-256 of the length-prefixed fields
           "coop.seal.v1" cooperative number previous_hash root entry_count watermark

The first link is number 1 and follows 32 zero bytes. Inside a batch, the root is the Merkle root
over the content hashes of its entries by position, so one entry is proved without the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from coop.kernel.ids import CooperativeId
from coop.ledger.domain.canonical import StoredEntry, content_hash, length_prefixed
from coop.ledger.domain.merkle import HASH_BYTES, verify_inclusion

VERSION = b"coop.seal.v1"
GENESIS = bytes(HASH_BYTES)


@dataclass(frozen=True, slots=True)
class SealFacts:
    """One link of the chain.

    Every entry whose database transaction lies below `watermark` (an xid8) and that no earlier
    seal holds is among its `entry_count` entries. `head` is what the next link builds on, and what
    people print in minutes and statements.
    """

    cooperative_id: CooperativeId
    number: int
    previous_hash: bytes
    root: bytes
    entry_count: int
    watermark: int
    head: bytes


@dataclass(frozen=True, slots=True)
class EntryProof:
    """Where an entry stands in its seal (`position` from 0) and the Merkle path to the root."""

    seal_number: int
    position: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """A seal that does not follow from its facts, and which fact says so."""

    number: int
    fact: str
    expected: str
    found: str


def head_hash(
    cooperative_id: CooperativeId,
    number: int,
    previous_hash: bytes,
    root: bytes,
    entry_count: int,
    watermark: int,
) -> bytes:
    """Hash the facts of one link into the head of the chain."""
    fields = (
        VERSION,
        cooperative_id.bytes,
        b"%d" % number,
        previous_hash,
        root,
        b"%d" % entry_count,
        b"%d" % watermark,
    )
    return hashlib.sha256(length_prefixed(fields)).digest()


def next_seal(
    previous: SealFacts | None,
    cooperative_id: CooperativeId,
    root: bytes,
    entry_count: int,
    watermark: int,
) -> SealFacts:
    """Forge the link after `previous` (None: the first).

    Raises ValueError for an empty batch, a watermark that falls, or another cooperative's chain.
    """
    number, previous_hash = (previous.number + 1, previous.head) if previous else (1, GENESIS)
    if entry_count < 1:
        raise ValueError("a seal holds at least one entry")
    if previous and (previous.watermark > watermark or previous.cooperative_id != cooperative_id):
        raise ValueError(
            "a seal follows its own cooperative's chain, and its watermark never falls"
        )
    head = head_hash(cooperative_id, number, previous_hash, root, entry_count, watermark)
    return SealFacts(cooperative_id, number, previous_hash, root, entry_count, watermark, head)


def link_faults(seal: SealFacts, number: int, previous_hash: bytes) -> Iterator[BrokenLink]:
    """Find what is wrong with the link that should be `number` and build on `previous_hash`."""
    if seal.number != number:
        yield BrokenLink(seal.number, "number", str(number), str(seal.number))
    if seal.previous_hash != previous_hash:
        yield BrokenLink(
            seal.number, "previous_hash", previous_hash.hex(), seal.previous_hash.hex()
        )
    head = head_hash(
        seal.cooperative_id,
        seal.number,
        seal.previous_hash,
        seal.root,
        seal.entry_count,
        seal.watermark,
    )
    if seal.head != head:
        yield BrokenLink(seal.number, "head", head.hex(), seal.head.hex())


def broken_links(seals: Iterable[SealFacts]) -> Iterator[BrokenLink]:
    """Walk a chain from its first link; after a broken one it goes on from what is stored."""
    number, previous_hash = 1, GENESIS
    for seal in seals:
        yield from link_faults(seal, number, previous_hash)
        number, previous_hash = seal.number + 1, seal.head


def first_broken_link(seals: Iterable[SealFacts]) -> BrokenLink | None:
    """Name the first link of a whole chain that does not follow, or None."""
    return next(broken_links(seals), None)


def proves(proof: EntryProof, entry: StoredEntry, seal: SealFacts) -> bool:
    """Whether `entry`, fact by fact as shown, is the one sealed at that position of `seal`.

    That the seal itself stands in the chain is `first_broken_link`'s to say.
    """
    return proof.seal_number == seal.number and verify_inclusion(
        content_hash(entry), proof.position, seal.entry_count, proof.path, seal.root
    )
