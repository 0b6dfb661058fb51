"""Who a cooperative and its members are on paper, and the mutations that say so."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.kernel.ids import CooperativeId
from coop.members import profiles as service
from coop.members import queries
from coop.members.domain.profile import (
    Address as AddressValue,
)
from coop.members.domain.profile import (
    CooperativeProfile as CooperativeProfileValue,
)
from coop.members.domain.profile import (
    MemberProfile as MemberProfileValue,
)
from coop.members.domain.profile import (
    ProfileTax,
    SetCooperative,
    SetMember,
)
from coop.schema.context import Context, Info
from coop.schema.keyed import Outcome, under_key
from coop.schema.node_id import node_id_of_type
from coop.schema.posting import cooperative_named
from coop.schema.scalars import IdempotencyKey
from coop.schema.taxes import Tax, TaxInput
from coop.schema.user_error import Payload, refusals_as

KEY = "One per intent, reused on retry."
FROM = "First day it counts, until a later one does."
VAT_ID = "VAT number with its country: NO974760673MVA."
LINES = "What stands before the postal code, 1 to 4 lines."
COUNTRY = "ISO 3166-1: NO."
BUYER_REFERENCE = "What its own books want quoted."
EXEMPTION = "Why no tax is charged where none is, with the provision."
LOCALE = "Language and conventions of its documents, as de_CH."


@strawberry.type(description="Where somebody is.")
class Address:
    """Where somebody is."""

    lines: list[str] = strawberry.field(description=LINES)
    postal_code: str = strawberry.field(description="Postal code.")
    city: str = strawberry.field(description="Town.")
    country: str = strawberry.field(description=COUNTRY)

    @classmethod
    def of(cls, value: AddressValue) -> Address:
        """What the API shows of an address."""
        return cls(
            lines=list(value.lines),
            postal_code=value.postal_code,
            city=value.city,
            country=value.country,
        )


@strawberry.type(description="Who the cooperative is on its documents, from a day on.")
class CooperativeProfile:
    """Who the cooperative is on its documents."""

    from_: date = strawberry.field(name="from", description=FROM)
    legal_name: str = strawberry.field(description="Its name as it is registered.")
    address: Address = strawberry.field(description="Where it is.")
    register_number: str | None = strawberry.field(description="Its number in the register.")
    vat_id: str | None = strawberry.field(description=VAT_ID)
    tax_number: str | None = strawberry.field(description="Where it has no VAT number.")
    email: str | None = strawberry.field(description="Where it is written to.")
    phone: str | None = strawberry.field(description="Where it is called.")
    iban: str | None = strawberry.field(description="The account that members pay to.")
    bic: str | None = strawberry.field(description="The bank of that account.")
    payment_days: int = strawberry.field(description="Days from issue until a bill is due.")
    dispute_days: int = strawberry.field(description="Days from issue to dispute a bill.")
    taxes: list[Tax] = strawberry.field(description="Charged where nothing else is said.")
    exemption: str | None = strawberry.field(description=EXEMPTION)
    note: str | None = strawberry.field(description="What closes its documents.")

    @classmethod
    def of(cls, value: SetCooperative) -> CooperativeProfile:
        """What the API shows of a profile."""
        said = value.profile
        return cls(
            from_=value.from_on,
            legal_name=said.legal_name,
            address=Address.of(said.address),
            register_number=said.register_number,
            vat_id=said.vat_id,
            tax_number=said.tax_number,
            email=said.email,
            phone=said.phone,
            iban=said.iban,
            bic=said.bic,
            payment_days=said.payment_days,
            dispute_days=said.dispute_days,
            taxes=[Tax(name=tax.name, percent=tax.percent) for tax in said.taxes],
            exemption=said.exemption,
            note=said.note,
        )


@strawberry.type(description="Who a member is on documents, from a day on.")
class MemberProfile:
    """Who a member is on documents."""

    from_: date = strawberry.field(name="from", description=FROM)
    legal_name: str = strawberry.field(description="Its name as it is registered.")
    address: Address = strawberry.field(description="Where it is.")
    vat_id: str | None = strawberry.field(description=VAT_ID)
    email: str | None = strawberry.field(description="Where its bills are sent.")
    buyer_reference: str | None = strawberry.field(description=BUYER_REFERENCE)
    locale: str | None = strawberry.field(description=LOCALE)

    @classmethod
    def of(cls, value: SetMember) -> MemberProfile:
        """What the API shows of a profile."""
        said = value.profile
        return cls(
            from_=value.from_on,
            legal_name=said.legal_name,
            address=Address.of(said.address),
            vat_id=said.vat_id,
            email=said.email,
            buyer_reference=said.buyer_reference,
            locale=said.locale,
        )


async def profile_of_cooperative(
    context: Context, cooperative_id: UUID, on: date | None
) -> CooperativeProfile | None:
    """The cooperative's profile of that day, today unless said; whoever asks has asked whether."""
    reader = await context.reader(cooperative_id)
    day = on or context.viewer.today(cooperative_id)
    found = await reader.ask(queries.cooperative_profile_on, cooperative_id, day)
    return None if found is None else CooperativeProfile.of(found)


async def profile_of_member(
    context: Context, cooperative_id: UUID, member_id: UUID, on: date | None
) -> MemberProfile | None:
    """A member's profile of that day, today unless said; whoever asks has asked whether."""
    reader = await context.reader(cooperative_id)
    day = on or context.viewer.today(cooperative_id)
    found = await reader.each(_profiles_of_members, cooperative_id, day).load(member_id)
    return None if found is None else MemberProfile.of(found)


async def _profiles_of_members(
    connection: AsyncConnection, members: list[UUID], cooperative_id: UUID, day: date
) -> dict[UUID, SetMember]:
    return await queries.member_profiles_on(connection, cooperative_id, members, day)


# Setting


@strawberry.input(description="Where somebody is.")
class AddressInput:
    """Where somebody is."""

    lines: list[str] = strawberry.field(description=LINES)
    postal_code: str = strawberry.field(description="Postal code.")
    city: str = strawberry.field(description="Town.")
    country: str = strawberry.field(description=COUNTRY)

    def value(self) -> AddressValue:
        """The address of the members room."""
        return AddressValue(tuple(self.lines), self.postal_code, self.city, self.country)


@strawberry.input(description="Who the cooperative is from a day on; what is not said is nothing.")
class CooperativeProfileSetInput:
    """Who the cooperative is from a day on; what is not said is nothing."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    cooperative_id: strawberry.ID = strawberry.field(description="Which cooperative.")
    from_: date = strawberry.field(name="from", description=FROM)
    legal_name: str = strawberry.field(description="Its name as it is registered.")
    address: AddressInput = strawberry.field(description="Where it is.")
    register_number: str | None = strawberry.field(default=None, description="In the register.")
    vat_id: str | None = strawberry.field(default=None, description=VAT_ID)
    tax_number: str | None = strawberry.field(
        default=None, description="Where it has no VAT number."
    )
    email: str | None = strawberry.field(default=None, description="Where it is written to.")
    phone: str | None = strawberry.field(default=None, description="Where it is called.")
    iban: str | None = strawberry.field(default=None, description="Where members pay to.")
    bic: str | None = strawberry.field(default=None, description="The bank of that account.")
    payment_days: int = strawberry.field(default=14, description="Until a bill is due.")
    dispute_days: int = strawberry.field(default=60, description="To dispute a bill.")
    taxes: list[TaxInput] | None = strawberry.field(
        default=None, description="Charged where nothing else is said."
    )
    exemption: str | None = strawberry.field(default=None, description=EXEMPTION)
    note: str | None = strawberry.field(default=None, description="What closes its documents.")

    def value(self) -> CooperativeProfileValue:
        """The profile of the members room."""
        return CooperativeProfileValue(
            legal_name=self.legal_name,
            address=self.address.value(),
            register_number=self.register_number,
            vat_id=self.vat_id,
            tax_number=self.tax_number,
            email=self.email,
            phone=self.phone,
            iban=self.iban,
            bic=self.bic,
            payment_days=self.payment_days,
            dispute_days=self.dispute_days,
            taxes=tuple(ProfileTax(one.name, one.percent) for one in self.taxes or ()),
            exemption=self.exemption,
            note=self.note,
        )


@strawberry.input(description="Who a member is from a day on; what is not said is nothing.")
class MemberProfileSetInput:
    """Who a member is from a day on; what is not said is nothing."""

    idempotency_key: IdempotencyKey = strawberry.field(description=KEY)
    member_id: strawberry.ID = strawberry.field(description="Which member.")
    from_: date = strawberry.field(name="from", description=FROM)
    legal_name: str = strawberry.field(description="Its name as it is registered.")
    address: AddressInput = strawberry.field(description="Where it is.")
    vat_id: str | None = strawberry.field(default=None, description=VAT_ID)
    email: str | None = strawberry.field(default=None, description="Where its bills are sent.")
    buyer_reference: str | None = strawberry.field(default=None, description=BUYER_REFERENCE)
    locale: str | None = strawberry.field(default=None, description=LOCALE)

    def value(self) -> MemberProfileValue:
        """The profile of the members room."""
        return MemberProfileValue(
            self.legal_name, self.address.value(), self.vat_id, self.email, self.buyer_reference,
            self.locale,
        )  # fmt: skip


@strawberry.type(description="The profile that holds, or why it was not set.")
class CooperativeProfilePayload(Payload):
    """The profile that holds, or why it was not set."""

    profile: CooperativeProfile | None = strawberry.field(
        default=None, description="The profile that holds on its first day."
    )


@strawberry.type(description="The profile that holds, or why it was not set.")
class MemberProfilePayload(Payload):
    """The profile that holds, or why it was not set."""

    profile: MemberProfile | None = strawberry.field(
        default=None, description="The profile that holds on its first day."
    )


@strawberry.type
class ProfileMutations:
    """Mutations of profiles."""

    @strawberry.mutation(description="Say who the cooperative is on documents, from a day on.")
    @refusals_as(CooperativeProfilePayload)
    async def cooperative_profile_set(
        self, info: Info, input: CooperativeProfileSetInput
    ) -> CooperativeProfilePayload:
        context = info.context
        id_ = cooperative_named(input.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            made = await service.set_cooperative_profile(
                connection, context.viewer, id_, input.from_, input.value()
            )
            return {"profile": str(made.id)}

        _, replayed = await under_key(context, id_, "cooperativeProfileSet", input, work)
        async with context.database.snapshot(id_) as connection:
            held = await queries.cooperative_profile_on(connection, id_, input.from_)
        shown = None if held is None else CooperativeProfile.of(held)
        return CooperativeProfilePayload(profile=shown, replayed=replayed)

    @strawberry.mutation(description="Say who a member is on documents, from a day on.")
    @refusals_as(MemberProfilePayload)
    async def member_profile_set(
        self, info: Info, input: MemberProfileSetInput
    ) -> MemberProfilePayload:
        context = info.context
        named = node_id_of_type(input.member_id, "Member", "memberId")
        id_ = CooperativeId(named.cooperative_id)

        async def work(connection: AsyncConnection) -> Outcome:
            made = await service.set_member_profile(
                connection, context.viewer, id_, named.id, input.from_, input.value()
            )
            return {"profile": str(made.id)}

        _, replayed = await under_key(context, id_, "memberProfileSet", input, work)
        async with context.database.snapshot(id_) as connection:
            held = await queries.member_profiles_on(connection, id_, [named.id], input.from_)
        shown = MemberProfile.of(held[named.id]) if named.id in held else None
        return MemberProfilePayload(profile=shown, replayed=replayed)
