"""`coop cooperative profile` and `coop member profile`: who they are on paper, from a day on.

What is not said stays as it was; an empty text takes it away.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from coop.cli.running import House, run
from coop.cli.showing import (
    AsJson,
    CooperativeSlug,
    ExistingFile,
    day_of,
    print_json,
    print_table,
)
from coop.kernel.clock import today_in
from coop.kernel.errors import InvalidValue, Refusal
from coop.kernel.rate import exact_decimal
from coop.members import profiles, queries
from coop.members.domain.people import Cooperative, Member
from coop.members.domain.policy import absent
from coop.members.domain.profile import (
    Address,
    CooperativeProfile,
    MemberProfile,
    ProfileTax,
    SetCooperative,
    SetMember,
)

of_cooperative = typer.Typer(no_args_is_help=True, help="Who the cooperative is on paper.")
of_member = typer.Typer(no_args_is_help=True, help="Who members are on paper.")
NOWHERE = Address((), "", "", "")
COLUMNS = (
    "number", "legal_name", "line1", "line2", "postal_code", "city", "country", "vat_id", "email",
    "buyer_reference", "locale",
)  # fmt: skip

Text = str | None
Name = Annotated[Text, typer.Option(help="Its name as it is registered.")]
Lines = Annotated[
    list[str] | None, typer.Option("--line", help="Address before the postal code; repeatable.")
]
PostalCode = Annotated[Text, typer.Option(help="Postal code.")]
City = Annotated[Text, typer.Option(help="Town.")]
Country = Annotated[Text, typer.Option(help="ISO 3166-1: NO.")]
VatId = Annotated[Text, typer.Option(help="VAT number with its country: NO974760673MVA.")]
Email = Annotated[Text, typer.Option(help="Where it is written to.")]
From = Annotated[
    Text, typer.Option("--from", metavar="DAY", help="First day it counts; default: today.")
]
Number = Annotated[str, typer.Argument(help="The member's number.")]


@of_cooperative.command("set")
def set_of_cooperative(
    legal_name: Name = None,
    line: Lines = None,
    postal_code: PostalCode = None,
    city: City = None,
    country: Country = None,
    register_number: Annotated[Text, typer.Option(help="Number in the register.")] = None,
    vat_id: VatId = None,
    tax_number: Annotated[Text, typer.Option(help="Where it has no VAT number.")] = None,
    email: Email = None,
    phone: Annotated[Text, typer.Option(help="Where it is called.")] = None,
    iban: Annotated[Text, typer.Option(help="The account members pay to.")] = None,
    bic: Annotated[Text, typer.Option(help="The bank of that account.")] = None,
    payment_days: Annotated[int | None, typer.Option(help="Days until a bill is due.")] = None,
    dispute_days: Annotated[int | None, typer.Option(help="Days to dispute a bill.")] = None,
    tax: Annotated[list[str] | None, typer.Option(help="VAT=25; repeatable; = for none.")] = None,
    exemption: Annotated[Text, typer.Option(help="Why no tax is charged where none is.")] = None,
    note: Annotated[Text, typer.Option(help="What closes its documents.")] = None,
    from_on: From = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Say who the cooperative is on invoices and statements, and on which terms it bills.

    Example: coop cooperative profile set --legal-name "Nor SA" --line "Kaia 1" --postal-code 7010
    --city Trondheim --country NO --vat-id NO974760673MVA --iban NO9386011117947 --from 2025-01-01
    """
    said = {
        "legal_name": legal_name, "register_number": register_number, "vat_id": vat_id,
        "tax_number": tax_number, "email": email, "phone": phone, "iban": iban, "bic": bic,
        "payment_days": payment_days, "dispute_days": dispute_days,
        "taxes": tax, "exemption": exemption, "note": note,
    }  # fmt: skip
    address = _said(lines=tuple(line) if line else None, postal_code=postal_code, city=city,
                    country=country)  # fmt: skip
    made = run(lambda house: _set_ours(house, slug, from_on, said, address), as_json=as_json)
    _tell(made, as_json)


@of_cooperative.command("show")
def show_of_cooperative(
    on: Annotated[Text, typer.Option(metavar="DAY", help="As of that day.")] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Show who the cooperative is on paper.

    Example: coop cooperative profile show --on 2025-03-31 --json
    """

    async def work(house: House) -> SetCooperative:
        cooperative = await house.cooperative(slug)
        return await _ours(house, cooperative, _day(on, "on", cooperative)) or _none()

    _tell(run(work, as_json=as_json), as_json)


@of_member.command("set")
def set_of_member(
    number: Number,
    legal_name: Name = None,
    line: Lines = None,
    postal_code: PostalCode = None,
    city: City = None,
    country: Country = None,
    vat_id: VatId = None,
    email: Email = None,
    buyer_reference: Annotated[Text, typer.Option(help="What its own books want quoted.")] = None,
    locale: Annotated[Text, typer.Option(help="Language of its documents: nb, de_CH.")] = None,
    from_on: From = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Say who a member is on invoices and statements.

    Example: coop member profile set 0007 --line "Gata 2" --postal-code 7011 --city Trondheim
    --country NO --locale nb --from 2025-01-01
    """
    said = {
        "legal_name": legal_name, "vat_id": vat_id, "email": email,
        "buyer_reference": buyer_reference, "locale": locale,
    }  # fmt: skip
    address = _said(lines=tuple(line) if line else None, postal_code=postal_code, city=city,
                    country=country)  # fmt: skip

    async def work(house: House) -> SetMember:
        return (await _set_theirs(house, slug, from_on, {number: (said, address)}))[0]

    _tell(run(work, as_json=as_json), as_json)


@of_member.command("import")
def import_of_members(
    file: ExistingFile,
    from_on: From = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Set the profiles of many members from a CSV file, all or none.

    Columns: number legal_name line1 line2 postal_code city country vat_id email buyer_reference
    locale. What a column leaves empty stays as it was.

    Example: coop member profile import addresses.csv --from 2025-01-01
    """
    made = run(lambda house: _set_theirs(house, slug, from_on, _rows(file)), as_json=as_json)
    if as_json:
        print_json({"set": len(made), "profiles": [_json(one) for one in made]})
        return
    typer.echo(f"{len(made)} members have a profile.")


@of_member.command("show")
def show_of_member(
    number: Number,
    on: Annotated[Text, typer.Option(metavar="DAY", help="As of that day.")] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Show who a member is on paper.

    Example: coop member profile show 0007 --json
    """

    async def work(house: House) -> SetMember:
        cooperative = await house.cooperative(slug)
        day = _day(on, "on", cooperative)
        async with house.database.snapshot(cooperative.id) as connection:
            member = (await _members(connection, cooperative, [number]))[number]
            ids = [member.id]
            held = await queries.member_profiles_on(connection, cooperative.id, ids, day)
        return held.get(member.id) or _none()

    _tell(run(work, as_json=as_json), as_json)


# Setting


async def _set_ours(
    house: House, slug: Text, from_on: Text, said: dict[str, Any], address: dict[str, Any]
) -> SetCooperative:
    cooperative = await house.cooperative(slug)
    day = _day(from_on, "from", cooperative)
    held = await _ours(house, cooperative, day)
    base = held.profile if held else CooperativeProfile(cooperative.name, NOWHERE)
    if said["taxes"] is not None:
        said["taxes"] = tuple(_taxes(said["taxes"]))
    profile = replace(base, **_changes(said), address=replace(base.address, **address))
    return await house.database.unit_of_work(
        cooperative.id,
        lambda connection: profiles.set_cooperative_profile(
            connection, house.viewer, cooperative.id, day, profile
        ),
    )


Wanted = dict[str, tuple[dict[str, Any], dict[str, Any]]]


async def _set_theirs(house: House, slug: Text, from_on: Text, wanted: Wanted) -> list[SetMember]:
    cooperative = await house.cooperative(slug)
    day = _day(from_on, "from", cooperative)

    async def work(connection: Any) -> list[SetMember]:
        found = await _members(connection, cooperative, wanted)
        ids = [member.id for member in found.values()]
        held = await queries.member_profiles_on(connection, cooperative.id, ids, day)
        made = []
        for number, (said, address) in wanted.items():
            member = found[number]
            known = held.get(member.id)
            base = known.profile if known else MemberProfile(member.name, NOWHERE)
            profile = replace(base, **_changes(said), address=replace(base.address, **address))
            try:
                one = await profiles.set_member_profile(
                    connection, house.viewer, cooperative.id, member.id, day, profile
                )
            except Refusal as refusal:
                raise refusal.under(number) from None
            made.append(one)
        return made

    return await house.database.unit_of_work(cooperative.id, work)


async def _ours(house: House, cooperative: Cooperative, day: date) -> SetCooperative | None:
    async with house.database.snapshot(cooperative.id) as connection:
        return await queries.cooperative_profile_on(connection, cooperative.id, day)


async def _members(
    connection: Any, cooperative: Cooperative, numbers: Iterable[str]
) -> dict[str, Member]:
    found = await queries.members_by_numbers(connection, cooperative.id, numbers)
    for number in numbers:
        if number not in found:
            raise absent().under(number)
    return found


# Reading what is said


def _day(text: Text, name: str, cooperative: Cooperative) -> date:
    return day_of(text, name) or today_in(cooperative.time_zone)


def _said(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _changes(said: dict[str, Any]) -> dict[str, Any]:
    """What was said, an empty text as nothing."""
    return {name: None if value == "" else value for name, value in _said(**said).items()}


def _taxes(texts: Iterable[str]) -> Iterable[ProfileTax]:
    for text in texts:
        name, _, percent = text.partition("=")
        if name:
            yield ProfileTax(name, exact_decimal(percent))


def _rows(path: Path) -> Wanted:
    try:
        return _read(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidValue(f"The file is no CSV in UTF-8: {error}.", ("file",)) from error


def _read(path: Path) -> Wanted:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        unknown = set(reader.fieldnames or ()) - set(COLUMNS)
        if unknown or "number" not in (reader.fieldnames or ()):
            raise InvalidValue(f"The columns are {', '.join(COLUMNS)}.", ("file",))
        found: Wanted = {}
        for row in reader:
            if None in row:
                why = f"Line {reader.line_num} has more cells than there are columns."
                raise InvalidValue(why, ("file",))
            full = {name: text.strip() for name, text in row.items() if text and text.strip()}
            number = full.pop("number", "")
            lines = tuple(full.pop(name) for name in ("line1", "line2") if name in full)
            address = _said(lines=lines or None)
            address |= {
                name: full.pop(name) for name in ("postal_code", "city", "country") if name in full
            }
            found[number] = (full, address)
    return found


# Showing


def _none() -> Any:
    raise absent()


def _json(one: SetCooperative | SetMember) -> dict[str, object]:
    said = asdict(one.profile)
    taxes = said.get("taxes")
    if taxes is not None:
        said["taxes"] = [{"name": name, "percent": percent} for name, percent in taxes]
    return {"id": one.id, "from": one.from_on, "set_by": one.set_by, "set_at": one.set_at, **said}


def _tell(one: SetCooperative | SetMember, as_json: bool) -> None:
    if as_json:
        print_json(_json(one))
        return
    address = one.profile.address
    rows: list[tuple[str, object]] = [
        (name, value)
        for name, value in asdict(one.profile).items()
        if name not in {"address", "taxes"} and value is not None
    ]
    lines = (*address.lines, f"{address.postal_code} {address.city}", address.country)
    rows.insert(1, ("address", ", ".join(lines)))
    if isinstance(one, SetCooperative) and one.profile.taxes:
        taxes = ", ".join(f"{tax.name} {_percent(tax.percent)}" for tax in one.profile.taxes)
        rows.append(("taxes", taxes))
    print_table(f"From {one.from_on}", ("", ""), rows)


def _percent(percent: Decimal) -> str:
    return f"{percent:f} %"
