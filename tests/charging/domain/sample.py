"""Small inputs in the shape operators send them."""

from __future__ import annotations

import json
from decimal import Decimal
from io import BytesIO
from typing import Any

from coop.charging.domain.csv_sessions import open_csv, readings_of
from coop.charging.domain.mapping import SessionMapping, mapping_of
from coop.charging.domain.session import Reading

MAPPING = """
[file]
separator = ";"
decimal = ","
missing = ["NA"]
[identity]
country_code = "no"
party_id = "tst"
column = "id"
[times]
start = "from"
end = "to"
formats = ["%Y-%m-%d %H:%M:%S"]
zone = "Europe/Oslo"
[energy]
column = "kwh"
[user]
column = "user"
register = true
[hub]
column = "hub"
register = true
"""
HEADER = "hub;user;id;from;to;kwh"
GOOD = "H1;anna;s1;2026-03-02 08:00:00;2026-03-02 10:30:00;12,34"


def mapping(extra: str = "", **replace: str) -> SessionMapping:
    """The mapping above with more settings at its end and pieces of it replaced."""
    text = MAPPING
    for old, new in replace.items():
        text = text.replace(f"{old} =", f"{new} =", 1)
    return mapping_of(text + extra)


def read(text: str | bytes, using: SessionMapping | None = None) -> list[Reading]:
    """All readings of a CSV text under a mapping."""
    wanted = using or mapping()
    stream = BytesIO(text if isinstance(text, bytes) else text.encode())
    header = open_csv(stream, wanted)
    return list(readings_of(stream, wanted, header))


def rows(*lines: str) -> str:
    """A CSV of these rows under the usual header."""
    return "\n".join((HEADER, *lines)) + "\n"


def cdr(**changes: Any) -> dict[str, Any]:
    """A good CDR, with fields changed (None takes one away); its period follows what is changed."""
    document: dict[str, Any] = {
        "country_code": "NO",
        "party_id": "TST",
        "id": "cdr-1",
        "start_date_time": "2026-03-02T07:00:00Z",
        "end_date_time": "2026-03-02T09:30:00Z",
        "cdr_token": {"country_code": "NO", "party_id": "TST", "uid": "badge-1", "type": "RFID",
                      "contract_id": "NO-TST-C1"},
        "auth_method": "WHITELIST",
        "cdr_location": {"id": "H1", "name": "Hub one", "evse_uid": "p1", "connector_id": "1"},
        "currency": "EUR",
        "charging_periods": [
            {"start_date_time": "2026-03-02T07:00:00Z",
             "dimensions": [{"type": "ENERGY", "volume": Decimal("12.34")}]}
        ],
        "total_cost": {"excl_vat": Decimal("3.10")},
        "total_energy": Decimal("12.34"),
        "total_time": Decimal("2.5"),
        "last_updated": "2026-03-02T09:31:00Z",
    }  # fmt: skip
    document.update(changes)
    if "charging_periods" not in changes:
        period = document["charging_periods"][0]
        if isinstance(changes.get("start_date_time"), str):
            period["start_date_time"] = changes["start_date_time"]
        if isinstance(changes.get("total_energy"), Decimal | int):
            period["dimensions"][0]["volume"] = changes["total_energy"]
    return {name: value for name, value in document.items() if value is not None}


def dumped(*documents: Any) -> bytes:
    """CDRs as NDJSON, Decimals as JSON numbers."""
    return b"".join(json.dumps(d, default=float).encode() + b"\n" for d in documents)
