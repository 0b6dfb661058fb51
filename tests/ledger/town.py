"""A small cooperative on the real database, spoken to in the notation of journals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from coop.db.engine import Database, bind_tenant
from coop.kernel.clock import utc_now
from coop.kernel.ids import AccountId, CooperativeId, EntryId, FundId, HubId, MemberId, uuid7
from coop.ledger import queries, sealing, service, verification
from coop.ledger.domain.entry import EntryDraft
from coop.ledger.posting import PostingOutcome, post
from coop.ledger.service import AccountKey
from coop.ledger.verification import Verification
from coop.members import service as members
from coop.members.domain.roles import Viewer, system_viewer
from tests.ledger.notation import drafts

# Everything the books hold; keys keep refusals and months appear, so those two are asked for by name.
BOOKS = (
    "journal_entry", "posting", "balance_day", "hold", "period_close", "period_balance", "seal",
    "entry_seal", "outbox",
)  # fmt: skip


@dataclass
class Town:
    """Accounts are called by code and whose they are: `1000`, `1200 ada`, `4000 north`."""

    database: Database
    id: CooperativeId
    viewer: Viewer
    accounts: dict[str, AccountId] = field(default_factory=dict)
    funds: dict[str, FundId] = field(default_factory=dict)
    entries: dict[str, EntryId] = field(default_factory=dict)
    members: dict[str, MemberId] = field(default_factory=dict)

    async def open(self, *names: str) -> None:
        """Open these accounts; a member who is not one yet is admitted."""

        async def work(connection: AsyncConnection) -> None:
            keys = {name: await self._key(connection, name) for name in names}
            found = await service.accounts_for(connection, self.id, keys.values())
            self.accounts |= {name: found[key] for name, key in keys.items()}

        await self.database.unit_of_work(self.id, work)

    async def _key(self, connection: AsyncConnection, name: str) -> AccountKey:
        code, _, whose = name.partition(" ")
        if not whose:
            return AccountKey(code)
        if code in ("4000", "4050", "5000", "9000"):
            return AccountKey(code, hub_id=HubId(uuid5(self.id, whose)))
        if whose not in self.members:
            member = await members.admit_member(
                connection, self.viewer, self.id, name=whose, joined_on=date(2020, 1, 1)
            )
            self.members[whose] = member.id
        return AccountKey(code, self.members[whose])

    async def fund(self, code: str) -> None:
        """Open a restricted fund."""

        async def work(connection: AsyncConnection) -> None:
            self.funds[code] = await service.open_fund(
                connection, self.id, code, code, restriction="purpose"
            )

        await self.database.unit_of_work(self.id, work)

    def drafts(self, journal: str) -> list[EntryDraft]:
        """The drafts of a journal in plain text."""
        return drafts(
            journal, self.accounts.__getitem__, self.funds.__getitem__, self.entries.__getitem__
        )

    async def post(self, journal: str, actor: str = "ada") -> list[PostingOutcome]:
        """Post a journal, each entry with its own outcome."""
        return await self.post_drafts(self.drafts(journal), actor)

    async def post_drafts(
        self, wanted: Sequence[EntryDraft], actor: str = "ada"
    ) -> list[PostingOutcome]:
        return await self.database.unit_of_work(
            self.id,
            lambda connection: post(
                connection, self.id, [(actor, draft) for draft in wanted], want_balances=True
            ),
        )

    async def posted(self, journal: str) -> list[EntryId]:
        """Post a journal of which nothing is refused; the entries' ids."""
        outcomes = await self.post(journal)
        assert [one.refusal for one in outcomes] == [None] * len(outcomes)
        return [EntryId(one.entry_id) for one in outcomes if one.entry_id]

    async def balance(self, name: str, **how: object) -> int:
        """Debits less credits."""
        async with self.database.snapshot(self.id) as connection:
            found = await queries.balances_of(connection, [self.accounts[name]], **how)  # type: ignore[arg-type]
        row = found.get(self.accounts[name])
        return 0 if row is None else row.debit_minor - row.credit_minor

    async def month(self, first: date) -> UUID:
        """The id of the month that begins on `first`."""
        async with self.database.snapshot(self.id) as connection:
            found = {row.from_on: row.id for row in await queries.periods(connection)}
        return UUID(str(found[first]))

    async def close(self, first: date) -> None:
        """Close a month, with its seal."""
        period = await self.month(first)
        await self.database.unit_of_work(
            self.id, lambda c: service.begin_close(c, self.viewer, self.id, period)
        )
        seal = await self.seal()
        await self.database.unit_of_work(
            self.id, lambda c: service.finish_close(c, self.viewer, self.id, period, seal)
        )

    async def seal(self) -> int:
        return await sealing.seal_everything(self.database, self.id)

    async def verify(self) -> Verification:
        async with self.database.snapshot(self.id) as connection:
            return await verification.verify(connection)

    async def books(self, *more: str) -> dict[str, str]:
        """A fingerprint of each table of the books: equal only when nothing changed."""
        async with self.database.snapshot(self.id) as connection:
            found = {
                table: str(await connection.scalar(text(
                    f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} AS t"
                )))
                for table in (*BOOKS, *more)
            }  # fmt: skip
            # A refusal by limit may have made a balance row that holds nothing.
            found["balance"] = str(await connection.scalar(text(
                "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM balance AS t "
                "WHERE version > 0 OR pending_debit_minor > 0 OR pending_credit_minor > 0"
            )))  # fmt: skip
        return found


async def found_town(database: Database, *names: str, currency: str = "EUR") -> Town:
    """A new cooperative with open books."""
    town = Town(database, CooperativeId(uuid7()), system_viewer(utc_now()))

    async def work(connection: AsyncConnection) -> None:
        await members.create_cooperative(
            connection, town.viewer, town.id, slug=f"t-{town.id.hex[8:]}", name="Town",
            currency=currency, time_zone="Europe/Berlin",
        )  # fmt: skip
        await service.open_books(connection, town.id, currency)

    await database.unit_of_work(town.id, work)
    await town.open(
        *(names or ("1000", "1200 ada", "1200 bob", "4000 north", "9000 north", "9100 ada"))
    )
    return town


@asynccontextmanager
async def as_owner(owner_url: str, town: Town | None = None) -> AsyncIterator[AsyncConnection]:
    """A transaction of the owner of the tables, bound to a town; rolled back unless committed."""
    engine = create_async_engine(
        make_url(owner_url).set(drivername="postgresql+asyncpg"),
        connect_args={"server_settings": {"role": "coop_owner", "timezone": "UTC"}},
    )
    async with engine.connect() as connection:
        await bind_tenant(connection, None if town is None else town.id)
        try:
            yield connection
        finally:
            await connection.rollback()
    await engine.dispose()


@asynccontextmanager
async def step(town: Town) -> AsyncIterator[AsyncConnection]:
    """A transaction of the serving role that a test holds open; committed at the end."""
    async with town.database.engine.begin() as connection:
        await bind_tenant(connection, town.id)
        yield connection


async def until_it_waits(database: Database, task: asyncio.Task[Any]) -> None:
    """Return once a session of ours waits for a lock; fails when the task ends without waiting."""
    asked = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with database.engine.connect() as connection:
        while not await connection.scalar(asked):
            assert not task.done(), "nothing had to wait"
            await asyncio.sleep(0.01)


def codes(outcomes: Sequence[PostingOutcome]) -> list[str | None]:
    """The refusal codes, None for what was posted."""
    return [None if one.refusal is None else one.refusal.code for one in outcomes]


async def order(town: Town, what: object, *given: object) -> None:
    await town.database.unit_of_work(town.id, lambda c: what(c, town.viewer, town.id, *given))  # type: ignore[operator]
