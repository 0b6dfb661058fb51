"""What the house may ask about profiles: setting them, and reading the one of a day.

A profile is set from a day on and never changed; setting again what holds on that day already
writes nothing, so a repeated order is answered as the first one was.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.kernel.clock import utc_now
from coop.kernel.ids import uuid7
from coop.members import queries
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.profile import (
    Address,
    CooperativeProfile,
    MemberProfile,
    SetCooperative,
    SetMember,
    sound_cooperative,
    sound_member,
)
from coop.members.domain.roles import Viewer
from coop.members.tables import cooperative_profile, member_profile


async def set_cooperative_profile(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: UUID,
    from_on: date,
    profile: CooperativeProfile,
) -> SetCooperative:
    """Say who the cooperative is on paper from that day on; answers the profile that then holds.

    Refuses INVALID_VALUE, VAT_ID_INVALID, IBAN_INVALID, FORBIDDEN.
    """
    require(viewer, Action.PROFILE_MANAGE, cooperative_id)
    sound = sound_cooperative(profile)
    held = await queries.cooperative_profile_on(connection, cooperative_id, from_on)
    if held is not None and held.profile == sound:
        return held
    made = SetCooperative(uuid7(), from_on, viewer.subject, utc_now(), sound)
    said = {
        "legal_name": sound.legal_name, "register_number": sound.register_number,
        "vat_id": sound.vat_id, "tax_number": sound.tax_number, "email": sound.email,
        "phone": sound.phone, "iban": sound.iban, "bic": sound.bic,
        "payment_days": sound.payment_days, "dispute_days": sound.dispute_days,
        "taxes": [{"name": tax.name, "percent": f"{tax.percent:f}"} for tax in sound.taxes],
        "exemption": sound.exemption, "note": sound.note,
    }  # fmt: skip
    values = {**_frame(cooperative_id, made), **_columns(sound.address), **said}
    await connection.execute(insert(cooperative_profile).values(values))
    return made


async def set_member_profile(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: UUID,
    member_id: UUID,
    from_on: date,
    profile: MemberProfile,
) -> SetMember:
    """Say who a member is on paper from that day on; answers the profile that then holds.

    Refuses INVALID_VALUE, VAT_ID_INVALID, FORBIDDEN, NOT_FOUND.
    """
    require(viewer, Action.PROFILE_MANAGE, cooperative_id)
    if not await queries.members_by_ids(connection, cooperative_id, [member_id]):
        raise absent()
    sound = sound_member(profile)
    held = await queries.member_profiles_on(connection, cooperative_id, [member_id], from_on)
    if member_id in held and held[member_id].profile == sound:
        return held[member_id]
    made = SetMember(uuid7(), from_on, viewer.subject, utc_now(), sound)
    said = {
        "member_id": member_id, "legal_name": sound.legal_name, "vat_id": sound.vat_id,
        "email": sound.email, "buyer_reference": sound.buyer_reference, "locale": sound.locale,
    }  # fmt: skip
    values = {**_frame(cooperative_id, made), **_columns(sound.address), **said}
    await connection.execute(insert(member_profile).values(values))
    return made


def _frame(cooperative_id: UUID, made: SetCooperative | SetMember) -> dict[str, object]:
    return {
        "cooperative_id": cooperative_id, "id": made.id, "from_on": made.from_on,
        "set_by": made.set_by, "set_at": made.set_at,
    }  # fmt: skip


def _columns(address: Address) -> dict[str, object]:
    return {
        "lines": list(address.lines), "postal_code": address.postal_code,
        "city": address.city, "country": address.country,
    }  # fmt: skip
