"""From minor units to what the API shows."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import strawberry

from coop.kernel.rate import from_scale
from coop.ledger.domain.entry import Side
from coop.ledger.queries import BalanceRow

AS_OF: Final = "The last effective day that counts: today, unless another was asked for."
strawberry.enum(Side, description="The two sides of an account.")


@strawberry.type(description="What an account holds, in its commodity.")
class Balance:
    """What an account holds over the asked funds, in its commodity."""

    debit: Decimal = strawberry.field(description="Sum of all debits.")
    credit: Decimal = strawberry.field(description="Sum of all credits.")
    amount: Decimal = strawberry.field(description="On the account's normal side.")
    available: Decimal = strawberry.field(
        description="The amount less every pending hold against it; holds count only now."
    )
    commodity: str = strawberry.field(description="A currency, or kWh.")

    @classmethod
    def of(cls, row: BalanceRow, scale: int) -> Balance:
        """What the API shows of the ledger's row."""
        return cls(
            debit=from_scale(row.debit_minor, scale),
            credit=from_scale(row.credit_minor, scale),
            amount=from_scale(row.amount_minor, scale),
            available=from_scale(row.available_minor, scale),
            commodity=row.commodity,
        )


@strawberry.type(description="The sum of some postings in one commodity.")
class CommoditySum:
    """The sum of some postings in one commodity."""

    commodity: str = strawberry.field(description="A currency, or kWh.")
    debit: Decimal = strawberry.field(description="Sum of the debits.")
    credit: Decimal = strawberry.field(description="Sum of the credits.")
    amount: Decimal = strawberry.field(description="Debits less credits.")
    count: int = strawberry.field(description="How many postings.")
