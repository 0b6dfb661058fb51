"""What no invoice holds yet: who has something, what it comes to, and the taking of it.

Charges are gathered into lines by hub, tariff, kind, element, price and tax; what a charge takes
back of another stands on a line of its own. Each bill item is a line. Where a least or greatest
price of a session corrected what its parts came to, the sums differ from session to session: they
are one line too, of quantity 1. What is asked is the queue of what no invoice holds
(sql/unbilled.sql), so a month's bills cost what the month holds, whatever was billed before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.lines import Line
from coop.billing.domain.taxes import taxes_of
from coop.charging.domain.tariff import Tax
from coop.kernel.ids import CooperativeId, MemberId

# The laterals keep each row one probe of a key: as joins PostgreSQL would rather read everything
# that was ever charged, for each batch.
UNBILLED_MEMBERS = """FROM member AS m
CROSS JOIN LATERAL (
    SELECT u.id FROM unbilled AS u
    WHERE u.cooperative_id = :cooperative AND u.member_id = m.id AND u.effective_on < :before
    LIMIT 1
) AS u
WHERE m.cooperative_id = :cooperative"""
_MEMBERS = f"""
SELECT m.id {UNBILLED_MEMBERS} AND (CAST(:after AS uuid) IS NULL OR m.id > :after)
ORDER BY m.id LIMIT :most
"""

_GATHERED = """
WITH waiting AS MATERIALIZED (
    SELECT w.place, u.id, u.is_item
    FROM unnest(CAST(:members AS uuid[])) WITH ORDINALITY AS w (member_id, place)
    CROSS JOIN LATERAL (
        SELECT u.id, u.is_item FROM unbilled AS u
        WHERE u.cooperative_id = :cooperative AND u.member_id = w.member_id
            AND u.effective_on < :before
        OFFSET 0
    ) AS u
),
fresh AS MATERIALIZED (
    SELECT
        w.place, FALSE AS is_item, c.id, l.number AS part, c.hub_id, c.tariff_version_id, l.kind,
        l.element, c.credit_of_id IS NOT NULL AS back, l.description, l.quantity, l.unit,
        CASE WHEN l.kind IN ('MIN_PRICE', 'MAX_PRICE') THEN NULL ELSE l.unit_price END
            AS unit_price,
        l.net_minor, l.taxes, l.tax
    FROM waiting AS w
    CROSS JOIN LATERAL (
        SELECT * FROM charge AS c WHERE c.cooperative_id = :cooperative AND c.id = w.id OFFSET 0
    ) AS c
    CROSS JOIN LATERAL (
        SELECT * FROM charge_line AS l
        WHERE l.cooperative_id = :cooperative AND l.charge_id = c.id OFFSET 0
    ) AS l
    WHERE NOT w.is_item
    UNION ALL
    SELECT
        w.place, TRUE, i.id, 1, i.hub_id, NULL, i.kind, NULL, FALSE, i.description, i.quantity,
        i.unit, i.unit_price, i.net_minor, i.taxes, i.tax
    FROM waiting AS w
    CROSS JOIN LATERAL (
        SELECT * FROM bill_item AS i WHERE i.cooperative_id = :cooperative AND i.id = w.id OFFSET 0
    ) AS i
    WHERE w.is_item
),
owing AS (
    SELECT f.place FROM fresh AS f GROUP BY f.place HAVING sum(f.net_minor) <> 0 OR sum(f.tax) <> 0
),
numbered AS MATERIALIZED (
    SELECT f.*, dense_rank() OVER (
        PARTITION BY f.place ORDER BY
            f.is_item, h.name, f.hub_id, f.tariff_version_id, f.back, f.element, f.kind,
            f.unit_price, f.unit, f.taxes, CASE WHEN f.is_item THEN f.id END
    )::integer AS line
    FROM fresh AS f JOIN owing USING (place)
    LEFT JOIN hub AS h ON h.cooperative_id = :cooperative AND h.id = f.hub_id
)"""

_CLAIM = """,
claimed_charges AS (
    INSERT INTO invoice_charge (cooperative_id, charge_id, charge_line, invoice_id, line_number)
    SELECT :cooperative, n.id, n.part, (CAST(:invoices AS uuid[]))[n.place], n.line
    FROM numbered AS n WHERE NOT n.is_item
),
claimed_items AS (
    INSERT INTO invoice_item (cooperative_id, item_id, invoice_id, line_number)
    SELECT :cooperative, n.id, (CAST(:invoices AS uuid[]))[n.place], n.line
    FROM numbered AS n WHERE n.is_item
)"""

_LINES = """
SELECT
    n.place, n.line, n.is_item, n.hub_id, n.tariff_version_id, n.kind, n.element, n.back,
    n.unit, n.unit_price, n.taxes::text AS taxes, min(n.description) AS description,
    sum(n.quantity) AS quantity, sum(n.net_minor)::bigint AS net_minor, sum(n.tax) AS tax,
    CASE WHEN n.is_item THEN 0 ELSE count(DISTINCT n.id) END AS sessions
FROM numbered AS n
GROUP BY
    n.place, n.line, n.is_item, n.hub_id, n.tariff_version_id, n.kind, n.element, n.back, n.unit,
    n.unit_price, n.taxes
ORDER BY n.place, n.line
"""

_PREVIEW: TextClause = text(_GATHERED + _LINES)
_TAKE: TextClause = text(_GATHERED + _CLAIM + _LINES)


async def members_with_unbilled(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    before: date,
    *,
    after: MemberId | None,
    most: int,
) -> list[MemberId]:
    """Up to `most` members with a charge or item of a day before `before` that no invoice holds.

    In the order of their ids, beginning after `after`. One whose unbilled things cancel out is
    among them: nothing will be issued for it.
    """
    rows = await connection.execute(
        text(_MEMBERS),
        {"cooperative": cooperative_id, "before": before, "after": after, "most": most},
    )
    return [MemberId(row.id) for row in rows]


async def unbilled_lines(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    members: Sequence[MemberId],
    before: date,
    scale: int,
) -> dict[MemberId, list[Line]]:
    """The lines an invoice of each member would have now; members who owe nothing are absent."""
    given = {"cooperative": cooperative_id, "members": list(members), "before": before}
    rows = await connection.execute(_PREVIEW, given)
    return _by_member(rows, members, scale)


async def take_unbilled(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    members: Sequence[MemberId],
    invoices: Sequence[UUID],
    before: date,
    scale: int,
) -> dict[MemberId, list[Line]]:
    """Put what is unbilled of each member on its invoice, and answer that invoice's lines.

    In one statement, so what is summed is exactly what is taken. The invoices and lines themselves
    are stored before the transaction ends; a charge on an invoice already would be refused by key.
    """
    given = {
        "cooperative": cooperative_id, "members": list(members), "before": before,
        "invoices": list(invoices),
    }  # fmt: skip
    rows = await connection.execute(_TAKE, given)
    return _by_member(rows, members, scale)


def _by_member(rows: Any, members: Sequence[MemberId], scale: int) -> dict[MemberId, list[Line]]:
    found: dict[MemberId, list[Line]] = {}
    for row in rows:
        found.setdefault(members[row.place - 1], []).append(_line(row, scale))
    return found


def _line(row: Any, scale: int) -> Line:
    summed = row.unit_price is None
    return Line(
        number=row.line,
        hub_id=row.hub_id,
        tariff_version_id=row.tariff_version_id,
        kind=row.kind,
        element=row.element,
        description=f"Taken back: {row.description}" if row.back else row.description,
        quantity=Decimal(1) if summed else row.quantity,
        unit="sum" if summed else row.unit,
        unit_price=Decimal(row.net_minor).scaleb(-scale) if summed else row.unit_price,
        net_minor=row.net_minor,
        taxes=_taxes(row.taxes),
        tax=row.tax,
        sessions=row.sessions,
    )


@lru_cache(maxsize=256)
def _taxes(stored: str) -> tuple[Tax, ...]:
    return taxes_of(json.loads(stored))
