"""A bill that moves nothing in the books, a dispute about it, and inputs of the mutations of bills."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from coop.billing.domain.months import month_named
from coop.billing.items import ItemDraft, add_items
from coop.billing.run import run_billing
from coop.kernel.ids import MemberId, uuid7
from coop.ledger.service import AccountKey
from tests.members.people import system

if TYPE_CHECKING:
    from tests.schema.office import Office


async def billed(office: Office) -> tuple[str, str, str]:
    """Ada's bill of December: one item that is free, and its tax of less than half an øre.

    Answers the item, the invoice and a dispute about the item: three ids.
    """
    ada = MemberId(office.members["ada"].id)
    draft = ItemDraft(
        ada, "SUBSCRIPTION", date(2025, 12, 15), "Welcome", Decimal(1), "month", Decimal(0), 0,
        AccountKey("4060"), ("test", "welcome"), tax=Decimal("0.004"),
    )  # fmt: skip
    (item,) = await office.work(lambda c: add_items(c, "treasurer", office.id, [draft]))
    await run_billing(office.database, system(), office.id, month_named("2025-12"))
    dispute = uuid7()

    async def contest(connection: Any) -> UUID:
        await connection.execute(
            text(
                "INSERT INTO dispute (cooperative_id, id, member_id, item_id, opened_by, opened_at,"
                " reason, held_minor) VALUES (:coop, :id, :member, :item, 'ada', now(), 'Why', 0)"
            ),
            {"coop": office.id, "id": dispute, "member": ada, "item": item.id},
        )
        found = await connection.execute(text("SELECT id FROM invoice"))
        return UUID(str(found.scalar_one()))

    invoice = await office.work(contest)
    named = (("BillItem", item.id), ("Invoice", invoice), ("Dispute", dispute))
    made = [office.named(kind, id_) for kind, id_ in named]
    return made[0], made[1], made[2]


def bill_inputs(office: Office) -> dict[str, dict[str, Any]]:
    """An input of each mutation of bills that would be judged, were it of who may order it."""
    given = {"idempotencyKey": "matrix", "reason": "Why"}
    return {
        "billingRun": {
            "idempotencyKey": "matrix", "cooperativeId": office.node, "month": "2026-02",
        },
        "creditNoteIssue": {**given, "invoiceId": office.invoice},
        "invoiceWriteOff": {
            **given, "invoiceId": office.invoice, "effectiveOn": "2026-03-01", "resolution": "1",
        },
        "disputeOpen": {**given, "itemId": office.item},
        "disputeDecide": {**given, "disputeId": office.dispute, "decision": "REFUSE"},
    }  # fmt: skip
