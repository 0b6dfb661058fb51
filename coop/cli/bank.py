"""`coop bank`: our accounts, the bank's files, and what waits for somebody to know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import typer

from coop.billing import bank_desk, bank_import
from coop.billing.bank_desk import AccountDraft, Assignment, RuleDraft
from coop.billing.bank_import import ImportedFile
from coop.billing.bank_lines import Outcome
from coop.billing.domain.bank_line import MAX_BYTES
from coop.billing.errors import BankFileTooLarge
from coop.billing.queries import bank as queries
from coop.billing.queries.bank import BankAccount, LineWhere, StoredLine
from coop.cli import direct_debit
from coop.cli.payment import id_of, member_named
from coop.cli.running import House, run
from coop.cli.showing import (
    AsJson,
    CooperativeSlug,
    ExistingFile,
    amount_text,
    day_of,
    print_json,
    print_table,
    waiting,
)
from coop.kernel.ids import CooperativeId
from coop.kernel.money import currency_scale
from coop.kernel.window import Window
from coop.members.domain.people import Cooperative
from coop.members.domain.policy import absent

app = typer.Typer(
    no_args_is_help=True, help="The bank: accounts, files, open lines, direct debits."
)
account = typer.Typer(no_args_is_help=True, help="Accounts of the cooperative at banks.")
app.add_typer(account, name="account")
app.command()(direct_debit.collect)
app.command("file")(direct_debit.file_)
app.command()(direct_debit.cancel)
_MOST = 100_000
LineId = Annotated[str, typer.Argument(metavar="LINE", help="The line's id, as listed.")]


@account.command("add")
def add_account(
    iban: Annotated[str, typer.Argument(help="Its IBAN.")],
    name: Annotated[str, typer.Option(help="The holder, as direct debits name who collects.")],
    bic: Annotated[str | None, typer.Option(help="The bank's BIC.")] = None,
    code: Annotated[
        str, typer.Option("--account", help="The account of the chart that holds its money.")
    ] = "1000",
    creditor_id: Annotated[
        str | None, typer.Option(help="Our SEPA creditor identifier, to collect.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Enter an account of the cooperative at a bank.

    Example: coop bank account add DE89370400440532013000 --name "Nor eG" --bic COBADEFFXXX
    """

    async def work(house: House) -> BankAccount:
        cooperative = await house.cooperative(slug)
        draft = AccountDraft(iban, name, bic, code, creditor_id)
        return await house.database.unit_of_work(
            cooperative.id,
            lambda c: bank_desk.add_bank_account(
                c, house.viewer, CooperativeId(cooperative.id), draft
            ),
        )

    made = run(work, as_json=as_json)
    if as_json:
        print_json(_account_json(made))
        return
    typer.echo(f"{made.iban} is kept in {made.account_code}.")


@account.command("list")
def list_accounts(slug: CooperativeSlug = None, as_json: AsJson = False) -> None:
    """List the cooperative's accounts at banks.

    Example: coop bank account list --json
    """

    async def work(house: House) -> list[BankAccount]:
        cooperative = await house.cooperative(slug)
        async with house.database.snapshot(cooperative.id) as connection:
            return await queries.bank_accounts(connection)

    found = run(work, as_json=as_json)
    if as_json:
        print_json({"bank_accounts": [_account_json(one) for one in found]})
        return
    rows = [(one.iban, one.name, one.bic, one.account_code, one.creditor_id) for one in found]
    print_table("Bank accounts", ("iban", "holder", "bic", "account", "creditor"), rows)


def _account_json(one: BankAccount) -> dict[str, object]:
    return {name: getattr(one, name) for name in BankAccount.__slots__}


@app.command("import")
def import_(file: ExistingFile, slug: CooperativeSlug = None, as_json: AsJson = False) -> None:
    """Read a file of the bank, camt.053 or MT940: post what is certain, list what is not.

    Each line is posted once, however often files bring it. A file that is cut off, of another
    account or whose balances its lines do not explain is refused, and nothing of it is stored.

    Example: coop bank import statement.xml --json
    """

    async def work(house: House) -> tuple[ImportedFile, list[StoredLine], Cooperative]:
        cooperative = await house.cooperative(slug)
        if file.stat().st_size > MAX_BYTES:
            raise BankFileTooLarge(f"A bank file has at most {MAX_BYTES} bytes.")
        with waiting(f"Reading {file.name}"):
            done = await bank_import.import_bank_file(
                house.database, house.viewer, CooperativeId(cooperative.id), file.read_bytes(),
                file.name,
            )  # fmt: skip
        return done, await _lines(house, cooperative, done.outcomes), cooperative

    done, lines, cooperative = run(work, as_json=as_json)
    scale = currency_scale(cooperative.currency)
    if as_json:
        print_json(
            {
                "kind": done.kind, "lines": done.lines, "known": done.known,
                "repeated": done.repeated, "posted": done.posted, "unmatched": done.unmatched,
                "missing": amount_text(done.missing_minor, scale),
                "outcomes": [_line_json(one, scale) for one in lines],
            }
        )  # fmt: skip
        return
    if done.repeated:
        typer.echo("This file was read before; nothing was done.")
        return
    _table("Lines", lines, scale)
    typer.echo(f"{done.lines} lines: {done.known} known, {done.posted} posted, "
               f"{done.unmatched} unmatched.")  # fmt: skip
    if done.missing_minor:
        missing = amount_text(done.missing_minor, scale)
        typer.echo(f"Lines of {missing} in all are not here: a statement in between is missing.")


@app.command()
def unmatched(slug: CooperativeSlug = None, as_json: AsJson = False) -> None:
    """List the lines that wait for somebody to say what they are, the latest first.

    Example: coop bank unmatched --json
    """

    async def work(house: House) -> tuple[list[StoredLine], Cooperative]:
        cooperative = await house.cooperative(slug)
        async with house.database.snapshot(cooperative.id) as connection:
            where = LineWhere(unmatched=True)
            return await queries.lines_page(connection, where, Window(_MOST)), cooperative

    found, cooperative = run(work, as_json=as_json)
    scale = currency_scale(cooperative.currency)
    if as_json:
        print_json({"lines": [_line_json(one, scale) for one in found]})
        return
    _table("Unmatched lines", found, scale)


@app.command()
def assign(
    line: LineId,
    member: Annotated[str | None, typer.Option(help="A member's: its payment, or its own.")] = None,
    invoice: Annotated[
        list[int] | None, typer.Option(help="Number of an invoice it settles first; repeatable.")
    ] = None,
    code: Annotated[
        str | None, typer.Option("--account", help="An account's, by its code in the chart.")
    ] = None,
    payment: Annotated[
        str | None, typer.Option(help="A payment's id: money in is it, money out gives it back.")
    ] = None,
    entry: Annotated[
        str | None, typer.Option(help="An entry's id that moved the bank by exactly this.")
    ] = None,
    on: Annotated[
        str | None, typer.Option(metavar="DAY", help="Post it on this day, not on its own.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Say what a line is, and post it so.

    Examples:

        coop bank assign 0197c2e4-… --member 0007 --invoice 17

        coop bank assign 0197c2e4-… --account 6700
    """

    async def work(house: House) -> tuple[list[StoredLine], Cooperative]:
        cooperative = await house.cooperative(slug)
        member_id = None if member is None else await member_named(house, cooperative, member)
        invoices = await _invoices(house, cooperative, invoice or [])
        to = Assignment(
            member_id, invoices, code, _id(payment, "payment"), _id(entry, "entry"),
            day_of(on, "on"),
        )  # fmt: skip
        outcome = await house.database.unit_of_work(
            cooperative.id,
            lambda c: bank_desk.assign_line(
                c, house.viewer, CooperativeId(cooperative.id), id_of(line, "line"), to
            ),
        )
        return await _lines(house, cooperative, [outcome]), cooperative

    _show(*run(work, as_json=as_json), as_json)


@app.command()
def rule(
    name: Annotated[
        str, typer.Argument(help="What the rule is called; the same name replaces it.")
    ],
    contains: Annotated[
        str | None, typer.Option(help="Text of the line or its sender, in any case.")
    ] = None,
    iban: Annotated[str | None, typer.Option(help="From or to this account.")] = None,
    member: Annotated[str | None, typer.Option(help="Such money is this member's.")] = None,
    code: Annotated[
        str | None, typer.Option("--account", help="Such lines are this account's.")
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="Let it hold no longer.")] = False,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Decide what lines like these are, now and from now on.

    Examples:

        coop bank rule fees --contains Entgelt --account 6700

        coop bank rule fees --end
    """

    async def work(house: House) -> tuple[list[StoredLine], Cooperative]:
        cooperative = await house.cooperative(slug)
        own = CooperativeId(cooperative.id)
        if end:
            await house.database.unit_of_work(
                own, lambda c: bank_desk.end_bank_rule(c, house.viewer, own, name)
            )
            return [], cooperative
        member_id = None if member is None else await member_named(house, cooperative, member)
        draft = RuleDraft(name, contains, iban, member_id, code)
        _, outcomes = await house.database.unit_of_work(
            own, lambda c: bank_desk.set_bank_rule(c, house.viewer, own, draft)
        )
        changed = [one for one in outcomes if one.state != "unmatched"]
        return await _lines(house, cooperative, changed), cooperative

    _show(*run(work, as_json=as_json), as_json)


@app.command()
def rematch(slug: CooperativeSlug = None, as_json: AsJson = False) -> None:
    """Match the lines that wait once more, now that the books know more.

    Example: coop bank rematch
    """

    async def work(house: House) -> tuple[list[StoredLine], Cooperative]:
        cooperative = await house.cooperative(slug)
        own = CooperativeId(cooperative.id)
        outcomes = await house.database.unit_of_work(
            own, lambda c: bank_desk.rematch(c, house.viewer, own)
        )
        changed = [one for one in outcomes if one.state != "unmatched"]
        return await _lines(house, cooperative, changed), cooperative

    _show(*run(work, as_json=as_json), as_json)


def _id(text: str | None, name: str) -> Any:
    return None if text is None else id_of(text, name)


async def _invoices(
    house: House, cooperative: Cooperative, numbers: Sequence[int]
) -> tuple[UUID, ...]:
    """The invoices of those numbers. Refuses NOT_FOUND at `invoice`."""
    async with house.database.snapshot(cooperative.id) as connection:
        found = await queries.invoices_by_numbers(connection, numbers)
    if len(found) != len(set(numbers)):
        raise absent().under("invoice")
    return tuple(found)


async def _lines(
    house: House, cooperative: Cooperative, outcomes: Sequence[Outcome]
) -> list[StoredLine]:
    """The lines of those outcomes as they stand, in that order."""
    ids: list[UUID] = [one.line_id for one in outcomes]
    async with house.database.snapshot(cooperative.id) as connection:
        found = await queries.lines_by_ids(connection, ids)
    return [found[id_] for id_ in ids]


def _show(lines: list[StoredLine], cooperative: Cooperative, as_json: bool) -> None:
    scale = currency_scale(cooperative.currency)
    if as_json:
        print_json({"lines": [_line_json(one, scale) for one in lines]})
        return
    _table("Lines", lines, scale)


def _table(title: str, lines: Sequence[StoredLine], scale: int) -> None:
    rows = [
        (
            one.id, one.booked_on, one.state, one.counterparty_name, one.content[:60], one.why,
            amount_text(one.amount_minor, scale),
        )
        for one in lines
    ]  # fmt: skip
    print_table(
        title, ("line", "day", "state", "from or to", "text", "why", "amount"), rows, right=1
    )


def _line_json(one: StoredLine, scale: int) -> dict[str, object]:
    return {
        "id": one.id, "booked_on": one.booked_on, "amount": amount_text(one.amount_minor, scale),
        "currency": one.currency, "text": one.content, "counterparty": one.counterparty_name,
        "counterparty_iban": one.counterparty_iban, "reference": one.creditor_reference,
        "end_to_end_id": one.end_to_end_id, "return_code": one.return_code, "state": one.state,
        "why": one.why, "candidates": one.candidates, "member_id": one.member_id,
        "entry_id": one.entry_id,
    }  # fmt: skip
