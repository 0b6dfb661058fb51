"""One form of bytes for every fact of a stored entry, and its hash.

The form, version 1, so that anyone can write a second implementation:

    field   = length ":" bytes, the length in decimal digits, or "-" for a fact that is absent
    entry   = field("coop.entry.v1") cooperative id kind effective_on recorded_at memo actor
              source_kind source_id resolution_id reverses_id metadata line_count line*
    line    = account fund commodity amount_minor

Ids are the 16 bytes of the UUID; text is UTF-8 as stored, without normalization; days are
YYYY-MM-DD; instants are UTC to the microsecond, YYYY-MM-DDTHH:MM:SS.ffffffZ; numbers are decimal
digits with a leading "-" below zero. Metadata is JSON with keys in code point order and no blanks,
in which only the quote, the backslash and control characters below U+0020 are escaped. Lines come
in line order. The hash is SHA-256 of those bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from coop.kernel.ids import AccountId, CooperativeId, EntryId, FundId

VERSION = b"coop.entry.v1"


@dataclass(frozen=True, slots=True)
class StoredPosting:
    """A posting as the ledger holds it; `amount_minor` in units of `commodity`, debit positive."""

    account_id: AccountId
    fund_id: FundId
    commodity: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """Every fact of an entry as the ledger holds it, with its postings in line order."""

    cooperative_id: CooperativeId
    id: EntryId
    kind: str
    effective_on: date
    recorded_at: datetime
    memo: str
    actor: str
    source: tuple[str, str] | None
    resolution_id: UUID | None
    reverses_id: EntryId | None
    metadata: Mapping[str, Any]
    postings: tuple[StoredPosting, ...]


def length_prefixed(fields: Iterable[bytes | None]) -> bytes:
    """Join fields so that no two lists of fields give the same bytes; None differs from empty."""
    return b"".join([b"-" if field is None else b"%d:%b" % (len(field), field) for field in fields])


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Write JSON in its canonical form. Never refuses: stored facts are hashed as they stand."""
    if not value:
        return b"{}"
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def canonical_bytes(entry: StoredEntry) -> bytes:
    """Write every fact of `entry` in the form this module opens with."""
    source_kind, source_id = entry.source or (None, None)
    recorded_at = entry.recorded_at.astimezone(UTC).isoformat(timespec="microseconds")
    fields: list[bytes | None] = [
        VERSION,
        entry.cooperative_id.bytes,
        entry.id.bytes,
        entry.kind.encode(),
        entry.effective_on.isoformat().encode(),
        recorded_at.replace("+00:00", "Z").encode(),
        entry.memo.encode(),
        entry.actor.encode(),
        None if source_kind is None else source_kind.encode(),
        None if source_id is None else source_id.encode(),
        entry.resolution_id.bytes if entry.resolution_id else None,
        entry.reverses_id.bytes if entry.reverses_id else None,
        json_bytes(entry.metadata),
        b"%d" % len(entry.postings),
    ]
    for posting in entry.postings:
        fields += (
            posting.account_id.bytes,
            posting.fund_id.bytes,
            posting.commodity.encode(),
            b"%d" % posting.amount_minor,
        )
    return length_prefixed(fields)


def content_hash(entry: StoredEntry) -> bytes:
    """SHA-256 of the canonical bytes: 32 bytes that change when any fact of the entry does."""
    return hashlib.sha256(canonical_bytes(entry)).digest()
