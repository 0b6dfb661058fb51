"""Capacity a member has reserved at a hub, and what it costs when nobody came.

    POWER       kW for as long as it lasts: kW × price per kW and month × the part of the month that
                the reservation covers, by time on the hub's clock. A cancellation ends it.
    PORT_HOURS  ports from one instant to another: ports × hours × price per port and hour, in the
                month it begins in. Cancelled in time, at least `cancel_minutes` before it begins,
                it costs nothing; cancelled later, it costs what it would have.

A no-show is a reservation of ports that was not cancelled in time and at which the member had no
session at the hub at any moment from its beginning until `grace_minutes` later, while the hub was
not down. It costs its fee beside what was reserved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from coop.billing.domain.loads import is_plausible
from coop.billing.domain.plan import check_taxes
from coop.billing.domain.taxes import canonical_taxes
from coop.billing.sharing_errors import ReservationInvalid
from coop.charging.domain.tariff import Tax
from coop.kernel.money import MINOR_MAX
from coop.kernel.rate import round_half_up

_POWER_MAX_W = 10**9
_PORTS_MAX = 10_000
_PRICE_MAX = Decimal(1_000_000)
_MINUTES_MAX = 31 * 24 * 60
_HOURS_OF_PORTS_MAX = timedelta(days=31)
_MICROSECOND = timedelta(microseconds=1)
_HOUR_US = 3_600_000_000


class ReservationKind(StrEnum):
    """What is reserved."""

    POWER = "POWER"
    PORT_HOURS = "PORT_HOURS"


@dataclass(frozen=True, slots=True)
class ReservationTerms:
    """What is reserved, from when to when, at what price in whole currency.

    `quantity` is W for POWER and ports for PORT_HOURS. Refuses RESERVATION_INVALID.
    """

    kind: ReservationKind
    quantity: int
    unit_price: Decimal
    from_at: datetime
    to_at: datetime
    no_show_minor: int = 0
    grace_minutes: int = 15
    cancel_minutes: int = 60
    taxes: tuple[Tax, ...] = ()

    def __post_init__(self) -> None:
        for name in ("from_at", "to_at"):
            at = getattr(self, name)
            if at.tzinfo is None or not is_plausible(at):
                raise ReservationInvalid("An instant of our days, with its offset.", (name,))
            object.__setattr__(self, name, at.astimezone(UTC))
        if self.to_at <= self.from_at:
            raise ReservationInvalid("It ends after it begins.", ("to_at",))
        most = _POWER_MAX_W if self.kind is ReservationKind.POWER else _PORTS_MAX
        if not 1 <= self.quantity <= most:
            raise ReservationInvalid("More than nothing is reserved.", ("quantity",))
        if not 0 <= self.unit_price < _PRICE_MAX:
            raise ReservationInvalid("A price is not negative and below a million.", ("price",))
        self._check_no_show()
        check_taxes(self.taxes, ReservationInvalid)
        object.__setattr__(self, "taxes", canonical_taxes(self.taxes))

    def _check_no_show(self) -> None:
        for name in ("grace_minutes", "cancel_minutes"):
            if not 0 <= getattr(self, name) <= _MINUTES_MAX:
                raise ReservationInvalid(f"0 to {_MINUTES_MAX} minutes.", (name,))
        if not 0 <= self.no_show_minor <= MINOR_MAX:
            raise ReservationInvalid("A fee is not below nothing.", ("no_show_fee",))
        if self.kind is ReservationKind.POWER and self.no_show_minor:
            raise ReservationInvalid("Nobody has to show up for power.", ("no_show_fee",))
        long = self.to_at - self.from_at > _HOURS_OF_PORTS_MAX
        if self.kind is ReservationKind.PORT_HOURS and long:
            raise ReservationInvalid("Ports are reserved for at most 31 days.", ("to_at",))


@dataclass(frozen=True, slots=True)
class Reserved:
    """What a month is charged for a reservation: kW-months or port-hours, exact; minor units."""

    quantity: Fraction
    unit: str
    net_minor: int


def reserved_in(
    terms: ReservationTerms,
    month_from: datetime,
    month_to: datetime,
    minor_units: int,
    cancelled_at: datetime | None = None,
) -> Reserved | None:
    """What the month [month_from, month_to) is charged; None when nothing.

    `minor_units` of the currency make a whole one.
    """
    if terms.kind is ReservationKind.POWER:
        ends = terms.to_at if cancelled_at is None else min(terms.to_at, cancelled_at)
        covered = min(ends, month_to) - max(terms.from_at, month_from)
        quantity = Fraction(terms.quantity, 1000) * _part(covered, month_to - month_from)
        unit = "kW month"
    else:
        if not month_from <= terms.from_at < month_to or in_time(terms, cancelled_at):
            return None
        hours = Fraction((terms.to_at - terms.from_at) // _MICROSECOND, _HOUR_US)
        quantity, unit = terms.quantity * hours, "port hour"
    if quantity <= 0:
        return None
    return Reserved(
        quantity, unit, round_half_up(quantity * Fraction(terms.unit_price) * minor_units)
    )


def _part(covered: timedelta, whole: timedelta) -> Fraction:
    return Fraction(max(0, covered // _MICROSECOND), whole // _MICROSECOND)


def in_time(terms: ReservationTerms, cancelled_at: datetime | None) -> bool:
    """Whether a cancellation came early enough to cost nothing."""
    if cancelled_at is None:
        return False
    return cancelled_at <= terms.from_at - timedelta(minutes=terms.cancel_minutes)


def is_no_show(
    terms: ReservationTerms,
    sessions: Iterable[tuple[datetime, datetime]],
    cancelled_at: datetime | None = None,
    down: Iterable[tuple[datetime, datetime | None]] = (),
) -> bool:
    """Whether nobody came, given the member's sessions at the hub and when the hub was down.

    Both as (from, to); an outage that still lasts has no end.
    """
    if terms.kind is not ReservationKind.PORT_HOURS or in_time(terms, cancelled_at):
        return False
    latest = terms.from_at + timedelta(minutes=terms.grace_minutes)
    if any(began <= latest and ended >= terms.from_at for began, ended in sessions):
        return False
    return not any(
        began <= latest and (ended is None or ended > terms.from_at) for began, ended in down
    )
