"""From the bytes of a CSV export to its cells, one physical line at a time, in constant memory.

    BinaryIO ── lines_of ──▶ (number, bytes) ── rows_of ──▶ SourceRow ── csv_sessions ──▶ Reading

A row is one line: charging exports have no line breaks inside cells, and so a quote left open costs
its own line only, not the rest of the file. Blank lines are no rows. A file that is not in the
encoding its mapping names is refused as a whole by `check_encoding`, before anything is stored.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from coop.charging.domain.mapping import Layout
from coop.charging.errors import (
    FileEmpty,
    FileWrongEncoding,
    RowMalformed,
    RowRagged,
    RowRefused,
    RowTooLong,
)

MAX_LINE_BYTES = 64 * 1024
KEPT_OF_TOO_LONG = 500
_OTHER_MARKS = {
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
    codecs.BOM_UTF8: "UTF-8",
}


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One line without its line break. `finished` is false when the file ends before the break."""

    number: int
    raw: bytes
    finished: bool
    too_long: bool = False


@dataclass(frozen=True, slots=True)
class SourceRow:
    """The cells of one line, or why it has none that fit the header."""

    line: int
    raw: bytes
    cells: tuple[str, ...]
    finished: bool
    refusal: RowRefused | None = None


def lines_of(stream: BinaryIO, longest: int = MAX_LINE_BYTES) -> Iterator[SourceLine]:
    """The lines of `stream` that are not blank, numbered from 1, never more than one in memory."""
    number = 0
    while line := stream.readline(longest + 1):
        number += 1
        too_long = len(line) > longest and not line.endswith(b"\n")
        finished = line.endswith(b"\n") or (too_long and _skip_line(stream))
        raw = line[:KEPT_OF_TOO_LONG] if too_long else line.rstrip(b"\r\n")
        if raw.strip() or too_long:
            yield SourceLine(number, raw, finished, too_long)


def _skip_line(stream: BinaryIO) -> bool:
    """Read to the end of the line; whether it had one."""
    while rest := stream.readline(MAX_LINE_BYTES):
        if rest.endswith(b"\n"):
            return True
    return False


def header_of(stream: BinaryIO, layout: Layout) -> tuple[str, ...]:
    """The column names of the first line, a byte order mark taken off.

    Refuses FILE_EMPTY, FILE_ENCODING (also for the mark of another encoding) and ROW_MALFORMED.
    """
    first = next(lines_of(stream), None)
    if first is None:
        raise FileEmpty("The file is empty.")
    raw = first.raw
    if layout.encoding == "utf-8":
        raw = raw.removeprefix(codecs.BOM_UTF8)
    for mark, name in _OTHER_MARKS.items():
        if raw.startswith(mark):
            raise FileWrongEncoding(
                f"The file begins like {name}, but the mapping says {layout.encoding}.", ("1",)
            )
    cells = _cells(_decoded(raw, first.number, layout), layout)
    if cells is None or first.too_long:
        raise RowMalformed("The first line is not a line of column names.", ("1",))
    return tuple(cell.strip() for cell in cells)


def check_encoding(stream: BinaryIO, layout: Layout) -> None:
    """Read everything once. Refuses FILE_ENCODING with the first line that cannot be decoded."""
    for line in lines_of(stream):
        if not line.too_long:
            _decoded(line.raw, line.number, layout)


def _decoded(raw: bytes, number: int, layout: Layout) -> str:
    try:
        return raw.decode(layout.encoding)
    except UnicodeDecodeError as error:
        raise FileWrongEncoding(
            f"Line {number} is not {layout.encoding}: "
            f"byte 0x{raw[error.start]:02X} at position {error.start + 1}.",
            (str(number),),
        ) from None


def rows_of(stream: BinaryIO, layout: Layout, width: int) -> Iterator[SourceRow]:
    """The rows of a stream after its header, each with `width` cells or a refusal."""
    lines = lines_of(stream)
    next(lines, None)
    for line in lines:
        yield _row(line, layout, width)


def _row(line: SourceLine, layout: Layout, width: int) -> SourceRow:
    number = line.number
    if line.too_long:
        refusal: RowRefused = RowTooLong(f"The line is longer than {MAX_LINE_BYTES} bytes.")
        return SourceRow(number, line.raw, (), line.finished, refusal)
    text = _decoded(line.raw, number, layout)
    cells = None if "\0" in text else _cells(text, layout)
    if cells is None:
        refusal = RowMalformed(f"A quote ({layout.quote}) is left open, or stands inside a cell.")
        return SourceRow(number, line.raw, (text,), line.finished, refusal)
    if len(cells) != width:
        refusal = _ragged(len(cells), width, line)
        return SourceRow(number, line.raw, tuple(cells), line.finished, refusal)
    return SourceRow(number, line.raw, tuple(cells), line.finished)


def _ragged(count: int, width: int, line: SourceLine) -> RowRefused:
    ends = "" if line.finished else "; the file ends inside it"
    return RowRagged(f"The line has {count} cells, the header {width}{ends}.")


def _cells(text: str, layout: Layout) -> list[str] | None:
    """The cells of one line, or None when its quotes do not add up."""
    try:
        return next(
            csv.reader((text,), delimiter=layout.separator, quotechar=layout.quote, strict=True)
        )
    except csv.Error:
        return None
