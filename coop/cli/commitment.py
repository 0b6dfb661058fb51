"""`coop commitment`: pledges of members, their terms, deposits, and what is owed for them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated
from uuid import UUID

import typer

from coop.billing import commitments as service
from coop.billing.commitments import DepositDraft, PledgeDraft
from coop.billing.deferred_revenue import deferred_revenue
from coop.billing.domain.commitment import Terms, cap_of_share
from coop.billing.domain.deferred import RollForward
from coop.billing.queries import commitments as queries
from coop.charging import queries as charging
from coop.charging.domain.tariff import Tax
from coop.cli.commitment_shown import Shown, deferred_json, print_shown, shown_json, shown_of
from coop.cli.running import House, run
from coop.cli.showing import (
    AsJson,
    CooperativeSlug,
    day_of,
    month_of_text,
    print_json,
    print_table,
)
from coop.kernel.clock import today_in
from coop.kernel.energy import wh_of_kwh
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId, HubId, MemberId
from coop.kernel.money import currency_scale
from coop.kernel.rate import exact_decimal, to_scale
from coop.members import queries as member_queries
from coop.members.domain.people import Cooperative
from coop.members.domain.policy import absent

app = typer.Typer(no_args_is_help=True, help="Commitments: pledging, amending, ending, deposits.")

Identity = Annotated[str, typer.Argument(metavar="ID", help="The commitment's id, as listed.")]
Resolution = Annotated[str, typer.Option(help="The resolution that decided so.")]
From = Annotated[str, typer.Option("--from", metavar="MONTH", help="First month: 2026-01.")]
To = Annotated[str, typer.Option("--to", metavar="MONTH", help="First month after: 2027-01.")]
Minimum = Annotated[str, typer.Option(metavar="KWH", help="Energy pledged a month.")]
ShortfallPrice = Annotated[str, typer.Option(metavar="PRICE", help="Per kWh that is missing.")]
OveragePrice = Annotated[
    str | None, typer.Option(metavar="PRICE", help="Per kWh above, beside its tariff.")
]
Ramp = Annotated[str | None, typer.Option(metavar="FACTORS", help="Of the first months: 0.5,0.75.")]
MakeUp = Annotated[
    int, typer.Option("--make-up-months", min=0, help="Months in which shortfall may be made up.")
]
BankCap = Annotated[
    str | None, typer.Option(metavar="KWH", help="Over-use kept for later minimums, at most.")
]
BankShare = Annotated[
    str | None, typer.Option(metavar="SHARE", help="The same as a share of the minimum: 0.25.")
]
Relief = Annotated[
    bool, typer.Option("--outage-relief/--no-outage-relief", help="Outages lower the minimum.")
]
Agreed = Annotated[str, typer.Option("--deposit", metavar="AMOUNT", help="Deposit to be agreed.")]
Taxes = Annotated[
    list[str] | None, typer.Option("--tax", metavar="NAME=PERCENT", help="VAT=25; repeatable.")
]


@app.command("pledge")
def pledge_(
    member: Annotated[str, typer.Option(help="Number of the member.")],
    hub: Annotated[list[str], typer.Option(help="Reference of a hub; several make a pool.")],
    from_on: From,
    to_on: To,
    minimum: Minimum,
    shortfall_price: ShortfallPrice,
    overage_price: OveragePrice = None,
    ramp: Ramp = None,
    make_up_months: MakeUp = 0,
    bank_cap: BankCap = None,
    bank_share: BankShare = None,
    outage_relief: Relief = True,
    deposit: Agreed = "0",
    tax: Taxes = None,
    resolution: Annotated[str | None, typer.Option(help="The resolution it rests on.")] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Pledge that a member takes so much energy every month.

    Example:

        coop commitment pledge --member 0007 --hub DEPOT --from 2026-01 --to 2027-01
        --minimum 1000 --shortfall-price 0.20 --make-up-months 6 --bank-share 0.25
    """

    async def work(house: House) -> Shown:
        cooperative = await house.cooperative(slug)
        terms = _terms(
            cooperative, from_on, to_on, minimum, shortfall_price, overage_price, ramp,
            make_up_months, bank_cap, bank_share, outage_relief, deposit, tax,
        )  # fmt: skip
        member_id, hub_ids = await _whom_and_where(house, cooperative, member, hub)
        draft = PledgeDraft(member_id, hub_ids, terms, resolution)
        id_ = CooperativeId(cooperative.id)
        made = await house.database.unit_of_work(
            id_, lambda connection: service.pledge(connection, house.viewer, id_, draft)
        )
        return (await shown_of(house, cooperative, [made.id]))[0]

    _tell(run(work, as_json=as_json), as_json=as_json)


@app.command("amend")
def amend_(
    identity: Identity,
    from_on: From,
    to_on: To,
    minimum: Minimum,
    shortfall_price: ShortfallPrice,
    resolution: Resolution,
    overage_price: OveragePrice = None,
    ramp: Ramp = None,
    make_up_months: MakeUp = 0,
    bank_cap: BankCap = None,
    bank_share: BankShare = None,
    outage_relief: Relief = True,
    deposit: Agreed = "0",
    tax: Taxes = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Let a commitment say something else from a month on that is not settled.

    Everything is said anew; another end renews or shortens it. Without --make-up-months the right
    to make up ends, and what is open is released to revenue.
    """

    async def work(house: House) -> Shown:
        cooperative = await house.cooperative(slug)
        terms = _terms(
            cooperative, from_on, to_on, minimum, shortfall_price, overage_price, ramp,
            make_up_months, bank_cap, bank_share, outage_relief, deposit, tax,
        )  # fmt: skip
        id_, which = CooperativeId(cooperative.id), _id_of(identity)
        await house.database.unit_of_work(
            id_,
            lambda connection: service.amend(
                connection, house.viewer, id_, which, terms, resolution=resolution
            ),
        )
        return (await shown_of(house, cooperative, [which]))[0]

    _tell(run(work, as_json=as_json), as_json=as_json)


@app.command("end")
def end_(
    identity: Identity,
    to_on: To,
    resolution: Resolution,
    keep_make_up: Annotated[
        bool, typer.Option(help="Open make-up credits stay usable until they expire.")
    ] = True,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """End a commitment early: nothing is due from --to on."""

    async def work(house: House) -> Shown:
        cooperative = await house.cooperative(slug)
        id_, which = CooperativeId(cooperative.id), _id_of(identity)
        day = month_of_text(to_on, "to")
        await house.database.unit_of_work(
            id_,
            lambda connection: service.terminate(
                connection, house.viewer, id_, which, day,
                resolution=resolution, keep_make_up=keep_make_up,
            ),
        )  # fmt: skip
        return (await shown_of(house, cooperative, [which]))[0]

    _tell(run(work, as_json=as_json), as_json=as_json)


@app.command("deposit")
def deposit_(
    identity: Identity,
    kind: Annotated[str, typer.Argument(help="taken, returned or forfeited.")],
    amount: Annotated[str, typer.Argument(help="How much.")],
    on: Annotated[
        str | None, typer.Option(metavar="DAY", help="The day it counts for; default: today.")
    ] = None,
    resolution: Annotated[
        str | None, typer.Option(help="The resolution that decided so; needed to forfeit.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Take a commitment's deposit, give it back, or keep it by resolution.

    Example: coop commitment deposit 019… taken 1500.00 --on 2026-01-05
    """

    async def work(house: House) -> Shown:
        cooperative = await house.cooperative(slug)
        id_, which = CooperativeId(cooperative.id), _id_of(identity)
        minor = to_scale(exact_decimal(amount), currency_scale(cooperative.currency))
        day = day_of(on, "on") or today_in(cooperative.time_zone)
        draft = DepositDraft(kind, minor, day, resolution)
        await house.database.unit_of_work(
            id_,
            lambda connection: service.record_deposit(connection, house.viewer, id_, which, draft),
        )
        return (await shown_of(house, cooperative, [which]))[0]

    _tell(run(work, as_json=as_json), as_json=as_json)


@app.command("list")
def list_(slug: CooperativeSlug = None, as_json: AsJson = False) -> None:
    """List all commitments: what is due of each, what may be made up, what is banked."""

    async def work(house: House) -> list[Shown]:
        cooperative = await house.cooperative(slug)
        async with house.database.snapshot(cooperative.id) as connection:
            ids = [one.id for one in await queries.all_commitments(connection)]
        return await shown_of(house, cooperative, ids)

    found = run(work, as_json=as_json)
    if as_json:
        print_json({"commitments": [shown_json(one) for one in found]})
        return
    print_table(
        "Commitments",
        ("id", "member", "hubs", "from", "to", "kWh/month", "settled to", "to make up", "banked"),
        (one.row for one in found),
        right=2,
    )


@app.command("show")
def show_(identity: Identity, slug: CooperativeSlug = None, as_json: AsJson = False) -> None:
    """Show a commitment: its terms, every settlement line by line, its make-up credits."""

    async def work(house: House) -> Shown:
        cooperative = await house.cooperative(slug)
        found = await shown_of(house, cooperative, [_id_of(identity)])
        if not found:
            raise absent().under("id")
        return found[0]

    _tell(run(work, as_json=as_json), as_json=as_json)


@app.command("deferred")
def deferred_(
    from_on: From, to_on: To, slug: CooperativeSlug = None, as_json: AsJson = False
) -> None:
    """Roll deferred revenue of make-up rights forward: opening, additions, recognised, closing.

    Current is what must be used or expires within twelve months, noncurrent the rest.

    Example: coop commitment deferred --from 2026-01 --to 2026-04
    """

    async def work(house: House) -> tuple[Cooperative, RollForward]:
        cooperative = await house.cooperative(slug)
        days = month_of_text(from_on, "from"), month_of_text(to_on, "to")
        id_ = CooperativeId(cooperative.id)
        async with house.database.snapshot(id_) as connection:
            return cooperative, await deferred_revenue(connection, house.viewer, id_, *days)

    cooperative, found = run(work, as_json=as_json)
    told = deferred_json(found, cooperative.currency)
    if as_json:
        print_json(told)
        return
    names = ("opening", "additions", "reclassified", "recognised", "closing")
    rows = [(name, told["current"][name], told["noncurrent"][name]) for name in names]
    print_table("Deferred revenue", (cooperative.currency, "current", "noncurrent"), rows, right=2)


def _terms(
    cooperative: Cooperative,
    from_on: str,
    to_on: str,
    minimum: str,
    shortfall_price: str,
    overage_price: str | None,
    ramp: str | None,
    make_up_months: int,
    bank_cap: str | None,
    bank_share: str | None,
    outage_relief: bool,
    deposit: str,
    tax: list[str] | None,
) -> Terms:
    """The terms that the options write. Refuses INVALID_VALUE and COMMITMENT_INVALID."""
    minimum_wh = wh_of_kwh(_number(minimum, "minimum"))
    if bank_cap is not None and bank_share is not None:
        raise InvalidValue("Say either --bank-cap or --bank-share.", ("bank_cap",))
    cap = 0 if bank_cap is None else wh_of_kwh(_number(bank_cap, "bank_cap"))
    if bank_share is not None:
        cap = cap_of_share(minimum_wh, _number(bank_share, "bank_share"))
    return Terms(
        month_of_text(from_on, "from"),
        month_of_text(to_on, "to"),
        minimum_wh,
        _number(shortfall_price, "shortfall_price"),
        None if overage_price is None else _number(overage_price, "overage_price"),
        ramp=tuple(_number(one, "ramp") for one in ramp.split(",")) if ramp else (),
        make_up_months=make_up_months,
        bank_cap_wh=cap,
        outage_relief=outage_relief,
        deposit_minor=to_scale(_number(deposit, "deposit"), currency_scale(cooperative.currency)),
        taxes=tuple(_tax(one) for one in tax or ()),
    )


def _number(text: str, name: str) -> Decimal:
    try:
        return exact_decimal(text.strip())
    except InvalidValue as refusal:
        raise refusal.under(name) from None


def _tax(text: str) -> Tax:
    name, _, percent = text.partition("=")
    return Tax(name, _number(percent, "tax"))


def _id_of(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise absent().under("id") from None


async def _whom_and_where(
    house: House, cooperative: Cooperative, number: str, refs: list[str]
) -> tuple[MemberId, tuple[HubId, ...]]:
    async with house.database.snapshot(cooperative.id) as connection:
        members = await member_queries.members_by_numbers(connection, cooperative.id, [number])
        hubs = await charging.hubs_by_refs(connection, [ref.upper() for ref in refs])
    if number not in members:
        raise absent().under("member")
    if len(hubs) < len({ref.upper() for ref in refs}):
        raise absent().under("hub")
    return MemberId(members[number].id), tuple(hub.id for hub in hubs.values())


def _tell(shown: Shown, *, as_json: bool) -> None:
    if as_json:
        print_json(shown_json(shown))
    else:
        print_shown(shown)
