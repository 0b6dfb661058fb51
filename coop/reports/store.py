"""Where documents are kept: a directory, or a bucket by URL. Named by their hash, written once.

A directory gets a file whole or not at all (written beside its place, synced, renamed), a bucket by
its own promise. What is there under a hash is never written again, so storing twice costs nothing
and a retry is safe. `open_store` chooses: COOP_DOCUMENTS_URL (s3://, gs://, az://, with
credentials from their usual places), or else `documents` in the data directory.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import anyio.to_thread
import obstore
from obstore.store import ObjectStore, from_url

from coop.reports.batch import write_whole
from coop.reports.errors import DocumentMissing

CHUNK_BYTES = 256 * 1024


class DocumentStore(Protocol):
    """What keeps documents."""

    async def put(self, content: bytes) -> str:
        """Keep `content`; answers the key it is found under, which is made of its hash."""

    def read(self, key: str) -> AsyncIterator[bytes]:
        """The bytes under `key`, in pieces. Refuses DOCUMENT_MISSING."""


def open_store(data_dir: Path, url: str | None = None) -> DocumentStore:
    """The store at `url`, or the directory `documents` in `data_dir`."""
    return BucketStore(from_url(url)) if url else DirectoryStore(data_dir / "documents")


async def document_bytes(store: DocumentStore, key: str) -> bytes:
    """All of a document. Refuses DOCUMENT_MISSING."""
    return b"".join([piece async for piece in store.read(key)])


def key_of(content: bytes) -> str:
    """The key of `content`: sha256/ab/cdef… in hexadecimal, a folder for each first byte."""
    digest = hashlib.sha256(content).hexdigest()
    return f"sha256/{digest[:2]}/{digest[2:]}"


@dataclass(frozen=True, slots=True)
class DirectoryStore:
    """Documents as files under `root`."""

    root: Path

    async def put(self, content: bytes) -> str:
        """Keep `content`; answers its key."""
        return await anyio.to_thread.run_sync(self._put, content)

    def _put(self, content: bytes) -> str:
        key = key_of(content)
        path = self.root / key
        # A file of another length is what a broken disk left; one of this length is this one.
        if not path.exists() or path.stat().st_size != len(content):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
        return key

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """The bytes under `key`, in pieces. Refuses DOCUMENT_MISSING."""
        try:
            async with await anyio.open_file(self.root / key, "rb") as file:
                while piece := await file.read(CHUNK_BYTES):
                    yield piece
        except FileNotFoundError:
            raise DocumentMissing("The file of this document is not in the store.") from None


@dataclass(frozen=True, slots=True)
class BucketStore:
    """Documents as objects of a bucket."""

    bucket: ObjectStore

    async def put(self, content: bytes) -> str:
        """Keep `content`; answers its key."""
        key = key_of(content)
        await obstore.put_async(self.bucket, key, content)
        return key

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """The bytes under `key`, in pieces. Refuses DOCUMENT_MISSING."""
        try:
            found = await obstore.get_async(self.bucket, key)
        except FileNotFoundError:
            raise DocumentMissing("The object of this document is not in the store.") from None
        async for piece in found.stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(piece)
