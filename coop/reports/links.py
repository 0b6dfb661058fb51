"""Links to documents that work for minutes, for one document, and are never written down.

    /documents/<cooperative>/<document>?expires=<unix seconds>&signature=<hmac>

The signature covers all three with a key of this installation, so a link can be neither changed
nor made elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

LIFETIME = timedelta(minutes=5)
KEY_BYTES = 32
STAMP_MAX = 11  # digits: beyond the year 5000


@dataclass(frozen=True, slots=True)
class DocumentLinks:
    """Makes and checks links; `base_url` is how clients reach the server."""

    key: bytes
    base_url: str = ""

    def link(self, cooperative_id: UUID, document_id: UUID, at: datetime) -> tuple[str, datetime]:
        """A link to this document, and when it stops working."""
        expires_at = (at + LIFETIME).replace(microsecond=0)
        stamp = int(expires_at.timestamp())
        signature = self._signature(cooperative_id, document_id, stamp)
        path = f"/documents/{cooperative_id}/{document_id}"
        return f"{self.base_url}{path}?expires={stamp}&signature={signature}", expires_at

    def opens(
        self, cooperative_id: UUID, document_id: UUID, expires: str, signature: str, at: datetime
    ) -> bool:
        """Whether a link with these parts was made here and still works."""
        if not (expires.isascii() and expires.isdigit() and len(expires) <= STAMP_MAX):
            return False
        expected = self._signature(cooperative_id, document_id, int(expires))
        genuine = hmac.compare_digest(expected.encode(), signature.encode())
        return genuine and at < datetime.fromtimestamp(int(expires), UTC)

    def _signature(self, cooperative_id: UUID, document_id: UUID, stamp: int) -> str:
        signed = f"coop.document.v1:{cooperative_id}:{document_id}:{stamp}".encode()
        return hmac.new(self.key, signed, hashlib.sha256).hexdigest()


def link_key(data_dir: Path) -> bytes:
    """The installation's key for links, made on first use, readable by its owner only."""
    path = data_dir / "document-key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(KEY_BYTES))
    return bytes.fromhex(path.read_text())
