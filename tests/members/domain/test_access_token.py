"""Opaque tokens: what one looks like, and that half of one is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.members.domain.access_token import is_access_token, token_key, token_text
from coop.members.domain.scopes import Scope, limits_of, require_term
from coop.members.errors import TokenInvalid, TokenScopeInvalid, TokenTermInvalid

HERE = UUID("0199b0de-7c00-7000-8000-000000000001")
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


@given(cooperative=st.uuids(), secret=st.binary(min_size=32, max_size=32))
def test_a_token_leads_back_to_its_cooperative_and_hash(cooperative: UUID, secret: bytes) -> None:
    text = token_text(cooperative, secret)

    assert len(text) == 80
    assert is_access_token(text)
    assert token_key(text).cooperative_id == cooperative
    assert token_key(text).sha256 == sha256(text.encode()).digest()


@pytest.mark.parametrize(
    "damage",
    [
        lambda t: t[:-1],
        lambda t: t + "0",
        lambda t: t[:20] + ("A" if t[20] != "A" else "B") + t[21:],
        lambda t: t.replace("coop_pat_", "coop_tap_"),
        lambda t: " " + t,
        lambda t: t + "\n",
        lambda t: t[:30] + "é" + t[31:],
        lambda t: "coop_pat_" + "z" * 71,
        lambda _: "",
    ],
)
def test_a_damaged_token_is_refused_before_any_look_up(damage) -> None:
    with pytest.raises(TokenInvalid):
        token_key(damage(token_text(HERE, bytes(32))))


def test_a_secret_has_its_full_length() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        token_text(HERE, bytes(31))


def test_a_request_names_scopes_and_grants() -> None:
    limits = limits_of(HERE, ["grant:read", "report:request"], [UUID(int=5)])
    assert limits.scopes == {Scope.GRANT_READ, Scope.REPORT_REQUEST}

    for scopes, grants in (
        ([], [UUID(int=5)]),
        (["grant:read"], []),
        (["money:move"], [UUID(int=5)]),
    ):
        with pytest.raises(TokenScopeInvalid):
            limits_of(HERE, scopes, grants)


@pytest.mark.parametrize(
    ("ahead", "good"),
    [(timedelta(0), False), (timedelta(seconds=1), True), (timedelta(days=366), True),
     (timedelta(days=366, seconds=1), False), (timedelta(days=-1), False)],
)  # fmt: skip
def test_a_token_expires_within_a_year(ahead: timedelta, good: bool) -> None:
    if good:
        require_term(NOW + ahead, NOW)
        return
    with pytest.raises(TokenTermInvalid):
        require_term(NOW + ahead, NOW)
