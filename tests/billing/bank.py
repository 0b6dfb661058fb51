"""A cooperative with a bank account, members with mandates, and invoices to pay."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from coop.billing import bank_desk, bank_import, collecting, mandates, payments
from coop.billing.bank_desk import AccountDraft, Assignment, RuleDraft
from coop.billing.bank_import import ImportedFile
from coop.billing.bank_lines import Outcome
from coop.billing.collecting import CollectionOrder, MadeCollection
from coop.billing.domain.mandate import Mandate, MandateDraft, next_business_day
from coop.billing.payments import PaymentDraft, Recorded, Return
from coop.billing.queries import bank as bank_queries
from coop.billing.queries.bank import BankAccount, LineWhere, StoredLine
from coop.billing.queries.payments import StoredPayment
from coop.db.engine import Database
from coop.kernel.ids import EntryId
from coop.kernel.window import Window
from coop.ledger import queries as ledger_queries
from coop.ledger import service as ledger
from coop.ledger.closing import close_period
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.service import AccountKey
from coop.members import queries as member_queries
from coop.members.domain.people import Member
from tests.billing.bank_files import OUR_IBAN
from tests.billing.books import Books
from tests.charging.yard import open_yard
from tests.members.people import system

CREDITOR = "DE98ZZZ09999999999"
# Bills of March are issued in its last days and due two weeks later.
DUE = date(2026, 4, 20)


class Bank(Books):
    """Books in euro with an account at a bank."""

    account: BankAccount

    async def owing(self, member: Member, *nets: int, month: str = "2026-03") -> None:
        """Bill the member a fee of each of these amounts, 25 % tax on top, one invoice a month."""
        year, number = int(month[:4]), int(month[5:])
        for net in nets:
            await self.item(member, net, on=f"{year}-{number:02d}-10")
            await self.bill(f"{year}-{number:02d}")
            year, number = year + number // 12, number % 12 + 1

    async def invoices(self) -> list[tuple[Any, ...]]:
        """(number, member, open, reference) of every invoice."""
        rows = await self.sql(
            "SELECT i.number, m.number, i.gross_minor - coalesce((SELECT sum(a.amount_minor)"
            " FROM allocation a WHERE a.invoice_id = i.id), 0)::bigint, i.reference, i.id"
            " FROM invoice i JOIN member m ON m.id = i.member_id WHERE i.kind = 'invoice' ORDER BY 1"
        )
        return [tuple(row) for row in rows]

    async def open(self) -> dict[int, int]:
        """What is open on each invoice."""
        return {row[0]: row[2] for row in await self.invoices()}

    async def open_minor(self) -> list[int]:
        """What is open on invoices, those of nothing left out."""
        return [minor for minor in (await self.open()).values() if minor]

    async def reference(self, number: int) -> str:
        return next(row[3] for row in await self.invoices() if row[0] == number)

    async def invoice_id(self, number: int) -> UUID:
        return next(row[4] for row in await self.invoices() if row[0] == number)

    async def read_bank(self, data: bytes, name: str = "bank.xml", **named: Any) -> ImportedFile:
        by = named.pop("by", None) or system()
        return await bank_import.import_bank_file(self.database, by, self.id, data, name)

    async def lines(self, **where: Any) -> list[StoredLine]:
        """Lines, the first booked first."""
        found = await self.ask(bank_queries.lines_page, LineWhere(**where), Window(limit=1000))
        return list(reversed(found))

    async def states(self) -> dict[str, str]:
        """What became of each line, by its text."""
        return {one.content: one.state for one in await self.lines()}

    async def pay(self, member: Member, minor: int, **named: Any) -> Recorded:
        given = {"received_on": date(2026, 4, 15), **named}
        draft = PaymentDraft(member_id=member.id, amount_minor=minor, **given)
        made: Recorded = await self.order(payments.record_payment, draft)
        return made

    async def give_back(
        self, payment_id: UUID, reason: str = "AC04", **named: Any
    ) -> StoredPayment:
        given = {"returned_on": date(2026, 4, 28), **named}
        found: StoredPayment = await self.order(
            payments.return_payment, Return(payment_id, reason=reason, **given)
        )
        return found

    async def assign(self, line: StoredLine, **to: Any) -> Outcome:
        found: Outcome = await self.order(bank_desk.assign_line, line.id, Assignment(**to))
        return found

    async def rule(self, name: str, **named: Any) -> Any:
        return await self.order(bank_desk.set_bank_rule, RuleDraft(name, **named))

    async def mandate(self, member: Member, iban: str, **named: Any) -> Mandate:
        given = {
            "reference": f"M-{member.number}", "signed_on": date(2026, 1, 5), "holder": member.name,
            **named,
        }  # fmt: skip
        used = given.pop("used", False)
        draft = MandateDraft(member_id=member.id, iban=iban, **given)
        made: Mandate = await self.order(mandates.register_mandate, draft, used=used)
        return made

    async def collect(self, on: date = DUE, **named: Any) -> MadeCollection:
        given = {"made_on": date(2026, 4, 14), **named}
        made: MadeCollection = await self.order(
            collecting.collect, CollectionOrder(collect_on=on, **given)
        )
        return made

    async def ask_member(self, number: str) -> Member:
        found = await self.ask(member_queries.members_by_numbers, self.id, [number])
        return found[number]

    async def close_months(self, until: date) -> None:
        """Close every month that ends by that day."""
        for period in await self.ask(ledger_queries.periods):
            if period.to_on <= until + timedelta(days=1):
                await close_period(self.database, system(), self.id, period.id)

    async def posted(self, *lines: tuple[str, int]) -> EntryId:
        """An entry somebody posted by hand: (account, debit positive)."""

        async def work(connection: Any) -> EntryId:
            keys = [AccountKey(code) for code, _ in lines]
            accounts = await ledger.accounts_for(connection, self.id, keys)
            draft = EntryDraft(
                "journal", date(2026, 4, 20), "by hand",
                tuple(PostingDraft(accounts[AccountKey(c)], minor) for c, minor in lines),
            )  # fmt: skip
            return await payments.post_one(connection, "treasurer", self.id, draft)

        made: EntryId = await self.database.unit_of_work(self.id, work)
        return made

    async def next_collection(self) -> date:
        """A day on which the bank can collect what is asked for now."""
        day = system().today(self.id)
        for _ in range(3):
            day = next_business_day(day)
        return day

    async def money(self) -> dict[str, int]:
        """The balances of bank, clearing, fees and receivables; those at nothing left out."""
        found = await self.balances()
        return {
            name: held
            for name, held in found.items()
            if held and name.split()[0] in ("1000", "1010", "1200", "6700")
        }

    async def tied(self) -> None:
        """What is open and what is on account come to the receivables, member by member."""
        rows = await self.sql(
            "WITH open AS (SELECT i.member_id, sum(i.gross_minor) AS minor FROM invoice i"
            " WHERE i.kind = 'invoice' GROUP BY 1), paid AS (SELECT p.member_id,"
            " sum(p.amount_minor) FILTER (WHERE p.returned_on IS NULL) AS minor FROM payment p"
            " GROUP BY 1), booked AS (SELECT a.member_id, sum(b.debit_minor - b.credit_minor) AS minor"
            " FROM balance b JOIN account a ON a.id = b.account_id WHERE a.code = '1200' GROUP BY 1)"
            " SELECT b.member_id, b.minor, coalesce(o.minor, 0) - coalesce(p.minor, 0) FROM booked b"
            " LEFT JOIN open o USING (member_id) LEFT JOIN paid p USING (member_id)"
        )
        assert [row[1] for row in rows] == [row[2] for row in rows]


async def open_bank(database: Database, iban: str = OUR_IBAN) -> Bank:
    """A cooperative in euro whose account at the bank is known."""
    yard = await open_yard(database, currency="EUR")
    bank = Bank(yard.town, yard.database)
    draft = AccountDraft(iban, "Nor Genossenschaft", "COBADEFFXXX", creditor_id=CREDITOR)
    await bank.order(bank_desk.add_bank_account, draft)
    return bank
