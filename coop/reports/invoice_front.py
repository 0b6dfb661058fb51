"""The head of an invoice: who bills whom, what is to be paid by when, and a code for paying it."""

from __future__ import annotations

from typing import Any, Final

from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel

from coop.kernel.money import currency_scale
from coop.kernel.rate import from_scale
from coop.reports import letter, theme
from coop.reports.invoice import InvoiceDocument, Party
from coop.reports.localised import Localised
from coop.reports.tagged import Sheet, pdf_text

CODE_SIZE: Final = 84.0
QUIET: Final = 4  # modules of white around a code
MOST_IN_CODE: Final = 99_999_999_999  # cents that a code for a transfer can name


def front(sheet: Sheet, document: InvoiceDocument, writing: Localised) -> None:
    """Letterhead, address, facts and the amount, on an empty sheet."""
    words, seller = writing.words, document.seller.party
    letter.letterhead(sheet, seller.name, title_of(document, writing), _notes(seller, writing))
    letter.addressee(sheet, address_of(document.buyer.party, seller.country, writing), most=4)
    letter.facts(sheet, _facts(document, writing), indent=78)
    text = transfer_text(document)
    room = CODE_SIZE + 10 if text else 0.0
    if document.is_credit:
        letter.result(
            sheet, words["inv_credited"], _amount(document, writing), words["inv_set_off"]
        )
    elif not document.gross_minor:
        letter.result(sheet, words["inv_nothing"], _amount(document, writing), "")
    else:
        note = words["inv_collected" if document.collection else "pay_by"].format(
            day=writing.long_day(document.due_on)
        )
        letter.result(sheet, words["inv_to_pay"], _amount(document, writing), note, room=room)
    if text:
        _code(sheet, document, writing, text)


def title_of(document: InvoiceDocument, writing: Localised) -> str:
    """Invoice or credit note."""
    return writing.words[f"inv_{document.kind}"]


def period_of(document: InvoiceDocument, writing: Localised) -> str:
    """The days of supply, first and last."""
    return f"{writing.day(document.from_on)} – {writing.day(document.last_day)}"


def address_of(party: Party, home: str, writing: Localised) -> list[str]:
    """A name and address as an envelope shows them; the country where it is another than `home`."""
    country = [] if party.country == home else [writing.country(party.country).upper()]
    return [party.name, *party.lines, f"{party.postal_code} {party.city}", *country]


def _notes(party: Party, writing: Localised) -> list[str]:
    """Where the cooperative is and what it is registered as."""
    words = writing.words
    where = [
        *party.lines,
        f"{party.postal_code} {party.city}",
        writing.country(party.country),
        party.phone,
    ]
    numbers = (
        ("inv_register", party.register_number),
        ("inv_vat", party.vat_id),
        ("inv_tax_number", party.tax_number),
    )
    known = [words[key].format(number=number) for key, number in numbers if number]
    return [" · ".join(part for part in parts if part) for parts in (where, known) if parts]


def _facts(document: InvoiceDocument, writing: Localised) -> list[tuple[str, str]]:
    words, buyer = writing.words, document.buyer
    said = [
        (words["inv_number"], document.number),
        (words["issued"], writing.day(document.issued_on)),
        (words["inv_supply"], period_of(document, writing)),
    ]
    if document.corrects:
        said.append((words["inv_corrects"], document.corrects.number))
    elif document.gross_minor:
        said.append((words["inv_due"], writing.day(document.due_on)))
    said.append((words["member"], buyer.number))
    if buyer.reference:
        said.append((words["inv_your_reference"], buyer.reference))
    if buyer.party.vat_id:
        said.append((words["inv_your_vat"], buyer.party.vat_id))
    return said


def _amount(document: InvoiceDocument, writing: Localised) -> str:
    return writing.money(document.sign * document.gross_minor)


# A code for paying by


def transfer_text(document: InvoiceDocument) -> str:
    """What the code for a SEPA transfer says (EPC069-12, version 002); empty where there is none.

    There is one for euros, to an IBAN, when something is to be paid and nothing collects it.
    """
    seller = document.seller
    payable = 0 < document.gross_minor <= MOST_IN_CODE and not document.is_credit
    if not payable or document.collection or not seller.iban or document.currency != "EUR":
        return ""
    amount = from_scale(document.gross_minor, currency_scale("EUR"))
    name = seller.party.name[:70]
    fields = ("BCD", "002", "1", "SCT", seller.bic or "", name, seller.iban, f"EUR{amount}")
    return "\n".join((*fields, "", document.reference, ""))


def _code(sheet: Sheet, document: InvoiceDocument, writing: Localised, text: str) -> None:
    code: Any = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(text)
    code.make()
    count = code.getModuleCount()
    step = CODE_SIZE / (count + 2 * QUIET)
    left = theme.RIGHT - CODE_SIZE - 10
    top = letter.BOX_TOP - (letter.BOX_HEIGHT - CODE_SIZE) / 2
    with sheet.artifact():
        sheet.fill(left, top - CODE_SIZE, CODE_SIZE, CODE_SIZE, "1 1 1")
    alt = writing.words["inv_qr_alt"].format(
        amount=_amount(document, writing), iban=document.seller.iban, reference=document.reference
    )
    box = f"[{left:.2f} {top - CODE_SIZE:.2f} {left + CODE_SIZE:.2f} {top:.2f}]"
    layout = f"/A<</O/Layout/Placement/Block/BBox{box}>>/Alt{pdf_text(alt)}"
    with sheet.content("Figure", layout):
        for row in range(count):
            y = top - (row + 1 + QUIET) * step
            for first, width in _runs([code.isDark(row, column) for column in range(count)]):
                sheet.fill(left + (first + QUIET) * step, y, width * step, step, theme.INK)


def _runs(dark: list[bool]) -> list[tuple[int, int]]:
    """Where dark modules begin in a row, and how many follow each other."""
    runs: list[tuple[int, int]] = []
    for column, filled in enumerate(dark):
        if filled and runs and sum(runs[-1]) == column:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        elif filled:
            runs.append((column, 1))
    return runs
