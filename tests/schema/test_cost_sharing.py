"""Plans and shared costs through the API: set, compared, raised, and read by whom they are for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coop.schema.node_id import node_id_of
from tests.billing.grid import FLAT
from tests.schema.office import Office

pytestmark = pytest.mark.anyio

SHARES = "shares { totalCount nodes { member { number } taken ownPeakW measure demandCost amount { amount } } }"
RUN = f"runs(first: 12) {{ totalCount nodes {{ layers {{ toW }} month method total {{ amount }} kept {{ amount }} peakW losses {SHARES} }} }}"


async def order(desk: Office, mutation: str, fields: str, key: str = "k", **given: Any) -> Any:
    return await desk.api("treasurer").order(mutation, fields, idempotencyKey=key, **given)


@pytest.fixture
async def desk(desk: Office) -> Office:
    """Harbour in March: ada 10 kWh in an hour, bo 20 kWh in another; a schedule and a bill."""
    hub = {"hubId": desk.hub("H1")}
    from tests.charging.domain.sample import MAPPING, rows

    sessions = rows(
        "H1;ada;m1;2026-03-10 10:00:00;2026-03-10 11:00:00;10",
        "H1;bo;m2;2026-03-10 12:00:00;2026-03-10 13:00:00;20",
    )
    found = await order(
        desk, "chargingSessionsImport", "accepted", "import", cooperativeId=desk.node,
        format="CSV", content=sessions, mapping=MAPPING.replace("register = true", "register = false"),
    )  # fmt: skip
    assert found["accepted"] == 2
    document = json.dumps(FLAT)
    for mutation, given in {
        "utilityScheduleSet": {"from": "2026-01-01", "document": document},
        "utilityBillRecord": {
            "month": "2026-03-01", "energyCost": "3.00", "demandCost": "60.00", "energy": "33",
            "reference": "G-3", "post": True,
        },
    }.items():  # fmt: skip
        done = await order(desk, mutation, "hub { ref }", mutation, **hub, **given)
        assert (done["errors"], done["hub"]) == ([], {"ref": "H1"})
    return desk


async def test_methods_are_compared_and_one_is_charged(desk: Office) -> None:
    hub = desk.hub("H1")
    compared = {}
    for method in ("KWH", "OWN_PEAK", "PEAK_LAYERS"):
        found = await desk.api("board").node(
            hub,
            f'... on Hub {{ costSharingPreview(month: "2026-03-01", method: "{method}")'
            f" {{ estimated total {{ amount }} layers {{ fromW toW members }} {SHARES} }} }}",
        )
        shared = found["costSharingPreview"]
        assert (shared["estimated"], shared["total"]["amount"]) == (False, "63.00")
        compared[method] = [one["amount"]["amount"] for one in shared["shares"]["nodes"]]
    # Energy and losses by kWh: 1.00 and 2.00; demand 20/40, 20/40, and 15/45.
    assert compared == {
        "KWH": ["21.00", "42.00"], "OWN_PEAK": ["21.00", "42.00"], "PEAK_LAYERS": ["16.00", "47.00"]
    }  # fmt: skip
    assert shared["layers"] == [
        {"fromW": "0", "toW": "10000", "members": 2}, {"fromW": "10000", "toW": "20000", "members": 1}
    ]  # fmt: skip
    set_ = await order(
        desk, "costSharingRuleSet", "hub { costSharing { rules { from method taxes { name percent } } } }",
        "rule", hubId=hub, method="PEAK_LAYERS", taxes=[{"name": "VAT", "percent": "25"}],
        **{"from": "2026-03-01"},
    )  # fmt: skip
    assert set_["hub"]["costSharing"]["rules"] == [
        {"from": "2026-03-01", "method": "PEAK_LAYERS", "taxes": [{"name": "VAT", "percent": "25"}]}
    ]
    fields = "items { kind count } net { amount currency } waiting { code }"
    raised = await order(desk, "monthlyChargesRaise", fields, "raise", **_march(desk))
    assert (raised["errors"], raised["replayed"]) == ([], False)
    assert raised["items"] == [{"kind": "COST_PASSED_ON", "count": 2}]
    assert raised["net"] == {"amount": "63.00", "currency": "NOK"}
    again = await order(desk, "monthlyChargesRaise", fields, "raise", **_march(desk))
    assert (again["replayed"], again["items"]) == (True, raised["items"])
    anew = await order(desk, "monthlyChargesRaise", fields, "anew", **_march(desk))
    assert (anew["items"], anew["net"]["amount"]) == ([], "0.00")
    assert await _seen(desk, "board") == ["ADA", "BO"]
    assert await _seen(desk, "operator ada") == ["ADA"]
    assert await _seen(desk, "administrator") == []


def _march(desk: Office) -> dict[str, Any]:
    return {"cooperativeId": desk.node, "month": "2026-03-01"}


async def _seen(desk: Office, person: str) -> list[str]:
    """Whose shares somebody sees of the one run; the totals are the same for all."""
    found = await desk.api(person).node(desk.hub("H1"), f"... on Hub {{ costSharing {{ {RUN} }} }}")
    [run] = found["costSharing"]["runs"]["nodes"]
    said = {name: run[name] for name in ("month", "method", "peakW", "losses")}
    assert said == {
        "month": "2026-03-01", "method": "PEAK_LAYERS", "peakW": 20_000, "losses": "3.000",
    }  # fmt: skip
    assert (run["total"]["amount"], run["kept"]["amount"]) == ("63.00", "0.00")
    # A member sees the layers it pays for: Ada the one up to her own peak.
    reached = {"board": ["10000", "20000"], "operator ada": ["10000"], "administrator": []}
    assert [one["toW"] for one in run["layers"]] == reached[person]
    shares = run["shares"]["nodes"]
    assert run["shares"]["totalCount"] == len(shares)
    return [one["member"]["number"] for one in shares]


async def test_a_plan_is_offered_begun_and_ended(desk: Office) -> None:
    plan = await order(
        desk, "planSet", "plan { id code version fee { amount } included taxes { name } }", "plan",
        cooperativeId=desk.node, code="basic", name="Basic", fee="19.00", included="50",
    )  # fmt: skip
    assert plan["errors"] == []
    id_ = plan["plan"].pop("id")
    assert plan["plan"] == {
        "code": "basic", "version": 1, "fee": {"amount": "19.00"}, "included": "50.000", "taxes": [],
    }  # fmt: skip
    assert (await desk.api("operator bo").node(id_, "... on Plan { name }"))["name"] == "Basic"
    fields = "subscription { id from to plan { code } member { number } }"
    begun = await order(
        desk, "subscriptionStart", fields, "begin", memberId=desk.member("ada"), plan="basic",
        **{"from": "2026-03-01"},
    )  # fmt: skip
    held = begun["subscription"]
    assert (held["plan"]["code"], held["member"]["number"], held["to"]) == ("basic", "ADA", None)
    twice = await order(
        desk, "subscriptionStart", fields, "again", memberId=desk.member("ada"), plan="basic",
        **{"from": "2026-04-01"},
    )  # fmt: skip
    assert [one["code"] for one in twice["errors"]] == ["SUBSCRIPTION_OVERLAPS"]
    ended = await order(
        desk, "subscriptionEnd", fields, "end", subscriptionId=held["id"], to="2026-04-01"
    )
    assert ended["subscription"]["to"] == "2026-04-01"
    own = "... on Member { subscriptions { id to } }"
    assert await desk.api("operator ada").node(desk.member("ada"), own) == {
        "subscriptions": [{"id": held["id"], "to": "2026-04-01"}]
    }
    assert await desk.api("operator bo").node(held["id"], "id") is None
    assert (await desk.api("operator ada").node(held["id"], "id"))["id"] == held["id"]


async def test_a_reservation_is_recorded_and_cancelled(desk: Office) -> None:
    given = {
        "memberId": desk.member("ada"), "hubId": desk.hub("H1"), "kind": "PORT_HOURS",
        "quantity": 2, "unitPrice": "1.50", "noShowFee": "10.00",
        "from": "2026-03-20T08:00:00Z", "to": "2026-03-20T10:00:00Z",
    }  # fmt: skip
    fields = "reservation { id quantity unitPrice noShowFee { amount } graceMinutes cancelledAt hub { ref } }"
    made = await order(desk, "reservationRecord", fields, "reserve", **given)
    said = made["reservation"]
    assert (said["quantity"], said["noShowFee"], said["hub"]) == (
        2, {"amount": "10.00"}, {"ref": "H1"}
    )  # fmt: skip
    replay = await order(desk, "reservationRecord", fields, "reserve", **given)
    assert (replay["replayed"], replay["reservation"]) == (True, said)
    other = await order(desk, "reservationRecord", fields, "reserve", **{**given, "quantity": 3})
    assert [one["code"] for one in other["errors"]] == ["IDEMPOTENCY_MISMATCH"]
    wrong = await order(desk, "reservationRecord", fields, "wrong", **{**given, "kind": "SEAT"})
    assert [(one["code"], one["path"]) for one in wrong["errors"]] == [
        ("RESERVATION_INVALID", ["kind"])
    ]
    at = "2026-03-20T06:30:00Z"
    gone = await order(desk, "reservationCancel", fields, "cancel", reservationId=said["id"], at=at)
    assert gone["reservation"]["cancelledAt"] == at
    named = node_id_of(said["id"])
    assert named is not None
    assert await desk.api("operator bo").node(said["id"], "id") is None


async def test_what_is_wrong_is_named(desk: Office) -> None:
    hub = desk.hub("H1")
    for mutation, given, expected in (
        ("utilityScheduleSet", {"from": "2026-05-01", "document": "{}"}, ("UTILITY_SCHEDULE_INVALID", ["rows"])),
        ("costSharingRuleSet", {"from": "2026-05-01", "method": "LOT"}, ("COST_SHARING_METHOD_UNKNOWN", ["method"])),
        ("costSharingRuleSet", {"from": "2026-05-01", "method": "KWH", "parameters": {"k": "1"}}, ("COST_SHARING_INVALID", ["parameters", "k"])),
        ("utilityBillRecord", {"month": "2026-04-01", "energyCost": "1.005", "demandCost": "0"}, ("INVALID_VALUE", ["energyCost"])),
        ("utilityBillRecord", {"month": "2026-03-02", "energyCost": "1", "demandCost": "0"}, ("UTILITY_BILL_INVALID", ["month"])),
        ("demandResponseEventRecord", {"from": "2026-03-10T10:05:00Z", "to": "2026-03-10T11:00:00Z", "payment": "1", "feePercent": "0"}, ("DEMAND_RESPONSE_INVALID", ["fromAt"])),
    ):  # fmt: skip
        payload = await order(desk, mutation, "hub { ref }", "wrong", hubId=hub, **given)
        assert [(one["code"], one["path"]) for one in payload["errors"]] == [expected]
    asked = 'query($id: ID!) { node(id: $id) { ... on Hub { costSharingPreview(month: "2026-03-01") { month } } } }'
    assert await desk.api("board").code(asked, id=hub) == "COST_SHARING_RULE_MISSING"
    event = await order(
        desk, "demandResponseEventRecord", "hub { ref }", "event", hubId=hub, payment="90.00",
        feePercent="10", **{"from": "2026-03-10T16:00:00Z", "to": "2026-03-10T17:00:00Z"},
    )  # fmt: skip
    assert event["errors"] == []
