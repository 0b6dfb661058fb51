"""Creditor references (ISO 11649): what a payer writes, with two digits that catch a slip."""

from __future__ import annotations

import re

_BODY = re.compile(r"[0-9A-Z]{1,21}", re.ASCII)
_WHOLE = re.compile(r"RF[0-9]{2}[0-9A-Z]{1,21}", re.ASCII)
_PREFIX = {"invoice": "INV", "credit_note": "CN"}


def creditor_reference(body: str) -> str:
    """`RF`, two check digits and `body`: 539007547034 → RF18539007547034.

    Raises ValueError unless `body` is 1 to 21 digits and capital letters.
    """
    if not _BODY.fullmatch(body):
        raise ValueError(f"{body!r} is not 1 to 21 digits and capital letters")
    return f"RF{98 - _remainder(f'{body}RF00'):02d}{body}"


def reference_of(kind: str, number: int) -> str:
    """The reference of an invoice or a credit note by its number."""
    return creditor_reference(f"{_PREFIX[kind]}{number:06d}")


def is_reference(text: str) -> bool:
    """Whether `text` is a creditor reference whose check digits are right."""
    return bool(_WHOLE.fullmatch(text)) and _remainder(text[4:] + text[:4]) == 1


def _remainder(text: str) -> int:
    return int("".join(str(int(character, 36)) for character in text)) % 97
