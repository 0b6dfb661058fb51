"""Payments: money members paid, what it settles, and taking it back.

    record_payment      by hand: cash, a card, a transfer nobody wants to wait for the bank with
    post_payments       many at once, on the word of the bank's lines or of a direct debit
    pay_back            money that goes to a member
    return_payment      what came back: the receivable stands again, its invoices are open again
    apply_on_account    money on account settles invoices that came after it

One entry each: Dr 1000 (or 1010) / Cr 1200 M. What no invoice takes stays on account: the payment
less its allocations. Everything that posts for the bank holds one lock of the cooperative (`hold`),
so a line, a collection and somebody's hand never settle the same thing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing import open_items
from coop.billing.domain.bank_line import references_of
from coop.billing.errors import BankLineMismatch, PaymentTakenBack
from coop.billing.queries import payments as queries
from coop.billing.queries.invoices import invoices_by_ids
from coop.billing.queries.payments import StoredPayment
from coop.billing.tables import collection_item, payment
from coop.kernel.clock import utc_now
from coop.kernel.errors import InvalidValue, NotFound, Refusal
from coop.kernel.ids import CooperativeId, EntryId, MemberId, uuid7
from coop.ledger import service as ledger
from coop.ledger.domain.entry import EntryDraft, PostingDraft, refuse_implausible
from coop.ledger.posting import BATCH_MAX
from coop.ledger.service import AccountKey
from coop.members import queries as member_queries
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer

BANK, CLEARING, RECEIVABLE, BANK_FEES = "1000", "1010", "1200", "6700"
BY_HAND = ("transfer", "cash", "card", "other")
REFERENCE_MAX = 140
REASON_MAX = 200


@dataclass(frozen=True, slots=True)
class PaymentDraft:
    """A payment to record; `amount_minor` negative is money paid back (method refund).

    `invoice_ids` are settled first, then those due first. `money_code` is the account that holds
    the money. `key` makes a repeated request the same payment.
    """

    member_id: MemberId
    received_on: date
    amount_minor: int
    method: str = "transfer"
    reference: str = ""
    invoice_ids: tuple[UUID, ...] = ()
    money_code: str = BANK
    bank_line_id: UUID | None = None
    collection_item_id: UUID | None = None
    oldest_first: bool = True
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A payment, and whether an earlier request with its key recorded it."""

    payment: StoredPayment
    replayed: bool


@dataclass(frozen=True, slots=True)
class Return:
    """A payment that came back. `charge_minor`: what the bank kept for it, on top.

    `money_code` is the account the money left; None: the one it was put in.
    """

    payment_id: UUID
    returned_on: date
    reason: str
    charge_minor: int = 0
    money_code: str | None = None
    line_id: UUID | None = None


async def hold(connection: AsyncConnection, cooperative_id: CooperativeId) -> None:
    """Let nobody else post payments or read bank files here until this transaction ends."""
    lock = func.hashtextextended(f"bank:{cooperative_id}", 9)
    await connection.execute(select(func.pg_advisory_xact_lock(lock)))


async def record_payment(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId, draft: PaymentDraft
) -> Recorded:
    """Record what a member paid: post it and settle what it names, else what is due first.

    A creditor reference in `reference` names its invoice. Refuses FORBIDDEN, NOT_FOUND,
    INVALID_VALUE, IDEMPOTENCY_MISMATCH and what the ledger refuses; nothing is recorded then.
    """
    require(viewer, Action.PAYMENT_RECORD, cooperative_id)
    _refuse_unsound(draft)
    if not await member_queries.members_by_ids(connection, cooperative_id, [draft.member_id]):
        raise absent()
    await refuse_invoices(connection, draft.member_id, draft.invoice_ids)
    await hold(connection, cooperative_id)
    named = references_of(draft.reference)
    found = await open_items.documents_by_references(connection, named)
    ids = [found[one].id for one in named if one in found]
    draft = replace(draft, invoice_ids=tuple(dict.fromkeys((*draft.invoice_ids, *ids))))
    [outcome] = await post_payments(connection, viewer.subject, cooperative_id, [draft])
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


async def refuse_invoices(
    connection: AsyncConnection, member_id: MemberId, invoice_ids: Sequence[UUID]
) -> None:
    """Refuses NOT_FOUND unless all of these are documents of the member."""
    found = await invoices_by_ids(connection, invoice_ids) if invoice_ids else {}
    for place, id_ in enumerate(invoice_ids):
        if id_ not in found or found[id_].member_id != member_id:
            raise NotFound("The member has no such invoice.", ("invoice_ids", str(place)))


def _refuse_unsound(draft: PaymentDraft) -> None:
    if draft.amount_minor <= 0:
        raise InvalidValue("A payment is more than nothing.", ("amount",))
    if draft.method not in BY_HAND:
        raise InvalidValue(f"A method is one of {', '.join(BY_HAND)}.", ("method",))
    if len(draft.reference) > REFERENCE_MAX or not draft.reference.isprintable():
        raise InvalidValue(f"A reference has at most {REFERENCE_MAX} characters.", ("reference",))
    refuse_implausible(draft.received_on, utc_now().date())


async def post_payments(
    connection: AsyncConnection,
    actor: str,
    cooperative_id: CooperativeId,
    drafts: Sequence[PaymentDraft],
) -> list[Recorded | Refusal]:
    """Post and store payments and settle invoices with them; each is refused by itself.

    The caller has asked whether it may, and holds the bank's lock.
    """
    outcomes: list[Recorded | Refusal] = []
    for start in range(0, len(drafts), BATCH_MAX):
        part = drafts[start : start + BATCH_MAX]
        outcomes += await _post_part(connection, actor, cooperative_id, part)
    return outcomes


async def _post_part(
    connection: AsyncConnection,
    actor: str,
    cooperative_id: CooperativeId,
    drafts: Sequence[PaymentDraft],
) -> list[Recorded | Refusal]:
    keys = {AccountKey(draft.money_code) for draft in drafts}
    keys |= {AccountKey(RECEIVABLE, member_id=draft.member_id) for draft in drafts}
    accounts = await ledger.accounts_for(connection, cooperative_id, keys)
    entries = [_entry(draft, accounts) for draft in drafts]
    posted = await ledger.post_entries(connection, cooperative_id, actor, entries)
    ids = [None if one.entry_id is None else uuid7() for one in posted]
    now = utc_now()
    rows = [
        {
            "cooperative_id": cooperative_id, "id": id_, "member_id": draft.member_id,
            "received_on": draft.received_on, "amount_minor": draft.amount_minor,
            "method": draft.method, "reference": draft.reference,
            "bank_line_id": draft.bank_line_id, "collection_item_id": draft.collection_item_id,
            "entry_id": one.entry_id, "recorded_by": actor, "recorded_at": now,
            "return_charge_minor": 0,
        }
        for id_, draft, one in zip(ids, drafts, posted, strict=True)
        if id_ is not None and not one.replayed
    ]  # fmt: skip
    if rows:
        await connection.execute(insert(payment), rows)
    for id_, draft, one in zip(ids, drafts, posted, strict=True):
        if id_ is not None and not one.replayed and draft.amount_minor > 0:
            await _settle(connection, actor, cooperative_id, draft, id_)
    made = await queries.payments_of_entries(connection, [o.entry_id for o in posted if o.entry_id])
    return [_recorded(one, made) for one in posted]


def _recorded(one: Any, made: Mapping[UUID, StoredPayment]) -> Recorded | Refusal:
    if one.refusal is not None:
        refusal: Refusal = one.refusal
        return refusal
    return Recorded(made[one.entry_id], one.replayed)


async def _settle(
    connection: AsyncConnection,
    actor: str,
    cooperative_id: CooperativeId,
    draft: PaymentDraft,
    payment_id: UUID,
) -> None:
    await open_items.allocate(
        connection, cooperative_id, actor, draft.member_id, (open_items.PAYMENT, payment_id),
        draft.amount_minor, draft.received_on,
        invoice_ids=draft.invoice_ids, oldest_first=draft.oldest_first,
    )  # fmt: skip


def _entry(draft: PaymentDraft, accounts: Mapping[AccountKey, Any]) -> EntryDraft:
    """Dr money / Cr receivable; the other way about when money is paid back."""
    source: tuple[str, str] | None = None
    if draft.bank_line_id is not None:
        source = ("bank_line", str(draft.bank_line_id))
    elif draft.collection_item_id is not None:
        source = ("collection_item", str(draft.collection_item_id))
    kind = "refund" if draft.amount_minor < 0 else "payment"
    memo = " ".join(filter(None, (_WORDS[draft.method], draft.reference)))
    return EntryDraft(
        kind,
        draft.received_on,
        memo[:500],
        (
            PostingDraft(accounts[AccountKey(draft.money_code)], draft.amount_minor),
            PostingDraft(
                accounts[AccountKey(RECEIVABLE, member_id=draft.member_id)], -draft.amount_minor
            ),
        ),
        idempotency_key=draft.key,
        source=source,
        # What a key stands for beside the entry itself.
        metadata={"invoices": [str(one) for one in draft.invoice_ids]} if draft.key else {},
    )


_WORDS = {
    "transfer": "Payment", "direct_debit": "Direct debit", "cash": "Cash payment",
    "card": "Card payment", "other": "Payment", "refund": "Paid back",
}  # fmt: skip


async def return_payment(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId, back: Return
) -> StoredPayment:
    """Take a payment back: the receivable stands again and what it settled is open again.

    Refuses FORBIDDEN, NOT_FOUND, PAYMENT_RETURNED, BANK_LINE_MISMATCH (for what was paid back by
    us), INVALID_VALUE and what the ledger refuses.
    """
    require(viewer, Action.PAYMENT_RECORD, cooperative_id)
    if not back.reason.strip() or len(back.reason) > REASON_MAX or back.charge_minor < 0:
        raise InvalidValue(f"A reason has 1 to {REASON_MAX} characters.", ("reason",))
    await hold(connection, cooperative_id)
    return await take_back(connection, viewer.subject, cooperative_id, back)


async def take_back(
    connection: AsyncConnection, actor: str, cooperative_id: CooperativeId, back: Return
) -> StoredPayment:
    """What `return_payment` does once it is known that the viewer may and the lock is held."""
    found = (await queries.payments_by_ids(connection, [back.payment_id])).get(back.payment_id)
    if found is None:
        raise absent()
    if found.returned_on is not None:
        raise PaymentTakenBack("The payment was returned already.", ("paymentId",))
    if found.amount_minor < 0:
        raise BankLineMismatch("What was paid back to a member does not come back.", ("paymentId",))
    code = back.money_code or await _where_it_is(connection, found)
    entry_id = await _post_return(connection, actor, cooperative_id, found, back, code)
    await open_items.unallocate(
        connection, cooperative_id, actor, MemberId(found.member_id),
        (open_items.PAYMENT, found.id), back.returned_on,
    )  # fmt: skip
    values = {
        "returned_on": back.returned_on, "return_reason": back.reason,
        "return_code_account": code, "return_entry_id": entry_id, "return_line_id": back.line_id,
        "return_charge_minor": back.charge_minor, "returned_by": actor,
    }  # fmt: skip
    await connection.execute(update(payment).where(payment.c.id == found.id).values(values))
    if found.collection_item_id is not None:
        await connection.execute(
            update(collection_item)
            .where(collection_item.c.id == found.collection_item_id)
            .values(state="returned")
        )
    return (await queries.payments_by_ids(connection, [found.id]))[found.id]


async def _where_it_is(connection: AsyncConnection, found: StoredPayment) -> str:
    """The account a payment's money is in: a direct debit is cleared until the bank credits it."""
    if found.collection_item_id is None:
        return BANK
    state = await connection.scalar(
        select(collection_item.c.state).where(collection_item.c.id == found.collection_item_id)
    )
    return CLEARING if state == "pending" else BANK


async def _post_return(
    connection: AsyncConnection,
    actor: str,
    cooperative_id: CooperativeId,
    found: StoredPayment,
    back: Return,
    code: str,
) -> EntryId:
    keys = [AccountKey(RECEIVABLE, member_id=MemberId(found.member_id)), AccountKey(code)]
    keys += [AccountKey(BANK_FEES)] if back.charge_minor else []
    accounts = await ledger.accounts_for(connection, cooperative_id, keys)
    amounts = [found.amount_minor, -found.amount_minor - back.charge_minor, back.charge_minor]
    draft = EntryDraft(
        "payment_return",
        back.returned_on,
        f"Returned: {back.reason}",
        tuple(
            PostingDraft(accounts[key], minor) for key, minor in zip(keys, amounts, strict=False)
        ),
        source=("payment", str(found.id)),
    )
    return await post_one(connection, actor, cooperative_id, draft)


async def post_one(
    connection: AsyncConnection, actor: str, cooperative_id: CooperativeId, draft: EntryDraft
) -> EntryId:
    """Post one entry; refuses what the ledger refuses."""
    [outcome] = await ledger.post_entries(connection, cooperative_id, actor, [draft])
    if outcome.refusal is not None:
        raise outcome.refusal
    if outcome.entry_id is None:
        raise LookupError("an outcome is an entry or a refusal")
    return outcome.entry_id


async def apply_on_account(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    actor: str,
    members: Sequence[MemberId],
    effective_on: date,
) -> int:
    """Settle open invoices of these members with what they have on account; answers how much.

    What was paid back to a member is off its account first. It counts from `effective_on`, or from
    the payment's own day if that is later.
    """
    await open_items.lock_receivables(connection, members)
    left: dict[UUID, int] = {}
    found = await queries.payments_on_account(connection, members)
    for one in found:
        left[one.member_id] = left.get(one.member_id, 0) + one.unapplied_minor
    applied = 0
    for one in found:
        amount = min(one.unapplied_minor, left[one.member_id])
        if amount <= 0:
            continue
        made = await open_items.allocate(
            connection, cooperative_id, actor, MemberId(one.member_id),
            (open_items.PAYMENT, one.id), amount, max(effective_on, one.received_on),
        )  # fmt: skip
        taken = sum(part.amount_minor for part in made)
        left[one.member_id] -= taken
        applied += taken
    return applied
