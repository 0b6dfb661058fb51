"""The policy, written out: every role × every action, and what a refusal says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from coop.kernel.errors import Forbidden, NotFound
from coop.members.domain.policy import POLICY, Action, Extent, extent_of, may, require
from coop.members.domain.roles import (
    Role,
    RoleGrant,
    Viewer,
    excludes,
    require_scope,
    system_viewer,
)
from coop.members.domain.scopes import Scope, TokenLimits
from coop.members.errors import RoleScopeInvalid

HERE, ELSEWHERE = UUID(int=1), UUID(int=2)
OWN, OTHER = UUID(int=11), UUID(int=12)
OWN_GRANT, OTHER_GRANT = UUID(int=21), UUID(int=22)
NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
DAY = date(2026, 6, 15)

# any: of the whole cooperative; own: of the member (or grant) of the role row; -: not at all
MATRIX = """
                      OPERATOR  BOARD  TREASURER  GRANT_ADMINISTRATOR  AUDITOR  ADMINISTRATOR
COOPERATIVE_CREATE    -         -      -          -                    -        -
COOPERATIVE_READ      any       any    any        any                  any      any
HUB_READ              any       any    any        -                    any      any
HUB_MANAGE            -         -      -          -                    -        any
PRICE_SET             -         -      any        -                    -        -
MEMBER_READ           own       any    any        -                    any      any
MEMBER_FIGURES_READ   own       any    any        -                    any      -
MEMBER_ADMIT          -         any    -          -                    -        any
MEMBER_LEAVE          -         any    -          -                    -        any
ACCOUNT_READ          own       any    any        -                    any      -
ACCOUNT_MANAGE        -         -      any        -                    -        -
ENTRY_READ            own       any    any        -                    any      -
ENTRY_POST            -         -      any        -                    -        -
ENTRY_REVERSE         -         -      any        -                    -        -
BOOKS_READ            -         any    any        -                    any      -
PERIOD_READ           any       any    any        any                  any      any
PERIOD_CLOSE          -         -      any        -                    -        -
SEAL_READ             any       any    any        any                  any      any
SEAL_MAKE             -         -      any        -                    -        -
SESSION_READ          own       any    any        -                    any      -
SESSION_IMPORT        -         -      any        -                    -        -
STATEMENT_READ        own       any    any        -                    any      -
STATEMENT_ISSUE       own       -      any        -                    -        -
ROLE_READ             -         any    -          -                    any      any
ROLE_MANAGE           -         -      -          -                    -        any
ACCESS_TOKEN_READ     -         -      -          -                    any      any
ACCESS_TOKEN_MANAGE   -         -      -          -                    -        any
TARIFF_READ           any       any    any        -                    any      any
INTERRUPTION_RECORD   -         -      any        -                    -        any
BILL_READ             own       any    any        -                    any      -
BILL_ISSUE            -         -      any        -                    -        -
BILL_DISPUTE          own       -      any        -                    -        -
DISPUTE_DECIDE        -         any    -          -                    -        -
PAYMENT_RECORD        -         -      any        -                    -        -
BANK_MANAGE           -         -      any        -                    -        -
COMMITMENT_READ       own       any    any        -                    any      -
COMMITMENT_PLEDGE     own       -      any        -                    -        -
COMMITMENT_SETTLE     -         -      any        -                    -        -
PLAN_MANAGE           -         -      any        -                    -        -
PROFILE_READ          own       any    any        -                    any      any
PROFILE_MANAGE        -         -      -          -                    -        any
GRANT_READ            -         any    any        own                  any      -
GRANT_REPORT_READ     -         any    any        own                  any      -
GRANT_REPORT_REQUEST  -         -      any        own                  -        -
"""
MONEY = {
    Action.ENTRY_POST, Action.ENTRY_REVERSE, Action.ACCOUNT_MANAGE, Action.PERIOD_CLOSE, Action.SEAL_MAKE,
    Action.SESSION_IMPORT, Action.PRICE_SET, Action.STATEMENT_ISSUE, Action.GRANT_REPORT_REQUEST,
}  # fmt: skip


def expected() -> list[tuple[str, str, str]]:
    header, *rows = (line.split() for line in MATRIX.strip().splitlines())
    return [
        (name, role, cell)
        for name, *cells in rows
        for role, cell in zip(header, cells, strict=True)
    ]


def holder(role: Role, *, from_on: date = date(2026, 1, 1), to_on: date | None = None) -> Viewer:
    """Somebody with one role here, for the member or grant called its own."""
    member = OWN if role is Role.OPERATOR else None
    grant = OWN_GRANT if role is Role.GRANT_ADMINISTRATOR else None
    row = RoleGrant(role, HERE, member, from_on, to_on, grant)
    return Viewer("anna", (row,), NOON, {HERE: ZoneInfo("Europe/Oslo")})


def test_the_matrix_speaks_of_every_action_and_role() -> None:
    assert [name for name, role, _ in expected() if role == "BOARD"] == [a.name for a in Action]
    assert {role for _, role, _ in expected()} == set(Role)
    assert set(POLICY) == set(Action)


@pytest.mark.parametrize(("action", "role", "cell"), expected())
def test_each_role_may_do_what_the_matrix_says(action: str, role: str, cell: str) -> None:
    viewer, act = holder(Role(role)), Action[action]
    own, other = (
        {"member_id": OWN, "grant_id": OWN_GRANT},
        {"member_id": OTHER, "grant_id": OTHER_GRANT},
    )

    assert may(viewer, act, HERE, **own) is (cell != "-")
    assert may(viewer, act, HERE, **other) is (cell == "any")
    assert may(viewer, act, HERE) is (cell == "any")
    assert may(viewer, act, ELSEWHERE, **own) is False


@pytest.mark.parametrize("action", list(Action))
def test_nobody_in_particular_may_do_nothing_and_the_system_everything(action: Action) -> None:
    assert may(Viewer("anna", (), NOON), action, HERE, member_id=OWN, grant_id=OWN_GRANT) is False
    assert may(system_viewer(NOON), action, HERE, member_id=OWN) is True


@pytest.mark.parametrize("action", sorted(MONEY))
def test_who_manages_roles_never_moves_money(action: Action) -> None:
    assert Role.ADMINISTRATOR not in POLICY[action]
    assert Role.AUDITOR not in POLICY[action]


@pytest.mark.parametrize(
    ("day", "counts"),
    [
        (date(2026, 2, 28), False),
        (date(2026, 3, 1), True),
        (date(2026, 5, 31), True),
        (date(2026, 6, 1), False),
    ],
)
def test_a_role_counts_from_its_first_day_until_the_day_it_ends(day: date, counts: bool) -> None:
    viewer = holder(Role.TREASURER, from_on=date(2026, 3, 1), to_on=date(2026, 6, 1))

    assert may(viewer, Action.ENTRY_POST, HERE, on=day) is counts
    assert viewer.roles_at(HERE, day) == (frozenset({Role.TREASURER}) if counts else frozenset())


def test_today_is_the_cooperatives_own_day() -> None:
    late = datetime(2026, 5, 31, 22, 30, tzinfo=UTC)  # 00:30 on 1 June in Oslo
    row = RoleGrant(Role.TREASURER, HERE, None, date(2026, 6, 1), None)

    assert may(Viewer("t", (row,), late, {HERE: ZoneInfo("Europe/Oslo")}), Action.ENTRY_POST, HERE)
    assert not may(Viewer("t", (row,), late), Action.ENTRY_POST, HERE)


@pytest.mark.parametrize(
    ("role", "action", "target", "refusal"),
    [
        # Sees the cooperative, may not do this in it.
        (Role.OPERATOR, Action.ENTRY_POST, {}, Forbidden),
        (Role.OPERATOR, Action.BOOKS_READ, {}, Forbidden),
        (Role.ADMINISTRATOR, Action.PERIOD_CLOSE, {}, Forbidden),
        (Role.TREASURER, Action.ROLE_MANAGE, {}, Forbidden),
        (Role.BOARD, Action.SESSION_IMPORT, {}, Forbidden),
        (Role.BOARD, Action.COOPERATIVE_CREATE, {}, Forbidden),
        # Sees the thing, may not do this to it.
        (Role.BOARD, Action.ENTRY_REVERSE, {}, Forbidden),
        (Role.OPERATOR, Action.ENTRY_REVERSE, {"member_id": OWN}, Forbidden),
        (Role.OPERATOR, Action.MEMBER_LEAVE, {"member_id": OWN}, Forbidden),
        (Role.ADMINISTRATOR, Action.MEMBER_FIGURES_READ, {"member_id": OTHER}, Forbidden),
        (Role.AUDITOR, Action.GRANT_REPORT_REQUEST, {"grant_id": OWN_GRANT}, Forbidden),
        # Does not see the thing: no difference from its absence.
        (Role.OPERATOR, Action.MEMBER_READ, {"member_id": OTHER}, NotFound),
        (Role.OPERATOR, Action.MEMBER_FIGURES_READ, {"member_id": OTHER}, NotFound),
        (Role.OPERATOR, Action.STATEMENT_ISSUE, {"member_id": OTHER}, NotFound),
        (Role.OPERATOR, Action.ENTRY_REVERSE, {"member_id": OTHER}, NotFound),
        (Role.OPERATOR, Action.ACCOUNT_READ, {}, NotFound),
        (Role.GRANT_ADMINISTRATOR, Action.MEMBER_READ, {"member_id": OWN}, NotFound),
        (Role.GRANT_ADMINISTRATOR, Action.GRANT_READ, {"grant_id": OTHER_GRANT}, NotFound),
        (Role.ADMINISTRATOR, Action.ENTRY_READ, {}, NotFound),
    ],
)
def test_a_refusal_never_tells_of_what_cannot_be_seen(
    role: Role, action: Action, target: dict[str, UUID], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal) as caught:
        require(holder(role), action, HERE, **target)
    assert type(caught.value) is refusal

    elsewhere = Forbidden if action is Action.COOPERATIVE_CREATE else NotFound
    with pytest.raises(elsewhere):
        require(holder(role), action, ELSEWHERE, **target)


def test_a_refusal_names_the_role_it_takes() -> None:
    with pytest.raises(Forbidden, match=r"^This takes the role TREASURER\.$"):
        require(holder(Role.BOARD), Action.ENTRY_POST, HERE)
    with pytest.raises(Forbidden, match=r"^Only the operator of the service may do this\.$"):
        require(holder(Role.BOARD), Action.COOPERATIVE_CREATE, HERE)
    require(holder(Role.TREASURER), Action.ENTRY_POST, HERE)


def test_a_list_shows_what_its_viewer_reaches() -> None:
    two = (*holder(Role.OPERATOR).grants, RoleGrant(Role.OPERATOR, HERE, OTHER, DAY, None))

    assert extent_of(holder(Role.BOARD), Action.MEMBER_READ, HERE) == Extent(everything=True)
    assert extent_of(Viewer("anna", two, NOON), Action.MEMBER_READ, HERE) == Extent(
        everything=False, member_ids=frozenset({OWN, OTHER})
    )
    assert extent_of(holder(Role.OPERATOR), Action.BOOKS_READ, HERE).is_empty
    assert extent_of(holder(Role.OPERATOR), Action.MEMBER_READ, ELSEWHERE).is_empty


def test_several_roles_add_up() -> None:
    both = (*holder(Role.OPERATOR).grants, *holder(Role.BOARD).grants)
    viewer = Viewer("anna", both, NOON)

    assert may(viewer, Action.STATEMENT_ISSUE, HERE, member_id=OWN)
    assert may(viewer, Action.MEMBER_READ, HERE, member_id=OTHER)
    assert not may(viewer, Action.STATEMENT_ISSUE, HERE, member_id=OTHER)


def test_a_grant_administrator_without_a_named_grant_has_them_all() -> None:
    row = RoleGrant(Role.GRANT_ADMINISTRATOR, HERE, None, DAY, None)

    assert may(Viewer("fund", (row,), NOON), Action.GRANT_READ, HERE, grant_id=OTHER_GRANT)


@pytest.mark.parametrize(
    ("scopes", "action", "grant", "allowed"),
    [
        ({Scope.GRANT_READ}, Action.GRANT_READ, OWN_GRANT, True),
        ({Scope.GRANT_READ}, Action.GRANT_READ, OTHER_GRANT, False),
        ({Scope.GRANT_READ}, Action.GRANT_REPORT_READ, OWN_GRANT, False),
        ({Scope.GRANT_READ}, Action.COOPERATIVE_READ, None, True),
        ({Scope.REPORT_READ}, Action.GRANT_REPORT_READ, OWN_GRANT, True),
        ({Scope.REPORT_READ}, Action.GRANT_REPORT_REQUEST, OWN_GRANT, False),
        ({Scope.REPORT_REQUEST}, Action.GRANT_REPORT_REQUEST, OWN_GRANT, True),
        (set(Scope), Action.MEMBER_READ, None, False),
        (set(Scope), Action.ENTRY_POST, None, False),
        (set(Scope), Action.BOOKS_READ, None, False),
    ],
)
@pytest.mark.parametrize("role", [Role.TREASURER, Role.GRANT_ADMINISTRATOR])
def test_a_scoped_token_narrows_its_subjects_roles(
    role: Role, scopes: set[Scope], action: Action, grant: UUID | None, allowed: bool
) -> None:
    limits = TokenLimits(HERE, frozenset(scopes), frozenset({OWN_GRANT}))
    viewer = Viewer("fund", holder(role).grants, NOON, limits=limits)

    assert may(viewer, action, HERE, grant_id=grant) is allowed


def test_a_token_never_widens_a_role_nor_leaves_its_cooperative() -> None:
    everything = TokenLimits(HERE, frozenset(Scope), frozenset({OWN_GRANT, OTHER_GRANT}))
    elsewhere = TokenLimits(ELSEWHERE, frozenset(Scope), frozenset({OWN_GRANT}))
    grants = holder(Role.GRANT_ADMINISTRATOR).grants

    assert not may(
        Viewer("f", (), NOON, limits=everything), Action.GRANT_READ, HERE, grant_id=OWN_GRANT
    )
    assert not may(
        Viewer("f", grants, NOON, limits=everything), Action.GRANT_READ, HERE, grant_id=OTHER_GRANT
    )
    assert not may(
        Viewer("f", grants, NOON, limits=elsewhere), Action.GRANT_READ, HERE, grant_id=OWN_GRANT
    )


@pytest.mark.parametrize(
    ("role", "member", "grant", "good"),
    [
        (Role.OPERATOR, OWN, None, True),
        (Role.OPERATOR, None, None, False),
        (Role.TREASURER, OWN, None, False),
        (Role.TREASURER, None, None, True),
        (Role.GRANT_ADMINISTRATOR, None, OWN_GRANT, True),
        (Role.GRANT_ADMINISTRATOR, None, None, True),
        (Role.BOARD, None, OWN_GRANT, False),
    ],
)
def test_a_role_names_what_it_is_for(
    role: Role, member: UUID | None, grant: UUID | None, good: bool
) -> None:
    if good:
        require_scope(role, member, grant)
        return
    with pytest.raises(RoleScopeInvalid):
        require_scope(role, member, grant)


def test_duties_are_kept_apart() -> None:
    apart = {frozenset({one, other}) for one in Role for other in Role if excludes(one, other)}
    assert apart == {
        frozenset({Role.ADMINISTRATOR, Role.TREASURER}),
        frozenset({Role.AUDITOR, Role.TREASURER}),
        frozenset({Role.AUDITOR, Role.ADMINISTRATOR}),
    }


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (("2026-01-01", None), ("2026-06-01", None), True),
        (("2026-01-01", "2026-06-01"), ("2026-06-01", None), False),
        (("2026-01-01", "2026-06-02"), ("2026-06-01", "2026-07-01"), True),
        (("2026-06-01", "2026-06-01"), ("2026-01-01", None), False),
    ],
)
def test_grants_overlap_when_both_count_on_some_day(
    one: tuple[str, str | None], other: tuple[str, str | None], overlap: bool
) -> None:
    first, second = (
        RoleGrant(
            Role.BOARD, HERE, None, date.fromisoformat(a), date.fromisoformat(b) if b else None
        )
        for a, b in (one, other)
    )
    assert first.overlaps(second) is overlap
    assert second.overlaps(first) is overlap
