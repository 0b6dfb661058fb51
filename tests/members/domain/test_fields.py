"""Which role may read which field: written out for the fields that ask for more than their object."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from coop.members.domain.fields import FIELD_ACCESS, PUBLIC, access_of, may_read
from coop.members.domain.roles import Role, RoleGrant, Viewer

HERE, OWN, OTHER, GRANT = UUID(int=1), UUID(int=11), UUID(int=12), UUID(int=21)
NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)

# Who may read the field of another's thing (upper case) and of its own only (lower case):
# O operator, B board, T treasurer, G grant administrator, U auditor, A administrator.
RESTRICTED = """
Cooperative.members            o B T U A
Cooperative.hubs               O B T U A
Cooperative.accounts           o B T U
Cooperative.journalEntries     o B T U
Cooperative.trialBalance       B T U
Cooperative.balanceSheet       B T U
Cooperative.incomeStatement    B T U
Cooperative.tariff             O B T U A
Cooperative.bankAccounts       B T U
Cooperative.bankLines          B T U
Cooperative.invoices           o B T U
Cooperative.aging              o B T U
Cooperative.disputes           o B T U
Cooperative.periods            O B T G U A
Cooperative.seals              O B T G U A
Member.balance                 o B T U
Member.accounts                o B T U
Member.postings                o B T U
Member.sessions                o B T U
Member.statements              o B T U
Cooperative.profile            o B T U A
Member.profile                 o B T U A
Member.payments                o B T U
Member.mandates                o B T U
Member.invoices                o B T U
Member.unbilled                o B T U
Member.billItems               o B T U
Member.disputes                o B T U
Account.balance                o B T U
Account.postings               o B T U
JournalEntry.postings          o B T U
Posting.runningBalance         o B T U
Hub.delivered                  O B T U A
Hub.tariffs                    O B T U A
Mutation.tariffSet             T
Mutation.sessionsRerate        T
Mutation.interruptionRecord    T A
Mutation.interruptionEnd       T A
Mutation.memberClassSet        B A
Mutation.journalEntryPost      T
Mutation.journalEntriesPost    T
Mutation.journalEntryReverse   T
Mutation.chargingSessionsImport T
Mutation.periodClose           T
Mutation.statementIssue        o T
Mutation.invoiceDocumentIssue  o B T U
Mutation.cooperativeProfileSet A
Mutation.memberProfileSet      A
Mutation.paymentRecord         T
Mutation.paymentReturn         T
Mutation.bankAccountAdd        T
Mutation.bankFileImport        T
Mutation.bankLineAssign        T
Mutation.bankRuleSet           T
Mutation.collectionMake        T
Mutation.collectionCancel      T
Mutation.mandateRegister       T
Mutation.mandateRevoke         T
Mutation.billingRun            T
Mutation.creditNoteIssue       T
Mutation.invoiceWriteOff       T
Mutation.disputeOpen           o T
Mutation.disputeDecide         B
Cooperative.plans              O B T U A
Hub.costSharing                O B T U A
Hub.costSharingPreview         B T U
Member.commitments             o B T U
Member.reservations            o B T U
Member.subscriptions           o B T U
Mutation.commitmentAmend       T
Mutation.commitmentDepositRecord T
Mutation.commitmentPledge      o T
Mutation.commitmentTerminate   T
Mutation.commitmentsSettle     T
Mutation.costSharingRuleSet    T
Mutation.demandResponseEventRecord T
Mutation.monthlyChargesRaise   T
Mutation.planSet               T
Mutation.reservationCancel     T
Mutation.reservationRecord     T
Mutation.subscriptionEnd       T
Mutation.subscriptionStart     T
Mutation.utilityBillRecord     T
Mutation.utilityScheduleSet    T
Subscription.balanceChanged    o B T U
"""
LETTERS = {
    "O": Role.OPERATOR, "B": Role.BOARD, "T": Role.TREASURER,
    "G": Role.GRANT_ADMINISTRATOR, "U": Role.AUDITOR, "A": Role.ADMINISTRATOR,
}  # fmt: skip
TABLE = {line.split()[0]: line.split()[1:] for line in RESTRICTED.strip().splitlines()}


def holder(role: Role) -> Viewer:
    member = OWN if role is Role.OPERATOR else None
    grant = GRANT if role is Role.GRANT_ADMINISTRATOR else None
    return Viewer("anna", (RoleGrant(role, HERE, member, date(2026, 1, 1), None, grant),), NOON)


def test_every_restricted_field_is_in_the_table() -> None:
    assert {field for field, access in FIELD_ACCESS.items() if access is not PUBLIC} == set(TABLE)


@pytest.mark.parametrize("letter", sorted(LETTERS))
@pytest.mark.parametrize("field", sorted(TABLE))
def test_each_role_reads_what_the_table_says(field: str, letter: str) -> None:
    viewer, marks = holder(LETTERS[letter]), TABLE[field]

    assert may_read(viewer, field, HERE, OTHER, UUID(int=22)) is (letter in marks)
    assert may_read(viewer, field, HERE, OWN, GRANT) is (letter in marks or letter.lower() in marks)
    assert may_read(viewer, field, UUID(int=2), OWN, GRANT) is False


def test_a_field_nobody_decided_about_is_an_error() -> None:
    assert access_of("Member.name") is PUBLIC
    assert access_of("PostingConnection.totalCount") is PUBLIC
    assert access_of("JournalEntryPayload.errors") is PUBLIC
    with pytest.raises(LookupError, match=r"^Member\.iban has no row"):
        access_of("Member.iban")
    with pytest.raises(LookupError):
        may_read(holder(Role.BOARD), "Member.iban", HERE, OWN)
