"""Invoices to draw, made by arithmetic: lines from sessions, taxes from lines, entries from both."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from coop.billing.domain.taxes import TaxedSum, tax_totals
from coop.charging.domain.tariff import Tax
from coop.kernel.ids import AccountId, CooperativeId, EntryId, FundId
from coop.kernel.money import currency_scale
from coop.kernel.rate import round_half_up
from coop.ledger.domain.canonical import StoredEntry, StoredPosting, content_hash
from coop.ledger.domain.merkle import inclusion_proof, merkle_levels
from coop.ledger.domain.seal import GENESIS, head_hash
from coop.reports.invoice import (
    Buyer,
    Correction,
    EntryProof,
    InvoiceAccount,
    InvoiceDocument,
    InvoicedSession,
    InvoiceLine,
    InvoiceTax,
    Party,
    Rule,
    Seller,
    SessionPart,
)
from coop.reports.statement import Inclusion, SealHead

COOPERATIVE = UUID("01890000-0000-7000-8000-000000000001")
HUBS = ("Harbour", "Central Station", "Fjordgata 12")
VAT = (Tax("VAT", Decimal(25)),)
REDUCED = (Tax("VAT", Decimal(12)),)
SELLER = Seller(
    cooperative_id=COOPERATIVE, slug="nordlys", currency="EUR", time_zone="Europe/Oslo",
    party=Party(
        "Nordlys Charging Cooperative SA", ("Havnegata 4",), "7010", "Trondheim", "NO",
        vat_id="NO974760673MVA", register_number="974 760 673", email="post@nordlys.example",
        phone="+47 73 00 00 00",
    ),
    iban="NO9386011117947", bic="DNBANOKK",
    note="Owned by those who charge here.",
)  # fmt: skip
BUYER = Buyer(
    "0017",
    Party(
        "Bakke & Sønner Taxi AS", ("Olav Tryggvasons gate 30",), "7011", "Trondheim", "NO",
        vat_id="NO923609016MVA", email="regnskap@bakke.example",
    ),
    reference="PO 4711",
)  # fmt: skip
ACCOUNTS = (
    InvoiceAccount(UUID(int=COOPERATIVE.int + 1), "1200", "Receivable from members"),
    InvoiceAccount(UUID(int=COOPERATIVE.int + 2), "1205", "Unbilled"),
)
REVENUE, OUTPUT_TAX = UUID(int=COOPERATIVE.int + 3), UUID(int=COOPERATIVE.int + 4)
NIGHT, DAY = Decimal("0.2490"), Decimal("0.3890")


def rule(hub: str, element: int | None) -> Rule:
    """The tariff version in force at a hub."""
    number = HUBS.index(hub) + 1
    return Rule(
        UUID(int=COOPERATIVE.int + 0x500 + number), f"{hub} day and night", number,
        datetime(2024, 12, 31, 23, tzinfo=UTC), element, "2024-17",
    )  # fmt: skip


def _session(index: int) -> InvoicedSession:
    """Every session takes energy by day or by night; every fifth also stands too long."""
    hub = HUBS[index % 3]
    element = index // 3 % 2
    wh = 11_000 + index * 7_919 % 53_000
    price = (DAY, NIGHT)[element]
    started = datetime(2026, 10, 1, 5, 12, tzinfo=UTC) + timedelta(hours=7 * index, minutes=index)
    started = started.replace(
        month=10, day=1 + (started - datetime(2026, 10, 1, tzinfo=UTC)).days % 31
    )
    line = 2 * HUBS.index(hub) + element + 1
    parts = [
        SessionPart(
            line, "ENERGY", element, Decimal(wh) / 1000, "kWh", price,
            round_half_up(Fraction(price) * wh / 10),
        )
    ]  # fmt: skip
    if index % 5 == 4:
        idle = Decimal(index % 4 + 1) / 4
        minor = round_half_up(Fraction(idle) * 600)
        parts.append(SessionPart(7, "PARKING_TIME", 0, idle, "h", Decimal(6), minor))
    return InvoicedSession(
        charge_id=UUID(int=COOPERATIVE.int + 0x100000 + index),
        session_id=UUID(int=COOPERATIVE.int + 0x200000 + index),
        reference=f"NO*NLY*{40_000 + index}", started_at=started,
        ended_at=started + timedelta(minutes=35 + index % 50), hub=hub, energy_wh=wh,
        net_minor=sum(part.net_minor for part in parts),
        entry_id=UUID(int=COOPERATIVE.int + 0x300000 + index), parts=tuple(parts),
    )  # fmt: skip


def _lines(sessions: tuple[InvoicedSession, ...], taxes: tuple[Tax, ...]) -> list[InvoiceLine]:
    lines: dict[int, InvoiceLine] = {}
    for session in sessions:
        for part in session.parts:
            idle = part.kind == "PARKING_TIME"
            hub = None if idle else session.hub
            empty = InvoiceLine(
                part.line, part.kind, "Standing after the end" if idle else f"Energy, {session.hub}",
                Decimal(0), part.unit, part.unit_price, 0, taxes, Decimal(0), 0, hub,
                rule(session.hub, part.element),
            )  # fmt: skip
            line = lines.get(part.line, empty)
            lines[part.line] = replace(
                line, quantity=line.quantity + part.quantity,
                net_minor=line.net_minor + part.net_minor, sessions=line.sessions + 1,
            )  # fmt: skip
    return [_taxed(lines[number], 2) for number in sorted(lines)]


def _taxed(line: InvoiceLine, scale: int) -> InvoiceLine:
    percent = sum((tax.percent for tax in line.taxes), Decimal(0))
    return replace(line, tax=Decimal(line.net_minor).scaleb(-scale) * percent / 100)


def item(
    number: int, text: str, net_minor: int, taxes: tuple[Tax, ...], **changes: Any
) -> InvoiceLine:
    """A line that gathers no sessions."""
    quantity = Decimal(-1 if net_minor < 0 else 1)
    line = InvoiceLine(
        number, "SUBSCRIPTION", text, quantity, "month", Decimal(abs(net_minor)).scaleb(-2), net_minor,
        taxes, Decimal(0), entry_id=UUID(int=COOPERATIVE.int + 0x400000 + number), resolution="2025-3",
    )  # fmt: skip
    return replace(_taxed(line, 2), **changes)


def taxes_of(lines: tuple[InvoiceLine, ...], currency: str = "EUR") -> tuple[InvoiceTax, ...]:
    """The taxes that these lines make."""
    sums = [TaxedSum(line.taxes, line.net_minor, Fraction(line.tax)) for line in lines]
    return tuple(
        InvoiceTax(one.name, one.percent, one.base_minor, one.tax_minor)
        for one in tax_totals(sums, currency_scale(currency))
    )


def _entry(id_: UUID, postings: list[tuple[UUID, int]], kind: str, currency: str) -> StoredEntry:
    return StoredEntry(
        cooperative_id=CooperativeId(COOPERATIVE), id=EntryId(id_), kind=kind,
        effective_on=date(2026, 10, 31), recorded_at=datetime(2026, 11, 1, 3, tzinfo=UTC), memo=kind,
        actor="ada", source=(kind, str(id_)), resolution_id=None, reverses_id=None, metadata={},
        postings=tuple(
            StoredPosting(AccountId(account), FundId(COOPERATIVE), currency, minor)
            for account, minor in postings
            if minor
        ),
    )  # fmt: skip


def invoice(
    count: int,
    taxes: tuple[Tax, ...] = VAT,
    items: tuple[InvoiceLine, ...] = (),
    **changes: Any,
) -> InvoiceDocument:
    """`count` sessions of October 2026 and the items after them; all but the last entry sealed."""
    sessions = tuple(sorted((_session(i) for i in range(count)), key=lambda one: one.started_at))
    lines = (*_lines(sessions, taxes), *items)
    return document(lines, sessions, **changes)


def document(
    lines: tuple[InvoiceLine, ...], sessions: tuple[InvoicedSession, ...] = (), **changes: Any
) -> InvoiceDocument:
    """The invoice of these lines, with true entries, hashes and proofs."""
    seller = changes.get("seller", SELLER)
    totals = taxes_of(lines, seller.currency)
    net, tax = sum(line.net_minor for line in lines), sum(one.tax_minor for one in totals)
    receivable, unbilled = (account.account_id for account in ACCOUNTS)
    own = UUID(int=COOPERATIVE.int + 0x900000)
    journal = [
        _entry(
            own,
            [(receivable, net + tax), (unbilled, -net), (OUTPUT_TAX, -tax)],
            "invoice",
            seller.currency,
        )
    ]
    journal += [
        _entry(one.entry_id, [(unbilled, one.net_minor), (REVENUE, -one.net_minor)], kind, seller.currency)
        for kind, found in (("charging", sessions), ("item", lines))
        for one in found
        if one.entry_id is not None
    ]  # fmt: skip
    proofs, seals = sealed(journal, len(journal) - 1)
    values: dict[str, Any] = {
        "kind": "invoice" if net + tax >= 0 else "credit_note", "number": "1042",
        "issued_on": date(2026, 11, 2), "due_on": date(2026, 11, 16),
        "from_on": date(2026, 10, 1), "to_on": date(2026, 11, 1), "seller": seller, "buyer": BUYER,
        "lines": lines, "taxes": totals, "net_minor": net, "tax_minor": tax,
        "gross_minor": net + tax, "reference": "RF18539007547034",
        "drawn_at": datetime(2026, 11, 2, 8, 15, tzinfo=UTC), "dispute_by": date(2027, 1, 1),
        "sessions": sessions, "entry_id": own, "accounts": ACCOUNTS, "journal": tuple(journal),
        "proofs": proofs, "seals": seals,
    }  # fmt: skip
    return InvoiceDocument(**(values | changes))


def sealed(
    journal: list[StoredEntry], upto: int
) -> tuple[tuple[EntryProof, ...], tuple[SealHead, ...]]:
    """The first `upto` entries put into one seal, with true hashes and proofs."""
    hashes = [content_hash(entry) for entry in journal]
    if upto == 0:
        return tuple(EntryProof(entry.id) for entry in journal), ()
    levels = merkle_levels(hashes[:upto])
    root = levels[-1][0]
    head = head_hash(CooperativeId(COOPERATIVE), 1, GENESIS, root, upto, 900)
    proofs = [
        EntryProof(
            journal[i].id, hashes[i].hex(),
            Inclusion(1, i, tuple(step.hex() for step in inclusion_proof(levels, i))),
        )
        for i in range(upto)
    ]  # fmt: skip
    loose = [EntryProof(entry.id) for entry in journal[upto:]]
    return (*proofs, *loose), (SealHead(1, GENESIS.hex(), root.hex(), upto, 900, head.hex()),)


def credit_note(**changes: Any) -> InvoiceDocument:
    """What takes back a part of invoice 1042."""
    lines = (
        item(1, "Energy, Harbour", -4_215, VAT, kind="DISPUTE_CREDIT", unit="kWh", quantity=Decimal("-108.355"),
             unit_price=DAY, hub="Harbour", rule=rule("Harbour", 0), refers_to_line=1),
        item(2, "Standing after the end", -150, VAT, kind="DISPUTE_CREDIT", unit="h",
             quantity=Decimal("-0.25"), unit_price=Decimal(6), refers_to_line=7),
    )  # fmt: skip
    said: dict[str, Any] = {
        "number": "7", "corrects": Correction("1042", date(2026, 11, 2)), "reason": "The meter of port 3 ran fast.",
        "issued_on": date(2026, 11, 20), "due_on": date(2026, 11, 20),
        "drawn_at": datetime(2026, 11, 20, 9, tzinfo=UTC), "resolution": "2026-11",
    }  # fmt: skip
    return document(lines, **(said | changes))
