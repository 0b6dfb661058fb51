"""`coop share-costs` and `coop charges`: a hub's grid bill shared, and all that a month costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.cost_sharing import (
    arithmetic_of,
    member_of_owner,
    preview_sharing,
    results_of,
    share_month,
)
from coop.billing.monthly import Raised, raise_monthly_items
from coop.billing.queries.sharing import StoredShare, shares_of_runs
from coop.charging import queries as charging_queries
from coop.cli.named import HubRef, hub_by_ref
from coop.cli.running import House, run
from coop.cli.showing import (
    AsJson,
    CooperativeSlug,
    amount_text,
    month_of_text,
    print_json,
    print_table,
    progress,
    waiting,
)
from coop.cli.utility import parameters_named
from coop.kernel.energy import kwh_of_wh
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId
from coop.kernel.money import currency_scale
from coop.members import queries as member_queries

_COLUMNS = (
    "member", "kwh", "own_peak_kw", "measure", "energy", "losses", "demand", "other", "amount",
)  # fmt: skip
_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class _Shared:
    """A shared bill, charged or only computed."""

    currency: str
    charged: bool
    estimated: bool
    total_minor: int
    results: dict[str, Any]
    shares: list[StoredShare]
    numbers: dict[UUID, str]

    def lines(self) -> list[dict[str, object]]:
        """Every member's arithmetic, amounts of the steps with six decimals."""
        scale = currency_scale(self.currency)
        return [
            {
                "member": self.numbers.get(one.member_id or _NOBODY),
                "kwh": kwh_of_wh(one.taken_wh), "own_peak_kw": kwh_of_wh(one.own_peak_w),
                "measured": one.arithmetic["measured"], "measure": one.arithmetic["measure"],
                **{
                    name: Decimal(one.arithmetic[name]).scaleb(-scale)
                    for name in ("energy", "losses", "demand", "other", "exact")
                },
                "amount": amount_text(one.net_minor, scale),
            }
            for one in self.shares
        ]  # fmt: skip


def share_costs(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="2025-06.")],
    hub: HubRef,
    method: Annotated[
        str | None, typer.Option(help="Another method than the rule in force, with --draft.")
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Of that method: highest=4.")
    ] = None,
    draft: Annotated[
        bool, typer.Option("--draft", help="Only show what it would come to; nothing is charged.")
    ] = False,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Share a hub's grid bill of a month, and show every member's arithmetic.

    Without --draft the rule in force is applied and charged, once; a month that was shared is shown
    as it was. A draft without the grid's bill shares that of the schedule.

    Examples:

        coop share-costs 2025-06 --hub DEPOT --method PEAK_LAYERS --draft

        coop share-costs 2025-06 --hub DEPOT --json
    """

    async def work(house: House) -> _Shared:
        cooperative = await house.cooperative(slug)
        id_, first = CooperativeId(cooperative.id), month_of_text(month, "month")
        if method is not None and not draft:
            raise InvalidValue("What is charged follows the rule: --draft compares.", ("method",))
        with waiting(f"sharing {month}"):
            if draft:
                async with house.database.snapshot(id_) as connection:
                    given = (hub, first, method, parameter)
                    return await _drafted(connection, house, id_, *given)
            return await house.database.unit_of_work(
                id_, lambda connection: _charged(connection, house, id_, hub, first)
            )

    _show(run(work, as_json=as_json), month, hub, as_json)


async def _drafted(
    connection: AsyncConnection,
    house: House,
    id_: CooperativeId,
    hub: str,
    month: date,
    method: str | None,
    parameter: list[str] | None,
) -> _Shared:
    place = await hub_by_ref(connection, hub)
    found = await preview_sharing(
        connection, house.viewer, id_, place.id, month, method, parameters_named(parameter)
    )
    shares = [
        StoredShare(
            id_, _NOBODY, number, member_of_owner(one.owner), one.taken_wh, one.own_peak_w,
            arithmetic_of(one), one.total_minor,
        )
        for number, one in enumerate(found.sharing.shares, 1)
    ]  # fmt: skip
    return _Shared(
        found.of.currency, False, found.estimated, found.sharing.bill.total_minor,
        results_of(found), shares, await _numbers(connection, id_, shares),
    )  # fmt: skip


async def _charged(
    connection: AsyncConnection, house: House, id_: CooperativeId, hub: str, month: date
) -> _Shared:
    place = await hub_by_ref(connection, hub)
    one, _ = await share_month(connection, house.viewer, id_, place.id, month)
    shares = (await shares_of_runs(connection, [one.id]))[one.id]
    return _Shared(
        one.currency, True, False, one.total_minor, one.results, shares,
        await _numbers(connection, id_, shares),
    )  # fmt: skip


async def _numbers(
    connection: AsyncConnection, id_: CooperativeId, shares: list[StoredShare]
) -> dict[UUID, str]:
    ids = {one.member_id for one in shares if one.member_id}
    found = await member_queries.members_by_ids(connection, id_, ids)
    return {member_id: one.number for member_id, one in found.items()}


def _show(found: _Shared, month: str, hub: str, as_json: bool) -> None:
    scale, said = currency_scale(found.currency), found.results
    total = amount_text(found.total_minor, scale)
    if as_json:
        print_json(
            {
                "hub": hub, "month": month, "method": said["method"],
                "parameters": said["parameters"], "charged": found.charged,
                "estimated": found.estimated, "currency": found.currency, "total": total,
                **{
                    name: amount_text(int(said[f"{name}_minor"]), scale)
                    for name in ("energy", "demand", "other")
                },
                "kwh": kwh_of_wh(int(said["taken_wh"])),
                "losses_kwh": kwh_of_wh(int(said["losses_wh"])), "peak_at": said["peak_at"],
                "peak_kw": kwh_of_wh(int(said["peak_w"])), "layers": said["layers"],
                "shares": found.lines(),
            }
        )  # fmt: skip
        return
    title = f"{hub} {month}: {total} {found.currency} by {said['method']}"
    rows = [[line[column] for column in _COLUMNS] for line in found.lines()]
    for row in rows:
        row[0] = row[0] or "guests"
    print_table(title, _COLUMNS, rows, right=len(_COLUMNS) - 1)
    if found.estimated:
        typer.echo("The grid's bill is not here yet: this is what its schedule makes of the load.")
    if not found.charged:
        typer.echo("A draft: nothing is charged.")


def charges(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="2025-06.")],
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Raise everything a month costs beside charging: plans, reservations, reductions, grid costs.

    What is there already is passed over, so it may be run again, and after a kill it goes on. Run
    it before `coop bill`.

    Example: coop charges 2025-06 --json
    """

    async def work(house: House) -> tuple[Raised, dict[UUID, str]]:
        cooperative = await house.cooperative(slug)
        id_, first = CooperativeId(cooperative.id), month_of_text(month, "month")
        with progress() as step:
            raised = await raise_monthly_items(house.database, house.viewer, id_, first, step)
        async with house.database.snapshot(id_) as connection:
            hubs = await charging_queries.hubs_by_ids(
                connection, [one.hub_id for one in raised.waiting]
            )
        return raised, {hub_id: one.ref for hub_id, one in hubs.items()}

    raised, refs = run(work, as_json=as_json)
    net = amount_text(raised.net_minor, currency_scale(raised.currency))
    if as_json:
        print_json(
            {
                "month": month, "currency": raised.currency, "items": raised.items, "net": net,
                "waiting": [
                    {"hub": refs[one.hub_id], "code": one.code, "message": one.message}
                    for one in raised.waiting
                ],
            }
        )  # fmt: skip
        return
    for kind, count in sorted(raised.items.items()):
        typer.echo(f"{kind}: {count}")
    typer.echo(f"Raised for {month}: {net} {raised.currency} before tax.")
    for one in raised.waiting:
        typer.echo(f"{refs[one.hub_id]} waits ({one.code}): {one.message}")
