"""Page 1 of a member statement, understood in two seconds.

What you owe or are owed, and by when, is the largest thing on it; then four tiles, the energy of
twelve months with its figures, and the period in two sentences.
"""

from __future__ import annotations

from coop.reports import letter, theme
from coop.reports.blocks import (
    COLUMN_HEAD,
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
    letter.addressee(sheet, (statement.member.name, *statement.member.address))
    _facts(sheet, statement, writing)
    _result(sheet, statement, writing)
    _tiles(sheet, statement, writing)
    _months(sheet, statement, writing)
    _in_short(sheet, statement, writing)


def _letterhead(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    issuer = statement.cooperative
    notes = (" · ".join(issuer.address),) if issuer.address else ()
    letter.letterhead(sheet, issuer.name, writing.words["title"], notes)


def _facts(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    words = writing.words
    replaced = [(words["supersedes"], statement.supersedes)] if statement.supersedes else []
    facts = (
        (words["number"], statement.number),
        *replaced,
        (words["member"], statement.member.number),
        (words["period"], period_of(statement, writing)),
        (words["issued"], writing.day(statement.issued_on)),
    )
    letter.facts(sheet, facts)


def _result(sheet: Sheet, statement: MemberStatement, writing: Localised) -> None:
    """The largest thing on the page."""
    words, closing = writing.words, statement.closing_minor
    label = words["you_owe" if closing > 0 else "we_owe" if closing < 0 else "settled"]
    note = words["credit_note"] if closing < 0 else ""
    if closing > 0 and statement.due_on:
        note = words["pay_by"].format(day=writing.long_day(statement.due_on))
    beside = statement.collection if closing > 0 else ""
    letter.result(sheet, label, writing.money(abs(closing)), note, beside)


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
