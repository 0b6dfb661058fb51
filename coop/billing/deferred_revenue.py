"""Deferred revenue of make-up credits over months, as the books have it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.deferred import RollForward, rolled
from coop.billing.errors import CommitmentInvalid
from coop.billing.queries.settlements import all_movements
from coop.kernel.ids import CooperativeId
from coop.members.domain.policy import Action, require
from coop.members.domain.roles import Viewer


async def deferred_revenue(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    from_on: date,
    to_on: date,
) -> RollForward:
    """How the liability of account 2420 moved over the months [from_on, to_on), by the books.

    A movement counts in the month its entry takes effect, adjusting ones too. Refuses
    COMMITMENT_INVALID, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.BOOKS_READ, cooperative_id)
    if from_on.day != 1 or to_on.day != 1 or to_on <= from_on:
        raise CommitmentInvalid("It moves over whole months.", ("to",))
    found = await all_movements(connection, to_on)
    return rolled(
        (replace(one.movement, month=one.effective_on.replace(day=1)) for one in found),
        from_on,
        to_on,
    )
