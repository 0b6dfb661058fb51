"""A member statement against a bare ReportLab file with the same table, in CPU time.

The floor draws what the statement's table of entries holds and nothing else: a Platypus table with
fixed row heights (its fastest way) in the same two embedded fonts; no first page, no tags, no
archive format, no twin.
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
from coop.reports.localised import localised
from coop.reports.statement import MemberStatement
from coop.reports.statement_pdf import draw_statement, move_cells
from tests.reports.sample import statement

ROUNDS = 9
HEAD = ["Date", "Description", "Account", "Hub", "kWh", "Charge", "Payment", "Due", "Seal"]


def bare_table(source: MemberStatement) -> bytes:
    """The floor: the same rows in a Platypus table."""
    writing = localised("en", source.cooperative.currency)
    rows = [HEAD, *[list(move_cells(move, writing)) for move in source.moves]]
    style: list[Any] = [
        ("FONT", (0, 0), (-1, 0), theme.SEMIBOLD, 7.2),
        ("FONT", (0, 1), (-1, -1), theme.REGULAR, 7.6),
        ("ALIGN", (4, 0), (-1, -1), "RIGHT"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, (0.85, 0.87, 0.88)),
    ]
    widths = [56, 120, 34, 80, 40, 40, 40, 45, 30]
    table = Table(rows, colWidths=widths, rowHeights=16, repeatRows=1, style=style)
    target = BytesIO()
    SimpleDocTemplate(target, pagesize=A4, invariant=1).build([table])
    return target.getvalue()


def _cpu_ms(draw: Callable[[MemberStatement], bytes], source: MemberStatement) -> float:
    begun = time.process_time()
    draw(source)
    return (time.process_time() - begun) * 1000


def measure() -> list[Figure]:
    """Statements of 12 to 300 entries, each beside its floor (median of alternating rounds)."""
    figures = []
    for count in (12, 50, 200, 300):
        source = statement(count)
        draw_statement(source)
        bare_table(source)
        ours, floors = [], []
        for _ in range(ROUNDS):
            floors.append(_cpu_ms(bare_table, source))
            ours.append(_cpu_ms(draw_statement, source))
        value, floor = median(ours), median(floors)
        name = f"statement of {count} entries"
        figures.append(Figure(name, value, "ms CPU", floor, value / floor, "bare ReportLab table"))
    return figures


if __name__ == "__main__":
    print_table(measure())
