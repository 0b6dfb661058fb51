"""What was contested and corrected in Warnefurt, after the bills of some months.

June        a credit note for half a line: the treasurer's own mistake
October     Funktaxi contests a charge; the board credits it, on its next bill
December    Teilauto contests a charge; nobody has decided yet
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.credit_notes import issue_credit_note
from coop.billing.disputes import credit_dispute, open_dispute
from coop.billing.queries import disputes as dispute_queries
from coop.billing.queries import invoices as invoice_queries
from coop.charging.tables import charge
from coop.db.engine import Database
from coop.kernel.ids import CooperativeId, MemberId
from coop.kernel.window import Window
from coop.members import queries as member_queries
from coop.members.domain.roles import Viewer

_CREDITED_BY, _CREDITED_FOR, _CREDITED_ON = "0016", date(2025, 5, 1), date(2025, 6, 5)
_UPHELD_BY, _UPHELD_FOR, _UPHELD_ON = "0002", date(2025, 9, 1), date(2025, 10, 20)
_OPEN_BY, _OPEN_FOR, _OPEN_ON = "0009", date(2025, 11, 1), date(2025, 12, 9)


async def contest(
    database: Database, viewer: Viewer, cooperative_id: CooperativeId, first: date
) -> None:
    """Do what happened after the bills of the month that begins on `first`, unless it is done."""

    async def work(connection: AsyncConnection) -> None:
        numbers = [_CREDITED_BY, _UPHELD_BY, _OPEN_BY]
        found = await member_queries.members_by_numbers(connection, cooperative_id, numbers)
        ids = {number: MemberId(one.id) for number, one in found.items()}
        if first == _CREDITED_FOR:
            await _credit(connection, viewer, cooperative_id, ids[_CREDITED_BY])
        elif first == _UPHELD_FOR:
            await _uphold(connection, viewer, cooperative_id, ids[_UPHELD_BY])
        elif first == _OPEN_FOR:
            await _open(connection, viewer, cooperative_id, ids[_OPEN_BY], first, _OPEN_ON)

    if first in (_CREDITED_FOR, _UPHELD_FOR, _OPEN_FOR):
        await database.unit_of_work(cooperative_id, work)


async def _credit(
    connection: AsyncConnection, viewer: Viewer, id_: CooperativeId, member_id: MemberId
) -> None:
    where = invoice_queries.InvoiceWhere(member_id=member_id)
    latest, *_ = await invoice_queries.invoices_page(connection, where, Window(1))
    if latest.kind == "credit_note":
        return
    lines = (await invoice_queries.lines_of(connection, [latest.id]))[latest.id]
    longest = max(lines, key=lambda line: line.net_minor)
    await issue_credit_note(
        connection, viewer, id_, latest.id, reason="Billed for a badge that had been returned",
        lines={longest.number: longest.net_minor // 2}, issued_on=_CREDITED_ON,
    )  # fmt: skip


async def _uphold(
    connection: AsyncConnection, viewer: Viewer, id_: CooperativeId, member_id: MemberId
) -> None:
    dispute_id = await _open(connection, viewer, id_, member_id, _UPHELD_FOR, _UPHELD_ON)
    if dispute_id is not None:
        await credit_dispute(
            connection, replace(viewer, subject="demo-board"), id_, dispute_id,
            reason="The charger's log shows that it broke off", resolution="V 2025-10/4",
            on=_UPHELD_ON,
        )  # fmt: skip


async def _open(
    connection: AsyncConnection,
    viewer: Viewer,
    id_: CooperativeId,
    member_id: MemberId,
    first: date,
    on: date,
) -> UUID | None:
    """Contest the member's dearest charge of the month; None when it did so before."""
    where = dispute_queries.DisputeWhere(member_id=member_id)
    if await dispute_queries.count_disputes(connection, where):
        return None
    dearest = (
        select(charge.c.id)
        .where(charge.c.member_id == member_id, charge.c.effective_on >= first)
        .where(charge.c.effective_on < on.replace(day=1))
        .order_by(charge.c.net_minor.desc(), charge.c.id)
        .limit(1)
    )
    operator = replace(viewer, subject="demo-operator")
    opened = await open_dispute(
        connection, operator, id_, reason="The charger broke off, and we had to charge again",
        charge_id=await connection.scalar(dearest), on=on,
    )  # fmt: skip
    return opened.id
