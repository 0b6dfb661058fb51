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
    wide as their widest figure, or `most` points with their text wrapped. `heads` makes its cells
    the heads of their rows.
    """

    title: str
    align: Align = "left"
    share: float = 0.0
    heads: bool = False
    most: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """A row: one text per column. A `strong` row (a total) is set off and set in semibold.

    `note` stands in small type under the first column that wraps.
    """

    cells: Sequence[str]
    strong: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """A column at its place on the page."""

    column: Column
    left: float
    right: float

    @property
    def anchor(self) -> float:
        return self.right if self.column.align == "right" else self.left


@dataclass(frozen=True, slots=True)
class _Grid:
    """The columns of one table and the type it is set in."""

    places: tuple[_Place, ...]
    head: Style
    cell: Style
    strong: Style

    def style_of(self, row: Row) -> Style:
        return self.strong if row.strong else self.cell

    def lines(self, row: Row) -> list[list[str]]:
        """The lines of each cell: columns of figures never wrap."""
        style = self.style_of(row)
        return [
            theme.wrapped(text, style, place.right - place.left, most=6)
            if place.column.share or place.column.most
            else [theme.drawable(text)]
            for place, text in zip(self.places, row.cells, strict=True)
        ]

    def notes(self, row: Row) -> list[str]:
        """The lines of the row's note, in the column that wraps."""
        if not row.note:
            return []
        place = next(place for place in self.places if place.column.share)
        return theme.wrapped(row.note, theme.CELL_NOTE, place.right - place.left, most=6)

    def height(self, cells: list[list[str]], row: Row) -> float:
        text = max(map(len, cells)) * self.cell.leading
        if row.note:
            pairs = zip(self.places, cells, strict=True)
            first = next(len(lines) for place, lines in pairs if place.column.share)
            under = len(self.notes(row)) * theme.CELL_NOTE.leading
            text = max(text, first * self.cell.leading + under)
        return text + 2 * PADDING - 1


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
    lines = theme.wrapped(text, style, width, most=40)
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
    left: float = theme.LEFT,
) -> None:
    """A table over as many pages as it takes: head repeated, the last `together` rows never apart.

    Columns without any title have no head: their first cells are the heads of their rows.
    """
    grid = _grid(columns, rows, width, left)
    drawn = [(row, grid.lines(row)) for row in rows]
    heights = [grid.height(cells, row) for row, cells in drawn]
    sheet.need(30 + sum(heights[:2]))
    with sheet.tagged("Table") as tag:
        _head(sheet, grid, tag)
        edges: list[float] = []
        for index, (row, cells) in enumerate(drawn):
            tail = sum(heights[index:]) if index == len(drawn) - together else heights[index]
            if sheet.y - tail < theme.BOTTOM:
                _edges(sheet, grid, edges)
                sheet.new_page()
                _head(sheet, grid, None)
            _row(sheet, grid, row, cells, tag)
            edges.append(sheet.y)
        _edges(sheet, grid, edges)


def _edges(sheet: Sheet, grid: _Grid, edges: list[float]) -> None:
    sheet.rules(edges, grid.places[0].left, grid.places[-1].right, theme.RULE, 0.4)
    edges.clear()


def _grid(columns: Sequence[Column], rows: Sequence[Row], within: float, left: float) -> _Grid:
    """Columns of figures as wide as they need; the others share the rest.

    Figures so large that they would leave less than a fifth for text are set in smaller type.
    """
    needed = [_needed(column, index, rows) for index, column in enumerate(columns)]
    gaps = GAP * (len(columns) - 1)
    fixed = sum(needed)
    scale = min(1.0, (0.8 * within - gaps) / fixed) if fixed else 1.0
    shares = sum(column.share for column in columns)
    room = within - gaps - fixed * scale
    places = []
    for column, width in zip(columns, needed, strict=True):
        right = left + (room * column.share / shares if column.share else width * scale)
        places.append(_Place(column, left, right))
        left = right + GAP
    styles = (_scaled(theme.CELL_HEAD, scale), _scaled(theme.CELL, scale))
    return _Grid(tuple(places), *styles, _scaled(theme.CELL_STRONG, scale))


def _needed(column: Column, index: int, rows: Sequence[Row]) -> float:
    """Width of the widest cell of a column of figures; none of one that shares what is left."""
    if column.share:
        return 0.0
    strong = (_width(row.cells[index], theme.CELL_STRONG) for row in rows if row.strong)
    plain = (_width(row.cells[index], theme.CELL) for row in rows if not row.strong)
    widest = max(_width(column.title, theme.CELL_HEAD), *strong, *plain)
    # A hair more than measured: scaled type must not wrap for the want of a rounding.
    return min(widest + 0.1, column.most) if column.most else widest


def _scaled(style: Style, scale: float) -> Style:
    return style if scale == 1 else replace(style, size=round(style.size * scale - 0.005, 2))


def _width(text: str, style: Style) -> float:
    return theme.text_width(theme.drawable(text), style.font) * style.size


def _head(sheet: Sheet, grid: _Grid, table_tag: Tag | None) -> None:
    """Column titles: tagged heads where the table begins, an artifact where it goes on."""
    if not any(place.column.title for place in grid.places):
        return
    baseline = sheet.y - PADDING - grid.head.size
    row = sheet.child(table_tag, "TR") if table_tag else None
    for place in grid.places:
        if row:
            sheet.begin(sheet.child(row, "TH", COLUMN_HEAD))
        else:
            sheet.code.append("/Artifact BMC")
        title = theme.drawable(place.column.title)
        sheet.text(place.anchor, baseline, title, grid.head, place.column.align)
        sheet.end()
    sheet.y = baseline - PADDING - 1
    sheet.rules([sheet.y], grid.places[0].left, grid.places[-1].right, theme.INK, 0.7)


def _row(sheet: Sheet, grid: _Grid, row: Row, cells: list[list[str]], table_tag: Tag) -> None:
    style = grid.style_of(row)
    line_tag = sheet.child(table_tag, "TR")
    top, notes = sheet.y, grid.notes(row)
    for place, lines, text in zip(grid.places, cells, row.cells, strict=True):
        heads = place.column.heads
        tag = sheet.child(line_tag, "TH" if heads else "TD", ROW_HEAD if heads else "")
        if not text:
            continue
        noted = notes if place.column.share else []
        tag.attributes += actual_text(f"{text}\n{row.note}" if noted else text)
        sheet.begin(tag)
        y = top - PADDING - style.size
        for line in lines:
            sheet.text(place.anchor, y, line, style, place.column.align)
            y -= style.leading
        for line in noted:
            sheet.text(place.anchor, y, line, theme.CELL_NOTE, place.column.align)
            y -= theme.CELL_NOTE.leading
        notes = [] if noted else notes
        sheet.end()
    sheet.y = top - grid.height(cells, row)


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
