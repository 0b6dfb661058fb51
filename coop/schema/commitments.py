"""Commitments of members: terms, months settled, what may still be made up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import strawberry
from strawberry import UNSET

from coop.billing.domain.settlement import MovementKind
from coop.billing.queries import commitments as queries
from coop.billing.queries import settlements as settlement_queries
from coop.billing.queries.commitments import Commitment as CommitmentValue
from coop.billing.queries.commitments import StoredTerms
from coop.billing.queries.settlements import StoredCredit, StoredSettlement
from coop.kernel import money
from coop.kernel.ids import EntryId
from coop.kernel.window import Window
from coop.ledger.domain.canonical import json_bytes
from coop.members.domain.policy import Action
from coop.schema.bill_items import BillItem, item_by_id
from coop.schema.context import Context, Info, Reader, gathered
from coop.schema.hub import Hub, hub_of
from coop.schema.journal import JournalEntry, entry_of
from coop.schema.member import Member, cooperative_value, member_of
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.scalars import KWh, Money, kwh
from coop.schema.taxes import Tax

SETTLEMENTS = Order("settlements", int)

strawberry.enum(MovementKind, description="What happens to a make-up credit.")


@strawberry.type(description="What a commitment says from a month on; each version anew.")
class CommitmentTerms:
    """A version of a commitment's terms."""

    version: int = strawberry.field(description="1, 2, 3 …; the last one begun is in force.")
    from_: date = strawberry.field(name="from", description="First day of its first month.")
    to: date = strawberry.field(description="First day after the commitment's last month.")
    minimum: KWh = strawberry.field(description="Energy pledged a month, before the ramp.")
    ramp: list[Decimal] = strawberry.field(description="Factors of its first months, 0 to 1.")
    shortfall_price: Decimal = strawberry.field(
        description="Per kWh that is missing, before tax, in the cooperative's currency."
    )
    overage_price: Decimal | None = strawberry.field(
        description="Per kWh above the minimum beside its tariff; null for none."
    )
    make_up_months: int = strawberry.field(
        description="Months in which a paid shortfall may be made up; 0 for no such right."
    )
    bank_cap: KWh = strawberry.field(description="Over-use that may be kept for later minimums.")
    outage_relief: bool = strawberry.field(description="Whether outages lower the minimum.")
    deposit: Money = strawberry.field(description="The deposit that is agreed.")
    taxes: list[Tax] = strawberry.field(description="On shortfall and overage.")
    resolution: str | None = strawberry.field(
        description="The resolution it rests on, if one is named."
    )
    set_at: datetime = strawberry.field(description="When it was set.")

    @classmethod
    def of(cls, value: StoredTerms, currency: str) -> CommitmentTerms:
        """What the API shows of a version."""
        terms = value.terms
        return cls(
            version=value.version,
            from_=terms.from_on,
            to=terms.to_on,
            minimum=kwh(terms.minimum_wh),
            ramp=list(terms.ramp),
            shortfall_price=terms.shortfall_per_kwh,
            overage_price=terms.overage_per_kwh,
            make_up_months=terms.make_up_months,
            bank_cap=kwh(terms.bank_cap_wh),
            outage_relief=terms.outage_relief,
            deposit=Money.of(money.Money(currency, terms.deposit_minor)),
            taxes=[Tax.of(tax) for tax in terms.taxes],
            resolution=value.resolution,
            set_at=value.set_at,
        )


@strawberry.type(description="A paid shortfall that may be made up by charging more later.")
class MakeUpCredit:
    """A paid shortfall that may be made up."""

    issued_on: date = strawberry.field(description="First day of the month of the shortfall.")
    expires_on: date = strawberry.field(description="First day it can no longer be used.")
    price: Decimal = strawberry.field(description="Per kWh, as it was paid, before tax.")
    issued: KWh = strawberry.field(description="Energy that was paid for.")
    open: KWh = strawberry.field(description="Energy that may still be made up.")
    paid: Money = strawberry.field(description="What was charged for it, before tax.")
    owed: Money = strawberry.field(description="What the cooperative still owes for it.")

    @classmethod
    def of(cls, value: StoredCredit, currency: str) -> MakeUpCredit:
        """What the API shows of a credit."""
        credit = value.credit
        return cls(
            issued_on=credit.issued_on,
            expires_on=credit.expires_on,
            price=value.per_kwh,
            issued=kwh(credit.issued_wh),
            open=kwh(credit.open_wh),
            paid=Money.of(money.Money(currency, credit.issued_minor)),
            owed=Money.of(money.Money(currency, credit.open_minor)),
        )


@strawberry.type(description="What a settlement adds to a make-up credit, or takes off it.")
class MakeUpMovement:
    """What a settlement adds to a make-up credit (+) or takes off it (−)."""

    kind: MovementKind = strawberry.field(description="What happened.")
    issued_on: date = strawberry.field(description="Which credit: the month of its shortfall.")
    energy: KWh = strawberry.field(description="Energy added (+) or taken off (−).")
    amount: Money = strawberry.field(description="Money added (+) or taken off (−), before tax.")


@strawberry.type(
    description="A month of a commitment, settled; an adjusting one holds only differences."
)
class CommitmentSettlement(Node):
    """A settlement: never changed, only adjusted by another."""

    number: int = strawberry.field(description="1, 2, 3 … of the commitment.")
    month: date = strawberry.field(description="First day of the month that was settled.")
    effective_on: date = strawberry.field(description="The day it counts for in the books.")
    terms_version: int = strawberry.field(description="The version of the terms in force.")
    metered: KWh = strawberry.field(description="Energy taken at its hubs.")
    pledged: KWh = strawberry.field(description="Energy pledged for the month.")
    excused: KWh = strawberry.field(description="Of it, excused because ports were down.")
    minimum: KWh = strawberry.field(description="Pledged less excused.")
    met: KWh = strawberry.field(description="Of the minimum, taken in the month.")
    bank_used: KWh = strawberry.field(description="Of the minimum, covered by banked over-use.")
    shortfall: KWh = strawberry.field(description="Of the minimum, missing.")
    made_up: KWh = strawberry.field(description="Above the minimum, covered by make-up credits.")
    banked: KWh = strawberry.field(description="Above the minimum, kept for later minimums.")
    overage: KWh = strawberry.field(description="The rest above, beyond what was excused.")
    issued: KWh = strawberry.field(description="Make-up credit issued for the shortfall.")
    expired: KWh = strawberry.field(description="Make-up credits that expired or were let go.")
    shortfall_amount: Money = strawberry.field(description="Charged for shortfall, before tax.")
    overage_amount: Money = strawberry.field(description="Charged for overage, before tax.")
    made_up_amount: Money = strawberry.field(description="Credited for what was made up.")
    expired_amount: Money = strawberry.field(description="Revenue from what expired.")
    movements: list[MakeUpMovement] = strawberry.field(description="Of make-up credits, in order.")
    inputs: str = strawberry.field(
        description="What it was computed from, canonical JSON: enough to compute it again."
    )
    inputs_sha256: str = strawberry.field(description="SHA-256 of the inputs, hexadecimal.")
    settled_at: datetime = strawberry.field(description="When it was settled.")
    value: strawberry.Private[StoredSettlement]

    @classmethod
    def of(cls, value: StoredSettlement, currency: str) -> CommitmentSettlement:
        """What the API shows of a settlement."""
        settled, figures = value.settlement, value.settlement.figures
        ended = (MovementKind.EXPIRED, MovementKind.RELEASED)

        def shown(minor: int) -> Money:
            return Money.of(money.Money(currency, minor))

        return cls(
            id=strawberry.ID(str(NodeId("CommitmentSettlement", value.cooperative_id, value.id))),
            number=value.number,
            month=settled.month,
            effective_on=value.effective_on,
            terms_version=value.terms_version,
            **{
                name.removesuffix("_wh"): kwh(getattr(figures, name))
                for name in figures.__slots__
                if name.endswith("_wh")
            },
            made_up=kwh(-settled.moved_wh(MovementKind.USED)),
            issued=kwh(settled.moved_wh(MovementKind.ISSUED)),
            expired=kwh(-sum(settled.moved_wh(kind) for kind in ended)),
            shortfall_amount=shown(figures.shortfall_minor),
            overage_amount=shown(figures.overage_minor),
            made_up_amount=shown(-settled.moved_minor(MovementKind.USED)),
            expired_amount=shown(-sum(settled.moved_minor(kind) for kind in ended)),
            movements=[
                MakeUpMovement(
                    kind=one.kind, issued_on=one.issued_on, energy=kwh(one.wh),
                    amount=shown(one.minor),
                )
                for one in settled.movements
            ],
            inputs=json_bytes(value.inputs).decode(),
            inputs_sha256=bytes(value.inputs_sha256).hex(),
            settled_at=value.settled_at,
            value=value,
        )  # fmt: skip

    @strawberry.field(description="The settlement it adjusts, if it is an adjusting one.")
    async def adjusts(self, info: Info) -> CommitmentSettlement | None:
        if self.value.adjusts_id is None:
            return None
        reader = await info.context.reader(self.value.cooperative_id)
        found = await reader.each(settlement_queries.settlements_by_ids).load(self.value.adjusts_id)
        return None if found is None else CommitmentSettlement.of(found, await _currency(reader))

    @strawberry.field(description="Its entry in kWh and of what expired, if it has one.")
    async def entry(self, info: Info) -> JournalEntry | None:
        if self.value.entry_id is None:
            return None
        entry_id = EntryId(self.value.entry_id)
        return await entry_of(info.context, self.value.cooperative_id, entry_id)

    @strawberry.field(description="What it put on the bill; empty where it comes to nothing.")
    async def items(self, info: Info) -> list[BillItem]:
        reader = await info.context.reader(self.value.cooperative_id)
        ids = await reader.each(settlement_queries.items_of_settlements).load(self.value.id)
        found = await gathered(item_by_id(reader, id_) for id_ in ids or ())
        return [item for item in found if item is not None]


@strawberry.type(description="A member's pledge to take energy every month.")
class Commitment(Node):
    """A member's pledge to take energy every month, at a hub or a pool of hubs."""

    from_: date = strawberry.field(name="from", description="First day of its first month.")
    to: date = strawberry.field(description="First day after its last month.")
    pledged_at: datetime = strawberry.field(description="When it was pledged.")
    value: strawberry.Private[CommitmentValue]

    @classmethod
    def of(cls, value: CommitmentValue) -> Commitment:
        """What the API shows of a commitment."""
        return cls(
            id=strawberry.ID(str(NodeId("Commitment", value.cooperative_id, value.id))),
            from_=value.from_on,
            to=value.to_on,
            pledged_at=value.pledged_at,
            value=value,
        )

    async def _reader(self, info: Info) -> Reader:
        return await info.context.reader(self.value.cooperative_id)

    @strawberry.field(description="Who pledged.")
    async def member(self, info: Info) -> Member | None:
        return await member_of(info.context, self.value.cooperative_id, self.value.member_id)

    @strawberry.field(description="Where its sessions count; several hubs are a pool.")
    async def hubs(self, info: Info) -> list[Hub]:
        ids = self.value.hub_ids
        found = await gathered(hub_of(info.context, self.value.cooperative_id, id_) for id_ in ids)
        return [hub for hub in found if hub is not None]

    @strawberry.field(description="Its terms, version by version.")
    async def terms(self, info: Info) -> list[CommitmentTerms]:
        currency = await _currency(await self._reader(info))
        return [CommitmentTerms.of(version, currency) for version in self.value.versions]

    @strawberry.field(description="Its settlements, the latest first, adjusting ones too.")
    async def settlements(
        self, info: Info, first: int | None = UNSET, after: str | None = UNSET
    ) -> Connection[CommitmentSettlement]:
        reader = await self._reader(info)
        currency = await _currency(reader)
        id_ = self.value.id

        async def fetch(window: Window) -> Sequence[StoredSettlement]:
            pages = reader.each(settlement_queries.settlements_pages, window)
            return await pages.load(id_) or []

        async def count() -> int:
            return await reader.each(settlement_queries.settlements_counts).load(id_) or 0

        return await connection_of(
            Connection[CommitmentSettlement], SETTLEMENTS, Page(first, after), fetch=fetch,
            count=count, key=lambda row: (row.number,),
            node=lambda row: CommitmentSettlement.of(row, currency),
        )  # fmt: skip

    @strawberry.field(description="Its make-up credits, the oldest first, used ones too.")
    async def make_up_credits(self, info: Info) -> list[MakeUpCredit]:
        reader = await self._reader(info)
        currency = await _currency(reader)
        found = await reader.each(settlement_queries.credits_of).load(self.value.id)
        return [MakeUpCredit.of(credit, currency) for credit in found or ()]

    @strawberry.field(description="Over-use that is kept for later minimums.")
    async def banked(self, info: Info) -> KWh:
        reader = await self._reader(info)
        found = await reader.each(settlement_queries.banked_wh_of).load(self.value.id)
        return kwh(found or 0)

    @strawberry.field(description="The deposit that the cooperative holds for it.")
    async def deposit(self, info: Info) -> Money:
        reader = await self._reader(info)
        held = await reader.each(queries.deposits_held).load(self.value.id)
        return Money.of(money.Money(await _currency(reader), held or 0))


async def _currency(reader: Reader) -> str:
    return (await cooperative_value(reader)).currency


async def commitments_of_member(
    context: Context, cooperative_id: UUID, member_id: UUID
) -> list[Commitment]:
    """A member's commitments, the first begun first; the asker has judged who asks."""
    reader = await context.reader(cooperative_id)
    found = await reader.each(queries.commitments_of_members).load(member_id)
    return [Commitment.of(one) for one in found or ()]


async def commitment_named(context: Context, named: NodeId) -> Commitment | None:
    """The commitment of that id, if the viewer may read its member's."""
    found = await _readable(context, named.cooperative_id, named.id)
    return None if found is None else Commitment.of(found)


found_by("Commitment")(commitment_named)


@found_by("CommitmentSettlement")
async def settlement_by_node(context: Context, named: NodeId) -> CommitmentSettlement | None:
    """The settlement of that id, if the viewer may read its member's."""
    if context.extent(Action.COMMITMENT_READ, named.cooperative_id).is_empty:
        return None
    reader = await context.reader(named.cooperative_id)
    value = await reader.each(settlement_queries.settlements_by_ids).load(named.id)
    if value is None or not await _readable(context, named.cooperative_id, value.commitment_id):
        return None
    return CommitmentSettlement.of(value, await _currency(reader))


async def _readable(
    context: Context, cooperative_id: UUID, commitment_id: UUID
) -> CommitmentValue | None:
    extent = context.extent(Action.COMMITMENT_READ, cooperative_id)
    if extent.is_empty:
        return None
    reader = await context.reader(cooperative_id)
    value: CommitmentValue | None = await reader.each(queries.commitments_by_ids).load(
        commitment_id
    )
    return value if value is not None and extent.reaches(value.member_id) else None
