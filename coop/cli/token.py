"""`coop token`: a bearer token of the development issuer, for trying things out at home."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from coop.cli.running import guarded
from coop.cli.showing import AsJson, print_json
from coop.config import Settings
from coop.kernel.clock import utc_now
from coop.members.development import development_issuer
from coop.members.domain.people import require_subject
from coop.members.errors import DevelopmentRefused


def token(
    subject: Annotated[str, typer.Argument(help="Who it speaks for: the `sub` of the token.")],
    hours: Annotated[int, typer.Option(min=1, max=24 * 365, help="How long it is good.")] = 24,
    as_json: AsJson = False,
) -> None:
    """Mint a bearer token that a server of this data directory accepts on loopback.

    What the subject may do is decided by its roles (`coop role grant`). In production tokens come
    from your identity provider (COOP_JWKS_URL, COOP_ISSUER); COOP_DEVELOPMENT=0 turns these off.

    Example: curl -H "Authorization: Bearer $(coop token anna)" http://127.0.0.1:8000/graphql …
    """
    minted = guarded(lambda: _mint(subject, hours), as_json=as_json)
    if as_json:
        print_json({"subject": subject, "hours": hours, "token": minted})
        return
    typer.echo(minted)


async def _mint(subject: str, hours: int) -> str:
    settings = Settings.read()
    if not settings.development:
        raise DevelopmentRefused("COOP_DEVELOPMENT=0: tokens come from your identity provider.")
    issuer = development_issuer(settings.data_dir)
    lifetime = timedelta(hours=hours)
    return issuer.mint(require_subject(subject), settings.audience, utc_now(), lifetime)
