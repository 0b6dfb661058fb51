"""The development issuer: on one's own machine, and nowhere else."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from coop.members.bearer import Issuer, Verifier
from coop.members.development import ISSUER, development_issuer, trusted_issuers
from coop.members.errors import DevelopmentRefused, TokenExpired, TokenInvalid

pytestmark = pytest.mark.anyio


async def issuers(directory: Path, host: str, **settings: object) -> list[Issuer]:
    given = {"issuer": None, "jwks_url": None, "development": True, **settings}
    async with httpx.AsyncClient() as client:
        return trusted_issuers(host=host, data_dir=directory, client=client, **given)  # type: ignore[arg-type]


async def test_a_minted_token_is_taken_by_a_server_on_loopback(tmp_path: Path) -> None:
    token = development_issuer(tmp_path).mint("anna", "coop", datetime.now(UTC))
    verifier = Verifier(await issuers(tmp_path, "127.0.0.1"), "coop")

    principal = await verifier.verify(token)

    assert (principal.subject, principal.issuer) == ("anna", ISSUER)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "coop.example.org", ""])
async def test_a_server_that_others_reach_does_not_start_with_it(tmp_path: Path, host: str) -> None:
    with pytest.raises(DevelopmentRefused, match="loopback only"):
        await issuers(tmp_path, host)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - and no key was made


async def test_without_development_mode_its_tokens_are_a_strangers(tmp_path: Path) -> None:
    token = development_issuer(tmp_path).mint("anna", "coop", datetime.now(UTC))
    trusted = await issuers(
        tmp_path, "127.0.0.1", development=False,
        issuer="https://id.example.org", jwks_url="https://id.example.org/jwks",
    )  # fmt: skip

    assert [issuer.name for issuer in trusted] == ["https://id.example.org"]
    with pytest.raises(TokenInvalid):
        await Verifier(trusted, "coop").verify(token)
    with pytest.raises(TokenInvalid):
        await Verifier([], "coop").verify(token)


async def test_another_installations_tokens_are_a_strangers(tmp_path: Path) -> None:
    token = development_issuer(tmp_path / "a").mint("anna", "coop", datetime.now(UTC))
    with pytest.raises(TokenInvalid):
        await Verifier(await issuers(tmp_path / "b", "::1"), "coop").verify(token)


async def test_tokens_run_out(tmp_path: Path) -> None:
    issuer = development_issuer(tmp_path)
    token = issuer.mint("anna", "coop", datetime.now(UTC) - timedelta(hours=25))
    with pytest.raises(TokenExpired):
        await Verifier([Issuer(ISSUER, issuer)], "coop").verify(token)


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    first = development_issuer(tmp_path).public.key_id
    file = tmp_path / "development-issuer.pem"

    assert file.stat().st_mode & 0o777 == 0o600
    assert development_issuer(tmp_path).public.key_id == first
    assert list(tmp_path.iterdir()) == [file]
    assert "private" not in repr(development_issuer(tmp_path)).lower().replace(
        "developmentissuer", ""
    )


def test_two_makers_agree_on_one_key(tmp_path: Path) -> None:
    found: list[str | None] = []
    barrier = threading.Barrier(8)

    def make() -> None:
        barrier.wait()
        found.append(development_issuer(tmp_path).public.key_id)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    development_issuer(tmp_path)
    (tmp_path / "development-issuer.pem").chmod(0o644)
    with pytest.raises(DevelopmentRefused, match="chmod 600"):
        development_issuer(tmp_path)


@pytest.mark.parametrize(
    "half",
    [
        {"issuer": "https://id.example.org"},
        {"jwks_url": "https://id.example.org/jwks"},
        {"issuer": ISSUER, "jwks_url": "https://id.example.org/jwks"},
    ],
)
async def test_a_provider_is_configured_whole_and_under_its_own_name(
    tmp_path: Path, half: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match="identity provider"):
        await issuers(tmp_path, "127.0.0.1", **half)
