"""Roles: dated rows of what a person may do, where and for whom; and the viewer who holds them.

A token says who somebody is; these rows say what they may do on a given day. Days are the
cooperative's own: `Viewer.today(cooperative_id)` is the calendar day there at the instant the
viewer was recognised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from coop.members.domain.scopes import TokenLimits
from coop.members.errors import RoleScopeInvalid

# Who the command line and the workers act as. bearer.py refuses any token with this subject.
SYSTEM_SUBJECT = "system"


class Role(StrEnum):
    """What a person may be in a cooperative."""

    OPERATOR = "OPERATOR"
    BOARD = "BOARD"
    TREASURER = "TREASURER"
    GRANT_ADMINISTRATOR = "GRANT_ADMINISTRATOR"
    AUDITOR = "AUDITOR"
    ADMINISTRATOR = "ADMINISTRATOR"


# Separation of duties: who gives out roles moves no money, and who audits does neither.
_EXCLUSIVE = (
    frozenset({Role.ADMINISTRATOR, Role.TREASURER}),
    frozenset({Role.AUDITOR, Role.TREASURER}),
    frozenset({Role.AUDITOR, Role.ADMINISTRATOR}),
)


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """`role` in a cooperative on the days [from_on, to_on), for one member or grant if named."""

    role: Role
    cooperative_id: UUID
    member_id: UUID | None
    from_on: date
    to_on: date | None
    grant_id: UUID | None = None
    id: UUID | None = None

    def in_force(self, day: date) -> bool:
        """Whether the grant counts on `day`."""
        return self.from_on <= day and (self.to_on is None or day < self.to_on)

    def overlaps(self, other: RoleGrant) -> bool:
        """Whether both count on some day."""
        latest = max(self.from_on, other.from_on)
        return all(grant.to_on is None or latest < grant.to_on for grant in (self, other))


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: a subject, the roles it holds anywhere, and what its opaque token, if any, allows.

    `at` is when the viewer was recognised; a long-lived stream makes a new viewer as it goes.
    `zones` are the time zones of the cooperatives where roles are held. `is_system` is the operator
    of the service itself: the command line and the workers, never what came over the network.
    """

    subject: str
    grants: tuple[RoleGrant, ...]
    at: datetime
    zones: Mapping[UUID, ZoneInfo] = field(default_factory=dict)
    limits: TokenLimits | None = None
    is_system: bool = False

    def today(self, cooperative_id: UUID) -> date:
        """The calendar day in the cooperative's time zone when the viewer was recognised."""
        return self.at.astimezone(self.zones.get(cooperative_id, UTC)).date()

    def grants_at(self, cooperative_id: UUID, day: date) -> tuple[RoleGrant, ...]:
        """The grants in force in the cooperative on `day`."""
        return tuple(
            grant
            for grant in self.grants
            if grant.cooperative_id == cooperative_id and grant.in_force(day)
        )

    def roles_at(self, cooperative_id: UUID, day: date) -> frozenset[Role]:
        """The roles held in the cooperative on `day`."""
        return frozenset(grant.role for grant in self.grants_at(cooperative_id, day))


def system_viewer(at: datetime) -> Viewer:
    """The operator of the service: may do everything, and is recorded as `system`."""
    return Viewer(SYSTEM_SUBJECT, (), at, is_system=True)


def require_scope(role: Role, member_id: UUID | None, grant_id: UUID | None) -> None:
    """Refuses ROLE_SCOPE_INVALID unless an operator, and nobody else, names a member.

    Likewise only a grant administrator may name a grant; without one it administers them all.
    """
    if (role is Role.OPERATOR) != (member_id is not None):
        raise RoleScopeInvalid("An operator acts for one member, nobody else does.", ("memberId",))
    if grant_id is not None and role is not Role.GRANT_ADMINISTRATOR:
        raise RoleScopeInvalid("Only a grant administrator is held to one grant.", ("grantId",))


def excludes(one: Role, other: Role) -> bool:
    """Whether no person may hold both roles in one cooperative on one day."""
    return frozenset({one, other}) in _EXCLUSIVE
