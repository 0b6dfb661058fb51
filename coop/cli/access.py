"""`coop access-token`: opaque tokens for the machines of grant administrators."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer

from coop.cli.running import House, run
from coop.cli.showing import AsJson, CooperativeSlug, print_json, print_table
from coop.kernel.clock import utc_now
from coop.members import queries
from coop.members import service as members
from coop.members.domain.people import AccessToken
from coop.members.domain.scopes import Scope

app = typer.Typer(
    no_args_is_help=True, help="Access tokens: scoped, expiring, for grant administrators."
)


@app.command()
def create(
    subject: Annotated[str, typer.Argument(help="Whose roles it narrows; it widens nothing.")],
    name: Annotated[str, typer.Option(help="What it is for, as people list it.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; repeat for several.")],
    grant: Annotated[list[UUID], typer.Option(help="For which grant; repeat for several.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it is good.")] = 90,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Make an access token. It is printed now and never again: only its hash is kept.

    Example: coop access-token create ministry --name "Quarterly pull" --scope report:read --grant …
    """
    expires_at = utc_now() + timedelta(days=days)

    async def work(house: House) -> tuple[AccessToken, str]:
        cooperative = await house.cooperative(slug)
        return await house.database.unit_of_work(
            cooperative.id,
            lambda connection: members.create_access_token(
                connection, house.viewer, cooperative.id, name=name, subject=subject,
                scopes=scope, grant_ids=grant, expires_at=expires_at,
            ),
        )  # fmt: skip

    made, text = run(work, as_json=as_json)
    if as_json:
        print_json({**_json(made), "token": text})
        return
    typer.echo(text)


@app.command("list")
def list_(slug: CooperativeSlug = None, as_json: AsJson = False) -> None:
    """List every access token ever made; never the token itself.

    Example: coop access-token list --json
    """

    async def work(house: House) -> list[AccessToken]:
        cooperative = await house.cooperative(slug)
        async with house.database.snapshot(cooperative.id) as connection:
            return await queries.access_tokens(connection, cooperative.id)

    found = run(work, as_json=as_json)
    if as_json:
        print_json({"access_tokens": [_json(one) for one in found]})
        return
    rows = [(one.id, one.name, one.subject, one.expires_at, one.revoked_at) for one in found]
    print_table("Access tokens", ("id", "name", "subject", "expires", "revoked"), rows)


@app.command()
def revoke(
    token_id: Annotated[UUID, typer.Argument(help="Its id, as `coop access-token list` shows.")],
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Revoke an access token, from its next use on.

    Example: coop access-token revoke 01a20442-513c-7089-b9a8-b730258ca515
    """

    async def work(house: House) -> datetime:
        cooperative = await house.cooperative(slug)
        await house.database.unit_of_work(
            cooperative.id,
            lambda connection: members.revoke_access_token(
                connection, house.viewer, cooperative.id, token_id
            ),
        )
        return utc_now()

    revoked_at = run(work, as_json=as_json)
    if as_json:
        print_json({"id": token_id, "revoked_at": revoked_at})
        return
    typer.echo(f"{token_id} is revoked.")


def _json(one: AccessToken) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "subject": one.subject,
        "scopes": sorted(one.scopes),
        "grants": sorted(one.grant_ids),
        "expires_at": one.expires_at,
        "revoked_at": one.revoked_at,
        "last_used_at": one.last_used_at,
    }
