"""Closing a month from outside: fence, seal, keep; again under the same key changes nothing.

    begin_close   its own transaction: from here on nothing is posted into the month
    seal          everything recorded so far, however many seals that takes
    finish_close  closing balances and the outcome of the key, in one commit

Killed in between, the month stays CLOSING, and closing it again goes on from there.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.db.engine import Database
from coop.kernel.ids import CooperativeId
from coop.ledger import queries, service
from coop.ledger.domain.period import PeriodState
from coop.ledger.errors import IdempotencyMismatch, PeriodUnknown, PeriodUnsealed
from coop.ledger.keys import outcome_of_key, remember_outcome
from coop.ledger.sealing import seal_everything
from coop.members.domain.roles import Viewer


@dataclass(frozen=True, slots=True)
class Closed:
    """The period's row as it is now, and whether an earlier request under the key closed it."""

    row: Row[Any]
    replayed: bool


async def close_period(
    database: Database,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    period_id: UUID,
    *,
    idempotency_key: str | None = None,
) -> Closed:
    """Close a month. Refuses what `service.begin_close` refuses, and IDEMPOTENCY_MISMATCH.

    A transaction elsewhere that still runs may leave entries unsealed; the month then stays CLOSING
    and the same call finishes it later.
    """
    request = hashlib.sha256(b"period_close:" + period_id.bytes).digest()
    key = _Key(cooperative_id, viewer.subject, idempotency_key, request)

    async def begin(connection: AsyncConnection) -> bool:
        if await _known(connection, key):
            return True
        row = await queries.period_by_id(connection, period_id)
        if row is None or row.state != PeriodState.CLOSING.value:
            await service.begin_close(connection, viewer, cooperative_id, period_id)
        return False

    replayed = await database.unit_of_work(cooperative_id, begin)
    if not replayed:
        number = await seal_everything(database, cooperative_id)

        async def finish(connection: AsyncConnection) -> bool:
            if await _known(connection, key):  # by a twin, since
                return True
            await service.finish_close(connection, viewer, cooperative_id, period_id, number)
            await _remember(connection, key)
            return False

        with suppress(PeriodUnsealed):
            replayed = await database.unit_of_work(cooperative_id, finish)
    async with database.snapshot(cooperative_id) as connection:
        row = await queries.period_by_id(connection, period_id)
    if row is None:
        raise PeriodUnknown("There is no such period.")
    return Closed(row, replayed)


@dataclass(frozen=True, slots=True)
class _Key:
    cooperative_id: CooperativeId
    actor: str
    text: str | None
    request: bytes


async def _known(connection: AsyncConnection, key: _Key) -> bool:
    if key.text is None:
        return False
    known = await outcome_of_key(connection, key.actor, key.text)
    if known is not None and known.request_hash != key.request:
        raise IdempotencyMismatch(
            "This key was used before, for another request.", ("idempotency_key",)
        )
    return known is not None


async def _remember(connection: AsyncConnection, key: _Key) -> None:
    if key.text is not None:
        await remember_outcome(connection, key.cooperative_id, key.actor, key.text, key.request, {})
