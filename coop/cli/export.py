"""`coop export`: the whole journal as text for other programs."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, TextIO
from uuid import UUID

import typer

from coop.charging import queries as charging_queries
from coop.cli.running import House, run
from coop.cli.showing import CooperativeSlug, waiting
from coop.ledger.exporting import export as export_journal
from coop.members.domain.policy import Action, require


class Format(Enum):
    """What can read it."""

    BEANCOUNT = "beancount"
    HLEDGER = "hledger"
    CSV = "csv"


def export(
    format_: Annotated[Format, typer.Argument(metavar="beancount|hledger|csv")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, help="Default: stdout.")
    ] = None,
    slug: CooperativeSlug = None,
) -> None:
    """Write the whole journal for another program, entry by entry, by the day it counts.

    Examples:

        coop export beancount -o books.beancount && bean-check books.beancount

        coop export hledger | hledger -f - check --strict

        coop export csv -o journal.csv
    """

    async def work(house: House) -> None:
        cooperative = await house.cooperative(slug)
        require(house.viewer, Action.BOOKS_READ, cooperative.id)
        async with house.database.snapshot(cooperative.id) as connection:
            hubs: dict[UUID, str] = {
                hub.id: hub.ref for hub in await charging_queries.hubs(connection)
            }
            pieces = export_journal(
                connection, format_.value, title=cooperative.name, hub_names=hubs
            )
            with waiting(f"writing {format_.value}"):
                async for piece in pieces:
                    sink.write(piece)

    sink: TextIO
    if output is None:
        sink = sys.stdout
        run(work)
        return
    with output.open("w", encoding="utf-8", newline="") as sink:
        run(work)
