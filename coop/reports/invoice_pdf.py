"""How an invoice or credit note is drawn.

Page 1 says what is to be paid, by when and how, and the lines with their taxes; what stands behind
them follows: the sessions, the rules that priced them, the proof, and how to dispute. The file
carries the same figures twice more: our own twin, and the e-invoice that accounting software reads
(coop/reports/einvoice.py), where the norm can say them.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from coop.reports import letter, theme
from coop.reports.archive import Attached, Imprint, archived, imprint_of
from coop.reports.blocks import Column, Row, heading, linked, paragraph, table
from coop.reports.einvoice import FILE_NAME, NORM, e_invoice, why_none
from coop.reports.invoice import InvoiceDocument, InvoicedSession, InvoiceLine, Rule
from coop.reports.invoice_front import front, period_of, title_of
from coop.reports.invoice_twin import TWIN_NAME, to_json_twin
from coop.reports.localised import Localised, localised
from coop.reports.tagged import Sheet
from coop.reports.twin import twin_bytes
from coop.reports.vat import mentions

# Counted up whenever the same figures are drawn otherwise; a test keeps the two together.
LAYOUT: Final = "coop invoice layout 1"
VERIFY_COMMAND: Final = "coop verify --document FILE.pdf"
TOTALS_WIDTH: Final = 250.0
_CODED: Final = {
    "ENERGY", "FLAT", "TIME", "PARKING_TIME", "RESERVATION_TIME", "RESERVATION_FLAT", "MIN_PRICE",
    "MAX_PRICE",
}  # fmt: skip


def draw_invoice(document: InvoiceDocument, locale: str = "en") -> bytes:
    """The document as tagged PDF/A-3a, its twin and e-invoice inside: same input, same bytes.

    Refuses LANGUAGE_UNAVAILABLE for a locale whose language documents are not written in.
    """
    writing = localised(locale, document.currency)
    sheet = Sheet()
    front(sheet, document, writing)
    _reason(sheet, document, writing)
    _lines(sheet, document, writing)
    _totals(sheet, document, writing)
    _payment(sheet, document, writing)
    _sessions(sheet, document, writing)
    _rules(sheet, document, writing)
    _proof(sheet, document, writing)
    _dispute(sheet, document, writing)
    drawn = sheet.finished(partial(_furniture, document, writing))
    twin = Attached(TWIN_NAME, twin_bytes(to_json_twin(document)))
    xml = e_invoice(document)
    invoice = [] if xml is None else [Attached(FILE_NAME, xml, "/text/xml", "Alternative")]
    return archived(drawn, _imprint(document, writing), *invoice, twin)


def _imprint(document: InvoiceDocument, writing: Localised) -> Imprint:
    seller = document.seller.party.name
    return imprint_of(
        title=f"{title_of(document, writing)} {document.number}, {seller}",
        author=seller,
        subject=period_of(document, writing),
        language=writing.language_tag,
        issued_at=document.drawn_at,
        layout=LAYOUT,
    )


# What is charged


def _reason(sheet: Sheet, document: InvoiceDocument, writing: Localised) -> None:
    words, sentences = writing.words, []
    if document.corrects:
        day = writing.long_day(document.corrects.issued_on)
        number = document.corrects.number
        sentences.append(words["inv_corrects_of"].format(number=number, day=day))
    if document.reason:
        sentences.append(words["inv_reason"].format(reason=document.reason))
    if document.resolution:
        decided = words["inv_resolution"].format(resolution=document.resolution)
        sentences.append(f"({decided})")
    if sentences:
        sheet.y -= 16
        paragraph(sheet, " ".join(sentences), theme.BODY)


def _lines(sheet: Sheet, document: InvoiceDocument, writing: Localised) -> None:
    words = writing.words
    heading(sheet, words["inv_lines_credited" if document.is_credit else "inv_lines"])
    columns = (
        Column(words["inv_line"], "right"),
        Column(words["what"], share=1.0),
        Column(words["inv_quantity"], "right"),
        Column(words["inv_unit_price"], "right"),
        Column(words["inv_tax"], "right"),
        Column(words["inv_net"], "right"),
    )
    rows = [
        Row(line_cells(line, document, writing), note=_note(line, document, writing))
        for line in document.lines
    ]
    table(sheet, columns, rows)


def line_cells(line: InvoiceLine, document: InvoiceDocument, writing: Localised) -> tuple[str, ...]:
    """What the table of lines shows of one line."""
    words, sign = writing.words, document.sign
    named = words[f"kind_{line.kind}"] if line.kind in _CODED else line.description
    unit = words.get(f"unit_{line.unit}", line.unit)
    if abs(line.quantity) == 1:
        unit = words.get(f"unit_{line.unit}_one", unit)
    taxes = ", ".join(writing.percent(tax.percent) for tax in line.taxes)
    return (
        str(line.number),
        f"{named}, {line.hub}" if line.hub and line.hub not in named else named,
        f"{writing.exact(sign * line.quantity, 3 if line.unit == 'kWh' else 0, 3)} {unit}",
        writing.exact(line.unit_price, 2),
        taxes or "–",
        writing.amount(sign * line.net_minor),
    )


def _note(line: InvoiceLine, document: InvoiceDocument, writing: Localised) -> str:
    """The rule behind a line's price, and how many sessions it gathers."""
    words, parts = writing.words, []
    if line.refers_to_line is not None and document.corrects:
        parts.append(words["inv_of_line"].format(line=line.refers_to_line))
    if line.rule:
        parts.append(words["inv_tariff"].format(name=line.rule.name, version=line.rule.version))
        if line.rule.element is not None:
            parts.append(words["inv_element"].format(element=line.rule.element + 1))
    if line.effective_on:
        parts.append(writing.day(line.effective_on))
    if line.resolution:
        parts.append(words["inv_resolution"].format(resolution=line.resolution))
    if line.sessions:
        key = "inv_session_one" if line.sessions == 1 else "inv_session_many"
        parts.append(words[key].format(count=writing.count(line.sessions)))
    return " · ".join(parts)


def _totals(sheet: Sheet, document: InvoiceDocument, writing: Localised) -> None:
    words, sign = writing.words, document.sign
    rows = [Row((words["inv_sum_net"], writing.amount(sign * document.net_minor)))]
    for tax in document.taxes:
        base = writing.amount(sign * tax.base_minor)
        percent = writing.percent(tax.percent)
        label = words["inv_tax_on"].format(name=tax.name, percent=percent, base=base)
        rows.append(Row((label, writing.amount(sign * tax.tax_minor))))
    free = [line for line in document.lines if not line.taxes and not line.tax]
    if free:
        base = writing.amount(sign * sum(line.net_minor for line in free))
        rows.append(Row((words["inv_no_tax"].format(base=base), writing.amount(0))))
    if len(document.taxes) > 1:
        rows.append(Row((words["inv_sum_tax"], writing.amount(sign * document.tax_minor))))
    total = (words["inv_total"], writing.money(sign * document.gross_minor))
    rows.append(Row(total, strong=True))
    columns = (Column("", share=1.0, heads=True), Column("", "right"))
    sheet.y -= 8
    sheet.need(len(rows) * 17 + 8)
    left = theme.RIGHT - TOTALS_WIDTH
    table(sheet, columns, rows, width=TOTALS_WIDTH, together=len(rows), left=left)
    sheet.y -= 6
    for sentence in mentions(document.lines, document.seller):
        paragraph(sheet, sentence, theme.STRONG)
    if document.sessions:
        note = words["inv_rounding"].format(currency=writing.currency_name())
        paragraph(sheet, note, theme.NOTE)


# How it is paid


def _payment(sheet: Sheet, document: InvoiceDocument, writing: Localised) -> None:
    words, seller = writing.words, document.seller
    if not document.is_credit and document.gross_minor:
        heading(sheet, words["inv_payment"], room=90)
        columns = (Column("", share=1.0, heads=True), Column("", share=2.7))
        table(sheet, columns, [Row(pair) for pair in _payment_facts(document, writing)])
        if not document.collection and not seller.iban:
            sheet.y -= 4
            paragraph(sheet, words["inv_no_account"], theme.BODY)


def _payment_facts(document: InvoiceDocument, writing: Localised) -> list[tuple[str, str]]:
    words, seller, collection = writing.words, document.seller, document.collection
    amount = (words["amount"], writing.money(document.gross_minor))
    due = (words["inv_due"], writing.long_day(document.due_on))
    reference = (words["inv_reference"], _grouped(document.reference))
    if collection:
        hidden = f"{collection.iban[:4]} … {collection.iban[-4:]}"
        return [
            amount, due, (words["inv_from_account"], hidden),
            (words["inv_mandate"], collection.mandate),
            (words["inv_creditor"], collection.creditor_id), reference,
        ]  # fmt: skip
    account = [("IBAN", _grouped(seller.iban))] if seller.iban else []
    bank = [("BIC", seller.bic)] if seller.iban and seller.bic else []
    return [(words["inv_payee"], seller.party.name), *account, *bank, amount, reference, due]


def _grouped(code: str) -> str:
    """Four characters at a time, as people copy an IBAN or a reference."""
    return " ".join(code[at : at + 4] for at in range(0, len(code), 4))


# What stands behind it


def _sessions(sheet: Sheet, document: InvoiceDocument, writing: Localised) -> None:
    if not document.sessions:
        return
    words, sign = writing.words, document.sign
    heading(sheet, words["inv_sessions"], room=110)
    columns = (
        Column(words["inv_started"]),
        Column(words["hub"], share=1.0),
        Column(words["inv_session"], share=1.2, heads=True),
        Column("kWh", "right"),
        Column(words["inv_on_line"], "right", most=50.0),
        Column(words["inv_net"], "right"),
    )
    rows = [Row(session_cells(one, document, writing)) for one in document.sessions]
    count = writing.count(len(document.sessions))
    net = sum(session.net_minor for session in document.sessions)
    energy = writing.kwh(sign * document.energy_wh if net * sign < 0 else document.energy_wh)
    total = (words["total"], "", count, energy, "", writing.amount(sign * net))
    table(sheet, columns, [*rows, Row(total, strong=True)])
    sheet.y -= 4
    paragraph(sheet, words["inv_sessions_note"], theme.NOTE)


def session_cells(
    session: InvoicedSession, document: InvoiceDocument, writing: Localised
) -> tuple[str, ...]:
    """What the table of sessions shows of one session."""
    lines = sorted({part.line for part in session.parts})
    return (
        writing.time(document.local(session.started_at)),
        session.hub,
        session.reference,
        writing.kwh(session.energy_wh),
        ", ".join(map(str, lines)),
        writing.amount(document.sign * session.net_minor),
    )


def _rules(sheet: Sheet, document: InvoiceDocument, writing: Localised) -> None:
    words = writing.words
    lines: dict[Rule, list[int]] = {}
    for line in document.lines:
        if line.rule:
            lines.setdefault(_whole(line.rule), []).append(line.number)
    if not lines:
        return
    heading(sheet, words["inv_rules"], room=30 + 18 * min(6, len(lines)))
    columns = (
        Column(words["inv_rule"], share=1.0),
        Column(words["inv_version"], "right"),
        Column(words["inv_since"]),
        Column(words["inv_resolution_head"], most=150.0),
        Column(words["inv_lines_head"], "right", most=70.0),
    )
    rows = [
        Row((
            rule.name, str(rule.version), writing.time(document.local(rule.from_at)),
            rule.resolution or "–", ", ".join(map(str, numbers)),
        ))
        for rule, numbers in lines.items()
    ]  # fmt: skip
    table(sheet, columns, rows)


def _whole(rule: Rule) -> Rule:
    """The rule without which of its elements priced."""
    return Rule(rule.version_id, rule.name, rule.version, rule.from_at, None, rule.resolution)


def _proof(sheet: Sheet, document: InvoiceDocument, writing: Localised) -> None:
    words = writing.words
    heading(sheet, words["proof"], room=210)
    text = words["inv_proof_text"].format(
        entry=document.entry_id or "–",
        sealed=writing.count(document.sealed_entries),
        count=writing.count(len(document.proofs)),
    )
    paragraph(sheet, text, theme.BODY)
    sheet.y -= 4
    paragraph(sheet, VERIFY_COMMAND, theme.STRONG)
    sheet.y -= 8
    columns = (Column("", share=1.0, heads=True), Column("", share=2.7))
    rows = [Row(pair) for pair in _proof_facts(document, writing)]
    if rows:
        table(sheet, columns, rows)
    else:
        paragraph(sheet, words["no_seal"], theme.BODY)
    sheet.y -= 4
    carried = f"inv_{why_none(document) or 'e_invoice'}"
    paragraph(sheet, words[carried].format(name=FILE_NAME, norm=NORM), theme.NOTE)
    if document.withheld_entries:
        count = writing.count(document.withheld_entries)
        paragraph(sheet, words["inv_withheld"].format(count=count), theme.NOTE)


def _proof_facts(document: InvoiceDocument, writing: Localised) -> list[tuple[str, str]]:
    words = writing.words
    own = next((one for one in document.proofs if one.entry_id == document.entry_id), None)
    said = []
    if own and own.content_hash:
        said.append((words["inv_own_hash"], own.content_hash))
    if own and own.inclusion:
        place = f"{own.inclusion.seal}·{own.inclusion.position}"
        said.append((words["inv_own_place"], place))
    if document.seals:
        newest = document.seals[-1]
        said += [
            (words["seal"], str(newest.number)),
            (words["seal_size"], writing.count(newest.entry_count)),
            (words["seal_root"], newest.root),
            (words["seal_head"], newest.head_hash),
        ]
    return said


def _dispute(sheet: Sheet, document: InvoiceDocument, writing: Localised) -> None:
    words = writing.words
    heading(sheet, words["dispute"], room=60)
    day = writing.long_day(document.dispute_by)
    sentences = (
        words["inv_dispute_credit" if document.is_credit else "inv_dispute_text"].format(
            number=document.number
        ),
        words["dispute_by"].format(day=day),
    )
    paragraph(sheet, " ".join(sentences), theme.BODY)
    sheet.y -= 4
    contact = document.seller.party.email
    if contact and contact.isascii():
        linked(sheet, contact, theme.Style(theme.SEMIBOLD, 9.2, 13.2, theme.ACCENT))
    elif contact:
        paragraph(sheet, contact, theme.STRONG)
    if document.seller.note:
        sheet.y -= 10
        paragraph(sheet, document.seller.note, theme.BODY)


def _furniture(
    document: InvoiceDocument, writing: Localised, sheet: Sheet, page: int, pages: int
) -> None:
    """Header and footer of each page."""
    words, title = writing.words, title_of(document, writing)
    letter.furniture(
        sheet,
        page,
        head=(document.seller.party.name, f"{title} {document.number}"),
        foot=f"{title} {document.number} · {words['member']} {document.buyer.number}",
        numbered=words["page"].format(page=page, pages=pages),
    )
