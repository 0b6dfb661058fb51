"""What the house may ask of charging. Nothing here commits; importing.py reads whole files.

    register_hub(s), register_ports                   where charging happens (tariffs.py: its price)
    assign_token, register_tokens, end_token          whose badge is whose
    mark_reviewed                                     somebody has looked at a doubtful session

A session of a badge that nobody is known for is held in suspense: charged to guests (1220 / 4050).
When the badge is assigned, its sessions on those days move to the member, priced by its class: a
reversal and a new entry each, linked as rating.py says.

States of a session: `charged` to a member, `suspended` until somebody is known, `credited` by a
credit CDR, or itself the `credit`. Only the first two count in sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import queries
from coop.charging.domain.place import (
    Holding,
    HoldingDraft,
    Hub,
    HubDraft,
    Port,
    PortDraft,
)
from coop.charging.errors import HubTaken, PortTaken, TokenHeld
from coop.charging.rating import move_to_member
from coop.charging.tables import charging_session, hub, port, token
from coop.db.refusals import register
from coop.kernel.clock import utc_now
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId, HubId, uuid7
from coop.members import queries as member_queries
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer

for _constraint, _kind, _message in (
    ("uq_hub_cooperative_id_ref", HubTaken, "Another hub goes by this reference."),
    ("uq_port_cooperative_id_hub_id_ref", PortTaken, "Another port goes by this reference."),
    ("token_has_one_holder", TokenHeld, "The badge belongs to a member on some of those days."),
):  # fmt: skip
    register(_constraint, _kind, _message)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A badge that was given to a member, and how many suspended sessions it brought along."""

    holding: Holding
    moved: int


async def register_hub(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId, draft: HubDraft
) -> Hub:
    """Register one hub. Refuses HUB_REF_TAKEN, INVALID_VALUE, FORBIDDEN, NOT_FOUND."""
    require(viewer, Action.HUB_MANAGE, cooperative_id)
    if await queries.hubs_by_refs(connection, [draft.normal_ref]):
        raise HubTaken(f'Another hub goes by "{draft.normal_ref}".', ("ref",))
    return (await register_hubs(connection, viewer, cooperative_id, [draft]))[draft.normal_ref]


async def register_hubs(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    drafts: Sequence[HubDraft],
) -> dict[str, Hub]:
    """Register the hubs whose reference is not there yet; answers all of them by reference."""
    require(viewer, Action.HUB_MANAGE, cooperative_id)
    now = utc_now()
    rows = [
        {
            "cooperative_id": cooperative_id, "id": uuid7(), "ref": draft.normal_ref,
            "name": draft.name, "time_zone": draft.time_zone.key, "power_w": draft.power_w,
            "registered_at": now,
        }
        for draft in drafts
    ]  # fmt: skip
    if rows:
        order = insert(hub).on_conflict_do_nothing(index_elements=["cooperative_id", "ref"])
        await connection.execute(order, rows)
    return await queries.hubs_by_refs(connection, [draft.normal_ref for draft in drafts])


async def register_ports(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    drafts: Sequence[PortDraft],
) -> dict[tuple[HubId, str], Port]:
    """Register the ports that are not there yet; answers all of them by hub and reference."""
    require(viewer, Action.HUB_MANAGE, cooperative_id)
    now = utc_now()
    rows = [
        {
            "cooperative_id": cooperative_id, "id": uuid7(), "hub_id": draft.hub_id,
            "ref": draft.normal_ref, "power_w": draft.power_w, "registered_at": now,
        }
        for draft in drafts
    ]  # fmt: skip
    if rows:
        unique = ["cooperative_id", "hub_id", "ref"]
        await connection.execute(insert(port).on_conflict_do_nothing(index_elements=unique), rows)
    found = await queries.ports_of_hubs(connection, {draft.hub_id for draft in drafts})
    return {(one.hub_id, one.ref): one for ports in found.values() for one in ports}


async def register_tokens(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    drafts: Sequence[HoldingDraft],
) -> list[Holding]:
    """Give badges to members, a thousand as easily as one; suspended sessions stay where they are.

    Refuses TOKEN_HELD (then none is given), INVALID_VALUE, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.MEMBER_ADMIT, cooperative_id)
    return await _give(connection, viewer, cooperative_id, drafts)


async def _give(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    drafts: Sequence[HoldingDraft],
) -> list[Holding]:
    members = {draft.member_id for draft in drafts}
    if len(await member_queries.members_by_ids(connection, cooperative_id, members)) < len(members):
        raise absent()
    now = utc_now()
    made = [
        Holding(uuid7(), draft.normal_uid, draft.member_id, draft.from_on, draft.to_on)
        for draft in drafts
    ]
    rows = [
        {
            "cooperative_id": cooperative_id, "id": one.id, "uid": one.uid,
            "member_id": one.member_id, "from_on": one.from_on, "to_on": one.to_on,
            "assigned_by": viewer.subject, "assigned_at": now,
        }
        for one in sorted(made, key=lambda one: one.uid)
    ]  # fmt: skip
    if rows:
        await connection.execute(insert(token), rows)
    return made


async def assign_token(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    draft: HoldingDraft,
    *,
    effective_on: date | None = None,
) -> Assignment:
    """Give a badge to a member and move its suspended sessions on those days to the member.

    Each is priced by the member's class and moves on the day it counts for, or on `effective_on`
    where that month is closed. Refuses TOKEN_HELD, PERIOD_CLOSED, PRICE_MISSING, INVALID_VALUE,
    FORBIDDEN, NOT_FOUND; then nothing has moved.
    """
    require(viewer, Action.SESSION_IMPORT, cooperative_id)
    (holding,) = await _give(connection, viewer, cooperative_id, [draft])
    found = await queries.suspended_sessions(connection, holding.uid)
    zones = {one.id: one.time_zone for one in await queries.hubs(connection)}
    moving = [s for s in found if holding.on(s.started_at.astimezone(zones[s.hub_id]).date())]
    await move_to_member(
        connection, viewer, cooperative_id, moving, holding.member_id, effective_on
    )
    return Assignment(holding, len(moving))


async def end_token(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    holding_id: UUID,
    to_on: date,
) -> None:
    """Let `to_on` be the first day a badge is no longer its holder's; charges stay.

    Refuses INVALID_VALUE (an end before the first day, or a later end than it has), FORBIDDEN,
    NOT_FOUND.
    """
    require(viewer, Action.MEMBER_ADMIT, cooperative_id)
    holding = await queries.holding_by_id(connection, holding_id)
    if holding is None:
        raise absent()
    if to_on <= holding.from_on or (holding.to_on is not None and to_on > holding.to_on):
        raise InvalidValue(f"It is held from {holding.from_on} to {holding.to_on}.", ("to",))
    await connection.execute(
        update(token).where(token.c.id == holding_id).values(to_on=to_on, ended_by=viewer.subject)
    )


async def mark_reviewed(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId, ids: Iterable[UUID]
) -> int:
    """Take sessions off the review list: somebody has looked. Answers how many were on it."""
    require(viewer, Action.SESSION_IMPORT, cooperative_id)
    order = (
        update(charging_session)
        .where(charging_session.c.id.in_(list(ids)), charging_session.c.reviewed_at.is_(None))
        .values(reviewed_by=viewer.subject, reviewed_at=utc_now())
    )
    return (await connection.execute(order)).rowcount
