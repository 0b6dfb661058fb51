"""Settlements in the books: the entry in kWh, the items on the bill, the credits' movements.

    pledge          Dr 9210 due M       Cr 9200 pledged M    once for all months, in kWh
    excused         Dr 9200 pledged M   Cr 9210 due M        in kWh, by the settlement's entry
    met, bank used  Dr 9220 met M       Cr 9210 due M        likewise
    shortfall       Dr 9230 paid for M  Cr 9210 due M        likewise
    made up         Dr 9220 met M       Cr 9230 paid for M   likewise
    expired, let go Dr 2420 make-up M   Cr 4110 breakage     in money, by the same entry
    shortfall       Dr 1205 unbilled M  Cr 2420 M, or 4100   by a bill item: 2420 with a right
    overage         Dr 1205 unbilled M  Cr 4130              by a bill item
    made up         Dr 2420 make-up M   Cr 1205 unbilled M   by a bill item for each credit

The sessions themselves are charged as any (Dr 1205, Cr 4000): what is made up pays for them. So
9200 = 9210 + 9220 + 9230, 9210 is what is pledged for months not settled, and 2420 of a member is
the money of its open credits, after every one of these. Banked over-use is counted, not priced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import insert, text
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.settlement import Figures, Movement, MovementKind, Settlement
from coop.billing.domain.taxes import taxes_json
from coop.billing.items import ItemDraft, add_items
from coop.billing.queries.commitments import Commitment, StoredTerms
from coop.billing.queries.settlements import StoredCredit, credits_of
from coop.billing.tables import commitment_settlement, make_up_credit, make_up_movement
from coop.kernel.clock import utc_now
from coop.kernel.energy import kwh_of_wh
from coop.kernel.ids import AccountId, CooperativeId, EntryId, MemberId, uuid7
from coop.ledger import service as ledger
from coop.ledger.domain.canonical import json_bytes
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.posting import BATCH_MAX
from coop.ledger.service import AccountKey

KIND = "commitment_settlement"
PLEDGED, DUE, MET, PAID_FOR = "9200", "9210", "9220", "9230"
MAKE_UP, SHORTFALL, BREAKAGE, OVERAGE = "2420", "4100", "4110", "4130"
_ENDING = (MovementKind.EXPIRED, MovementKind.RELEASED)
_FIGURES = tuple(Figures.__slots__)
_COLUMNS = ", ".join(column.name for column in make_up_movement.c)
_MOVE = text(
    f"INSERT INTO make_up_movement ({_COLUMNS}) SELECT {_COLUMNS}"  # noqa: S608 - its own columns
    " FROM jsonb_populate_recordset(CAST(NULL AS make_up_movement), CAST(:rows AS jsonb))"
)


@dataclass(frozen=True, slots=True)
class ToSettle:
    """A settlement to be written: what it adds, from what, by which terms, on which day."""

    id: UUID
    commitment: Commitment
    version: StoredTerms
    settlement: Settlement
    inputs: dict[str, Any]
    number: int
    adjusts_id: UUID | None
    effective_on: date

    @property
    def member_id(self) -> MemberId:
        """Whose it is."""
        return self.commitment.member_id

    @property
    def name(self) -> str:
        """What an entry says it is."""
        adjusting = "adjusted" if self.adjusts_id else "settled"
        return f"Commitment {adjusting} for {self.settlement.month:%Y-%m}"


Credits = dict[tuple[UUID, date], StoredCredit]


async def write_settlements(
    connection: AsyncConnection,
    subject: str,
    cooperative_id: CooperativeId,
    wanted: Sequence[ToSettle],
) -> None:
    """Post and keep settlements, in a number of statements that does not grow with theirs.

    Refuses what the ledger refuses, PERIOD_CLOSED for one; then nothing is written.
    """
    if not wanted:
        return
    credits_ = await _credits(connection, cooperative_id, wanted)
    entries = await _post(connection, subject, cooperative_id, wanted)
    drafts = [draft for one in wanted for draft in _items(one, credits_)]
    made = await add_items(connection, subject, cooperative_id, drafts)
    items = {item.source[1]: item.id for item in made}
    now = utc_now()
    common = {"cooperative_id": cooperative_id}
    rows = [
        common | _row(one, entries, items) | {"settled_by": subject, "settled_at": now}
        for one in wanted
    ]
    await connection.execute(insert(commitment_settlement), rows)
    moved = [
        common | _moved(one, movement, credits_, entries, items) | {"recorded_at": now}
        for one in wanted
        for movement in one.settlement.movements
    ]
    await _move(connection, moved)


async def post_release(
    connection: AsyncConnection,
    subject: str,
    cooperative_id: CooperativeId,
    commitment: Commitment,
    movements: Sequence[Movement],
) -> None:
    """Let go of credits whose right was taken away, on the first day of the month it ends with."""
    on = movements[0].month
    keys = [AccountKey(MAKE_UP, member_id=commitment.member_id), AccountKey(BREAKAGE)]
    accounts = await ledger.accounts_for(connection, cooperative_id, keys)
    minor = -sum(one.minor for one in movements)
    entry_id: EntryId | None = None
    if minor:
        postings = _balanced(accounts, [(keys[0], minor), (keys[1], -minor)])
        memo, source = "Make-up right ended", ("commitment", str(commitment.id))
        draft = EntryDraft("commitment_release", on, memo, postings, source=source)
        (entry_id,) = await post_all(connection, subject, cooperative_id, [draft])
    found = (await credits_of(connection, [commitment.id])).get(commitment.id, [])
    ids = {one.credit.issued_on: one.id for one in found}
    now = utc_now()
    rows = [
        {
            "cooperative_id": cooperative_id, "id": uuid7(), "credit_id": ids[one.issued_on],
            "kind": one.kind.value, "month": one.month, "effective_on": on, "wh": one.wh,
            "amount_minor": one.minor, "entry_id": entry_id, "recorded_at": now,
        }
        for one in movements
    ]  # fmt: skip
    await _move(connection, rows)


async def _move(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep movements, however many, in one statement.

    An adjusting settlement may take from a credit what the next one gives back; the database looks
    at the credit when all are in.
    """
    if rows:
        await connection.execute(_MOVE, {"rows": orjson.dumps(rows, default=str).decode()})


async def post_all(
    connection: AsyncConnection,
    subject: str,
    cooperative_id: CooperativeId,
    drafts: Sequence[EntryDraft],
) -> list[EntryId]:
    """Post drafts, all or none; the first refusal is raised."""
    found: list[EntryId] = []
    for start in range(0, len(drafts), BATCH_MAX):
        part = drafts[start : start + BATCH_MAX]
        outcomes = await ledger.post_entries(connection, cooperative_id, subject, part)
        for outcome in outcomes:
            if outcome.refusal is not None or outcome.entry_id is None:
                raise outcome.refusal or LookupError("an entry without its id")
            found.append(outcome.entry_id)
    return found


async def _post(
    connection: AsyncConnection,
    subject: str,
    cooperative_id: CooperativeId,
    wanted: Sequence[ToSettle],
) -> dict[UUID, EntryId]:
    """The entry in kWh of each settlement that has one."""
    lines = {one.id: _lines(one) for one in wanted}
    keys = [key for several in lines.values() for key, _ in several]
    accounts = await ledger.accounts_for(connection, cooperative_id, keys)
    drafts = {
        one.id: EntryDraft(KIND, one.effective_on, one.name, postings, source=(KIND, str(one.id)))
        for one in wanted
        if (postings := _balanced(accounts, lines[one.id]))
    }
    ids = await post_all(connection, subject, cooperative_id, list(drafts.values()))
    return dict(zip(drafts, ids, strict=True))


def _lines(one: ToSettle) -> list[tuple[AccountKey, int]]:
    figures, settlement = one.settlement.figures, one.settlement
    met = figures.met_wh + figures.bank_used_wh
    made_up = -settlement.moved_wh(MovementKind.USED)
    ended = -sum(settlement.moved_minor(kind) for kind in _ENDING)

    def of(code: str) -> AccountKey:
        return AccountKey(code, member_id=one.member_id)

    return [
        (of(PLEDGED), figures.excused_wh),
        (of(DUE), -figures.excused_wh - met - figures.shortfall_wh),
        (of(MET), met + made_up),
        (of(PAID_FOR), figures.shortfall_wh - made_up),
        (of(MAKE_UP), ended),
        (AccountKey(BREAKAGE), -ended),
    ]


def _balanced(
    accounts: dict[AccountKey, AccountId], lines: Iterable[tuple[AccountKey, int]]
) -> tuple[PostingDraft, ...]:
    return tuple(PostingDraft(accounts[key], amount) for key, amount in lines if amount)


def _items(one: ToSettle, credits_: Credits) -> list[ItemDraft]:
    """The bill items of a settlement; what comes to nothing has none."""
    figures, terms = one.settlement.figures, one.version.terms
    month = f"{one.settlement.month:%Y-%m}"
    right = one.version.terms.make_up_months > 0
    owed = AccountKey(MAKE_UP, member_id=one.member_id) if right else AccountKey(SHORTFALL)
    drafts = [
        _item(
            one, "SHORTFALL", f"Shortfall of {month}", figures.shortfall_wh,
            terms.shortfall_per_kwh, figures.shortfall_minor, owed,
        ),
        _item(
            one, "OVERAGE", f"Overage of {month}", figures.overage_wh,
            terms.overage_per_kwh, figures.overage_minor, AccountKey(OVERAGE),
        ),
    ]  # fmt: skip
    used = (line for line in one.settlement.movements if line.kind is MovementKind.USED)
    drafts += [_made_up(one, movement, credits_) for movement in used]
    return [draft for draft in drafts if draft.net_minor]


def _made_up(one: ToSettle, movement: Movement, credits_: Credits) -> ItemDraft:
    credit = credits_[one.commitment.id, movement.issued_on]
    return _item(
        one, "MAKE_UP", f"Made up in {movement.month:%Y-%m} of {movement.issued_on:%Y-%m}",
        movement.wh, credit.per_kwh, movement.minor,
        AccountKey(MAKE_UP, member_id=one.member_id), taxes=credit.taxes, of=movement.issued_on,
    )  # fmt: skip


def _item(
    one: ToSettle,
    kind: str,
    description: str,
    wh: int,
    per_kwh: Any,
    net_minor: int,
    contra: AccountKey,
    *,
    taxes: Any = None,
    of: date | None = None,
) -> ItemDraft:
    hubs = one.commitment.hub_ids
    adjusting = " (adjusted)" if one.adjusts_id else ""
    return ItemDraft(
        member_id=one.member_id,
        kind=kind,
        effective_on=one.effective_on,
        description=description + adjusting,
        quantity=kwh_of_wh(wh),
        unit="kWh",
        unit_price=per_kwh or kwh_of_wh(0),
        net_minor=net_minor,
        contra=contra,
        source=(KIND, _source(one.id, kind, of)),
        taxes=one.version.terms.taxes if taxes is None else taxes,
        hub_id=hubs[0] if len(hubs) == 1 else None,
        resolution=one.version.resolution,
    )


def _source(settlement_id: UUID, kind: str, of: date | None = None) -> str:
    return f"{settlement_id}/{kind}" + (f"/{of:%Y-%m}" if of else "")


async def _credits(
    connection: AsyncConnection, cooperative_id: CooperativeId, wanted: Sequence[ToSettle]
) -> Credits:
    """Every credit of these commitments, those that are issued now too."""
    now = utc_now()
    rows = [
        {
            "cooperative_id": cooperative_id, "id": uuid7(), "commitment_id": one.commitment.id,
            "issued_on": movement.issued_on, "expires_on": movement.expires_on,
            "per_kwh": one.version.terms.shortfall_per_kwh,
            "taxes": taxes_json(one.version.terms.taxes), "recorded_at": now,
        }
        for one in wanted
        for movement in one.settlement.movements
        if movement.kind is MovementKind.ISSUED
    ]  # fmt: skip
    if rows:
        unique = ["cooperative_id", "commitment_id", "issued_on"]
        order = insert_or(make_up_credit).on_conflict_do_nothing(index_elements=unique)
        await connection.execute(order, rows)
    found = await credits_of(connection, {one.commitment.id for one in wanted})
    return {
        (one.commitment_id, one.credit.issued_on): one
        for several in found.values()
        for one in several
    }


def _row(one: ToSettle, entries: dict[UUID, EntryId], items: dict[str, UUID]) -> dict[str, Any]:
    return {
        "id": one.id,
        "commitment_id": one.commitment.id,
        "number": one.number,
        "month": one.settlement.month,
        "adjusts_id": one.adjusts_id,
        "terms_version": one.version.version,
        "effective_on": one.effective_on,
        "inputs": one.inputs,
        "inputs_sha256": hashlib.sha256(json_bytes(one.inputs)).digest(),
        **{name: getattr(one.settlement.figures, name) for name in _FIGURES},
        "entry_id": entries.get(one.id),
        "shortfall_item_id": items.get(_source(one.id, "SHORTFALL")),
        "overage_item_id": items.get(_source(one.id, "OVERAGE")),
    }


def _moved(
    one: ToSettle,
    movement: Movement,
    credits_: Credits,
    entries: dict[UUID, EntryId],
    items: dict[str, UUID],
) -> dict[str, Any]:
    ends = movement.kind in _ENDING and movement.minor
    source = {
        MovementKind.ISSUED: _source(one.id, "SHORTFALL"),
        MovementKind.USED: _source(one.id, "MAKE_UP", movement.issued_on),
    }.get(movement.kind, "")
    return {
        "id": uuid7(),
        "credit_id": credits_[one.commitment.id, movement.issued_on].id,
        "kind": movement.kind.value,
        "month": movement.month,
        "effective_on": one.effective_on,
        "wh": movement.wh,
        "amount_minor": movement.minor,
        "settlement_id": one.id,
        "item_id": items.get(source),
        "entry_id": entries.get(one.id) if ends else None,
    }
