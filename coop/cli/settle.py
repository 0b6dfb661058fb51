"""`coop settle`: a month of all commitments, settled or adjusted."""

from __future__ import annotations

from typing import Annotated

import typer

from coop.billing import settling
from coop.billing.settling import Progress
from coop.cli.running import House, run
from coop.cli.showing import AsJson, CooperativeSlug, day_of, month_of_text, print_json, progress
from coop.kernel.ids import CooperativeId
from coop.members.domain.people import Cooperative


def settle(
    month: Annotated[str, typer.Argument(help="The month: 2026-01.")],
    adjust: Annotated[
        bool,
        typer.Option(
            "--adjust", help="Settle it and later settled months anew; post the differences."
        ),
    ] = False,
    effective_on: Annotated[
        str | None,
        typer.Option(
            metavar="DAY",
            help="The day it counts for; default: the month's last, or today if adjusting.",
        ),
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Settle a month of all commitments: shortfall, overage, what is made up, banked, expired.

    Run it before `coop bill`. What is settled is passed over, so it may be run again, or after a
    kill. What comes late (a session, a credit, an outage) is settled beside it with --adjust.

    Examples:

        coop settle 2026-01

        coop settle 2026-01 --adjust --effective-on 2026-04-15
    """

    async def work(house: House) -> tuple[Cooperative, Progress]:
        cooperative = await house.cooperative(slug)
        first, day = month_of_text(month, "month"), day_of(effective_on, "effective_on")
        order = settling.adjust_month if adjust else settling.settle_month
        with progress() as step:
            done = await order(
                house.database, house.viewer, CooperativeId(cooperative.id), first,
                effective_on=day,
                on_progress=lambda now: step("commitments", now.done, now.total),
            )  # fmt: skip
        return cooperative, done

    _tell(*run(work, as_json=as_json), month, adjust, as_json)


def _tell(
    cooperative: Cooperative, done: Progress, month: str, adjust: bool, as_json: bool
) -> None:
    if as_json:
        print_json(
            {
                "cooperative": cooperative.slug, "month": month, "adjusting": adjust,
                "commitments": done.total, "settled": done.written, "already": done.already,
            }
        )  # fmt: skip
        return
    what = "adjusted" if adjust else "settled"
    beside = f", {done.already} were before" if done.already else ""
    typer.echo(f"{month}: {done.written} of {done.total} commitments {what}{beside}.")
