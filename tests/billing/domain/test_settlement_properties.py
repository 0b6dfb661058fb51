"""What must hold of every commitment and every course of months."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from coop.billing.domain.commitment import Terms, month_after, price_minor
from coop.billing.domain.deferred import rolled
from coop.billing.domain.settlement import (
    Figures,
    MonthFacts,
    MovementKind,
    Settlement,
    State,
    difference,
    fold,
    settle,
    state_after,
    total,
)

FIRST = date(2026, 1, 1)
MONTHS = 14
prices = st.decimals("0", "3", places=4, allow_nan=False)
factors = st.decimals("0", "1", places=2, allow_nan=False)
shares = st.fractions(0, 1, max_denominator=744)


@st.composite
def some_terms(draw: st.DrawFn, from_on: date = FIRST) -> Terms:
    return Terms(
        from_on,
        month_after(FIRST, draw(st.integers(MONTHS - 3, MONTHS))),
        minimum_wh=draw(st.integers(1, 2_000_000)),
        shortfall_per_kwh=draw(prices),
        overage_per_kwh=draw(st.none() | prices),
        ramp=tuple(draw(st.lists(factors, max_size=3))),
        make_up_months=draw(st.sampled_from((0, 1, 2, 3, 5, 12))),
        bank_cap_wh=draw(st.sampled_from((0, 1, 50_000, 5_000_000))),
        outage_relief=draw(st.booleans()),
    )


@st.composite
def some_versions(draw: st.DrawFn) -> list[Terms]:
    first = draw(some_terms())
    if draw(st.booleans()):
        return [first]
    later = replace(
        draw(some_terms(month_after(FIRST, draw(st.integers(1, 8))))), to_on=first.to_on
    )
    return [first, later]


@st.composite
def some_months(draw: st.DrawFn) -> list[MonthFacts]:
    taken = draw(st.lists(st.integers(0, 3_000_000), min_size=1, max_size=MONTHS))
    down = draw(st.lists(shares, min_size=len(taken), max_size=len(taken)))
    return [
        MonthFacts(month_after(FIRST, n), *one)
        for n, one in enumerate(zip(taken, down, strict=True))
    ]


@given(some_versions(), some_months(), st.sampled_from((0, 2, 3)))
def test_every_watt_hour_and_every_cent_is_somewhere(
    versions: list[Terms], months: list[MonthFacts], scale: int
) -> None:
    state = State()
    for facts in months:
        terms = [one for one in versions if one.from_on <= facts.month][-1]
        before = state
        settled, state = settle(terms, before, facts, scale)
        f = settled.figures
        used = -settled.moved_wh(MovementKind.USED)
        assert min(f.metered_wh, f.met_wh, f.excused_wh, f.bank_used_wh, f.shortfall_wh) >= 0
        assert min(used, f.banked_wh, f.overage_wh, state.banked_wh) >= 0
        assert f.pledged_wh == f.excused_wh + f.met_wh + f.bank_used_wh + f.shortfall_wh
        assert f.minimum_wh == f.pledged_wh - f.excused_wh
        plain = f.metered_wh - f.met_wh - used - f.banked_wh - f.overage_wh
        assert 0 <= plain <= (f.excused_wh if facts.month < terms.to_on else f.metered_wh)
        assert not f.overage_wh or plain == f.excused_wh
        assert state.banked_wh == before.banked_wh - f.bank_used_wh + f.banked_wh
        assert state.banked_wh <= max(terms.bank_cap_wh, before.banked_wh)
        assert f.shortfall_minor == price_minor(f.shortfall_wh, terms.shortfall_per_kwh, scale)
        moved = sum(one.minor for one in settled.movements)
        assert state.liability_minor == before.liability_minor + moved
        assert state.open_wh == before.open_wh + sum(one.wh for one in settled.movements)


@given(some_versions(), some_months())
def test_open_credits_are_worth_their_price_and_end_on_their_day(
    versions: list[Terms], months: list[MonthFacts]
) -> None:
    state, prices_of = State(), {}
    for facts in months:
        terms = [one for one in versions if one.from_on <= facts.month][-1]
        prices_of[facts.month] = terms.shortfall_per_kwh
        settled, state = settle(terms, state, facts, 2)
        ends = [one.expires_on for one in state.credits]
        assert all(end > month_after(facts.month) for end in ends)
        for one in settled.movements:
            if one.kind is MovementKind.EXPIRED:
                assert one.expires_on == month_after(facts.month)
            if one.kind is MovementKind.USED:
                assert one.issued_on < facts.month < one.expires_on
        for credit in state.credits:
            assert 0 < credit.open_wh <= credit.issued_wh
            assert 0 <= credit.open_minor <= credit.issued_minor
            worth = Fraction(credit.open_wh, 10) * Fraction(prices_of[credit.issued_on])
            assert abs(credit.open_minor - worth) <= 1
        assert bool(state.open_wh) or state.liability_minor == 0


@given(some_terms(), some_months(), st.integers(0, 1_000_000))
def test_an_outage_never_costs_the_member(
    terms: Terms, months: list[MonthFacts], banked_wh: int
) -> None:
    """Whatever is open and banked: with the outage no more is short and no more is overage."""
    before = settle(terms, State(banked_wh), months[0], 2)[1]
    for facts in months[1:2]:
        down = settle(replace(terms, outage_relief=True), before, facts, 2)[0].figures
        up = settle(replace(terms, outage_relief=False), before, facts, 2)[0].figures
        assert down.shortfall_wh <= up.shortfall_wh
        assert down.overage_wh <= up.overage_wh


@given(some_versions(), some_months())
def test_the_oldest_credit_is_used_first(versions: list[Terms], months: list[MonthFacts]) -> None:
    state = State()
    for facts in months:
        terms = [one for one in versions if one.from_on <= facts.month][-1]
        before = {one.issued_on: one.open_wh for one in state.credits}
        settled, state = settle(terms, state, facts, 2)
        used = {
            one.issued_on: -one.wh for one in settled.movements if one.kind is MovementKind.USED
        }
        # Whatever is touched, everything older was emptied by use in the same month.
        for issued_on in used:
            older = {on: wh for on, wh in before.items() if on < issued_on}
            assert all(used.get(on) == wh for on, wh in older.items())


@given(some_versions(), some_months(), st.integers(0, MONTHS))
def test_months_in_order_are_one_fold(
    versions: list[Terms], months: list[MonthFacts], cut: int
) -> None:
    whole, end = fold(versions, State(), months, 2)
    first, middle = fold(versions, State(), months[:cut], 2)
    second, last = fold(versions, middle, months[cut:], 2)
    assert (first + second, last) == (whole, end)
    assert state_after(whole) == end


@st.composite
def courses(draw: st.DrawFn) -> tuple[list[MonthFacts], list[tuple[int, MonthFacts]]]:
    """What was known at first, and what became known later of which month."""
    months = draw(some_months())
    changes = draw(
        st.lists(
            st.tuples(st.integers(0, len(months) - 1), st.integers(0, 3_000_000), shares),
            max_size=4,
        )
    )
    late = [(i, MonthFacts(months[i].month, wh, down)) for i, wh, down in changes]
    return months, late


@given(some_versions(), courses())
def test_adjusting_ends_where_knowing_from_the_start_does(
    versions: list[Terms], course: tuple[list[MonthFacts], list[tuple[int, MonthFacts]]]
) -> None:
    months, late = course
    posted: dict[date, list[Settlement]] = {}
    for settled in fold(versions, State(), months, 2)[0]:
        posted.setdefault(settled.month, []).append(settled)
    known = list(months)
    for i, facts in late:
        known[i] = facts
        before = [one for on in posted if on < facts.month for one in posted[on]]
        for should in fold(versions, state_after(before), known[i:], 2)[0]:
            change = difference(should, total(should.month, posted[should.month]))
            if not change.is_nothing:
                posted[should.month].append(change)
    straight, end = fold(versions, State(), known, 2)
    for should in straight:
        stands = total(should.month, posted[should.month])
        assert stands.figures == should.figures
        assert sorted(stands.movements, key=repr) == sorted(should.movements, key=repr)
    assert state_after(one for several in posted.values() for one in several) == end


@given(some_versions(), some_months(), st.integers(0, MONTHS), st.integers(1, 6))
def test_deferred_revenue_rolls_forward_over_any_stretch(
    versions: list[Terms], months: list[MonthFacts], start: int, length: int
) -> None:
    settled, _ = fold(versions, State(), months, 2)
    moved = [movement for one in settled for movement in one.movements]
    from_on, to_on = month_after(FIRST, start), month_after(FIRST, start + length)
    found = rolled(moved, from_on, to_on)
    assert (
        sum(found.opening) == state_after(s for s in settled if s.month < from_on).liability_minor
    )
    assert sum(found.closing) == state_after(s for s in settled if s.month < to_on).liability_minor
    assert min(found.recognised) >= 0


def test_nothing_differs_from_itself() -> None:
    one = Settlement(FIRST, Figures(metered_wh=1))
    assert difference(one, one).is_nothing
    assert not one.is_nothing
