"""`coop bill`, `coop invoice`, `coop aging`: drafted, issued once, corrected, verified."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.charging.domain.sample import MAPPING, rows
from tests.cli.conftest import Shell

PRICED = MAPPING + '[price]\ncurrency = "NOK"\nper_kwh = 2.50\n'
SESSIONS = rows(
    "H1;anna;s1;2026-03-02 08:00:00;2026-03-02 10:30:00;12",
    "H1;anna;s2;2026-03-03 08:00:00;2026-03-03 10:30:00;4",
    "H1;berit;s3;2026-03-03 11:00:00;2026-03-03 11:30:00;2",
)


@pytest.fixture
def own(own: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Two members that charged for 40.00 and 5.00 in March."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mapping.toml").write_text(PRICED)
    (tmp_path / "sessions.csv").write_text(SESSIONS)
    own.json("import", "sessions", "sessions.csv", "--mapping", "mapping.toml")
    return own


def test_a_month_is_drafted_then_issued_then_nothing_changes(own: Shell) -> None:
    draft = own.json("bill", "2026-03", "--draft")
    assert (draft["invoices"], draft["gross"], draft["draft"]) == (2, "45.00", True)
    assert [(one["kind"], one["gross"]) for one in draft["bills"]] == [
        ("invoice", "40.00"), ("invoice", "5.00"),
    ]  # fmt: skip
    assert own.json("invoice", "list")["invoices"] == []
    done = own.json("bill", "2026-03")
    assert {key: done[key] for key in ("invoices", "credit_notes", "net", "tax", "gross")} == {
        "invoices": 2, "credit_notes": 0, "net": "45.00", "tax": "0.00", "gross": "45.00",
    }  # fmt: skip
    of_month = {"invoices": 2, "credit_notes": 0, "gross": "45.00", "receivable": "45.00"}
    assert done["of_month"] == of_month
    again = own.json("bill", "2026-03")
    assert (again["invoices"], again["of_month"]) == (0, of_month)
    said = own.text("bill", "2026-03")
    assert "Σ invoices 45.00, Σ receivable entries 45.00 NOK" in said
    verified = own.json("verify", "--cooperative", own.slug)
    assert verified["ok"]


def test_invoices_are_listed_shown_credited_and_written_off(own: Shell) -> None:
    own.json("bill", "2026-03", "--payment-days", "30")
    listed = own.json("invoice", "list")["invoices"]
    assert sorted((one["number"], one["gross"], str(one["due_on"])) for one in listed) == [
        (1, "40.00", "2026-05-01"), (2, "5.00", "2026-05-01"),
    ]  # fmt: skip
    shown = own.json("invoice", "show", 1)
    assert shown["reference"] == "RF69INV000001"
    (line,) = shown["lines"]
    assert (line["quantity"], line["sessions"], line["net"], line["left"]) == (
        "16",
        2,
        "40.00",
        "40.00",
    )
    note = own.json("invoice", "credit", 1, "--line", "1=15.00", "--reason", "Wrong meter")
    assert (note["kind"], note["number"], note["gross"]) == ("credit_note", 1, "-15.00")
    assert own.json("invoice", "show", 1)["open"] == "25.00"
    assert own.json("invoice", "show", 1, "--kind", "credit-note")["gross"] == "-15.00"
    gone = own.json(
        "invoice",
        "write-off",
        1,
        "--resolution",
        "2026/7",
        "--reason",
        "Insolvent",
        "--amount",
        "5.00",
    )
    assert (gone["amount"], gone["tax"]) == ("5.00", "0.00")
    opened = own.json("invoice", "list", "--open")["invoices"]
    assert sorted((one["number"], one["open"]) for one in opened) == [(1, "20.00"), (2, "5.00")]
    (member,) = {one["member"] for one in listed if one["number"] == 2}
    assert len(own.json("invoice", "list", "--member", member)["invoices"]) == 1
    assert "Gross 40.00 NOK, open 20.00" in own.text("invoice", "show", 1)
    assert own.json("verify", "--cooperative", own.slug)["ok"]


def test_what_is_refused(own: Shell) -> None:
    assert own.refusal("bill", "2026-13") == ("BILL_MONTH_INVALID", ["month"])
    assert own.refusal("bill", "2999-01") == ("BILL_MONTH_OPEN", ["month"])
    assert own.refusal("bill", "2026-03", "--issued-on", "2026-03-31")[0] == "ISSUE_DAY_INVALID"
    assert own.refusal("invoice", "show", 1)[0] == "NOT_FOUND"
    own.json("bill", "2026-03")
    credit = ("invoice", "credit", 1, "--reason", "x", "--line")
    assert own.refusal(*credit, "1=40.01") == ("CREDIT_TOO_LARGE", ["lines", "1"])
    assert own.refusal(*credit, "one=1") == ("INVALID_VALUE", ["line"])
    write_off = ("invoice", "write-off", 1, "--reason", "x", "--resolution")
    assert own.refusal(*write_off, " ")[0] == "WRITE_OFF_UNRESOLVED"
    assert own.refusal(*write_off, "1", "--amount", "41.00")[0] == "WRITE_OFF_TOO_LARGE"


def test_who_owes_what(own: Shell) -> None:
    own.json("bill", "2026-03")
    found = own.json("aging", "--on", "2026-05-20")
    assert [(one["31-60"], one["total"]) for one in found["members"]] == [
        ("40.00", "40.00"), ("5.00", "5.00"),
    ]  # fmt: skip
    assert (found["currency"], found["total"]["31-60"], found["total"]["held"]) == (
        "NOK", "45.00", "0.00",
    )  # fmt: skip
    assert "days past due" in own.text("aging")
