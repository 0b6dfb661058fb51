"""The house's own rules, kept by a test because no tool knows them. Each failure says what to do instead."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import coop
from coop.db.base import metadata
from coop.kernel.errors import refusal_codes

ROOT = Path(__file__).resolve().parents[1]
FILE_MAX = 400
FUNCTION_MAX = 50
MONEY_ROOMS = ("coop/kernel/", "coop/ledger/", "coop/charging/", "coop/demo/")
CLOCK = "coop/kernel/clock.py"
# Written so that this file does not contain them.
PROMISES = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME")) + r")\b")
MACHINE_PATHS = re.compile(r"(?<![A-Za-z0-9.])/(" + "work|root|home|Users" + r")/[A-Za-z0-9]")
NOT_OURS = (
    "coop/schema/static/",
    "coop/reports/fonts/",
    "requirements/",
    "tests/conformance/package",
)


@cache
def tracked() -> tuple[str, ...]:
    """Every file of ours under version control, by its path from the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("this is not a git checkout, so nothing says which files are ours")
    found = (name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())
    return tuple(name for name in found if not name.startswith(NOT_OURS))


def python_files(*folders: str) -> list[str]:
    return [name for name in tracked() if name.endswith(".py") and name.startswith(folders or "")]


@cache
def tree_of(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text())


def text_files() -> Iterator[tuple[str, str]]:
    for name in tracked():
        try:
            yield name, (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def refuse(found: list[str], what_to_do: str) -> None:
    assert not found, what_to_do + "\n  " + "\n  ".join(found)


def test_files_fit_in_one_sitting() -> None:
    long = [
        f"{name}: {count} lines"
        for name in tracked()
        if name.endswith((".py", ".sql")) and not name.startswith("migrations/sql/")
        if (count := len((ROOT / name).read_text().splitlines())) > FILE_MAX
    ]
    refuse(long, f"Split by subject, so that each file has at most {FILE_MAX} lines:")


def test_functions_fit_on_one_screen() -> None:
    long = [
        f"{name}:{node.lineno} {node.name}: {lines} lines"
        for name in python_files()
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_MAX
    ]
    refuse(
        long, f"Give its steps names of their own, so that each has at most {FUNCTION_MAX} lines:"
    )


def _floats(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.lineno
        if isinstance(node, ast.Name) and node.id == "float":
            yield node.lineno


def test_no_float_comes_near_money_or_energy() -> None:
    found = [
        f"{name}:{line}" for name in python_files(*MONEY_ROOMS) for line in _floats(tree_of(name))
    ]
    refuse(
        found, "Use int minor units, int Wh, Decimal or Fraction (coop/kernel) instead of float:"
    )


def _clock_readings(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = node.func.value
            owner = of.attr if isinstance(of, ast.Attribute) else getattr(of, "id", "")
            if node.func.attr in ("now", "utcnow", "today") and owner in ("datetime", "date"):
                yield node.lineno
            if (owner, node.func.attr) == ("time", "time"):
                yield node.lineno


def test_only_the_clock_is_asked_for_the_time() -> None:
    found = [
        f"{name}:{line}"
        for name in python_files("coop/")
        if name != CLOCK
        for line in _clock_readings(tree_of(name))
    ]
    refuse(found, f"Take the instant as an argument, or call utc_now() or today_in() of {CLOCK}:")


def _import_everything() -> None:
    for module in pkgutil.walk_packages(coop.__path__, "coop."):
        importlib.import_module(module.name)


def test_every_refusal_is_in_the_glossary() -> None:
    _import_everything()
    glossary = ROOT / "docs" / "glossary.md"
    text = glossary.read_text() if glossary.exists() else ""
    said = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", text))
    missing = [
        f"{code} ({kind.__module__}.{kind.__name__})"
        for code, kind in sorted(refusal_codes().items())
        if code not in said and kind.__module__.startswith("coop.")
    ]
    refuse(missing, "Say in docs/glossary.md, as `CODE`, what it means and what to do about it:")


def test_every_table_and_column_says_what_it_is() -> None:
    _import_everything()
    silent = [table.name for table in metadata.tables.values() if not table.comment]
    silent += [
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if not column.comment
    ]
    refuse(silent, "Give it comment=… in tables.py and COMMENT ON in the migration:")


def test_nothing_is_promised_in_passing() -> None:
    found = [
        f"{name}:{number}: {line.strip()[:80]}"
        for name, text in text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if PROMISES.search(line)
    ]
    refuse(found, "Do it now, or open an issue and say nothing here:")


def test_no_path_of_anybodys_machine() -> None:
    found = [
        f"{name}:{number}: {line.strip()[:80]}"
        for name, text in text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATHS.search(line)
    ]
    refuse(found, "Write paths from the root of the project, or take them from the environment:")
