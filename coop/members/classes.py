"""Which class a member is of on which days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from sqlalchemy import insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.db.among import among
from coop.kernel.clock import utc_now
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import uuid7
from coop.members import queries
from coop.members.domain.classes import GUEST, MemberClass, class_named
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer
from coop.members.tables import member_class

_C = member_class.c
# The lock that the database's own guard takes (sql/member_class_is_one.sql).
_LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended("
    "'member_class:' || CAST(:cooperative AS uuid) || CAST(:member AS uuid), 0))"
)


async def set_member_class(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: UUID,
    member_id: UUID,
    name: str,
    from_on: date,
) -> MemberClass | None:
    """Let a member be of class `name` from a day on; empty: of none, and None is answered.

    What was set for that day or later is withdrawn, what began before ends there. Charges stay as
    they are until they are rated anew. The same again changes nothing. Refuses INVALID_VALUE (and
    `guest`, which is nobody's), FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.MEMBER_ADMIT, cooperative_id)
    wanted = class_named(name, "class")
    if wanted == GUEST:
        raise InvalidValue("Guests are of class guest; members never are.", ("class",))
    if member_id not in await queries.members_by_ids(connection, cooperative_id, [member_id]):
        raise absent()
    await connection.execute(_LOCK, {"cooperative": cooperative_id, "member": member_id})
    known = (await classes_of_members(connection, [member_id])).get(member_id, [])
    standing = [one for one in known if one.to_on is None and one.from_on <= from_on]
    if standing and standing[0].name == wanted:
        return standing[0]
    await _end(connection, viewer, member_id, from_on)
    if not wanted:
        return None
    made = MemberClass(uuid7(), member_id, wanted, from_on, None)
    values = {
        "cooperative_id": cooperative_id, "id": made.id, "member_id": member_id, "class": wanted,
        "from_on": from_on, "set_by": viewer.subject, "set_at": utc_now(),
    }  # fmt: skip
    await connection.execute(insert(member_class).values(values))
    return made


async def _end(connection: AsyncConnection, viewer: Viewer, member_id: UUID, on: date) -> None:
    """Withdraw what begins on `on` or later, and end what lasts over it."""
    later = update(member_class).where(_C.member_id == member_id, _C.from_on >= on)
    standing = or_(_C.to_on.is_(None), _C.to_on > _C.from_on)
    await connection.execute(
        later.where(standing).values(to_on=_C.from_on, ended_by=viewer.subject)
    )
    lasting = update(member_class).where(
        _C.member_id == member_id, _C.from_on < on, or_(_C.to_on.is_(None), _C.to_on > on)
    )
    await connection.execute(lasting.values(to_on=on, ended_by=viewer.subject))


async def classes_of_members(
    connection: AsyncConnection, member_ids: Iterable[UUID]
) -> dict[UUID, list[MemberClass]]:
    """The classes each member is and was of, oldest first; a withdrawn one is not among them."""
    statement = (
        select(member_class)
        .where(among(_C.member_id, member_ids), or_(_C.to_on.is_(None), _C.to_on > _C.from_on))
        .order_by(_C.from_on)
    )
    found: dict[UUID, list[MemberClass]] = {}
    for row in (await connection.execute(statement)).mappings():
        one = MemberClass(row["id"], row["member_id"], row["class"], row["from_on"], row["to_on"])
        found.setdefault(one.member_id, []).append(one)
    return found
