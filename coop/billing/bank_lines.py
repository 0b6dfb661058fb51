"""What becomes of bank lines: matched and posted, explained by what is posted, or left to a person.

    settle_lines    match lines with the books and post what is certain, each line once
    match_again     the same for lines that waited, after a rule or an invoice came
    assign_line     the treasurer says what a line is

    money in for an invoice or a member    Dr bank / Cr 1200 M, allocated; or the payment that
                                           somebody recorded by hand is found and linked
    the bank credits a collection          Dr bank / Cr 1010
    a collection comes back                Dr 1200 M, 6700 the charge / Cr bank, allocation undone
    a rule names an account                that account against the bank

A line whose day lies in a closed month is left to a person, who says on which day to post it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing import open_items
from coop.billing.domain.bank_line import BankLine, numbers_in, references_in
from coop.billing.domain.matching import (
    ACCOUNT,
    BATCH,
    INVOICE,
    ITEM,
    MEMBER,
    RETURN,
    Books,
    Candidate,
    Match,
    OpenInvoice,
    Unmatched,
    match_lines,
)
from coop.billing.payments import (
    BANK_FEES,
    CLEARING,
    PaymentDraft,
    Recorded,
    Return,
    post_one,
    post_payments,
    take_back,
)
from coop.billing.queries import bank as queries
from coop.billing.queries import collecting
from coop.billing.queries import payments as payment_queries
from coop.billing.queries.bank import BankAccount, StoredLine
from coop.billing.queries.payments import StoredPayment
from coop.billing.tables import bank_line, collection_item, payment
from coop.db.among import among
from coop.kernel.clock import utc_now
from coop.kernel.errors import Refusal
from coop.kernel.ids import CooperativeId, EntryId, MemberId
from coop.ledger import service as ledger
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.service import AccountKey

# How far a line may be from the day somebody wrote down by hand.
BY_HAND_DAYS = timedelta(days=10)
AGAIN_MOST = 5_000

_UPDATE = (
    update(bank_line)
    .where(bank_line.c.id == bindparam("line"))
    .values(
        state=bindparam("state_"), why=bindparam("why_"), candidates=bindparam("candidates_"),
        member_id=bindparam("member"), entry_id=bindparam("entry"),
        settled_by=bindparam("by"), settled_at=bindparam("at"),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a line. `state`: posted, linked or unmatched."""

    line_id: UUID
    state: str
    why: str
    candidates: tuple[Candidate, ...] = ()
    member_id: UUID | None = None
    entry_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """Where lines are settled: the transaction, who has it done, and our accounts."""

    connection: AsyncConnection
    actor: str
    cooperative_id: CooperativeId
    accounts: Mapping[UUID, BankAccount]

    def code(self, line: StoredLine) -> str:
        """The account of the chart that the line moved."""
        return self.accounts[line.bank_account_id].account_code


async def settle_lines(desk: Desk, lines: Sequence[StoredLine]) -> list[Outcome]:
    """Match these lines and post what is certain; answers what became of each, in order.

    The caller holds the bank's lock.
    """
    plain = [one.line for one in lines]
    found = match_lines(plain, await _books(desk.connection, plain))
    pairs = list(zip(lines, found, strict=True))
    outcomes: dict[UUID, Outcome] = {
        line.id: Outcome(line.id, "unmatched", result.why, result.candidates)
        for line, result in pairs
        if isinstance(result, Unmatched)
    }
    matched = [(line, result) for line, result in pairs if isinstance(result, Match)]
    for kinds, settle in (
        ((INVOICE, MEMBER), _paid), ((ITEM, BATCH), _credited), ((RETURN,), _came_back),
        ((ACCOUNT,), _ruled),
    ):  # fmt: skip
        part = [pair for pair in matched if pair[1].kind in kinds]
        if part:
            outcomes |= {one.line_id: one for one in await settle(desk, part)}
    ordered = [outcomes[line.id] for line in lines]
    await keep_outcomes(desk, ordered)
    return ordered


async def keep_outcomes(desk: Desk, outcomes: Iterable[Outcome]) -> None:
    """Write what became of lines on the lines."""
    now = utc_now()
    rows = [
        {
            "line": one.line_id, "state_": one.state, "why_": one.why,
            "candidates_": [{"kind": c.kind, "id": c.id, "why": c.why} for c in one.candidates],
            "member": one.member_id, "entry": one.entry_id,
            "by": None if one.state == "unmatched" else desk.actor,
            "at": None if one.state == "unmatched" else now,
        }
        for one in outcomes
    ]  # fmt: skip
    if rows:
        await desk.connection.execute(_UPDATE, rows)


async def match_again(desk: Desk) -> list[Outcome]:
    """Match the oldest lines that wait; answers what became of each, in order."""
    lines = await queries.unmatched_lines(desk.connection, AGAIN_MOST)
    return await settle_lines(desk, lines) if lines else []


async def _books(connection: AsyncConnection, lines: Sequence[BankLine]) -> Books:
    """What matching has to know for these lines, and no more."""
    named = await open_items.documents_by_references(
        connection, {one for line in lines for one in references_in(line)}
    )
    numbers = {number for line in lines for number in numbers_in(line)}
    ids = await queries.invoices_by_numbers(connection, numbers)
    found = {one.id: one for one in named.values() if one.kind == "invoice"}
    found |= await open_items.documents_by_ids(connection, ids)
    ibans = {one.counterparty_iban for one in lines if one.counterparty_iban}
    of_iban = await queries.members_of_ibans(connection, ibans)
    members = {one.member_id for one in found.values()}
    members |= {MemberId(one) for some in of_iban.values() for one in some}
    for mine in (await open_items.open_of_members(connection, members)).values():
        found |= {one.id: one for one in mine}
    invoices = [
        OpenInvoice(one.id, one.number, one.member_id, one.open_minor, one.reference)
        for one in found.values()
    ]
    end_to_end = {one.end_to_end_id for one in lines if one.end_to_end_id}
    collected = await collecting.collected(connection, end_to_end)
    return Books(invoices, collected, of_iban, await queries.bank_rules(connection))


Pairs = Sequence[tuple[StoredLine, Match]]


async def _paid(desk: Desk, pairs: Pairs) -> list[Outcome]:
    """Payments of members: those recorded by hand are linked, the others posted."""
    members = {match.member_id for _, match in pairs if match.member_id}
    waiting = await payment_queries.payments_by_hand(desk.connection, members)
    outcomes, drafts = [], []
    for line, match in pairs:
        hand = _by_hand(waiting, line, match)
        if hand is not None:
            waiting.remove(hand)
            outcomes.append(await _link(desk, line, hand, match.why))
        else:
            drafts.append((line, match, _draft(desk, line, match)))
    made = await post_payments(
        desk.connection, desk.actor, desk.cooperative_id, [draft for _, _, draft in drafts]
    )
    for (line, match, _), one in zip(drafts, made, strict=True):
        if isinstance(one, Recorded):
            outcomes.append(_posted(line, match.why, one.payment.entry_id, match.member_id))
        else:
            outcomes.append(_left(line, one))
    return outcomes


def _by_hand(
    waiting: Iterable[StoredPayment], line: StoredLine, match: Match
) -> StoredPayment | None:
    """The payment somebody wrote down that this line is, the nearest in days."""
    fits = [
        one
        for one in waiting
        if one.member_id == match.member_id
        and one.amount_minor == line.amount_minor
        and abs(one.received_on - line.booked_on) <= BY_HAND_DAYS
    ]
    return min(fits, key=lambda one: (abs(one.received_on - line.booked_on), one.id), default=None)


async def _link(desk: Desk, line: StoredLine, hand: StoredPayment, why: str) -> Outcome:
    await desk.connection.execute(
        update(payment).where(payment.c.id == hand.id).values(bank_line_id=line.id)
    )
    said = f"{why} It was recorded by hand on {hand.received_on}."
    return Outcome(line.id, "linked", said, member_id=hand.member_id, entry_id=hand.entry_id)


def _draft(desk: Desk, line: StoredLine, match: Match) -> PaymentDraft:
    if match.member_id is None:
        raise LookupError("a payment is a member's")
    return PaymentDraft(
        member_id=MemberId(match.member_id),
        received_on=line.booked_on,
        amount_minor=line.amount_minor,
        reference=(line.creditor_reference or line.content)[:140],
        invoice_ids=match.ids if match.kind == INVOICE else (),
        money_code=desk.code(line),
        bank_line_id=line.id,
    )


def _posted(
    line: StoredLine, why: str, entry_id: UUID | None, member_id: UUID | None = None
) -> Outcome:
    return Outcome(line.id, "posted", why, member_id=member_id, entry_id=entry_id)


def _left(line: StoredLine, refusal: Refusal) -> Outcome:
    return Outcome(line.id, "unmatched", f"{refusal.code}: {refusal.message}")


async def _credited(desk: Desk, pairs: Pairs) -> list[Outcome]:
    """The bank credits what was collected: clearing is empty by as much."""
    outcomes = []
    for line, match in pairs:
        outcome = await post_against(desk, line, CLEARING, "collection_credit", match.why)
        if outcome.state == "posted":
            await desk.connection.execute(
                update(collection_item)
                .where(among(collection_item.c.id, match.ids))
                .values(state="settled", settled_line_id=line.id)
            )
            outcome = replace(outcome, member_id=match.member_id)
        outcomes.append(outcome)
    return outcomes


async def _ruled(desk: Desk, pairs: Pairs) -> list[Outcome]:
    return [
        await post_against(desk, line, match.account_code or "", "bank_line", match.why)
        for line, match in pairs
    ]


async def post_against(
    desk: Desk,
    line: StoredLine,
    code: str,
    kind: str,
    why: str,
    *,
    posted_on: date | None = None,
    charge_minor: int = 0,
) -> Outcome:
    """Post a line against an account; `charge_minor` of it goes to bank fees instead."""
    own = desk.code(line)
    keys = [AccountKey(own), AccountKey(code), AccountKey(BANK_FEES)]
    amounts = [line.amount_minor, -line.amount_minor - charge_minor, charge_minor]
    try:
        accounts = await ledger.accounts_for(desk.connection, desk.cooperative_id, keys)
        draft = EntryDraft(
            kind,
            posted_on or line.booked_on,
            (line.content or why)[:500],
            tuple(
                PostingDraft(accounts[key], minor)
                for key, minor in zip(keys, amounts, strict=True)
                if minor
            ),
            source=("bank_line", str(line.id)),
        )
        entry_id = await post_one(desk.connection, desk.actor, desk.cooperative_id, draft)
    except Refusal as refusal:
        return _left(line, refusal)
    return _posted(line, why, entry_id)


async def _came_back(desk: Desk, pairs: Pairs) -> list[Outcome]:
    ids = [match.ids[0] for _, match in pairs]
    payments = await payment_queries.payments_of_items(desk.connection, ids)
    return [
        await come_back(desk, line, payments[match.ids[0]], match.charge_minor, match.why)
        for line, match in pairs
    ]


async def come_back(
    desk: Desk,
    line: StoredLine,
    paid: StoredPayment,
    charge_minor: int,
    why: str,
    posted_on: date | None = None,
) -> Outcome:
    """The line gives back a payment: reopen its receivable, unless somebody has by hand already."""
    if paid.returned_on is not None:
        return await _explain_return(desk, line, paid, charge_minor, why, posted_on)
    back = Return(
        paid.id, posted_on or line.booked_on, line.return_code or "returned by the bank",
        charge_minor, desk.code(line), line.id,
    )  # fmt: skip
    try:
        done = await take_back(desk.connection, desk.actor, desk.cooperative_id, back)
    except Refusal as refusal:
        return _left(line, refusal)
    return _posted(line, why, done.return_entry_id, done.member_id)


async def _explain_return(
    desk: Desk,
    line: StoredLine,
    paid: StoredPayment,
    charge_minor: int,
    why: str,
    posted_on: date | None,
) -> Outcome:
    """The line of a return that was recorded by hand: only what that left open is posted.

    By hand, money came out of the bank's account, or out of clearing when the bank had not
    credited it yet; then the line is what makes clearing right.
    """
    said = f"{why} It was recorded by hand on {paid.returned_on}."
    outcome = Outcome(line.id, "linked", said, entry_id=paid.return_entry_id)
    missing = charge_minor - paid.return_charge_minor
    if paid.return_code_account == CLEARING:
        outcome = await post_against(
            desk, line, CLEARING, "payment_return", said,
            posted_on=posted_on, charge_minor=charge_minor,
        )  # fmt: skip
    elif missing:
        entry_id = await _post_charge(desk, line, missing, posted_on or line.booked_on)
        outcome = _posted(line, said, entry_id)
    if outcome.state != "unmatched":
        await desk.connection.execute(
            update(payment)
            .where(payment.c.id == paid.id)
            .values(return_line_id=line.id, return_charge_minor=charge_minor)
        )
    return replace(outcome, member_id=paid.member_id)


async def _post_charge(desk: Desk, line: StoredLine, minor: int, on: date) -> EntryId:
    keys = (AccountKey(BANK_FEES), AccountKey(desk.code(line)))
    accounts: Mapping[AccountKey, Any] = await ledger.accounts_for(
        desk.connection, desk.cooperative_id, keys
    )
    lines = tuple(
        PostingDraft(accounts[key], sign * minor) for key, sign in zip(keys, (1, -1), strict=True)
    )
    draft = EntryDraft(
        "bank_charge", on, "Charge for a returned collection", lines,
        source=("bank_line", str(line.id)),
    )  # fmt: skip
    return await post_one(desk.connection, desk.actor, desk.cooperative_id, draft)
