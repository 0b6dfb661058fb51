"""Hubs, prices, badges and suspense, on the real database."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from coop.charging import queries, service, tariffs
from coop.charging.domain.place import HoldingDraft, HubDraft, PortDraft
from coop.charging.errors import HubTaken, TariffTaken, TokenHeld
from coop.charging.queries import SessionWhere
from coop.db.engine import Database
from coop.kernel.clock import zone_named
from coop.kernel.errors import Forbidden, InvalidValue, NotFound, Refusal
from coop.kernel.ids import HubId, uuid7
from coop.kernel.window import Window
from coop.ledger import queries as ledger_queries
from coop.ledger import service as ledger
from coop.ledger.errors import PeriodClosed
from coop.members.domain.roles import Role
from tests.charging.domain.sample import cdr
from tests.charging.yard import SPRING, Yard, day, open_yard

pytestmark = pytest.mark.anyio

OSLO = zone_named("Europe/Oslo")
JANUARY = date(2026, 1, 1)


def at(number: int, uid: str = "badge-1", **changes: Any) -> dict[str, Any]:
    """The CDR of a session on that day of March 2026, from 23:00 to 01:30 in Oslo."""
    start = datetime(2026, 3, number, 22, tzinfo=UTC)
    return cdr(**{
        "id": f"cdr-{number}", "currency": "NOK",
        "start_date_time": start.isoformat(),
        "end_date_time": (start + timedelta(hours=2, minutes=30)).isoformat(),
        "cdr_token": {"uid": uid}, **changes,
    })  # fmt: skip


async def test_a_hub_is_known_by_one_reference_in_any_case(yard: Yard) -> None:
    made = await yard.hub("depot-1", power_w=22_000)
    assert (made.ref, made.name, made.power_w) == ("DEPOT-1", "Hub depot-1", 22_000)
    with pytest.raises(HubTaken):
        await yard.hub("Depot-1")
    assert await yard.ask(queries.hubs) == [made]
    assert await yard.ask(queries.hubs_by_ids, [made.id, uuid7()]) == {made.id: made}


@pytest.mark.parametrize(
    "wrong", [{"ref": " "}, {"ref": "x" * 101}, {"name": "a\nb"}, {"power_w": 0}]
)
def test_a_hub_has_a_name_and_a_reference(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        HubDraft(**{"ref": "H1", "name": "Hub", "time_zone": OSLO, **wrong})


async def test_registering_twice_finds_what_is_there(yard: Yard) -> None:
    hub = await yard.hub()
    drafts = [PortDraft(hub.id, "p1", 11_000), PortDraft(hub.id, "p2")]
    first = await yard.order(service.register_ports, drafts[:1])
    both = await yard.order(service.register_ports, drafts)
    assert both[hub.id, "P1"] == first[hub.id, "P1"]
    (ports,) = (await yard.ask(queries.ports_of_hubs, [hub.id])).values()
    assert [(port.ref, port.power_w) for port in ports] == [("P1", 11_000), ("P2", None)]
    hubs = await yard.order(service.register_hubs, [HubDraft("h1", "Other name", OSLO)])
    assert hubs == {"H1": hub}


async def test_a_session_keeps_the_price_in_force_when_it_started(yard: Yard) -> None:
    hub = await yard.hub("H1", "0.30")
    change = datetime(2026, 3, 2, 22, tzinfo=UTC)
    await yard.order(tariffs.set_flat_price, hub.id, Decimal("0.50"), change)
    with pytest.raises(TariffTaken):
        await yard.order(tariffs.set_flat_price, hub.id, Decimal("0.40"), change)
    early = at(2, start_date_time="2026-03-02T21:59:59Z", id="early")
    await yard.read_cdrs(early, at(2, cdr_token={"uid": "other"}))
    found = {s.session_id: s.amount_minor for s in await yard.sessions()}
    assert found == {"EARLY": 370, "CDR-2": 617}


@pytest.mark.parametrize("per_kwh", ["-0.01", "NaN", "1000000", "Infinity"])
async def test_a_price_is_an_amount(yard: Yard, per_kwh: str) -> None:
    hub = await yard.hub("H1", None)
    with pytest.raises(InvalidValue):
        await yard.order(tariffs.set_flat_price, hub.id, Decimal(per_kwh), SPRING)
    with pytest.raises(NotFound):
        await yard.order(tariffs.set_flat_price, HubId(uuid7()), Decimal(1), SPRING)


async def test_a_badge_moves_its_suspended_sessions_to_the_member(yard: Yard) -> None:
    await yard.hub("H1", "0.30")
    anna = await yard.member("anna")
    await yard.read_cdrs(at(1), at(10), at(20), at(11, "stranger"))
    assert (await yard.balances())["1220"] == 4 * 370
    before = {s.session_id: s for s in await yard.sessions()}
    draft = HoldingDraft("Badge-1", anna.id, date(2026, 3, 10), date(2026, 3, 20))
    assigned = await yard.order(service.assign_token, draft)
    assert (assigned.holding.uid, assigned.moved) == ("BADGE-1", 1)
    assert await yard.states() == {
        "CDR-1": "suspended", "CDR-10": "charged", "CDR-11": "suspended", "CDR-20": "suspended"
    }  # fmt: skip
    assert await yard.balances() == {
        "1205 anna": 370, "1220": 3 * 370, "4000 H1": -370, "4050 H1": -3 * 370,
        "9000 H1": -4 * 12340, "9100 anna": 12340, "9110": 3 * 12340,
    }  # fmt: skip
    (moved,) = await yard.sessions(member_id=anna.id)
    old, new = before["CDR-10"].entry_id, moved.entry_id
    entries = await yard.ask(ledger_queries.entries_by_ids, [new])
    assert entries[new].effective_on == day("2026-03-11")  # where it ended, after midnight
    assert entries[new].source_id == str(moved.id)
    ((reverses,),) = await yard.sql(
        "SELECT reverses_id FROM journal_entry WHERE reverses_id IS NOT NULL"
    )
    assert reverses == old


async def test_from_then_on_the_member_is_charged(yard: Yard) -> None:
    await yard.hub("H1", "0.30")
    anna = await yard.member("anna")
    await yard.order(service.register_tokens, [HoldingDraft("badge-1", anna.id, JANUARY)])
    await yard.read_cdrs(at(1))
    assert (await yard.balances())["1205 anna"] == 370


async def test_a_badge_belongs_to_one_member_at_a_time(yard: Yard) -> None:
    await yard.hub("H1", "0.30")
    anna, bo = await yard.member("anna"), await yard.member("bo")
    draft = HoldingDraft("badge-1", anna.id, JANUARY)
    (held,) = await yard.order(service.register_tokens, [draft])
    with pytest.raises(TokenHeld):
        await yard.order(
            service.register_tokens,
            [
                HoldingDraft("badge-2", bo.id, JANUARY),
                HoldingDraft("BADGE-1", bo.id, day("2026-06-01")),
            ],
        )
    assert await yard.ask(queries.holdings_of_member, bo.id) == []
    await yard.order(service.end_token, held.id, day("2026-03-10"))
    await yard.order(service.assign_token, HoldingDraft("badge-1", bo.id, day("2026-03-10")))
    with pytest.raises(InvalidValue):
        await yard.order(service.end_token, held.id, day("2026-03-11"))
    await yard.read_cdrs(at(9), at(10))
    # At 23:00 in Oslo on the 9th it is anna's, on the 10th bo's.
    sessions = {s.session_id: s.member_id for s in await yard.sessions()}
    assert sessions == {"CDR-9": anna.id, "CDR-10": bo.id}


async def test_of_two_assignments_at_once_one_is_refused(yard: Yard) -> None:
    anna, bo = await yard.member("anna"), await yard.member("bo")
    found = await asyncio.gather(
        *(
            yard.order(service.register_tokens, [HoldingDraft("badge-1", one.id, JANUARY)])
            for one in (anna, bo)
        ),
        return_exceptions=True,
    )
    assert sorted(isinstance(one, TokenHeld) for one in found) == [False, True]


async def test_moving_out_of_a_closed_month_takes_another_day(yard: Yard) -> None:
    await yard.hub("H1", "0.30")
    anna = await yard.member("anna")
    await yard.read_cdrs(at(10))
    (march,) = await yard.sql("SELECT id FROM period WHERE from_on = '2026-03-01'")
    await yard.order(ledger.begin_close, march.id)
    draft = HoldingDraft("badge-1", anna.id, JANUARY)
    before = await yard.balances()
    with pytest.raises(PeriodClosed):
        await yard.order(service.assign_token, draft)
    assert await yard.balances() == before
    assert await yard.ask(queries.holdings_of_member, anna.id) == []
    await yard.order(service.assign_token, draft, effective_on=day("2026-04-01"))
    assert (await yard.balances())["1205 anna"] == 370


async def test_a_badge_with_more_sessions_than_one_call_takes(yard: Yard) -> None:
    await yard.hub("H1", "0.30")
    anna = await yard.member("anna")
    start = datetime(2026, 3, 1, tzinfo=UTC)
    await yard.read_cdrs(*(
        cdr(id=f"c{i}", currency="NOK", cdr_token={"uid": "b"},
            start_date_time=(start + timedelta(hours=3 * i)).isoformat(),
            end_date_time=(start + timedelta(hours=3 * i + 1)).isoformat())
        for i in range(501)
    ))  # fmt: skip
    assigned = await yard.order(service.assign_token, HoldingDraft("b", anna.id, JANUARY))
    assert assigned.moved == 501
    assert (await yard.balances())["9100 anna"] == 501 * 12340
    assert (await yard.balances())["9110"] == 0


async def test_what_was_looked_at_leaves_the_review_list(yard: Yard) -> None:
    await yard.hub("H1", "0.30")
    await yard.read_cdrs(at(1, total_energy=0, charging_periods=[{
        "start_date_time": "2026-03-01T22:00:00Z", "dimensions": []}]))  # fmt: skip
    (doubted,) = await yard.sessions(on_review=True)
    assert doubted.doubts == ["ENERGY_ZERO"]
    assert await yard.order(service.mark_reviewed, [doubted.id]) == 1
    assert await yard.order(service.mark_reviewed, [doubted.id]) == 0
    assert await yard.sessions(on_review=True) == []
    ((by,),) = await yard.sql("SELECT reviewed_by FROM charging_session")
    assert by == "system"


async def test_sessions_are_paged_newest_first_without_gap_or_repeat(yard: Yard) -> None:
    hub = await yard.hub("H1", "0.30")
    anna = await yard.member("anna")
    await yard.order(service.register_tokens, [HoldingDraft("badge-1", anna.id, JANUARY)])
    await yard.read_cdrs(*(at(n) for n in range(1, 8)), at(10, "stranger"))
    where = SessionWhere(member_id=anna.id, from_on=day("2026-03-03"), to_on=day("2026-03-08"))
    first = await yard.ask(queries.sessions_page, where, Window(limit=3))
    last = first[-1]
    rest = await yard.ask(
        queries.sessions_page, where, Window(limit=3, after=(last.started_at, last.id))
    )
    assert [s.session_id for s in first + rest] == ["CDR-6", "CDR-5", "CDR-4", "CDR-3", "CDR-2"]
    total = await yard.ask(queries.sessions_total, where)
    assert (total.count, total.delivered_wh, total.amount_minor) == (5, 5 * 12340, 5 * 370)
    delivered = await yard.ask(
        queries.delivered_wh_of_hubs, [hub.id], day("2026-03-03"), day("2026-03-12")
    )
    assert delivered == {hub.id: 7 * 12340}
    ids = {first[0].id: first[0]}
    assert await yard.ask(queries.sessions_by_ids, [first[0].id, uuid7()]) == ids


ORDERS = {
    "hub": lambda yard: (service.register_hub, HubDraft("H9", "Hub", OSLO)),
    "price": lambda yard: (tariffs.set_flat_prices, []),
    "tokens": lambda yard: (service.register_tokens, []),
    "assign": lambda yard: (service.assign_token, HoldingDraft("b", uuid7(), JANUARY)),
    "end": lambda yard: (service.end_token, uuid7(), JANUARY),
    "review": lambda yard: (service.mark_reviewed, []),
}
ALLOWED = {
    Role.ADMINISTRATOR: {"hub", "tokens", "end"},
    Role.TREASURER: {"price", "assign", "review"},
    Role.BOARD: {"tokens", "end"},
    Role.AUDITOR: set(),
}


@pytest.mark.parametrize("role", [*ALLOWED, None])
async def test_who_may(yard: Yard, role: Role | None) -> None:
    if role is not None:
        await yard.town.grant("olga", role)
    olga = await yard.town.viewer("olga")
    for name, order in ORDERS.items():
        refused: type[Refusal] | None = None
        try:
            await yard.order(*order(yard), by=olga)
        except Refusal as refusal:
            refused = type(refusal)
        if role is None:
            assert refused is NotFound, name
        elif name not in ALLOWED[role]:
            assert refused is Forbidden, name
        else:
            # Past the gate there is no such member, no such badge.
            assert refused is (NotFound if name in ("assign", "end") else None), name


async def test_nothing_is_seen_from_another_cooperative(yard: Yard, database: Database) -> None:
    hub = await yard.hub("H1", "0.30")
    await yard.read_cdrs(at(1), cdr(id="bad", currency="EUR"))
    other = await open_yard(database)
    for table in (
        "hub", "tariff_version", "port", "token", "import_run", "import_rejection", "charging_session"
    ):  # fmt: skip
        assert await other.sql(f"SELECT 1 FROM {table}") == []
    with pytest.raises(NotFound):
        await other.order(tariffs.set_flat_price, hub.id, Decimal(1), SPRING)
    # The same reference and the same session may stand in both.
    await other.hub("H1", "0.30")
    await other.read_cdrs(at(1))
    assert len(await other.sessions()) == 1
    with pytest.raises(DBAPIError, match="row-level security"):
        await other.sql(
            "INSERT INTO hub VALUES (:coop, uuidv7(), 'X', 'X', 'UTC', NULL, now())", coop=yard.id
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE charging_session SET raw = ''",
        "UPDATE charging_session SET delivered_wh = 1",
        "UPDATE charging_session SET run_id = id",
        "DELETE FROM charging_session",
        "TRUNCATE charging_session",
        "UPDATE tariff_version SET document = ''",
        "DELETE FROM tariff_version",
        "UPDATE import_rejection SET reason = ''",
        "UPDATE import_run SET file_sha256 = file_sha256",
        "DELETE FROM import_run",
        "UPDATE token SET member_id = id",
        "UPDATE hub SET ref = 'X'",
        "DELETE FROM hub",
    ],
)
async def test_what_came_in_stays_as_it_came(yard: Yard, statement: str) -> None:
    await yard.hub("H1", "0.30")
    await yard.read_cdrs(at(1), cdr(id="bad", currency="EUR"))
    with pytest.raises(DBAPIError, match="permission denied"):
        await yard.sql(statement)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("state = 'charged'", "ck_charging_session_charged"),
        ("state = 'credit'", "ck_charging_session_credit"),
        ("state = 'lost'", "ck_charging_session_state"),
        ("entry_id = NULL", "ck_charging_session_entry"),
    ],
)
async def test_a_session_cannot_be_made_to_contradict_itself(
    yard: Yard, change: str, constraint: str
) -> None:
    await yard.hub("H1", "0.30")
    await yard.read_cdrs(at(1))
    with pytest.raises(DBAPIError, match=constraint):
        await yard.sql(f"UPDATE charging_session SET {change}")
