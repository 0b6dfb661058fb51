"""One chunk of readings into the books, in one unit of work and a fixed number of round trips.

    lock      imports of one cooperative take turns, chunk by chunk
    settle    new, duplicate, or in conflict with what is stored           (domain/settling.py)
    place     hub and port of each; unknown ones registered if the rules say so, else refused
    hold      whose badge it is that day; nobody's goes to suspense
    price     by the tariff in force when it started, for its hub and the member's class
    doubt     badges that were in use elsewhere at that time
    post      an entry each, by one call of the ledger; what the ledger refuses is not stored
    store     sessions with their entries and charges, refusals, and the import's counts

What follows a credit of the same session within a chunk waits until the credit is in: it takes
the place of the charge that was taken back (following.py).

So a killed import leaves whole chunks, each session with its entry or neither, and the next run
finds them as duplicates. No idempotency key is used on purpose: the session's identity is unique,
it commits together with its entry, and a stored refusal (a closed period) would outlive its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from operator import itemgetter

from sqlalchemy import insert, text, update

from coop.charging import queries
from coop.charging.books import session_accounts, tax_due
from coop.charging.charges import ChargeDraft, lines_of, store_charges
from coop.charging.crediting import credit
from coop.charging.desk import Counts, Desk, Row, Taken, standing
from coop.charging.domain.entries import session_entry, session_memo
from coop.charging.domain.place import Hub
from coop.charging.domain.plausibility import overlapping
from coop.charging.domain.session import Doubt, Reading
from coop.charging.domain.settling import Settled, settle
from coop.charging.errors import Implausible
from coop.charging.following import around_credits, find_replaced
from coop.charging.price_list import Rated
from coop.charging.resolving import find_holders, find_ports, find_prices, place
from coop.charging.storing import store_sessions
from coop.charging.tables import import_rejection, import_run
from coop.kernel.errors import Refusal
from coop.ledger import service as ledger

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


async def take_in(desk: Desk, readings: Sequence[Reading], position: int = 0) -> Taken:
    """Take at most a thousand readings in; `position` is how many rows of the file came before.

    A refusal of a row is an answer; what is raised concerns all of them, and nothing was written.
    """
    await desk.connection.execute(_LOCK, {"name": f"charging.import:{desk.cooperative_id}"})
    identities = [r.session.identity for r in readings if r.session is not None]
    settled = settle(readings, await queries.bodies_of(desk.connection, identities))
    rows = [
        Row(i, readings[i], session, readings[i].doubts)
        for i in settled.fresh
        if (session := readings[i].session) is not None
    ]
    charges = [row for row in rows if row.session.credit_of is None]
    credit_rows = [row for row in rows if row.session.credit_of is not None]
    early, late = around_credits(charges, credit_rows)
    await _take_charges(desk, early)
    # After the charges: a credit may refer to a session of the same chunk.
    taken_back = await credit(desk, credit_rows)
    await store_sessions(desk, credit_rows)
    await store_charges(desk.connection, desk.cooperative_id, desk.viewer.subject, taken_back)
    await _take_charges(desk, late)
    refused = [(i, readings[i], why) for i, why in settled.refused]
    refused += [(r.position, r.reading, r.refusal) for r in rows if r.refusal is not None]
    taken = Taken(_counts(readings, settled, rows, refused), sorted(refused, key=itemgetter(0)))
    await _record(desk, taken, position)
    return taken


def _counts(
    readings: Sequence[Reading],
    settled: Settled,
    rows: Sequence[Row],
    refused: Sequence[tuple[int, Reading, Refusal]],
) -> Counts:
    stored = standing(rows)
    return Counts(
        rows=len(readings),
        accepted=len(stored),
        rejected=len(refused),
        duplicates=len(settled.duplicates),
        filtered=len(settled.filtered),
        review=sum(bool(row.doubts) for row in stored)
        + sum(isinstance(why, Implausible) for _, _, why in refused),
        delivered_wh=sum(row.counted_wh for row in stored),
        amount_minor=sum(row.amount_minor for row in stored),
    )


async def _take_charges(desk: Desk, rows: Sequence[Row]) -> None:
    """Everything that becomes of sessions that are no credits."""
    if not rows:
        return
    await _charge(desk, rows)
    await find_replaced(desk, standing(rows))
    await store_sessions(desk, rows)
    drafts = [
        _charge_of(row, row.rated, row.hub, row.on)
        for row in standing(rows)
        if row.rated and row.hub and row.on
    ]
    await store_charges(desk.connection, desk.cooperative_id, desk.viewer.subject, drafts)


def _charge_of(row: Row, rated: Rated, hub: Hub, on: date) -> ChargeDraft:
    return ChargeDraft(
        row.id, row.member_id, hub.id, rated.version.id, on, rated.charge.currency,
        lines_of(rated), row.entry_id, replaces_id=row.replaces_id,
    )  # fmt: skip


async def _charge(desk: Desk, rows: Sequence[Row]) -> None:
    """Place, hold, price, doubt and post sessions; a row that cannot be gets its refusal."""
    await place(desk, rows)
    await find_ports(desk, standing(rows))
    await find_holders(desk, standing(rows))
    await find_prices(desk, standing(rows))
    left = standing(rows)
    sessions = [row.session for row in left]
    at_once = overlapping(sessions) | await queries.overlaps_of(
        desk.connection, sessions, desk.rules.longest
    )
    for i in at_once:
        left[i].doubts = (*left[i].doubts, Doubt.TOKEN_OVERLAP)
    await _post(desk, left)


async def _post(desk: Desk, rows: Sequence[Row]) -> None:
    """An entry for each row that has something to post, by one call of the ledger."""
    pairs = {(row.member_id, row.hub.id) for row in rows if row.hub}
    accounts = await session_accounts(desk.connection, desk.cooperative_id, pairs)
    posting: list[Row] = []
    drafts = []
    for row in rows:
        if row.hub is None or row.rated is None or row.on is None:
            continue
        draft = session_entry(
            row.id,
            session_memo(row.hub, row.session.delivered_wh, row.rated.version),
            row.on,
            accounts[row.member_id, row.hub.id],
            net_minor=row.amount_minor,
            tax_minor=tax_due(row.rated, row.member_id),
            delivered_wh=row.session.delivered_wh,
        )
        if draft is not None:
            posting.append(row)
            drafts.append(draft)
    outcomes = await ledger.post_entries(
        desk.connection, desk.cooperative_id, desk.viewer.subject, drafts
    )
    for row, outcome in zip(posting, outcomes, strict=True):
        row.entry_id, row.refusal = outcome.entry_id, outcome.refusal
        if row.refusal is not None:
            row.refusal.path = (desk.rules.end_field,)


async def _record(desk: Desk, taken: Taken, position: int) -> None:
    """Keep the refusals and let the import's counts grow."""
    values = [
        {
            "cooperative_id": desk.cooperative_id, "run_id": desk.run_id,
            "position": position + i + 1, "line": reading.line,
            "field": _storable(".".join(why.path)), "code": why.code,
            "reason": _storable(why.message),
            "implausible": isinstance(why, Implausible), "raw": reading.raw,
        }
        for i, reading, why in taken.refused
    ]  # fmt: skip
    if values:
        await desk.connection.execute(insert(import_rejection), values)
    grown = {
        name: getattr(import_run.c, name) + getattr(taken.counts, name) for name in Counts.__slots__
    }
    order = update(import_run).where(import_run.c.id == desk.run_id).values(grown)
    await desk.connection.execute(order)


def _storable(words: str) -> str:
    """`words` without what PostgreSQL cannot keep: a key of JSON may hold a NUL or half a pair."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words)
