"""`coop account` and `coop fund`: additions to the chart, and how far an account may go."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.cli.running import House, run
from coop.cli.showing import AsJson, CooperativeSlug, day_of, print_json
from coop.kernel.clock import today_in
from coop.kernel.ids import AccountId, CooperativeId, FundId
from coop.kernel.rate import exact_decimal, to_scale
from coop.ledger import accounts as ledger
from coop.ledger import queries
from coop.ledger.domain.account import AccountType
from coop.ledger.errors import AccountUnknown

app = typer.Typer(no_args_is_help=True, help="Accounts a cooperative adds to the template.")
funds = typer.Typer(no_args_is_help=True, help="Funds: money under one restriction.")

Code = Annotated[str, typer.Argument(help="Its code in the chart, for one kept once.")]
Limit = Annotated[str | None, typer.Option(metavar="AMOUNT", help="On the account's normal side.")]


@app.command("open")
def open_(
    code: Code,
    name: Annotated[str, typer.Argument(help="Its name.")],
    kind: Annotated[AccountType, typer.Option("--type", help="What it means in the accounts.")],
    commodity: Annotated[
        str | None, typer.Option(help="What it counts; default: the books' currency.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Open an account beside the template's.

    Example: coop account open 5200 "Cleaning" --type expense
    """

    async def work(house: House) -> AccountId:
        cooperative = await house.cooperative(slug)
        counts = commodity or cooperative.currency
        wanted = ledger.NewAccount(code, name, kind, kind.normal_side, counts)
        id_ = CooperativeId(cooperative.id)
        return await house.database.unit_of_work(
            id_, lambda connection: ledger.open_account(connection, house.viewer, id_, wanted)
        )

    made = run(work, as_json=as_json)
    if as_json:
        print_json({"id": made, "code": code})
        return
    typer.echo(f"Account {code} is open.")


@app.command()
def close(
    code: Code,
    on: Annotated[
        str | None, typer.Option(metavar="DAY", help="Last day it takes; default: today.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Close an account that holds nothing and awaits nothing.

    Example: coop account close 5200 --on 2025-12-31
    """

    async def work(house: House) -> None:
        cooperative = await house.cooperative(slug)
        day = day_of(on, "on") or today_in(cooperative.time_zone)
        id_ = CooperativeId(cooperative.id)

        async def closing(connection: AsyncConnection) -> None:
            account_id, _ = await _account(connection, code)
            await ledger.close_account(connection, house.viewer, id_, account_id, day)

        await house.database.unit_of_work(id_, closing)

    run(work, as_json=as_json)
    if as_json:
        print_json({"code": code, "closed": True})
        return
    typer.echo(f"Account {code} is closed.")


@app.command()
def limit(
    code: Code,
    floor: Limit = None,
    ceiling: Limit = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Say how far an account may go, holds counted; without an amount a limit is lifted.

    Example: coop account limit 1000 --floor 0
    """

    async def work(house: House) -> None:
        id_ = CooperativeId((await house.cooperative(slug)).id)
        asked = [None if one is None else exact_decimal(one) for one in (floor, ceiling)]

        async def limiting(connection: AsyncConnection) -> None:
            account_id, scale = await _account(connection, code)
            low, high = (_minor(one, scale) for one in asked)
            await ledger.set_limits(
                connection, house.viewer, id_, account_id, floor_minor=low, ceiling_minor=high
            )

        await house.database.unit_of_work(id_, limiting)

    run(work, as_json=as_json)
    if as_json:
        print_json({"code": code, "floor": floor, "ceiling": ceiling})
        return
    typer.echo(f"Account {code}: floor {floor or 'none'}, ceiling {ceiling or 'none'}.")


@funds.command("open")
def open_fund(
    code: Annotated[str, typer.Argument(help="Short name, as postings say it.")],
    name: Annotated[str, typer.Argument(help="What people call it.")],
    restriction: Annotated[str, typer.Option(help="none, purpose or time.")] = "purpose",
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Open a fund; every posting stands in one, and each fund balances by itself.

    Example: coop fund open NEVI-2026 "Charging grant 2026"
    """

    async def work(house: House) -> FundId:
        id_ = CooperativeId((await house.cooperative(slug)).id)
        return await house.database.unit_of_work(
            id_,
            lambda connection: ledger.open_fund(
                connection, id_, code, name, restriction=restriction
            ),
        )

    made = run(work, as_json=as_json)
    if as_json:
        print_json({"id": made, "code": code})
        return
    typer.echo(f"Fund {code} is open.")


async def _account(connection: AsyncConnection, code: str) -> tuple[AccountId, int]:
    """The account of that code that is kept once, and its decimals. Refuses ACCOUNT_UNKNOWN."""
    condition = queries.account_condition(code=code)
    found = await queries.accounts_page(connection, condition=condition, after=None, limit=2)
    if len(found) != 1 or found[0].member_id is not None or found[0].hub_id is not None:
        raise AccountUnknown("There is no account of that code that is kept once.", ("code",))
    return AccountId(found[0].id), (await queries.scales(connection))[found[0].commodity]


def _minor(amount: Decimal | None, scale: int) -> int | None:
    return None if amount is None else to_scale(amount, scale)
