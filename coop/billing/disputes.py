"""Disputes: a member contests a charge or an item; somebody else decides.

While it is open the contested amount is held: it stays on its invoice and is owed, but counts as
neither due nor overdue. A dispute that is upheld makes bill items of kind DISPUTE_CREDIT, which
take back revenue where it was earned and stand on the member's next bill; one that is refused says
why. A charge or item can be contested before it is billed, and for some days after its invoice's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.credit_notes import REVENUE, require_reason
from coop.billing.errors import (
    CreditTooLarge,
    DisputeDecided,
    DisputeLate,
    DisputeOpen,
    DisputeOwn,
    NothingToCredit,
)
from coop.billing.items import ItemDraft, add_items, decimal_of
from coop.billing.open_items import lock_receivables
from coop.billing.queries import disputes as queries
from coop.billing.queries import invoices as invoice_queries
from coop.billing.queries.disputes import Contested, DisputeRow, TaxedPart
from coop.billing.tables import dispute
from coop.db.refusals import register
from coop.kernel.allocation import allocate
from coop.kernel.clock import today_in, utc_now
from coop.kernel.ids import AccountId, CooperativeId, uuid7
from coop.kernel.money import currency_scale
from coop.kernel.rate import from_scale, round_half_up
from coop.ledger import queries as ledger_queries
from coop.ledger.service import AccountKey
from coop.members import queries as member_queries
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer

CREDIT_KIND = "DISPUTE_CREDIT"
DISPUTE_DAYS = 60

for _constraint in ("uq_dispute_open_charge", "uq_dispute_open_item"):
    register(_constraint, DisputeOpen, "It is contested already.")
register("dispute_is_open", DisputeDecided, "The dispute is decided.")
register("ck_dispute_decided_by", DisputeOwn, "Whoever opened a dispute does not decide it.")


async def open_dispute(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    *,
    reason: str,
    charge_id: UUID | None = None,
    item_id: UUID | None = None,
    on: date | None = None,
) -> DisputeRow:
    """Contest a charge or a bill item, on the day `on` (today at the cooperative).

    Refuses DISPUTE_OPEN, DISPUTE_LATE, NOTHING_TO_CREDIT (a credit, or credited already),
    INVALID_VALUE without a reason, FORBIDDEN, NOT_FOUND.
    """
    found = await queries.contested(connection, charge_id=charge_id, item_id=item_id)
    if found is None:
        raise absent()
    require(viewer, Action.BILL_DISPUTE, cooperative_id, member_id=found.member_id)
    require_reason(reason)
    if await queries.open_dispute_of(connection, charge_id=charge_id, item_id=item_id):
        raise DisputeOpen("It is contested already; that dispute is decided first.")
    left = _left(found)
    day = on or await _today(connection, cooperative_id)
    await _require_in_time(connection, cooperative_id, found, day)
    scale = currency_scale(await ledger_queries.currency_of(connection))
    id_ = uuid7()
    row = {
        "cooperative_id": cooperative_id, "id": id_, "member_id": found.member_id,
        "charge_id": charge_id, "item_id": item_id, "opened_by": viewer.subject,
        "opened_at": utc_now(), "reason": reason,
        "held_minor": left + round_half_up(_tax(found, left) * 10**scale),
    }  # fmt: skip
    await connection.execute(insert(dispute), [row])
    return (await queries.disputes_by_ids(connection, [id_]))[id_]


async def credit_dispute(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    dispute_id: UUID,
    *,
    reason: str,
    net_minor: int | None = None,
    resolution: str | None = None,
    on: date | None = None,
) -> DisputeRow:
    """Uphold a dispute: credit `net_minor` of what is contested (all of it), before tax.

    The credit counts on the day `on` (today at the cooperative). Refuses DISPUTE_OWN,
    DISPUTE_DECIDED, CREDIT_TOO_LARGE, NOTHING_TO_CREDIT, PERIOD_CLOSED, INVALID_VALUE, FORBIDDEN,
    NOT_FOUND.
    """
    found = await _to_decide(connection, viewer, cooperative_id, dispute_id, reason)
    # So that no credit note credits the same at the same time.
    await lock_receivables(connection, [found.member_id])
    contested = await queries.contested(
        connection, charge_id=found.charge_id, item_id=found.item_id
    )
    if contested is None:
        raise absent()
    left = _left(contested)
    amount = left if net_minor is None else net_minor
    if amount <= 0:
        raise NothingToCredit("A credit is of more than nothing.", ("amount",))
    if amount > left:
        raise CreditTooLarge(f"{left} minor units of it are left to credit.", ("amount",))
    day = on or await _today(connection, cooperative_id)
    drafts = await _credits(connection, found, contested, amount, day, resolution)
    items = await add_items(connection, viewer.subject, cooperative_id, drafts)
    await _decide(
        connection, viewer, dispute_id, "credited", reason, resolution, credit_item_id=items[0].id
    )
    return (await queries.disputes_by_ids(connection, [dispute_id]))[dispute_id]


async def refuse_dispute(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    dispute_id: UUID,
    *,
    reason: str,
    resolution: str | None = None,
) -> DisputeRow:
    """Refuse a dispute, with a reason: the charge stands and is due again.

    Refuses DISPUTE_OWN, DISPUTE_DECIDED, INVALID_VALUE without a reason, FORBIDDEN, NOT_FOUND.
    """
    await _to_decide(connection, viewer, cooperative_id, dispute_id, reason)
    await _decide(connection, viewer, dispute_id, "refused", reason, resolution)
    return (await queries.disputes_by_ids(connection, [dispute_id]))[dispute_id]


async def _to_decide(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    dispute_id: UUID,
    reason: str,
) -> DisputeRow:
    found = (await queries.disputes_by_ids(connection, [dispute_id])).get(dispute_id)
    if found is None:
        raise absent()
    require(viewer, Action.DISPUTE_DECIDE, cooperative_id, member_id=found.member_id)
    require_reason(reason)
    if found.opened_by == viewer.subject:
        raise DisputeOwn("Whoever opened a dispute does not decide it.")
    if found.decision is not None:
        raise DisputeDecided("The dispute is decided; a decision stays.")
    return found


async def _decide(
    connection: AsyncConnection,
    viewer: Viewer,
    dispute_id: UUID,
    decision: str,
    reason: str,
    resolution: str | None,
    *,
    credit_item_id: UUID | None = None,
) -> None:
    await connection.execute(
        update(dispute)
        .where(dispute.c.id == dispute_id)
        .values(
            decided_by=viewer.subject,
            decided_at=utc_now(),
            decision=decision,
            decision_reason=reason,
            resolution=resolution,
            credit_item_id=credit_item_id,
        )
    )


def _left(found: Contested) -> int:
    """What of the contested net nobody credited yet. Refuses NOTHING_TO_CREDIT."""
    left = found.net_minor - found.credited_minor
    if left <= 0:
        raise NothingToCredit("There is nothing left of it to contest.")
    return left


def _tax(found: Contested, net_minor: int) -> Fraction:
    """The exact tax in `net_minor` of the contested net, in whole currency."""
    return sum((Fraction(part.tax) for part in found.parts), Fraction(0)) * Fraction(
        net_minor, found.net_minor
    )


async def _credits(
    connection: AsyncConnection,
    found: DisputeRow,
    contested: Contested,
    amount: int,
    day: date,
    resolution: str | None,
) -> list[ItemDraft]:
    """One credit for each list of taxes that the contested lines carry, the amount shared out."""
    scale = currency_scale(await ledger_queries.currency_of(connection))
    contra = await _contra(connection, contested)
    shares = allocate(amount, [max(part.net_minor, 0) for part in contested.parts])
    return [
        ItemDraft(
            member_id=contested.member_id,
            kind=CREDIT_KIND,
            effective_on=day,
            description=f"Credit: {contested.description}",
            quantity=Decimal(1),
            unit="sum",
            unit_price=from_scale(-share, scale),
            net_minor=-share,
            contra=contra,
            source=("dispute", str(found.id) if not place else f"{found.id}/{place + 1}"),
            taxes=part.taxes,
            hub_id=contested.hub_id,
            resolution=resolution,
            tax=decimal_of(-_share(part, share)),
        )
        for place, (part, share) in enumerate(_moving(contested.parts, shares))
    ]


def _moving(parts: Sequence[TaxedPart], shares: Sequence[int]) -> list[tuple[TaxedPart, int]]:
    return [(part, share) for part, share in zip(parts, shares, strict=True) if share]


def _share(part: TaxedPart, net_minor: int) -> Fraction:
    return Fraction(part.tax) * Fraction(net_minor, part.net_minor)


async def _contra(connection: AsyncConnection, contested: Contested) -> AccountKey:
    if contested.contra_account_id is None:
        return AccountKey(REVENUE, hub_id=contested.hub_id)
    account_id = AccountId(contested.contra_account_id)
    row = (await ledger_queries.accounts_by_ids(connection, [account_id]))[account_id]
    return AccountKey(row.code, row.member_id, row.hub_id, row.vintage)


async def _today(connection: AsyncConnection, cooperative_id: CooperativeId) -> date:
    cooperative = await member_queries.cooperative_by_id(connection, cooperative_id)
    if cooperative is None:
        raise absent()
    return today_in(cooperative.time_zone)


async def _require_in_time(
    connection: AsyncConnection, cooperative_id: CooperativeId, found: Contested, day: date
) -> None:
    if found.invoice_id is None:
        return
    held = (await invoice_queries.invoices_by_ids(connection, [found.invoice_id]))[found.invoice_id]
    profile = await member_queries.cooperative_profile_on(
        connection, cooperative_id, held.issued_on
    )
    days = DISPUTE_DAYS if profile is None else profile.profile.dispute_days
    last = held.issued_on + timedelta(days=days)
    if day > last:
        raise DisputeLate(f"It could be contested until {last}.")
