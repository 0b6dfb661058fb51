"""The e-invoice inside an invoice: EN 16931 in the CII syntax, as Factur-X and ZUGFeRD embed it.

It says what the pages say, for the member's accounting software. Three choices of ours:

- Amounts of a credit note (type 381) are positive, as the norm counts them; the ledger's are not.
- A line is the sum of sessions rounded one by one. Where quantity × price rounds to that sum, price
  and quantity stand as they are. Elsewhere the price is that sum for a base quantity of all of it
  (BT-146 = BT-131, BT-149 = BT-129), so that every recomputation of the line is exact; the price of
  one unit is then an attribute of the item (BT-160, BT-161).
- Prices are never below zero (BR-27): what is taken off has a negative quantity.

There is none where the norm cannot say it: several taxes on a line, a currency with more than two
decimals, a cooperative outside the countries of the norm. `why_none` says which.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final
from xml.etree.ElementTree import Element, indent, tostring

from drafthorse.models.accounting import ApplicableTradeTax
from drafthorse.models.document import Document
from drafthorse.models.note import IncludedNote
from drafthorse.models.party import TaxRegistration
from drafthorse.models.payment import PaymentMeans, PaymentTerms
from drafthorse.models.product import ProductCharacteristic
from drafthorse.models.tradelines import LineItem

from coop.kernel.money import currency_scale
from coop.kernel.rate import from_scale, round_half_up
from coop.reports.invoice import InvoiceDocument, InvoiceLine, Party
from coop.reports.vat import CEN, Category, category_of
from coop.reports.xmp import E_INVOICE, UNWRITABLE

FILE_NAME: Final = E_INVOICE
NORM: Final = "EN 16931, Factur-X"
GUIDELINE: Final = "urn:cen.eu:en16931:2017"
TRANSFER, SEPA_TRANSFER, SEPA_DEBIT = "30", "58", "59"
MOST_DECIMALS: Final = 2
_UNITS: Final = {"kWh": "KWH", "h": "HUR", "month": "MON", "day": "DAY", "kW": "KWT", "%": "P1"}
_ONE: Final = "C62"


def why_none(document: InvoiceDocument) -> str | None:
    """Why this document carries no e-invoice (a phrase's name), or None when it carries one."""
    seller = document.seller
    if seller.party.country not in CEN or currency_scale(document.currency) > MOST_DECIMALS:
        return "no_e_invoice_place"
    if any(category_of(line, seller) is None for line in document.lines):
        return "no_e_invoice_taxes"
    return None


def e_invoice(document: InvoiceDocument) -> bytes | None:
    """The XML of the e-invoice, or None where the norm cannot say what the document does."""
    if why_none(document) is not None:
        return None
    xml: Any = Document()
    xml.context.guideline_parameter.id = GUIDELINE
    xml.header.id = document.number
    xml.header.type_code = "381" if document.is_credit else "380"
    xml.header.issue_date_time = document.issued_on
    for note in _notes(document):
        xml.header.notes.add(IncludedNote(content=note))
    _parties(xml.trade.agreement, document)
    xml.trade.delivery.event.occurrence = document.last_day
    for line in document.lines:
        xml.trade.items.add(_line(line, document))
    _settlement(xml.trade.settlement, document)
    return _written(xml.to_etree())


def _written(tree: Element) -> bytes:
    """The document as text; characters that XML cannot hold become blanks."""
    indent(tree)
    text = tostring(tree, "unicode", xml_declaration=False)
    return f"<?xml version='1.0' encoding='UTF-8'?>\n{UNWRITABLE.sub(' ', text)}\n".encode()


def _notes(document: InvoiceDocument) -> Iterable[str]:
    if document.reason:
        yield document.reason
    if document.entry_id:
        yield f"Journal entry {document.entry_id}"
    if document.seller.note:
        yield document.seller.note


# Who


def _parties(agreement: Any, document: InvoiceDocument) -> None:
    seller, buyer = document.seller, document.buyer
    if buyer.reference:
        agreement.buyer_reference = buyer.reference
    _party(agreement.seller, seller.party)
    _party(agreement.buyer, buyer.party)
    agreement.buyer.id = buyer.number
    if seller.party.register_number:
        agreement.seller.legal_organization.id = seller.party.register_number
    if seller.party.email and seller.party.phone:
        agreement.seller.contact.department_name = seller.party.name
        agreement.seller.contact.telephone.number = seller.party.phone
        agreement.seller.contact.email.address = seller.party.email
    if seller.party.vat_id:
        _register(agreement.seller, "VA", seller.party.vat_id)
    elif seller.party.tax_number:
        _register(agreement.seller, "FC", seller.party.tax_number)
    # Where no tax applies at all, the norm wants no VAT number of the buyer either (BR-O-02).
    outside = any(one.code == "O" for one in _by_category(document))
    if buyer.party.vat_id and not outside:
        _register(agreement.buyer, "VA", buyer.party.vat_id)


def _party(node: Any, party: Party) -> None:
    node.name = party.name
    node.address.postcode = party.postal_code
    lines = [*party.lines[:2], ", ".join(party.lines[2:])]
    for field, line in zip(("line_one", "line_two", "line_three"), lines, strict=False):
        if line:
            setattr(node.address, field, line)
    node.address.city_name = party.city
    node.address.country_id = party.country
    if party.email:
        node.electronic_address.uri_ID = ("EM", party.email)


def _register(node: Any, scheme: str, number: str) -> None:
    node.tax_registrations.add(TaxRegistration(id=(scheme, number)))


# What


def _line(line: InvoiceLine, document: InvoiceDocument) -> LineItem:
    category = _category(line, document)
    net = _amount(document, line.net_minor)
    quantity, price, base = priced(line.quantity * document.sign, line.unit_price, net)
    unit = _UNITS.get(line.unit, _ONE)
    item: Any = LineItem()
    item.document.line_id = str(line.number)
    placed = line.hub and line.hub not in line.description
    item.product.name = f"{line.description}, {line.hub}" if placed else line.description
    if line.rule:
        item.product.description = f"{line.rule.name}, version {line.rule.version}"
    if base is not None:
        said = f"{_plain(line.unit_price)} {document.currency} / {line.unit}"
        item.product.characteristics.add(
            ProductCharacteristic(description="Unit price", value=said)
        )
        item.agreement.net.basis_quantity = (base, unit)
    item.agreement.net.amount = price
    item.delivery.billed_quantity = (quantity, unit)
    item.settlement.trade_tax.type_code = "VAT"
    item.settlement.trade_tax.category_code = category.code
    if category.code != "O":
        item.settlement.trade_tax.rate_applicable_percent = _plain(category.percent)
    item.settlement.monetary_summation.total_amount = net
    return item


def priced(
    quantity: Decimal, unit_price: Decimal, net: Decimal
) -> tuple[Decimal, Decimal, Decimal | None]:
    """Billed quantity, price, and base quantity where the price is not of one unit.

    quantity × price / base rounds to `net` exactly, price and base are above or at zero.
    """
    cents = round_half_up(quantity * unit_price * 100)
    if unit_price >= 0 and quantity and cents == net * 100:
        return _plain(quantity), _plain(unit_price), None
    size = abs(quantity) or Decimal(1)
    return _plain(-size if net < 0 else size), abs(net), _plain(size)


def _category(line: InvoiceLine, document: InvoiceDocument) -> Category:
    category = category_of(line, document.seller)
    if category is None:
        raise LookupError("a line without a category in an e-invoice")
    return category


def _by_category(document: InvoiceDocument) -> dict[Category, int]:
    """Net in minor units by category, in the order of the lines."""
    nets: dict[Category, int] = {}
    for line in document.lines:
        category = _category(line, document)
        nets[category] = nets.get(category, 0) + line.net_minor
    return nets


# How much, and how it is paid


def _settlement(settlement: Any, document: InvoiceDocument) -> None:
    settlement.currency_code = document.currency
    settlement.payment_reference = document.reference
    settlement.period.start = document.from_on
    settlement.period.end = document.last_day
    _means(settlement, document)
    for category, net_minor in _by_category(document).items():
        settlement.trade_tax.add(_tax(category, net_minor, document))
    if document.corrects:
        earlier = settlement.invoice_referenced_document
        earlier.issuer_assigned_id = document.corrects.number
        earlier.issue_date_time = document.corrects.issued_on
    net, tax = _amount(document, document.net_minor), _amount(document, document.tax_minor)
    gross = _amount(document, document.gross_minor)
    sums = settlement.monetary_summation
    sums.line_total = net
    sums.tax_basis_total = net
    sums.tax_total = (tax, document.currency)
    sums.grand_total = gross
    sums.due_amount = gross


def _means(settlement: Any, document: InvoiceDocument) -> None:
    seller, collection = document.seller, document.collection
    terms: Any = PaymentTerms(due=document.due_on)
    if collection and not document.is_credit:
        means: Any = PaymentMeans(type_code=SEPA_DEBIT)
        means.payer_account.iban = collection.iban
        settlement.creditor_reference_id = collection.creditor_id
        terms.debit_mandate_id = collection.mandate
        settlement.payment_means.add(means)
    elif seller.iban:
        euros = document.currency == "EUR"
        means = PaymentMeans(type_code=SEPA_TRANSFER if euros else TRANSFER)
        means.payee_account.iban = seller.iban
        means.payee_account.account_name = seller.party.name
        if seller.bic:
            means.payee_institution.bic = seller.bic
        settlement.payment_means.add(means)
    settlement.terms.add(terms)


def _tax(category: Category, net_minor: int, document: InvoiceDocument) -> Any:
    tax_minor = sum(
        tax.tax_minor
        for tax in document.taxes
        if category.code == "S" and tax.percent == category.percent
    )
    tax: Any = ApplicableTradeTax(type_code="VAT", category_code=category.code)
    tax.calculated_amount = _amount(document, tax_minor)
    tax.basis_amount = _amount(document, net_minor)
    if category.code != "O":
        tax.rate_applicable_percent = _plain(category.percent)
    if category.reason:
        tax.exemption_reason = category.reason
    return tax


def _amount(document: InvoiceDocument, minor: int) -> Decimal:
    return from_scale(document.sign * minor, currency_scale(document.currency))


def _plain(value: Decimal) -> Decimal:
    """The same number without an exponent or trailing zeros."""
    short = value.normalize()
    return Decimal(f"{short:f}")
