"""Rating sessions anew: what was charged is reversed and posted again, linked, never edited.

    rerate            under what is in force now: a tariff was corrected, a class, a pause recorded
    move_to_member    out of suspense: a guest's session turns out to be a member's

Each session's old charge is taken back by one with everything negative and the reversal of its
entry; the new one names it as what it replaces. What costs the same is left alone. What was billed
already stays billed: the two new charges are the difference, for the next bill to take up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import queries
from coop.charging.books import reversals, session_accounts, tax_due
from coop.charging.charges import (
    ChargeDraft,
    LineDraft,
    lines_of,
    store_charges,
    taking_back,
    taxes_json,
)
from coop.charging.domain.entries import session_entry, session_memo
from coop.charging.domain.place import Hub
from coop.charging.metered import metered_session
from coop.charging.price_list import PriceList, Rated, price_list
from coop.charging.queries import SessionToRate, StoredCharge, StoredLine, StoredSession
from coop.charging.tables import charging_session
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId, EntryId, HubId, MemberId
from coop.ledger import service as ledger
from coop.ledger.domain.entry import EntryDraft
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer

REASON_MAX = 200
ASSIGNED = "assigned"
_AT_ONCE = 500  # two entries each, and a call of the ledger takes a thousand
_RATED = (
    update(charging_session)
    .where(charging_session.c.id == bindparam("rated"))
    .values(
        member_id=bindparam("member"),
        entry_id=bindparam("entry"),
        amount_minor=bindparam("amount"),
        tariff_version_id=bindparam("version"),
        state=bindparam("new_state"),
    )
)


@dataclass(frozen=True, slots=True)
class SessionsOf:
    """Which sessions to rate anew: these, or those at a hub that count for [from_on, to_on)."""

    session_ids: Sequence[UUID] = ()
    hub_id: HubId | None = None
    from_on: date | None = None
    to_on: date | None = None


@dataclass(slots=True)
class Rerated:
    """How many sessions were looked at, which cost something else now, and by how much more."""

    looked_at: int = 0
    session_ids: list[UUID] = field(default_factory=list)
    difference_minor: int = 0


@dataclass(frozen=True, slots=True)
class _Anew:
    """One session with what it is charged and what it is to be charged."""

    session: StoredSession
    member_id: MemberId | None
    rated: Rated
    lines: tuple[LineDraft, ...]
    charge: StoredCharge | None
    charge_lines: Sequence[StoredLine]

    @property
    def differs(self) -> bool:
        """Whether it comes to something else than it is charged."""
        if self.charge is None:
            return self.session.amount_minor != self.rated.charge.amount_minor
        old = [(one.net_minor, taxes_json(one.taxes), one.tax) for one in self.charge_lines]
        return old != [(one.net_minor, one.taxes, one.tax) for one in self.lines]

    def on(self, effective_on: date | None) -> date:
        """The day it is posted on: that of the charge it replaces, unless another is asked for."""
        if effective_on is not None:
            return effective_on
        return self.session.effective_on if self.charge is None else self.charge.effective_on


async def rerate(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    where: SessionsOf,
    reason: str,
    effective_on: date | None = None,
) -> Rerated:
    """Charge sessions by what is in force for them now; all of them or none.

    Credited ones are left out; those that cost the same are not touched. Posts on the day each
    counts for, or on `effective_on`. Refuses PERIOD_CLOSED, PRICE_MISSING, INVALID_VALUE,
    FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.PRICE_SET, cooperative_id)
    if not 1 <= len(reason.strip()) <= REASON_MAX or not reason.isprintable():
        raise InvalidValue(f"A reason is 1 to {REASON_MAX} printable characters.", ("reason",))
    ids = await _ids(connection, where)
    outcome = Rerated()
    for start in range(0, len(ids), _AT_ONCE):
        part = await queries.sessions_to_rate(connection, ids[start : start + _AT_ONCE])
        counted = [one for one in part if one.session.state in queries.COUNTED]
        members = {one.session.id: one.session.member_id for one in counted}
        anew = await _rated(connection, counted, members)
        changed = [one for one in anew if one.differs]
        await _charge_anew(
            connection, viewer, cooperative_id, changed, reason.strip(), effective_on
        )
        outcome.looked_at += len(counted)
        outcome.session_ids += [one.session.id for one in changed]
        outcome.difference_minor += sum(
            one.rated.charge.amount_minor - one.session.amount_minor for one in changed
        )
    return outcome


async def _ids(connection: AsyncConnection, where: SessionsOf) -> list[UUID]:
    if where.hub_id is None:
        ids = sorted(set(where.session_ids))
        if len(await queries.sessions_by_ids(connection, ids)) < len(ids):
            raise absent()
        return ids
    if where.hub_id not in await queries.hubs_by_ids(connection, [where.hub_id]):
        raise absent()
    return await queries.session_ids_of_hub(connection, where.hub_id, where.from_on, where.to_on)


async def move_to_member(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    sessions: Sequence[StoredSession],
    member_id: MemberId,
    effective_on: date | None,
) -> None:
    """Take back what guests were charged for suspended sessions and charge the member instead.

    Priced by the member's class. Refuses what the ledger refuses, PERIOD_CLOSED for one; the
    caller's transaction is then undone.
    """
    for start in range(0, len(sessions), _AT_ONCE):
        ids = [one.id for one in sessions[start : start + _AT_ONCE]]
        part = await queries.sessions_to_rate(connection, ids)
        anew = await _rated(connection, part, dict.fromkeys(ids, member_id))
        await _charge_anew(connection, viewer, cooperative_id, anew, ASSIGNED, effective_on)


async def _rated(
    connection: AsyncConnection,
    wanted: Sequence[SessionToRate],
    members: dict[UUID, MemberId | None],
) -> list[_Anew]:
    """What each session is charged, and would be now if it were the given member's."""
    if not wanted:
        return []
    sessions = [one.session for one in wanted]
    hubs = await queries.hubs_by_ids(connection, {one.hub_id for one in sessions})
    prices = await price_list(
        connection, hubs, members.values(),
        min(one.started_at for one in sessions), max(one.ended_at for one in sessions),
    )  # fmt: skip
    charges = await queries.standing_charges(connection, members)
    lines = await queries.lines_of_charges(connection, [one.id for one in charges.values()])
    return [
        _anew(one, hubs[one.session.hub_id], members[one.session.id], prices, charges, lines)
        for one in wanted
    ]


def _anew(
    wanted: SessionToRate,
    hub: Hub,
    member_id: MemberId | None,
    prices: PriceList,
    charges: dict[UUID, StoredCharge],
    lines: dict[UUID, list[StoredLine]],
) -> _Anew:
    session = wanted.session
    rated = prices.rate(metered_session(wanted), hub, session.port_id, member_id)
    charge = charges.get(session.id)
    return _Anew(
        session, member_id, rated, lines_of(rated), charge,
        () if charge is None else lines.get(charge.id, ()),
    )  # fmt: skip


async def _charge_anew(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    anew: Sequence[_Anew],
    reason: str,
    effective_on: date | None,
) -> None:
    """Reverse, post, keep both charges, and let the sessions say what they cost now."""
    if not anew:
        return
    hubs = await queries.hubs_by_ids(connection, {one.session.hub_id for one in anew})
    reversed_ = await _post(
        connection, viewer, cooperative_id, anew,
        await _reversals(connection, anew, hubs, reason, effective_on),
    )  # fmt: skip
    posted = await _post(
        connection, viewer, cooperative_id, anew,
        await _entries(connection, cooperative_id, anew, hubs, effective_on),
    )  # fmt: skip
    drafts = [
        taking_back(
            one.charge, one.charge_lines, entry_id=reversed_.get(one.session.id),
            effective_on=one.on(effective_on), reason=reason,
        )
        for one in anew
        if one.charge is not None
    ]  # fmt: skip
    drafts += [
        ChargeDraft(
            one.session.id, one.member_id, one.session.hub_id, one.rated.version.id,
            one.on(effective_on), one.rated.charge.currency, one.lines,
            posted.get(one.session.id), reason=reason,
            replaces_id=None if one.charge is None else one.charge.id,
        )
        for one in anew
    ]  # fmt: skip
    await store_charges(connection, cooperative_id, viewer.subject, drafts)
    rows = [
        {
            "rated": one.session.id, "member": one.member_id,
            "entry": posted.get(one.session.id), "amount": one.rated.charge.amount_minor,
            "version": one.rated.version.id,
            "new_state": "suspended" if one.member_id is None else "charged",
        }
        for one in anew
    ]  # fmt: skip
    await connection.execute(_RATED, rows)


async def _reversals(
    connection: AsyncConnection,
    anew: Sequence[_Anew],
    hubs: dict[HubId, Hub],
    reason: str,
    effective_on: date | None,
) -> dict[UUID, EntryDraft]:
    """The mirror of each session's entry, by session."""
    having = [one for one in anew if one.session.entry_id is not None]
    drafts = await reversals(
        connection,
        [
            (
                EntryId(one.session.entry_id),
                one.on(effective_on),
                f"{hubs[one.session.hub_id].name}: {reason}",
            )
            for one in having
            if one.session.entry_id is not None
        ],
    )
    return {one.session.id: draft for one, draft in zip(having, drafts, strict=True)}


async def _entries(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    anew: Sequence[_Anew],
    hubs: dict[HubId, Hub],
    effective_on: date | None,
) -> dict[UUID, EntryDraft]:
    """The entry of each session as it is rated now, by session."""
    pairs = {(one.member_id, one.session.hub_id) for one in anew}
    accounts = await session_accounts(connection, cooperative_id, pairs)
    found = {}
    for one in anew:
        session = one.session
        draft = session_entry(
            session.id,
            session_memo(hubs[session.hub_id], session.delivered_wh, one.rated.version),
            one.on(effective_on),
            accounts[one.member_id, session.hub_id],
            net_minor=one.rated.charge.amount_minor,
            tax_minor=tax_due(one.rated, one.member_id),
            delivered_wh=session.delivered_wh,
        )
        if draft is not None:
            found[session.id] = draft
    return found


async def _post(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    anew: Sequence[_Anew],
    drafts: dict[UUID, EntryDraft],
) -> dict[UUID, EntryId]:
    """The entries that were posted, by session; the first refusal is raised."""
    order = [one.session.id for one in anew if one.session.id in drafts]
    outcomes = await ledger.post_entries(
        connection, cooperative_id, viewer.subject, [drafts[id_] for id_ in order]
    )
    found = {}
    for id_, outcome in zip(order, outcomes, strict=True):
        if outcome.refusal is not None:
            raise outcome.refusal
        if outcome.entry_id is not None:
            found[id_] = outcome.entry_id
    return found
