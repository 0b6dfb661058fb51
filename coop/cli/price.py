"""`coop price`: what any OCPI tariff makes of any CDR, without a database.

    CDR → session, as an import reads it    tariff → as `coop tariff set` reads it
    price → lines, each with the element that priced it, and the tariff's totals

What was assumed, or looks wrong without stopping anything, is a note: on stderr, and in the JSON.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from coop.charging.domain.cdr_file import open_cdrs, readings_of_cdrs
from coop.charging.domain.charge import Charge, ChargeLine
from coop.charging.domain.json_fields import Fields, decoder
from coop.charging.domain.plausibility import Limits
from coop.charging.domain.pricing import price as price_session
from coop.charging.domain.session import ChargingSession, Doubt, normal_id
from coop.charging.domain.tariff import Tariff, parse_tariff, tariff_of
from coop.charging.domain.tariff_checks import require_complete
from coop.charging.domain.tariff_rules import rules_of
from coop.charging.errors import FieldMissing, FileTooLarge, TariffHole, TariffInvalid
from coop.cli.running import guarded
from coop.cli.showing import AsJson, amount_text, print_error, print_json, print_table
from coop.kernel.clock import zone_named
from coop.kernel.errors import InvalidValue
from coop.kernel.money import currency_scale
from coop.kernel.rate import from_scale, round_half_up

_SHOWN_DECIMALS = 6
_MOST_BYTES = 1024 * 1024


_DOUBTS = {
    Doubt.ENERGY_ABOVE_POWER: "more energy than ports of its hub deliver in that time",
    Doubt.ENERGY_ZERO: "nothing was delivered",
    Doubt.ENERGY_FED_BACK: "energy flowed back",
    Doubt.PERIODS_DISAGREE: "its periods do not add up to its total energy",
    Doubt.DURATION_LONG: "it lasts very long",
    Doubt.DURATION_MISMATCH: "its hours are not the time between start and end",
    Doubt.LAST_UPDATED_EARLY: "it was last updated before it ended",
    Doubt.LINE_UNFINISHED: "its line ends early",
    Doubt.TOKEN_OVERLAP: "the badge charged elsewhere at the same time",
}


@dataclass(frozen=True, slots=True)
class Priced:
    """A session, what it was priced by, and what came of it."""

    session: ChargingSession
    tariff: Tariff
    zone: ZoneInfo
    charge: Charge
    stated: dict[str, str]
    notes: list[str]


def price(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="TARIFF.json",
            exists=True,
            dir_okay=False,
            readable=True,
            show_default=False,
            help="The tariff; or the CDR alone, to price it by the tariff it carries.",
        ),
    ],
    cdr: Annotated[
        Path | None,
        typer.Argument(metavar="CDR.json", exists=True, dir_okay=False, show_default=False),
    ] = None,
    zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Of the hub's clock: Europe/Berlin.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what an OCPI 2.2.1 tariff makes of a CDR: lines, and totals before and after taxes.

    Each line names the element of the tariff that priced it, counted from 0. Nothing is read from
    or written to the books.

    Examples:

        coop price tariff.json cdr.json --zone Europe/Berlin

        coop price cdr.json --json
    """

    async def work() -> Priced:
        return _priced(file, cdr, zone)

    found = guarded(work, as_json=as_json)
    for note in found.notes:
        print_error(f"Note: {note}")
    if as_json:
        print_json(_as_json(found))
    else:
        _show(found)


def _priced(file: Path, cdr: Path | None, zone_name: str | None) -> Priced:
    zone = _zone(zone_name)
    if cdr is None:
        _refuse_tariff(parse_tariff(_bytes(file)))
    session, doubts = _session(_bytes(cdr or file))
    document = decoder().decode(session.raw.decode("utf-8-sig"))
    notes: list[str] = []
    if cdr is None:
        tariff = _own_tariff(document, session, notes)
    else:
        tariff = tariff_of(_content(parse_tariff(_bytes(file))), session.currency)
    charge = price_session(tariff, session, zone)
    notes += _notes(session, doubts, tariff, zone_name)
    return Priced(session, tariff, zone, charge, _stated(document), notes)


def _zone(name: str | None) -> ZoneInfo:
    try:
        return zone_named("UTC" if name is None else name)
    except InvalidValue as refusal:
        raise refusal.under("zone") from None


def _refuse_tariff(document: object) -> None:
    if isinstance(document, dict) and "elements" in document:
        raise InvalidValue("A tariff alone costs nothing: give a CDR too.", ("cdr",))


def _bytes(file: Path) -> bytes:
    if file.stat().st_size > _MOST_BYTES:
        raise FileTooLarge(f"{file.name} is larger than any tariff or CDR.", (file.name,))
    return file.read_bytes()


def _content(document: object) -> object:
    """The tariff itself, where it came in the envelope of OCPI."""
    if isinstance(document, dict) and "status_code" in document and "data" in document:
        return document["data"]
    return document


def _session(raw: bytes) -> tuple[ChargingSession, tuple[Doubt, ...]]:
    stream = io.BytesIO(raw)
    open_cdrs(stream)
    readings = list(readings_of_cdrs(stream, Limits()))
    if len(readings) != 1:
        raise InvalidValue(f"The file holds {len(readings)} CDRs; one is priced.", ("cdr",))
    if readings[0].refusal is not None:
        raise readings[0].refusal
    session = readings[0].session
    if session is None:
        raise InvalidValue("There is no CDR.", ("cdr",))
    return session, readings[0].doubts


def _own_tariff(document: dict[str, Any], session: ChargingSession, notes: list[str]) -> Tariff:
    """The tariff that a CDR carries: that of its first period, kept for the whole session."""
    if not document.get("tariffs"):
        raise FieldMissing("The CDR carries no tariff: give one as a file.", ("tariffs",))
    carried = Fields(document).children("tariffs")
    wanted = next((one.tariff_id for one in session.periods if one.tariff_id), None)
    ids = [normal_id(one.identifier("id", 36)) for one in carried]
    position = ids.index(wanted) if wanted in ids else 0
    if len(ids) > 1:
        notes.append(f"Of {len(ids)} tariffs, {ids[position]} is in force when it begins.")
    try:
        return tariff_of(dict(carried[position].values), session.currency)
    except TariffInvalid as refusal:
        raise refusal.under("tariffs", str(position)) from None


def _notes(
    session: ChargingSession, doubts: tuple[Doubt, ...], tariff: Tariff, zone_name: str | None
) -> list[str]:
    notes = [f"The CDR is doubtful: {_DOUBTS[doubt]} ({doubt.value})." for doubt in doubts]
    if session.credit_of is not None:
        notes.append(f"This CDR takes back {session.credit_of}: what it takes back is priced.")
    if zone_name is None and rules_of(tariff).minutes:
        notes.append("Prices go by the clock, which is taken to show UTC: --zone names another.")
    if tariff.starts_at is not None and session.started_at < tariff.starts_at:
        notes.append("The session began before the tariff was in force.")
    if tariff.ends_at is not None and session.started_at > tariff.ends_at:
        notes.append("The session began after the tariff was in force.")
    try:
        require_complete(tariff)
    except TariffHole as hole:
        notes.append(f"The tariff leaves something without a price: {hole.message}")
    except TariffInvalid as refusal:
        notes.append(f"At {'.'.join(refusal.path)}: {refusal.message}")
    return notes


def _stated(document: dict[str, Any]) -> dict[str, str]:
    """What the platform itself says it costs."""
    total = document["total_cost"]
    names = {"before_tax": "excl_vat", "after_tax": "incl_vat"}
    return {name: f"{total[ours]:f}" for name, ours in names.items() if total.get(ours) is not None}


def _as_json(found: Priced) -> dict[str, object]:
    charge, scale = found.charge, currency_scale(found.charge.currency)
    return {
        "cdr": found.session.id,
        "tariff": found.tariff.id,
        "currency": charge.currency,
        "zone": found.zone.key,
        "lines": [_line(line, scale) for line in charge.lines],
        "before_tax": _exact(charge.before_tax),
        "after_tax": _exact(charge.after_tax),
        "amount": amount_text(charge.amount_minor, scale),
        "tax": _exact(charge.tax),
        "total": _total(charge, scale),
        "stated": found.stated,
        "notes": found.notes,
    }


def _line(line: ChargeLine, scale: int) -> dict[str, object]:
    return {
        "kind": line.kind,
        "element": line.element,
        "description": line.description,
        "quantity": _exact(line.quantity),
        "unit": line.unit,
        "unit_price": _exact(line.unit_price),
        "amount": amount_text(line.amount_minor, scale),
        "taxes": [{"name": tax.name, "percent": f"{tax.percent:f}"} for tax in line.taxes],
        "tax": _exact(line.tax),
    }


def _exact(value: Fraction) -> str:
    """A number with all its decimals, or, where they never end, with six, half up."""
    decimals, rest = 0, value.denominator
    for factor in (10, 5, 2):
        while rest % factor == 0:
            rest, decimals = rest // factor, decimals + 1
    decimals = decimals if rest == 1 else _SHOWN_DECIMALS
    return f"{from_scale(round_half_up(value * 10**decimals), decimals):f}"


def _total(charge: Charge, scale: int) -> str:
    gross = Fraction(charge.amount_minor) + charge.tax * 10**scale
    return f"{from_scale(round_half_up(gross), scale):f}"


def _show(found: Priced) -> None:
    charge, scale = found.charge, currency_scale(found.charge.currency)
    rows = [
        (
            line.element, line.description, ", ".join(f"{tax.name} {tax.percent:f} %"
                                                      for tax in line.taxes),
            f"{_exact(line.quantity)} {line.unit}", _exact(line.unit_price),
            amount_text(line.amount_minor, scale), _exact(line.tax),
        )
        for line in charge.lines
    ]  # fmt: skip
    columns = ("element", "what", "taxes", "quantity", "price", "amount", "tax")
    title = f"CDR {found.session.id} by tariff {found.tariff.id}, {charge.currency}"
    print_table(title, columns, rows, right=4)
    typer.echo(
        f"Before taxes {_exact(charge.before_tax)}, after taxes {_exact(charge.after_tax)}"
        f" {charge.currency}; charged {_total(charge, scale)}."
    )
