"""Plans, reservations and demand response on the real database, raised by the month's one order."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from coop.billing import grid as settings
from coop.billing import plans
from coop.billing.domain.plan import PlanTerms
from coop.billing.domain.reservation import ReservationKind, ReservationTerms
from coop.billing.queries import plans as queries
from coop.billing.sharing_errors import (
    DemandResponseInvalid,
    PlanUnknown,
    ReservationCancelled,
    SubscriptionEnded,
    SubscriptionInvalid,
    SubscriptionOverlaps,
)
from coop.charging import tariffs
from coop.charging.domain.interruption import Cause
from coop.charging.domain.tariff import Tax
from coop.kernel.errors import Forbidden, NotFound
from coop.kernel.ids import uuid7
from coop.members.domain.people import Member
from coop.members.domain.roles import Role
from coop.members.service import member_leaves
from tests.billing.grid import JUNE, LOS_ANGELES, Grid, session
from tests.members.people import BEGIN

pytestmark = pytest.mark.anyio

VAT = (Tax("VAT", Decimal(20)),)
JULY = date(2026, 7, 1)
BASIC = PlanTerms("basic", "Basic", 1900, 25_000, taxes=VAT)


async def subscribe(grid: Grid, member: Member, from_on: date = BEGIN, **named: Any) -> Any:
    code = named.pop("code", "basic")
    return await grid.order(plans.start_subscription, member.id, code, from_on, **named)


async def test_a_fee_and_the_energy_in_it(grid: Grid) -> None:
    await grid.place()
    ada, bob = await grid.driver("ada"), await grid.driver("bob")
    await grid.order(plans.set_plan, BASIC)
    await subscribe(grid, ada)
    await subscribe(grid, bob, date(2026, 6, 16))
    await grid.plug(
        ("ada", "2026-06-02 10:00", "2026-06-02 11:00", "20"),
        ("ada", "2026-06-03 10:00", "2026-06-03 11:00", "10"),  # 5 of it included
        ("ada", "2026-07-01 10:00", "2026-07-01 11:00", "10"),  # July's
        ("bob", "2026-06-15 10:00", "2026-06-15 11:00", "10"),  # before the plan
        ("bob", "2026-06-20 10:00", "2026-06-20 11:00", "10"),
    )
    raised = await grid.charges()
    assert await grid.item_rows("kind, m.number, net_minor, tax, description") == [
        ("SUBSCRIPTION", "ada", -750, Decimal(0), "Basic: 25.000 kWh included at Depot"),
        ("SUBSCRIPTION", "ada", 1900, Decimal("3.8"), "Basic, 2026-06"),
        ("SUBSCRIPTION", "bob", -300, Decimal(0), "Basic: 10.000 kWh included at Depot"),
        ("SUBSCRIPTION", "bob", 950, Decimal("1.9"), "Basic, 2026-06, 15 of 30 days"),
    ]
    assert (raised.items, raised.net_minor) == ({"SUBSCRIPTION": 4}, 1800)
    balances = await grid.balances()
    # Sessions of 40 and 20 kWh at 0.30, what was included taken off the hub's revenue again.
    assert balances["1205 ada"] == 1200 - 750 + 1900
    assert balances["1205 bob"] == 600 - 300 + 950
    assert (balances["4060"], balances["4000 DEPOT"]) == (-2850, -1800 + 1050)
    assert (await grid.charges()).items == {}
    assert (await grid.charges(JULY)).net_minor == 1900 - 300 + 1900


async def test_a_plan_ends_with_the_membership(grid: Grid) -> None:
    ada, bob = await grid.driver("ada"), await grid.driver("bob")
    await grid.order(plans.set_plan, BASIC)
    for driver in (ada, bob):
        await subscribe(grid, driver)
    await grid.order(member_leaves, ada.id, date(2026, 6, 16))
    await grid.order(member_leaves, bob.id, date(2026, 6, 1))
    assert (await grid.charges()).net_minor == 950
    assert await grid.item_rows("m.number, net_minor, description") == [
        ("ada", 950, "Basic, 2026-06, 15 of 30 days")
    ]
    assert (await grid.charges(JULY)).items == {}


async def test_what_is_included_is_credited_with_its_tax(grid: Grid) -> None:
    hub = await grid.place()
    ada = await grid.driver("ada")
    await grid.order(plans.set_plan, BASIC)
    await subscribe(grid, ada)
    await grid.order(
        tariffs.set_flat_price,
        hub.id,
        Decimal("0.40"),
        datetime(2026, 6, 10, tzinfo=UTC),
        taxes=VAT,
    )
    await grid.plug(
        ("ada", "2026-06-02 10:00", "2026-06-02 11:00", "20"),
        ("ada", "2026-06-12 10:00", "2026-06-12 11:00", "20"),
    )
    await grid.charges()
    assert await grid.item_rows("net_minor, tax") == [
        (-600, Decimal(0)), (-200, Decimal("-0.4")), (1900, Decimal("3.8"))
    ]  # fmt: skip


async def test_what_comes_late_adjusts_what_is_included(grid: Grid) -> None:
    await grid.place()
    ada = await grid.driver("ada")
    await grid.order(plans.set_plan, BASIC)
    await subscribe(grid, ada)
    first = session("ada", "2026-06-02 10:00", "2026-06-02 11:00", "20")
    await grid.read_cdrs(first)
    await grid.charges()
    await grid.plug(("ada", "2026-06-03 10:00", "2026-06-03 11:00", "20"))  # 5 more are included
    late = await grid.charges()
    assert (late.items, late.net_minor) == ({"SUBSCRIPTION": 1}, -150)
    assert (await grid.charges()).items == {}
    cost = {"total_cost": {"excl_vat": -3}}
    await grid.read_cdrs(
        first | {"id": "c", "credit": True, "credit_reference_id": first["id"]} | cost
    )
    back = await grid.charges()  # the one session left has 20 kWh
    assert (back.items, back.net_minor) == ({"SUBSCRIPTION": 1}, 150)
    credited = [row[0] for row in await grid.item_rows("net_minor") if row[0] != 1900]
    assert sorted(credited) == [-600, -150, 150]
    assert (await grid.balances())["1205 ada"] == 600 - 600 + 1900


async def test_members_keep_the_version_they_began_with(grid: Grid) -> None:
    ada, bob = await grid.driver("ada"), await grid.driver("bob")
    first = await grid.order(plans.set_plan, BASIC)
    assert (await grid.order(plans.set_plan, BASIC)).id == first.id
    await subscribe(grid, ada)
    second = await grid.order(plans.set_plan, PlanTerms("basic", "Basic", 2100, 25_000))
    assert (second.version, [one.id for one in await grid.ask(queries.plans)]) == (2, [second.id])
    await subscribe(grid, bob)
    await grid.charges()
    assert await grid.item_rows("m.number, net_minor") == [("ada", 1900), ("bob", 2100)]


async def test_one_plan_of_a_kind_at_a_time(grid: Grid) -> None:
    ada = await grid.driver("ada")
    await grid.order(plans.set_plan, BASIC)
    await grid.order(plans.set_plan, PlanTerms("other", "Other", 100))
    await grid.order(plans.set_plan, PlanTerms("bay", "Bay", 500, kind="parking"))
    made = await subscribe(grid, ada, to_on=JULY)
    for code, from_on in (("basic", date(2026, 6, 30)), ("other", BEGIN)):
        with pytest.raises(SubscriptionOverlaps):
            await subscribe(grid, ada, from_on, code=code)
    await subscribe(grid, ada, code="bay")
    await subscribe(grid, ada, JULY, code="other")
    ended = await grid.order(plans.end_subscription, made.id, JUNE)
    assert (ended.to_on, ended.ended_by) == (JUNE, "system")
    await subscribe(grid, ada, JUNE, to_on=JULY, code="other")
    with pytest.raises(DBAPIError):
        await grid.sql("DELETE FROM subscription")
    with pytest.raises(DBAPIError):
        await grid.sql("UPDATE plan SET fee_minor = 0")


async def test_two_that_begin_at_once_are_one(grid: Grid) -> None:
    ada = await grid.driver("ada")
    await grid.order(plans.set_plan, BASIC)
    found = await asyncio.gather(*(subscribe(grid, ada) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(one, SubscriptionOverlaps) for one in found) == 4
    assert await grid.count("subscription") == 1


async def test_what_subscriptions_refuse(grid: Grid) -> None:
    ada = await grid.driver("ada")
    await grid.order(plans.set_plan, BASIC)
    with pytest.raises(PlanUnknown):
        await subscribe(grid, ada, code="gold")
    with pytest.raises(SubscriptionInvalid):
        await subscribe(grid, ada, BEGIN - timedelta(days=1))
    with pytest.raises(SubscriptionInvalid):
        await subscribe(grid, ada, to_on=BEGIN)
    made = await subscribe(grid, ada)
    await grid.charges()
    with pytest.raises(SubscriptionEnded):  # June is charged
        await grid.order(plans.end_subscription, made.id, date(2026, 6, 15))
    await grid.order(plans.end_subscription, made.id, JULY)
    with pytest.raises(SubscriptionEnded):
        await grid.order(plans.end_subscription, made.id, JULY)
    with pytest.raises(SubscriptionInvalid):
        await grid.order(plans.end_subscription, made.id, BEGIN)
    with pytest.raises(NotFound):
        await grid.order(plans.end_subscription, uuid7(), JULY)
    with pytest.raises(NotFound):
        await grid.order(plans.start_subscription, uuid7(), "basic", JULY)


def at(day: int, hour: int = 10) -> datetime:
    return datetime(2026, 6, day, hour, tzinfo=LOS_ANGELES).astimezone(UTC)


def ports(day: int, **changes: Any) -> ReservationTerms:
    given = {
        "kind": ReservationKind.PORT_HOURS, "quantity": 1, "unit_price": Decimal("1.50"),
        "from_at": at(day), "to_at": at(day, 12), "no_show_minor": 1000, "taxes": VAT,
    }  # fmt: skip
    return ReservationTerms(**(given | changes))


async def test_reservations_and_who_did_not_come(grid: Grid) -> None:
    hub = await grid.place()
    ada, bob = await grid.driver("ada"), await grid.driver("bob")

    async def reserve(member: Member, terms: ReservationTerms) -> Any:
        return await grid.order(plans.record_reservation, member.id, hub.id, terms)

    power = ReservationTerms(
        ReservationKind.POWER, 50_000, Decimal("8.40"), at(16, 0), at(30, 0) + timedelta(days=1)
    )
    await reserve(ada, power)  # the second half of June
    await reserve(ada, ports(2))  # came
    await reserve(ada, ports(3))  # did not
    await reserve(bob, ports(4))  # the hub was down
    early = await reserve(bob, ports(5))  # cancelled in time
    late = await reserve(bob, ports(6))  # cancelled too late
    await grid.order(plans.cancel_reservation, early.id, at(5, 8))
    await grid.order(plans.cancel_reservation, late.id, at(6, 9) + timedelta(minutes=30))
    with pytest.raises(ReservationCancelled):
        await grid.order(plans.cancel_reservation, late.id, at(6, 9))
    for instant in (at(2, 12), datetime(2999, 1, 1, tzinfo=UTC)):
        other = await reserve(bob, ports(2, no_show_minor=0, quantity=2))
        with pytest.raises(ReservationCancelled):
            await grid.order(plans.cancel_reservation, other.id, instant)
        await grid.order(plans.cancel_reservation, other.id, at(1))
    await down(grid, hub.id, at(4, 9), at(4, 11))
    await grid.plug(("ada", "2026-06-02 10:10", "2026-06-02 11:00", "10"))
    raised = await grid.charges()
    assert await grid.item_rows("kind, m.number, net_minor, quantity, unit, tax") == [
        ("NO_SHOW", "ada", 1000, Decimal(1), "reservation", Decimal(2)),
        ("NO_SHOW", "bob", 1000, Decimal(1), "reservation", Decimal(2)),
        ("RESERVED_CAPACITY", "ada", 300, Decimal(2), "port hour", Decimal("0.6")),
        ("RESERVED_CAPACITY", "ada", 300, Decimal(2), "port hour", Decimal("0.6")),
        ("RESERVED_CAPACITY", "ada", 21_000, Decimal(25), "kW month", Decimal(0)),
        ("RESERVED_CAPACITY", "bob", 300, Decimal(2), "port hour", Decimal("0.6")),
        ("RESERVED_CAPACITY", "bob", 300, Decimal(2), "port hour", Decimal("0.6")),
    ]
    assert (await grid.balances())["4070 DEPOT"] == -raised.net_minor == -24_200
    assert (await grid.charges()).items == {}
    # A session that comes to light later takes the fee of a no-show back, once.
    await grid.plug(("ada", "2026-06-03 09:50", "2026-06-03 11:00", "10"))
    assert (await grid.charges()).net_minor == -1000
    assert (await grid.charges()).items == {}


async def down(grid: Grid, hub_id: Any, from_at: datetime, to_at: datetime) -> None:
    await grid.sql(
        "INSERT INTO interruption (cooperative_id, id, hub_id, from_at, to_at, cause, note,"
        " recorded_by, recorded_at) VALUES (:coop, :id, :hub, :from_at, :to_at, :cause, '', 'x', now())",
        coop=grid.id, id=uuid7(), hub=hub_id, from_at=from_at, to_at=to_at,
        cause=Cause.OUTAGE_GRID.value,
    )  # fmt: skip


async def test_reductions_are_credited(grid: Grid) -> None:
    hub = await grid.place()
    await grid.driver("ada")
    await grid.driver("bob")
    usual = [day for day in range(1, 16) if date(2026, 6, day).weekday() < 5][:11]
    assert usual[-1] == 15
    rows = [
        (badge, f"2026-06-{day:02} 17:00", f"2026-06-{day:02} 18:00", kwh)
        for day in usual[:-1]
        for badge, kwh in (("ada", "8"), ("bob", "4"), ("guest", "8"))
    ]
    # On the 15th ada stays away, bob takes 2 kWh, and the guest's absence is nobody's merit.
    rows.append(("bob", "2026-06-15 17:00", "2026-06-15 18:00", "2"))
    await grid.plug(*rows)

    async def event(day: int, payment: int = 10_000) -> Any:
        return await grid.order(
            settings.record_demand_response, hub.id, at(day, 17), at(day, 18), payment, Decimal(10)
        )

    made = await event(15)
    assert (await event(15)).id == made.id
    with pytest.raises(DemandResponseInvalid):
        await event(15, 9_000)
    raised = await grid.charges()
    assert await grid.item_rows("kind, m.number, net_minor, description") == [
        (
            "DEMAND_RESPONSE",
            "ada",
            -7200,
            "Depot: 8.000 of 8.000 kWh less from 2026-06-15 17:00 on",
        ),
        (
            "DEMAND_RESPONSE",
            "bob",
            -1800,
            "Depot: 2.000 of 4.000 kWh less from 2026-06-15 17:00 on",
        ),
    ]
    assert raised.net_minor == -9000
    assert (await grid.balances())["5020 DEPOT"] == 9000
    # What comes late does not reopen what was credited together.
    await grid.driver("cyd")
    await grid.plug(("cyd", "2026-06-12 17:00", "2026-06-12 18:00", "8"))
    assert (await grid.charges()).items == {}


async def test_a_run_that_breaks_off_goes_on(grid: Grid) -> None:
    hub = await grid.place()
    members = [await grid.driver(f"m{i:03}") for i in range(5)]
    await grid.order(plans.set_plan, BASIC)
    for member in members:
        await subscribe(grid, member)
    await grid.order(plans.record_reservation, members[0].id, hub.id, ports(3))

    class Stop(Exception):
        pass

    def stop(what: str, done: int, total: int) -> None:
        if what == "reservations":
            raise Stop

    with pytest.raises(Stop):
        await grid.charges(on_progress=stop)
    assert len(await grid.item_rows()) == 5
    told: list[tuple[str, int, int]] = []
    found = await grid.charges(on_progress=lambda *step: told.append(step))
    assert found.items == {"NO_SHOW": 1, "RESERVED_CAPACITY": 1}
    assert told[0] == ("subscriptions", 0, 5)
    assert told[1] == ("subscriptions", 5, 5)
    runs = await asyncio.gather(grid.charges(JULY), grid.charges(JULY))
    assert sorted(one.net_minor for one in runs) == [0, 5 * 1900]


async def test_who_may_manage_plans(grid: Grid) -> None:
    hub = await grid.place()
    ada = await grid.driver("ada")
    await grid.town.grant("board", Role.BOARD)
    await grid.town.grant("ada", Role.OPERATOR, member_id=ada.id)
    await grid.order(plans.set_plan, BASIC)
    for subject in ("board", "ada"):
        viewer = await grid.town.viewer(subject)
        for order, given in (
            (plans.set_plan, (BASIC,)),
            (plans.start_subscription, (ada.id, "basic", BEGIN)),
            (plans.end_subscription, (uuid7(), BEGIN)),
            (plans.record_reservation, (ada.id, hub.id, ports(3))),
            (plans.cancel_reservation, (uuid7(), at(3))),
            (settings.record_demand_response, (hub.id, at(3), at(3, 11), 1, Decimal(0))),
        ):
            with pytest.raises(Forbidden):
                await grid.order(order, *given, by=viewer)


async def test_no_other_cooperative_sees_any_of_it(grid: Grid, books: Any) -> None:
    await grid.place()
    ada = await grid.driver("ada")
    made = await grid.order(plans.set_plan, BASIC)
    await subscribe(grid, ada)
    assert await books.ask(queries.plans) == []
    assert await books.ask(queries.plans_by_ids, [made.id]) == {}
    assert await books.ask(queries.subscriptions_of_members, [ada.id]) == {}
    with pytest.raises(DBAPIError):  # nor can a row of one refer to a row of the other
        await books.sql(
            "INSERT INTO subscription (cooperative_id, id, member_id, plan_id, plan_kind, from_on,"
            " started_by, started_at) VALUES (:coop, :id, :member, :plan, 'charging', now(), 'x', now())",
            coop=books.id, id=uuid7(), member=ada.id, plan=made.id,
        )  # fmt: skip
