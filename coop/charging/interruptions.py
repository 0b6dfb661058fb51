"""When hubs and ports gave no power, or less: no idle fee runs then, and pledges are excused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import queries
from coop.charging.domain.interruption import Cause, Interruption
from coop.charging.errors import InterruptionOver, InterruptionUnderway
from coop.charging.tables import interruption
from coop.db.refusals import register
from coop.kernel.clock import utc_now
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId, HubId, uuid7
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer

NOTE_MAX = 500
register(
    "interruption_is_alone", InterruptionUnderway, "That cause interrupts it already at that time."
)


@dataclass(frozen=True, slots=True)
class InterruptionDraft:
    """An interruption to be recorded: of one port, or of the whole hub; no end: it lasts."""

    hub_id: HubId
    from_at: datetime
    cause: Cause
    port_id: UUID | None = None
    to_at: datetime | None = None
    note: str = ""


async def record_interruption(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    draft: InterruptionDraft,
) -> Interruption:
    """Record that a hub or port gave no power, or less. Charges stay until they are rated anew.

    Refuses INTERRUPTION_UNDERWAY, INVALID_VALUE (an end before the start, the future), FORBIDDEN,
    NOT_FOUND (an unknown hub, a port that is not the hub's).
    """
    require(viewer, Action.INTERRUPTION_RECORD, cooperative_id)
    _check_times(draft.from_at, draft.to_at)
    if len(draft.note) > NOTE_MAX or not draft.note.isprintable():
        raise InvalidValue(f"A note is at most {NOTE_MAX} printable characters.", ("note",))
    ports = (await queries.ports_of_hubs(connection, [draft.hub_id])).get(draft.hub_id, [])
    known = {one.id for one in ports}
    if draft.hub_id not in await queries.hubs_by_ids(connection, [draft.hub_id]) or (
        draft.port_id is not None and draft.port_id not in known
    ):
        raise absent()
    made = Interruption(
        uuid7(), draft.hub_id, draft.port_id, draft.from_at, draft.to_at, draft.cause, draft.note,
        viewer.subject, utc_now(),
    )  # fmt: skip
    values = {
        "cooperative_id": cooperative_id, "id": made.id, "hub_id": made.hub_id,
        "port_id": made.port_id, "from_at": made.from_at, "to_at": made.to_at,
        "cause": made.cause.value, "note": made.note, "recorded_by": made.recorded_by,
        "recorded_at": made.recorded_at,
    }  # fmt: skip
    await connection.execute(insert(interruption).values(values))
    return made


async def end_interruption(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    interruption_id: UUID,
    to_at: datetime,
) -> Interruption:
    """Record when an interruption was over; the same end again is answered.

    Refuses INTERRUPTION_OVER (another end), INVALID_VALUE, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.INTERRUPTION_RECORD, cooperative_id)
    found = (await queries.interruptions_by_ids(connection, [interruption_id])).get(interruption_id)
    if found is None:
        raise absent()
    if found.to_at == to_at:
        return found
    if found.to_at is not None:
        raise InterruptionOver(f"It was over at {found.to_at:%Y-%m-%d %H:%M} UTC.", ("to",))
    _check_times(found.from_at, to_at)
    c = interruption.c
    order = update(interruption).where(c.id == interruption_id, c.to_at.is_(None))
    ended = await connection.execute(order.values(to_at=to_at, ended_by=viewer.subject))
    if ended.rowcount == 0:
        raise InterruptionOver("Somebody recorded its end meanwhile.", ("to",))
    return replace(found, to_at=to_at)


def _check_times(from_at: datetime, to_at: datetime | None) -> None:
    for name, at in (("from", from_at), ("to", to_at)):
        if at is not None and at.tzinfo is None:
            raise InvalidValue("An instant comes with its offset.", (name,))
        if at is not None and at > utc_now():
            raise InvalidValue("What is recorded has happened.", (name,))
    if to_at is not None and to_at <= from_at:
        raise InvalidValue("It ends after it begins.", ("to",))
