"""camt.053 statements of any version (.02 to .13): read by element names, whatever the namespace.

    Document/BkToCstmrStmt/Stmt…   one statement each; Bal OPBD and CLBD, or PRCD, or ITBD of pages
        Ntry…                      booked ones only; one with several TxDtls becomes several lines
                                   when their amounts are all there and come to the entry's

Only the balances prove that nothing is missing, so they are checked before a line is believed.
No entity is resolved, no network is asked, and trees beyond lxml's own limits are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from lxml import etree

from coop.billing.domain.bank_line import (
    LINES_MAX,
    MAX_BYTES,
    BankFile,
    BankLine,
    BankStatement,
    iban_or_none,
    refuse_unbalanced,
    said,
)
from coop.billing.errors import BankFileMalformed, BankFileTooLarge
from coop.kernel.errors import InvalidValue
from coop.kernel.money import MINOR_MAX, currency_scale
from coop.kernel.rate import to_scale

Element = etree._Element  # noqa: SLF001 - lxml names it nowhere else
KIND = "camt.053"
_AMOUNT = re.compile(r"\+?[0-9]{1,18}(\.[0-9]{0,5})?", re.ASCII)
_OPENING, _CLOSING, _INTERIM = ("OPBD", "PRCD"), ("CLBD",), "ITBD"
_SIGNS = {"CRDT": 1, "DBIT": -1}


def looks_like_camt(data: bytes) -> bool:
    """Whether the file is XML at all; what kind is for `camt_file` to find out."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def camt_file(data: bytes) -> BankFile:
    """Read every statement of a camt.053 document.

    Refuses BANK_FILE_TOO_LARGE, BANK_FILE_MALFORMED (not XML to its very end, a document type, no
    statement, a value that cannot be read) and BANK_FILE_UNBALANCED.
    """
    root = _parsed(data)
    found = [
        refuse_unbalanced(_statement(one))
        for message in _children(root, "BkToCstmrStmt")
        for one in _children(message, "Stmt")
    ]
    if not found:
        raise BankFileMalformed("There is no statement (BkToCstmrStmt/Stmt) in it.", ("file",))
    return BankFile(KIND, tuple(found))


def _parsed(data: bytes) -> Element:
    if len(data) > MAX_BYTES:
        raise BankFileTooLarge(f"A bank file has at most {MAX_BYTES} bytes.", ("file",))
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False,
        huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        where = f"line {error.lineno}" if error.lineno else "its beginning"
        raise BankFileMalformed(f"The XML breaks at {where}.", ("file",)) from None
    document: Any = root.getroottree().docinfo
    if document.doctype:
        raise BankFileMalformed("A bank file declares no document type.", ("file",))
    return root


def _children(element: Element, name: str) -> Iterator[Element]:
    for child in element:
        if isinstance(child.tag, str) and etree.QName(child).localname == name:
            yield child


def _first(element: Element | None, *path: str) -> Element | None:
    """The first element down that path of names."""
    for name in path:
        if element is None:
            return None
        element = next(_children(element, name), None)
    return element


def _text(element: Element | None, *path: str) -> str | None:
    found = _first(element, *path)
    return None if found is None else said(found.text)


def _either(element: Element, *paths: tuple[str, ...]) -> str | None:
    """The text at the first of these paths that has any: newer versions wrap what older had."""
    return next((text for path in paths if (text := _text(element, *path))), None)


def _minor(amount: Element | None, where: str) -> tuple[int, str]:
    """(minor units, currency) of an Amt."""
    text = "" if amount is None or amount.text is None else amount.text.strip()
    currency = "" if amount is None else amount.get("Ccy", "")
    if not _AMOUNT.fullmatch(text):
        raise BankFileMalformed(f'{where}: "{text[:40]}" is not an amount.', ("file",))
    try:
        minor = to_scale(Decimal(text), currency_scale(currency))
    except InvalidValue as refusal:
        raise BankFileMalformed(f"{where}: {refusal.message}", ("file",)) from None
    if minor > MINOR_MAX:
        raise BankFileMalformed(f"{where}: the amount is too large.", ("file",))
    return minor, currency


def _sign(element: Element, where: str) -> int:
    mark = _text(element, "CdtDbtInd")
    if mark not in _SIGNS:
        raise BankFileMalformed(f"{where} is neither CRDT nor DBIT.", ("file",))
    return _SIGNS[mark]


def _day(element: Element, where: str, *path: str) -> date:
    text = _text(_first(element, *path), "Dt") or _text(_first(element, *path), "DtTm") or ""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise BankFileMalformed(f'{where}: "{text[:40]}" is not a day.', ("file",)) from None


def _statement(stmt: Element) -> BankStatement:
    name = _text(stmt, "Id") or _text(stmt, "ElctrncSeqNb") or "?"
    iban = iban_or_none(_text(stmt, "Acct", "Id", "IBAN")) or _text(
        stmt, "Acct", "Id", "Othr", "Id"
    )
    if iban is None:
        raise BankFileMalformed(f"Statement {name} names no account.", ("file",))
    balances = [_balance(one, name) for one in _children(stmt, "Bal")]
    opening = _balance_of(balances, _OPENING, 0, name)
    closing = _balance_of(balances, _CLOSING, -1, name)
    lines = [line for entry in _children(stmt, "Ntry") for line in _lines(entry, iban, name)]
    if len(lines) > LINES_MAX:
        raise BankFileTooLarge(f"A statement has at most {LINES_MAX} lines.", ("file",))
    currencies = {line.currency for line in lines} | {opening[2], closing[2]}
    if len(currencies) > 1:
        raise BankFileMalformed(f"Statement {name} mixes {sorted(currencies)}.", ("file",))
    return BankStatement(
        name, iban, opening[2], opening[1], closing[1], opening[3], closing[3], tuple(lines)
    )


def _balance(bal: Element, name: str) -> tuple[str, int, str, date]:
    """(code, signed minor units, currency, day) of a balance."""
    where = f"A balance of statement {name}"
    code = _text(bal, "Tp", "CdOrPrtry", "Cd") or _text(bal, "Tp", "CdOrPrtry", "Prtry") or ""
    minor, currency = _minor(_first(bal, "Amt"), where)
    return code, _sign(bal, where) * minor, currency, _day(bal, where, "Dt")


def _balance_of(
    balances: list[tuple[str, int, str, date]], codes: tuple[str, ...], end: int, name: str
) -> tuple[str, int, str, date]:
    for code in codes:
        for found in balances:
            if found[0] == code:
                return found
    interim = [one for one in balances if one[0] == _INTERIM]
    if len(interim) > 1 or (interim and any(one[0] != _INTERIM for one in balances)):
        return interim[end]
    raise BankFileMalformed(
        f"Statement {name} has no balance {' or '.join(codes)}, so nobody can tell what is "
        "missing in it.",
        ("file",),
    )


def _lines(entry: Element, iban: str, name: str) -> Iterator[BankLine]:
    """The lines of an entry that is booked."""
    if (_either(entry, ("Sts", "Cd"), ("Sts",)) or "BOOK") != "BOOK":
        return
    where = f"An entry of statement {name}"
    minor, currency = _minor(_first(entry, "Amt"), where)
    sign = _sign(entry, where)
    details = [tx for group in _children(entry, "NtryDtls") for tx in _children(group, "TxDtls")]
    parts = _parts(details, sign, currency, where)
    if minor == 0:
        return
    if len(details) > 1 and parts is not None and sum(parts) == sign * minor:
        for tx, part in zip(details, parts, strict=True):
            if part != 0:
                yield _line(entry, tx, part, currency, iban, where)
        return
    yield _line(entry, details[0] if len(details) == 1 else None, sign * minor, currency, iban,
                where)  # fmt: skip


def _parts(details: list[Element], sign: int, currency: str, where: str) -> list[int] | None:
    """What each of the details moved, or None when one does not say so in the account's money."""
    parts = []
    for tx in details:
        amount = _first(tx, "Amt")
        amount = _first(tx, "AmtDtls", "TxAmt", "Amt") if amount is None else amount
        if amount is None or amount.get("Ccy") != currency:
            return None
        mark = _text(tx, "CdtDbtInd")
        own = _SIGNS.get(mark or "", sign)
        parts.append(own * _minor(amount, where)[0])
    return parts


def _line(
    entry: Element, tx: Element | None, amount: int, currency: str, iban: str, where: str
) -> BankLine:
    source = entry if tx is None else tx
    code = _return_code(source)
    name, other = _counterparty(source, iban, incoming=(amount > 0) != (code is not None))
    original = _first(source, "AmtDtls", "InstdAmt", "Amt")
    original = None if original is None or original.get("Ccy") != currency else original
    return BankLine(
        booked_on=_day(entry, where, "BookgDt"),
        value_on=_day(entry, where, "ValDt") if _first(entry, "ValDt") is not None else None,
        amount_minor=amount,
        currency=currency,
        bank_reference=_either(source, ("Refs", "AcctSvcrRef")) or _text(entry, "AcctSvcrRef"),
        end_to_end_id=_text(source, "Refs", "EndToEndId"),
        mandate_id=_text(source, "Refs", "MndtId"),
        creditor_reference=_text(source, "RmtInf", "Strd", "CdtrRefInf", "Ref"),
        text=_remittance(entry, source),
        counterparty_name=name,
        counterparty_iban=other,
        batch_references=_batch(entry, source),
        return_code=code,
        original_minor=None if original is None else _minor(original, where)[0],
        raw=etree.tostring(entry, method="c14n"),
    )


def _return_code(source: Element) -> str | None:
    info = _first(source, "RtrInf")
    if info is None:
        return None
    return _either(info, ("Rsn", "Cd"), ("Rsn", "Prtry"), ("AddtlInf",)) or "RETURNED"


def _counterparty(source: Element, iban: str, *, incoming: bool) -> tuple[str | None, str | None]:
    """(name, IBAN) of who is on the other side: the debtor of what comes in."""
    parties = _first(source, "RltdPties")
    if parties is None:
        return None, None
    roles = ("Dbtr", "Cdtr") if incoming else ("Cdtr", "Dbtr")
    for role in roles:
        other = iban_or_none(_text(parties, f"{role}Acct", "Id", "IBAN"))
        name = _either(parties, (role, "Nm"), (role, "Pty", "Nm"))
        if (other or name) and other != iban:
            return name, other
    return None, None


def _remittance(entry: Element, source: Element) -> str:
    info = _first(source, "RmtInf")
    parts = [] if info is None else [said(one.text) for one in _children(info, "Ustrd")]
    parts += [_text(source, "AddtlTxInf"), _text(entry, "AddtlNtryInf")]
    return said(" ".join(dict.fromkeys(part for part in parts if part))) or ""


def _batch(entry: Element, source: Element) -> tuple[str, ...]:
    """What the bank calls the batch that this settles: message and payment information ids."""
    found = [
        _text(holder, name)
        for group in _children(entry, "NtryDtls")
        for holder in _children(group, "Btch")
        for name in ("MsgId", "PmtInfId")
    ]
    found += [_text(source, "Refs", name) for name in ("MsgId", "PmtInfId")]
    return tuple(dict.fromkeys(one for one in found if one))
