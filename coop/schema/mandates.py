"""Mandates of members, and the mutations that register and revoke them."""

from __future__ import annotations

from datetime import date
from enum import Enum
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing import mandates
from coop.billing.domain.bank_line import masked
from coop.billing.domain.mandate import Mandate as MandateValue
from coop.billing.domain.mandate import MandateDraft
from coop.billing.queries import collecting
from coop.kernel.ids import CooperativeId
from coop.members.domain.policy import Action, require
from coop.schema.context import Context, Info
from coop.schema.keyed import Outcome, under_key
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId, node_id_of_type
from coop.schema.payments import KEY, sees_iban
from coop.schema.scalars import IdempotencyKey
from coop.schema.user_error import Payload, refusals_as


@strawberry.enum(description="The scheme of a SEPA mandate.")
class MandateScheme(Enum):
    """The scheme of a SEPA mandate."""

    CORE = "CORE"
    B2B = "B2B"


@strawberry.type(description="A member's leave to collect from an account by direct debit.")
class Mandate(Node):
    """A member's leave to collect from an account by direct debit."""

    reference: str = strawberry.field(description="What it is called towards the bank.")
    signed_on: date = strawberry.field(description="The day it was signed.")
    scheme: MandateScheme = strawberry.field(description="CORE, or B2B between businesses.")
    iban: str = strawberry.field(
        description="The account; without its middle for who is neither treasurer nor its holder."
    )
    holder: str = strawberry.field(description="Whose account it is.")
    sequence: str = strawberry.field(
        description="FRST until something was collected with it, then RCUR."
    )
    revoked_on: date | None = strawberry.field(description="First day it no longer holds.")

    @classmethod
    def of(cls, context: Context, cooperative_id: UUID, value: MandateValue) -> Mandate:
        """What the API shows of a mandate to this viewer."""
        whole = sees_iban(context, cooperative_id, value.member_id)
        return cls(
            id=strawberry.ID(str(NodeId("Mandate", cooperative_id, value.id))),
            reference=value.reference,
            signed_on=value.signed_on,
            scheme=MandateScheme(value.scheme),
            iban=value.iban if whole else masked(value.iban),
            holder=value.holder,
            sequence=value.sequence,
            revoked_on=value.revoked_on,
        )


async def mandates_of_member(
    context: Context, cooperative_id: UUID, member_id: UUID, *, allowed: bool
) -> list[Mandate]:
    """A member's mandates, the latest signed last; none where the viewer may not read them."""
    if not allowed:
        return []
    reader = await context.reader(cooperative_id)
    found = await reader.each(collecting.mandates_of_members).load(member_id) or []
    return [Mandate.of(context, cooperative_id, one) for one in found]


async def mandate_by_node(context: Context, named: NodeId) -> Mandate | None:
    """The mandate of that id, if the viewer may read its member's bills."""
    extent = context.extent(Action.BILL_READ, named.cooperative_id)
    if extent.is_empty:
        return None
    reader = await context.reader(named.cooperative_id)
    value = await reader.each(collecting.mandates_by_ids).load(named.id)
    if value is None or not extent.reaches(value.member_id):
        return None
    return Mandate.of(context, named.cooperative_id, value)


found_by("Mandate")(mandate_by_node)


@strawberry.input(description="A mandate that a member signed.")
class MandateRegisterInput:
    """A mandate that a member signed."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    member_id: strawberry.ID = strawberry.field(description="Whose invoices it pays.")
    reference: str = strawberry.field(description="What it is called: 1 to 35 of SEPA's signs.")
    signed_on: date = strawberry.field(description="The day it was signed.")
    iban: str = strawberry.field(description="The account it allows to collect from.")
    holder: str = strawberry.field(description="Whose account it is.")
    bic: str | None = strawberry.field(default=None, description="That bank's BIC, if known.")
    scheme: MandateScheme | None = strawberry.field(
        default=None, description="CORE unless said, or B2B between businesses."
    )
    used: bool = strawberry.field(
        default=False, description="Whether it was collected with before it came here."
    )


@strawberry.input(description="The end of a mandate.")
class MandateRevokeInput:
    """The end of a mandate."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    mandate_id: strawberry.ID = strawberry.field(description="Which mandate.")
    revoked_on: date = strawberry.field(description="First day it no longer holds.")


@strawberry.type(description="A mandate after what was asked, or why nothing was done.")
class MandatePayload(Payload):
    """A mandate after what was asked, or why nothing was done."""

    mandate: Mandate | None = strawberry.field(default=None, description="As it is now.")


@strawberry.type
class MandateMutations:
    """Mutations of mandates."""

    @strawberry.mutation(description="Keep a mandate that a member signed.")
    @refusals_as(MandatePayload)
    async def mandate_register(self, info: Info, input: MandateRegisterInput) -> MandatePayload:
        context = info.context
        member = node_id_of_type(input.member_id, "Member", "memberId")
        own = CooperativeId(member.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            require(context.viewer, Action.BANK_MANAGE, own)
            draft = MandateDraft(
                member.id, input.reference, input.signed_on, input.iban, input.holder,
                (input.scheme or MandateScheme.CORE).value, input.bic,
            )  # fmt: skip
            made = await mandates.register_mandate(
                connection, context.viewer, own, draft, used=input.used
            )
            return {"mandate": str(made.id)}

        return await _mandate(context, own, *await under_key(
            context, own, "mandateRegister", input, work
        ))  # fmt: skip

    @strawberry.mutation(description="Let a mandate hold no longer.")
    @refusals_as(MandatePayload)
    async def mandate_revoke(self, info: Info, input: MandateRevokeInput) -> MandatePayload:
        context = info.context
        named = node_id_of_type(input.mandate_id, "Mandate", "mandateId")
        own = CooperativeId(named.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            require(context.viewer, Action.BANK_MANAGE, own)
            found = (await collecting.mandates_by_ids(connection, [named.id])).get(named.id)
            reference = "" if found is None else found.reference
            await mandates.revoke_mandate(
                connection, context.viewer, own, reference, input.revoked_on
            )
            return {"mandate": str(named.id)}

        return await _mandate(context, own, *await under_key(
            context, own, "mandateRevoke", input, work
        ))  # fmt: skip


async def _mandate(
    context: Context, cooperative_id: CooperativeId, outcome: Outcome, replayed: bool
) -> MandatePayload:
    named = NodeId("Mandate", cooperative_id, UUID(outcome["mandate"]))
    return MandatePayload(mandate=await mandate_by_node(context, named), replayed=replayed)
