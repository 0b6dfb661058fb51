"""`coop post`: journal entries from a file, each with its own outcome, safe to repeat.

    file → entries (journal_file.py) → names to accounts, amounts to minor units → post_entries, a
    thousand at a time → one outcome per entry

An entry without an idempotency key gets one made of its own content: posting the file again, or a
corrected copy of it, posts only what is new. A refusal stored under such a key is tried again under
the next, for its reason may have gone and nothing moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import queries as charging_queries
from coop.cli.journal_file import FileEntry, FileItem, FileLine, items_of
from coop.cli.running import REFUSED, House, path_of, refusal_json, run
from coop.cli.showing import (
    AsJson,
    CooperativeSlug,
    ExistingFile,
    print_error,
    print_json,
    progress,
)
from coop.kernel.errors import Refusal
from coop.kernel.ids import AccountId, CooperativeId, FundId, HubId, MemberId
from coop.kernel.rate import to_scale
from coop.ledger import queries, service
from coop.ledger.domain.account import Dimension
from coop.ledger.domain.chart import chart_line
from coop.ledger.domain.entry import EntryDraft, PostingDraft, request_hash
from coop.ledger.errors import AccountUnknown, FundUnknown
from coop.ledger.posting import BATCH_MAX
from coop.ledger.service import AccountKey
from coop.members import queries as member_queries
from coop.members.domain.policy import Action, require


@dataclass(slots=True)
class Outcome:
    """What became of one entry of the file."""

    item: FileItem
    entry_id: UUID | None = None
    replayed: bool = False
    refusal: Refusal | None = None


def post(file: ExistingFile, slug: CooperativeSlug = None, as_json: AsJson = False) -> None:
    """Post journal entries from a JSON or CSV file, as docs/commands.md describes them.

    Each entry is posted or refused by itself; the exit code is 1 if any was refused. Posting a file
    again posts nothing twice. What `coop export csv` writes can be posted into another cooperative.

    Example: coop post opening.json --cooperative nor --json
    """

    async def work(house: House) -> list[Outcome]:
        cooperative = await house.cooperative(slug)
        cooperative_id = CooperativeId(cooperative.id)
        require(house.viewer, Action.ENTRY_POST, cooperative_id)
        outcomes = [Outcome(item) for item in items_of(file.read_bytes())]
        seen: Counter[bytes] = Counter()
        with progress() as step:
            for start in range(0, len(outcomes), BATCH_MAX):
                batch = outcomes[start : start + BATCH_MAX]
                await _post(house, cooperative_id, batch, seen)
                step("posting", start + len(batch), len(outcomes))
        return outcomes

    _show(run(work, as_json=as_json), as_json)


async def _post(
    house: House, cooperative_id: CooperativeId, batch: list[Outcome], seen: Counter[bytes]
) -> None:
    """Post a batch in one unit of work; each outcome is noted."""
    before = seen.copy()

    async def unit(connection: AsyncConnection) -> None:
        # The unit may be run again after a deadlock: begin from the same counts.
        seen.clear()
        seen.update(before)
        waiting = await _drafts(connection, cooperative_id, batch, seen)
        attempt = 0
        while waiting:
            drafts = [_keyed(draft, attempt) for _, draft in waiting]
            found = await service.post_entries(
                connection, cooperative_id, house.viewer.subject, drafts
            )
            again = []
            for (outcome, draft), made in zip(waiting, found, strict=True):
                outcome.entry_id, outcome.replayed = made.entry_id, made.replayed
                outcome.refusal = made.refusal
                derived = outcome.item.entry is not None and not outcome.item.entry.idempotency_key
                if made.refusal is not None and made.replayed and derived:
                    again.append((outcome, draft))
            waiting, attempt = again, attempt + 1

    await house.database.unit_of_work(cooperative_id, unit)


def _keyed(draft: EntryDraft, attempt: int) -> EntryDraft:
    if attempt == 0:
        return draft
    return replace(draft, idempotency_key=f"{draft.idempotency_key}:{attempt}")


async def _drafts(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    batch: Sequence[Outcome],
    seen: Counter[bytes],
) -> list[tuple[Outcome, EntryDraft]]:
    """The entries that can be asked of the ledger; the others get their refusal here."""
    entries = [outcome.item.entry for outcome in batch if outcome.item.entry]
    names = await _names(connection, cooperative_id, entries)
    drafts = []
    for outcome in batch:
        outcome.refusal = outcome.item.refusal
        if outcome.item.entry is None:
            continue
        try:
            draft = names.draft(outcome.item.entry)
        except Refusal as refusal:
            outcome.refusal = refusal
            continue
        if draft.idempotency_key is None:
            content = request_hash(draft)
            seen[content] += 1
            draft = replace(draft, idempotency_key=f"post:{content.hex()}:{seen[content]}")
        drafts.append((outcome, draft))
    return drafts


@dataclass(frozen=True, slots=True)
class _Names:
    """What the names in a file stand for."""

    members: dict[str, MemberId]
    hubs: dict[str, HubId]
    funds: dict[str, FundId]
    accounts: dict[AccountKey, AccountId]
    commodities: dict[AccountId, str]
    scales: dict[str, int]

    def key(self, line: FileLine) -> AccountKey:
        """Which account a line means. Refuses ACCOUNT_UNKNOWN."""
        return _key(line, self.members, self.hubs)

    def draft(self, entry: FileEntry) -> EntryDraft:
        """The entry as the ledger takes it. Refuses with the path into the entry."""
        postings = []
        for i, line in enumerate(entry.lines):
            try:
                postings.append(self._posting(line))
            except Refusal as refusal:
                raise refusal.under("postings", str(i)) from None
        return EntryDraft(
            kind=entry.kind, effective_on=entry.effective_on, memo=entry.memo,
            postings=tuple(postings), idempotency_key=entry.idempotency_key,
        )  # fmt: skip

    def _posting(self, line: FileLine) -> PostingDraft:
        account_id = self.accounts.get(self.key(line))
        if account_id is None:
            raise AccountUnknown(f"There is no account {line.account_code}.", ("account_code",))
        if line.fund is not None and line.fund not in self.funds:
            raise FundUnknown(f"There is no fund {line.fund}.", ("fund",))
        try:
            amount = to_scale(line.amount, self.scales[self.commodities[account_id]])
        except Refusal as refusal:
            raise refusal.under("debit" if line.amount > 0 else "credit") from None
        return PostingDraft(account_id, amount, self.funds[line.fund] if line.fund else None)


def _key(line: FileLine, members: dict[str, MemberId], hubs: dict[str, HubId]) -> AccountKey:
    if line.member is not None and line.member not in members:
        raise AccountUnknown(f"There is no member {line.member}.", ("member",))
    if line.hub is not None and line.hub not in hubs:
        raise AccountUnknown(f"There is no hub {line.hub}.", ("hub",))
    template = chart_line(line.account_code)
    if template is not None:
        dimension = template.dimension
        asked = (line.member is not None, line.hub is not None, line.vintage is not None)
        by_year = dimension is Dimension.MEMBER_VINTAGE
        kept = (dimension.by_member, dimension is Dimension.HUB, by_year)
        if asked != kept:
            raise AccountUnknown(
                f"{line.account_code} is kept by {dimension.value}.", ("account_code",)
            )
    return AccountKey(
        line.account_code,
        members[line.member] if line.member else None,
        hubs[line.hub] if line.hub else None,
        line.vintage,
    )


async def _names(
    connection: AsyncConnection, cooperative_id: CooperativeId, entries: Sequence[FileEntry]
) -> _Names:
    """Look up every name of these entries, opening accounts of the chart that are missing."""
    lines = [line for entry in entries for line in entry.lines]
    numbers = {line.member for line in lines if line.member}
    found = await member_queries.members_by_numbers(connection, cooperative_id, numbers)
    members = {number: MemberId(member.id) for number, member in found.items()}
    refs = {line.hub for line in lines if line.hub}
    hubs = {r: hub.id for r, hub in (await charging_queries.hubs_by_refs(connection, refs)).items()}
    funds = {row.code: one for one, row in (await queries.funds(connection)).items()}
    keys = list(dict.fromkeys(_sound_keys(lines, members, hubs)))
    accounts = await service.accounts_for(
        connection, cooperative_id, [key for key in keys if chart_line(key.code)]
    )
    for key in keys:
        if chart_line(key.code) is None:
            accounts |= await _own_account(connection, cooperative_id, key)
    rows = await queries.accounts_by_ids(connection, accounts.values())
    commodities = {account_id: row.commodity for account_id, row in rows.items()}
    return _Names(members, hubs, funds, accounts, commodities, await queries.scales(connection))


def _sound_keys(
    lines: Sequence[FileLine], members: dict[str, MemberId], hubs: dict[str, HubId]
) -> Iterator[AccountKey]:
    for line in lines:
        try:
            yield _key(line, members, hubs)
        except AccountUnknown:
            continue  # said again, with its path, when the entry is made


async def _own_account(
    connection: AsyncConnection, cooperative_id: CooperativeId, key: AccountKey
) -> dict[AccountKey, AccountId]:
    """An account the cooperative added to the chart itself, if there is one."""
    try:
        return await service.accounts_for(connection, cooperative_id, [key])
    except AccountUnknown:
        return {}


def _show(outcomes: list[Outcome], as_json: bool) -> None:
    refused = [(one.item, one.refusal) for one in outcomes if one.refusal is not None]
    replayed = sum(outcome.replayed and outcome.refusal is None for outcome in outcomes)
    posted = len(outcomes) - len(refused) - replayed
    for item, refusal in refused:
        print_error(_complaint(item, refusal))
    if as_json:
        counts = {"posted": posted, "replayed": replayed, "refused": len(refused)}
        print_json(
            {"entries": len(outcomes), **counts, "outcomes": [_json(one) for one in outcomes]}
        )
    else:
        typer.echo(f"{posted} posted, {replayed} there already, {len(refused)} refused.")
    if refused:
        raise typer.Exit(REFUSED)


def _complaint(item: FileItem, refusal: Refusal) -> str:
    where = ".".join(path_of(refusal)) or "entry"
    name = item.name or item.position
    return f"Entry {name} refused ({refusal.code}) at {where}: {refusal.message}"


def _json(outcome: Outcome) -> dict[str, Any]:
    found: dict[str, Any] = {"position": outcome.item.position, "name": outcome.item.name}
    if outcome.refusal is not None:
        return found | {"error": refusal_json(outcome.refusal)}
    return found | {"entry_id": outcome.entry_id, "replayed": outcome.replayed}
