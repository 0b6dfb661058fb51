"""`coop plan`, `coop subscription`, `coop reservation`: what members have beside paying per use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing import plans as service
from coop.billing.domain.plan import KIND_DEFAULT, PlanTerms
from coop.billing.domain.reservation import ReservationKind, ReservationTerms
from coop.billing.queries import plans as queries
from coop.billing.queries.plans import StoredPlan, StoredReservation, StoredSubscription
from coop.billing.sharing_errors import ReservationInvalid
from coop.cli.named import (
    HubRef,
    Resolution,
    Taxes,
    hub_by_ref,
    member_by_number,
    taxes_named,
)
from coop.cli.running import House, run
from coop.cli.showing import (
    AsJson,
    CooperativeSlug,
    amount_text,
    day_of,
    instant_of,
    print_json,
    print_table,
)
from coop.kernel.energy import kwh_of_wh, wh_of_kwh
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId, MemberId
from coop.kernel.money import currency_scale
from coop.kernel.rate import exact_decimal, to_scale
from coop.members import queries as member_queries
from coop.members.domain.people import Cooperative

app = typer.Typer(no_args_is_help=True, help="Plans: a monthly fee with energy in it.")
subscription = typer.Typer(no_args_is_help=True, help="Which member has which plan.")
reservation = typer.Typer(no_args_is_help=True, help="Power and ports reserved for members.")
_MINE = "kW month or port hour"


@dataclass(frozen=True, slots=True)
class _Held:
    """Subscriptions with the plans they began with and their members' numbers."""

    rows: Sequence[StoredSubscription]
    plans: dict[UUID, StoredPlan]
    numbers: dict[UUID, str]

    def json(self) -> list[dict[str, object]]:
        """What is printed of them."""
        return [
            {
                "id": one.id, "member": self.numbers[one.member_id],
                "plan": self.plans[one.plan_id].code, "version": self.plans[one.plan_id].version,
                "from": one.from_on, "to": one.to_on,
            }
            for one in self.rows
        ]  # fmt: skip


def minor_of(cooperative: Cooperative, text: str, name: str) -> int:
    """An amount of the cooperative's currency in minor units. Refuses INVALID_VALUE at `name`."""
    try:
        return to_scale(exact_decimal(text), currency_scale(cooperative.currency))
    except InvalidValue as refusal:
        raise refusal.under(name) from None


@app.command("set")
def set_(
    code: Annotated[str, typer.Argument(help="What it is called in commands.")],
    name: Annotated[str, typer.Argument(help="What people call it.")],
    fee: Annotated[str, typer.Option(metavar="AMOUNT", help="Of a whole month, before tax.")],
    included: Annotated[str, typer.Option(metavar="KWH", help="Energy the fee pays for.")] = "0",
    kind: Annotated[
        str, typer.Option(help="A member has one plan of a kind at a time.")
    ] = KIND_DEFAULT,
    tax: Taxes = None,
    resolution: Resolution = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Offer a plan; other terms under its code are its next version.

    Example: coop plan set basic "Basic" --fee 19.00 --included 50 --tax VAT=20
    """

    async def work(house: House) -> StoredPlan:
        cooperative = await house.cooperative(slug)
        terms = PlanTerms(
            code, name, minor_of(cooperative, fee, "fee"), wh_of_kwh(exact_decimal(included)),
            kind, taxes_named(tax),
        )  # fmt: skip
        return await house.database.unit_of_work(
            cooperative.id,
            lambda c: service.set_plan(
                c, house.viewer, CooperativeId(cooperative.id), terms, resolution=resolution
            ),
        )

    made = run(work, as_json=as_json)
    if as_json:
        print_json(_plan_json(made))
        return
    typer.echo(f"{made.name} is plan {made.code}, version {made.version}.")


@app.command("list")
def list_(slug: CooperativeSlug = None, as_json: AsJson = False) -> None:
    """Show the latest version of every plan.

    Example: coop plan list
    """

    async def work(house: House) -> list[StoredPlan]:
        cooperative = await house.cooperative(slug)
        async with house.database.snapshot(cooperative.id) as connection:
            return await queries.plans(connection)

    found = [_plan_json(one) for one in run(work, as_json=as_json)]
    if as_json:
        print_json({"plans": found})
        return
    columns = ("code", "version", "kind", "name", "currency", "fee", "included_kwh")
    print_table("Plans", columns, [[one[c] for c in columns] for one in found], right=2)


def _plan_json(one: StoredPlan) -> dict[str, object]:
    return {
        "id": one.id, "code": one.code, "version": one.version, "kind": one.kind,
        "name": one.name, "currency": one.currency,
        "fee": amount_text(one.fee_minor, currency_scale(one.currency)),
        "included_kwh": kwh_of_wh(one.included_wh), "taxes": one.taxes,
        "resolution": one.resolution,
    }  # fmt: skip


@subscription.command()
def start(
    member: Annotated[str, typer.Argument(help="The member's number.")],
    plan: Annotated[str, typer.Argument(help="Code of the plan.")],
    from_on: Annotated[str, typer.Option("--from", metavar="DAY", help="Its first day.")],
    to_on: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="First day without it.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Begin a plan for a member: its latest version, for as long as it lasts.

    Example: coop subscription start 0007 basic --from 2025-06-01
    """

    async def work(house: House) -> _Held:
        cooperative = await house.cooperative(slug)
        id_, first = CooperativeId(cooperative.id), day_of(from_on, "from")
        if first is None:
            raise InvalidValue("Say from when.", ("from",))

        async def begin(connection: AsyncConnection) -> _Held:
            one = await member_by_number(connection, id_, member)
            made = await service.start_subscription(
                connection, house.viewer, id_, MemberId(one.id), plan, first, day_of(to_on, "to")
            )
            return await _held(connection, cooperative, [made])

        return await house.database.unit_of_work(cooperative.id, begin)

    _show_held(run(work, as_json=as_json), as_json)


@subscription.command()
def end(
    subscription_id: Annotated[UUID, typer.Argument(metavar="ID", help="Which; see list.")],
    on: Annotated[str, typer.Option(metavar="DAY", help="First day without it.")],
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """End a member's plan; months that are charged stay charged.

    Example: coop subscription end 0197c2f0-1a2b-7c3d-8e4f-5a6b7c8d9e0f --on 2025-09-01
    """

    async def work(house: House) -> _Held:
        cooperative = await house.cooperative(slug)
        last = day_of(on, "on")
        if last is None:
            raise InvalidValue("Say on which day.", ("on",))

        async def finish(connection: AsyncConnection) -> _Held:
            made = await service.end_subscription(
                connection, house.viewer, CooperativeId(cooperative.id), subscription_id, last
            )
            return await _held(connection, cooperative, [made])

        return await house.database.unit_of_work(cooperative.id, finish)

    _show_held(run(work, as_json=as_json), as_json)


@subscription.command("list")
def list_subscriptions(
    on: Annotated[str, typer.Option(metavar="DAY", help="On which day.")],
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Show who has which plan on a day.

    Example: coop subscription list --on 2025-06-01
    """

    async def work(house: House) -> _Held:
        cooperative = await house.cooperative(slug)
        day = day_of(on, "on")
        if day is None:
            raise InvalidValue("Say on which day.", ("on",))
        async with house.database.snapshot(cooperative.id) as connection:
            after = day.fromordinal(day.toordinal() + 1)
            rows = await queries.subscriptions_on(connection, day, after)
            return await _held(connection, cooperative, rows)

    found = run(work, as_json=as_json).json()
    if as_json:
        print_json({"subscriptions": found})
        return
    columns = ("member", "plan", "version", "from", "to", "id")
    print_table("Subscriptions", columns, [[one[c] for c in columns] for one in found])


async def _held(
    connection: AsyncConnection, cooperative: Cooperative, rows: Sequence[StoredSubscription]
) -> _Held:
    plans = await queries.plans_by_ids(connection, {one.plan_id for one in rows})
    members = await member_queries.members_by_ids(
        connection, cooperative.id, {one.member_id for one in rows}
    )
    return _Held(rows, plans, {id_: one.number for id_, one in members.items()})


def _show_held(held: _Held, as_json: bool) -> None:
    [one] = held.json()
    if as_json:
        print_json(one)
        return
    until = f" until {one['to']}" if one["to"] else ""
    typer.echo(f"{one['member']} has {one['plan']} from {one['from']}{until} ({one['id']}).")


@reservation.command()
def record(
    member: Annotated[str, typer.Argument(help="The member's number.")],
    kind: Annotated[str, typer.Argument(help="POWER or PORT_HOURS.")],
    quantity: Annotated[int, typer.Argument(help="W of power, or ports.")],
    hub: HubRef,
    price: Annotated[str, typer.Option(metavar="AMOUNT", help=f"Of a {_MINE}, before tax.")],
    from_at: Annotated[str, typer.Option("--from", metavar="INSTANT", help="When it begins.")],
    to_at: Annotated[str, typer.Option("--to", metavar="INSTANT", help="When it ends.")],
    no_show: Annotated[
        str, typer.Option(metavar="AMOUNT", help="Fee when nobody comes, before tax.")
    ] = "0",
    grace: Annotated[int, typer.Option(metavar="MINUTES", help="How late one may come.")] = 15,
    cancel: Annotated[
        int, typer.Option(metavar="MINUTES", help="How long before it may be cancelled.")
    ] = 60,
    tax: Taxes = None,
    resolution: Resolution = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Reserve power, by the kW month, or ports, by the hour.

    Example: coop reservation record 0007 POWER 50000 --hub DEPOT --price 8.40
    --from 2025-06-01T00:00:00+02:00 --to 2025-07-01T00:00:00+02:00
    """

    async def work(house: House) -> StoredReservation:
        cooperative = await house.cooperative(slug)
        id_ = CooperativeId(cooperative.id)
        if kind not in ReservationKind.__members__:
            raise ReservationInvalid("POWER or PORT_HOURS is reserved.", ("kind",))
        terms = ReservationTerms(
            ReservationKind(kind), quantity, exact_decimal(price), _instant(from_at, "from"),
            _instant(to_at, "to"), minor_of(cooperative, no_show, "no_show"), grace, cancel,
            taxes_named(tax),
        )  # fmt: skip

        async def reserve(connection: AsyncConnection) -> StoredReservation:
            one = await member_by_number(connection, id_, member)
            place = await hub_by_ref(connection, hub)
            return await service.record_reservation(
                connection, house.viewer, id_, MemberId(one.id), place.id, terms,
                resolution=resolution,
            )  # fmt: skip

        return await house.database.unit_of_work(cooperative.id, reserve)

    _show_reserved(run(work, as_json=as_json), as_json)


@reservation.command("cancel")
def cancel_(
    reservation_id: Annotated[UUID, typer.Argument(metavar="ID", help="Which.")],
    at: Annotated[str, typer.Option(metavar="INSTANT", help="As of when.")],
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a reservation as of an instant that has passed.

    Example: coop reservation cancel 0197c2f0-1a2b-7c3d-8e4f-5a6b7c8d9e0f --at 2025-06-03T06:00:00Z
    """

    async def work(house: House) -> StoredReservation:
        cooperative = await house.cooperative(slug)
        instant = _instant(at, "at")
        return await house.database.unit_of_work(
            cooperative.id,
            lambda c: service.cancel_reservation(
                c, house.viewer, CooperativeId(cooperative.id), reservation_id, instant
            ),
        )

    _show_reserved(run(work, as_json=as_json), as_json)


def _instant(text: str, name: str) -> datetime:
    found = instant_of(text, name)
    if found is None:
        raise InvalidValue("Say when.", (name,))
    return found


def _show_reserved(one: StoredReservation, as_json: bool) -> None:
    price: Decimal = one.unit_price
    said: dict[str, Any] = {
        "id": one.id, "kind": one.kind, "quantity": one.quantity, "price": price,
        "from": one.from_at, "to": one.to_at, "cancelled_at": one.cancelled_at,
    }  # fmt: skip
    if as_json:
        print_json(said)
        return
    state = f"cancelled at {one.cancelled_at}" if one.cancelled_at else "reserved"
    typer.echo(f"{one.kind} {one.quantity} from {one.from_at} to {one.to_at}: {state} ({one.id}).")
