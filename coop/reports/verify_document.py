"""Does a document say what its own figures say? Asked of the file alone, by anyone, offline.

The embedded twin is proved (every sum in it), drawn again, and compared with what the file shows:
every number, every word, and then the drawing itself with its fonts, so that nothing can be painted
over or redefined. Of an invoice the e-invoice inside is written again and compared, too.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from threading import Lock
from typing import Any

import pikepdf
import pypdfium2

from coop.kernel.errors import Refusal
from coop.kernel.ids import CooperativeId
from coop.ledger.domain.canonical import StoredEntry, content_hash
from coop.ledger.domain.merkle import verify_inclusion
from coop.ledger.domain.seal import head_hash
from coop.reports.archive import attachment, language_of, layout_of
from coop.reports.einvoice import FILE_NAME, e_invoice
from coop.reports.errors import TwinMissing
from coop.reports.invoice import EntryProof, InvoiceDocument
from coop.reports.invoice_pdf import LAYOUT as INVOICE_LAYOUT
from coop.reports.invoice_pdf import draw_invoice
from coop.reports.invoice_twin import from_json_twin as from_invoice_twin
from coop.reports.invoice_twin import read_twin as read_invoice_twin
from coop.reports.statement import Inclusion, MemberStatement, SealHead, StatementEntry
from coop.reports.statement_pdf import LAYOUT, draw_statement, read_twin
from coop.reports.twin import from_json_twin

_NUMBER = re.compile(r"[0-9]")
_SHOWN = 5
_PDFIUM = Lock()  # the library behind pypdfium2 serves one thread at a time


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a document says that its figures do not: a stable code, a message for a person.

    TWIN_MISSING, TWIN_MALFORMED, LANGUAGE_UNAVAILABLE: it cannot be compared. LAYOUT_OTHER: it says
    that another version drew it, so its pages cannot be compared here. NUMBERS_DIFFER,
    WORDS_DIFFER: it shows something else. DRAWING_DIFFERS: the same text is drawn otherwise, by
    another version of this program or because something was painted over it. E_INVOICE_DIFFERS: the
    e-invoice inside says something else than the pages. FACTS_ALTERED: a journal entry does not
    hash to what was sealed. PROOF_BROKEN, SEAL_BROKEN: an entry is not in the seal it names, or a
    seal is not what its head hashes or does not follow the one before.
    """

    code: str
    message: str


Said = MemberStatement | InvoiceDocument


def document_twin_findings(pdf: bytes) -> list[Finding]:
    """Whatever in a document contradicts the figures inside it; empty when nothing does."""
    try:
        said = said_in(pdf)
        language = language_of(pdf)
        if isinstance(said, InvoiceDocument):
            ours, drawn = INVOICE_LAYOUT, draw_invoice(said, language)
        else:
            ours, drawn = LAYOUT, draw_statement(said, language)
    except Refusal as refusal:
        return [Finding(refusal.code, refusal.message)]
    if drawn == pdf:
        return []
    findings = _e_invoice_findings(pdf, said)
    if (layout := layout_of(pdf)) != ours:
        message = f'Its pages were not compared: they are "{layout}", this program draws "{ours}".'
        return [*findings, Finding("LAYOUT_OTHER", message)]
    return [*findings, *_differences(pdf, drawn)]


def _e_invoice_findings(pdf: bytes, said: Said) -> list[Finding]:
    """Whether the e-invoice inside is the one of these figures, in any layout of the pages."""
    if not isinstance(said, InvoiceDocument):
        return []
    meant = e_invoice(said)
    try:
        found = attachment(pdf, FILE_NAME)
    except TwinMissing:
        found = None
    if found == meant:
        return []
    return [Finding("E_INVOICE_DIFFERS", f"{FILE_NAME} inside is not the e-invoice of this bill.")]


def document_proof_findings(pdf: bytes) -> list[Finding]:
    """Whichever fact, inclusion proof or seal inside a document does not hold, recomputed offline.

    Lines are postings of the entries shown (a document that is not so cannot even be read), the
    entries hash to what is proved to lie under the seals, and the seals to their heads. That the
    heads are the cooperative's, and the accounts the member's, is for the reader to compare with
    minutes or with another document. `withheld_entries` of a document are bound by hash only.
    """
    try:
        said = said_in(pdf)
    except Refusal as refusal:
        return [Finding(refusal.code, refusal.message)]
    sealed: Sequence[StatementEntry | EntryProof]
    if isinstance(said, InvoiceDocument):
        cooperative, sealed = said.seller.cooperative_id, said.proofs
    else:
        cooperative, sealed = said.cooperative.cooperative_id, said.entries
    seals = {seal.number: seal for seal in said.seals}
    return [
        *_seal_findings(said.seals, CooperativeId(cooperative)),
        *_fact_findings(said.journal, sealed),
        *(
            Finding("PROOF_BROKEN", f"Entry {one.entry_id} is not proved to be in seal {at.seal}.")
            for one in sealed
            if (at := one.inclusion) and not _inclusion_holds(one.content_hash, at, seals[at.seal])
        ),
    ]


def _seal_findings(seals: Sequence[SealHead], cooperative: CooperativeId) -> list[Finding]:
    findings = [
        Finding("SEAL_BROKEN", f"The head of seal {seal.number} is not that of its facts.")
        for seal in seals
        if not _seal_holds(seal, cooperative)
    ]
    findings += [
        Finding("SEAL_BROKEN", f"Seal {after.number} does not follow seal {before.number}.")
        for before, after in pairwise(seals)
        if after.number == before.number + 1 and after.previous_hash != before.head_hash
    ]
    return findings


def _fact_findings(
    journal: Sequence[StoredEntry], sealed: Sequence[StatementEntry | EntryProof]
) -> list[Finding]:
    claimed = {entry.entry_id: entry.content_hash for entry in sealed if entry.inclusion}
    return [
        Finding("FACTS_ALTERED", f"Entry {stored.id} is not as it was sealed.")
        for stored in journal
        if stored.id in claimed and content_hash(stored).hex() != claimed[stored.id]
    ]


def _seal_holds(seal: SealHead, cooperative: CooperativeId) -> bool:
    try:
        previous, root = bytes.fromhex(seal.previous_hash), bytes.fromhex(seal.root)
    except ValueError:
        return False
    facts = (seal.number, previous, root, seal.entry_count, seal.watermark)
    return head_hash(cooperative, *facts).hex() == seal.head_hash


def _inclusion_holds(leaf_hash: str | None, place: Inclusion, seal: SealHead) -> bool:
    try:
        path = [bytes.fromhex(step) for step in place.path]
        leaf, root = bytes.fromhex(leaf_hash or ""), bytes.fromhex(seal.root)
    except ValueError:
        return False
    return verify_inclusion(leaf, place.position, seal.entry_count, path, root)


def said_in(pdf: bytes) -> Said:
    """The proved statement or invoice inside a file. Refuses TWIN_MISSING and TWIN_MALFORMED."""
    try:
        twin = read_invoice_twin(pdf)
    except TwinMissing:
        return statement_in(pdf)
    return from_invoice_twin(twin)


def statement_in(pdf: bytes) -> MemberStatement:
    """The proved statement inside a document. Refuses TWIN_MISSING and TWIN_MALFORMED."""
    return from_json_twin(read_twin(pdf))


def page_texts(pdf: bytes) -> list[str]:
    """The text of each page as a reader's program finds it. Refuses TWIN_MISSING if unreadable."""
    with _PDFIUM:
        try:
            document = pypdfium2.PdfDocument(pdf)
        except pypdfium2.PdfiumError:
            raise TwinMissing("This file cannot be read as a PDF.") from None
        try:
            return [page.get_textpage().get_text_range() for page in document]
        finally:
            document.close()


def _differences(pdf: bytes, drawn: bytes) -> list[Finding]:
    shown, meant = _words(pdf), _words(drawn)
    surplus, absent = _listed(shown - meant), _listed(meant - shown)
    if surplus or absent:
        numbers = any(_NUMBER.search(word) for word in (shown - meant) + (meant - shown))
        code = "NUMBERS_DIFFER" if numbers else "WORDS_DIFFER"
        return [Finding(code, f"Shown but not meant: {surplus}. Meant but not shown: {absent}.")]
    if _appearance(pdf) != _appearance(drawn):
        return [Finding("DRAWING_DIFFERS", "The same text is drawn in another way.")]
    return []


def _words(pdf: bytes) -> Counter[str]:
    return Counter(word for text in page_texts(pdf) for word in text.split())


def _listed(words: Counter[str]) -> str:
    some = [*words][:_SHOWN]
    more = f" and {len(words) - len(some)} more" if len(words) > len(some) else ""
    return ", ".join(f'"{word}"' for word in some) + more


def _appearance(pdf: bytes) -> list[str]:
    """A hash of everything that decides what pages look like: operators, fonts, images, notes."""
    with pikepdf.open(BytesIO(pdf)) as opened:
        return [hashlib.sha256(_visible(page)).hexdigest() for page in opened.pages]


def _visible(page: pikepdf.Page) -> bytes:
    resources: Any = page.obj.get("/Resources", {})
    parts = [b"".join(stream.read_bytes() for stream in _streams(page.obj.Contents))]
    for name, font in sorted(resources.get("/Font", {}).items()):
        descriptor: Any = font.get("/FontDescriptor", {})
        program = descriptor.get("/FontFile2")
        parts += [str(name).encode(), program.read_bytes() if program is not None else b"none"]
    parts += [str(name).encode() for name in sorted(resources.get("/XObject", {}).keys())]
    for note in page.obj.get("/Annots", []):
        parts += [str(note.get("/Subtype")).encode(), str(list(note.get("/Rect", []))).encode()]
    parts.append(str(list(page.mediabox)).encode())
    return b"\n".join(parts)


def _streams(contents: Any) -> list[Any]:
    return list(contents) if isinstance(contents, pikepdf.Array) else [contents]
