"""The month a bill is for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from coop.billing.errors import MonthInvalid

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)
_DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month: `from_on` is its first day, `to_on` the first day after it."""

    from_on: date
    to_on: date

    def __str__(self) -> str:
        return f"{self.from_on:%Y-%m}"


def month_of(day: date) -> Month:
    """The month in which `day` lies."""
    years, month = divmod(day.month, _DECEMBER)
    return Month(day.replace(day=1), date(day.year + years, month + 1, 1))


def month_named(text: str) -> Month:
    """The month written as 2025-03. Refuses BILL_MONTH_INVALID."""
    found = _MONTH.fullmatch(text)
    if found is None or found[1] in {"0000", "9999"}:
        raise MonthInvalid("A month is written as 2025-03.", ("month",))
    return month_of(date(int(found[1]), int(found[2]), 1))
