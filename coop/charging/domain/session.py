"""A charging session as charging platforms report it, and what reading one row came to.

Every row of a file ends as exactly one of: a session (accepted), a refusal (rejected), or left out
because the mapping reads only some rows (filtered). `doubts` put a row on the review list without
stopping it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import NamedTuple

from coop.charging.errors import EnergyImplausible
from coop.kernel.errors import Refusal

# (country_code, party_id, id): what makes a CDR one and the same, everywhere.
Identity = tuple[str, str, str]
_BEYOND_ANY_METER_WH = 10**15


class Doubt(StrEnum):
    """Why an accepted session is on the review list."""

    ENERGY_ABOVE_POWER = "ENERGY_ABOVE_POWER"
    ENERGY_ZERO = "ENERGY_ZERO"
    ENERGY_FED_BACK = "ENERGY_FED_BACK"
    PERIODS_DISAGREE = "PERIODS_DISAGREE"
    DURATION_LONG = "DURATION_LONG"
    DURATION_MISMATCH = "DURATION_MISMATCH"
    LAST_UPDATED_EARLY = "LAST_UPDATED_EARLY"
    LINE_UNFINISHED = "LINE_UNFINISHED"
    TOKEN_OVERLAP = "TOKEN_OVERLAP"  # noqa: S105 - not a secret: two sessions of one badge at once


class Dimension(NamedTuple):
    """One metered quantity of a period, in OCPI's own unit (kWh, h, A, kW)."""

    type: str
    volume: Decimal


@dataclass(frozen=True, slots=True)
class MeteredPeriod:
    """A part of a session within which nothing changed; it ends where the next one starts."""

    started_at: datetime
    dimensions: tuple[Dimension, ...]
    tariff_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChargingSession:
    """One metered use of a hub. Instants are UTC, energy is Wh, identifiers are upper case.

    `credit_of` is the id of the session that this one takes back (an OCPI credit CDR). `member_ref`
    is who a mapped file says used it, by the name to register the member under; a CDR leaves it
    None and speaks by token only. `session_ref` is the platform's id of the session a CDR is of.
    `raw` is what was received, byte for byte; `body_sha256` is equal for two sendings of the same
    facts.
    """

    country_code: str
    party_id: str
    id: str
    hub_ref: str
    port_ref: str | None
    token_uid: str | None
    started_at: datetime
    ended_at: datetime
    delivered_wh: int
    raw: bytes
    body_sha256: bytes
    member_ref: str | None = None
    hub_name: str | None = None
    currency: str | None = None
    issued_at: datetime | None = None
    credit_of: str | None = None
    periods: tuple[MeteredPeriod, ...] = ()
    session_ref: str | None = None

    @property
    def identity(self) -> Identity:
        """What makes it one and the same session."""
        return (self.country_code, self.party_id, self.id)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one row came to. `cells` are its columns as read (empty for JSON); `raw` its bytes."""

    line: int
    raw: bytes
    cells: tuple[str, ...] = ()
    session: ChargingSession | None = None
    refusal: Refusal | None = None
    doubts: tuple[Doubt, ...] = ()

    @property
    def filtered(self) -> bool:
        """Left out because the mapping asks for other rows only."""
        return self.session is None and self.refusal is None


def normal_id(text: str) -> str:
    """An identifier as compared: OCPI's are case-insensitive, and badges are typed both ways."""
    return text.strip().upper()


def facts_sha256(facts: Iterable[str]) -> bytes:
    """A hash of facts in order; length-prefixed, so no two lists of facts share it."""
    text = "".join([f"{len(fact)}:{fact}" for fact in facts])
    return hashlib.sha256(text.encode()).digest()


def metered_wh(value: Decimal, unit_wh: int = 1000) -> int:
    """Watt-hours of a reading in units of `unit_wh` (kWh unless said), half a Wh rounded up.

    Meters resolve 1 Wh; further digits are float noise of the platform, kept in `raw` only.
    Refuses ENERGY_IMPLAUSIBLE beyond what any meter counts.
    """
    if abs(value) >= _BEYOND_ANY_METER_WH // unit_wh:
        raise EnergyImplausible(f"{value:.6g} is beyond any meter.", ("energy",))
    return int((value * unit_wh).to_integral_value(ROUND_HALF_UP))
