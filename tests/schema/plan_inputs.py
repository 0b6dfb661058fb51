"""Inputs of the mutations of plans and shared costs that would do something, were they the treasurer's."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from tests.billing.grid import FLAT
from tests.schema.office import Office


def plan_inputs(office: Office) -> dict[str, dict[str, Any]]:
    hub = {"idempotencyKey": "matrix", "hubId": office.hub("H1")}
    member = {"idempotencyKey": "matrix", "memberId": office.member("ada")}
    whole = {"idempotencyKey": "matrix", "cooperativeId": office.node}
    times = {"from": "2026-02-03T08:00:00Z", "to": "2026-02-03T09:00:00Z"}
    some = UUID(int=7)
    return {
        "planSet": {**whole, "code": "gold", "name": "Gold", "fee": "1"},
        "subscriptionStart": {**member, "plan": "basic", "from": "2026-02-01"},
        "subscriptionEnd": {
            "idempotencyKey": "matrix", "to": "2026-02-01",
            "subscriptionId": office.named("PlanSubscription", some),
        },
        "reservationRecord": {
            **member, **times, "hubId": hub["hubId"], "kind": "PORT_HOURS", "quantity": 1,
            "unitPrice": "1",
        },
        "reservationCancel": {
            "idempotencyKey": "matrix", "at": times["from"],
            "reservationId": office.named("CapacityReservation", some),
        },
        "utilityScheduleSet": {**hub, "from": "2026-02-01", "document": json.dumps(FLAT)},
        "utilityBillRecord": {**hub, "month": "2026-02-01", "energyCost": "1", "demandCost": "1"},
        "costSharingRuleSet": {**hub, "from": "2026-02-01", "method": "KWH"},
        "demandResponseEventRecord": {**hub, **times, "payment": "1", "feePercent": "0"},
        "monthlyChargesRaise": {**whole, "month": "2026-02-01"},
    }  # fmt: skip
