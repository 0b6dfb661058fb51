"""Page 1 of a member statement, understood in two seconds.

What you owe or are owed, and by when, is the largest thing on it; then four tiles, the energy of
twelve months with its figures, and the period in two sentences.
"""

from __future__ import annotations

from coop.reports import theme
from coop.reports.blocks import (
    COLUMN_HEAD,
    ROW_HEAD,
    actual_text,
    bar_chart,
    figures_under,
    heading,
    paragraph,
)
from coop.reports.localised import Localised
from coop.reports.statement import MemberStatement
from coop.reports.tagged import Sheet


def period_of(statement: MemberStatement, writing: Localised) -> str:
    """The period as its first and last day."""
    return f"{writing.day(statement.period_from)} – {writing.day(statement.last_day)}"


def first_page(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    """Draw page 1 on an empty sheet."""
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
        for line in theme.wrapped(issuer.name, theme.LETTERHEAD, room, most=2):
            sheet.text(theme.LEFT, y, line, theme.LETTERHEAD)
            y -= theme.LETTERHEAD.leading
    if issuer.address:
        address = " · ".join(issuer.address)
        with sheet.content("P", actual_text(address)):
            shown = theme.wrapped(address, theme.NOTE, theme.WIDTH, most=1)[0]
            sheet.text(theme.LEFT, y + 2, shown, theme.NOTE)


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
    replaced = [(words["supersedes"], statement.supersedes)] if statement.supersedes else []
    facts = (
        (words["number"], statement.number),
        *replaced,
        (words["member"], statement.member.number),
        (words["period"], period_of(statement, writing)),
        (words["issued"], writing.day(statement.issued_on)),
    )
    with sheet.tagged("Table") as tag:
        for label, value in facts:
            row = sheet.child(tag, "TR")
            sheet.begin(sheet.child(row, "TH", ROW_HEAD))
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
            ([label for label, _ in tiles], "TH", 30.0, theme.LABEL),
            ([value for _, value in tiles], "TD", 51.0, theme.Style(theme.SEMIBOLD, size, 18)),
        ):
            row = sheet.child(tag, "TR")
            for index, text in enumerate(texts):
                sheet.begin(sheet.child(row, role, COLUMN_HEAD if role == "TH" else ""))
                sheet.text(theme.LEFT + slot * index, sheet.y - drop, text, style)
                sheet.end()
    sheet.y -= 60


def _months(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    if not statement.months:
        return
    words = writing.words
    heading(sheet, words["months"])
    sheet.y -= 8
    values = [month.energy_wh for month in statement.months]
    last = len(values) - 1
    bar_chart(sheet, values, 140, words["months_alt"], last)
    titles = [writing.month(month.first_day) for month in statement.months]
    figures_under(sheet, titles, [writing.kwh(value) for value in values], last)


def _in_short(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    words = writing.words
    used = (
        "used_none"
        if not statement.sessions
        else "used_one"
        if statement.sessions == 1
        else "used_many"
    )
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
