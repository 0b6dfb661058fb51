"""The parts that every letter to a member has: head, address, facts, the one figure, furniture."""

from __future__ import annotations

from collections.abc import Sequence

from coop.reports import theme
from coop.reports.blocks import ROW_HEAD, actual_text
from coop.reports.tagged import Sheet

FACTS_LEFT = theme.LEFT + 290
BOX_TOP, BOX_HEIGHT = theme.PAGE_HEIGHT - 226, 104.0


def letterhead(sheet: Sheet, name: str, title: str, notes: Sequence[str]) -> None:
    """Whose letter it is, what it is, and beneath the name small lines of notes."""
    y = theme.PAGE_HEIGHT - 56
    with sheet.content("H1"):
        sheet.text(theme.RIGHT, y, title, theme.TITLE, "right")
    room = theme.WIDTH - theme.text_width(title, theme.TITLE.font) * theme.TITLE.size - 20
    with sheet.content("P", actual_text(name)):
        for line in theme.wrapped(name, theme.LETTERHEAD, room, most=2):
            sheet.text(theme.LEFT, y, line, theme.LETTERHEAD)
            y -= theme.LETTERHEAD.leading
    for note in notes:
        with sheet.content("P", actual_text(note)):
            shown = theme.wrapped(note, theme.NOTE, theme.WIDTH, most=1)[0]
            sheet.text(theme.LEFT, y + 2, shown, theme.NOTE)
        y -= theme.NOTE.leading


def addressee(sheet: Sheet, address: Sequence[str], most: int = 2) -> None:
    """Where the window of an envelope is: 50 mm from the top, 20 mm from the left.

    Each part takes at most `most` lines; more than six lines are set in smaller type.
    """
    style, room = theme.BODY, 6
    lines = [line for text in address for line in theme.wrapped(text, style, 235, most)]
    if most > 2 and len(lines) > room:  # noqa: PLR2004 - statements keep their old drawing
        style, room = theme.Style(theme.REGULAR, 7.8, 10.6), 8
        lines = [line for text in address for line in theme.wrapped(text, style, 235, most)]
    y = theme.PAGE_HEIGHT - 146
    with sheet.content("P", actual_text("\n".join(address))):
        for line in lines[:room]:
            sheet.text(theme.LEFT, y, line, style)
            y -= style.leading


def facts(sheet: Sheet, pairs: Sequence[tuple[str, str]], indent: float = 62.0) -> None:
    """What the letter is about, beside the address: a label and a value a line."""
    # More than six begin higher, so that they end above the box.
    y, left = theme.PAGE_HEIGHT - 146 + 13.2 * max(0, len(pairs) - 6), FACTS_LEFT
    with sheet.tagged("Table") as tag:
        for label, value in pairs:
            row = sheet.child(tag, "TR")
            sheet.begin(sheet.child(row, "TH", ROW_HEAD))
            sheet.text(left, y, label, theme.LABEL)
            sheet.end()
            sheet.begin(sheet.child(row, "TD", actual_text(value)))
            shown = theme.wrapped(value, theme.LABEL, theme.RIGHT - left - indent, most=1)[0]
            sheet.text(left + indent, y, shown, theme.Style(theme.REGULAR, 8.2, 11.5))
            sheet.end()
            y -= 13.2


def result(
    sheet: Sheet, label: str, amount: str, note: str, beside: str = "", *, room: float = 0.0
) -> None:
    """The largest thing on the page; `room` points at its right are left free."""
    left = theme.LEFT + 20
    with sheet.artifact():
        sheet.fill(theme.LEFT, BOX_TOP - BOX_HEIGHT, theme.WIDTH, BOX_HEIGHT, theme.TINT)
        sheet.fill(theme.LEFT, BOX_TOP - BOX_HEIGHT, 3, BOX_HEIGHT, theme.ACCENT)
    with sheet.content("P"):
        sheet.text(left, BOX_TOP - 26, label, theme.Style(theme.SEMIBOLD, 11, 14))
    wide = theme.text_width(amount, theme.RESULT.font)
    size = min(theme.RESULT.size, (theme.WIDTH - 40 - room) / wide)
    with sheet.content("P"):
        sheet.text(left, BOX_TOP - 64, amount, theme.Style(theme.SEMIBOLD, round(size, 1), 40))
    _notes(sheet, left, note, beside, room)
    sheet.y = BOX_TOP - BOX_HEIGHT


def _notes(sheet: Sheet, left: float, note: str, beside: str, room: float) -> None:
    y = BOX_TOP - 86
    if note:
        style = theme.Style(theme.SEMIBOLD, 11, 14)
        with sheet.content("P"):
            sheet.text(left, y, note, style)
        left += theme.text_width(note, style.font) * style.size + 14
    if beside:
        with sheet.content("P", actual_text(beside)):
            width = theme.RIGHT - left - 12 - room
            sheet.text(left, y, theme.wrapped(beside, theme.NOTE, width, most=1)[0], theme.NOTE)


def furniture(sheet: Sheet, page: int, *, head: tuple[str, str], foot: str, numbered: str) -> None:
    """Header (from page 2) and footer: artifacts, since they say nothing the pages do not."""
    if page > 1:
        with sheet.artifact("/Type/Pagination/Subtype/Header"):
            y = theme.PAGE_HEIGHT - 38
            name = theme.wrapped(head[0], theme.NOTE, theme.WIDTH - 160, most=1)
            sheet.text(theme.LEFT, y, name[0], theme.NOTE)
            sheet.text(theme.RIGHT, y, head[1], theme.NOTE, "right")
    with sheet.artifact("/Type/Pagination/Subtype/Footer"):
        sheet.text(theme.LEFT, 34, theme.wrapped(foot, theme.NOTE, 380, most=1)[0], theme.NOTE)
        sheet.text(theme.RIGHT, 34, numbered, theme.NOTE, "right")
