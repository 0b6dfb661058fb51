"""Batches of 1,000 entries beside the same rows written by hand.

The floor is what somebody would write who trusts everybody: one set-based statement that inserts
entries, postings with their running numbers and balances, and moves the balances, into tables of
the same shape with the same indexes. It knows no keys, no days, no periods, no limits, no tenants'
walls, no triggers, no outbox. Both go over the same kind of connection, one commit a batch, by
turns in one run; both start from Python values and end at the commit.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.figures import Figure, print_table
from coop.config import Settings
from coop.db.engine import Database
from coop.db.open import DATABASE, Access, open_access
from coop.kernel.clock import utc_now
from coop.kernel.ids import AccountId, CooperativeId, HubId, MemberId, uuid7
from coop.ledger import service
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.posting import post_alone
from coop.ledger.service import AccountKey
from coop.members import service as members
from coop.members.domain.roles import system_viewer

MEMBERS, HUBS, SIZE, ROUNDS, WARM = 200, 3, 1_000, 30, 5

_FLOOR_TABLES = """
CREATE SCHEMA by_hand;
CREATE TABLE by_hand.entry (LIKE journal_entry INCLUDING DEFAULTS);
ALTER TABLE by_hand.entry ADD PRIMARY KEY (cooperative_id, id);
CREATE UNIQUE INDEX ON by_hand.entry (cooperative_id, reverses_id) WHERE reverses_id IS NOT NULL;
CREATE INDEX ON by_hand.entry (xact_id);
CREATE TABLE by_hand.posting (LIKE posting INCLUDING DEFAULTS);
ALTER TABLE by_hand.posting ADD PRIMARY KEY (cooperative_id, account_id, fund_id, version);
CREATE INDEX ON by_hand.posting (cooperative_id, entry_id);
CREATE TABLE by_hand.balance (LIKE balance INCLUDING DEFAULTS) WITH (fillfactor = 50);
ALTER TABLE by_hand.balance ADD PRIMARY KEY (cooperative_id, account_id, fund_id);
"""
_FLOOR = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($8::integer[], $9::smallint[], $10::date[], $11::uuid[], $12::uuid[],
        $13::text[], $14::bigint[]) AS l (ord, line, on_day, account_id, fund_id, commodity, amount)
), moved AS (
    UPDATE by_hand.balance AS b SET debit_minor = b.debit_minor + s.debit,
        credit_minor = b.credit_minor + s.credit, version = b.version + s.lines, recorded_at = now()
    FROM (
        SELECT account_id, fund_id, sum(greatest(amount, 0)) AS debit,
            sum(greatest(-amount, 0)) AS credit, count(*) AS lines
        FROM given GROUP BY account_id, fund_id
    ) AS s
    WHERE b.cooperative_id = $1 AND b.account_id = s.account_id AND b.fund_id = s.fund_id
    RETURNING old.account_id, old.fund_id, old.version, old.debit_minor - old.credit_minor AS net
), entries AS (
    INSERT INTO by_hand.entry (cooperative_id, id, kind, effective_on, recorded_at, memo, actor,
        source_kind, source_id, metadata)
    SELECT $1, e.id, e.kind, e.on_day, now(), e.memo, e.actor, e.source_kind, e.source_id, '{}'
    FROM unnest($2::uuid[], $3::text[], $4::date[], $5::text[], $6::text[], $7::text[], $15::text[])
        AS e (id, kind, on_day, memo, actor, source_kind, source_id)
)
INSERT INTO by_hand.posting (cooperative_id, account_id, fund_id, version, entry_id, line,
    commodity, amount_minor, balance_after, effective_on)
SELECT $1, l.account_id, l.fund_id, m.version + row_number() OVER run, ($2::uuid[])[l.ord], l.line,
    l.commodity, l.amount, m.net + sum(l.amount) OVER run, l.on_day
FROM given AS l JOIN moved AS m ON m.account_id = l.account_id AND m.fund_id = l.fund_id
WINDOW run AS (
    PARTITION BY l.account_id, l.fund_id ORDER BY l.ord, l.line ROWS UNBOUNDED PRECEDING
)
ORDER BY 2, 3, 4
"""


class Books:
    """A cooperative with its accounts, and drafts as an import makes them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.id = CooperativeId(uuid7())
        self.members: list[AccountId] = []
        self.hubs: list[AccountId] = []
        self.made = 0
        self.dice = random.Random(7)

    async def open(self) -> None:
        """Found it."""
        viewer = system_viewer(utc_now())

        async def work(connection: AsyncConnection) -> None:
            await members.create_cooperative(
                connection, viewer, self.id, slug=f"b-{self.id.hex[8:]}", name="Bench",
                currency="EUR", time_zone="Europe/Berlin",
            )  # fmt: skip
            await service.open_books(connection, self.id, "EUR")
            people = [
                await members.admit_member(
                    connection, viewer, self.id, name=f"m{n}", joined_on=date(2020, 1, 1)
                )
                for n in range(MEMBERS)
            ]
            debit = [AccountKey("1200", MemberId(one.id)) for one in people]
            credit = [AccountKey("4000", hub_id=HubId(UUID(int=n + 1))) for n in range(HUBS)]
            found = await service.accounts_for(connection, self.id, [*debit, *credit])
            self.members = [found[key] for key in debit]
            self.hubs = [found[key] for key in credit]

        await self.database.unit_of_work(self.id, work)

    def drafts(self, size: int = SIZE) -> list[tuple[str, EntryDraft]]:
        """Charging sessions of two months by anyone at any hub, each under its own key."""
        self.made += size
        return [("import", self._draft(self.made + number)) for number in range(size)]

    def _draft(self, number: int) -> EntryDraft:
        amount = self.dice.randint(100, 5_000)
        lines = (
            PostingDraft(self.dice.choice(self.members), amount),
            PostingDraft(self.dice.choice(self.hubs), -amount),
        )
        day = date(2026, 3, 1) + timedelta(days=number // 400 % 60)
        source = ("charging_session", str(number))
        return EntryDraft("charge", day, "Charging", lines, f"session-{number}", source)


async def by_hand(
    connection: asyncpg.Connection, books: Books, drafts: list[tuple[str, EntryDraft]]
) -> None:
    """The floor: the same rows from the same drafts."""
    entries = [draft for _, draft in drafts]
    lines = [
        (ord_, line, draft.effective_on, posting)
        for ord_, draft in enumerate(entries, 1)
        for line, posting in enumerate(draft.postings)
    ]
    await connection.execute(
        _FLOOR,
        books.id,
        [uuid7() for _ in entries],
        [draft.kind for draft in entries],
        [draft.effective_on for draft in entries],
        [draft.memo for draft in entries],
        [actor for actor, _ in drafts],
        [draft.source[0] if draft.source else None for draft in entries],
        [ord_ for ord_, _, _, _ in lines],
        [line for _, line, _, _ in lines],
        [on for _, _, on, _ in lines],
        [posting.account_id for _, _, _, posting in lines],
        [books.id] * len(lines),
        ["EUR"] * len(lines),
        [posting.amount_minor for _, _, _, posting in lines],
        [draft.source[1] if draft.source else None for draft in entries],
    )


async def hand_connection(access: Access, books: Books) -> asyncpg.Connection:
    """A connection of the administrator, whom nothing checks, with the tables of the floor."""
    url = make_url(access.admin_url)
    connection = await asyncpg.connect(
        user=url.username, password=url.password, database=DATABASE,
        host=str(url.query.get("host") or url.host), port=url.port,
    )  # fmt: skip
    await connection.execute("DROP SCHEMA IF EXISTS by_hand CASCADE")
    await connection.execute(_FLOOR_TABLES)
    await connection.execute(
        "INSERT INTO by_hand.balance (cooperative_id, account_id, fund_id, commodity, normal_side) "
        "SELECT $1, unnest($2::uuid[]), $1, 'EUR', 1",
        books.id,
        [*books.members, *books.hubs],
    )
    return connection


async def measured(access: Access, rounds: int = ROUNDS) -> list[Figure]:
    """Both rates, in entries a second, by turns."""
    database = access.database()
    books = Books(database)
    await books.open()
    hand = await hand_connection(access, books)
    pool = await database.posting_pool()
    ours, floor = [], []
    for number in range(WARM + rounds):
        drafts = books.drafts()
        begin = time.perf_counter()
        outcomes = await post_alone(pool, books.id, drafts)
        middle = time.perf_counter()
        await by_hand(hand, books, drafts)
        end = time.perf_counter()
        assert all(one.refusal is None for one in outcomes)
        if number >= WARM:
            ours.append(middle - begin)
            floor.append(end - middle)
    await hand.close()
    await database.close()
    rate, hand_rate = (SIZE / statistics.median(times) for times in (ours, floor))
    note = "all invariants, keys and day balances on; floor: by hand without them"
    return [Figure("batch of 1,000 entries", rate, "entries/s", hand_rate, rate / hand_rate, note)]


@asynccontextmanager
async def installation() -> AsyncIterator[Access]:
    """An installation of its own, gone afterwards."""
    data_dir = Path(tempfile.mkdtemp(prefix="coop-bench-"))
    access = await open_access(Settings.read({"COOP_DATA_DIR": str(data_dir)}))
    try:
        yield access
    finally:
        if access.embedded is not None:
            access.embedded.stop()
        shutil.rmtree(data_dir, ignore_errors=True)


async def measure(rounds: int = ROUNDS) -> list[Figure]:
    """In an installation of its own."""
    async with installation() as access:
        return await measured(access, rounds)


if __name__ == "__main__":
    print_table(asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)))
