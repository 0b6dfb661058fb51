"""Where the entries of a statement lie in the sealed journal, ready to be checked by anyone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.kernel.ids import EntryId
from coop.ledger import queries as ledger
from coop.ledger import sealing
from coop.ledger.domain.merkle import inclusion_proof, merkle_levels
from coop.reports import queries
from coop.reports.statement import Inclusion, SealHead


@dataclass(slots=True)
class SealTrees:
    """Merkle trees of seals met already, the last few: statements of one run share most of them."""

    most: int = 8
    kept: dict[int, list[list[bytes]]] = field(default_factory=dict)

    async def of(
        self, connection: AsyncConnection, numbers: Iterable[int]
    ) -> dict[int, list[list[bytes]]]:
        """The trees of these seals; reads those that are not kept, in one statement."""
        wanted = set(numbers)
        found = {number: self.kept[number] for number in wanted if number in self.kept}
        leaves = await queries.leaves_of_seals(connection, wanted - found.keys())
        found |= {number: merkle_levels(hashes) for number, hashes in leaves.items()}
        for number in sorted(found):
            self.kept[number] = found[number]
        while len(self.kept) > self.most:
            del self.kept[next(iter(self.kept))]
        return found


async def proofs_of(
    connection: AsyncConnection, ids: Sequence[EntryId], trees: SealTrees
) -> tuple[dict[EntryId, str], dict[EntryId, Inclusion], tuple[SealHead, ...]]:
    """Content hashes and places of the sealed ones, and the seals: theirs and the newest."""
    sealed = await ledger.places_of_entries(connection, ids)
    numbers = {place.seal_number for place in sealed.values()}
    levels = await trees.of(connection, numbers)
    seals = await ledger.seals_by_numbers(connection, numbers)
    seals |= {row.number: row for row in await ledger.seals_page(connection, after=None, limit=1)}
    hashes = {id_: place.content_hash.hex() for id_, place in sealed.items()}
    places = {
        id_: Inclusion(
            place.seal_number,
            place.position,
            tuple(
                step.hex() for step in inclusion_proof(levels[place.seal_number], place.position)
            ),
        )
        for id_, place in sealed.items()
    }
    return hashes, places, tuple(_seal_head(seals[number]) for number in sorted(seals))


def _seal_head(row: Row[Any]) -> SealHead:
    seal = sealing.seal_facts(row)
    return SealHead(
        number=seal.number,
        previous_hash=seal.previous_hash.hex(),
        root=seal.root.hex(),
        entry_count=seal.entry_count,
        watermark=seal.watermark,
        head_hash=seal.head.hex(),
    )
