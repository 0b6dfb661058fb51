"""An invoice as PDF against a bare ReportLab file with the same tables, in CPU time.

The floor draws the lines and the sessions as two Platypus tables with fixed row heights (its
fastest way) in the same two embedded fonts; no front page, no tags, no archive format, no twin, no
e-invoice. What the e-invoice costs is told beside.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from io import BytesIO
from statistics import median
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.platypus import SimpleDocTemplate, Table

from benchmarks.figures import Figure, print_table
from coop.reports import theme
from coop.reports.einvoice import e_invoice
from coop.reports.invoice import InvoiceDocument
from coop.reports.invoice_pdf import draw_invoice, line_cells, session_cells
from coop.reports.localised import localised
from tests.reports.invoice_sample import invoice

ROUNDS = 9
LINES = ["No.", "Description", "Quantity", "Unit price", "Tax", "Net"]
SESSIONS = ["Begun", "Hub", "Session", "kWh", "On line", "Net"]


def bare_tables(source: InvoiceDocument) -> bytes:
    """The floor: the same rows in two Platypus tables."""
    writing = localised("en", source.currency)
    style: list[Any] = [
        ("FONT", (0, 0), (-1, 0), theme.SEMIBOLD, 7.2),
        ("FONT", (0, 1), (-1, -1), theme.REGULAR, 7.6),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, (0.85, 0.87, 0.88)),
    ]
    rows = [LINES, *[list(line_cells(line, source, writing)) for line in source.lines]]
    lines = Table(rows, colWidths=[30, 220, 80, 60, 40, 60], rowHeights=25, style=style)
    rows = [SESSIONS, *[list(session_cells(one, source, writing)) for one in source.sessions]]
    sessions = Table(
        rows, colWidths=[90, 120, 120, 60, 50, 50], rowHeights=16, repeatRows=1, style=style
    )
    target = BytesIO()
    SimpleDocTemplate(target, pagesize=A4, invariant=1).build([lines, sessions])
    return target.getvalue()


def _cpu_ms(draw: Callable[[InvoiceDocument], object], source: InvoiceDocument) -> float:
    begun = time.process_time()
    draw(source)
    return (time.process_time() - begun) * 1000


def measure() -> list[Figure]:
    """Invoices of 12 to 300 sessions, each beside its floor (median of alternating rounds)."""
    figures = []
    for count in (12, 50, 150, 300):
        source = invoice(count)
        draw_invoice(source)
        bare_tables(source)
        ours, floors, xml = [], [], []
        for _ in range(ROUNDS):
            floors.append(_cpu_ms(bare_tables, source))
            ours.append(_cpu_ms(draw_invoice, source))
            xml.append(_cpu_ms(e_invoice, source))
        value, floor, part = median(ours), median(floors), median(xml)
        name = f"invoice of {count} sessions"
        figures.append(Figure(name, value, "ms CPU", floor, value / floor, "bare ReportLab tables"))
        inside = f"e-invoice of {count} sessions"
        figures.append(Figure(inside, part, "ms CPU", value, part / value, "the whole PDF"))
    return figures


if __name__ == "__main__":
    print_table(measure())
