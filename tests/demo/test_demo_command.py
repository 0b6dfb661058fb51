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
    """An installation whose first demo was killed while it imported, and the second one's answer."""
    shell = new_shell()
    killed = started(shell, "demo", "--no-serve")
    until((shell.data_dir / "demo" / "cdrs.jsonl").exists, killed)
    time.sleep(2)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (shell.data_dir / "demo" / "summary.json").exists()
    out = shell.data_dir / "out"
    return shell, shell.json("demo", "--no-serve", "--out", out), out


def test_a_killed_demo_ends_as_if_it_had_not_been(
    demo: tuple[Shell, dict[str, Any], Path],
) -> None:
    shell, answer, out = demo
    figures = ("members", "vehicles", "sessions", "kwh", "amount", "entries", "postings")
    assert [answer[name] for name in figures] == [
        24, 105, 20_550, "672297.162", "279449.71", 21_035, 83_274,
    ]  # fmt: skip
    assert answer["verify"] == {"ok": True, "findings": 0}
    summary = orjson.loads((out / "summary.json").read_bytes())
    assert {name: answer[name] for name in summary} == summary
    files = {one["file"] for one in summary["statements"]}
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


def test_the_year_makes_a_plausible_result(demo: tuple[Shell, dict[str, Any], Path]) -> None:
    shell, answer, _ = demo
    lines = shell.json("trial-balance")["lines"]
    by_code: dict[str, list[str]] = {}
    for line in lines:
        by_code.setdefault(line["account"], []).append(line["balance"])
    revenue = sum(
        int(balance.replace(".", "")) for code in ("4000", "4050") for balance in by_code[code]
    )
    assert f"{revenue // 100}.{revenue % 100:02d}" == answer["amount"]
    assert by_code["1010"] == ["0.00"]
    (bank,) = (
        line["balance"]
        for line in lines
        if (line["account"], line["fund"]) == ("1000", "KLIMA-2025")
    )
    assert bank == "6000.00"


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
    list(zip(("demo-operator", "demo-board", "demo-treasurer"), QUERIES, strict=True)),
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
        "demo-operator": ['"number":"0002"', '"currency":"EUR"'],
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
