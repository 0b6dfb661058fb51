"""A month's billing run: what is on the invoices, what they moved, and that doing it again does nothing."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from coop.charging.domain.tariff import Tax
from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.kernel.ids import uuid7
from coop.ledger.closing import close_period
from coop.ledger.queries import periods
from coop.members.domain.roles import Role
from tests.billing.books import VAT12, VAT25, Books, open_books, refused
from tests.members.people import system

pytestmark = pytest.mark.anyio

LINE_COLUMNS = (
    "SELECT i.number AS invoice, l.number, l.kind, l.quantity, l.unit, l.unit_price, l.net_minor,"
    " l.tax, l.sessions FROM invoice_line l JOIN invoice i ON i.id = l.invoice_id"
    " ORDER BY i.kind DESC, 1, 2"
)


async def lines(books: Books) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await books.sql(LINE_COLUMNS)]


async def test_a_month_is_gathered_by_hub_tariff_price_and_tax(books: Books) -> None:
    anna, north, south = await books.member("anna"), await books.hub("N"), await books.hub("S")
    one, two = await books.tariff(north), await books.tariff(south)
    flat = {"kind": "FLAT", "net": 500, "kwh": "1", "price": "5", "unit": "session"}
    await books.charge(anna, north, one, {"kwh": "10"}, flat)
    await books.charge(anna, north, one, {"kwh": "5.5"})
    await books.charge(anna, north, one, {"kwh": "1", "price": "2.00"})
    await books.charge(anna, south, two, {"kwh": "2", "taxes": VAT12})
    await books.item(anna, 9_900)
    outcome = await books.bill()
    assert await lines(books) == [
        (1, 1, "ENERGY", Decimal(1), "kWh", Decimal("2.00"), 200, Decimal("0.5"), 1),
        (1, 2, "ENERGY", Decimal("15.5"), "kWh", Decimal("3.00"), 4_650, Decimal("11.625"), 2),
        (1, 3, "FLAT", Decimal(1), "session", Decimal(5), 500, Decimal("1.25"), 1),
        (1, 4, "ENERGY", Decimal(2), "kWh", Decimal("3.00"), 600, Decimal("0.72"), 1),
        (1, 5, "SUBSCRIPTION", Decimal(1), "month", Decimal(99), 9_900, Decimal("24.75"), 0),
    ]
    # 25 % of 152.50 is 38.125 and 12 % of 6.00 is 0.72: 38.13 + 0.72.
    assert await books.sql(
        "SELECT number, name, percent, base_minor, tax_minor FROM invoice_tax ORDER BY 1"
    ) == [(1, "VAT", 12, 600, 72), (2, "VAT", 25, 15_250, 3_813)]
    assert await books.documents(
        "net_minor, tax_minor, gross_minor, issued_on, due_on, reference"
    ) == [
        (
            "invoice",
            1,
            "anna",
            15_850,
            3_885,
            19_735,
            date(2026, 4, 1),
            date(2026, 4, 15),
            "RF69INV000001",
        ),
    ]
    assert await books.balances() == {
        "1200 anna": 19_735,
        "1205 anna": 0,
        "2200": -3_885,
        "4000 N": -5_350,
        "4000 S": -600,
        "4060": -9_900,
    }
    assert (outcome.issued.invoices, outcome.month.gross_minor) == (1, 19_735)
    assert outcome.month.receivable_minor == 19_735


async def test_each_charge_line_knows_its_line_of_the_invoice(books: Books) -> None:
    anna, hub = await books.member("anna"), await books.hub("N")
    tariff = await books.tariff(hub)
    first = await books.charge(anna, hub, tariff, {}, {"kind": "TIME", "unit": "h", "kwh": "1"})
    second = await books.charge(anna, hub, tariff, {})
    await books.bill()
    held = await books.sql("SELECT charge_id, charge_line, line_number FROM invoice_charge")
    assert sorted(map(tuple, held)) == sorted([(first, 1, 1), (first, 2, 2), (second, 1, 1)])


async def test_a_second_run_changes_nothing(books: Books) -> None:
    anna, berit = await books.member("anna"), await books.member("berit")
    await books.items([books.fee(anna, 100), books.fee(berit, 200)])
    first = await books.bill()
    tables = (
        "invoice",
        "invoice_line",
        "invoice_item",
        "billing_run",
        "journal_entry",
        "allocation",
    )
    before = [await books.sql(f"SELECT * FROM {table} ORDER BY 2") for table in tables]
    again = await books.bill()
    assert [await books.sql(f"SELECT * FROM {table} ORDER BY 2") for table in tables] == before
    assert (again.issued.invoices, again.month) == (0, first.month)
    assert await books.sql(
        "SELECT state, members, invoices, net_minor, tax_minor FROM billing_run"
    ) == [("issued", 2, 2, 300, 75)]


async def test_what_comes_late_is_billed_by_the_next_run(books: Books) -> None:
    anna = await books.member("anna")
    await books.item(anna, 100, "2026-03-31")
    await books.item(anna, 400, "2026-04-01")
    await books.bill("2026-03")
    await books.item(anna, 200, "2026-02-10")
    await books.item(anna, 300, "2026-03-15")
    await books.bill("2026-03")
    await books.item(anna, 600, "2026-03-15")
    await books.bill("2026-04")
    assert await books.documents("net_minor, from_on") == [
        ("invoice", 1, "anna", 100, date(2026, 3, 1)),
        ("invoice", 2, "anna", 500, date(2026, 3, 1)),
        ("invoice", 3, "anna", 1_000, date(2026, 4, 1)),
    ]


async def test_less_than_nothing_is_a_credit_note_in_its_own_series(books: Books) -> None:
    anna, berit = await books.member("anna"), await books.member("berit")
    await books.item(anna, 1_000, "2026-02-10")
    await books.bill("2026-02")
    await books.items([books.fee(anna, -600), books.fee(anna, 100), books.fee(berit, 300)])
    outcome = await books.bill("2026-03")
    assert await books.documents("net_minor, tax_minor, gross_minor") == [
        ("invoice", 1, "anna", 1_000, 250, 1_250),
        ("invoice", 2, "berit", 300, 75, 375),
        ("credit_note", 1, "anna", -500, -125, -625),
    ]
    assert (outcome.month.gross_minor, outcome.month.receivable_minor) == (-250, -250)
    assert await books.sql("SELECT source_kind, amount_minor FROM allocation") == [
        ("credit_note", 625)
    ]
    balances = await books.balances()
    assert (balances["1200 anna"], balances["1205 anna"]) == (625, 0)


async def test_credit_left_over_settles_the_next_invoice(books: Books) -> None:
    anna = await books.member("anna")
    await books.item(anna, -400, "2026-02-10", taxes=())
    await books.bill("2026-02")
    await books.item(anna, 1_000, taxes=())
    await books.bill("2026-03")
    assert await books.sql("SELECT amount_minor FROM allocation") == [(400,)]


async def test_a_charge_taken_back_stands_on_its_own_line_and_names_its_invoice(
    books: Books,
) -> None:
    anna, hub = await books.member("anna"), await books.hub("N")
    tariff = await books.tariff(hub)
    first = await books.charge(anna, hub, tariff, {}, on="2026-02-10")
    await books.bill("2026-02")
    await books.charge(anna, hub, tariff, {"kwh": "-10"}, on="2026-03-05", credit_of=first)
    await books.charge(anna, hub, tariff, {"kwh": "4"}, on="2026-03-05")
    await books.bill("2026-03")
    ((refers_to, number),) = await books.sql(
        "SELECT o.number, i.number FROM invoice i JOIN invoice o ON o.id = i.refers_to_id"
    )
    assert (refers_to, number) == (1, 1)
    assert [row[2:7] for row in await lines(books)][1:] == [
        ("ENERGY", Decimal(4), "kWh", Decimal("3.00"), 1_200),
        ("ENERGY", Decimal(-10), "kWh", Decimal("3.00"), -3_000),
    ]


async def test_nothing_and_what_cancels_out_make_no_document(books: Books) -> None:
    anna = await books.member("anna")
    await books.member("berit")
    await books.items([books.fee(anna, 500), books.fee(anna, -500)])
    outcome = await books.bill("2026-03")
    assert (outcome.issued.invoices, await books.count("invoice")) == (0, 0)
    assert await books.count("billing_run") == 0
    await books.item(anna, 100, "2026-04-02")
    await books.bill("2026-04")
    assert [row[3] for row in await books.documents("net_minor")] == [100]
    assert await books.count("invoice_item") == 3


async def test_least_prices_are_one_line(books: Books) -> None:
    anna, hub = await books.member("anna"), await books.hub("N")
    tariff = await books.tariff(hub)
    for net in ("1.10", "2.25"):
        await books.charge(
            anna,
            hub,
            tariff,
            {},
            {"kind": "MIN_PRICE", "element": None, "unit": "session", "kwh": "1", "price": net},
        )
    await books.bill()
    assert (await lines(books))[1][2:] == (
        "MIN_PRICE", Decimal(1), "sum", Decimal("3.35"), 335, Decimal("0.8375"), 2,
    )  # fmt: skip


async def test_several_taxes_are_each_rounded_once(books: Books) -> None:
    anna = await books.member("anna")
    both = (Tax("CITY", Decimal("1.5")), Tax("VAT", Decimal(20)))
    vat = (Tax("VAT", Decimal(20)),)
    await books.items([books.fee(anna, 333, taxes=both) for _ in range(3)])
    await books.items([books.fee(anna, 101, taxes=vat), books.fee(anna, 50, taxes=())])
    await books.bill()
    # CITY: 999 × 1.5 % = 14.985; VAT: (999 + 101) × 20 % = 220.
    assert await books.sql("SELECT name, base_minor, tax_minor FROM invoice_tax ORDER BY number") == [
        ("CITY", 999, 15), ("VAT", 1_100, 220),
    ]  # fmt: skip
    assert [row[3:] for row in await books.documents("net_minor, gross_minor")] == [(1_150, 1_385)]


async def test_a_draft_says_what_the_run_then_issues_and_stores_nothing(books: Books) -> None:
    members = [await books.member(name) for name in ("anna", "berit", "cato")]
    await books.items([books.fee(one, 100 * place) for place, one in enumerate(members, 1)])
    await books.item(members[1], -200)
    drafted = await books.draft()
    assert [(one.bill.net_minor, one.bill.gross_minor) for one in drafted] == [
        (100, 125),
        (300, 375),
    ]
    assert await books.count("invoice") == 0
    await books.bill()
    assert [row[3:] for row in await books.documents("net_minor, gross_minor")] == [
        (100, 125),
        (300, 375),
    ]


async def test_small_batches_bill_everybody_once_and_tell_how_far_they_are(books: Books) -> None:
    members = [await books.member(f"m{number}") for number in range(7)]
    await books.items([books.fee(one, 100) for one in members])
    told = []
    await books.bill(members_at_once=3, on_progress=told.append)
    assert [(one.done, one.total, one.invoices) for one in told] == [
        (0, 7, 0), (3, 7, 3), (6, 7, 6), (7, 7, 7),
    ]  # fmt: skip
    assert [row[1] for row in await books.documents()] == [1, 2, 3, 4, 5, 6, 7]


async def test_a_month_that_is_not_over_is_refused_but_drafted(books: Books) -> None:
    anna = await books.member("anna")
    month = f"{utc_now() + timedelta(days=40):%Y-%m}"
    await books.item(anna, 100)
    assert await refused(books.bill(month)) == "BILL_MONTH_OPEN"
    assert len(await books.draft(month)) == 1


async def test_days_of_issue_do_not_run_backwards_nor_ahead(books: Books) -> None:
    anna = await books.member("anna")
    await books.item(anna, 100)
    for day in (date(2026, 3, 31), (utc_now() + timedelta(days=3)).date()):
        assert await refused(books.bill(issued_on=day)) == "ISSUE_DAY_INVALID"
    await books.bill(issued_on=date(2026, 5, 20), payment_days=30)
    await books.item(anna, 100, "2026-04-02")
    assert await refused(books.bill("2026-04", issued_on=date(2026, 5, 19))) == "ISSUE_DAY_INVALID"
    await books.bill("2026-04", payment_days=0)
    assert [row[3:] for row in await books.documents("issued_on, due_on")] == [
        (date(2026, 5, 20), date(2026, 6, 19)), (date(2026, 5, 20), date(2026, 5, 20)),
    ]  # fmt: skip


async def test_a_day_in_a_closed_month_is_refused_and_nothing_is_half_done(books: Books) -> None:
    members = [await books.member(name) for name in ("anna", "berit", "cato")]
    await books.items([books.fee(one, 100) for one in members])
    await books.items([books.fee(members[0], 100, "2026-04-02")])
    for period in [one for one in await books.ask(periods) if one.from_on < date(2026, 5, 1)]:
        await close_period(books.database, system(), books.id, period.id)
    assert await refused(books.bill(members_at_once=1)) == "PERIOD_CLOSED"
    for table in ("invoice", "invoice_line", "invoice_item", "billing_run"):
        assert await books.count(table) == 0
    assert await books.sql("SELECT coalesce(max(last_number), 0) FROM invoice_series") == [(0,)]
    await books.bill(issued_on=date(2026, 5, 1))
    assert [row[:2] for row in await books.documents()] == [
        ("invoice", 1), ("invoice", 2), ("invoice", 3),
    ]  # fmt: skip


async def test_cooperatives_number_and_bill_apart(database: Database, books: Books) -> None:
    other = await open_books(database)
    for one in (books, other):
        await one.item(await one.member("anna"), 100)
        await one.bill()
    assert await books.documents() == await other.documents() == [("invoice", 1, "anna", 125)]
    stolen = uuid7()
    with pytest.raises(Exception, match="row-level security"):
        await other.sql(
            "INSERT INTO invoice_series (cooperative_id, series, last_number) VALUES (:id, 'invoice', 9)",
            id=stolen,
        )
    assert await books.sql("SELECT count(DISTINCT cooperative_id) FROM invoice") == [(1,)]


async def test_only_the_treasurer_bills(books: Books) -> None:
    anna = await books.member("anna")
    await books.item(anna, 100)
    await books.town.grant("tr", Role.TREASURER)
    for subject, role, named in (
        ("op", Role.OPERATOR, {"member_id": anna.id}), ("bo", Role.BOARD, {}), ("au", Role.AUDITOR, {}),
    ):  # fmt: skip
        await books.town.grant(subject, role, **named)
        assert await refused(books.bill(by=await books.town.viewer(subject))) == "FORBIDDEN"
    assert await refused(books.bill(by=await books.town.viewer("nobody"))) == "NOT_FOUND"
    assert await books.count("invoice") == 0
    await books.bill(by=await books.town.viewer("tr"))
    assert await books.sql("SELECT issued_by FROM invoice") == [("tr",)]


async def test_no_month_is_refused(books: Books) -> None:
    for text in ("2026-13", "2026", "2026-3", "March"):
        assert await refused(books.bill(text)) == "BILL_MONTH_INVALID"


async def test_unnamed_taxes_and_none(books: Books) -> None:
    anna = await books.member("anna")
    await books.items(
        [books.fee(anna, 100, taxes=(), tax=Decimal("0.30")), books.fee(anna, 50, taxes=VAT25)]
    )
    await books.bill()
    assert await books.sql("SELECT name, percent, tax_minor FROM invoice_tax ORDER BY number") == [
        ("TAX", 0, 30), ("VAT", 25, 13),
    ]  # fmt: skip
