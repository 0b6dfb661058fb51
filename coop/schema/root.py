"""The schema, assembled: what may be asked, ordered and listened to."""

from __future__ import annotations

from collections.abc import AsyncIterator

import strawberry
from graphql import lexicographic_sort_schema, print_schema
from strawberry.schema.config import StrawberryConfig

from coop.kernel.errors import NotFound
from coop.kernel.ids import AccountId
from coop.ledger import queries as ledger
from coop.members.domain.policy import Action, absent
from coop.schema.account import Fund
from coop.schema.amounts import Balance
from coop.schema.bank_orders import BankMutations
from coop.schema.billing import BillingMutations
from coop.schema.books import BooksMutations, Period
from coop.schema.commitment_orders import CommitmentMutations
from coop.schema.context import Context, Info, gathered
from coop.schema.cooperative import Cooperative
from coop.schema.cost import IDS_MAX
from coop.schema.cost_sharing_orders import CostSharingMutations
from coop.schema.descriptions import describe
from coop.schema.disputes import DisputeMutations
from coop.schema.errors import InvalidPage
from coop.schema.hub import Port
from coop.schema.imports import ImportMutations
from coop.schema.invoice_documents import InvoiceDocumentMutations
from coop.schema.mandates import MandateMutations
from coop.schema.member import Viewer
from coop.schema.node import Node, node_of
from coop.schema.node_id import NodeId, node_id_of_type
from coop.schema.payments import PaymentMutations
from coop.schema.plan_orders import PlanMutations
from coop.schema.posting import JournalMutations
from coop.schema.profiles import ProfileMutations
from coop.schema.scalars import SCALARS, MoneyInput
from coop.schema.sessions import ChargingSession
from coop.schema.statements import StatementMutations
from coop.schema.tariff_orders import TariffMutations
from coop.schema.user_error import USER_ERRORS


@strawberry.type(description="What may be asked.")
class Query:
    """What may be asked."""

    @strawberry.field(description="Who asks.")
    def viewer(self) -> Viewer:
        return Viewer()

    @strawberry.field(description="What an id names; null when it is nothing of the viewer's.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        return await node_of(info.context, id)

    @strawberry.field(description="What these ids name, in their order; at most 100.")
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        if len(ids) > IDS_MAX:
            raise InvalidPage(f"At most {IDS_MAX} ids at a time, not {len(ids)}.")
        return list(await gathered(node_of(info.context, id_) for id_ in ids))

    @strawberry.field(description="The cooperative of that slug; null if it is not the viewer's.")
    async def cooperative(self, info: Info, slug: str) -> Cooperative | None:
        found = await info.context.cooperative_by_slug(slug)
        if found is None or info.context.extent(Action.COOPERATIVE_READ, found.id).is_empty:
            return None
        return Cooperative.of(found)


@strawberry.type(description="What may be ordered; one field a request.")
class Mutation(
    JournalMutations,
    ImportMutations,
    BooksMutations,
    StatementMutations,
    TariffMutations,
    CommitmentMutations,
    PlanMutations,
    CostSharingMutations,
    BillingMutations,
    DisputeMutations,
    PaymentMutations,
    MandateMutations,
    BankMutations,
    ProfileMutations,
    InvoiceDocumentMutations,
):
    """What may be ordered."""


@strawberry.type(description="What may be listened to.")
class Subscription:
    """What may be listened to."""

    @strawberry.subscription(
        description="The account's balance: once at the start, then whenever it has changed."
    )
    async def balance_changed(
        self, info: Info, account_id: strawberry.ID
    ) -> AsyncIterator[Balance]:
        named = node_id_of_type(account_id, "Account", "accountId")
        shown: Balance | None = None
        async for _ in info.context.wakeups.wait_for(named.cooperative_id):
            found = await _balance_now(info.context, named)
            if found != shown:
                shown = found
                yield found


async def _balance_now(context: Context, named: NodeId) -> Balance:
    """The account's balance in a snapshot of its own. Refuses NOT_FOUND."""
    extent = context.extent(Action.ACCOUNT_READ, named.cooperative_id)
    if extent.is_empty:
        raise absent()
    async with context.database.snapshot(named.cooperative_id) as connection:
        account = (await ledger.accounts_by_ids(connection, [AccountId(named.id)])).get(
            AccountId(named.id)
        )
        if account is None or not extent.reaches(account.member_id):
            raise NotFound("There is no such thing, or it is not yours to see.")
        held = await ledger.balances_of(connection, [account.id])
        scale = (await ledger.scales(connection))[account.commodity]
    row = held.get(account.id) or ledger.BalanceRow(
        account.id, account.commodity, account.normal_side, 0, 0
    )
    return Balance.of(row, scale)


def build_schema() -> strawberry.Schema:
    """The one schema of the process; types are bound to it, so it is made once."""
    made = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[*USER_ERRORS, ChargingSession, Fund, MoneyInput, Period, Port],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    describe(made._schema)  # noqa: SLF001 - its only way to graphql-core's
    return made


schema = build_schema()


def printed_schema() -> str:
    """The schema in its own language, sorted: what coop/schema/schema.graphql holds."""
    return print_schema(lexicographic_sort_schema(schema._schema)) + "\n"  # noqa: SLF001
