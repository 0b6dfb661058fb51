"""What is asked of the ledger: an entry to post, checked as far as can be without its accounts."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from coop.kernel.errors import InvalidValue
from coop.kernel.ids import AccountId, EntryId, FundId
from coop.kernel.money import MINOR_MAX
from coop.ledger.domain.canonical import json_bytes, length_prefixed
from coop.ledger.errors import (
    AmountOverflow,
    AmountZero,
    EffectiveDateImplausible,
    EntryOneLegged,
    ReversalMismatch,
)

POSTINGS_MIN = 2
MEMO_MAX = 500
KEY_MAX = 200
METADATA_MAX_BYTES = 16_384
METADATA_MAX_DEPTH = 8
EARLIEST = date(1900, 1, 1)
DAYS_AHEAD = 366
REVERSAL = "reversal"

_KIND = re.compile(r"[a-z][a-z0-9_.]{0,63}", re.ASCII)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_JSON_INTEGER_MAX = 2**53


class Side(Enum):
    """The two sides of an account. Stored amounts are signed instead: a debit is positive."""

    DEBIT = "debit"
    CREDIT = "credit"

    @property
    def sign(self) -> int:
        """+1 for a debit, -1 for a credit."""
        return 1 if self is Side.DEBIT else -1

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.CREDIT if self is Side.DEBIT else Side.DEBIT

    @classmethod
    def of(cls, amount_minor: int) -> Side:
        """Tell the side that a signed, non-zero amount stands on."""
        return cls.DEBIT if amount_minor > 0 else cls.CREDIT


@dataclass(frozen=True, slots=True)
class PostingDraft:
    """One line to post, in minor units of the account's commodity, debit positive.

    No fund means the unrestricted one. A commodity is only said where it is to be checked.
    """

    account_id: AccountId
    amount_minor: int
    fund_id: FundId | None = None
    commodity: str | None = None


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """An entry to post. That it balances per commodity and fund is checked on posting.

    `source` is (kind, id) of what it was made from, such as ("charging_session", "…"). Refuses
    ENTRY_TOO_SHORT, AMOUNT_ZERO, AMOUNT_OVERFLOW, EFFECTIVE_DATE_IMPLAUSIBLE and INVALID_VALUE,
    each with the path of the value it refuses.
    """

    kind: str
    effective_on: date
    memo: str
    postings: tuple[PostingDraft, ...]
    idempotency_key: str | None = None
    source: tuple[str, str] | None = None
    reverses_id: EntryId | None = None
    resolution_id: UUID | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _KIND.fullmatch(self.kind):
            raise InvalidValue(
                "A kind is 1 to 64 of a-z, 0-9, _ and ., beginning with a letter.", ("kind",)
            )
        _check_text(self.memo, MEMO_MAX, "memo")
        if self.idempotency_key is not None:
            _check_text(self.idempotency_key, KEY_MAX, "idempotencyKey", least=1)
        if self.source is not None:
            _check_text(self.source[0], 64, "source", least=1)
            _check_text(self.source[1], KEY_MAX, "source", least=1)
        if isinstance(self.effective_on, datetime) or self.effective_on < EARLIEST:
            raise EffectiveDateImplausible(
                f"An entry takes effect on a day from {EARLIEST} on.", ("effectiveOn",)
            )
        _check_postings(self.postings)
        if self.metadata:
            canonical_json(self.metadata)


def _check_text(text: str, longest: int, name: str, least: int = 0) -> None:
    if not least <= len(text) <= longest:
        raise InvalidValue(f"{name} has {least} to {longest} characters, not {len(text)}.", (name,))
    if text.isascii() and text.isprintable():
        return
    if _CONTROL.search(text) or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidValue(f"{name} holds a control character or half a surrogate pair.", (name,))


def _check_postings(postings: tuple[PostingDraft, ...]) -> None:
    if len(postings) < POSTINGS_MIN:
        raise EntryOneLegged("An entry has at least two postings.", ("postings",))
    for line, posting in enumerate(postings):
        amount = posting.amount_minor
        if amount == 0:
            raise AmountZero("A posting moves something.", ("postings", str(line), "amount"))
        if not -MINOR_MAX <= amount <= MINOR_MAX:
            raise AmountOverflow("The amount is too large.", ("postings", str(line), "amount"))


def refuse_implausible(effective_on: date, today: date) -> None:
    """Refuses EFFECTIVE_DATE_IMPLAUSIBLE for a day before 1900 or over 366 days after `today`."""
    if not EARLIEST <= effective_on <= today + timedelta(days=DAYS_AHEAD):
        raise EffectiveDateImplausible(
            f"{effective_on} is before {EARLIEST} or more than a year ahead.", ("effectiveOn",)
        )


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """UTF-8 JSON of `value` with keys in code point order and no blanks: one form per meaning.

    Refuses INVALID_VALUE for what JSON readers do not agree on or the database does not keep:
    floats, integers beyond ±2^53, control characters, half surrogate pairs; and over 16 KiB.
    """
    _check_json(value, 0)
    encoded = json_bytes(value)
    if len(encoded) > METADATA_MAX_BYTES:
        raise InvalidValue(f"metadata is larger than {METADATA_MAX_BYTES} bytes.", ("metadata",))
    return encoded


def _check_json(value: Any, depth: int) -> None:
    if depth > METADATA_MAX_DEPTH:
        raise InvalidValue("metadata is nested too deeply.", ("metadata",))
    if isinstance(value, str):
        _check_text(value, METADATA_MAX_BYTES, "metadata")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _check_key(key)
            _check_json(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_json(item, depth + 1)
    elif not (value is None or (isinstance(value, int) and abs(value) <= _JSON_INTEGER_MAX)):
        raise InvalidValue(
            "metadata holds text, whole numbers up to 2^53, true, false, null, lists and maps.",
            ("metadata",),
        )


def _check_key(key: Any) -> None:
    if not isinstance(key, str):
        raise InvalidValue("metadata has text for keys.", ("metadata",))
    _check_text(key, KEY_MAX, "metadata")


def request_hash(draft: EntryDraft) -> bytes:
    """SHA-256 over everything the draft asks for, except its idempotency key.

    Two requests under one key are the same request exactly when their hashes are. Fields are
    prefixed by their length, so no two requests run together into the same bytes.
    """
    source_kind, source_id = draft.source or (None, None)
    fields: list[bytes | None] = [
        b"coop.request.v1",
        draft.kind.encode(),
        draft.effective_on.isoformat().encode(),
        draft.memo.encode(),
        None if source_kind is None else source_kind.encode(),
        None if source_id is None else source_id.encode(),
        draft.reverses_id.bytes if draft.reverses_id else None,
        draft.resolution_id.bytes if draft.resolution_id else None,
        json_bytes(draft.metadata),
        b"%d" % len(draft.postings),
    ]
    for posting in draft.postings:
        fields += (
            posting.account_id.bytes,
            posting.fund_id.bytes if posting.fund_id else None,
            posting.commodity.encode() if posting.commodity else None,
            b"%d" % posting.amount_minor,
        )
    return hashlib.sha256(length_prefixed(fields)).digest()


def reversal_of(
    entry_id: EntryId,
    postings: Sequence[PostingDraft],
    *,
    effective_on: date,
    memo: str,
    idempotency_key: str | None = None,
) -> EntryDraft:
    """Mirror a stored entry: the same accounts and funds, every amount on the other side."""
    mirrored = tuple(replace(line, amount_minor=-line.amount_minor) for line in postings)
    return EntryDraft(
        kind=REVERSAL,
        effective_on=effective_on,
        memo=memo,
        postings=mirrored,
        idempotency_key=idempotency_key,
        reverses_id=entry_id,
    )


def refuse_unless_reversal(draft: Sequence[PostingDraft], original: Sequence[PostingDraft]) -> None:
    """Refuses REVERSAL_MISMATCH unless `draft` mirrors `original`, in any order of lines.

    Funds are compared as they stand: resolve "no fund" to the unrestricted one on both sides first.
    """
    mirror = Counter((line.account_id, line.fund_id, -line.amount_minor) for line in original)
    if Counter((line.account_id, line.fund_id, line.amount_minor) for line in draft) != mirror:
        raise ReversalMismatch("The postings do not mirror the entry they reverse.", ("postings",))
