"""The `coop` command: thin, calls services; a module a noun, running.py and showing.py shared."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from coop.cli import (
    access,
    account,
    bank,
    books,
    commitment,
    cooperative,
    database,
    importing,
    interruption,
    invoice,
    invoice_pdf,
    member,
    payment,
    role,
    session,
    tariff,
)
from coop.cli.backup import backup, restore
from coop.cli.bill import aging, bill
from coop.cli.demo import demo
from coop.cli.export import export
from coop.cli.plan import app as plans
from coop.cli.plan import reservation, subscription
from coop.cli.post import post
from coop.cli.price import price
from coop.cli.serve import serve
from coop.cli.settle import settle
from coop.cli.share_costs import charges, share_costs
from coop.cli.statement import statement
from coop.cli.token import token
from coop.cli.utility import app as utility
from coop.cli.verify import verify

app = typer.Typer(
    name="coop",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="""The back office of a cooperative that co-owns charging hubs.

Start with [bold]coop demo[/bold], which makes a cooperative with a year of charging and serves it.
For your own: [bold]coop cooperative create[/bold], [bold]coop import sessions[/bold],
[bold]coop balance[/bold], [bold]coop statement[/bold].

Everything is kept in COOP_DATA_DIR (default: your user data directory), with a database of its own.
Exit codes: 0 done, 1 refused, 2 wrong usage, 3 `coop verify` found something.""",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"coop {version('coop')}")
        raise typer.Exit


@app.callback()
def _coop(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None: ...


app.add_typer(cooperative.app, name="cooperative")
app.add_typer(member.app, name="member")
app.add_typer(role.app, name="role")
app.add_typer(access.app, name="access-token")
app.add_typer(account.app, name="account")
app.add_typer(account.funds, name="fund")
app.add_typer(commitment.app, name="commitment")
app.add_typer(importing.app, name="import")
app.add_typer(tariff.app, name="tariff")
app.add_typer(session.app, name="session")
app.add_typer(interruption.app, name="interruption")
invoice.app.command("pdf")(invoice_pdf.pdf)
app.add_typer(invoice.app, name="invoice")
app.add_typer(bank.app, name="bank")
app.add_typer(payment.app, name="payment")
app.add_typer(payment.mandate, name="mandate")
app.add_typer(plans, name="plan")
app.add_typer(subscription, name="subscription")
app.add_typer(reservation, name="reservation")
app.add_typer(utility, name="utility")
app.command()(demo)
app.command()(serve)
app.command()(post)
app.command()(price)
app.command()(export)
app.command()(bill)
app.command()(aging)
app.command()(books.balance)
app.command()(settle)
app.command("share-costs")(share_costs)
app.command()(charges)
app.command()(statement)
app.command("trial-balance")(books.trial_balance_)
app.command()(books.close)
app.command()(books.seal)
app.command()(verify)
app.command()(token)
app.command()(backup)
app.command()(restore)
app.add_typer(database.app, name="database")
