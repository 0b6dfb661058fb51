"""Hubs and their ports."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from coop.charging.domain.place import Hub as HubValue
from coop.charging.domain.place import Port as PortValue
from coop.members.domain.fields import may_read
from coop.members.domain.policy import Action
from coop.schema.context import Context, Info
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId
from coop.schema.pagination import Connection, Order, Page
from coop.schema.scalars import DateRange, KWh, kwh

if TYPE_CHECKING:
    from coop.schema.cost_sharing import HubCostSharing, SharedBill
    from coop.schema.tariffs import TariffVersion

HUBS = Order("hubs", str, UUID)


@strawberry.type(description="Where one vehicle charges at a time.")
class Port(Node):
    """Where one vehicle charges at a time."""

    ref: str = strawberry.field(description="What charging platforms call it.")
    power_w: int | None = strawberry.field(description="The most it gives, in watts, if known.")

    @classmethod
    def of(cls, cooperative_id: UUID, value: PortValue) -> Port:
        """What the API shows of a port."""
        id_ = strawberry.ID(str(NodeId("Port", cooperative_id, value.id)))
        return cls(id=id_, ref=value.ref, power_w=value.power_w)


@strawberry.type(description="A place with ports that the members co-own.")
class Hub(Node):
    """A place with ports that the members co-own."""

    ref: str = strawberry.field(description="What charging platforms call it.")
    name: str = strawberry.field(description="What people call it.")
    time_zone: str = strawberry.field(description="IANA time zone of its clocks and days.")
    cooperative_id: strawberry.Private[UUID]
    value: strawberry.Private[HubValue]

    @classmethod
    def of(cls, cooperative_id: UUID, value: HubValue) -> Hub:
        """What the API shows of a hub."""
        return cls(
            id=strawberry.ID(str(NodeId("Hub", cooperative_id, value.id))),
            ref=value.ref,
            name=value.name,
            time_zone=value.time_zone.key,
            cooperative_id=cooperative_id,
            value=value,
        )

    @strawberry.field(description="Its ports.")
    async def ports(self, info: Info) -> list[Port]:
        reader = await info.context.reader(self.cooperative_id)
        found = await reader.ports_of_hub.load(self.value.id) or []
        return [Port.of(self.cooperative_id, port) for port in found]

    @strawberry.field(description="Tariffs that count or counted here, the latest first.")
    async def tariffs(
        self, info: Info, first: int | None = UNSET, after: str | None = UNSET
    ) -> Connection[Annotated[TariffVersion, strawberry.lazy("coop.schema.tariffs")]]:
        from coop.schema.tariffs import tariffs_of_hub  # noqa: PLC0415 - it knows hubs too

        page = Page(first, after)
        return await tariffs_of_hub(info.context, self.cooperative_id, self.value.id, page)

    @strawberry.field(
        description="Energy it delivered on these days; null if not the viewer's to read."
    )
    async def delivered(self, info: Info, period: DateRange) -> KWh | None:
        if not may_read(info.context.viewer, "Hub.delivered", self.cooperative_id):
            return None
        reader = await info.context.reader(self.cooperative_id)
        days: tuple[date | None, date | None] = period.bounds()
        return kwh(await reader.delivered_wh.load((self.value.id, *days)) or 0)

    @strawberry.field(description="How its grid costs are and were shared; null if not to be read.")
    async def cost_sharing(
        self, info: Info
    ) -> Annotated[HubCostSharing, strawberry.lazy("coop.schema.cost_sharing")] | None:
        from coop.schema.cost_sharing import cost_sharing_of  # noqa: PLC0415 - it knows hubs too

        if not may_read(info.context.viewer, "Hub.costSharing", self.cooperative_id):
            return None
        return await cost_sharing_of(info.context, self.cooperative_id, self.value.id)

    @strawberry.field(
        description="What a method (or the rule in force) gives of a month, nothing written: to "
        "compare methods before a vote; null if the books are not the viewer's to read."
    )
    async def cost_sharing_preview(
        self,
        info: Info,
        month: date,
        method: str | None = None,
        parameters: JSON | None = None,
    ) -> Annotated[SharedBill, strawberry.lazy("coop.schema.cost_sharing")] | None:
        from coop.schema.cost_sharing import preview_of  # noqa: PLC0415 - likewise

        if not may_read(info.context.viewer, "Hub.costSharingPreview", self.cooperative_id):
            return None
        given: Any = parameters
        return await preview_of(
            info.context, self.cooperative_id, self.value.id, month, method, given
        )


async def hub_of(context: Context, cooperative_id: UUID, hub_id: UUID) -> Hub | None:
    """The hub of that id, if the viewer may see it."""
    if not context.extent(Action.HUB_READ, cooperative_id).everything:
        return None
    reader = await context.reader(cooperative_id)
    value = await reader.hubs.load(hub_id)
    return None if value is None else Hub.of(cooperative_id, value)


@found_by("Hub")
async def hub_by_node(context: Context, named: NodeId) -> Hub | None:
    """The hub of that id, if the viewer may see it."""
    return await hub_of(context, named.cooperative_id, named.id)


@found_by("Port")
async def port_by_node(context: Context, named: NodeId) -> Port | None:
    """The port of that id, if the viewer may see hubs."""
    if not context.extent(Action.HUB_READ, named.cooperative_id).everything:
        return None
    reader = await context.reader(named.cooperative_id)
    value = await reader.ports.load(named.id)
    return None if value is None else Port.of(named.cooperative_id, value)
