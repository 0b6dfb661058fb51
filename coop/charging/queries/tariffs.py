"""Versions of tariffs, and what interrupted hubs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging.domain.interruption import Cause, Interruption
from coop.charging.domain.versions import TariffBook, TariffVersion
from coop.charging.tables import hub, interruption, tariff_version
from coop.db.among import among
from coop.db.each import page_of_each
from coop.db.keyset import windowed
from coop.kernel.ids import HubId
from coop.kernel.window import Window

_V = tariff_version.c
_I = interruption.c


async def tariff_book(connection: AsyncConnection, hub_ids: Iterable[UUID]) -> TariffBook:
    """Every version that can count at these hubs: their own, and those of every hub."""
    ours = or_(_V.hub_id.is_(None), among(_V.hub_id, hub_ids))
    return TariffBook(await _versions(connection, select(tariff_version).where(ours)))


async def tariff_versions(
    connection: AsyncConnection, hub_id: HubId | None = None
) -> list[TariffVersion]:
    """Every version of one hub, or of all and of every hub; by hub, class and instant."""
    statement = select(tariff_version).order_by(
        _V.hub_id.nulls_first(), _V.member_class, _V.from_at, _V.version
    )
    if hub_id is not None:
        statement = statement.where(_V.hub_id == hub_id)
    return await _versions(connection, statement)


async def tariff_versions_by_ids(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, TariffVersion]:
    """The versions of those ids that exist."""
    found = await _versions(connection, select(tariff_version).where(among(_V.id, ids)))
    return {one.id: one for one in found}


async def tariffs_pages(
    connection: AsyncConnection, hub_ids: Iterable[UUID], window: Window
) -> dict[UUID, list[TariffVersion]]:
    """The window of what may count at each hub by (from_at, id), the latest first.

    Its own versions, and those of every hub.
    """
    statement = page_of_each(
        hub.c.id,
        hub_ids,
        lambda hub_id: windowed(
            select(tariff_version, hub_id.label("asked")).where(
                or_(_V.hub_id == hub_id, _V.hub_id.is_(None))
            ),
            [_V.from_at, _V.id], window, descending=True,
        ),
    )  # fmt: skip
    found: dict[UUID, list[TariffVersion]] = {}
    for row in (await connection.execute(statement)).mappings():
        values = dict(row)
        found.setdefault(values.pop("asked"), []).append(TariffVersion(**values))
    for page in found.values():
        page.sort(key=lambda one: (one.from_at, one.id), reverse=not window.backward)
    return found


async def tariffs_counts(connection: AsyncConnection, hub_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many versions may count at each hub."""
    wanted = or_(_V.hub_id == hub.c.id, _V.hub_id.is_(None))
    rows = await connection.execute(
        select(hub.c.id, func.count())
        .join(tariff_version, wanted)
        .where(among(hub.c.id, hub_ids))
        .group_by(hub.c.id)
    )
    return {row[0]: int(row[1]) for row in rows}


async def tariff_ends(connection: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, datetime]:
    """When the next of its scope takes each version's place; one that stands is absent."""
    following = tariff_version.alias("following")
    statement = (
        select(_V.id, func.min(following.c.from_at))
        .join(
            following,
            following.c.hub_id.is_not_distinct_from(_V.hub_id)
            & (following.c.member_class == _V.member_class)
            & (tuple_(following.c.from_at, following.c.version) > tuple_(_V.from_at, _V.version)),
        )
        .where(among(_V.id, ids))
        .group_by(_V.id)
    )
    return {row[0]: row[1] for row in await connection.execute(statement)}


async def _versions(connection: AsyncConnection, statement: Select[Any]) -> list[TariffVersion]:
    rows = await connection.execute(statement)
    return [TariffVersion(**row) for row in rows.mappings()]


async def interruptions(
    connection: AsyncConnection,
    hub_ids: Iterable[UUID],
    from_at: datetime | None = None,
    to_at: datetime | None = None,
) -> list[Interruption]:
    """What interrupted these hubs or their ports at some time of [from_at, to_at), in order."""
    statement = select(interruption).where(among(_I.hub_id, hub_ids))
    if to_at is not None:
        statement = statement.where(_I.from_at < to_at)
    if from_at is not None:
        statement = statement.where(or_(_I.to_at.is_(None), _I.to_at > from_at))
    return await _interruptions(connection, statement.order_by(_I.from_at, _I.id))


async def interruptions_by_ids(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, Interruption]:
    """The interruptions of those ids that exist."""
    found = await _interruptions(connection, select(interruption).where(among(_I.id, ids)))
    return {one.id: one for one in found}


async def _interruptions(connection: AsyncConnection, statement: Select[Any]) -> list[Interruption]:
    return [
        Interruption(
            row.id, HubId(row.hub_id), row.port_id, row.from_at, row.to_at, Cause(row.cause),
            row.note, row.recorded_by, row.recorded_at,
        )
        for row in await connection.execute(statement)
    ]  # fmt: skip
