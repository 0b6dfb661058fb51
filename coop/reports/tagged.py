"""A sheet that is drawn on from top to bottom and tagged as it goes.

Everything drawn is either content (it belongs to a tag of the structure tree: heading, paragraph,
table cell, figure) or an artifact (rules, backgrounds, page headers and footers), as PDF/UA
demands. Pages are kept as lists of operators until the end, when the number of pages is known;
ReportLab then writes pages and fonts, and `coop.reports.archive` adds the structure tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from reportlab.pdfgen.canvas import Canvas

from coop.reports import theme
from coop.reports.theme import Style

Align = str  # "left", "right" or "center"
_ESCAPED = {code: f"\\{code:03o}" for code in (*range(32), *range(127, 256))}
_ESCAPED |= {ord(mark): f"\\{mark}" for mark in "\\()"}


class Tag:
    """An element of the structure tree: its role, its attributes as PDF source, what it holds.

    `number` counts the elements of a document from 0. An element holds other elements, marked
    content (by number) of one `page` at most, and references written as PDF source.
    """

    __slots__ = ("attributes", "kids", "number", "page", "parent", "role")

    def __init__(self, number: int, parent: int, role: str, attributes: str) -> None:
        self.number = number
        self.parent = parent
        self.role = role
        self.attributes = attributes
        self.page = -1
        self.kids: list[Tag | int | str] = []


@dataclass(frozen=True, slots=True)
class Link:
    """A place on a page that opens `uri`, and the element it belongs to."""

    page: int
    box: tuple[float, float, float, float]
    uri: str
    text: str
    tag: Tag


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawn document: ReportLab's file, the tree (root first), each page's tag of each mark."""

    pdf: bytes
    tags: list[Tag]
    marks: list[list[Tag]]
    links: list[Link]


@dataclass(frozen=True, slots=True)
class _Bookmark:
    text: str
    page: int
    y: float


def pdf_text(text: str) -> str:
    """`text` as a PDF string object (UTF-16, hexadecimal)."""
    return f"<FEFF{text.encode('utf-16-be', 'replace').hex().upper()}>"


def pdf_bytes(text: str) -> str:
    """ASCII `text`, such as an address, as a PDF string object."""
    return f"<{text.encode('ascii', 'replace').hex().upper()}>"


class Sheet:
    """Where a document is drawn. `y` is the height of the pen; it only moves down."""

    def __init__(self) -> None:
        theme.font_named(theme.REGULAR)
        theme.font_named(theme.SEMIBOLD)
        self._buffer = BytesIO()
        self._canvas = Canvas(
            self._buffer,
            pagesize=(theme.PAGE_WIDTH, theme.PAGE_HEIGHT),
            pageCompression=1,
            invariant=1,
            initialFontName=theme.REGULAR,  # type: ignore[arg-type]  # the stubs say float
        )
        self._tags = [Tag(0, -1, "Document", "")]
        self._open = [self._tags[0]]
        self._glyphs: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._pages: list[list[str]] = []
        self._marks: list[list[Tag]] = []
        self._bookmarks: list[_Bookmark] = []
        self._links: list[Link] = []
        self.y = theme.TOP
        self.new_page()

    # Pages

    def new_page(self) -> None:
        """Go on at the top of a fresh page."""
        self.code: list[str] = []
        self._pages.append(self.code)
        self._marks.append([])
        self._ink = ""
        self.y = theme.TOP

    def need(self, height: float) -> bool:
        """Whether a fresh page had to be begun for `height` more points."""
        if self.y - height >= theme.BOTTOM:
            return False
        self.new_page()
        return True

    # Structure

    @contextmanager
    def tagged(self, role: str, attributes: str = "") -> Iterator[Tag]:
        """What is drawn inside belongs to a new element of that role."""
        tag = self.child(self._open[-1], role, attributes)
        self._open.append(tag)
        try:
            yield tag
        finally:
            self._open.pop()

    def child(self, parent: Tag, role: str, attributes: str = "") -> Tag:
        """A new last element of `parent`."""
        tag = Tag(len(self._tags), parent.number, role, attributes)
        self._tags.append(tag)
        parent.kids.append(tag)
        return tag

    @contextmanager
    def content(self, role: str, attributes: str = "") -> Iterator[None]:
        """What is drawn inside is the marked content of a new element, all on this page."""
        with self.tagged(role, attributes) as tag:
            self.begin(tag)
            yield
            self.end()

    def begin(self, tag: Tag) -> None:
        """Begin marked content of `tag`."""
        marks = self._marks[-1]
        tag.page = len(self._pages) - 1
        tag.kids.append(len(marks))
        self.code.append(f"/{tag.role} <</MCID {len(marks)}>> BDC")
        marks.append(tag)

    def end(self) -> None:
        """End it."""
        self.code.append("EMC")

    @contextmanager
    def artifact(self, properties: str = "") -> Iterator[None]:
        """What is drawn inside means nothing to a reader who cannot see it."""
        self.code.append(f"/Artifact <<{properties}>> BDC" if properties else "/Artifact BMC")
        yield
        self.end()

    def bookmark(self, text: str) -> None:
        """List the present place in the outline of the document."""
        self._bookmarks.append(_Bookmark(text, len(self._pages) - 1, self.y))

    # Drawing

    def text(self, x: float, y: float, text: str, style: Style, align: Align = "left") -> None:
        """One line of drawable text with its baseline at `y`; `x` is its left, right or middle."""
        if align != "left":
            width = theme.text_width(text, style.font) * style.size
            x -= width if align == "right" else width / 2
        ink = "" if style.colour == self._ink else f"{style.colour} rg "
        self._ink = style.colour
        runs = self._glyphs_of(text, style.font)
        shown = " ".join(f"{font} {style.size} Tf ({glyphs}) Tj" for font, glyphs in runs)
        self.code.append(f"{ink}BT {x:.2f} {y:.2f} Td {shown} ET")

    def link(self, x: float, y: float, text: str, style: Style, uri: str) -> None:
        """One line of drawable text that opens `uri`."""
        with self.tagged("Link") as tag:
            self.begin(tag)
            self.text(x, y, text, style)
            self.end()
        right = x + theme.text_width(text, style.font) * style.size
        box = (x, y - 0.25 * style.size, right, y + style.size)
        self._links.append(Link(len(self._pages) - 1, box, uri, text, tag))

    def _glyphs_of(self, text: str, font: str) -> list[tuple[str, str]]:
        """Runs of (font in the file, escaped codes): more than one beyond 200 different letters."""
        runs = self._glyphs.get((font, text))
        if runs is None:
            document: Any = self._canvas._doc  # type: ignore[attr-defined]  # noqa: SLF001 - as text objects do
            face = theme.font_named(font)
            runs = [
                (
                    face.getSubsetInternalName(subset, document),
                    codes.decode("latin-1").translate(_ESCAPED),
                )
                for subset, codes in face.splitString(text, document)
            ]
            self._glyphs[font, text] = runs
        return runs

    def fill(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle with its lower left corner at x, y."""
        self._ink = colour
        self.code.append(f"{colour} rg {x:.2f} {y:.2f} {width:.2f} {height:.2f} re f")

    def rules(
        self, heights: list[float], left: float, right: float, colour: str, weight: float
    ) -> None:
        """Horizontal lines as one artifact."""
        if heights:
            lines = " ".join(f"{left:.2f} {y:.2f} m {right:.2f} {y:.2f} l" for y in heights)
            with self.artifact():
                self.code.append(f"{colour} RG {weight} w {lines} S")

    # The end

    def finished(self, furniture: Callable[[Sheet, int, int], None]) -> Drawn:
        """The document; `furniture(sheet, page, pages)` draws header and footer."""
        pages, canvas = list(self._pages), self._canvas
        for index, code in enumerate(pages):
            self.code, self._ink = [], "none"
            furniture(self, index + 1, len(pages))
            for number, mark in enumerate(self._bookmarks):
                if mark.page == index:
                    canvas.bookmarkPage(f"s{number}", fit="XYZ", left=0, top=mark.y)
                    canvas.addOutlineEntry(mark.text, f"s{number}", level=0)
            canvas.addLiteral("\n".join([*code, *self.code]))
            canvas.showPage()
        canvas.save()
        return Drawn(self._buffer.getvalue(), self._tags, self._marks, self._links)
