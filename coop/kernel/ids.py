"""Identifiers.

UUID version 7 (RFC 9562), so that ids of one writer sort by the time they were made.
"""

from __future__ import annotations

import os
import threading
import time
from typing import NewType
from uuid import UUID

CooperativeId = NewType("CooperativeId", UUID)
MemberId = NewType("MemberId", UUID)
HubId = NewType("HubId", UUID)
AccountId = NewType("AccountId", UUID)
FundId = NewType("FundId", UUID)
EntryId = NewType("EntryId", UUID)

_lock = threading.Lock()
_last = 0


def uuid7() -> UUID:
    """A fresh id, later than every id this process made before (42 random bits beside the time)."""
    global _last  # noqa: PLW0603 - the one counter that makes ids of a process monotonic
    with _lock:
        # 48 bits of milliseconds and 12 of their fraction, as method 3 of RFC 9562 section 6.2.
        millis, rest = divmod(time.time_ns(), 1_000_000)
        _last = max(_last + 1, millis << 12 | rest * 4096 // 1_000_000)
        stamp = _last
    tail = int.from_bytes(os.urandom(8), "big") & (1 << 62) - 1
    return UUID(int=(stamp >> 12) << 80 | 7 << 76 | (stamp & 0xFFF) << 64 | 2 << 62 | tail)
