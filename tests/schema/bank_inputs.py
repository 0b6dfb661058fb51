"""The bank of an office, and an input for each mutation about payments and the bank."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from coop.billing import bank_desk, bank_import, mandates
from coop.billing.bank_desk import AccountDraft
from coop.billing.domain.mandate import MandateDraft
from tests.billing.bank_files import ANNA_IBAN, Entry, camt
from tests.members.people import system

IBAN = "NO9386011117947"
STATEMENT = camt(
    Entry(700, "who knows", on="2026-02-10", iban=ANNA_IBAN), iban=IBAN, currency="NOK"
)


async def banked(office: Any) -> None:
    """An account with a line that nobody knows, and Ada's mandate; nothing is posted."""
    await office.town.order(bank_desk.add_bank_account, AccountDraft(IBAN, "Nor"))
    await bank_import.import_bank_file(office.database, system(), office.id, STATEMENT, "feb.xml")
    draft = MandateDraft(office.members["ada"].id, "M-ADA", date(2026, 1, 1), ANNA_IBAN, "Ada")
    await office.town.order(mandates.register_mandate, draft)


def bank_inputs(office: Any) -> dict[str, dict[str, Any]]:
    """An input of each mutation, complete; most name what is not there."""
    key, own = {"idempotencyKey": "matrix"}, {"cooperativeId": office.node}
    nobody = UUID(int=7)
    return {
        "paymentRecord": {
            **key, "memberId": office.member("ada"), "receivedOn": "2026-03-01", "amount": "1.00",
        },
        "paymentReturn": {
            **key, "paymentId": office.named("Payment", nobody), "returnedOn": "2026-03-01",
            "reason": "AC04",
        },
        "bankAccountAdd": {**key, **own, "iban": ANNA_IBAN, "name": "Nor"},
        "bankFileImport": {**key, **own, "content": STATEMENT.decode()},
        "bankLineAssign": {
            **key, "lineId": office.named("BankLine", nobody), "accountCode": "6700",
        },
        "bankRuleSet": {**key, **own, "name": "r", "contains": "abc", "accountCode": "6700"},
        "collectionMake": {**key, **own, "collectOn": "2026-03-02"},
        "collectionCancel": {
            **key, "collectionId": office.named("Collection", nobody), "cancelledOn": "2026-03-02",
        },
        "mandateRegister": {
            **key, "memberId": office.member("ada"), "reference": "M", "signedOn": "2026-01-01",
            "iban": ANNA_IBAN, "holder": "Ada",
        },
        "mandateRevoke": {
            **key, "mandateId": office.named("Mandate", nobody), "revokedOn": "2026-03-01",
        },
    }  # fmt: skip
