"""Bill items: what a member is charged or credited beside sessions, until an invoice gathers it.

Fees, shortfalls, costs passed on, credits: each is one entry, Dr 1205 unbilled M / Cr the account
that earned it (the other way about when it is a credit), and one row. The source names what it was
made from; the same source again is answered with the item it made, whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.taxes import canonical_taxes, exact_tax, taxes_json, taxes_of
from coop.billing.errors import ItemSourceTaken
from coop.billing.tables import bill_item
from coop.charging.domain.tariff import Tax
from coop.db.among import among
from coop.kernel.clock import utc_now
from coop.kernel.ids import AccountId, CooperativeId, EntryId, HubId, MemberId, uuid7
from coop.kernel.money import currency_scale
from coop.kernel.rate import from_scale, round_half_up
from coop.ledger import queries as ledger_queries
from coop.ledger import service as ledger
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.posting import BATCH_MAX
from coop.ledger.service import AccountKey

KIND = "bill_item"
UNBILLED = "1205"


@dataclass(frozen=True, slots=True)
class ItemDraft:
    """An item to record. Prices in whole currency before tax; `net_minor` negative is a credit.

    `contra` is the account on the other side of 1205. `tax` is exact and in whole currency; None
    stands for the taxes' percentages of the net. `extra` are further postings of the same entry,
    such as energy in memorandum accounts, balanced by themselves.
    """

    member_id: MemberId
    kind: str
    effective_on: date
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net_minor: int
    contra: AccountKey
    source: tuple[str, str]
    taxes: tuple[Tax, ...] = ()
    hub_id: HubId | None = None
    resolution: str | None = None
    extra: tuple[PostingDraft, ...] = ()
    tax: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A recorded item; `tax` is exact and in whole currency."""

    id: UUID
    member_id: MemberId
    kind: str
    hub_id: HubId | None
    effective_on: date
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net_minor: int
    taxes: tuple[Tax, ...]
    tax: Decimal
    source: tuple[str, str]
    resolution: str | None
    contra_account_id: AccountId
    entry_id: EntryId | None


async def add_items(
    connection: AsyncConnection,
    viewer_subject: str,
    cooperative_id: CooperativeId,
    drafts: Sequence[ItemDraft],
) -> list[Item]:
    """Record items and post their entries; answers one item per draft, in order.

    A thousand cost a few statements. A source that made its item before is answered with that item.
    Refuses ITEM_SOURCE_TAKEN when it was another, and what the ledger refuses (PERIOD_CLOSED for
    one), with the position of the draft as path; then nothing is recorded.
    """
    lock = func.hashtextextended(f"items:{cooperative_id}", 9)
    await connection.execute(select(func.pg_advisory_xact_lock(lock)))
    found = await _items_of_sources(connection, [draft.source for draft in drafts])
    fresh: dict[tuple[str, str], tuple[int, ItemDraft]] = {}
    for position, draft in enumerate(drafts):
        if draft.source in found:
            continue
        _, first = fresh.setdefault(draft.source, (position, draft))
        _same(first, draft, position)
    new = list(fresh.values())
    for start in range(0, len(new), BATCH_MAX):
        part = new[start : start + BATCH_MAX]
        for item in await _record(connection, viewer_subject, cooperative_id, part):
            found[item.source] = item
    for position, draft in enumerate(drafts):
        _same(found[draft.source], draft, position)
    return [found[draft.source] for draft in drafts]


def _same(first: Item | ItemDraft, draft: ItemDraft, position: int) -> None:
    facts = (draft.member_id, draft.kind, draft.net_minor, canonical_taxes(draft.taxes))
    if (first.member_id, first.kind, first.net_minor, canonical_taxes(first.taxes)) != facts:
        raise ItemSourceTaken(
            f"{' '.join(draft.source)} made another item before.", (str(position), "source")
        )


async def _record(
    connection: AsyncConnection,
    subject: str,
    cooperative_id: CooperativeId,
    drafts: Sequence[tuple[int, ItemDraft]],
) -> list[Item]:
    keys = [
        key
        for _, draft in drafts
        for key in (AccountKey(UNBILLED, member_id=draft.member_id), draft.contra)
    ]
    accounts = await ledger.accounts_for(connection, cooperative_id, keys)
    scale = currency_scale(await ledger_queries.currency_of(connection))
    ids = [uuid7() for _ in drafts]
    entries: list[EntryId | None] = [None] * len(drafts)
    moving = [
        (place, entry)
        for place, (id_, (_, draft)) in enumerate(zip(ids, drafts, strict=True))
        if (entry := _entry(id_, draft, accounts)) is not None
    ]
    outcomes = await ledger.post_entries(
        connection, cooperative_id, subject, [entry for _, entry in moving]
    )
    for (place, _), outcome in zip(moving, outcomes, strict=True):
        if outcome.refusal is not None:
            raise outcome.refusal.under(str(drafts[place][0]))
        entries[place] = outcome.entry_id
    now = utc_now()
    rows = [
        {
            **_row(id_, draft, scale), "cooperative_id": cooperative_id, "entry_id": entry_id,
            "contra_account_id": accounts[draft.contra], "recorded_by": subject,
            "recorded_at": now,
        }
        for id_, (_, draft), entry_id in zip(ids, drafts, entries, strict=True)
    ]  # fmt: skip
    await connection.execute(insert(bill_item), rows)
    return [item_of(row) for row in rows]


def _entry(id_: UUID, draft: ItemDraft, accounts: dict[AccountKey, AccountId]) -> EntryDraft | None:
    """Dr 1205 M / Cr contra, and what goes with it; None when nothing moves."""
    postings = draft.extra
    if draft.net_minor:
        unbilled = accounts[AccountKey(UNBILLED, member_id=draft.member_id)]
        postings = (
            PostingDraft(unbilled, draft.net_minor),
            PostingDraft(accounts[draft.contra], -draft.net_minor),
            *draft.extra,
        )
    if not postings:
        return None
    return EntryDraft(
        kind=KIND,
        effective_on=draft.effective_on,
        memo=draft.description,
        postings=postings,
        source=(KIND, str(id_)),
    )


def _row(id_: UUID, draft: ItemDraft, scale: int) -> dict[str, Any]:
    return {
        "id": id_,
        "member_id": draft.member_id,
        "kind": draft.kind,
        "hub_id": draft.hub_id,
        "effective_on": draft.effective_on,
        "description": draft.description,
        "quantity": draft.quantity,
        "unit": draft.unit,
        "unit_price": draft.unit_price,
        "net_minor": draft.net_minor,
        "taxes": taxes_json(draft.taxes),
        "tax": draft.tax if draft.tax is not None else _tax(draft, scale),
        "source_kind": draft.source[0],
        "source_id": draft.source[1],
        "resolution": draft.resolution,
    }


def _tax(draft: ItemDraft, scale: int) -> Decimal:
    """The exact tax as a decimal number: powers of ten and percentages never leave a remainder."""
    return decimal_of(exact_tax(draft.net_minor, draft.taxes, scale))


def decimal_of(value: Fraction) -> Decimal:
    """`value` as a plain Decimal; exact whenever 30 decimals are enough, rounded beyond."""
    whole, _, decimals = f"{from_scale(round_half_up(value * 10**30), 30):f}".partition(".")
    kept = decimals.rstrip("0")
    return Decimal(f"{whole}.{kept}" if kept else whole)


def item_of(row: Any) -> Item:
    """An item from a stored row (a mapping)."""
    return Item(
        id=row["id"],
        member_id=MemberId(row["member_id"]),
        kind=row["kind"],
        hub_id=row["hub_id"],
        effective_on=row["effective_on"],
        description=row["description"],
        quantity=row["quantity"],
        unit=row["unit"],
        unit_price=row["unit_price"],
        net_minor=row["net_minor"],
        taxes=taxes_of(row["taxes"]),
        tax=row["tax"],
        source=(row["source_kind"], row["source_id"]),
        resolution=row["resolution"],
        contra_account_id=AccountId(row["contra_account_id"]),
        entry_id=row["entry_id"],
    )


async def _items_of_sources(
    connection: AsyncConnection, sources: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Item]:
    """The items that these sources made before."""
    wanted = set(sources)
    rows = await connection.execute(
        select(bill_item)
        .where(among(bill_item.c.source_kind, sorted({kind for kind, _ in wanted})))
        .where(among(bill_item.c.source_id, sorted({id_ for _, id_ in wanted})))
    )
    found = (item_of(row) for row in rows.mappings())
    return {item.source: item for item in found if item.source in wanted}
