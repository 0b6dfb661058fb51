"""Whether an invoice says all it must, and whether all it says adds up."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING
from uuid import UUID

from coop.billing.domain.taxes import TaxedSum, tax_totals
from coop.charging.domain.tariff import Tax
from coop.kernel.money import currency_scale
from coop.reports.errors import InvoiceIncomplete, InvoiceInconsistent
from coop.reports.vat import category_of

if TYPE_CHECKING:
    from coop.ledger.domain.canonical import StoredEntry
    from coop.reports.invoice import InvoiceDocument, Party

RECEIVABLE, UNBILLED = "1200", "1205"


def prove(document: InvoiceDocument) -> None:
    """Refuses INVOICE_INCOMPLETE and INVOICE_INCONSISTENT; answers nothing when all is well."""
    missing = list(_missing(document))
    if missing:
        raise InvoiceIncomplete(
            f"An invoice cannot be written yet; its profiles lack {', '.join(missing)}.",
            tuple(missing),
        )
    _prove_frame(document)
    _prove_sums(document)
    _prove_taxes(document)
    _prove_sessions(document)
    _prove_entries(document)


def _missing(document: InvoiceDocument) -> Iterable[str]:
    """What the law asks for and a profile lacks, as cooperative.vat_id."""
    seller = document.seller
    yield from (f"cooperative.{name}" for name in _unnamed(seller.party))
    yield from (f"member.{name}" for name in _unnamed(document.buyer.party))
    taxed = any(line.tax for line in document.lines)
    registered = seller.party.vat_id or seller.party.tax_number
    if taxed and not registered:
        yield "cooperative.vat_id"
    categories = {one for line in document.lines if (one := category_of(line, seller))}
    codes = {one.code for one in categories}
    if "E" in codes and not seller.exemption:
        yield "cooperative.exemption"
    if "AE" in codes:
        if not seller.party.vat_id:
            yield "cooperative.vat_id"
        if not document.buyer.party.vat_id:
            yield "member.vat_id"


def _unnamed(party: Party) -> list[str]:
    wanted = (
        ("legal_name", party.name), ("address", party.lines), ("postal_code", party.postal_code),
        ("city", party.city), ("country", party.country),
    )  # fmt: skip
    return [name for name, value in wanted if not value]


def _demand(holds: object, complaint: str, where: str, index: int | None = None) -> None:
    if not holds:
        path = (where,) if index is None else (where, str(index))
        raise InvoiceInconsistent(complaint, path)


def _prove_frame(document: InvoiceDocument) -> None:
    _demand(document.kind in {"invoice", "credit_note"}, "There is no such kind.", "kind")
    _demand(document.from_on < document.to_on, "The period is empty.", "period")
    _demand(document.due_on >= document.issued_on, "It is due before it is issued.", "due_on")
    _demand(document.drawn_at.tzinfo, "The time of drawing has no offset.", "drawn_at")
    _demand(document.lines, "There are no lines.", "lines")
    numbers = [line.number for line in document.lines]
    _demand(numbers == sorted(set(numbers)), "The lines are not in order.", "lines")
    corrects = document.corrects is None or document.is_credit
    _demand(corrects, "Only a credit note corrects an invoice.", "corrects")
    side = document.gross_minor < 0 if document.is_credit else document.gross_minor >= 0
    _demand(side, "The total is on the wrong side.", "gross")


def _prove_sums(document: InvoiceDocument) -> None:
    net = sum(line.net_minor for line in document.lines)
    _demand(net == document.net_minor, "The lines do not make the net.", "net")
    tax = sum(tax.tax_minor for tax in document.taxes)
    _demand(tax == document.tax_minor, "The taxes do not make the tax.", "tax")
    gross = document.net_minor + document.tax_minor
    _demand(gross == document.gross_minor, "Net and tax do not make gross.", "gross")


def _prove_taxes(document: InvoiceDocument) -> None:
    sums = [TaxedSum(line.taxes, line.net_minor, Fraction(line.tax)) for line in document.lines]
    meant = {total.key: total for total in tax_totals(sums, currency_scale(document.currency))}
    stated = {Tax(one.name, one.percent): one for one in document.taxes}
    _demand(len(stated) == len(document.taxes), "A tax is listed twice.", "taxes")
    _demand(stated.keys() == meant.keys(), "The taxes are not those of the lines.", "taxes")
    for index, (tax, one) in enumerate(stated.items()):
        same = one.base_minor == meant[tax].base_minor
        _demand(same, "The lines do not make its base.", "taxes", index)
        same = one.tax_minor == meant[tax].tax_minor
        _demand(same, "The lines do not make its amount.", "taxes", index)


def _prove_sessions(document: InvoiceDocument) -> None:
    nets: dict[int, int] = {}
    counts: dict[int, set[UUID]] = {}
    for index, session in enumerate(document.sessions):
        parts = sum(part.net_minor for part in session.parts)
        _demand(parts == session.net_minor, "Its parts do not make it.", "sessions", index)
        for part in session.parts:
            nets[part.line] = nets.get(part.line, 0) + part.net_minor
            counts.setdefault(part.line, set()).add(session.charge_id)
    for index, line in enumerate(document.lines):
        _demand(
            line.sessions == len(counts.get(line.number, ())),
            "Its sessions are not those listed.", "lines", index,
        )  # fmt: skip
        if line.sessions:
            same = nets.pop(line.number) == line.net_minor
            _demand(same, "Its sessions do not make it.", "lines", index)
    _demand(not nets, "A session is on no line.", "sessions")


def _prove_entries(document: InvoiceDocument) -> None:
    sizes = {seal.number: seal.entry_count for seal in document.seals}
    _demand(list(sizes) == sorted(sizes), "The seals are not in order.", "seals")
    proofs = {proof.entry_id: proof for proof in document.proofs}
    _demand(len(proofs) == len(document.proofs), "An entry is listed twice.", "proofs")
    _demand(set(_entry_ids(document)) == proofs.keys(), "The entries are not those.", "proofs")
    for index, proof in enumerate(document.proofs):
        if proof.inclusion is not None:
            size = sizes.get(proof.inclusion.seal, 0)
            _demand(0 <= proof.inclusion.position < size, "No such place.", "proofs", index)
            _demand(proof.content_hash, "A sealed entry has its hash.", "proofs", index)
    journal: dict[UUID, StoredEntry] = {entry.id: entry for entry in document.journal}
    _demand(journal.keys() <= proofs.keys(), "The journal is of something else.", "journal")
    codes: dict[UUID, str] = {account.account_id: account.code for account in document.accounts}
    for entry, said in _movements(document):
        if entry in journal:
            moved = _moved(journal[entry], codes, document.currency)
            _demand(moved == said, f"Entry {entry} moves something else.", "journal")


def _entry_ids(document: InvoiceDocument) -> Iterable[UUID]:
    if document.entry_id is not None:
        yield document.entry_id
    for session in document.sessions:
        if session.entry_id is not None:
            yield session.entry_id
    for line in document.lines:
        if line.entry_id is not None:
            yield line.entry_id


def _movements(document: InvoiceDocument) -> Iterable[tuple[UUID, dict[str, int]]]:
    """What each entry does to the member's receivable and unbilled accounts, as it is said here."""
    sums: dict[UUID, int] = {}
    for session in document.sessions:
        if session.entry_id is not None:
            sums[session.entry_id] = sums.get(session.entry_id, 0) + session.net_minor
    for line in document.lines:
        if line.entry_id is not None:
            sums[line.entry_id] = sums.get(line.entry_id, 0) + line.net_minor
    for entry_id, minor in sums.items():
        yield entry_id, {UNBILLED: minor} if minor else {}
    if document.entry_id is not None:
        # A credit note that somebody wrote by hand takes nothing from what was unbilled.
        said = {RECEIVABLE: document.gross_minor, UNBILLED: -sum(sums.values())}
        yield document.entry_id, {code: minor for code, minor in said.items() if minor}


def _moved(entry: StoredEntry, codes: dict[UUID, str], currency: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for posting in entry.postings:
        code = codes.get(posting.account_id)
        if code is not None and posting.commodity == currency:
            sums[code] = sums.get(code, 0) + posting.amount_minor
    return {code: minor for code, minor in sums.items() if minor}
