"""The drill: an installation as one file, into an empty directory, and on as if nothing had happened."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import orjson
import pytest

from tests.cli.conftest import NOR, Shell
from tests.cli.test_books import OPENING, fee, journal


def test_a_restored_installation_goes_on(new_shell: Callable[[], Shell], tmp_path: Path) -> None:
    shell, restored = new_shell(), new_shell()
    shell.text("cooperative", "create", *NOR)
    shell.text("member", "admit", "Anna", "--number", "A")
    shell.text("post", journal(tmp_path, OPENING, fee("2025-01-31", "4.50")))
    shell.text("close", "2025-01")
    shell.text("token", "anna")
    file = tmp_path / "backup.tar"
    made = shell.json("backup", file)
    assert (made["cooperatives"][0]["seal"], file.stat().st_mode & 0o777) == (1, 0o600)
    before = shell.json("trial-balance")

    (back,) = restored.json("restore", file)["cooperatives"]
    assert back == {
        "cooperative": "nor", "ok": True, "seal": 1, "head": made["cooperatives"][0]["head"],
        "same_head": True, "findings": 0,
    }  # fmt: skip
    assert restored.json("trial-balance") == before
    key = "development-issuer.pem"
    assert (restored.data_dir / key).read_bytes() == (shell.data_dir / key).read_bytes()

    again = restored.json("post", journal(tmp_path, OPENING, fee("2025-02-28", "5.50")))
    assert (again["replayed"], again["posted"]) == (1, 1)
    assert restored.json("verify")["cooperatives"][0]["unsealed"] == 1
    assert restored.json("seal")["seal"] == 2
    (proved,) = restored.json("verify")["cooperatives"]
    assert (proved["ok"], proved["entries"], proved["unsealed"]) == (True, 3, 0)
    assert restored.refusal("restore", file) == ("DATA_DIRECTORY_IN_USE", [])


def _tar(path: Path, *files: tuple[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, BytesIO(content))
    return path


@pytest.mark.parametrize(
    ("manifest", "path"),
    [
        ({"format": 2, "files": {}}, []),
        ({"format": 1, "files": {}}, []),
        ({"format": 1, "files": {"../outside": ""}}, ["../outside"]),
        ({"format": 1, "files": {"postgres/PG_VERSION": ""}}, ["postgres/PG_VERSION"]),
        ({"format": 1, "files": {"database.dump": "00"}}, ["database.dump"]),
    ],
)
def test_what_is_not_a_backup(
    new_shell: Callable[[], Shell], tmp_path: Path, manifest: dict[str, object], path: list[str]
) -> None:
    shell = new_shell()
    file = _tar(
        tmp_path / "file", ("backup.json", orjson.dumps(manifest)), ("database.dump", b"rows")
    )
    code, where = shell.refusal("restore", file)
    assert (code, where) == ("BACKUP_INVALID", path)
    assert not shell.data_dir.exists()


def test_a_file_that_is_no_tar(new_shell: Callable[[], Shell], tmp_path: Path) -> None:
    shell = new_shell()
    file = tmp_path / "file"
    file.write_bytes(b"\0" * 100)
    assert shell.refusal("restore", file) == ("BACKUP_INVALID", [])
    _tar(file, ("something.else", b""))
    assert shell.refusal("restore", file) == ("BACKUP_INVALID", [])


def test_a_server_of_ones_own_has_its_own_tools(
    new_shell: Callable[[], Shell], tmp_path: Path
) -> None:
    shell = new_shell()
    shutil.rmtree(shell.data_dir)
    file = _tar(tmp_path / "file")
    shell.env["COOP_DATABASE_URL"] = "postgresql://nobody@localhost:1/nothing"
    assert shell.refusal("restore", file) == ("EMBEDDED_ONLY", [])
