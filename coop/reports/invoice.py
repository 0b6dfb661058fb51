"""What an invoice or credit note says: the figures of one member and one bill, proved together.

Pure data. Amounts are minor units of the cooperative's currency with the ledger's signs: a credit
note's are negative (its drawing and its e-invoice show them positive, as credited). Everything that
EU VAT law asks of an invoice (Directive 2006/112, articles 219 and 226) has a field, and so has
what a member needs to check it: the rule behind each price, the sessions behind each line, the
journal entries behind the sessions. One that lacks what it must say cannot be constructed
(INVOICE_INCOMPLETE names what is missing in which profile), nor can one that does not add up
(INVOICE_INCONSISTENT):

    net = Σ lines           tax = Σ taxes           gross = net + tax
    base of a tax           = Σ net of the lines it is on
    a tax                   = Σ exact tax of those lines, rounded once
    net of a line           = Σ parts of the sessions it gathers
    net of a session        = Σ of its parts here, and what its entry moves on account 1205
    the invoice's own entry = 1200 gross, and 1205 what the entries behind it put there
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from coop.charging.domain.tariff import Tax
from coop.kernel.clock import zone_named
from coop.ledger.domain.canonical import StoredEntry
from coop.reports.invoice_proof import prove
from coop.reports.statement import Inclusion, SealHead

INVOICE, CREDIT_NOTE = "invoice", "credit_note"
_PREFIX = {INVOICE: "INV", CREDIT_NOTE: "CN"}


def number_shown(kind: str, number: int) -> str:
    """A number as people write it, the same in no other series: INV-000042, CN-000007."""
    return f"{_PREFIX[kind]}-{number:06d}"


@dataclass(frozen=True, slots=True)
class Party:
    """A name and address as it is registered, with the numbers that go with it."""

    name: str
    lines: tuple[str, ...]
    postal_code: str
    city: str
    country: str
    vat_id: str | None = None
    tax_number: str | None = None
    register_number: str | None = None
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Seller:
    """The cooperative: whose invoice, currency and days these are, and where to pay.

    `exemption` says why no tax is charged where none is; `note` closes the document.
    """

    cooperative_id: UUID
    slug: str
    currency: str
    time_zone: str
    party: Party
    iban: str | None = None
    bic: str | None = None
    exemption: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Buyer:
    """The member; `reference` is what its own books want to be quoted."""

    number: str
    party: Party
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """The tariff version that priced a line, and the resolution that adopted it, if one is named.

    `element` counts the elements of the tariff from 0; None where the tariff as a whole priced.
    """

    version_id: UUID
    name: str
    version: int
    from_at: datetime
    element: int | None = None
    resolution: str | None = None


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line: `quantity` of `unit` at `unit_price` (whole currency, before tax).

    `net_minor` is the sum of amounts rounded session by session, so it may differ from quantity
    times price by some minor units. `tax` is exact, in whole currency. A line that gathers no
    sessions is a bill item, with its day and its entry, or what a credit note takes back.
    """

    number: int
    kind: str
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net_minor: int
    taxes: tuple[Tax, ...]
    tax: Decimal
    sessions: int = 0
    hub: str | None = None
    rule: Rule | None = None
    resolution: str | None = None
    effective_on: date | None = None
    entry_id: UUID | None = None
    refers_to_line: int | None = None


@dataclass(frozen=True, slots=True)
class InvoiceTax:
    """One tax of the whole: its rate in per cent, what it is on, and how much it is."""

    name: str
    percent: Decimal
    base_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True)
class SessionPart:
    """What one line of a session's charge puts into line `line` of the invoice."""

    line: int
    kind: str
    element: int | None
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net_minor: int


@dataclass(frozen=True, slots=True)
class InvoicedSession:
    """A charging session on the invoice; `reference` is its id in the platform it came from."""

    charge_id: UUID
    session_id: UUID
    reference: str
    started_at: datetime
    ended_at: datetime
    hub: str
    energy_wh: int
    net_minor: int
    entry_id: UUID | None
    parts: tuple[SessionPart, ...]


@dataclass(frozen=True, slots=True)
class Collection:
    """The SEPA mandate a bill is collected by: its reference, the creditor's id, whose account."""

    mandate: str
    creditor_id: str
    iban: str


@dataclass(frozen=True, slots=True)
class Correction:
    """The invoice a credit note corrects."""

    number: str
    issued_on: date


@dataclass(frozen=True, slots=True)
class EntryProof:
    """Where a journal entry lies; hash (hex) and place are None until it is sealed."""

    entry_id: UUID
    content_hash: str | None = None
    inclusion: Inclusion | None = None


@dataclass(frozen=True, slots=True)
class InvoiceAccount:
    """An account of the member that entries here move: 1200 receivable or 1205 unbilled."""

    account_id: UUID
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class InvoiceDocument:
    """All an invoice or credit note says, for the supplies from `from_on` to before `to_on`.

    `number` is unique in the series of its kind; `reference` is what a payer writes. `entry_id` is
    the entry it was posted by, None when it comes to nothing. `journal` holds that entry and those
    behind sessions and items, each in full unless it touches another member; `proofs` says where
    each of them lies in `seals`. `drawn_at` is when it was first drawn.
    """

    kind: str
    number: str
    issued_on: date
    due_on: date
    from_on: date
    to_on: date
    seller: Seller
    buyer: Buyer
    lines: tuple[InvoiceLine, ...]
    taxes: tuple[InvoiceTax, ...]
    net_minor: int
    tax_minor: int
    gross_minor: int
    reference: str
    drawn_at: datetime
    dispute_by: date
    corrects: Correction | None = None
    reason: str | None = None
    resolution: str | None = None
    collection: Collection | None = None
    sessions: tuple[InvoicedSession, ...] = ()
    entry_id: UUID | None = None
    accounts: tuple[InvoiceAccount, ...] = ()
    journal: tuple[StoredEntry, ...] = ()
    proofs: tuple[EntryProof, ...] = ()
    seals: tuple[SealHead, ...] = ()

    def __post_init__(self) -> None:
        """Prove the document, or refuse it: INVOICE_INCOMPLETE, INVOICE_INCONSISTENT."""
        prove(self)

    @property
    def is_credit(self) -> bool:
        """Whether it is a credit note."""
        return self.kind == CREDIT_NOTE

    @property
    def sign(self) -> int:
        """What the ledger's amounts are multiplied by where people read them."""
        return -1 if self.is_credit else 1

    @property
    def currency(self) -> str:
        """ISO 4217 code of its amounts."""
        return self.seller.currency

    @property
    def last_day(self) -> date:
        """The last day it bills, as people write periods."""
        return self.to_on - timedelta(days=1)

    @property
    def energy_wh(self) -> int:
        """Energy of the sessions it gathers."""
        return sum(session.energy_wh for session in self.sessions)

    @property
    def sealed_entries(self) -> int:
        """How many of the entries behind it lie in a seal already."""
        return sum(proof.inclusion is not None for proof in self.proofs)

    @property
    def withheld_entries(self) -> int:
        """How many of the entries behind it are bound by their hash only."""
        return len(self.proofs) - len(self.journal)

    def local(self, instant: datetime) -> datetime:
        """An instant as the clocks of the cooperative show it."""
        return instant.astimezone(zone_named(self.seller.time_zone))
