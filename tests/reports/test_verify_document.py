"""A statement that was altered is found out, from the file alone."""

from __future__ import annotations

from io import BytesIO

import orjson
import pikepdf
import pytest

from coop.kernel.ids import CooperativeId
from coop.ledger.domain.seal import head_hash
from coop.reports.statement_pdf import draw_statement, read_twin
from coop.reports.verify_document import (
    document_proof_findings,
    document_twin_findings,
    statement_in,
)
from tests.reports.sample import COOPERATIVE, REVENUE, statement


@pytest.mark.parametrize(("count", "locale"), [(0, "en"), (12, "de"), (40, "fr")])
def test_an_untouched_statement_has_no_findings(count, locale):
    pdf = draw_statement(statement(count), locale)
    assert document_twin_findings(pdf) == []
    assert statement_in(pdf) == statement(count)


def _codes(pdf):
    return [finding.code for finding in document_twin_findings(pdf)]


def _altered(change):
    with pikepdf.open(BytesIO(draw_statement(statement(12)))) as pdf:
        change(pdf)
        target = BytesIO()
        pdf.save(target)
    return target.getvalue()


def _with_twin(change):
    twin = read_twin(draw_statement(statement(12)))
    change(twin)
    return _altered(lambda pdf: pdf.Root.AF[0].EF.F.write(orjson.dumps(twin)))


def _replace(old, new):
    def change(pdf):
        contents = pdf.pages[0].Contents
        source = contents.read_bytes()
        assert old in source
        contents.write(source.replace(old, new))

    return change


def test_a_file_saved_again_by_another_program_is_still_the_statement():
    assert _codes(_altered(lambda _: None)) == []


def test_a_number_altered_on_the_page_is_found():
    (finding,) = document_twin_findings(_altered(_replace(b"38.81) Tj", b"30.81) Tj")))
    assert finding.code == "NUMBERS_DIFFER"
    assert "30.81" in finding.message


def test_a_word_altered_on_the_page_is_found():
    assert _codes(_altered(_replace(b"(You owe)", b"(You own)"))) == ["WORDS_DIFFER"]


def test_paint_over_a_number_is_found():
    def paint(pdf):
        contents = pdf.pages[0].Contents
        contents.write(contents.read_bytes() + b"\n1 1 1 rg 0 0 600 900 re f\n")

    assert _codes(_altered(paint)) == ["DRAWING_DIFFERS"]


def test_a_note_laid_over_the_page_is_found():
    def lay(pdf):
        note = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.FreeText, Rect=[0, 0, 9, 9]
        )
        pdf.pages[0].obj.Annots = pikepdf.Array([pdf.make_indirect(note)])

    assert _codes(_altered(lay)) == ["DRAWING_DIFFERS"]


def test_a_file_of_another_version_is_said_to_be_one():
    def older(pdf):
        pdf.docinfo["/Creator"] = "coop statement layout 0"
        contents = pdf.pages[0].Contents
        contents.write(contents.read_bytes() + b" ")

    (finding,) = document_twin_findings(_altered(older))
    assert finding.code == "LAYOUT_OTHER"
    assert '"coop statement layout 0"' in finding.message


def test_another_font_under_the_same_codes_is_found():
    def swap(pdf):
        fonts = list(pdf.pages[0].obj.Resources.Font.values())
        program = fonts[0].FontDescriptor.FontFile2
        program.write(program.read_bytes()[:-1] + b"\x01")

    assert _codes(_altered(swap)) == ["DRAWING_DIFFERS"]


def test_a_twin_that_does_not_add_up_is_found():
    assert _codes(_with_twin(lambda twin: twin["due"].update(charges="0.00"))) == ["TWIN_MALFORMED"]


def test_a_consistent_twin_of_another_statement_is_found():
    assert _codes(_with_twin(lambda twin: twin.update(deposits="401.00"))) == ["NUMBERS_DIFFER"]


@pytest.mark.parametrize("pdf", [b"", b"not a pdf", b"%PDF-1.7\n"])
def test_what_is_not_a_document_is_refused_as_such(pdf):
    assert _codes(pdf) == ["TWIN_MISSING"]


def test_a_document_without_a_twin_or_a_language_is_refused_as_such():
    def strip(pdf):
        del pdf.Root.Names
        del pdf.Root.AF

    assert _codes(_altered(strip)) == ["TWIN_MISSING"]
    assert _codes(_altered(lambda pdf: pdf.Root.__delattr__("Lang"))) == ["TWIN_MALFORMED"]
    assert _codes(_altered(lambda pdf: pdf.Root.AF[0].EF.F.write(b"{"))) == ["TWIN_MALFORMED"]
    assert _codes(_altered(lambda pdf: pdf.Root.AF[0].EF.F.write(b"[]"))) == ["TWIN_MALFORMED"]


def test_the_proofs_of_a_statement_hold_offline():
    assert document_proof_findings(draw_statement(statement(40))) == []
    assert [f.code for f in document_proof_findings(b"no file")] == ["TWIN_MISSING"]


@pytest.mark.parametrize(
    ("place", "value", "codes"),
    [
        (("entries", 3, "content_hash"), "00" * 32, ["FACTS_ALTERED", "PROOF_BROKEN"]),
        (("entries", 3, "content_hash"), "not hex", ["FACTS_ALTERED", "PROOF_BROKEN"]),
        (("entries", 3, "position"), 4, ["PROOF_BROKEN"]),
        (("entries", 3, "path"), [], ["PROOF_BROKEN"]),
        (("journal", 3, "actor"), "mallory", ["FACTS_ALTERED"]),
        (("journal", 3, "source"), None, ["FACTS_ALTERED"]),
        (("journal", 3, "metadata"), {"a": 1}, ["FACTS_ALTERED"]),
        (("journal", 3, "postings", 1, "account"), str(COOPERATIVE), ["FACTS_ALTERED"]),
        (("journal", 3, "postings", 1, "units"), "-1", ["FACTS_ALTERED"]),
        (("journal", 3, "postings", 0, "fund"), str(REVENUE), ["FACTS_ALTERED"]),
        (("seals", 0, "watermark"), 901, ["SEAL_BROKEN"]),
        (("seals", 0, "head_hash"), "00" * 32, ["SEAL_BROKEN"]),
        (("seals", 0, "previous_hash"), "zz", ["SEAL_BROKEN"]),
    ],
)
def test_a_broken_proof_is_named(place, value, codes):
    def change(twin):
        *way, last = place
        for step in way:
            twin = twin[step]
        twin[last] = value

    assert [f.code for f in document_proof_findings(_with_twin(change))] == codes


def test_seals_that_follow_each_other_are_chained():
    def change(twin):
        first = twin["seals"][0]
        facts = (2, bytes.fromhex("11" * 32), bytes.fromhex(first["root"]), 5, 950)
        head = head_hash(CooperativeId(COOPERATIVE), *facts).hex()
        twin["seals"].append({
            "number": 2, "previous_hash": "11" * 32, "root": first["root"], "entries": 5,
            "watermark": 950, "head_hash": head,
        })  # fmt: skip

    (finding,) = document_proof_findings(_with_twin(change))
    assert (finding.code, finding.message) == ("SEAL_BROKEN", "Seal 2 does not follow seal 1.")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("entries", 3, "memo"), "Something else"),
        (("entries", 3, "kind"), "fee"),
        (("entries", 3, "recorded_at"), "2026-10-04T18:04:00Z"),
        (("entries", 3, "account"), "1210"),
        (("entries", 3, "line"), 1),
        (("journal", 3, "postings", 0, "units"), "1"),
        (("journal", 3, "postings", 2, "units"), "1"),
        (("journal", 3, "postings", 0, "commodity"), "SEK"),
        (("journal", 3, "effective_on"), "2026-10-05"),
        (("accounts", 0, "id"), str(REVENUE)),
        (("accounts", 1, "code"), "1200"),
        (("accounts",), []),
    ],
)
def test_lines_that_are_not_their_entries_are_not_even_read(place, value):
    def change(twin):
        *way, last = place
        for step in way:
            twin = twin[step]
        twin[last] = value

    assert [f.code for f in document_proof_findings(_with_twin(change))] == ["TWIN_MALFORMED"]
