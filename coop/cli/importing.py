"""`coop import`: sessions from any platform's CSV export, or from OCPI CDRs."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from coop.charging.desk import Counts
from coop.charging.domain.mapping import mapping_of
from coop.charging.errors import MappingInvalid
from coop.charging.importing import (
    ImportFile,
    ImportOutcome,
    Progress,
    import_cdrs,
    import_sessions,
)
from coop.cli.running import House, run
from coop.cli.showing import (
    AsJson,
    CooperativeSlug,
    ExistingFile,
    Step,
    amount_text,
    print_json,
    progress,
)
from coop.kernel.ids import CooperativeId
from coop.kernel.money import currency_scale
from coop.kernel.rate import exact_decimal

app = typer.Typer(no_args_is_help=True, help="Charging sessions from files, into the books.")
Report = Annotated[
    Path | None,
    typer.Option(
        dir_okay=False,
        help="Where the correction report goes; default: FILE.rejected, in the current directory.",
    ),
]


@app.command()
def sessions(
    file: ExistingFile,
    mapping: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, help="What the columns mean: docs/mapping-files.md."
        ),
    ],
    report: Report = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Import charging sessions from a CSV export.

    Every row is accepted, rejected (with line, field and reason in the correction report), a
    duplicate, or filtered by the mapping. A bad row never stops the good ones; importing the same
    file again changes nothing. Correct the report and import it like the file.

    Example: coop import sessions export.csv --mapping platform.toml --cooperative nor --json
    """

    async def work(house: House) -> ImportOutcome:
        cooperative = await house.cooperative(slug)
        meaning = mapping_of(_text(mapping))
        with file.open("rb") as stream, progress() as step:
            source = ImportFile(stream, file.name, report or _report_of(file))
            return await import_sessions(
                house.database, house.viewer, CooperativeId(cooperative.id), source, meaning,
                _watching(step, file.name),
            )  # fmt: skip

    _show(run(work, as_json=as_json), as_json)


@app.command()
def cdrs(
    file: ExistingFile,
    register_hubs: Annotated[
        bool,
        typer.Option("--register-hubs", help="Register unknown locations and EVSEs as hubs."),
    ] = False,
    per_kwh: Annotated[
        str | None, typer.Option(metavar="PRICE", help="Price of hubs so registered: 0.39.")
    ] = None,
    report: Report = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Import OCPI 2.2.1 CDRs: one, an array, an OCPI envelope, or one a line.

    Sessions of badges that nobody is known for wait in suspense until the badge is assigned.

    Example: coop import cdrs cdrs.json --register-hubs --per-kwh 0.39 --json
    """

    async def work(house: House) -> ImportOutcome:
        cooperative = await house.cooperative(slug)
        price: Decimal | None = None if per_kwh is None else exact_decimal(per_kwh)
        with file.open("rb") as stream, progress() as step:
            source = ImportFile(stream, file.name, report or _report_of(file))
            return await import_cdrs(
                house.database, house.viewer, CooperativeId(cooperative.id), source,
                register_hubs=register_hubs, per_kwh=price, progress=_watching(step, file.name),
            )  # fmt: skip

    _show(run(work, as_json=as_json), as_json)


def _report_of(file: Path) -> Path:
    # Where the command was given: the folder of the input may be an archive nobody should write to.
    return Path(file.name + ".rejected")


def _text(mapping: Path) -> str:
    try:
        return mapping.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise MappingInvalid("The mapping is not UTF-8.") from None


def _watching(step: Step, name: str) -> Progress:
    def note(done: int, size: int, _counts: Counts) -> None:
        step(name, done, size)

    return note


def _show(outcome: ImportOutcome, as_json: bool) -> None:
    counts = outcome.counts
    amount = amount_text(counts.amount_minor, currency_scale(outcome.currency))
    if as_json:
        print_json(
            {
                "run": outcome.run_id, "rows": counts.rows, "accepted": counts.accepted,
                "rejected": counts.rejected, "duplicates": counts.duplicates,
                "filtered": counts.filtered, "review": counts.review, "kwh": outcome.kwh,
                "amount": amount, "currency": outcome.currency, "report": outcome.report_path,
            }
        )  # fmt: skip
        return
    typer.echo(
        f"{counts.rows} rows: {counts.accepted} accepted, {counts.rejected} rejected, "
        f"{counts.duplicates} duplicates, {counts.filtered} filtered; {counts.review} to review.\n"
        f"Accepted: {outcome.kwh} kWh for {amount} {outcome.currency}."
    )
    if outcome.report_path is not None:
        typer.echo(f"Correction report: {outcome.report_path}")
