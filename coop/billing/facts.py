"""What is known of a commitment's months: energy metered at its hubs, how long those were down.

A session counts in the month of its effective day, at a hub of the commitment, unless it was
credited. A month keeps the ports it was first settled with: one that is built later had no part in
it. After a commitment's term only hubs count at which the member has no other commitment:
what that one claims is not made up here as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.commitment import month_after, months_of
from coop.billing.domain.downtime import HubMonth, down_share, instants_of
from coop.billing.domain.settlement import MonthFacts
from coop.billing.queries import commitments as queries
from coop.billing.queries.commitments import Commitment
from coop.charging import queries as charging
from coop.charging.domain.interruption import Interruption
from coop.charging.domain.place import Hub, Port
from coop.kernel.ids import HubId

Ports = dict[HubId, list[UUID]]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a month: the facts, and by hub the metered energy and the ports."""

    facts: MonthFacts
    metered_wh: dict[HubId, int]
    ports: Ports


@dataclass(frozen=True, slots=True)
class _Places:
    hubs: dict[HubId, Hub]
    ports: dict[HubId, list[Port]]
    interruptions: dict[HubId, list[Interruption]]

    def ports_of(self, one: Commitment) -> Ports:
        """The ports of a commitment's hubs that are registered now."""
        return {hub: sorted(port.id for port in self.ports.get(hub, ())) for hub in one.hub_ids}


async def facts_of(
    connection: AsyncConnection,
    commitment_ids: Iterable[UUID],
    from_on: date,
    to_on: date,
    kept: Mapping[tuple[UUID, date], Ports] | None = None,
) -> list[tuple[Commitment, dict[date, Known]]]:
    """Each commitment with what is known of its months in [from_on, to_on), by month.

    `kept` are the ports that a commitment's month was settled with.
    """
    found = (await queries.commitments_by_ids(connection, commitment_ids)).values()
    ordered = sorted(found, key=lambda one: (one.from_on, one.id))
    members = {one.member_id for one in ordered}
    metered = await queries.metered_wh(connection, members, from_on, to_on)
    places = await _places(connection, ordered, from_on, to_on)
    elsewhere = await queries.in_force_elsewhere(
        connection, [one.id for one in ordered], from_on, to_on
    )
    known: list[tuple[Commitment, dict[date, Known]]] = []
    for one in ordered:
        others = elsewhere.get(one.id, [])
        months = {}
        for month in months_of(max(from_on, one.from_on), to_on):
            hubs = _counting(one, others, month)
            by_hub = {hub: metered.get((one.member_id, hub, month), 0) for hub in hubs}
            ports = (kept or {}).get((one.id, month)) or places.ports_of(one)
            down = _down(one, places, ports, month)
            months[month] = Known(MonthFacts(month, sum(by_hub.values()), down), by_hub, ports)
        known.append((one, months))
    return known


def _counting(
    one: Commitment, others: Sequence[tuple[HubId, date, date]], month: date
) -> tuple[HubId, ...]:
    """The hubs whose sessions count for a commitment in a month."""
    if month < one.to_on:
        return one.hub_ids
    claimed = {hub for hub, from_on, to_on in others if from_on <= month < to_on}
    return tuple(hub for hub in one.hub_ids if hub not in claimed)


def _down(one: Commitment, places: _Places, ports: Ports, month: date) -> Fraction:
    return down_share(
        [
            HubMonth(
                places.hubs[hub].time_zone,
                ports.get(hub, ()),
                places.interruptions.get(hub, ()),
            )
            for hub in one.hub_ids
        ],
        month,
    )


async def _places(
    connection: AsyncConnection, commitments: Sequence[Commitment], from_on: date, to_on: date
) -> _Places:
    ids = {hub for one in commitments for hub in one.hub_ids}
    hubs = await charging.hubs_by_ids(connection, ids)
    ports = await charging.ports_of_hubs(connection, ids)
    starts = [instants_of(from_on, hub.time_zone)[0] for hub in hubs.values()]
    ends = [instants_of(month_after(to_on, -1), hub.time_zone)[1] for hub in hubs.values()]
    interruptions: dict[HubId, list[Interruption]] = {}
    if hubs:
        for one in await charging.interruptions(connection, ids, min(starts), max(ends)):
            interruptions.setdefault(one.hub_id, []).append(one)
    return _Places(hubs, ports, interruptions)
