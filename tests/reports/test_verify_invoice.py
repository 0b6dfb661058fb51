"""Whatever is changed in an invoice, its own figures tell: pages, twin, e-invoice, entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pikepdf
import pytest
from typer.testing import CliRunner

from coop.cli import app
from coop.ledger.domain.canonical import content_hash
from coop.reports.invoice import InvoiceDocument
from coop.reports.invoice_pdf import draw_invoice
from coop.reports.statement_pdf import draw_statement
from coop.reports.verify_document import (
    document_proof_findings,
    document_twin_findings,
    said_in,
)
from tests.reports.invoice_sample import credit_note, invoice
from tests.reports.sample import statement

WHOLE = invoice(12)


def _changed(pdf: bytes, change: Callable[[pikepdf.Pdf], object]) -> bytes:
    target = BytesIO()
    with pikepdf.open(BytesIO(pdf)) as opened:
        change(opened)
        opened.save(target)
    return target.getvalue()


def _file(opened: pikepdf.Pdf, name: str) -> Any:
    return next(one for one in opened.Root.AF if str(one.UF) == name).EF.F


def _codes(pdf: bytes) -> list[str]:
    return [one.code for one in document_twin_findings(pdf) + document_proof_findings(pdf)]


@pytest.mark.parametrize("said", [WHOLE, invoice(1), credit_note()], ids=["12", "1", "credit"])
def test_an_invoice_proves_itself(said: InvoiceDocument) -> None:
    pdf = draw_invoice(said, "de")
    assert _codes(pdf) == []
    assert said_in(pdf) == said


def test_saved_by_another_program_it_still_does() -> None:
    assert _codes(_changed(draw_invoice(WHOLE), lambda opened: None)) == []


def test_an_e_invoice_that_says_less_is_found() -> None:
    def change(opened: pikepdf.Pdf) -> None:
        xml = _file(opened, "factur-x.xml")
        xml.write(xml.read_bytes().replace(b">153.18<", b">15.18<"))

    assert _codes(_changed(draw_invoice(WHOLE), change)) == ["E_INVOICE_DIFFERS"]


def test_an_e_invoice_that_is_gone_is_found() -> None:
    def change(opened: pikepdf.Pdf) -> None:
        del opened.attachments["factur-x.xml"]

    assert "E_INVOICE_DIFFERS" in _codes(_changed(draw_invoice(WHOLE), change))


def test_a_changed_twin_contradicts_itself() -> None:
    def change(opened: pikepdf.Pdf) -> None:
        twin = orjson.loads(_file(opened, "invoice.json").read_bytes())
        twin["gross"] = "1.00"
        _file(opened, "invoice.json").write(orjson.dumps(twin))

    assert _codes(_changed(draw_invoice(WHOLE), change)) == ["TWIN_MALFORMED", "TWIN_MALFORMED"]


def test_pages_of_another_invoice_are_found() -> None:
    cheaper = draw_invoice(invoice(11))

    def change(opened: pikepdf.Pdf) -> None:
        twin = _file(opened, "invoice.json")
        twin.write(_twin_of(draw_invoice(WHOLE)))

    codes = _codes(_changed(cheaper, change))
    assert codes == ["E_INVOICE_DIFFERS", "NUMBERS_DIFFER"]


def _twin_of(pdf: bytes) -> bytes:
    with pikepdf.open(BytesIO(pdf)) as opened:
        found: bytes = _file(opened, "invoice.json").read_bytes()
    return found


def test_a_changed_entry_does_not_hash_to_what_was_sealed() -> None:
    other = replace(WHOLE.journal[1], memo="Gift")
    forged = replace(WHOLE, journal=(WHOLE.journal[0], other, *WHOLE.journal[2:]))
    assert _codes(draw_invoice(forged)) == ["FACTS_ALTERED"]
    proof = replace(WHOLE.proofs[1], content_hash=content_hash(other).hex())
    forged = replace(forged, proofs=(WHOLE.proofs[0], proof, *WHOLE.proofs[2:]))
    assert _codes(draw_invoice(forged)) == ["PROOF_BROKEN"]


def test_a_seal_made_to_fit_is_not_the_one_of_the_chain() -> None:
    seal = replace(WHOLE.seals[0], root="00" * 32)
    assert "SEAL_BROKEN" in _codes(draw_invoice(replace(WHOLE, seals=(seal,))))


def test_a_statement_is_still_a_statement() -> None:
    source = statement(12)
    assert said_in(draw_statement(source)) == source


def test_the_command_checks_a_file_without_a_database(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.pdf", tmp_path / "bad.pdf"
    good.write_bytes(draw_invoice(WHOLE))
    bad.write_bytes(draw_invoice(replace(WHOLE, seals=(replace(WHOLE.seals[0], root="00" * 32),))))
    runner = CliRunner()
    done = runner.invoke(app, ["verify", "--document", str(good), "--json"])
    assert (done.exit_code, orjson.loads(done.stdout)["ok"]) == (0, True)
    done = runner.invoke(app, ["verify", "--document", str(bad), "--json"])
    assert (done.exit_code, orjson.loads(done.stdout)["ok"]) == (3, False)
