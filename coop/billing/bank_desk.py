"""What the treasurer decides about the bank: its accounts, rules, and lines nobody could match."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.bank_lines import (
    Desk,
    Outcome,
    come_back,
    keep_outcomes,
    match_again,
    post_against,
)
from coop.billing.domain.bank_line import bic_of, iban_of, masked
from coop.billing.domain.mandate import NAME_MAX, creditor_of
from coop.billing.domain.matching import Rule
from coop.billing.errors import BankAccountTaken, BankLineMismatch, BankLineSettled, BankRuleTaken
from coop.billing.payments import BANK, PaymentDraft, hold, post_payments, refuse_invoices
from coop.billing.queries import bank as queries
from coop.billing.queries import payments as payment_queries
from coop.billing.queries.bank import BankAccount, StoredLine
from coop.billing.tables import bank_account, bank_rule, payment
from coop.db.refusals import register
from coop.kernel.clock import utc_now
from coop.kernel.errors import InvalidValue, Refusal
from coop.kernel.ids import CooperativeId, EntryId, MemberId, uuid7
from coop.ledger import queries as ledger_queries
from coop.ledger import service as ledger
from coop.ledger.domain.account import Dimension
from coop.ledger.domain.chart import chart_line
from coop.ledger.errors import AccountUnknown
from coop.ledger.service import AccountKey
from coop.ledger.tables import account
from coop.members import queries as member_queries
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer

CONTAINS_MIN, CONTAINS_MAX = 3, 140

for _constraint, _kind, _message in (
    ("uq_bank_account_cooperative_id_iban", BankAccountTaken, "That bank account is here."),
    ("uq_bank_rule_name", BankRuleTaken, "Another rule in force has that name."),
):
    register(_constraint, _kind, _message)


@dataclass(frozen=True, slots=True)
class AccountDraft:
    """An account of the cooperative at a bank; `account_code` is where the books keep its money."""

    iban: str
    name: str
    bic: str | None = None
    account_code: str = BANK
    creditor_id: str | None = None


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """What lines with this text or from this IBAN are: a member's payment, or an account's."""

    name: str
    contains: str | None = None
    iban: str | None = None
    member_id: MemberId | None = None
    account_code: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a line is: a member's (its invoices first), an account's, a payment's or an entry's.

    A payment it names is explained by money in, and returned by money out. An entry moved the
    bank's account by exactly the line, and was posted otherwise: shares, deposits, bills paid.
    `posted_on` is the day to post it on where its own lies in a closed month.
    """

    member_id: MemberId | None = None
    invoice_ids: tuple[UUID, ...] = ()
    account_code: str | None = None
    payment_id: UUID | None = None
    entry_id: EntryId | None = None
    posted_on: date | None = None


async def add_bank_account(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId, draft: AccountDraft
) -> BankAccount:
    """Enter an account at a bank.

    Refuses FORBIDDEN, IBAN_INVALID, INVALID_VALUE, ACCOUNT_UNKNOWN, BANK_ACCOUNT_TAKEN.
    """
    require(viewer, Action.BANK_MANAGE, cooperative_id)
    if not draft.name.strip() or len(draft.name) > NAME_MAX or not draft.name.isprintable():
        raise InvalidValue(f"A holder has 1 to {NAME_MAX} characters.", ("name",))
    await _refuse_account(connection, draft.account_code)
    made = BankAccount(
        uuid7(), iban_of(draft.iban, "iban"), draft.bic and bic_of(draft.bic, "bic"),
        draft.name.strip(), draft.account_code,
        draft.creditor_id and creditor_of(draft.creditor_id, "creditorId"),
    )  # fmt: skip
    if any(one.iban == made.iban for one in await queries.bank_accounts(connection)):
        raise BankAccountTaken(f"{masked(made.iban)} is here already.", ("iban",))
    row = {name: getattr(made, name) for name in BankAccount.__slots__}
    await connection.execute(
        insert(bank_account),
        {
            **row, "cooperative_id": cooperative_id, "opened_by": viewer.subject,
            "opened_at": utc_now(),
        },
    )  # fmt: skip
    return made


async def _refuse_account(connection: AsyncConnection, code: str) -> None:
    """Refuses ACCOUNT_UNKNOWN unless the chart has that account, kept for nobody in particular."""
    line = chart_line(code)
    if line is not None:
        if line.dimension is not Dimension.NONE or line.summary or line.commodity is not None:
            raise AccountUnknown(f"{code} takes no line of the bank.", ("accountCode",))
        return
    own = select(account.c.id).where(account.c.code == code, account.c.member_id.is_(None))
    if (await connection.execute(own)).first() is None:
        raise AccountUnknown(f"The chart of accounts has no {code}.", ("accountCode",))


async def set_bank_rule(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId, draft: RuleDraft
) -> tuple[Rule, list[Outcome]]:
    """Set a rule in place of the one of that name, and try it on the lines that wait.

    Refuses FORBIDDEN, NOT_FOUND, INVALID_VALUE, IBAN_INVALID, ACCOUNT_UNKNOWN.
    """
    require(viewer, Action.BANK_MANAGE, cooperative_id)
    draft = await _sound_rule(connection, cooperative_id, draft)
    await hold(connection, cooperative_id)
    await _end_rule(connection, viewer, draft.name)
    made = Rule(
        uuid7(), draft.name, draft.contains, draft.iban, draft.member_id, draft.account_code
    )
    row = {name: getattr(made, name) for name in Rule.__slots__}
    await connection.execute(
        insert(bank_rule),
        {**row, "cooperative_id": cooperative_id, "set_by": viewer.subject, "set_at": utc_now()},
    )
    return made, await match_again(await desk_of(connection, viewer, cooperative_id))


async def _sound_rule(
    connection: AsyncConnection, cooperative_id: CooperativeId, draft: RuleDraft
) -> RuleDraft:
    name, contains = draft.name.strip(), (draft.contains or "").strip() or None
    if not name or len(name) > NAME_MAX:
        raise InvalidValue(f"A rule's name has 1 to {NAME_MAX} characters.", ("name",))
    if contains is not None and not CONTAINS_MIN <= len(contains) <= CONTAINS_MAX:
        why = f"A text to look for has {CONTAINS_MIN} to {CONTAINS_MAX} characters."
        raise InvalidValue(why, ("contains",))
    iban = None if draft.iban is None else iban_of(draft.iban, "iban")
    if contains is None and iban is None:
        raise InvalidValue("A rule looks for a text, an IBAN or both.", ("contains",))
    if (draft.member_id is None) == (draft.account_code is None):
        raise InvalidValue("A rule names a member or an account.", ("memberId",))
    if draft.account_code is not None:
        await _refuse_account(connection, draft.account_code)
    await _refuse_member(connection, cooperative_id, draft.member_id)
    return replace(draft, name=name, contains=contains, iban=iban)


async def _refuse_member(
    connection: AsyncConnection, cooperative_id: CooperativeId, member_id: MemberId | None
) -> None:
    if member_id is None:
        return
    if not await member_queries.members_by_ids(connection, cooperative_id, [member_id]):
        raise absent()


async def end_bank_rule(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId, name: str
) -> None:
    """Let a rule no longer hold; what it posted stays. Refuses FORBIDDEN, NOT_FOUND."""
    require(viewer, Action.BANK_MANAGE, cooperative_id)
    if not await _end_rule(connection, viewer, name.strip()):
        raise absent()


async def _end_rule(connection: AsyncConnection, viewer: Viewer, name: str) -> bool:
    done = await connection.execute(
        update(bank_rule)
        .where(bank_rule.c.name == name, bank_rule.c.ended_at.is_(None))
        .values(ended_by=viewer.subject, ended_at=utc_now())
    )
    return done.rowcount > 0


async def desk_of(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId
) -> Desk:
    """Where lines of this cooperative are settled."""
    accounts = {one.id: one for one in await queries.bank_accounts(connection)}
    return Desk(connection, viewer.subject, cooperative_id, accounts)


async def rematch(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId
) -> list[Outcome]:
    """Match the lines that wait once more; answers what became of each. Refuses FORBIDDEN."""
    require(viewer, Action.BANK_MANAGE, cooperative_id)
    await hold(connection, cooperative_id)
    return await match_again(await desk_of(connection, viewer, cooperative_id))


async def assign_line(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    line_id: UUID,
    to: Assignment,
) -> Outcome:
    """Say what a line is, and post it so.

    Refuses FORBIDDEN, NOT_FOUND, BANK_LINE_SETTLED, BANK_LINE_MISMATCH, ACCOUNT_UNKNOWN,
    INVALID_VALUE (not exactly one of member, account, payment, entry) and what the ledger refuses.
    """
    require(viewer, Action.BANK_MANAGE, cooperative_id)
    await hold(connection, cooperative_id)
    line = (await queries.lines_by_ids(connection, [line_id])).get(line_id)
    if line is None:
        raise absent()
    if line.state != "unmatched":
        raise BankLineSettled("The line is settled already.", ("lineId",))
    targets = (to.member_id, to.account_code, to.payment_id, to.entry_id)
    if sum(one is not None for one in targets) != 1:
        why = "A line is a member's, an account's, a payment's or an entry's."
        raise InvalidValue(why, ("lineId",))
    desk = await desk_of(connection, viewer, cooperative_id)
    outcome = await _assigned(desk, line, to)
    await keep_outcomes(desk, [outcome])
    return outcome


async def _assigned(desk: Desk, line: StoredLine, to: Assignment) -> Outcome:
    why = f"Assigned by {desk.actor}."
    if to.member_id is not None:
        return await _to_member(desk, line, to, to.member_id, why)
    if to.payment_id is not None:
        return await _to_payment(desk, line, to, to.payment_id, why)
    if to.entry_id is not None:
        return await _to_entry(desk, line, to.entry_id, why)
    code = to.account_code or ""
    await _refuse_account(desk.connection, code)
    if code == desk.code(line):
        raise BankLineMismatch("That is the account of the line itself.", ("accountCode",))
    outcome = await post_against(desk, line, code, "bank_line", why, posted_on=to.posted_on)
    return _must(outcome, line)


def _must(outcome: Outcome, line: StoredLine) -> Outcome:
    if outcome.state == "unmatched":
        raise BankLineMismatch(f"It cannot be posted on {line.booked_on}: {outcome.why}", ("line",))
    return outcome


async def _to_member(
    desk: Desk, line: StoredLine, to: Assignment, member_id: MemberId, why: str
) -> Outcome:
    """Money in is a payment, money out was paid back."""
    await _refuse_member(desk.connection, desk.cooperative_id, member_id)
    await refuse_invoices(desk.connection, member_id, to.invoice_ids)
    draft = PaymentDraft(
        member_id=member_id,
        received_on=to.posted_on or line.booked_on,
        amount_minor=line.amount_minor,
        method="transfer" if line.amount_minor > 0 else "refund",
        reference=(line.creditor_reference or line.content)[:140],
        invoice_ids=to.invoice_ids,
        money_code=desk.code(line),
        bank_line_id=line.id,
    )
    [made] = await post_payments(desk.connection, desk.actor, desk.cooperative_id, [draft])
    if isinstance(made, Refusal):
        raise made
    return Outcome(line.id, "posted", why, member_id=member_id, entry_id=made.payment.entry_id)


async def _to_entry(desk: Desk, line: StoredLine, entry_id: EntryId, why: str) -> Outcome:
    """An entry that moved our account by exactly the line explains it, once."""
    key = AccountKey(desk.code(line))
    accounts = await ledger.accounts_for(desk.connection, desk.cooperative_id, [key])
    lines = (await ledger_queries.postings_of_entries(desk.connection, [entry_id])).get(entry_id)
    if not lines:
        raise absent().under("entryId")
    moved = sum(one.amount_minor for one in lines if one.account_id == accounts[key])
    taken = await queries.line_of_entry(desk.connection, entry_id)
    if moved != line.amount_minor or taken is not None:
        raise BankLineMismatch("The entry does not explain this line, or another.", ("entryId",))
    return Outcome(line.id, "linked", why, entry_id=entry_id)


async def _to_payment(
    desk: Desk, line: StoredLine, to: Assignment, payment_id: UUID, why: str
) -> Outcome:
    """Money in is the payment somebody recorded by hand, money out gives a payment back."""
    found = (await payment_queries.payments_by_ids(desk.connection, [payment_id])).get(payment_id)
    if found is None:
        raise absent()
    if line.amount_minor < 0:
        charge = -line.amount_minor - found.amount_minor
        if found.amount_minor < 0 or charge < 0 or found.return_line_id is not None:
            raise BankLineMismatch("The line cannot give this payment back.", ("paymentId",))
        return _must(await come_back(desk, line, found, charge, why, to.posted_on), line)
    known = found.bank_line_id or found.collection_item_id or found.returned_on
    if known is not None or found.amount_minor != line.amount_minor:
        raise BankLineMismatch("The line cannot be this payment.", ("paymentId",))
    await desk.connection.execute(
        update(payment).where(payment.c.id == found.id).values(bank_line_id=line.id)
    )
    return Outcome(line.id, "linked", why, member_id=found.member_id, entry_id=found.entry_id)
