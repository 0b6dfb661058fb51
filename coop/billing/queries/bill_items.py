"""Bill items as they are listed, and what stands behind a line of an invoice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    TableValuedAlias,
    column,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.tables import bill_item, invoice_charge, invoice_item
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


class LineKey(NamedTuple):
    """A line of a document."""

    invoice_id: UUID
    number: int


async def charges_of_lines(
    connection: AsyncConnection, lines: Iterable[LineKey], window: Window
) -> dict[LineKey, list[tuple[UUID, UUID]]]:
    """The same stretch of what each of these lines gathers: (charge, its session), as rated."""
    b, c = invoice_charge.c, charge.c
    one = _each_line(lines)
    query = (
        select(b.charge_id, c.session_id)
        .join_from(
            invoice_charge, charge, (c.cooperative_id == b.cooperative_id) & (c.id == b.charge_id)
        )
        .where(b.invoice_id == one.c.invoice_id, b.line_number == one.c.number)
        .distinct()
    )
    part = windowed(query, (b.charge_id,), window).lateral("part")
    asked = select(one.c.invoice_id, one.c.number, part).select_from(one.join(part, true()))
    found: dict[LineKey, list[tuple[UUID, UUID]]] = {}
    for row in await connection.execute(asked):
        key = LineKey(row.invoice_id, row.number)
        found.setdefault(key, []).append((row.charge_id, row.session_id))
    for rows in found.values():
        rows.sort(reverse=window.backward)
    return found


async def items_of_lines(
    connection: AsyncConnection, lines: Iterable[LineKey]
) -> dict[LineKey, UUID]:
    """The bill item that each of these lines shows; a line of charges is absent."""
    b, one = invoice_item.c, _each_line(lines)
    query = select(b.invoice_id, b.line_number, b.item_id).join_from(
        one, invoice_item, (b.invoice_id == one.c.invoice_id) & (b.line_number == one.c.number)
    )
    rows = await connection.execute(query)
    return {LineKey(row.invoice_id, row.line_number): row.item_id for row in rows}


def _each_line(lines: Iterable[LineKey]) -> TableValuedAlias:
    given = list(lines)
    kinds = invoice_charge.c.invoice_id.type, invoice_charge.c.line_number.type
    invoices = literal([line.invoice_id for line in given], ARRAY(kinds[0]))
    numbers = literal([line.number for line in given], ARRAY(kinds[1]))
    columns = column("invoice_id", kinds[0]), column("number", kinds[1])
    return func.unnest(invoices, numbers).table_valued(*columns, name="one").render_derived()
