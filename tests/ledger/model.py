"""The ledger as simply as it can be told: lists in memory, nothing indexed, nothing concurrent.

What the database does is compared with this, step by step. It keeps entries and derives everything else
from them by adding up, so it cannot be wrong in the ways that stored balances can.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from coop.ledger.domain.entry import EntryDraft, PostingDraft, reversal_of


@dataclass(frozen=True)
class Account:
    """An account; limits are on its normal side (+1 debit, -1 credit), in minor units."""

    id: UUID
    commodity: str
    normal_side: int = 1
    floor: int | None = None
    ceiling: int | None = None
    opened_on: date = date(1900, 1, 1)
    closed_on: date | None = None
    summary: bool = False


@dataclass(frozen=True)
class Posted:
    """An entry in the books; its funds are resolved."""

    id: UUID
    actor: str
    draft: EntryDraft
    recorded_at: datetime


@dataclass(frozen=True)
class Outcome:
    """An entry's id or the code and path of a refusal."""

    entry_id: UUID | None = None
    code: str | None = None
    path: tuple[str, ...] = ()
    replayed: bool = False


@dataclass
class Hold:
    """Money set aside between two accounts of one fund."""

    debit: UUID
    credit: UUID
    fund: UUID
    amount: int
    expires_at: datetime
    state: str = "pending"
    captured: int = 0


def month(day: date) -> date:
    """The first day of the month, which names it."""
    return day.replace(day=1)


def following(first: date) -> date:
    """The month after."""
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


@dataclass
class Model:
    """A cooperative's books. The unrestricted fund has the cooperative's own id."""

    cooperative: UUID
    accounts: dict[UUID, Account] = field(default_factory=dict)
    funds: set[UUID] = field(default_factory=set)
    entries: list[Posted] = field(default_factory=list)
    periods: dict[date, str] = field(default_factory=dict)
    outcomes: dict[tuple[str, str], tuple[EntryDraft, Outcome]] = field(default_factory=dict)
    holds: dict[UUID, Hold] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.funds.add(self.cooperative)

    # posting

    def post(self, actor: str, draft: EntryDraft, entry_id: UUID, recorded_at: datetime) -> Outcome:
        """Post one draft; the same key and request give the first outcome again."""
        self.extend(draft.effective_on)
        key = (actor, draft.idempotency_key) if draft.idempotency_key is not None else None
        bare = replace(draft, idempotency_key=None)
        if key in self.outcomes:
            asked, outcome = self.outcomes[key]
            if asked != bare:
                return Outcome(code="IDEMPOTENCY_MISMATCH", path=("idempotencyKey",))
            return replace(outcome, replayed=True)
        outcome = self._refusal(draft) or Outcome(entry_id)
        if key is not None:
            self.outcomes[key] = (bare, outcome)
        if outcome.code is None:
            lines = tuple(replace(line, fund_id=self._fund(line)) for line in draft.postings)
            stored = replace(draft, postings=lines)
            self.entries.append(Posted(entry_id, actor, stored, recorded_at))
        return outcome

    def _fund(self, line: PostingDraft) -> UUID:
        return line.fund_id or self.cooperative

    def _refusal(self, draft: EntryDraft) -> Outcome | None:
        return (
            self._line_fault(draft)
            or self._unbalanced(draft)
            or self._period_fault(draft)
            or self._reversal_fault(draft)
            or self._limit_fault(draft)
        )

    def _line_fault(self, draft: EntryDraft) -> Outcome | None:
        for number, line in enumerate(draft.postings):
            account = self.accounts.get(line.account_id)
            code, name = None, "accountId"
            if account is None:
                code = "ACCOUNT_UNKNOWN"
            elif account.summary:
                code = "ACCOUNT_SUMMARY"
            elif draft.effective_on < account.opened_on or (
                account.closed_on is not None and draft.effective_on > account.closed_on
            ):
                code = "ACCOUNT_CLOSED"
            elif self._fund(line) not in self.funds:
                code, name = "FUND_UNKNOWN", "fundId"
            elif line.commodity not in (None, account.commodity):
                code, name = "COMMODITY_MISMATCH", "amount"
            if code is not None:
                return Outcome(code=code, path=("postings", str(number), name))
        return None

    def _unbalanced(self, draft: EntryDraft) -> Outcome | None:
        sums: Counter[tuple[str, UUID]] = Counter()
        for line in draft.postings:
            sums[self.accounts[line.account_id].commodity, self._fund(line)] += line.amount_minor
        return Outcome(code="ENTRY_UNBALANCED", path=("postings",)) if any(sums.values()) else None

    def _period_fault(self, draft: EntryDraft) -> Outcome | None:
        if self.periods.get(month(draft.effective_on)) == "open":
            return None
        return Outcome(code="PERIOD_CLOSED", path=("effectiveOn",))

    def _reversal_fault(self, draft: EntryDraft) -> Outcome | None:
        if draft.reverses_id is None:
            return None
        original = next((one for one in self.entries if one.id == draft.reverses_id), None)
        if original is None:
            return Outcome(code="ENTRY_UNKNOWN", path=("entryId",))
        if self.reversed_by(original.id) is not None:
            return Outcome(code="ALREADY_REVERSED", path=("entryId",))
        mirror = Counter(
            (line.account_id, line.fund_id, -line.amount_minor) for line in original.draft.postings
        )
        lines = Counter(
            (line.account_id, self._fund(line), line.amount_minor) for line in draft.postings
        )
        return None if lines == mirror else Outcome(code="REVERSAL_MISMATCH", path=("postings",))

    def _limit_fault(self, draft: EntryDraft) -> Outcome | None:
        moved: Counter[tuple[UUID, UUID]] = Counter()
        for line in draft.postings:
            moved[line.account_id, self._fund(line)] += line.amount_minor
        for number, line in enumerate(draft.postings):
            pair = (line.account_id, self._fund(line))
            if not self._within(*pair, moved[pair], 0, 0):
                return Outcome(code="LIMIT_EXCEEDED", path=("postings", str(number), "amount"))
        return None

    def _within(self, account_id: UUID, fund: UUID, moved: int, debit: int, credit: int) -> bool:
        """Whether limits hold after `moved` with that much more pending on each side."""
        account = self.accounts[account_id]
        pending_debit, pending_credit = self.pending(account_id, fund)
        up, down = pending_debit + debit, pending_credit + credit
        if account.normal_side < 0:
            up, down = down, up
        net = account.normal_side * (self.balance(account_id, fund) + moved)
        return (account.floor is None or net - down >= account.floor) and (
            account.ceiling is None or net + up <= account.ceiling
        )

    def reversed_by(self, entry_id: UUID) -> UUID | None:
        """The entry that reverses this one."""
        found = (one.id for one in self.entries if one.draft.reverses_id == entry_id)
        return next(found, None)

    def reversal(self, entry_id: UUID, effective_on: date, memo: str, key: str) -> EntryDraft:
        """The draft that reverses an entry in the books."""
        original = next(one for one in self.entries if one.id == entry_id)
        lines = original.draft.postings
        return reversal_of(
            original.id, lines, effective_on=effective_on, memo=memo, idempotency_key=key
        )

    # reading

    def lines(
        self,
        account_id: UUID,
        fund: UUID | None = None,
        as_of: date | None = None,
        known_at: datetime | None = None,
    ) -> Iterator[tuple[Posted, PostingDraft]]:
        """An account's postings in the order they were recorded; no fund means every fund."""
        for entry in self.entries:
            if as_of is not None and entry.draft.effective_on > as_of:
                continue
            if known_at is not None and entry.recorded_at > known_at:
                continue
            for line in entry.draft.postings:
                if line.account_id == account_id and fund in (None, line.fund_id):
                    yield entry, line

    def balance(
        self,
        account_id: UUID,
        fund: UUID | None = None,
        as_of: date | None = None,
        known_at: datetime | None = None,
    ) -> int:
        """Debits less credits, now, at the end of a day, or as was known at an instant."""
        found = self.lines(account_id, fund, as_of, known_at)
        return sum(line.amount_minor for _, line in found)

    def sides(
        self,
        account_id: UUID,
        fund: UUID | None = None,
        as_of: date | None = None,
        known_at: datetime | None = None,
    ) -> tuple[int, int]:
        """Sums of debits and of credits."""
        amounts = [line.amount_minor for _, line in self.lines(account_id, fund, as_of, known_at)]
        debit = sum(amount for amount in amounts if amount > 0)
        return debit, debit - sum(amounts)

    def running(self, account_id: UUID, fund: UUID) -> list[tuple[UUID, int, int]]:
        """(entry, amount, balance after) by version, from 1."""
        found, total = [], 0
        for entry, line in self.lines(account_id, fund):
            total += line.amount_minor
            found.append((entry.id, line.amount_minor, total))
        return found

    def by_day(self, account_id: UUID, fund: UUID) -> dict[date, tuple[int, int]]:
        """Sums of debits and credits per effective day."""
        found: dict[date, tuple[int, int]] = {}
        for entry, line in self.lines(account_id, fund):
            debit, credit = found.get(entry.draft.effective_on, (0, 0))
            amount = line.amount_minor
            found[entry.draft.effective_on] = (debit + max(amount, 0), credit + max(-amount, 0))
        return found

    # periods

    def extend(self, day: date) -> None:
        """Months appear, open, without a gap; none before a first month that is not open."""
        first = last = month(day)
        if self.periods:
            known_first, known_last = min(self.periods), max(self.periods)
            if self.periods[known_first] != "open" or first > known_first:
                first = known_first
            last = max(last, known_last)
        while first <= last:
            self.periods.setdefault(first, "open")
            first = following(first)

    def close(self, first: date) -> str | None:
        """Close a month, oldest first; a code when it may not."""
        if first not in self.periods:
            return "PERIOD_UNKNOWN"
        if self.periods[first] != "open":
            return "PERIOD_NOT_OPEN"
        if any(state == "open" and other < first for other, state in self.periods.items()):
            return "PERIOD_ORDER"
        self.periods[first] = "closed"
        return None

    def reopen(self, first: date, resolution: UUID | None) -> str | None:
        """Reopen a month by vote, newest first; a code when it may not."""
        if resolution is None:
            return "RESOLUTION_REQUIRED"
        if first not in self.periods:
            return "PERIOD_UNKNOWN"
        if self.periods[first] != "closed":
            return "PERIOD_NOT_CLOSED"
        if any(state != "open" and other > first for other, state in self.periods.items()):
            return "PERIOD_ORDER"
        self.periods[first] = "open"
        return None

    # holds

    def pending(self, account_id: UUID, fund: UUID) -> tuple[int, int]:
        """Sums of what pending holds would debit and credit."""
        live = [h for h in self.holds.values() if h.state == "pending" and h.fund == fund]
        debit = sum(hold.amount for hold in live if hold.debit == account_id)
        return debit, sum(hold.amount for hold in live if hold.credit == account_id)

    def hold(self, hold_id: UUID, hold: Hold) -> str | None:
        """Set money aside; a code when a limit forbids it."""
        if hold.debit not in self.accounts or hold.credit not in self.accounts:
            return "ACCOUNT_UNKNOWN"
        if hold.fund not in self.funds:
            return "FUND_UNKNOWN"
        if self.accounts[hold.debit].commodity != self.accounts[hold.credit].commodity:
            return "COMMODITY_MISMATCH"
        amount = hold.amount
        if not (
            self._within(hold.debit, hold.fund, 0, amount, 0)
            and self._within(hold.credit, hold.fund, 0, 0, amount)
        ):
            return "LIMIT_EXCEEDED"
        self.holds[hold_id] = hold
        return None

    def capture(
        self, hold_id: UUID, draft: EntryDraft, entry_id: UUID, recorded_at: datetime
    ) -> str | None:
        """Post a hold's entry, for all or part of it, and free the rest; a code when it may not."""
        hold = self.holds.get(hold_id)
        if hold is None:
            return "HOLD_UNKNOWN"
        if hold.state != "pending":
            return "HOLD_NOT_PENDING"
        if recorded_at >= hold.expires_at:
            return "HOLD_EXPIRED"
        captured = max(line.amount_minor for line in draft.postings)
        if captured > hold.amount:
            return "HOLD_TOO_SMALL"
        hold.state = "captured"
        outcome = self.post("hold", draft, entry_id, recorded_at)
        if outcome.code is not None:
            hold.state = "pending"
            return outcome.code
        hold.captured = captured
        return None

    def release(self, hold_id: UUID) -> str | None:
        """Let go of a hold; a code when it may not."""
        hold = self.holds.get(hold_id)
        if hold is None:
            return "HOLD_UNKNOWN"
        if hold.state != "pending":
            return "HOLD_NOT_PENDING"
        hold.state = "released"
        return None

    def expire(self, now: datetime) -> int:
        """Let go of every hold whose deadline has passed; how many."""
        late = [h for h in self.holds.values() if h.state == "pending" and h.expires_at <= now]
        for hold in late:
            hold.state = "expired"
        return len(late)
