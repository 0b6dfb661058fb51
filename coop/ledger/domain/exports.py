"""The journal as plain text that other programs read: beancount, hledger, CSV.

Writers are generators: the book's accounts are held in memory, entries stream through. They come
out in the order they come in; give them by (effective_on, recorded_at, id) and the text is the same
every time. Names of accounts are made unique, so balances can be compared account by account.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from coop.kernel.ids import AccountId, EntryId
from coop.kernel.rate import from_scale
from coop.ledger.domain.account import AccountType

_ROOTS = {
    AccountType.ASSET: "Assets",
    AccountType.LIABILITY: "Liabilities",
    AccountType.EQUITY: "Equity",
    AccountType.REVENUE: "Income",
    AccountType.EXPENSE: "Expenses",
    AccountType.MEMORANDUM: "Equity:Memorandum",
}
_HLEDGER_TYPES = {
    AccountType.ASSET: "A",
    AccountType.LIABILITY: "L",
    AccountType.EQUITY: "E",
    AccountType.REVENUE: "R",
    AccountType.EXPENSE: "X",
    AccountType.MEMORANDUM: "E",
}
CSV_COLUMNS = (
    "entry_id", "effective_on", "recorded_at", "kind", "memo", "reverses_id", "line",
    "account_code", "account_name", "member", "hub", "vintage", "fund", "commodity",
    "debit", "credit",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExportCommodity:
    """A commodity and how many decimals its amounts have."""

    code: str
    scale: int


@dataclass(frozen=True, slots=True)
class ExportAccount:
    """An account that takes postings. `member` and `hub` are what people call them by."""

    id: AccountId
    code: str
    name: str
    type: AccountType
    commodity: str
    opened_on: date
    closed_on: date | None = None
    member: str | None = None
    hub: str | None = None
    vintage: int | None = None


@dataclass(frozen=True, slots=True)
class ExportPosting:
    """One line in its account's commodity, debit positive; `fund` None is the unrestricted one."""

    account_id: AccountId
    amount_minor: int
    fund: str | None = None


@dataclass(frozen=True, slots=True)
class ExportEntry:
    """An entry with its postings in line order."""

    id: EntryId
    kind: str
    effective_on: date
    recorded_at: datetime
    memo: str
    postings: tuple[ExportPosting, ...]
    reverses_id: EntryId | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """What the text declares before its first entry."""

    title: str
    currency: str
    commodities: tuple[ExportCommodity, ...]
    accounts: tuple[ExportAccount, ...]

    def ordered(self) -> list[ExportAccount]:
        """List accounts in the order of the text: by code, then whose they are, then id."""
        return sorted(
            self.accounts,
            key=lambda a: (a.code, a.member or "", a.hub or "", a.vintage or 0, a.id.hex),
        )

    def scale_of(self) -> dict[AccountId, int]:
        """Give each account's decimals."""
        scales = {commodity.code: commodity.scale for commodity in self.commodities}
        return {account.id: scales[account.commodity] for account in self.accounts}


def _unique(
    book: Book, path: Callable[[ExportAccount], str], separator: str
) -> dict[AccountId, str]:
    """Name every account; of several with one name, all but the first carry the end of their id."""
    names: dict[AccountId, str] = {}
    taken: set[str] = set()
    for account in book.ordered():
        name = path(account)
        if name in taken:
            name = f"{name}{separator}{account.id.hex}"
        taken.add(name)
        names[account.id] = name
    return names


# beancount


def beancount_names(book: Book) -> dict[AccountId, str]:
    """Name every account as beancount allows: `Assets:1200-Receivable:Member-0007`."""
    return _unique(book, _beancount_path, "-")


def _beancount_path(account: ExportAccount) -> str:
    parts = [_ROOTS[account.type], _ascii(f"{account.code}-{account.name}")]
    if account.member is not None:
        parts.append(_ascii(f"Member-{account.member}"))
    if account.hub is not None:
        parts.append(_ascii(f"Hub-{account.hub}"))
    if account.vintage is not None:
        parts.append(str(account.vintage))
    return ":".join(parts)


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")


def beancount_commodity(code: str) -> str:
    """Spell a commodity as beancount allows: kWh becomes KWH."""
    return re.sub(r"[^A-Z0-9]", "-", code.upper())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def beancount(book: Book, entries: Iterable[ExportEntry]) -> Iterator[str]:
    """Write the journal for `bean-check`: every account opened, every commodity declared.

    Energy stands under Equity:Memorandum; funds of postings and ids of entries are metadata.
    """
    names = beancount_names(book)
    yield f'option "title" {_quoted(book.title)}\n'
    yield f'option "operating_currency" "{beancount_commodity(book.currency)}"\n\n'
    begin = min((account.opened_on for account in book.accounts), default=date(1970, 1, 1))
    for commodity in sorted(book.commodities, key=lambda commodity: commodity.code):
        yield f"{begin} commodity {beancount_commodity(commodity.code)}\n"
        yield f"  name: {_quoted(commodity.code)}\n  precision: {commodity.scale}\n\n"
    for account in book.ordered():
        yield from _beancount_account(account, names[account.id])
    units = {account.id: beancount_commodity(account.commodity) for account in book.accounts}
    scales = book.scale_of()
    for entry in entries:
        yield _beancount_entry(entry, names, scales, units)


def _beancount_account(account: ExportAccount, name: str) -> Iterator[str]:
    yield f"{account.opened_on} open {name} {beancount_commodity(account.commodity)}\n"
    yield f"{account.opened_on} note {name} {_quoted(_label(account))}\n"
    if account.closed_on is not None:
        yield f"{account.closed_on} close {name}\n"
    yield "\n"


def _label(account: ExportAccount) -> str:
    member = f", member {account.member}" if account.member is not None else ""
    hub = f", hub {account.hub}" if account.hub is not None else ""
    vintage = f", {account.vintage}" if account.vintage is not None else ""
    return f"{account.code} {account.name}{member}{hub}{vintage}"


def _beancount_entry(
    entry: ExportEntry,
    names: dict[AccountId, str],
    scales: dict[AccountId, int],
    units: dict[AccountId, str],
) -> str:
    lines = [
        f"{entry.effective_on} * {_quoted(entry.memo)} #{entry.kind}",
        f'  id: "{entry.id}"',
        f'  recorded-at: "{_instant(entry.recorded_at)}"',
    ]
    if entry.reverses_id is not None:
        lines.append(f'  reverses: "{entry.reverses_id}"')
    for posting in entry.postings:
        account = posting.account_id
        amount = from_scale(posting.amount_minor, scales[account])
        lines.append(f"  {names[account]}  {amount:f} {units[account]}")
        if posting.fund is not None:
            lines.append(f"    fund: {_quoted(posting.fund)}")
    return "\n".join(lines) + "\n\n"


# hledger


def hledger_names(book: Book) -> dict[AccountId, str]:
    """Name every account as hledger allows: `Assets:1200 Receivable:Member 0007`."""
    return _unique(book, _hledger_path, " ")


def _hledger_path(account: ExportAccount) -> str:
    parts = [_one_line(f"{account.code} {account.name}")]
    if account.member is not None:
        parts.append(_one_line(f"Member {account.member}"))
    if account.hub is not None:
        parts.append(_one_line(f"Hub {account.hub}"))
    if account.vintage is not None:
        parts.append(str(account.vintage))
    return ":".join([_ROOTS[account.type], *(part.replace(":", " -") for part in parts)])


def _one_line(text: str) -> str:
    """Fold blanks and newlines together and disarm what hledger reads as a comment or payee."""
    return " ".join(text.replace(";", ",").replace("|", "/").split())


def _tag_value(text: str) -> str:
    """Write a text that cannot begin another tag: `date:` in a comment would move the posting."""
    return _one_line(text).replace(":", "-").replace(",", " ")


def _hledger_symbol(code: str) -> str:
    return code if code.isalpha() else f'"{code}"'


def hledger(book: Book, entries: Iterable[ExportEntry]) -> Iterator[str]:
    """Write the journal for `hledger check --strict`: accounts and commodities declared first.

    Ids of entries are transaction codes; kinds and funds are tags.
    """
    names = hledger_names(book)
    yield f"; {_one_line(book.title)}\n\ndecimal-mark .\n\n"
    for commodity in sorted(book.commodities, key=lambda commodity: commodity.code):
        decimals = "0" * commodity.scale
        yield f"commodity 1000.{decimals} {_hledger_symbol(commodity.code)}\n"
    yield "\n"
    for account in book.ordered():
        yield f"account {names[account.id]}  ; type:{_HLEDGER_TYPES[account.type]}\n"
    yield "\n"
    units = {account.id: _hledger_symbol(account.commodity) for account in book.accounts}
    scales = book.scale_of()
    for entry in entries:
        yield _hledger_entry(entry, names, scales, units)


def _hledger_entry(
    entry: ExportEntry,
    names: dict[AccountId, str],
    scales: dict[AccountId, int],
    units: dict[AccountId, str],
) -> str:
    lines = [
        f"{entry.effective_on} * ({entry.id}) {_one_line(entry.memo)}".rstrip(),
        f"    ; kind:{entry.kind}, recorded-at:{_instant(entry.recorded_at)}",
    ]
    if entry.reverses_id is not None:
        lines.append(f"    ; reverses:{entry.reverses_id}")
    for posting in entry.postings:
        account = posting.account_id
        amount = from_scale(posting.amount_minor, scales[account])
        fund = "" if posting.fund is None else f"  ; fund:{_tag_value(posting.fund)}"
        lines.append(f"    {names[account]}  {amount:f} {units[account]}{fund}")
    return "\n".join(lines) + "\n\n"


# CSV


def csv_journal(book: Book, entries: Iterable[ExportEntry]) -> Iterator[str]:
    """Write one row a posting (RFC 4180): amounts positive on their side, texts as stored."""
    accounts = {account.id: account for account in book.accounts}
    scales = book.scale_of()
    yield _csv_row(CSV_COLUMNS)
    for entry in entries:
        for line, posting in enumerate(entry.postings):
            account = accounts[posting.account_id]
            amount = f"{from_scale(abs(posting.amount_minor), scales[account.id]):f}"
            sides = (amount, "") if posting.amount_minor > 0 else ("", amount)
            yield _csv_row((*_csv_entry(entry), str(line), *_csv_account(account, posting), *sides))


def _csv_entry(entry: ExportEntry) -> tuple[str, ...]:
    return (
        str(entry.id),
        entry.effective_on.isoformat(),
        _instant(entry.recorded_at),
        entry.kind,
        entry.memo,
        "" if entry.reverses_id is None else str(entry.reverses_id),
    )


def _csv_account(account: ExportAccount, posting: ExportPosting) -> tuple[str, ...]:
    vintage = "" if account.vintage is None else str(account.vintage)
    owner = (account.member or "", account.hub or "", vintage)
    return (account.code, account.name, *owner, posting.fund or "", account.commodity)


def _csv_row(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
