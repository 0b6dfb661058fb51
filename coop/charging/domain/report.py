"""The correction report: what was refused, why, and the row itself, to be corrected and read again.

For a CSV: line, field, code, reason, then the original columns, written with the separator, decimal
sign and encoding of the mapping, so that the same mapping reads it (it ignores the four extra
columns). For CDRs: one JSON object a line with the refused CDR under "cdr", which `import cdrs`
takes out again.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from coop.charging.domain.mapping import Layout
from coop.charging.domain.session import Reading

COLUMNS = ("line", "field", "code", "reason")


def csv_report_header(header: Sequence[str], layout: Layout) -> bytes:
    """The first line of a report about a file with this header."""
    return _csv_line((*COLUMNS, *original_columns(header)), layout)


def csv_report_line(reading: Reading, header: Sequence[str], layout: Layout) -> bytes:
    """One refused row; columns of an earlier report do not pile up."""
    refusal = reading.refusal
    if refusal is None:
        raise ValueError("only a refused row has a line in the report")
    skipped = len(header) - len(original_columns(header))
    about = (str(reading.line), ".".join(refusal.path), refusal.code, refusal.message)
    # A row that could not be split is one cell of text; one that was too long has no cell.
    cells = reading.cells[skipped:] or reading.cells or (reading.raw.decode(errors="replace"),)
    return _csv_line((*about, *cells), layout)


def original_columns(header: Sequence[str]) -> tuple[str, ...]:
    """The columns of the operator's own file, where `header` may be that of an earlier report."""
    columns = tuple(header)
    return columns[len(COLUMNS) :] if columns[: len(COLUMNS)] == COLUMNS else columns


def _csv_line(cells: Sequence[str], layout: Layout) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=layout.separator, quotechar=layout.quote).writerow(cells)
    return text.getvalue().encode(layout.encoding, errors="replace")


def cdr_report_line(reading: Reading) -> bytes:
    """One refused CDR as a line of JSON; its own numbers stay as they were written."""
    refusal = reading.refusal
    if refusal is None:
        raise ValueError("only a refused CDR has a line in the report")
    about = {
        "line": reading.line,
        "field": ".".join(refusal.path),
        "code": refusal.code,
        "reason": refusal.message,
    }
    opening = json.dumps(about, ensure_ascii=False)[:-1].encode(errors="replace")
    return opening + b', "cdr": ' + _one_line(reading.raw) + b"}\n"


def _one_line(raw: bytes) -> bytes:
    """The JSON value on one line (its strings hold no raw breaks), or its text as a string."""
    text = raw.decode(errors="replace")
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return json.dumps(text, ensure_ascii=False).encode()
    return " ".join(text.split("\n")).replace("\r", " ").encode()
