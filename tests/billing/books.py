"""A cooperative that bills: members, a hub, charges and items, and short ways of asking."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

from coop.billing.items import Item, ItemDraft, add_items
from coop.charging.domain.tariff import Tax
from coop.db.engine import Database
from coop.kernel.errors import Refusal
from coop.ledger.service import AccountKey
from coop.members.domain.people import Member
from tests.charging.yard import Yard, open_yard

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

    async def count(self, table: str, where: str = "true") -> int:
        """How many rows a table of this cooperative has."""
        ((found,),) = await self.sql(f"SELECT count(*) FROM {table} WHERE {where}")
        return int(found)


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
