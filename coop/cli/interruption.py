"""`coop interruption`: when hubs and ports gave no power, or less."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import queries
from coop.charging.domain.interruption import Cause, Interruption
from coop.charging.domain.place import Hub
from coop.charging.domain.session import normal_id
from coop.charging.interruptions import (
    InterruptionDraft,
    end_interruption,
    record_interruption,
)
from coop.cli.named import HubRef, hub_by_ref
from coop.cli.running import House, run
from coop.cli.showing import AsJson, CooperativeSlug, instant_of, print_json, print_table
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId
from coop.members.domain.policy import absent

app = typer.Typer(no_args_is_help=True, help="Interruptions: when a hub gave no power, or less.")


@app.command()
def record(
    hub: HubRef,
    cause: Annotated[Cause, typer.Option(help="Why.")],
    from_at: Annotated[str, typer.Option("--from", metavar="INSTANT", help="When it began.")],
    to_at: Annotated[
        str | None, typer.Option("--to", metavar="INSTANT", help="When it was over, if it is.")
    ] = None,
    port: Annotated[
        str | None, typer.Option(metavar="REF", help="Which port; else the whole hub.")
    ] = None,
    note: Annotated[str, typer.Option(help="What happened.")] = "",
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Record that a hub or a port gave no power, or (THROTTLED) less.

    No idle fee runs meanwhile; sessions that are charged already wait for `coop session rerate`.

    Example: coop interruption record --hub DEPOT --cause OUTAGE_GRID --from 2026-03-02T08:00:00Z
    """

    async def work(house: House) -> Interruption:
        cooperative = await house.cooperative(slug)

        async def note_it(connection: AsyncConnection) -> Interruption:
            place = await hub_by_ref(connection, hub)
            draft = InterruptionDraft(
                place.id, _said(from_at, "from"), cause,
                await _port_id(connection, place, port), instant_of(to_at, "to"), note,
            )  # fmt: skip
            return await record_interruption(
                connection, house.viewer, CooperativeId(cooperative.id), draft
            )

        return await house.database.unit_of_work(cooperative.id, note_it)

    made = run(work, as_json=as_json)
    if as_json:
        print_json(_json(made, hub))
        return
    until = "and lasts" if made.to_at is None else f"until {made.to_at.isoformat()}"
    typer.echo(f"{hub} is interrupted from {made.from_at.isoformat()} {until}: {made.id}")


@app.command()
def end(
    interruption: Annotated[UUID, typer.Argument(metavar="ID", help="As `record` printed it.")],
    to_at: Annotated[str, typer.Option("--to", metavar="INSTANT", help="When it was over.")],
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Record when an interruption was over.

    Example: coop interruption end 01a2… --to 2026-03-02T09:30:00Z
    """

    async def work(house: House) -> tuple[Interruption, str]:
        cooperative = await house.cooperative(slug)

        async def end_it(connection: AsyncConnection) -> tuple[Interruption, str]:
            ended = await end_interruption(
                connection, house.viewer, CooperativeId(cooperative.id), interruption,
                _said(to_at, "to"),
            )  # fmt: skip
            hubs = await queries.hubs_by_ids(connection, [ended.hub_id])
            return ended, hubs[ended.hub_id].ref

        return await house.database.unit_of_work(cooperative.id, end_it)

    ended, ref = run(work, as_json=as_json)
    if as_json:
        print_json(_json(ended, ref))
        return
    typer.echo(f"The interruption of {ref} was over at {to_at}.")


@app.command("list")
def list_(
    hub: Annotated[str | None, typer.Option(metavar="REF", help="At this hub only.")] = None,
    from_at: Annotated[
        str | None, typer.Option("--from", metavar="INSTANT", help="At some time from then on.")
    ] = None,
    to_at: Annotated[
        str | None, typer.Option("--to", metavar="INSTANT", help="And before then.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """List what interrupted hubs and ports, in order.

    Example: coop interruption list --hub DEPOT --from 2026-03-01T00:00:00Z
    """

    async def work(house: House) -> list[tuple[Interruption, str]]:
        cooperative = await house.cooperative(slug)
        async with house.database.snapshot(cooperative.id) as connection:
            hubs = await queries.hubs(connection)
            if hub is not None:
                hubs = [await hub_by_ref(connection, hub)]
            refs = {one.id: one.ref for one in hubs}
            found = await queries.interruptions(
                connection, refs, instant_of(from_at, "from"), instant_of(to_at, "to")
            )
            return [(one, refs[one.hub_id]) for one in found]

    found = run(work, as_json=as_json)
    if as_json:
        print_json({"interruptions": [_json(one, ref) for one, ref in found]})
        return
    rows = [
        (ref, one.cause.value, one.from_at.isoformat(), one.to_at and one.to_at.isoformat(),
         one.note, str(one.id))
        for one, ref in found
    ]  # fmt: skip
    print_table("Interruptions", ("hub", "cause", "from", "to", "note", "id"), rows)


def _said(text: str, name: str) -> datetime:
    at = instant_of(text, name)
    if at is None:
        raise InvalidValue("Say when.", (name,))
    return at


async def _port_id(connection: AsyncConnection, hub: Hub, ref: str | None) -> UUID | None:
    if ref is None:
        return None
    ports = (await queries.ports_of_hubs(connection, [hub.id])).get(hub.id, [])
    found = next((one.id for one in ports if one.ref == normal_id(ref)), None)
    if found is None:
        raise absent().under("port")
    return found


def _json(one: Interruption, hub: str) -> dict[str, object]:
    return {
        "id": one.id, "hub": hub, "port_id": one.port_id, "from": one.from_at, "to": one.to_at,
        "cause": one.cause.value, "note": one.note, "recorded_by": one.recorded_by,
        "recorded_at": one.recorded_at,
    }  # fmt: skip
