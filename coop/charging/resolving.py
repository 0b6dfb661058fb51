"""Which hub, port, price and member each row of a chunk belongs to, in one question each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date

from coop.charging import queries, service, tariffs
from coop.charging.desk import Desk, Row
from coop.charging.domain.entries import effective_on
from coop.charging.domain.place import (
    ALWAYS,
    Holding,
    HoldingDraft,
    Hub,
    HubDraft,
    PortDraft,
    holder_on,
)
from coop.charging.errors import CurrencyMismatch, HubUnknown, PriceMissing
from coop.charging.price_list import PriceList, price_list
from coop.kernel.errors import Refusal
from coop.kernel.ids import MemberId
from coop.members import service as members
from coop.members.domain.people import MemberDraft


async def place(desk: Desk, rows: Sequence[Row]) -> None:
    """The hub of each row; refuses rows of unknown hubs and of other currencies."""
    refs = {row.session.hub_ref: row.session.hub_name for row in rows}
    hubs = await queries.hubs_by_refs(desk.connection, refs)
    missing = [ref for ref in refs if ref not in hubs]
    if missing and desk.rules.register_hubs:
        drafts = [HubDraft(ref, refs[ref] or ref, desk.rules.zone_of(ref)) for ref in missing]
        hubs |= await service.register_hubs(
            desk.connection, desk.viewer, desk.cooperative_id, drafts
        )
    for row in rows:
        row.hub = hubs.get(row.session.hub_ref)
        currency = row.session.currency
        if row.hub is None:
            why = f'No hub goes by "{row.session.hub_ref}"; register it, or let the import do so.'
            row.refusal = HubUnknown(why, (desk.rules.hub_field,))
        elif currency is not None and currency != desk.rules.currency:
            why = f"It is in {currency}, the cooperative's books are in {desk.rules.currency}."
            row.refusal = CurrencyMismatch(why, ("currency",))


async def find_ports(desk: Desk, rows: Sequence[Row]) -> None:
    """The port of each row where it is known or may be registered; a session needs none."""
    wanted = {
        (row.hub.id, row.session.port_ref) for row in rows if row.hub and row.session.port_ref
    }
    found = await queries.ports_of_hubs(desk.connection, {hub_id for hub_id, _ in wanted})
    ports = {(port.hub_id, port.ref): port for several in found.values() for port in several}
    missing = sorted(wanted - ports.keys())
    if missing and desk.rules.register_ports:
        drafts = [PortDraft(hub_id, ref) for hub_id, ref in missing]
        ports |= await service.register_ports(
            desk.connection, desk.viewer, desk.cooperative_id, drafts
        )
    for row in rows:
        if row.hub and row.session.port_ref:
            port = ports.get((row.hub.id, row.session.port_ref))
            row.port_id = None if port is None else port.id


async def find_prices(desk: Desk, rows: Sequence[Row]) -> None:
    """What each session costs by the tariff in force when it started, for whoever it is of."""
    hubs = {row.hub.id: row.hub for row in rows if row.hub}
    if not hubs:
        return
    prices = await price_list(
        desk.connection, hubs, {row.member_id for row in rows},
        min(row.session.started_at for row in rows), max(row.session.ended_at for row in rows),
    )  # fmt: skip
    drafts = [
        tariffs.PriceDraft(hub.id, ALWAYS, per_kwh)
        for hub in hubs.values()
        if not prices.book.prices(hub.id) and (per_kwh := desk.rules.price_of(hub.ref)) is not None
    ]
    if drafts:
        for made in await tariffs.set_flat_prices(
            desk.connection, desk.viewer, desk.cooperative_id, drafts
        ):
            prices.book.add(made)
    for row in rows:
        if row.hub is not None:
            row.on = effective_on(row.session.ended_at, row.hub.time_zone)
            row.refusal = _rate(row, row.hub, prices, desk.rules.hub_field)


def _rate(row: Row, hub: Hub, prices: PriceList, hub_field: str) -> Refusal | None:
    try:
        row.rated = prices.rate(row.session, hub, row.port_id, row.member_id)
    except PriceMissing as refusal:
        refusal.path = (hub_field,)
        return refusal
    except Refusal as refusal:
        return refusal
    row.amount_minor = row.rated.charge.amount_minor
    return None


async def find_holders(desk: Desk, rows: Sequence[Row]) -> None:
    """Whose badge each is on the day its session started; a mapped file's unknown users join."""
    uids = {row.session.token_uid for row in rows if row.session.token_uid}
    holdings = await queries.holdings_of(desk.connection, uids)
    if desk.rules.register_members:
        joining = _joining([row for row in rows if row.session.token_uid not in holdings])
        for holding in await _join(desk, joining) if joining else ():
            holdings[holding.uid] = [holding]
    for row in rows:
        row.member_id = holder_on(holdings.get(row.session.token_uid or "", []), _started_on(row))


def _started_on(row: Row) -> date:
    zone = UTC if row.hub is None else row.hub.time_zone
    return row.session.started_at.astimezone(zone).date()


def _joining(rows: Sequence[Row]) -> dict[str, MemberDraft]:
    """Who a file names that is not known, by badge; each joins on the day of its first session."""
    found: dict[str, MemberDraft] = {}
    for row in sorted(rows, key=_started_on):
        uid, number = row.session.token_uid, row.session.member_ref
        if uid and number:
            found.setdefault(uid, MemberDraft(number, _started_on(row), number))
    return found


async def _join(desk: Desk, joining: dict[str, MemberDraft]) -> list[Holding]:
    """Admit members and give them their badges, since ever: older files may follow."""
    registered = await members.register_members(
        desk.connection, desk.viewer, desk.cooperative_id, list(joining.values())
    )
    drafts = [
        HoldingDraft(uid, MemberId(one.member.id), ALWAYS.date())
        for uid, one in zip(joining, registered, strict=True)
    ]
    return await service.register_tokens(desk.connection, desk.viewer, desk.cooperative_id, drafts)
