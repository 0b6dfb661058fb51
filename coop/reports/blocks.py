"""What documents are built of: headings, paragraphs, and tables that run over pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from coop.reports import theme
from coop.reports.tagged import Align, Sheet, Tag, pdf_text
from coop.reports.theme import Style

COLUMN_HEAD = "/A<</O/Table/Scope/Column>>"
ROW_HEAD = "/A<</O/Table/Scope/Row>>"
GAP = 9.0  # between two columns
PADDING = 3.6  # above and below the text of a row
CAP = 0.727  # height of a capital letter, of the size


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    `share` > 0 lets it take its part of the room that is left, and wrap its text; the others are as
    wide as their widest figure. `heads` makes its cells the heads of their rows.
    """

    title: str
    align: Align = "left"
    share: float = 0.0
    heads: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row: one text per column. A `strong` row (a total) is set off and set in semibold."""

    cells: Sequence[str]
    strong: bool = False


@dataclass(frozen=True, slots=True)
class _Placed:
    """A column at its place on the page."""

    column: Column
    left: float
    right: float

    @property
    def anchor(self) -> float:
        return self.right if self.column.align == "right" else self.left

    def lines(self, text: str, style: Style) -> list[str]:
        if self.column.share:
            return theme.wrapped(text, style, self.right - self.left, most=6)
        return [theme.drawable(text)]


def actual_text(text: str) -> str:
    """The attribute that says what was meant where the font could not draw it."""
    return f"/ActualText{pdf_text(text)}" if theme.UNDRAWABLE in theme.drawable(text) else ""


def heading(sheet: Sheet, text: str, room: float = 70.0) -> None:
    """A section heading, kept with at least `room` points of what follows."""
    sheet.y -= 28
    if sheet.need(room + theme.HEADING.leading):
        sheet.y -= theme.HEADING.size * CAP
    sheet.bookmark(text)
    with sheet.content("H2"):
        sheet.text(theme.LEFT, sheet.y, theme.drawable(text), theme.HEADING)
    sheet.y -= 8


def paragraph(
    sheet: Sheet, text: str, style: Style, left: float = theme.LEFT, width: float = theme.WIDTH
) -> None:
    """A paragraph, wrapped, all on one page."""
    lines = theme.wrapped(text, style, width)
    sheet.need(len(lines) * style.leading)
    with sheet.content("P", actual_text(text)):
        for line in lines:
            sheet.y -= style.leading
            sheet.text(left, sheet.y, line, style)


def linked(sheet: Sheet, text: str, style: Style) -> None:
    """A line that opens a letter to the address, or the page, that it shows."""
    shown = theme.wrapped(text, style, theme.WIDTH, most=1)[0]
    sheet.need(style.leading)
    sheet.y -= style.leading
    with sheet.tagged("P"):
        uri = text if text.startswith("https://") else f"mailto:{text}"
        sheet.link(theme.LEFT, sheet.y, shown, style, uri)


def table(
    sheet: Sheet,
    columns: Sequence[Column],
    rows: Sequence[Row],
    width: float = theme.WIDTH,
    together: int = 3,
) -> None:
    """A table over as many pages as it takes: head repeated, the last `together` rows never apart.

    Columns without any title have no head: their first cells are the heads of their rows.
    """
    placed = _placed(columns, rows, width)
    drawn = [(row, _cells(placed, row)) for row in rows]
    heights = [_height(cells) for _, cells in drawn]
    sheet.need(30 + sum(heights[:2]))
    with sheet.tagged("Table") as tag:
        _head(sheet, placed, tag)
        edges: list[float] = []
        for index, (row, cells) in enumerate(drawn):
            tail = sum(heights[index:]) if index == len(drawn) - together else heights[index]
            if sheet.y - tail < theme.BOTTOM:
                _edges(sheet, placed, edges)
                sheet.new_page()
                _head(sheet, placed, None)
            _row(sheet, placed, row, cells, tag)
            edges.append(sheet.y)
        _edges(sheet, placed, edges)


def _edges(sheet: Sheet, placed: list[_Placed], edges: list[float]) -> None:
    sheet.rules(edges, theme.LEFT, placed[-1].right, theme.RULE, 0.4)
    edges.clear()


def _placed(columns: Sequence[Column], rows: Sequence[Row], within: float) -> list[_Placed]:
    """Columns of figures as wide as they need; the others share the rest."""
    widths = []
    for index, column in enumerate(columns):
        widest = _width(column.title, theme.CELL_HEAD)
        if not column.share:
            for row in rows:
                style = theme.CELL_STRONG if row.strong else theme.CELL
                widest = max(widest, _width(row.cells[index], style))
        widths.append(widest)
    shares = sum(column.share for column in columns)
    fixed = sum(width for column, width in zip(columns, widths, strict=True) if not column.share)
    room = within - fixed - GAP * (len(columns) - 1)
    left, placed = theme.LEFT, []
    for column, width in zip(columns, widths, strict=True):
        actual = room * column.share / shares if column.share else width
        placed.append(_Placed(column, left, left + actual))
        left += actual + GAP
    return placed


def _width(text: str, style: Style) -> float:
    return theme.text_width(theme.drawable(text), style.font) * style.size


def _cells(placed: list[_Placed], row: Row) -> list[list[str]]:
    style = theme.CELL_STRONG if row.strong else theme.CELL
    return [place.lines(text, style) for place, text in zip(placed, row.cells, strict=True)]


def _height(cells: list[list[str]]) -> float:
    return max(map(len, cells)) * theme.CELL.leading + 2 * PADDING - 1


def _head(sheet: Sheet, placed: list[_Placed], table_tag: Tag | None) -> None:
    """Column titles: tagged heads where the table begins, an artifact where it goes on."""
    style = theme.CELL_HEAD
    if not any(place.column.title for place in placed):
        return
    baseline = sheet.y - PADDING - style.size
    row = sheet.child(table_tag, "TR") if table_tag else None
    for place in placed:
        if row:
            sheet.begin(sheet.child(row, "TH", COLUMN_HEAD))
        else:
            sheet.code.append("/Artifact BMC")
        title = theme.drawable(place.column.title)
        sheet.text(place.anchor, baseline, title, style, place.column.align)
        sheet.end()
    sheet.y = baseline - PADDING - 1
    sheet.rules([sheet.y], theme.LEFT, placed[-1].right, theme.INK, 0.7)


def _row(
    sheet: Sheet, placed: list[_Placed], row: Row, cells: list[list[str]], table_tag: Tag
) -> None:
    style = theme.CELL_STRONG if row.strong else theme.CELL
    line_tag = sheet.child(table_tag, "TR")
    top = sheet.y
    for place, lines, text in zip(placed, cells, row.cells, strict=True):
        heads = place.column.heads
        tag = sheet.child(line_tag, "TH" if heads else "TD", ROW_HEAD if heads else "")
        if not text:
            continue
        tag.attributes += actual_text(text)
        sheet.begin(tag)
        y = top - PADDING - style.size
        for line in lines:
            sheet.text(place.anchor, y, line, style, place.column.align)
            y -= style.leading
        sheet.end()
    sheet.y = top - _height(cells)


def bar_chart(
    sheet: Sheet, values: Sequence[int], height: float, alt: str, emphasised: int
) -> None:
    """Bars over the whole width, the largest `height` points tall, the `emphasised` one darker.

    The figures belong in a table beneath: the picture has an alternative text and no numbers.
    """
    slot, base = theme.WIDTH / len(values), sheet.y - height
    largest = max(1, *values)
    box = f"[{theme.LEFT:.2f} {base:.2f} {theme.RIGHT:.2f} {sheet.y:.2f}]"
    layout = f"/A<</O/Layout/Placement/Block/BBox{box}>>/Alt{pdf_text(alt)}"
    with sheet.content("Figure", layout):
        for index, value in enumerate(values):
            tall = height * max(0, value) / largest
            colour = theme.ACCENT if index == emphasised else theme.SOFT
            sheet.fill(theme.LEFT + slot * (index + 0.19), base, slot * 0.62, tall, colour)
    sheet.rules([base], theme.LEFT, theme.RIGHT, theme.MUTED, 0.6)
    sheet.y = base


def figures_under(
    sheet: Sheet, titles: Sequence[str], figures: Sequence[str], emphasised: int
) -> None:
    """A table of one row, each figure centred under its bar; set smaller when they would touch."""
    slot = theme.WIDTH / len(titles)
    widest = max(_width(text, replace(theme.CELL, size=1.0)) for text in (*titles, *figures))
    size = min(7.0, (slot - 4) / widest)
    with sheet.tagged("Table") as tag:
        for texts, role in ((titles, "TH"), (figures, "TD")):
            row = sheet.child(tag, "TR")
            sheet.y -= 10.6
            for index, text in enumerate(texts):
                font = theme.SEMIBOLD if index == emphasised else theme.REGULAR
                style = Style(
                    font, round(size, 2), 10.0, theme.MUTED if role == "TH" else theme.INK
                )
                sheet.begin(sheet.child(row, role, COLUMN_HEAD if role == "TH" else ""))
                sheet.text(
                    theme.LEFT + slot * (index + 0.5),
                    sheet.y,
                    theme.drawable(text),
                    style,
                    "center",
                )
                sheet.end()
