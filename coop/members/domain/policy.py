"""The policy: who may do what. Nothing else in the house decides that.

POLICY gives each action its roles and how far each reaches: ANY (everything of the cooperative),
OWN (the member the role row names) or GRANT (the grant it names). The database's row-level security
stands behind it, coarser: one cooperative at a time. Three helpers ask it:

    may(viewer, action, cooperative_id, ...)      yes or no
    require(viewer, action, cooperative_id, ...)  nothing, or a refusal
    extent_of(viewer, action, cooperative_id)     what a list may show

An opaque token narrows the roles of its subject to its scopes and grants; it never adds to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum, StrEnum, auto
from typing import Final
from uuid import UUID

from coop.kernel.errors import Forbidden, NotFound
from coop.members.domain.roles import Role, RoleGrant, Viewer
from coop.members.domain.scopes import Scope, TokenLimits


class Action(StrEnum):
    """Everything that somebody can ask of the house."""

    COOPERATIVE_CREATE = auto()
    COOPERATIVE_READ = auto()
    HUB_READ = auto()
    HUB_MANAGE = auto()
    PRICE_SET = auto()
    MEMBER_READ = auto()
    MEMBER_FIGURES_READ = auto()
    MEMBER_ADMIT = auto()
    MEMBER_LEAVE = auto()
    ACCOUNT_READ = auto()
    ACCOUNT_MANAGE = auto()
    ENTRY_READ = auto()
    ENTRY_POST = auto()
    ENTRY_REVERSE = auto()
    BOOKS_READ = auto()
    PERIOD_READ = auto()
    PERIOD_CLOSE = auto()
    SEAL_READ = auto()
    SEAL_MAKE = auto()
    SESSION_READ = auto()
    SESSION_IMPORT = auto()
    STATEMENT_READ = auto()
    STATEMENT_ISSUE = auto()
    ROLE_READ = auto()
    ROLE_MANAGE = auto()
    ACCESS_TOKEN_READ = auto()
    ACCESS_TOKEN_MANAGE = auto()
    TARIFF_READ = auto()
    INTERRUPTION_RECORD = auto()
    BILL_READ = auto()
    BILL_ISSUE = auto()
    BILL_DISPUTE = auto()
    DISPUTE_DECIDE = auto()
    PAYMENT_RECORD = auto()
    BANK_MANAGE = auto()
    COMMITMENT_READ = auto()
    COMMITMENT_PLEDGE = auto()
    COMMITMENT_SETTLE = auto()
    PLAN_MANAGE = auto()
    PROFILE_READ = auto()
    PROFILE_MANAGE = auto()
    GRANT_READ = auto()
    GRANT_REPORT_READ = auto()
    GRANT_REPORT_REQUEST = auto()


class Reach(Enum):
    """How far a role carries an action inside its cooperative."""

    ANY = "any"
    OWN = "own"
    GRANT = "grant"


Row = Mapping[Role, Reach]


def _any(*roles: Role) -> dict[Role, Reach]:
    return dict.fromkeys(roles, Reach.ANY)


_EVERYONE: Final = _any(*Role)
_OWN: Final = {Role.OPERATOR: Reach.OWN}
_GRANT: Final = {Role.GRANT_ADMINISTRATOR: Reach.GRANT}
_READERS: Final = _any(Role.BOARD, Role.TREASURER, Role.AUDITOR)
_PEOPLE_READERS: Final = _READERS | _any(Role.ADMINISTRATOR)
_TREASURER: Final = _any(Role.TREASURER)
_ADMINISTRATOR: Final = _any(Role.ADMINISTRATOR)

POLICY: Final[Mapping[Action, Row]] = {
    # The service's own operator only: no role reaches it.
    Action.COOPERATIVE_CREATE: {},
    # The cooperative's public things: whoever has any role in it.
    Action.COOPERATIVE_READ: _EVERYONE,
    Action.PERIOD_READ: _EVERYONE,
    Action.SEAL_READ: _EVERYONE,
    Action.HUB_READ: _PEOPLE_READERS | _any(Role.OPERATOR),
    # People: who they are is for those who run the house; what they owe, not for the administrator.
    Action.MEMBER_READ: _OWN | _PEOPLE_READERS,
    Action.MEMBER_ADMIT: _any(Role.BOARD, Role.ADMINISTRATOR),
    Action.MEMBER_LEAVE: _any(Role.BOARD, Role.ADMINISTRATOR),
    Action.ROLE_READ: _any(Role.BOARD, Role.AUDITOR, Role.ADMINISTRATOR),
    Action.ROLE_MANAGE: _ADMINISTRATOR,
    Action.ACCESS_TOKEN_READ: _any(Role.AUDITOR, Role.ADMINISTRATOR),
    Action.ACCESS_TOKEN_MANAGE: _ADMINISTRATOR,
    Action.HUB_MANAGE: _ADMINISTRATOR,
    # Figures: a member's own, or all of them for board, treasurer and auditor.
    Action.MEMBER_FIGURES_READ: _OWN | _READERS,
    Action.ACCOUNT_READ: _OWN | _READERS,
    Action.ENTRY_READ: _OWN | _READERS,
    Action.SESSION_READ: _OWN | _READERS,
    Action.STATEMENT_READ: _OWN | _READERS,
    Action.BOOKS_READ: _READERS,
    # Money: the treasurer's alone; a member may have its own statement made.
    Action.ENTRY_POST: _TREASURER,
    Action.ENTRY_REVERSE: _TREASURER,
    Action.ACCOUNT_MANAGE: _TREASURER,
    Action.PERIOD_CLOSE: _TREASURER,
    Action.SEAL_MAKE: _TREASURER,
    Action.SESSION_IMPORT: _TREASURER,
    Action.PRICE_SET: _TREASURER,
    Action.STATEMENT_ISSUE: _OWN | _TREASURER,
    # Bills: what is charged and why, a member's own; a member may pledge and dispute for itself.
    Action.TARIFF_READ: _PEOPLE_READERS | _any(Role.OPERATOR),
    Action.INTERRUPTION_RECORD: _any(Role.TREASURER, Role.ADMINISTRATOR),
    Action.BILL_READ: _OWN | _READERS,
    Action.BILL_DISPUTE: _OWN | _TREASURER,
    Action.COMMITMENT_READ: _OWN | _READERS,
    Action.COMMITMENT_PLEDGE: _OWN | _TREASURER,
    Action.BILL_ISSUE: _TREASURER,
    Action.PAYMENT_RECORD: _TREASURER,
    Action.BANK_MANAGE: _TREASURER,
    Action.COMMITMENT_SETTLE: _TREASURER,
    Action.PLAN_MANAGE: _TREASURER,
    # Whoever billed it does not decide about it.
    Action.DISPUTE_DECIDE: _any(Role.BOARD),
    # Addresses, tax numbers and bank accounts.
    Action.PROFILE_READ: _OWN | _PEOPLE_READERS,
    Action.PROFILE_MANAGE: _ADMINISTRATOR,
    # Grants: their administrators see theirs and nothing else.
    Action.GRANT_READ: _GRANT | _READERS,
    Action.GRANT_REPORT_READ: _GRANT | _READERS,
    Action.GRANT_REPORT_REQUEST: _GRANT | _TREASURER,
}

# What must be visible for a refusal to say FORBIDDEN: the thing acted upon. All else is NOT_FOUND.
_SEEN_BY: Final[Mapping[Action, Action]] = {
    Action.MEMBER_LEAVE: Action.MEMBER_READ,
    Action.ENTRY_REVERSE: Action.ENTRY_READ,
    Action.STATEMENT_ISSUE: Action.MEMBER_READ,
    Action.MEMBER_FIGURES_READ: Action.MEMBER_READ,
    Action.GRANT_REPORT_REQUEST: Action.GRANT_READ,
    Action.BILL_DISPUTE: Action.BILL_READ,
    Action.DISPUTE_DECIDE: Action.BILL_READ,
    Action.COMMITMENT_PLEDGE: Action.COMMITMENT_READ,
    **dict.fromkeys(
        (
            Action.HUB_READ, Action.HUB_MANAGE, Action.PRICE_SET, Action.MEMBER_ADMIT,
            Action.ACCOUNT_MANAGE, Action.ENTRY_POST, Action.BOOKS_READ, Action.PERIOD_CLOSE,
            Action.SEAL_MAKE, Action.SESSION_IMPORT, Action.ROLE_READ, Action.ROLE_MANAGE,
            Action.ACCESS_TOKEN_READ, Action.ACCESS_TOKEN_MANAGE, Action.INTERRUPTION_RECORD,
            Action.BILL_ISSUE, Action.PAYMENT_RECORD, Action.BANK_MANAGE, Action.COMMITMENT_SETTLE,
            Action.PLAN_MANAGE, Action.PROFILE_MANAGE,
        ),
        Action.COOPERATIVE_READ,
    ),
}  # fmt: skip

# What every token sees besides: the months and the seals, so that a funder can check a head.
_ANY_SCOPE: Final = frozenset({Action.COOPERATIVE_READ, Action.PERIOD_READ, Action.SEAL_READ})
SCOPED_ACTIONS: Final[Mapping[Scope, frozenset[Action]]] = {
    Scope.GRANT_READ: _ANY_SCOPE | {Action.GRANT_READ},
    Scope.REPORT_READ: _ANY_SCOPE | {Action.GRANT_REPORT_READ},
    Scope.REPORT_REQUEST: _ANY_SCOPE | {Action.GRANT_READ, Action.GRANT_REPORT_REQUEST},
}
_GRANT_ACTIONS: Final = frozenset(
    {Action.GRANT_READ, Action.GRANT_REPORT_READ, Action.GRANT_REPORT_REQUEST}
)


@dataclass(frozen=True, slots=True)
class Extent:
    """What an action reaches in one cooperative: everything, or what these sets name."""

    everything: bool
    member_ids: frozenset[UUID] = frozenset()
    grant_ids: frozenset[UUID] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether it reaches nothing at all."""
        return not (self.everything or self.member_ids or self.grant_ids)

    def reaches(self, member_id: UUID | None = None, grant_id: UUID | None = None) -> bool:
        """Whether the thing of this member or grant lies within. None: the cooperative's own."""
        return self.everything or member_id in self.member_ids or grant_id in self.grant_ids


_NOTHING: Final = Extent(everything=False)
_EVERYTHING: Final = Extent(everything=True)


def extent_of(
    viewer: Viewer, action: Action, cooperative_id: UUID, *, on: date | None = None
) -> Extent:
    """How far `action` reaches for the viewer: what a list shows. `on` defaults to today there."""
    if viewer.is_system:
        return _EVERYTHING
    day = viewer.today(cooperative_id) if on is None else on
    by_roles = _extent_of_roles(viewer.grants_at(cooperative_id, day), POLICY[action])
    if viewer.limits is None:
        return by_roles
    return _narrowed(viewer.limits, action, cooperative_id, by_roles)


def _extent_of_roles(grants: tuple[RoleGrant, ...], row: Row) -> Extent:
    held = [(grant, row[grant.role]) for grant in grants if grant.role in row]
    if any(reach is Reach.ANY for _, reach in held):
        return _EVERYTHING
    # A grant administrator whose row names no grant administers all of the cooperative's grants.
    if any(reach is Reach.GRANT and grant.grant_id is None for grant, reach in held):
        return _EVERYTHING
    return Extent(
        everything=False,
        member_ids=frozenset(g.member_id for g, to in held if to is Reach.OWN and g.member_id),
        grant_ids=frozenset(g.grant_id for g, to in held if to is Reach.GRANT and g.grant_id),
    )


def _narrowed(limits: TokenLimits, action: Action, cooperative_id: UUID, extent: Extent) -> Extent:
    if limits.cooperative_id != cooperative_id:
        return _NOTHING
    if not any(action in SCOPED_ACTIONS[scope] for scope in limits.scopes):
        return _NOTHING
    if action not in _GRANT_ACTIONS:
        return extent
    named = limits.grant_ids if extent.everything else limits.grant_ids & extent.grant_ids
    return Extent(everything=False, grant_ids=named)


def may(
    viewer: Viewer,
    action: Action,
    cooperative_id: UUID,
    *,
    member_id: UUID | None = None,
    grant_id: UUID | None = None,
    on: date | None = None,
) -> bool:
    """Whether the viewer may do this to the cooperative, or to a thing of that member or grant.

    A thing that belongs to no member (a hub's account, a trial balance) is asked for without
    `member_id`, and whoever reaches only its own member does not reach it.
    """
    extent = extent_of(viewer, action, cooperative_id, on=on)
    return extent.reaches(member_id, grant_id)


def require(
    viewer: Viewer,
    action: Action,
    cooperative_id: UUID,
    *,
    member_id: UUID | None = None,
    grant_id: UUID | None = None,
    on: date | None = None,
) -> None:
    """Refuses unless the viewer may: FORBIDDEN if it sees the thing, NOT_FOUND if it does not."""
    if may(viewer, action, cooperative_id, member_id=member_id, grant_id=grant_id, on=on):
        return
    seen = _SEEN_BY.get(action)
    if action is Action.COOPERATIVE_CREATE or (
        seen is not None
        and may(viewer, seen, cooperative_id, member_id=member_id, grant_id=grant_id, on=on)
    ):
        raise Forbidden(_needs(action))
    raise absent()


def absent() -> NotFound:
    """The one answer for what is not there and for what the viewer may not see."""
    return NotFound("There is no such thing, or it is not yours to see.")


def _needs(action: Action) -> str:
    roles = [role for role, reach in POLICY[action].items() if reach is Reach.ANY]
    if not roles:
        return "Only the operator of the service may do this."
    return f"This takes the role {' or '.join(sorted(roles))}."
