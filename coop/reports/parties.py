"""Who writes to whom on a statement, and by which terms: as their profiles say on its day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.members import queries as members
from coop.members.domain.people import Cooperative, Member
from coop.members.domain.profile import Address, CooperativeProfile, MemberProfile
from coop.reports.statement import Issuer, Recipient


@dataclass(frozen=True, slots=True)
class Terms:
    """When a positive closing is to be paid and until when a statement is disputed, in days."""

    payment_days: int = 14
    dispute_days: int = 60


@dataclass(frozen=True, slots=True)
class Parties:
    """Sender, receiver and terms."""

    issuer: Issuer
    recipient: Recipient
    terms: Terms


async def parties_on(
    connection: AsyncConnection, cooperative: Cooperative, member: Member, day: date
) -> Parties:
    """The parties of a statement of that day; without profiles, what else is known of them."""
    ours = await members.cooperative_profile_on(connection, cooperative.id, day)
    held = await members.member_profiles_on(connection, cooperative.id, [member.id], day)
    theirs = held.get(member.id)
    home = ours.profile.address.country if ours else None
    return Parties(
        _issuer(cooperative, ours.profile) if ours else issuer_of(cooperative),
        _recipient(member, theirs.profile, home) if theirs else recipient_of(member),
        Terms(ours.profile.payment_days, ours.profile.dispute_days) if ours else Terms(),
    )


def issuer_of(cooperative: Cooperative) -> Issuer:
    """The cooperative without a profile."""
    return Issuer(
        cooperative_id=cooperative.id,
        name=cooperative.name,
        slug=cooperative.slug,
        currency=cooperative.currency,
        time_zone=cooperative.time_zone.key,
    )


def recipient_of(member: Member) -> Recipient:
    """The member without a profile."""
    return Recipient(member.number, member.name, (member.email,) if member.email else ())


def _issuer(cooperative: Cooperative, profile: CooperativeProfile) -> Issuer:
    bare = issuer_of(cooperative)
    numbers = [part for part in (profile.vat_id or profile.tax_number, profile.phone) if part]
    address = (*_lines(profile.address), *numbers)
    contact = profile.email or ""
    return Issuer(
        bare.cooperative_id, profile.legal_name, bare.slug, bare.currency, bare.time_zone, address,
        contact,
    )  # fmt: skip


def _recipient(member: Member, profile: MemberProfile, home: str | None) -> Recipient:
    abroad = profile.address.country != home
    country = (profile.address.country,) if abroad else ()
    return Recipient(member.number, profile.legal_name, (*_lines(profile.address), *country))


def _lines(address: Address) -> tuple[str, ...]:
    return (*address.lines, f"{address.postal_code} {address.city}")
