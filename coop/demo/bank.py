"""What the bank of Warnefurt would have sent: camt.053 statements, one a month. Pure.

Members' accounts are made up from their numbers at a bank code nobody has. A month's statement
holds what came in by itself (transfers, with and without a usable reference), the batches of direct
debits that settled, debits that came back, and what the bank charges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from lxml import etree
from schwifty import IBAN

from coop.kernel.money import currency_scale

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
BANK_CODE = "99990000"  # given to no bank
CREDITOR_ID = "DE98ZZZ09999999999"
_SCALE = currency_scale("EUR")


def iban(number: int) -> str:
    """The account of that number at the bank of Warnefurt."""
    return str(IBAN.generate("DE", BANK_CODE, f"{number:010d}"))


OWN_IBAN = iban(2025)


@dataclass(frozen=True, slots=True)
class BankMove:
    """One line of a statement; money in is positive. `returned` is the code of a returned debit."""

    booked_on: date
    minor: int
    bank_reference: str
    text: str = ""
    name: str | None = None
    iban: str | None = None
    creditor_reference: str | None = None
    end_to_end_id: str | None = None
    batch: str | None = None
    returned: str | None = None


def camt_statement(
    number: int, from_on: date, to_on: date, opening_minor: int, moves: Sequence[BankMove]
) -> bytes:
    """The statement of [from_on, to_on) as a camt.053.001.08 document, its balances in order."""
    document = etree.Element(f"{{{NAMESPACE}}}Document", nsmap={None: NAMESPACE})  # type: ignore[dict-item]
    message = _add(document, "BkToCstmrStmt")
    header = _add(message, "GrpHdr")
    _add(header, "MsgId", f"WFT-{from_on:%Y%m}")
    _add(header, "CreDtTm", f"{to_on}T05:00:00Z")
    statement = _add(message, "Stmt")
    _add(statement, "Id", f"{from_on:%Y}-{number:03d}")
    _add(statement, "ElctrncSeqNb", str(number))
    _add(_add(_add(statement, "Acct"), "Id"), "IBAN", OWN_IBAN)
    closing_minor = opening_minor + sum(move.minor for move in moves)
    _balance(statement, "OPBD", opening_minor, from_on)
    _balance(statement, "CLBD", closing_minor, to_on)
    for move in sorted(moves, key=lambda one: (one.booked_on, one.bank_reference)):
        _entry(statement, move)
    return etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    child.text = text
    return child


def _amount(parent: etree._Element, minor: int) -> None:
    whole, part = divmod(abs(minor), 10**_SCALE)
    _add(parent, "Amt", f"{whole}.{part:0{_SCALE}d}").set("Ccy", "EUR")


def _balance(statement: etree._Element, code: str, minor: int, on: date) -> None:
    balance = _add(statement, "Bal")
    _add(_add(_add(balance, "Tp"), "CdOrPrtry"), "Cd", code)
    _amount(balance, minor)
    _add(balance, "CdtDbtInd", "CRDT" if minor >= 0 else "DBIT")
    _add(_add(balance, "Dt"), "Dt", str(on))


def _entry(statement: etree._Element, move: BankMove) -> None:
    entry = _add(statement, "Ntry")
    _amount(entry, move.minor)
    _add(entry, "CdtDbtInd", "CRDT" if move.minor >= 0 else "DBIT")
    _add(_add(entry, "Sts"), "Cd", "BOOK")
    _add(_add(entry, "BookgDt"), "Dt", str(move.booked_on))
    _add(_add(entry, "ValDt"), "Dt", str(move.booked_on))
    _add(entry, "AcctSvcrRef", move.bank_reference)
    group = _add(entry, "NtryDtls")
    if move.batch is not None:
        _add(_add(group, "Btch"), "MsgId", move.batch)
    details = _add(group, "TxDtls")
    if move.end_to_end_id is not None:
        _add(_add(details, "Refs"), "EndToEndId", move.end_to_end_id)
    _amount(details, move.minor)
    _parties(details, move)
    if move.text or move.creditor_reference:
        remittance = _add(details, "RmtInf")
        if move.text:
            _add(remittance, "Ustrd", move.text)
        if move.creditor_reference:
            structured = _add(_add(remittance, "Strd"), "CdtrRefInf")
            _add(structured, "Ref", move.creditor_reference)
    if move.returned is not None:
        _add(_add(_add(details, "RtrInf"), "Rsn"), "Cd", move.returned)


def _parties(details: etree._Element, move: BankMove) -> None:
    if move.name is None:
        return
    # Of a returned debit the roles are those of the debit itself.
    role = "Dbtr" if move.minor > 0 or move.returned else "Cdtr"
    parties = _add(details, "RltdPties")
    _add(_add(_add(parties, role), "Pty"), "Nm", move.name)
    if move.iban is not None:
        _add(_add(_add(parties, f"{role}Acct"), "Id"), "IBAN", move.iban)
