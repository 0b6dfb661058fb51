"""Tariffs and CDRs whose prices are worked out by hand, and short ways of asking what was charged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from coop.charging import queries, tariffs
from coop.charging.queries import StoredCharge
from coop.charging.tariffs import TariffDraft
from tests.charging.domain.sample import cdr
from tests.charging.yard import SPRING, Yard

VAT = {"name": "VAT", "percent": "25"}


def component(kind: str, price: str, step_size: int = 1, *taxes: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"type": kind, "price": Decimal(price), "step_size": step_size}
    return {**found, "taxes": list(taxes)} if taxes else found


def tariff(*components: dict[str, Any], currency: str = "NOK", **more: Any) -> dict[str, Any]:
    """A document of one element."""
    elements = [{"price_components": list(components)}]
    return {"id": "t1", "currency": currency, "elements": elements, **more}


def per_kwh(price: str, *taxes: dict[str, str], **more: Any) -> dict[str, Any]:
    return tariff(component("ENERGY", price, 1, *taxes), **more)


async def set_tariff(yard: Yard, document: object, from_at: datetime = SPRING, **named: Any) -> Any:
    return await yard.order(tariffs.set_tariff, TariffDraft(document, from_at, **named))


def march(number: int, uid: str = "badge-1", **changes: Any) -> dict[str, Any]:
    """A CDR of 12.34 kWh on that day of March 2026, from 23:00 to 01:30 in Oslo."""
    start = datetime(2026, 3, number, 22, tzinfo=UTC)
    return cdr(**{
        "id": f"cdr-{number}", "currency": "NOK",
        "start_date_time": start.isoformat(),
        "end_date_time": (start + timedelta(hours=2, minutes=30)).isoformat(),
        "cdr_token": {"uid": uid}, **changes,
    })  # fmt: skip


def credit_of(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The credit CDR of a CDR."""
    return {
        **document, "id": f"{document['id']}-C", "credit": True,
        "credit_reference_id": document["id"], "total_cost": {"excl_vat": Decimal("-3.10")},
        **changes,
    }  # fmt: skip


async def charges(yard: Yard, cdr_id: str | None = None) -> list[StoredCharge]:
    """What a session (or the only one) was charged, in order."""
    found = await yard.sessions()
    one = next(s for s in found if cdr_id is None or s.session_id == cdr_id)
    by_session = await yard.ask(queries.charges_of_sessions, [one.id])
    rows: list[StoredCharge] = by_session.get(one.id, [])
    return rows


async def lines(yard: Yard, charge: StoredCharge) -> list[tuple[Any, ...]]:
    """(kind, element, quantity, unit, unit price, net, taxes, tax) of each line."""
    found = (await yard.ask(queries.lines_of_charges, [charge.id])).get(charge.id, [])
    return [
        (x.kind, x.element, x.quantity, x.unit, x.unit_price, x.net_minor, x.taxes, x.tax)
        for x in found
    ]
