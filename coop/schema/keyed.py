"""Mutations under an idempotency key: the work and its outcome in one commit.

    outcome, replayed = await under_key(context, cooperative_id, "planSet", input, work)

`work` does what is asked and answers what is to be remembered (JSON, ids as text); the same input
under the same key again is answered with that. A twin at the same time waits for the first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.kernel.ids import CooperativeId
from coop.ledger.errors import IdempotencyMismatch
from coop.ledger.keys import outcome_of_key, remember_outcome
from coop.members.domain.fields import access_of
from coop.members.domain.policy import Action, require
from coop.schema.context import Context

Outcome = Mapping[str, Any]


async def under_key(
    context: Context,
    cooperative_id: CooperativeId,
    mutation: str,
    input: Any,
    work: Callable[[AsyncConnection], Awaitable[Outcome]],
    *,
    held_for_s: int | None = None,
) -> tuple[Outcome, bool]:
    """What came of `work` under the input's key, and whether it was done before.

    `work` is to ask whether the viewer may. Refuses IDEMPOTENCY_MISMATCH, and what `work` refuses:
    then nothing is remembered.
    """
    key, subject = input.idempotency_key, context.viewer.subject
    request = hashlib.sha256(f"{mutation}:{cooperative_id}:{input!r}".encode()).digest()

    async def once(connection: AsyncConnection) -> tuple[Outcome, bool]:
        known = await outcome_of_key(connection, subject, key, held_for_s=held_for_s)
        if known is not None:
            if known.request_hash != request:
                raise IdempotencyMismatch(
                    "This key was used before, for another request.", ("idempotency_key",)
                )
            _refuse_former(context, mutation, cooperative_id)
            return known.outcome, True
        outcome = await work(connection)
        await remember_outcome(connection, cooperative_id, subject, key, request, outcome)
        return outcome, False

    return await context.database.unit_of_work(cooperative_id, once)


def _refuse_former(context: Context, mutation: str, cooperative_id: CooperativeId) -> None:
    """Refuse whoever might order this once and may no more: an outcome is not told to them."""
    action = access_of(f"Mutation.{mutation}")
    if isinstance(action, Action) and context.extent(action, cooperative_id).is_empty:
        require(context.viewer, action, cooperative_id)
