"""Profiles as the API takes them, and the ones of the furnished office."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from coop.members import profiles
from coop.members.domain.profile import Address, CooperativeProfile, MemberProfile

if TYPE_CHECKING:
    from tests.schema.office import Office

ADDRESS = {"lines": ["Kaia 1"], "postalCode": "7010", "city": "Trondheim", "country": "NO"}


async def profiled(office: Office) -> None:
    """The cooperative and Ada on paper, since the beginning of 2026."""
    here, start = Address(("Kaia 1",), "7010", "Trondheim", "NO"), date(2026, 1, 1)
    await office.town.order(
        profiles.set_cooperative_profile, start, CooperativeProfile("Nor SA", here)
    )
    ada = office.members["ada"].id
    await office.town.order(profiles.set_member_profile, ada, start, MemberProfile("Ada AS", here))


def ours(office: Office, **changes: Any) -> dict[str, Any]:
    """An input that names the cooperative."""
    return {
        "idempotencyKey": "ours", "cooperativeId": office.node, "from": "2026-01-01",
        "legalName": "Nor SA", "address": ADDRESS, "vatId": "NO974760673MVA",
        "iban": "NO93 8601 1117 947", "taxes": [{"name": "VAT", "percent": "25"}],
        "exemption": "Exempt", **changes,
    }  # fmt: skip


def theirs(office: Office, name: str = "ada", **changes: Any) -> dict[str, Any]:
    """An input that names a member."""
    return {
        "idempotencyKey": f"theirs {name}", "memberId": office.member(name), "from": "2026-01-01",
        "legalName": f"{name.capitalize()} AS", "address": ADDRESS, "locale": "nb", **changes,
    }  # fmt: skip
