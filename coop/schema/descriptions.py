"""What arguments and the values of enums mean: said once, for a name means the same everywhere."""

from __future__ import annotations

from typing import Final

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)

ARGUMENTS: Final = {
    "first": "At most so many rows from the front, 0 to 200; 50 unless said.",
    "after": "Only rows after this cursor.",
    "last": "At most so many rows from the back, 0 to 200; not together with `first`.",
    "before": "Only rows before this cursor.",
    "where": "Which rows the list holds; all of them unless said.",
    "asOf": "The last effective day that counts; every day unless said.",
    "knownAt": "Only what was recorded by this instant; everything unless said.",
    "period": "The days that count.",
    "fundId": "Of this fund only.",
    "hubId": "Of this hub only.",
    "id": "What to find.",
    "ids": "What to find, at most 100.",
    "slug": "The cooperative's name in addresses.",
    "accountId": "The account to listen to.",
    "on": "At the end of this day; today unless said.",
    "state": "Only those that stand so.",
    "memberClass": "Of this class of members; guest: of nobody's badges; empty: of none.",
    "at": "At this instant; now unless said.",
    "month": "First day of the month.",
    "method": "How the demand charge is shared; the rule in force unless said.",
    "parameters": "Of the method: highest, ratchet_percent, tolerance_percent, as text.",
}

ENUM_VALUES: Final = {
    "AccountType.ASSET": "What the cooperative has and is owed.",
    "AccountType.LIABILITY": "What it owes.",
    "AccountType.EQUITY": "What belongs to its members and to none.",
    "AccountType.REVENUE": "What it earned.",
    "AccountType.EXPENSE": "What it spent.",
    "AccountType.MEMORANDUM": "Energy, counted beside the money.",
    "Side.DEBIT": "Adds to assets, expenses and energy taken.",
    "Side.CREDIT": "Adds to liabilities, equity, revenue and energy delivered.",
    "Role.OPERATOR": "Acts for one member and sees what is that member's.",
    "Role.BOARD": "Reads the books, admits members.",
    "Role.TREASURER": "Reads the books and is alone in posting to them.",
    "Role.GRANT_ADMINISTRATOR": "Sees its grants and their reports.",
    "Role.AUDITOR": "Reads everything and changes nothing.",
    "Role.ADMINISTRATOR": "Gives out roles, manages hubs and members; sees no member's figures.",
    "PeriodState.OPEN": "Takes postings.",
    "PeriodState.CLOSING": "Takes none any more; its seal is being made.",
    "PeriodState.CLOSED": "Sealed, with its closing balances kept.",
    "MovementKind.ISSUED": "For a shortfall that was paid.",
    "MovementKind.USED": "Covered energy above a later minimum.",
    "MovementKind.EXPIRED": "Not used in time: revenue of the cooperative.",
    "MovementKind.RELEASED": "Let go because the right ended: revenue of the cooperative.",
    "DepositKind.TAKEN": "Received from the member.",
    "DepositKind.RETURNED": "Given back to the member.",
    "DepositKind.FORFEITED": "Kept by the cooperative, by resolution.",
    "InvoiceKind.INVOICE": "What the member owes.",
    "InvoiceKind.CREDIT_NOTE": "What the member is owed; its amounts are negative.",
    "InvoiceState.OPEN": "Something of it is not settled.",
    "InvoiceState.PAID": "Settled: by payments, credit notes or a write-off.",
    "InvoiceState.OVERDUE": "Open, and its due day has passed.",
    "InterruptionCause.OUTAGE_GRID": "The grid gave no power.",
    "InterruptionCause.OUTAGE_HARDWARE": "Something broke.",
    "InterruptionCause.OUTAGE_SOFTWARE": "A program or its connection failed.",
    "InterruptionCause.MAINTENANCE": "Somebody works on it.",
    "InterruptionCause.VANDALISM": "Somebody damaged it.",
    "InterruptionCause.THROTTLED": "It gave less power than asked for.",
    "InterruptionCause.OTHER": "Another reason; the note says which.",
    "DisputeState.OPEN": "Nobody decided yet; its amount is held.",
    "DisputeState.CREDITED": "Upheld, in whole or part.",
    "DisputeState.REFUSED": "Refused, with a reason.",
    "DisputeDecision.CREDIT": "Give it back, in whole or part.",
    "DisputeDecision.REFUSE": "Let it stand.",
    "PaymentMethod.TRANSFER": "By a bank transfer.",
    "PaymentMethod.DIRECT_DEBIT": "Collected by the cooperative under a mandate.",
    "PaymentMethod.CASH": "In cash.",
    "PaymentMethod.CARD": "By card.",
    "PaymentMethod.OTHER": "In another way.",
    "PaymentMethod.REFUND": "Paid back to the member.",
    "MandateScheme.CORE": "For everybody; a debit may be returned for eight weeks.",
    "MandateScheme.B2B": "Between businesses; the payer's bank has it confirmed.",
    "SessionFileFormat.CDR": "OCPI 2.2.1 charge detail records as JSON.",
    "SessionFileFormat.CSV": "A table, read by a mapping file.",
}


def describe(schema: GraphQLSchema) -> None:
    """Put the words above into `schema`, where its types do not say them already."""
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLEnumType) and not type_.name.startswith("__"):
            for name, value in type_.values.items():
                value.description = value.description or ENUM_VALUES.get(f"{type_.name}.{name}")
        elif isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            for field in type_.fields.values():
                for name, argument in field.args.items():
                    argument.description = argument.description or _meaning(name, argument)


def _meaning(name: str, argument: GraphQLArgument) -> str | None:
    if name == "input":  # a mutation's input says what it is
        return get_named_type(argument.type).description
    return ARGUMENTS.get(name)
