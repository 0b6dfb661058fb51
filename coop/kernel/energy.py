"""Energy: an exact count of watt-hours, shown as kWh with three decimals."""

from __future__ import annotations

from decimal import Decimal
from typing import NewType

from coop.kernel.rate import from_scale, to_scale

Wh = NewType("Wh", int)
KWH_SCALE = 3


def wh_of_kwh(kwh: Decimal) -> Wh:
    """Watt-hours of a kWh figure with at most three decimals. Refuses INVALID_VALUE beyond that."""
    return Wh(to_scale(kwh, KWH_SCALE))


def kwh_of_wh(wh: int) -> Decimal:
    """12340 Wh → 12.340 kWh."""
    return from_scale(wh, KWH_SCALE)
