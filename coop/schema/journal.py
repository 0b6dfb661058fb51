"""Journal entries and the seals that cover them, as they are read."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import strawberry

from coop.kernel.ids import EntryId
from coop.ledger.domain.entry import EntryDraft
from coop.ledger.posting import PostingOutcome
from coop.ledger.queries import EntryRow, PostingRow, SealRow
from coop.members.domain.policy import Action
from coop.schema.account import Posting
from coop.schema.context import Context, Info, Reader
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId


@strawberry.type(description="A link of the chain that makes tampering show.")
class Seal(Node):
    """A Merkle root over entries, chained to the seal before it."""

    number: int = strawberry.field(description="From 1, without gaps.")
    root: str = strawberry.field(description="Merkle root of its entries, hexadecimal.")
    previous_hash: str = strawberry.field(description="Hash of the seal before, hexadecimal.")
    hash: str = strawberry.field(description="Its own hash: print it and keep it somewhere else.")
    entry_count: int = strawberry.field(description="How many entries it covers.")
    sealed_at: datetime = strawberry.field(description="When it was made.")

    @classmethod
    def of(cls, row: SealRow) -> Seal:
        """What the API shows of a seal's row."""
        named = NodeId("Seal", row.cooperative_id, row.cooperative_id, row.number)
        return cls(
            id=strawberry.ID(str(named)),
            number=row.number,
            root=bytes(row.root).hex(),
            previous_hash=bytes(row.previous_hash).hex(),
            hash=bytes(row.hash).hex(),
            entry_count=row.entry_count,
            sealed_at=row.sealed_at,
        )


@strawberry.type(description="A balanced whole of postings; never edited, only reversed.")
class JournalEntry(Node):
    """A balanced whole of postings; never edited, only reversed."""

    kind: str = strawberry.field(description="What it records, as charging or reversal.")
    memo: str = strawberry.field(description="What it is about, for people.")
    effective_on: date = strawberry.field(description="The day from which it counts.")
    recorded_at: datetime = strawberry.field(description="When it was written.")
    cooperative_id: strawberry.Private[UUID]
    entry_id: strawberry.Private[EntryId]

    @classmethod
    def of(cls, row: EntryRow | None) -> JournalEntry:
        """What the API shows of an entry's row; a posting's entry is always there."""
        if row is None:
            raise LookupError("a posting without its entry")
        return cls._made(
            row.cooperative_id, row.id, row.kind, row.memo, row.effective_on, row.recorded_at
        )

    @classmethod
    def of_posting(cls, cooperative_id: UUID, row: PostingRow) -> JournalEntry:
        """The entry of a posting that a page brought together with it."""
        if row.recorded_at is None:
            raise LookupError("a posting read without its entry")
        return cls._made(
            cooperative_id, row.entry_id, row.kind, row.memo, row.effective_on, row.recorded_at
        )

    @classmethod
    def posted(
        cls, cooperative_id: UUID, draft: EntryDraft, outcome: PostingOutcome
    ) -> JournalEntry:
        """An entry as it was just posted, without reading it back."""
        if outcome.entry_id is None or outcome.recorded_at is None:
            raise LookupError("a refused draft has no entry")
        return cls._made(
            cooperative_id, outcome.entry_id, draft.kind, draft.memo, draft.effective_on,
            outcome.recorded_at,
        )  # fmt: skip

    @classmethod
    def _made(
        cls, cooperative_id: UUID, entry_id: EntryId, kind: str, memo: str, on: date, at: datetime
    ) -> JournalEntry:
        return cls(
            id=strawberry.ID(str(NodeId("JournalEntry", cooperative_id, entry_id))),
            kind=kind,
            memo=memo,
            effective_on=on,
            recorded_at=at,
            cooperative_id=cooperative_id,
            entry_id=entry_id,
        )

    @strawberry.field(description="Its lines, as far as the viewer may read their accounts.")
    async def postings(self, info: Info) -> list[Posting]:
        extent = info.context.extent(Action.ENTRY_READ, self.cooperative_id)
        reader = await info.context.reader(self.cooperative_id)
        scales = await reader.scales()
        lines = await reader.postings_of_entry.load(self.entry_id) or []
        accounts = await reader.accounts.load_many([line.account_id for line in lines])
        return [
            Posting.of(line, account, scales[line.commodity])
            for line, account in zip(lines, accounts, strict=True)
            if account is not None and extent.reaches(account.member_id)
        ]

    @strawberry.field(description="The entry this one reverses, if it does.")
    async def reverses(self, info: Info) -> JournalEntry | None:
        row = await self._row(info.context)
        return await entry_of(info.context, self.cooperative_id, row.reverses_id)

    @strawberry.field(description="The entry that reversed this one, if one did.")
    async def reversed_by(self, info: Info) -> JournalEntry | None:
        row = await self._row(info.context)
        return await entry_of(info.context, self.cooperative_id, row.reversed_by_id)

    @strawberry.field(description="The seal that covers it; null until the next one is made.")
    async def seal(self, info: Info) -> Seal | None:
        reader = await info.context.reader(self.cooperative_id)
        place: Any = await reader.seal_places.load(self.entry_id)
        row = None if place is None else await reader.seals.load(place.seal_number)
        return None if row is None else Seal.of(row)

    async def _row(self, context: Context) -> Any:
        reader = await context.reader(self.cooperative_id)
        return await reader.entries.load(self.entry_id)


async def entry_of(
    context: Context, cooperative_id: UUID, entry_id: EntryId | None
) -> JournalEntry | None:
    """The entry of that id, if the viewer may read any line of it."""
    extent = context.extent(Action.ENTRY_READ, cooperative_id)
    if entry_id is None or extent.is_empty:
        return None
    reader = await context.reader(cooperative_id)
    row = await reader.entries.load(entry_id)
    if row is None or not (
        extent.everything or await _touches(reader, entry_id, extent.member_ids)
    ):
        return None
    return JournalEntry.of(row)


async def _touches(reader: Reader, entry_id: EntryId, member_ids: frozenset[UUID]) -> bool:
    lines = await reader.postings_of_entry.load(entry_id) or []
    accounts = await reader.accounts.load_many([line.account_id for line in lines])
    return any(account and account.member_id in member_ids for account in accounts)


@found_by("JournalEntry")
async def entry_by_node(context: Context, named: NodeId) -> JournalEntry | None:
    """The entry of that id, if it is the viewer's to read."""
    return await entry_of(context, named.cooperative_id, EntryId(named.id))


@found_by("Seal", numbered=True)
async def seal_by_node(context: Context, named: NodeId) -> Seal | None:
    """The seal of that number, for whoever has a role in the cooperative."""
    extent = context.extent(Action.SEAL_READ, named.cooperative_id)
    if extent.is_empty or named.part is None or named.id != named.cooperative_id:
        return None
    row = await (await context.reader(named.cooperative_id)).seals.load(named.part)
    return None if row is None else Seal.of(row)
