"""Plans, the grid's tariffs and bills, shared costs and the month's charges, from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.billing.grid import FLAT
from tests.charging.domain.sample import MAPPING, rows
from tests.cli.conftest import NOR, Shell

SESSIONS = rows(
    "depot;ada;s1;2026-03-10 10:00:00;2026-03-10 11:00:00;10",
    "depot;bo;s2;2026-03-10 12:00:00;2026-03-10 13:00:00;20",
)


@pytest.fixture
def shell(new_shell: Callable[[], Shell], tmp_path: Path) -> Shell:
    """An installation with a depot, where ada took 10 kWh and bo 20 in March."""
    shell = new_shell()
    shell.text("cooperative", "create", *NOR)
    for name in ("ada", "bo"):
        shell.text("member", "admit", name, "--number", name, "--joined-on", "2026-01-01")
    mapping, sessions = tmp_path / "platform.toml", tmp_path / "sessions.csv"
    mapping.write_text(MAPPING + '[price]\ncurrency = "NOK"\nper_kwh = "0.50"\n')
    sessions.write_text(SESSIONS)
    shell.json(
        "import", "sessions", sessions, "--mapping", mapping, "--report", tmp_path / "rejected"
    )
    (tmp_path / "flat.json").write_text(json.dumps(FLAT))
    return shell


def test_a_month_from_schedule_to_charges(shell: Shell, tmp_path: Path) -> None:
    hub = ("--hub", "depot")
    flat = tmp_path / "flat.json"
    made = shell.json("utility", "schedule", "set", flat, *hub, "--from", "2026-01-01")
    assert (made["name"], made["idle_rows"]) == ("Flat", [])
    draft = shell.json("share-costs", "2026-03", *hub, "--method", "KWH", "--draft")
    assert (draft["estimated"], draft["charged"]) == (True, False)
    # 30 kWh at 0.10 and 20 kW at 12.00.
    assert (draft["energy"], draft["demand"], draft["total"]) == ("3.00", "240.00", "243.00")
    bill = shell.json(
        "utility", "bill", "2026-03", *hub, "--energy", "3.00", "--demand", "60.00",
        "--kwh", "33", "--post",
    )  # fmt: skip
    assert (bill["total"], bill["kwh"], bill["entry"] is None) == ("63.00", "33.000", False)
    layers = ("--method", "PEAK_LAYERS", "--draft")
    assert "16.00" in shell.text("share-costs", "2026-03", *hub, *layers)
    rule = shell.json(
        "utility", "rule", "PEAK_LAYERS", *hub, "--from", "2026-03", "--tax", "VAT=25"
    )
    assert rule["taxes"] == [{"name": "VAT", "percent": "25"}]
    shared = shell.json("share-costs", "2026-03", *hub)
    assert [(one["member"], one["amount"]) for one in shared["shares"]] == [
        ("ada", "16.00"), ("bo", "47.00")
    ]  # fmt: skip
    assert shared["shares"][0] == {
        "member": "ada", "kwh": "10.000", "own_peak_kw": "10.000", "measured": "10000",
        "measure": "10000", "energy": "0.90909091", "losses": "0.09090909",
        "demand": "15.00000000", "other": "0.00000000", "exact": "16.00000000",
        "amount": "16.00",
    }  # fmt: skip
    assert shell.json("share-costs", "2026-03", *hub)["shares"] == shared["shares"]
    assert shell.json("balance", "--account", "4080")["balances"][0]["balance"] == "63.00"


def test_a_plan_is_charged_once(shell: Shell) -> None:
    plan = shell.json("plan", "set", "basic", "Basic", "--fee", "19.00", "--included", "5")
    assert (plan["fee"], plan["included_kwh"], plan["version"]) == ("19.00", "5.000", 1)
    assert [one["code"] for one in shell.json("plan", "list")["plans"]] == ["basic"]
    begun = shell.json("subscription", "start", "ada", "basic", "--from", "2026-03-01")
    assert (begun["member"], begun["to"]) == ("ada", None)
    listed = shell.json("subscription", "list", "--on", "2026-03-31")["subscriptions"]
    assert listed == [begun]
    reserved = shell.json(
        "reservation", "record", "bo", "PORT_HOURS", 1, "--hub", "depot", "--price", "2",
        "--from", "2026-03-12T08:00:00Z", "--to", "2026-03-12T09:30:00Z", "--no-show", "5.00",
    )  # fmt: skip
    at = ("--at", "2026-03-12T07:30:00Z")
    gone = shell.json("reservation", "cancel", reserved["id"], *at)
    assert gone["cancelled_at"] == "2026-03-12T07:30:00Z"
    assert shell.refusal("reservation", "cancel", reserved["id"], *at)[0] == "RESERVATION_CANCELLED"
    done = shell.json("charges", "2026-03")
    assert done == {
        "month": "2026-03", "currency": "NOK", "net": "24.50", "waiting": [],
        "items": {"SUBSCRIPTION": 2, "RESERVED_CAPACITY": 1, "NO_SHOW": 1},
    }  # fmt: skip
    assert shell.json("charges", "2026-03")["items"] == {}
    assert "Raised for 2026-03: 0.00 NOK" in shell.text("charges", "2026-03")
    ended = shell.json("subscription", "end", begun["id"], "--on", "2026-04-01")
    assert ended["to"] == "2026-04-01"


def test_what_is_wrong_is_named(shell: Shell, tmp_path: Path) -> None:
    hub = ("--hub", "depot")
    bad = tmp_path / "bad.json"
    bad.write_text('{"name": "Bad", "schedule": []}')
    wrong = shell.refusal("utility", "schedule", "set", bad, *hub, "--from", "2026-01-01")
    assert wrong == ("UTILITY_SCHEDULE_INVALID", ["schedule"])
    bad.write_bytes(b"\xff")
    wrong = shell.refusal("utility", "schedule", "set", bad, *hub, "--from", "2026-01-01")
    assert wrong == ("UTILITY_SCHEDULE_INVALID", [])
    assert shell.refusal("share-costs", "2026-03", "--hub", "moon") == ("NOT_FOUND", ["hub"])
    method = shell.refusal("share-costs", "2026-03", *hub, "--method", "KWH")
    assert method == ("INVALID_VALUE", ["method"])
    assert shell.refusal("share-costs", "2026-03", *hub)[0] == "COST_SHARING_RULE_MISSING"
    assert shell.refusal("plan", "set", "a", "A", "--fee", "1.005") == ("INVALID_VALUE", ["fee"])
    assert shell.refusal("plan", "set", "a", "A", "--fee", "1", "--tax", "VAT") == (
        "INVALID_VALUE", ["tax"]
    )  # fmt: skip
    assert shell.refusal("subscription", "start", "ada", "gold", "--from", "2026-03-01") == (
        "PLAN_UNKNOWN", ["plan"]
    )  # fmt: skip
    rule = ("utility", "rule", "KWH", *hub, "--from", "2026-03", "--parameter")
    assert shell.refusal(*rule, "k") == ("INVALID_VALUE", ["parameter"])
    assert shell.refusal(*rule, "k=1") == ("COST_SHARING_INVALID", ["parameters", "k"])
    event = shell.json(
        "utility", "event", *hub, "--from", "2026-03-11T16:00:00Z", "--to", "2026-03-11T17:00:00Z",
        "--payment", "90.00", "--fee-percent", "10",
    )  # fmt: skip
    assert (event["payment"], event["fee_percent"]) == ("90.00", "10")
    reserve = ("reservation", "record", "bo", "SEAT", 1, *hub, "--price", "2")
    times = ("--from", "2026-03-12T08:00:00Z", "--to", "2026-03-12T09:30:00Z")
    assert shell.refusal(*reserve, *times) == ("RESERVATION_INVALID", ["kind"])
