"""The files `coop post` reads: JSON (an array of entries, or one a line) or CSV (a row a posting).

docs/commands.md shows both. What is wrong with one entry is that entry's refusal, with its path;
what makes the file unreadable is JOURNAL_FILE_INVALID. Amounts are text, never JSON numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

import orjson

from coop.cli.errors import JournalFileInvalid
from coop.kernel.errors import InvalidValue, Refusal
from coop.kernel.rate import exact_decimal

ENTRY_FIELDS = ("entry_id", "effective_on", "kind", "memo", "idempotency_key", "postings")
POSTING_FIELDS = ("account_code", "member", "hub", "vintage", "fund", "debit", "credit")
CSV_NEEDED = ("entry_id", "effective_on", "account_code", "debit", "credit")
# What `coop export csv` writes besides, and posting decides anew.
CSV_IGNORED = ("recorded_at", "line", "account_name", "commodity", "reverses_id")
_KIND = "journal"


@dataclass(frozen=True, slots=True)
class FileLine:
    """One posting as written: whose account, and a signed amount in whole units, debit positive."""

    account_code: str
    amount: Decimal
    member: str | None = None
    hub: str | None = None
    vintage: int | None = None
    fund: str | None = None


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One entry as written."""

    name: str
    kind: str
    effective_on: date
    memo: str
    idempotency_key: str | None
    lines: tuple[FileLine, ...]


@dataclass(frozen=True, slots=True)
class FileItem:
    """Where an entry begins (line of a CSV, position in JSON): the entry, or its refusal."""

    position: int
    name: str | None
    entry: FileEntry | None = None
    refusal: Refusal | None = None


def items_of(content: bytes) -> Iterator[FileItem]:
    """Every entry of a journal file. Refuses JOURNAL_FILE_INVALID."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JournalFileInvalid(f"The file is not UTF-8 (byte {error.start}).") from None
    if text.lstrip().startswith(("[", "{")):
        return (_item(i, document) for i, document in enumerate(_documents(text), 1))
    return _csv_items(text)


def _documents(text: str) -> list[Any]:
    """One array; or objects, one a line."""
    try:
        if text.lstrip().startswith("["):
            found = orjson.loads(text)
        else:
            found = [orjson.loads(line) for line in text.splitlines() if line.strip()]
    except orjson.JSONDecodeError as error:
        raise JournalFileInvalid(f"The file is not JSON: {error}.") from None
    if not isinstance(found, list):
        raise JournalFileInvalid("A JSON journal is an array of entries, or one entry a line.")
    return found


def _csv_items(text: str) -> Iterator[FileItem]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    columns = reader.fieldnames or ()
    missing = [column for column in CSV_NEEDED if column not in columns]
    known = (*ENTRY_FIELDS[:-1], *POSTING_FIELDS, *CSV_IGNORED)
    unknown = [column for column in columns if column not in known]
    if missing or unknown:
        raise JournalFileInvalid(
            f"Columns missing: {', '.join(missing) or 'none'}; unknown: "
            f"{', '.join(unknown) or 'none'}.",
            ("columns",),
        )
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise JournalFileInvalid(f"Line {reader.line_num}: {error}.") from None
    return (_csv_item(list(group)) for _, group in groupby(rows, lambda row: row[1]["entry_id"]))


def _csv_item(rows: list[tuple[int, dict[str, str]]]) -> FileItem:
    line, first = rows[0]
    document: dict[str, Any] = {name: first[name] for name in ENTRY_FIELDS[:-1] if first.get(name)}
    document["postings"] = [
        {name: row[name] for name in POSTING_FIELDS if row.get(name)} for _, row in rows
    ]
    if any(None in row or None in row.values() for _, row in rows):
        why = InvalidValue("A row has not as many cells as the header.")
        return FileItem(line, first["entry_id"], refusal=why)
    if first.get("reverses_id"):
        why = InvalidValue("A reversal is made by reversing, not by posting.", ("reverses_id",))
        return FileItem(line, first["entry_id"], refusal=why)
    return _item(line, document)


def _item(position: int, document: Any) -> FileItem:
    name = document.get("entry_id") if isinstance(document, dict) else None
    name = name if isinstance(name, str) else None
    try:
        return FileItem(position, name, entry=_entry(document, name or str(position)))
    except Refusal as refusal:
        return FileItem(position, name, refusal=refusal)


def _entry(document: Any, name: str) -> FileEntry:
    _refuse_unknown(document, ENTRY_FIELDS)
    postings = document.get("postings")
    if not isinstance(postings, list):
        raise InvalidValue("An entry has a list of postings.", ("postings",))
    return FileEntry(
        name=name,
        kind=_text(document, "kind") or _KIND,
        effective_on=_day(document),
        memo=_text(document, "memo") or "",
        idempotency_key=_text(document, "idempotency_key"),
        lines=tuple(_line(line, ("postings", str(i))) for i, line in enumerate(postings)),
    )


def _line(document: Any, path: tuple[str, ...]) -> FileLine:
    try:
        _refuse_unknown(document, POSTING_FIELDS)
        code = _text(document, "account_code")
        if code is None:
            raise InvalidValue("A posting names its account.", ("account_code",))
        return FileLine(
            account_code=code,
            amount=_amount(document),
            member=_text(document, "member"),
            hub=_text(document, "hub"),
            vintage=_vintage(document),
            fund=_text(document, "fund"),
        )
    except Refusal as refusal:
        raise refusal.under(*path) from None


def _refuse_unknown(document: Any, known: tuple[str, ...]) -> None:
    if not isinstance(document, Mapping):
        raise InvalidValue("This is an object with named fields.")
    for name in document:
        if name not in known:
            raise InvalidValue(f"There is no such field; there are {', '.join(known)}.", (name,))


def _text(document: Mapping[str, Any], name: str) -> str | None:
    found = document.get(name)
    if found is None or isinstance(found, str):
        return found
    raise InvalidValue("This is text, in quotes: numbers lose digits.", (name,))


def _day(document: Mapping[str, Any]) -> date:
    text = _text(document, "effective_on")
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        why = f'"{text}" is not a day such as 2025-01-31.'
        raise InvalidValue(why, ("effective_on",)) from None


def _vintage(document: Mapping[str, Any]) -> int | None:
    text = _text(document, "vintage")
    if text is None:
        return None
    if not (len(text) == 4 and text.isascii() and text.isdigit()):  # noqa: PLR2004 - years have four
        raise InvalidValue(f'"{text}" is not a year.', ("vintage",))
    return int(text)


def _amount(document: Mapping[str, Any]) -> Decimal:
    sides = [name for name in ("debit", "credit") if document.get(name) not in (None, "")]
    if len(sides) != 1:
        raise InvalidValue("A posting is either a debit or a credit.", ("debit",))
    (side,) = sides
    try:
        amount = exact_decimal(_text(document, side) or "")
    except Refusal as refusal:
        raise refusal if refusal.path else refusal.under(side) from None
    if amount < 0:
        raise InvalidValue("Amounts are positive; the side says which way.", (side,))
    return amount if side == "debit" else -amount
