"""docs/tariffs.md says what its example costs, and so does the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from coop.charging.domain.tariff import read_tariff
from coop.charging.domain.tariff_checks import require_complete
from tests.cli.conftest import Shell

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = DOCS / "examples"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_the_example_may_be_adopted() -> None:
    require_complete(read_tariff((EXAMPLES / "tariff.json").read_bytes(), "EUR"))


def test_the_example_costs_what_the_guide_prints(shell: Shell) -> None:
    printed = shell.text(
        "price", EXAMPLES / "tariff.json", EXAMPLES / "cdr.json", "--zone", "Europe/Berlin"
    )
    lines = [line.rstrip() for line in printed.splitlines()]
    assert "\n".join(lines) in (DOCS / "tariffs.md").read_text()
