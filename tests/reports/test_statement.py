"""A statement that does not add up cannot be made, and its twin is the same statement."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from coop.reports.errors import StatementInconsistent, TwinMalformed
from coop.reports.statement import HubUse, Inclusion, MonthUse, StatementEntry
from coop.reports.twin import from_json_twin, to_json_twin, twin_bytes
from tests.reports.sample import ISSUER, fact, line, months, sealed, statement, use_of


def test_totals_are_sums_of_the_entries():
    twelve = statement(12)
    assert twelve.opening_minor == 12_345
    assert twelve.payments_minor == 2 * 9_950
    assert twelve.charges_minor == sum(e.debit_minor for e in twelve.entries)
    assert (
        twelve.opening_minor + twelve.charges_minor - twelve.payments_minor == twelve.closing_minor
    )
    assert twelve.sessions == 10
    assert twelve.equity_minor == 250_000 + 41_217 + 63_905 - 50_000
    assert (twelve.last_day, twelve.sealed_entries) == (date(2026, 10, 31), 10)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"closing_minor": 1}, "Opening and entries do not make closing"),
        ({"opening_minor": 12_346}, "running due"),
        ({"hubs": (HubUse("Harbour", 1, 1),)}, "energy by hub"),
        ({"months": months(1)}, "energy by month"),
        ({"months": (MonthUse(date(2026, 10, 2), 5),)}, "first day"),
        ({"period_to": date(2026, 10, 1)}, "period is empty"),
        ({"period_to": date(2026, 10, 9)}, "not in the period"),
        ({"seals": ()}, "No such place"),
    ],
)
def test_a_statement_that_does_not_add_up_is_refused(changes, complaint):
    with pytest.raises(StatementInconsistent, match=complaint):
        replace(statement(12), **changes)


@pytest.mark.parametrize(
    "entry",
    [
        line(0, 0, debit=5, credit=3),
        line(0, 0),
        line(0, 0, debit=-5),
        line(0, 0, debit=5, wh=7, hub=None),
    ],
)
def test_an_entry_is_one_debit_or_one_credit_and_energy_has_a_hub(entry):
    with pytest.raises(StatementInconsistent):
        statement(0, opening_minor=0, closing_minor=entry.due_minor, entries=(entry,), due_on=None)


def test_a_position_beyond_its_seal_is_refused():
    twelve = statement(12)
    astray = replace(twelve.entries[0], inclusion=Inclusion(1, 10, ()))
    with pytest.raises(StatementInconsistent, match="No such place"):
        replace(twelve, entries=(astray, *twelve.entries[1:]))


def test_the_twin_of_one_entry_in_full():
    entry = line(0, 1_000, debit=250, wh=12_340)
    placed, seals = sealed([entry], 1)
    one = statement(
        0, opening_minor=1_000, closing_minor=1_250, entries=placed, seals=seals,
        hubs=use_of([entry]), months=months(12_340), equity=(),
    )  # fmt: skip
    twin = to_json_twin(one)
    assert twin["due"] == {
        "opening": "10.00", "charges": "2.50", "payments": "0.00", "closing": "12.50",
        "due_on": "2026-11-16", "dispute_by": "2027-01-01",
        "collection": "We collect it by direct debit; you need do nothing.",
    }  # fmt: skip
    assert twin["period"] == {"from": "2026-10-01", "to": "2026-11-01", "last_day": "2026-10-31"}
    assert twin["issued_at"] == "2026-11-02T08:15:00Z"
    assert twin["energy"]["by_hub"] == [{"hub": "Harbour", "sessions": 1, "kwh": "12.340"}]
    assert twin["energy"]["by_month"][-1] == {"month": "2026-10", "kwh": "12.340"}
    assert twin["entries"] == [
        {
            "id": "01890000-0000-7000-8000-000000001001", "line": 0, "effective_on": "2026-10-01",
            "recorded_at": "2026-10-01T18:00:00Z", "kind": "charging", "memo": "Charging session 40000",
            "account": "1200", "account_name": "Receivable from members",
            "debit": "2.50", "credit": "0.00", "due": "12.50", "kwh": "12.340", "hub": "Harbour",
            "content_hash": placed[0].content_hash, "seal": 1, "position": 0, "path": [],
        }
    ]  # fmt: skip
    assert twin["accounts"][0] == {
        "id": "01890000-0000-7000-8000-000000000002", "code": "1200",
        "name": "Receivable from members", "commodity": "EUR",
    }  # fmt: skip
    fund = "01890000-0000-7000-8000-000000000001"
    assert twin["journal"] == [
        {
            "id": "01890000-0000-7000-8000-000000001001", "kind": "charging",
            "effective_on": "2026-10-01", "recorded_at": "2026-10-01T18:00:00Z",
            "memo": "Charging session 40000", "actor": "ada",
            "source": ["cdr", "01890000-0000-7000-8000-000000001001"],
            "resolution": None, "reverses": None, "metadata": {"note": "Charging "},
            "postings": [
                {"account": account, "fund": fund, "commodity": commodity, "units": units}
                for account, commodity, units in (
                    ("01890000-0000-7000-8000-000000000002", "EUR", "250"),
                    ("01890000-0000-7000-8000-000000000004", "EUR", "-250"),
                    ("01890000-0000-7000-8000-000000000003", "kWh", "12340"),
                    ("01890000-0000-7000-8000-000000000005", "kWh", "-12340"),
                )
            ],
        }
    ]  # fmt: skip


def test_lines_of_entries_that_are_withheld_are_counted():
    twelve = statement(12)
    assert twelve.withheld_entries == 0
    assert replace(twelve, journal=twelve.journal[1:]).withheld_entries == 1


def test_energy_that_cost_nothing_is_a_line_of_energy_alone():
    free = line(0, 100, wh=700)
    assert statement(
        0, opening_minor=100, closing_minor=100, entries=(free,), journal=(), hubs=use_of([free]),
        months=months(700),
    ).energy_wh == 700  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        lambda twelve: {"journal": twelve.journal[::-1]},
        lambda twelve: {"journal": (*twelve.journal, twelve.journal[0])},
        lambda twelve: {"journal": (*twelve.journal, fact(line(99, 0, debit=1)))},
        lambda twelve: {"accounts": twelve.accounts[:1]},
        lambda twelve: {"accounts": (*twelve.accounts, twelve.accounts[0])},
    ],
)
def test_a_journal_that_is_not_that_of_the_lines_is_refused(change):
    twelve = statement(12)
    with pytest.raises(StatementInconsistent):
        replace(twelve, **change(twelve))


@pytest.mark.parametrize("count", [0, 1, 12, 300])
def test_the_twin_reads_back_as_the_same_statement(count):
    original = statement(count)
    twin = json.loads(twin_bytes(to_json_twin(original)))
    assert from_json_twin(twin) == original


@pytest.mark.parametrize(
    ("currency", "shown"), [("JPY", "12345"), ("EUR", "123.45"), ("KWD", "12.345")]
)
def test_amounts_have_the_decimals_of_their_currency(currency, shown):
    exact = statement(3, cooperative=replace(ISSUER, currency=currency))
    twin = to_json_twin(exact)
    assert twin["due"]["opening"] == shown
    assert from_json_twin(twin) == exact


def _altered(path, value):
    twin = json.loads(twin_bytes(to_json_twin(statement(12))))
    *way, last = path
    place = twin
    for step in way:
        place = place[step]
    place[last] = value
    return twin


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("due", "charges"), "0.00"),
        (("due", "closing"), "1.00"),
        (("entries", 3, "debit"), "1e2"),
        (("entries", 3, "debit"), 12.5),
        (("entries", 3, "debit"), "12.5"),
        (("equity", "total"), "0.00"),
        (("energy", "kwh"), "1.000"),
        (("energy", "sessions"), 11),
        (("sealed_entries",), 12),
        (("format",), "coop-member-statement-9"),
        (("surprise",), True),
        (("issued_at",), "2026-11-02T08:15:00"),
        (("cooperative", "currency"), "euro"),
        (("entries",), None),
    ],
)
def test_a_twin_we_would_not_have_written_is_refused(path, value):
    with pytest.raises(TwinMalformed):
        from_json_twin(_altered(path, value))


def test_what_an_invoice_moves_between_own_accounts_is_neither_charge_nor_payment():
    """Dr 1200 119.00 / Cr 1205 100.00: nineteen of tax are new, the rest was due before."""
    billed = [
        StatementEntry(
            entry_id=UUID(int=1), effective_on=date(2026, 10, 1), kind="invoice", memo="Invoice 7",
            recorded_at=datetime(2026, 10, 1, tzinfo=UTC), account_code=code, account_name=name,
            debit_minor=debit, credit_minor=credit, due_minor=due, line=position,
        )
        for position, (code, name, debit, credit, due) in enumerate(
            (("1200", "Receivable", 11_900, 0, 21_900), ("1205", "Unbilled", 0, 10_000, 11_900))
        )
    ]  # fmt: skip
    said = statement(
        0, opening_minor=10_000, closing_minor=11_900, entries=tuple(billed), journal=()
    )
    (move,) = said.moves
    assert (move.net_minor, move.account_codes) == (1_900, "1200, 1205")
    assert (said.charges_minor, said.payments_minor) == (1_900, 0)
