"""MT940 statements, read by the `mt-940` library: German :86: subfields, slash codes, plain text.

Pages (:60M:, :62M:) of one statement are put together; one that does not end in :62F: was cut off.
The library tells what a tag says; which bytes a line came as is found here, and the balances are
checked before a line is believed.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import mt940
from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from coop.billing.domain.bank_line import (
    LINES_MAX,
    MAX_BYTES,
    BankFile,
    BankLine,
    BankStatement,
    iban_or_none,
    refuse_unbalanced,
    said,
)
from coop.billing.errors import BankFileMalformed, BankFileTooLarge
from coop.kernel.errors import InvalidValue
from coop.kernel.money import MINOR_MAX, currency_scale
from coop.kernel.rate import to_scale

KIND = "mt940"
_OPTIONS = mt940.Options.all()
_BLOCK = re.compile(r"(?m)^(?=:20:)")
_LINE = re.compile(r"(?ms)^:61:.*?(?=^:(?!61:|86:|NS:)[0-9]{2}[A-Z]?:|^:61:|^-|\Z)")
# The library reads 123.75 as 123 and goes on; an amount is digits with one comma and no more.
_AMOUNT_61 = re.compile(
    r":61:[0-9]{6}(?:[0-9]{4}|\s{4})?R?[CD][A-Z]?[\n ]?[0-9]{1,14},[0-9]{0,4}(?![0-9,.'])",
    re.IGNORECASE,
)
_AMOUNT_BALANCE = re.compile(r":6[02][FM]:[CD][0-9]{6}[A-Z]{3}[0-9]{1,14},[0-9]{0,4}\s*")
_BALANCE = re.compile(r"(?m)^:6[02][FM]:.*$")
_SLASHED = re.compile(r"/(EREF|MARF|IBAN|NAME|REMI|RTRN|PREF)/")
_ORIGINAL = re.compile(r"[0-9]{1,12},[0-9]{0,4}")
_REASON = re.compile(r"\b[A-Z]{2}[0-9]{2}\b")
# Business transaction codes of German banks for what comes back, and SWIFT's own type of a return.
_RETURNS = frozenset({"108", "109", "159"})
_RETURNED_ITEM = "NRTI"
# What the library raises for what it cannot read.
_UNREADABLE = (RuntimeError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError)

# The library logs what it cannot read in full, and that would be somebody's account.
logging.getLogger("mt940").addHandler(logging.NullHandler())
logging.getLogger("mt940").propagate = False


def looks_like_mt940(data: bytes) -> bool:
    """Whether there is a statement's first tag."""
    return b":20:" in data[:4_096] and b"<Document" not in data[:4_096]


def mt940_file(data: bytes) -> BankFile:
    """Read every statement of an MT940 file.

    Refuses BANK_FILE_TOO_LARGE, BANK_FILE_MALFORMED (cut off, or a tag that cannot be read) and
    BANK_FILE_UNBALANCED.
    """
    if len(data) > MAX_BYTES:
        raise BankFileTooLarge(f"A bank file has at most {MAX_BYTES} bytes.", ("file",))
    text = _decoded(data).replace("\r\n", "\n").replace("\r", "\n")
    blocks = [part for part in _BLOCK.split(text) if part.startswith(":20:")]
    try:
        pages = [_Page(block) for block in blocks]
        statements = [_statement(group) for group in _statements(pages)]
    except _UNREADABLE:
        raise BankFileMalformed("A tag of it cannot be read; is it cut off?", ("file",)) from None
    if not statements:
        raise BankFileMalformed("There is no statement (:20:) in it.", ("file",))
    return BankFile(KIND, tuple(refuse_unbalanced(one) for one in statements))


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


class _Page:
    """One :20: block as the library reads it, with the text each of its lines came as."""

    def __init__(self, block: str) -> None:
        read = mt940.parse_statements(io.StringIO(block), options=_OPTIONS)
        self.tags: dict[str, Any] = read[0].data
        self.lines: list[dict[str, Any]] = [one.data for one in read[0] if "amount" in one.data]
        self.raw = [found.group().rstrip("\n") for found in _LINE.finditer(block)]
        sound = all(_AMOUNT_61.match(raw) for raw in self.raw)
        sound &= all(_AMOUNT_BALANCE.fullmatch(one) for one in _BALANCE.findall(block))
        if not sound or len(self.raw) != len(self.lines):
            raise BankFileMalformed("A line (:61:) or a balance cannot be read.", ("file",))

    @property
    def name(self) -> tuple[str, str]:
        """The account and the statement it is a page of."""
        return str(self.tags["account_identification"]), str(self.tags.get("statement_number", ""))

    def balance(self, end: str) -> Any:
        """Its balance at that end (opening, closing), final or intermediate."""
        return self.tags.get(f"final_{end}_balance") or self.tags.get(f"intermediate_{end}_balance")

    @property
    def is_last(self) -> bool:
        """Whether the statement ends with it."""
        return "final_closing_balance" in self.tags


def _statements(pages: Sequence[_Page]) -> Iterator[list[_Page]]:
    """The pages of each statement. Refuses one without its last page."""
    group: list[_Page] = []
    for page in pages:
        if group and group[0].name != page.name:
            break
        group.append(page)
        if page.balance("closing") is None:
            break
        if page.is_last:
            yield group
            group = []
    if group:
        raise BankFileMalformed(
            f"Statement {group[0].name[1]} does not come to its closing balance (:62F:): "
            "the file is cut off.",
            ("file",),
        )


def _statement(pages: Sequence[_Page]) -> BankStatement:
    account, number = pages[0].name
    opening, closing = pages[0].balance("opening"), pages[-1].balance("closing")
    if opening is None:
        raise BankFileMalformed(f"Statement {number} has no opening balance (:60F:).", ("file",))
    currency = str(opening.amount.currency)
    pairs = [pair for page in pages for pair in zip(page.lines, page.raw, strict=True)]
    if len(pairs) > LINES_MAX:
        raise BankFileTooLarge(f"A statement has at most {LINES_MAX} lines.", ("file",))
    if closing.amount.currency != currency:
        raise BankFileMalformed(f"Statement {number} mixes currencies.", ("file",))
    opened_on, closed_on = _plain_day(opening.date), _plain_day(closing.date)
    return BankStatement(
        id=f"{pages[0].tags.get('transaction_reference', '')} {number} {closed_on}".strip(),
        iban=_iban(account),
        currency=currency,
        opening_minor=_minor(opening.amount.amount, currency),
        closing_minor=_minor(closing.amount.amount, currency),
        opened_on=opened_on,
        closed_on=closed_on,
        lines=tuple(_line(tags, raw, currency) for tags, raw in pairs),
    )


def _plain_day(day: date) -> date:
    return date(day.year, day.month, day.day)


def _minor(amount: Any, currency: str) -> int:
    try:
        minor = to_scale(amount, currency_scale(currency))
    except InvalidValue as refusal:
        raise BankFileMalformed(refusal.message, ("file",)) from None
    if abs(minor) > MINOR_MAX:
        raise BankFileMalformed("An amount in it is too large.", ("file",))
    return minor


def _iban(account: str) -> str:
    """The IBAN that :25: names: itself, or bank code and number as German banks write it."""
    compact = account.replace(" ", "")
    for text in (compact, compact[:-3]):
        found = iban_or_none(text)
        if found is not None:
            return found
        bank, slash, number = text.partition("/")
        if slash and bank.isdigit() and number.isdigit():
            try:
                return str(IBAN.generate("DE", bank_code=bank, account_code=number).compact)
            except (SchwiftyException, ValueError):
                continue
    return account


def _line(tags: dict[str, Any], raw: str, currency: str) -> BankLine:
    amount = _minor(tags["amount"].amount, currency)
    slashed = _slashed(tags.get("transaction_details") or "")
    text = slashed.get("REMI") if slashed else tags.get("transaction_details")
    text = said(" ".join(filter(None, (tags.get("purpose") or text, tags.get("posting_text"),
                                       tags.get("extra_details")))))  # fmt: skip
    # The reference of :61: and then KREF's, as the library puts them together.
    own, *named = [said(one) for one in (tags.get("customer_reference") or "").split("\n")]
    original = _ORIGINAL.match((tags.get("original_amount") or "").removeprefix("EUR"))
    value_on = _plain_day(tags["date"])
    booked_on = tags.get("entry_date")
    return BankLine(
        booked_on=value_on if booked_on is None else _plain_day(booked_on),
        value_on=value_on,
        amount_minor=amount,
        currency=currency,
        bank_reference=said(tags.get("bank_reference")),
        end_to_end_id=said(tags.get("end_to_end_reference")) or said(slashed.get("EREF")) or own,
        mandate_id=said(tags.get("additional_position_reference")) or said(slashed.get("MARF")),
        text=text or "",
        counterparty_name=said(tags.get("applicant_name")) or said(slashed.get("NAME")),
        counterparty_iban=_other(tags, slashed),
        batch_references=tuple(
            dict.fromkeys(filter(None, (own, *named, said(slashed.get("PREF")))))
        ),
        return_code=_return_code(tags, text or ""),
        original_minor=_original(original, currency),
        raw=raw.encode(),
    )


def _slashed(details: str) -> dict[str, str]:
    """The parts of a :86: written with codes between slashes; none when it has none."""
    parts = _SLASHED.split(details.replace("\n", ""))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _other(tags: dict[str, Any], slashed: dict[str, str]) -> str | None:
    for text in (tags.get("gvc_applicant_iban"), tags.get("applicant_iban"), slashed.get("IBAN")):
        found = iban_or_none((text or "").split("/")[0].strip())
        if found is not None:
            return found
    return None


def _return_code(tags: dict[str, Any], text: str) -> str | None:
    """Why it came back, when it did: the reason the text names, else the bank's own number."""
    gives_back = tags.get("transaction_code") in _RETURNS or tags.get("id") == _RETURNED_ITEM
    if not gives_back:
        return None
    reason = _REASON.search(text)
    return reason.group() if reason else said(tags.get("return_debit_notes")) or "RETURNED"


def _original(found: re.Match[str] | None, currency: str) -> int | None:
    if found is None:
        return None
    return _minor(mt940.models.Amount(found.group(), "C", currency).amount, currency)
