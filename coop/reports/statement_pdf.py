"""How a member statement is drawn.

Page 1 is understood in two seconds: what you owe or are owed, and by when, is the largest thing on it; then four
tiles, the energy of twelve months, and the period in two sentences. The following pages hold what stands behind
it: every entry, energy by hub, equity, what is held for the member, proof, and how to dispute.
"""

from __future__ import annotations

from typing import Any

import orjson

from coop.reports import theme
from coop.reports.archive import archived, attachment, imprint_of
from coop.reports.blocks import (
    COLUMN_HEAD,
    Column,
    Row,
    actual_text,
    bar_chart,
    figures_under,
    heading,
    paragraph,
    table,
)
from coop.reports.errors import TwinMalformed
from coop.reports.localised import Localised, localised
from coop.reports.statement import MemberStatement, StatementEntry
from coop.reports.tagged import Sheet
from coop.reports.twin import to_json_twin, twin_bytes

TWIN_NAME = "statement.json"
VERIFY_COMMAND = "coop verify --document FILE.pdf"


def draw_statement(statement: MemberStatement, locale: str = "en") -> bytes:
    """The statement as tagged PDF/A-3a with its JSON twin inside; the same bytes for the same input.

    Refuses LANGUAGE_UNAVAILABLE for a locale whose language documents are not written in.
    """
    writing = localised(locale, statement.cooperative.currency)
    sheet = Sheet()
    _first_page(sheet, statement, writing)
    sheet.new_page()
    _entries(sheet, statement, writing)
    _hubs(sheet, statement, writing)
    _equity(sheet, statement, writing)
    _held(sheet, statement, writing)
    _proof(sheet, statement, writing)
    _dispute(sheet, statement, writing)
    drawn = sheet.finished(lambda page, number, of: _furniture(page, number, of, statement, writing))
    imprint = imprint_of(
        title=f"{writing.words['title']} {statement.number}, {statement.cooperative.name}",
        author=statement.cooperative.name,
        subject=_period(statement, writing),
        language=writing.language_tag,
        issued_at=statement.issued_at,
    )
    return archived(drawn, imprint, TWIN_NAME, twin_bytes(to_json_twin(statement)))


def read_twin(pdf: bytes) -> dict[str, Any]:
    """The figures embedded in a statement. Refuses TWIN_MISSING and TWIN_MALFORMED."""
    try:
        twin = orjson.loads(attachment(pdf, TWIN_NAME))
    except orjson.JSONDecodeError as fault:
        raise TwinMalformed(f"The embedded figures are not JSON: {fault}.") from None
    if not isinstance(twin, dict):
        raise TwinMalformed("The embedded figures are not an object.")
    return twin


def _period(statement: MemberStatement, writing: Localised) -> str:
    return f"{writing.day(statement.period_from)} – {writing.day(statement.last_day)}"


# Page 1


def _first_page(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    _letterhead(sheet, statement, writing)
    _addressee(sheet, statement)
    _facts(sheet, statement, writing)
    _result(sheet, statement, writing)
    _tiles(sheet, statement, writing)
    _months(sheet, statement, writing)
    _in_short(sheet, statement, writing)


def _letterhead(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    issuer, y = statement.cooperative, theme.PAGE_HEIGHT - 56
    title = writing.words["title"]
    with sheet.content("H1"):
        sheet.text(theme.RIGHT, y, title, theme.TITLE, "right")
    room = theme.WIDTH - theme.text_width(title, theme.TITLE.font) * theme.TITLE.size - 20
    with sheet.content("P", actual_text(issuer.name)):
        name = theme.wrapped(issuer.name, theme.LETTERHEAD, room, most=1)[0]
        sheet.text(theme.LEFT, y, name, theme.LETTERHEAD)
    if issuer.address:
        address = " · ".join(issuer.address)
        with sheet.content("P", actual_text(address)):
            shown = theme.wrapped(address, theme.NOTE, theme.WIDTH, most=1)[0]
            sheet.text(theme.LEFT, y - 14, shown, theme.NOTE)


def _addressee(sheet: Sheet, statement: MemberStatement) -> None:
    """Where the window of an envelope is: 50 mm from the top, 20 mm from the left."""
    lines: list[str] = []
    for text in (statement.member.name, *statement.member.address):
        lines += theme.wrapped(text, theme.BODY, 235, most=2)
    whole = "\n".join((statement.member.name, *statement.member.address))
    y = theme.PAGE_HEIGHT - 146
    with sheet.content("P", actual_text(whole)):
        for line in lines[:6]:
            sheet.text(theme.LEFT, y, line, theme.BODY)
            y -= theme.BODY.leading


def _facts(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    words, y, left = writing.words, theme.PAGE_HEIGHT - 146, theme.LEFT + 290
    facts = (
        (words["number"], statement.number),
        (words["member"], statement.member.number),
        (words["period"], _period(statement, writing)),
        (words["issued"], writing.day(statement.issued_on)),
    )
    with sheet.tagged("Table") as tag:
        for label, value in facts:
            row = sheet.child(tag, "TR")
            sheet.begin(sheet.child(row, "TH", "/A<</O/Table/Scope/Row>>"))
            sheet.text(left, y, label, theme.LABEL)
            sheet.end()
            sheet.begin(sheet.child(row, "TD", actual_text(value)))
            shown = theme.wrapped(value, theme.LABEL, theme.RIGHT - left - 62, most=1)[0]
            sheet.text(left + 62, y, shown, theme.Style(theme.REGULAR, 8.2, 11.5))
            sheet.end()
            y -= 13.2


def _result(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    """The largest thing on the page."""
    words, top, height = writing.words, theme.PAGE_HEIGHT - 226, 104.0
    closing = statement.closing_minor
    label = words["you_owe" if closing > 0 else "we_owe" if closing < 0 else "settled"]
    with sheet.artifact():
        sheet.fill(theme.LEFT, top - height, theme.WIDTH, height, theme.TINT)
        sheet.fill(theme.LEFT, top - height, 3, height, theme.ACCENT)
    left = theme.LEFT + 20
    with sheet.content("P"):
        sheet.text(left, top - 26, label, theme.Style(theme.SEMIBOLD, 11, 14))
    amount = writing.money(abs(closing))
    wide = theme.text_width(amount, theme.RESULT.font)
    size = min(theme.RESULT.size, (theme.WIDTH - 40) / wide)
    with sheet.content("P"):
        sheet.text(left, top - 64, amount, theme.Style(theme.SEMIBOLD, round(size, 1), 40))
    note = words["credit_note"] if closing < 0 else ""
    if closing > 0 and statement.due_on:
        note = words["pay_by"].format(day=writing.long_day(statement.due_on))
    _result_notes(sheet, left, top - 86, note, statement.collection if closing > 0 else "")
    sheet.y = top - height


def _result_notes(sheet: Sheet, left: float, y: float, note: str, collection: str) -> None:
    if note:
        style = theme.Style(theme.SEMIBOLD, 11, 14)
        with sheet.content("P"):
            sheet.text(left, y, note, style)
        left += theme.text_width(note, style.font) * style.size + 14
    if collection:
        with sheet.content("P", actual_text(collection)):
            shown = theme.wrapped(collection, theme.NOTE, theme.RIGHT - left - 12, most=1)[0]
            sheet.text(left, y, shown, theme.NOTE)


def _tiles(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    words = writing.words
    tiles = (
        (words["energy"], f"{writing.kwh(statement.energy_wh)} kWh"),
        (words["charges"], writing.money(statement.charges_minor)),
        (words["payments"], writing.money(statement.payments_minor)),
        (words["equity"], writing.money(statement.equity_minor)),
    )
    slot = theme.WIDTH / len(tiles)
    widest = max(theme.text_width(value, theme.TILE.font) for _, value in tiles)
    size = round(min(theme.TILE.size, (slot - 14) / widest), 1)
    with sheet.tagged("Table") as tag:
        for texts, role, drop, style in (
            ([label for label, _ in tiles], "TH", 24.0, theme.LABEL),
            ([value for _, value in tiles], "TD", 43.0, theme.Style(theme.SEMIBOLD, size, 18)),
        ):
            row = sheet.child(tag, "TR")
            for index, text in enumerate(texts):
                sheet.begin(sheet.child(row, role, COLUMN_HEAD if role == "TH" else ""))
                sheet.text(theme.LEFT + slot * index, sheet.y - drop, text, style)
                sheet.end()
    sheet.y -= 50


def _months(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    if not statement.months:
        return
    words = writing.words
    heading(sheet, words["months"])
    sheet.y -= 8
    values = [month.energy_wh for month in statement.months]
    last = len(values) - 1
    bar_chart(sheet, values, 104, words["months_alt"], last)
    titles = [writing.month(month.first_day) for month in statement.months]
    figures_under(sheet, titles, [writing.kwh(value) for value in values], last)


def _in_short(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    words = writing.words
    used = "used_none" if not statement.sessions else "used_one" if statement.sessions == 1 else "used_many"
    heading(sheet, words["short"])
    text = words[used].format(
        first=writing.long_day(statement.period_from),
        last=writing.long_day(statement.last_day),
        kwh=writing.kwh(statement.energy_wh),
        sessions=writing.count(statement.sessions),
    )
    paragraph(sheet, text, theme.BODY)
    text = words["sum"].format(
        opening=writing.money(statement.opening_minor),
        charges=writing.money(statement.charges_minor),
        payments=writing.money(statement.payments_minor),
        closing=writing.money(statement.closing_minor),
    )
    below = statement.opening_minor < 0 or statement.closing_minor < 0
    paragraph(sheet, f"{text} {words['sum_note']}" if below else text, theme.BODY)


# What stands behind it


def _entries(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    words = writing.words
    sheet.y += 22
    heading(sheet, words["entries"])
    columns = (
        Column(words["date"]),
        Column(words["what"], share=1.7),
        Column(words["account"]),
        Column(words["hub"], share=1.0),
        Column("kWh", "right"),
        Column(words["charge"], "right"),
        Column(words["payment"], "right"),
        Column(words["due"], "right"),
        Column(words["seal"], "right"),
    )
    first, last = writing.day(statement.period_from), writing.day(statement.last_day)
    before, after = writing.amount(statement.opening_minor), writing.amount(statement.closing_minor)
    rows = [Row((first, words["opening"], "", "", "", "", "", before, ""), strong=True)]
    rows += [_entry_row(entry, writing) for entry in statement.entries]
    energy = writing.kwh(statement.energy_wh)
    charges, payments = writing.amount(statement.charges_minor), writing.amount(statement.payments_minor)
    rows.append(Row((last, words["closing"], "", "", energy, charges, payments, after, ""), strong=True))
    table(sheet, columns, rows)
    sheet.y -= 4
    accounts = sorted({(entry.account_code, entry.account_name) for entry in statement.entries})
    if not accounts:
        paragraph(sheet, words["no_entries"], theme.NOTE)
        return
    named = "; ".join(f"{code} {name}" for code, name in accounts)
    text = words["amounts_in"].format(currency=writing.currency_name(), accounts=named)
    paragraph(sheet, text, theme.NOTE)


def _entry_row(entry: StatementEntry, writing: Localised) -> Row:
    place = entry.inclusion
    return Row((
        writing.day(entry.effective_on),
        entry.memo,
        entry.account_code,
        entry.hub or "",
        "" if entry.energy_wh is None else writing.kwh(entry.energy_wh),
        writing.amount(entry.debit_minor) if entry.debit_minor else "",
        writing.amount(entry.credit_minor) if entry.credit_minor else "",
        writing.amount(entry.due_minor),
        f"{place.seal}·{place.position}" if place else "–",
    ))  # fmt: skip


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
        Row((use.hub, writing.count(use.sessions), writing.kwh(use.energy_wh))) for use in statement.hubs
    ]
    total = (words["total"], writing.count(statement.sessions), writing.kwh(statement.energy_wh))
    table(sheet, columns, [*rows, Row(total, strong=True)])


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
            line.equity_class,
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
    columns = (Column(words["what"], share=1.0, heads=True), Column(words["amount"], "right"))
    rows = [
        Row((words["deposits"], writing.money(statement.deposits_minor))),
        Row((words["make_up"], f"{writing.kwh(statement.make_up_wh)} kWh")),
    ]
    table(sheet, columns, rows)


def _proof(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    words = writing.words
    heading(sheet, words["proof"], room=150)
    text = words["proof_text"].format(
        sealed=writing.count(statement.sealed_entries), count=writing.count(len(statement.entries))
    )
    paragraph(sheet, text, theme.BODY)
    paragraph(sheet, VERIFY_COMMAND, theme.STRONG)
    sheet.y -= 6
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
    if rows:
        columns = (Column(words["what"], share=1.0, heads=True), Column(words["value"], share=2.3))
        table(sheet, columns, rows)


def _dispute(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    words = writing.words
    heading(sheet, words["dispute"], room=60)
    sentences = [words["dispute_text"].format(number=statement.number)]
    if statement.cooperative.contact:
        sentences.append(words["dispute_contact"].format(contact=statement.cooperative.contact))
    if statement.dispute_by:
        sentences.append(words["dispute_by"].format(day=writing.long_day(statement.dispute_by)))
    paragraph(sheet, " ".join(sentences), theme.BODY)


def _furniture(
    sheet: Sheet, page: int, pages: int, statement: MemberStatement, writing: Localised
) -> None:
    """Header (from page 2) and footer: artifacts, since they say nothing the pages do not."""
    words = writing.words
    if page > 1:
        with sheet.artifact("/Type/Pagination/Subtype/Header"):
            y = theme.PAGE_HEIGHT - 38
            sheet.text(theme.LEFT, y, theme.drawable(statement.cooperative.name), theme.NOTE)
            sheet.text(theme.RIGHT, y, _period(statement, writing), theme.NOTE, "right")
    with sheet.artifact("/Type/Pagination/Subtype/Footer"):
        text = f"{words['title']} {statement.number} · {words['member']} {statement.member.number}"
        sheet.text(theme.LEFT, 34, theme.drawable(text), theme.NOTE)
        text = words["page"].format(page=page, pages=pages)
        sheet.text(theme.RIGHT, 34, text, theme.NOTE, "right")
