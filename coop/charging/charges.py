"""Charges as they are kept: what a session costs, line by line, and what takes one back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging.domain.pricing import ChargeLine
from coop.charging.domain.tariff import plain, taxes_document
from coop.charging.price_list import Rated
from coop.charging.queries import StoredCharge, StoredLine
from coop.charging.tables import charge, charge_line
from coop.kernel.clock import utc_now
from coop.kernel.ids import CooperativeId, EntryId, HubId, MemberId, uuid7
from coop.kernel.rate import from_scale, round_half_up

CREDITED = "credit CDR"
_PLACES = 12


@dataclass(frozen=True, slots=True)
class LineDraft:
    """A line of a charge as it is stored."""

    kind: str
    element: int | None
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net_minor: int
    taxes: list[dict[str, str]]
    tax: Decimal


@dataclass(frozen=True, slots=True)
class ChargeDraft:
    """A charge to be stored with its lines; what it comes to is their sum."""

    session_id: UUID
    member_id: MemberId | None
    hub_id: HubId
    tariff_version_id: UUID
    effective_on: date
    currency: str
    lines: tuple[LineDraft, ...]
    entry_id: EntryId | None
    credit_of_id: UUID | None = None
    replaces_id: UUID | None = None
    reason: str = ""
    id: UUID = field(default_factory=uuid7)

    @property
    def net_minor(self) -> int:
        """Before tax, in minor units."""
        return sum(line.net_minor for line in self.lines)

    @property
    def tax(self) -> Decimal:
        """Exact, in whole currency."""
        return sum((line.tax for line in self.lines), Decimal(0))


def lines_of(rated: Rated) -> tuple[LineDraft, ...]:
    """The lines of a rated session as they are stored.

    Times that no decimal writes exactly are kept to 12 places; amounts were rounded before.
    """
    return tuple(_line(line) for line in rated.charge.lines)


def _line(line: ChargeLine) -> LineDraft:
    return LineDraft(
        line.kind, line.element, line.description, _decimal(line.quantity), line.unit,
        _decimal(line.unit_price), line.amount_minor, taxes_document(line.taxes),
        _decimal(line.tax),
    )  # fmt: skip


def _decimal(value: Fraction) -> Decimal:
    if value.denominator == 1:
        return Decimal(value.numerator)
    return plain(from_scale(round_half_up(value * 10**_PLACES), _PLACES))


def taking_back(
    standing: StoredCharge,
    lines: Sequence[StoredLine],
    *,
    entry_id: EntryId | None,
    effective_on: date,
    reason: str,
) -> ChargeDraft:
    """The charge that takes `standing` back: the same with everything negative."""
    return ChargeDraft(
        standing.session_id, standing.member_id, standing.hub_id, standing.tariff_version_id,
        effective_on, standing.currency, tuple(_negated(line) for line in lines), entry_id,
        credit_of_id=standing.id, reason=reason,
    )  # fmt: skip


def _negated(line: StoredLine) -> LineDraft:
    return LineDraft(
        line.kind, line.element, line.description, -line.quantity, line.unit, line.unit_price,
        -line.net_minor, line.taxes, -line.tax,
    )  # fmt: skip


async def store_charges(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    subject: str,
    drafts: Sequence[ChargeDraft],
) -> None:
    """Keep charges whose entries are posted."""
    if not drafts:
        return
    now = utc_now()
    rows = [
        {
            "cooperative_id": cooperative_id, "id": one.id, "session_id": one.session_id,
            "member_id": one.member_id, "hub_id": one.hub_id,
            "tariff_version_id": one.tariff_version_id, "effective_on": one.effective_on,
            "currency": one.currency, "net_minor": one.net_minor, "tax": one.tax,
            "entry_id": one.entry_id, "credit_of_id": one.credit_of_id,
            "replaces_id": one.replaces_id, "reason": one.reason, "rated_by": subject,
            "rated_at": now,
        }
        for one in drafts
    ]  # fmt: skip
    await connection.execute(insert(charge), rows)
    lines = [
        {
            "cooperative_id": cooperative_id, "charge_id": one.id, "number": number,
            "kind": line.kind, "element": line.element, "description": line.description,
            "quantity": line.quantity, "unit": line.unit, "unit_price": line.unit_price,
            "net_minor": line.net_minor, "taxes": line.taxes, "tax": line.tax,
        }
        for one in drafts
        for number, line in enumerate(one.lines, 1)
    ]  # fmt: skip
    if lines:
        await connection.execute(insert(charge_line), lines)
