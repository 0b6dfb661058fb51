"""`coop member class`: what a member is to tariffs and votes, from a day on."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.cli.named import member_by_number
from coop.cli.running import House, run
from coop.cli.showing import AsJson, CooperativeSlug, day_of, print_json, print_table
from coop.kernel.clock import today_in
from coop.kernel.ids import CooperativeId
from coop.members.classes import classes_of_members, set_member_class
from coop.members.domain.classes import MemberClass


def member_class(
    number: Annotated[str, typer.Argument(help="The member's number.")],
    name: Annotated[
        str | None, typer.Argument(metavar="[CLASS]", help='Its new class; "" for none.')
    ] = None,
    from_on: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="Its first day; default: today.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Let a member be of a class from a day on; without a class, list those it is and was of.

    Charges stay as they are: `coop session rerate` charges by the class that is known now.

    Examples:

        coop member class 0007 taxi --from 2026-03-01

        coop member class 0007
    """

    async def work(house: House) -> list[MemberClass]:
        cooperative = await house.cooperative(slug)
        day = day_of(from_on, "from") or today_in(cooperative.time_zone)

        async def answer(connection: AsyncConnection) -> list[MemberClass]:
            found = await member_by_number(connection, CooperativeId(cooperative.id), number)
            if name is not None:
                await set_member_class(
                    connection, house.viewer, cooperative.id, found.id, name, day
                )
            return (await classes_of_members(connection, [found.id])).get(found.id, [])

        return await house.database.unit_of_work(cooperative.id, answer)

    classes = run(work, as_json=as_json)
    if as_json:
        rows = [{"class": one.name, "from": one.from_on, "to": one.to_on} for one in classes]
        print_json({"member": number, "classes": rows})
        return
    table = [(one.name, one.from_on, one.to_on) for one in classes]
    print_table(f"Classes of {number}", ("class", "from", "to"), table)
