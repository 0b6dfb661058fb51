"""Pledging, amending, ending, deposits: what is posted, what is refused, who may."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from coop.billing import commitments as service
from coop.billing import settling
from coop.billing.commitments import DepositDraft, PledgeDraft
from coop.billing.queries import commitments as queries
from coop.billing.queries import settlements as settlement_queries
from coop.billing.queries.commitments import Commitment
from coop.db.engine import Database
from coop.kernel.errors import Refusal
from coop.kernel.ids import HubId, uuid7
from coop.ledger import queries as ledger_queries
from coop.ledger.closing import close_period
from coop.members import service as members
from coop.members.domain.roles import Role
from tests.billing.books import refused
from tests.billing.domain.months import month, terms
from tests.billing.pledges import Pledges, open_pledges
from tests.members.people import system

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pledges(database: Database) -> Pledges:
    return await open_pledges(database)


async def _amended(pledges: Pledges, made: Commitment, **changes: Any) -> Commitment:
    changed: Commitment = await pledges.order(
        service.amend, made.id, terms(**changes), resolution="2026-7"
    )
    return changed


async def test_a_pledge_is_kept_as_it_was_made(pledges: Pledges) -> None:
    one, two = await pledges.hub("H1"), await pledges.hub("H2")
    anna = await pledges.charger()
    made = await pledges.pledge(
        anna, one, two, ramp=("0.5", "0.75"), overage_per_kwh="0.05", make_up_months=6,
        bank_cap_kwh=200, deposit_minor=50_000, outage_relief=False, resolution="2025-12",
    )  # fmt: skip
    found = await pledges.ask(queries.commitments_by_ids, [made.id, uuid7()])
    kept = found[made.id]
    assert len(found) == 1
    assert kept.terms == [
        terms(
            ramp=("0.5", "0.75"), overage_per_kwh="0.05", make_up_months=6, bank_cap_kwh=200,
            deposit_minor=50_000, outage_relief=False,
        )
    ]  # fmt: skip
    assert set(kept.hub_ids) == {one.id, two.id}
    assert (kept.member_id, kept.from_on, kept.to_on) == (
        anna.id, date(2026, 1, 1), date(2027, 1, 1)
    )  # fmt: skip
    (version,) = kept.versions
    assert (version.version, version.resolution, version.pledged_wh) == (1, "2025-12", 11_250_000)
    assert await pledges.ask(queries.commitments_of_members, [anna.id]) == {anna.id: [kept]}


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"to_on": "2026-01"}, "COMMITMENT_INVALID", "to"),
        ({"to_on": "2047-01"}, "COMMITMENT_INVALID", "to"),
        ({"to_on": "2026-02", "ramp": ("0.5", "1")}, "COMMITMENT_INVALID", "ramp"),
        ({"from_on": "2028-01", "to_on": "2029-01"}, "COMMITMENT_INVALID", "from"),
    ],
)
async def test_nonsense_is_refused_and_nothing_is_kept(
    pledges: Pledges, changes: dict[str, Any], code: str, path: str
) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    with pytest.raises(Refusal) as no:
        await pledges.pledge(anna, hub, **changes)
    assert (no.value.code, no.value.path) == (code, (path,))
    assert await pledges.count("commitment") == 0
    assert await pledges.balances() == {}


async def test_whom_and_where_must_exist(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    await pledges.order(members.member_leaves, anna.id, date(2026, 5, 1))
    bo = await pledges.charger("bo")
    assert await refused(pledges.pledge(anna, hub)) == "MEMBER_LEFT"
    assert await refused(pledges.pledge(replace(bo, id=uuid7()), hub)) == "NOT_FOUND"
    assert await refused(pledges.pledge(bo, replace(hub, id=HubId(uuid7())))) == "NOT_FOUND"
    assert await refused(pledges.pledge(bo)) == "COMMITMENT_INVALID"


async def test_two_commitments_never_share_a_hub_in_a_month(pledges: Pledges) -> None:
    one, two = await pledges.hub("H1"), await pledges.hub("H2")
    anna, bo = await pledges.charger(), await pledges.charger("bo")
    made = await pledges.pledge(anna, one, from_on="2026-03", to_on="2026-06")
    for from_on, to_on in (("2026-01", "2026-04"), ("2026-05", "2026-12"), ("2026-04", "2026-05")):
        again = pledges.pledge(anna, two, one, from_on=from_on, to_on=to_on)
        assert await refused(again) == "COMMITMENT_OVERLAPS"
    await pledges.pledge(anna, one, from_on="2026-01", to_on="2026-03")
    after = await pledges.pledge(anna, two, one, from_on="2026-06", to_on="2026-09")
    await pledges.pledge(bo, one, from_on="2026-01", to_on="2026-09")
    assert await pledges.count("commitment") == 4
    longer = _amended(pledges, made, from_on="2026-03", to_on="2026-07")
    assert await refused(longer) == "COMMITMENT_OVERLAPS"
    await _amended(pledges, after, from_on="2026-06", to_on="2026-12")


async def test_of_two_pledges_at_once_one_is_refused(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()

    async def attempt() -> str:
        try:
            await pledges.pledge(anna, hub)
        except Refusal as refusal:
            return refusal.code
        return "pledged"

    outcomes = await asyncio.gather(*(attempt() for _ in range(4)))
    assert sorted(outcomes) == ["COMMITMENT_OVERLAPS"] * 3 + ["pledged"]
    assert await pledges.held("9200") == {"9200 anna": -12_000_000}


async def test_nobody_pledges_into_a_settled_or_closed_month(pledges: Pledges) -> None:
    hub, other = await pledges.hub(), await pledges.hub("H2")
    anna = await pledges.charger()
    await pledges.pledge(anna, hub)
    await pledges.settle("2026-01", "2026-02")
    late = pledges.pledge(anna, other, from_on="2026-02")
    assert await refused(late) == "COMMITMENT_MONTH_SETTLED"
    await pledges.pledge(anna, other, from_on="2026-03")


async def test_an_amendment_says_everything_anew_from_its_month(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub, ramp=("0.5", "0.75"))
    await pledges.settle("2026-01")
    changed = await _amended(
        pledges, made, from_on="2026-02", minimum_kwh=400, shortfall_per_kwh="0.10"
    )
    # 750 + 10 × 1,000 were pledged from February on; 11 × 400 are now.
    assert [one.pledged_wh for one in changed.versions] == [11_250_000, -6_350_000]
    assert await pledges.held("9200", "9210") == {
        "9200 anna": -4_900_000, "9210 anna": 4_400_000
    }  # fmt: skip
    await pledges.settle("2026-02")
    january, february = await pledges.settlements(made)
    assert (january.terms_version, january.settlement.figures.shortfall_minor) == (1, 10_000)
    assert (february.terms_version, february.settlement.figures.shortfall_minor) == (2, 4_000)
    again = _amended(pledges, made, from_on="2026-02", minimum_kwh=1)
    assert await refused(again) == "COMMITMENT_MONTH_SETTLED"
    assert await refused(_amended(pledges, made, from_on="2027-02", to_on="2027-05")) == (
        "COMMITMENT_OVER"
    )
    await pledges.sound()


async def test_a_renewal_takes_credits_and_bank_along(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub, to_on="2026-02", make_up_months=2)
    await pledges.settle("2026-01")
    await _amended(pledges, made, from_on="2026-02", to_on="2026-04", make_up_months=2)
    assert await pledges.held("9200", "9210") == {
        "9200 anna": -3_000_000, "9210 anna": 2_000_000
    }  # fmt: skip
    await pledges.took("anna", "2026-02", 1_250)
    await pledges.settle("2026-02")
    assert (await pledges.state(made)).open_wh == 750_000
    await pledges.sound()


async def test_taking_the_right_away_releases_everything_at_once(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub, make_up_months=12)
    await pledges.settle("2026-01", "2026-02")
    assert await pledges.held("2420") == {"2420 anna": -40_000}
    await _amended(pledges, made, from_on="2026-03")
    assert await pledges.held("2420", "4110") == {"4110": -40_000}
    await pledges.sound()
    assert await pledges.ask(settlement_queries.make_up_wh_of_members, [anna.id]) == {anna.id: 0}
    await pledges.took("anna", "2026-03", 1_500)
    await pledges.settle("2026-03")
    march = (await pledges.settlements(made))[-1]
    assert (march.settlement.movements, march.settlement.figures.shortfall_wh) == ((), 0)
    # A late session of January: less was owed, so less is let go. The books end as they should.
    await pledges.took("anna", "2026-01", 100)
    await pledges.adjust("2026-01", "2026-05-05")
    assert await pledges.held("2420", "4110") == {"4110": -38_000}
    await pledges.sound()


async def test_a_right_that_ends_later_is_released_by_its_month(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub, make_up_months=12)
    await pledges.settle("2026-01")
    await _amended(pledges, made, from_on="2026-03")
    assert await pledges.held("2420", "4110") == {"2420 anna": -20_000}
    await pledges.settle("2026-02", "2026-03")
    assert await pledges.held("2420", "4110") == {"4110": -40_000}
    await pledges.sound()


async def test_ending_takes_back_what_is_not_due_any_more(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna, bo = await pledges.charger(), await pledges.charger("bo")
    kept = await pledges.pledge(anna, hub, make_up_months=6)
    lost = await pledges.pledge(bo, hub, make_up_months=6)
    await pledges.settle("2026-01")
    await pledges.order(service.terminate, kept.id, month("2026-03"), resolution="2026-9")
    await pledges.order(
        service.terminate, lost.id, month("2026-02"), resolution="2026-9", keep_make_up=False
    )
    assert await pledges.held("9200", "9210", "2420", "4110") == {
        "9200 anna": -2_000_000, "9210 anna": 1_000_000, "9200 bo": -1_000_000,
        "2420 anna": -20_000, "4110": -20_000,
    }  # fmt: skip
    await pledges.took("anna", "2026-03", 300)
    await pledges.settle("2026-02", "2026-03")
    assert await pledges.held("2420") == {"2420 anna": -34_000}
    assert [one.month for one in await pledges.settlements(lost)] == [month("2026-01")]
    over = pledges.order(settling.settle_one, lost.id, month("2026-02"))
    assert await refused(over) == "COMMITMENT_OVER"
    late = pledges.order(service.terminate, lost.id, month("2026-08"), resolution="2026-9")
    assert await refused(late) == "COMMITMENT_OVER"
    await pledges.pledge(bo, hub, from_on="2026-04", to_on="2026-06")
    await pledges.sound()


async def test_a_pledge_made_by_mistake_ends_before_it_begins(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub)
    await pledges.order(service.terminate, made.id, month("2026-01"), resolution="2026-1")
    assert await pledges.held("9200", "9210") == {}
    await pledges.pledge(anna, hub)
    await pledges.settle("2026-01")
    assert await pledges.settlements(made) == []


async def test_changes_rest_on_a_resolution(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub)
    for text in ("", "  "):
        change = pledges.order(service.amend, made.id, terms(minimum_kwh=1), resolution=text)
        assert await refused(change) == "RESOLUTION_REQUIRED"
    long = pledges.order(service.amend, made.id, terms(minimum_kwh=1), resolution="x" * 501)
    assert await refused(long) == "COMMITMENT_INVALID"


def _deposit(kind: str, minor: int, resolution: str | None = None) -> DepositDraft:
    return DepositDraft(kind, minor, date(2026, 3, 1), resolution)


async def test_a_deposit_is_taken_returned_and_forfeited(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub, deposit_minor=50_000)

    async def record(*given: Any) -> Any:
        return await pledges.order(service.record_deposit, made.id, _deposit(*given))

    await record("taken", 50_000)
    assert await pledges.held("1000", "2410") == {"1000": 50_000, "2410 anna": -50_000}
    await record("returned", 20_000)
    assert await refused(record("returned", 30_001)) == "DEPOSIT_TOO_SMALL"
    assert await refused(record("forfeited", 30_000)) == "RESOLUTION_REQUIRED"
    await record("forfeited", 25_000, "2026-11")
    assert await pledges.held("1000", "2410", "4120") == {
        "1000": 30_000, "2410 anna": -5_000, "4120": -25_000
    }  # fmt: skip
    assert await pledges.ask(queries.deposits_held, [made.id]) == {made.id: 5_000}
    for wrong in (("taken", 0), ("taken", -1), ("kept", 1)):
        assert await refused(record(*wrong)) == "COMMITMENT_INVALID"


async def test_a_deposit_is_returned_once_whoever_is_faster(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub)
    await pledges.order(service.record_deposit, made.id, _deposit("taken", 1_000))

    async def attempt() -> str:
        try:
            await pledges.order(service.record_deposit, made.id, _deposit("returned", 700))
        except Refusal as refusal:
            return refusal.code
        return "returned"

    outcomes = await asyncio.gather(*(attempt() for _ in range(3)))
    assert sorted(outcomes) == ["DEPOSIT_TOO_SMALL"] * 2 + ["returned"]
    assert await pledges.held("2410") == {"2410 anna": -300}


async def test_who_may(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna, bo = await pledges.charger(), await pledges.charger("bo")
    await pledges.town.grant("ada", Role.OPERATOR, member_id=anna.id)
    await pledges.town.grant("tea", Role.TREASURER)
    await pledges.town.grant("ann", Role.BOARD)
    ada, tea, board = [await pledges.town.viewer(name) for name in ("ada", "tea", "ann")]
    nobody = await pledges.town.viewer("zoe")
    made = await pledges.pledge(anna, hub, by=ada)
    assert await refused(pledges.pledge(bo, hub, by=ada)) == "NOT_FOUND"
    assert await refused(pledges.pledge(bo, hub, by=board)) == "FORBIDDEN"
    assert await refused(pledges.pledge(bo, hub, by=nobody)) == "NOT_FOUND"
    await pledges.pledge(bo, hub, by=tea)
    changes = terms(minimum_kwh=1)
    for who, code in ((ada, "FORBIDDEN"), (board, "FORBIDDEN"), (nobody, "NOT_FOUND")):
        change = pledges.order(service.amend, made.id, changes, resolution="2026-1", by=who)
        assert await refused(change) == code
        end = pledges.order(
            service.terminate, made.id, month("2026-02"), resolution="2026-1", by=who
        )
        assert await refused(end) == code
        paid = pledges.order(service.record_deposit, made.id, _deposit("taken", 1), by=who)
        assert await refused(paid) == code
        assert await refused(pledges.settle("2026-01", by=who)) == code
    await pledges.order(service.amend, made.id, changes, resolution="2026-1", by=tea)
    await pledges.settle("2026-01", by=tea)
    assert await pledges.count("commitment_settlement") == 2


async def test_what_an_unknown_commitment_is_asked_for_is_not_found(pledges: Pledges) -> None:
    for order in (
        pledges.order(service.amend, uuid7(), terms(), resolution="2026-1"),
        pledges.order(service.record_deposit, uuid7(), _deposit("taken", 1)),
        pledges.order(settling.settle_one, uuid7(), month("2026-01")),
    ):
        assert await refused(order) == "NOT_FOUND"


async def test_draft_prices_keep_their_decimals(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    draft = PledgeDraft(anna.id, (hub.id,), terms(shortfall_per_kwh="0.123456789"))
    made = await pledges.order(service.pledge, draft, by=system())
    kept = (await pledges.ask(queries.commitments_by_ids, [made.id]))[made.id]
    assert kept.terms[0].shortfall_per_kwh == Decimal("0.123456789")


async def test_a_closed_month_takes_neither_pledge_nor_settlement(pledges: Pledges) -> None:
    hub, other = await pledges.hub(), await pledges.hub("H2")
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub)
    for period in (await pledges.ask(ledger_queries.periods))[:1]:
        assert period.from_on == month("2026-01")
        await close_period(pledges.database, system(), pledges.id, period.id)
    assert await refused(pledges.pledge(anna, other)) == "PERIOD_CLOSED"
    assert await pledges.count("commitment") == 1
    assert await refused(pledges.settle("2026-01")) == "PERIOD_CLOSED"
    assert await pledges.count("commitment_settlement") == 0
    await pledges.settle("2026-01", effective_on=date(2026, 2, 3))
    (settled,) = await pledges.settlements(made)
    assert (settled.month, settled.effective_on) == (month("2026-01"), date(2026, 2, 3))
    await pledges.sound()


async def test_what_was_ended_before_it_began_is_in_nobodys_way(pledges: Pledges) -> None:
    hub = await pledges.hub()
    anna = await pledges.charger()
    made = await pledges.pledge(anna, hub, from_on="2026-03")
    await pledges.order(service.terminate, made.id, month("2026-03"), resolution="2026-1")
    await pledges.pledge(anna, hub, from_on="2026-01", to_on="2026-06")
