"""Whether the parts of a CDR are its whole: energy and hours of its periods against its totals.

A platform rounds each number it writes, so a Wh and 20 seconds a period are not a contradiction.
Beyond that nobody can say which of the two was meant (Wh where kWh are meant, a meter read twice),
and each would be another price: refused, for the platform to send it again. So is energy that its
own greatest power cannot have delivered in the period's time. Fewer hours of use than
the session lasted are none: what a platform does not sell, it does not count.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from coop.charging.domain.json_fields import Fields
from coop.charging.domain.periods import HOUR_US, TOLERANCE_US, total
from coop.charging.domain.session import ChargingSession
from coop.charging.errors import EnergyImplausible, FieldInvalid, PartsDisagree
from coop.kernel.energy import kwh_of_wh

_HOURS = ("TIME", "PARKING_TIME", "RESERVATION_TIME")
_MICROSECOND = timedelta(microseconds=1)
_PERIODS = "charging_periods"
# Meters and clocks of a platform: a greatest power rounded to 0.1 kW, times to the minute.
_POWER_TOLERANCE_W = 100
_POWER_TOLERANCE = Decimal("1.02")
_CLOCK_TOLERANCE = timedelta(minutes=1)


def require_whole(fields: Fields, session: ChargingSession) -> None:
    """Refuse a CDR whose periods are not its totals (PARTS_DISAGREE) or not within it.

    Also ENERGY_IMPLAUSIBLE where a period has more energy than its own MAX_POWER x time.
    """
    _check_bounds(session)
    _check_power(session)
    if energy_disagrees(session):
        metered = sum((total(one, "ENERGY") or Decimal(0) for one in session.periods), Decimal(0))
        whole = kwh_of_wh(session.delivered_wh)
        why = f"Its periods deliver {metered:f} kWh, in total it is {whole} kWh."
        raise PartsDisagree(why, (_PERIODS,))
    tolerance_us = TOLERANCE_US * len(session.periods)
    lasted_us = (session.ended_at - session.started_at) // _MICROSECOND
    if sum(_us(session, kind) for kind in _HOURS) > lasted_us + tolerance_us:
        why = "Its periods charge, park and wait for longer than it lasts."
        raise PartsDisagree(why, (_PERIODS,))
    if "total_parking_time" in fields:
        parked_us = fields.number("total_parking_time") * HOUR_US
        if abs(_us(session, "PARKING_TIME") - parked_us) > tolerance_us:
            why = "Its periods do not park for its total of parking."
            raise PartsDisagree(why, ("total_parking_time",))


def _check_power(session: ChargingSession) -> None:
    """Refuse energy of a period that its greatest power cannot have delivered in its time."""
    ends = [*(one.started_at for one in session.periods[1:]), session.ended_at]
    for i, (period, end) in enumerate(zip(session.periods, ends, strict=True)):
        energy, power = total(period, "ENERGY"), total(period, "MAX_POWER")
        if energy is None or not power:
            continue
        most_w = power * 1000 * _POWER_TOLERANCE + _POWER_TOLERANCE_W
        lasted_us = (end - period.started_at + _CLOCK_TOLERANCE) // _MICROSECOND
        if energy * 1000 * HOUR_US > most_w * lasted_us:
            minutes = (end - period.started_at).total_seconds() / 60
            why = f"{energy:f} kWh in {minutes:.0f} minutes, at {power:f} kW at most."
            raise EnergyImplausible(why, (_PERIODS, str(i), "dimensions"))


def energy_disagrees(session: ChargingSession) -> bool:
    """Whether the periods state energy that is not the session's."""
    volumes = [
        dimension.volume
        for period in session.periods
        for dimension in period.dimensions
        if dimension.type == "ENERGY"
    ]
    # Each volume may be off by half its last decimal; a Wh for each is more than that.
    difference_wh = abs(sum(volumes, Decimal(0)) * 1000 - session.delivered_wh)
    return bool(volumes) and difference_wh > len(volumes)


def _us(session: ChargingSession, kind: str) -> Decimal:
    hours = (total(period, kind) for period in session.periods)
    return sum((one * HOUR_US for one in hours if one is not None), Decimal(0))


def _check_bounds(session: ChargingSession) -> None:
    tolerance = timedelta(microseconds=TOLERANCE_US)
    for i, period in enumerate(session.periods):
        early = period.started_at < session.started_at - tolerance
        if early or period.started_at > session.ended_at + tolerance:
            path = (_PERIODS, str(i), "start_date_time")
            raise FieldInvalid("A period that is not within the session.", path)
        for kind in _HOURS:
            if (total(period, kind) or 0) < 0:
                raise FieldInvalid(f"Less than no {kind}.", (_PERIODS, str(i), "dimensions"))
