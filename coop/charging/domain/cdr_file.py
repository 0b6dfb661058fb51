"""CDRs out of a file or a request body, each with exactly the bytes it came as, in bounded memory.

Read are: one CDR, an array of CDRs, OCPI's envelope {"data": [...], "status_code": 1000}, CDRs one
a line (NDJSON), and a correction report (lines that hold the CDR under "cdr").

A line of NDJSON that is not JSON costs that line. A broken document cannot be read on from the
break, so `open_cdrs` goes through it once first and refuses it before anything is stored.
"""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

from coop.charging.domain.cdr import session_of_cdr
from coop.charging.domain.csv_rows import KEPT_OF_TOO_LONG, lines_of
from coop.charging.domain.json_fields import decoder
from coop.charging.domain.json_text import JsonText
from coop.charging.domain.plausibility import Limits
from coop.charging.domain.session import Reading
from coop.charging.errors import (
    FileEmpty,
    FileWrongEncoding,
    RowMalformed,
    RowTooLong,
)
from coop.kernel.errors import Refusal

MAX_CDR_BYTES = 256 * 1024
_TOO_LONG = f"The CDR is larger than {MAX_CDR_BYTES} bytes."
_decoder = decoder()


def open_cdrs(stream: BinaryIO) -> None:
    """Check that a seekable stream is text and, if one JSON document, whole; rewinds it.

    Refuses FILE_EMPTY, FILE_ENCODING and FILE_MALFORMED, each with the line.
    """
    for _ in _documents(stream):
        pass
    stream.seek(0)


def readings_of_cdrs(
    stream: BinaryIO, limits: Limits, read_at: datetime | None = None
) -> Iterator[Reading]:
    """Every CDR of the stream as a Reading, in order; `line` is where it begins."""
    for line, raw, document in _documents(stream):
        if len(raw) > MAX_CDR_BYTES:
            yield Reading(line, raw[:KEPT_OF_TOO_LONG], refusal=RowTooLong(_TOO_LONG))
        elif isinstance(document, Refusal):
            yield Reading(line, raw, refusal=document)
        else:
            yield _reading(line, raw, document, limits, read_at)


def _reading(
    line: int, raw: bytes, document: object, limits: Limits, read_at: datetime | None
) -> Reading:
    try:
        session, doubts = session_of_cdr(document, raw, limits, read_at)
    except Refusal as refusal:
        return Reading(line, raw, refusal=refusal)
    return Reading(line, raw, session=session, doubts=doubts)


_Document = tuple[int, bytes, Any]


def _documents(stream: BinaryIO) -> Iterator[_Document]:
    """(line, bytes, parsed JSON or the refusal of a line) of each CDR."""
    start = stream.tell()
    by_line = _is_by_line(stream)
    stream.seek(start)
    return _by_line(stream) if by_line else _of_document(stream)


def _is_by_line(stream: BinaryIO) -> bool:
    """Whether the file is NDJSON: its first line is a whole CDR, or its second begins another."""
    lines = lines_of(stream)
    first = next(lines, None)
    if first is None:
        raise FileEmpty("The file is empty.")
    if not first.raw.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{"):
        return False
    try:
        document = json.loads(first.raw)
    except (ValueError, RecursionError):
        second = next(lines, None)
        return second is not None and second.raw.startswith(b"{")
    return not _is_envelope(document)


def _is_envelope(document: object) -> bool:
    return isinstance(document, dict) and "status_code" in document and "data" in document


def _by_line(stream: BinaryIO) -> Iterator[_Document]:
    for line in lines_of(stream, MAX_CDR_BYTES):
        if line.too_long:
            yield line.number, line.raw, RowTooLong(_TOO_LONG)
            continue
        text = _decoded(line.raw.removeprefix(codecs.BOM_UTF8), line.number)
        try:
            document = _decoder.decode(text)
        except (ValueError, RecursionError) as error:
            why = RowMalformed(f"The line is not JSON: {error}.")
            yield line.number, line.raw, why
        else:
            yield line.number, *_out_of_report(text, document)


def _out_of_report(text: str, document: Any) -> tuple[bytes, Any]:
    """The CDR that a line of a correction report holds, or the line itself."""
    if not (isinstance(document, dict) and "cdr" in document and "code" in document):
        return text.strip().encode(), document
    # A key cannot be mistaken for text: within a JSON string its quotes would be escaped.
    rest = text[text.index('"cdr":') + len('"cdr":') :].lstrip()
    cdr, end = _decoder.raw_decode(rest)
    return rest[:end].encode(), cdr


def _decoded(raw: bytes, number: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        why = f"Line {number} is not UTF-8: byte 0x{raw[error.start]:02X}."
        raise FileWrongEncoding(why, (str(number),)) from None


def _of_document(stream: BinaryIO) -> Iterator[_Document]:
    text = JsonText(stream)
    if text.peek() == "[":
        elements = text.elements()
    else:
        document, raw, line = text.value()
        elements = (
            _enveloped(raw, line) if _is_envelope(document) else iter([(document, raw, line)])
        )
    for document, raw, line in elements:
        yield line, raw.encode(), document
    text.expect("")


def _enveloped(raw: str, line: int) -> Iterator[tuple[Any, str, int]]:
    """The elements of "data" in an OCPI envelope, each with its own text."""
    text = JsonText(io.BytesIO(raw.encode()), line)
    text.expect("{")
    while text.value()[0] != "data":
        text.expect(":")
        text.value()
        text.expect(",")
    text.expect(":")
    if text.peek() == "[":
        yield from text.elements()
    else:
        yield text.value()
