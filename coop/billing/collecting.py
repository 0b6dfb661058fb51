"""Direct debits: what is due and may be collected, as a file for the bank, once.

chosen      invoices due by the day, open after what is on account and not contested, of members
            with a mandate in force; oldest due first, at most MOST in a file
posted      Dr 1010 clearing / Cr 1200 M for each, and each settles its invoice: so nothing is
            due that was collected, and nothing is collected twice
the file    pain.008, kept as it was made
then        the bank's lines settle clearing (bank_lines.py) or give it back; a file that never
            went to the bank is cancelled
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing import open_items
from coop.billing.domain.direct_debit import SCHEMAS, Creditor, Debit, direct_debit_file
from coop.billing.domain.mandate import (
    FIRST,
    LEAD_DAYS,
    RECURRING,
    SCHEMES,
    Mandate,
    refuse_too_soon,
)
from coop.billing.errors import CollectionEmpty, CollectionImpossible, CollectionSettled
from coop.billing.open_items import OpenDocument
from coop.billing.payments import (
    CLEARING,
    PaymentDraft,
    Return,
    apply_on_account,
    hold,
    post_payments,
    take_back,
)
from coop.billing.queries import bank as bank_queries
from coop.billing.queries import collecting as queries
from coop.billing.queries import payments as payment_queries
from coop.billing.queries.bank import BankAccount
from coop.billing.queries.collecting import StoredCollection, StoredItem
from coop.billing.tables import collection, collection_item, mandate
from coop.db.among import among
from coop.kernel.clock import utc_now
from coop.kernel.errors import InvalidValue, Refusal
from coop.kernel.ids import CooperativeId, MemberId, uuid7
from coop.ledger import queries as ledger_queries
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer

MOST = 2_000
# The schema's own limit of one amount, in cents.
AMOUNT_MAX = 99_999_999_999


@dataclass(frozen=True, slots=True)
class CollectionOrder:
    """What to collect: everything due by `collect_on` under mandates of one scheme.

    `made_on` is the day it is posted on and the bank's days are counted from; None: today.
    """

    collect_on: date
    scheme: str = "CORE"
    schema: str = SCHEMAS[1]
    lead_days: int = LEAD_DAYS
    made_on: date | None = None


@dataclass(frozen=True, slots=True)
class MadeCollection:
    """A collection and its amounts, in the order of the file."""

    collection: StoredCollection
    items: tuple[StoredItem, ...]


@dataclass(frozen=True, slots=True)
class _Chosen:
    """An invoice that is to be collected, how much of it, and by which mandate."""

    invoice: OpenDocument
    amount_minor: int
    mandate: Mandate


async def collect(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    order: CollectionOrder,
) -> MadeCollection:
    """Collect what is due: post it, settle its invoices with it, write the file.

    Refuses FORBIDDEN, INVALID_VALUE, COLLECTION_TOO_SOON, COLLECTION_IMPOSSIBLE, COLLECTION_EMPTY
    and what the ledger refuses; nothing is posted then.
    """
    require(viewer, Action.BANK_MANAGE, cooperative_id)
    if order.scheme not in SCHEMES:
        raise InvalidValue("A mandate's scheme is CORE or B2B.", ("scheme",))
    made_on = order.made_on or viewer.today(cooperative_id)
    refuse_too_soon(order.collect_on, made_on, order.lead_days)
    await hold(connection, cooperative_id)
    account = await _account(connection)
    chosen = await _chosen(connection, viewer.subject, cooperative_id, order, made_on)
    if not chosen:
        raise CollectionEmpty("Nothing is due that a mandate allows to collect.")
    made_at, new = utc_now(), uuid7()
    message_id = f"C{new.hex[:24]}"
    debits = _debits(message_id, chosen)
    file = direct_debit_file(
        message_id, made_at, order.collect_on, _creditor(account), debits,
        scheme=order.scheme, schema=order.schema,
    )  # fmt: skip
    stored = StoredCollection(
        cooperative_id, new, account.id, message_id, order.collect_on, order.scheme, order.schema,
        file, hashlib.sha256(file).digest(), len(chosen), sum(o.amount_minor for o in chosen),
        viewer.subject, made_at, None, None,
    )  # fmt: skip
    items = await _store(connection, stored, chosen, debits)
    await _post(connection, viewer.subject, cooperative_id, items, made_on)
    used = {one.mandate.id for one in chosen if one.mandate.sequence == FIRST}
    await _sequence(connection, used, RECURRING)
    return MadeCollection(stored, tuple(items))


async def _account(connection: AsyncConnection) -> BankAccount:
    """The account to collect to: the first that has a creditor identifier."""
    found = [one for one in await bank_queries.bank_accounts(connection) if one.creditor_id]
    if not found:
        raise CollectionImpossible("No bank account of ours has a creditor identifier.")
    if await ledger_queries.currency_of(connection) != "EUR":
        raise CollectionImpossible("SEPA collects euro only, and the books are not in euro.")
    return found[0]


def _creditor(account: BankAccount) -> Creditor:
    if account.creditor_id is None:
        raise LookupError("only an account with a creditor identifier collects")
    return Creditor(account.name, account.iban, account.bic, account.creditor_id)


async def _chosen(
    connection: AsyncConnection,
    actor: str,
    cooperative_id: CooperativeId,
    order: CollectionOrder,
    made_on: date,
) -> list[_Chosen]:
    by_member: dict[MemberId, Mandate] = {}
    for one in await queries.mandates(connection):
        if one.scheme == order.scheme and one.in_force(order.collect_on):
            by_member[MemberId(one.member_id)] = one
    waiting = await open_items.open_of_members(connection, by_member)
    due = _due(waiting, order.collect_on)
    members = sorted({one.member_id for one in due})
    await apply_on_account(connection, cooperative_id, actor, members, made_on)
    due = _due(await open_items.open_of_members(connection, members), order.collect_on)
    held = await queries.held_of_invoices(connection, [one.id for one in due])
    found = [
        _Chosen(one, one.open_minor - held.get(one.id, 0), by_member[one.member_id]) for one in due
    ]
    return [one for one in found if 0 < one.amount_minor <= AMOUNT_MAX]


def _due(
    waiting: Mapping[MemberId, Sequence[OpenDocument]], collect_on: date
) -> list[OpenDocument]:
    """The invoices due by that day, the first due first, as many as a file takes."""
    found = [one for some in waiting.values() for one in some if one.due_on <= collect_on]
    return sorted(found, key=lambda one: (one.due_on, one.number))[:MOST]


def _debits(message_id: str, chosen: Sequence[_Chosen]) -> list[Debit]:
    """One debit each; a mandate is used for the first time once, in the order of the file."""
    fresh = {one.mandate.id for one in chosen if one.mandate.sequence == FIRST}
    debits = []
    for number, one in enumerate(chosen, 1):
        first = one.mandate.id in fresh
        fresh.discard(one.mandate.id)
        debits.append(
            Debit(
                f"{message_id}-{number}", one.amount_minor, FIRST if first else RECURRING,
                one.mandate.reference, one.mandate.signed_on, one.mandate.holder,
                one.mandate.iban, one.mandate.bic,
                f"Invoice {one.invoice.number} {one.invoice.reference}",
            )
        )  # fmt: skip
    return debits


async def _store(
    connection: AsyncConnection,
    stored: StoredCollection,
    chosen: Sequence[_Chosen],
    debits: Sequence[Debit],
) -> list[StoredItem]:
    row = {name: getattr(stored, name) for name in StoredCollection.__slots__}
    await connection.execute(insert(collection), row)
    items = [
        StoredItem(
            uuid7(), stored.id, number, one.invoice.id, one.invoice.member_id, one.mandate.id,
            debit.end_to_end_id, debit.sequence, debit.amount_minor, "pending",
        )
        for number, (one, debit) in enumerate(zip(chosen, debits, strict=True), 1)
    ]  # fmt: skip
    rows = [{name: getattr(one, name) for name in StoredItem.__slots__} for one in items]
    await connection.execute(
        insert(collection_item),
        [{**one, "cooperative_id": stored.cooperative_id} for one in rows],
    )
    return items


async def _post(
    connection: AsyncConnection,
    actor: str,
    cooperative_id: CooperativeId,
    items: Sequence[StoredItem],
    made_on: date,
) -> None:
    drafts = [
        PaymentDraft(
            member_id=MemberId(one.member_id), received_on=made_on, amount_minor=one.amount_minor,
            method="direct_debit", reference=one.end_to_end_id, invoice_ids=(one.invoice_id,),
            money_code=CLEARING, collection_item_id=one.id, oldest_first=False,
        )
        for one in items
    ]  # fmt: skip
    for outcome in await post_payments(connection, actor, cooperative_id, drafts):
        if isinstance(outcome, Refusal):
            raise outcome


async def _sequence(connection: AsyncConnection, ids: set[UUID], sequence: str) -> None:
    await connection.execute(
        update(mandate).where(among(mandate.c.id, ids)).values(sequence=sequence)
    )


async def cancel_collection(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    collection_id: UUID,
    cancelled_on: date,
) -> MadeCollection:
    """Take back a collection that the bank never had: its invoices are open again.

    Refuses FORBIDDEN, NOT_FOUND, COLLECTION_SETTLED when the bank's lines know any of it.
    """
    require(viewer, Action.BANK_MANAGE, cooperative_id)
    await hold(connection, cooperative_id)
    found = (await queries.collections_by_ids(connection, [collection_id])).get(collection_id)
    if found is None:
        raise absent()
    items = (await queries.items_of_collections(connection, [collection_id]))[collection_id]
    if any(one.state != "pending" for one in items):
        raise CollectionSettled("Not all of it waits for the bank any more.", ("collectionId",))
    payments = await payment_queries.payments_of_items(connection, [one.id for one in items])
    for one in items:
        back = Return(
            payments[one.id].id, cancelled_on, "collection cancelled", money_code=CLEARING
        )
        await take_back(connection, viewer.subject, cooperative_id, back)
    await connection.execute(
        update(collection_item)
        .where(collection_item.c.collection_id == collection_id)
        .values(state="cancelled")
    )
    first = {one.mandate_id for one in items if one.sequence == FIRST}
    await _sequence(connection, first - await queries.mandates_in_use(connection, first), FIRST)
    await _cancelled(connection, collection_id, viewer.subject, utc_now())
    done = (await queries.collections_by_ids(connection, [collection_id]))[collection_id]
    items = (await queries.items_of_collections(connection, [collection_id]))[collection_id]
    return MadeCollection(done, tuple(items))


async def _cancelled(
    connection: AsyncConnection, collection_id: UUID, actor: str, at: datetime
) -> None:
    await connection.execute(
        update(collection)
        .where(collection.c.id == collection_id)
        .values(cancelled_by=actor, cancelled_at=at)
    )
