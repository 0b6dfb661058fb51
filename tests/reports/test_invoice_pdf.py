"""The drawn invoice says what its twin says, keeps for decades, and can be read by anybody."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pikepdf.pdfa
import pytest
from lxml import etree

from coop.charging.domain.tariff import Tax
from coop.reports.errors import LanguageUnavailable
from coop.reports.invoice import Collection, InvoiceDocument
from coop.reports.invoice_front import transfer_text
from coop.reports.invoice_pdf import LAYOUT, draw_invoice
from coop.reports.invoice_twin import from_json_twin, read_twin
from coop.reports.localised import localised
from coop.reports.phrases import LANGUAGES
from coop.reports.verify_document import page_texts
from tests.reports.invoice_sample import BUYER, SELLER, VAT, credit_note, document, invoice, item

_BIN = Path(sys.executable).parent
EXEMPT = replace(SELLER, exemption="Exempt, § 3-1")
CASES = {
    "one": (invoice(1), "nb"),
    "twelve": (invoice(12), "en"),
    "three pages of sessions": (invoice(150), "fr"),
    "credit note": (credit_note(), "de"),
    "no tax": (invoice(3, (), seller=EXEMPT), "de"),
    "forty lines": (
        invoice(30, VAT, tuple(item(8 + i, f"Fee {i}", 1900, VAT) for i in range(40))), "en",
    ),
    "several taxes": (invoice(3, (*VAT, Tax("City tax", Decimal("0.5")))), "en"),
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request: Any) -> tuple[InvoiceDocument, str, bytes]:
    said, locale = CASES[request.param]
    return said, locale, draw_invoice(said, locale)


Case = tuple[InvoiceDocument, str, bytes]


def test_the_embedded_twin_is_the_document(case: Case) -> None:
    assert from_json_twin(read_twin(case[2])) == case[0]


def test_every_amount_is_on_the_pages(case: Case) -> None:
    said, locale, pdf = case
    writing = localised(locale, said.currency)
    # The reader turns some hard spaces into soft ones.
    pages = [" ".join(page.split()) for page in page_texts(pdf)]
    text = " ".join(pages)
    amounts = [said.net_minor, said.tax_minor, said.gross_minor]
    amounts += [one.net_minor for one in said.lines] + [one.net_minor for one in said.sessions]
    amounts += [minor for tax in said.taxes for minor in (tax.base_minor, tax.tax_minor)]
    for minor in amounts:
        assert " ".join(writing.amount(said.sign * minor).split()) in text
    for session in said.sessions:
        assert " ".join(writing.kwh(session.energy_wh).split()) in text
        assert session.reference in text
    assert " ".join(writing.money(said.sign * said.gross_minor).split()) in pages[0]


def test_who_when_and_by_which_numbers_is_on_the_first_page() -> None:
    first = page_texts(draw_invoice(invoice(12)))[0]
    for part in (
        "Nordlys Charging Cooperative SA", "Havnegata 4 · 7010 Trondheim · Norway",
        "VAT no. NO974760673MVA", "Register no. 974 760 673", "Bakke & Sønner Taxi AS",
        "Olav Tryggvasons gate 30", "7011 Trondheim", "NO923609016MVA", "PO 4711", "1042",
        "Nov 2, 2026", "Nov 16, 2026", "Oct 1, 2026 – Oct 31, 2026", "VAT 25% on 122.54",
        "NO93 8601 1117 947", "RF18 5390 0754 7034", "To pay\r\n€153.18\r\nPay by November 16, 2026",
    ):  # fmt: skip
        assert part in first


def test_a_credit_note_says_what_it_corrects_and_why() -> None:
    pages = page_texts(draw_invoice(credit_note()))
    text = pages[0].replace("\r\n", " ")
    assert (
        "corrects invoice 1042 of November 2, 2026. Reason: The meter of port 3 ran fast." in text
    )
    assert "Credited to you €54.56" in text
    assert "How to pay" not in "\n".join(pages)


def test_a_collected_bill_asks_for_nothing_and_hides_the_account() -> None:
    debit = Collection("NLY-0017-2", "NO99ZZZ974760673", "NO9386011117947")
    text = "\n".join(page_texts(draw_invoice(invoice(2, collection=debit))))
    assert "We collect it on November 16, 2026; you need do nothing." in text
    assert "NO93 … 7947" in text
    assert "NO9386011117947" not in text
    assert "NLY-0017-2" in text


def test_another_country_is_named_and_a_long_name_is_whole() -> None:
    name = "Genossenschaft für gemeinschaftliche Elektromobilität und Nahverkehr im Donautal eG"
    party = replace(BUYER.party, name=name, country="AT")
    first = page_texts(draw_invoice(invoice(1, buyer=replace(BUYER, party=party))))[0]
    assert name in first.replace("\r\n", " ")
    assert "AUSTRIA" in first


def test_large_figures_do_not_run_into_each_other() -> None:
    pages = page_texts(draw_invoice(document((item(1, "Grid", 900_000_000_000_000, VAT),))))
    assert "1 month 9,000,000,000,000.00 25% 9,000,000,000,000.00" in pages[0]
    assert "€11,250,000,000,000.00" in pages[0]


# A code for paying by


def test_the_code_is_a_sepa_transfer() -> None:
    assert transfer_text(invoice(12)).splitlines() == [
        "BCD", "002", "1", "SCT", "DNBANOKK", "Nordlys Charging Cooperative SA", "NO9386011117947",
        "EUR153.18", "", "RF18539007547034",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [
        credit_note(),
        invoice(2, seller=replace(SELLER, iban=None)),
        invoice(2, seller=replace(SELLER, currency="NOK")),
        invoice(2, collection=Collection("M", "NO99ZZZ974760673", "NO9386011117947")),
        document((item(1, "Grid", 900_000_000_000_000, VAT),)),
    ],
    ids=["credit", "no account", "kroner", "debit", "too much"],
)
def test_there_is_no_code_where_nothing_is_to_be_transferred(said: InvoiceDocument) -> None:
    assert transfer_text(said) == ""


# The file


_BEYOND = [
    (re.compile(rb"conformance>A<"), b"conformance>B<"),
    (re.compile(rb"<pdfuaid:part>1</pdfuaid:part>"), b""),
    (re.compile(rb'<rdf:Description rdf:about=""\n xmlns:fx.*?</rdf:Description>\n', re.DOTALL), b""),
    (re.compile(rb'<rdf:Description rdf:about="" xmlns:pdfaExtension.*?</rdf:Description>', re.DOTALL), b""),
]  # fmt: skip


def test_what_is_beyond_pdf_a_is_described_in_the_file() -> None:
    with pikepdf.open(BytesIO(draw_invoice(invoice(1)))) as opened:
        packet = etree.fromstring(opened.Root.Metadata.read_bytes().strip())
    described: dict[str, set[str]] = {}
    for schema in packet.iter("{http://www.aiim.org/pdfa/ns/schema#}namespaceURI"):
        names = schema.getparent().iter("{http://www.aiim.org/pdfa/ns/property#}name")
        described[schema.text or ""] = {str(name.text) for name in names}
    assert described == {
        "http://www.aiim.org/pdfua/ns/id/": {"part"},
        "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#": {
            "ConformanceLevel", "DocumentFileName", "DocumentType", "Version",
        },
    }  # fmt: skip
    used = {etree.QName(one) for one in packet.iter() if isinstance(one.tag, str)}
    for namespace, names in described.items():
        assert {one.localname for one in used if one.namespace == namespace} == names


def test_it_is_pdf_a_3(case: Case) -> None:
    """By the veraPDF rules, whose 3b allow-list knows neither level A nor UA nor Factur-X."""
    with pikepdf.open(BytesIO(case[2])) as opened:
        assert opened.check_pdf_syntax() == []
        packet = opened.Root.Metadata.read_bytes()
        assert b"<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in packet
        for pattern, plainer in _BEYOND:
            packet = pattern.sub(plainer, packet)
        opened.Root.Metadata.write(packet)
        plain = BytesIO()
        opened.save(plain)
    report = pikepdf.pdfa.validate_written(plain, "3b")
    assert [str(finding) for finding in report.findings] == []


def test_pdfua_and_outloud_find_nothing(case: Case, tmp_path: Path) -> None:
    file, report = tmp_path / "invoice.pdf", tmp_path / "report.json"
    file.write_bytes(case[2])
    subprocess.run([_BIN / "pdfua", "check", file], check=True, capture_output=True)
    subprocess.run([_BIN / "outloud", "--json", report, file], check=True, capture_output=True)
    found = json.loads(report.read_text())
    rules = {finding["rule"] for finding in found["results"][0]["findings"]}
    # Rows of a long table that read alike at the top of three pages are taken for running heads.
    assert rules <= {"PAG-001"}


def test_the_structure_reads_in_order() -> None:
    with pikepdf.open(BytesIO(draw_invoice(invoice(1)))) as opened:
        children = [str(kid.S)[1:] for kid in opened.Root.StructTreeRoot.K[0].K]
        assert children == [
            "H1", "P", "P", "P", "P", "Table", "P", "P", "P", "Figure", "H2", "Table", "Table", "P",
            "H2", "Table", "H2", "Table", "P", "H2", "Table", "H2", "P", "P", "Table", "P", "H2", "P",
            "P", "P",
        ]  # fmt: skip
        assert [item.title for item in opened.open_outline().root] == [
            "What you are charged", "How to pay", "Your charging sessions",
            "Rules behind the prices", "Proof", "If something is wrong",
        ]  # fmt: skip


@pytest.mark.parametrize("locale", LANGUAGES)
def test_every_language_has_its_words(locale: str) -> None:
    with pikepdf.open(BytesIO(draw_invoice(invoice(12), locale))) as opened:
        assert str(opened.Root.Lang) == locale


def test_a_language_without_words_draws_nothing() -> None:
    with pytest.raises(LanguageUnavailable):
        draw_invoice(invoice(1), "es")


def test_the_same_invoice_gives_the_same_bytes_in_every_process() -> None:
    here = draw_invoice(invoice(12))
    assert draw_invoice(invoice(12)) == here
    script = (
        "import sys; from tests.reports.invoice_sample import invoice;"
        "from coop.reports.invoice_pdf import draw_invoice;"
        "sys.stdout.buffer.write(draw_invoice(invoice(12)))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo"}
    there = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, check=True
    )
    assert there.stdout == here


HOSTILE = ("<b>bold</b> & co", "שלום 123", "\u202e54.321\u202c", "🚗⚡", "W" * 300, "\x00\x07\x1b[31m", "{number} {0} %s")  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_neither_breaks_nor_disappears(text: str) -> None:
    party = replace(BUYER.party, name=text, lines=(text,) * 4, city=text)
    seller = replace(
        SELLER, note=text, exemption=text, party=replace(SELLER.party, name=text, email=text)
    )
    said = document(
        (item(1, text, 100, (), resolution=text), item(2, text, 50, (Tax(text, Decimal(5)),))),
        buyer=replace(BUYER, party=party, reference=text), seller=seller, number=text,
    )  # fmt: skip
    pdf = draw_invoice(said)
    assert read_twin(pdf)["lines"][0]["description"] == text
    with pikepdf.open(BytesIO(pdf)) as opened:
        assert opened.check_pdf_syntax() == []


def test_another_drawing_of_the_same_figures_has_another_layout_number() -> None:
    """Count LAYOUT up and put the new hash here: files of the old layout are then told apart."""
    drawings = [draw_invoice(*CASES[name][:2]) for name in CASES]
    hashed = hashlib.sha256()
    for drawing in drawings:
        with pikepdf.open(BytesIO(drawing)) as pdf:
            for page in pdf.pages:
                hashed.update(page.Contents.read_bytes())
    assert {LAYOUT: hashed.hexdigest()} == {
        "coop invoice layout 1": "aeadb2e2e9671e5bb5d5a77e8dfe8219cf1a586fee8fca38c0523693852f053c"
    }
