"""How many SQL statements lists about bills send: as many for fifty rows as for one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest

from coop.billing import (
    bank_desk,
    bank_import,
    cost_sharing,
    credit_notes,
    disputes,
    grid,
    mandates,
    payments,
    plans,
)
from coop.billing.bank_desk import AccountDraft
from coop.billing.domain.cost_sharing import Bill
from coop.billing.domain.mandate import MandateDraft
from coop.billing.domain.months import month_named
from coop.billing.domain.plan import PlanTerms
from coop.billing.domain.reservation import ReservationKind, ReservationTerms
from coop.billing.domain.utility_schedule import schedule_of
from coop.billing.grid import BillDraft
from coop.billing.items import ItemDraft, add_items
from coop.billing.payments import PaymentDraft, Return
from coop.billing.queries.invoices import InvoiceWhere, invoices_page
from coop.billing.run import run_billing
from coop.charging import service as charging
from coop.charging.domain.mapping import mapping_of
from coop.charging.domain.place import HubDraft
from coop.charging.domain.tariff import Tax
from coop.charging.importing import ImportFile, import_sessions
from coop.db.engine import Database
from coop.kernel.ids import MemberId
from coop.kernel.window import Window
from coop.ledger.accounts import AccountKey
from coop.members import service as members
from coop.members.development import DevelopmentIssuer
from coop.members.domain.people import MemberDraft
from tests.billing.bank_files import ANNA_IBAN, Entry, camt
from tests.billing.grid import FLAT
from tests.charging.domain.sample import MAPPING, rows
from tests.members.people import system
from tests.schema.bank_inputs import IBAN
from tests.schema.bill_lists import BILL_LISTS
from tests.schema.office import JANUARY, OSLO, Office, opened
from tests.schema.test_statements_sent import MANY, PRICED, sent

pytestmark = pytest.mark.anyio

VAT = (Tax("VAT", Decimal(25)),)
APRIL = date(2026, 4, 1)


@pytest.fixture(scope="module")
async def crowd(database: Database, issuer: DevelopmentIssuer, http: Any) -> Office:
    """Fifty members, each with everything a bill is about: what one has, all have."""
    office = await opened(database, issuer, http)
    names = [f"m{number:02}" for number in range(MANY)]
    drafts = [MemberDraft(name, JANUARY, name) for name in names]
    made = await office.town.order(members.register_members, drafts)
    people = [MemberId(one.member.id) for one in made]
    await office.town.order(
        charging.register_hubs, [HubDraft(f"X{n:02}", f"Hub {n}", OSLO) for n in range(MANY)]
    )
    await used(office, names, "03")
    await office.work(lambda c: add_items(c, "treasurer", office.id, [fee(one) for one in people]))
    await run_billing(database, system(), office.id, month_named("2026-03"))
    await used(office, names, "04")
    await agreed(office, people)
    await corrected(office)
    await paid(office, people)
    for month in (date(2026, 3, 1), APRIL):
        hub = office.hubs["H1"]
        bill = BillDraft(hub.id, month, Bill(10_000, 5_000, 0, None))
        await office.town.order(grid.record_utility_bill, bill)
        await office.town.order(cost_sharing.share_month, hub.id, month)
    return office


async def used(office: Office, names: list[str], month: str) -> None:
    """A session of every member at a hub of its own, and at Harbour."""
    days = [f"2026-{month}-{n % 28 + 1:02}" for n in range(MANY)]
    file = rows(
        *(f"X{n:02};{name};s{n}{month};{days[n]} 08:00:00;{days[n]} 09:00:00;7"
          for n, name in enumerate(names)),
        *(f"H1;{name};t{n}{month};{days[n]} {n % 20:02}:00:00;{days[n]} {n % 20:02}:30:00;3"
          for n, name in enumerate(names)),
    )  # fmt: skip
    outcome = await import_sessions(
        office.database, system(), office.id, ImportFile(BytesIO(file.encode()), "s.csv"),
        mapping_of(MAPPING + PRICED),
    )  # fmt: skip
    assert outcome.counts.accepted == 2 * MANY, outcome.counts


def fee(member_id: MemberId) -> ItemDraft:
    return ItemDraft(
        member_id, "SUBSCRIPTION", date(2026, 3, 10), "Fee", Decimal(1), "month", Decimal(10),
        1_000, AccountKey("4060"), ("test", str(member_id)), taxes=VAT,
    )  # fmt: skip


async def agreed(office: Office, people: list[MemberId]) -> None:
    """A plan, a reservation and a mandate of each; how Harbour's grid costs are shared."""
    hub = office.hubs["H1"].id
    times = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)

    async def work(connection: Any) -> None:
        given = connection, system(), office.id
        await plans.set_plan(*given, PlanTerms("basic", "Basic", 1_900, 0, taxes=VAT))
        for one in people:
            await plans.start_subscription(*given, one, "basic", JANUARY)
            for kind in (ReservationKind.POWER, ReservationKind.PORT_HOURS):
                terms = ReservationTerms(kind, 1, Decimal(5), *times, taxes=VAT)
                await plans.record_reservation(*given, one, hub, terms)
            draft = MandateDraft(one, f"M-{one}"[:35], JANUARY, ANNA_IBAN, "Anna")
            await mandates.register_mandate(*given, draft)
        await grid.set_utility_schedule(*given, hub, JANUARY, schedule_of(FLAT))
        await grid.set_sharing_rule(*given, hub, JANUARY, "PEAK_LAYERS", None, taxes=VAT)

    await office.work(work)


async def corrected(office: Office) -> None:
    """Of every invoice one øre of its first line is credited, and its item contested and credited."""

    async def work(connection: Any) -> None:
        given = connection, system(), office.id
        by_board = connection, replace(system(), subject="board"), office.id
        for one in await invoices_page(connection, InvoiceWhere(), Window(limit=200)):
            await credit_notes.issue_credit_note(*given, one.id, reason="Sorry", lines={1: 1})
        found = await connection.exec_driver_sql(
            "SELECT id FROM bill_item WHERE kind = 'SUBSCRIPTION'"
        )
        for (item,) in found.all():
            opened = await disputes.open_dispute(*given, reason="Why", item_id=item, on=APRIL)
            await disputes.credit_dispute(
                *by_board, opened.id, reason="So", net_minor=100, on=APRIL
            )

    await office.work(work)


async def paid(office: Office, people: list[MemberId]) -> None:
    """Everybody paid something, in cash and by the bank, and something came back."""

    async def work(connection: Any) -> list[str]:
        given = connection, system(), office.id
        for one in people:
            draft = PaymentDraft(one, date(2026, 5, 2), 100, "cash")
            await payments.record_payment(*given, draft)
            other = await payments.record_payment(*given, draft)
            back = Return(other.payment.id, date(2026, 5, 3), "false")
            await payments.return_payment(*given, back)
        await bank_desk.add_bank_account(*given, AccountDraft(IBAN, "Nor"))
        found = await invoices_page(connection, InvoiceWhere(kind="invoice"), Window(limit=200))
        return [one.reference for one in found]

    references = await office.work(work)
    file = camt(
        *(Entry(100, f"line {n}", on="2026-05-04", creditor=one, reference=f"R{n}")
          for n, one in enumerate(references)),
        iban=IBAN, currency="NOK",
    )  # fmt: skip
    done = await bank_import.import_bank_file(office.database, system(), office.id, file, "b.xml")
    assert len(done.outcomes) == MANY


@pytest.mark.parametrize("name", BILL_LISTS)
async def test_fifty_rows_send_what_one_row_sends(crowd: Office, name: str) -> None:
    query = f"query($s: String!) {{ cooperative(slug: $s) {{ {BILL_LISTS[name]} }} }}"
    one = await sent(crowd, query % 1, s=crowd.slug)
    assert await sent(crowd, query % 10, s=crowd.slug) == one
    assert await sent(crowd, query % MANY, s=crowd.slug) == one
