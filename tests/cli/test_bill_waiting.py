"""`coop bill` tells what is not on its bills: commitments to settle, charges to raise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.billing.grid import FLAT
from tests.charging.domain.sample import MAPPING, rows
from tests.cli.conftest import Shell

SESSIONS = rows(
    "depot;ada;s1;2026-03-10 10:00:00;2026-03-10 11:00:00;10",
    "depot;bo;s2;2026-03-10 12:00:00;2026-03-10 13:00:00;20",
)


@pytest.fixture
def own(own: Shell, tmp_path: Path) -> Shell:
    """Ada and Bo charged in March for 5.00 and 10.00; nothing else was agreed yet."""
    for name in ("ada", "bo"):
        own.text("member", "admit", name, "--number", name, "--joined-on", "2026-01-01")
    mapping, sessions = tmp_path / "platform.toml", tmp_path / "sessions.csv"
    mapping.write_text(MAPPING + '[price]\ncurrency = "NOK"\nper_kwh = "0.50"\n')
    sessions.write_text(SESSIONS)
    own.json("import", "sessions", sessions, "--mapping", mapping, "--report", tmp_path / "no")
    return own


@pytest.fixture
def agreed(own: Shell, tmp_path: Path) -> Shell:
    """A plan, a reservation and a pledge of Ada's, a rule for the grid's bill at the depot."""
    own.json("plan", "set", "basic", "Basic", "--fee", "19.00")
    own.json("subscription", "start", "ada", "basic", "--from", "2026-03-01")
    own.json(
        "reservation", "record", "ada", "PORT_HOURS", 1, "--hub", "depot", "--price", "2",
        "--from", "2026-03-12T08:00:00Z", "--to", "2026-03-12T10:00:00Z",
    )  # fmt: skip
    own.json(
        "commitment", "pledge", "--member", "ada", "--hub", "depot", "--from", "2026-02",
        "--to", "2026-05", "--minimum", "30", "--shortfall-price", "0.20",
    )  # fmt: skip
    (tmp_path / "flat.json").write_text(json.dumps(FLAT))
    hub = ("--hub", "depot")
    own.json("utility", "schedule", "set", tmp_path / "flat.json", *hub, "--from", "2026-01-01")
    own.json("utility", "rule", "KWH", *hub, "--from", "2026-03")
    return own


def test_nothing_waits_where_nothing_was_agreed(own: Shell) -> None:
    for given in (("bill", "2026-03", "--draft"), ("bill", "2026-03")):
        done = own.json(*given)
        assert (done["gross"], done["unsettled"], done["waiting"]) == ("15.00", 0, {})
    assert own.result("bill", "2026-03").stderr == ""


def test_what_waits_is_told_and_is_on_the_next_bill(agreed: Shell) -> None:
    lacking = {"SUBSCRIPTION": 1, "RESERVED_CAPACITY": 1, "COST_PASSED_ON": 1}
    draft = agreed.json("bill", "2026-03", "--draft")
    assert (draft["gross"], draft["unsettled"], draft["waiting"]) == ("15.00", 1, lacking)
    early = agreed.result("bill", "2026-03")
    assert early.stderr.splitlines() == [
        (
            "Not on these bills: 1 commitment is not settled for 2026-03. "
            "Run `coop settle 2026-03`; what it makes is on the bill of a run after it."
        ),
        (
            "Not on these bills: 1 subscription, 1 reservation, 1 hub with costs to share of "
            "2026-03 not charged. "
            "Run `coop charges 2026-03`; what it makes is on the bill of a run after it."
        ),
    ]
    agreed.json("settle", "2026-02")
    agreed.json("charges", "2026-03")
    # The hub waits for the grid's bill; February is settled and March is not.
    late = agreed.json("bill", "2026-02")
    assert (late["unsettled"], late["waiting"]) == (0, {})
    found = agreed.json("bill", "2026-03", "--draft")
    assert (found["unsettled"], found["waiting"]) == (1, {"COST_PASSED_ON": 1})
    agreed.json("settle", "2026-03")
    grid = ("--hub", "depot", "--energy", "3.00", "--demand", "27.00", "--kwh", "30")
    agreed.json("utility", "bill", "2026-03", *grid)
    agreed.json("charges", "2026-03")
    # 20 kWh short at 0.20, 19.00 a month, two hours at 2.00, a third of 30.00; Bo the rest of it.
    last = agreed.json("bill", "2026-03")
    assert (last["gross"], last["unsettled"], last["waiting"]) == ("57.00", 0, {})
    assert agreed.json("verify", "--cooperative", agreed.slug)["ok"]


def test_an_event_waits_only_while_somebody_is_to_be_credited(own: Shell) -> None:
    event = ("utility", "event", "--hub", "depot", "--payment", "90.00")
    night = ("--from", "2026-03-17T02:00:00Z", "--to", "2026-03-17T03:00:00Z")
    own.json(*event, *night)
    assert own.json("bill", "2026-03", "--draft")["waiting"] == {}
    noon = ("--from", "2026-03-17T09:00:00Z", "--to", "2026-03-17T10:00:00Z")
    own.json(*event, *noon)
    assert own.json("bill", "2026-03", "--draft")["waiting"] == {"DEMAND_RESPONSE": 1}
    own.json("charges", "2026-03")
    assert own.json("bill", "2026-03", "--draft")["waiting"] == {}
