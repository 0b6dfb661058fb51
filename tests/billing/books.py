"""A cooperative that bills: members, a hub, charges and items, and short ways of asking."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from coop.billing.domain.months import month_named
from coop.billing.domain.taxes import taxes_json
from coop.billing.items import Item, ItemDraft, add_items
from coop.billing.run import BillingOutcome, MemberBill, preview_bills, run_billing
from coop.charging.domain.place import Hub
from coop.charging.domain.tariff import Tax
from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.kernel.errors import Refusal
from coop.kernel.ids import uuid7
from coop.ledger import service as ledger
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.service import AccountKey
from coop.members.domain.people import Member
from tests.charging.yard import Yard, open_yard
from tests.members.people import system

VAT25 = (Tax("VAT", Decimal(25)),)
VAT12 = (Tax("VAT", Decimal(12)),)


class Books(Yard):
    """A yard whose members are billed."""

    async def item(
        self, member: Member, net_minor: int, on: str = "2026-03-10", **named: Any
    ) -> Item:
        """A fee of so much (negative: a credit), taxed at 25 % unless told otherwise."""
        (made,) = await self.items([self.fee(member, net_minor, on, **named)])
        return made

    async def items(self, drafts: list[ItemDraft]) -> list[Item]:
        made: list[Item] = await self.database.unit_of_work(
            self.id, lambda connection: add_items(connection, "treasurer", self.id, drafts)
        )
        return made

    def fee(
        self, member: Member, net_minor: int, on: str = "2026-03-10", **named: Any
    ) -> ItemDraft:
        given = {
            "kind": "SUBSCRIPTION", "description": "Fee", "quantity": Decimal(1), "unit": "month",
            "unit_price": Decimal(net_minor) / 100, "contra": AccountKey("4060"),
            "source": ("test", str(uuid4())), "taxes": VAT25,
        }  # fmt: skip
        return ItemDraft(
            member_id=member.id, effective_on=date.fromisoformat(on), net_minor=net_minor,
            **{**given, **named},
        )  # fmt: skip

    async def bill(self, month: str = "2026-03", **named: Any) -> BillingOutcome:
        """Run the month as the system."""
        viewer = named.pop("by", system())
        return await run_billing(self.database, viewer, self.id, month_named(month), **named)

    async def draft(self, month: str = "2026-03") -> list[MemberBill]:
        found = preview_bills(self.database, system(), self.id, month_named(month))
        return [bill async for bill in found]

    async def documents(self, columns: str = "gross_minor") -> list[tuple[Any, ...]]:
        """Every document: kind, number, the member's number, and these columns."""
        rows = await self.sql(
            f"SELECT i.kind, i.number, m.number, {columns} FROM invoice i"
            " JOIN member m ON m.id = i.member_id ORDER BY i.kind DESC, i.number"
        )
        return [tuple(row) for row in rows]

    async def tariff(self, hub: Hub, name: str = "by kWh") -> UUID:
        """A version of a tariff at a hub; what it says does not matter here."""
        id_, document = uuid7(), json.dumps({"id": name})
        await self.sql(
            "INSERT INTO tariff_version (cooperative_id, id, hub_id, member_class, version, from_at,"
            " name, currency, document, document_sha256, set_by, set_at)"
            " VALUES (:coop, :id, :hub, '', (SELECT count(*) + 2 FROM tariff_version WHERE hub_id = :hub),"
            " :now, :name, 'NOK', :document, sha256(convert_to(:document, 'UTF8')), 'board', :now)",
            coop=self.id, id=id_, hub=hub.id, name=name, document=document, now=utc_now(),
        )  # fmt: skip
        return id_

    async def charge(
        self, member: Member, hub: Hub, tariff: UUID, *lines: dict[str, Any],
        on: str = "2026-03-10", credit_of: UUID | None = None,
    ) -> UUID:  # fmt: skip
        """A session's charge as the import leaves it: session, charge, lines, and its entry.

        A line is energy at 3.00 a kWh and 25 % unless told otherwise; `kwh` says how much.
        """
        id_, full = uuid7(), [_line(**line) for line in lines]
        net = sum(line["net"] for line in full)
        entry = await self._charged(member, hub, net, on, id_) if net else None
        session = await self._session(member, hub, tariff, on, net, entry)
        await self.sql(
            "INSERT INTO charge (cooperative_id, id, session_id, member_id, hub_id,"
            " tariff_version_id, effective_on, currency, net_minor, tax, entry_id, credit_of_id,"
            " reason, rated_by, rated_at) VALUES (:coop, :id, :session, :member, :hub, :tariff,"
            " :on, 'NOK', :net, :tax, :entry, :credit_of, '', 'treasurer', :now)",
            coop=self.id, id=id_, session=session, member=member.id, hub=hub.id, tariff=tariff,
            on=date.fromisoformat(on), net=net, tax=sum(line["tax"] for line in full), entry=entry,
            credit_of=credit_of, now=utc_now(),
        )  # fmt: skip
        for number, line in enumerate(full, 1):
            await self.sql(
                "INSERT INTO charge_line (cooperative_id, charge_id, number, kind, element,"
                " description, quantity, unit, unit_price, net_minor, taxes, tax) VALUES (:coop,"
                " :charge, :number, :kind, :element, :description, :quantity, :unit, :unit_price,"
                " :net, CAST(:taxes AS jsonb), :tax)",
                **{"coop": self.id, "charge": id_, "number": number, **line},
            )
        return id_

    async def _charged(self, member: Member, hub: Hub, net: int, on: str, source: UUID) -> UUID:
        async def work(connection: Any) -> UUID:
            keys = (AccountKey("1205", member_id=member.id), AccountKey("4000", hub_id=hub.id))
            accounts = await ledger.accounts_for(connection, self.id, keys)
            postings = tuple(
                PostingDraft(accounts[key], amount)
                for key, amount in zip(keys, (net, -net), strict=True)
            )
            draft = EntryDraft(
                "charging_session", date.fromisoformat(on), "charged", postings,
                source=("charge", str(source)),
            )  # fmt: skip
            (outcome,) = await ledger.post_entries(connection, self.id, "treasurer", [draft])
            assert outcome.entry_id is not None, outcome.refusal
            return outcome.entry_id

        found: UUID = await self.database.unit_of_work(self.id, work)
        return found

    async def _session(
        self, member: Member, hub: Hub, tariff: UUID, on: str, net: int, entry: UUID | None
    ) -> UUID:
        run, id_, at = uuid7(), uuid7(), datetime.fromisoformat(f"{on}T10:00").replace(tzinfo=UTC)
        await self.sql(
            "INSERT INTO import_run (cooperative_id, id, kind, file_name, file_sha256, actor,"
            " started_at, rows, accepted, rejected, duplicates, filtered, review, delivered_wh,"
            " amount_minor) VALUES (:coop, :id, 'csv', 'x', sha256(''), 'treasurer', :at,"
            " 0, 0, 0, 0, 0, 0, 0, 0)",
            coop=self.id, id=run, at=at,
        )  # fmt: skip
        await self.sql(
            "INSERT INTO charging_session (cooperative_id, id, country_code, party_id, session_id,"
            " hub_id, member_id, started_at, ended_at, effective_on, delivered_wh, state,"
            " amount_minor, tariff_version_id, entry_id, doubts, run_id, recorded_at, raw, raw_sha256,"
            " body_sha256) VALUES (:coop, :id, 'NO', 'TST', :ref, :hub, :member, :at, :at, :on, 0,"
            " 'charged', :net, :tariff, :entry, '{}', :run, :at, '', sha256(''), sha256(''))",
            coop=self.id, id=id_, ref=str(id_), hub=hub.id, member=member.id, at=at,
            on=date.fromisoformat(on), net=max(net, 0), tariff=tariff, entry=entry, run=run,
        )  # fmt: skip
        return id_

    async def count(self, table: str, where: str = "true") -> int:
        """How many rows a table of this cooperative has."""
        ((found,),) = await self.sql(f"SELECT count(*) FROM {table} WHERE {where}")
        return int(found)


def _line(kwh: str = "10", price: str = "3.00", **named: Any) -> dict[str, Any]:
    quantity, unit_price = Decimal(kwh), Decimal(price)
    net = named.pop("net", int(quantity * unit_price * 100))
    taxes = named.pop("taxes", VAT25)
    percent = sum(tax.percent for tax in taxes)
    return {
        "kind": "ENERGY", "element": 0, "description": "Energy", "quantity": quantity,
        "unit": "kWh", "unit_price": unit_price, "net": net,
        "taxes": json.dumps(taxes_json(taxes)), "tax": Decimal(net) * percent / 10_000, **named,
    }  # fmt: skip


async def open_books(database: Database, **named: Any) -> Books:
    yard = await open_yard(database, **named)
    return Books(yard.town, yard.database)


async def refused(order: Any) -> str:
    """The code an order is refused with."""
    try:
        await order
    except Refusal as refusal:
        return refusal.code
    raise AssertionError("nothing was refused")
