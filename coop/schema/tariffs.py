"""Versions of tariffs, and what sessions were charged by them, line by line with the rule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from coop.charging import queries
from coop.charging.domain.session import MeteredPeriod
from coop.charging.domain.tariff import parse_tariff
from coop.charging.domain.tariff_text import tariff_sentences
from coop.charging.domain.versions import TariffVersion as VersionValue
from coop.charging.metered import metered_periods
from coop.charging.queries import StoredCharge, StoredLine, StoredSession
from coop.charging.tariffs import tariff_in_force
from coop.kernel import money
from coop.kernel.clock import utc_now
from coop.kernel.ids import HubId
from coop.kernel.rate import round_half_up
from coop.kernel.window import Window
from coop.members.domain.policy import Action
from coop.schema.context import Context, Info
from coop.schema.journal import JournalEntry, entry_of
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId, node_id_of_type
from coop.schema.pagination import Connection, Order, Page, connection_of
from coop.schema.scalars import Money
from coop.schema.taxes import Tax, taxes_shown

if TYPE_CHECKING:
    from coop.schema.hub import Hub

TARIFFS = Order("tariffs", datetime, UUID)


@strawberry.type(description="A tariff in force from an instant on, until the next.")
class TariffVersion(Node):
    """A tariff in force from an instant on, until the next."""

    version: int = strawberry.field(description="1, 2, 3 … for its hub and class.")
    name: str = strawberry.field(description="What people call it.")
    member_class: str | None = strawberry.field(
        description="For members of this class (guest: for nobody's badges); null for every class."
    )
    from_: datetime = strawberry.field(
        name="from", description="Sessions that start from then on are charged by it."
    )
    document: JSON = strawberry.field(
        description="The OCPI tariff; numbers with a fraction are strings."
    )
    sha256: str = strawberry.field(description="SHA-256 of its canonical text, hexadecimal.")
    text: list[str] = strawberry.field(description="Each element in plain words, in order.")
    resolution: str | None = strawberry.field(description="The resolution that adopted it.")
    value: strawberry.Private[VersionValue]

    @classmethod
    def of(cls, value: VersionValue) -> TariffVersion:
        """What the API shows of a version."""
        return cls(
            id=strawberry.ID(str(NodeId("TariffVersion", value.cooperative_id, value.id))),
            version=value.version,
            name=value.name,
            member_class=value.member_class or None,
            from_=value.from_at,
            document=_shown(parse_tariff(value.document)),
            sha256=value.document_sha256.hex(),
            text=tariff_sentences(value.tariff),
            resolution=value.resolution,
            value=value,
        )

    @strawberry.field(
        description="When the next took its place; null while it stands. From = to: corrected."
    )
    async def to(self, info: Info) -> datetime | None:
        reader = await info.context.reader(self.value.cooperative_id)
        found: datetime | None = await reader.each(queries.tariff_ends).load(self.value.id)
        return found

    @strawberry.field(description="Whose tariff it is; null for every hub's.")
    async def hub(self, info: Info) -> Annotated[Hub, strawberry.lazy("coop.schema.hub")] | None:
        from coop.schema.hub import hub_of  # noqa: PLC0415 - hubs know their tariffs too

        if self.value.hub_id is None:
            return None
        return await hub_of(info.context, self.value.cooperative_id, self.value.hub_id)


def _shown(value: Any) -> Any:
    """A document as JSON without fractions: those are strings."""
    if isinstance(value, dict):
        return {name: _shown(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_shown(one) for one in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else f"{value:f}"
    return value


async def tariffs_of_hub(
    context: Context, cooperative_id: UUID, hub_id: UUID, page: Page
) -> Connection[Annotated[TariffVersion, strawberry.lazy("coop.schema.tariffs")]]:
    """The versions that may count at a hub, the latest first; none for who may not read them."""
    reader = await context.reader(cooperative_id)
    allowed = context.extent(Action.TARIFF_READ, cooperative_id).everything

    async def fetch(window: Window) -> Sequence[VersionValue]:
        if not allowed:
            return []
        return await reader.each(queries.tariffs_pages, window).load(hub_id) or []

    async def count() -> int:
        return await reader.each(queries.tariffs_counts).load(hub_id) or 0 if allowed else 0

    return await connection_of(
        Connection[TariffVersion], TARIFFS, page, fetch=fetch, count=count,
        key=lambda row: (row.from_at, row.id), node=TariffVersion.of,
    )  # fmt: skip


async def tariff_at(
    context: Context, cooperative_id: UUID, hub: strawberry.ID, name: str, at: datetime | None
) -> TariffVersion | None:
    """The version in force, if the viewer may read tariffs. Refuses NOT_FOUND for no hub's id."""
    named = node_id_of_type(hub, "Hub", "hubId")
    if not context.extent(Action.TARIFF_READ, cooperative_id).everything:
        return None
    reader = await context.reader(cooperative_id)
    value = await reader.ask(tariff_in_force, HubId(named.id), name, at or utc_now())
    return None if value is None else TariffVersion.of(value)


@found_by("TariffVersion")
async def tariff_by_node(context: Context, named: NodeId) -> TariffVersion | None:
    """The version of that id, if the viewer may read tariffs."""
    return await _tariff_of(context, named.cooperative_id, named.id)


async def _tariff_of(context: Context, cooperative_id: UUID, id_: UUID) -> TariffVersion | None:
    if not context.extent(Action.TARIFF_READ, cooperative_id).everything:
        return None
    reader = await context.reader(cooperative_id)
    value = await reader.each(queries.tariff_versions_by_ids).load(id_)
    return None if value is None else TariffVersion.of(value)


@strawberry.type(description="One priced part of a charge.")
class ChargeLine:
    """One priced part of a charge, with the element of the tariff that priced it."""

    kind: str = strawberry.field(description="ENERGY, FLAT, TIME, PARKING_TIME and so on.")
    element: int | None = strawberry.field(description="Which element priced it, from 0.")
    description: str = strawberry.field(description="What it is.")
    quantity: Decimal = strawberry.field(description="How much of the unit.")
    unit: str = strawberry.field(description="kWh, h or session.")
    unit_price: Decimal = strawberry.field(description="Of one unit, before tax.")
    net: Money = strawberry.field(description="Before tax, rounded once.")
    taxes: list[Tax] = strawberry.field(description="Taxes on it.")

    @classmethod
    def of(cls, value: StoredLine, currency: str) -> ChargeLine:
        """What the API shows of a line."""
        return cls(
            kind=value.kind,
            element=value.element,
            description=value.description,
            quantity=value.quantity,
            unit=value.unit,
            unit_price=value.unit_price,
            net=Money.of(money.Money(currency, value.net_minor)),
            taxes=taxes_shown(value.taxes),
        )


@strawberry.type(description="What a session was charged; one that takes another back is negative.")
class Charge(Node):
    """What a session was charged under a tariff; never changed, only taken back and replaced."""

    effective_on: date = strawberry.field(description="Day it counts for in the books.")
    net: Money = strawberry.field(description="Before tax.")
    tax: Money = strawberry.field(description="Tax on it by itself; a bill rounds once for all.")
    gross: Money = strawberry.field(description="Both.")
    reason: str | None = strawberry.field(
        description="Why it was rated anew or taken back; null for a first rating."
    )
    rated_at: datetime = strawberry.field(description="When it was rated.")
    value: strawberry.Private[StoredCharge]

    @classmethod
    def of(cls, value: StoredCharge) -> Charge:
        """What the API shows of a charge."""
        scale = 10 ** money.currency_scale(value.currency)
        tax_minor = round_half_up(value.tax * scale)
        net, tax, gross = (
            Money.of(money.Money(value.currency, minor))
            for minor in (value.net_minor, tax_minor, value.net_minor + tax_minor)
        )
        return cls(
            id=strawberry.ID(str(NodeId("Charge", value.cooperative_id, value.id))),
            effective_on=value.effective_on,
            net=net,
            tax=tax,
            gross=gross,
            reason=value.reason or None,
            rated_at=value.rated_at,
            value=value,
        )

    @strawberry.field(description="Its lines.")
    async def lines(self, info: Info) -> list[ChargeLine]:
        reader = await info.context.reader(self.value.cooperative_id)
        found = await reader.each(queries.lines_of_charges).load(self.value.id)
        return [ChargeLine.of(one, self.value.currency) for one in found or ()]

    @strawberry.field(description="The tariff it was rated by.")
    async def tariff(self, info: Info) -> TariffVersion | None:
        value = self.value
        return await _tariff_of(info.context, value.cooperative_id, value.tariff_version_id)

    @strawberry.field(description="In plain words, each element of the tariff that priced it.")
    async def rule(self, info: Info) -> list[str]:
        reader = await info.context.reader(self.value.cooperative_id)
        version = await reader.each(queries.tariff_versions_by_ids).load(
            self.value.tariff_version_id
        )
        lines = await reader.each(queries.lines_of_charges).load(self.value.id)
        sentences = [] if version is None else tariff_sentences(version.tariff)
        elements = sorted({one.element for one in lines or () if one.element is not None})
        return [sentences[element] for element in elements if element < len(sentences)]

    @strawberry.field(description="The resolution that adopted the tariff.")
    async def resolution(self, info: Info) -> str | None:
        reader = await info.context.reader(self.value.cooperative_id)
        version = await reader.each(queries.tariff_versions_by_ids).load(
            self.value.tariff_version_id
        )
        return None if version is None else version.resolution

    @strawberry.field(description="Its journal entry.")
    async def entry(self, info: Info) -> JournalEntry | None:
        return await entry_of(info.context, self.value.cooperative_id, self.value.entry_id)

    @strawberry.field(description="The charge in whose place it came.")
    async def replaces(self, info: Info) -> Charge | None:
        return await _charge(info.context, self.value.cooperative_id, self.value.replaces_id)

    @strawberry.field(description="The charge that it takes back.")
    async def credit_of(self, info: Info) -> Charge | None:
        return await _charge(info.context, self.value.cooperative_id, self.value.credit_of_id)


async def _charge(context: Context, cooperative_id: UUID, id_: UUID | None) -> Charge | None:
    extent = context.extent(Action.SESSION_READ, cooperative_id)
    if id_ is None or extent.is_empty:
        return None
    reader = await context.reader(cooperative_id)
    value = await reader.each(queries.charges_by_ids).load(id_)
    return Charge.of(value) if value is not None and extent.reaches(value.member_id) else None


@found_by("Charge")
async def charge_by_node(context: Context, named: NodeId) -> Charge | None:
    """The charge of that id, if the viewer may read its member's sessions."""
    return await _charge(context, named.cooperative_id, named.id)


async def charges_of(context: Context, session: StoredSession) -> list[Charge]:
    """What a session was ever charged, in order, as far as the viewer may see it.

    A credit's is the charge that takes back the session's it credits.
    """
    extent = context.extent(Action.SESSION_READ, session.cooperative_id)
    reader = await context.reader(session.cooperative_id)
    of = session.credit_of_id or session.id
    found: list[StoredCharge] = await reader.each(queries.charges_of_sessions).load(of) or []
    if session.credit_of_id is not None:
        found = [one for one in found if one.entry_id == session.entry_id]
    return [Charge.of(one) for one in found if extent.reaches(one.member_id)]


@strawberry.type(description="One metered quantity of a period, in OCPI's own unit.")
class SessionDimension:
    """One metered quantity of a period: ENERGY in kWh, TIME in h, and so on."""

    type: str = strawberry.field(description="ENERGY, TIME, PARKING_TIME and so on.")
    volume: Decimal = strawberry.field(description="How much.")


@strawberry.type(description="A part of a session within which nothing changed.")
class SessionPeriod:
    """A part of a session within which nothing changed; it ends where the next one starts."""

    started_at: datetime = strawberry.field(description="When it began.")
    energy: Decimal | None = strawberry.field(description="kWh as metered, if it says any.")
    dimensions: list[SessionDimension] = strawberry.field(description="All that was metered.")

    @classmethod
    def of(cls, value: MeteredPeriod) -> SessionPeriod:
        """What the API shows of a period."""
        metered = [one.volume for one in value.dimensions if one.type == "ENERGY"]
        return cls(
            started_at=value.started_at,
            energy=sum(metered, Decimal(0)) if metered else None,
            dimensions=[SessionDimension(type=d.type, volume=d.volume) for d in value.dimensions],
        )


async def periods_of(context: Context, session: StoredSession) -> list[SessionPeriod]:
    """The metered periods that a session's own record tells; none of a mapped file's row."""
    reader = await context.reader(session.cooperative_id)
    kind, raw = await reader.each(queries.raw_of_sessions).load(session.id) or ("csv", b"")
    return [SessionPeriod.of(one) for one in metered_periods(kind, raw)]
