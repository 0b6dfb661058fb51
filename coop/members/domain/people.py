"""Cooperatives and members as values, and the shape of the names people give them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from coop.kernel.errors import InvalidValue
from coop.members.domain.roles import SYSTEM_SUBJECT
from coop.members.domain.scopes import Scope
from coop.members.errors import SlugInvalid

NAME_MAX: Final = 200
NUMBER_MAX: Final = 40
SUBJECT_MAX: Final = 255
_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])", re.ASCII)
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")


@dataclass(frozen=True, slots=True)
class Cooperative:
    """One cooperative: its books are in `currency`, its days are those of `time_zone`."""

    id: UUID
    slug: str
    name: str
    currency: str
    time_zone: ZoneInfo
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """A member over the days [joined_on, left_on); `number` is unique in its cooperative."""

    cooperative_id: UUID
    id: UUID
    number: str
    name: str
    email: str | None
    joined_on: date
    left_on: date | None


@dataclass(frozen=True, slots=True)
class MemberDraft:
    """A member to be; without a number it is given the next one."""

    name: str
    joined_on: date
    number: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An opaque token's row; the token itself is kept nowhere."""

    cooperative_id: UUID
    id: UUID
    name: str
    subject: str
    scopes: frozenset[Scope]
    grant_ids: frozenset[UUID]
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


def require_slug(slug: str) -> str:
    """`slug` as it is. Refuses SLUG_INVALID."""
    if not _SLUG.fullmatch(slug):
        raise SlugInvalid("A slug is 2 to 40 of a-z, 0-9 and inner hyphens: nor-east.", ("slug",))
    return slug


def require_text(text: str, field: str, longest: int = NAME_MAX) -> str:
    """`text` as it is. Refuses INVALID_VALUE: empty, padded, unprintable, beyond `longest`."""
    if not 0 < len(text) <= longest or text != text.strip() or not text.isprintable():
        raise InvalidValue(
            f"The {field} is 1 to {longest} printable characters, without spaces at its ends.",
            (field,),
        )
    return text


def require_email(email: str | None) -> str | None:
    """`email` as it is. Refuses INVALID_VALUE for what no mail could reach."""
    if email is not None and not _EMAIL.fullmatch(email):
        raise InvalidValue("That is not an e-mail address.", ("email",))
    return email


def require_subject(subject: str) -> str:
    """`subject` as a token may carry it. Refuses INVALID_VALUE; `system` is the house's own."""
    require_text(subject, "subject", SUBJECT_MAX)
    if is_system_subject(subject):
        raise InvalidValue("That subject is the service's own.", ("subject",))
    return subject


def is_system_subject(subject: str) -> bool:
    """Whether `subject` is `system` or begins with `system:`, in any case."""
    return subject.partition(":")[0].lower() == SYSTEM_SUBJECT


def number_of(ordinal: int) -> str:
    """The number a member is given: 7 is written 0007, so that four digits sort as they count."""
    return f"{ordinal:04d}"
