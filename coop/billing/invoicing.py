"""Making invoices and credit notes: number, entry and rows in one transaction, or nothing.

    hold the series          the row of invoice_series, until the commit: whoever else issues waits
    take what is unbilled    one statement sums it into lines and notes which invoice holds it
    post                     Dr 1200 M gross / Cr 1205 M net / Cr 2200 tax, one entry each
    store                    the documents with the next numbers, their lines and taxes

A number exists only together with its entry and its rows, so a series has no gap and no double,
however many issue at once and whenever one is killed. A member whose unbilled charges and items
come to less than nothing gets a credit note, with all signs turned about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.lines import CREDIT_NOTE, INVOICE, Bill, bill_of
from coop.billing.domain.months import Month
from coop.billing.domain.reference import reference_of
from coop.billing.domain.taxes import taxes_json
from coop.billing.open_items import apply_credits, lock_receivables
from coop.billing.payments import apply_on_account
from coop.billing.queries.unbilled import take_unbilled
from coop.billing.tables import invoice, invoice_line, invoice_series, invoice_tax
from coop.kernel.clock import utc_now
from coop.kernel.ids import AccountId, CooperativeId, EntryId, MemberId, uuid7
from coop.ledger import service as ledger
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.service import AccountKey

RECEIVABLE, UNBILLED, TAX = "1200", "1205", "2200"
_WORDS = {INVOICE: "Invoice", CREDIT_NOTE: "Credit note"}


@dataclass(frozen=True, slots=True)
class Frame:
    """What documents issued together have in common; amounts in a currency of `scale` decimals."""

    cooperative_id: CooperativeId
    subject: str
    month: Month
    issued_on: date
    due_on: date
    currency: str
    scale: int
    run_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A document to issue. `contra` is what stands against its net: accounts and amounts.

    A charge of 10.00 has its contra at +1000 (a credit of it is posted), as its net is.
    """

    id: UUID
    member_id: MemberId
    bill: Bill
    contra: tuple[tuple[AccountId, int], ...]
    refers_to_id: UUID | None = None
    reason: str | None = None
    resolution: str | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A document that was issued; its amounts in minor units, negative on a credit note."""

    id: UUID
    kind: str
    number: int
    member_id: MemberId
    net_minor: int
    tax_minor: int
    entry_id: EntryId | None

    @property
    def gross_minor(self) -> int:
        """Net and tax."""
        return self.net_minor + self.tax_minor


async def hold_series(connection: AsyncConnection, cooperative_id: CooperativeId) -> date | None:
    """Let nobody else issue until this transaction ends; answers the day last issued on."""
    rows = [
        {"cooperative_id": cooperative_id, "series": series, "last_number": 0}
        for series in (CREDIT_NOTE, INVOICE)
    ]
    await connection.execute(upsert(invoice_series).on_conflict_do_nothing(), rows)
    series = invoice_series.c.series
    await connection.execute(select(series).order_by(series).with_for_update())
    last: date | None = await connection.scalar(select(func.max(invoice.c.issued_on)))
    return last


async def bill_members(
    connection: AsyncConnection, frame: Frame, members: Sequence[MemberId]
) -> list[Draft]:
    """Take what is unbilled of these members up to the end of the month, as drafts to `issue`."""
    ids = {member_id: uuid7() for member_id in members}
    found = await take_unbilled(
        connection, frame.cooperative_id, members, list(ids.values()), frame.month.to_on,
        frame.scale,
    )  # fmt: skip
    keys = {member_id: AccountKey(UNBILLED, member_id=member_id) for member_id in found}
    accounts = await ledger.accounts_for(connection, frame.cooperative_id, keys.values())
    bills = {member_id: bill_of(lines, frame.scale) for member_id, lines in found.items()}
    owed = [ids[member_id] for member_id, bill in bills.items() if bill.kind == CREDIT_NOTE]
    corrected = await _corrected(connection, owed) if owed else {}
    return [
        Draft(
            id=ids[member_id],
            member_id=member_id,
            bill=bill,
            contra=((accounts[keys[member_id]], bill.net_minor),),
            refers_to_id=corrected.get(ids[member_id]),
        )
        for member_id, bill in bills.items()
    ]


async def issue(connection: AsyncConnection, frame: Frame, drafts: Sequence[Draft]) -> list[Issued]:
    """Number, post and store documents, and let credits and money on account settle what is open.

    The caller holds the series. Refuses what the ledger refuses, PERIOD_CLOSED for one; the
    caller's transaction is then undone.
    """
    if not drafts:
        return []
    members = list(dict.fromkeys(draft.member_id for draft in drafts))
    await lock_receivables(connection, members)
    numbers = await _numbers(connection, drafts)
    entries = await _post(connection, frame, drafts, numbers)
    now = utc_now()
    rows = [
        _row(frame, draft, numbers[draft.id]) | {"entry_id": entries.get(draft.id),
                                                 "recorded_at": now}
        for draft in drafts
    ]  # fmt: skip
    # One statement, for the database looks at all numbers of a statement at once.
    await connection.execute(insert(invoice).values(rows))
    await _store_lines(connection, frame.cooperative_id, drafts)
    who = (connection, frame.cooperative_id, frame.subject, members, frame.issued_on)
    await apply_credits(*who)
    await apply_on_account(*who)
    return [
        Issued(
            draft.id, draft.bill.kind, numbers[draft.id], draft.member_id, draft.bill.net_minor,
            draft.bill.tax_minor, entries.get(draft.id),
        )
        for draft in drafts
    ]  # fmt: skip


async def _numbers(connection: AsyncConnection, drafts: Sequence[Draft]) -> dict[UUID, int]:
    """The next numbers of both series, in the order of the drafts."""
    found: dict[UUID, int] = {}
    for series in (CREDIT_NOTE, INVOICE):
        ids = [draft.id for draft in drafts if draft.bill.kind == series]
        if ids:
            last: int = await connection.scalar(
                update(invoice_series)
                .where(invoice_series.c.series == series)
                .values(last_number=invoice_series.c.last_number + len(ids))
                .returning(invoice_series.c.last_number)
            )
            found |= {id_: last - len(ids) + place for place, id_ in enumerate(ids, 1)}
    return found


async def _post(
    connection: AsyncConnection, frame: Frame, drafts: Sequence[Draft], numbers: dict[UUID, int]
) -> dict[UUID, EntryId]:
    tax_key = AccountKey(TAX)
    keys = {
        draft.id: AccountKey(RECEIVABLE, member_id=draft.member_id)
        for draft in drafts
        if draft.bill.gross_minor
    }
    accounts = await ledger.accounts_for(
        connection, frame.cooperative_id, [tax_key, *keys.values()]
    )
    moving = []
    for draft in drafts:
        lines = [
            *(_on(accounts, keys.get(draft.id), draft.bill.gross_minor)),
            *((account, -amount) for account, amount in draft.contra),
            (accounts[tax_key], -draft.bill.tax_minor),
        ]
        postings = tuple(PostingDraft(account, amount) for account, amount in lines if amount)
        if postings:
            moving.append((draft, postings))
    outcomes = await ledger.post_entries(
        connection, frame.cooperative_id, frame.subject,
        [_entry(frame, draft, numbers[draft.id], postings) for draft, postings in moving],
    )  # fmt: skip
    entries: dict[UUID, EntryId] = {}
    for (draft, _), outcome in zip(moving, outcomes, strict=True):
        if outcome.refusal is not None:
            raise outcome.refusal
        if outcome.entry_id is not None:
            entries[draft.id] = outcome.entry_id
    return entries


def _on(
    accounts: dict[AccountKey, AccountId], key: AccountKey | None, amount: int
) -> list[tuple[AccountId, int]]:
    return [] if key is None else [(accounts[key], amount)]


def _entry(
    frame: Frame, draft: Draft, number: int, postings: tuple[PostingDraft, ...]
) -> EntryDraft:
    kind = draft.bill.kind
    return EntryDraft(
        kind=kind,
        effective_on=frame.issued_on,
        memo=f"{_WORDS[kind]} {number}: {frame.month}",
        postings=postings,
        source=(kind, str(draft.id)),
    )


def _row(frame: Frame, draft: Draft, number: int) -> dict[str, Any]:
    bill = draft.bill
    return {
        "cooperative_id": frame.cooperative_id,
        "id": draft.id,
        "kind": bill.kind,
        "number": number,
        "member_id": draft.member_id,
        "from_on": frame.month.from_on,
        "to_on": frame.month.to_on,
        "issued_on": frame.issued_on,
        "due_on": frame.due_on,
        "currency": frame.currency,
        "net_minor": bill.net_minor,
        "tax_minor": bill.tax_minor,
        "gross_minor": bill.gross_minor,
        "reference": reference_of(bill.kind, number),
        "refers_to_id": draft.refers_to_id,
        "reason": draft.reason,
        "resolution": draft.resolution,
        "run_id": frame.run_id,
        "issued_by": frame.subject,
    }


async def _store_lines(
    connection: AsyncConnection, cooperative_id: CooperativeId, drafts: Sequence[Draft]
) -> None:
    lines = [
        {
            "cooperative_id": cooperative_id, "invoice_id": draft.id, "number": line.number,
            "hub_id": line.hub_id, "tariff_version_id": line.tariff_version_id,
            "kind": line.kind, "element": line.element, "description": line.description,
            "quantity": line.quantity, "unit": line.unit, "unit_price": line.unit_price,
            "net_minor": line.net_minor, "taxes": taxes_json(line.taxes), "tax": line.tax,
            "sessions": line.sessions, "refers_to_line": line.refers_to_line,
        }
        for draft in drafts
        for line in draft.bill.lines
    ]  # fmt: skip
    await connection.execute(insert(invoice_line), lines)
    taxes = [
        {
            "cooperative_id": cooperative_id, "invoice_id": draft.id, "number": number,
            "name": tax.name, "percent": tax.percent, "base_minor": tax.base_minor,
            "tax_minor": tax.tax_minor,
        }
        for draft in drafts
        for number, tax in enumerate(draft.bill.taxes, 1)
    ]  # fmt: skip
    if taxes:
        await connection.execute(insert(invoice_tax), taxes)


# What a document takes back: the invoices of the charges that its charges take back, and of the
# charges and items whose disputes its items credit. The latest of them is named.
_CORRECTED = text("""
SELECT DISTINCT ON (f.invoice_id) f.invoice_id, i.id
FROM (
    SELECT x.invoice_id, b.invoice_id AS refers_to_id
    FROM invoice_charge AS x
    JOIN charge AS c ON c.cooperative_id = x.cooperative_id AND c.id = x.charge_id
    JOIN invoice_charge AS b ON b.cooperative_id = c.cooperative_id
        AND b.charge_id = c.credit_of_id
    WHERE x.invoice_id = ANY(CAST(:ids AS uuid[]))
    UNION ALL
    SELECT x.invoice_id, b.invoice_id
    FROM invoice_item AS x
    JOIN dispute AS d ON d.cooperative_id = x.cooperative_id AND d.credit_item_id = x.item_id
    CROSS JOIN LATERAL (
        SELECT c.invoice_id FROM invoice_charge AS c
        WHERE c.cooperative_id = d.cooperative_id AND c.charge_id = d.charge_id
        UNION ALL
        SELECT t.invoice_id FROM invoice_item AS t
        WHERE t.cooperative_id = d.cooperative_id AND t.item_id = d.item_id
    ) AS b
    WHERE x.invoice_id = ANY(CAST(:ids AS uuid[]))
) AS f
JOIN invoice AS i ON i.id = f.refers_to_id AND i.kind = 'invoice'
ORDER BY f.invoice_id, i.number DESC
""")


async def _corrected(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Which invoice each of these documents, not stored yet, takes something back of."""
    rows = await connection.execute(_CORRECTED, {"ids": list(ids)})
    return {row.invoice_id: row.id for row in rows}
