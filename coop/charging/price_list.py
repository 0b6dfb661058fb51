"""What sessions are priced by: the versions in force, members' classes, the hubs' own pauses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import queries
from coop.charging.domain.interruption import Interruption, pauses_of
from coop.charging.domain.place import Hub
from coop.charging.domain.pricing import Charge, price
from coop.charging.domain.session import ChargingSession
from coop.charging.domain.versions import TariffBook, TariffVersion
from coop.charging.errors import PriceMissing
from coop.kernel.ids import HubId, MemberId
from coop.members.classes import classes_of_members
from coop.members.domain.classes import GUEST, MemberClass, class_on


@dataclass(frozen=True, slots=True)
class Rated:
    """What a session costs, and by which version of a tariff."""

    version: TariffVersion
    charge: Charge


@dataclass(frozen=True, slots=True)
class PriceList:
    """Everything that decides the prices of sessions at some hubs in some span of time."""

    book: TariffBook
    classes: Mapping[UUID, Sequence[MemberClass]]
    interruptions: Mapping[HubId, Sequence[Interruption]]

    def rate(
        self, session: ChargingSession, hub: Hub, port_id: UUID | None, member_id: MemberId | None
    ) -> Rated:
        """The charge of a session by the version in force for its hub and the member's class.

        The class is that of the day the session started at the hub. Refuses PRICE_MISSING, and
        INVALID_VALUE for more than books can hold.
        """
        version = self.book.in_force(
            hub.id, self._class_of(member_id, session.started_at, hub), session.started_at
        )
        if version is None:
            raise PriceMissing(f"{hub.name} had no price when this session started.")
        pauses = pauses_of(
            self.interruptions.get(hub.id, ()), port_id, session.started_at, session.ended_at
        )
        return Rated(version, price(version.tariff, session, hub.time_zone, pauses))

    def _class_of(self, member_id: MemberId | None, at: datetime, hub: Hub) -> str:
        if member_id is None:
            return GUEST
        classes = self.classes.get(member_id)
        return class_on(classes, at.astimezone(hub.time_zone).date()) if classes else ""


async def price_list(
    connection: AsyncConnection,
    hub_ids: Iterable[HubId],
    member_ids: Iterable[MemberId | None],
    from_at: datetime,
    to_at: datetime,
) -> PriceList:
    """What prices sessions of these members at these hubs within [from_at, to_at)."""
    hubs = set(hub_ids)
    interruptions: dict[HubId, list[Interruption]] = {}
    for one in await queries.interruptions(connection, hubs, from_at, to_at):
        interruptions.setdefault(one.hub_id, []).append(one)
    members = {one for one in member_ids if one is not None}
    return PriceList(
        book=await queries.tariff_book(connection, hubs),
        classes=await classes_of_members(connection, members),
        interruptions=interruptions,
    )
