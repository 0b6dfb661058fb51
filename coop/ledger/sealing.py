"""Sealing: off the write path, a Merkle root over what came since the last seal, chained to it.

    what lies below the snapshot's oldest running transaction: none of it can still commit
    → content hash of each entry, in order of (database transaction, entry)
    → Merkle root → next link of the chain, and each entry's place in it

One sealer at a time per cooperative (an advisory lock); others wait, then find nothing to do. A
seal takes at most `SEAL_MAX` entries, so a long backlog is many seals and memory stays flat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.kernel.ids import CooperativeId, EntryId
from coop.ledger import queries, tables
from coop.ledger.domain.canonical import StoredEntry, StoredPosting, content_hash
from coop.ledger.domain.merkle import inclusion_proof, merkle_levels, merkle_root
from coop.ledger.domain.seal import EntryProof, SealFacts, next_seal

SEAL_MAX = 20_000
_SEALER = 8

_UNSEALED = """
WITH bounds AS (
    SELECT coalesce(
            (SELECT xact_id FROM seal_cursor WHERE cooperative_id = coop_current()), '0'::xid8
        ) AS low,
        pg_snapshot_xmin(pg_current_snapshot()) AS high
)
SELECT j.*, j.xact_id::text::bigint AS xact, b.high::text::bigint AS high
FROM bounds AS b
JOIN journal_entry AS j
    ON j.cooperative_id = coop_current() AND j.xact_id >= b.low AND j.xact_id < b.high
WHERE NOT EXISTS (
    SELECT FROM entry_seal AS s WHERE s.cooperative_id = coop_current() AND s.entry_id = j.id
)
ORDER BY j.xact_id, j.id
LIMIT :most
"""


async def seal_everything(database: Database, cooperative_id: CooperativeId) -> int:
    """Seal whatever can be sealed now; answers the number of the last seal, 0 before the first.

    Waits for whoever is sealing already: what both would have sealed is sealed on return.
    """
    while await database.unit_of_work(
        cooperative_id, lambda connection: seal_next(connection, cooperative_id)
    ):
        pass
    async with database.snapshot(cooperative_id) as connection:
        return await connection.scalar(select(func.max(tables.seal.c.number))) or 0


async def seal_next(connection: AsyncConnection, cooperative_id: CooperativeId) -> SealFacts | None:
    """Make one seal in the caller's transaction, or None when there is nothing to seal."""
    await connection.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(str(cooperative_id), _SEALER)))
    )
    rows = (await connection.execute(text(_UNSEALED), {"most": SEAL_MAX + 1})).all()
    if not rows:
        return None
    rows, watermark = _whole_transactions(rows)
    hashes = [content_hash(entry) for entry in await stored_entries(connection, rows)]
    previous = await last_seal(connection)
    seal = next_seal(previous, cooperative_id, merkle_root(hashes), len(hashes), watermark)
    await _store(connection, seal, [EntryId(row.id) for row in rows], hashes)
    return seal


def _whole_transactions(rows: Sequence[Row[Any]]) -> tuple[Sequence[Row[Any]], int]:
    """The rows of complete database transactions, and the id below which all are taken."""
    if len(rows) <= SEAL_MAX:
        return rows, rows[0].high
    last = rows[-1].xact
    whole = [row for row in rows if row.xact < last]
    # One transaction larger than a seal is taken in pieces; the anti-join finds the rest.
    return (whole, last) if whole else (rows[:-1], last)


async def stored_entries(
    connection: AsyncConnection, rows: Sequence[Row[Any]]
) -> list[StoredEntry]:
    """The entries of these journal rows with their postings: every fact that is hashed."""
    lines = await queries.postings_of_entries(connection, [EntryId(row.id) for row in rows])
    return [stored_entry(row, lines.get(row.id, ())) for row in rows]


def stored_entry(row: Row[Any], lines: Sequence[Any]) -> StoredEntry:
    """A journal row and the rows of its postings, in line order, as the value that is hashed."""
    return StoredEntry(
        cooperative_id=row.cooperative_id,
        id=row.id,
        kind=row.kind,
        effective_on=row.effective_on,
        recorded_at=row.recorded_at,
        memo=row.memo,
        actor=row.actor,
        source=None if row.source_kind is None else (row.source_kind, row.source_id),
        resolution_id=row.resolution_id,
        reverses_id=row.reverses_id,
        metadata=row.metadata,
        postings=tuple(
            StoredPosting(line.account_id, line.fund_id, line.commodity, line.amount_minor)
            for line in lines
        ),
    )


async def last_seal(connection: AsyncConnection) -> SealFacts | None:
    """The head of the chain, or None before the first seal."""
    rows = await queries.seals_page(connection, after=None, limit=1)
    return seal_facts(rows[0]) if rows else None


def seal_facts(row: Row[Any]) -> SealFacts:
    """A stored seal as the domain's value."""
    return SealFacts(
        row.cooperative_id,
        row.number,
        bytes(row.previous_hash),
        bytes(row.root),
        row.entry_count,
        int(row.watermark),
        bytes(row.hash),
    )


async def _store(
    connection: AsyncConnection,
    seal: SealFacts,
    entry_ids: Sequence[EntryId],
    hashes: Sequence[bytes],
) -> None:
    await connection.execute(
        insert(tables.seal).values(
            cooperative_id=seal.cooperative_id,
            number=seal.number,
            previous_hash=seal.previous_hash,
            root=seal.root,
            hash=seal.head,
            entry_count=seal.entry_count,
            watermark=text("CAST(CAST(:watermark AS text) AS xid8)").bindparams(
                watermark=str(seal.watermark)
            ),
            sealed_at=utc_now(),
        )
    )
    await connection.execute(
        text(
            "INSERT INTO entry_seal "
            "(cooperative_id, entry_id, seal_number, position, content_hash) "
            "SELECT :cooperative, e.id, :number, e.position - 1, e.content_hash "
            "FROM unnest(CAST(:ids AS uuid[]), CAST(:hashes AS bytea[])) "
            "WITH ORDINALITY AS e (id, content_hash, position)"
        ),
        {
            "cooperative": seal.cooperative_id,
            "number": seal.number,
            "ids": list(entry_ids),
            "hashes": list(hashes),
        },
    )
    cursor = upsert(tables.seal_cursor).values(
        cooperative_id=seal.cooperative_id,
        xact_id=text("CAST(CAST(:watermark AS text) AS xid8)").bindparams(
            watermark=str(seal.watermark)
        ),
    )
    await connection.execute(
        cursor.on_conflict_do_update(
            index_elements=["cooperative_id"], set_={"xact_id": cursor.excluded.xact_id}
        )
    )


async def proofs_of(
    connection: AsyncConnection, entry_ids: Sequence[EntryId]
) -> dict[EntryId, EntryProof]:
    """The inclusion proof of each of these entries that is sealed; the others are absent."""
    places = await queries.places_of_entries(connection, entry_ids)
    proofs: dict[EntryId, EntryProof] = {}
    for number in sorted({place.seal_number for place in places.values()}):
        levels = merkle_levels(await queries.hashes_of_seal(connection, number))
        for entry_id, place in places.items():
            if place.seal_number == number:
                path = inclusion_proof(levels, place.position)
                proofs[entry_id] = EntryProof(number, place.position, path)
    return proofs
