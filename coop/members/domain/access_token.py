"""Opaque access tokens: how one is written and recognised before any database is asked.

    coop_pat_ · cooperative (22) · secret (43) · checksum (6)         base 62, 80 characters in all

The prefix is for secret scanners, the checksum spares the database a typo or a cut-off paste, the
cooperative says where to look (rows are kept apart by it). Only SHA-256 of the whole is stored.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from coop.members.errors import TokenInvalid

PREFIX: Final = "coop_pat_"
SECRET_BYTES: Final = 32
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHAPE: Final = re.compile(
    rf"{PREFIX}([0-9A-Za-z]{{22}})([0-9A-Za-z]{{43}})([0-9A-Za-z]{{6}})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class TokenKey:
    """Where a token's row is: the cooperative, and SHA-256 of the token's text."""

    cooperative_id: UUID
    sha256: bytes


def is_access_token(text: str) -> bool:
    """Whether `text` means to be one of ours; a JWT never begins so."""
    return text.startswith(PREFIX)


def token_text(cooperative_id: UUID, secret: bytes) -> str:
    """The token of `secret` (32 random bytes); shown once to its holder and never stored."""
    if len(secret) != SECRET_BYTES:
        raise ValueError("a token's secret is 32 bytes")
    body = _base62(cooperative_id.int, 22) + _base62(int.from_bytes(secret, "big"), 43)
    return PREFIX + body + _checksum(body)


def token_key(text: str) -> TokenKey:
    """Where the row of the token `text` is. Refuses TOKEN_INVALID for what is no token of ours."""
    match = _SHAPE.fullmatch(text)
    if match is None or _checksum(match[1] + match[2]) != match[3]:
        raise TokenInvalid("This is not a whole coop access token.")
    number = 0
    for digit in match[1]:
        number = number * 62 + _ALPHABET.index(digit)
    if number >= 1 << 128:
        raise TokenInvalid("This is not a whole coop access token.")
    return TokenKey(UUID(int=number), sha256_of(text))


def sha256_of(text: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(text.encode()).digest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), 6)


def _base62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits = _ALPHABET[digit] + digits
    return digits
