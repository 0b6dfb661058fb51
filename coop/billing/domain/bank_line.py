"""What a bank says happened on an account: lines, the statements they stand on, the file of both.

Every format (camt.053, MT940) is read into these values and nothing else. A line's `facts_sha256`
is what makes it the same line when another file brings it again; two that are alike in everything
are told apart by their number on that day (`coop.billing.bank_import`).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date

from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException

from coop.billing.domain.reference import is_reference
from coop.billing.errors import BankFileUnbalanced
from coop.members.errors import IbanInvalid

MAX_BYTES = 32 * 1024**2
LINES_MAX = 100_000
TEXT_MAX = 1_000
# What banks write where a reference is missing.
_NOTHING = frozenset({"", "NOTPROVIDED", "NONREF", "NOREF", "NOT PROVIDED", "0"})


@dataclass(frozen=True, slots=True)
class BankLine:
    """One movement of an account, as the bank booked it. `amount_minor`: money in is positive.

    `bank_reference` is the bank's own name of the entry, `batch_references` what it calls the batch
    the line settles. `return_code` is there when the line gives back an earlier collection or
    payment; `original_minor` is then what was collected, the rest being the bank's charge.
    """

    booked_on: date
    value_on: date | None
    amount_minor: int
    currency: str
    bank_reference: str | None = None
    end_to_end_id: str | None = None
    mandate_id: str | None = None
    creditor_reference: str | None = None
    text: str = ""
    counterparty_name: str | None = None
    counterparty_iban: str | None = None
    batch_references: tuple[str, ...] = ()
    return_code: str | None = None
    original_minor: int | None = None
    raw: bytes = b""

    @property
    def facts_sha256(self) -> bytes:
        """SHA-256 of what makes it this line: the bank's reference, else everything it says."""
        facts: list[object] = [self.booked_on, self.amount_minor, self.currency]
        if self.bank_reference is not None:
            facts += ["reference", self.bank_reference, self.end_to_end_id]
        else:
            facts += [
                "content", self.value_on, self.end_to_end_id, self.mandate_id,
                self.creditor_reference, self.text, self.counterparty_name, self.counterparty_iban,
                self.return_code,
            ]  # fmt: skip
        digest = hashlib.sha256()
        for fact in facts:
            said = b"" if fact is None else str(fact).encode()
            digest.update(b"%d:" % len(said) + said)
        return digest.digest()


@dataclass(frozen=True, slots=True)
class BankStatement:
    """One statement of one account: what was there before, what moved, what is there now."""

    id: str
    iban: str
    currency: str
    opening_minor: int
    closing_minor: int
    opened_on: date
    closed_on: date
    lines: tuple[BankLine, ...]


@dataclass(frozen=True, slots=True)
class BankFile:
    """What one file says. `kind`: camt.053 or mt940."""

    kind: str
    statements: tuple[BankStatement, ...]


def refuse_unbalanced(statement: BankStatement) -> BankStatement:
    """Refuses BANK_FILE_UNBALANCED unless opening and lines come to the closing balance."""
    moved = sum(line.amount_minor for line in statement.lines)
    if statement.opening_minor + moved != statement.closing_minor:
        raise BankFileUnbalanced(
            f"Statement {statement.id}: {statement.opening_minor} and {len(statement.lines)} lines "
            f"of {moved} together are not {statement.closing_minor} (minor units); the file is "
            "incomplete or was changed.",
            ("file",),
        )
    return statement


def said(text: str | None, longest: int = TEXT_MAX) -> str | None:
    """`text` in one line without what banks write for nothing; None when nothing is left."""
    if text is None:
        return None
    found = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:longest]
    return None if found.upper() in _NOTHING else found


def iban_of(text: str, *path: str) -> str:
    """`text` as an IBAN without blanks, check digits and length tried. Refuses IBAN_INVALID."""
    try:
        return IBAN(text).compact
    except (SchwiftyException, ValueError):
        raise IbanInvalid("That is not an IBAN: its check digits say so.", path) from None


def iban_or_none(text: str | None) -> str | None:
    """The IBAN that `text` is, or None: what a bank writes there may be anything."""
    try:
        return None if not text else IBAN(text).compact
    except (SchwiftyException, ValueError):
        return None


def bic_of(text: str, *path: str) -> str:
    """`text` as a BIC. Refuses IBAN_INVALID."""
    try:
        return str(BIC(text).compact)
    except (SchwiftyException, ValueError):
        raise IbanInvalid("That is not a BIC such as COBADEFFXXX.", path) from None


def masked(iban: str) -> str:
    """An IBAN with its middle hidden, for whoever need not know it: DE89 … 3000."""
    return f"{iban[:4]} … {iban[-4:]}"


_IBAN_LIKE = re.compile(
    r"\b[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)\b"
)


def without_ibans(text: str) -> str:
    """`text` with every IBAN in it masked, written in one piece or in groups of four."""
    return _IBAN_LIKE.sub(_masked_in, text)


def _masked_in(found: re.Match[str]) -> str:
    """The IBAN that a match begins with, masked, and the words after it; all of it if none does."""
    groups = found[0].split(" ")
    for end in range(len(groups), 0, -1):
        iban = iban_or_none("".join(groups[:end]))
        if iban is not None:
            return " ".join([masked(iban), *groups[end:]])
    return found[0]


# ISO 11649: RF, two check digits, up to 21 letters and digits.
_REFERENCE_MIN, _REFERENCE_MAX = 5, 25
_DIGITS_MAX = 12


def references_in(line: BankLine) -> tuple[str, ...]:
    """Everything in the line that could be an ISO 11649 reference, the structured one first."""
    return tuple(
        dict.fromkeys((*references_of(line.creditor_reference or ""), *references_of(line.text)))
    )


def references_of(text: str) -> tuple[str, ...]:
    """Everything in `text` that could be an ISO 11649 reference.

    Payers run references together with other words, so every length with right check digits counts;
    which of them are ours is for the books to say.
    """
    compact = "".join(text.split()).upper()
    found: dict[str, None] = {}
    start = compact.find("RF")
    while start >= 0:
        for length in range(_REFERENCE_MAX, _REFERENCE_MIN - 1, -1):
            candidate = compact[start : start + length]
            if len(candidate) == length and is_reference(candidate):
                found[candidate] = None
        start = compact.find("RF", start + 1)
    return tuple(found)


def numbers_in(line: BankLine) -> frozenset[int]:
    """Every run of digits in the line's text, as a number; longer ones are no invoice's."""
    runs = "".join(c if c.isascii() and c.isdigit() else " " for c in line.text).split()
    return frozenset(int(run) for run in runs if len(run) <= _DIGITS_MAX)
