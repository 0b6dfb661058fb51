"""Whose badge is whose, on which days."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging.domain.place import Holding
from coop.charging.tables import token
from coop.db.among import among
from coop.kernel.ids import MemberId


async def holdings_of(connection: AsyncConnection, uids: Iterable[str]) -> dict[str, list[Holding]]:
    """Whose each badge is and was, oldest first; uids in upper case."""
    return await _holdings(connection, among(token.c.uid, uids))


async def holdings_of_member(connection: AsyncConnection, member_id: MemberId) -> list[Holding]:
    """The badges a member has and had, by uid."""
    found = await _holdings(connection, token.c.member_id == member_id)
    return [holding for uid in sorted(found) for holding in found[uid]]


async def holding_by_id(connection: AsyncConnection, holding_id: UUID) -> Holding | None:
    """One assignment of a badge."""
    found = await _holdings(connection, token.c.id == holding_id)
    return next((holding for holdings in found.values() for holding in holdings), None)


async def _holdings(
    connection: AsyncConnection, condition: ColumnElement[bool]
) -> dict[str, list[Holding]]:
    found: dict[str, list[Holding]] = {}
    for row in await connection.execute(select(token).where(condition).order_by(token.c.from_on)):
        one = Holding(row.id, row.uid, MemberId(row.member_id), row.from_on, row.to_on)
        found.setdefault(one.uid, []).append(one)
    return found
