"""`coop backup` and `coop restore`: an installation as one file, and a drill that it comes back.

A backup is a tar: `backup.json` first (what it holds, the head of every chain of seals, a hash of
every other file), then `database.dump`, then what else the data directory keeps: documents, keys,
the demo. Passwords of the embedded database are not in it; a restored one has its own. Everything
is sealed before, so the heads say what the books were; restoring compares them and verifies every
invariant.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import orjson
import typer
from sqlalchemy import text

from coop.cli.errors import BackupInvalid, DataDirectoryInUse, EmbeddedOnly
from coop.cli.running import FINDINGS, House, guarded, opened, run
from coop.cli.showing import AsJson, ExistingFile, Step, print_json, progress
from coop.config import Settings
from coop.db import dump
from coop.db.open import DATABASE
from coop.kernel.clock import utc_now
from coop.kernel.ids import CooperativeId
from coop.ledger import queries, sealing
from coop.ledger.verification import verify
from coop.members.domain.roles import system_viewer

FORMAT = 1
MANIFEST = "backup.json"
DUMP = "database.dump"
# Of the data directory: the cluster itself, and the passwords that open it.
_LEFT_OUT = ("postgres", "database-secrets.json")

Manifest = dict[str, Any]


def backup(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="The tar to write; made anew.")],
    as_json: AsJson = False,
) -> None:
    """Write the whole installation into one file: database, documents, keys. The server may run.

    The file holds secrets and everybody's books: keep it as you keep those. Try it now and then:
    COOP_DATA_DIR=/somewhere/empty coop restore FILE.

    Example: coop backup backups/coop-2025-12-31.tar
    """

    async def work(house: House) -> Manifest:
        with progress() as step:
            return await _backup(house, file, step)

    manifest = run(work, as_json=as_json)
    size = file.stat().st_size
    if as_json:
        print_json({"file": file, "bytes": size, **manifest, "files": len(manifest["files"])})
        return
    typer.echo(f"{file}: {size} bytes, {len(manifest['cooperatives'])} cooperatives.")


async def _backup(house: House, file: Path, step: Step) -> Manifest:
    cluster = house.access.embedded
    if cluster is None:
        raise EmbeddedOnly("COOP_DATABASE_URL is set: back that server up with its own tools.")
    heads = []
    for cooperative in await house.cooperatives():
        step(f"sealing {cooperative.slug}", 0, 1)
        await sealing.seal_everything(house.database, CooperativeId(cooperative.id))
        step(f"sealing {cooperative.slug}", 1, 1)
        heads.append(await _head(house, CooperativeId(cooperative.id), cooperative.slug))
    with tempfile.TemporaryDirectory(prefix="coop-backup-") as folder:
        path = Path(folder) / DUMP
        step("dumping the database", 0, 1)
        dump.dump(cluster, DATABASE, path)
        step("dumping the database", 1, 1)
        async with house.database.engine.connect() as connection:
            xact_id = await connection.scalar(
                text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
            )
        names = {DUMP: path, **dict(_kept_files(house.settings.data_dir))}
        manifest: Manifest = {
            "format": FORMAT, "program": version("coop"), "made_at": utc_now().isoformat(),
            "xact_id": xact_id, "cooperatives": heads,
            "files": {name: _sha256(one) for name, one in names.items()},
        }  # fmt: skip
        _write(file, manifest, names, step)
    return manifest


async def _head(house: House, cooperative_id: CooperativeId, slug: str) -> dict[str, Any]:
    async with house.database.snapshot(cooperative_id) as connection:
        seal = await sealing.last_seal(connection)
    number, head = (0, None) if seal is None else (seal.number, seal.head.hex())
    return {"slug": slug, "id": str(cooperative_id), "seal": number, "head": head}


def _kept_files(data_dir: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(data_dir.rglob("*")):
        name = path.relative_to(data_dir)
        # A name that begins with a dot is being written; it is not there yet.
        if name.parts[0] in _LEFT_OUT or path.name.startswith(".") or not path.is_file():
            continue
        yield name.as_posix(), path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(file: Path, manifest: Manifest, names: dict[str, Path], step: Step) -> None:
    """Write the tar beside its place, readable by its owner only, then move it there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    opener = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(opener, "wb") as sink, tarfile.open(fileobj=sink, mode="w") as tar:
        content = orjson.dumps(manifest, option=orjson.OPT_INDENT_2)
        entry = tarfile.TarInfo(MANIFEST)
        entry.size, entry.mode = len(content), 0o600
        tar.addfile(entry, BytesIO(content))
        for done, (name, path) in enumerate(names.items(), 1):
            tar.add(path, arcname=name, recursive=False)
            step("writing the backup", done, len(names))
        tar.close()
        sink.flush()
        os.fsync(sink.fileno())
    part.replace(file)


def restore(file: ExistingFile, as_json: AsJson = False) -> None:
    """Restore a backup into an empty data directory, and verify what came back.

    Nothing is overwritten: COOP_DATA_DIR must name a directory that is empty or not there. The
    heads of the chains are compared with the backup's, and every invariant is recomputed.

    Example: COOP_DATA_DIR=/srv/coop-new coop restore coop-2025-12-31.tar
    """

    async def work() -> list[Restored]:
        with progress() as step:
            return await _restore(Settings.read(), file, step)

    found = guarded(work, as_json=as_json)
    ok = all(one.ok for one in found)
    if as_json:
        print_json({"ok": ok, "cooperatives": [one.json() for one in found]})
    else:
        for one in found:
            verdict = "ok" if one.ok else "NOT AS IT WAS"
            typer.echo(f"{one.slug}: {verdict}. Seal {one.seal}, head {one.head}.")
    if not ok:
        raise typer.Exit(FINDINGS)


@dataclass(frozen=True, slots=True)
class Restored:
    """A cooperative as it came back: where its chain ends, and what was found wrong."""

    slug: str
    seal: int
    head: str | None
    same_head: bool
    findings: int

    @property
    def ok(self) -> bool:
        """Whether it is what it was."""
        return self.same_head and not self.findings

    def json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "cooperative": self.slug, "ok": self.ok, "seal": self.seal, "head": self.head,
            "same_head": self.same_head, "findings": self.findings,
        }  # fmt: skip


async def _restore(settings: Settings, file: Path, step: Step) -> list[Restored]:
    if settings.database_url is not None:
        raise EmbeddedOnly("COOP_DATABASE_URL is set: restore that server with its own tools.")
    data_dir = settings.data_dir
    if data_dir.exists() and any(data_dir.iterdir()):
        raise DataDirectoryInUse(f"{data_dir} is not empty; restoring never overwrites.")
    try:
        return await _fill(settings, file, step)
    except BaseException:
        # It was empty before, so everything in it is this attempt's.
        shutil.rmtree(data_dir, ignore_errors=True)
        raise


async def _fill(settings: Settings, file: Path, step: Step) -> list[Restored]:
    data_dir = settings.data_dir
    data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="coop-restore-") as folder:
        manifest = _unpack(file, Path(folder), step)
        for name in manifest["files"]:
            if name != DUMP:
                (data_dir / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(Path(folder) / name, data_dir / name)
        dump.begin_after(data_dir, manifest["xact_id"])
        cluster = (await opened(settings, upgrade=False)).embedded
        if cluster is None:
            raise EmbeddedOnly("Only the embedded database is restored.")
        step("restoring the database", 0, 1)
        try:
            dump.restore(cluster, DATABASE, Path(folder) / DUMP)
        except subprocess.CalledProcessError as error:
            why = error.stderr.decode(errors="replace").strip().splitlines()[:1]
            raise BackupInvalid(f"PostgreSQL could not restore the dump: {''.join(why)}") from error
        finally:
            cluster.stop()
        step("restoring the database", 1, 1)
    return await _proved(settings, manifest, step)


async def _proved(settings: Settings, manifest: Manifest, step: Step) -> list[Restored]:
    """Bring the database up to date, compare heads, verify everything."""
    access = await opened(settings)
    database = access.database()
    house = House(settings, access, database, system_viewer(utc_now()))
    try:
        found = []
        for said in manifest["cooperatives"]:
            id_ = CooperativeId(said["id"])
            head = await _head(house, id_, said["slug"])
            same = await _same_seal(house, id_, said["seal"], said["head"])
            async with database.snapshot(id_) as connection:
                result = await verify(connection, step)
            one = Restored(said["slug"], head["seal"], head["head"], same, result.count)
            found.append(one)
        return found
    finally:
        await database.close()
        if access.embedded is not None:
            access.embedded.stop()


async def _same_seal(
    house: House, cooperative_id: CooperativeId, number: int, head: str | None
) -> bool:
    """Whether the chain still holds the seal it ended in when the backup began."""
    async with house.database.snapshot(cooperative_id) as connection:
        found = (await queries.seals_by_numbers(connection, [number])).get(number)
    return (None if found is None else sealing.seal_facts(found).head.hex()) == head


def _unpack(file: Path, folder: Path, step: Step) -> Manifest:
    """Unpack into `folder` whatever the manifest names, each file with its hash. BACKUP_INVALID."""
    try:
        with tarfile.open(file, mode="r:") as tar:
            manifest = _manifest(tar)
            for done, (name, sha256) in enumerate(manifest["files"].items(), 1):
                tar.extract(name, folder, filter="data")
                if _sha256(folder / name) != sha256:
                    raise BackupInvalid(f"{name} is not what was backed up.", (name,))
                step("reading the backup", done, len(manifest["files"]))
    except (tarfile.TarError, KeyError, OSError, ValueError) as error:
        raise BackupInvalid(f"This is not a backup that can be read: {error}.") from error
    return manifest


def _manifest(tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    content = None if first is None or first.name != MANIFEST else tar.extractfile(first)
    if content is None:
        raise BackupInvalid("A backup begins with backup.json; this file does not.")
    found: Manifest = orjson.loads(content.read())
    if found["format"] != FORMAT:
        raise BackupInvalid(f"Format {found['format']} is not one this program reads.")
    for name in found["files"]:
        parts = PurePosixPath(name).parts
        if PurePosixPath(name).is_absolute() or ".." in parts or parts[0] in _LEFT_OUT:
            raise BackupInvalid("The backup names a file outside the data directory.", (name,))
    if DUMP not in found["files"]:
        raise BackupInvalid("The backup holds no database.")
    return found
