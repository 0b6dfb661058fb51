"""From stored sessions to quarter-hour loads: of a hub, over days of its own clock."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.loads import Loads, quarters_between
from coop.billing.queries.sharing import session_loads
from coop.charging.domain.json_fields import Fields, decoder
from coop.charging.domain.session import Dimension, MeteredPeriod
from coop.kernel.ids import HubId

# Whoever charges without a badge that is known: what it causes is the cooperative's to bear.
GUESTS = "guests"
_decoder = decoder()


async def hub_loads(
    connection: AsyncConnection, hub_id: HubId, zone: ZoneInfo, from_on: date, to_on: date
) -> Loads[str]:
    """Wh of a hub by member (its id as text, or GUESTS) in every quarter hour of [from_on, to_on).

    Sessions are read one after another: memory grows with members, not with sessions.
    """
    loads = Loads[str](quarters_between(from_on, to_on, zone))
    async for one in session_loads(connection, hub_id, from_on, to_on):
        owner = GUESTS if one.member_id is None else str(one.member_id)
        periods = periods_of_raw(one.raw)
        loads.add(owner, one.started_at, one.ended_at, one.delivered_wh, periods)
    return loads


def periods_of_raw(raw: bytes) -> tuple[MeteredPeriod, ...]:
    """The periods and their energy of a session as it was received; none of a row of a file."""
    if not raw.startswith(b"{"):
        return ()
    fields = Fields(_decoder.decode(raw.decode()))
    if "charging_periods" not in fields:
        return ()
    found: list[tuple[datetime, Decimal | None]] = []
    for period in fields.children("charging_periods"):
        kwh: Decimal | None = None
        for child in period.children("dimensions"):
            if child.values.get("type") == "ENERGY":
                kwh = (kwh or Decimal(0)) + child.number("volume")
        found.append((period.instant("start_date_time"), kwh))
    return tuple(
        MeteredPeriod(started_at, () if kwh is None else (Dimension("ENERGY", kwh),))
        for started_at, kwh in found
    )
