"""A month of every commitment, settled; and settled months adjusted for what came late.

    settle_month    all commitments of the month, a batch a unit of work; settled ones passed over,
                    so a killed run is simply started again
    settle_one      one commitment in the caller's unit of work; a second time is refused
    adjust_month    that month and every settled one after it, computed anew from what is known now;
                    only differences are written, each linked to the settlement it adjusts

In a unit of work: lock the batch's commitments → how far each is settled → metered energy and
port-time down of the months → fold → entries, items, rows. Whoever settles the same commitment
meanwhile waits for the lock and then finds it done; the database's unique key stands behind that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.commitments import commitment_named, lock_commitments
from coop.billing.domain.commitment import month_after, months_of
from coop.billing.domain.settlement import (
    State,
    difference,
    settle,
    state_after,
    total,
)
from coop.billing.errors import (
    CommitmentInvalid,
    CommitmentOver,
    MonthOpen,
    SettledAlready,
    SettlementMissing,
    SettlementOrder,
)
from coop.billing.facts import Known, Ports, facts_of
from coop.billing.queries import commitments as queries
from coop.billing.queries.commitments import Commitment, Standing, StoredTerms
from coop.billing.queries.settlements import StoredSettlement
from coop.billing.settlement_books import ToSettle, write_settlements
from coop.billing.standing import standing_and_stored
from coop.charging import queries as charging
from coop.db.engine import Database
from coop.db.refusals import register
from coop.kernel.clock import today_in
from coop.kernel.ids import CooperativeId, HubId, uuid7
from coop.kernel.money import currency_scale
from coop.ledger import queries as ledger_queries
from coop.members.domain.policy import Action, require
from coop.members.domain.roles import Viewer

BATCH = 100
_DAY = timedelta(days=1)

register("uq_commitment_settlement_month", SettledAlready, "The month is settled.")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, in commitments: `already` were settled before, `written` by this run."""

    done: int
    total: int
    already: int
    written: int


Told = Callable[[Progress], None]


async def settle_month(
    database: Database,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    month: date,
    *,
    effective_on: date | None = None,
    on_progress: Told = lambda _: None,
    batch: int = BATCH,
) -> Progress:
    """Settle a month of every commitment; counts on its last day, or `effective_on`.

    Refuses SETTLEMENT_MONTH_OPEN, SETTLEMENT_ORDER, COMMITMENT_INVALID (no first day of a month),
    PERIOD_CLOSED, FORBIDDEN, NOT_FOUND. What was settled by then stays.
    """
    require(viewer, Action.COMMITMENT_SETTLE, cooperative_id)
    _check_month(month)
    async with database.snapshot(cooperative_id) as connection:
        standings = await queries.standings(connection)
        waiting = [one.id for one in standings if _is_next(one, month)]
        found = await queries.commitments_by_ids(connection, waiting)
        await _check_ended(connection, found.values(), month)
    already = sum(one.settled_on is not None and one.settled_on >= month for one in standings)
    progress = Progress(already, already + len(waiting), already, 0)
    on_progress(progress)
    for start in range(0, len(waiting), batch):
        ids = waiting[start : start + batch]

        async def work(connection: AsyncConnection, ids: Sequence[UUID] = ids) -> int:
            on = effective_on or month_after(month) - _DAY
            return await _settle(connection, viewer, cooperative_id, ids, month, on)

        written = await database.unit_of_work(cooperative_id, work)
        progress = Progress(
            progress.done + len(ids), progress.total,
            progress.already + len(ids) - written, progress.written + written,
        )  # fmt: skip
        on_progress(progress)
    return progress


async def settle_one(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    commitment_id: UUID,
    month: date,
    *,
    effective_on: date | None = None,
) -> None:
    """Settle a month of one commitment.

    Refuses SETTLEMENT_DONE, SETTLEMENT_MONTH_OPEN, SETTLEMENT_ORDER, COMMITMENT_OVER,
    COMMITMENT_INVALID, PERIOD_CLOSED, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.COMMITMENT_SETTLE, cooperative_id)
    _check_month(month)
    await commitment_named(connection, commitment_id)
    on = effective_on or month_after(month) - _DAY
    if await _settle(connection, viewer, cooperative_id, [commitment_id], month, on):
        return
    (standing,) = await queries.standings(connection, [commitment_id])
    if standing.settled_on is not None and standing.settled_on >= month:
        raise SettledAlready(f"{month:%Y-%m} is settled.", ("month",))
    raise CommitmentOver(f"The commitment does not run in {month:%Y-%m}.", ("month",))


async def adjust_month(
    database: Database,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    month: date,
    *,
    effective_on: date | None = None,
    on_progress: Told = lambda _: None,
    batch: int = BATCH,
) -> Progress:
    """Settle anew what is settled from `month` on, by what is known now; post the differences.

    They count on `effective_on`, or today. Nothing known late means nothing written. Refuses
    SETTLEMENT_MISSING when the month is settled for no commitment, COMMITMENT_INVALID,
    PERIOD_CLOSED, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.COMMITMENT_SETTLE, cooperative_id)
    _check_month(month)
    on = effective_on or viewer.today(cooperative_id)
    async with database.snapshot(cooperative_id) as connection:
        standings = await queries.standings(connection)
    ids = [one.id for one in standings if one.settled_on and one.settled_on >= month]
    if not ids:
        raise SettlementMissing(f"{month:%Y-%m} is not settled.", ("month",))
    progress = Progress(0, len(ids), 0, 0)
    on_progress(progress)
    for start in range(0, len(ids), batch):
        part = ids[start : start + batch]

        async def work(connection: AsyncConnection, ids: Sequence[UUID] = part) -> int:
            return await _adjust(connection, viewer, cooperative_id, ids, month, on)

        written = await database.unit_of_work(cooperative_id, work)
        progress = Progress(
            progress.done + len(part), progress.total, 0, progress.written + written
        )
        on_progress(progress)
    return progress


def _check_month(month: date) -> None:
    if month.day != 1:
        raise CommitmentInvalid("A month is said by its first day.", ("month",))


def _is_next(one: Standing, month: date) -> bool:
    """Whether the month is what a commitment is settled for next. Refuses SETTLEMENT_ORDER."""
    if one.next_month < month and one.runs_on:
        raise SettlementOrder(f"{one.next_month:%Y-%m} waits to be settled first.", ("month",))
    return one.next_month == month and one.runs_on


async def _settle(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    ids: Sequence[UUID],
    month: date,
    on: date,
) -> int:
    """Settle the month of those of `ids` that wait for it; answers of how many."""
    await lock_commitments(connection, cooperative_id, ids)
    waiting = [one.id for one in await queries.standings(connection, ids) if _is_next(one, month)]
    if not waiting:
        return 0
    known = await facts_of(connection, waiting, month, month_after(month))
    await _check_ended(connection, [commitment for commitment, _ in known], month)
    stands, stored = await standing_and_stored(connection, waiting)
    scale = currency_scale(await ledger_queries.currency_of(connection))
    wanted = []
    for commitment, facts in known:
        months = stands[commitment.id]
        before = state_after(one for at in months if at < month for one in months[at])
        version = version_in(commitment, month)
        found, _ = settle(version.terms, before, facts[month].facts, scale)
        wanted.append(
            ToSettle(
                uuid7(), commitment, version,
                difference(found, total(month, months.get(month, ()))),
                inputs_of(facts[month], before, version, scale),
                len(stored.get(commitment.id, ())) + 1, None, on,
            )
        )  # fmt: skip
    await write_settlements(connection, viewer.subject, cooperative_id, wanted)
    return len(wanted)


async def _adjust(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    ids: Sequence[UUID],
    month: date,
    on: date,
) -> int:
    """Write what is different now in each settled month from `month` on; how many commitments."""
    await lock_commitments(connection, cooperative_id, ids)
    stands, stored = await standing_and_stored(connection, ids)
    last = max(one.month for several in stored.values() for one in several)
    scale = currency_scale(await ledger_queries.currency_of(connection))
    wanted: list[ToSettle] = []
    kept = {
        (one.commitment_id, one.month): _ports_kept(one)
        for several in stored.values()
        for one in several
    }
    for commitment, facts in await facts_of(connection, ids, month, month_after(last), kept):
        settled = stored[commitment.id]
        until = month_after(max(one.month for one in settled))
        months = stands[commitment.id]
        state = state_after(one for at in months if at < month for one in months[at])
        for at in months_of(max(month, commitment.from_on), until):
            before, version = state, version_in(commitment, at)
            found, state = settle(version.terms, before, facts[at].facts, scale)
            change = difference(found, total(at, months.get(at, ())))
            if not change.is_nothing:
                inputs = inputs_of(facts[at], before, version, scale)
                number = len(settled) + 1 + sum(w.commitment is commitment for w in wanted)
                adjusts = [one.id for one in settled if one.month == at][-1]
                wanted.append(
                    ToSettle(uuid7(), commitment, version, change, inputs, number, adjusts, on)
                )
    await write_settlements(connection, viewer.subject, cooperative_id, wanted)
    return len({one.commitment.id for one in wanted})


def _ports_kept(one: StoredSettlement) -> Ports:
    return {
        HubId(UUID(hub_id)): [UUID(port_id) for port_id in ports]
        for hub_id, ports in one.inputs["ports"].items()
    }


def version_in(commitment: Commitment, month: date) -> StoredTerms:
    """The version of the terms in force in a month."""
    return [one for one in commitment.versions if one.terms.from_on <= month][-1]


def inputs_of(known: Known, before: State, version: StoredTerms, scale: int) -> dict[str, object]:
    """What a settlement was computed from, as JSON: enough to compute it again."""
    return {
        "metered_wh": {str(hub_id): wh for hub_id, wh in sorted(known.metered_wh.items())},
        "down": str(known.facts.down),
        "ports": {
            str(hub_id): [str(port_id) for port_id in ports]
            for hub_id, ports in sorted(known.ports.items())
        },
        "terms_version": version.version,
        "scale": scale,
        "banked_wh": before.banked_wh,
        "credits": [
            {
                "issued_on": one.issued_on.isoformat(), "expires_on": one.expires_on.isoformat(),
                "issued_wh": one.issued_wh, "issued_minor": one.issued_minor,
                "open_wh": one.open_wh, "open_minor": one.open_minor,
            }
            for one in before.credits
        ],
    }  # fmt: skip


async def _check_ended(
    connection: AsyncConnection, commitments: Iterable[Commitment], month: date
) -> None:
    """Refuses SETTLEMENT_MONTH_OPEN unless the month is over at every hub of them."""
    hub_ids = {hub_id for commitment in commitments for hub_id in commitment.hub_ids}
    for hub in (await charging.hubs_by_ids(connection, hub_ids)).values():
        if today_in(hub.time_zone) < month_after(month):
            raise MonthOpen(f"{month:%Y-%m} has not ended at {hub.name}.", ("month",))
