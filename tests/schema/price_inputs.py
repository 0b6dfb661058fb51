"""Inputs of the orders about prices that would do something, were they the treasurer's."""

from __future__ import annotations

from typing import Any

from tests.schema.office import Office

DOCUMENT = (
    '{"id": "t", "currency": "NOK", "elements": '
    '[{"price_components": [{"type": "ENERGY", "price": 1, "step_size": 1}]}]}'
)


def price_inputs(office: Office) -> dict[str, dict[str, Any]]:
    """Of orders about prices."""
    hub = office.hub("H1")
    return {
        "tariffSet": {
            "idempotencyKey": "matrix", "cooperativeId": office.node, "document": DOCUMENT,
            "from": "2026-05-01T00:00:00Z",
        },
        "sessionsRerate": {
            "idempotencyKey": "matrix", "cooperativeId": office.node, "hubId": hub, "reason": "x",
        },
        "interruptionRecord": {
            "idempotencyKey": "matrix", "hubId": hub, "from": "2026-03-01T08:00:00Z",
            "cause": "OTHER",
        },
        "interruptionEnd": {
            "idempotencyKey": "matrix", "to": "2026-03-01T09:00:00Z",
            "interruptionId": office.named("Interruption", office.id),
        },
        "memberClassSet": {
            "idempotencyKey": "matrix", "memberId": office.member("ada"), "memberClass": "taxi",
            "from": "2026-05-01",
        },
    }  # fmt: skip
