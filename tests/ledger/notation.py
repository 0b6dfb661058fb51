"""A journal in plain text, as tests write it.

    2026-03-14 March charging  ; kind=charge key=k1
      1200 receivable ada  debit 120.00 EUR
      4000 revenue  credit 120.00 EUR  fund grant-7

A line that begins with a day opens an entry: its memo, then, after two blanks and a semicolon, what else
it says (kind, key, reverses). Each indented line is a posting: the account's name, two blanks or more, the
side, the amount in the commodity's own decimals, the commodity, and the fund unless it is the unrestricted
one. Blank lines and lines that begin with # mean nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from coop.kernel.ids import AccountId, EntryId, FundId
from coop.kernel.money import currency_scale
from coop.kernel.rate import exact_decimal, from_scale, to_scale
from coop.ledger.domain.entry import EntryDraft, PostingDraft, Side

_HEADER = re.compile(r"(?P<day>\d{4}-\d\d-\d\d)(?: (?P<memo>\S.*?))?(?:  ; (?P<rest>.*))?")
_LINE = re.compile(
    r"  +(?P<account>\S+(?: \S+)*)  +(?P<side>debit|credit) (?P<amount>\S+) (?P<commodity>\S+)"
    r"(?:  +fund (?P<fund>\S+))?"
)


@dataclass(frozen=True)
class Line:
    """A posting by the names of its account and fund; `amount_minor` debit positive."""

    account: str
    amount_minor: int
    commodity: str
    fund: str | None = None


@dataclass(frozen=True)
class Entry:
    """An entry by names."""

    effective_on: date
    memo: str
    lines: tuple[Line, ...]
    words: Mapping[str, str] = field(default_factory=dict)


def scale_of(commodity: str) -> int:
    """Decimals: kWh has three, a currency its own."""
    return 3 if commodity == "kWh" else currency_scale(commodity)


def read(text: str) -> list[Entry]:
    """Parse a journal; raises ValueError naming the line it cannot read."""
    found: list[tuple[re.Match[str], list[Line]]] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.rstrip()
        if not line or line.lstrip().startswith("#"):
            continue
        header, posting = _HEADER.fullmatch(line), _LINE.fullmatch(line)
        if header:
            found.append((header, []))
        elif posting and found:
            found[-1][1].append(_line(posting))
        else:
            raise ValueError(f"line {number} is neither an entry nor a posting: {line!r}")
    return [_entry(header, lines) for header, lines in found]


def _entry(header: re.Match[str], lines: list[Line]) -> Entry:
    words = dict(word.split("=", 1) for word in (header["rest"] or "").split())
    return Entry(date.fromisoformat(header["day"]), header["memo"] or "", tuple(lines), words)


def _line(found: re.Match[str]) -> Line:
    minor = to_scale(exact_decimal(found["amount"]), scale_of(found["commodity"]))
    side = Side(found["side"])
    return Line(found["account"], side.sign * minor, found["commodity"], found["fund"])


def write(entries: Iterable[Entry]) -> str:
    """The journal as text; `read` gives the same entries back."""
    return "\n".join(_written(entry) for entry in entries)


def _written(entry: Entry) -> str:
    words = " ".join(f"{key}={value}" for key, value in entry.words.items())
    memo = f" {entry.memo}" if entry.memo else ""
    text = f"{entry.effective_on}{memo}" + (f"  ; {words}" if words else "") + "\n"
    for line in entry.lines:
        amount = from_scale(abs(line.amount_minor), scale_of(line.commodity))
        side = Side.of(line.amount_minor).value
        fund = f"  fund {line.fund}" if line.fund else ""
        text += f"  {line.account}  {side} {amount:f} {line.commodity}{fund}\n"
    return text


def drafts(
    text: str,
    account: Callable[[str], AccountId],
    fund: Callable[[str], FundId] | None = None,
    entry: Callable[[str], EntryId] | None = None,
) -> list[EntryDraft]:
    """Drafts of the journal `text`; the callables find ids by the names the text uses."""
    return [
        EntryDraft(
            kind=one.words.get("kind", "manual"),
            effective_on=one.effective_on,
            memo=one.memo,
            postings=tuple(
                PostingDraft(
                    account(line.account),
                    line.amount_minor,
                    fund(line.fund) if fund and line.fund else None,
                    line.commodity,
                )
                for line in one.lines
            ),
            idempotency_key=one.words.get("key"),
            reverses_id=entry(one.words["reverses"]) if entry and "reverses" in one.words else None,
        )
        for one in read(text)
    ]
