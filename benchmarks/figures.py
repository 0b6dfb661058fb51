"""A measured figure beside its floor, and how a list of them is printed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` in `unit`, the `floor` in the same unit measured beside it, and their ratio."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    note: str = ""


def print_table(figures: Iterable[Figure]) -> None:
    """Print one line per figure, aligned."""
    print(f"{'what':<44} {'value':>10} {'floor':>10} {'ratio':>7}  unit, note")
    for figure in figures:
        floor = "" if figure.floor is None else f"{figure.floor:,.1f}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}x"
        value = f"{figure.value:,.1f}"
        print(f"{figure.name:<44} {value:>10} {floor:>10} {ratio:>7}  {figure.unit}  {figure.note}")
