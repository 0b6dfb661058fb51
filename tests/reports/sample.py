"""Statements to draw: a short one written out by hand, and long ones made by arithmetic (no randomness)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from coop.kernel.ids import AccountId, CooperativeId, EntryId, FundId
from coop.ledger.domain.canonical import StoredEntry, StoredPosting, content_hash
from coop.ledger.domain.merkle import inclusion_proof, merkle_levels
from coop.ledger.domain.seal import GENESIS, head_hash
from coop.reports.statement import (
    EquityLine,
    HubUse,
    Inclusion,
    Issuer,
    MemberStatement,
    MonthUse,
    Recipient,
    SealHead,
    StatementAccount,
    StatementEntry,
)

COOPERATIVE = UUID("01890000-0000-7000-8000-000000000001")
HUBS = ("Harbour", "Central Station", "Fjordgata 12")
ISSUER = Issuer(
    cooperative_id=COOPERATIVE,
    name="Nordlys Charging Cooperative",
    slug="nordlys",
    currency="EUR",
    time_zone="Europe/Oslo",
    address=("Havnegata 4", "7010 Trondheim"),
    contact="treasurer@nordlys.example",
)
MEMBER = Recipient("0017", "Bakke & Sønner Taxi AS", ("Olav Tryggvasons gate 30", "7011 Trondheim"))
EQUITY = (
    EquityLine("3100", "Member shares", "shares", None, 250_000),
    EquityLine("3300", "Allocated equity, qualified", "allocated", 2024, 41_217),
    EquityLine("3300", "Allocated equity, qualified", "allocated", 2025, 63_905),
    EquityLine("3190", "Subscribed, unpaid shares", "shares", None, -50_000),
)
MONTHS_BEFORE = (
    412_350,
    398_120,
    455_007,
    501_600,
    476_318,
    388_940,
    350_125,
    421_777,
    390_004,
    437_216,
    460_090,
)


def line(
    index: int,
    due: int,
    *,
    debit: int = 0,
    credit: int = 0,
    wh: int | None = None,
    **changes: Any,
) -> StatementEntry:
    """One entry of October 2026; `due` is what was due before it."""
    day = date(2026, 10, 1) + timedelta(days=index % 31)
    values: dict[str, Any] = {
        "entry_id": UUID(int=COOPERATIVE.int + 0x1000 + index),
        "effective_on": day,
        "recorded_at": datetime(day.year, day.month, day.day, 18, index % 60, tzinfo=UTC),
        "kind": "charging" if debit else "payment",
        "memo": f"Charging session {40_000 + index}" if debit else "Direct debit, thank you",
        "account_code": "1200",
        "account_name": "Receivable from members",
        "debit_minor": debit,
        "credit_minor": credit,
        "due_minor": due + debit - credit,
        "energy_wh": wh,
        "hub": None if wh is None else HUBS[index % 3],
    }
    return StatementEntry(**(values | changes))


ACCOUNTS = (
    StatementAccount(UUID(int=COOPERATIVE.int + 1), "1200", "Receivable from members", "EUR"),
    StatementAccount(UUID(int=COOPERATIVE.int + 2), "9100", "Taken", "kWh"),
)
REVENUE, DELIVERED = UUID(int=COOPERATIVE.int + 3), UUID(int=COOPERATIVE.int + 4)


def fact(entry: StatementEntry, currency: str = "EUR") -> StoredEntry:
    """The journal entry behind a line of the receivable account."""
    lines = [
        (ACCOUNTS[0].account_id, currency, entry.debit_minor - entry.credit_minor),
        (REVENUE, currency, entry.credit_minor - entry.debit_minor),
        (ACCOUNTS[1].account_id, "kWh", entry.energy_wh or 0),
        (DELIVERED, "kWh", -(entry.energy_wh or 0)),
    ]
    return StoredEntry(
        cooperative_id=CooperativeId(COOPERATIVE), id=EntryId(entry.entry_id), kind=entry.kind,
        effective_on=entry.effective_on, recorded_at=entry.recorded_at, memo=entry.memo,
        actor="ada", source=("cdr", str(entry.entry_id)), resolution_id=None, reverses_id=None,
        metadata={"note": entry.memo[:9]},
        postings=tuple(
            StoredPosting(AccountId(account), FundId(COOPERATIVE), commodity, amount)
            for account, commodity, amount in lines
            if amount
        ),
    )  # fmt: skip


def sealed(
    entries: list[StatementEntry], upto: int, currency: str = "EUR"
) -> tuple[tuple[StatementEntry, ...], tuple[SealHead, ...]]:
    """The first `upto` entries put into one seal, with true hashes and proofs."""
    if not upto:
        return tuple(entries), ()
    hashes = [content_hash(fact(entry, currency)) for entry in entries[:upto]]
    levels = merkle_levels(hashes)
    root = levels[-1][0]
    head = head_hash(CooperativeId(COOPERATIVE), 1, GENESIS, root, upto, 900)
    inside = [
        replace(
            entry,
            content_hash=hashes[i].hex(),
            inclusion=Inclusion(1, i, tuple(step.hex() for step in inclusion_proof(levels, i))),
        )
        for i, entry in enumerate(entries[:upto])
    ]
    return (*inside, *entries[upto:]), (
        SealHead(1, GENESIS.hex(), root.hex(), upto, 900, head.hex()),
    )


def statement(count: int, **changes: Any) -> MemberStatement:
    """`count` entries in October 2026: sessions, and every sixth a payment; all but the last two sealed."""
    opening = due = 12_345
    entries = []
    for index in range(count):
        pays = index % 6 == 5
        wh = 11_000 + index * 7_919 % 53_000
        amount = 9_950 if pays else (wh * 389 + 5_000) // 10_000
        entry = line(index, due, credit=amount) if pays else line(index, due, debit=amount, wh=wh)
        due = entry.due_minor
        entries.append(entry)
    entries.sort(key=lambda entry: entry.effective_on)
    entries = rerun(opening, entries)
    currency = changes.get("cooperative", ISSUER).currency
    placed, seals = sealed(entries, max(0, count - 2), currency)
    values: dict[str, Any] = {
        "cooperative": ISSUER,
        "member": MEMBER,
        "number": "2026-10-0017",
        "period_from": date(2026, 10, 1),
        "period_to": date(2026, 11, 1),
        "issued_at": datetime(2026, 11, 2, 8, 15, tzinfo=UTC),
        "opening_minor": opening,
        "closing_minor": due,
        "entries": placed,
        "hubs": use_of(entries),
        "months": months(sum(entry.energy_wh or 0 for entry in entries)),
        "equity": EQUITY,
        "deposits_minor": 40_000,
        "make_up_wh": 118_250,
        "seals": seals,
        "previous_statement_sha256": hashlib.sha256(b"September").hexdigest(),
        "due_on": date(2026, 11, 16) if due > 0 else None,
        "collection": "We collect it by direct debit; you need do nothing.",
        "dispute_by": date(2027, 1, 1),
    }
    said = values | changes
    shown = [fact(entry, currency) for entry in said["entries"]]
    behind = {"accounts": ACCOUNTS, "journal": tuple(shown)}
    return MemberStatement(**(behind | said))


def rerun(opening: int, entries: list[StatementEntry]) -> list[StatementEntry]:
    """The same entries with their running due computed in this order."""
    due, done = opening, []
    for entry in entries:
        due += entry.debit_minor - entry.credit_minor
        done.append(replace(entry, due_minor=due))
    return done


def use_of(entries: list[StatementEntry]) -> tuple[HubUse, ...]:
    """Energy by hub, largest first."""
    hubs = sorted({entry.hub for entry in entries if entry.hub is not None})
    uses = [
        HubUse(
            hub,
            sum(e.hub == hub for e in entries),
            sum(e.energy_wh or 0 for e in entries if e.hub == hub),
        )
        for hub in hubs
    ]
    return tuple(sorted(uses, key=lambda use: -use.energy_wh))


def months(last_wh: int) -> tuple[MonthUse, ...]:
    """Eleven written-out months and the one of the statement."""
    firsts = [date(2025 + (10 + i) // 12, (10 + i) % 12 + 1, 1) for i in range(12)]
    return tuple(
        MonthUse(day, wh) for day, wh in zip(firsts, (*MONTHS_BEFORE, last_wh), strict=True)
    )
