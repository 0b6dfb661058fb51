"""Idempotency keys of requests that are not postings: the same table, the same promise.

A request asks for the outcome of its key first, and remembers its own in the commit that does the
work. Two at once under one key: the second waits for the first's commit, then conflicts, is tried
again and finds the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.kernel.ids import CooperativeId
from coop.ledger import tables


@dataclass(frozen=True, slots=True)
class KeyOutcome:
    """What a key was used for, and what came of it."""

    request_hash: bytes
    outcome: Mapping[str, Any]


async def outcome_of_key(
    connection: AsyncConnection, actor: str, key: str, *, held_for_s: int | None = None
) -> KeyOutcome | None:
    """What became of the actor's earlier request under this key, or None when it is new.

    Takes the key for the rest of the transaction, so that a twin waits here for this one's commit.
    Work done meanwhile in other transactions may take `held_for_s` seconds.
    """
    if held_for_s is not None:
        await connection.exec_driver_sql(
            f"SET LOCAL idle_in_transaction_session_timeout = '{held_for_s:d}s'"
        )
    await connection.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(f"key:{actor}:{key}", 9)))
    )
    table = tables.idempotency.c
    row = (
        await connection.execute(
            select(table.request_hash, table.outcome).where(table.actor == actor, table.key == key)
        )
    ).one_or_none()
    return None if row is None else KeyOutcome(bytes(row.request_hash), row.outcome or {})


async def remember_outcome(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    actor: str,
    key: str,
    request_hash: bytes,
    outcome: Mapping[str, Any],
) -> None:
    """Keep what came of the request, in the transaction that did it."""
    await connection.execute(
        insert(tables.idempotency).values(
            cooperative_id=cooperative_id,
            actor=actor,
            key=key,
            request_hash=request_hash,
            outcome=outcome,
        )
    )
