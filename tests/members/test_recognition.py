"""From the header of a request to the viewer: tokens of both kinds, on a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from coop.members import queries, service
from coop.members.bearer import Issuer, Verifier
from coop.members.development import ISSUER, development_issuer
from coop.members.domain.access_token import token_text
from coop.members.domain.policy import Action, may
from coop.members.domain.roles import Role
from coop.members.errors import TokenExpired, TokenInvalid, TokenRevoked, Unauthenticated
from coop.members.recognition import Recogniser
from tests.members.people import Town, at

pytestmark = pytest.mark.anyio

GRANT, OTHER_GRANT = UUID(int=21), UUID(int=22)
NO_ISSUER = Verifier([], "coop")


async def test_a_signed_token_and_the_rows_make_a_viewer(town: Town, tmp_path: Path) -> None:
    subject = f"tor@{town.slug}"
    await town.grant(subject, Role.TREASURER)
    issuer = development_issuer(tmp_path)
    verifier = Verifier([Issuer(ISSUER, issuer)], "coop")
    token = issuer.mint(subject, "coop", datetime.now(UTC))
    before = town.database.statements

    found = await Recogniser(town.database, verifier, keep_s=0).recognise(f"Bearer {token}")

    assert town.database.statements - before == 1
    assert found.viewer.subject == subject
    assert may(found.viewer, Action.ENTRY_POST, town.id)
    assert timedelta(hours=23) < found.expires_at - datetime.now(UTC) <= timedelta(hours=24)


async def test_a_role_ended_counts_no_more_though_the_token_is_good(
    town: Town, tmp_path: Path
) -> None:
    subject = f"tor@{town.slug}"
    granted = await town.grant(subject, Role.TREASURER)
    issuer = development_issuer(tmp_path)
    verifier = Verifier([Issuer(ISSUER, issuer)], "coop")
    header = f"Bearer {issuer.mint(subject, 'coop', datetime.now(UTC))}"
    viewer = (await Recogniser(town.database, verifier, keep_s=0).recognise(header)).viewer
    assert may(viewer, Action.ENTRY_POST, town.id)

    await town.order(service.end_role, granted.id, viewer.today(town.id))

    viewer = (await Recogniser(town.database, verifier, keep_s=0).recognise(header)).viewer
    assert not may(viewer, Action.ENTRY_POST, town.id)


async def test_an_access_token_is_its_subject_held_to_scopes_and_grants(
    town: Town, elsewhere: Town
) -> None:
    fund = f"fund@{town.slug}"
    for place in (town, elsewhere):
        await place.grant(fund, Role.GRANT_ADMINISTRATOR)
    made, token = await town.token(fund, scopes=["grant:read"], grant_ids=[GRANT])

    found = await Recogniser(town.database, NO_ISSUER, keep_s=0).recognise(f"Bearer {token}")

    viewer = found.viewer
    assert (viewer.subject, found.expires_at) == (fund, made.expires_at)
    assert may(viewer, Action.GRANT_READ, town.id, grant_id=GRANT)
    assert not may(viewer, Action.GRANT_READ, town.id, grant_id=OTHER_GRANT)
    assert not may(viewer, Action.GRANT_REPORT_READ, town.id, grant_id=GRANT)
    assert not may(viewer, Action.GRANT_READ, elsewhere.id, grant_id=GRANT)


async def test_the_use_of_an_access_token_is_noted_to_the_minute(town: Town) -> None:
    _, token = await town.token("fund")
    assert (await town.ask(queries.access_tokens))[0].last_used_at is None

    await Recogniser(town.database, NO_ISSUER, keep_s=0).recognise(f"Bearer {token}")
    first = (await town.ask(queries.access_tokens))[0].last_used_at
    await Recogniser(town.database, NO_ISSUER, keep_s=0).recognise(f"Bearer {token}")
    second = (await town.ask(queries.access_tokens))[0].last_used_at

    assert first is not None
    assert first == second
    assert abs(at() - first) < timedelta(minutes=1)


async def test_an_access_token_ends_by_withdrawal_expiry_and_its_subjects_roles(town: Town) -> None:
    fund = f"fund@{town.slug}"
    role = await town.grant(fund, Role.GRANT_ADMINISTRATOR)
    made, token = await town.token(fund, grant_ids=[GRANT])
    header = f"Bearer {token}"

    await town.order(service.end_role, role.id, datetime(2026, 1, 1, tzinfo=UTC).date())
    viewer = (await Recogniser(town.database, NO_ISSUER, keep_s=0).recognise(header)).viewer
    assert not may(viewer, Action.GRANT_READ, town.id, grant_id=GRANT)

    await town.order(service.revoke_access_token, made.id)
    with pytest.raises(TokenRevoked):
        await Recogniser(town.database, NO_ISSUER, keep_s=0).recognise(header)


async def test_an_expired_access_token_is_refused_as_such(town: Town) -> None:
    token = token_text(town.id, bytes(32))

    async def long_ago(connection):  # type: ignore[no-untyped-def]
        await connection.execute(
            text(
                """INSERT INTO access_token (cooperative_id, id, token_sha256, name, subject, scopes,
                grant_ids, created_by, created_at, expires_at)
                VALUES (coop_current(), uuidv7(), sha256(convert_to(:token, 'UTF8')), 'x', 'fund',
                ARRAY['grant:read'], ARRAY[uuidv7()], 'system', now() - interval '2 days',
                now() - interval '1 day')"""
            ),
            {"token": token},
        )

    await town.database.unit_of_work(town.id, long_ago)
    with pytest.raises(TokenExpired):
        await Recogniser(town.database, NO_ISSUER, keep_s=0).recognise(f"Bearer {token}")


async def test_a_token_of_another_cooperative_or_of_nobody_is_refused(
    town: Town, elsewhere: Town
) -> None:
    _, token = await town.token("fund")
    # The same secret, said to be of the other cooperative, under a good checksum.
    for stranger in (
        token_text(elsewhere.id, bytes(32)),
        token_text(town.id, bytes(31) + b"\x01"),
        token[:-1] + ("0" if token[-1] != "0" else "1"),
    ):
        with pytest.raises(TokenInvalid):
            await Recogniser(town.database, NO_ISSUER, keep_s=0).recognise(f"Bearer {stranger}")
    with pytest.raises(Unauthenticated):
        await Recogniser(town.database, NO_ISSUER, keep_s=0).recognise(None)
