"""What happens around a server: two that begin at once, and a port that is taken."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Shell

COOP = Path(sys.executable).with_name("coop")


def test_commands_that_begin_at_once_make_one_installation(new_shell: Callable[[], Shell]) -> None:
    shell = new_shell()
    environment = {**os.environ, "COOP_DATA_DIR": str(shell.data_dir)}
    command = [COOP, "cooperative", "list", "--json"]
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(3)]
    answers = [one.communicate()[0] for one in running]
    assert [one.returncode for one in running] == [0, 0, 0]
    assert answers == [b'{\n  "cooperatives": []\n}\n'] * 3


def test_a_port_that_is_taken(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = shell.result("serve", "--port", port, code=1)
    assert "Refused (ADDRESS_UNAVAILABLE) at port" in found.stderr


def test_development_tokens_stay_at_home(shell: Shell) -> None:
    found = shell.result("serve", "--host", "0.0.0.0", "--port", "1", code=1)
    assert "Refused (DEVELOPMENT_REFUSED)" in found.stderr
