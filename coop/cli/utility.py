"""`coop utility`: what the grid charges a hub, how it is shared, when it asked for less."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing import grid
from coop.billing.domain.cost_sharing import Bill
from coop.billing.domain.utility_schedule import idle_rows, schedule_of, schedule_of_text
from coop.billing.grid import BillDraft
from coop.billing.queries.sharing import StoredBill, StoredEvent, StoredRule, StoredSchedule
from coop.billing.sharing_errors import UtilityScheduleInvalid
from coop.cli.named import HubRef, Resolution, Taxes, hub_by_ref, taxes_named
from coop.cli.plan import minor_of
from coop.cli.running import House, run
from coop.cli.showing import (
    AsJson,
    CooperativeSlug,
    ExistingFile,
    amount_text,
    day_of,
    instant_of,
    month_of_text,
    print_json,
)
from coop.kernel.energy import kwh_of_wh, wh_of_kwh
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId
from coop.kernel.money import currency_scale
from coop.kernel.rate import exact_decimal

app = typer.Typer(no_args_is_help=True, help="The grid: tariffs, bills, rules, events of a hub.")
schedule = typer.Typer(no_args_is_help=True, help="Grid tariffs of a hub.")
app.add_typer(schedule, name="schedule")


@schedule.command("set")
def set_schedule(
    file: ExistingFile,
    hub: HubRef,
    from_on: Annotated[str, typer.Option("--from", metavar="DAY", help="First day in force.")],
    resolution: Resolution = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Let a grid tariff be in force at a hub from a day on: docs/cost-sharing.md tells its forms.

    Example: coop utility schedule set sce_tou_ev_4.json --hub DEPOT --from 2025-01-01
    """

    async def work(house: House) -> StoredSchedule:
        cooperative = await house.cooperative(slug)
        first, read = day_of(from_on, "from"), schedule_of_text(_text(file))
        if first is None:
            raise InvalidValue("Say from when.", ("from",))

        async def set_it(connection: AsyncConnection) -> StoredSchedule:
            place = await hub_by_ref(connection, hub)
            return await grid.set_utility_schedule(
                connection, house.viewer, CooperativeId(cooperative.id), place.id, first, read,
                resolution=resolution,
            )  # fmt: skip

        return await house.database.unit_of_work(cooperative.id, set_it)

    made = run(work, as_json=as_json)
    idle = idle_rows(schedule_of(made.document))
    if as_json:
        print_json(
            {
                "id": made.id, "hub": hub, "from": made.from_on, "name": made.name,
                "sha256": made.document_sha256.hex(), "idle_rows": idle,
            }
        )  # fmt: skip
        return
    typer.echo(f"{made.name} is in force at {hub} from {made.from_on}.")
    for row in idle:
        typer.echo(f"Its row {row} is never in force: another goes before it on all its days.")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UtilityScheduleInvalid("The schedule is not UTF-8.") from None


@app.command()
def bill(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="2025-06.")],
    hub: HubRef,
    energy: Annotated[str, typer.Option(metavar="AMOUNT", help="For energy.")],
    demand: Annotated[str, typer.Option(metavar="AMOUNT", help="For the peak.")],
    other: Annotated[str, typer.Option(metavar="AMOUNT", help="The rest.")] = "0",
    kwh: Annotated[
        str | None, typer.Option(help="What the grid delivered; without it, no losses.")
    ] = None,
    reference: Annotated[str, typer.Option(help="The grid's number of the bill.")] = "",
    post: Annotated[
        bool, typer.Option("--post", help="Also as a payable: 5000 and 5010 against 2000.")
    ] = False,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Record what the grid charged a hub for a month.

    Example: coop utility bill 2025-06 --hub DEPOT --energy 4210.55 --demand 1861.20 --kwh 38120
    """

    async def work(house: House) -> StoredBill:
        cooperative = await house.cooperative(slug)
        amounts = Bill(
            minor_of(cooperative, energy, "energy"),
            minor_of(cooperative, demand, "demand"),
            minor_of(cooperative, other, "other"),
            None if kwh is None else wh_of_kwh(exact_decimal(kwh)),
        )
        first = month_of_text(month, "month")

        async def record(connection: AsyncConnection) -> StoredBill:
            place = await hub_by_ref(connection, hub)
            draft = BillDraft(place.id, first, amounts, reference, post)
            return await grid.record_utility_bill(
                connection, house.viewer, CooperativeId(cooperative.id), draft
            )

        return await house.database.unit_of_work(cooperative.id, record)

    _show_bill(run(work, as_json=as_json), hub, as_json)


def _show_bill(made: StoredBill, hub: str, as_json: bool) -> None:
    scale, month = currency_scale(made.currency), f"{made.month:%Y-%m}"
    total = amount_text(made.energy_minor + made.demand_minor + made.other_minor, scale)
    if as_json:
        print_json(
            {
                "id": made.id, "hub": hub, "month": month, "currency": made.currency,
                "energy": amount_text(made.energy_minor, scale),
                "demand": amount_text(made.demand_minor, scale),
                "other": amount_text(made.other_minor, scale), "total": total,
                "kwh": None if made.energy_wh is None else kwh_of_wh(made.energy_wh),
                "entry": made.entry_id,
            }
        )  # fmt: skip
        return
    typer.echo(f"The grid charged {hub} {total} {made.currency} for {month}.")


@app.command()
def rule(
    method: Annotated[
        str,
        typer.Argument(
            help="KWH, COINCIDENT_PEAK, OWN_PEAK, PEAK_LAYERS, HIGHEST_INTERVALS, or NONE."
        ),
    ],
    hub: HubRef,
    from_month: Annotated[str, typer.Option("--from", metavar="MONTH", help="Its first month.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="highest, ratchet_percent, tolerance_percent."),
    ] = None,
    tax: Taxes = None,
    resolution: Resolution = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Let a hub's grid costs be shared by a method from a month on; NONE passes none on.

    Compare methods first with `coop share-costs MONTH --hub REF --method METHOD --draft`.

    Example: coop utility rule PEAK_LAYERS --hub DEPOT --from 2025-06 --resolution 2025-11
    """

    async def work(house: House) -> StoredRule:
        cooperative = await house.cooperative(slug)
        first: date = month_of_text(from_month, "from")

        async def set_it(connection: AsyncConnection) -> StoredRule:
            place = await hub_by_ref(connection, hub)
            return await grid.set_sharing_rule(
                connection, house.viewer, CooperativeId(cooperative.id), place.id, first, method,
                parameters_named(parameter), taxes=taxes_named(tax), resolution=resolution,
            )  # fmt: skip

        return await house.database.unit_of_work(cooperative.id, set_it)

    made = run(work, as_json=as_json)
    if as_json:
        print_json(
            {
                "id": made.id, "hub": hub, "from": from_month, "method": made.method,
                "parameters": made.parameters, "taxes": made.taxes, "resolution": made.resolution,
            }
        )  # fmt: skip
        return
    typer.echo(f"Costs of {hub} are shared by {made.method} from {from_month} on.")


@app.command()
def event(
    hub: HubRef,
    from_at: Annotated[str, typer.Option("--from", metavar="INSTANT", help="When it began.")],
    to_at: Annotated[str, typer.Option("--to", metavar="INSTANT", help="When it ended.")],
    payment: Annotated[str, typer.Option(metavar="AMOUNT", help="What the programme pays.")],
    fee_percent: Annotated[str, typer.Option(help="Per cent the cooperative keeps.")] = "0",
    programme: Annotated[str, typer.Option(help="Whose programme it was.")] = "",
    resolution: Resolution = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Record when the grid asked a hub to take less; the month's charges credit the members.

    Example: coop utility event --hub DEPOT --from 2025-07-15T17:00:00+02:00
    --to 2025-07-15T19:00:00+02:00 --payment 240.00 --fee-percent 10
    """

    async def work(house: House) -> StoredEvent:
        cooperative = await house.cooperative(slug)
        begins, ends = instant_of(from_at, "from"), instant_of(to_at, "to")
        if begins is None or ends is None:
            raise InvalidValue("Say when.", ("from",))

        async def record(connection: AsyncConnection) -> StoredEvent:
            place = await hub_by_ref(connection, hub)
            return await grid.record_demand_response(
                connection, house.viewer, CooperativeId(cooperative.id), place.id, begins, ends,
                minor_of(cooperative, payment, "payment"), exact_decimal(fee_percent),
                programme=programme, resolution=resolution,
            )  # fmt: skip

        return await house.database.unit_of_work(cooperative.id, record)

    made = run(work, as_json=as_json)
    amount = amount_text(made.payment_minor, currency_scale(made.currency))
    if as_json:
        print_json(
            {
                "id": made.id, "hub": hub, "from": made.from_at, "to": made.to_at,
                "payment": amount, "fee_percent": made.fee_percent, "programme": made.programme,
            }
        )  # fmt: skip
        return
    typer.echo(f"{amount} {made.currency} at {hub} from {made.from_at} to {made.to_at}.")


def parameters_named(given: list[str] | None) -> dict[str, object] | None:
    """The parameters that options write as highest=4. Refuses INVALID_VALUE at `parameter`."""
    found: dict[str, object] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidValue(f'"{text}" is not a parameter such as highest=4.', ("parameter",))
        found[name] = value
    return found or None
