"""The mutations that post to the journal and reverse what stands in it.

    input → accounts' commodities (remembered) → drafts in minor units → the posting queue → payload

Decimals become minor units here, exactly; everything else about an entry is judged in the database,
in the same statement that would post it. A single posting waits for the batch it is gathered into,
and for its commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import strawberry

from coop.kernel.clock import utc_now
from coop.kernel.errors import InvalidValue, NotFound, Refusal
from coop.kernel.ids import AccountId, CooperativeId, EntryId, FundId
from coop.kernel.rate import to_scale
from coop.ledger import queries as ledger
from coop.ledger import service
from coop.ledger.domain.entry import EntryDraft, PostingDraft, Side, refuse_implausible
from coop.ledger.errors import AccountUnknown, FundUnknown
from coop.ledger.posting import BATCH_MAX, BalanceAfter, PostingOutcome
from coop.ledger.queries import BalanceRow
from coop.members.domain.policy import Action, require
from coop.schema.amounts import Balance
from coop.schema.context import Context, Info
from coop.schema.journal import JournalEntry
from coop.schema.node_id import NodeId, node_id_of, node_id_of_type
from coop.schema.scalars import IdempotencyKey
from coop.schema.user_error import Payload, refusals_as, user_error_of


@strawberry.input(description="One line to post.")
class PostingInput:
    """One line to post; an amount is positive, its side says which way."""

    account_id: strawberry.ID = strawberry.field(description="The account to move.")
    side: Side = strawberry.field(description="Debit or credit.")
    amount: Decimal = strawberry.field(
        description="Positive, with no more decimals than the account's commodity."
    )
    fund_id: strawberry.ID | None = strawberry.field(
        default=None, description="The fund it stands in; the unrestricted one unless said."
    )


@strawberry.input(description="A balanced entry to append to the journal.")
class JournalEntryPostInput:
    """A balanced entry to append to the journal."""

    idempotency_key: IdempotencyKey = strawberry.field(
        description="One per intent, reused on retry."
    )
    cooperative_id: strawberry.ID = strawberry.field(description="In whose books.")
    effective_on: date = strawberry.field(description="The day from which it counts.")
    kind: str = strawberry.field(description="a-z, 0-9, _ and ., beginning with a letter.")
    memo: str = strawberry.field(description="What it is about, at most 500 characters.")
    postings: list[PostingInput] = strawberry.field(description="Two lines or more, in balance.")


@strawberry.input(description="Entries to append, each by itself.")
class JournalEntriesPostInput:
    """At most a thousand entries of one cooperative, each with its own outcome."""

    cooperative_id: strawberry.ID = strawberry.field(description="In whose books.")
    entries: list[JournalEntryPostInput] = strawberry.field(description="1 to 1,000 entries.")


@strawberry.input(description="An entry to reverse.")
class JournalEntryReverseInput:
    """An entry to reverse, once."""

    idempotency_key: IdempotencyKey = strawberry.field(
        description="One per intent, reused on retry."
    )
    entry_id: strawberry.ID = strawberry.field(description="The entry to mirror.")
    effective_on: date = strawberry.field(description="The day from which the reversal counts.")
    memo: str = strawberry.field(description="Why.")


@strawberry.type(description="What became of a posting.")
class JournalEntryPayload(Payload):
    """What became of a posting."""

    entry: JournalEntry | None = strawberry.field(
        default=None, description="The entry; null when `errors` say why there is none."
    )
    balances: list[Balance] = strawberry.field(
        default_factory=list, description="Of the accounts it touches, in order of its lines."
    )


@strawberry.type(description="What became of several postings.")
class JournalEntriesPayload(Payload):
    """What became of several postings, in their order."""

    results: list[JournalEntryPayload] = strawberry.field(
        default_factory=list, description="One for each entry of the input, in its order."
    )


class Chart:
    """What a posting needs to know of accounts and commodities: it never changes once opened.

    An account's commodity and normal side are fixed when it is opened, so they are remembered for
    the life of the process, by cooperative: a hot account costs no read. Closing and limits are
    judged in the database.
    """

    def __init__(self, context: Context, cooperative_id: UUID) -> None:
        self._context = context
        self._cooperative_id = cooperative_id
        self._known = _CHARTS.setdefault(cooperative_id, {})

    async def learn(self, account_ids: Sequence[UUID]) -> None:
        """Read the accounts that are not known yet, all at once."""
        missing = [id_ for id_ in account_ids if id_ not in self._known]
        if not missing:
            return
        async with self._context.database.snapshot(self._cooperative_id) as connection:
            accounts = await ledger.accounts_by_ids(connection, [AccountId(i) for i in missing])
            scales = await ledger.scales(connection)
        if len(self._known) > _CHART_MAX:
            self._known.clear()
        for id_, row in accounts.items():
            self._known[id_] = (row.commodity, scales[row.commodity], row.normal_side)

    def scale(self, account_id: UUID) -> int | None:
        """Decimals of the account's commodity, or None when there is no such account here."""
        known = self._known.get(account_id)
        return None if known is None else known[1]

    def balance(self, after: BalanceAfter) -> Balance:
        """What the API shows of a balance right after a posting."""
        commodity, scale, normal_side = self._known[after.account_id]
        row = BalanceRow(
            after.account_id, commodity, normal_side, after.debit_minor, after.credit_minor,
            after.pending_debit_minor, after.pending_credit_minor,
        )  # fmt: skip
        return Balance.of(row, scale)


_CHART_MAX = 100_000
_CHARTS: dict[UUID, dict[UUID, tuple[str, int, int]]] = {}


def cooperative_named(text: str) -> CooperativeId:
    """The cooperative an input names. Refuses NOT_FOUND."""
    named = node_id_of_type(text, "Cooperative", "cooperativeId")
    if named.id != named.cooperative_id:
        raise NotFound("There is no such Cooperative.", ("cooperativeId",))
    return CooperativeId(named.cooperative_id)


async def drafted(
    chart: Chart, cooperative_id: UUID, entries: Sequence[JournalEntryPostInput]
) -> list[EntryDraft | Refusal]:
    """The drafts of these inputs, or why one cannot be: decimals become minor units by account."""
    named = [[node_id_of(p.account_id) for p in entry.postings] for entry in entries]
    ids = {id_.id for line in named for id_ in line if id_ and id_.cooperative_id == cooperative_id}
    await chart.learn(sorted(ids))
    drafts: list[EntryDraft | Refusal] = []
    for entry, accounts in zip(entries, named, strict=True):
        try:
            drafts.append(_draft(chart, cooperative_id, entry, accounts))
        except Refusal as refusal:
            drafts.append(refusal)
    return drafts


def _draft(
    chart: Chart,
    cooperative_id: UUID,
    entry: JournalEntryPostInput,
    accounts: Sequence[NodeId | None],
) -> EntryDraft:
    refuse_implausible(entry.effective_on, utc_now().date())
    lines = []
    for number, (line, account) in enumerate(zip(entry.postings, accounts, strict=True)):
        try:
            lines.append(_line(chart, cooperative_id, line, account))
        except Refusal as refusal:
            raise refusal.under("postings", str(number)) from None
    return EntryDraft(
        kind=entry.kind,
        effective_on=entry.effective_on,
        memo=entry.memo,
        postings=tuple(lines),
        idempotency_key=entry.idempotency_key,
    )


def _line(
    chart: Chart, cooperative_id: UUID, line: PostingInput, account: NodeId | None
) -> PostingDraft:
    scale = None
    if account and account.type == "Account" and account.cooperative_id == cooperative_id:
        scale = chart.scale(account.id)
    if account is None or scale is None:
        raise AccountUnknown("There is no such account.", ("accountId",))
    if line.amount < 0:
        raise InvalidValue("An amount is positive; its side says which way.", ("amount",))
    try:
        minor = to_scale(line.amount, scale)
    except InvalidValue as refusal:
        raise refusal.under("amount") from None
    return PostingDraft(AccountId(account.id), line.side.sign * minor, _fund(cooperative_id, line))


def _fund(cooperative_id: UUID, line: PostingInput) -> FundId | None:
    if line.fund_id is None:
        return None
    named = node_id_of(line.fund_id)
    if named is None or named.type != "Fund" or named.cooperative_id != cooperative_id:
        raise FundUnknown("There is no such fund.", ("fundId",))
    return FundId(named.id)


def _payload(
    chart: Chart, cooperative_id: UUID, draft: EntryDraft, outcome: PostingOutcome
) -> JournalEntryPayload:
    if outcome.refusal is not None:
        return JournalEntryPayload(
            errors=[user_error_of(outcome.refusal)], replayed=outcome.replayed
        )
    return JournalEntryPayload(
        entry=JournalEntry.posted(cooperative_id, draft, outcome),
        balances=[chart.balance(after) for after in outcome.balances],
        replayed=outcome.replayed,
    )


@strawberry.type
class JournalMutations:
    """Mutations of the journal."""

    @strawberry.mutation(description="Append a balanced entry to the journal.")
    @refusals_as(JournalEntryPayload)
    async def journal_entry_post(
        self, info: Info, input: JournalEntryPostInput
    ) -> JournalEntryPayload:
        context = info.context
        cooperative_id = cooperative_named(input.cooperative_id)
        require(context.viewer, Action.ENTRY_POST, cooperative_id)
        chart = Chart(context, cooperative_id)
        [draft] = await drafted(chart, cooperative_id, [input])
        if isinstance(draft, Refusal):
            raise draft
        outcome = await context.queue.post(cooperative_id, context.viewer.subject, draft)
        return _payload(chart, cooperative_id, draft, outcome)

    @strawberry.mutation(
        description="Append up to 1,000 entries, each by itself: one refused does not stop others."
    )
    @refusals_as(JournalEntriesPayload)
    async def journal_entries_post(
        self, info: Info, input: JournalEntriesPostInput
    ) -> JournalEntriesPayload:
        context = info.context
        cooperative_id = cooperative_named(input.cooperative_id)
        require(context.viewer, Action.ENTRY_POST, cooperative_id)
        if not 1 <= len(input.entries) <= BATCH_MAX:
            raise InvalidValue(f"Post 1 to {BATCH_MAX} entries at a time.", ("entries",))
        for number, entry in enumerate(input.entries):
            if entry.cooperative_id != input.cooperative_id:
                raise NotFound(
                    "Every entry names the cooperative of the whole input.",
                    ("entries", str(number), "cooperativeId"),
                )
        chart = Chart(context, cooperative_id)
        drafts = await drafted(chart, cooperative_id, input.entries)
        sound = [(context.viewer.subject, d) for d in drafts if isinstance(d, EntryDraft)]
        outcomes = iter(await context.queue.post_batch(cooperative_id, sound) if sound else ())
        return JournalEntriesPayload(
            results=[
                JournalEntryPayload(errors=[user_error_of(draft)])
                if isinstance(draft, Refusal)
                else _payload(chart, cooperative_id, draft, next(outcomes))
                for draft in drafts
            ]
        )

    @strawberry.mutation(description="Reverse an entry by its mirror, once.")
    @refusals_as(JournalEntryPayload)
    async def journal_entry_reverse(
        self, info: Info, input: JournalEntryReverseInput
    ) -> JournalEntryPayload:
        context = info.context
        named = node_id_of_type(input.entry_id, "JournalEntry", "entryId")
        cooperative_id = CooperativeId(named.cooperative_id)
        require(context.viewer, Action.ENTRY_REVERSE, cooperative_id)
        refuse_implausible(input.effective_on, utc_now().date())
        async with context.database.snapshot(cooperative_id) as connection:
            draft = await service.reversal_draft(
                connection, context.viewer, cooperative_id, EntryId(named.id),
                effective_on=input.effective_on, memo=input.memo,
                idempotency_key=input.idempotency_key,
            )  # fmt: skip
        chart = Chart(context, cooperative_id)
        await chart.learn([line.account_id for line in draft.postings])
        outcome = await context.queue.post(cooperative_id, context.viewer.subject, draft)
        return _payload(chart, cooperative_id, draft, outcome)
