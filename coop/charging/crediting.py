"""Credit CDRs: what a platform takes back is reversed by reference, never by summing its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import bindparam, update

from coop.charging import queries
from coop.charging.books import reversals
from coop.charging.charges import CREDITED, ChargeDraft, taking_back
from coop.charging.desk import Desk, Row, standing
from coop.charging.domain.entries import effective_on
from coop.charging.domain.place import Hub
from coop.charging.errors import CreditMismatch, CreditUnknown
from coop.charging.resolving import place
from coop.charging.tables import charging_session
from coop.kernel.errors import Refusal
from coop.kernel.ids import EntryId
from coop.ledger import service as ledger

_CREDITED = (
    update(charging_session)
    .where(charging_session.c.id == bindparam("credited"))
    .values(state="credited")
)


async def credit(desk: Desk, rows: Sequence[Row]) -> list[ChargeDraft]:
    """Reverse by reference what credit CDRs take back; each session is credited at most once.

    Answers what takes the sessions' charges back, to be stored when the credits are.
    """
    if not rows:
        return []
    await place(desk, rows)
    originals = await queries.sessions_by_identities(
        desk.connection, [_credited(row) for row in rows]
    )
    entries = []
    reversing: list[Row] = []
    for row in standing(rows):
        original = originals.pop(_credited(row), None)
        row.refusal = _why_not(row, original)
        if original is None or row.refusal is not None or row.hub is None:
            continue
        _take_back(row, original, row.hub)
        if original.entry_id is not None and row.on is not None:
            memo = f"{row.hub.name}: credit of {original.session_id}"
            entries.append((EntryId(original.entry_id), row.on, memo))
            reversing.append(row)
    drafts = await reversals(desk.connection, entries)
    outcomes = await ledger.post_entries(
        desk.connection, desk.cooperative_id, desk.viewer.subject, drafts
    )
    for row, outcome in zip(reversing, outcomes, strict=True):
        row.entry_id, row.refusal = outcome.entry_id, outcome.refusal
        if row.refusal is not None:
            row.refusal.path = ("last_updated",)
    done = {row.credit_of_id: row for row in standing(rows) if row.credit_of_id is not None}
    if done:
        await desk.connection.execute(_CREDITED, [{"credited": id_} for id_ in done])
    return await _taken_back(desk, done)


async def _taken_back(desk: Desk, credited: Mapping[UUID, Row]) -> list[ChargeDraft]:
    """A charge that takes back what each credited session is charged; older sessions have none."""
    charges = await queries.standing_charges(desk.connection, credited)
    lines = await queries.lines_of_charges(desk.connection, [one.id for one in charges.values()])
    return [
        taking_back(
            charge, lines.get(charge.id, ()), entry_id=row.entry_id, effective_on=row.on,
            reason=CREDITED,
        )
        for session_id, charge in charges.items()
        for row in [credited[session_id]]
        if row.on is not None
    ]  # fmt: skip


def _credited(row: Row) -> tuple[str, str, str]:
    session = row.session
    return (session.country_code, session.party_id, session.credit_of or "")


def _why_not(row: Row, original: queries.StoredSession | None) -> Refusal | None:
    path = ("credit_reference_id",)
    if original is None or original.state not in queries.COUNTED:
        return CreditUnknown(f"{row.session.credit_of} is not here to be credited.", path)
    session = row.session
    if (original.delivered_wh, original.started_at, original.hub_id) != (
        abs(session.delivered_wh),
        session.started_at,
        row.hub.id if row.hub else None,
    ):
        return CreditMismatch("A credit repeats the start, hub and energy it takes back.", path)
    return None


def _take_back(row: Row, original: queries.StoredSession, hub: Hub) -> None:
    issued_at = row.session.issued_at or row.session.ended_at
    row.on = effective_on(issued_at, hub.time_zone)
    row.credit_of_id = original.id
    row.member_id = original.member_id
    row.port_id = original.port_id
    row.amount_minor = -original.amount_minor
