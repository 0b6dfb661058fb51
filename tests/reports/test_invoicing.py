"""Invoices drawn from real books: once, whole, in every language the same, and what each refuses."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from facturx import get_xml_from_pdf

from coop.billing import credit_notes
from coop.db.engine import Database
from coop.kernel.errors import NotFound
from coop.kernel.ids import uuid7
from coop.members import profiles
from coop.members.domain.people import Member
from coop.members.domain.profile import Address, CooperativeProfile, MemberProfile
from coop.members.domain.roles import Role, Viewer
from coop.reports.errors import InvoiceIncomplete, LanguageUnavailable
from coop.reports.invoice import InvoiceDocument
from coop.reports.invoicing import InvoiceFile, invoice_in, issue_invoice_document, issue_month
from coop.reports.queries import StoredDocument
from coop.reports.store import DirectoryStore
from coop.reports.verify_document import document_proof_findings, document_twin_findings
from tests.billing.books import VAT12, Books, open_books
from tests.members.people import system
from tests.reports.norm import broken_rules

pytestmark = pytest.mark.anyio

START = date(2025, 1, 1)
MARCH = (date(2026, 3, 1), date(2026, 4, 1))
NOR = CooperativeProfile(
    "Nor Samvirke SA", Address(("Kaia 1",), "7010", "Trondheim", "NO"), vat_id="NO974760673MVA",
    email="post@nor.example", iban="NO9386011117947", dispute_days=45,
)  # fmt: skip
ANNA = MemberProfile(
    "Anna Transport AS", Address(("Gata 2",), "7011", "Trondheim", "NO"), locale="nb"
)


@dataclass(frozen=True)
class Office:
    """Books with a store beside them."""

    books: Books
    store: DirectoryStore

    async def profile(self, member: Member, changed: MemberProfile = ANNA) -> None:
        order = self.books.order
        await order(profiles.set_cooperative_profile, START, NOR)
        await order(profiles.set_member_profile, member.id, START, changed)

    async def file(
        self, invoice_id: Any, locale: str | None = None, by: Viewer | None = None
    ) -> StoredDocument:
        books = self.books
        return await issue_invoice_document(
            books.database, self.store, by or system(), books.id, invoice_id, locale
        )

    def pdf(self, document: StoredDocument) -> bytes:
        return (self.store.root / document.stored_as).read_bytes()

    async def said(self, invoice_id: Any) -> InvoiceDocument:
        return invoice_in(self.pdf(await self.file(invoice_id)))

    async def ids(self) -> list[Any]:
        return [row[-1] for row in await self.books.documents("i.id")]

    async def month(self, **named: Any) -> list[InvoiceFile]:
        found = issue_month(
            self.books.database, self.store, system(), self.books.id, *MARCH, processes=2, **named
        )
        return [one async for one in found]


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> Office:
    return Office(await open_books(database), DirectoryStore(tmp_path / "documents"))


async def _billed(office: Office, profile: bool = True) -> Any:
    """Anna's March: three sessions, a fee at another rate and one that is given back."""
    books = office.books
    anna, hub = await books.member(), await books.hub()
    tariff = await books.tariff(hub)
    await books.charge(anna, hub, tariff, {"kwh": "10.333", "net": 3_100}, on="2026-03-02")
    await books.charge(
        anna, hub, tariff, {"kwh": "20"}, {"kwh": "5", "price": "1.10", "element": 1}
    )
    await books.charge(anna, hub, tariff, {"kwh": "7.777", "net": 2_333}, on="2026-03-09")
    await books.item(anna, 9_900, taxes=VAT12, resolution="2026-4")
    await books.item(anna, -1_000, on="2026-03-20", description="Given back", quantity=Decimal(-1),
                     unit_price=Decimal(10))  # fmt: skip
    if profile:
        await office.profile(anna)
    await books.bill()
    return (await office.ids())[0]


async def test_the_file_says_what_the_books_say(office: Office) -> None:
    said = await office.said(await _billed(office))
    ((kind, number, member, net, tax, gross, entry),) = await office.books.documents(
        "i.net_minor, i.tax_minor, i.gross_minor, i.entry_id"
    )
    assert (kind, number, member) == ("invoice", 1, "anna")
    assert (said.number, said.net_minor, said.tax_minor, said.gross_minor) == (
        "INV-000001", net, tax, gross,
    )  # fmt: skip
    assert (net, tax) == (3_100 + 6_000 + 550 + 2_333 + 9_900 - 1_000, 3_934)
    assert said.entry_id == entry
    assert sorted((line.kind, line.net_minor, line.sessions) for line in said.lines) == [
        ("ENERGY", 550, 1), ("ENERGY", 11_433, 3), ("SUBSCRIPTION", -1_000, 0), ("SUBSCRIPTION", 9_900, 0),
    ]  # fmt: skip
    assert [session.net_minor for session in said.sessions] == [3_100, 2_333, 6_550]
    assert said.seller.party.vat_id == "NO974760673MVA"
    assert said.buyer.party.name == "Anna Transport AS"
    assert (said.dispute_by - said.issued_on).days == 45
    assert {line.resolution for line in said.lines} == {None, "2026-4"}
    # The invoice's own entry, three sessions', two items'; all sealed.
    assert (len(said.journal), said.sealed_entries, said.withheld_entries) == (6, 6, 0)


async def test_the_e_invoice_has_the_same_sums_and_keeps_the_norm(office: Office) -> None:
    pdf = office.pdf(await office.file(await _billed(office)))
    name, xml = get_xml_from_pdf(pdf, check_xsd=True, check_schematron=False)
    assert name == "factur-x.xml"
    assert broken_rules(xml) == []
    said = invoice_in(pdf)
    gross = Decimal(said.gross_minor).scaleb(-2)
    assert f"<ram:DuePayableAmount>{gross}</ram:DuePayableAmount>".encode() in xml


async def test_it_is_drawn_once_and_stays_as_it_is(office: Office) -> None:
    invoice_id = await _billed(office)
    first = await office.file(invoice_id)
    await office.profile((await _member(office)), replace(ANNA, legal_name="Another Name AS"))
    again = await office.file(invoice_id)
    assert again == first
    assert first.locale == "nb"
    assert first.file_name.endswith("-inv-000001-nb.pdf")
    assert invoice_in(office.pdf(again)).buyer.party.name == "Anna Transport AS"


async def _member(office: Office) -> Member:
    from coop.members import queries

    found: dict[str, Member] = await office.books.town.ask(queries.members_by_numbers, ["anna"])
    return found["anna"]


async def test_another_language_says_the_very_same(office: Office) -> None:
    invoice_id = await _billed(office)
    norwegian, german = await office.file(invoice_id), await office.file(invoice_id, "de-DE")
    assert german.locale == "de_DE"
    assert invoice_in(office.pdf(norwegian)) == invoice_in(office.pdf(german))
    with pikepdf.open(BytesIO(office.pdf(german))) as pdf:
        assert str(pdf.Root.Lang) == "de-DE"


async def test_ten_at_once_draw_one_file(office: Office) -> None:
    invoice_id = await _billed(office)
    found = await asyncio.gather(*(office.file(invoice_id) for _ in range(10)))
    assert {one.id for one in found} == {found[0].id}
    languages = ("en", "de", "fr", "en", "de", "fr")
    found = await asyncio.gather(*(office.file(invoice_id, one) for one in languages))
    assert len({one.id for one in found}) == 3
    said = {invoice_in(office.pdf(one)).drawn_at for one in found}
    assert len(said) == 1
    assert await office.books.count("document") == 4


async def test_without_an_address_there_is_none_and_it_says_what_is_missing(office: Office) -> None:
    invoice_id = await _billed(office, profile=False)
    with pytest.raises(InvoiceIncomplete) as refused:
        await office.file(invoice_id)
    assert "cooperative.vat_id" in refused.value.path
    assert "member.address" in refused.value.path
    assert await office.books.count("document") == 0


async def test_what_is_not_there_or_not_theirs_is_absent(office: Office) -> None:
    invoice_id = await _billed(office)
    town = office.books.town
    other = await office.books.member("other")
    await town.grant("otto", Role.OPERATOR, member_id=other.id)
    await town.grant("anna", Role.OPERATOR, member_id=(await _member(office)).id)
    for wrong, by in ((uuid7(), system()), (invoice_id, await town.viewer("otto"))):
        with pytest.raises(NotFound):
            await office.file(wrong, by=by)
    with pytest.raises(LanguageUnavailable):
        await office.file(invoice_id, "es")
    assert (await office.file(invoice_id, by=await town.viewer("anna"))).invoice_id == invoice_id


async def test_a_credit_note_by_hand_names_its_invoice(office: Office) -> None:
    invoice_id = await _billed(office)
    await office.books.order(
        credit_notes.issue_credit_note, invoice_id, reason="Meter ran fast.", lines={1: 400}
    )
    note = next(one for one in await office.ids() if one != invoice_id)
    said = await office.said(note)
    assert (said.kind, said.number) == ("credit_note", "CN-000001")
    assert said.corrects is not None
    assert (said.corrects.number, said.reason) == ("INV-000001", "Meter ran fast.")
    assert (said.net_minor, said.gross_minor) == (-400, -500)
    xml = get_xml_from_pdf(office.pdf(await office.file(note)), check_schematron=False)[1]
    assert broken_rules(xml) == []


async def test_a_month_is_drawn_and_what_cannot_be_says_why(office: Office) -> None:
    await _billed(office)
    books = office.books
    for number in ("bo", "cy"):
        await books.item(await books.member(number), 1_000)
    await books.bill()
    made = await office.month()
    assert [(one.number, one.already) for one in made] == [
        ("INV-000001", False), ("INV-000002", False), ("INV-000003", False),
    ]  # fmt: skip
    assert made[0].document is not None
    assert [one.refusal and one.refusal.code for one in made] == [
        None, "INVOICE_INCOMPLETE", "INVOICE_INCOMPLETE",
    ]  # fmt: skip
    again = await office.month()
    assert [one.already for one in again] == [True, False, False]
    assert again[0].document == made[0].document


async def test_a_charge_that_was_taken_back_and_rated_anew_is_told_in_full(office: Office) -> None:
    books = office.books
    anna, hub = await books.member(), await books.hub()
    tariff = await books.tariff(hub)
    first = await books.charge(anna, hub, tariff, {"kwh": "10"})
    await books.charge(anna, hub, tariff, {"kwh": "-10", "net": -3_000}, credit_of=first)
    await books.charge(anna, hub, tariff, {"kwh": "10", "price": "2.70"})
    await office.profile(anna)
    await books.bill()
    pdf = office.pdf(await office.file((await office.ids())[0]))
    said = invoice_in(pdf)
    assert sorted((line.quantity, line.net_minor) for line in said.lines) == [
        (-10, -3_000), (10, 2_700), (10, 3_000),
    ]  # fmt: skip
    assert sorted(session.net_minor for session in said.sessions) == [-3_000, 2_700, 3_000]
    assert (said.net_minor, said.tax_minor) == (2_700, 675)
    assert broken_rules(get_xml_from_pdf(pdf, check_schematron=False)[1]) == []
    assert document_twin_findings(pdf) + document_proof_findings(pdf) == []


async def test_a_month_of_less_than_nothing_is_a_credit_note_without_an_invoice(
    office: Office,
) -> None:
    anna = await office.books.member()
    await office.books.item(anna, -2_000, quantity=Decimal(-1), unit_price=Decimal(20))
    await office.profile(anna)
    await office.books.bill()
    pdf = office.pdf(await office.file((await office.ids())[0]))
    said = invoice_in(pdf)
    assert (said.kind, said.corrects, said.gross_minor) == ("credit_note", None, -2_500)
    assert broken_rules(get_xml_from_pdf(pdf, check_schematron=False)[1]) == []
