"""What is kept is found again, whole, under its hash; written once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from coop.reports.errors import DocumentMissing
from coop.reports.store import (
    CHUNK_BYTES,
    BucketStore,
    DirectoryStore,
    DocumentStore,
    document_bytes,
    open_store,
)

pytestmark = pytest.mark.anyio

LONG = bytes(range(256)) * (CHUNK_BYTES // 128)


@pytest.fixture(params=["directory", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> DocumentStore:
    return DirectoryStore(tmp_path) if request.param == "directory" else BucketStore(MemoryStore())


@pytest.mark.parametrize("content", [b"x", LONG])
async def test_what_is_kept_is_found_under_its_hash(store: DocumentStore, content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    assert await store.put(content) == f"sha256/{digest[:2]}/{digest[2:]}"
    assert await store.put(content) == f"sha256/{digest[:2]}/{digest[2:]}"
    assert await document_bytes(store, await store.put(content)) == content


async def test_what_is_not_there_is_missing(store: DocumentStore) -> None:
    with pytest.raises(DocumentMissing):
        await document_bytes(store, "sha256/00/00")


async def test_a_file_is_written_once_and_mended_if_it_was_cut(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    path = tmp_path / await store.put(b"whole")
    written = path.stat().st_ino
    await store.put(b"whole")
    assert path.stat().st_ino == written
    path.write_bytes(b"who")
    await store.put(b"whole")
    assert path.read_bytes() == b"whole"
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_url_decides(tmp_path: Path) -> None:
    assert open_store(tmp_path) == DirectoryStore(tmp_path / "documents")
    assert isinstance(open_store(tmp_path, "memory:///"), BucketStore)
