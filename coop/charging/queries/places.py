"""Hubs and ports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging.domain.place import Hub, Port
from coop.charging.tables import hub, port
from coop.db.among import among
from coop.db.keyset import windowed
from coop.kernel.ids import HubId
from coop.kernel.window import Window


async def hubs(connection: AsyncConnection) -> list[Hub]:
    """Every hub, by name."""
    return await _hubs(connection, select(hub).order_by(hub.c.name, hub.c.id))


async def hubs_page(connection: AsyncConnection, window: Window) -> list[Hub]:
    """Hubs by (ref, id), as many as the window holds."""
    return await _hubs(connection, windowed(select(hub), [hub.c.ref, hub.c.id], window))


async def hubs_count(connection: AsyncConnection) -> int:
    """How many hubs there are."""
    return int(await connection.scalar(select(func.count()).select_from(hub)) or 0)


async def hubs_by_ids(connection: AsyncConnection, ids: Iterable[UUID]) -> dict[HubId, Hub]:
    """The hubs of those ids that exist."""
    found = await _hubs(connection, select(hub).where(among(hub.c.id, ids)))
    return {one.id: one for one in found}


async def hubs_by_refs(connection: AsyncConnection, refs: Iterable[str]) -> dict[str, Hub]:
    """The hubs that charging platforms call so."""
    found = await _hubs(connection, select(hub).where(among(hub.c.ref, refs)))
    return {one.ref: one for one in found}


async def _hubs(connection: AsyncConnection, statement: Select[Any]) -> list[Hub]:
    rows = await connection.execute(statement)
    return [
        Hub(HubId(row.id), row.ref, row.name, ZoneInfo(row.time_zone), row.power_w) for row in rows
    ]


async def ports_of_hubs(
    connection: AsyncConnection, hub_ids: Iterable[UUID]
) -> dict[HubId, list[Port]]:
    """The ports of each hub, by ref."""
    statement = select(port).where(among(port.c.hub_id, hub_ids)).order_by(port.c.ref)
    found: dict[HubId, list[Port]] = {}
    for row in await connection.execute(statement):
        one = Port(row.id, HubId(row.hub_id), row.ref, row.power_w)
        found.setdefault(one.hub_id, []).append(one)
    return found


async def ports_by_ids(connection: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Port]:
    """The ports of those ids that exist."""
    rows = await connection.execute(select(port).where(among(port.c.id, ids)))
    return {row.id: Port(row.id, HubId(row.hub_id), row.ref, row.power_w) for row in rows}
