"""`coop invoice pdf`: an invoice or credit note, or a month's, as PDF with the e-invoice inside."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from coop.billing.queries import invoices
from coop.cli.running import REFUSED, House, refusal_json, run
from coop.cli.showing import (
    AsJson,
    CooperativeSlug,
    month_of_text,
    print_error,
    print_json,
    progress,
)
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId
from coop.members.domain.policy import absent
from coop.reports.batch import write_whole
from coop.reports.invoice import CREDIT_NOTE, INVOICE, number_shown
from coop.reports.invoicing import InvoiceFile, issue_invoice_document, issue_month
from coop.reports.store import DocumentStore, document_bytes, open_store

_NUMBER = re.compile(r"(?:(INV|CN)-)?0*([1-9][0-9]{0,17})", re.ASCII | re.IGNORECASE)


@dataclass(slots=True)
class _Asked:
    """What the options ask for, and what came of it."""

    number: str | None
    month: str | None
    locale: str | None
    folder: Path
    made: list[tuple[InvoiceFile, Path | None]] = field(default_factory=list)


def pdf(
    number: Annotated[
        str | None, typer.Argument(help="42 or INV-000042; CN-000007 for a credit note.")
    ] = None,
    month: Annotated[
        str | None, typer.Option(metavar="MONTH", help="All of a month instead: 2025-03.")
    ] = None,
    locale: Annotated[
        str | None, typer.Option(help="Language and region; default: each member's own, or en.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", file_okay=False, help="Folder the PDFs go to.")
    ] = Path(),
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Draw an invoice or credit note, or all of a month: PDF/A-3 with factur-x.xml inside.

    What was drawn stays as it is: the same command gives the same bytes. Of a month, what cannot be
    drawn says why and stops nothing else; the exit code is then 1. Check one with
    `coop verify --document FILE.pdf`.

    Examples:

        coop invoice pdf INV-000042

        coop invoice pdf --month 2025-03 --out invoices
    """

    async def work(house: House) -> _Asked:
        if (number is None) is (month is None):
            raise InvalidValue("Say either a number or --month.", ("number",))
        asked = _Asked(number, month, locale, out)
        out.mkdir(parents=True, exist_ok=True)
        await _draw(house, slug, asked)
        return asked

    asked = run(work, as_json=as_json)
    if as_json:
        print_json({"invoices": [_json(*one) for one in asked.made]})
    for one, path in asked.made:
        if one.refusal is not None:
            print_error(f"{one.number}: {one.refusal.code}: {one.refusal.message}")
        elif not as_json:
            typer.echo(f"{one.number}: {path}")
    if any(one.refusal for one, _ in asked.made):
        raise typer.Exit(REFUSED)


async def _draw(house: House, slug: str | None, asked: _Asked) -> None:
    cooperative = await house.cooperative(slug)
    id_ = CooperativeId(cooperative.id)
    store = open_store(house.settings.data_dir, house.settings.documents_url)
    if asked.number is not None:
        invoice_id, shown = await _named(house, id_, asked.number)
        document = await issue_invoice_document(
            house.database, store, house.viewer, id_, invoice_id, asked.locale
        )
        await _write(store, asked, InvoiceFile(shown, document))
        return
    first = month_of_text(asked.month or "", "month")
    last = (first + timedelta(days=31)).replace(day=1)
    with progress() as step:
        async for made in issue_month(
            house.database, store, house.viewer, id_, first, last, asked.locale
        ):
            await _write(store, asked, made)
            step("invoices", len(asked.made), made.total)


async def _write(store: DocumentStore, asked: _Asked, made: InvoiceFile) -> None:
    path = None
    if made.document is not None:
        path = asked.folder / made.document.file_name
        write_whole(path, await document_bytes(store, made.document.stored_as))
    asked.made.append((made, path))


async def _named(house: House, id_: CooperativeId, text: str) -> tuple[UUID, str]:
    """The document of a number as people write it."""
    read = _NUMBER.fullmatch(text)
    if read is None:
        raise InvalidValue(f'"{text}" is not a number such as INV-000042.', ("number",))
    kind = CREDIT_NOTE if (read[1] or "").upper() == "CN" else INVOICE
    async with house.database.snapshot(id_) as connection:
        found = await invoices.invoice_by_number(connection, kind, int(read[2]))
    if found is None:
        raise absent().under("number")
    return found.id, number_shown(kind, found.number)


def _json(made: InvoiceFile, path: Path | None) -> dict[str, object]:
    document = made.document
    return {
        "number": made.number, "file": path, "already": made.already,
        "locale": document and document.locale, "bytes": document and document.size_bytes,
        "sha256": document and document.sha256.hex(),
        "error": made.refusal and refusal_json(made.refusal),
    }  # fmt: skip
