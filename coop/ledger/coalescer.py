"""Many callers, one posting each, one commit for all who were waiting.

A hot account is one row, and its lock is held until the commit is on disk: one call each makes
everybody queue for the disk. Here whatever arrived while the previous call was under way goes as
the next call (at most BATCH), in order of arrival. No timer: when nothing is under way a posting
goes at once and by itself. Each caller gets its own outcome, after the commit and never before; a
call that fails as a whole is repeated one by one, so nobody fails for a neighbour.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from coop.db.engine import ATTEMPTS, Database
from coop.kernel.ids import CooperativeId
from coop.ledger.domain.entry import EntryDraft
from coop.ledger.errors import QueueFull
from coop.ledger.posting import PostingOutcome, post_alone

BATCH = 300
WAITING_MAX = 5_000
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shut down, crashed, starting up
    asyncpg.InterfaceError,
    OSError,
)
_RETRY = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


@dataclass(slots=True)
class _Waiting:
    actor: str
    draft: EntryDraft
    outcome: asyncio.Future[PostingOutcome]


class PostingQueue:
    """Concurrent single postings of one process, gathered by cooperative."""

    def __init__(self, database: Database, *, waiting_max: int = WAITING_MAX) -> None:
        self._database = database
        self._waiting_max = waiting_max
        self._queues: dict[CooperativeId, deque[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.waiting = 0
        """Postings accepted and not yet answered."""
        self.calls = 0
        """Calls sent to PostgreSQL since the start: fewer than postings when coalesced."""

    async def post(
        self, cooperative_id: CooperativeId, actor: str, draft: EntryDraft
    ) -> PostingOutcome:
        """Post one draft; answers after its commit. Refuses LEDGER_BUSY when too many wait."""
        if self.waiting >= self._waiting_max:
            raise QueueFull("Too many postings are waiting; none was accepted. Try again.")
        item = _Waiting(actor, draft, asyncio.get_running_loop().create_future())
        self.waiting += 1
        queue = self._queues.get(cooperative_id)
        if queue is None:
            queue = self._queues[cooperative_id] = deque()
            task = asyncio.create_task(self._drain(cooperative_id, queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        queue.append(item)
        # The caller may give up; the posting does not: once sent it may be committed.
        return await asyncio.shield(item.outcome)

    async def post_batch(
        self, cooperative_id: CooperativeId, drafts: Sequence[tuple[str, EntryDraft]]
    ) -> list[PostingOutcome]:
        """Post (actor, draft) pairs as one call of their own, each with its outcome, committed."""
        loop = asyncio.get_running_loop()
        return await self._call(
            cooperative_id,
            [_Waiting(actor, draft, loop.create_future()) for actor, draft in drafts],
        )

    async def _drain(self, cooperative_id: CooperativeId, queue: deque[_Waiting]) -> None:
        try:
            while queue:
                batch = _next_batch(queue)
                await self._send(cooperative_id, batch)
                self.waiting -= len(batch)
        finally:
            del self._queues[cooperative_id]

    async def _send(self, cooperative_id: CooperativeId, batch: list[_Waiting]) -> None:
        """One call; when PostgreSQL fails it as a whole, each by itself.

        After a lost connection nobody knows whether it was committed: a posting without a key is
        then not sent again, and its caller is told of the loss.
        """
        try:
            outcomes = await self._call(cooperative_id, batch)
        except Exception as error:  # noqa: BLE001 - whatever it is goes to who asked
            unsure = isinstance(error, _LOST)
            for item in batch:
                if len(batch) == 1 or (unsure and item.draft.idempotency_key is None):
                    _settle(item, error)
                else:
                    await self._send(cooperative_id, [item])
            return
        for item, outcome in zip(batch, outcomes, strict=True):
            _settle(item, outcome)

    async def _call(
        self, cooperative_id: CooperativeId, batch: list[_Waiting]
    ) -> list[PostingOutcome]:
        """Send; again after a deadlock, and after a lost connection if every posting has a key."""
        pool = await self._database.posting_pool()
        keyed = all(item.draft.idempotency_key is not None for item in batch)
        repeatable: tuple[type[BaseException], ...] = (*_RETRY, *(_LOST if keyed else ()))
        for attempt in range(ATTEMPTS):
            self.calls += 1
            try:
                return await post_alone(
                    pool,
                    cooperative_id,
                    [(item.actor, item.draft) for item in batch],
                    want_balances=True,
                )
            except repeatable:
                if attempt == ATTEMPTS - 1:
                    raise
                await asyncio.sleep(2**attempt / 50)
        raise AssertionError("unreachable")


def _next_batch(queue: deque[_Waiting]) -> list[_Waiting]:
    """The next of those who wait, in order. A second reversal of an entry waits for the first."""
    batch: list[_Waiting] = []
    reversed_ids = set()
    while queue and len(batch) < BATCH:
        reverses_id = queue[0].draft.reverses_id
        if reverses_id is not None and reverses_id in reversed_ids:
            break
        reversed_ids.add(reverses_id)
        batch.append(queue.popleft())
    return batch


def _settle(item: _Waiting, outcome: PostingOutcome | Exception) -> None:
    if item.outcome.done():
        return
    if isinstance(outcome, Exception):
        item.outcome.set_exception(outcome)
    else:
        item.outcome.set_result(outcome)
