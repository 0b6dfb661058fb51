"""What the house may ask of this room: cooperatives, members, roles, access tokens.

Each order takes the connection of a unit of work, asks the policy whether the viewer may, decides,
and writes; none commits. Orders that depend on what is there already (the next member number, the
roles a subject holds) lock the cooperative's row first, so that two of them take turns.

A new installation begins with the command line's `system_viewer`: it sets up a cooperative and
grants its first administrator, who grants the rest.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Table, Update, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.kernel.clock import utc_now, zone_named
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import uuid7
from coop.kernel.money import currency_scale
from coop.members import queries
from coop.members.domain.access_token import SECRET_BYTES, TokenKey, sha256_of, token_text
from coop.members.domain.people import (
    NUMBER_MAX,
    AccessToken,
    Cooperative,
    Member,
    MemberDraft,
    number_of,
    require_email,
    require_slug,
    require_subject,
    require_text,
)
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Role, RoleGrant, Viewer, excludes, require_scope
from coop.members.domain.scopes import TokenLimits, limits_of, require_term
from coop.members.errors import (
    LeavingInvalid,
    MemberLeft,
    MemberNumberInvalid,
    MemberNumberTaken,
    RoleEnded,
    RoleForOneself,
    RoleHeld,
    RolesIncompatible,
    SlugTaken,
    TokenExpired,
    TokenInvalid,
    TokenRevoked,
)
from coop.members.tables import access_token, cooperative, member, person_role

USE_NOTED_EVERY: Final = timedelta(minutes=1)


async def create_cooperative(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: UUID,
    *,
    slug: str,
    name: str,
    currency: str,
    time_zone: str,
) -> Cooperative:
    """Set up a cooperative; the unit of work is bound to its new `cooperative_id`.

    Refuses SLUG_INVALID, SLUG_TAKEN, INVALID_VALUE (name, currency, time zone), FORBIDDEN.
    """
    require(viewer, Action.COOPERATIVE_CREATE, cooperative_id)
    currency_scale(currency)
    made = Cooperative(
        id=cooperative_id,
        slug=require_slug(slug),
        name=require_text(name, "name"),
        currency=currency,
        time_zone=zone_named(time_zone),
        created_at=utc_now(),
    )
    values = {
        "cooperative_id": made.id, "slug": made.slug, "name": made.name, "currency": made.currency,
        "time_zone": made.time_zone.key, "created_at": made.created_at, "last_member_number": 0,
    }  # fmt: skip
    order = insert_or(cooperative).values(values).on_conflict_do_nothing(index_elements=["slug"])
    if (await connection.execute(order)).rowcount == 0:
        raise SlugTaken(f'Another cooperative is called "{slug}".', ("slug",))
    return made


async def admit_member(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: UUID,
    *,
    name: str,
    joined_on: date,
    number: str | None = None,
    email: str | None = None,
) -> Member:
    """Admit one member; without a number it is given the next.

    Refuses MEMBER_NUMBER_TAKEN, MEMBER_NUMBER_INVALID, INVALID_VALUE, FORBIDDEN, NOT_FOUND.
    """
    draft = MemberDraft(name, joined_on, number, email)
    (admitted,) = await register_members(connection, viewer, cooperative_id, [draft])
    if not admitted.is_new:
        raise MemberNumberTaken(f"Another member has number {number}.", ("number",))
    return admitted.member


@dataclasses.dataclass(frozen=True, slots=True)
class Registered:
    """A member, and whether this order made it or found it under its number."""

    member: Member
    is_new: bool


async def register_members(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: UUID,
    drafts: Sequence[MemberDraft],
) -> list[Registered]:
    """Admit who is not there yet, a thousand as easily as one; answers in the order of `drafts`.

    A draft whose number exists is answered with the member found, unchanged, so that an import can
    be repeated. Of two drafts with one number the first counts. Two or three round trips. Refuses
    as `admit_member` does, except for a taken number.
    """
    require(viewer, Action.MEMBER_ADMIT, cooperative_id)
    numbered = await _numbered(connection, cooperative_id, [_sound(draft) for draft in drafts])
    if not numbered:
        return []
    values: dict[str, dict[str, object]] = {}
    for number, draft in numbered:
        row = {**dataclasses.asdict(draft), "number": number, "id": uuid7()}
        values.setdefault(number, {"cooperative_id": cooperative_id, **row})
    order = insert_or(member).on_conflict_do_nothing(index_elements=["cooperative_id", "number"])
    await connection.execute(order, list(values.values()))
    found = await queries.members_by_numbers(connection, cooperative_id, values)
    return [Registered(found[n], is_new=found[n].id == values[n]["id"]) for n, _ in numbered]


def _sound(draft: MemberDraft) -> MemberDraft:
    require_text(draft.name, "name")
    require_email(draft.email)
    number = draft.number
    if number is not None and (
        not 0 < len(number) <= NUMBER_MAX or number != number.strip() or not number.isprintable()
    ):
        raise MemberNumberInvalid(
            f"A member number is 1 to {NUMBER_MAX} printable characters.", ("number",)
        )
    return draft


async def _numbered(
    connection: AsyncConnection, cooperative_id: UUID, drafts: Sequence[MemberDraft]
) -> list[tuple[str, MemberDraft]]:
    """The drafts with their numbers; those without one get the next free ones, in order."""
    given = {draft.number for draft in drafts if draft.number is not None}
    wanted = sum(draft.number is None for draft in drafts)
    fresh = iter(await _next_numbers(connection, cooperative_id, wanted, given))
    return [(d.number if d.number is not None else next(fresh), d) for d in drafts]


async def _next_numbers(
    connection: AsyncConnection, cooperative_id: UUID, wanted: int, given: set[str]
) -> list[str]:
    """The next `wanted` numbers that nobody has or is about to get; free again if rolled back."""
    found: list[str] = []
    while len(found) < wanted:
        missing = wanted - len(found)
        last = await connection.scalar(
            update(cooperative)
            .where(cooperative.c.cooperative_id == cooperative_id)
            .values(last_member_number=cooperative.c.last_member_number + missing)
            .returning(cooperative.c.last_member_number)
        )
        if last is None:
            raise absent()
        candidates = [number_of(n) for n in range(last - missing + 1, last + 1)]
        held = await queries.members_by_numbers(connection, cooperative_id, candidates)
        found += [number for number in candidates if number not in held and number not in given]
    return found


async def member_leaves(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: UUID, member_id: UUID, on: date
) -> Member:
    """End a membership: `on` is the first day without it.

    Roles stay: who acted for the member still reads its books, until an administrator ends that.

    Refuses MEMBER_LEFT when it has ended already, LEAVING_INVALID, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.MEMBER_LEAVE, cooperative_id, member_id=member_id)
    found = await _member_locked(connection, cooperative_id, member_id)
    if found.left_on is not None:
        raise MemberLeft(f"The member left on {found.left_on}.", ("memberId",))
    if on <= found.joined_on:
        raise LeavingInvalid(f"The member joined on {found.joined_on}; it leaves later.", ("on",))
    await connection.execute(_one(member, cooperative_id, member_id).values(left_on=on))
    return dataclasses.replace(found, left_on=on)


async def _member_locked(
    connection: AsyncConnection, cooperative_id: UUID, member_id: UUID
) -> Member:
    condition = (member.c.cooperative_id == cooperative_id, member.c.id == member_id)
    lock = select(member.c.id).where(*condition).with_for_update(key_share=True)
    await connection.execute(lock)
    found = await queries.members_by_ids(connection, cooperative_id, [member_id])
    if member_id not in found:
        raise absent()
    return found[member_id]


async def grant_role(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: UUID,
    *,
    subject: str,
    role: Role,
    from_on: date,
    to_on: date | None = None,
    member_id: UUID | None = None,
    grant_id: UUID | None = None,
) -> RoleGrant:
    """Let `subject` be `role` on the days [from_on, to_on): an operator of `member_id`.

    Refuses ROLE_FOR_ONESELF, ROLE_SCOPE_INVALID, ROLE_HELD, ROLES_INCOMPATIBLE, INVALID_VALUE
    (subject, days), FORBIDDEN, NOT_FOUND (a member that is not there, too).
    """
    require(viewer, Action.ROLE_MANAGE, cooperative_id)
    if subject == viewer.subject:
        raise RoleForOneself("Somebody else has to grant you a role.", ("subject",))
    require_subject(subject)
    require_scope(role, member_id, grant_id)
    if to_on is not None and to_on <= from_on:
        raise InvalidValue("A role ends after it begins.", ("to",))
    made = RoleGrant(role, cooperative_id, member_id, from_on, to_on, grant_id, uuid7())
    await _take_turns(connection, cooperative_id)
    if member_id and not await queries.members_by_ids(connection, cooperative_id, [member_id]):
        raise absent()
    for held in await queries.roles_of(connection, cooperative_id, subject):
        _require_compatible(made, held)
    values = {**dataclasses.asdict(made), "subject": subject}
    await connection.execute(
        insert(person_role).values(**values, granted_by=viewer.subject, granted_at=utc_now())
    )
    return made


def _require_compatible(made: RoleGrant, held: RoleGrant) -> None:
    if not made.overlaps(held):
        return
    if (made.role, made.member_id, made.grant_id) == (held.role, held.member_id, held.grant_id):
        raise RoleHeld(f"That role is held since {held.from_on}.", ("role",))
    if excludes(made.role, held.role):
        raise RolesIncompatible(f"Nobody is {made.role} and {held.role} at once.", ("role",))


async def end_role(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: UUID, role_id: UUID, on: date
) -> RoleGrant:
    """End a granted role: `on` is the first day without it, or its first day if that is later.

    Today ends it at once. A role that has an end is only ever ended sooner. Refuses ROLE_ENDED,
    FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.ROLE_MANAGE, cooperative_id)
    await _take_turns(connection, cooperative_id)
    found = await queries.role_by_id(connection, cooperative_id, role_id)
    if found is None:
        raise absent()
    to_on = max(on, found.grant.from_on)
    if found.grant.to_on is not None and found.grant.to_on <= to_on:
        raise RoleEnded(f"The role ends on {found.grant.to_on}.", ("on",))
    await connection.execute(
        _one(person_role, cooperative_id, role_id).values(
            to_on=to_on, ended_by=viewer.subject, ended_at=utc_now()
        )
    )
    return dataclasses.replace(found.grant, to_on=to_on)


async def create_access_token(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: UUID,
    *,
    name: str,
    subject: str,
    scopes: Iterable[str],
    grant_ids: Iterable[UUID],
    expires_at: datetime,
) -> tuple[AccessToken, str]:
    """(its row, the token itself: shown now and never again). It narrows the roles of `subject`.

    Refuses TOKEN_SCOPE_INVALID, TOKEN_TERM_INVALID, INVALID_VALUE (name, subject), FORBIDDEN,
    NOT_FOUND.
    """
    require(viewer, Action.ACCESS_TOKEN_MANAGE, cooperative_id)
    now = utc_now()
    require_term(expires_at, now)
    limits = limits_of(cooperative_id, scopes, grant_ids)
    text = token_text(cooperative_id, secrets.token_bytes(SECRET_BYTES))
    made = AccessToken(
        cooperative_id=cooperative_id, id=uuid7(), name=require_text(name, "name"),
        subject=require_subject(subject), scopes=limits.scopes, grant_ids=limits.grant_ids,
        expires_at=expires_at, revoked_at=None, last_used_at=None,
    )  # fmt: skip
    values = dataclasses.asdict(made) | {
        "token_sha256": sha256_of(text), "created_by": viewer.subject, "created_at": now,
        "scopes": sorted(made.scopes), "grant_ids": sorted(made.grant_ids),
    }  # fmt: skip
    await connection.execute(insert(access_token).values(values))
    return made, text


async def revoke_access_token(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: UUID, token_id: UUID
) -> AccessToken:
    """Withdraw a token now; one withdrawn before stays as it was. Refuses NOT_FOUND, FORBIDDEN."""
    require(viewer, Action.ACCESS_TOKEN_MANAGE, cooperative_id)
    order = _one(access_token, cooperative_id, token_id).where(access_token.c.revoked_at.is_(None))
    await connection.execute(order.values(revoked_at=utc_now(), revoked_by=viewer.subject))
    found = await queries.access_token_by_id(connection, cooperative_id, token_id)
    if found is None:
        raise absent()
    return found


async def viewer_of_token(connection: AsyncConnection, key: TokenKey) -> tuple[Viewer, datetime]:
    """(whom an access token stands for, within what it allows; until when). Notes its use.

    Refuses TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_REVOKED.
    """
    now = utc_now()
    found = await queries.access_token_by_sha256(connection, key.cooperative_id, key.sha256)
    if found is None:
        raise TokenInvalid("This token is not known here.")
    if found.revoked_at is not None:
        raise TokenRevoked("The token was withdrawn.")
    if found.expires_at <= now:
        raise TokenExpired("The token has expired; ask for another.")
    if found.last_used_at is None or now - found.last_used_at >= USE_NOTED_EVERY:
        order = _one(access_token, key.cooperative_id, found.id)
        await connection.execute(order.values(last_used_at=now))
    viewer = await queries.viewer_of(connection, found.subject, now)
    limits = TokenLimits(key.cooperative_id, found.scopes, found.grant_ids)
    return dataclasses.replace(viewer, limits=limits), found.expires_at


async def _take_turns(connection: AsyncConnection, cooperative_id: UUID) -> None:
    """Wait for whoever is changing roles of this cooperative. References to it are not held up."""
    row = select(cooperative.c.slug).where(cooperative.c.cooperative_id == cooperative_id)
    if await connection.scalar(row.with_for_update(key_share=True)) is None:
        raise absent()


def _one(table: Table, cooperative_id: UUID, row_id: UUID) -> Update:
    return update(table).where(table.c.cooperative_id == cooperative_id, table.c.id == row_id)
