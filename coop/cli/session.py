"""`coop session`: what sessions were charged, and charging them anew."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import queries
from coop.charging.domain.session import normal_id
from coop.charging.queries import StoredCharge, StoredLine
from coop.charging.rating import Rerated, SessionsOf, rerate
from coop.cli.named import hub_by_ref
from coop.cli.running import House, run
from coop.cli.showing import (
    AsJson,
    CooperativeSlug,
    amount_text,
    day_of,
    print_json,
    print_table,
)
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId
from coop.kernel.money import currency_scale
from coop.members.domain.people import Cooperative
from coop.members.domain.policy import absent

app = typer.Typer(no_args_is_help=True, help="Sessions: what they were charged.")
Charges = list[tuple[StoredCharge, list[StoredLine]]]


@app.command("rerate")
def rerate_(
    reason: Annotated[str, typer.Option(help="Why; it is told with each charge.")],
    cdr: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CDR]...", help="Ids of sessions at their platform."),
    ] = None,
    hub: Annotated[str | None, typer.Option(metavar="REF", help="Or those at this hub.")] = None,
    from_on: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="That count for this day or later.")
    ] = None,
    to_on: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="That count for days before this.")
    ] = None,
    effective_on: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="Post on this day; default: each on its own."),
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Charge sessions anew by the tariffs, classes and interruptions that are known now.

    What costs the same is left alone; the rest is reversed and posted again, linked. What was
    billed stays billed: the difference is for the next bill.

    Examples:

        coop session rerate --hub DEPOT --from 2026-03-01 --to 2026-04-01 --reason "Wrong price"

        coop session rerate CDR-17 CDR-18 --reason "Port was throttled"
    """

    async def work(house: House) -> tuple[Cooperative, Rerated]:
        cooperative = await house.cooperative(slug)
        day = day_of(effective_on, "effective_on")

        async def anew(connection: AsyncConnection) -> Rerated:
            where = await _where(connection, cdr or [], hub, from_on, to_on)
            id_ = CooperativeId(cooperative.id)
            return await rerate(connection, house.viewer, id_, where, reason, day)

        return cooperative, await house.database.unit_of_work(cooperative.id, anew)

    _print_rerated(*run(work, as_json=as_json), as_json=as_json)


async def _where(
    connection: AsyncConnection,
    cdrs: list[str],
    hub: str | None,
    from_on: str | None,
    to_on: str | None,
) -> SessionsOf:
    """Which sessions are meant. Refuses INVALID_VALUE for both ways of saying it, or neither."""
    if (hub is None) == (not cdrs):
        raise InvalidValue("Name sessions, or a hub.", ("hub",))
    if hub is None:
        return SessionsOf(await _ids(connection, cdrs))
    place = await hub_by_ref(connection, hub)
    days = (day_of(from_on, "from"), day_of(to_on, "to"))
    return SessionsOf(hub_id=place.id, from_on=days[0], to_on=days[1])


def _print_rerated(cooperative: Cooperative, done: Rerated, *, as_json: bool) -> None:
    difference = amount_text(done.difference_minor, currency_scale(cooperative.currency))
    if as_json:
        print_json(
            {
                "looked_at": done.looked_at, "rerated": len(done.session_ids),
                "difference": difference, "currency": cooperative.currency,
                "sessions": done.session_ids,
            }
        )  # fmt: skip
        return
    typer.echo(
        f"{len(done.session_ids)} of {done.looked_at} sessions cost something else: "
        f"{difference} {cooperative.currency} more before tax."
    )


@app.command()
def show(
    cdr: Annotated[str, typer.Argument(metavar="CDR", help="Id of a session at its platform.")],
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Show everything a session was charged, line by line.

    Example: coop session show CDR-17
    """

    async def work(house: House) -> tuple[Cooperative, Charges]:
        cooperative = await house.cooperative(slug)
        async with house.database.snapshot(cooperative.id) as connection:
            (id_,) = (await _ids(connection, [cdr]))[:1]
            charges = (await queries.charges_of_sessions(connection, [id_])).get(id_, [])
            lines = await queries.lines_of_charges(connection, [one.id for one in charges])
            return cooperative, [(one, lines.get(one.id, [])) for one in charges]

    cooperative, found = run(work, as_json=as_json)
    scale = currency_scale(cooperative.currency)
    if as_json:
        print_json({"charges": [_json(one, lines, scale) for one, lines in found]})
        return
    rows = [
        (one.effective_on, one.reason or "rated", line.description, f"{line.quantity:f}",
         line.unit, f"{line.unit_price:f}", amount_text(line.net_minor, scale))
        for one, lines in found
        for line in lines
    ]  # fmt: skip
    header = ("on", "why", "what", "quantity", "unit", "unit price", "net")
    print_table(f"Charges of {normal_id(cdr)}", header, rows)


async def _ids(connection: AsyncConnection, cdrs: list[str]) -> list[UUID]:
    """The sessions that platforms call so. Refuses NOT_FOUND at `cdr`."""
    wanted = {normal_id(one) for one in cdrs}
    found = await queries.session_ids_of_cdrs(connection, wanted)
    if {name for name, _ in found} != wanted:
        raise absent().under("cdr")
    return [id_ for _, id_ in found]


def _json(one: StoredCharge, lines: list[StoredLine], scale: int) -> dict[str, object]:
    return {
        "id": one.id, "effective_on": one.effective_on, "net": amount_text(one.net_minor, scale),
        "tax": f"{one.tax:f}", "currency": one.currency, "tariff": one.tariff_version_id,
        "entry": one.entry_id, "credit_of": one.credit_of_id, "replaces": one.replaces_id,
        "reason": one.reason or None,
        "lines": [
            {
                "kind": line.kind, "element": line.element, "description": line.description,
                "quantity": f"{line.quantity:f}", "unit": line.unit,
                "unit_price": f"{line.unit_price:f}",
                "net": amount_text(line.net_minor, scale), "taxes": line.taxes,
                "tax": f"{line.tax:f}",
            }
            for line in lines
        ],
    }  # fmt: skip
