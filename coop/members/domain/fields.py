"""Which action each field of the GraphQL schema asks for; resolvers ask here and nowhere else.

    if not may_read(viewer, "Member.balance", cooperative_id, member_id): return None

PUBLIC means: whoever was given the object may read the field. A field of the schema without a row
here fails a test, so none is added without deciding who may see it. Wrappers (connections, edges,
payloads, UserErrors) carry only what the field that returned them was asked for already. A list
shows what `policy.extent_of` reaches: an operator's accounts, and an entry's postings to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Final
from uuid import UUID

from coop.members.domain.policy import Action, may
from coop.members.domain.roles import Viewer


class Public(Enum):
    """The mark of a field that anybody may read who was given its object."""

    PUBLIC = "public"


PUBLIC: Final = Public.PUBLIC
Access = Action | Public

_WRAPPERS: Final = ("Connection", "Edge", "Payload", "Error")

_ROWS: Final[Mapping[str, Mapping[Access, str]]] = {
    "Query": {PUBLIC: "viewer node nodes cooperative"},
    "Node": {PUBLIC: "id"},
    "Viewer": {PUBLIC: "subject roles members"},
    "RoleGrant": {PUBLIC: "role scope from to"},
    "Cooperative": {
        PUBLIC: "id slug name currency timeZone",
        Action.MEMBER_READ: "members",
        Action.HUB_READ: "hubs",
        Action.ACCOUNT_READ: "accounts",
        Action.ENTRY_READ: "journalEntries",
        Action.BOOKS_READ: "trialBalance balanceSheet incomeStatement bankAccounts bankLines",
        Action.BILL_READ: "invoices aging disputes",
        Action.PERIOD_READ: "periods",
        Action.SEAL_READ: "seals",
        Action.TARIFF_READ: "plans tariff",
        Action.PROFILE_READ: "profile",
    },
    "Member": {
        PUBLIC: "id number name joinedOn leftOn cooperative",
        Action.MEMBER_FIGURES_READ: "balance",
        Action.ACCOUNT_READ: "accounts postings",
        Action.SESSION_READ: "sessions",
        Action.STATEMENT_READ: "statements",
        Action.BILL_READ: "invoices unbilled billItems disputes subscriptions reservations "
        "payments mandates",
        Action.COMMITMENT_READ: "commitments",
        Action.PROFILE_READ: "profile",
    },
    "Commitment": {
        PUBLIC: "id member hubs from to pledgedAt terms settlements makeUpCredits banked deposit"
    },
    "CommitmentTerms": {
        PUBLIC: "version from to minimum ramp shortfallPrice overagePrice makeUpMonths bankCap "
        "outageRelief deposit taxes resolution setAt"
    },
    "CommitmentSettlement": {
        PUBLIC: "id number month effectiveOn termsVersion metered pledged excused minimum met "
        "bankUsed shortfall madeUp banked overage issued expired shortfallAmount overageAmount "
        "madeUpAmount expiredAmount movements inputs inputsSha256 settledAt adjusts entry "
        "items"
    },
    "MakeUpCredit": {PUBLIC: "issuedOn expiresOn price issued open paid owed"},
    "MakeUpMovement": {PUBLIC: "kind issuedOn energy amount"},
    "MemberBalance": {PUBLIC: "due equity deposits makeUpEnergy asOf knownAt"},
    "Account": {
        PUBLIC: "id code name type commodity member hub",
        Action.ACCOUNT_READ: "balance postings",
    },
    "Balance": {PUBLIC: "debit credit amount available commodity"},
    "JournalEntry": {
        PUBLIC: "id kind memo effectiveOn recordedAt reverses reversedBy seal",
        Action.ENTRY_READ: "postings",
    },
    "Posting": {
        PUBLIC: "id entry account fund side amount commodity",
        Action.ACCOUNT_READ: "runningBalance",
    },
    "Fund": {PUBLIC: "id code name restriction"},
    "CommoditySum": {PUBLIC: "commodity debit credit amount count"},
    "CommodityTotal": {PUBLIC: "commodity debit credit"},
    "TrialBalance": {PUBLIC: "asOf knownAt rows totals"},
    "TrialBalanceRow": {PUBLIC: "accountId code name fund commodity debit credit amount"},
    "FinancialStatement": {PUBLIC: "title from asOf knownAt sections results energy"},
    "FinancialStatementSection": {PUBLIC: "type title commodity lines total"},
    "FinancialStatementLine": {PUBLIC: "code name amount"},
    "Period": {PUBLIC: "id from to state closedAt sealNumber"},
    "Seal": {PUBLIC: "id number root previousHash hash sealedAt entryCount"},
    "Hub": {
        PUBLIC: "id ref name timeZone ports",
        Action.HUB_READ: "delivered",
        Action.TARIFF_READ: "costSharing tariffs",
        Action.BOOKS_READ: "costSharingPreview",
    },
    "Port": {PUBLIC: "id ref powerW"},
    "ChargingSession": {
        PUBLIC: "id countryCode partyId sessionId hub member startedAt endedAt energy charge state "
        "doubts entry charges periods",
    },
    "TariffVersion": {
        PUBLIC: "id version name memberClass from to document sha256 text resolution hub"
    },
    "Charge": {
        PUBLIC: "id effectiveOn net tax gross reason ratedAt lines rule tariff resolution entry "
        "replaces creditOf",
    },
    "ChargeLine": {PUBLIC: "kind element description quantity unit unitPrice net taxes"},
    "SessionPeriod": {PUBLIC: "startedAt energy dimensions"},
    "SessionDimension": {PUBLIC: "type volume"},
    "Interruption": {PUBLIC: "id hub port from to cause note recordedAt"},
    "SessionRejection": {PUBLIC: "line field code reason"},
    "Statement": {
        PUBLIC: "id number member from to issuedAt opening closing supersedes supersededBy "
        "documents"
    },
    "Payment": {
        PUBLIC: "id receivedOn amount method reference onAccount member allocations entry "
        "returnedOn returnReason returnCharge returnEntry"
    },
    "PaymentAllocation": {PUBLIC: "invoiceId amount"},
    "Mandate": {PUBLIC: "id reference signedOn scheme iban holder sequence revokedOn"},
    "BankAccount": {PUBLIC: "id iban name bic accountCode creditorId"},
    "BankLine": {
        PUBLIC: "id bookedOn amount text reference endToEndId counterparty counterpartyIban "
        "returnCode state why candidates member entry"
    },
    "BankLineCandidate": {PUBLIC: "kind id why"},
    "Collection": {PUBLIC: "id messageId collectOn scheme file sha256 cancelled amount items"},
    "CollectionItem": {PUBLIC: "endToEndId invoiceId amount sequence state member"},
    "Address": {PUBLIC: "lines postalCode city country"},
    "CooperativeProfile": {
        PUBLIC: "from legalName address registerNumber vatId taxNumber email phone iban bic "
        "paymentDays disputeDays taxes exemption note"
    },
    "MemberProfile": {PUBLIC: "from legalName address vatId email buyerReference locale"},
    "Document": {PUBLIC: "url expiresAt sha256 bytes mediaType locale"},
    "Plan": {PUBLIC: "id code version kind name fee included taxes resolution"},
    "PlanSubscription": {PUBLIC: "id from to plan member"},
    "CapacityReservation": {
        PUBLIC: "id kind quantity unitPrice from to noShowFee graceMinutes cancelMinutes taxes "
        "resolution cancelledAt member hub"
    },
    "Tax": {PUBLIC: "name percent"},
    "HubCostSharing": {PUBLIC: "rules schedules runs"},
    "CostSharingRule": {PUBLIC: "from method parameters taxes resolution"},
    "UtilitySchedule": {PUBLIC: "from name document sha256 resolution"},
    # A member's own part of the shares, all of them for who reads all bills; see the resolver.
    "SharedBill": {
        PUBLIC: "month method total kept energyCost demandCost otherCost taken losses peakAt peakW "
        "layers estimated shares"
    },
    "PeakLayer": {PUBLIC: "fromW toW members"},
    "CostSharingShare": {
        PUBLIC: "member taken ownPeakW measured measure losses energyCost lossesCost demandCost "
        "otherCost amount"
    },
    "RaisedItems": {PUBLIC: "kind count"},
    "WaitingHub": {PUBLIC: "hubId code message"},
    "ChargesWaiting": {PUBLIC: "kind count"},
    "Invoice": {
        PUBLIC: "id number kind member issuedOn dueOn from to net tax gross open state reference "
        "reason resolution lines taxes refersTo creditNotes entry documents"
    },
    "InvoiceLine": {
        PUBLIC: "number kind element description quantity unit unitPrice net taxes hub tariff "
        "resolution item sessionCount sessions refersToLine"
    },
    "InvoiceTax": {PUBLIC: "name percent base tax"},
    "MemberBill": {PUBLIC: "member kind net tax gross lines taxes"},
    "BillItem": {
        PUBLIC: "id kind member hub effectiveOn description quantity unit unitPrice net taxes "
        "resolution entry invoice"
    },
    "AgingRow": {PUBLIC: "member current days30 days60 days90 older held other total"},
    "Dispute": {
        PUBLIC: "id member chargeId item state openedBy openedAt reason held decidedBy decidedAt "
        "decisionReason resolution credit"
    },
    "Money": {PUBLIC: "amount currency"},
    "PageInfo": {PUBLIC: "hasNextPage hasPreviousPage startCursor endCursor"},
    "Mutation": {
        Action.ENTRY_POST: "journalEntryPost journalEntriesPost",
        Action.ENTRY_REVERSE: "journalEntryReverse",
        Action.SESSION_IMPORT: "chargingSessionsImport",
        Action.PERIOD_CLOSE: "periodClose",
        Action.STATEMENT_ISSUE: "statementIssue",
        Action.PROFILE_MANAGE: "cooperativeProfileSet memberProfileSet",
        Action.BILL_READ: "invoiceDocumentIssue",
        Action.PRICE_SET: "tariffSet sessionsRerate",
        Action.INTERRUPTION_RECORD: "interruptionRecord interruptionEnd",
        Action.MEMBER_ADMIT: "memberClassSet",
        Action.BILL_ISSUE: "billingRun creditNoteIssue invoiceWriteOff monthlyChargesRaise",
        Action.BILL_DISPUTE: "disputeOpen",
        Action.DISPUTE_DECIDE: "disputeDecide",
        Action.PLAN_MANAGE: "planSet subscriptionStart subscriptionEnd reservationRecord "
        "reservationCancel utilityScheduleSet utilityBillRecord costSharingRuleSet "
        "demandResponseEventRecord",
        Action.COMMITMENT_PLEDGE: "commitmentPledge",
        Action.COMMITMENT_SETTLE: "commitmentAmend commitmentTerminate commitmentsSettle",
        Action.PAYMENT_RECORD: "commitmentDepositRecord paymentRecord paymentReturn",
        Action.BANK_MANAGE: "bankAccountAdd bankFileImport bankLineAssign bankRuleSet "
        "collectionMake collectionCancel mandateRegister mandateRevoke",
    },
    "Subscription": {Action.ACCOUNT_READ: "balanceChanged"},
}

FIELD_ACCESS: Final[Mapping[str, Access]] = {
    f"{type_name}.{field}": access
    for type_name, row in _ROWS.items()
    for access, fields in row.items()
    for field in fields.split()
}


def access_of(field: str) -> Access:
    """What "Type.field" asks for. Raises LookupError for a field nobody decided about."""
    if field in FIELD_ACCESS:
        return FIELD_ACCESS[field]
    if field.partition(".")[0].endswith(_WRAPPERS):
        return PUBLIC
    raise LookupError(f"{field} has no row in coop/members/domain/fields.py: say who may read it")


def may_read(
    viewer: Viewer,
    field: str,
    cooperative_id: UUID,
    member_id: UUID | None = None,
    grant_id: UUID | None = None,
    on: date | None = None,
) -> bool:
    """Whether the viewer may read "Type.field" of a thing of that cooperative, member or grant.

    A mutation's field is asked for before its input is acted on; its service asks the policy again.
    """
    access = access_of(field)
    if isinstance(access, Public):
        return True
    return may(viewer, access, cooperative_id, member_id=member_id, grant_id=grant_id, on=on)
