"""Charges as they are kept: what a session costs, line by line, and what takes one back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging.domain.pricing import ChargeLine
from coop.charging.domain.tariff import Tax, taxes_document
from coop.charging.price_list import Rated
from coop.charging.queries import StoredCharge, StoredLine
from coop.kernel.clock import utc_now
from coop.kernel.ids import CooperativeId, EntryId, HubId, MemberId, uuid7
from coop.kernel.rate import round_half_up

CREDITED = "credit CDR"
_PLACES = 12
_SCALE = 10**_PLACES


@dataclass(frozen=True, slots=True)
class LineDraft:
    """A line of a charge as it is stored; `taxes` is JSON."""

    kind: str
    element: int | None
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net_minor: int
    taxes: str
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
        _decimal(line.unit_price), line.amount_minor, _json(line.taxes),
        _decimal(line.tax),
    )  # fmt: skip


@lru_cache(maxsize=256)
def _json(taxes: tuple[Tax, ...]) -> str:
    return taxes_json(taxes_document(taxes))


def taxes_json(taxes: Sequence[Mapping[str, str]]) -> str:
    """Taxes as they are stored, in one form, so that equal ones are equal texts."""
    return json.dumps([{"name": tax["name"], "percent": tax["percent"]} for tax in taxes])


def _decimal(value: Fraction) -> Decimal:
    if value.denominator == 1:
        return Decimal(value.numerator)
    scale, rest = divmod(_SCALE, value.denominator)
    units = round_half_up(value * _SCALE) if rest else value.numerator * scale
    return Decimal(units).scaleb(-_PLACES).normalize()


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
        -line.net_minor, taxes_json(line.taxes), -line.tax,
    )  # fmt: skip


# Both tables in one statement: a chunk of an import has a thousand of each.
_STORE = """
WITH stored AS (
    INSERT INTO charge (
        cooperative_id, id, session_id, member_id, hub_id, tariff_version_id, effective_on,
        currency, net_minor, tax, entry_id, credit_of_id, replaces_id, reason, rated_by, rated_at
    )
    SELECT $1, c.id, c.session_id, c.member_id, c.hub_id, c.version_id, c.effective_on, c.currency,
        c.net_minor, c.tax, c.entry_id, c.credit_of_id, c.replaces_id, c.reason, $2, $3
    FROM unnest(
        $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::date[], $10::text[],
        $11::bigint[], $12::numeric[], $13::uuid[], $14::uuid[], $15::uuid[], $16::text[]
    ) AS c (
        id, session_id, member_id, hub_id, version_id, effective_on, currency, net_minor, tax,
        entry_id, credit_of_id, replaces_id, reason
    )
)
INSERT INTO charge_line (
    cooperative_id, charge_id, number, kind, element, description, quantity, unit, unit_price,
    net_minor, taxes, tax
)
SELECT $1, l.charge_id, l.number, l.kind, l.element, l.description, l.quantity, l.unit,
    l.unit_price, l.net_minor, l.taxes::jsonb, l.tax
FROM unnest(
    $17::uuid[], $18::integer[], $19::text[], $20::integer[], $21::text[], $22::numeric[],
    $23::text[], $24::numeric[], $25::bigint[], $26::text[], $27::numeric[]
) AS l (
    charge_id, number, kind, element, description, quantity, unit, unit_price, net_minor, taxes, tax
)
"""


async def store_charges(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    subject: str,
    drafts: Sequence[ChargeDraft],
) -> None:
    """Keep charges whose entries are posted, by one statement."""
    if not drafts:
        return
    charges = [
        (
            one.id, one.session_id, one.member_id, one.hub_id, one.tariff_version_id,
            one.effective_on, one.currency, one.net_minor, one.tax, one.entry_id,
            one.credit_of_id, one.replaces_id, one.reason,
        )
        for one in drafts
    ]  # fmt: skip
    lines = [
        (
            one.id, number, line.kind, line.element, line.description, line.quantity, line.unit,
            line.unit_price, line.net_minor, line.taxes, line.tax,
        )
        for one in drafts
        for number, line in enumerate(one.lines, 1)
    ]  # fmt: skip
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    columns = [list(column) for column in zip(*charges, strict=True)]
    columns += [list(column) for column in zip(*lines, strict=True)] or [[] for _ in range(11)]
    await driver.execute(_STORE, cooperative_id, subject, utc_now(), *columns)
