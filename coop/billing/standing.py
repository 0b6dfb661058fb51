"""What stands of commitments, month by month: settlements, adjusting ones, what terms let go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.settlement import Settlement
from coop.billing.queries.settlements import StoredSettlement, movements_of, settlements_of


async def standing_of(
    connection: AsyncConnection, commitment_ids: Sequence[UUID]
) -> dict[UUID, dict[date, list[Settlement]]]:
    """By commitment and month, everything that was settled; added up it is what stands."""
    return (await standing_and_stored(connection, commitment_ids))[0]


async def standing_and_stored(
    connection: AsyncConnection, commitment_ids: Sequence[UUID]
) -> tuple[dict[UUID, dict[date, list[Settlement]]], dict[UUID, list[StoredSettlement]]]:
    """The same, and the settlements as they are kept, in the order they were made."""
    stored = await settlements_of(connection, commitment_ids)
    moved = await movements_of(connection, commitment_ids)
    found: dict[UUID, dict[date, list[Settlement]]] = {}
    for commitment_id in commitment_ids:
        months = found.setdefault(commitment_id, {})
        for one in stored.get(commitment_id, ()):
            months.setdefault(one.month, []).append(one.settlement)
        for line in moved.get(commitment_id, ()):
            if line.settlement_id is None:
                of_terms = Settlement(line.movement.month, movements=(line.movement,))
                months.setdefault(line.movement.month, []).append(of_terms)
    return found, stored
