"""Accounting periods: months that follow one another without a gap.

    OPEN → CLOSING → CLOSED ↻ OPEN again, only by a resolution; the seal of each close is kept

A period takes postings while it is OPEN. CLOSING is the moment in between: the fence is up, no
posting comes in, what was posted is sealed. Periods close oldest first and reopen newest first, so
what a closed period builds on never moves under it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from itertools import pairwise
from uuid import UUID

from coop.ledger.errors import (
    PeriodHasHolds,
    PeriodNotClosed,
    PeriodNotOpen,
    PeriodOrder,
    ResolutionRequired,
)

_DECEMBER = 12


class PeriodState(Enum):
    """Where a period stands; only OPEN takes postings."""

    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The days [from_on, to_on); `resolution_id` is the vote that reopened it last."""

    from_on: date
    to_on: date
    state: PeriodState = PeriodState.OPEN
    resolution_id: UUID | None = None

    def holds(self, day: date) -> bool:
        """Whether `day` lies in the period."""
        return self.from_on <= day < self.to_on


def month_of(day: date) -> Period:
    """Make the open calendar month that `day` lies in."""
    first = day.replace(day=1)
    year, month = (day.year + 1, 1) if day.month == _DECEMBER else (day.year, day.month + 1)
    return Period(first, date(year, month, 1))


def months(first: date, last: date) -> Iterator[Period]:
    """Make the open calendar months from the one of `first` to the one of `last`."""
    month = month_of(first)
    while month.from_on <= last:
        yield month
        month = month_of(month.to_on)


def refuse_gaps(periods: Sequence[Period]) -> None:
    """Refuse PERIOD_ORDER unless each period begins where the one before it ends."""
    for before, after in pairwise(periods):
        if after.from_on != before.to_on:
            raise PeriodOrder(f"{after.from_on} does not follow {before.to_on} without a gap.")


def begin_close(period: Period, previous: Period | None, pending_holds: int) -> Period:
    """Put up the fence: OPEN → CLOSING.

    Refuses PERIOD_NOT_OPEN, PERIOD_ORDER while the previous period is not closed, and
    PERIOD_HAS_HOLDS while money of the period is still held.
    """
    if period.state is not PeriodState.OPEN:
        raise PeriodNotOpen(f"The period from {period.from_on} is {period.state.value}, not open.")
    if previous is not None:
        refuse_gaps((previous, period))
        if previous.state is not PeriodState.CLOSED:
            raise PeriodOrder(f"The period from {previous.from_on} is to be closed first.")
    if pending_holds:
        raise PeriodHasHolds(f"{pending_holds} holds are pending; capture or release them first.")
    return replace(period, state=PeriodState.CLOSING)


def finish_close(period: Period) -> Period:
    """Close what was sealed: CLOSING → CLOSED. Refuses PERIOD_NOT_OPEN when no close was begun."""
    if period.state is not PeriodState.CLOSING:
        raise PeriodNotOpen(f"No close of the period from {period.from_on} is under way.")
    return replace(period, state=PeriodState.CLOSED)


def abandon_close(period: Period) -> Period:
    """Take the fence down again: CLOSING → OPEN. Refuses PERIOD_NOT_OPEN when there is none."""
    if period.state is not PeriodState.CLOSING:
        raise PeriodNotOpen(f"No close of the period from {period.from_on} is under way.")
    return replace(period, state=PeriodState.OPEN)


def reopen(period: Period, following: Period | None, resolution_id: UUID | None) -> Period:
    """Reopen by vote: CLOSED → OPEN.

    Refuses RESOLUTION_REQUIRED, PERIOD_NOT_CLOSED, and PERIOD_ORDER while the following period is
    not open: it was closed on top of this one.
    """
    if resolution_id is None:
        raise ResolutionRequired("Only a resolution of the members reopens a closed period.")
    if period.state is not PeriodState.CLOSED:
        raise PeriodNotClosed(f"The period from {period.from_on} is {period.state.value}.")
    if following is not None and following.state is not PeriodState.OPEN:
        raise PeriodOrder(f"The period from {following.from_on} is to be reopened first.")
    return replace(period, state=PeriodState.OPEN, resolution_id=resolution_id)
