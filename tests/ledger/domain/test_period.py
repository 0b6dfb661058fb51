"""Periods: months without gaps, closed oldest first, reopened newest first and only by vote."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.ledger.domain.period import (
    Period,
    PeriodState,
    abandon_close,
    begin_close,
    finish_close,
    month_of,
    months,
    refuse_gaps,
    reopen,
)
from coop.ledger.errors import (
    PeriodHasHolds,
    PeriodNotClosed,
    PeriodNotOpen,
    PeriodOrder,
    ResolutionRequired,
)

VOTE = UUID(int=7)
FEBRUARY, MARCH = months(date(2026, 2, 10), date(2026, 3, 1))
CLOSED = replace(FEBRUARY, state=PeriodState.CLOSED)


def test_a_month_holds_its_days_and_no_other():
    assert month_of(date(2024, 2, 29)) == Period(date(2024, 2, 1), date(2024, 3, 1))
    assert month_of(date(2026, 12, 31)).to_on == date(2027, 1, 1)
    assert MARCH.holds(date(2026, 3, 1))
    assert MARCH.holds(date(2026, 3, 31))
    assert not MARCH.holds(date(2026, 4, 1))
    assert not MARCH.holds(date(2026, 2, 28))


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 800))
def test_months_cover_every_day_without_a_gap(first, span):
    last = date.fromordinal(first.toordinal() + span)
    found = list(months(first, last))
    refuse_gaps(found)
    assert found[0].holds(first)
    assert found[-1].holds(last)
    assert list(months(last, date.fromordinal(last.toordinal() - last.day))) == []


def test_a_gap_and_an_overlap_are_refused():
    for wrong in (date(2026, 3, 2), date(2026, 2, 27)):
        with pytest.raises(PeriodOrder):
            refuse_gaps([FEBRUARY, replace(MARCH, from_on=wrong)])
    refuse_gaps([])


def test_open_closing_closed_and_open_again_by_vote():
    closing = begin_close(MARCH, CLOSED, pending_holds=0)
    assert closing.state is PeriodState.CLOSING
    assert finish_close(closing) == replace(MARCH, state=PeriodState.CLOSED)
    assert abandon_close(closing) == MARCH
    again = reopen(finish_close(closing), None, VOTE)
    assert again == replace(MARCH, resolution_id=VOTE)
    assert begin_close(again, CLOSED, 0).state is PeriodState.CLOSING
    assert begin_close(FEBRUARY, None, 0).state is PeriodState.CLOSING


@pytest.mark.parametrize("state", [PeriodState.CLOSING, PeriodState.CLOSED])
def test_only_an_open_period_begins_to_close(state):
    with pytest.raises(PeriodNotOpen):
        begin_close(replace(MARCH, state=state), CLOSED, 0)


@pytest.mark.parametrize("state", [PeriodState.OPEN, PeriodState.CLOSED])
def test_only_a_close_under_way_is_finished_or_abandoned(state):
    for step in (finish_close, abandon_close):
        with pytest.raises(PeriodNotOpen):
            step(replace(MARCH, state=state))


def test_the_oldest_closes_first():
    for previous in (
        FEBRUARY,
        replace(FEBRUARY, state=PeriodState.CLOSING),
        month_of(date(2026, 1, 1)),
    ):
        with pytest.raises(PeriodOrder):
            begin_close(MARCH, previous, 0)


def test_pending_holds_keep_a_period_open():
    with pytest.raises(PeriodHasHolds, match="2 holds"):
        begin_close(MARCH, CLOSED, 2)


def test_reopening_takes_a_vote_a_closed_period_and_no_closed_successor():
    with pytest.raises(ResolutionRequired):
        reopen(CLOSED, MARCH, None)
    with pytest.raises(PeriodNotClosed):
        reopen(MARCH, None, VOTE)
    with pytest.raises(PeriodOrder):
        reopen(CLOSED, replace(MARCH, state=PeriodState.CLOSED), VOTE)
    assert reopen(CLOSED, MARCH, VOTE).state is PeriodState.OPEN
