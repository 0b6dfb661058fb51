"""`coop cooperative`: setting one up, and which there are."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from coop.cli import profile
from coop.cli.running import House, run
from coop.cli.showing import AsJson, print_json, print_table
from coop.kernel.ids import CooperativeId, uuid7
from coop.ledger import service as ledger
from coop.members import service as members
from coop.members.domain.people import Cooperative

app = typer.Typer(no_args_is_help=True, help="Cooperatives: setting one up, listing them.")
app.add_typer(profile.of_cooperative, name="profile")


@app.command()
def create(
    slug: Annotated[str, typer.Option(help="Its short name in commands and addresses: nor.")],
    name: Annotated[str, typer.Option(help="Its name as people write it.")],
    currency: Annotated[str, typer.Option(help="ISO 4217 code its books are kept in: NOK.")],
    time_zone: Annotated[str, typer.Option(help="IANA zone of its days: Europe/Oslo.")],
    as_json: AsJson = False,
) -> None:
    """Set up a cooperative and open its books.

    It can be imported into at once; accounts of members and hubs open as they are met.

    Example: coop cooperative create --slug nor --name Nor --currency NOK --time-zone Europe/Oslo
    """
    cooperative_id = CooperativeId(uuid7())

    async def work(house: House) -> Cooperative:
        async def unit(connection: Any) -> Cooperative:
            made = await members.create_cooperative(
                connection, house.viewer, cooperative_id,
                slug=slug, name=name, currency=currency, time_zone=time_zone,
            )  # fmt: skip
            await ledger.open_books(connection, cooperative_id, currency)
            return made

        return await house.database.unit_of_work(cooperative_id, unit)

    made = run(work, as_json=as_json)
    if as_json:
        print_json(_json(made))
        return
    typer.echo(f"{made.name} ({made.slug}) keeps its books in {made.currency}.")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the cooperatives of this installation.

    Example: coop cooperative list --json
    """

    async def work(house: House) -> list[Cooperative]:
        return await house.cooperatives()

    found = run(work, as_json=as_json)
    if as_json:
        print_json({"cooperatives": [_json(one) for one in found]})
        return
    rows = [(one.slug, one.name, one.currency, one.time_zone.key) for one in found]
    print_table("Cooperatives", ("slug", "name", "currency", "time zone"), rows)


def _json(one: Cooperative) -> dict[str, object]:
    return {
        "id": one.id, "slug": one.slug, "name": one.name, "currency": one.currency,
        "time_zone": one.time_zone.key, "created_at": one.created_at,
    }  # fmt: skip
