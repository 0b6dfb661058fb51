"""`coop invoice pdf`: from sessions and addresses to files that prove themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from facturx import get_xml_from_pdf

from tests.charging.domain.sample import GOOD, rows
from tests.cli.conftest import Shell
from tests.cli.test_importing import PRICED
from tests.cli.test_profiles import OURS
from tests.reports.norm import broken_rules


@pytest.fixture
def billed(own: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A cooperative with an address, and a member without one who charged in March."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mapping.toml").write_text(PRICED)
    (tmp_path / "sessions.csv").write_text(rows(GOOD))
    own.text(
        "import", "sessions", tmp_path / "sessions.csv", "--mapping", tmp_path / "mapping.toml"
    )
    own.text("cooperative", "profile", "set", *OURS, "--exemption", "Exempt, § 3-1")
    own.text("bill", "2026-03")
    return own


def _named(shell: Shell) -> None:
    (member,) = shell.json("member", "list")["members"]
    address = (
        "--line",
        "Gata 2",
        "--postal-code",
        "7011",
        "--city",
        "Trondheim",
        "--country",
        "NO",
    )
    shell.text("member", "profile", "set", member["number"], *address, "--from", "2025-01-01")


def test_an_invoice_is_drawn_once_and_checked(billed: Shell, tmp_path: Path) -> None:
    _named(billed)
    out = tmp_path / "out"
    (made,) = billed.json("invoice", "pdf", "1", "--out", out)["invoices"]
    assert (made["number"], made["locale"], made["error"]) == ("INV-000001", "en", None)
    file = Path(made["file"])
    assert file == out / f"{billed.slug}-inv-000001-en.pdf"
    content = file.read_bytes()
    (again,) = billed.json("invoice", "pdf", "INV-000001", "--out", out)["invoices"]
    assert (again["sha256"], file.read_bytes()) == (made["sha256"], content)
    assert billed.json("verify", "--document", file)["ok"]
    name, xml = get_xml_from_pdf(content, check_xsd=True, check_schematron=False)
    assert (name, broken_rules(xml)) == ("factur-x.xml", [])
    assert "INV-000001" in billed.text("invoice", "pdf", "1", "--out", out, "--locale", "de")
    assert billed.refusal("invoice", "pdf", "1", "--locale", "es")[0] == "LANGUAGE_UNAVAILABLE"


def test_a_month_says_which_could_not_be_drawn(billed: Shell, tmp_path: Path) -> None:
    found = billed.result("invoice", "pdf", "--month", "2026-03", "--out", tmp_path, code=1)
    assert "INV-000001: INVOICE_INCOMPLETE" in found.stderr
    assert "member.address" in found.stderr
    _named(billed)
    assert "INV-000001" in billed.text("invoice", "pdf", "--month", "2026-03", "--out", tmp_path)
    (made,) = billed.json("invoice", "pdf", "--month", "2026-03", "--out", tmp_path)["invoices"]
    assert made["already"]
    assert billed.json("invoice", "pdf", "--month", "2026-04", "--out", tmp_path) == {
        "invoices": []
    }


def test_what_is_not_there_is_refused(billed: Shell) -> None:
    assert billed.refusal("invoice", "pdf", "2") == ("NOT_FOUND", ["number"])
    assert billed.refusal("invoice", "pdf", "CN-000001") == ("NOT_FOUND", ["number"])
    assert billed.refusal("invoice", "pdf", "INV-x") == ("INVALID_VALUE", ["number"])
    assert billed.refusal("invoice", "pdf") == ("INVALID_VALUE", ["number"])
    assert billed.refusal("invoice", "pdf", "1", "--month", "2026-03") == (
        "INVALID_VALUE",
        ["number"],
    )
