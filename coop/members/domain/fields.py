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
        Action.BOOKS_READ: "trialBalance balanceSheet incomeStatement",
        Action.PERIOD_READ: "periods",
        Action.SEAL_READ: "seals",
    },
    "Member": {
        PUBLIC: "id number name joinedOn leftOn cooperative",
        Action.MEMBER_FIGURES_READ: "balance",
        Action.ACCOUNT_READ: "accounts postings",
        Action.SESSION_READ: "sessions",
        Action.STATEMENT_READ: "statements",
    },
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
    },
    "Port": {PUBLIC: "id ref powerW"},
    "ChargingSession": {
        PUBLIC: "id countryCode partyId sessionId hub member startedAt endedAt energy charge state "
        "doubts entry",
    },
    "SessionRejection": {PUBLIC: "line field code reason"},
    "Statement": {
        PUBLIC: "id number member from to issuedAt opening closing supersedes supersededBy "
        "documents"
    },
    "Document": {PUBLIC: "url expiresAt sha256 bytes mediaType locale"},
    "Money": {PUBLIC: "amount currency"},
    "PageInfo": {PUBLIC: "hasNextPage hasPreviousPage startCursor endCursor"},
    "Mutation": {
        Action.ENTRY_POST: "journalEntryPost journalEntriesPost",
        Action.ENTRY_REVERSE: "journalEntryReverse",
        Action.SESSION_IMPORT: "chargingSessionsImport",
        Action.PERIOD_CLOSE: "periodClose",
        Action.STATEMENT_ISSUE: "statementIssue",
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
