"""What somebody past every trigger changes in bills is found, by its code and its place."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from coop.billing.verifying import verify_bills
from coop.db.engine import Database, bind_tenant
from coop.db.open import DATABASE, Access
from coop.ledger.verification import Verification
from tests.billing.books import Books, open_books

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def books(database: Database) -> Books:
    """Two members with charges and fees billed and one thing not billed yet."""
    books = await open_books(database)
    anna, berit, hub = await books.member("anna"), await books.member("berit"), await books.hub("N")
    tariff = await books.tariff(hub)
    for member in (anna, berit):
        await books.charge(member, hub, tariff, {}, {"kind": "FLAT", "unit": "session", "kwh": "1"})
        await books.item(member, 700)
    await books.bill()
    await books.item(anna, -50, "2026-04-03")
    await books.bill("2026-04")
    await books.item(berit, 120)
    return books


async def findings(access: Access, books: Books, change: str = "SELECT") -> list[tuple[str, str]]:
    """What is found after `change`, which a superuser makes and takes back."""
    url = make_url(access.admin_url).set(drivername="postgresql+asyncpg", database=DATABASE)
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            await bind_tenant(connection, books.id)
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            await connection.execute(text(change))
            await connection.execute(text("SET LOCAL ROLE coop_app"))
            found = Verification()
            await verify_bills(connection, found)
            await connection.rollback()
    finally:
        await engine.dispose()
    assert found.count == len(found.findings)
    return [(one.code, one.where) for one in found.findings]


async def test_sound_books_have_no_finding(access: Access, books: Books) -> None:
    assert await findings(access, books) == []


OF_ANNA = "cooperative_id = coop_current() AND kind = 'invoice' AND number = 1"
SERIES = "cooperative_id = coop_current() AND series = 'invoice'"
ALLOCATED = (
    "cooperative_id, uuidv7(), id, 'payment', id, gross_minor + 1, issued_on, 'x', recorded_at"
)
ANNA = "(SELECT id FROM member WHERE cooperative_id = coop_current() AND number = 'anna')"
WAITING = f"cooperative_id, item_id, {ANNA}, '2026-03-01', TRUE"
LINES_OF_ANNA = (
    f"cooperative_id = coop_current() AND invoice_id = (SELECT id FROM invoice WHERE {OF_ANNA})"
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (f"UPDATE invoice SET number = 7 WHERE {OF_ANNA.replace('1', '2')}",
         [("INVOICE_NUMBER", "invoice 7"), ("INVOICE_NUMBER", "invoice series")]),
        (f"UPDATE invoice_series SET last_number = 3 WHERE {SERIES}",
         [("INVOICE_NUMBER", "invoice series")]),
        (f"UPDATE invoice SET tax_minor = tax_minor + 1, gross_minor = gross_minor + 1 WHERE {OF_ANNA}",
         [("INVOICE_SUMS", "invoice 1"), ("INVOICE_POSTED", "invoice 1 on 1200"),
          ("INVOICE_POSTED", "invoice 1 on 2200")]),
        (f"UPDATE invoice_line SET net_minor = net_minor + 1 WHERE {LINES_OF_ANNA} AND number = 3",
         [("INVOICE_SUMS", "invoice 1"), ("INVOICE_LINE", "invoice 1 line 3")]),
        (f"DELETE FROM invoice_item WHERE {LINES_OF_ANNA}",
         [("INVOICE_LINE", "invoice 1 line 3"), ("UNBILLED_SUM", "member anna"),
          ("UNBILLED_QUEUE", "member anna")]),
        (f"INSERT INTO unbilled SELECT {WAITING} FROM invoice_item WHERE {LINES_OF_ANNA}",
         [("UNBILLED_QUEUE", "member anna")]),
        (f"INSERT INTO allocation SELECT {ALLOCATED} FROM invoice WHERE {OF_ANNA}",
         [("ALLOCATION_SUM", "invoice 1")]),
    ],
)  # fmt: skip
async def test_each_change_is_found(
    access: Access, books: Books, change: str, expected: list[tuple[str, str]]
) -> None:
    assert await findings(access, books, change) == expected


async def test_a_charge_on_two_invoices_is_found(access: Access, books: Books) -> None:
    change = (
        "UPDATE invoice_charge SET invoice_id = (SELECT id FROM invoice"
        f" WHERE {OF_ANNA.replace('1', '2')}) WHERE {LINES_OF_ANNA} AND charge_line = 2"
    )
    codes = [code for code, _ in await findings(access, books, change)]
    assert codes == ["INVOICE_LINE", "INVOICE_LINE", "CHARGE_BILLED"]
