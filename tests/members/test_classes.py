"""Classes of members: one on a day, changed from a day on."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from coop.db.engine import Database
from coop.kernel.errors import Forbidden, InvalidValue, NotFound
from coop.kernel.ids import uuid7
from coop.members.classes import classes_of_members, set_member_class
from coop.members.domain.classes import class_on
from coop.members.domain.roles import Role
from tests.members.people import Town, found

pytestmark = pytest.mark.anyio


async def known(town: Town, member_id: Any) -> list[tuple[str, str, str]]:
    async with town.database.snapshot(town.id) as connection:
        classes = await classes_of_members(connection, [member_id])
    return [(c.name, str(c.from_on), str(c.to_on)) for c in classes.get(member_id, [])]


async def test_a_class_lasts_until_the_next_and_a_later_one_is_withdrawn(
    database: Database,
) -> None:
    town = await found(database)
    anna = (await town.admit("Anna")).id
    await town.order(set_member_class, anna, "Taxi", date(2026, 3, 1))
    await town.order(set_member_class, anna, "van", date(2026, 5, 1))
    assert await known(town, anna) == [
        ("taxi", "2026-03-01", "2026-05-01"), ("van", "2026-05-01", "None")
    ]  # fmt: skip
    await town.order(set_member_class, anna, "bus", date(2026, 4, 1))
    assert await known(town, anna) == [
        ("taxi", "2026-03-01", "2026-04-01"), ("bus", "2026-04-01", "None")
    ]  # fmt: skip
    await town.order(set_member_class, anna, "bus", date(2026, 6, 1))
    await town.order(set_member_class, anna, "", date(2026, 7, 1))
    assert await known(town, anna) == [
        ("taxi", "2026-03-01", "2026-04-01"), ("bus", "2026-04-01", "2026-07-01")
    ]  # fmt: skip
    async with database.snapshot(town.id) as connection:
        classes = (await classes_of_members(connection, [anna]))[anna]
    days = (date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 1), date(2026, 7, 1))
    assert [class_on(classes, one) for one in days] == ["", "taxi", "bus", ""]


async def test_who_sets_which_class_of_whom(database: Database) -> None:
    town = await found(database)
    anna = (await town.admit("Anna")).id
    for name in ("guest", "två", "x" * 41, "a b"):
        with pytest.raises(InvalidValue):
            await town.order(set_member_class, anna, name, date(2026, 3, 1))
    with pytest.raises(NotFound):
        await town.order(set_member_class, uuid7(), "taxi", date(2026, 3, 1))
    await town.grant("tre", Role.TREASURER)
    with pytest.raises(Forbidden):
        await town.order(
            set_member_class, anna, "taxi", date(2026, 3, 1), by=await town.viewer("tre")
        )
