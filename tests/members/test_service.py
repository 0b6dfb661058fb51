"""What the room is asked to do, on a real database: what it answers, what it refuses, what then is there."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from coop.db.engine import Database
from coop.kernel.errors import Forbidden, InvalidValue, NotFound, Refusal
from coop.kernel.ids import uuid7
from coop.members import queries, service
from coop.members.domain.people import MemberDraft
from coop.members.domain.policy import Extent
from coop.members.domain.roles import Role, Viewer
from coop.members.errors import (
    LeavingInvalid,
    MemberLeft,
    MemberNumberInvalid,
    MemberNumberTaken,
    SlugInvalid,
    SlugTaken,
)
from coop.members.queries import MemberWhere
from tests.members.people import BEGIN, Town, found

pytestmark = pytest.mark.anyio

NOBODY = Viewer("nobody", (), datetime(2026, 6, 15, 12, tzinfo=UTC))
ALL = MemberWhere()


# Cooperatives


async def test_a_cooperative_is_set_up_by_the_service_and_found_by_its_slug(town: Town) -> None:
    async with town.database.snapshot(None, subject="system") as connection:
        cooperative = await queries.cooperative_by_slug(connection, town.slug)

    assert cooperative is not None
    assert (cooperative.id, cooperative.name, cooperative.currency, cooperative.time_zone.key) == (
        town.id, "Nor", "NOK", "Europe/Oslo",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "refusal", "path"),
    [
        ({"slug": "Nor"}, SlugInvalid, ("slug",)),
        ({"slug": "n"}, SlugInvalid, ("slug",)),
        ({"slug": "-nor"}, SlugInvalid, ("slug",)),
        ({"slug": "nor-"}, SlugInvalid, ("slug",)),
        ({"slug": "nör"}, SlugInvalid, ("slug",)),
        ({"slug": "n" * 41}, SlugInvalid, ("slug",)),
        ({"slug": "nor\n"}, SlugInvalid, ("slug",)),
        ({"name": ""}, InvalidValue, ("name",)),
        ({"name": " Nor"}, InvalidValue, ("name",)),
        ({"name": "N\x00r"}, InvalidValue, ("name",)),
        ({"currency": "nok"}, InvalidValue, ()),
        ({"currency": "KRONE"}, InvalidValue, ()),
        ({"time_zone": "Oslo"}, InvalidValue, ()),
        ({"time_zone": "../../etc/passwd"}, InvalidValue, ()),
    ],
)
async def test_a_cooperative_with_a_bad_value_is_refused(
    database: Database, changed: dict[str, str], refusal: type[Refusal], path: tuple[str, ...]
) -> None:
    with pytest.raises(refusal) as refused:
        await found(database, **changed)
    assert (type(refused.value), refused.value.path) == (refusal, path)


async def test_a_slug_is_taken_once_for_all(database: Database, town: Town) -> None:
    with pytest.raises(SlugTaken):
        await found(database, slug=town.slug)


async def test_only_the_service_sets_up_cooperatives(database: Database, town: Town) -> None:
    await town.grant("ada", Role.ADMINISTRATOR)
    new = uuid7()
    with pytest.raises(Forbidden):
        await database.unit_of_work(
            new,
            lambda c: service.create_cooperative(
                c, NOBODY, new, slug=f"x-{new.hex[-9:]}", name="X", currency="EUR", time_zone="UTC"
            ),
        )
    async with database.snapshot(new) as connection:
        assert await queries.cooperative_by_id(connection, new) is None


async def test_a_person_sees_the_cooperatives_of_their_roles_in_force(
    database: Database, town: Town, elsewhere: Town
) -> None:
    await town.grant("kim@" + town.slug, Role.BOARD)
    await elsewhere.grant("kim@" + town.slug, Role.BOARD, to_on=date(2026, 2, 1))
    viewer = await town.viewer("kim@" + town.slug)
    async with database.snapshot(None, subject=viewer.subject) as connection:
        seen = await queries.cooperatives_of(connection, viewer)
        unseen = await queries.cooperative_by_slug(connection, (await found(database)).slug)

    assert [c.id for c in seen] == [town.id]
    assert unseen is None


# Members


async def test_members_are_numbered_without_gaps_around_the_numbers_given(town: Town) -> None:
    first = await town.admit("Anna")
    await town.admit("Bo", number="0003")
    others = await town.order(
        service.register_members,
        [MemberDraft(name, BEGIN) for name in ("Cai", "Dag", "Eli")],
    )

    assert first.number == "0001"
    assert [r.member.number for r in others] == ["0002", "0004", "0005"]


async def test_a_number_not_committed_is_given_again(town: Town) -> None:
    with pytest.raises(InvalidValue):
        await town.order(
            service.register_members, [MemberDraft("Anna", BEGIN), MemberDraft("", BEGIN)]
        )

    async def and_fail(connection, viewer, cooperative_id):  # type: ignore[no-untyped-def]
        await service.admit_member(connection, viewer, cooperative_id, name="Anna", joined_on=BEGIN)
        raise LookupError

    with pytest.raises(LookupError):
        await town.order(and_fail)

    assert await town.ask(queries.members_count, ALL) == 0
    assert (await town.admit("Bo")).number == "0001"


async def test_members_admitted_at_once_get_different_numbers(town: Town) -> None:
    admitted = await asyncio.gather(*(town.admit(f"Member {i}") for i in range(8)))
    assert sorted(m.number for m in admitted) == [f"{n:04d}" for n in range(1, 9)]


async def test_a_taken_number_is_refused_and_leaves_the_member_as_it_was(town: Town) -> None:
    anna = await town.admit("Anna", number="A-17", email="anna@example.org")
    with pytest.raises(MemberNumberTaken):
        await town.admit("Bo", number="A-17")
    assert await town.ask(queries.members_by_numbers, ["A-17"]) == {"A-17": anna}


async def test_another_cooperative_may_use_the_same_number(town: Town, elsewhere: Town) -> None:
    await town.admit("Anna", number="1")
    assert (await elsewhere.admit("Bo", number="1")).number == "1"


@pytest.mark.parametrize("number", ["", " 1", "1 ", "1\n", "x" * 41])
async def test_a_number_is_short_and_printable(town: Town, number: str) -> None:
    with pytest.raises(MemberNumberInvalid):
        await town.admit("Anna", number=number)


@pytest.mark.parametrize("email", ["anna", "@example.org", "anna@", "a b@example.org", ""])
async def test_an_email_address_is_one(town: Town, email: str) -> None:
    with pytest.raises(InvalidValue):
        await town.admit("Anna", email=email)


async def test_an_import_registers_thousands_at_once_and_may_be_repeated(town: Town) -> None:
    drafts = [MemberDraft(f"User {n}", BEGIN, number=f"u{n % 1500}") for n in range(2000)]
    before = town.database.statements

    first = await town.order(service.register_members, drafts)
    sent = town.database.statements - before
    again = await town.order(service.register_members, drafts)

    assert sent <= 5  # the insert, the look-up, and the unit of work's own
    assert sum(r.is_new for r in first[:1500]) == 1500
    assert not any(r.is_new for r in again)
    assert [r.member for r in again] == [r.member for r in first]
    assert first[0].member == first[1500].member
    assert await town.ask(queries.members_count, ALL) == 1500


async def test_nothing_to_register_is_nothing(town: Town) -> None:
    assert await town.order(service.register_members, []) == []


async def test_a_member_leaves_once_and_after_it_joined(town: Town) -> None:
    anna = await town.admit("Anna")
    with pytest.raises(LeavingInvalid):
        await town.order(service.member_leaves, anna.id, BEGIN)

    left = await town.order(service.member_leaves, anna.id, date(2026, 7, 1))

    assert left.left_on == date(2026, 7, 1)
    assert await town.ask(queries.members_by_ids, [anna.id]) == {anna.id: left}
    with pytest.raises(MemberLeft):
        await town.order(service.member_leaves, anna.id, date(2026, 8, 1))
    with pytest.raises(NotFound):
        await town.order(service.member_leaves, uuid7(), date(2026, 8, 1))


async def test_pages_follow_each_other_by_number_and_show_what_is_asked_for(town: Town) -> None:
    anna, bo, cai = [await town.admit(n) for n in ("Anna 100%", "Bo", "Cai")]
    await town.order(service.member_leaves, bo.id, date(2026, 3, 1))
    bo = (await town.ask(queries.members_by_ids, [bo.id]))[bo.id]

    async def page(limit: int = 10, after: tuple[str, UUID] | None = None, **where: object) -> list:
        asked = MemberWhere(**where)  # type: ignore[arg-type]
        rows = await town.ask(queries.members_page, where=asked, limit=limit, after=after)
        if after is None and limit == 10:
            assert await town.ask(queries.members_count, asked) == len(rows)
        return list(rows)

    assert await page(limit=2) == [anna, bo]
    assert await page(limit=2, after=(bo.number, bo.id)) == [cai]
    assert await page(search="b") == [bo]
    assert await page(search="0003") == [cai]
    assert await page(search="100%") == [anna]
    assert await page(search="%") == [anna]
    assert await page(on=date(2026, 2, 28)) == [anna, bo, cai]
    assert await page(on=date(2026, 3, 1)) == [anna, cai]
    assert await page(on=date(2025, 12, 31)) == []
    assert await page(numbers=["0001", "0009"]) == [anna]
    assert await page(extent=Extent(everything=False, member_ids=frozenset({cai.id}))) == [cai]
    assert await page(extent=Extent(everything=False)) == []
