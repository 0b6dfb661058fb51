"""Tariffs, charges with their rule, and orders about them, over the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coop.kernel.ids import uuid7
from tests.charging.domain.sample import dumped
from tests.charging.priced import march
from tests.schema.office import Office

pytestmark = pytest.mark.anyio

TARIFF = {
    "id": "t", "currency": "NOK",
    "elements": [
        {"price_components": [{"type": "ENERGY", "price": "@", "step_size": 1,
                               "taxes": [{"name": "VAT", "percent": "25"}]}],
         "restrictions": {"day_of_week": ["MONDAY"]}},
        {"price_components": [{"type": "ENERGY", "price": 4, "step_size": 1}]},
    ],
}  # fmt: skip
VERSION = "version name memberClass from to text resolution hub { ref } document"
CHARGE = """effectiveOn net { amount } tax { amount } gross { amount } reason rule resolution
    lines { kind element description quantity unit unitPrice net { amount }
            taxes { name percent } }
    tariff { version name } entry { memo } replaces { id } creditOf { id } id"""


def document(price: str) -> str:
    """The tariff with this price on Mondays, as JSON text."""
    return json.dumps(TARIFF).replace('"@"', price)


async def set_tariff(office: Office, price: str, who: str = "treasurer", **named: Any) -> Any:
    given = {
        "idempotencyKey": uuid7().hex, "cooperativeId": office.node, "document": document(price),
        "from": "2026-01-01T00:00:00Z", "name": "Mondays", **named,
    }  # fmt: skip
    return await office.api(who).order("tariffSet", f"tariff {{ id {VERSION} }}", **given)


async def imported(office: Office) -> None:
    cdr = march(2, "ada", cdr_location={"id": "H1", "name": "H", "evse_uid": "P1"})
    payload = await office.api("treasurer").order(
        "chargingSessionsImport", "accepted rejections { code reason }",
        idempotencyKey=uuid7().hex, cooperativeId=office.node, format="CDR",
        content=dumped(cdr).decode(),
    )  # fmt: skip
    assert (payload["errors"], payload["accepted"]) == ([], 1), payload


async def sessions(office: Office, who: str = "operator ada") -> list[Any]:
    fields = f"""... on Member {{ sessions(first: 5) {{ nodes {{ id charge {{ amount }}
        charges {{ {CHARGE} }}
        periods {{ startedAt energy dimensions {{ type volume }} }} }} }} }}"""
    member = await office.api(who).node(office.member("ada"), fields)
    rows: list[Any] = member["sessions"]["nodes"]
    return rows


async def test_a_member_sees_of_each_charge_the_session_the_price_and_the_rule(
    desk: Office,
) -> None:
    hub = desk.named("Hub", desk.hubs["H1"].id)
    payload = await set_tariff(desk, "0.30", hubId=hub, corrects=True, resolution="GM 2026-1")
    assert payload["errors"] == []
    assert payload["tariff"] | {"id": ""} == {
        "id": "", "version": 2, "name": "Mondays", "memberClass": None,
        "from": "2026-01-01T00:00:00Z", "to": None, "resolution": "GM 2026-1",
        "hub": {"ref": "H1"},
        "text": ["Energy, Monday: 0.30 NOK per kWh plus 25 % VAT.", "Energy: 4.00 NOK per kWh."],
        "document": json.loads(document('"0.3"')),
    }  # fmt: skip
    await imported(desk)
    (session,) = await sessions(desk)
    (charge,) = session["charges"]
    # 2 March 2026 is a Monday until midnight in Oslo: an hour of two and a half, 4.936 kWh of it.
    assert session["charge"] == {"amount": "31.10"}
    assert {k: charge[k] for k in ("net", "tax", "gross", "reason", "resolution")} == {
        "net": {"amount": "31.10"}, "tax": {"amount": "0.37"}, "gross": {"amount": "31.47"},
        "reason": None, "resolution": "GM 2026-1",
    }  # fmt: skip
    assert charge["rule"] == payload["tariff"]["text"]
    assert [(one["element"], one["quantity"], one["unitPrice"], one["net"], one["taxes"])
            for one in charge["lines"]] == [
        (0, "4.936", "0.3", {"amount": "1.48"}, [{"name": "VAT", "percent": "25"}]),
        (1, "7.404", "4", {"amount": "29.62"}, []),
    ]  # fmt: skip
    assert charge["tariff"] == {"version": 2, "name": "Mondays"}
    assert session["periods"] == [
        {"startedAt": "2026-03-02T22:00:00Z", "energy": "12.34",
         "dimensions": [{"type": "ENERGY", "volume": "12.34"}]}
    ]  # fmt: skip
    api = desk.api("operator ada")
    found = await api.node(charge["id"], f"... on Charge {{ {CHARGE} }}")
    assert found == charge
    assert await desk.api("operator bo").node(charge["id"], "id") is None
    versions = await api.node(
        hub, "... on Hub { tariffs(first: 1) { totalCount nodes { version from to } } }"
    )
    assert versions["tariffs"]["totalCount"] == 2


async def test_rating_anew_over_the_api_is_done_once(desk: Office) -> None:
    await imported(desk)
    (before,) = await sessions(desk)
    hub = desk.named("Hub", desk.hubs["H1"].id)
    await set_tariff(desk, "4", hubId=hub, corrects=True)
    order: dict[str, Any] = {
        "idempotencyKey": uuid7().hex, "cooperativeId": desk.node, "reason": "Mistyped",
        "hubId": hub, "days": {"from": "2026-03-01", "to": "2026-04-01"},
    }  # fmt: skip
    fields = "lookedAt rerated difference { amount } sessions { charge { amount } } replayed"
    api = desk.api("treasurer")
    done = await api.order("sessionsRerate", fields, **order)
    assert done | {"sessions": []} == {
        "errors": [], "lookedAt": 1, "rerated": 1, "difference": {"amount": "12.34"},
        "replayed": False, "sessions": [],
    }  # fmt: skip
    assert done["sessions"] == [{"charge": {"amount": "49.36"}}]
    again = await api.order("sessionsRerate", fields, **order)
    assert again == done | {"replayed": True}
    (after,) = await sessions(desk)
    old, back, new = after["charges"]
    assert old == before["charges"][0]
    assert (back["creditOf"], new["replaces"]) == ({"id": old["id"]}, {"id": old["id"]})
    assert (back["net"], new["reason"]) == ({"amount": "-37.02"}, "Mistyped")
    neither = await api.order(
        "sessionsRerate", fields, idempotencyKey=uuid7().hex, cooperativeId=desk.node, reason="x"
    )
    assert [one["code"] for one in neither["errors"]] == ["INVALID_VALUE"]


async def test_refusals_say_where_and_orders_need_their_role(desk: Office) -> None:
    broken = await set_tariff(desk, "-1")
    assert [(e["code"], e["path"]) for e in broken["errors"]] == [
        ("TARIFF_PRICE_NEGATIVE", ["document", "elements", "0", "priceComponents", "0", "price"])
    ]
    assert (await set_tariff(desk, "1", "board"))["errors"][0]["code"] == "FORBIDDEN"
    hub = desk.named("Hub", desk.hubs["H1"].id)
    record = {
        "idempotencyKey": uuid7().hex, "hubId": hub, "from": "2026-03-01T08:00:00Z",
        "cause": "OUTAGE_GRID", "note": "Storm",
    }  # fmt: skip
    fields = "interruption { id from to cause note hub { ref } port { ref } }"
    api = desk.api("treasurer")
    made = (await api.order("interruptionRecord", fields, **record))["interruption"]
    assert made | {"id": ""} == {
        "id": "", "from": "2026-03-01T08:00:00Z", "to": None, "cause": "OUTAGE_GRID",
        "note": "Storm", "hub": {"ref": "H1"}, "port": None,
    }  # fmt: skip
    end = {"interruptionId": made["id"], "to": "2026-03-01T09:00:00Z"}
    over = await api.order("interruptionEnd", fields, idempotencyKey=uuid7().hex, **end)
    assert over["interruption"]["to"] == "2026-03-01T09:00:00Z"
    record["from"] = "2026-03-01T09:00:00Z"  # the first is over, this one has no end
    twice = await api.order("interruptionRecord", fields, **record | {"idempotencyKey": "k"})
    assert twice["errors"] == []
    third = await api.order("interruptionRecord", fields, **record | {"idempotencyKey": "l"})
    assert third["errors"][0]["code"] == "INTERRUPTION_UNDERWAY"


async def test_a_members_class_decides_what_is_in_force(desk: Office) -> None:
    hub = desk.named("Hub", desk.hubs["H1"].id)
    await set_tariff(desk, "1", hubId=hub, memberClass="taxi", name="Taxis")
    payload = await desk.api("administrator").order(
        "memberClassSet", "member { number }", idempotencyKey=uuid7().hex,
        memberId=desk.member("ada"), memberClass="Taxi", **{"from": "2026-03-01"},
    )  # fmt: skip
    assert payload["errors"] == []
    await imported(desk)
    (session,) = await sessions(desk)
    assert session["charge"] == {"amount": "34.56"}  # 4.936 at 1, 7.404 at 4
    asked = (
        f'... on Cooperative {{ a: tariff(hubId: "{hub}", memberClass: "taxi") {{ name }} '
        f'b: tariff(hubId: "{hub}") {{ name }} '
        f'c: tariff(hubId: "{hub}", at: "2020-01-01T00:00:00Z") {{ name }} }}'
    )
    found = await desk.api("operator ada").node(desk.node, asked)
    assert found == {"a": {"name": "Taxis"}, "b": {"name": "3.00 NOK/kWh"}, "c": None}
