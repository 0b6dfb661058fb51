"""`coop cooperative`, `member`, `role`, `token`, `database`: setting up, and who may do what."""

from __future__ import annotations

from collections.abc import Callable

import jwt
import pytest

from tests.cli.conftest import NOR, Shell


def test_a_cooperative_is_created_with_open_books(new_shell: Callable[[], Shell]) -> None:
    shell = new_shell()
    assert shell.json("cooperative", "list") == {"cooperatives": []}
    assert shell.refusal("balance") == ("COOPERATIVE_UNKNOWN", ["cooperative"])
    made = shell.json("cooperative", "create", *NOR)
    assert made | {"id": "", "created_at": ""} == {
        "id": "", "slug": "nor", "name": "Nor", "currency": "NOK", "time_zone": "Europe/Oslo",
        "created_at": "",
    }  # fmt: skip
    assert shell.json("cooperative", "list") == {"cooperatives": [made]}
    books = shell.json("trial-balance")
    assert (books["cooperative"], books["lines"], books["totals"]) == ("nor", [], [])


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"--slug": "nor"}, ("SLUG_TAKEN", ["slug"])),
        ({"--slug": "No Slug"}, ("SLUG_INVALID", ["slug"])),
        ({"--slug": "two", "--currency": "kroner"}, ("INVALID_VALUE", [])),
        ({"--slug": "two", "--time-zone": "Oslo"}, ("INVALID_VALUE", [])),
    ],
)
def test_a_cooperative_that_cannot_be(
    shell: Shell, changed: dict[str, str], refusal: tuple[str, list[str]]
) -> None:
    options = dict(zip(NOR[::2], NOR[1::2], strict=True)) | changed
    arguments = [part for pair in options.items() for part in pair]
    assert shell.refusal("cooperative", "create", *arguments) == refusal
    assert "two" not in [one["slug"] for one in shell.json("cooperative", "list")["cooperatives"]]


def test_several_cooperatives_have_to_be_named(new_shell: Callable[[], Shell]) -> None:
    shell = new_shell()
    shell.text("cooperative", "create", *NOR)
    shell.text(
        "cooperative", "create", "--slug", "sor", "--name", "Sør", "--currency", "NOK",
        "--time-zone", "Europe/Oslo",
    )  # fmt: skip
    assert shell.refusal("member", "list") == ("COOPERATIVE_UNNAMED", ["cooperative"])
    assert shell.json("member", "list", "--cooperative", "sor") == {"members": []}
    assert shell.refusal("member", "list", "-c", "vest")[0] == "COOPERATIVE_UNKNOWN"


def test_members_are_admitted_and_found(own: Shell) -> None:
    made = own.json("member", "admit", "Taxi Brandt", "--number", "T1", "--joined-on", "2025-01-01")
    assert made | {"id": ""} == {
        "id": "", "number": "T1", "name": "Taxi Brandt", "email": None,
        "joined_on": "2025-01-01", "left_on": None,
    }  # fmt: skip
    assert own.json("member", "list", "--search", "brandt") == {"members": [made]}
    assert own.refusal("member", "admit", "Other", "--number", "T1") == (
        "MEMBER_NUMBER_TAKEN", ["number"],
    )  # fmt: skip
    assert own.refusal("member", "admit", "Other", "--joined-on", "soon") == (
        "INVALID_VALUE", ["joined_on"],
    )  # fmt: skip
    assert "Taxi Brandt" in own.text("member", "list")


def test_roles_are_granted_and_listed(own: Shell) -> None:
    own.text("member", "admit", "Courier", "--number", "C1")
    made = own.json("role", "grant", "anna", "operator", "--member", "C1", "--from", "2025-01-01")
    assert (made["subject"], made["role"], made["from"], made["to"]) == (
        "anna", "OPERATOR", "2025-01-01", None,
    )  # fmt: skip
    assert made in own.json("role", "list")["roles"]
    assert own.refusal("role", "grant", "ben", "OPERATOR") == (
        "ROLE_SCOPE_INVALID",
        ["member"],
    )
    assert own.refusal("role", "grant", "ben", "OPERATOR", "--member", "none") == (
        "NOT_FOUND", ["member"],
    )  # fmt: skip
    own.result("role", "grant", "ben", "KING", code=2)


def test_a_token_of_the_development_issuer(shell: Shell) -> None:
    token = shell.text("token", "anna", "--hours", "2").strip()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["sub"], claims["aud"], claims["exp"] - claims["iat"]) == ("anna", "coop", 7200)
    assert shell.refusal("token", "system") == ("INVALID_VALUE", ["subject"])


def test_no_development_tokens_in_production(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(shell.env, "COOP_DEVELOPMENT", "0")
    assert shell.refusal("token", "anna") == ("DEVELOPMENT_REFUSED", [])


def test_the_database_is_upgraded_when_it_is_opened(new_shell: Callable[[], Shell]) -> None:
    shell = new_shell()
    before = shell.json("database", "status")
    assert (before["current"], before["up_to_date"]) == (None, False)
    assert shell.json("database", "upgrade") == {"before": None, "after": before["needed"]}
    assert shell.json("database", "status") == {
        "current": before["needed"], "needed": before["needed"], "up_to_date": True,
    }  # fmt: skip


def test_the_demo_does_not_touch_a_cooperative_of_ones_own(new_shell: Callable[[], Shell]) -> None:
    shell = new_shell()
    shell.text("cooperative", "create", *NOR[2:], "--slug", "demo")
    assert shell.refusal("demo", "--no-serve") == ("SLUG_TAKEN", [])
    assert shell.json("trial-balance")["lines"] == []


def test_help_teaches(shell: Shell) -> None:
    for command in ("balance", "post", "verify", "backup", "close", "statement", "demo"):
        assert "coop " + command in shell.text(command, "--help")
    shell.result("no-such-command", code=2)
    assert shell.text("--version").startswith("coop ")
