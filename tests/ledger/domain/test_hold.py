"""Holds: settled once, never for more than was held, gone at their deadline."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from coop.kernel.money import MINOR_MAX
from coop.ledger.domain.entry import PostingDraft
from coop.ledger.domain.hold import Hold, HoldState, capture, expire, release
from coop.ledger.errors import AmountOverflow, AmountZero, HoldExpired, HoldNotPending, HoldTooSmall

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
BEFORE = NOON - timedelta(microseconds=1)
DEBIT, CREDIT, FUND = UUID(int=1), UUID(int=2), UUID(int=9)
HOLD = Hold(DEBIT, CREDIT, 5000, NOON, FUND)


def test_a_capture_moves_what_it_says_and_releases_the_rest():
    captured, lines = capture(HOLD, 3000, BEFORE)
    assert lines == (PostingDraft(DEBIT, 3000, FUND), PostingDraft(CREDIT, -3000, FUND))
    assert captured.state is HoldState.CAPTURED
    assert (captured.held_minor, captured.captured_minor, captured.released_minor) == (
        0,
        3000,
        2000,
    )
    assert capture(HOLD, 5000, BEFORE)[0].released_minor == 0
    assert (HOLD.held_minor, HOLD.released_minor) == (5000, 0)


@pytest.mark.parametrize("amount", [0, -1])
def test_a_capture_of_nothing_is_refused(amount):
    with pytest.raises(AmountZero):
        capture(HOLD, amount, BEFORE)


def test_a_capture_of_more_than_was_held_is_refused():
    with pytest.raises(HoldTooSmall):
        capture(HOLD, 5001, BEFORE)


def test_a_capture_at_the_deadline_is_too_late():
    with pytest.raises(HoldExpired):
        capture(HOLD, 1, NOON)


def test_a_release_frees_everything_even_after_the_deadline():
    released = release(HOLD)
    assert (released.state, released.held_minor, released.released_minor) == (
        HoldState.RELEASED,
        0,
        5000,
    )


def test_a_hold_expires_at_its_deadline_and_not_before():
    assert expire(HOLD, BEFORE) == HOLD
    gone = expire(HOLD, NOON)
    assert gone == replace(HOLD, state=HoldState.EXPIRED)
    assert expire(gone, NOON) is gone
    captured, _ = capture(HOLD, 1, BEFORE)
    assert expire(captured, NOON) is captured


@pytest.mark.parametrize("state", [HoldState.CAPTURED, HoldState.RELEASED, HoldState.EXPIRED])
def test_a_settled_hold_stays_settled(state):
    settled = replace(HOLD, state=state)
    with pytest.raises(HoldNotPending, match=state.value):
        capture(settled, 1, BEFORE)
    with pytest.raises(HoldNotPending):
        release(settled)


def test_a_hold_sets_something_aside_that_can_be_counted():
    with pytest.raises(AmountZero):
        replace(HOLD, amount_minor=0)
    with pytest.raises(AmountOverflow):
        replace(HOLD, amount_minor=MINOR_MAX + 1)
