"""An OCPI 2.2.1 CDR as a charging session, or a refusal that names the field (mod_cdrs, types).

What is read: who and where, when, how much, and the metered periods. Costs of the platform are not:
the cooperative prices by its own rules (the raw CDR keeps them). Latitude and longitude are not
either, so that the specification's own example, which swaps them, is a good CDR. Numbers are
Decimals from the first character on. Identifiers are CiStrings, equal in any case, and come out in
upper case.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from coop.charging.domain.cdr_parts import energy_disagrees, require_whole
from coop.charging.domain.currencies import CURRENCIES
from coop.charging.domain.json_fields import Fields, decoder
from coop.charging.domain.plausibility import Limits, doubts_about
from coop.charging.domain.session import (
    ChargingSession,
    Dimension,
    Doubt,
    MeteredPeriod,
    facts_sha256,
    metered_wh,
    normal_id,
)
from coop.charging.errors import CurrencyUnknown, FieldInvalid, FieldMissing, RowMalformed
from coop.kernel.errors import Refusal

_NO_EVSE = "#NA"  # a reservation nobody came to
_NAMES = {"start": "start_date_time", "end": "end_date_time", "energy": "total_energy"}
_HOUR_US = 3_600_000_000
_MICROSECOND = timedelta(microseconds=1)
# A third of a minute: platforms write hours with three decimals and round them as they like.
_TIME_TOLERANCE_US = 20_000_000
_DIMENSION_NAMES = """
    CURRENT ENERGY ENERGY_EXPORT ENERGY_IMPORT MAX_CURRENT MIN_CURRENT MAX_POWER MIN_POWER
    PARKING_TIME POWER RESERVATION_TIME STATE_OF_CHARGE TIME
"""
_DIMENSIONS = frozenset(_DIMENSION_NAMES.split())


def session_of_cdr(
    document: object, raw: bytes, limits: Limits, read_at: datetime | None = None
) -> tuple[ChargingSession, tuple[Doubt, ...]]:
    """The session that a parsed CDR reports, with its doubts.

    `document` is JSON read by `json_fields.decoder` (numbers are Decimals), `raw` the bytes it was
    read from. Refuses with the path of the field ("cdr_token", "uid"), plausibility included; a
    credit CDR (which repeats the original's positive kWh) is not judged again, only doubted.
    """
    fields = Fields(document)
    if "kwh" in fields and "total_energy" not in fields:
        raise RowMalformed("This is a Session, not a CDR: only CDRs are charged.", ("kwh",))
    session = _session(fields, raw)
    doubts = (*_cdr_doubts(fields, session), *_period_doubts(session))
    if session.credit_of is not None:
        return session, doubts
    try:
        doubts = (*doubts, *doubts_about(session, limits, read_at))
    except Refusal as refusal:
        refusal.path = tuple(_NAMES.get(part, part) for part in refusal.path)
        raise
    require_whole(fields, session)
    return session, doubts


def _session(fields: Fields, raw: bytes) -> ChargingSession:
    location = fields.child("cdr_location")
    token = fields.child("cdr_token")
    evse = location.identifier("evse_uid", 36)
    return ChargingSession(
        country_code=_country(fields),
        party_id=normal_id(fields.identifier("party_id", 3)),
        id=normal_id(fields.identifier("id", 39)),
        hub_ref=normal_id(location.identifier("id", 36)),
        port_ref=None if evse == _NO_EVSE else normal_id(evse),
        token_uid=normal_id(token.identifier("uid", 36)),
        started_at=fields.instant("start_date_time"),
        ended_at=fields.instant("end_date_time"),
        delivered_wh=metered_wh(fields.number("total_energy")),
        raw=raw,
        body_sha256=body_sha256(fields.values),
        hub_name=location.text("name", 255) if "name" in location else None,
        currency=_currency(fields),
        issued_at=fields.instant("last_updated"),
        credit_of=_credit_of(fields),
        periods=_periods(fields),
        session_ref=normal_id(fields.identifier("session_id", 36))
        if "session_id" in fields
        else None,
    )


def _country(fields: Fields) -> str:
    code = fields.identifier("country_code", 2)
    if len(code) != 2 or not code.isalpha():  # noqa: PLR2004 - ISO 3166 alpha-2
        raise FieldInvalid(f'"{code}" is not a country code of two letters.', ("country_code",))
    return code.upper()


def _currency(fields: Fields) -> str:
    code = fields.text("currency", 3)
    if code not in CURRENCIES:
        raise CurrencyUnknown(f'"{code}" is not a currency of ISO 4217.', ("currency",))
    return code


def _credit_of(fields: Fields) -> str | None:
    """The session a credit CDR takes back; a credit, and only a credit, costs less than nothing."""
    total = fields.child("total_cost").number("excl_vat")
    if not fields.flag("credit"):
        if total < 0:
            why = "A negative cost without credit: true."
            raise FieldInvalid(why, ("total_cost", "excl_vat"))
        return None
    if "credit_reference_id" not in fields:
        raise FieldMissing("A credit without the CDR it credits.", ("credit_reference_id",))
    if total > 0:
        raise FieldInvalid("A credit with a positive cost.", ("total_cost", "excl_vat"))
    return normal_id(fields.identifier("credit_reference_id", 39))


def _periods(fields: Fields) -> tuple[MeteredPeriod, ...]:
    periods = tuple(_period(child) for child in fields.children("charging_periods"))
    if not periods:
        raise FieldMissing("A CDR has at least one charging period.", ("charging_periods",))
    for i, (one, next_one) in enumerate(pairwise(periods), 1):
        if next_one.started_at < one.started_at:
            path = ("charging_periods", str(i), "start_date_time")
            raise FieldInvalid("The periods are not in order of time.", path)
    return periods


def periods_of_cdr(raw: bytes) -> tuple[MeteredPeriod, ...]:
    """The metered periods of a CDR that was accepted, read again from its bytes."""
    document = decoder().decode(raw.decode("utf-8-sig").strip().rstrip(","))
    return _periods(Fields(document))


def _period(fields: Fields) -> MeteredPeriod:
    dimensions = []
    for child in fields.children("dimensions"):
        kind = child.text("type", 36)
        if kind not in _DIMENSIONS:
            raise FieldInvalid(f'"{kind[:40]}" is not a dimension of OCPI.', child.path("type"))
        dimensions.append(Dimension(kind, child.number("volume")))
    return MeteredPeriod(
        started_at=fields.instant("start_date_time"),
        dimensions=tuple(dimensions),
        tariff_id=normal_id(fields.identifier("tariff_id", 36)) if "tariff_id" in fields else None,
    )


def _cdr_doubts(fields: Fields, session: ChargingSession) -> tuple[Doubt, ...]:
    """What does not fit within the CDR: its hours against its instants, written before it ended."""
    doubts = []
    stated_us = fields.number("total_time") * _HOUR_US
    lasted_us = (session.ended_at - session.started_at) // _MICROSECOND
    if abs(stated_us - lasted_us) > _TIME_TOLERANCE_US:
        doubts.append(Doubt.DURATION_MISMATCH)
    if session.issued_at is not None and session.issued_at < session.ended_at:
        doubts.append(Doubt.LAST_UPDATED_EARLY)
    return tuple(doubts)


def _period_doubts(session: ChargingSession) -> tuple[Doubt, ...]:
    """Energy of periods that does not add up (Wh where kWh is meant), or that flows back."""
    volumes = [
        dimension.volume
        for period in session.periods
        for dimension in period.dimensions
        if dimension.type == "ENERGY"
    ]
    doubts = (Doubt.ENERGY_FED_BACK,) if any(volume < 0 for volume in volumes) else ()
    return (*doubts, Doubt.PERIODS_DISAGREE) if energy_disagrees(session) else doubts


def body_sha256(values: Mapping[str, Any]) -> bytes:
    """A hash of what a CDR says, whatever the order of its keys, its blanks or trailing zeros."""
    return facts_sha256([json.dumps(values, sort_keys=True, default=_canonical)])


def _canonical(value: object) -> str:
    if not isinstance(value, Decimal):
        return f"invalid:{value!r}"
    return f"number:{value.normalize()}"
