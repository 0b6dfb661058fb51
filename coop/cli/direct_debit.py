"""`coop bank collect`, `file`, `cancel`: SEPA direct debits as files for the bank."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from coop.billing import collecting
from coop.billing.collecting import CollectionOrder, MadeCollection
from coop.billing.domain.direct_debit import SCHEMAS
from coop.billing.domain.mandate import LEAD_DAYS
from coop.billing.queries import collecting as queries
from coop.billing.queries.collecting import StoredCollection
from coop.cli.running import House, run
from coop.cli.showing import AsJson, CooperativeSlug, amount_text, day_of, print_json
from coop.kernel.clock import today_in
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId
from coop.kernel.money import currency_scale
from coop.members.domain.people import Cooperative
from coop.members.domain.policy import absent

OutFile = Annotated[Path, typer.Option(dir_okay=False, help="Where the file for the bank goes.")]


def collect(
    on: Annotated[str, typer.Option(metavar="DAY", help="The day the bank is to collect.")],
    out: OutFile,
    scheme: Annotated[str, typer.Option(help="CORE or B2B.")] = "CORE",
    schema: Annotated[str, typer.Option(help=f"{' or '.join(SCHEMAS)}.")] = SCHEMAS[1],
    lead_days: Annotated[
        int, typer.Option(min=0, max=14, help="Business days the bank needs.")
    ] = LEAD_DAYS,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Collect by SEPA direct debit what is due by a day: a pain.008 file for the bank.

    What is contested or on account is left out; nothing is collected twice. The file is kept: `coop
    bank file` writes it again.

    Example: coop bank collect --on 2026-05-04 --out debit.xml
    """

    async def work(house: House) -> tuple[StoredCollection, Cooperative]:
        _refuse_unwritable(out)
        cooperative = await house.cooperative(slug)
        own = CooperativeId(cooperative.id)
        day = day_of(on, "on") or today_in(cooperative.time_zone)
        order = CollectionOrder(day, scheme, schema, lead_days)
        made = await house.database.unit_of_work(
            own, lambda c: collecting.collect(c, house.viewer, own, order)
        )
        return made.collection, cooperative

    _write(*run(work, as_json=as_json), out, as_json)


def file_(
    message_id: Annotated[str, typer.Argument(help="What the collection's file is called.")],
    out: OutFile,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Write the file of a collection once more, as it was made.

    Example: coop bank file C0197c2e4 --out debit.xml
    """

    async def work(house: House) -> tuple[StoredCollection, Cooperative]:
        cooperative = await house.cooperative(slug)
        return await _collection(house, cooperative, message_id), cooperative

    _write(*run(work, as_json=as_json), out, as_json)


def cancel(
    message_id: Annotated[str, typer.Argument(help="What the collection's file is called.")],
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Take back a collection whose file the bank never had: its invoices are open again.

    Example: coop bank cancel C0197c2e4
    """

    async def work(house: House) -> tuple[MadeCollection, Cooperative]:
        cooperative = await house.cooperative(slug)
        own = CooperativeId(cooperative.id)
        found = await _collection(house, cooperative, message_id)
        day = today_in(cooperative.time_zone)
        done = await house.database.unit_of_work(
            own, lambda c: collecting.cancel_collection(c, house.viewer, own, found.id, day)
        )
        return done, cooperative

    done, cooperative = run(work, as_json=as_json)
    if as_json:
        print_json(_collection_json(done.collection, cooperative))
        return
    typer.echo(f"{done.collection.message_id} is cancelled; {len(done.items)} invoices are open.")


async def _collection(house: House, cooperative: Cooperative, message_id: str) -> StoredCollection:
    async with house.database.snapshot(cooperative.id) as connection:
        found = await queries.collection_by_message(connection, message_id)
    if found is None:
        raise absent()
    return found


def _refuse_unwritable(out: Path) -> None:
    """Refuses INVALID_VALUE before anything is posted rather than after."""
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise InvalidValue(f"No file can be written to {out.parent}.", ("out",))


def _write(found: StoredCollection, cooperative: Cooperative, out: Path, as_json: bool) -> None:
    part = out.with_name(out.name + ".part")
    part.write_bytes(found.file)
    part.replace(out)
    if as_json:
        print_json({**_collection_json(found, cooperative), "file": out})
        return
    amount = amount_text(found.amount_minor, currency_scale(cooperative.currency))
    typer.echo(
        f"{found.message_id}: {found.items} debits of {amount} for {found.collect_on}: {out}"
    )


def _collection_json(found: StoredCollection, cooperative: Cooperative) -> dict[str, object]:
    return {
        "message_id": found.message_id, "collect_on": found.collect_on, "scheme": found.scheme,
        "schema": found.file_schema, "items": found.items, "sha256": found.file_sha256.hex(),
        "amount": amount_text(found.amount_minor, currency_scale(cooperative.currency)),
        "cancelled_at": found.cancelled_at,
    }  # fmt: skip
