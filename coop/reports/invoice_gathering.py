"""From the books to what an invoice says: one snapshot, a fixed number of SQL statements.

    the bill, its lines and taxes → cooperative, member, their profiles on the day of issue
    → charges with their sessions, bill items → hubs, tariff versions → the invoice it corrects
    → the entries behind it all, their hashes and places → the mandate that collects it

InvoiceDocument refuses when a profile lacks what an invoice must say, or when anything here does
not add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.lines import Line
from coop.billing.queries import bank, collecting, invoices
from coop.billing.queries.invoices import InvoiceRow
from coop.charging import queries as charging
from coop.charging.domain.place import Hub
from coop.charging.domain.versions import TariffVersion
from coop.kernel.ids import CooperativeId, EntryId, HubId, MemberId
from coop.ledger import queries as ledger
from coop.ledger import sealing
from coop.ledger.domain.canonical import StoredEntry
from coop.members import queries as members
from coop.members.domain.people import Cooperative, Member
from coop.members.domain.policy import absent
from coop.members.domain.profile import Address, CooperativeProfile, MemberProfile
from coop.reports import invoice_queries
from coop.reports.invoice import (
    Buyer,
    Collection,
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
    number_shown,
)
from coop.reports.invoice_proof import RECEIVABLE, UNBILLED
from coop.reports.invoice_queries import InvoicedItem
from coop.reports.proofs import SealTrees, proofs_of

DISPUTE_DAYS = 60
_NOWHERE = Address((), "", "", "")


@dataclass(frozen=True, slots=True)
class _Bill:
    """What billing and the members room know of the bill."""

    row: InvoiceRow
    cooperative: Cooperative
    member: Member
    ours: CooperativeProfile | None
    theirs: MemberProfile | None


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the lines are made of."""

    lines: list[Line]
    charges: Sequence[Row[Any]]
    items: dict[int, InvoicedItem]
    hubs: dict[HubId, Hub]
    versions: dict[UUID, TariffVersion]

    @property
    def entry_ids(self) -> list[EntryId]:
        """The entries of charges and items, each once, in the order of the document."""
        found = [row.entry_id for row in self.charges if row.entry_id]
        found += [item.entry_id for item in self.items.values() if item.entry_id]
        return list(dict.fromkeys(found))


async def gather_invoice(
    connection: AsyncConnection,
    cooperative_id: CooperativeId,
    invoice_id: UUID,
    drawn_at: datetime,
    trees: SealTrees | None = None,
) -> InvoiceDocument:
    """What the invoice or credit note says, by the profiles of its day.

    Refuses NOT_FOUND and INVOICE_INCOMPLETE. INVOICE_INCONSISTENT would be a bug of billing's.
    """
    bill = await _bill(connection, cooperative_id, invoice_id)
    parts = await _parts(connection, invoice_id)
    row = bill.row
    own = [row.entry_id] if row.entry_id else []
    ids = [*own, *(one for one in parts.entry_ids if one not in own)]
    accounts = await _accounts(connection, bill)
    journal = await _journal(connection, bill, ids)
    hashes, places, seals = await proofs_of(connection, ids, trees or SealTrees())
    taxes = (await invoices.taxes_of_invoices(connection, [invoice_id])).get(invoice_id, [])
    dispute_days = bill.ours.dispute_days if bill.ours else DISPUTE_DAYS
    return InvoiceDocument(
        kind=row.kind,
        number=number_shown(row.kind, row.number),
        issued_on=row.issued_on,
        due_on=row.due_on,
        from_on=row.from_on,
        to_on=row.to_on,
        seller=_seller(bill),
        buyer=_buyer(bill),
        lines=tuple(_lines(parts)),
        taxes=tuple(InvoiceTax(t.name, t.percent, t.base_minor, t.tax_minor) for t in taxes),
        net_minor=row.net_minor,
        tax_minor=row.tax_minor,
        gross_minor=row.gross_minor,
        reference=row.reference,
        drawn_at=drawn_at,
        dispute_by=row.issued_on + timedelta(days=dispute_days),
        corrects=await _correction(connection, row),
        reason=row.reason,
        resolution=row.resolution,
        collection=await _collection(connection, row),
        sessions=tuple(_sessions(parts)),
        entry_id=row.entry_id,
        accounts=accounts,
        journal=journal,
        proofs=tuple(EntryProof(one, hashes.get(one), places.get(one)) for one in ids),
        seals=seals,
    )


async def _bill(
    connection: AsyncConnection, cooperative_id: CooperativeId, invoice_id: UUID
) -> _Bill:
    row = (await invoices.invoices_by_ids(connection, [invoice_id])).get(invoice_id)
    cooperative = await members.cooperative_by_id(connection, cooperative_id)
    if row is None or cooperative is None:
        raise absent()
    found = await members.members_by_ids(connection, cooperative_id, [row.member_id])
    ours = await members.cooperative_profile_on(connection, cooperative_id, row.issued_on)
    theirs = await members.member_profiles_on(
        connection, cooperative_id, [row.member_id], row.issued_on
    )
    held = theirs.get(row.member_id)
    return _Bill(
        row,
        cooperative,
        found[row.member_id],
        ours.profile if ours else None,
        held.profile if held else None,
    )


# Parties


def _seller(bill: _Bill) -> Seller:
    cooperative = bill.cooperative
    profile = bill.ours or CooperativeProfile(cooperative.name, _NOWHERE)
    return Seller(
        cooperative_id=cooperative.id,
        slug=cooperative.slug,
        currency=cooperative.currency,
        time_zone=cooperative.time_zone.key,
        party=_party(
            profile.legal_name, profile.address, vat_id=profile.vat_id, email=profile.email,
            tax_number=profile.tax_number, register_number=profile.register_number,
            phone=profile.phone,
        ),
        iban=profile.iban,
        bic=profile.bic,
        exemption=profile.exemption,
        note=profile.note,
    )  # fmt: skip


def _buyer(bill: _Bill) -> Buyer:
    member = bill.member
    profile = bill.theirs or MemberProfile(member.name, _NOWHERE)
    email = profile.email or member.email
    party = _party(profile.legal_name, profile.address, vat_id=profile.vat_id, email=email)
    return Buyer(member.number, party, profile.buyer_reference)


def _party(name: str, address: Address, **numbers: str | None) -> Party:
    return Party(name, address.lines, address.postal_code, address.city, address.country, **numbers)


# Lines and sessions


async def _parts(connection: AsyncConnection, invoice_id: UUID) -> _Parts:
    lines = (await invoices.lines_of(connection, [invoice_id])).get(invoice_id, [])
    charges = await invoice_queries.charges_on(connection, invoice_id)
    items = await invoice_queries.items_on(connection, invoice_id)
    places = {line.hub_id for line in lines if line.hub_id} | {row.hub_id for row in charges}
    versions = {line.tariff_version_id for line in lines if line.tariff_version_id}
    return _Parts(
        lines,
        charges,
        items,
        await charging.hubs_by_ids(connection, places),
        await charging.tariff_versions_by_ids(connection, versions),
    )


def _lines(parts: _Parts) -> Iterable[InvoiceLine]:
    for line in parts.lines:
        item = parts.items.get(line.number)
        yield InvoiceLine(
            number=line.number,
            kind=line.kind,
            description=line.description,
            quantity=line.quantity,
            unit=line.unit,
            unit_price=line.unit_price,
            net_minor=line.net_minor,
            taxes=line.taxes,
            tax=line.tax,
            sessions=line.sessions,
            hub=parts.hubs[line.hub_id].name if line.hub_id else None,
            rule=_rule(parts, line),
            resolution=item.resolution if item else None,
            effective_on=item.effective_on if item else None,
            entry_id=item.entry_id if item else None,
            refers_to_line=line.refers_to_line,
        )


def _rule(parts: _Parts, line: Line) -> Rule | None:
    if line.tariff_version_id is None:
        return None
    version = parts.versions[line.tariff_version_id]
    return Rule(
        version.id, version.name, version.version, version.from_at, line.element, version.resolution
    )


def _sessions(parts: _Parts) -> Iterable[InvoicedSession]:
    """The sessions by when they began; one that was taken back gives its energy back."""
    grouped: dict[UUID, list[Row[Any]]] = {}
    for row in parts.charges:
        grouped.setdefault(row.charge_id, []).append(row)
    for charge_id, rows in grouped.items():
        first = rows[0]
        yield InvoicedSession(
            charge_id=charge_id,
            session_id=first.session_id,
            reference=f"{first.country_code}*{first.party_id}*{first.session_ref}",
            started_at=first.started_at,
            ended_at=first.ended_at,
            hub=parts.hubs[first.hub_id].name,
            energy_wh=-first.delivered_wh if first.back else first.delivered_wh,
            net_minor=first.charge_net_minor,
            entry_id=first.entry_id,
            parts=tuple(
                SessionPart(
                    row.line_number, row.kind, row.element, row.quantity, row.unit,
                    row.unit_price, row.net_minor,
                )
                for row in rows
            ),
        )  # fmt: skip


# What stands behind and beside it


async def _accounts(connection: AsyncConnection, bill: _Bill) -> tuple[InvoiceAccount, ...]:
    member_id = MemberId(bill.member.id)
    rows = (await ledger.accounts_of_members(connection, [member_id])).get(member_id, [])
    return tuple(
        InvoiceAccount(row.id, row.code, row.name)
        for row in rows
        if row.code in {RECEIVABLE, UNBILLED} and row.commodity == bill.cooperative.currency
    )


async def _journal(
    connection: AsyncConnection, bill: _Bill, ids: Sequence[EntryId]
) -> tuple[StoredEntry, ...]:
    """The entries that touch no other member, in full."""
    found = await ledger.entries_by_ids(connection, ids)
    complete = await sealing.stored_entries(connection, [found[id_] for id_ in ids])
    touched = {posting.account_id for entry in complete for posting in entry.postings}
    others = await ledger.accounts_by_ids(connection, touched)
    mine = {None, bill.member.id}
    return tuple(
        entry
        for entry in complete
        if all(others[posting.account_id].member_id in mine for posting in entry.postings)
    )


async def _correction(connection: AsyncConnection, row: InvoiceRow) -> Correction | None:
    if row.refers_to_id is None:
        return None
    earlier = (await invoices.invoices_by_ids(connection, [row.refers_to_id]))[row.refers_to_id]
    number = number_shown(earlier.kind, earlier.number)
    return Correction(number, earlier.issued_on)


async def _collection(connection: AsyncConnection, row: InvoiceRow) -> Collection | None:
    """The mandate in force on the day of issue, where the cooperative collects by mandates."""
    if row.gross_minor <= 0:
        return None
    mandates = (await collecting.mandates_of_members(connection, [row.member_id])).get(
        row.member_id, []
    )
    held = [one for one in mandates if one.in_force(row.issued_on)]
    creditors = [one.creditor_id for one in await bank.bank_accounts(connection) if one.creditor_id]
    if not held or not creditors:
        return None
    return Collection(held[-1].reference, creditors[0], held[-1].iban)
