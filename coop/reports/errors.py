"""What a document refuses.

Refusal
└── DocumentRefused             (never raised itself)
    ├── StatementInconsistent   STATEMENT_INCONSISTENT: the figures of a statement do not add up
    ├── TwinMissing             TWIN_MISSING: the file carries no figures of its own to check
    ├── TwinMalformed           TWIN_MALFORMED: the embedded figures are not as we write them
    ├── LanguageUnavailable     LANGUAGE_UNAVAILABLE: we have no words in that language
    ├── StatementPeriodInvalid  STATEMENT_PERIOD_INVALID: an empty period, or one too long
    ├── StatementBusy           STATEMENT_BUSY: the books kept moving while it was being made
    ├── DocumentMissing         DOCUMENT_MISSING: the store has lost the file of a document
    ├── InvoiceIncomplete       INVOICE_INCOMPLETE: a profile lacks what an invoice must say
    └── InvoiceInconsistent     INVOICE_INCONSISTENT: the figures of an invoice do not add up
"""

from __future__ import annotations

from coop.kernel.errors import Refusal


class DocumentRefused(Refusal):
    """A document that cannot be made or cannot be read."""

    code = "DOCUMENT_REFUSED"


class StatementInconsistent(DocumentRefused):
    """Opening plus entries is not closing, or a total is not the sum of its parts."""

    code = "STATEMENT_INCONSISTENT"


class TwinMissing(DocumentRefused):
    """The file is not a document of ours: it has no embedded figures."""

    code = "TWIN_MISSING"


class TwinMalformed(DocumentRefused):
    """The embedded figures are not in the form we write, or contradict each other."""

    code = "TWIN_MALFORMED"


class LanguageUnavailable(DocumentRefused):
    """Documents are written in a few languages; half-translated ones are not made."""

    code = "LANGUAGE_UNAVAILABLE"


class StatementPeriodInvalid(DocumentRefused):
    """A statement covers at least a day and at most three years."""

    code = "STATEMENT_PERIOD_INVALID"


class StatementBusy(DocumentRefused):
    """Each attempt met another statement of the same member; nothing was issued."""

    code = "STATEMENT_BUSY"


class DocumentMissing(DocumentRefused):
    """The database knows the document, the store does not have it."""

    code = "DOCUMENT_MISSING"


class InvoiceIncomplete(DocumentRefused):
    """A profile lacks what the law asks of an invoice; the path names every missing field."""

    code = "INVOICE_INCOMPLETE"


class InvoiceInconsistent(DocumentRefused):
    """Lines, taxes, sessions or entries of an invoice do not make its totals."""

    code = "INVOICE_INCONSISTENT"
