"""What resolvers find in `info.context`: who asks, where to read, whom to hand a posting to.

A query reads each cooperative through one `Reader`: one connection, one snapshot for the whole
operation, taken when first needed. Resolvers run concurrently and a connection answers one question
at a time, so every read goes through `Reader.ask`, and what many rows need is gathered by the
reader's loaders: the number of statements does not depend on the length of a list. A mutation has
units of work instead and reads its answer afresh.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection
from strawberry.dataloader import DataLoader

from coop.charging import queries as charging
from coop.charging.queries import StoredSession
from coop.db.engine import Database
from coop.db.wakeups import Wakeups
from coop.kernel.ids import AccountId
from coop.ledger import queries as ledger
from coop.ledger.coalescer import PostingQueue
from coop.ledger.queries import AccountRow, BalanceRow, EntryRow, PostingRow, SealRow
from coop.members import queries as members
from coop.members.domain.people import Cooperative, Member
from coop.members.domain.policy import Action, Extent, extent_of
from coop.members.domain.roles import Viewer
from coop.reports.links import DocumentLinks
from coop.reports.store import DocumentStore
from coop.schema.errors import TooManyCooperatives

Args = ParamSpec("Args")
T = TypeVar("T")
COOPERATIVES_MAX = 5

DeliveredKey = tuple[UUID, date | None, date | None]
BalanceKey = tuple[UUID, date | None, datetime | None]


class Reader:
    """One snapshot of one cooperative, shared by every resolver of an operation."""

    def __init__(self, connection: AsyncConnection, cooperative_id: UUID) -> None:
        self.cooperative_id = cooperative_id
        self._connection = connection
        self._lock = asyncio.Lock()
        self._kept: dict[Hashable, asyncio.Future[object]] = {}
        self._pages: dict[Hashable, DataLoader[Any, Any]] = {}
        self.accounts: DataLoader[UUID, AccountRow | None] = DataLoader(
            self._many(ledger.accounts_by_ids)
        )
        self.accounts_of_member: DataLoader[UUID, list[AccountRow] | None] = DataLoader(
            self._many(ledger.accounts_of_members)
        )
        self.entries: DataLoader[UUID, EntryRow | None] = DataLoader(
            self._many(ledger.entries_by_ids)
        )
        self.postings_of_entry: DataLoader[UUID, list[PostingRow] | None] = DataLoader(
            self._many(ledger.postings_of_entries)
        )
        self.seals: DataLoader[int, SealRow | None] = DataLoader(
            self._many(ledger.seals_by_numbers)
        )
        self.seal_places: DataLoader[UUID, object | None] = DataLoader(
            self._many(ledger.places_of_entries)
        )
        self.hubs: DataLoader[UUID, Any] = DataLoader(self._many(charging.hubs_by_ids))
        self.ports_of_hub: DataLoader[UUID, Any] = DataLoader(self._many(charging.ports_of_hubs))
        self.ports: DataLoader[UUID, Any] = DataLoader(self._many(charging.ports_by_ids))
        self.sessions: DataLoader[UUID, StoredSession | None] = DataLoader(
            self._many(charging.sessions_by_ids)
        )
        self.delivered_wh: DataLoader[DeliveredKey, int | None] = DataLoader(self._load_delivered)
        self.members: DataLoader[UUID, Member | None] = DataLoader(self._load_members)
        self.balances: DataLoader[BalanceKey, BalanceRow | None] = DataLoader(self._load_balances)

    async def ask(
        self,
        question: Callable[Concatenate[AsyncConnection, Args], Awaitable[T]],
        *args: Args.args,
        **kwargs: Args.kwargs,
    ) -> T:
        """Ask a room's query on this snapshot, when no other resolver is asking."""
        async with self._lock:
            return await question(self._connection, *args, **kwargs)

    async def once(self, name: Hashable, question: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Ask what the whole operation needs once; later askers get the same answer."""
        kept = self._kept.get(name)
        if kept is None:
            kept = self._kept[name] = asyncio.ensure_future(self.ask(question))
        return await kept  # type: ignore[return-value]

    def each(self, question: Callable[..., Awaitable[dict[Any, T]]], *shape: Hashable) -> Any:
        """The loader of `question(connection, parents, *shape)`: the same page of many parents."""
        name = (question, *shape)
        found = self._pages.get(name)
        if found is None:

            async def load(parents: list[Any]) -> list[T | None]:
                answers = await self.ask(question, parents, *shape)
                return [answers.get(parent) for parent in parents]

            found = self._pages[name] = DataLoader(load)
        return found

    def _many(self, question: Callable[..., Awaitable[dict[Any, T]]]) -> Any:
        """A loader of what `question(connection, keys)` answers by key; None where it is silent."""

        async def load(keys: list[Any]) -> list[T | None]:
            found = await self.ask(question, keys)
            return [found.get(key) for key in keys]

        return load

    async def _load_members(self, ids: list[UUID]) -> list[Member | None]:
        found = await self.ask(members.members_by_ids, self.cooperative_id, ids)
        return [found.get(key) for key in ids]

    async def _load_balances(self, keys: list[BalanceKey]) -> list[BalanceRow | None]:
        """One statement for each point in time asked about, whatever the number of accounts."""
        found: dict[BalanceKey, BalanceRow] = {}
        for as_of, known_at in {key[1:] for key in keys}:
            ids = [AccountId(key[0]) for key in keys if key[1:] == (as_of, known_at)]
            # Nothing is effective on the calendar's last day, after which none could be named.
            day = None if as_of is None else min(as_of, date.max - timedelta(days=1))
            rows = await self.ask(ledger.balances_of, ids, as_of=day, known_at=known_at)
            found |= {(id_, as_of, known_at): row for id_, row in rows.items()}
        return [found.get(key) for key in keys]

    async def _load_delivered(self, keys: list[DeliveredKey]) -> list[int | None]:
        """One statement for each range of days that is asked about, whatever the number of hubs."""
        found: dict[DeliveredKey, int] = {}
        for days in {key[1:] for key in keys}:
            ids = [key[0] for key in keys if key[1:] == days]
            rows = await self.ask(charging.delivered_wh_of_hubs, ids, *days)
            found |= {(id_, *days): wh for id_, wh in rows.items()}
        return [found.get(key) for key in keys]

    async def scales(self) -> dict[str, int]:
        """How many decimals each commodity has."""
        return await self.once("scales", ledger.scales)


@dataclass
class Context:
    """The context of one operation, or of one event of a subscription."""

    viewer: Viewer
    database: Database
    queue: PostingQueue
    wakeups: Wakeups
    links: DocumentLinks
    store: DocumentStore
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _readers: dict[UUID, asyncio.Future[Reader]] = field(default_factory=dict)
    _cooperatives: asyncio.Future[dict[UUID, Cooperative]] | None = None

    async def reader(self, cooperative_id: UUID) -> Reader:
        """The operation's snapshot of this cooperative."""
        found = self._readers.get(cooperative_id)
        if found is None:
            if len(self._readers) == COOPERATIVES_MAX:
                raise TooManyCooperatives(
                    f"One operation reads at most {COOPERATIVES_MAX} cooperatives."
                )
            found = self._readers[cooperative_id] = asyncio.ensure_future(
                self._open(cooperative_id)
            )
        return await found

    async def _open(self, cooperative_id: UUID) -> Reader:
        connection = await self._stack.enter_async_context(self.database.snapshot(cooperative_id))
        return Reader(connection, cooperative_id)

    def extent(self, action: Action, cooperative_id: UUID) -> Extent:
        """How far the action reaches for the viewer in this cooperative."""
        return extent_of(self.viewer, action, cooperative_id)

    async def cooperatives(self) -> dict[UUID, Cooperative]:
        """Every cooperative the viewer holds a role in, however many, read at once."""
        if self._cooperatives is None:
            self._cooperatives = asyncio.ensure_future(self._read_cooperatives())
        return await self._cooperatives

    async def _read_cooperatives(self) -> dict[UUID, Cooperative]:
        async with self.database.snapshot(None, subject=self.viewer.subject) as connection:
            return {one.id: one for one in await members.cooperatives(connection)}

    async def cooperative_by_slug(self, slug: str) -> Cooperative | None:
        """The cooperative of that slug, if the viewer holds a role in it."""
        async with self.database.snapshot(None, subject=self.viewer.subject) as connection:
            return await members.cooperative_by_slug(connection, slug)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Context]:
        """Open the context for as long as its operation runs; then its snapshots are given back."""
        async with self._stack:
            yield self


async def gathered(asked: Iterable[Awaitable[T]]) -> list[T]:
    """Ask all at once, so that loaders see them together; the first failure is raised last.

    Nothing is left running when this returns: it would read from a snapshot already given back.
    """
    found = await asyncio.gather(*asked, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return found  # type: ignore[return-value]


Info = strawberry.Info[Context, object]
