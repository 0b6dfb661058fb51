"""How drafts become entries: the call into PostgreSQL, the same for one and for a thousand.

    drafts → parallel arrays → post_entries(…)  one round trip; sql/post_entries.sql tells how
           → one PostingOutcome per draft, in order: the entry or the refusal, and whether a replay

Inside a unit of work it is one statement of that database transaction (`post`). By itself it is one
autocommitted statement, which is what the queue in coalescer.py sends (`post_alone`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.kernel.errors import Refusal
from coop.kernel.ids import AccountId, CooperativeId, EntryId, FundId
from coop.ledger.domain.entry import EntryDraft, request_hash
from coop.ledger.errors import AmountOverflow, BatchTooLarge, refusal_of

BATCH_MAX = 1_000

_CALL = f"""SELECT ord, entry_id, recorded_at, replayed, refusal::text, balances::text
FROM post_entries({", ".join(f"${number}" for number in range(1, 21))})"""  # noqa: S608 - numbers only

_MESSAGES = {
    "ACCOUNT_UNKNOWN": "There is no such account.",
    "ACCOUNT_SUMMARY": "The account is a heading of the chart and takes no postings.",
    "ACCOUNT_CLOSED": "The account is not open on that day.",
    "FUND_UNKNOWN": "There is no such fund.",
    "COMMODITY_MISMATCH": "The amount is not in the account's commodity.",
    "AMOUNT_ZERO": "A posting moves something.",
    "AMOUNT_OVERFLOW": "The balance would be larger than the ledger counts.",
    "PERIOD_CLOSED": "That day lies in a period that is not open.",
    "ENTRY_UNKNOWN": "There is no such entry.",
    "ALREADY_REVERSED": "The entry has been reversed already.",
    "REVERSAL_MISMATCH": "The postings do not mirror the entry they reverse.",
    "IDEMPOTENCY_MISMATCH": "This key was used before, for another request.",
    "LIMIT_EXCEEDED": "The account's limit leaves too little available.",
}


@dataclass(frozen=True, slots=True)
class BalanceAfter:
    """The balance of one account in one fund right after a posting, in minor units."""

    account_id: AccountId
    fund_id: FundId
    debit_minor: int
    credit_minor: int
    pending_debit_minor: int
    pending_credit_minor: int


@dataclass(frozen=True, slots=True)
class PostingOutcome:
    """What became of one draft: an entry, or a refusal that left everything as it was."""

    entry_id: EntryId | None
    recorded_at: datetime | None
    replayed: bool
    refusal: Refusal | None
    balances: tuple[BalanceAfter, ...] = ()


async def post(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    drafts: Sequence[tuple[str, EntryDraft]],
    *,
    want_balances: bool = False,
) -> list[PostingOutcome]:
    """Post (actor, draft) pairs inside the caller's transaction. Refuses BATCH_TOO_LARGE."""
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    return await post_alone(driver, cooperative_id, drafts, want_balances=want_balances)


async def post_alone(
    driver: asyncpg.Connection | asyncpg.Pool,
    cooperative_id: CooperativeId,
    drafts: Sequence[tuple[str, EntryDraft]],
    *,
    want_balances: bool = False,
) -> list[PostingOutcome]:
    """Post (actor, draft) pairs by one statement; on a pool it commits by itself.

    Refuses BATCH_TOO_LARGE, and AMOUNT_OVERFLOW when a sum of the whole call is beyond counting.
    """
    if len(drafts) > BATCH_MAX:
        raise BatchTooLarge(f"One call takes at most {BATCH_MAX} entries, not {len(drafts)}.")
    if not drafts:
        return []
    try:
        rows = await driver.fetch(_CALL, cooperative_id, *_columns(drafts), want_balances)
    except asyncpg.NumericValueOutOfRangeError as error:
        raise AmountOverflow("The amounts are too large together.", ("postings",)) from error
    return [_outcome(row) for row in rows]


def _columns(drafts: Sequence[tuple[str, EntryDraft]]) -> tuple[list[Any] | None, ...]:
    """The parallel arrays of the call, entries first."""
    entries = [draft for _, draft in drafts]
    lines = [
        (ord_, line, draft.effective_on, posting)
        for ord_, draft in enumerate(entries, 1)
        for line, posting in enumerate(draft.postings)
    ]
    postings = [posting for _, _, _, posting in lines]
    keyed = [None if draft.idempotency_key is None else request_hash(draft) for draft in entries]
    return (
        [actor for actor, _ in drafts],
        [draft.kind for draft in entries],
        [draft.effective_on for draft in entries],
        [draft.memo for draft in entries],
        _any([draft.idempotency_key for draft in entries]),
        _any(keyed),
        _any([draft.source[0] if draft.source else None for draft in entries]),
        _any([draft.source[1] if draft.source else None for draft in entries]),
        _any([draft.reverses_id for draft in entries]),
        _any([draft.resolution_id for draft in entries]),
        _any([orjson.dumps(one.metadata).decode() if one.metadata else None for one in entries]),
        [ord_ for ord_, _, _, _ in lines],
        [line for _, line, _, _ in lines],
        [effective_on for _, _, effective_on, _ in lines],
        [posting.account_id for posting in postings],
        _any([posting.fund_id for posting in postings]),
        _any([posting.commodity for posting in postings]),
        [posting.amount_minor for posting in postings],
    )


def _any(values: list[Any]) -> list[Any] | None:
    """The array, or a null one when it has nothing but nulls: neither side then has to read it."""
    return values if values.count(None) < len(values) else None


def _outcome(row: asyncpg.Record) -> PostingOutcome:
    _, entry_id, recorded_at, replayed, refusal, balances = row
    if refusal is not None:
        return PostingOutcome(None, None, replayed, stored_refusal(refusal))
    if balances is None:
        return PostingOutcome(entry_id, recorded_at, replayed, None)
    after = tuple(
        BalanceAfter(AccountId(UUID(item[0])), FundId(UUID(item[1])), *map(int, item[2:]))
        for item in orjson.loads(balances)
    )
    return PostingOutcome(entry_id, recorded_at, replayed, None, after)


def stored_refusal(text: str) -> Refusal:
    """The refusal that the function answered, or stored with a key, as JSON."""
    found: dict[str, Any] = orjson.loads(text)
    message = _MESSAGES.get(found["code"], "The ledger refused this.")
    if found["code"] == "ENTRY_UNBALANCED":
        message = (
            f"Debits and credits differ by {found['net'].lstrip('-')} minor units of "
            f"{found['commodity']} in one fund."
        )
    return refusal_of(found["code"], message, tuple(found["path"]))
