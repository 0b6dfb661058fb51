"""`coop tariff`: what sessions cost, as versions in force from an instant on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import queries, tariffs
from coop.charging.domain.tariff import parse_tariff
from coop.charging.domain.tariff_text import tariff_sentences
from coop.charging.domain.versions import TariffVersion
from coop.charging.tariffs import TariffDraft
from coop.cli.named import Resolution, hub_by_ref
from coop.cli.running import House, run
from coop.cli.showing import (
    AsJson,
    CooperativeSlug,
    ExistingFile,
    instant_of,
    print_json,
    print_table,
)
from coop.kernel.clock import utc_now
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId, HubId

app = typer.Typer(no_args_is_help=True, help="Tariffs: what sessions cost, in versions.")
Hub = Annotated[str | None, typer.Option("--hub", metavar="REF", help="At this hub; else at all.")]
Class = Annotated[
    str, typer.Option("--class", metavar="CLASS", help="For this class of members; else for all.")
]


@app.command("set")
def set_(
    file: ExistingFile,
    from_at: Annotated[
        str, typer.Option("--from", metavar="INSTANT", help="Sessions that start from then on.")
    ],
    hub: Hub = None,
    member_class: Class = "",
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    correct: Annotated[
        bool, typer.Option("--correct", help="In place of the one from that very instant.")
    ] = False,
    resolution: Resolution = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Let an OCPI tariff be in force from an instant on, until the next.

    Sessions that are stored keep what they were charged: `coop session rerate` charges them anew.

    Examples:

        coop tariff set tariff.json --from 2026-01-01T00:00:00+01:00

        coop tariff set taxi.json --hub DEPOT --class taxi --from 2026-03-01T00:00:00+01:00
    """

    async def work(house: House) -> TariffVersion:
        cooperative = await house.cooperative(slug)
        document, at = parse_tariff(file.read_bytes()), instant_of(from_at, "from")

        async def set_it(connection: AsyncConnection) -> TariffVersion:
            draft = TariffDraft(
                document, _said(at), await _hub_id(connection, hub), member_class, name,
                resolution, correct,
            )  # fmt: skip
            return await tariffs.set_tariff(
                connection, house.viewer, CooperativeId(cooperative.id), draft
            )

        return await house.database.unit_of_work(cooperative.id, set_it)

    made = run(work, as_json=as_json)
    if as_json:
        print_json(_json(made, {} if hub is None else {made.hub_id: hub}))
        return
    typer.echo(f"{made.name} is version {made.version} of {_where(made, hub)}:")
    for sentence in tariff_sentences(made.tariff):
        typer.echo(f"  {sentence}")


@app.command("list")
def list_(hub: Hub = None, slug: CooperativeSlug = None, as_json: AsJson = False) -> None:
    """List every version that was ever set, by hub and class.

    Example: coop tariff list --hub DEPOT
    """

    async def work(house: House) -> tuple[list[TariffVersion], dict[HubId | None, str]]:
        cooperative = await house.cooperative(slug)
        async with house.database.snapshot(cooperative.id) as connection:
            hub_id = await _hub_id(connection, hub)
            refs: dict[HubId | None, str] = {
                one.id: one.ref for one in await queries.hubs(connection)
            }
            return await queries.tariff_versions(connection, hub_id), refs

    found, refs = run(work, as_json=as_json)
    if as_json:
        print_json({"tariffs": [_json(one, refs) for one in found]})
        return
    rows = [
        (refs.get(one.hub_id, "all"), one.member_class or "all", one.version,
         one.from_at.isoformat(), one.name, one.resolution)
        for one in found
    ]  # fmt: skip
    print_table("Tariffs", ("hub", "class", "version", "from", "name", "resolution"), rows)


@app.command()
def show(
    hub: Annotated[str, typer.Option("--hub", metavar="REF", help="At this hub.")],
    member_class: Class = "",
    at: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="At this instant; default: now.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Show the tariff in force at a hub, in words.

    Example: coop tariff show --hub DEPOT --class guest
    """

    async def work(house: House) -> TariffVersion | None:
        cooperative = await house.cooperative(slug)
        async with house.database.snapshot(cooperative.id) as connection:
            place, instant = await hub_by_ref(connection, hub), instant_of(at, "at") or utc_now()
            return await tariffs.tariff_in_force(connection, place.id, member_class, instant)

    found = run(work, as_json=as_json)
    if as_json:
        print_json(None if found is None else _json(found, {found.hub_id: hub}))
        return
    if found is None:
        typer.echo(f"No tariff is in force at {hub} then.")
        return
    typer.echo(f"{found.name}, version {found.version} of {_where(found, hub)}:")
    for sentence in tariff_sentences(found.tariff):
        typer.echo(f"  {sentence}")


def _said(at: datetime | None) -> datetime:
    if at is None:
        raise InvalidValue("Say from when.", ("from",))
    return at


async def _hub_id(connection: AsyncConnection, ref: str | None) -> HubId | None:
    return None if ref is None else (await hub_by_ref(connection, ref)).id


def _where(version: TariffVersion, hub: str | None) -> str:
    whom = f"class {version.member_class}" if version.member_class else "everybody"
    place = "all hubs" if version.hub_id is None or hub is None else hub
    return f"{place} for {whom}, from {version.from_at.isoformat()}"


def _json(version: TariffVersion, refs: dict[HubId | None, str]) -> dict[str, object]:
    return {
        "id": version.id, "hub": None if version.hub_id is None else refs.get(version.hub_id),
        "class": version.member_class or None, "version": version.version,
        "from": version.from_at, "name": version.name, "currency": version.currency,
        "corrects": version.corrects_id, "resolution": version.resolution,
        "sha256": version.document_sha256.hex(), "document": version.document,
        "text": tariff_sentences(version.tariff), "set_by": version.set_by,
        "set_at": version.set_at,
    }  # fmt: skip
