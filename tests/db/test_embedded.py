"""Embedded does not mean open: who gets in, and what lies on disk."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from coop.config import Settings
from coop.db.open import Access

pytestmark = pytest.mark.anyio


async def connect(access: Access, **changed: object) -> asyncpg.Connection:
    url = make_url(access.app_url)
    asked = {
        "user": url.username, "password": url.password, "database": url.database,
        "host": url.query["host"],
    }  # fmt: skip
    return await asyncpg.connect(**(asked | changed))


@pytest.mark.parametrize("user", ["postgres", "coop_owner", "coop_app"])
@pytest.mark.parametrize("password", [None, "", "wrong"])
async def test_nobody_comes_in_without_the_password(
    access: Access, user: str, password: str | None
) -> None:
    with pytest.raises((asyncpg.InvalidPasswordError, asyncpg.PostgresError)):
        await connect(access, user=user, password=password)


async def test_the_serving_role_cannot_become_another(access: Access) -> None:
    connection = await connect(access)
    try:
        for role in ("coop_owner", "postgres"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"SET ROLE {role}")
        row = await connection.fetchrow(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = 'coop_app'"
        )
        assert tuple(row) == (False, False, False, False)
    finally:
        await connection.close()


async def test_it_listens_on_a_socket_only_and_sorts_the_same_everywhere(access: Access) -> None:
    connection = await connect(access)
    try:
        assert await connection.fetchval("SHOW listen_addresses") == ""
        assert await connection.fetchval("SHOW fsync") == "on"
        assert await connection.fetchval("SHOW server_version_num") >= "180000"
        provider = await connection.fetchrow(
            "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = current_database()"
        )
        assert tuple(provider) == (b"b", "C.UTF-8")
    finally:
        await connection.close()


def test_secrets_are_its_owners_and_settings_do_not_show_them(
    settings: Settings, access: Access
) -> None:
    file = settings.data_dir / "database-secrets.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secrets = json.loads(file.read_text())
    assert set(secrets) == {"postgres", "coop_owner", "coop_app"}
    assert all(len(one) == 48 for one in secrets.values())
    hba = (Path(settings.data_dir) / "postgres" / "pg_hba.conf").read_text()
    rules = [line.split()[-1] for line in hba.splitlines() if line and not line.startswith("#")]
    assert set(rules) == {"scram-sha-256"}
    external = Settings.read({"COOP_DATABASE_URL": "postgresql://u:hunter2@db/x"})
    assert "hunter2" not in repr(external)
