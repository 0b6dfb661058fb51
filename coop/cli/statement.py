"""`coop statement`: a member's statement, or everybody's, as PDF with its figures inside."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from coop.cli.running import House, run
from coop.cli.showing import (
    AsJson,
    CooperativeSlug,
    amount_text,
    day_of,
    month_of_text,
    print_json,
    progress,
)
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId, MemberId, uuid7
from coop.kernel.money import currency_scale
from coop.members import queries as member_queries
from coop.members.domain.people import Member
from coop.members.domain.policy import absent
from coop.reports.batch import write_whole
from coop.reports.run import Progress, issue_statements
from coop.reports.service import Issued, issue_statement
from coop.reports.store import document_bytes, open_store

_MOST = 100_000


@dataclass(slots=True)
class _Asked:
    """What the options ask for."""

    number: str | None
    from_on: date
    to_on: date
    locale: str
    folder: Path
    found: list[tuple[Member, Issued, Path]] = field(default_factory=list)


def statement(
    member: Annotated[str | None, typer.Option(help="Number of the member.")] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="Every member that was one in the period.")
    ] = False,
    month: Annotated[str | None, typer.Option(metavar="MONTH", help="2025-06.")] = None,
    from_on: Annotated[str | None, typer.Option("--from", metavar="DAY", help="First day.")] = None,
    to_on: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="First day after the period.")
    ] = None,
    locale: Annotated[str, typer.Option(help="Language and region: en, de, nb, …")] = "en",
    out: Annotated[
        Path, typer.Option("--out", "-o", file_okay=False, help="Folder the PDFs go to.")
    ] = Path(),
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Issue a statement of one period: PDF/A-3 with its figures and proofs inside.

    The same figures again are the same statement, byte for byte. Check one with
    `coop verify --document FILE.pdf`.

    Examples:

        coop statement --member 0007 --month 2025-06

        coop statement --all --from 2025-01-01 --to 2026-01-01 --locale de --out statements
    """

    async def work(house: House) -> _Asked:
        if (member is None) is not everybody:
            raise InvalidValue("Say either --member NUMBER or --all.", ("member",))
        asked = _Asked(member, *_period(month, from_on, to_on), locale, out)
        out.mkdir(parents=True, exist_ok=True)
        await _issue(house, slug, asked)
        return asked

    asked = run(work, as_json=as_json)
    if as_json:
        print_json({"statements": [_json(*one) for one in asked.found]})
        return
    for one, _, path in asked.found:
        typer.echo(f"{one.number} {one.name}: {path}")


def _period(month: str | None, from_on: str | None, to_on: str | None) -> tuple[date, date]:
    if month is not None and from_on is None and to_on is None:
        first = month_of_text(month, "month")
        return first, (first + timedelta(days=31)).replace(day=1)
    first_day, end = day_of(from_on, "from"), day_of(to_on, "to")
    if month is not None or first_day is None or end is None:
        raise InvalidValue("Say either --month, or --from and --to.", ("month",))
    return first_day, end


async def _issue(house: House, slug: str | None, asked: _Asked) -> None:
    cooperative = await house.cooperative(slug)
    id_ = CooperativeId(cooperative.id)
    store = open_store(house.settings.data_dir, house.settings.documents_url)
    people = await _members(house, id_, asked)
    issued: list[Issued] = []
    if asked.number is not None:
        issued.append(
            await issue_statement(
                house.database, store, house.viewer, id_, MemberId(people[0].id), asked.from_on,
                asked.to_on, locale=asked.locale, idempotency_key=None,
            )
        )  # fmt: skip
    elif people:
        with progress() as step:

            def note(done: Progress) -> None:
                step("statements", done.done, done.total)
                issued.extend([done.issued] if done.issued else [])

            await issue_statements(
                house.database, store, house.viewer, id_, [MemberId(one.id) for one in people],
                asked.from_on, asked.to_on, locale=asked.locale, idempotency_key=f"run:{uuid7()}",
                on_progress=note,
            )  # fmt: skip
    by_id = {one.id: one for one in people}
    for one in sorted(issued, key=lambda one: by_id[one.statement.member_id].number):
        path = asked.folder / one.document.file_name
        write_whole(path, await document_bytes(store, one.document.stored_as))
        asked.found.append((by_id[one.statement.member_id], one, path))


async def _members(house: House, id_: CooperativeId, asked: _Asked) -> list[Member]:
    async with house.database.snapshot(id_) as connection:
        numbers = None if asked.number is None else [asked.number]
        where = member_queries.MemberWhere(numbers=numbers)
        found = await member_queries.members_page(connection, id_, where=where, limit=_MOST)
    if asked.number is not None:
        if not found:
            raise absent().under("member")
        return found
    return [
        one
        for one in found
        if one.joined_on < asked.to_on and (one.left_on is None or one.left_on > asked.from_on)
    ]


def _json(member: Member, issued: Issued, path: Path) -> dict[str, object]:
    said = issued.statement
    scale = currency_scale(said.currency)
    return {
        "member": member.number, "name": member.name, "number": said.number,
        "from": said.from_on, "to": said.to_on, "currency": said.currency,
        "opening": amount_text(said.opening_minor, scale),
        "closing": amount_text(said.closing_minor, scale), "entries": said.entry_count,
        "seal": said.seal_number, "file": path, "bytes": issued.document.size_bytes,
        "sha256": issued.document.sha256.hex(),
    }  # fmt: skip
