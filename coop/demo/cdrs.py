"""The year's sessions as the OCPI 2.2.1 CDRs that a charging platform would have sent, one a line.

Platforms are not perfect, so this one is not either: it sends a few CDRs twice, and a few that
cannot be right. The import has to notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from coop.demo.simulation import Simulated
from coop.demo.town import CURRENCY, HUBS
from coop.kernel.energy import kwh_of_wh

COUNTRY, PARTY = "DE", "WFT"
RESENT_EVERY = 500
# Numbers of sessions that the platform reports wrongly besides, and how.
LIFETIME_METERS = (4_011, 12_407)
BACKWARDS = (7_350,)
ID_WIDTH = 6


def _number(value: Decimal) -> orjson.Fragment:
    """A JSON number written from exact digits, never from a float."""
    return orjson.Fragment(f"{value:f}".encode())


def cdr_lines(sessions: Iterable[Simulated]) -> Iterator[bytes]:
    """Each session as a line of JSON, in order, with the platform's own mistakes in between."""
    for session in sessions:
        document = _cdr(session)
        line = orjson.dumps(document)
        yield line + b"\n"
        if session.number % RESENT_EVERY == 0:
            yield line + b"\n"
        if session.number in LIFETIME_METERS + BACKWARDS:
            yield orjson.dumps(_mistaken(session, document)) + b"\n"


def _cdr(session: Simulated) -> dict[str, Any]:
    hub = HUBS[session.hub]
    kwh, hours = kwh_of_wh(session.delivered_wh), _hours(session.ended_at - session.started_at)
    return {
        "country_code": COUNTRY,
        "party_id": PARTY,
        "id": f"WFT{session.number:0{ID_WIDTH}d}",
        "start_date_time": _instant(session.started_at),
        "end_date_time": _instant(session.ended_at),
        "cdr_token": {
            "country_code": COUNTRY, "party_id": PARTY, "uid": session.badge,
            "type": "RFID", "contract_id": f"DE-WFT-C{session.badge}",
        },
        "auth_method": "WHITELIST",
        "cdr_location": _location(session),
        "currency": CURRENCY,
        "charging_periods": _periods(session),
        "total_cost": {"excl_vat": _number(Decimal("0.00"))},
        "total_energy": _number(kwh),
        "total_time": _number(hours),
        "total_parking_time": _number(_hours(session.ended_at - session.full_at)),
        "last_updated": _instant(session.ended_at + timedelta(seconds=20)),
        "remark": hub.name,
    }  # fmt: skip


def _periods(session: Simulated) -> list[dict[str, Any]]:
    """Charging, then standing there: the vehicle takes nothing from the second period on."""
    charging = [
        {"type": "ENERGY", "volume": _number(kwh_of_wh(session.delivered_wh))},
        {"type": "TIME", "volume": _number(_hours(session.full_at - session.started_at))},
    ]
    parked = _hours(session.ended_at - session.full_at)
    return [
        {"start_date_time": _instant(session.started_at), "dimensions": charging},
        {
            "start_date_time": _instant(session.full_at),
            "dimensions": [{"type": "PARKING_TIME", "volume": _number(parked)}],
        },
    ]


def _location(session: Simulated) -> dict[str, Any]:
    hub = HUBS[session.hub]
    kind = hub.ports[session.port]
    return {
        "id": hub.ref, "name": hub.name, "address": hub.address, "city": "Warnefurt",
        "postal_code": "00000", "country": "DEU",
        "coordinates": {"latitude": "54.000000", "longitude": "10.000000"},
        "evse_uid": hub.port_ref(session.port), "evse_id": hub.port_ref(session.port),
        "connector_id": "1", "connector_standard": kind.connector,
        "connector_format": "CABLE" if kind.is_fast else "SOCKET",
        "connector_power_type": kind.power_type,
    }  # fmt: skip


def _mistaken(session: Simulated, document: dict[str, Any]) -> dict[str, Any]:
    """A second report of the same visit under another id, with what cannot have happened."""
    wrong = document | {"id": f"WFT{session.number:0{ID_WIDTH}d}-R"}
    if session.number in BACKWARDS:
        start, end = document["start_date_time"], document["end_date_time"]
        return wrong | {"start_date_time": end, "end_date_time": start}
    register = _number(Decimal(session.number * 17) + Decimal("0.250"))
    period = document["charging_periods"][0]
    dimensions = [{"type": "ENERGY", "volume": register}]
    return wrong | {
        "total_energy": register, "charging_periods": [period | {"dimensions": dimensions}],
    }  # fmt: skip


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _hours(lasted: timedelta) -> Decimal:
    """Hours with three decimals, as platforms write them."""
    milli = (lasted // timedelta(seconds=1) * 1000 + 1800) // 3600
    return Decimal(milli).scaleb(-3)
