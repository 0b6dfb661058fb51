"""What commands print: data on stdout, as tables or JSON; progress and complaints on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Protocol
from uuid import UUID

import orjson
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from coop.kernel.errors import InvalidValue
from coop.kernel.rate import from_scale

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for scripts.")]
CooperativeSlug = Annotated[
    str | None,
    typer.Option(
        "--cooperative",
        "-c",
        metavar="SLUG",
        envvar="COOP_COOPERATIVE",
        help="Which cooperative; needed only where there are several.",
    ),
]
ExistingFile = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, show_default=False)
]
_PIPED_WIDTH = 160


class Step(Protocol):
    """Told how far a long piece of work is: (what is being done, how much is done, of how much)."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take note."""


def print_json(data: object) -> None:
    """`data` on stdout: amounts are text, instants UTC, ids text."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE
    typer.echo(orjson.dumps(data, default=_plain, option=options), nl=False)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Path | UUID):  # the driver's UUIDs are a subclass orjson does not know
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON")


def print_error(text: str) -> None:
    """One line on stderr."""
    typer.echo(text, err=True)


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: int = 0
) -> None:
    """A table on stdout; the last `right` columns are figures."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for i, column in enumerate(columns):
        figure = i >= len(columns) - right
        table.add_column(column, justify="right" if figure else "left", no_wrap=figure)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    Console(width=width, highlight=False, markup=False).print(table)


@contextmanager
def progress(*, wanted: bool = True) -> Iterator[Step]:
    """Bars on stderr, one for each piece of work, when somebody watches; silence otherwise."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<44}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not (wanted and console.is_terminal)) as bars:
        tasks: dict[str, TaskID] = {}

        def step(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=None)
            # Of nothing, all is done.
            bars.update(tasks[what], completed=done if total else 1, total=total or 1)

        yield step


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on stderr what is being waited for, when somebody watches and no end can be foretold."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(f"{what} …"):
        yield


def amount_text(minor: int, scale: int) -> str:
    """1250 at scale 2 is 12.50."""
    return f"{from_scale(minor, scale):f}"


def day_of(text: str | None, name: str) -> date | None:
    """The day that an option writes as 2025-01-31. Refuses INVALID_VALUE."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidValue(f'"{text}" is not a day such as 2025-01-31.', (name,)) from None


def month_of_text(text: str, name: str) -> date:
    """The first day of a month written as 2025-01. Refuses INVALID_VALUE."""
    try:
        return datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a month has no zone
    except ValueError:
        raise InvalidValue(f'"{text}" is not a month such as 2025-01.', (name,)) from None


def instant_of(text: str | None, name: str) -> datetime | None:
    """The instant written as 2025-01-31T12:00:00Z. Refuses INVALID_VALUE, naive ones too."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise InvalidValue(f'"{text}" is not an instant such as 2025-01-31T12:00:00Z.', (name,))
    return found
