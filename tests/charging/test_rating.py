"""Rating anew: reversed and posted again, linked; what costs the same is left alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from coop.charging import queries, service
from coop.charging.domain.interruption import Cause
from coop.charging.domain.place import HoldingDraft
from coop.charging.errors import InterruptionOver, InterruptionUnderway
from coop.charging.interruptions import (
    InterruptionDraft,
    end_interruption,
    record_interruption,
)
from coop.charging.rating import Rerated, SessionsOf, rerate
from coop.db import migrate
from coop.db.open import Access
from coop.kernel.errors import Forbidden, InvalidValue, NotFound
from coop.kernel.ids import uuid7
from coop.ledger import queries as ledger_queries
from coop.ledger import service as ledger
from coop.ledger.errors import PeriodClosed
from coop.members.classes import set_member_class
from coop.members.domain.roles import Role
from tests.charging.domain.sample import rows
from tests.charging.priced import (
    VAT,
    charges,
    component,
    credit_of,
    lines,
    march,
    per_kwh,
    set_tariff,
    tariff,
)
from tests.charging.yard import Yard, day

pytestmark = pytest.mark.anyio

JANUARY = date(2026, 1, 1)
IDLE = tariff(component("ENERGY", "1"), component("PARKING_TIME", "6"), idle_grace_minutes=15)


async def holder(yard: Yard, number: str = "anna", uid: str = "badge-1") -> Any:
    member = await yard.member(number)
    await yard.order(service.register_tokens, [HoldingDraft(uid, member.id, JANUARY)])
    return member.id


async def anew(yard: Yard, reason: str = "tariff corrected", **named: Any) -> Rerated:
    """Rate every session anew, or those asked for."""
    where = named.pop("where", None)
    if where is None:
        where = SessionsOf([one.id for one in await yard.sessions()])
    found: Rerated = await yard.order(rerate, where, reason, **named)
    return found


async def test_a_corrected_tariff_rates_anew_once(yard: Yard) -> None:
    await yard.hub("H1", None)
    wrong = await set_tariff(yard, per_kwh("3.00", VAT))
    anna = await holder(yard)
    await yard.read_cdrs(march(2))
    same = await anew(yard)
    assert (same.looked_at, same.session_ids, same.difference_minor) == (1, [], 0)

    right = await set_tariff(yard, per_kwh("0.30", VAT), corrects=True)
    (before,) = await yard.sessions()
    found = await anew(yard)
    assert (found.looked_at, found.session_ids, found.difference_minor) == (
        1, [before.id], 370 - 3702
    )  # fmt: skip
    old, back, new = await charges(yard)
    assert [(c.net_minor, c.tax, c.tariff_version_id, c.reason) for c in (old, back, new)] == [
        (3702, Decimal("9.255"), wrong.id, ""),
        (-3702, Decimal("-9.255"), wrong.id, "tariff corrected"),
        (370, Decimal("0.925"), right.id, "tariff corrected"),
    ]
    assert (back.credit_of_id, back.replaces_id) == (old.id, None)
    assert (new.credit_of_id, new.replaces_id) == (None, old.id)
    (after,) = await yard.sessions()
    assert (after.amount_minor, after.tariff_version_id, after.entry_id, after.member_id) == (
        370, right.id, new.entry_id, anna,
    )  # fmt: skip
    entries = await yard.ask(ledger_queries.entries_by_ids, [back.entry_id, new.entry_id])
    assert entries[back.entry_id].reverses_id == old.entry_id
    assert entries[back.entry_id].memo == "Hub H1: tariff corrected"
    assert entries[new.entry_id].source_id == str(before.id)
    assert await yard.balances() == {
        "1205 anna": 370, "4000 H1": -370, "9100 anna": 12340, "9000 H1": -12340
    }  # fmt: skip

    again = await anew(yard)
    assert (again.looked_at, again.session_ids) == (1, [])
    assert len(await charges(yard)) == 3


async def test_of_two_ratings_at_once_the_second_finds_nothing_to_do(yard: Yard) -> None:
    hub = await yard.hub("H1", "3.00")
    await holder(yard)
    await yard.read_cdrs(*(march(number) for number in range(1, 9)))
    await set_tariff(yard, per_kwh("0.30"), hub_id=hub.id, corrects=True)
    found = await asyncio.gather(*(anew(yard, f"number {i}") for i in range(4)))
    assert sorted(len(one.session_ids) for one in found) == [0, 0, 0, 8]
    assert (await yard.balances())["1205 anna"] == 8 * 370
    (count,) = await yard.sql("SELECT count(*) FROM charge")
    assert count == (3 * 8,)


async def test_a_guests_session_is_rated_anew_with_its_tax(yard: Yard) -> None:
    await yard.hub("H1", None)
    await set_tariff(yard, per_kwh("3.00", VAT))
    await yard.read_cdrs(march(2))
    await set_tariff(yard, per_kwh("0.30", VAT), corrects=True)
    await anew(yard)
    # The tax of 3.70 is 0.925: 0.93 in the entry.
    assert await yard.balances() == {
        "1220": 463, "4050 H1": -370, "2200": -93, "9110": 12340, "9000 H1": -12340
    }  # fmt: skip


async def test_a_hubs_days_are_rated_anew_and_credited_sessions_left_out(yard: Yard) -> None:
    h1 = await yard.hub("H1", "0.30")
    await yard.hub("H2", "0.30")
    await holder(yard)
    credited = march(3)
    await yard.read_cdrs(march(2), credited, march(4), march(9))
    await yard.read_cdrs(
        credit_of(credited),
        march(5, "badge-2", id="h2", cdr_location={"id": "H2", "evse_uid": "p"}),
    )
    await set_tariff(yard, per_kwh("0.40"), hub_id=h1.id, corrects=True)
    where = SessionsOf(hub_id=h1.id, from_on=day("2026-03-03"), to_on=day("2026-03-10"))
    found = await anew(yard, where=where)  # 2 and 4 March, which end on the day after
    assert (found.looked_at, len(found.session_ids), found.difference_minor) == (2, 2, 2 * 124)
    amounts = {s.session_id: s.amount_minor for s in await yard.sessions()}
    assert amounts == {
        "CDR-2": 494, "CDR-3": 370, "CDR-3-C": -370, "CDR-4": 494, "CDR-9": 370, "H2": 370
    }  # fmt: skip


async def test_a_class_that_was_corrected_rates_anew(yard: Yard) -> None:
    await yard.hub("H1", None)
    await set_tariff(yard, per_kwh("1.00"))
    await set_tariff(yard, per_kwh("0.50"), member_class="taxi")
    anna = await holder(yard)
    await yard.read_cdrs(march(2))
    await yard.order(set_member_class, anna, "taxi", date(2026, 3, 1))
    await anew(yard, "she drives a taxi")
    assert [c.net_minor for c in await charges(yard)] == [1234, -1234, 617]


async def test_in_a_closed_month_it_takes_another_day(yard: Yard) -> None:
    await yard.hub("H1", "3.00")
    await holder(yard)
    await yard.read_cdrs(march(2))
    (period,) = await yard.sql("SELECT id FROM period WHERE from_on = '2026-03-01'")
    await yard.order(ledger.begin_close, period.id)
    hub = (await yard.ask(queries.hubs))[0]
    await set_tariff(yard, per_kwh("0.30"), hub_id=hub.id, corrects=True)
    before = await yard.balances()
    with pytest.raises(PeriodClosed):
        await anew(yard)
    assert (await yard.balances(), len(await charges(yard))) == (before, 1)
    await anew(yard, effective_on=day("2026-04-01"))
    assert [(str(c.effective_on), c.net_minor) for c in await charges(yard)] == [
        ("2026-03-03", 3702), ("2026-04-01", -3702), ("2026-04-01", 370)
    ]  # fmt: skip


async def test_a_mapped_files_session_is_rated_anew_without_periods(yard: Yard) -> None:
    hub = await yard.hub("H1", "3.00")
    await yard.read(rows("H1;anna;s1;2026-03-02 08:00:00;2026-03-02 10:30:00;12,34"))
    await set_tariff(
        yard, tariff(component("ENERGY", "1"), component("TIME", "2")), hub_id=hub.id,
        corrects=True,
    )  # fmt: skip
    await anew(yard)
    assert [c.net_minor for c in await charges(yard)] == [3702, -3702, 1234 + 500]


async def test_a_badge_that_is_assigned_is_priced_by_the_members_class(yard: Yard) -> None:
    await yard.hub("H1", None)
    await set_tariff(yard, per_kwh("1.00", VAT))
    await set_tariff(yard, per_kwh("0.50", VAT), member_class="taxi")
    anna = await yard.member("anna")
    await yard.order(set_member_class, anna.id, "taxi", JANUARY)
    await yard.read_cdrs(march(2))
    assert (await yard.balances())["1220"] == 1234 + 309
    await yard.order(service.assign_token, HoldingDraft("badge-1", anna.id, JANUARY))
    assert {name: minor for name, minor in (await yard.balances()).items() if minor} == {
        "1205 anna": 617, "4000 H1": -617, "9100 anna": 12340, "9000 H1": -12340
    }  # fmt: skip
    old, back, new = await charges(yard)
    assert [(c.member_id, c.net_minor, c.reason) for c in (old, back, new)] == [
        (None, 1234, ""), (None, -1234, "assigned"), (anna.id, 617, "assigned")
    ]  # fmt: skip
    assert (back.credit_of_id, new.replaces_id) == (old.id, old.id)


async def test_a_pause_of_the_hubs_own_costs_no_idle_fee(yard: Yard) -> None:
    hub = await yard.hub("H1", None)
    await set_tariff(yard, IDLE)
    await holder(yard)
    start, half = "2026-03-02T22:00:00Z", "2026-03-02T23:00:00Z"
    periods = [
        {"start_date_time": start, "dimensions": [{"type": "ENERGY", "volume": Decimal(10)}]},
        {"start_date_time": half,
         "dimensions": [{"type": "PARKING_TIME", "volume": Decimal("1.5")}]},
    ]  # fmt: skip
    await yard.read_cdrs(march(2, charging_periods=periods, total_energy=Decimal(10)))
    (charge,) = await charges(yard)
    # An hour and a half of standing less the grace of a quarter: 1.25 h at 6.00.
    assert charge.net_minor == 1000 + 750
    cut = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    draft = InterruptionDraft(hub.id, cut, Cause.THROTTLED)
    made = await yard.order(record_interruption, draft)
    await anew(yard, "the hub was throttled")
    *_, paused = await charges(yard)
    assert paused.net_minor == 1000 + 150  # half an hour before it, less the grace
    await yard.order(end_interruption, made.id, datetime(2026, 3, 3, tzinfo=UTC))
    await anew(yard, "until one o'clock")
    *_, paused = await charges(yard)
    assert paused.net_minor == 1000 + 450  # and half an hour after it


async def test_an_interruption_is_of_a_port_that_is_there_and_has_happened(yard: Yard) -> None:
    hub, other = await yard.hub("H1"), await yard.hub("H2")
    begun, over = datetime(2026, 3, 2, 8, tzinfo=UTC), datetime(2026, 3, 2, 9, tzinfo=UTC)
    draft = InterruptionDraft(hub.id, begun, Cause.OUTAGE_GRID, note="Storm")
    made = await yard.order(record_interruption, draft)
    for cause, from_at, taken in (
        (Cause.OUTAGE_GRID, over, True), (Cause.MAINTENANCE, over, False),
        (Cause.OUTAGE_GRID, datetime(2026, 3, 1, tzinfo=UTC), True),
    ):  # fmt: skip
        again = InterruptionDraft(hub.id, from_at, cause)
        if taken:
            with pytest.raises(InterruptionUnderway):
                await yard.order(record_interruption, again)
        else:
            await yard.order(record_interruption, again)
    for wrong in (begun, datetime(2026, 3, 2, 7, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)):
        with pytest.raises(InvalidValue):
            await yard.order(end_interruption, made.id, wrong)
    ended = await yard.order(end_interruption, made.id, over)
    assert await yard.order(end_interruption, made.id, over) == ended
    with pytest.raises(InterruptionOver):
        await yard.order(end_interruption, made.id, datetime(2026, 3, 2, 10, tzinfo=UTC))
    for hub_id, port_id in ((uuid7(), None), (other.id, uuid7())):
        with pytest.raises(NotFound):
            await yard.order(
                record_interruption, InterruptionDraft(hub_id, begun, Cause.OTHER, port_id)
            )
    found = await yard.ask(queries.interruptions, [hub.id], over, None)
    assert [(one.cause, one.to_at) for one in found] == [(Cause.MAINTENANCE, None)]
    found = await yard.ask(queries.interruptions, [hub.id, other.id], begun, over)
    assert [(one.id, one.to_at, one.note) for one in found] == [(made.id, over, "Storm")]


async def test_only_the_treasurer_rates_anew_what_is_there(yard: Yard) -> None:
    await yard.hub("H1", "0.30")
    await yard.read_cdrs(march(2))
    await yard.town.grant("board", Role.BOARD)
    with pytest.raises(Forbidden):
        await anew(yard, by=await yard.town.viewer("board"))
    for where in (SessionsOf([uuid7()]), SessionsOf(hub_id=uuid7())):
        with pytest.raises(NotFound):
            await anew(yard, where=where)
    with pytest.raises(InvalidValue):
        await anew(yard, " ")


async def test_lines_of_times_that_no_decimal_writes(yard: Yard) -> None:
    await yard.hub("H1", None)
    await set_tariff(yard, tariff(component("ENERGY", "0"), component("TIME", "3")))
    await yard.read_cdrs(march(2, end_date_time="2026-03-02T22:20:00Z", total_energy=Decimal(1)))
    (charge,) = await charges(yard)
    time = next(line for line in await lines(yard, charge) if line[0] == "TIME")
    assert (time[2], time[5]) == (Decimal("0.333333333333"), 100)


async def test_a_session_of_before_there_were_charges_is_credited_and_rated_anew(
    yard: Yard, access: Access
) -> None:
    hub = await yard.hub("H1", "3.00")
    await holder(yard)
    await yard.read_cdrs(march(2), march(3))
    tables = ("charge_line", "charge")
    forget = "".join(f"DELETE FROM {t} WHERE cooperative_id = '{yard.id}';" for t in tables)
    await migrate.execute(access.admin_url, f"SET session_replication_role = replica; {forget}")
    await yard.read_cdrs(credit_of(march(2)))
    assert await charges(yard, "CDR-2") == []
    assert (await yard.balances())["1205 anna"] == 3702
    await set_tariff(yard, per_kwh("0.30"), hub_id=hub.id, corrects=True)
    await anew(yard)
    (new,) = await charges(yard, "CDR-3")
    assert (new.net_minor, new.replaces_id) == (370, None)
    assert (await yard.balances())["1205 anna"] == 370
