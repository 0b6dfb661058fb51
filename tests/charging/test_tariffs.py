"""Tariffs as versions, and what sessions are charged by them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.exc import DBAPIError

from coop.charging import queries, service, tariffs
from coop.charging.domain.place import HoldingDraft
from coop.charging.errors import (
    TariffCurrencyWrong,
    TariffHole,
    TariffInvalid,
    TariffPriceNegative,
    TariffTaken,
)
from coop.db.engine import Database
from coop.kernel.errors import Forbidden, InvalidValue, NotFound
from coop.kernel.ids import HubId, uuid7
from coop.members.classes import set_member_class
from coop.members.domain.roles import Role
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
from tests.charging.yard import SPRING, Yard, open_yard

pytestmark = pytest.mark.anyio

JANUARY = date(2026, 1, 1)
LATER = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
DAYS_ONLY = {
    "id": "t", "currency": "NOK",
    "elements": [{"price_components": [component("ENERGY", "1")],
                  "restrictions": {"start_time": "08:00", "end_time": "20:00"}}],
}  # fmt: skip


async def holder(yard: Yard, number: str = "anna", uid: str = "badge-1") -> object:
    member = await yard.member(number)
    await yard.order(service.register_tokens, [HoldingDraft(uid, member.id, JANUARY)])
    return member.id


async def test_the_most_specific_version_that_has_begun_is_in_force(yard: Yard) -> None:
    h1, h2 = await yard.hub("H1", None), await yard.hub("H2", None)
    all_ = await set_tariff(yard, per_kwh("1"))
    class_ = await set_tariff(yard, per_kwh("2"), member_class="Taxi")
    hub = await set_tariff(yard, per_kwh("3"), LATER, hub_id=h1.id)
    both = await set_tariff(yard, per_kwh("4"), LATER, hub_id=h1.id, member_class="taxi")
    next_ = await set_tariff(yard, per_kwh("5"), LATER + timedelta(days=1))
    assert [v.version for v in (all_, class_, hub, both, next_)] == [1, 1, 1, 1, 2]

    async def asked(hub_id: HubId, name: str, at: datetime) -> object:
        return await yard.ask(tariffs.tariff_in_force, hub_id, name, at)

    before = LATER - timedelta(microseconds=1)
    assert await asked(h1.id, "taxi", before) == class_
    assert await asked(h1.id, "", before) == all_
    assert await asked(h1.id, "taxi", LATER) == both
    assert await asked(h1.id, "van", LATER) == hub
    assert await asked(h2.id, "taxi", LATER) == class_
    assert await asked(h2.id, "van", LATER + timedelta(days=1)) == next_
    assert await asked(h2.id, "guest", SPRING - timedelta(seconds=1)) is None


async def test_a_version_takes_another_instant_or_corrects(yard: Yard) -> None:
    hub = await yard.hub("H1", "0.30")
    with pytest.raises(TariffTaken):
        await set_tariff(yard, per_kwh("0.20"), hub_id=hub.id)
    with pytest.raises(InvalidValue):
        await set_tariff(yard, per_kwh("0.20"), LATER, hub_id=hub.id, corrects=True)
    right = await set_tariff(yard, per_kwh("0.20"), hub_id=hub.id, corrects=True)
    again = await set_tariff(yard, per_kwh("0.25"), hub_id=hub.id, corrects=True, name="Right")
    assert (right.version, again.version, again.corrects_id) == (2, 3, right.id)
    assert await yard.ask(tariffs.tariff_in_force, hub.id, "", LATER) == again
    assert [v.name for v in await yard.ask(queries.tariff_versions, hub.id)] == [
        "0.30 NOK/kWh", "0.20 NOK/kWh", "Right"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "kind", "path"),
    [
        (per_kwh("-1"), TariffPriceNegative, ("elements", "0", "price_components", "0", "price")),
        (per_kwh("1", currency="EUR"), TariffCurrencyWrong, ("currency",)),
        (DAYS_ONLY, TariffHole, None),
        (per_kwh("1", start_date_time=LATER.isoformat()), TariffHole, ("start_date_time",)),
        ({"id": "t", "currency": "NOK", "elements": []}, TariffInvalid, ("elements",)),
    ],
    ids=["negative", "currency", "hole", "late", "empty"],
)
async def test_a_tariff_that_cannot_be_is_refused_and_nothing_is_stored(
    yard: Yard, document: object, kind: type[TariffInvalid], path: tuple[str, ...] | None
) -> None:
    with pytest.raises(kind) as refused:
        await set_tariff(yard, document)
    assert path is None or refused.value.path == path
    assert await yard.ask(queries.tariff_versions) == []


async def test_only_the_treasurer_sets_prices_of_known_hubs(yard: Yard) -> None:
    await yard.town.grant("board", Role.BOARD)
    draft = tariffs.TariffDraft(per_kwh("1"), SPRING)
    board = await yard.town.viewer("board")
    with pytest.raises(Forbidden):
        await yard.order(tariffs.set_tariff, draft, by=board)
    with pytest.raises(NotFound):
        await set_tariff(yard, per_kwh("1"), hub_id=HubId(uuid7()))
    with pytest.raises(InvalidValue):
        await set_tariff(yard, per_kwh("1"), member_class="no such name")


async def test_the_version_at_the_start_is_kept_for_the_whole_session(yard: Yard) -> None:
    hub = await yard.hub("H1", None)
    first = await set_tariff(yard, per_kwh("0.30"), hub_id=hub.id)
    await set_tariff(yard, per_kwh("0.50"), LATER, hub_id=hub.id)  # half an hour into it
    await holder(yard)
    await yard.read_cdrs(march(2))
    (charge,) = await charges(yard)
    assert (charge.tariff_version_id, charge.net_minor, charge.tax) == (first.id, 370, 0)


async def test_a_member_is_charged_net_and_a_guest_gross(yard: Yard) -> None:
    await yard.hub("H1", None)
    await set_tariff(
        yard, tariff(component("ENERGY", "0.30", 1, VAT), component("FLAT", "1.01", 1, VAT))
    )
    anna = await holder(yard)
    await yard.read_cdrs(march(2), march(3, "nobody"))
    # 12.34 kWh at 0.30 are 3.702, a session is 1.01: 4.71 and a quarter of it in tax.
    assert await yard.balances() == {
        "1205 anna": 471, "4000 H1": -471, "9100 anna": 12340, "9000 H1": -24680,
        "1220": 471 + 118, "4050 H1": -471, "2200": -118, "9110": 12340,
    }  # fmt: skip
    (member,) = await charges(yard, "CDR-2")
    assert (member.member_id, member.net_minor, member.tax) == (anna, 471, Decimal("1.1775"))
    assert await lines(yard, member) == [
        ("FLAT", 0, Decimal(1), "session", Decimal("1.01"), 101, [VAT], Decimal("0.2525")),
        ("ENERGY", 0, Decimal("12.34"), "kWh", Decimal("0.3"), 370, [VAT], Decimal("0.925")),
    ]
    (guest,) = await charges(yard, "CDR-3")
    assert (guest.member_id, guest.net_minor, guest.tax) == (None, 471, Decimal("1.1775"))
    amounts = {s.session_id: s.amount_minor for s in await yard.sessions()}
    assert amounts == {"CDR-2": 471, "CDR-3": 471}


async def test_members_are_charged_by_their_class_on_the_day_and_guests_by_theirs(
    yard: Yard,
) -> None:
    await yard.hub("H1", None)
    await set_tariff(yard, per_kwh("1.00"))
    await set_tariff(yard, per_kwh("0.50"), member_class="taxi")
    await set_tariff(yard, per_kwh("2.00"), member_class="guest")
    anna = await holder(yard)
    await yard.order(set_member_class, anna, "taxi", date(2026, 3, 3))
    await yard.order(set_member_class, anna, "", date(2026, 3, 4))
    await yard.read_cdrs(march(2), march(3), march(4), march(5, "nobody"))
    amounts = {s.session_id: s.amount_minor for s in await yard.sessions()}
    assert amounts == {"CDR-2": 1234, "CDR-3": 617, "CDR-4": 1234, "CDR-5": 2468}


async def test_a_session_before_the_first_version_is_refused(yard: Yard) -> None:
    await yard.hub("H1", None)
    await set_tariff(yard, per_kwh("1"), LATER)
    outcome = await yard.read_cdrs(march(2), march(3))
    assert await yard.refusals(outcome) == [(1, "PRICE_MISSING", "cdr_location.id")]


async def test_a_credit_takes_the_charge_back_and_a_fresh_cdr_follows_it(yard: Yard) -> None:
    await yard.hub("H1", None)
    await set_tariff(yard, per_kwh("0.30", VAT))
    await holder(yard)
    wrong = march(2, session_id="s-1")
    right = march(2, id="right", session_id="S-1", total_energy=Decimal(10))
    other = march(2, "badge-2", id="other", session_id="S-2")
    await yard.read_cdrs(wrong, credit_of(wrong), right, other)  # one chunk, in this order
    (first, back) = await charges(yard, "CDR-2")
    (fresh,) = await charges(yard, "RIGHT")
    assert (back.net_minor, back.tax, back.credit_of_id) == (-370, Decimal("-0.925"), first.id)
    assert back.entry_id not in (None, first.entry_id)
    assert await lines(yard, back) == [
        ("ENERGY", 0, Decimal("-12.34"), "kWh", Decimal("0.3"), -370, [VAT], Decimal("-0.925"))
    ]
    assert (fresh.net_minor, fresh.replaces_id) == (300, first.id)
    assert [c.replaces_id for c in await charges(yard, "OTHER")] == [None]
    assert (await yard.balances())["1205 anna"] == 300


async def test_without_a_session_id_badge_start_and_hub_tell_it(yard: Yard) -> None:
    await yard.hub("H1", "0.30")
    wrong = march(2)
    await yard.read_cdrs(wrong)
    await yard.read_cdrs(credit_of(wrong))
    await yard.read_cdrs(
        march(2, id="right", total_energy=Decimal(10)), march(2, "other", id="other")
    )
    (first, _) = await charges(yard, "CDR-2")
    assert [c.replaces_id for c in await charges(yard, "RIGHT")] == [first.id]
    assert [c.replaces_id for c in await charges(yard, "OTHER")] == [None]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE charge SET net_minor = 0",
        "DELETE FROM charge",
        "UPDATE charge_line SET tax = 0",
        "DELETE FROM charge_line",
        "UPDATE tariff_version SET document = '{}'",
        "UPDATE interruption SET cause = 'OTHER'",
        "UPDATE member_class SET class = 'x'",
    ],
)
async def test_what_was_charged_stays_as_it_was(yard: Yard, statement: str) -> None:
    await yard.hub("H1", "0.30")
    await yard.read_cdrs(march(2))
    with pytest.raises(DBAPIError, match="permission denied"):
        await yard.sql(statement)


async def test_nothing_of_it_is_seen_from_another_cooperative(
    yard: Yard, database: Database
) -> None:
    hub = await yard.hub("H1", "0.30")
    await yard.read_cdrs(march(2))
    other = await open_yard(database)
    for table in ("tariff_version", "charge", "charge_line", "interruption", "member_class"):
        assert await other.sql(f"SELECT 1 FROM {table}") == []
    with pytest.raises(NotFound):
        await set_tariff(other, per_kwh("1"), hub_id=hub.id)
