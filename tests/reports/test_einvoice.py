"""The e-invoice: accepted by foreign validators, read by foreign readers, and the same numbers."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from io import BytesIO
from typing import Any

import pikepdf
import pytest
from drafthorse.models.document import Document
from facturx import get_xml_from_pdf, xml_check_xsd
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from coop.charging.domain.tariff import Tax
from coop.reports.einvoice import FILE_NAME, e_invoice, priced, why_none
from coop.reports.invoice import Collection, InvoiceDocument
from coop.reports.invoice_pdf import draw_invoice
from coop.reports.invoice_twin import read_twin, to_json_twin
from tests.reports.invoice_sample import (
    BUYER,
    REDUCED,
    SELLER,
    VAT,
    credit_note,
    document,
    invoice,
    item,
)
from tests.reports.norm import broken_rules

EXEMPT = replace(SELLER, exemption="Exempt, § 3-1")
UNREGISTERED = replace(SELLER, party=replace(SELLER.party, vat_id=None))
ZERO, REVERSE = Tax("VAT", Decimal(0)), Tax("Reverse charge", Decimal(0))
RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"
KINDS = {
    "sessions": invoice(12),
    "credit note": credit_note(),
    "exempt": invoice(3, (), seller=EXEMPT),
    "outside": invoice(3, (), seller=UNREGISTERED),
    "zero": invoice(3, (ZERO,)),
    "reverse charge": invoice(3, (REVERSE,)),
    "tax number": invoice(
        3, seller=replace(SELLER, party=replace(SELLER.party, vat_id=None, tax_number="12/345/67890"))
    ),
    "two rates, exempt, taken off": invoice(
        9, VAT,
        (item(8, "Fee", 1_900, REDUCED), item(9, "Credit", -500, ()), item(10, "No show", -37, REDUCED)),
        seller=EXEMPT,
    ),
    "forty lines": invoice(30, VAT, tuple(item(8 + i, f"Fee {i}", 19 + i * 7, VAT) for i in range(40))),
    "debit": invoice(4, collection=Collection("NLY-1", "NO99ZZZ974760673", "NO9386011117947")),
    "no account": invoice(2, seller=replace(SELLER, iban=None, bic=None)),
    "bare": invoice(
        1, seller=replace(SELLER, note=None, party=replace(SELLER.party, email=None, phone=None)),
        buyer=replace(BUYER, reference=None, party=replace(BUYER.party, vat_id=None, email=None)),
    ),
    "yen": document((item(1, "Fee", 19_000, VAT),), seller=replace(SELLER, currency="SEK")),
    "nothing": document((item(1, "Fee", 500, VAT), item(2, "Back", -500, VAT))),
    "long address": invoice(
        2, buyer=replace(BUYER, party=replace(BUYER.party, lines=("One", "Two", "Three", "Four & <five>")))
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=KINDS, ids=str)
def said(request: Any) -> InvoiceDocument:
    return KINDS[request.param]


def _xml(said: InvoiceDocument) -> bytes:
    xml = e_invoice(said)
    assert xml is not None
    return xml


def test_schema_and_rules_of_the_norm_accept_it(said: InvoiceDocument) -> None:
    xml = _xml(said)
    assert xml_check_xsd(xml, flavor="factur-x", level="en16931")
    assert broken_rules(xml) == []


def test_the_rules_would_refuse_a_wrong_sum() -> None:
    xml = _xml(KINDS["sessions"]).replace(
        b"<ram:DuePayableAmount>153.18", b"<ram:DuePayableAmount>153.19"
    )
    assert [rule.partition(":")[0] for rule in broken_rules(xml)] == ["BR-CO-16"]


def test_a_foreign_reader_finds_it_in_the_file_and_reads_our_numbers(said: InvoiceDocument) -> None:
    name, xml = get_xml_from_pdf(draw_invoice(said), check_xsd=True, check_schematron=False)
    assert (name, xml) == (FILE_NAME, _xml(said))
    read = Document.parse(xml)
    sums, sign, scale = read.trade.settlement.monetary_summation, said.sign, -2
    found = (
        sums.line_total._value,
        sums.tax_total_other_currency.children[0][0],
        sums.grand_total._amount,
        sums.due_amount._value,
    )
    net, tax, gross = (
        Decimal(sign * minor).scaleb(scale)
        for minor in (said.net_minor, said.tax_minor, said.gross_minor)
    )
    assert tuple(map(Decimal, found)) == (net, tax, gross, gross)
    lines = [
        line.settlement.monetary_summation.total_amount._value for line in read.trade.items.children
    ]
    assert lines == [Decimal(sign * line.net_minor).scaleb(scale) for line in said.lines]
    assert str(read.header.id) == said.number
    assert str(read.header.type_code) == ("381" if said.is_credit else "380")
    assert str(read.trade.agreement.buyer.name) == said.buyer.party.name


def test_quantity_times_price_is_the_line_however_it_is_recomputed(said: InvoiceDocument) -> None:
    for line in etree.fromstring(_xml(said)).iter(f"{RAM}IncludedSupplyChainTradeLineItem"):

        def number(tag: str, line: Any = line) -> Decimal | None:
            found = line.find(f".//{RAM}{tag}")
            return None if found is None else Decimal(found.text)

        quantity, price = number("BilledQuantity"), number("ChargeAmount")
        assert quantity is not None
        assert price is not None
        assert price >= 0
        exact = quantity * price / (number("BasisQuantity") or 1)
        net = number("LineTotalAmount")
        assert net is not None
        assert abs(exact - net) <= Decimal("0.005")


@given(
    quantity=st.decimals(min_value=-10_000, max_value=10_000, places=3),
    price=st.decimals(min_value=-50, max_value=50, places=6),
    cents=st.integers(-1_000_000, 1_000_000),
)
def test_any_line_can_be_said(quantity: Decimal, price: Decimal, cents: int) -> None:
    net = Decimal(cents).scaleb(-2)
    billed, said, base = priced(quantity, price, net)
    assert said >= 0
    assert base is None or base > 0
    assert abs(billed * said / (base or 1) - net) <= Decimal("0.005")
    assert "E" not in f"{billed}{said}{base or ''}"


def test_a_credit_note_names_its_invoice() -> None:
    xml = _xml(credit_note())
    reference = etree.fromstring(xml).find(
        f".//{RAM}InvoiceReferencedDocument/{RAM}IssuerAssignedID"
    )
    assert reference is not None
    assert reference.text == "1042"
    assert b">381<" in xml


def test_a_collected_bill_names_its_mandate() -> None:
    xml = _xml(KINDS["debit"])
    for text in (b">59<", b">NLY-1<", b">NO99ZZZ974760673<", b">NO9386011117947<"):
        assert text in xml


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (invoice(2, (*VAT, Tax("City", Decimal(1)))), "no_e_invoice_taxes"),
        (invoice(2, seller=replace(SELLER, party=replace(SELLER.party, country="US"))), "no_e_invoice_place"),
        (document((item(1, "Fee", 19_000, ()),), seller=replace(EXEMPT, currency="KWD")), "no_e_invoice_place"),
    ],
    ids=["taxes", "country", "decimals"],
)  # fmt: skip
def test_what_the_norm_cannot_say_is_said_on_the_page(said: InvoiceDocument, reason: str) -> None:
    assert (e_invoice(said), why_none(said)) == (None, reason)
    pdf = draw_invoice(said)
    with pikepdf.open(BytesIO(pdf)) as opened:
        assert list(opened.attachments) == ["invoice.json"]
        assert b"factur-x" not in opened.Root.Metadata.read_bytes()
    assert read_twin(pdf) == to_json_twin(said)


def test_both_forms_are_files_of_the_document() -> None:
    with pikepdf.open(BytesIO(draw_invoice(KINDS["sessions"]))) as opened:
        related = {str(file.UF): str(file.AFRelationship) for file in opened.Root.AF}
        assert related == {"factur-x.xml": "/Alternative", "invoice.json": "/Data"}
        packet = opened.Root.Metadata.read_bytes()
        assert b"<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>" in packet
