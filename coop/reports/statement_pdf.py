"""How a member statement is drawn.

Page 1 is understood in two seconds: what you owe or are owed, and by when, is the largest thing on
it; then four tiles, the energy of twelve months, and the period in two sentences. The following
pages hold what stands behind it: every entry, energy by hub, equity, what is held for the member,
proof, and how to dispute.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import orjson

from coop.reports import letter, theme
from coop.reports.archive import Attached, archived, attachment, imprint_of
from coop.reports.blocks import (
    Column,
    Row,
    heading,
    linked,
    paragraph,
    table,
)
from coop.reports.errors import TwinMalformed
from coop.reports.localised import Localised, localised
from coop.reports.statement import MemberStatement, Move
from coop.reports.statement_front import first_page, period_of
from coop.reports.tagged import Sheet
from coop.reports.twin import to_json_twin, twin_bytes

TWIN_NAME = "statement.json"
# Counted up whenever the same figures are drawn otherwise; a test keeps the two together.
LAYOUT = "coop statement layout 1"
VERIFY_COMMAND = "coop verify --document FILE.pdf"
HUB_MOST = 90.0  # width of the column of hubs, at most
NARROW = 300.0  # width of a table with two or three short columns
_ADDRESS = re.compile(r"https://[!-~]+|[!-~]+@[!-~]+", re.ASCII)


def draw_statement(statement: MemberStatement, locale: str = "en") -> bytes:
    """The statement as tagged PDF/A-3a with its JSON twin inside: same input, same bytes.

    Refuses LANGUAGE_UNAVAILABLE for a locale whose language documents are not written in.
    """
    writing = localised(locale, statement.cooperative.currency)
    sheet = Sheet()
    first_page(sheet, statement, writing)
    sheet.new_page()
    _entries(sheet, statement, writing)
    _hubs(sheet, statement, writing)
    _equity(sheet, statement, writing)
    _held(sheet, statement, writing)
    _proof(sheet, statement, writing)
    _dispute(sheet, statement, writing)
    drawn = sheet.finished(partial(_furniture, statement, writing))
    imprint = imprint_of(
        title=f"{writing.words['title']} {statement.number}, {statement.cooperative.name}",
        author=statement.cooperative.name,
        subject=period_of(statement, writing),
        language=writing.language_tag,
        issued_at=statement.issued_at,
        layout=LAYOUT,
    )
    return archived(drawn, imprint, Attached(TWIN_NAME, twin_bytes(to_json_twin(statement))))


def read_twin(pdf: bytes) -> dict[str, Any]:
    """The figures embedded in a statement. Refuses TWIN_MISSING and TWIN_MALFORMED."""
    try:
        twin = orjson.loads(attachment(pdf, TWIN_NAME))
    except orjson.JSONDecodeError as fault:
        raise TwinMalformed(f"The embedded figures are not JSON: {fault}.") from None
    if not isinstance(twin, dict):
        raise TwinMalformed("The embedded figures are not an object.")
    return twin


# What stands behind it


def _entries(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    words = writing.words
    sheet.y += 28
    heading(sheet, words["entries"])
    columns: tuple[Column, ...] = (
        Column(words["date"]),
        Column(words["what"], share=1.0),
        Column(words["account"]),
        Column(words["hub"], most=HUB_MOST),
        Column("kWh", "right"),
        Column(words["charge"], "right"),
        Column(words["payment"], "right"),
        Column(words["due"], "right"),
        Column(words["seal"], "right"),
    )
    first, last = writing.day(statement.period_from), writing.day(statement.last_day)
    before, after = writing.amount(statement.opening_minor), writing.amount(statement.closing_minor)
    rows = [Row((first, words["opening"], "", "", "", "", "", before, ""), strong=True)]
    rows += [Row(move_cells(move, writing)) for move in statement.moves]
    energy = writing.kwh(statement.energy_wh)
    charges, payments = (
        writing.amount(statement.charges_minor),
        writing.amount(statement.payments_minor),
    )
    rows.append(
        Row((last, words["closing"], "", "", energy, charges, payments, after, ""), strong=True)
    )
    accounts = sorted({(entry.account_code, entry.account_name) for entry in statement.entries})
    if len(accounts) == 1:  # the note beneath names it; the column would say the same all along
        columns = (*columns[:2], *columns[3:])
        rows = [Row((*row.cells[:2], *row.cells[3:]), row.strong) for row in rows]
    table(sheet, columns, rows)
    sheet.y -= 4
    if not accounts:
        paragraph(sheet, words["no_entries"], theme.NOTE)
        return
    named = "; ".join(f"{code} {name}" for code, name in accounts)
    text = words["amounts_in"].format(currency=writing.currency_name(), accounts=named)
    below = any(entry.due_minor < 0 for entry in statement.entries)
    paragraph(sheet, f"{text} {words['sum_note']}" if below else text, theme.NOTE)


def move_cells(move: Move, writing: Localised) -> tuple[str, ...]:
    """What the table of entries shows of one journal entry."""
    entry, net_minor = move.lines[0], move.net_minor
    place = entry.inclusion
    return (
        writing.day(entry.effective_on),
        entry.memo,
        move.account_codes,
        entry.hub or "",
        "" if entry.energy_wh is None else writing.kwh(entry.energy_wh),
        writing.amount(net_minor) if net_minor > 0 else "",
        writing.amount(-net_minor) if net_minor < 0 else "",
        writing.amount(move.lines[-1].due_minor),
        f"{place.seal}·{place.position}" if place else "–",
    )


def _hubs(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    if not statement.hubs:
        return
    words = writing.words
    heading(sheet, words["by_hub"], room=30 + 18 * min(6, len(statement.hubs)))
    columns = (
        Column(words["hub"], share=1.0, heads=True),
        Column(words["sessions"], "right"),
        Column("kWh", "right"),
    )
    rows = [
        Row((use.hub, writing.count(use.sessions), writing.kwh(use.energy_wh)))
        for use in statement.hubs
    ]
    total = (words["total"], writing.count(statement.sessions), writing.kwh(statement.energy_wh))
    table(sheet, columns, [*rows, Row(total, strong=True)], width=NARROW)


def _equity(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    words = writing.words
    heading(sheet, words["equity"], room=30 + 18 * min(6, len(statement.equity)))
    if not statement.equity:
        paragraph(sheet, words["no_equity"], theme.BODY)
        return
    columns = (
        Column(words["equity_class"], share=1.0, heads=True),
        Column(words["account"], share=2.0),
        Column(words["vintage"], "right"),
        Column(words["amount"], "right"),
    )
    rows = [
        Row((
            words[f"class_{line.equity_class}"],
            f"{line.account_code} {line.account_name}",
            str(line.vintage) if line.vintage else "",
            writing.amount(line.amount_minor),
        ))
        for line in statement.equity
    ]  # fmt: skip
    total = (words["total"], "", "", writing.money(statement.equity_minor))
    table(sheet, columns, [*rows, Row(total, strong=True)])


def _held(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    if not (statement.deposits_minor or statement.make_up_wh):
        return
    words = writing.words
    heading(sheet, words["held"])
    columns = (Column("", share=1.0, heads=True), Column("", "right"))
    rows = [
        Row((words["deposits"], writing.money(statement.deposits_minor))),
        Row((words["make_up"], f"{writing.kwh(statement.make_up_wh)} kWh")),
    ]
    sheet.y -= 4
    table(sheet, columns, rows, width=NARROW)


def _proof(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    words = writing.words
    heading(sheet, words["proof"], room=150)
    text = words["proof_text"].format(
        sealed=writing.count(statement.sealed_entries), count=writing.count(len(statement.entries))
    )
    paragraph(sheet, text, theme.BODY)
    sheet.y -= 4
    paragraph(sheet, VERIFY_COMMAND, theme.STRONG)
    sheet.y -= 8
    rows = []
    if statement.seals:
        newest = statement.seals[-1]
        rows = [
            Row((words["seal"], str(newest.number))),
            Row((words["seal_size"], writing.count(newest.entry_count))),
            Row((words["seal_root"], newest.root)),
            Row((words["seal_head"], newest.head_hash)),
        ]
    if statement.previous_statement_sha256:
        rows.append(Row((words["previous"], statement.previous_statement_sha256)))
    if not statement.seals:
        paragraph(sheet, words["no_seal"], theme.BODY)
        sheet.y -= 8
    if rows:
        columns = (Column("", share=1.0, heads=True), Column("", share=2.7))
        table(sheet, columns, rows)
    if statement.withheld_entries:
        count = writing.count(statement.withheld_entries)
        sheet.y -= 4
        paragraph(sheet, words["withheld"].format(count=count), theme.NOTE)


def _dispute(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    words = writing.words
    heading(sheet, words["dispute"], room=60)
    sentences = [words["dispute_text"].format(number=statement.number)]
    if statement.dispute_by:
        sentences.append(words["dispute_by"].format(day=writing.long_day(statement.dispute_by)))
    paragraph(sheet, " ".join(sentences), theme.BODY)
    sheet.y -= 4
    contact = statement.cooperative.contact
    if _ADDRESS.fullmatch(contact):
        linked(sheet, contact, theme.Style(theme.SEMIBOLD, 9.2, 13.2, theme.ACCENT))
    elif contact:
        paragraph(sheet, contact, theme.STRONG)


def _furniture(
    statement: MemberStatement, writing: Localised, sheet: Sheet, page: int, pages: int
) -> None:
    """Header and footer of each page."""
    words = writing.words
    letter.furniture(
        sheet,
        page,
        head=(statement.cooperative.name, period_of(statement, writing)),
        foot=f"{words['title']} {statement.number} · {words['member']} {statement.member.number}",
        numbered=words["page"].format(page=page, pages=pages),
    )
