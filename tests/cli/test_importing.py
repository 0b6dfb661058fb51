"""`coop import` and `coop statement`: files into the books, statements out of them."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from coop.demo.cdrs import cdr_lines
from coop.demo.simulation import sessions_of
from coop.demo.town import FIRST_DAY
from tests.charging.domain.sample import GOOD, MAPPING, rows
from tests.cli.conftest import Shell

PRICED = MAPPING + '[price]\ncurrency = "NOK"\nper_kwh = 2.50\n'


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Correction reports go to where the command is given."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.toml"
    path.write_text(PRICED)
    return path


def sessions_file(tmp_path: Path, *more: str) -> Path:
    path = tmp_path / "sessions.csv"
    path.write_text(rows(GOOD, *more))
    return path


def test_sessions_of_a_mapped_file(own: Shell, tmp_path: Path, mapping: Path) -> None:
    path = sessions_file(tmp_path, "H1;anna;s2;2026-03-03 10:00:00;2026-03-03 09:00:00;1,00")
    found = own.json("import", "sessions", path, "--mapping", mapping)
    report = Path(found["report"])
    assert found | {"run": ""} == {
        "run": "", "rows": 2, "accepted": 1, "rejected": 1, "duplicates": 0, "filtered": 0,
        "review": 1, "kwh": "12.340", "amount": "30.85", "currency": "NOK", "report": str(report),
    }  # fmt: skip
    assert report == Path("sessions.csv.rejected")
    assert "END_BEFORE_START" in report.read_text()
    again = own.json("import", "sessions", path, "--mapping", mapping)
    assert (again["accepted"], again["duplicates"], again["rejected"]) == (0, 1, 1)
    (member,) = own.json("member", "list")["members"]
    due = own.json("balance", "--member", member["number"])["balances"]
    assert [(one["account"], one["balance"]) for one in due] == [
        ("1205", "30.85"), ("9100", "12.340"),
    ]  # fmt: skip
    assert "1 duplicates" in own.text("import", "sessions", path, "--mapping", mapping)


def test_a_file_that_is_not_what_the_mapping_says(
    own: Shell, tmp_path: Path, mapping: Path
) -> None:
    path = sessions_file(tmp_path)
    mapping.write_text(PRICED.replace('column = "kwh"', 'column = "energy"'))
    assert own.refusal("import", "sessions", path, "--mapping", mapping) == (
        "MAPPING_COLUMN_MISSING", ["energy"],
    )  # fmt: skip
    mapping.write_text("not a mapping")
    assert own.refusal("import", "sessions", path, "--mapping", mapping)[0] == "MAPPING_INVALID"
    mapping.write_bytes(b"\xff")
    assert own.refusal("import", "sessions", path, "--mapping", mapping)[0] == "MAPPING_INVALID"
    empty = tmp_path / "empty.csv"
    empty.touch()
    mapping.write_text(PRICED)
    assert own.refusal("import", "sessions", empty, "--mapping", mapping) == ("FILE_EMPTY", [])
    own.result("import", "sessions", path, code=2)
    assert own.json("trial-balance")["lines"] == []


def test_cdrs_of_unknown_badges_wait_in_suspense(own: Shell, tmp_path: Path) -> None:
    sessions = list(sessions_of(last_day=FIRST_DAY))[:2]
    lines = [orjson.dumps(orjson.loads(line) | {"currency": "NOK"}) for line in cdr_lines(sessions)]
    path = tmp_path / "cdrs.jsonl"
    path.write_bytes(b"\n".join(lines))
    refused = own.json("import", "cdrs", path)
    assert (refused["accepted"], refused["rejected"]) == (0, 2)
    found = own.json("import", "cdrs", path, "--register-hubs", "--per-kwh", "2.00")
    wh = sum(session.delivered_wh for session in sessions)
    assert (found["accepted"], found["kwh"]) == (2, f"{wh // 1000}.{wh % 1000:03d}")
    (guests,) = own.json("balance", "--account", "1220")["balances"]
    assert guests["balance"] == found["amount"]
    assert own.refusal("import", "cdrs", path, "--per-kwh", "NaN") == ("INVALID_VALUE", [])


def test_statements_are_issued_and_verify_offline(
    own: Shell, tmp_path: Path, mapping: Path
) -> None:
    own.text("import", "sessions", sessions_file(tmp_path), "--mapping", mapping)
    out = tmp_path / "statements"
    (made,) = own.json("statement", "--all", "--month", "2026-03", "--out", out)["statements"]
    path = Path(made["file"])
    assert path.parent == out
    assert {name: made[name] for name in ("from", "to", "opening", "closing", "entries")} == {
        "from": "2026-03-01", "to": "2026-04-01", "opening": "0.00", "closing": "30.85",
        "entries": 1,
    }  # fmt: skip
    (again,) = own.json(
        "statement", "--member", made["member"], "--month", "2026-03", "--out", out
    )["statements"]
    assert again == made
    document = {"document": str(path), "ok": True, "findings": [], "withheld": 0}
    assert own.json("verify", "--document", path) == document
    other = tmp_path / "other.pdf"
    other.write_bytes(b"not a PDF")
    broken = own.json("verify", "--document", other, code=3)
    assert [finding["code"] for finding in broken["findings"]] == ["TWIN_MISSING"]


def test_statements_that_cannot_be(own: Shell) -> None:
    assert own.refusal("statement", "--month", "2026-03") == ("INVALID_VALUE", ["member"])
    assert own.refusal("statement", "--all") == ("INVALID_VALUE", ["month"])
    assert own.refusal("statement", "--member", "9", "--month", "2026-03") == (
        "NOT_FOUND", ["member"],
    )  # fmt: skip
    own.text("member", "admit", "Anna", "--joined-on", "2026-01-01")
    assert own.refusal("statement", "--all", "--month", "2026-03", "--locale", "xx") == (
        "LANGUAGE_UNAVAILABLE", [],
    )  # fmt: skip
