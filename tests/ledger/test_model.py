"""The reference model says what the ledger's rules say; stories in the journal's own notation."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from coop.ledger.domain.entry import PostingDraft
from tests.ledger.books import COOPERATIVE, START, books, id_of
from tests.ledger.model import Hold, Model, Outcome

MARCH = """
2026-03-14 Charging  ; key=k1
  1200 ada  debit 120.00 EUR
  4000 hub  credit 120.00 EUR
  9100 ada  debit 45.000 kWh
  9000 hub  credit 45.000 kWh
2026-03-02 Charging, found late  ; key=k2
  1200 ada  debit 30.00 EUR
  4000 hub  credit 30.00 EUR
2026-03-20 Grant
  1000 bank  debit 500.00 EUR  fund g7
  2800 advance  credit 500.00 EUR  fund g7
"""
ADA, HUB, BANK = id_of("1200 ada"), id_of("4000 hub"), id_of("1000 bank")


def test_balances_now_as_of_a_day_and_as_known_at_an_instant():
    model = books(MARCH).model
    assert model.balance(ADA) == 15000
    assert model.balance(ADA, as_of=date(2026, 3, 13)) == 3000
    assert model.balance(ADA, as_of=date(2026, 3, 1)) == 0
    assert model.balance(ADA, known_at=START + timedelta(seconds=1)) == 12000
    assert model.balance(ADA, as_of=date(2026, 3, 13), known_at=START + timedelta(seconds=1)) == 0
    assert model.balance(BANK, id_of("g7")) == 50000
    assert model.balance(BANK, COOPERATIVE) == 0
    assert model.sides(HUB) == (0, 15000)
    assert model.running(ADA, COOPERATIVE) == [
        (id_of("e1"), 12000, 12000),
        (id_of("e2"), 3000, 15000),
    ]
    assert model.by_day(ADA, COOPERATIVE) == {
        date(2026, 3, 14): (12000, 0),
        date(2026, 3, 2): (3000, 0),
    }


def test_a_key_gives_the_first_outcome_again_and_refuses_another_request():
    made = books(MARCH)
    first = MARCH.split("2026-03-02", maxsplit=1)[0]
    assert made.post(first) == [Outcome(id_of("e1"), replayed=True)]
    assert made.post(first, actor="bo")[0] == Outcome(id_of("e4"))
    (again,) = made.post(first.replace("120.00", "121.00"))
    assert (again.code, again.path, again.replayed) == (
        "IDEMPOTENCY_MISMATCH",
        ("idempotencyKey",),
        False,
    )


def test_a_refusal_is_remembered_too():
    made = books()
    made.account("1000 bank")
    text = "2026-03-14 x  ; key=k\n  1000 bank  debit 1.00 EUR\n  1000 bank  credit 2.00 EUR"
    (first,) = made.post(text)
    assert (first.code, made.model.entries) == ("ENTRY_UNBALANCED", [])
    assert made.post(text) == [replace(first, replayed=True)]


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"postings": {0: {"account_id": UUID(int=1)}}}, "ACCOUNT_UNKNOWN", ("postings", "0", "accountId")),
        ({"postings": {1: {"account_id": id_of("heading")}}}, "ACCOUNT_SUMMARY", ("postings", "1", "accountId")),
        ({"postings": {1: {"account_id": id_of("closed")}}}, "ACCOUNT_CLOSED", ("postings", "1", "accountId")),
        ({"postings": {0: {"fund_id": UUID(int=1)}}}, "FUND_UNKNOWN", ("postings", "0", "fundId")),
        ({"postings": {0: {"commodity": "NOK"}}}, "COMMODITY_MISMATCH", ("postings", "0", "amount")),
        ({"postings": {0: {"fund_id": id_of("g7")}}}, "ENTRY_UNBALANCED", ("postings",)),
        ({"reverses_id": UUID(int=1)}, "ENTRY_UNKNOWN", ("entryId",)),
        ({"reverses_id": id_of("e1")}, "REVERSAL_MISMATCH", ("postings",)),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_changes_nothing(change, code, path):
    made = books(MARCH)
    model = made.model
    model.accounts[id_of("heading")] = replace(
        model.accounts[ADA], id=id_of("heading"), summary=True
    )
    closed_on = date(2026, 3, 13)
    model.accounts[id_of("closed")] = replace(
        model.accounts[ADA], id=id_of("closed"), closed_on=closed_on
    )
    lines = [PostingDraft(BANK, 100, None, "EUR"), PostingDraft(ADA, -100, None, "EUR")]
    for at, facts in change.pop("postings", {}).items():
        lines[at] = replace(lines[at], **facts)
    facts = {"postings": tuple(lines), "effective_on": date(2026, 3, 14), "idempotency_key": None}
    draft = replace(model.entries[1].draft, **facts, **change)
    outcome = model.post("ada", draft, UUID(int=77), START)
    assert (outcome.code, outcome.path) == (code, path)
    assert len(model.entries) == 3


def test_an_entry_is_reversed_once():
    model = books(MARCH).model
    draft = model.reversal(id_of("e1"), date(2026, 3, 15), "wrong", "r1")
    assert model.post("ada", draft, UUID(int=5), START) == Outcome(UUID(int=5))
    assert model.balance(ADA) == 3000
    assert model.reversed_by(id_of("e1")) == UUID(int=5)
    again = model.post("ada", replace(draft, idempotency_key="r2"), UUID(int=6), START)
    assert again.code == "ALREADY_REVERSED"
    assert model.post("ada", draft, UUID(int=6), START) == Outcome(UUID(int=5), replayed=True)


def test_limits_count_holds_pessimistically():
    made = books(MARCH)
    model = made.model
    model.accounts[ADA] = replace(model.accounts[ADA], ceiling=20000)
    later = datetime(2026, 4, 1, tzinfo=UTC)
    held = Hold(ADA, HUB, COOPERATIVE, 4000, later)
    assert model.hold(UUID(int=1), held) is None
    assert model.hold(UUID(int=2), replace(held, amount=1001)) == "LIMIT_EXCEEDED"
    charge = "2026-03-14 x\n  1200 ada  debit {} EUR\n  4000 hub  credit {} EUR"
    assert made.post(charge.format("10.01", "10.01"))[0].path == ("postings", "0", "amount")
    assert made.post(charge.format("10.00", "10.00"))[0].code is None
    draft = replace(
        model.entries[-1].draft, postings=(PostingDraft(ADA, 2500), PostingDraft(HUB, -2500))
    )
    assert model.capture(UUID(int=1), draft, UUID(int=11), START) is None
    assert model.capture(UUID(int=1), draft, UUID(int=12), START) == "HOLD_NOT_PENDING"
    assert (model.balance(ADA), model.pending(ADA, COOPERATIVE)) == (18500, (0, 0))


def test_a_hold_ends_by_release_expiry_or_refused_capture():
    model = books(MARCH).model
    later = START + timedelta(hours=1)
    for number in (1, 2, 3):
        assert model.hold(UUID(int=number), Hold(ADA, HUB, COOPERATIVE, 100, later)) is None
    assert model.release(UUID(int=1)) is None
    assert model.release(UUID(int=1)) == "HOLD_NOT_PENDING"
    assert model.release(UUID(int=9)) == "HOLD_UNKNOWN"
    lines = (PostingDraft(ADA, 101), PostingDraft(HUB, -101))
    draft = replace(model.entries[1].draft, postings=lines, idempotency_key=None)
    assert model.capture(UUID(int=2), draft, UUID(int=11), START) == "HOLD_TOO_SMALL"
    assert model.capture(UUID(int=2), draft, UUID(int=11), later) == "HOLD_EXPIRED"
    assert model.capture(UUID(int=9), draft, UUID(int=11), START) == "HOLD_UNKNOWN"
    model.periods[date(2026, 3, 1)] = "closed"
    small = replace(draft, postings=(PostingDraft(ADA, 1), PostingDraft(HUB, -1)))
    assert model.capture(UUID(int=2), small, UUID(int=11), START) == "PERIOD_CLOSED"
    assert model.pending(ADA, COOPERATIVE) == (200, 0)
    assert (model.expire(START), model.expire(later), model.expire(later)) == (0, 2, 0)
    assert (
        model.hold(UUID(int=4), Hold(UUID(int=1), HUB, COOPERATIVE, 1, later)) == "ACCOUNT_UNKNOWN"
    )
    assert model.hold(UUID(int=4), Hold(ADA, HUB, UUID(int=1), 1, later)) == "FUND_UNKNOWN"
    energy = id_of("9100 ada")
    assert model.hold(UUID(int=4), Hold(ADA, energy, COOPERATIVE, 1, later)) == "COMMODITY_MISMATCH"


def test_months_appear_without_a_gap_and_close_oldest_first():
    made = books(MARCH)
    model = made.model
    january, february, march, may = (date(2026, m, 1) for m in (1, 2, 3, 5))
    made.post(MARCH.replace("2026-03-02", "2026-05-02").replace("k1", "a").replace("k2", "b"))
    assert list(model.periods) == [march, date(2026, 4, 1), may]
    assert model.close(may) == "PERIOD_ORDER"
    assert model.close(february) == "PERIOD_UNKNOWN"
    assert model.close(march) is None
    assert model.close(march) == "PERIOD_NOT_OPEN"
    late = "2026-{}-14 x\n  1000 bank  debit 1.00 EUR\n  1000 bank  credit 1.00 EUR"
    assert [made.post(late.format(m))[0].code for m in ("03", "02", "04")] == [
        "PERIOD_CLOSED",
        "PERIOD_CLOSED",
        None,
    ]
    assert january not in model.periods
    assert model.close(date(2026, 4, 1)) is None
    assert model.reopen(march, None) == "RESOLUTION_REQUIRED"
    assert model.reopen(february, UUID(int=1)) == "PERIOD_UNKNOWN"
    assert model.reopen(march, UUID(int=1)) == "PERIOD_ORDER"
    assert model.reopen(may, UUID(int=1)) == "PERIOD_NOT_CLOSED"
    assert model.reopen(date(2026, 4, 1), UUID(int=1)) is None
    assert model.reopen(march, UUID(int=1)) is None
    assert made.post(late.format("01"))[0].code is None
    assert january in model.periods
    assert february in model.periods


def test_a_new_cooperative_has_its_own_fund():
    assert Model(COOPERATIVE).funds == {COOPERATIVE}
