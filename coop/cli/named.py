"""What options name: a hub by its reference, a member by its number, taxes as NAME=PERCENT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import queries as charging_queries
from coop.charging.domain.place import Hub
from coop.charging.domain.session import normal_id
from coop.charging.domain.tariff import Tax
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId
from coop.kernel.rate import exact_decimal
from coop.members import queries as member_queries
from coop.members.domain.people import Member
from coop.members.domain.policy import absent

HubRef = Annotated[str, typer.Option("--hub", metavar="REF", help="Reference of the hub.")]
Taxes = Annotated[
    list[str] | None,
    typer.Option("--tax", metavar="NAME=PERCENT", help="A tax on it, VAT=20; may be repeated."),
]
Resolution = Annotated[
    str | None, typer.Option(help="Reference of the resolution it rests on, if there is one.")
]


async def hub_by_ref(connection: AsyncConnection, ref: str) -> Hub:
    """The hub of that reference. Refuses NOT_FOUND at `hub`."""
    found = await charging_queries.hubs_by_refs(connection, [normal_id(ref)])
    if normal_id(ref) not in found:
        raise absent().under("hub")
    return found[normal_id(ref)]


async def member_by_number(
    connection: AsyncConnection, cooperative_id: CooperativeId, number: str
) -> Member:
    """The member of that number. Refuses NOT_FOUND at `member`."""
    found = await member_queries.members_by_numbers(connection, cooperative_id, [number])
    if number not in found:
        raise absent().under("member")
    return found[number]


def taxes_named(given: Sequence[str] | None) -> tuple[Tax, ...]:
    """The taxes that options write as VAT=20. Refuses INVALID_VALUE at `tax`."""
    taxes = []
    for text in given or ():
        name, equals, percent = text.partition("=")
        if not equals:
            raise InvalidValue(f'"{text}" is not a tax such as VAT=20.', ("tax",))
        try:
            taxes.append(Tax(name, exact_decimal(percent)))
        except InvalidValue as refusal:
            raise refusal.under("tax") from None
    return tuple(taxes)
