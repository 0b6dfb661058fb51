"""`coop account`, `coop fund`, `coop role end`, `coop member leave`: what is added, limited and ended."""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.conftest import NOR, Shell


def test_an_account_is_opened_limited_and_closed(shell: Shell) -> None:
    shell.json("account", "open", "5200", "Cleaning", "--type", "expense")
    assert shell.refusal("account", "open", "5200", "Cleaning", "--type", "expense") == (
        "ACCOUNT_EXISTS",
        ["code"],
    )
    limited = shell.json("account", "limit", "5200", "--floor", "0.00", "--ceiling", "10.50")
    assert limited == {"code": "5200", "floor": "0.00", "ceiling": "10.50"}
    assert shell.refusal("account", "limit", "5200", "--floor", "0.001") == ("INVALID_VALUE", [])
    assert shell.refusal("account", "limit", "9999") == ("ACCOUNT_UNKNOWN", ["code"])
    assert shell.json("account", "close", "5200")["closed"] is True
    assert shell.refusal("account", "close", "5200")[0] == "ACCOUNT_CLOSED"


def test_a_fund_is_opened_once(shell: Shell) -> None:
    made = shell.json("fund", "open", "G-1", "Grant one")
    assert shell.json("fund", "open", "G-1", "Grant one") == made


def test_roles_and_memberships_end(new_shell: Callable[[], Shell]) -> None:
    shell = new_shell()
    shell.text("cooperative", "create", *NOR)
    shell.text("member", "admit", "Anna", "--number", "A", "--joined-on", "2025-01-01")
    role = shell.json("role", "grant", "anna", "TREASURER", "--from", "2025-01-01")
    ended = shell.json("role", "end", role["id"], "--on", "2026-01-01")
    assert ended["to"] == "2026-01-01"
    assert shell.refusal("role", "end", role["id"], "--on", "2026-02-01")[0] == "ROLE_ENDED"
    left = shell.json("member", "leave", "A", "--on", "2026-01-01")
    assert left["left_on"] == "2026-01-01"
    assert shell.refusal("member", "leave", "A")[0] == "MEMBER_LEFT"
    assert shell.refusal("member", "leave", "B") == ("NOT_FOUND", ["number"])


def test_settings_that_cannot_be_meant_are_refused_by_name(new_shell: Callable[[], Shell]) -> None:
    shell = new_shell()
    shell.env |= {"COOP_ISSUER": "https://id.example"}
    assert shell.refusal("cooperative", "list") == ("SETTINGS_INVALID", ["COOP_JWKS_URL"])
    shell.env |= {"COOP_JWKS_URL": "http://id.example/keys"}
    assert shell.refusal("cooperative", "list") == ("SETTINGS_INVALID", ["COOP_JWKS_URL"])
    shell.env |= {"COOP_ISSUER": None, "COOP_JWKS_URL": None}
    shell.env |= {"COOP_DATABASE_URL": "postgresql://nobody:x@127.0.0.1:1/none"}
    assert shell.refusal("cooperative", "list") == ("DATABASE_UNREACHABLE", ["COOP_DATABASE_URL"])


def test_a_database_that_does_not_start_is_refused_by_name(new_shell: Callable[[], Shell]) -> None:
    shell = new_shell()
    (shell.data_dir / "postgres").mkdir()
    (shell.data_dir / "postgres" / "PG_VERSION").write_text("18")
    for command in (("cooperative", "list"), ("database", "status"), ("backup", "all.backup")):
        assert shell.refusal(*command) == ("DATABASE_UNREACHABLE", ["COOP_DATA_DIR"])
