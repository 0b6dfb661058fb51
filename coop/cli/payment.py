"""`coop payment` and `coop mandate`: what members paid, and what they allow us to collect."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import typer

from coop.billing import mandates, payments
from coop.billing.domain.bank_line import masked
from coop.billing.domain.mandate import Mandate, MandateDraft
from coop.billing.payments import PaymentDraft, Recorded, Return
from coop.billing.queries import collecting as collecting_queries
from coop.billing.queries import payments as payment_queries
from coop.billing.queries.payments import StoredPayment
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
from coop.members.domain.people import Cooperative
from coop.members.domain.policy import absent

app = typer.Typer(no_args_is_help=True, help="Payments of members: recording, returning, listing.")
mandate = typer.Typer(no_args_is_help=True, help="Mandates: members' leave to collect.")
_MOST = 100_000
MemberNumber = Annotated[str, typer.Argument(help="The member's number.")]


async def member_named(house: House, cooperative: Cooperative, number: str) -> MemberId:
    """The member of that number. Refuses NOT_FOUND at `member`."""
    async with house.database.snapshot(cooperative.id) as connection:
        found = await member_queries.members_by_numbers(connection, cooperative.id, [number])
    if number not in found:
        raise absent().under("member")
    return MemberId(found[number].id)


def minor_of(text: str, cooperative: Cooperative, name: str = "amount") -> int:
    """12.50 in minor units of the cooperative's currency. Refuses INVALID_VALUE."""
    try:
        found: Decimal = exact_decimal(text)
        return to_scale(found, currency_scale(cooperative.currency))
    except InvalidValue as refusal:
        raise refusal.under(name) from None


def id_of(text: str, name: str) -> UUID:
    """The id that an option names. Refuses INVALID_VALUE."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidValue(f'"{text}" is not an id.', (name,)) from None


@app.command()
def record(
    number: MemberNumber,
    amount: Annotated[str, typer.Argument(help="How much, as 12.50.")],
    on: Annotated[
        str | None, typer.Option(metavar="DAY", help="The day it came; default: today.")
    ] = None,
    method: Annotated[str, typer.Option(help="transfer, cash, card or other.")] = "transfer",
    reference: Annotated[
        str, typer.Option(help="What the payer wrote; an RF reference names its invoice.")
    ] = "",
    key: Annotated[
        str | None, typer.Option(help="The same key is the same payment for ever.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Record what a member paid: it settles the invoice it names, else the oldest.

    What no invoice takes stays on account. A transfer recorded here is found when the bank's file
    brings it, and not posted again.

    Examples:

        coop payment record 0007 125.00 --on 2026-04-15 --reference RF48INV000017

        coop payment record 0007 40.00 --method cash --key till-17 --json
    """

    async def work(house: House) -> tuple[Recorded, Cooperative]:
        cooperative = await house.cooperative(slug)
        draft = PaymentDraft(
            member_id=await member_named(house, cooperative, number),
            received_on=day_of(on, "on") or today_in(cooperative.time_zone),
            amount_minor=minor_of(amount, cooperative),
            method=method, reference=reference, key=key,
        )  # fmt: skip
        made = await house.database.unit_of_work(
            cooperative.id,
            lambda c: payments.record_payment(
                c, house.viewer, CooperativeId(cooperative.id), draft
            ),
        )
        return made, cooperative

    made, cooperative = run(work, as_json=as_json)
    _show(made.payment, cooperative, as_json, replayed=made.replayed)


@app.command("return")
def return_(
    payment_id: Annotated[str, typer.Argument(metavar="ID", help="The payment's id.")],
    reason: Annotated[str, typer.Option(help="Why: AC04, or in words.")],
    on: Annotated[
        str | None, typer.Option(metavar="DAY", help="The day it went back; default: today.")
    ] = None,
    charge: Annotated[str, typer.Option(help="What the bank kept for it, as 3.50.")] = "0",
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Take a payment back: the receivable stands again, and its invoices are open again.

    Example: coop payment return 0197c2e4-… --reason AC04 --charge 3.50
    """

    async def work(house: House) -> tuple[StoredPayment, Cooperative]:
        cooperative = await house.cooperative(slug)
        back = Return(
            id_of(payment_id, "id"), day_of(on, "on") or today_in(cooperative.time_zone), reason,
            minor_of(charge, cooperative, "charge"),
        )  # fmt: skip
        done = await house.database.unit_of_work(
            cooperative.id,
            lambda c: payments.return_payment(c, house.viewer, CooperativeId(cooperative.id), back),
        )
        return done, cooperative

    done, cooperative = run(work, as_json=as_json)
    _show(done, cooperative, as_json)


@app.command("list")
def list_(
    member: Annotated[str | None, typer.Option(help="Only of the member of this number.")] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """List payments, the latest first.

    Example: coop payment list --member 0007 --json
    """

    async def work(house: House) -> tuple[list[StoredPayment], dict[UUID, str], Cooperative]:
        cooperative = await house.cooperative(slug)
        named = member and await member_named(house, cooperative, member)
        async with house.database.snapshot(cooperative.id) as connection:
            if named:
                pages = await payment_queries.payments_pages(connection, [named], Window(_MOST))
                found = pages.get(named, [])
            else:
                found = await payment_queries.payments_page(connection, Window(_MOST))
            members = await member_queries.members_by_ids(
                connection, cooperative.id, {one.member_id for one in found}
            )
        return found, {id_: one.number for id_, one in members.items()}, cooperative

    found, numbers, cooperative = run(work, as_json=as_json)
    scale = currency_scale(cooperative.currency)
    if as_json:
        shown = [_json(one, scale, numbers.get(one.member_id)) for one in found]
        print_json({"payments": shown})
        return
    columns = ("id", "day", "member", "method", "reference", "returned", "amount", "on account")
    rows = [
        (
            one.id, one.received_on, numbers.get(one.member_id), one.method, one.reference,
            one.return_reason, amount_text(one.amount_minor, scale),
            amount_text(one.unapplied_minor, scale),
        )
        for one in found
    ]  # fmt: skip
    print_table("Payments", columns, rows, right=2)


def _show(
    one: StoredPayment, cooperative: Cooperative, as_json: bool, *, replayed: bool = False
) -> None:
    scale = currency_scale(cooperative.currency)
    if as_json:
        print_json({**_json(one, scale), "replayed": replayed})
        return
    amount = amount_text(one.amount_minor, scale)
    if one.returned_on is not None:
        typer.echo(f"{amount} went back on {one.returned_on}: {one.return_reason}.")
        return
    rest = amount_text(one.unapplied_minor, scale)
    typer.echo(f"{amount} of {one.received_on} is recorded as {one.id}; {rest} is on account.")


def _json(one: StoredPayment, scale: int, member: str | None = None) -> dict[str, object]:
    return {
        "id": one.id, "member_id": one.member_id, "member": member, "received_on": one.received_on,
        "amount": amount_text(one.amount_minor, scale), "method": one.method,
        "reference": one.reference, "on_account": amount_text(one.unapplied_minor, scale),
        "entry_id": one.entry_id, "returned_on": one.returned_on,
        "return_reason": one.return_reason,
        "return_charge": amount_text(one.return_charge_minor, scale),
    }  # fmt: skip


@mandate.command("add")
def add_mandate(
    number: MemberNumber,
    reference: Annotated[str, typer.Argument(help="What the mandate is called: 1 to 35 signs.")],
    iban: Annotated[str, typer.Argument(help="The account it allows to collect from.")],
    signed_on: Annotated[str, typer.Option(metavar="DAY", help="The day it was signed.")],
    holder: Annotated[
        str | None, typer.Option(help="Whose account it is; default: the member's name.")
    ] = None,
    scheme: Annotated[str, typer.Option(help="CORE or B2B.")] = "CORE",
    bic: Annotated[str | None, typer.Option(help="That bank's BIC, if it is known.")] = None,
    used: Annotated[
        bool, typer.Option("--used", help="It was collected with before it came here.")
    ] = False,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Keep a mandate that a member signed.

    Example: coop mandate add 0007 M-0007 DE75512108001245126199 --signed-on 2026-01-05
    """

    async def work(house: House) -> Mandate:
        cooperative = await house.cooperative(slug)
        member_id = await member_named(house, cooperative, number)
        async with house.database.snapshot(cooperative.id) as connection:
            found = await member_queries.members_by_ids(connection, cooperative.id, [member_id])
        draft = MandateDraft(
            member_id, reference, day_of(signed_on, "signed_on") or date.min, iban,
            holder or found[member_id].name, scheme, bic,
        )  # fmt: skip
        return await house.database.unit_of_work(
            cooperative.id,
            lambda c: mandates.register_mandate(
                c, house.viewer, CooperativeId(cooperative.id), draft, used=used
            ),
        )

    _show_mandate(run(work, as_json=as_json), as_json)


@mandate.command("revoke")
def revoke_mandate(
    reference: Annotated[str, typer.Argument(help="What the mandate is called.")],
    on: Annotated[
        str | None, typer.Option(metavar="DAY", help="First day without it; default: today.")
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Let a mandate hold no longer.

    Example: coop mandate revoke M-0007 --on 2026-06-01
    """

    async def work(house: House) -> Mandate:
        cooperative = await house.cooperative(slug)
        day = day_of(on, "on") or today_in(cooperative.time_zone)
        return await house.database.unit_of_work(
            cooperative.id,
            lambda c: mandates.revoke_mandate(
                c, house.viewer, CooperativeId(cooperative.id), reference, day
            ),
        )

    _show_mandate(run(work, as_json=as_json), as_json)


@mandate.command("list")
def list_mandates(slug: CooperativeSlug = None, as_json: AsJson = False) -> None:
    """List mandates, the earliest signed first. IBANs are shown without their middle.

    Example: coop mandate list --json
    """

    async def work(house: House) -> list[Mandate]:
        cooperative = await house.cooperative(slug)
        async with house.database.snapshot(cooperative.id) as connection:
            return await collecting_queries.mandates(connection)

    found = run(work, as_json=as_json)
    if as_json:
        print_json({"mandates": [_mandate_json(one) for one in found]})
        return
    columns = ("reference", "holder", "account", "signed", "scheme", "state", "revoked")
    rows = [
        (
            one.reference, one.holder, masked(one.iban), one.signed_on, one.scheme, one.sequence,
            one.revoked_on,
        )
        for one in found
    ]  # fmt: skip
    print_table("Mandates", columns, rows)


def _show_mandate(one: Mandate, as_json: bool) -> None:
    if as_json:
        print_json(_mandate_json(one))
        return
    until = "" if one.revoked_on is None else f", until {one.revoked_on}"
    typer.echo(
        f"{one.reference} of {one.holder} at {masked(one.iban)} since {one.signed_on}{until}."
    )


def _mandate_json(one: Mandate) -> dict[str, object]:
    return {
        "id": one.id, "member_id": one.member_id, "reference": one.reference,
        "signed_on": one.signed_on, "scheme": one.scheme, "iban": masked(one.iban),
        "holder": one.holder, "sequence": one.sequence, "revoked_on": one.revoked_on,
    }  # fmt: skip
