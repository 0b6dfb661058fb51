"""`coop invoice`: what was billed, corrected by credit notes and written off."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.credit_notes import issue_credit_note, left_to_credit
from coop.billing.domain.lines import INVOICE, Line
from coop.billing.domain.taxes import TaxTotal
from coop.billing.queries import invoices as queries
from coop.billing.queries.invoices import InvoiceRow, InvoiceWhere
from coop.billing.write_offs import write_off_invoice
from coop.cli.running import House, run
from coop.cli.showing import (
    AsJson,
    CooperativeSlug,
    amount_text,
    day_of,
    print_json,
    print_table,
)
from coop.kernel.clock import today_in
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId, MemberId
from coop.kernel.money import currency_scale
from coop.kernel.rate import exact_decimal, to_scale
from coop.kernel.window import Window
from coop.members import queries as member_queries
from coop.members.domain.policy import absent

app = typer.Typer(no_args_is_help=True, help="Invoices and credit notes.")
_PAGE = 200


class Kind(StrEnum):
    """Which series a number is of."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit-note"

    @property
    def stored(self) -> str:
        """As the books write it."""
        return self.value.replace("-", "_")


Number = Annotated[int, typer.Argument(min=1, help="Its number.", show_default=False)]
OfKind = Annotated[Kind, typer.Option("--kind", help="Of which series the number is.")]
Reason = Annotated[str, typer.Option(help="Why.", show_default=False)]


@app.command("list")
def list_(
    member: Annotated[str | None, typer.Option(help="Number of a member.")] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only what is not settled.")] = False,
    kind: Annotated[Kind | None, typer.Option(help="Only of this series.")] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """List invoices and credit notes, the latest first.

    Examples:

        coop invoice list --open

        coop invoice list --member 0007 --json
    """

    async def work(house: House) -> list[dict[str, Any]]:
        found = await house.cooperative(slug)
        async with house.database.snapshot(found.id) as connection:
            where = InvoiceWhere(
                kind=None if kind is None else kind.stored,
                member_id=await _member(connection, found.id, member),
                settled=False if open_only else None,
            )
            rows = await _all(connection, where)
            ids = {row.member_id for row in rows}
            members = await member_queries.members_by_ids(connection, found.id, ids)
        return [_json(row, members[row.member_id].number) for row in rows]

    listed = run(work, as_json=as_json)
    if as_json:
        print_json({"invoices": listed})
        return
    columns = ("kind", "number", "member", "issued_on", "due_on", "reference", "gross", "open")
    rows = [tuple(one[column] for column in columns) for one in listed]
    print_table("Invoices and credit notes", columns, rows, right=2)


@app.command()
def show(
    number: Number,
    kind: OfKind = Kind.INVOICE,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Show a document with its lines, its taxes and what may still be credited of each line.

    Examples:

        coop invoice show 12

        coop invoice show 3 --kind credit-note --json
    """

    async def work(house: House) -> _Shown:
        found = await house.cooperative(slug)
        async with house.database.snapshot(found.id) as connection:
            row = await _document(connection, kind.stored, number)
            members = await member_queries.members_by_ids(connection, found.id, [row.member_id])
            lines = (await queries.lines_of(connection, [row.id])).get(row.id, [])
            taxes = (await queries.taxes_of_invoices(connection, [row.id])).get(row.id, [])
            left = await left_to_credit(connection, row) if row.kind == INVOICE else {}
        return _Shown(row, members[row.member_id].number, lines, taxes, left)

    shown = run(work, as_json=as_json)
    if as_json:
        print_json(shown.json())
        return
    _print(shown)


@app.command()
def credit(
    number: Number,
    reason: Reason,
    line: Annotated[
        list[str] | None,
        typer.Option(metavar="LINE=NET", help="So much of a line, before tax; else all left."),
    ] = None,
    issued_on: Annotated[
        str | None, typer.Option(metavar="DAY", help="What it carries; else today.")
    ] = None,
    resolution: Annotated[str | None, typer.Option(help="Which resolution it rests on.")] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Issue a credit note on an invoice: all that is left of it, or so much of some lines.

    Examples:

        coop invoice credit 12 --reason "Wrong meter"

        coop invoice credit 12 --line 1=5.00 --reason "Half of it"
    """

    async def work(house: House) -> dict[str, Any]:
        found = await house.cooperative(slug)
        scale, day = currency_scale(found.currency), day_of(issued_on, "issued-on")
        lines = None if not line else dict(_line(text, scale) for text in line)

        async def issue(connection: AsyncConnection) -> dict[str, Any]:
            row = await _document(connection, INVOICE, number)
            issued = await issue_credit_note(
                connection, house.viewer, CooperativeId(found.id), row.id, reason=reason,
                lines=lines, issued_on=day, resolution=resolution,
            )  # fmt: skip
            return {
                "kind": issued.kind, "number": issued.number, "refers_to": number,
                "currency": found.currency, "net": amount_text(issued.net_minor, scale),
                "tax": amount_text(issued.tax_minor, scale),
                "gross": amount_text(issued.gross_minor, scale),
            }  # fmt: skip

        return await house.database.unit_of_work(found.id, issue)

    done = run(work, as_json=as_json)
    if as_json:
        print_json(done)
        return
    typer.echo(
        f"Credit note {done['number']} on invoice {number}: {done['gross']} {done['currency']}."
    )


@app.command("write-off")
def write_off(
    number: Number,
    resolution: Annotated[str, typer.Option(help="The resolution that allows it.")],
    reason: Reason,
    amount: Annotated[str | None, typer.Option(help="How much of what is open; else all.")] = None,
    relieve_tax: Annotated[
        bool, typer.Option("--relieve-tax", help="Claim its share of tax back.")
    ] = False,
    on: Annotated[
        str | None, typer.Option(metavar="DAY", help="When it counts; else today.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Give up what a member owes on an invoice, by a resolution.

    Examples:

        coop invoice write-off 12 --resolution 2025/7 --reason "Insolvent"
    """

    async def work(house: House) -> dict[str, Any]:
        found = await house.cooperative(slug)
        scale = currency_scale(found.currency)
        day = day_of(on, "on") or today_in(found.time_zone)
        minor = None if amount is None else _minor(amount, scale, "amount")

        async def give_up(connection: AsyncConnection) -> dict[str, Any]:
            row = await _document(connection, INVOICE, number)
            done = await write_off_invoice(
                connection, house.viewer, CooperativeId(found.id), row.id, resolution=resolution,
                reason=reason, effective_on=day, amount_minor=minor, relieve_tax=relieve_tax,
            )  # fmt: skip
            return {
                "invoice": number, "amount": amount_text(done.amount_minor, scale),
                "tax": amount_text(done.tax_minor, scale), "currency": found.currency,
                "effective_on": day, "resolution": resolution,
            }  # fmt: skip

        return await house.database.unit_of_work(found.id, give_up)

    done = run(work, as_json=as_json)
    if as_json:
        print_json(done)
        return
    typer.echo(f"{done['amount']} {done['currency']} of invoice {number} written off.")


@dataclass(frozen=True, slots=True)
class _Shown:
    row: InvoiceRow
    member: str
    lines: list[Line]
    taxes: list[TaxTotal]
    left: dict[int, int]

    def json(self) -> dict[str, Any]:
        scale = currency_scale(self.row.currency)
        return _json(self.row, self.member) | {
            "reason": self.row.reason, "resolution": self.row.resolution,
            "lines": [
                {
                    "number": one.number, "kind": one.kind, "description": one.description,
                    "quantity": one.quantity, "unit": one.unit, "unit_price": one.unit_price,
                    "net": amount_text(one.net_minor, scale), "sessions": one.sessions,
                    "left": amount_text(self.left.get(one.number, 0), scale),
                    "taxes": [{"name": t.name, "percent": t.percent} for t in one.taxes],
                }
                for one in self.lines
            ],
            "taxes": [
                {
                    "name": one.name, "percent": one.percent,
                    "base": amount_text(one.base_minor, scale),
                    "tax": amount_text(one.tax_minor, scale),
                }
                for one in self.taxes
            ],
        }  # fmt: skip


def _print(shown: _Shown) -> None:
    found, row = shown.json(), shown.row
    word = "Invoice" if row.kind == INVOICE else "Credit note"
    columns = ("number", "description", "quantity", "unit", "unit_price", "sessions", "net")
    rows = [tuple(line[column] for column in columns) for line in found["lines"]]
    title = f"{word} {row.number} of {row.issued_on} to {shown.member}, due {row.due_on}"
    print_table(title, columns, rows, right=3)
    for tax in found["taxes"]:
        typer.echo(f"{tax['name']} {tax['percent']} % of {tax['base']}: {tax['tax']}")
    typer.echo(f"Gross {found['gross']} {row.currency}, open {found['open']}. {row.reference}")


def _json(row: InvoiceRow, member: str) -> dict[str, Any]:
    scale = currency_scale(row.currency)
    return {
        "kind": row.kind, "number": row.number, "member": member, "from": row.from_on,
        "to": row.to_on, "issued_on": row.issued_on, "due_on": row.due_on,
        "reference": row.reference, "currency": row.currency,
        "net": amount_text(row.net_minor, scale), "tax": amount_text(row.tax_minor, scale),
        "gross": amount_text(row.gross_minor, scale), "open": amount_text(row.open_minor, scale),
    }  # fmt: skip


async def _all(connection: AsyncConnection, where: InvoiceWhere) -> list[InvoiceRow]:
    rows: list[InvoiceRow] = []
    while True:
        after = (rows[-1].issued_on, rows[-1].id) if rows else None
        page = await queries.invoices_page(connection, where, Window(_PAGE, after=after))
        rows += page
        if len(page) < _PAGE:
            return rows


async def _document(connection: AsyncConnection, kind: str, number: int) -> InvoiceRow:
    found = await queries.invoice_by_number(connection, kind, number)
    if found is None:
        raise absent()
    return found


async def _member(
    connection: AsyncConnection, cooperative_id: Any, number: str | None
) -> MemberId | None:
    if number is None:
        return None
    where = member_queries.MemberWhere(numbers=[number])
    found = await member_queries.members_page(connection, cooperative_id, where=where, limit=1)
    if not found:
        raise absent()
    return MemberId(found[0].id)


def _line(text: str, scale: int) -> tuple[int, int]:
    number, _, net = text.partition("=")
    if not (number.isascii() and number.isdigit()):
        raise InvalidValue(f'"{text}" is not a line and its net, such as 1=5.00.', ("line",))
    return int(number), _minor(net, scale, "line")


def _minor(text: str, scale: int, name: str) -> int:
    try:
        value: Decimal = exact_decimal(text)
        return to_scale(value, scale)
    except InvalidValue as refusal:
        raise refusal.under(name) from None
