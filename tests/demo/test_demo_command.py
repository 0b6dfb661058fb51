"""`coop demo`, killed in the middle and run again, then served and asked what it says to ask."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from coop.demo.queries import QUERIES
from tests.cli.conftest import Shell, new_shell  # noqa: F401 - a fixture

PEOPLE = ("demo-operator", "demo-board", "demo-treasurer")
COOP = Path(sys.executable).with_name("coop")
LONGEST_S = 120  # a bound for what hangs, not a promise


def started(shell: Shell, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "COOP_DATA_DIR": str(shell.data_dir)}
    return subprocess.Popen([COOP, *arguments], env=environment, stdout=subprocess.DEVNULL)


def until(holds: Callable[[], bool], running: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LONGEST_S
    while not holds():
        assert running.poll() is None, "it ended before it got there"
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture(scope="module")
def demo(new_shell: Callable[[], Shell]) -> tuple[Shell, dict[str, Any], Path]:  # noqa: F811
    """Demos killed while they imported and while they billed, and the answer of the third."""
    shell = new_shell()
    killed = started(shell, "demo", "--no-serve")
    until((shell.data_dir / "demo" / "cdrs.jsonl").exists, killed)
    time.sleep(2)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    billing = started(shell, "demo", "--no-serve")
    until((shell.data_dir / "demo" / "bank-2025-05.camt053.xml").exists, billing)
    billing.send_signal(signal.SIGKILL)
    billing.wait()
    assert not (shell.data_dir / "demo" / "summary.json").exists()
    out = shell.data_dir / "out"
    return shell, shell.json("demo", "--no-serve", "--out", out), out


def test_a_killed_demo_ends_as_if_it_had_not_been(
    demo: tuple[Shell, dict[str, Any], Path],
) -> None:
    shell, answer, out = demo
    figures = ("members", "vehicles", "sessions", "kwh", "amount", "entries", "postings")
    assert [answer[name] for name in figures] == [
        24, 105, 20_550, "672297.162", "284985.49", 21_586, 84_895,
    ]  # fmt: skip
    issued = answer["invoices"]
    assert [issued[name] for name in ("issued", "credit_notes", "overdue")] == [248, 1, "4010.06"]
    assert answer["verify"] == {"ok": True, "findings": 0}
    summary = orjson.loads((out / "summary.json").read_bytes())
    assert {name: answer[name] for name in summary} == summary
    documents = [*summary["statements"], *summary["invoices"]["files"]]
    files = {one["file"] for one in documents}
    assert {path.name for path in out.iterdir()} == {"summary.json", *files}
    for name in files:
        assert shell.json("verify", "--document", out / name)["ok"]
    (found,) = shell.json("verify")["cooperatives"]
    assert (found["ok"], found["unsealed"]) == (True, 0)


def test_a_second_demo_finds_the_first(demo: tuple[Shell, dict[str, Any], Path]) -> None:
    shell, answer, _ = demo
    again = shell.json("demo", "--no-serve")
    assert again["head"] == answer["head"]
    assert set(again["tokens"]) == {"demo-operator", "demo-board", "demo-treasurer"}
    months = shell.refusal("close", "2025-11")
    assert months == ("PERIOD_NOT_OPEN", [])


def balances(shell: Shell) -> dict[str, int]:
    """Cents by account, over members, hubs and funds."""
    found: dict[str, int] = {}
    for line in shell.json("trial-balance")["lines"]:
        if line["commodity"] == "EUR":
            minor = int(line["balance"].replace(".", ""))
            found[line["account"]] = found.get(line["account"], 0) + minor
    return found


def test_the_year_makes_a_plausible_result(demo: tuple[Shell, dict[str, Any], Path]) -> None:
    shell, answer, _ = demo
    by_code = balances(shell)
    assert by_code["1010"] == 0  # what was collected has come in, or come back
    (bank,) = (
        line["balance"]
        for line in shell.json("trial-balance")["lines"]
        if (line["account"], line["fund"]) == ("1000", "KLIMA-2025")
    )
    assert bank == "6000.00"
    # Pledges missed, made up and lapsed; plans, reserved power, a shared grid charge, a reduction.
    assert {code: by_code[code] for code in ("4060", "4070", "4080", "4100", "4110", "5020")} == {
        "4060": 340_968, "4070": 211_200, "4080": 201_269, "4100": 49_319, "4110": 31_812,
        "5020": 10_800,
    }  # fmt: skip
    assert by_code["2420"] == 61_815
    assert int(answer["amount"].replace(".", "")) > by_code["4000"]  # credits and included energy


def test_the_bank_agrees_but_for_what_nobody_knows(
    demo: tuple[Shell, dict[str, Any], Path],
) -> None:
    shell, _, _ = demo
    last = (shell.data_dir / "demo" / "bank-2025-12.camt053.xml").read_text()
    closing = last.split("<Cd>CLBD</Cd>")[1].split('<Amt Ccy="EUR">')[1].split("<")[0]
    (unknown,) = shell.json("bank", "unmatched")["lines"]
    assert unknown["amount"] == "123.45"
    assert int(closing.replace(".", "")) - 12_345 == balances(shell)["1001"]


def test_a_bill_issued_again_changes_nothing(demo: tuple[Shell, dict[str, Any], Path]) -> None:
    shell, _, _ = demo
    before = shell.json("bill", "2025-03")
    assert (before["invoices"], before["credit_notes"]) == (0, 0)
    assert before == shell.json("bill", "2025-03")


@pytest.fixture(scope="module")
def served(demo: tuple[Shell, dict[str, Any], Path]) -> Iterator[str]:
    """Where the demo is served."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = started(demo[0], "serve", "--port", str(port))

    def ready() -> bool:
        try:
            return httpx.get(f"{url}/ready").status_code == 200
        except httpx.TransportError:
            return False

    until(ready, server)
    yield url
    server.send_signal(signal.SIGINT)
    assert server.wait(LONGEST_S) in (0, -signal.SIGINT, 130)


@pytest.mark.parametrize(
    ("subject", "query"),
    list(zip((*PEOPLE, "demo-operator"), QUERIES, strict=True)),
)
def test_the_queries_worth_pasting_are_answered(
    demo: tuple[Shell, dict[str, Any], Path], served: str, subject: str, query: tuple[str, str]
) -> None:
    _, answer, _ = demo
    found = httpx.post(
        f"{served}/graphql",
        json={"query": query[1]},
        headers={"Authorization": f"Bearer {answer['tokens'][subject]}"},
    )
    assert found.status_code == 200
    assert "errors" not in found.json(), found.json()
    told = orjson.dumps(found.json()["data"]).decode()
    for fact in {
        "demo-operator": ['"number":"0002"'] if "MyBalance" in query[1] else ["GV 2025-06/2"],
        "demo-board": ["Marktgarage", '"totalCount":24'],
        "demo-treasurer": ["CLOSED", "4000"],
    }[subject]:
        assert fact in told


def test_the_command_line_works_while_the_server_runs(
    demo: tuple[Shell, dict[str, Any], Path], served: str
) -> None:
    shell, _, _ = demo
    (bank,) = shell.json("balance", "--account", "1010")["balances"]
    assert bank["balance"] == "0.00"
    assert httpx.get(f"{served}/ready").status_code == 200
