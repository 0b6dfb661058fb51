"""Disputes, and what a dispute is about: a charge or a bill item with what is left of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.taxes import taxes_of
from coop.billing.tables import dispute
from coop.charging.domain.tariff import Tax
from coop.db.among import among
from coop.db.each import page_of_each
from coop.db.keyset import windowed
from coop.kernel.ids import HubId, MemberId
from coop.kernel.window import Window
from coop.members.domain.policy import Extent

D = dispute.c


@dataclass(frozen=True, slots=True)
class DisputeRow:
    """A dispute as it stands."""

    cooperative_id: UUID
    id: UUID
    member_id: MemberId
    charge_id: UUID | None
    item_id: UUID | None
    opened_by: str
    opened_at: datetime
    reason: str
    held_minor: int
    decided_by: str | None
    decided_at: datetime | None
    decision: str | None
    decision_reason: str | None
    resolution: str | None
    credit_item_id: UUID | None

    @property
    def state(self) -> str:
        """open, credited or refused."""
        return self.decision or "open"


@dataclass(frozen=True, slots=True)
class TaxedPart:
    """Lines of what is contested that carry the same taxes; `tax` is exact, in whole currency."""

    taxes: tuple[Tax, ...]
    net_minor: int
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Contested:
    """A charge or item: whose, its parts by taxes, and how much of its net was credited by now."""

    member_id: MemberId
    hub_id: HubId | None
    description: str
    net_minor: int
    credited_minor: int
    contra_account_id: UUID | None
    invoice_id: UUID | None
    parts: tuple[TaxedPart, ...]


# Credits of earlier disputes, and the charge's being taken back to be rated anew.
_CREDITED = """coalesce((
    SELECT -sum(t.net_minor) FROM dispute AS d
    JOIN bill_item AS t ON t.cooperative_id = d.cooperative_id AND t.source_kind = 'dispute'
        AND (t.source_id = d.id::text OR t.source_id LIKE d.id::text || '/%')
    WHERE d.cooperative_id = {0}.cooperative_id AND d.{1} = {0}.id
), 0)"""
_CHARGE = text(f"""
SELECT
    c.member_id, c.hub_id, h.name AS description, c.net_minor, NULL::uuid AS contra_account_id,
    {_CREDITED.format("c", "charge_id")} + coalesce((
        SELECT -sum(x.net_minor) FROM charge AS x
        WHERE x.cooperative_id = c.cooperative_id AND x.credit_of_id = c.id
    ), 0) AS credited_minor,
    (
        SELECT b.invoice_id FROM invoice_charge AS b
        WHERE b.cooperative_id = c.cooperative_id AND b.charge_id = c.id LIMIT 1
    ) AS invoice_id,
    l.taxes::text AS taxes, sum(l.net_minor) AS part_minor, sum(l.tax) AS tax
FROM charge AS c
JOIN hub AS h ON h.cooperative_id = c.cooperative_id AND h.id = c.hub_id
JOIN charge_line AS l ON l.cooperative_id = c.cooperative_id AND l.charge_id = c.id
WHERE c.id = :id AND c.member_id IS NOT NULL
GROUP BY c.cooperative_id, c.id, c.member_id, c.hub_id, h.name, c.net_minor, l.taxes
ORDER BY l.taxes
""")  # noqa: S608 - constants only
_ITEM = text(f"""
SELECT
    i.member_id, i.hub_id, i.description, i.net_minor, i.contra_account_id,
    {_CREDITED.format("i", "item_id")} AS credited_minor,
    (
        SELECT b.invoice_id FROM invoice_item AS b
        WHERE b.cooperative_id = i.cooperative_id AND b.item_id = i.id
    ) AS invoice_id,
    i.taxes::text AS taxes, i.net_minor AS part_minor, i.tax
FROM bill_item AS i WHERE i.id = :id
""")  # noqa: S608 - constants only


async def contested(
    connection: AsyncConnection, *, charge_id: UUID | None = None, item_id: UUID | None = None
) -> Contested | None:
    """The charge or item that is, or would be, contested; None when there is none, or of nobody."""
    statement, id_ = (_CHARGE, charge_id) if charge_id is not None else (_ITEM, item_id)
    rows: list[Any] = list((await connection.execute(statement, {"id": id_})).all())
    if not rows:
        return None
    first = rows[0]
    return Contested(
        member_id=MemberId(first.member_id),
        hub_id=first.hub_id,
        description=first.description,
        net_minor=first.net_minor,
        credited_minor=int(first.credited_minor),
        contra_account_id=first.contra_account_id,
        invoice_id=first.invoice_id,
        parts=tuple(
            TaxedPart(taxes_of(json.loads(row.taxes)), int(row.part_minor), row.tax) for row in rows
        ),
    )


async def open_dispute_of(
    connection: AsyncConnection, *, charge_id: UUID | None, item_id: UUID | None
) -> UUID | None:
    """The dispute about this charge or item that is still open."""
    about = D.charge_id == charge_id if charge_id is not None else D.item_id == item_id
    query = select(D.id).where(about, D.decided_at.is_(None))
    found: UUID | None = await connection.scalar(query)
    return found


async def disputes_by_ids(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, DisputeRow]:
    """These disputes."""
    rows = await connection.execute(select(dispute).where(among(D.id, ids)))
    return {row.id: DisputeRow(**row._asdict()) for row in rows}


@dataclass(frozen=True, slots=True)
class DisputeWhere:
    """Which disputes a list holds; what is None does not matter."""

    state: str | None = None
    member_id: MemberId | None = None
    extent: Extent | None = None


def _where(query: Select[Any], where: DisputeWhere) -> Select[Any]:
    if where.state is not None:
        decided = D.decision.is_(None) if where.state == "open" else D.decision == where.state
        query = query.where(decided)
    if where.member_id is not None:
        query = query.where(D.member_id == where.member_id)
    if where.extent is not None and not where.extent.everything:
        query = query.where(among(D.member_id, where.extent.member_ids))
    return query


async def disputes_page(
    connection: AsyncConnection, where: DisputeWhere, window: Window
) -> list[DisputeRow]:
    """A stretch of the disputes, the latest first."""
    query = windowed(_where(select(dispute), where), (D.id,), window, descending=True)
    return [DisputeRow(**row._asdict()) for row in await connection.execute(query)]


async def count_disputes(connection: AsyncConnection, where: DisputeWhere) -> int:
    """How many disputes there are."""
    query = _where(select(func.count()).select_from(dispute), where)
    return int(await connection.scalar(query) or 0)


async def disputes_pages(
    connection: AsyncConnection, members: Iterable[MemberId], where: DisputeWhere, window: Window
) -> dict[MemberId, list[DisputeRow]]:
    """The same stretch of the disputes of each of these members, the latest first."""

    def page(member_id: ColumnElement[Any]) -> Select[Any]:
        query = _where(select(dispute), where).where(D.member_id == member_id)
        return windowed(query, (D.id,), window, descending=True)

    found: dict[MemberId, list[DisputeRow]] = {}
    for row in await connection.execute(page_of_each(D.member_id, members, page)):
        found.setdefault(row.member_id, []).append(DisputeRow(**row._asdict()))
    for rows in found.values():
        rows.sort(key=lambda row: row.id, reverse=not window.backward)
    return found


async def disputes_counts(
    connection: AsyncConnection, members: Iterable[MemberId], where: DisputeWhere
) -> dict[MemberId, int]:
    """How many disputes each of these members has."""
    query = _where(select(D.member_id, func.count().label("disputes")), where)
    rows = await connection.execute(query.where(among(D.member_id, members)).group_by(D.member_id))
    return {row.member_id: row.disputes for row in rows}
