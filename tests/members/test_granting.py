"""Roles and access tokens on a real database: who is granted what, and what is refused."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from coop.kernel.errors import Forbidden, InvalidValue, NotFound, Refusal
from coop.kernel.ids import uuid7
from coop.members import queries, service
from coop.members.domain.policy import Action, may
from coop.members.domain.roles import Role, Viewer
from coop.members.errors import (
    RoleEnded,
    RoleForOneself,
    RoleHeld,
    RoleScopeInvalid,
    RolesIncompatible,
    TokenScopeInvalid,
    TokenTermInvalid,
)
from tests.members.people import BEGIN, Town, at

pytestmark = pytest.mark.anyio

NOBODY = Viewer("nobody", (), datetime(2026, 6, 15, 12, tzinfo=UTC))


# Roles


async def test_a_role_granted_counts_and_one_ended_does_not(town: Town) -> None:
    anna = await town.admit("Anna")
    granted = await town.grant("anna", Role.OPERATOR, member_id=anna.id)
    viewer = await town.viewer("anna")

    assert may(viewer, Action.MEMBER_FIGURES_READ, town.id, member_id=anna.id)
    assert granted in viewer.grants

    ended = await town.order(service.end_role, granted.id, viewer.today(town.id))

    assert ended.to_on == viewer.today(town.id)
    assert not may(await town.viewer("anna"), Action.MEMBER_READ, town.id, member_id=anna.id)
    assert await town.ask(queries.roles_of, "anna") == [ended]


async def test_a_viewer_is_every_role_anywhere_in_one_round_trip(
    town: Town, elsewhere: Town
) -> None:
    subject = f"kim@{town.slug}"
    await town.grant(subject, Role.BOARD)
    await elsewhere.grant(subject, Role.TREASURER)
    before = town.database.statements

    viewer = await town.viewer(subject)

    assert town.database.statements - before == 1
    assert {(g.cooperative_id, g.role) for g in viewer.grants} == {
        (town.id, Role.BOARD),
        (elsewhere.id, Role.TREASURER),
    }
    assert {zone.key for zone in viewer.zones.values()} == {"Europe/Oslo"}


async def test_the_first_administrator_comes_from_the_service_and_grants_the_rest(
    town: Town,
) -> None:
    await town.grant("ada", Role.ADMINISTRATOR)
    ada = await town.viewer("ada")

    granted = await town.order(
        service.grant_role, by=ada, subject="tor", role=Role.TREASURER, from_on=BEGIN
    )

    (held,) = [r for r in await town.ask(queries.roles_in) if r.subject == "tor"]
    assert held.grant == granted


async def test_a_role_is_granted_by_administrators_only_and_never_to_oneself(
    town: Town, elsewhere: Town
) -> None:
    await town.grant("ada", Role.ADMINISTRATOR)
    await town.grant("tor", Role.TREASURER)
    ada, tor = await town.viewer("ada"), await town.viewer("tor")
    for viewer, place, subject, refusal in (
        (tor, town, "eva", Forbidden),
        (ada, elsewhere, "eva", NotFound),
        (NOBODY, town, "eva", NotFound),
        (ada, town, "ada", RoleForOneself),
    ):
        with pytest.raises(refusal):
            await place.order(
                service.grant_role, by=viewer, subject=subject, role=Role.BOARD, from_on=BEGIN
            )
    assert [r.subject for r in await town.ask(queries.roles_in)] == ["ada", "tor"]


async def test_a_role_names_a_member_of_its_own_cooperative(town: Town, elsewhere: Town) -> None:
    foreigner = await elsewhere.admit("Bo")
    with pytest.raises(NotFound):
        await town.grant("anna", Role.OPERATOR, member_id=foreigner.id)
    with pytest.raises(RoleScopeInvalid):
        await town.grant("anna", Role.OPERATOR)
    with pytest.raises(RoleScopeInvalid):
        await town.grant("anna", Role.BOARD, member_id=(await town.admit("Anna")).id)
    assert await town.ask(queries.roles_in) == []


@pytest.mark.parametrize("subject", ["system", "SYSTEM:seal", "", " anna", "anna\n", "a" * 256])
async def test_a_subject_is_what_a_token_may_carry(town: Town, subject: str) -> None:
    with pytest.raises((InvalidValue, RoleForOneself)):
        await town.grant(subject, Role.BOARD)


async def test_a_role_is_held_once_at_a_time(town: Town) -> None:
    one, two = await town.admit("Anna"), await town.admit("Bo")
    await town.grant("anna", Role.OPERATOR, member_id=one.id, to_on=date(2026, 6, 1))
    for again in ({"from_on": date(2026, 5, 31)}, {"from_on": date(2025, 1, 1)}):
        with pytest.raises(RoleHeld):
            await town.grant("anna", Role.OPERATOR, member_id=one.id, **again)
    await town.grant("anna", Role.OPERATOR, member_id=two.id)
    await town.grant("anna", Role.OPERATOR, member_id=one.id, from_on=date(2026, 6, 1))
    with pytest.raises(InvalidValue):
        await town.grant("bo", Role.BOARD, from_on=BEGIN, to_on=BEGIN)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Role.ADMINISTRATOR, Role.TREASURER),
        (Role.TREASURER, Role.ADMINISTRATOR),
        (Role.AUDITOR, Role.TREASURER),
        (Role.ADMINISTRATOR, Role.AUDITOR),
    ],
)
async def test_duties_are_separate(town: Town, one: Role, other: Role) -> None:
    await town.grant("kim", one, to_on=date(2026, 6, 1))
    with pytest.raises(RolesIncompatible):
        await town.grant("kim", other, from_on=date(2026, 5, 31))
    await town.grant("kim", other, from_on=date(2026, 6, 1))


async def test_of_two_grants_at_once_that_exclude_each_other_one_is_made(town: Town) -> None:
    outcomes = await asyncio.gather(
        *(
            town.grant("kim", role)
            for role in (Role.ADMINISTRATOR, Role.TREASURER, Role.ADMINISTRATOR, Role.AUDITOR)
        ),
        return_exceptions=True,
    )
    refused = [type(o) for o in outcomes if isinstance(o, Exception)]
    assert len(refused) == 3
    assert set(refused) <= {RolesIncompatible, RoleHeld}
    assert len(await town.ask(queries.roles_of, "kim")) == 1


async def test_a_role_ends_sooner_but_never_later(town: Town) -> None:
    granted = await town.grant("kim", Role.BOARD, from_on=date(2026, 3, 1), to_on=date(2026, 9, 1))
    with pytest.raises(RoleEnded):
        await town.order(service.end_role, granted.id, date(2026, 9, 1))
    assert (await town.order(service.end_role, granted.id, date(2026, 7, 1))).to_on == date(
        2026, 7, 1
    )
    assert (await town.order(service.end_role, granted.id, date(2026, 1, 1))).to_on == date(
        2026, 3, 1
    )
    with pytest.raises(RoleEnded):
        await town.order(service.end_role, granted.id, date(2026, 12, 1))
    with pytest.raises(NotFound):
        await town.order(service.end_role, uuid7(), date(2026, 12, 1))


# Access tokens


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"scopes": []}, TokenScopeInvalid),
        ({"scopes": ["money:move"]}, TokenScopeInvalid),
        ({"grant_ids": []}, TokenScopeInvalid),
        ({"expires_at": at() - timedelta(seconds=1)}, TokenTermInvalid),
        ({"expires_at": at() + timedelta(days=367)}, TokenTermInvalid),
        ({"name": ""}, InvalidValue),
        ({"subject": "system"}, InvalidValue),
    ],
)
async def test_a_token_request_with_a_bad_value_makes_none(
    town: Town, changed: dict[str, object], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        await town.token(**{"subject": "fund", **changed})  # type: ignore[arg-type]
    assert await town.ask(queries.access_tokens) == []


async def test_tokens_are_made_and_withdrawn_by_administrators(town: Town) -> None:
    await town.grant("ada", Role.ADMINISTRATOR)
    await town.grant("tor", Role.TREASURER)
    ada, tor = await town.viewer("ada"), await town.viewer("tor")

    made, text = await town.token("fund", by=ada)
    with pytest.raises(Forbidden):
        await town.token("fund", by=tor)
    with pytest.raises(Forbidden):
        await town.order(service.revoke_access_token, made.id, by=tor)
    revoked = await town.order(service.revoke_access_token, made.id, by=ada)
    again = await town.order(service.revoke_access_token, made.id, by=ada)

    assert len(text) == 80
    assert revoked.revoked_at is not None
    assert again == revoked
    assert await town.ask(queries.access_tokens) == [revoked]
    with pytest.raises(NotFound):
        await town.order(service.revoke_access_token, uuid7(), by=ada)
