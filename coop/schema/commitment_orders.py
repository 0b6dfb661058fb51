"""Mutations of commitments: pledge, amend, end, deposits, and settling a month."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from enum import Enum
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing import commitments as service
from coop.billing import settling
from coop.billing.commitments import DepositDraft, PledgeDraft
from coop.billing.domain.commitment import Terms, cap_of_share
from coop.billing.errors import CommitmentInvalid, CommitmentRefused
from coop.kernel import energy
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId, HubId, MemberId
from coop.kernel.money import currency_scale
from coop.kernel.rate import to_scale
from coop.ledger import queries as ledger_queries
from coop.members.domain.policy import Action, require
from coop.schema.commitments import Commitment, commitment_named
from coop.schema.context import Context, Info
from coop.schema.keyed import Outcome, under_key
from coop.schema.node_id import NodeId, node_id_of_type
from coop.schema.posting import cooperative_named
from coop.schema.scalars import IdempotencyKey, KWh
from coop.schema.taxes import TaxInput, taxes_in
from coop.schema.user_error import Payload, refusals_as

KEY = "One per intent, reused on retry."
HELD_FOR_S = 600
_SETTLING = asyncio.Semaphore(2)


@strawberry.input(description="What a commitment is to say from a month on.")
class CommitmentTermsInput:
    """What a commitment is to say from a month on; prices in whole currency per kWh."""

    from_: date = strawberry.field(name="from", description="First day of the first month.")
    to: date = strawberry.field(description="First day after the last month.")
    minimum: KWh = strawberry.field(description="Energy pledged a month, before the ramp.")
    shortfall_price: Decimal = strawberry.field(description="Per kWh that is missing, before tax.")
    overage_price: Decimal | None = strawberry.field(
        default=None, description="Per kWh above the minimum, beside its tariff; none unless said."
    )
    ramp: list[Decimal] | None = strawberry.field(
        default=None, description="Factors of the first months, 0 to 1; 1 unless said."
    )
    make_up_months: int = strawberry.field(
        default=0, description="Months in which a paid shortfall may be made up."
    )
    bank_cap: KWh | None = strawberry.field(
        default=None, description="Over-use that may be kept; none unless said."
    )
    bank_cap_share: Decimal | None = strawberry.field(
        default=None, description="The same as a share of the minimum; not together with bankCap."
    )
    outage_relief: bool = strawberry.field(
        default=True, description="Whether outages lower the minimum."
    )
    deposit: Decimal = strawberry.field(
        default=Decimal(0), description="Deposit to be agreed, in the cooperative's currency."
    )
    taxes: list[TaxInput] | None = strawberry.field(
        default=None, description="On shortfall and overage; none unless said."
    )

    def terms(self, scale: int) -> Terms:
        """The terms. Refuses COMMITMENT_INVALID and INVALID_VALUE, with the path of the value."""
        minimum_wh = energy.wh_of_kwh(self.minimum)
        return Terms(
            self.from_,
            self.to,
            minimum_wh,
            self.shortfall_price,
            self.overage_price,
            ramp=tuple(self.ramp or ()),
            make_up_months=self.make_up_months,
            bank_cap_wh=self._bank_cap_wh(minimum_wh),
            outage_relief=self.outage_relief,
            deposit_minor=_minor(self.deposit, scale, "deposit"),
            taxes=taxes_in(self.taxes),
        )

    def _bank_cap_wh(self, minimum_wh: int) -> int:
        if self.bank_cap is not None and self.bank_cap_share is not None:
            raise CommitmentInvalid("A cap is said once: as energy or as a share.", ("bankCap",))
        if self.bank_cap_share is not None:
            return cap_of_share(minimum_wh, self.bank_cap_share)
        return 0 if self.bank_cap is None else energy.wh_of_kwh(self.bank_cap)


@strawberry.input(description="A pledge to be made.")
class CommitmentPledgeInput:
    """A pledge to be made."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    member_id: strawberry.ID = strawberry.field(description="Who pledges.")
    hub_ids: list[strawberry.ID] = strawberry.field(
        description="Where sessions count; several hubs are a pool."
    )
    terms: CommitmentTermsInput = strawberry.field(description="On which terms.")
    resolution: str | None = strawberry.field(
        default=None, description="The resolution it rests on, if one is named."
    )


@strawberry.input(description="Other terms for a commitment, from a month on that is not settled.")
class CommitmentAmendInput:
    """Other terms for a commitment; another end renews or shortens it."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    commitment_id: strawberry.ID = strawberry.field(description="Which commitment.")
    terms: CommitmentTermsInput = strawberry.field(description="Everything it says from then on.")
    resolution: str = strawberry.field(description="The resolution that decided so.")


@strawberry.input(description="The end of a commitment.")
class CommitmentTerminateInput:
    """The end of a commitment."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    commitment_id: strawberry.ID = strawberry.field(description="Which commitment.")
    to: date = strawberry.field(description="First day after its last month.")
    resolution: str = strawberry.field(description="The resolution that decided so.")
    keep_make_up: bool = strawberry.field(
        default=True, description="Whether open make-up credits stay usable until they expire."
    )


@strawberry.enum(description="What became of a deposit.")
class DepositKind(Enum):
    """What became of a deposit."""

    TAKEN = service.TAKEN
    RETURNED = service.RETURNED
    FORFEITED = service.FORFEIT


@strawberry.input(description="Money of a commitment's deposit.")
class CommitmentDepositRecordInput:
    """Money of a commitment's deposit."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    commitment_id: strawberry.ID = strawberry.field(description="Which commitment it secures.")
    kind: DepositKind = strawberry.field(description="Taken, returned or forfeited.")
    amount: Decimal = strawberry.field(description="How much, in the cooperative's currency.")
    effective_on: date = strawberry.field(description="The day it counts for.")
    resolution: str | None = strawberry.field(
        default=None, description="The resolution that decided so; needed to forfeit."
    )


@strawberry.input(description="A month of all commitments, to be settled or adjusted.")
class CommitmentsSettleInput:
    """A month of all commitments, to be settled or adjusted."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    cooperative_id: strawberry.ID = strawberry.field(description="Whose commitments.")
    month: date = strawberry.field(description="First day of the month.")
    adjust: bool = strawberry.field(
        default=False,
        description="Settle it and every later settled month anew, and post the differences.",
    )
    effective_on: date | None = strawberry.field(
        default=None,
        description="The day it counts for: the month's last unless said, today if adjusting.",
    )


@strawberry.type(description="A commitment after what was asked, or why nothing was done.")
class CommitmentPayload(Payload):
    """A commitment after what was asked, or why nothing was done."""

    commitment: Commitment | None = strawberry.field(default=None, description="As it is now.")


@strawberry.type(description="How many commitments a month was settled for.")
class CommitmentsSettlePayload(Payload):
    """How many commitments a month was settled for."""

    settled: int = strawberry.field(default=0, description="Settled or adjusted now.")
    already: int = strawberry.field(default=0, description="Settled before and passed over.")


@strawberry.type
class CommitmentMutations:
    """Mutations of commitments."""

    @strawberry.mutation(description="Pledge to take energy every month.")
    @refusals_as(CommitmentPayload)
    async def commitment_pledge(
        self, info: Info, input: CommitmentPledgeInput
    ) -> CommitmentPayload:
        context = info.context
        member = node_id_of_type(input.member_id, "Member", "memberId")
        cooperative_id = CooperativeId(member.cooperative_id)
        hubs = [node_id_of_type(one, "Hub", "hubIds") for one in input.hub_ids]
        hub_ids = tuple(HubId(hub.id) for hub in hubs)

        async def work(connection: AsyncConnection) -> Outcome:
            require(context.viewer, Action.COMMITMENT_PLEDGE, cooperative_id, member_id=member.id)
            terms = await _terms(connection, input.terms)
            draft = PledgeDraft(MemberId(member.id), hub_ids, terms, input.resolution)
            with _in_terms():
                made = await service.pledge(connection, context.viewer, cooperative_id, draft)
            return {"commitment": str(made.id)}

        found = await under_key(context, cooperative_id, "commitmentPledge", input, work)
        return await _payload(context, cooperative_id, *found)

    @strawberry.mutation(description="Let a commitment say something else, by resolution.")
    @refusals_as(CommitmentPayload)
    async def commitment_amend(self, info: Info, input: CommitmentAmendInput) -> CommitmentPayload:
        context = info.context
        named = node_id_of_type(input.commitment_id, "Commitment", "commitmentId")
        cooperative_id = CooperativeId(named.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            require(context.viewer, Action.COMMITMENT_SETTLE, cooperative_id)
            terms = await _terms(connection, input.terms)
            with _in_terms():
                await service.amend(
                    connection, context.viewer, cooperative_id, named.id, terms,
                    resolution=input.resolution,
                )  # fmt: skip
            return {"commitment": str(named.id)}

        found = await under_key(context, cooperative_id, "commitmentAmend", input, work)
        return await _payload(context, cooperative_id, *found)

    @strawberry.mutation(description="End a commitment early, by resolution.")
    @refusals_as(CommitmentPayload)
    async def commitment_terminate(
        self, info: Info, input: CommitmentTerminateInput
    ) -> CommitmentPayload:
        context = info.context
        named = node_id_of_type(input.commitment_id, "Commitment", "commitmentId")
        cooperative_id = CooperativeId(named.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            await service.terminate(
                connection, context.viewer, cooperative_id, named.id, input.to,
                resolution=input.resolution, keep_make_up=input.keep_make_up,
            )  # fmt: skip
            return {"commitment": str(named.id)}

        found = await under_key(context, cooperative_id, "commitmentTerminate", input, work)
        return await _payload(context, cooperative_id, *found)

    @strawberry.mutation(description="Take, return or keep a commitment's deposit.")
    @refusals_as(CommitmentPayload)
    async def commitment_deposit_record(
        self, info: Info, input: CommitmentDepositRecordInput
    ) -> CommitmentPayload:
        context = info.context
        named = node_id_of_type(input.commitment_id, "Commitment", "commitmentId")
        cooperative_id = CooperativeId(named.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            require(context.viewer, Action.PAYMENT_RECORD, cooperative_id)
            draft = DepositDraft(
                input.kind.value,
                _minor(input.amount, await _scale(connection), "amount"),
                input.effective_on,
                input.resolution,
            )
            await service.record_deposit(
                connection, context.viewer, cooperative_id, named.id, draft
            )
            return {"commitment": str(named.id)}

        found = await under_key(context, cooperative_id, "commitmentDepositRecord", input, work)
        return await _payload(context, cooperative_id, *found)

    @strawberry.mutation(description="Settle a month of all commitments, or adjust it.")
    @refusals_as(CommitmentsSettlePayload)
    async def commitments_settle(
        self, info: Info, input: CommitmentsSettleInput
    ) -> CommitmentsSettlePayload:
        context = info.context
        cooperative_id = cooperative_named(input.cooperative_id)
        require(context.viewer, Action.COMMITMENT_SETTLE, cooperative_id)
        run = settling.adjust_month if input.adjust else settling.settle_month

        # The key is held in one transaction while the batches go in by others.
        async def work(_: AsyncConnection) -> Outcome:
            done = await run(
                context.database, context.viewer, cooperative_id, input.month,
                effective_on=input.effective_on,
            )  # fmt: skip
            return {"settled": done.written, "already": done.already}

        async with _SETTLING:
            outcome, replayed = await under_key(
                context, cooperative_id, "commitmentsSettle", input, work, held_for_s=HELD_FOR_S
            )
        return CommitmentsSettlePayload(
            settled=outcome["settled"], already=outcome["already"], replayed=replayed
        )


@contextmanager
def _in_terms() -> Iterator[None]:
    """Let refusals of what the terms say tell where in the input that stands."""
    try:
        yield
    except CommitmentRefused as refusal:
        if refusal.path[:1] in (("from",), ("to",), ("ramp",)):
            refusal.under("terms")
        raise


async def _terms(connection: AsyncConnection, given: CommitmentTermsInput) -> Terms:
    """The terms of an input; a refusal says where in it."""
    scale = await _scale(connection)
    try:
        return given.terms(scale)
    except (CommitmentInvalid, InvalidValue) as refusal:
        raise refusal.under("terms") from None


async def _scale(connection: AsyncConnection) -> int:
    return currency_scale(await ledger_queries.currency_of(connection))


def _minor(amount: Decimal, scale: int, name: str) -> int:
    try:
        return to_scale(amount, scale)
    except InvalidValue as refusal:
        raise refusal.under(name) from None


async def _payload(
    context: Context, cooperative_id: CooperativeId, outcome: Outcome, replayed: bool
) -> CommitmentPayload:
    named = NodeId("Commitment", cooperative_id, UUID(outcome["commitment"]))
    return CommitmentPayload(commitment=await commitment_named(context, named), replayed=replayed)
