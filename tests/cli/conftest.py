"""The command as a shell runs it, on an installation of its own; one cooperative is there already."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from coop.cli import app

NOR = ("--slug", "nor", "--name", "Nor", "--currency", "NOK", "--time-zone", "Europe/Oslo")


class Shell:
    """Runs `coop` with a data directory; answers what it printed, after checking the exit code."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.slug = "nor"
        self.env: dict[str, str | None] = {
            "COOP_DATA_DIR": str(data_dir), "COOP_DATABASE_URL": None, "COOP_DEVELOPMENT": None,
            "COOP_COOPERATIVE": None,
        }  # fmt: skip

    def result(self, *arguments: object, code: int = 0) -> Result:
        found = CliRunner().invoke(app, [str(one) for one in arguments], env=self.env)
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        assert found.exit_code == code, found.output
        return found

    def text(self, *arguments: object, code: int = 0) -> str:
        return self.result(*arguments, code=code).stdout

    def json(self, *arguments: object, code: int = 0) -> Any:
        return orjson.loads(self.text(*arguments, "--json", code=code))

    def refusal(self, *arguments: object) -> tuple[str, list[str]]:
        """(code, path) of a refusal: JSON on stdout, a sentence with the same code on stderr."""
        found = self.result(*arguments, "--json", code=1)
        error = orjson.loads(found.stdout)["error"]
        assert set(error) == {"code", "message", "path"}
        assert f"({error['code']})" in found.stderr
        return error["code"], error["path"]


@pytest.fixture(scope="session")
def new_shell() -> Iterator[Callable[[], Shell]]:
    """Makes further installations; they are gone when the tests are through."""
    made: list[Path] = []

    def make() -> Shell:
        made.append(Path(tempfile.mkdtemp(prefix="coop-cli-")))
        return Shell(made[-1])

    yield make
    for path in made:
        shutil.rmtree(path, ignore_errors=True)


# Another process that uses the embedded database: it then outlives each command, as under a server.
_KEEP_RUNNING = """
import sys
from pathlib import Path
from coop.db import embedded
cluster = embedded.start(Path(sys.argv[1]))
print("running", flush=True)
sys.stdin.read()
cluster.stop()
"""


@pytest.fixture(scope="session")
def shell(new_shell: Callable[[], Shell]) -> Iterator[Shell]:
    """An installation with the cooperative `nor`, whose database another process uses as well."""
    found = new_shell()
    found.text("cooperative", "create", *NOR)
    found.env["COOP_COOPERATIVE"] = found.slug
    command = [sys.executable, "-c", _KEEP_RUNNING, str(found.data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == b"running\n"
        yield found
        other.stdin.close()


@pytest.fixture
def own(shell: Shell) -> Shell:
    """A cooperative of the test's own in that installation; commands mean it without being told."""
    return own_cooperative(shell)


def own_cooperative(shell: Shell) -> Shell:
    """One more cooperative in the same installation."""
    found = Shell(shell.data_dir)
    slug = f"c{secrets.token_hex(6)}"
    found.text("cooperative", "create", *NOR[2:], "--slug", slug)
    found.env["COOP_COOPERATIVE"] = found.slug = slug
    return found
