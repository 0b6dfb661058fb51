"""Sessions of many members at once: the page and the sums of each, in one statement."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging.queries import (
    COUNTED,
    SESSION,
    SessionTotal,
    SessionWhere,
    StoredSession,
    conditions_of,
    sessions_in,
)
from coop.charging.tables import charging_session
from coop.db.among import among
from coop.db.each import page_of_each
from coop.db.keyset import windowed
from coop.kernel.ids import MemberId
from coop.kernel.window import Window

_C = charging_session.c


async def sessions_pages(
    connection: AsyncConnection, member_ids: Sequence[MemberId], where: SessionWhere, window: Window
) -> dict[MemberId, list[StoredSession]]:
    """The window of each member's sessions, as `queries.sessions_page` gives it."""
    statement = page_of_each(
        _C.member_id,
        member_ids,
        lambda member_id: windowed(
            select(*SESSION).where(_C.member_id == member_id, *conditions_of(where)),
            [_C.started_at, _C.id], window, descending=True,
        ),
    )  # fmt: skip
    found: dict[MemberId, list[StoredSession]] = {}
    for one in await sessions_in(connection, statement):
        if one.member_id is not None:
            found.setdefault(one.member_id, []).append(one)
    for page in found.values():
        page.sort(key=lambda one: (one.started_at, one.id), reverse=not window.backward)
    return found


async def sessions_totals(
    connection: AsyncConnection, member_ids: Sequence[MemberId], where: SessionWhere
) -> dict[MemberId, SessionTotal]:
    """What each member's sessions come to; a member without any is absent."""
    counted = _C.state.in_(COUNTED)
    rows = await connection.execute(
        select(
            _C.member_id,
            func.count(),
            func.coalesce(func.sum(_C.delivered_wh).filter(counted), 0),
            func.coalesce(func.sum(_C.amount_minor).filter(counted), 0),
        )
        .where(among(_C.member_id, member_ids), *conditions_of(where))
        .group_by(_C.member_id)
    )
    return {row[0]: SessionTotal(int(row[1]), int(row[2]), int(row[3])) for row in rows}
