"""`coop commitment` and `coop settle`: pledged, settled, adjusted, shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.charging.domain.sample import MAPPING, rows
from tests.cli.conftest import Shell

PRICED = MAPPING + '[price]\ncurrency = "NOK"\nper_kwh = 2.50\n'
TERMS = (
    "--from", "2026-01", "--to", "2026-04", "--minimum", "20", "--shortfall-price", "0.50",
    "--make-up-months", "2", "--bank-share", "0.25", "--tax", "VAT=25", "--ramp", "0.5",
)  # fmt: skip


@pytest.fixture
def pledged(own: Shell, tmp_path: Path) -> tuple[Shell, dict[str, Any]]:
    """Anna took 8 kWh in January and 25 in February; she pledged 10 and then 20."""
    _took(own, tmp_path, "s1;2026-01-02 08:00:00;2026-01-02 10:30:00;8,00",
          "s2;2026-02-02 08:00:00;2026-02-02 10:30:00;25,00")  # fmt: skip
    made = own.json("commitment", "pledge", "--member", _anna(own), "--hub", "h1", *TERMS)
    return own, made


def _took(shell: Shell, folder: Path, *lines: str) -> None:
    (folder / "mapping.toml").write_text(PRICED)
    path = folder / "sessions.csv"
    path.write_text(rows(*(f"H1;anna;{line}" for line in lines)))
    done = shell.json("import", "sessions", path, "--mapping", folder / "mapping.toml")
    assert done["accepted"] == len(lines)


def _anna(shell: Shell) -> str:
    (member,) = shell.json("member", "list")["members"]
    return str(member["number"])


def test_a_pledge_is_shown_as_it_was_made(pledged: tuple[Shell, dict[str, Any]]) -> None:
    shell, made = pledged
    assert made["terms"] == [{
        "version": 1, "from": "2026-01-01", "to": "2026-04-01", "minimum_kwh": "20.000",
        "ramp": ["0.5"], "shortfall_price": "0.50", "overage_price": None, "make_up_months": 2,
        "bank_cap_kwh": "5.000", "outage_relief": True, "deposit": "0.00",
        "taxes": [{"name": "VAT", "percent": "25"}], "resolution": None, "pledged_kwh": "50.000",
    }]  # fmt: skip
    assert (made["hubs"], made["settlements"], made["make_up_credits"]) == (["H1"], [], [])
    assert shell.json("commitment", "list") == {"commitments": [made]}
    assert made["id"] in shell.text("commitment", "list")
    again = ("commitment", "pledge", "--member", made["member"], "--hub", "H1", *TERMS)
    assert shell.refusal(*again)[0] == "COMMITMENT_OVERLAPS"


def test_months_are_settled_and_shown(pledged: tuple[Shell, dict[str, Any]]) -> None:
    shell, made = pledged
    done = shell.json("settle", "2026-01")
    assert done == {
        "cooperative": shell.slug, "month": "2026-01", "adjusting": False, "commitments": 1,
        "settled": 1, "already": 0,
    }  # fmt: skip
    assert shell.json("settle", "2026-01")["already"] == 1
    assert shell.refusal("settle", "2026-03") == ("SETTLEMENT_ORDER", ["month"])
    assert shell.text("settle", "2026-02").startswith("2026-02: 1 of 1 commitments settled")
    found = shell.json("commitment", "show", made["id"])
    january, february = found["settlements"]
    assert (january["shortfall_kwh"], january["shortfall"]) == ("2.000", "1.00")
    assert january["make_up"] == [
        {"kind": "issued", "of": "2026-01", "kwh": "2.000", "amount": "1.00"}
    ]
    assert (february["made_up_kwh"], february["banked_kwh"]) == ("2.000", "3.000")
    assert found["banked_kwh"] == "3.000"
    assert found["make_up_credits"][0] | {"price": ""} == {
        "of": "2026-01", "expires_on": "2026-04-01", "price": "", "issued_kwh": "2.000",
        "open_kwh": "0.000", "paid": "1.00", "owed": "0.00",
    }  # fmt: skip
    shown = shell.text("commitment", "show", made["id"])
    assert "2026-02" in shown
    assert "adjusting" not in shown
    deferred = shell.json("commitment", "deferred", "--from", "2026-01", "--to", "2026-03")
    assert deferred["current"] == {
        "opening": "0.00", "additions": "1.00", "reclassified": "0.00", "recognised": "1.00",
        "closing": "0.00",
    }  # fmt: skip
    assert "recognised" in shell.text(
        "commitment", "deferred", "--from", "2026-01", "--to", "2026-03"
    )


def test_what_comes_late_is_adjusted(pledged: tuple[Shell, dict[str, Any]], tmp_path: Path) -> None:
    shell, made = pledged
    assert shell.refusal("settle", "2026-01", "--adjust")[0] == "SETTLEMENT_MISSING"
    shell.text("settle", "2026-01")
    _took(shell, tmp_path, "s3;2026-01-12 08:00:00;2026-01-12 10:30:00;1,50")
    done = shell.json("settle", "2026-01", "--adjust", "--effective-on", "2026-03-15")
    assert (done["adjusting"], done["settled"]) == (True, 1)
    first, late = shell.json("commitment", "show", made["id"])["settlements"]
    assert (late["adjusts"] is not None, late["effective_on"]) == (True, "2026-03-15")
    assert (first["shortfall_kwh"], late["shortfall_kwh"]) == ("2.000", "-1.500")
    assert "adjusting" in shell.text("commitment", "show", made["id"])


def test_terms_and_deposits_change(pledged: tuple[Shell, dict[str, Any]]) -> None:
    shell, made = pledged
    paid = shell.json("commitment", "deposit", made["id"], "taken", "100", "--on", "2026-01-05")
    assert paid["deposit"] == "100.00"
    more = ("commitment", "deposit", made["id"], "forfeited", "10", "--on", "2026-01-05")
    assert shell.refusal(*more)[0] == "RESOLUTION_REQUIRED"
    assert shell.json(*more, "--resolution", "2026-1")["deposit"] == "90.00"
    changed = shell.json(
        "commitment", "amend", made["id"], "--from", "2026-02", "--to", "2026-06",
        "--minimum", "5", "--shortfall-price", "1", "--resolution", "2026-2",
    )  # fmt: skip
    assert [one["pledged_kwh"] for one in changed["terms"]] == ["50.000", "-20.000"]
    ended = shell.json("commitment", "end", made["id"], "--to", "2026-03", "--resolution", "2026-3")
    assert ended["to"] == "2026-03-01"


def test_nonsense_is_refused(own: Shell) -> None:
    member = own.json("member", "admit", "Anna")["number"]
    pledge = ("commitment", "pledge", "--member", member)
    assert own.refusal(*pledge, "--hub", "H9", *TERMS) == ("NOT_FOUND", ["hub"])
    nobody = ("commitment", "pledge", "--member", "9999", "--hub", "H9")
    assert own.refusal(*nobody, *TERMS) == ("NOT_FOUND", ["member"])
    assert own.refusal("commitment", "show", "nonsense") == ("NOT_FOUND", ["id"])
    both = (*TERMS, "--bank-cap", "3")
    assert own.refusal(*pledge, "--hub", "H9", *both) == ("INVALID_VALUE", ["bank_cap"])
    wrong = [*TERMS]
    wrong[wrong.index("20")] = "twenty"
    assert own.refusal(*pledge, "--hub", "H9", *wrong) == ("INVALID_VALUE", ["minimum"])
