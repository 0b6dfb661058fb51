"""A month settled, by hand-worked figures: each clause by itself, then a year with all of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from coop.billing.domain.commitment import (
    Terms,
    cap_of_share,
    month_after,
    months_between,
    pledged_wh,
    price_minor,
    require_term,
    terms_in,
)
from coop.billing.domain.settlement import (
    Figures,
    MonthFacts,
    MovementKind,
    State,
    fold,
    settle,
    state_after,
)
from coop.billing.errors import CommitmentInvalid
from coop.charging.domain.tariff import Tax
from tests.billing.domain.months import SCALE, month, open_credits, shown, terms, took


def test_months_are_counted_over_years() -> None:
    assert month_after(date(2026, 11, 1), 3) == date(2027, 2, 1)
    assert month_after(date(2026, 1, 1), -1) == date(2025, 12, 1)
    assert months_between(date(2026, 11, 1), date(2027, 2, 1)) == 3


def test_what_is_missing_is_a_shortfall_at_its_price() -> None:
    found, after = settle(terms(), State(), took("2026-01", 640), SCALE)
    assert found.figures == Figures(
        metered_wh=640_000, pledged_wh=1_000_000, minimum_wh=1_000_000, met_wh=640_000,
        shortfall_wh=360_000, shortfall_minor=7_200,
    )  # fmt: skip
    assert found.movements == ()  # no right to make it up
    assert after == State()


def test_what_is_above_is_overage_at_its_price() -> None:
    agreed = terms(overage_per_kwh="0.05")
    found, _ = settle(agreed, State(), took("2026-01", 1_250), SCALE)
    assert (found.figures.overage_wh, found.figures.overage_minor) == (250_000, 1_250)
    found, _ = settle(terms(), State(), took("2026-01", 1_250), SCALE)
    assert (found.figures.overage_wh, found.figures.overage_minor) == (250_000, 0)


def test_an_outage_excuses_its_share_rounded_up_for_the_member() -> None:
    third = Fraction(1, 3)
    found, _ = settle(terms(), State(), took("2026-01", 640, third), SCALE)
    assert (found.figures.excused_wh, found.figures.minimum_wh) == (333_334, 666_666)
    assert found.figures.shortfall_wh == 26_666
    found, _ = settle(terms(outage_relief=False), State(), took("2026-01", 640, third), SCALE)
    assert (found.figures.excused_wh, found.figures.shortfall_wh) == (0, 360_000)
    found, _ = settle(terms(), State(), took("2026-01", 0, Fraction(1)), SCALE)
    assert (found.figures.minimum_wh, found.figures.shortfall_wh) == (0, 0)


def test_an_outage_never_makes_overage() -> None:
    agreed = terms(overage_per_kwh="0.05")
    for kwh, overage in ((1_000, 0), (950, 0), (1_200, 200_000)):
        found, _ = settle(agreed, State(), took("2026-01", kwh, "1/10"), SCALE)
        assert (found.figures.minimum_wh, found.figures.overage_wh) == (900_000, overage)
    state = settle(agreed, State(), took("2026-01", 0), SCALE)[1]
    rights = terms(overage_per_kwh="0.05", make_up_months=3, bank_cap_kwh=30)
    state = settle(rights, state, took("2026-01", 950), SCALE)[1]
    found, _ = settle(rights, state, took("2026-02", 1_200, "1/10"), SCALE)
    # Of 300 above the minimum 50 are made up and 30 banked; 100 were excused and cost their tariff.
    assert (found.figures.banked_wh, found.figures.overage_wh) == (30_000, 120_000)


def test_a_ramp_lowers_the_first_months() -> None:
    agreed = terms(ramp=("0.5", "0.75", "1"))
    pledged = [agreed.pledged_wh(month(m)) for m in ("2025-12", "2026-01", "2026-02", "2026-03")]
    assert pledged == [0, 500_000, 750_000, 1_000_000]
    assert agreed.pledged_wh(month("2027-01")) == 0
    assert pledged_wh([agreed], month("2026-01"), month("2027-01")) == 11_250_000
    assert agreed.from_month(month("2026-02")).ramp == (Decimal("0.75"), Decimal(1))
    assert terms(minimum_kwh=Decimal("0.003"), ramp=("0.5",)).pledged_wh(month("2026-01")) == 2


def test_over_use_is_banked_up_to_the_cap_and_covers_a_later_minimum() -> None:
    agreed = terms(bank_cap_kwh=300, overage_per_kwh="0.05")
    first, after = settle(agreed, State(), took("2026-01", 1_500), SCALE)
    assert (first.figures.banked_wh, first.figures.overage_wh) == (300_000, 200_000)
    assert (first.figures.overage_minor, after) == (1_000, State(300_000))
    second, after = settle(agreed, after, took("2026-02", 900), SCALE)
    assert (second.figures.bank_used_wh, second.figures.shortfall_wh) == (100_000, 0)
    third, after = settle(agreed, after, took("2026-03", 700), SCALE)
    assert (third.figures.bank_used_wh, third.figures.shortfall_wh) == (200_000, 100_000)
    assert after == State()


def test_a_lower_cap_keeps_what_is_banked_and_takes_no_more() -> None:
    found, after = settle(terms(bank_cap_kwh=100), State(300_000), took("2026-01", 1_050), SCALE)
    assert (found.figures.banked_wh, found.figures.overage_wh) == (0, 50_000)
    assert after.banked_wh == 300_000


def test_credits_are_used_oldest_first_and_expire_after_their_last_month() -> None:
    agreed = terms(make_up_months=3)
    taken = [took("2026-01", 900), took("2026-02", 950), took("2026-03", 1_120)]
    settled, state = fold([agreed], State(), taken, SCALE)
    assert shown(settled[0].movements) == [("issued", "2026-01", 100_000, 2_000)]
    assert shown(settled[2].movements) == [
        ("used", "2026-01", -100_000, -2_000), ("used", "2026-02", -20_000, -400)
    ]  # fmt: skip
    assert open_credits(state) == [("2026-02", 30_000, 600)]
    # February's may be used in March, April and May; what is left of it ends with May.
    april, state = settle(agreed, state, took("2026-04", 1_000), SCALE)
    assert april.movements == ()
    may, state = settle(agreed, state, took("2026-05", 1_010), SCALE)
    assert shown(may.movements) == [
        ("used", "2026-02", -10_000, -200), ("expired", "2026-02", -20_000, -400)
    ]  # fmt: skip
    assert (may.figures.overage_wh, state) == (0, State())


def test_money_of_a_credit_ends_with_its_energy() -> None:
    """1 kWh at 1.00 in three parts: 33 + 34 + 33, never a cent left over."""
    agreed = terms(minimum_kwh=1, shortfall_per_kwh="1.00", make_up_months=9)
    state = settle(agreed, State(), took("2026-01", 0), SCALE)[1]
    moved: list[int] = []
    for wh in (333, 333, 334):
        facts = MonthFacts(month(f"2026-0{len(moved) + 2}"), 1_000 + wh)
        found, state = settle(agreed, state, facts, SCALE)
        moved.append(found.moved_minor(MovementKind.USED))
    assert (moved, state) == ([-33, -34, -33], State())


def test_a_right_taken_away_is_released_whole() -> None:
    """Summit Midstream, first quarter of 2017: 37.7 million released when the right was removed."""
    agreed = terms(minimum_kwh=377_000_000, shortfall_per_kwh="0.10", make_up_months=24)
    amended = terms(from_on="2026-02", minimum_kwh=377_000_000, shortfall_per_kwh="0.10")
    settled, state = fold([agreed, amended], State(), [took("2026-01", 0)], SCALE)
    assert state.liability_minor == 3_770_000_000
    found, after = settle(amended, state, took("2026-02", 377_000_000), SCALE)
    assert shown(found.movements) == [
        ("released", "2026-01", -377_000_000_000, -3_770_000_000)
    ]  # fmt: skip
    assert after == State()
    assert state_after([*settled, found]) == State()


def test_after_the_term_credits_are_used_until_they_expire() -> None:
    agreed = terms(to_on="2026-02", make_up_months=2, overage_per_kwh="0.05", bank_cap_kwh=500)
    taken = [took("2026-01", 0), took("2026-02", 1_500), took("2026-03", 10)]
    settled, state = fold([agreed], State(), taken, SCALE)
    assert settled[1].figures == Figures(metered_wh=1_500_000)  # neither banked nor overage
    assert shown(settled[1].movements) == [("used", "2026-01", -1_000_000, -20_000)]
    assert (settled[2].movements, state) == ((), State())


def test_the_year_of_a_member() -> None:
    """Ramp, bank, an outage, two shortfalls, make-up across both, an expiry, overage."""
    agreed = terms(ramp=("0.5", "0.75"), make_up_months=4, bank_cap_kwh=100, overage_per_kwh="0.03")
    taken = [
        took("2026-01", 560),  # minimum 500: 60 banked
        took("2026-02", 640),  # minimum 750: 60 from the bank, 50 short
        took("2026-03", 900, "1/20"),  # a day and a half down: minimum 950, 50 short
        took("2026-04", 1_070),  # 50 of February, 20 of March made up
        took("2026-05", 1_000),
        took("2026-06", 1_010),  # 10 of March
        took("2026-07", 1_005),  # 5 of March in its last month; 15 expire
        took("2026-08", 1_180),  # 100 banked, 80 overage
        took("2026-09", 1_020),  # the bank is full
        took("2026-10", 850),  # 100 from the bank, 50 short
        took("2026-11", 0, 1),  # down all month
        took("2026-12", 1_000),
    ]
    settled, state = fold([agreed], State(), taken, SCALE)

    def of(name: str) -> list[int]:
        return [getattr(one.figures, name) // (1 if "minor" in name else 1_000) for one in settled]

    assert of("minimum_wh") == [500, 750, 950, *[1_000] * 7, 0, 1_000]
    assert of("excused_wh") == [0, 0, 50, *[0] * 7, 1_000, 0]
    assert of("bank_used_wh") == [0, 60, *[0] * 7, 100, 0, 0]
    assert of("shortfall_wh") == [0, 50, 50, *[0] * 6, 50, 0, 0]
    assert of("shortfall_minor") == [0, 1_000, 1_000, *[0] * 6, 1_000, 0, 0]
    assert of("banked_wh") == [60, *[0] * 6, 100, *[0] * 4]
    assert of("overage_wh") == [*[0] * 7, 80, 20, 0, 0, 0]
    assert of("overage_minor") == [*[0] * 7, 240, 60, 0, 0, 0]
    movements = [line for one in settled for line in shown(one.movements)]
    assert movements == [
        ("issued", "2026-02", 50_000, 1_000), ("issued", "2026-03", 50_000, 1_000),
        ("used", "2026-02", -50_000, -1_000), ("used", "2026-03", -20_000, -400),
        ("used", "2026-03", -10_000, -200),
        ("used", "2026-03", -5_000, -100), ("expired", "2026-03", -15_000, -300),
        ("issued", "2026-10", 50_000, 1_000),
    ]  # fmt: skip
    assert open_credits(state) == [("2026-10", 50_000, 1_000)]
    assert state.banked_wh == 0
    assert state == state_after(settled)


def test_a_cap_may_be_a_share_of_the_minimum() -> None:
    assert cap_of_share(1_000_001, Decimal("0.25")) == 250_000
    assert cap_of_share(10, Decimal(0)) == 0
    for wrong in ("-0.1", "12.1", "NaN"):
        with pytest.raises(CommitmentInvalid):
            cap_of_share(1_000, Decimal(wrong))


def test_prices_are_rounded_once_half_up() -> None:
    assert price_minor(25, Decimal("0.20"), 2) == 1  # half a cent
    assert price_minor(24, Decimal("0.20"), 2) == 0
    assert price_minor(1_000, Decimal("0.20"), 0) == 0


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"to_on": "2026-01"}, "to"),
        ({"to_on": "2025-12"}, "to"),
        ({"to_on": "2046-02"}, "to"),
        ({"minimum_kwh": 0}, "minimum"),
        ({"minimum_kwh": -1}, "minimum"),
        ({"minimum_kwh": 10**9 + 1}, "minimum"),
        ({"ramp": ("1.1",)}, "ramp"),
        ({"ramp": ("-0.5",)}, "ramp"),
        ({"ramp": ("NaN",)}, "ramp"),
        ({"ramp": ("1",) * 13}, "ramp"),
        ({"make_up_months": -1}, "makeUpMonths"),
        ({"make_up_months": 241}, "makeUpMonths"),
        ({"bank_cap_kwh": -1}, "bankCap"),
        ({"deposit_minor": -1}, "deposit"),
        ({"shortfall_per_kwh": "-0.01"}, "shortfallPrice"),
        ({"shortfall_per_kwh": "Infinity"}, "shortfallPrice"),
        ({"overage_per_kwh": "1000000"}, "overagePrice"),
        ({"overage_per_kwh": "1E-30"}, "overagePrice"),
        ({"taxes": (Tax("", Decimal(20)),)}, "taxes"),
        ({"taxes": (Tax("VAT", Decimal(101)),)}, "taxes"),
    ],
)
def test_nonsense_terms_are_refused_by_name(wrong: dict[str, object], path: str) -> None:
    with pytest.raises(CommitmentInvalid) as refused:
        require_term(terms(**wrong))
    assert refused.value.path[0] == path


def test_a_commitment_has_whole_months() -> None:
    with pytest.raises(CommitmentInvalid):
        Terms(date(2026, 1, 2), date(2026, 3, 1), 1, Decimal(1))


def test_before_its_first_month_there_is_nothing_to_settle() -> None:
    with pytest.raises(ValueError, match="no terms"):
        terms_in([terms()], month("2025-12"))
