"""Other programs read our journal and come to the same balances as `coop trial-balance --json`."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from beancount import loader
from beancount.core.data import Transaction

from tests.charging.domain.sample import GOOD, rows
from tests.cli.conftest import Shell
from tests.cli.test_books import fee, journal
from tests.cli.test_importing import PRICED

Sums = dict[tuple[str, str], Decimal]


@pytest.fixture
def busy(own: Shell, tmp_path: Path) -> Shell:
    """A cooperative with money and energy on accounts of hubs and members."""
    (tmp_path / "mapping.toml").write_text(PRICED)
    (tmp_path / "sessions.csv").write_text(
        rows(GOOD, "H2;bo;s2;2026-03-03 10:00:00;2026-03-03 12:00:00;7,001")
    )
    own.text(
        "import", "sessions", tmp_path / "sessions.csv", "--mapping", tmp_path / "mapping.toml"
    )
    own.text("post", journal(tmp_path, fee("2026-03-31", "4.50"), fee("2026-03-31", "0.07")))
    return own


def told(shell: Shell) -> Sums:
    """Debits less credits of each account code and commodity, as the trial balance says."""
    sums: Sums = defaultdict(Decimal)
    for line in shell.json("trial-balance")["lines"]:
        net = Decimal(line["debit"]) - Decimal(line["credit"])
        sums[line["account"], line["commodity"].upper()] += net
    assert sums["9000", "KWH"] == Decimal("-19.341")
    assert sums["1000", "NOK"] == Decimal("-4.57")
    return sums


def code_of(account: str) -> str:
    found = re.search(r":(\d{4})[- ]", account)
    assert found is not None, account
    return found[1]


def test_beancount_comes_to_the_same(busy: Shell, tmp_path: Path) -> None:
    path = tmp_path / "books.beancount"
    busy.text("export", "beancount", "--output", path)
    entries, errors, _ = loader.load_file(str(path))
    assert errors == []
    sums: Sums = defaultdict(Decimal)
    for entry in entries:
        for posting in entry.postings if isinstance(entry, Transaction) else ():
            sums[code_of(posting.account), posting.units.currency] += posting.units.number
    assert sums == told(busy)


def test_hledger_comes_to_the_same(busy: Shell, tmp_path: Path) -> None:
    hledger = shutil.which("hledger")
    if hledger is None:
        pytest.skip("hledger is not installed (.ci/run installs it where it can)")
    path = tmp_path / "books.journal"
    busy.text("export", "hledger", "--output", path)
    subprocess.run([hledger, "-f", path, "check", "--strict"], check=True)
    answer = subprocess.run(
        [hledger, "-f", path, "balance", "--flat", "--no-total", "--layout=bare", "-O", "csv"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    sums: Sums = defaultdict(Decimal)
    for row in csv.DictReader(io.StringIO(answer.stdout)):
        sums[code_of(row["account"]), row["commodity"].upper()] += Decimal(row["balance"])
    assert sums == told(busy)
