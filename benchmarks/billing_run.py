"""A month's billing run in one command: rate and peak memory, for 100 and for 1,000 members.

Each member has 300 charges. The floor is the same rows written by PostgreSQL alone, in one
transaction and into tables with the same keys: which charge is on which line, lines by GROUP BY,
invoices; no entries, no numbers in turn, no checks. Memory is that of the client process.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import tempfile
import time
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from benchmarks.figures import Figure, print_table
from coop.billing.domain.months import month_named
from coop.billing.run import run_billing
from coop.charging import service as charging
from coop.charging import tariffs
from coop.charging.domain.place import Hub, HubDraft
from coop.config import Settings
from coop.db.engine import Database, bind_tenant
from coop.db.open import DATABASE, Access, open_access
from coop.kernel.clock import instant_of_wall, utc_now, zone_named
from coop.kernel.ids import CooperativeId, MemberId, uuid7
from coop.ledger import service as ledger
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.service import AccountKey
from coop.members import service as members
from coop.members.domain.people import MemberDraft
from coop.members.domain.roles import system_viewer

EACH = 300
HUBS = 4
OSLO = zone_named("Europe/Oslo")
_NEW_YEAR = datetime(2026, 1, 1)  # noqa: DTZ001 - a wall time
Measured = tuple[float, float, float, int]  # seconds, floor's seconds, MiB, invoices


def measure() -> list[Figure]:
    """Two sizes, each in a fresh process, so that memory is its own."""
    (few_s, few_floor, few_mib, _), (many_s, floor_s, many_mib, invoices) = (
        _in_a_process(count) for count in (100, 1_000)
    )
    charges = 1_000 * EACH
    return [
        Figure("bill 300,000 charges of 1,000 members", many_s, "s", floor_s, many_s / floor_s,
               f"{invoices:,} invoices; floor: the same rows by plain SQL"),
        Figure("its rate", charges / many_s, "charges/s", charges / floor_s, floor_s / many_s),
        Figure("bill 30,000 charges of 100 members", few_s, "s", few_floor, few_s / few_floor),
        Figure("peak memory, 1,000 members", many_mib, "MiB", few_mib, many_mib / few_mib,
               "of the client process; floor: of 100 members"),
    ]  # fmt: skip


def _in_a_process(count: int) -> Measured:
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_whole, (count,))


def _whole(count: int) -> Measured:
    data_dir = Path(tempfile.mkdtemp(prefix="coop-bench-"))
    try:
        return asyncio.run(_measured(data_dir, count))
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


async def _measured(data_dir: Path, count: int) -> Measured:
    access = await open_access(Settings.read({"COOP_DATA_DIR": str(data_dir)}))
    database, cooperative_id = access.database(), CooperativeId(uuid7())
    await _charged(access, database, cooperative_id, count)
    floor_s = await _floor(access, cooperative_id)
    began = time.perf_counter()
    outcome = await run_billing(
        database, system_viewer(utc_now()), cooperative_id, month_named("2026-03")
    )
    took = time.perf_counter() - began
    if outcome.month.gross_minor != outcome.month.receivable_minor:
        raise RuntimeError(f"what was issued is not what was booked: {outcome.month}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    await database.close()
    if access.embedded is not None:
        access.embedded.stop()
    return took, floor_s, peak, outcome.issued.invoices


async def _charged(
    access: Access, database: Database, cooperative_id: CooperativeId, count: int
) -> None:
    """Members with 300 charges each: rows by SQL, one entry a member for all of its charges."""
    ids = await database.unit_of_work(cooperative_id, partial(_founded, cooperative_id, count))
    hubs = await database.unit_of_work(cooperative_id, partial(_hubs, cooperative_id))
    drafts = partial(_posted, cooperative_id, ids, hubs)
    await database.unit_of_work(cooperative_id, drafts)
    async with _almighty(access).begin() as connection:
        await bind_tenant(connection, cooperative_id)
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in _ROWS:
            given = {"coop": cooperative_id} | ({"each": EACH} if ":each" in statement else {})
            await connection.execute(text(statement), given)
    async with _almighty(access).connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE"))


async def _founded(
    cooperative_id: CooperativeId, count: int, connection: AsyncConnection
) -> list[MemberId]:
    viewer = system_viewer(utc_now())
    await members.create_cooperative(
        connection, viewer, cooperative_id, slug="bench", name="Bench", currency="NOK",
        time_zone="Europe/Oslo",
    )  # fmt: skip
    await ledger.open_books(connection, cooperative_id, "NOK")
    drafts = [MemberDraft(f"Member {number}", date(2020, 1, 1)) for number in range(count)]
    made = await members.register_members(connection, viewer, cooperative_id, drafts)
    return [MemberId(one.member.id) for one in made]


async def _hubs(cooperative_id: CooperativeId, connection: AsyncConnection) -> list[Hub]:
    viewer, found = system_viewer(utc_now()), []
    for number in range(HUBS):
        draft = HubDraft(f"H{number}", f"Hub {number}", OSLO)
        hub = await charging.register_hub(connection, viewer, cooperative_id, draft)
        since = instant_of_wall(_NEW_YEAR, OSLO)
        await tariffs.set_flat_price(
            connection, viewer, cooperative_id, hub.id, Decimal("2.50"), since
        )
        found.append(hub)
    return found


async def _posted(
    cooperative_id: CooperativeId,
    ids: list[MemberId],
    hubs: list[Hub],
    connection: AsyncConnection,
) -> None:
    keys = [AccountKey("1205", member_id=id_) for id_ in ids]
    revenue = AccountKey("4000", hub_id=hubs[0].id)
    accounts = await ledger.accounts_for(connection, cooperative_id, [revenue, *keys])
    drafts = [
        EntryDraft(
            "charging_session",
            date(2026, 3, 31),
            "the month",
            (
                PostingDraft(accounts[key], EACH * 2_500),
                PostingDraft(accounts[revenue], -EACH * 2_500),
            ),
            source=("bench", str(key.member_id)),
        )
        for key in keys
    ]
    for start in range(0, len(drafts), 1_000):
        await ledger.post_entries(
            connection, cooperative_id, "bench", drafts[start : start + 1_000]
        )


def _almighty(access: Access) -> AsyncEngine:
    url = make_url(access.admin_url).set(drivername="postgresql+asyncpg", database=DATABASE)
    return create_async_engine(url)


# 10 kWh at 2.50 and 25 % of tax, at one of the hubs in turn.
_ROWS = (
    """
    INSERT INTO import_run (
        cooperative_id, id, kind, file_name, file_sha256, actor, started_at, rows, accepted,
        rejected, duplicates, filtered, review, delivered_wh, amount_minor
    ) VALUES (:coop, uuidv7(), 'csv', 'bench', sha256(''), 'bench', now(), 0, 0, 0, 0, 0, 0, 0, 0)
    """,
    """
    CREATE TABLE bench_charge AS
    SELECT
        uuidv7() AS id, uuidv7() AS session_id, m.id AS member_id, t.hub_id, t.id AS tariff_id,
        j.id AS entry_id, date '2026-03-01' + n % 31 AS effective_on, n, m.number
    FROM member AS m
    JOIN journal_entry AS j ON j.cooperative_id = m.cooperative_id AND j.source_kind = 'bench'
        AND j.source_id = m.id::text
    CROSS JOIN generate_series(0, CAST(:each AS integer) - 1) AS n
    JOIN (
        SELECT v.id, v.hub_id, row_number() OVER (ORDER BY v.hub_id) - 1 AS place
        FROM tariff_version AS v WHERE v.cooperative_id = :coop
    ) AS t ON t.place = n % 4
    WHERE m.cooperative_id = :coop
    """,
    """
    INSERT INTO charging_session (
        cooperative_id, id, country_code, party_id, session_id, hub_id, member_id, started_at,
        ended_at, effective_on, delivered_wh, state, amount_minor, tariff_version_id, entry_id,
        doubts, run_id, recorded_at, raw, raw_sha256, body_sha256
    )
    SELECT
        :coop, b.session_id, 'NO', 'BEN', b.number || '-' || b.n, b.hub_id, b.member_id,
        b.effective_on, b.effective_on, b.effective_on, 10000, 'charged', 2500, b.tariff_id,
        b.entry_id, '{}', (SELECT r.id FROM import_run AS r WHERE r.cooperative_id = :coop), now(),
        '', sha256(''), sha256('')
    FROM bench_charge AS b
    """,
    """
    INSERT INTO charge (
        cooperative_id, id, session_id, member_id, hub_id, tariff_version_id, effective_on,
        currency, net_minor, tax, entry_id, reason, rated_by, rated_at
    )
    SELECT
        :coop, b.id, b.session_id, b.member_id, b.hub_id, b.tariff_id, b.effective_on, 'NOK',
        2500, 6.25, b.entry_id, '', 'bench', now()
    FROM bench_charge AS b
    """,
    """
    INSERT INTO charge_line (
        cooperative_id, charge_id, number, kind, element, description, quantity, unit, unit_price,
        net_minor, taxes, tax
    )
    SELECT
        :coop, b.id, 1, 'ENERGY', 0, 'Energy', 10, 'kWh', 2.50, 2500,
        '[{"name": "VAT", "percent": "25"}]', 6.25
    FROM bench_charge AS b
    """,
    # Triggers sleep while rows are made like this.
    """
    INSERT INTO unbilled (cooperative_id, id, member_id, effective_on, is_item)
    SELECT :coop, b.id, b.member_id, b.effective_on, FALSE FROM bench_charge AS b
    """,
)

_FLOOR = (
    "CREATE TABLE floor_charge (LIKE invoice_charge INCLUDING INDEXES)",
    "CREATE TABLE floor_line (LIKE invoice_line INCLUDING INDEXES)",
    "CREATE TABLE floor_invoice (LIKE invoice INCLUDING INDEXES)",
    "CREATE TABLE floor_member AS SELECT m.id, uuidv7() AS invoice_id FROM member AS m",
    """
    INSERT INTO floor_charge (cooperative_id, charge_id, charge_line, invoice_id, line_number)
    SELECT :coop, l.charge_id, l.number, m.invoice_id, dense_rank() OVER (
        PARTITION BY m.id ORDER BY c.hub_id, c.tariff_version_id, l.kind, l.unit_price, l.taxes
    )
    FROM floor_member AS m
    JOIN charge AS c ON c.cooperative_id = :coop AND c.member_id = m.id
    JOIN charge_line AS l ON l.cooperative_id = c.cooperative_id AND l.charge_id = c.id
    """,
    """
    INSERT INTO floor_line (
        cooperative_id, invoice_id, number, hub_id, tariff_version_id, kind, element, description,
        quantity, unit, unit_price, net_minor, taxes, tax, sessions
    )
    SELECT
        :coop, f.invoice_id, f.line_number, c.hub_id, c.tariff_version_id, l.kind, l.element,
        min(l.description), sum(l.quantity), l.unit, l.unit_price, sum(l.net_minor), l.taxes,
        sum(l.tax), count(*)
    FROM floor_charge AS f
    JOIN charge AS c ON c.cooperative_id = :coop AND c.id = f.charge_id
    JOIN charge_line AS l ON l.cooperative_id = :coop AND l.charge_id = f.charge_id
        AND l.number = f.charge_line
    GROUP BY
        f.invoice_id, f.line_number, c.hub_id, c.tariff_version_id, l.kind, l.element, l.unit,
        l.unit_price, l.taxes
    """,
    """
    INSERT INTO floor_invoice (
        cooperative_id, id, kind, number, member_id, from_on, to_on, issued_on, due_on, currency,
        net_minor, tax_minor, gross_minor, reference, issued_by, recorded_at
    )
    SELECT
        :coop, m.invoice_id, 'invoice', row_number() OVER (ORDER BY m.id), m.id,
        date '2026-03-01', date '2026-04-01', date '2026-04-01', date '2026-04-15', 'NOK',
        sum(f.net_minor), round(sum(f.tax) * 100), sum(f.net_minor) + round(sum(f.tax) * 100),
        m.invoice_id::text, 'bench', now()
    FROM floor_member AS m JOIN floor_line AS f ON f.invoice_id = m.invoice_id
    GROUP BY m.id, m.invoice_id
    """,
)


async def _floor(access: Access, cooperative_id: CooperativeId) -> float:
    async with _almighty(access).connect() as connection:
        await bind_tenant(connection, cooperative_id)
        began = time.perf_counter()
        for statement in _FLOOR:
            given = {"coop": cooperative_id} if ":coop" in statement else {}
            await connection.execute(text(statement), given)
        await connection.commit()
        return time.perf_counter() - began


if __name__ == "__main__":
    print_table(measure())
