"""The file keeps: PDF/A-3 and PDF/UA as far as programs can check, with its structure in order."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pikepdf
import pikepdf.pdfa
import pytest

from coop.reports.statement_pdf import draw_statement
from tests.reports.sample import statement

CASES = [(0, "en"), (12, "nb"), (12, "de"), (12, "fr"), (300, "en")]
_EXTENSION = re.compile(
    rb'<rdf:Description rdf:about="" xmlns:pdfaExtension.*?</rdf:Description>(?=</rdf:RDF>)',
    re.DOTALL,
)
_BIN = Path(sys.executable).parent


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def pdf(request):
    count, locale = request.param
    return draw_statement(statement(count), locale)


def test_the_syntax_is_sound(pdf):
    with pikepdf.open(BytesIO(pdf)) as opened:
        assert opened.check_pdf_syntax() == []


def test_it_is_pdf_a_3(pdf):
    """By the veraPDF rules. Their 3b allow-list knows neither level A nor UA: those two lines are taken out."""
    with pikepdf.open(BytesIO(pdf)) as opened:
        packet = opened.Root.Metadata.read_bytes()
        assert b"<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in packet
        packet = packet.replace(b"conformance>A<", b"conformance>B<").replace(
            b"<pdfuaid:part>1</pdfuaid:part>", b""
        )
        opened.Root.Metadata.write(_EXTENSION.sub(b"", packet))
        twin = BytesIO()
        opened.save(twin)
    report = pikepdf.pdfa.validate_written(twin, "3b")
    assert [str(finding) for finding in report.findings] == []


def test_pdfua_and_outloud_find_nothing(pdf, tmp_path):
    file, report = tmp_path / "statement.pdf", tmp_path / "report.json"
    file.write_bytes(pdf)
    subprocess.run([_BIN / "pdfua", "check", file], check=True, capture_output=True)
    subprocess.run([_BIN / "outloud", "--json", report, file], check=True, capture_output=True)
    found = json.loads(report.read_text())
    rules = {finding["rule"] for finding in found["results"][0]["findings"]}
    # Rows of a long table that read alike at the top of three pages are taken for running heads.
    assert rules <= {"PAG-001"}


def test_every_mark_has_its_element_and_every_element_its_parent(pdf):
    with pikepdf.open(BytesIO(pdf)) as opened:
        tree = opened.Root.StructTreeRoot
        nums = list(tree.ParentTree.Nums)
        parents = dict(zip(nums[::2], nums[1::2], strict=True))
        for number, page in enumerate(opened.pages):
            marks = [
                int(m) for m in re.findall(rb"<</MCID (\d+)>> BDC", page.Contents.read_bytes())
            ]
            assert marks == list(range(len(parents[number])))
            for mark, element in enumerate(parents[number]):
                assert element.Pg.objgen == page.obj.objgen
                assert mark in [
                    int(kid) for kid in element.K if not isinstance(kid, pikepdf.Dictionary)
                ]
        assert _roles(tree.K[0])[0] == "Document"


def _roles(element):
    roles = [str(element.S)[1:]]
    for kid in element.get("/K", []):
        if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
            assert kid.P.objgen == element.objgen
            roles += _roles(kid)
    return roles


def test_the_structure_reads_in_order():
    with pikepdf.open(BytesIO(draw_statement(statement(1)))) as opened:
        children = [str(kid.S)[1:] for kid in opened.Root.StructTreeRoot.K[0].K]
        assert children == [
            "H1", "P", "P", "P", "Table", "P", "P", "P", "P", "Table", "H2", "Figure", "Table", "H2", "P", "P",
            "H2", "Table", "P", "H2", "Table", "H2", "Table", "H2", "Table", "H2", "P", "P", "P", "Table", "H2", "P", "P",
        ]  # fmt: skip
        outline = [item.title for item in opened.open_outline().root]
        assert outline == [
            "kWh per month",
            "In short",
            "Entries",
            "Energy by hub",
            "Your equity",
            "Held for you",
            "Proof",
            "If something is wrong",
        ]


def test_all_fonts_are_embedded_and_are_ours(pdf):
    with pikepdf.open(BytesIO(pdf)) as opened:
        for page in opened.pages:
            for font in page.obj.Resources.Font.values():
                assert re.fullmatch(
                    r"/[A-Z]{6}\+InterTabular-(Regular|SemiBold)", str(font.BaseFont)
                )
                assert "/FontFile2" in font.FontDescriptor
