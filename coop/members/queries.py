"""Every question about people, answered within the tenant, or the subject, that is bound."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    and_,
    func,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.db.among import among
from coop.members.domain.people import AccessToken, Cooperative, Member
from coop.members.domain.policy import Extent
from coop.members.domain.profile import (
    Address,
    CooperativeProfile,
    MemberProfile,
    ProfileTax,
    SetCooperative,
    SetMember,
)
from coop.members.domain.roles import Role, RoleGrant, Viewer
from coop.members.domain.scopes import Scope
from coop.members.tables import (
    access_token,
    cooperative,
    cooperative_profile,
    member,
    member_profile,
    person_role,
)

_ROLES_OF_SUBJECT = text("SELECT * FROM roles_of_subject(:subject)")
_EVERYTHING = Extent(everything=True)


@dataclass(frozen=True, slots=True)
class MemberWhere:
    """Which members a list holds; the same for the list, its count and its export.

    `search` matches the start of a number or any part of a name, in any case. `on`: members on that
    day. `extent`: what the viewer reaches.
    """

    search: str | None = None
    numbers: Collection[str] | None = None
    on: date | None = None
    extent: Extent = _EVERYTHING


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role and who holds it."""

    subject: str
    grant: RoleGrant


async def cooperative_by_slug(connection: AsyncConnection, slug: str) -> Cooperative | None:
    """The cooperative `slug`, if the tenant or subject that is bound may see it."""
    return await _one_cooperative(connection, cooperative.c.slug == slug)


async def cooperative_by_id(
    connection: AsyncConnection, cooperative_id: UUID
) -> Cooperative | None:
    """The cooperative `cooperative_id`, if the tenant or subject that is bound may see it."""
    return await _one_cooperative(connection, cooperative.c.cooperative_id == cooperative_id)


async def cooperatives(connection: AsyncConnection) -> list[Cooperative]:
    """Those the bound subject may see, by slug: a person its own, `system` all."""
    rows = await connection.execute(select(cooperative).order_by(cooperative.c.slug.collate("C")))
    return [_cooperative(row) for row in rows.mappings()]


async def cooperatives_of(connection: AsyncConnection, viewer: Viewer) -> list[Cooperative]:
    """Those where the viewer, whose subject is bound, holds a role today, by slug."""
    found = await cooperatives(connection)
    return [c for c in found if viewer.is_system or viewer.roles_at(c.id, viewer.today(c.id))]


async def members_page(
    connection: AsyncConnection,
    cooperative_id: UUID,
    *,
    where: MemberWhere,
    limit: int,
    after: tuple[str, UUID] | None = None,
) -> list[Member]:
    """At most `limit` members by (number, id), from just behind `after`."""
    query = _where(select(member), cooperative_id, where)
    if after is not None:
        query = query.where(tuple_(member.c.number, member.c.id) > tuple_(*after))
    rows = await connection.execute(query.order_by(member.c.number, member.c.id).limit(limit))
    return [_member(row) for row in rows.mappings()]


async def members_count(
    connection: AsyncConnection, cooperative_id: UUID, where: MemberWhere
) -> int:
    """How many members `where` holds."""
    query = _where(select(func.count()).select_from(member), cooperative_id, where)
    return int(await connection.scalar(query) or 0)


async def members_by_ids(
    connection: AsyncConnection, cooperative_id: UUID, ids: Iterable[UUID]
) -> dict[UUID, Member]:
    """The members of those ids that exist, by id."""
    rows = await connection.execute(
        select(member).where(member.c.cooperative_id == cooperative_id, among(member.c.id, ids))
    )
    return {row["id"]: _member(row) for row in rows.mappings()}


async def members_by_numbers(
    connection: AsyncConnection, cooperative_id: UUID, numbers: Iterable[str]
) -> dict[str, Member]:
    """The members of those numbers that exist, by number, in one round trip however many."""
    rows = await connection.execute(
        select(member).where(
            member.c.cooperative_id == cooperative_id, among(member.c.number, numbers)
        )
    )
    return {row["number"]: _member(row) for row in rows.mappings()}


async def roles_in(connection: AsyncConnection, cooperative_id: UUID) -> list[HeldRole]:
    """Every role ever granted in the cooperative, oldest first."""
    return await _roles(connection, person_role.c.cooperative_id == cooperative_id)


async def roles_of(
    connection: AsyncConnection, cooperative_id: UUID, subject: str
) -> list[RoleGrant]:
    """The roles of one subject in one cooperative, ended ones too, oldest first."""
    held = await _roles(
        connection,
        person_role.c.cooperative_id == cooperative_id,
        person_role.c.subject == subject,
    )
    return [one.grant for one in held]


async def role_by_id(
    connection: AsyncConnection, cooperative_id: UUID, role_id: UUID
) -> HeldRole | None:
    """The granted role of that id."""
    held = await _roles(
        connection, person_role.c.cooperative_id == cooperative_id, person_role.c.id == role_id
    )
    return held[0] if held else None


async def viewer_of(connection: AsyncConnection, subject: str, at: datetime) -> Viewer:
    """`subject` with every role it holds anywhere, in one round trip; needs nothing bound."""
    result = await connection.execute(_ROLES_OF_SUBJECT, {"subject": subject})
    rows = result.mappings().all()
    zones = {row["cooperative_id"]: ZoneInfo(row["time_zone"]) for row in rows}
    return Viewer(subject, tuple(_grant(row) for row in rows), at, zones)


async def access_tokens(connection: AsyncConnection, cooperative_id: UUID) -> list[AccessToken]:
    """Every access token ever made for the cooperative, oldest first."""
    return await _tokens(connection, cooperative_id)


async def access_token_by_id(
    connection: AsyncConnection, cooperative_id: UUID, token_id: UUID
) -> AccessToken | None:
    """The access token of that id."""
    found = await _tokens(connection, cooperative_id, access_token.c.id == token_id)
    return found[0] if found else None


async def access_token_by_sha256(
    connection: AsyncConnection, cooperative_id: UUID, sha256: bytes
) -> AccessToken | None:
    """The access token whose text has that SHA-256."""
    found = await _tokens(connection, cooperative_id, access_token.c.token_sha256 == sha256)
    return found[0] if found else None


async def cooperative_profile_on(
    connection: AsyncConnection, cooperative_id: UUID, day: date
) -> SetCooperative | None:
    """Who the cooperative is on paper on that day; None before its first profile."""
    c = cooperative_profile.c
    found = await connection.execute(
        select(cooperative_profile)
        .where(c.cooperative_id == cooperative_id, c.from_on <= day)
        .order_by(c.from_on.desc(), c.id.desc())
        .limit(1)
    )
    row = found.mappings().first()
    return None if row is None else _set_cooperative(row)


async def member_profiles_on(
    connection: AsyncConnection, cooperative_id: UUID, member_ids: Iterable[UUID], day: date
) -> dict[UUID, SetMember]:
    """Who each of these members is on paper on that day; one without a profile is absent."""
    c = member_profile.c
    rows = await connection.execute(
        select(member_profile)
        .ext(distinct_on(c.member_id))
        .where(c.cooperative_id == cooperative_id, among(c.member_id, member_ids), c.from_on <= day)
        .order_by(c.member_id, c.from_on.desc(), c.id.desc())
    )
    return {row["member_id"]: _set_member(row) for row in rows.mappings()}


def _where(query: Select[Any], cooperative_id: UUID, where: MemberWhere) -> Select[Any]:
    query = query.where(member.c.cooperative_id == cooperative_id)
    if not where.extent.everything:
        query = query.where(among(member.c.id, where.extent.member_ids))
    if where.numbers is not None:
        query = query.where(among(member.c.number, where.numbers))
    if where.on is not None:
        still = or_(member.c.left_on.is_(None), member.c.left_on > where.on)
        query = query.where(and_(member.c.joined_on <= where.on, still))
    if where.search is not None:
        wanted = where.search.lower()
        query = query.where(
            or_(
                func.lower(member.c.number).startswith(wanted, autoescape=True),
                func.lower(member.c.name).contains(wanted, autoescape=True),
            )
        )
    return query


async def _one_cooperative(
    connection: AsyncConnection, condition: ColumnElement[bool]
) -> Cooperative | None:
    row = (await connection.execute(select(cooperative).where(condition))).mappings().first()
    return None if row is None else _cooperative(row)


async def _roles(connection: AsyncConnection, *conditions: ColumnElement[bool]) -> list[HeldRole]:
    rows = await connection.execute(
        select(person_role).where(*conditions).order_by(person_role.c.id)
    )
    return [HeldRole(row["subject"], _grant(row)) for row in rows.mappings()]


async def _tokens(
    connection: AsyncConnection, cooperative_id: UUID, *conditions: ColumnElement[bool]
) -> list[AccessToken]:
    rows = await connection.execute(
        select(access_token)
        .where(access_token.c.cooperative_id == cooperative_id, *conditions)
        .order_by(access_token.c.id)
    )
    return [_token(row) for row in rows.mappings()]


def _cooperative(row: RowMapping) -> Cooperative:
    return Cooperative(
        id=row["cooperative_id"],
        slug=row["slug"],
        name=row["name"],
        currency=row["currency"],
        time_zone=ZoneInfo(row["time_zone"]),
        created_at=row["created_at"],
    )


def _member(row: RowMapping) -> Member:
    return Member(**row)


def _grant(row: RowMapping) -> RoleGrant:
    return RoleGrant(
        role=Role(row["role"]),
        cooperative_id=row["cooperative_id"],
        member_id=row["member_id"],
        from_on=row["from_on"],
        to_on=row["to_on"],
        grant_id=row["grant_id"],
        id=row["id"],
    )


def _token(row: RowMapping) -> AccessToken:
    return AccessToken(
        cooperative_id=row["cooperative_id"],
        id=row["id"],
        name=row["name"],
        subject=row["subject"],
        scopes=frozenset(Scope(scope) for scope in row["scopes"]),
        grant_ids=frozenset(row["grant_ids"]),
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
    )


def _address(row: RowMapping) -> Address:
    return Address(tuple(row["lines"]), row["postal_code"], row["city"], row["country"])


def _set_cooperative(row: RowMapping) -> SetCooperative:
    taxes = tuple(ProfileTax(one["name"], Decimal(one["percent"])) for one in row["taxes"])
    said = {
        name: row[name]
        for name in (
            "legal_name", "register_number", "vat_id", "tax_number", "email", "phone", "iban",
            "bic", "payment_days", "dispute_days", "exemption", "note",
        )
    }  # fmt: skip
    profile = CooperativeProfile(address=_address(row), taxes=taxes, **said)
    return SetCooperative(row["id"], row["from_on"], row["set_by"], row["set_at"], profile)


def _set_member(row: RowMapping) -> SetMember:
    names = ("legal_name", "vat_id", "email", "buyer_reference", "locale")
    profile = MemberProfile(address=_address(row), **{name: row[name] for name in names})
    return SetMember(row["id"], row["from_on"], row["set_by"], row["set_at"], profile)
