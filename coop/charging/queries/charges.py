"""What sessions were charged, with the lines of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging.domain.session import ChargingSession
from coop.charging.tables import charge, charge_line, charging_session
from coop.db.among import among
from coop.kernel.ids import EntryId, HubId, MemberId

_C = charge.c
_L = charge_line.c


@dataclass(frozen=True, slots=True)
class StoredCharge:
    """What a session was charged. Taking one back is another, with everything negative.

    `net_minor` is before tax, in minor units; `tax` exact, in whole currency.
    """

    cooperative_id: UUID
    id: UUID
    session_id: UUID
    member_id: MemberId | None
    hub_id: HubId
    tariff_version_id: UUID
    effective_on: date
    currency: str
    net_minor: int
    tax: Decimal
    entry_id: EntryId | None
    credit_of_id: UUID | None
    replaces_id: UUID | None
    reason: str
    rated_by: str
    rated_at: datetime


@dataclass(frozen=True, slots=True)
class StoredLine:
    """One priced part of a charge; `taxes` are [{name, percent}] with percent as text."""

    cooperative_id: UUID
    charge_id: UUID
    number: int
    kind: str
    element: int | None
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net_minor: int
    taxes: list[dict[str, str]]
    tax: Decimal


async def charges_by_ids(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, StoredCharge]:
    """The charges of those ids that exist."""
    found = await _charges(connection, select(charge).where(among(_C.id, ids)))
    return {one.id: one for one in found}


async def charges_of_sessions(
    connection: AsyncConnection, session_ids: Iterable[UUID]
) -> dict[UUID, list[StoredCharge]]:
    """Everything each session was ever charged, in the order it was rated."""
    statement = select(charge).where(among(_C.session_id, session_ids))
    found: dict[UUID, list[StoredCharge]] = {}
    for one in await _charges(connection, statement.order_by(_C.rated_at, _C.id)):
        found.setdefault(one.session_id, []).append(one)
    return found


async def standing_charges(
    connection: AsyncConnection, session_ids: Iterable[UUID]
) -> dict[UUID, StoredCharge]:
    """What each session is charged now: neither a credit nor taken back by one."""
    credit = charge.alias("credit")
    taken_back = exists().where(credit.c.credit_of_id == _C.id)
    statement = select(charge).where(
        among(_C.session_id, session_ids), _C.credit_of_id.is_(None), ~taken_back
    )
    return {one.session_id: one for one in await _charges(connection, statement)}


async def _charges(connection: AsyncConnection, statement: Select[Any]) -> list[StoredCharge]:
    rows = await connection.execute(statement)
    return [StoredCharge(**row) for row in rows.mappings()]


async def lines_of_charges(
    connection: AsyncConnection, charge_ids: Iterable[UUID]
) -> dict[UUID, list[StoredLine]]:
    """The lines of each charge, in order; one without any is absent."""
    statement = select(charge_line).where(among(_L.charge_id, charge_ids))
    found: dict[UUID, list[StoredLine]] = {}
    rows = await connection.execute(statement.order_by(_L.charge_id, _L.number))
    for row in rows.mappings():
        found.setdefault(row["charge_id"], []).append(StoredLine(**row))
    return found


@dataclass(frozen=True, slots=True)
class CreditedCharge:
    """A charge that a credit CDR took back and nothing replaced yet, with its session."""

    country_code: str
    party_id: str
    session_ref: str | None
    token_uid: str | None
    started_at: datetime
    hub_id: HubId
    charge_id: UUID


async def credited_charges(
    connection: AsyncConnection, sessions: Iterable[ChargingSession]
) -> list[CreditedCharge]:
    """Those that fresh CDRs may follow: of the same session there, or begun at the same instant."""
    asked = list(sessions)
    s, later = charging_session.c, charge.alias("later")
    statement = (
        select(
            s.country_code, s.party_id, s.session_ref, s.token_uid, s.started_at, s.hub_id,
            _C.id.label("charge_id"),
        )
        .join(charge, (_C.session_id == s.id) & _C.credit_of_id.is_(None))
        .where(
            text("charging_session.state = 'credited'"),  # as its partial index is written
            or_(
                among(s.session_ref, [one.session_ref for one in asked if one.session_ref]),
                among(s.started_at, [one.started_at for one in asked]),
            ),
            ~exists().where(later.c.replaces_id == _C.id),
        )
        .order_by(_C.rated_at, _C.id)
    )  # fmt: skip
    rows = await connection.execute(statement)
    return [CreditedCharge(**row) for row in rows.mappings()]
