"""Mandates: a member's leave to collect by SEPA direct debit, and what a collection asks of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from coop.billing.domain.bank_line import bic_of, iban_of
from coop.billing.errors import CollectionTooSoon
from coop.kernel.errors import InvalidValue

SCHEMES = ("CORE", "B2B")
FIRST, RECURRING = "FRST", "RCUR"
LEAD_DAYS = 2
LEAD_DAYS_MAX = 14
AHEAD_DAYS = 30
NAME_MAX = 70
# SEPA's own characters, and no slash where a file's name may come of it.
_REFERENCE = re.compile(r"[A-Za-z0-9+?():.,'-]{1,35}", re.ASCII)
_CREDITOR = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{3}[A-Z0-9]{1,28}", re.ASCII)


@dataclass(frozen=True, slots=True)
class MandateDraft:
    """A signed mandate to be kept. Refuses INVALID_VALUE and IBAN_INVALID, at the field's name."""

    member_id: UUID
    reference: str
    signed_on: date
    iban: str
    holder: str
    scheme: str = "CORE"
    bic: str | None = None

    def __post_init__(self) -> None:
        if not _REFERENCE.fullmatch(self.reference):
            raise InvalidValue(
                "A mandate's reference has 1 to 35 of A-Z, a-z, 0-9 and +?():.,'-.", ("reference",)
            )
        if self.scheme not in SCHEMES:
            raise InvalidValue("A mandate's scheme is CORE or B2B.", ("scheme",))
        if not self.holder.strip() or len(self.holder) > NAME_MAX:
            raise InvalidValue(f"A holder has 1 to {NAME_MAX} characters.", ("holder",))
        object.__setattr__(self, "iban", iban_of(self.iban, "iban"))
        if self.bic is not None:
            object.__setattr__(self, "bic", bic_of(self.bic, "bic"))


@dataclass(frozen=True, slots=True)
class Mandate:
    """A mandate as kept. `sequence`: FRST until something was collected with it, then RCUR."""

    id: UUID
    member_id: UUID
    reference: str
    signed_on: date
    scheme: str
    iban: str
    bic: str | None
    holder: str
    sequence: str
    revoked_on: date | None

    def in_force(self, on: date) -> bool:
        """Whether it allows a collection on that day."""
        return self.signed_on <= on and (self.revoked_on is None or on < self.revoked_on)


def creditor_of(text: str, *path: str) -> str:
    """`text` as a SEPA creditor identifier, its check digits tried. Refuses INVALID_VALUE."""
    compact = text.replace(" ", "").upper()
    if _CREDITOR.fullmatch(compact):
        # Positions 5 to 7 are the creditor's own business and do not count.
        turned = "".join(str(int(c, 36)) for c in compact[7:] + compact[:4])
        if int(turned) % 97 == 1:
            return compact
    raise InvalidValue("That is not a creditor identifier such as DE98ZZZ09999999999.", path)


def refuse_too_soon(collect_on: date, today: date, lead_days: int) -> None:
    """Refuses COLLECTION_TOO_SOON unless the bank has `lead_days` TARGET days until `collect_on`.

    Refuses INVALID_VALUE for a day that is not one of business, or over a month ahead.
    """
    if not 0 <= lead_days <= LEAD_DAYS_MAX:
        raise InvalidValue(f"A bank needs 0 to {LEAD_DAYS_MAX} business days.", ("leadDays",))
    if not is_business_day(collect_on):
        raise InvalidValue(f"{collect_on} is no day banks settle on.", ("collectOn",))
    if collect_on > today + timedelta(days=AHEAD_DAYS):
        raise InvalidValue(f"Collect at most {AHEAD_DAYS} days ahead.", ("collectOn",))
    earliest = today
    for _ in range(lead_days):
        earliest = next_business_day(earliest)
    if collect_on < max(earliest, today):
        raise CollectionTooSoon(f"The bank can collect from {earliest} on.", ("collectOn",))


def next_business_day(day: date) -> date:
    """The first TARGET day after `day`."""
    day += timedelta(days=1)
    while not is_business_day(day):
        day += timedelta(days=1)
    return day


def is_business_day(day: date) -> bool:
    """Whether TARGET settles on that day: no weekend, New Year, Easter, May Day or Christmas."""
    if day.isoweekday() > 5:  # noqa: PLR2004 - Friday
        return False
    easter = _easter(day.year)
    closed = {easter - timedelta(days=2), easter + timedelta(days=1)}
    return day not in closed and (day.month, day.day) not in {(1, 1), (5, 1), (12, 25), (12, 26)}


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous computus)."""
    a, b, c = year % 19, year // 100, year % 100
    d = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    e = (32 + 2 * (b % 4) + 2 * (c // 4) - d - c % 4) % 7
    f = d + e - 7 * ((a + 11 * d + 22 * e) // 451) + 114
    return date(year, f // 31, f % 31 + 1)
