"""An office with one of every type that has ids, and inputs that name real things in every place."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from coop.billing import payments, settling
from coop.billing.payments import PaymentDraft
from coop.charging import interruptions
from coop.charging.domain.interruption import Cause
from coop.kernel.ids import HubId, MemberId, uuid7
from coop.ledger import queries
from coop.schema.node_id import node_id_of
from tests.members.people import system
from tests.schema.office import Office

SHOWN = """... on Cooperative {
  members(first: 1, where: {search: "ADA"}) { nodes {
    sessions(first: 1) { nodes { id charges { id } } } reservations { nodes { id } }
    subscriptions { id } mandates { id } payments { nodes { id } }
    commitments { settlements { nodes { id } } }
  } }
  hubs(first: 1) { nodes { ports { id } tariffs { nodes { id } } } }
  plans { id } bankAccounts { id } bankLines { nodes { id } }
}"""


async def complete(office: Office, *, settled: bool = True) -> dict[str, str]:
    """Add what an office has not got, and answer an id of each type that has ids."""
    outage = await _paid_and_interrupted(office)
    if settled:
        await settling.settle_month(office.database, system(), office.id, date(2026, 4, 1))
    shown = await office.api().node(office.node, SHOWN)
    (ada_shown, *_) = shown["members"]["nodes"]
    (session, *_) = ada_shown["sessions"]["nodes"]
    (hub_shown, *_) = shown["hubs"]["nodes"]
    (january, *_) = await office.ask(queries.periods)
    payment = office.entries["payment"]
    account = node_id_of(shown["bankAccounts"][0]["id"])
    assert account is not None
    found = {
        "Cooperative": office.node,
        "Member": office.member("ada"),
        "Account": await office.account("1205 ada"),
        "Fund": office.named("Fund", office.funds["EU"]),
        "JournalEntry": office.named("JournalEntry", payment),
        "Posting": office.named("Posting", payment, 1),
        "Seal": office.named("Seal", office.id, 1),
        "Period": office.named("Period", january.id),
        "Hub": office.hub("H1"),
        "Port": hub_shown["ports"][0]["id"],
        "TariffVersion": hub_shown["tariffs"]["nodes"][0]["id"],
        "Interruption": office.named("Interruption", outage),
        "ChargingSession": session["id"],
        "Charge": session["charges"][0]["id"],
        "Statement": office.statement,
        "BillItem": office.item,
        "Invoice": office.invoice,
        "Dispute": office.dispute,
        "Plan": shown["plans"][0]["id"],
        "PlanSubscription": ada_shown["subscriptions"][0]["id"],
        "CapacityReservation": ada_shown["reservations"]["nodes"][0]["id"],
        "Commitment": office.commitment,
        "Payment": ada_shown["payments"]["nodes"][0]["id"],
        "Mandate": ada_shown["mandates"][0]["id"],
        "BankAccount": shown["bankAccounts"][0]["id"],
        "BankLine": shown["bankLines"]["nodes"][0]["id"],
        "Collection": office.named("Collection", await _collection(office, account.id)),
    }  # fmt: skip
    for one in ada_shown["commitments"][0]["settlements"]["nodes"]:
        found["CommitmentSettlement"] = one["id"]
    return found


async def _paid_and_interrupted(office: Office) -> UUID:
    """A payment of Ada's, and an hour's outage at Harbour, whose id is answered."""
    ada, hub = MemberId(office.members["ada"].id), office.hubs["H1"]
    paid = PaymentDraft(ada, date(2026, 2, 28), 100, "cash")
    await office.town.order(payments.record_payment, paid)
    times = datetime(2026, 3, 2, 8, tzinfo=UTC), datetime(2026, 3, 2, 9, tzinfo=UTC)
    draft = interruptions.InterruptionDraft(HubId(hub.id), times[0], Cause.OTHER, None, times[1])
    made: UUID = (await office.town.order(interruptions.record_interruption, draft)).id
    return made


async def _collection(office: Office, account: Any) -> Any:
    """A collection as it is kept, of nothing: SEPA collects euro only, and the books are in NOK."""
    new = uuid7()

    async def work(connection: Any) -> None:
        await connection.exec_driver_sql(
            "INSERT INTO collection (cooperative_id, id, bank_account_id, message_id, collect_on,"
            " scheme, file_schema, file, file_sha256, items, amount_minor, made_by, made_at)"
            " VALUES ($1, $2, $3, 'C1', '2026-03-02', 'CORE', 'pain.008.001.08', 'x',"
            " sha256('x'), 1, 1, 'treasurer', now())",
            (office.id, new, account),
        )

    await office.work(work)
    return new
