"""Deferred revenue: the money of make-up credits, rolled forward from one day to another. Pure.

    noncurrent   opening + additions − reclassified − recognised = closing
    current      opening + additions + reclassified − recognised = closing

Current is what must be used or expire within twelve months of the day; the rest is noncurrent, and
is reclassified as its end comes nearer. Recognised is what was used, expired or was released.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from coop.billing.domain.commitment import month_after
from coop.billing.domain.settlement import Movement, MovementKind

CURRENT_MONTHS = 12


class Split(NamedTuple):
    """An amount in minor units by when it must be used: within twelve months, or later."""

    current: int = 0
    noncurrent: int = 0


@dataclass(frozen=True, slots=True)
class RollForward:
    """How a liability moved; `reclassified` left noncurrent and entered current."""

    opening: Split
    additions: Split
    recognised: Split
    reclassified: int
    closing: Split


def roll_forward(
    opening: Split, additions: Split, recognised: Split, reclassified: int
) -> RollForward:
    """Roll a liability forward. Raises ValueError when more is taken off than is there."""
    closing = Split(
        opening.current + additions.current + reclassified - recognised.current,
        opening.noncurrent + additions.noncurrent - reclassified - recognised.noncurrent,
    )
    if min(closing) < 0:
        raise ValueError("more is recognised or reclassified than was deferred")
    return RollForward(opening, additions, recognised, reclassified, closing)


def rolled(movements: Iterable[Movement], from_on: date, to_on: date) -> RollForward:
    """The roll-forward of make-up credits over the months [from_on, to_on), by their movements.

    A credit counts as current by its end, seen from the opening; what is issued meanwhile, from
    the closing. Raises ValueError when the closing does not follow: movements are then missing.
    """
    opened: dict[date, int] = {}
    added: dict[date, int] = {}
    taken: dict[date, int] = {}
    for one in movements:
        if one.month >= to_on:
            continue
        into = opened if one.month < from_on else added
        if one.month >= from_on and one.kind is not MovementKind.ISSUED:
            into = taken
        sign = -1 if into is taken else 1
        into[one.expires_on] = into.get(one.expires_on, 0) + sign * one.minor
    ends = opened.keys() | added.keys() | taken.keys()
    left = {end: opened.get(end, 0) + added.get(end, 0) - taken.get(end, 0) for end in ends}
    opening, closing = _split(opened, from_on), _split(left, to_on)
    additions = _split(added, to_on)
    recognised = _recognised(opened, taken, from_on, to_on)
    nearer = opening.noncurrent + additions.noncurrent - recognised.noncurrent - closing.noncurrent
    found = roll_forward(opening, additions, recognised, nearer)
    if found.closing != closing:
        raise ValueError("the closing of the deferred revenue does not follow from its movements")
    return found


def _split(by_end: Mapping[date, int], on: date) -> Split:
    limit = month_after(on, CURRENT_MONTHS)
    current = sum(minor for end, minor in by_end.items() if end <= limit)
    return Split(current, sum(by_end.values()) - current)


def _recognised(
    opened: Mapping[date, int], taken: Mapping[date, int], from_on: date, to_on: date
) -> Split:
    """What was taken off, from where it stood: additions at the closing, the rest at the opening.

    Of one end, what was there at the opening is taken first: it is the older.
    """
    old = {end: min(minor, opened.get(end, 0)) for end, minor in taken.items()}
    new = {end: minor - old[end] for end, minor in taken.items()}
    first, second = _split(old, from_on), _split(new, to_on)
    return Split(first.current + second.current, first.noncurrent + second.noncurrent)
