"""The mutations of the bank: accounts, files, lines, rules, direct debits."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import strawberry
from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing import bank_desk, bank_import, collecting
from coop.billing.bank_desk import AccountDraft, Assignment, RuleDraft
from coop.billing.collecting import CollectionOrder
from coop.billing.domain.direct_debit import SCHEMAS
from coop.billing.domain.mandate import LEAD_DAYS
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId, EntryId, MemberId
from coop.members.domain.policy import Action, require
from coop.schema.bank import (
    BankAccount,
    BankLine,
    Collection,
    account_by_node,
    bytes_of,
    collection_by_node,
    line_by_node,
    lines_of,
)
from coop.schema.context import Context, Info
from coop.schema.keyed import Outcome, under_key
from coop.schema.mandates import MandateScheme
from coop.schema.node_id import NodeId, node_id_of_type
from coop.schema.payments import KEY, shown
from coop.schema.posting import cooperative_named
from coop.schema.scalars import IdempotencyKey, Money
from coop.schema.user_error import Payload, refusals_as

FILE_NAME_MAX = 255
LINES_SHOWN = 200


@strawberry.input(description="An account of the cooperative at a bank.")
class BankAccountAddInput:
    """An account of the cooperative at a bank."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    cooperative_id: strawberry.ID = strawberry.field(description="Whose account it is.")
    iban: str = strawberry.field(description="Its IBAN.")
    name: str = strawberry.field(description="The holder, as direct debits name who collects.")
    bic: str | None = strawberry.field(default=None, description="The bank's BIC.")
    account_code: str = strawberry.field(
        default="1000", description="The account of the chart that holds its money."
    )
    creditor_id: str | None = strawberry.field(
        default=None, description="Our SEPA creditor identifier, to collect."
    )


@strawberry.input(description="A file of the bank.")
class BankFileImportInput:
    """A file of the bank, as text, at most 8 MiB."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    cooperative_id: strawberry.ID = strawberry.field(description="Whose accounts it is about.")
    content: str = strawberry.field(description="The file itself: camt.053 or MT940.")
    file_name: str = strawberry.field(default="import", description="What the file is called.")


@strawberry.input(
    description="What a bank line is: exactly one of member, account, payment and entry."
)
class BankLineAssignInput:
    """What a bank line is: exactly one of member, account, payment and entry."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    line_id: strawberry.ID = strawberry.field(description="Which line.")
    member_id: strawberry.ID | None = strawberry.field(
        default=None, description="A member's: what it paid, or what it was paid back."
    )
    invoice_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Invoices of the member it settles first."
    )
    account_code: str | None = strawberry.field(
        default=None, description="An account's, by its code in the chart."
    )
    payment_id: strawberry.ID | None = strawberry.field(
        default=None, description="A payment's: money in is it, money out gives it back."
    )
    entry_id: strawberry.ID | None = strawberry.field(
        default=None, description="An entry's that moved the bank's account by exactly this."
    )
    posted_on: date | None = strawberry.field(
        default=None, description="The day to post it on where its own month is closed."
    )


@strawberry.input(description="What lines like these are, now and from now on.")
class BankRuleSetInput:
    """What lines like these are; a rule of the same name is replaced."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    cooperative_id: strawberry.ID = strawberry.field(description="Whose rule it is.")
    name: str = strawberry.field(description="What it is called.")
    contains: str | None = strawberry.field(
        default=None, description="Text of the line or its sender, in any case."
    )
    iban: str | None = strawberry.field(default=None, description="From or to this account.")
    member_id: strawberry.ID | None = strawberry.field(
        default=None, description="Such money is this member's,"
    )
    account_code: str | None = strawberry.field(
        default=None, description="or such lines are this account's."
    )


@strawberry.input(description="What to collect by direct debit.")
class CollectionMakeInput:
    """What to collect by direct debit: everything due by the day."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    cooperative_id: strawberry.ID = strawberry.field(description="Who collects.")
    collect_on: date = strawberry.field(description="The day the bank is to collect.")
    scheme: MandateScheme | None = strawberry.field(
        default=None, description="Under mandates of this scheme; CORE unless said."
    )
    file_schema: str = strawberry.field(
        default=SCHEMAS[1], description="pain.008.001.08, or pain.008.001.02."
    )
    lead_days: int = strawberry.field(
        default=LEAD_DAYS, description="Business days the bank needs."
    )


@strawberry.input(description="A collection that the bank never had.")
class CollectionCancelInput:
    """A collection that the bank never had."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    collection_id: strawberry.ID = strawberry.field(description="Which collection.")
    cancelled_on: date = strawberry.field(description="The day its entries are taken back on.")


@strawberry.type(description="A bank account, or why there is none.")
class BankAccountPayload(Payload):
    """A bank account, or why there is none."""

    bank_account: BankAccount | None = strawberry.field(default=None, description="The account.")


@strawberry.type(description="What became of a bank file.")
class BankFileImportPayload(Payload):
    """What became of a bank file: its lines are known, posted or unmatched."""

    kind: str | None = strawberry.field(default=None, description="camt.053 or mt940.")
    lines: int = strawberry.field(default=0, description="How many lines it has.")
    known: int = strawberry.field(default=0, description="How many were here already.")
    posted: int = strawberry.field(default=0, description="How many were posted or explained.")
    unmatched: int = strawberry.field(default=0, description="How many wait for somebody.")
    missing: Money | None = strawberry.field(
        default=None,
        description="What all lines lack of the latest balance; not 0: a statement is missing.",
    )
    bank_lines: list[BankLine] = strawberry.field(
        default_factory=list, description="The first 200 that were new, in the order of the file."
    )


@strawberry.type(description="A bank line after what was asked, or why nothing was done.")
class BankLinePayload(Payload):
    """A bank line after what was asked, or why nothing was done."""

    line: BankLine | None = strawberry.field(default=None, description="As it is now.")


@strawberry.type(description="What a rule did to the lines that waited.")
class BankRulePayload(Payload):
    """What a rule did to the lines that waited."""

    posted: int = strawberry.field(default=0, description="How many it let be posted.")


@strawberry.type(description="A collection after what was asked, or why nothing was done.")
class CollectionPayload(Payload):
    """A collection after what was asked, or why nothing was done."""

    collection: Collection | None = strawberry.field(default=None, description="As it is now.")


@strawberry.type
class BankMutations:
    """Mutations of the bank."""

    @strawberry.mutation(description="Enter an account of the cooperative at a bank.")
    @refusals_as(BankAccountPayload)
    async def bank_account_add(self, info: Info, input: BankAccountAddInput) -> BankAccountPayload:
        context, own = info.context, cooperative_named(input.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            draft = AccountDraft(
                input.iban, input.name, input.bic, input.account_code, input.creditor_id
            )
            made = await bank_desk.add_bank_account(connection, context.viewer, own, draft)
            return {"account": str(made.id)}

        outcome, replayed = await under_key(context, own, "bankAccountAdd", input, work)
        named = NodeId("BankAccount", own, UUID(outcome["account"]))
        return BankAccountPayload(
            bank_account=await account_by_node(context, named), replayed=replayed
        )

    @strawberry.mutation(
        description="Read a bank file: each line is posted once, what is not certain waits."
    )
    @refusals_as(BankFileImportPayload)
    async def bank_file_import(
        self, info: Info, input: BankFileImportInput
    ) -> BankFileImportPayload:
        context, own = info.context, cooperative_named(input.cooperative_id)
        require(context.viewer, Action.BANK_MANAGE, own)
        name = input.file_name
        if not (1 <= len(name) <= FILE_NAME_MAX and name.isprintable()):
            why = f"A file is called by 1 to {FILE_NAME_MAX} printable characters."
            raise InvalidValue(why, ("file_name",))
        read = await to_thread.run_sync(bank_import.read_bank_file, bytes_of(input.content), name)

        async def work(connection: AsyncConnection) -> Outcome:
            done = await bank_import.take_in(connection, context.viewer, own, read)
            return {
                "kind": done.kind, "lines": done.lines, "known": done.known,
                "posted": done.posted, "unmatched": done.unmatched,
                "missing": str(done.missing_minor), "repeated": done.repeated,
                "new": [str(one.line_id) for one in done.outcomes[:LINES_SHOWN]],
            }  # fmt: skip

        outcome, replayed = await under_key(context, own, "bankFileImport", input, work)
        return await _imported(context, own, outcome, replayed)

    @strawberry.mutation(description="Say what a bank line is, and post it so.")
    @refusals_as(BankLinePayload)
    async def bank_line_assign(self, info: Info, input: BankLineAssignInput) -> BankLinePayload:
        context = info.context
        named = node_id_of_type(input.line_id, "BankLine", "lineId")
        own = CooperativeId(named.cooperative_id)
        to = Assignment(
            _member(input.member_id),
            tuple(node_id_of_type(one, "Invoice", "invoiceIds").id for one in input.invoice_ids),
            input.account_code,
            None
            if input.payment_id is None
            else node_id_of_type(input.payment_id, "Payment", "paymentId").id,
            None
            if input.entry_id is None
            else EntryId(node_id_of_type(input.entry_id, "JournalEntry", "entryId").id),
            input.posted_on,
        )

        async def work(connection: AsyncConnection) -> Outcome:
            await bank_desk.assign_line(connection, context.viewer, own, named.id, to)
            return {"line": str(named.id)}

        _, replayed = await under_key(context, own, "bankLineAssign", input, work)
        return BankLinePayload(line=await line_by_node(context, named), replayed=replayed)

    @strawberry.mutation(
        description="Decide what lines like these are; those that wait are matched at once."
    )
    @refusals_as(BankRulePayload)
    async def bank_rule_set(self, info: Info, input: BankRuleSetInput) -> BankRulePayload:
        context, own = info.context, cooperative_named(input.cooperative_id)
        draft = RuleDraft(
            input.name, input.contains, input.iban, _member(input.member_id), input.account_code
        )

        async def work(connection: AsyncConnection) -> Outcome:
            _, found = await bank_desk.set_bank_rule(connection, context.viewer, own, draft)
            return {"posted": sum(one.state != "unmatched" for one in found)}

        outcome, replayed = await under_key(context, own, "bankRuleSet", input, work)
        return BankRulePayload(posted=outcome["posted"], replayed=replayed)

    @strawberry.mutation(
        description="Collect what is due by direct debit: post it, and write the bank's file."
    )
    @refusals_as(CollectionPayload)
    async def collection_make(self, info: Info, input: CollectionMakeInput) -> CollectionPayload:
        context, own = info.context, cooperative_named(input.cooperative_id)
        order = CollectionOrder(
            input.collect_on,
            (input.scheme or MandateScheme.CORE).value,
            input.file_schema,
            input.lead_days,
        )

        async def work(connection: AsyncConnection) -> Outcome:
            made = await collecting.collect(connection, context.viewer, own, order)
            return {"collection": str(made.collection.id)}

        found = await under_key(context, own, "collectionMake", input, work)
        return await _collected(context, own, *found)

    @strawberry.mutation(description="Take back a collection whose file the bank never had.")
    @refusals_as(CollectionPayload)
    async def collection_cancel(
        self, info: Info, input: CollectionCancelInput
    ) -> CollectionPayload:
        context = info.context
        named = node_id_of_type(input.collection_id, "Collection", "collectionId")
        own = CooperativeId(named.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            await collecting.cancel_collection(
                connection, context.viewer, own, named.id, input.cancelled_on
            )
            return {"collection": str(named.id)}

        found = await under_key(context, own, "collectionCancel", input, work)
        return await _collected(context, own, *found)


def _member(id_: strawberry.ID | None) -> MemberId | None:
    return None if id_ is None else MemberId(node_id_of_type(id_, "Member", "memberId").id)


async def _imported(
    context: Context, own: CooperativeId, outcome: Outcome, replayed: bool
) -> BankFileImportPayload:
    reader = await context.reader(own)
    found = await reader.ask(lines_of, [UUID(one) for one in outcome["new"]])
    return BankFileImportPayload(
        kind=outcome["kind"],
        lines=outcome["lines"],
        known=outcome["known"],
        posted=outcome["posted"],
        unmatched=outcome["unmatched"],
        missing=await shown(context, own, int(outcome["missing"])),
        bank_lines=[BankLine.of(context, one) for one in found],
        replayed=replayed or outcome["repeated"],
    )


async def _collected(
    context: Context, own: CooperativeId, outcome: Outcome, replayed: bool
) -> CollectionPayload:
    named = NodeId("Collection", own, UUID(outcome["collection"]))
    return CollectionPayload(collection=await collection_by_node(context, named), replayed=replayed)
