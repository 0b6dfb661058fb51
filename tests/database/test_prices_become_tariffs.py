"""Migration 0006 on a database that charged sessions by flat prices."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from coop.charging.domain.tariff import canonical_tariff, flat_tariff_document
from coop.charging.domain.versions import sha256_of
from coop.db import migrate
from coop.db.open import Access

pytestmark = pytest.mark.anyio

HERE, ELSEWHERE, HUB = UUID(int=1), UUID(int=2), UUID(int=3)
FIRST, SECOND, OTHER, SESSION = UUID(int=4), UUID(int=5), UUID(int=6), UUID(int=7)
OLD = """
SET session_replication_role = replica;  -- rows that stand alone: only their shape matters here
INSERT INTO hub VALUES
    ('{here}', '{hub}', 'H1', 'Harbour', 'Europe/Oslo', NULL, '2025-01-01T00:00:00Z'),
    ('{elsewhere}', '{hub}', 'H1', 'Harbour', 'Europe/Oslo', NULL, '2025-01-01T00:00:00Z');
INSERT INTO hub_price VALUES
    ('{here}', '{first}', '{hub}', '2025-01-01T00:00:00Z', 'NOK', 2.50, 'tre', '2025-01-01T00:00:00Z'),
    ('{here}', '{second}', '{hub}', '2025-02-01T00:00:00Z', 'NOK', 3, 'tre', '2025-01-15T00:00:00Z'),
    ('{elsewhere}', '{other}', '{hub}', '2025-01-01T00:00:00Z', 'EUR', 0.10, 'su', '2025-01-01T00:00:00Z');
INSERT INTO charging_session VALUES (
    '{here}', '{session}', 'NO', 'TST', 'S-1', '{hub}', NULL, NULL, '{hub}', '2025-01-05T08:00:00Z',
    '2025-01-05T09:00:00Z', '2025-01-05', 10000, 'charged', 2500, '{first}', '{hub}', NULL, '{{}}',
    NULL, NULL, '{hub}', '2025-01-05T09:00:00Z', 'raw', sha256('raw'), sha256('body')
);
"""


async def test_prices_become_versions_with_their_ids(access: Access) -> None:
    name = "coop_old_prices"
    await migrate.create_database(access.admin_url, name)
    admin = make_url(access.admin_url).set(database=name).render_as_string(hide_password=False)
    owner = make_url(access.owner_url).set(database=name).render_as_string(hide_password=False)
    await migrate.prepare(admin)
    await migrate.upgrade(owner, "0005")
    await migrate.execute(
        admin,
        OLD.format(
            here=HERE, elsewhere=ELSEWHERE, hub=HUB, first=FIRST, second=SECOND, other=OTHER,
            session=SESSION,
        ),
    )  # fmt: skip
    await migrate.upgrade(owner)
    engine = create_async_engine(make_url(admin).set(drivername="postgresql+asyncpg"))
    try:
        async with engine.connect() as connection:
            await _as_said(connection)
        await migrate.downgrade(owner, "0005")
        async with engine.connect() as connection:
            found = await connection.execute(text("SELECT id, per_kwh FROM hub_price ORDER BY id"))
            assert [tuple(row) for row in found] == [
                (FIRST, Decimal("2.5")), (SECOND, Decimal(3)), (OTHER, Decimal("0.1"))
            ]  # fmt: skip
    finally:
        await engine.dispose()


async def _as_said(connection: AsyncConnection) -> None:
    found = await connection.execute(
        text(
            "SELECT id, hub_id, member_class, version, name, currency, document, document_sha256"
            " FROM tariff_version ORDER BY id"
        )
    )
    documents = {
        id_: canonical_tariff(flat_tariff_document(str(id_), currency, Decimal(per_kwh)))
        for id_, currency, per_kwh in (
            (FIRST, "NOK", "2.50"), (SECOND, "NOK", "3"), (OTHER, "EUR", "0.10")
        )
    }  # fmt: skip
    assert [tuple(row) for row in found] == [
        (FIRST, HUB, "", 1, "2.5 NOK/kWh", "NOK", documents[FIRST], sha256_of(documents[FIRST])),
        (SECOND, HUB, "", 2, "3 NOK/kWh", "NOK", documents[SECOND], sha256_of(documents[SECOND])),
        (OTHER, HUB, "", 1, "0.1 EUR/kWh", "EUR", documents[OTHER], sha256_of(documents[OTHER])),
    ]
    found = await connection.execute(
        text("SELECT id, tariff_version_id, amount_minor, session_ref FROM charging_session")
    )
    assert [tuple(row) for row in found] == [(SESSION, FIRST, 2500, None)]
    assert await connection.scalar(text("SELECT count(*) FROM charge")) == 0
