"""`coop serve` as a service manager meets it: it answers, it stops when told, and it tidies up."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest

from tests.cli.conftest import NOR, Shell


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def answered(port: int) -> bytes:
    for _ in range(600):
        try:
            with urlopen(f"http://127.0.0.1:{port}/ready") as answer:
                return bytes(answer.read())
        except URLError:
            time.sleep(0.1)
    raise TimeoutError("the server did not answer")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_its_database(
    new_shell: Callable[[], Shell], number: signal.Signals
) -> None:
    shell, port = new_shell(), free_port()
    shell.text("cooperative", "create", *NOR)
    environment = {**os.environ, **{k: v for k, v in shell.env.items() if v is not None}}
    command = [sys.executable, "-W", "ignore", "-m", "coop.cli", "serve", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as server:
        try:
            assert b'"status":"ok"' in answered(port)
            pid_file = shell.data_dir / "postgres" / "postmaster.pid"
            postmaster = int(pid_file.read_text().split()[0])
            server.send_signal(number)
            _, said = server.communicate(timeout=60)
        finally:
            server.kill()
    assert (server.returncode, said) == (0, b"")
    assert not psutil.pid_exists(postmaster) or psutil.Process(postmaster).status() == "zombie"
