"""Bank files as banks write them, made by hand: camt.053 of two versions, MT940 of two styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from html import escape

OUR_IBAN = "DE89370400440532013000"
ANNA_IBAN = "DE75512108001245126199"
BO_IBAN = "NL91ABNA0417164300"


@dataclass(frozen=True)
class Entry:
    """A line to put into a file; `minor` negative is money out."""

    minor: int
    text: str = ""
    on: str = "2026-04-20"
    reference: str | None = None
    creditor: str | None = None
    e2e: str | None = None
    name: str | None = None
    iban: str | None = None
    batch: str | None = None
    code: str | None = None
    original: int | None = None
    parts: tuple[Entry, ...] = ()
    status: str = "BOOK"


def amount(minor: int) -> str:
    return f"{Decimal(abs(minor)) / 100:.2f}"


def _mark(minor: int) -> str:
    return "CRDT" if minor >= 0 else "DBIT"


def _details(entry: Entry, newer: bool, currency: str) -> str:
    side = "Dbtr" if (entry.minor > 0) != (entry.code is not None) else "Cdtr"
    name = f"<Nm>{escape(entry.name or '')}</Nm>"
    name = f"<Pty>{name}</Pty>" if newer else name
    party = f"<{side}>{name}</{side}>" if entry.name else ""
    if entry.iban:
        party += f"<{side}Acct><Id><IBAN>{entry.iban}</IBAN></Id></{side}Acct>"
    instructed = (
        f'<InstdAmt><Amt Ccy="{currency}">{amount(entry.original)}</Amt></InstdAmt>'
        if entry.original is not None
        else ""
    )
    refs = f"<EndToEndId>{entry.e2e or 'NOTPROVIDED'}</EndToEndId>"
    if entry.reference and newer:
        refs = f"<AcctSvcrRef>{entry.reference}</AcctSvcrRef>" + refs
    structured = (
        f"<Strd><CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp><Ref>{entry.creditor}</Ref>"
        "</CdtrRefInf></Strd>"
        if entry.creditor
        else ""
    )
    returned = f"<RtrInf><Rsn><Cd>{entry.code}</Cd></Rsn></RtrInf>" if entry.code else ""
    plain = f'<Amt Ccy="{currency}">{amount(entry.minor)}</Amt>'
    moved = plain if newer else f"<AmtDtls><TxAmt>{plain}</TxAmt></AmtDtls>"
    if instructed:
        moved = f"{plain if newer else ''}<AmtDtls>{instructed}</AmtDtls>"
    return (
        f"<TxDtls><Refs>{refs}</Refs>{moved}<CdtDbtInd>{_mark(entry.minor)}</CdtDbtInd>"
        f"<RltdPties>{party}</RltdPties><RmtInf><Ustrd>{escape(entry.text)}</Ustrd>{structured}"
        f"</RmtInf>{returned}</TxDtls>"
    )


def _ntry(entry: Entry, newer: bool, currency: str) -> str:
    status = f"<Sts><Cd>{entry.status}</Cd></Sts>" if newer else f"<Sts>{entry.status}</Sts>"
    reversal = "<RvslInd>true</RvslInd>" if entry.code else ""
    reference = f"<AcctSvcrRef>{entry.reference}</AcctSvcrRef>" if entry.reference else ""
    batch = f"<Btch><MsgId>{entry.batch}</MsgId></Btch>" if entry.batch else ""
    parts = "".join(_details(one, newer, currency) for one in entry.parts or (entry,))
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount(entry.minor)}</Amt>'
        f"<CdtDbtInd>{_mark(entry.minor)}</CdtDbtInd>{reversal}{status}"
        f"<BookgDt><Dt>{entry.on}</Dt></BookgDt><ValDt><Dt>{entry.on}</Dt></ValDt>{reference}"
        f"<NtryDtls>{batch}{parts}</NtryDtls></Ntry>"
    )


def _balance(code: str, minor: int, on: str, currency: str) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="{currency}">{amount(minor)}</Amt><CdtDbtInd>{_mark(minor)}</CdtDbtInd>'
        f"<Dt><Dt>{on}</Dt></Dt></Bal>"
    )


def camt_stmt(
    entries: Sequence[Entry], *, opening: int = 0, name: str = "S1", iban: str = OUR_IBAN,
    newer: bool = True, currency: str = "EUR", off_by: int = 0, on: str | None = None,
) -> str:  # fmt: skip
    """One <Stmt>."""
    booked = [one for one in entries if one.status == "BOOK"]
    closing = opening + sum(one.minor for one in booked) + off_by
    days = [one.on for one in entries] or [on or "2026-04-20"]
    return (
        f"<Stmt><Id>{name}</Id><CreDtTm>2026-04-21T06:00:00</CreDtTm>"
        f"<Acct><Id><IBAN>{iban}</IBAN></Id></Acct>"
        f"{_balance('OPBD', opening, min(days), currency)}"
        f"{_balance('CLBD', closing, max(days), currency)}"
        f"{''.join(_ntry(one, newer, currency) for one in entries)}</Stmt>"
    )


def camt_document(*stmts: str, newer: bool = True) -> bytes:
    version = "08" if newer else "02"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">'
        f"<BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr>{''.join(stmts)}</BkToCstmrStmt></Document>"
    ).encode()


def camt(*entries: Entry, newer: bool = True, **named: object) -> bytes:
    """A document with one statement of these entries."""
    return camt_document(camt_stmt(entries, newer=newer, **named), newer=newer)  # type: ignore[arg-type]


def _swift_day(text: str) -> str:
    return f"{date.fromisoformat(text):%y%m%d}"


def _swift(minor: int) -> str:
    return amount(minor).replace(".", ",")


def mt940(
    *entries: Entry, opening: int = 0, number: str = "00001/001", account: str = OUR_IBAN,
    german: bool = True, currency: str = "EUR", off_by: int = 0, closed: bool = True,
) -> bytes:  # fmt: skip
    """One MT940 statement, :86: with German subfields or in plain words."""
    closing = opening + sum(one.minor for one in entries) + off_by
    days = [one.on for one in entries] or ["2026-04-20"]
    lines = [
        ":20:STARTUMSE", f":25:{account}", f":28C:{number}",
        f":60F:{'D' if opening < 0 else 'C'}{_swift_day(min(days))}{currency}{_swift(opening)}",
    ]  # fmt: skip
    for one in entries:
        mark, day = "C" if one.minor >= 0 else "D", _swift_day(one.on)
        reference = f"//{one.reference}" if one.reference else ""
        lines.append(f":61:{day}{day[2:]}{mark}{_swift(one.minor)}NTRF{'NONREF'}{reference}")
        lines.append(_german(one) if german else f":86:{one.text} {one.creditor or ''}".rstrip())
    lines.append(
        f":62F:{'D' if closing < 0 else 'C'}{_swift_day(max(days))}{currency}{_swift(closing)}"
    )
    return ("\r\n".join(lines if closed else lines[:-1]) + "\r\n-\r\n").encode("latin-1")


def _german(one: Entry) -> str:
    gvc = "109" if one.code else "166"
    purpose = "".join(
        f"{key}+{value}"
        for key, value in (("EREF", one.e2e), ("KREF", one.batch)) if value
    ) + f"SVWZ+{one.text} {one.creditor or ''}{' ' + one.code if one.code else ''}"  # fmt: skip
    if one.original is not None:
        purpose += f" OAMT+{_swift(one.original)}"
    parts = [purpose[i : i + 27] for i in range(0, len(purpose), 27)]
    fields = "".join(f"?{20 + i}{part}" for i, part in enumerate(parts))
    if one.iban:
        fields += f"?31{one.iban}"
    return f":86:{gvc}?00SEPA{fields}?32{one.name or ''}"
