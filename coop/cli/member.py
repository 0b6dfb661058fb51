"""`coop member`: admitting members, and who they are."""

from __future__ import annotations

from typing import Annotated

import typer

from coop.cli import profile
from coop.cli.member_class import member_class
from coop.cli.running import House, run
from coop.cli.showing import AsJson, CooperativeSlug, day_of, print_json, print_table
from coop.kernel.clock import today_in
from coop.members import queries
from coop.members import service as members
from coop.members.domain.people import Member
from coop.members.domain.policy import absent

app = typer.Typer(no_args_is_help=True, help="Members: admitting, leaving, listing.")
app.add_typer(profile.of_member, name="profile")
app.command("class")(member_class)
_MOST = 100_000


@app.command()
def admit(
    name: Annotated[str, typer.Argument(help="Its name as statements write it.")],
    number: Annotated[
        str | None, typer.Option(help="Its number; without one it gets the next free one.")
    ] = None,
    email: Annotated[str | None, typer.Option(help="Where statements may be announced.")] = None,
    joined_on: Annotated[
        str | None, typer.Option(metavar="DAY", help="First day as a member; default: today.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Admit a member.

    Examples:

        coop member admit "Taxi Brandt"

        coop member admit "Taxi Brandt" --number 0007 --joined-on 2025-01-01 --json
    """

    async def work(house: House) -> Member:
        cooperative = await house.cooperative(slug)
        day = day_of(joined_on, "joined_on") or today_in(cooperative.time_zone)
        return await house.database.unit_of_work(
            cooperative.id,
            lambda connection: members.admit_member(
                connection, house.viewer, cooperative.id,
                name=name, joined_on=day, number=number, email=email,
            ),
        )  # fmt: skip

    made = run(work, as_json=as_json)
    if as_json:
        print_json(_json(made))
        return
    typer.echo(f"{made.name} is member {made.number} since {made.joined_on}.")


@app.command()
def leave(
    number: Annotated[str, typer.Argument(help="The member's number.")],
    on: Annotated[
        str | None, typer.Option(metavar="DAY", help="First day without it; default: today.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Let a membership end. Its accounts and its history stay.

    Example: coop member leave 0007 --on 2026-01-01
    """

    async def work(house: House) -> Member:
        cooperative = await house.cooperative(slug)
        day = day_of(on, "on") or today_in(cooperative.time_zone)
        async with house.database.snapshot(cooperative.id) as connection:
            found = await queries.members_by_numbers(connection, cooperative.id, [number])
        if number not in found:
            raise absent().under("number")
        return await house.database.unit_of_work(
            cooperative.id,
            lambda connection: members.member_leaves(
                connection, house.viewer, cooperative.id, found[number].id, day
            ),
        )

    left = run(work, as_json=as_json)
    if as_json:
        print_json(_json(left))
        return
    typer.echo(f"{left.name} is no member from {left.left_on}.")


@app.command("list")
def list_(
    search: Annotated[
        str | None, typer.Option(help="Start of a number or any part of a name.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """List members by number.

    Example: coop member list --search taxi
    """

    async def work(house: House) -> list[Member]:
        cooperative = await house.cooperative(slug)
        async with house.database.snapshot(cooperative.id) as connection:
            where = queries.MemberWhere(search=search)
            return await queries.members_page(connection, cooperative.id, where=where, limit=_MOST)

    found = run(work, as_json=as_json)
    if as_json:
        print_json({"members": [_json(one) for one in found]})
        return
    rows = [(one.number, one.name, one.email, one.joined_on, one.left_on) for one in found]
    print_table("Members", ("number", "name", "e-mail", "joined", "left"), rows)


def _json(one: Member) -> dict[str, object]:
    return {
        "id": one.id, "number": one.number, "name": one.name, "email": one.email,
        "joined_on": one.joined_on, "left_on": one.left_on,
    }  # fmt: skip
