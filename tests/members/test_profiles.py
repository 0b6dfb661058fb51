"""Profiles: what is taken, what is refused, and which one holds on a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from coop.kernel.errors import Forbidden, InvalidValue, NotFound
from coop.kernel.ids import uuid7
from coop.members import profiles, queries
from coop.members.domain.profile import (
    Address,
    CooperativeProfile,
    MemberProfile,
    ProfileTax,
    compact_iban,
    compact_vat_id,
)
from coop.members.domain.roles import Role
from coop.members.errors import IbanInvalid, VatIdInvalid
from tests.members.people import Town
from tests.members.test_rows import refused, run

pytestmark = pytest.mark.anyio

TRONDHEIM = Address(("Havnegata 4",), "7010", "Trondheim", "NO")
NOR = CooperativeProfile(
    "Nordlys Ladesamvirke SA", TRONDHEIM, register_number="974 760 673", vat_id="NO 974 760 673 MVA",
    email="post@nordlys.example", phone="+47 73 00 00 00", iban="NO93 8601 1117 947",
    bic="DNBANOKK", payment_days=30, dispute_days=45, taxes=(ProfileTax("VAT", Decimal(25)),),
    exemption="Exempt: merverdiavgiftsloven § 3-1", note="Thank you for sharing.",
)  # fmt: skip
BRANDT = MemberProfile(
    "Taxi Brandt GmbH", Address(("Hof 2", "Am Kai 7"), "20457", "Hamburg", "DE"),
    vat_id="DE 136 695 976", email="bills@brandt.example", buyer_reference="PO-7", locale="de-DE",
)  # fmt: skip
JANUARY, JUNE = date(2026, 1, 1), date(2026, 6, 1)


async def _set(town: Town, from_on: date, profile: CooperativeProfile, **named: Any) -> Any:
    return await town.order(profiles.set_cooperative_profile, from_on, profile, **named)


async def _on(town: Town, day: date) -> CooperativeProfile | None:
    async with town.database.snapshot(town.id) as connection:
        held = await queries.cooperative_profile_on(connection, town.id, day)
    return held and held.profile


async def test_a_profile_holds_from_its_day_until_the_next_one(town: Town) -> None:
    await _set(town, JANUARY, NOR)
    moved = replace(NOR, address=replace(TRONDHEIM, lines=("Kaia 1",)))
    await _set(town, JUNE, moved)
    assert await _on(town, date(2025, 12, 31)) is None
    january = await _on(town, date(2026, 5, 31))
    assert january == replace(NOR, vat_id="NO974760673MVA", iban="NO9386011117947")
    june = await _on(town, JUNE)
    assert june is not None
    assert june.address.lines == ("Kaia 1",)


async def test_what_is_set_last_for_a_day_holds(town: Town) -> None:
    await _set(town, JANUARY, NOR)
    await _set(town, JANUARY, replace(NOR, note=None))
    held = await _on(town, JANUARY)
    assert held is not None
    assert held.note is None


async def test_setting_what_holds_writes_nothing(town: Town) -> None:
    first = await _set(town, JANUARY, NOR)
    assert await _set(town, JUNE, NOR) == first


async def test_members_have_profiles_too(town: Town) -> None:
    brandt, other = await town.admit("Brandt"), await town.admit("Other")
    made = await town.order(profiles.set_member_profile, brandt.id, JANUARY, BRANDT)
    again = await town.order(profiles.set_member_profile, brandt.id, JUNE, BRANDT)
    assert again == made
    async with town.database.snapshot(town.id) as connection:
        found = await queries.member_profiles_on(
            connection, town.id, [brandt.id, other.id], JANUARY
        )
    assert {id_: one.profile for id_, one in found.items()} == {
        brandt.id: replace(BRANDT, vat_id="DE136695976", locale="de_DE")
    }
    with pytest.raises(NotFound):
        await town.order(profiles.set_member_profile, uuid7(), JANUARY, BRANDT)


async def test_only_an_administrator_sets_one(town: Town) -> None:
    await town.grant("board", Role.BOARD)
    board = await town.viewer("board")
    with pytest.raises(Forbidden):
        await _set(town, JANUARY, NOR, by=board)
    await town.grant("admin", Role.ADMINISTRATOR)
    administrator = await town.viewer("admin")
    assert (await _set(town, JANUARY, NOR, by=administrator)).set_by == "admin"


@pytest.mark.parametrize(
    ("changed", "refusal", "path"),
    [
        ({"legal_name": " "}, InvalidValue, ("legal_name",)),
        ({"address": replace(TRONDHEIM, lines=())}, InvalidValue, ("lines",)),
        ({"address": replace(TRONDHEIM, city="")}, InvalidValue, ("city",)),
        ({"address": replace(TRONDHEIM, country="XX")}, InvalidValue, ("country",)),
        ({"address": replace(TRONDHEIM, country="no")}, InvalidValue, ("country",)),
        ({"vat_id": "NO974760674MVA"}, VatIdInvalid, ("vat_id",)),
        ({"iban": "NO9386011117948"}, IbanInvalid, ("iban",)),
        ({"bic": "DNB"}, IbanInvalid, ("bic",)),
        ({"email": "post"}, InvalidValue, ("email",)),
        ({"payment_days": -1}, InvalidValue, ("payment_days",)),
        ({"dispute_days": 366}, InvalidValue, ("dispute_days",)),
        ({"taxes": (ProfileTax("VAT", Decimal(101)),)}, InvalidValue, ("taxes",)),
        ({"taxes": (ProfileTax("VAT", Decimal("NaN")),)}, InvalidValue, ("taxes",)),
        (
            {"taxes": (ProfileTax("A", Decimal(1)), ProfileTax("A", Decimal(2)))},
            InvalidValue,
            ("taxes",),
        ),
        ({"exemption": "x" * 501}, InvalidValue, ("exemption",)),
    ],
)
async def test_what_cannot_stand_on_paper_is_refused(
    town: Town, changed: dict[str, Any], refusal: type[Exception], path: tuple[str, ...]
) -> None:
    with pytest.raises(refusal) as refused:
        await _set(town, JANUARY, replace(NOR, **changed))
    assert refused.value.path == path  # type: ignore[attr-defined]
    assert await _on(town, JUNE) is None


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("DE 136 695 976", "DE136695976"),
        ("FR 40 303 265 045", "FR40303265045"),
        ("EL 094259216", "EL094259216"),
        ("CHE-107.787.577 MWST", "CHE107787577MWST"),
        ("GB 980 7806 84", "GB980780684"),
        ("ATU 13585627", "ATU13585627"),
        ("US 12-3456789", "US123456789"),
        (None, None),
    ],
)
async def test_vat_numbers_are_kept_compact(written: str | None, kept: str | None) -> None:
    assert compact_vat_id(written) == kept


@pytest.mark.parametrize("text", ["136695976", "DE136695977", "EL094259217", "ZZ12345", "D E", ""])
async def test_vat_numbers_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises((VatIdInvalid, InvalidValue)):
        compact_vat_id(text)


async def test_an_iban_is_kept_compact() -> None:
    assert compact_iban("de89 3704 0044 0532 0130 00") == "DE89370400440532013000"


@pytest.mark.parametrize("table", ["cooperative_profile", "member_profile"])
async def test_the_database_keeps_profiles_apart_and_as_they_were(
    town: Town, elsewhere: Town, table: str
) -> None:
    member = await town.admit("Brandt")
    await _set(town, JANUARY, NOR)
    await town.order(profiles.set_member_profile, member.id, JANUARY, BRANDT)
    by_id = f"SELECT * FROM {table} WHERE cooperative_id = '{town.id}'"
    assert await run(town.database, town.id, by_id) == 1
    assert await run(town.database, elsewhere.id, by_id) == 0
    for change in (f"UPDATE {table} SET city = 'Oslo'", f"DELETE FROM {table}"):
        assert (await refused(town.database, town.id, change)).startswith("42501")
