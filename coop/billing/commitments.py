"""Commitments: pledged, amended and ended by resolution, secured by deposits.

    pledge       the first version of the terms; all its months at once in kWh: Dr 9210 / Cr 9200
    amend        a version more, from a month on that is not settled; what it adds or takes, in kWh
    terminate    a version whose end is its beginning; the make-up right may end with it
    record_deposit
                 taken Dr 1000 / Cr 2410 M, returned the other way, forfeited Dr 2410 M / Cr 4120

A commitment is renewed by amending its end: its credits and its bank go along. Two of one member
never share a hub in a month. Nothing here commits; whatever changes a commitment takes its lock, as
settling does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.commitment import (
    Terms,
    month_after,
    pledged_wh,
    require_term,
    terms_in,
)
from coop.billing.domain.settlement import MonthFacts, MovementKind, settle, state_after
from coop.billing.domain.taxes import taxes_json
from coop.billing.errors import (
    CommitmentInvalid,
    CommitmentOver,
    CommitmentOverlaps,
    DepositTooSmall,
    MonthSettled,
)
from coop.billing.queries import commitments as queries
from coop.billing.queries.commitments import Commitment, Standing, StoredTerms
from coop.billing.settlement_books import DUE, PLEDGED, post_all, post_release
from coop.billing.standing import standing_of
from coop.billing.tables import (
    commitment,
    commitment_deposit,
    commitment_hub,
    commitment_terms,
)
from coop.charging import queries as charging
from coop.db.refusals import register
from coop.kernel.clock import utc_now
from coop.kernel.energy import kwh_of_wh
from coop.kernel.ids import CooperativeId, EntryId, HubId, MemberId, uuid7
from coop.ledger import service as ledger
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.errors import ResolutionRequired
from coop.ledger.service import AccountKey
from coop.members import queries as member_queries
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer
from coop.members.errors import MemberLeft

HUBS_MAX = 100
MONTHS_AHEAD = 12
TEXT_MAX = 500
BANK, DEPOSITS, FORFEITED = "1000", "2410", "4120"
TAKEN, RETURNED, FORFEIT = "taken", "returned", "forfeited"

register(
    "commitment_is_alone", CommitmentOverlaps, "The member has another commitment at such a hub."
)
register("deposit_fits", DepositTooSmall, "The deposit holds less.")

_LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(CAST(:cooperative AS text) || c.id, 8)) FROM ("
    "SELECT u.id::text AS id FROM unnest(CAST(:ids AS uuid[])) AS u (id) ORDER BY u.id) AS c"
)


@dataclass(frozen=True, slots=True)
class PledgeDraft:
    """A pledge to be made: whose, at which hubs (several are a pool), on which terms."""

    member_id: MemberId
    hub_ids: tuple[HubId, ...]
    terms: Terms
    resolution: str | None = None


@dataclass(frozen=True, slots=True)
class DepositDraft:
    """Money of a deposit that was `taken`, `returned` or `forfeited` (by a resolution)."""

    kind: str
    amount_minor: int
    effective_on: date
    resolution: str | None = None


async def lock_commitments(
    connection: AsyncConnection, cooperative_id: CooperativeId, ids: Sequence[UUID]
) -> None:
    """Wait for whoever works on these commitments, and keep others off until the commit."""
    await connection.execute(_LOCK, {"cooperative": str(cooperative_id), "ids": list(ids)})


async def pledge(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId, draft: PledgeDraft
) -> Commitment:
    """Pledge energy for whole months. Its kWh are pledged and due from the first day on.

    Refuses COMMITMENT_INVALID, COMMITMENT_OVERLAPS, COMMITMENT_MONTH_SETTLED, PERIOD_CLOSED,
    MEMBER_LEFT, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.COMMITMENT_PLEDGE, cooperative_id, member_id=draft.member_id)
    await _check_pledge(connection, viewer, cooperative_id, draft)
    terms = draft.terms
    made: dict[str, Any] = {
        "cooperative_id": cooperative_id, "id": uuid7(), "member_id": draft.member_id,
        "from_on": terms.from_on, "to_on": terms.to_on, "pledged_by": viewer.subject,
        "pledged_at": utc_now(),
    }  # fmt: skip
    await connection.execute(insert(commitment), made)
    hubs = [
        {"cooperative_id": cooperative_id, "commitment_id": made["id"], "hub_id": hub_id}
        for hub_id in sorted(set(draft.hub_ids))
    ]
    await connection.execute(insert(commitment_hub), hubs)
    new = Commitment(**made, hub_ids=draft.hub_ids, versions=())
    return await _add_version(connection, viewer, new, terms, draft.resolution)


async def _check_pledge(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId, draft: PledgeDraft
) -> None:
    require_term(draft.terms)
    _check_text(draft.resolution)
    from_on = draft.terms.from_on
    if from_on > month_after(viewer.today(cooperative_id).replace(day=1), MONTHS_AHEAD):
        raise CommitmentInvalid("A commitment begins within a year.", ("from",))
    if not 1 <= len(set(draft.hub_ids)) <= HUBS_MAX:
        raise CommitmentInvalid(f"A pool has 1 to {HUBS_MAX} hubs.", ("hubIds",))
    found = await member_queries.members_by_ids(connection, cooperative_id, [draft.member_id])
    if draft.member_id not in found:
        raise absent().under("memberId")
    if found[draft.member_id].left_on is not None:
        raise MemberLeft("The member has left.", ("memberId",))
    if len(await charging.hubs_by_ids(connection, draft.hub_ids)) < len(set(draft.hub_ids)):
        raise absent().under("hubIds")
    if await queries.is_settled_from(connection, from_on):
        raise MonthSettled(f"{from_on:%Y-%m} or a later month is settled.", ("from",))


async def amend(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    commitment_id: UUID,
    terms: Terms,
    *,
    resolution: str,
) -> Commitment:
    """Let other terms be in force from their month on; another end renews or shortens it.

    Taking away the right to make up releases the open credits to revenue (Dr 2420 M / Cr 4110),
    at once if every earlier month is settled, else with the settlement of that month. Refuses
    COMMITMENT_INVALID, COMMITMENT_OVER, COMMITMENT_OVERLAPS, COMMITMENT_MONTH_SETTLED,
    RESOLUTION_REQUIRED, PERIOD_CLOSED, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.COMMITMENT_SETTLE, cooperative_id)
    if not resolution.strip():
        raise ResolutionRequired("A commitment changes by resolution.", ("resolution",))
    _check_text(resolution)
    await lock_commitments(connection, cooperative_id, [commitment_id])
    found = await commitment_named(connection, commitment_id)
    (standing,) = await queries.standings(connection, [commitment_id])
    _check_amendment(found, standing, terms)
    if terms.to_on != found.to_on:
        await connection.execute(
            update(commitment).where(commitment.c.id == commitment_id).values(to_on=terms.to_on)
        )
    changed = await _add_version(
        connection, viewer, replace(found, to_on=terms.to_on), terms, resolution
    )
    await _release(connection, viewer, changed, standing, terms)
    return changed


def _check_amendment(found: Commitment, standing: Standing, terms: Terms) -> None:
    if terms.to_on > terms.from_on:
        require_term(terms)
    elif terms.to_on < terms.from_on:
        raise CommitmentInvalid("Terms do not end before they begin.", ("to",))
    if terms.from_on < found.from_on:
        raise CommitmentInvalid("Terms begin with the commitment or later.", ("from",))
    if terms.from_on > found.to_on:
        raise CommitmentOver(f"The commitment ended with {found.to_on}.", ("from",))
    if standing.settled_on is not None and terms.from_on <= standing.settled_on:
        raise MonthSettled(f"{standing.settled_on:%Y-%m} is settled.", ("from",))


async def terminate(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    commitment_id: UUID,
    to_on: date,
    *,
    resolution: str,
    keep_make_up: bool = True,
) -> Commitment:
    """End a commitment with the month before `to_on`; the rest of what it pledged is not due.

    Credits stay usable until they expire unless the right ends with it. Refuses what `amend` does.
    """
    require(viewer, Action.COMMITMENT_SETTLE, cooperative_id)
    await lock_commitments(connection, cooperative_id, [commitment_id])
    found = await commitment_named(connection, commitment_id)
    if not found.from_on <= to_on <= found.to_on:
        raise CommitmentOver("The commitment does not run in that month.", ("to",))
    terms = terms_in(found.terms, to_on)
    months = terms.make_up_months if keep_make_up else 0
    ending = replace(terms, from_on=to_on, to_on=to_on, ramp=(), make_up_months=months)
    return await amend(
        connection, viewer, cooperative_id, commitment_id, ending, resolution=resolution
    )


async def commitment_named(connection: AsyncConnection, commitment_id: UUID) -> Commitment:
    """The commitment of that id. Refuses NOT_FOUND."""
    found = (await queries.commitments_by_ids(connection, [commitment_id])).get(commitment_id)
    if found is None:
        raise absent()
    return found


async def _add_version(
    connection: AsyncConnection,
    viewer: Viewer,
    found: Commitment,
    terms: Terms,
    resolution: str | None,
) -> Commitment:
    """Keep a version and post what it adds to the energy pledged and due."""
    ends = [one.terms.to_on for one in found.versions] + [terms.to_on]
    span = (terms.from_on, max(ends))
    before = pledged_wh(found.terms, *span) if found.versions else 0
    added = pledged_wh([*found.terms, terms], *span) - before
    entry_id = await _post_pledge(connection, viewer, found, terms, added)
    version = StoredTerms(
        found.id, len(found.versions) + 1, terms, resolution, added, entry_id, viewer.subject,
        utc_now(),
    )  # fmt: skip
    row = {
        "cooperative_id": found.cooperative_id, "commitment_id": found.id,
        "version": version.version, "from_on": terms.from_on, "to_on": terms.to_on,
        "minimum_wh": terms.minimum_wh, "shortfall_per_kwh": terms.shortfall_per_kwh,
        "overage_per_kwh": terms.overage_per_kwh, "ramp": [f"{one:f}" for one in terms.ramp],
        "make_up_months": terms.make_up_months, "bank_cap_wh": terms.bank_cap_wh,
        "outage_relief": terms.outage_relief, "deposit_minor": terms.deposit_minor,
        "taxes": taxes_json(terms.taxes), "resolution": resolution, "pledged_wh": added,
        "entry_id": entry_id, "set_by": version.set_by, "set_at": version.set_at,
    }  # fmt: skip
    await connection.execute(insert(commitment_terms), row)
    return replace(found, versions=(*found.versions, version))


async def _post_pledge(
    connection: AsyncConnection, viewer: Viewer, found: Commitment, terms: Terms, wh: int
) -> EntryId | None:
    if not wh:
        return None
    cooperative_id = CooperativeId(found.cooperative_id)
    due, pledged = (AccountKey(code, member_id=found.member_id) for code in (DUE, PLEDGED))
    accounts = await ledger.accounts_for(connection, cooperative_id, [due, pledged])
    draft = EntryDraft(
        "commitment_pledge",
        terms.from_on,
        f"{'Pledged' if wh > 0 else 'No longer pledged'}: {kwh_of_wh(abs(wh))} kWh",
        (PostingDraft(accounts[due], wh), PostingDraft(accounts[pledged], -wh)),
        source=("commitment", str(found.id)),
    )
    (entry_id,) = await post_all(connection, viewer.subject, cooperative_id, [draft])
    return entry_id


async def _release(
    connection: AsyncConnection,
    viewer: Viewer,
    changed: Commitment,
    standing: Standing,
    terms: Terms,
) -> None:
    """Let go of open credits now, if the terms end the right and nothing earlier is to settle."""
    nothing_earlier = standing.settled_on is not None and (
        month_after(standing.settled_on) == terms.from_on
    )
    if terms.make_up_months or not nothing_earlier or not standing.open_wh:
        return
    stands = (await standing_of(connection, [changed.id]))[changed.id]
    before = state_after(one for several in stands.values() for one in several)
    settled, _ = settle(terms, before, MonthFacts(terms.from_on, 0), 0)
    movements = [one for one in settled.movements if one.kind is MovementKind.RELEASED]
    await post_release(
        connection, viewer.subject, CooperativeId(changed.cooperative_id), changed, movements
    )


async def record_deposit(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    commitment_id: UUID,
    draft: DepositDraft,
) -> EntryId:
    """Take a deposit, return it, or keep it by resolution; answers its entry.

    Refuses COMMITMENT_INVALID, DEPOSIT_TOO_SMALL, RESOLUTION_REQUIRED, PERIOD_CLOSED, FORBIDDEN,
    NOT_FOUND.
    """
    require(viewer, Action.PAYMENT_RECORD, cooperative_id)
    if draft.kind not in (TAKEN, RETURNED, FORFEIT):
        raise CommitmentInvalid("A deposit is taken, returned or forfeited.", ("kind",))
    if draft.amount_minor <= 0:
        raise CommitmentInvalid("A deposit is more than nothing.", ("amount",))
    _check_text(draft.resolution)
    if draft.kind == FORFEIT and not (draft.resolution or "").strip():
        raise ResolutionRequired("A deposit is forfeited by resolution.", ("resolution",))
    found = await commitment_named(connection, commitment_id)
    held = AccountKey(DEPOSITS, member_id=found.member_id)
    other = AccountKey(FORFEITED if draft.kind == FORFEIT else BANK)
    accounts = await ledger.accounts_for(connection, cooperative_id, [held, other])
    into = draft.amount_minor if draft.kind == TAKEN else -draft.amount_minor
    entry = EntryDraft(
        "commitment_deposit",
        draft.effective_on,
        f"Commitment deposit {draft.kind}",
        (PostingDraft(accounts[other], into), PostingDraft(accounts[held], -into)),
        source=("commitment", str(commitment_id)),
    )
    (entry_id,) = await post_all(connection, viewer.subject, cooperative_id, [entry])
    row = {
        "cooperative_id": cooperative_id, "id": uuid7(), "commitment_id": commitment_id,
        "kind": draft.kind, "amount_minor": draft.amount_minor,
        "effective_on": draft.effective_on, "resolution": draft.resolution, "entry_id": entry_id,
        "recorded_by": viewer.subject, "recorded_at": utc_now(),
    }  # fmt: skip
    await connection.execute(insert(commitment_deposit), row)
    return entry_id


def _check_text(resolution: str | None) -> None:
    if resolution is not None and not (len(resolution) <= TEXT_MAX and resolution.isprintable()):
        raise CommitmentInvalid(
            f"A resolution is named in at most {TEXT_MAX} characters.", ("resolution",)
        )
