"""pain.008 files: what the bank is asked to collect, written by sepaxml and valid by its schema.

sepaxml names files and batches by the clock and by chance; both are replaced here, so that the
same collection is the same file, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from lxml import etree
from sepaxml import SepaDD
from sepaxml.validation import ValidationError, try_valid_xml
from text_unidecode import unidecode

from coop.billing.errors import CollectionImpossible

SCHEMAS = ("pain.008.001.02", "pain.008.001.08")
NAME_MAX, TEXT_MAX = 70, 140
_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ")


@dataclass(frozen=True, slots=True)
class Creditor:
    """Who collects, and to which account."""

    name: str
    iban: str
    bic: str | None
    identifier: str


@dataclass(frozen=True, slots=True)
class Debit:
    """One amount to collect, in cents, under one mandate. `sequence`: FRST or RCUR."""

    end_to_end_id: str
    amount_minor: int
    sequence: str
    mandate_reference: str
    signed_on: date
    holder: str
    iban: str
    bic: str | None
    text: str


def sepa_text(text: str, longest: int) -> str:
    """`text` in the characters every bank takes: ä becomes a, what has no like becomes a blank."""
    plain = "".join(c if c in _ALLOWED else " " for c in unidecode(text))
    return " ".join(plain.split())[:longest].strip() or "-"


def batch_reference(message_id: str, sequence: str) -> str:
    """What the file calls the batch of that sequence type; the bank's credit may name it."""
    return f"{message_id}-{sequence}"


def direct_debit_file(
    message_id: str,
    made_at: datetime,
    collect_on: date,
    creditor: Creditor,
    debits: Sequence[Debit],
    *,
    scheme: str = "CORE",
    schema: str = SCHEMAS[1],
) -> bytes:
    """The pain.008 document. Refuses COLLECTION_IMPOSSIBLE when the schema does not allow it."""
    config: dict[str, object] = {
        "name": sepa_text(creditor.name, NAME_MAX), "IBAN": creditor.iban, "batch": True,
        "creditor_id": creditor.identifier, "currency": "EUR", "instrument": scheme,
    }  # fmt: skip
    if creditor.bic is not None:
        config["BIC"] = creditor.bic
    if schema not in SCHEMAS or (schema == SCHEMAS[0] and creditor.bic is None):
        raise CollectionImpossible(
            f"A file is {' or '.join(SCHEMAS)}, and the older one needs our BIC.", ("schema",)
        )
    writer = SepaDD(config, schema=schema, clean=False)
    for debit in debits:
        writer.add_payment(_payment(debit, collect_on))
    root = etree.fromstring(writer.export(validate=False))
    _named(root, message_id, made_at)
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    _refuse_invalid(written, schema, sum(debit.amount_minor for debit in debits), len(debits))
    return written


def _payment(debit: Debit, collect_on: date) -> dict[str, object]:
    payment: dict[str, object] = {
        "name": sepa_text(debit.holder, NAME_MAX), "IBAN": debit.iban,
        "amount": debit.amount_minor, "type": debit.sequence, "collection_date": collect_on,
        "mandate_id": debit.mandate_reference, "mandate_date": debit.signed_on,
        "description": sepa_text(debit.text, TEXT_MAX), "endtoend_id": debit.end_to_end_id,
    }  # fmt: skip
    return payment if debit.bic is None else {**payment, "BIC": debit.bic}


def _elements(root: etree._Element, name: str) -> Iterator[etree._Element]:
    return root.iter(f"{{*}}{name}")


def _named(root: etree._Element, message_id: str, made_at: datetime) -> None:
    """Put our names and our instant where sepaxml put chance and the clock."""
    for element in _elements(root, "MsgId"):
        element.text = message_id
    for element in _elements(root, "CreDtTm"):
        element.text = made_at.strftime("%Y-%m-%dT%H:%M:%S")
    for batch in _elements(root, "PmtInf"):
        [sequence] = [one.text or "" for one in _elements(batch, "SeqTp")]
        for element in _elements(batch, "PmtInfId"):
            element.text = batch_reference(message_id, sequence)


def _refuse_invalid(written: bytes, schema: str, amount_minor: int, count: int) -> None:
    """Refuses COLLECTION_IMPOSSIBLE; what the file asks for must be what was put into it."""
    try:
        try_valid_xml(written, schema)
    except ValidationError as error:
        why = getattr(error.__cause__, "reason", None) or "a value it does not allow"
        raise CollectionImpossible(f"The file is not a valid {schema}: {why}.") from None
    root = etree.fromstring(written)
    [total] = [
        one.text for group in _elements(root, "GrpHdr") for one in _elements(group, "CtrlSum")
    ]
    amounts = [one.text or "" for one in _elements(root, "InstdAmt")]
    cents = [int(text.replace(".", "")) for text in amounts]
    if sum(cents) != amount_minor or len(cents) != count or total is None:
        raise AssertionError("the file does not ask for what was to be collected")
    if int(total.replace(".", "")) != amount_minor:
        raise AssertionError("the file's total is not the sum of its amounts")
