"""Whether a tariff may be adopted: everything has a price, and every price can count.

Every case of a dimension is a box: minutes of the day × days of the week × days × kWh so far ×
current × power × duration. Each element in order takes its box out of what is left:

- it takes nothing: those before it cover all of its cases, so it never counts (TARIFF_OVERLAP);
- something is left in the end: a hole (TARIFF_HOLE), of the dimensions charging is paid by. These
  are ENERGY and TIME, each if the tariff prices it anywhere, else FLAT (paid by the session). To
  give something away, a price of 0 says so. Else start fees, and parking and reservations, may have
  holes: it is usual that parking costs nothing at night.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from coop.charging.domain.tariff import Tariff
from coop.charging.domain.tariff_restrictions import DAY_MINUTES, Restrictions
from coop.charging.domain.tariff_words import words_of
from coop.charging.errors import TariffHole, TariffOverlap, TariffTooComplex

_EVER = 10**30
_MOST_BOXES = 5000
_EVERY_DAY = frozenset(range(7))
_FIRST_DAY, _LAST_DAY = date.min.toordinal(), date.max.toordinal() + 1
_Range = tuple[int | Fraction, int | Fraction]
_ALL: _Range = (0, _EVER)


class _Box(NamedTuple):
    """Cases that are the product of their axes; ranges are [from, to)."""

    weekdays: frozenset[int] = _EVERY_DAY
    ranges: tuple[_Range, ...] = ((0, DAY_MINUTES), (_FIRST_DAY, _LAST_DAY), *[_ALL] * 4)


def require_complete(tariff: Tariff, from_at: datetime | None = None) -> None:
    """Refuse a tariff that leaves charging without a price, or has a price that never counts.

    `from_at` is when it is to be in force, so that days before do not matter. Refuses TARIFF_HOLE,
    TARIFF_OVERLAP and TARIFF_TOO_COMPLEX, with the path of the element or field.
    """
    if tariff.ends_at is not None:
        why = "It ends by itself, and then nothing has a price; the next version ends it."
        raise TariffHole(why, ("end_date_time",))
    if from_at is not None and tariff.starts_at is not None and from_at < tariff.starts_at:
        why = "It begins later than it is to be in force."
        raise TariffHole(why, ("start_date_time",))
    dimensions = _dimensions(tariff)
    paid_by = {"ENERGY", "TIME"} & dimensions.keys() or {"FLAT"} & dimensions.keys()
    if not paid_by:
        why = "It prices neither ENERGY nor TIME nor sessions; a price of 0 says they are free."
        raise TariffHole(why, ("elements",))
    for kind, positions in dimensions.items():
        left = _left(tariff, kind, positions, _whole(from_at))
        if left is not None and kind in paid_by:
            raise TariffHole(f"No price for: {words_of(kind, _said(left))}.", ("elements",))


def _dimensions(tariff: Tariff) -> dict[str, list[tuple[int, int]]]:
    """Dimension → (element, component) that price it; reservations are dimensions of their own."""
    found: dict[str, list[tuple[int, int]]] = {}
    for i, element in enumerate(tariff.elements):
        reservation = element.restrictions.reservation if element.restrictions else None
        for j, component in enumerate(element.components):
            name = f"{reservation}:{component.kind}" if reservation else component.kind
            found.setdefault(name, []).append((i, j))
    return found


def _whole(from_at: datetime | None) -> _Box:
    if from_at is None:
        return _Box()
    # The hub's day may be the day before that of UTC.
    minutes, _, *others = _Box().ranges
    first = max(from_at.toordinal() - 1, _FIRST_DAY)
    return _Box(_EVERY_DAY, (minutes, (first, _LAST_DAY), *others))


def _left(
    tariff: Tariff, kind: str, positions: Iterable[tuple[int, int]], whole: _Box
) -> _Box | None:
    """A case that no element prices, or None. Refuses an element that has no case left."""
    left = [whole]
    for i, j in positions:
        taken = list(_boxes(tariff.elements[i].restrictions))
        if not any(_happens(_common(box, one)) for box in left for one in taken):
            path = ("elements", str(i), "price_components", str(j))
            raise TariffOverlap(f"This {kind} never counts: those before it price its cases.", path)
        for one in taken:
            left = [piece for box in left for piece in _without(box, one) if _happens(piece)]
        if len(left) > _MOST_BOXES:
            why = "Its restrictions cross in more ways than anybody could follow."
            raise TariffTooComplex(why, ("elements",))
    return left[0] if left else None


def _boxes(one: Restrictions | None) -> Iterator[_Box]:
    """The cases of an element: one box, or two when its window wraps over midnight."""
    if one is None:
        yield _Box()
        return
    rest = (
        (
            _FIRST_DAY if one.start_date is None else one.start_date.toordinal(),
            _LAST_DAY if one.end_date is None else one.end_date.toordinal(),
        ),
        _range(one.min_kwh, one.max_kwh),
        _range(one.min_current, one.max_current),
        _range(one.min_power, one.max_power),
        _range(one.min_duration_s, one.max_duration_s),
    )
    weekdays = _EVERY_DAY if one.days is None else one.days
    start = one.start_minute or 0
    end = DAY_MINUTES if one.end_minute is None else one.end_minute
    for window in [(start, end)] if start < end else [(0, end), (start, DAY_MINUTES)]:
        yield _Box(weekdays, (window, *rest))


def _range(least: Decimal | int | None, most: Decimal | int | None) -> _Range:
    return (
        Fraction(0) if least is None else Fraction(least),
        _EVER if most is None else Fraction(most),
    )


def _common(box: _Box, other: _Box) -> _Box | None:
    weekdays = box.weekdays & other.weekdays
    pairs = zip(box.ranges, other.ranges, strict=True)
    ranges = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in pairs)
    if not weekdays or any(start >= end for start, end in ranges):
        return None
    return _Box(weekdays, ranges)


def _without(box: _Box, other: _Box) -> Iterator[_Box]:
    """The cases of `box` that are not of `other`, as boxes that do not overlap."""
    common = _common(box, other)
    if common is None:
        yield box
        return
    if box.weekdays != common.weekdays:
        yield box._replace(weekdays=box.weekdays - common.weekdays)
    for axis, ((start, end), (first, last)) in enumerate(
        zip(box.ranges, common.ranges, strict=True)
    ):
        before, after = common.ranges[:axis], box.ranges[axis + 1 :]
        if start < first:
            yield _Box(common.weekdays, (*before, (start, first), *after))
        if last < end:
            yield _Box(common.weekdays, (*before, (last, end), *after))


def _happens(box: _Box | None) -> bool:
    """Whether there is such a case: a few days may lack the days of the week."""
    if box is None:
        return False
    first, last = box.ranges[1]
    days = range(int(first), int(min(last, first + 7)))
    return any((day - 1) % 7 in box.weekdays for day in days)


def _said(box: _Box) -> Restrictions:
    """A box as restrictions, to be put in words."""
    (start, end), (first, last), *meters = box.ranges
    ((least_kwh, most_kwh), (least_a, most_a), (least_kw, most_kw), (least_s, most_s)) = meters
    return Restrictions(
        start_minute=int(start) or None,
        end_minute=None if end == DAY_MINUTES else int(end),
        start_date=None if first == _FIRST_DAY else date.fromordinal(int(first)),
        end_date=None if last == _LAST_DAY else date.fromordinal(int(last)),
        min_kwh=_number(least_kwh), max_kwh=_number(most_kwh),
        min_current=_number(least_a), max_current=_number(most_a),
        min_power=_number(least_kw), max_power=_number(most_kw),
        min_duration_s=int(least_s) or None,
        max_duration_s=None if most_s == _EVER else int(most_s),
        days=None if box.weekdays == _EVERY_DAY else box.weekdays,
    )  # fmt: skip


def _number(value: int | Fraction) -> Decimal | None:
    if value in {0, _EVER}:
        return None
    exact = Fraction(value)
    return Decimal(exact.numerator) / Decimal(exact.denominator)
