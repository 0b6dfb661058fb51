"""`coop role`: who may do what in a cooperative, and since when."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from coop.cli.running import House, run
from coop.cli.showing import AsJson, CooperativeSlug, day_of, print_json, print_table
from coop.kernel.clock import today_in
from coop.members import queries
from coop.members import service as members
from coop.members.domain.policy import absent
from coop.members.domain.roles import Role, RoleGrant

app = typer.Typer(no_args_is_help=True, help="Roles: who may do what, and since when.")


@app.command()
def grant(
    subject: Annotated[str, typer.Argument(help="The person, as tokens name it (`sub`).")],
    role: Annotated[Role, typer.Argument(case_sensitive=False, help="What the person becomes.")],
    member: Annotated[
        str | None, typer.Option(help="Number of the member an OPERATOR acts for.")
    ] = None,
    from_on: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First day; default: today.")
    ] = None,
    to_on: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="First day without it.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Grant somebody a role; a new cooperative needs its first ADMINISTRATOR from here.

    Examples:

        coop role grant anna ADMINISTRATOR

        coop role grant ben OPERATOR --member 0007
    """

    async def work(house: House) -> RoleGrant:
        cooperative = await house.cooperative(slug)
        begins = day_of(from_on, "from") or today_in(cooperative.time_zone)
        ends = day_of(to_on, "to")
        async with house.database.snapshot(cooperative.id) as connection:
            numbers = [member] if member is not None else []
            found = await queries.members_by_numbers(connection, cooperative.id, numbers)
        if member is not None and member not in found:
            raise absent().under("member")
        return await house.database.unit_of_work(
            cooperative.id,
            lambda connection: members.grant_role(
                connection, house.viewer, cooperative.id, subject=subject, role=role,
                from_on=begins, to_on=ends, member_id=found[member].id if member else None,
            ),
        )  # fmt: skip

    made = run(work, as_json=as_json)
    if as_json:
        print_json({"subject": subject, **_json(made)})
        return
    typer.echo(f"{subject} is {made.role} from {made.from_on}.")


@app.command()
def end(
    role_id: Annotated[UUID, typer.Argument(help="Its id, as `coop role list --json` shows.")],
    on: Annotated[
        str | None, typer.Option(metavar="DAY", help="First day without it; default: today.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """End a role. Today ends it at once.

    Example: coop role end 01a20442-513c-7089-b9a8-b730258ca515
    """

    async def work(house: House) -> RoleGrant:
        cooperative = await house.cooperative(slug)
        day = day_of(on, "on") or today_in(cooperative.time_zone)
        return await house.database.unit_of_work(
            cooperative.id,
            lambda connection: members.end_role(
                connection, house.viewer, cooperative.id, role_id, day
            ),
        )

    ended = run(work, as_json=as_json)
    if as_json:
        print_json(_json(ended))
        return
    typer.echo(f"The role ends on {ended.to_on}.")


@app.command("list")
def list_(slug: CooperativeSlug = None, as_json: AsJson = False) -> None:
    """List every role ever granted.

    Example: coop role list --json
    """

    async def work(house: House) -> list[queries.HeldRole]:
        cooperative = await house.cooperative(slug)
        async with house.database.snapshot(cooperative.id) as connection:
            return await queries.roles_in(connection, cooperative.id)

    found = run(work, as_json=as_json)
    if as_json:
        print_json({"roles": [{"subject": one.subject, **_json(one.grant)} for one in found]})
        return
    rows = [(one.subject, one.grant.role, one.grant.from_on, one.grant.to_on) for one in found]
    print_table("Roles", ("subject", "role", "from", "to"), rows)


def _json(made: RoleGrant) -> dict[str, object]:
    return {
        "id": made.id, "role": made.role.value, "member_id": made.member_id,
        "from": made.from_on, "to": made.to_on,
    }  # fmt: skip
