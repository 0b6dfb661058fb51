"""A fresh CDR after a credit: which charge it takes the place of."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from coop.charging import queries
from coop.charging.desk import Desk, Row


def around_credits(rows: Sequence[Row], credit_rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The sessions of a chunk to be charged before its credits, and those after them.

    After come those that stand behind a credit of the same session in the file.
    """
    first: dict[object, int] = {}
    for row in credit_rows:
        for key in _keys(row):
            first.setdefault(key, row.position)
    late = [r for r in rows if any(first.get(k, r.position) < r.position for k in _keys(r))]
    waiting = {row.position for row in late}
    return [row for row in rows if row.position not in waiting], late


def _keys(row: Row) -> list[object]:
    """What tells that two CDRs are of one session: its id there, else badge, start and hub."""
    one = row.session
    if one.session_ref is not None:
        return [(one.country_code, one.party_id, one.session_ref)]
    return [(one.token_uid, one.started_at, one.hub_ref)] if one.token_uid else []


async def find_replaced(desk: Desk, rows: Sequence[Row]) -> None:
    """The charge, taken back by a credit before, in whose place each session's charge comes."""
    asked = [row.session for row in rows]
    found: dict[object, UUID] = {}
    for one in await queries.credited_charges(desk.connection, asked):
        key: object = (one.token_uid, one.started_at, one.hub_id)
        if one.session_ref is not None:
            key = (one.country_code, one.party_id, one.session_ref)
        found.setdefault(key, one.charge_id)
    for row in rows if found else ():
        session = row.session
        key = (session.token_uid, session.started_at, row.hub.id if row.hub else None)
        if session.session_ref is not None:
            key = (session.country_code, session.party_id, session.session_ref)
        row.replaces_id = found.pop(key, None)
