"""The JSON twin: the same statement for machines, embedded in the file people read.

`to_json_twin` has one order of keys and exact decimal strings, so equal statements have equal bytes
(`twin_bytes`). `from_json_twin` accepts only what `to_json_twin` writes: it reads the facts, proves
the statement again, writes it again, and refuses TWIN_MALFORMED when anything differs, derived
figures included.

`journal` holds every fact of the entries behind the lines, in the units they are hashed in (minor
units and Wh, debit positive): coop/ledger/domain/canonical.py says how to hash them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from coop.kernel.energy import KWH_SCALE, kwh_of_wh
from coop.kernel.errors import Refusal
from coop.kernel.ids import AccountId, CooperativeId, EntryId, FundId
from coop.kernel.money import currency_scale
from coop.kernel.rate import exact_decimal, from_scale, to_scale
from coop.ledger.domain.canonical import StoredEntry, StoredPosting
from coop.reports.errors import TwinMalformed
from coop.reports.statement import (
    EquityLine,
    HubUse,
    Inclusion,
    Issuer,
    MemberStatement,
    MonthUse,
    Recipient,
    SealHead,
    StatementAccount,
    StatementEntry,
)

FORMAT = "coop-member-statement-1"
Json = dict[str, Any]


def twin_bytes(twin: Json) -> bytes:
    """The canonical UTF-8 text of a twin."""
    return orjson.dumps(twin)


def to_json_twin(statement: MemberStatement) -> Json:
    """The statement as JSON values: money and kWh as exact decimal strings, instants in UTC."""
    scale = currency_scale(statement.cooperative.currency)

    def money(minor: int) -> str:
        return str(from_scale(minor, scale))

    return {
        "format": FORMAT,
        "number": statement.number,
        "supersedes": statement.supersedes,
        "cooperative": _issuer_json(statement.cooperative),
        "member": {
            "number": statement.member.number,
            "name": statement.member.name,
            "address": list(statement.member.address),
        },
        "period": {
            "from": statement.period_from.isoformat(),
            "to": statement.period_to.isoformat(),
            "last_day": statement.last_day.isoformat(),
        },
        "issued_at": instant_json(statement.issued_at),
        "due": {
            "opening": money(statement.opening_minor),
            "charges": money(statement.charges_minor),
            "payments": money(statement.payments_minor),
            "closing": money(statement.closing_minor),
            "due_on": _day_json(statement.due_on),
            "collection": statement.collection,
            "dispute_by": _day_json(statement.dispute_by),
        },
        "energy": _energy_json(statement),
        "equity": {
            "total": money(statement.equity_minor),
            "lines": [_equity_json(line, money) for line in statement.equity],
        },
        "deposits": money(statement.deposits_minor),
        "make_up_kwh": _kwh(statement.make_up_wh),
        "previous_statement_sha256": statement.previous_statement_sha256,
        "seals": [seal_json(seal) for seal in statement.seals],
        "sealed_entries": statement.sealed_entries,
        "entry_count": len(statement.entries),
        "accounts": [_account_json(account) for account in statement.accounts],
        "entries": [_entry_json(entry, money) for entry in statement.entries],
        "journal": [stored_json(stored) for stored in statement.journal],
    }


def from_json_twin(twin: Json) -> MemberStatement:
    """The statement a twin was written from. Refuses TWIN_MALFORMED unless it is one of ours."""
    try:
        statement = _statement_of(twin)
    except (KeyError, TypeError, ValueError, AttributeError, Refusal) as fault:
        raise TwinMalformed(f"The embedded figures cannot be read: {fault}.") from fault
    if twin_bytes(to_json_twin(statement)) != twin_bytes(twin):
        raise TwinMalformed("The embedded figures contradict each other.")
    return statement


def _kwh(wh: int) -> str:
    return str(kwh_of_wh(wh))


def _day_json(day: date | None) -> str | None:
    return day.isoformat() if day else None


def instant_json(instant: datetime) -> str:
    """An instant in UTC, ending in Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _issuer_json(issuer: Issuer) -> Json:
    return {
        "id": str(issuer.cooperative_id),
        "name": issuer.name,
        "slug": issuer.slug,
        "currency": issuer.currency,
        "time_zone": issuer.time_zone,
        "address": list(issuer.address),
        "contact": issuer.contact,
    }


def _energy_json(statement: MemberStatement) -> Json:
    return {
        "kwh": _kwh(statement.energy_wh),
        "sessions": statement.sessions,
        "by_hub": [
            {"hub": use.hub, "sessions": use.sessions, "kwh": _kwh(use.energy_wh)}
            for use in statement.hubs
        ],
        "by_month": [
            {"month": month.first_day.isoformat()[:7], "kwh": _kwh(month.energy_wh)}
            for month in statement.months
        ],
    }


def _equity_json(line: EquityLine, money: Callable[[int], str]) -> Json:
    return {
        "account": line.account_code,
        "name": line.account_name,
        "class": line.equity_class,
        "vintage": line.vintage,
        "amount": money(line.amount_minor),
    }


def _account_json(account: StatementAccount) -> Json:
    return {
        "id": str(account.account_id),
        "code": account.code,
        "name": account.name,
        "commodity": account.commodity,
    }


def stored_json(stored: StoredEntry) -> Json:
    """Every fact of a journal entry, in the units it is hashed in."""
    return {
        "id": str(stored.id),
        "kind": stored.kind,
        "effective_on": stored.effective_on.isoformat(),
        "recorded_at": instant_json(stored.recorded_at),
        "memo": stored.memo,
        "actor": stored.actor,
        "source": None if stored.source is None else list(stored.source),
        "resolution": None if stored.resolution_id is None else str(stored.resolution_id),
        "reverses": None if stored.reverses_id is None else str(stored.reverses_id),
        "metadata": dict(stored.metadata),
        "postings": [
            {
                "account": str(posting.account_id),
                "fund": str(posting.fund_id),
                "commodity": posting.commodity,
                "units": str(posting.amount_minor),
            }
            for posting in stored.postings
        ],
    }


def seal_json(seal: SealHead) -> Json:
    """One link of the chain."""
    return {
        "number": seal.number,
        "previous_hash": seal.previous_hash,
        "root": seal.root,
        "entries": seal.entry_count,
        "watermark": seal.watermark,
        "head_hash": seal.head_hash,
    }


def _entry_json(entry: StatementEntry, money: Callable[[int], str]) -> Json:
    place = entry.inclusion
    return {
        "id": str(entry.entry_id),
        "line": entry.line,
        "effective_on": entry.effective_on.isoformat(),
        "recorded_at": instant_json(entry.recorded_at),
        "kind": entry.kind,
        "memo": entry.memo,
        "account": entry.account_code,
        "account_name": entry.account_name,
        "debit": money(entry.debit_minor),
        "credit": money(entry.credit_minor),
        "due": money(entry.due_minor),
        "kwh": None if entry.energy_wh is None else _kwh(entry.energy_wh),
        "hub": entry.hub,
        "content_hash": entry.content_hash,
        "seal": place.seal if place else None,
        "position": place.position if place else None,
        "path": list(place.path) if place else [],
    }


def _statement_of(twin: Json) -> MemberStatement:
    scale = currency_scale(twin["cooperative"]["currency"])

    def minor(text: str) -> int:
        return to_scale(exact_decimal(text), scale)

    due, energy, period = twin["due"], twin["energy"], twin["period"]
    return MemberStatement(
        cooperative=_issuer_of(twin["cooperative"]),
        member=_recipient_of(twin["member"]),
        number=twin["number"],
        period_from=date.fromisoformat(period["from"]),
        period_to=date.fromisoformat(period["to"]),
        issued_at=datetime.fromisoformat(twin["issued_at"]),
        opening_minor=minor(due["opening"]),
        closing_minor=minor(due["closing"]),
        entries=tuple(_entry_of(line, minor) for line in twin["entries"]),
        hubs=tuple(
            HubUse(use["hub"], use["sessions"], _wh(use["kwh"])) for use in energy["by_hub"]
        ),
        months=tuple(
            MonthUse(date.fromisoformat(month["month"] + "-01"), _wh(month["kwh"]))
            for month in energy["by_month"]
        ),
        equity=tuple(_equity_of(line, minor) for line in twin["equity"]["lines"]),
        deposits_minor=minor(twin["deposits"]),
        make_up_wh=_wh(twin["make_up_kwh"]),
        seals=tuple(seal_of(seal) for seal in twin["seals"]),
        previous_statement_sha256=twin["previous_statement_sha256"],
        due_on=_day_of(due["due_on"]),
        collection=due["collection"],
        dispute_by=_day_of(due["dispute_by"]),
        accounts=tuple(_account_of(account) for account in twin["accounts"]),
        journal=tuple(stored_of(stored, twin["cooperative"]["id"]) for stored in twin["journal"]),
        supersedes=twin["supersedes"],
    )


def _entry_of(line: Json, minor: Callable[[str], int]) -> StatementEntry:
    seal, position, path = line["seal"], line["position"], line["path"]
    return StatementEntry(
        entry_id=UUID(line["id"]),
        line=line["line"],
        effective_on=date.fromisoformat(line["effective_on"]),
        recorded_at=datetime.fromisoformat(line["recorded_at"]),
        kind=line["kind"],
        memo=line["memo"],
        account_code=line["account"],
        account_name=line["account_name"],
        debit_minor=minor(line["debit"]),
        credit_minor=minor(line["credit"]),
        due_minor=minor(line["due"]),
        energy_wh=None if line["kwh"] is None else _wh(line["kwh"]),
        hub=line["hub"],
        content_hash=line["content_hash"],
        inclusion=None if seal is None else Inclusion(seal, position, tuple(path)),
    )


def _account_of(account: Json) -> StatementAccount:
    return StatementAccount(
        UUID(account["id"]), account["code"], account["name"], account["commodity"]
    )


def stored_of(stored: Json, cooperative_id: str) -> StoredEntry:
    """The entry that `stored_json` wrote."""
    source, resolution, reverses = stored["source"], stored["resolution"], stored["reverses"]
    return StoredEntry(
        cooperative_id=CooperativeId(UUID(cooperative_id)),
        id=EntryId(UUID(stored["id"])),
        kind=stored["kind"],
        effective_on=date.fromisoformat(stored["effective_on"]),
        recorded_at=datetime.fromisoformat(stored["recorded_at"]),
        memo=stored["memo"],
        actor=stored["actor"],
        source=None if source is None else (source[0], source[1]),
        resolution_id=None if resolution is None else UUID(resolution),
        reverses_id=None if reverses is None else EntryId(UUID(reverses)),
        metadata=dict(stored["metadata"]),
        postings=tuple(
            StoredPosting(
                AccountId(UUID(posting["account"])),
                FundId(UUID(posting["fund"])),
                posting["commodity"],
                to_scale(exact_decimal(posting["units"]), 0),
            )
            for posting in stored["postings"]
        ),
    )


def _issuer_of(issuer: Json) -> Issuer:
    return Issuer(
        cooperative_id=UUID(issuer["id"]),
        name=issuer["name"],
        slug=issuer["slug"],
        currency=issuer["currency"],
        time_zone=issuer["time_zone"],
        address=tuple(issuer["address"]),
        contact=issuer["contact"],
    )


def _recipient_of(member: Json) -> Recipient:
    return Recipient(member["number"], member["name"], tuple(member["address"]))


def _equity_of(line: Json, minor: Callable[[str], int]) -> EquityLine:
    return EquityLine(
        account_code=line["account"],
        account_name=line["name"],
        equity_class=line["class"],
        vintage=line["vintage"],
        amount_minor=minor(line["amount"]),
    )


def seal_of(seal: Json) -> SealHead:
    """The link that `seal_json` wrote."""
    return SealHead(
        number=seal["number"],
        previous_hash=seal["previous_hash"],
        root=seal["root"],
        entry_count=seal["entries"],
        watermark=seal["watermark"],
        head_hash=seal["head_hash"],
    )


def _day_of(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _wh(text: str) -> int:
    kwh: Decimal = exact_decimal(text)
    return to_scale(kwh, KWH_SCALE)
