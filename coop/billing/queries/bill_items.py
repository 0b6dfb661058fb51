"""Bill items as they are listed, and what stands behind a line of an invoice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.tables import bill_item, invoice_charge
from coop.charging.tables import charge, tariff_version
from coop.db.among import among
from coop.db.each import page_of_each
from coop.db.keyset import windowed
from coop.kernel.ids import MemberId
from coop.kernel.window import Window

B = bill_item.c
_KEYS = (B.effective_on, B.id)


async def items_pages(
    connection: AsyncConnection, members: Iterable[MemberId], window: Window
) -> dict[MemberId, list[dict[str, Any]]]:
    """The same stretch of the bill items of each of these members, the latest first."""

    def page(member_id: ColumnElement[Any]) -> Select[Any]:
        query = select(bill_item).where(B.member_id == member_id)
        return windowed(query, _KEYS, window, descending=True)

    found: dict[MemberId, list[dict[str, Any]]] = {}
    for row in (await connection.execute(page_of_each(B.member_id, members, page))).mappings():
        found.setdefault(row["member_id"], []).append(dict(row))
    for rows in found.values():
        rows.sort(key=lambda row: (row["effective_on"], row["id"]), reverse=not window.backward)
    return found


async def items_counts(
    connection: AsyncConnection, members: Iterable[MemberId]
) -> dict[MemberId, int]:
    """How many bill items each of these members has."""
    query = select(B.member_id, func.count().label("items")).where(among(B.member_id, members))
    rows = await connection.execute(query.group_by(B.member_id))
    return {MemberId(row.member_id): row.items for row in rows}


async def items_by_ids(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, dict[str, Any]]:
    """These bill items."""
    rows = await connection.execute(select(bill_item).where(among(B.id, ids)))
    return {row["id"]: dict(row) for row in rows.mappings()}


async def tariffs_named(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, tuple[str, str | None]]:
    """The name of each of these versions of tariffs, and the resolution it rests on."""
    c = tariff_version.c
    rows = await connection.execute(select(c.id, c.name, c.resolution).where(among(c.id, ids)))
    return {row.id: (row.name, row.resolution) for row in rows}


async def charges_of_line(
    connection: AsyncConnection, invoice_id: UUID, line_number: int, window: Window
) -> list[tuple[UUID, UUID]]:
    """A stretch of the charges that a line gathers: (charge, its session), in the order rated."""
    b, c = invoice_charge.c, charge.c
    query = (
        select(b.charge_id, c.session_id)
        .join_from(
            invoice_charge, charge, (c.cooperative_id == b.cooperative_id) & (c.id == b.charge_id)
        )
        .where(b.invoice_id == invoice_id, b.line_number == line_number)
        .distinct()
    )
    rows = await connection.execute(windowed(query, (b.charge_id,), window))
    return [(row.charge_id, row.session_id) for row in rows]


_LINE_ITEM = text(
    "SELECT item_id FROM invoice_item WHERE invoice_id = :invoice AND line_number = :line"
)


async def item_of_line(
    connection: AsyncConnection, invoice_id: UUID, line_number: int
) -> UUID | None:
    """The bill item that a line shows, if it is of one."""
    given = {"invoice": invoice_id, "line": line_number}
    found: UUID | None = await connection.scalar(_LINE_ITEM, given)
    return found
