"""`coop demo`: a cooperative with a year of charging, ready to be asked."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from coop.billing.queries import invoices as invoice_queries
from coop.billing.queries.invoices import InvoiceWhere
from coop.billing.queries.open import aging_total
from coop.cli.running import FINDINGS, House, run
from coop.cli.serve import Host, Port, serve_house
from coop.cli.showing import AsJson, Step, amount_text, print_json, progress
from coop.demo import town
from coop.demo.build import Built, build
from coop.demo.queries import QUERIES
from coop.kernel.clock import utc_now
from coop.kernel.ids import CooperativeId, MemberId
from coop.kernel.money import currency_scale
from coop.kernel.window import Window
from coop.members import queries as member_queries
from coop.members.development import development_issuer
from coop.reports.batch import write_whole
from coop.reports.invoicing import issue_invoice_document
from coop.reports.service import issue_statement
from coop.reports.store import document_bytes, open_store

SUMMARY = "summary.json"
_TOKEN_LIFETIME = timedelta(days=7)
_SHOWN = ("OPERATOR", "BOARD", "TREASURER")
_KINDS = {"invoice": "Invoice", "credit_note": "Credit note"}
COMMANDS = (
    "coop settle 2025-12 && coop charges 2025-12 && coop bill 2025-12 --draft",
    "coop aging",
    "coop bank unmatched",
    "coop tariff list",
    "coop verify",
)
# (locale, first day, first day after): the sample statements, of the demo operator's member.
_SAMPLES = (
    ("en", date(2025, 11, 1), date(2025, 12, 1)),
    ("de", date(2025, 11, 1), date(2025, 12, 1)),
)

Summary = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Ready:
    """The finished demo: what its summary says, and a bearer token for each role shown."""

    summary: Summary
    tokens: dict[str, str]


def demo(
    out: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Folder for summary.json and the sample PDFs."),
    ] = None,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Make it, do not serve it.")] = False,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    as_json: AsJson = False,
) -> None:
    """Make the demo cooperative, if it is not there yet, and serve it.

    A year of charging in a town of three hubs: simulated, then imported, posted, paid, closed,
    sealed and verified by the services that real input takes. Prints where the sample statement is,
    tokens for a member operator, a board member and a treasurer, and queries worth pasting.

    Examples:

        coop demo

        coop demo --no-serve --out demo-out
    """

    async def work(house: House) -> _Ready:
        summary = await _ready(house)
        ready = _Ready(summary, _tokens(house))
        if out is not None:
            _deliver(house, ready.summary, out)
        _show(ready, house, out, f"http://{host}:{port}", as_json, serving=not no_serve)
        if not no_serve:
            await serve_house(house, host, port)
        return ready

    if not run(work, as_json=as_json).summary["verify"]["ok"]:
        raise typer.Exit(FINDINGS)


async def _ready(house: House) -> Summary:
    """The summary of the finished demo; made, or finished, when there is none yet."""
    folder = house.settings.data_dir / "demo"
    path = folder / SUMMARY
    here = {str(one.id) for one in await house.cooperatives()}
    if path.exists():
        known: Summary = orjson.loads(path.read_bytes())
        if known["cooperative"]["id"] in here:
            return known
    with progress() as step:
        built = await build(house.database, house.viewer, folder, step)
        statements = await _statements(house, built, folder, step)
        invoices = await _invoices(house, built, folder)
    summary = await _summary(house, built, statements)
    summary["invoices"]["files"] = invoices
    write_whole(path, orjson.dumps(summary, option=orjson.OPT_INDENT_2))
    return summary


async def _statements(
    house: House, built: Built, folder: Path, step: Step
) -> list[dict[str, object]]:
    """The sample statements of the demo operator's member, as files in `folder`."""
    id_ = CooperativeId(built.cooperative.id)
    number = next(one.member_number for one in town.PEOPLE if one.member_number)
    async with house.database.snapshot(id_) as connection:
        member = (await member_queries.members_by_numbers(connection, id_, [number]))[number]
    store = open_store(house.settings.data_dir, house.settings.documents_url)
    made: list[dict[str, object]] = []
    for done, (locale, from_on, to_on) in enumerate(_SAMPLES):
        step("drawing statements", done, len(_SAMPLES))
        issued = await issue_statement(
            house.database, store, house.viewer, id_, MemberId(member.id), from_on, to_on,
            locale=locale, idempotency_key=f"demo:{from_on}:{locale}",
        )  # fmt: skip
        document = issued.document
        pdf = await document_bytes(store, document.stored_as)
        write_whole(folder / document.file_name, pdf)
        scale = currency_scale(issued.statement.currency)
        made.append(
            {
                "member": number, "locale": locale, "file": document.file_name,
                "sha256": document.sha256.hex(), "from": from_on.isoformat(),
                "to": to_on.isoformat(),
                "closing": amount_text(issued.statement.closing_minor, scale),
            }
        )  # fmt: skip
    step("drawing statements", len(_SAMPLES), len(_SAMPLES))
    return made


async def _invoices(house: House, built: Built, folder: Path) -> list[dict[str, str]]:
    """The latest invoice of the demo operator's member and the first credit note, as files."""
    id_ = CooperativeId(built.cooperative.id)
    number = next(one.member_number for one in town.PEOPLE if one.member_number)
    async with house.database.snapshot(id_) as connection:
        member = (await member_queries.members_by_numbers(connection, id_, [number]))[number]
        mine = InvoiceWhere(kind="invoice", member_id=MemberId(member.id))
        notes = InvoiceWhere(kind="credit_note")
        rows = [
            row
            for where in (mine, notes)
            for row in await invoice_queries.invoices_page(connection, where, Window(1))
        ]
    store = open_store(house.settings.data_dir, house.settings.documents_url)
    made = []
    for row in rows:
        document = await issue_invoice_document(
            house.database, store, house.viewer, id_, row.id, "de"
        )
        write_whole(folder / document.file_name, await document_bytes(store, document.stored_as))
        made.append({"kind": row.kind, "file": document.file_name})
    return made


async def _summary(house: House, built: Built, statements: list[dict[str, object]]) -> Summary:
    """What was made, as `summary.json` keeps it: figures of the books, not of the latest run."""
    from coop.charging import queries as charging_queries  # noqa: PLC0415

    id_ = CooperativeId(built.cooperative.id)
    async with house.database.snapshot(id_) as connection:
        total = await charging_queries.sessions_total(connection, charging_queries.SessionWhere())
        issued = await invoice_queries.count_invoices(connection, InvoiceWhere(kind="invoice"))
        notes = await invoice_queries.count_invoices(connection, InvoiceWhere(kind="credit_note"))
        _, owed = await aging_total(connection, town.LAST_DAY)
    proof, scale = built.verification, currency_scale(built.cooperative.currency)
    return {
        "cooperative": {
            "id": str(id_), "slug": built.cooperative.slug, "name": built.cooperative.name,
            "currency": built.cooperative.currency,
        },
        "period": {"from": town.FIRST_DAY.isoformat(), "to": "2026-01-01"},
        "members": len(town.MEMBERS),
        "vehicles": sum(one.vehicles for one in town.MEMBERS),
        "hubs": [{"ref": hub.ref, "name": hub.name, "ports": len(hub.ports)} for hub in town.HUBS],
        "sessions": total.count,
        "kwh": amount_text(total.delivered_wh, 3),
        "amount": amount_text(total.amount_minor, scale),
        "invoices": {
            "issued": issued, "credit_notes": notes,
            "overdue": amount_text(sum(owed.buckets[1:]), scale),
        },
        "entries": proof.entries, "postings": proof.postings, "seals": proof.seals,
        "head": proof.head.hex() if proof.head else None,
        "verify": {"ok": proof.ok, "findings": proof.count},
        "statements": statements,
    }  # fmt: skip


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _tokens(house: House) -> dict[str, str]:
    """A fresh bearer token for each role shown, by subject."""
    if not house.settings.development:
        return {}
    issuer = development_issuer(house.settings.data_dir)
    now, audience = utc_now(), house.settings.audience
    return {
        person.subject: issuer.mint(person.subject, audience, now, _TOKEN_LIFETIME)
        for person in town.PEOPLE
        if person.role in _SHOWN
    }


def _deliver(house: House, summary: Summary, out: Path) -> None:
    """Leave the summary and the PDFs in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    folder = house.settings.data_dir / "demo"
    documents = (*summary["statements"], *summary["invoices"]["files"])
    for name in (SUMMARY, *(one["file"] for one in documents)):
        shutil.copyfile(folder / name, out / name)


def _show(
    ready: _Ready, house: House, out: Path | None, url: str, as_json: bool, *, serving: bool
) -> None:
    summary = ready.summary
    folder = (out or house.settings.data_dir / "demo").absolute()
    if as_json:
        print_json({**summary, "folder": folder, "tokens": ready.tokens, "url": f"{url}/graphiql"})
        return
    hubs = ", ".join(f"{hub['name']} ({hub['ports']} ports)" for hub in summary["hubs"])
    verdict = "ok" if summary["verify"]["ok"] else f"{summary['verify']['findings']} FINDINGS"
    typer.echo(
        f"{summary['cooperative']['name']}: {summary['members']} members with "
        f"{summary['vehicles']} vehicles at {hubs}.\n"
        f"2025: {summary['sessions']} sessions, {summary['kwh']} kWh, {summary['amount']} EUR "
        f"before tax; {summary['invoices']['issued']} invoices and "
        f"{_counted(summary['invoices']['credit_notes'], 'credit note')}, "
        f"{summary['invoices']['overdue']} EUR "
        f"overdue;\n"
        f"{summary['entries']} entries, {summary['postings']} postings, "
        f"{summary['seals']} seals. Verified: {verdict}.\n"
    )
    for one in summary["statements"]:
        typer.echo(f"Statement ({one['locale']}): {folder / one['file']}")
    for bill in summary["invoices"]["files"]:
        typer.echo(f"{_KINDS[bill['kind']]} (de): {folder / bill['file']}")
    for subject, token in ready.tokens.items():
        typer.echo(f"\nBearer token of {subject} (7 days):\n{token}")
    typer.echo("\nCommands worth trying (December is not billed yet):")
    for command in COMMANDS:
        typer.echo(f"  {command}")
    typer.echo("\nQueries worth pasting:")
    for title, query in QUERIES:
        typer.echo(f"\n# {title}\n{query.strip()}")
    ending = "  (stop with Ctrl+C)" if serving else "  (once `coop serve` runs)"
    typer.echo(f"\nGraphiQL: {url}/graphiql{ending}")
