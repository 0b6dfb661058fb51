"""`coop access-token`: made once, shown once, listed without its text, revoked."""

from __future__ import annotations

from tests.cli.conftest import Shell

GRANT = "01a20442-513c-7089-b9a8-b730258ca515"


def test_an_access_token_lives_and_ends(shell: Shell) -> None:
    made = shell.json(
        "access-token", "create", "ministry", "--name", "Quarterly pull", "--scope", "report:read",
        "--scope", "grant:read", "--grant", GRANT, "--days", "30",
    )  # fmt: skip
    token = made.pop("token")
    assert token.startswith("coop_pat_")
    assert (made["subject"], made["scopes"], made["grants"], made["revoked_at"]) == (
        "ministry",
        ["grant:read", "report:read"],
        [GRANT],
        None,
    )
    listed = shell.text("access-token", "list", "--json")
    assert made["id"] in listed
    assert token not in listed

    shell.text("access-token", "revoke", made["id"])
    (row,) = [
        one
        for one in shell.json("access-token", "list")["access_tokens"]
        if one["id"] == made["id"]
    ]
    assert row["revoked_at"] is not None


def test_a_token_that_would_last_too_long_is_a_wrong_command_line(shell: Shell) -> None:
    found = shell.result(
        "access-token", "create", "x", "--name", "x", "--scope", "report:read", "--grant", GRANT,
        "--days", "400", code=2,
    )  # fmt: skip
    assert "--days" in found.stderr
