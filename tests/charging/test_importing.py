"""Files into the books, on the real database: what is stored, posted, refused, and done twice."""

from __future__ import annotations

import asyncio
import hashlib
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest

from coop.charging.domain.mapping import SessionMapping, mapping_of
from coop.charging.errors import (
    ColumnMissing,
    FileMalformed,
    FileTooLarge,
    MappingInvalid,
    ReportUnwritable,
)
from coop.charging.importing import ImportFile, import_sessions
from coop.kernel.errors import Forbidden, NotFound, Refusal
from coop.ledger import queries as ledger_queries
from coop.ledger import service as ledger
from coop.members.domain.roles import Role
from tests.charging.domain.sample import GOOD, HEADER, MAPPING, cdr, mapping, rows
from tests.charging.yard import Yard, accounted, day
from tests.members.people import system

pytestmark = pytest.mark.anyio

PRICED = '[price]\ncurrency = "NOK"\nper_kwh = 2.50\n'
ONE = "H1;anna;s1;2026-03-02 08:00:00;2026-03-02 10:30:00;12,34"
NIGHT = "H1;anna;s2;2026-03-31 22:00:00;2026-04-01 06:00:00;40,001"
OTHER = "H2;bo;s3;2026-03-03 08:00:00;2026-03-03 09:00:00;7"


def registering() -> SessionMapping:
    return mapping(PRICED)


def cautious() -> SessionMapping:
    """Nothing is registered: hubs must be known, users wait in suspense."""
    return mapping_of(MAPPING.replace("register = true", "register = false"))


async def test_a_mapped_file_brings_hubs_users_prices_and_sessions(yard: Yard) -> None:
    outcome = await yard.read(rows(ONE, NIGHT, OTHER), registering())
    assert accounted(outcome) == (3, 0, 0, 0, 0)
    assert (outcome.kwh, outcome.currency) == (Decimal("59.341"), "NOK")
    # 30.85 + 100.0025 → 100.00 + 17.50, each line rounded by itself
    assert outcome.counts.amount_minor == 3085 + 10000 + 1750
    assert await yard.balances() == {
        "1205 anna": 13085,
        "1205 bo": 1750,
        "4000 H1": -13085,
        "4000 H2": -1750,
        "9000 H1": -52341,
        "9000 H2": -7000,
        "9100 anna": 52341,
        "9100 bo": 7000,
    }


async def test_a_session_is_stored_as_it_came_with_its_entry(yard: Yard) -> None:
    await yard.read(rows(NIGHT), registering())
    (session,) = await yard.sessions()
    assert session.identity == ("NO", "TST", "S2")
    assert (session.state, session.token_uid, session.doubts) == ("charged", "ANNA", [])
    assert session.effective_on == day("2026-04-01")  # where it ended, in Oslo
    ((raw, sha256, hub_name),) = await yard.sql(
        "SELECT s.raw, s.raw_sha256, h.name FROM charging_session s JOIN hub h ON h.id = s.hub_id"
    )
    assert raw == NIGHT.encode()
    assert sha256 == hashlib.sha256(NIGHT.encode()).digest()
    assert hub_name == "H1"
    (entry,) = (await yard.ask(ledger_queries.entries_by_ids, [session.entry_id])).values()
    assert (entry.kind, entry.effective_on) == ("charging_session", day("2026-04-01"))
    assert entry.memo == "H1: 40.001 kWh at 2.50 NOK/kWh"
    assert (entry.source_kind, entry.source_id) == ("charging_session", str(session.id))


async def test_the_same_file_again_changes_nothing(yard: Yard) -> None:
    text = rows(ONE, NIGHT, "H1;anna;bad;2026-03-02 08:00:00;NA;1")
    await yard.read(text, registering())
    before = await yard.balances()
    again = await yard.read(text, registering())
    assert accounted(again) == (0, 1, 2, 0, 0)
    assert (again.kwh, again.counts.amount_minor) == (Decimal("0.000"), 0)
    assert await yard.balances() == before


async def test_other_facts_under_a_taken_identity_are_refused(yard: Yard) -> None:
    dearer = ONE.replace("12,34", "99,99")
    outcome = await yard.read(rows(ONE, ONE, dearer), registering())
    assert accounted(outcome) == (1, 1, 1, 0, 0)
    later = await yard.read(rows(dearer, ONE), registering())
    assert accounted(later) == (0, 1, 1, 0, 0)
    assert await yard.refusals(later) == [(2, "SESSION_CONFLICT", "")]
    assert (await yard.balances())["9100 anna"] == 12340


async def test_bad_rows_are_reported_and_read_again_when_corrected(
    yard: Yard, tmp_path: Path
) -> None:
    bad = "H1;anna;s2;2026-03-29 02:30:00;2026-03-29 05:00:00;1,5"
    report = tmp_path / "report.csv"
    outcome = await yard.read(rows(ONE, bad, "torn;row"), registering(), report=report)
    assert accounted(outcome) == (1, 2, 0, 0, 0)
    assert await yard.refusals(outcome) == [(3, "TIME_NONEXISTENT", "from"), (4, "ROW_RAGGED", "")]
    assert outcome.report_path == report
    corrected = report.read_bytes().replace(b"02:30", b"03:30")
    again = await yard.read(corrected, registering(), report=report)
    assert accounted(again) == (1, 1, 0, 0, 0)
    assert (await yard.balances())["9100 anna"] == 12340 + 1500
    assert not report.with_name("report.csv.part").exists()


async def test_without_refusals_there_is_no_report(yard: Yard, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    outcome = await yard.read(rows(ONE), registering(), report=report)
    assert outcome.report_path is None
    assert not report.exists()


async def test_unknown_hubs_are_refused_unless_the_mapping_registers_them(yard: Yard) -> None:
    await yard.hub("h1", "0.30")
    outcome = await yard.read(rows(ONE, OTHER), cautious())
    assert accounted(outcome) == (1, 1, 0, 0, 0)
    assert await yard.refusals(outcome) == [(3, "HUB_UNKNOWN", "hub")]


async def test_a_session_before_the_first_price_is_refused(yard: Yard) -> None:
    await yard.hub("H1", "0.30")
    early = "H1;anna;s0;2025-12-31 08:00:00;2025-12-31 10:30:00;12,34"
    outcome = await yard.read(rows(early, ONE), cautious())
    assert await yard.refusals(outcome) == [(2, "PRICE_MISSING", "hub")]
    assert outcome.counts.amount_minor == 370  # 12.34 kWh at 0.30


async def test_a_price_of_the_hub_stands_before_the_mapping_s(yard: Yard) -> None:
    await yard.hub("H1", "0.30")
    await yard.hub("H2", None)
    await yard.read(rows(ONE, OTHER), registering())
    balances = await yard.balances()
    assert (balances["4000 H1"], balances["4000 H2"]) == (-370, -1750)


async def test_nothing_delivered_is_stored_and_reviewed_but_not_posted(yard: Yard) -> None:
    outcome = await yard.read(rows(ONE.replace("12,34", "0")), registering())
    assert accounted(outcome) == (1, 0, 0, 0, 1)
    (session,) = await yard.sessions()
    assert (session.entry_id, session.amount_minor, session.doubts) == (None, 0, ["ENERGY_ZERO"])
    assert await yard.balances() == {}


async def test_energy_without_a_price_is_still_counted(yard: Yard) -> None:
    await yard.hub("H1", "0")
    await yard.read(rows(ONE), cautious())
    assert await yard.balances() == {"9000 H1": -12340, "9110": 12340}


async def test_the_implausible_is_refused_and_on_the_review_list(yard: Yard) -> None:
    meter = ONE.replace("12,34", "54321,9")
    outcome = await yard.read(rows(meter), registering())
    assert accounted(outcome) == (0, 1, 0, 0, 1)
    assert await yard.refusals(outcome) == [(2, "ENERGY_IMPLAUSIBLE", "kwh")]
    assert await yard.sql("SELECT 1 FROM import_rejection WHERE implausible") != []


async def test_a_badge_in_two_places_at_once_is_doubted_across_chunks_and_files(yard: Yard) -> None:
    inside = "H2;anna;s9;2026-03-02 09:00:00;2026-03-02 09:30:00;1"
    after = "H2;anna;s10;2026-03-02 10:30:00;2026-03-02 11:00:00;1"
    assert accounted(await yard.read(rows(ONE, after), registering())) == (2, 0, 0, 0, 0)
    assert accounted(await yard.read(rows(inside), registering())) == (1, 0, 0, 0, 1)
    doubted = await yard.sessions(on_review=True)
    assert [(s.session_id, s.doubts) for s in doubted] == [("S9", ["TOKEN_OVERLAP"])]


async def test_a_closed_month_refuses_its_rows_and_no_others(yard: Yard) -> None:
    await yard.read(rows(ONE), registering())
    (march,) = await yard.sql("SELECT id, from_on FROM period ORDER BY from_on LIMIT 1")
    assert march.from_on == day("2026-03-01")
    await yard.order(ledger.begin_close, march.id)
    text = rows(ONE.replace("s1", "s4"), ONE.replace("s1", "s5").replace("2026-03", "2026-05"))
    outcome = await yard.read(text, registering())
    assert await yard.refusals(outcome) == [(2, "PERIOD_CLOSED", "to")]
    assert await yard.states() == {"S1": "charged", "S5": "charged"}
    # The refusal is not remembered against the row: the same import may succeed one day.
    again = await yard.read(text, registering())
    assert accounted(again) == (0, 1, 1, 0, 0)


async def test_an_import_that_breaks_off_is_finished_by_the_next(yard: Yard) -> None:
    lines = [f"H1;user{i % 7};s{i};2026-03-02 08:00:00;2026-03-02 10:30:00;1" for i in range(2500)]

    def break_off(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await yard.read(rows(*lines), registering(), progress=break_off)
    assert len(await yard.sql("SELECT 1 FROM charging_session")) == 1000
    ((counted, finished_at),) = await yard.sql("SELECT rows, finished_at FROM import_run")
    assert (counted, finished_at) == (1000, None)
    seen: list[tuple[int, int]] = []
    outcome = await yard.read(
        rows(*lines), registering(), progress=lambda at, size, counts: seen.append((at, size))
    )
    assert (outcome.counts.accepted, outcome.counts.duplicates) == (1500, 1000)
    assert seen[-1][0] == seen[-1][1] == len(rows(*lines))
    balances = await yard.balances()
    assert balances["9000 H1"] == -2_500_000
    assert balances["4000 H1"] == -2500 * 250


async def test_two_imports_of_one_file_at_once_store_it_once(yard: Yard) -> None:
    lines = [f"H1;user{i % 5};s{i};2026-03-02 08:00:00;2026-03-02 10:30:00;1" for i in range(1500)]
    first, second = await asyncio.gather(
        yard.read(rows(*lines), registering()), yard.read(rows(*lines), registering())
    )
    assert first.counts.accepted + second.counts.accepted == 1500
    assert first.counts.duplicates + second.counts.duplicates == 1500
    assert (await yard.balances())["9000 H1"] == -1_500_000


async def test_a_file_that_cannot_be_read_leaves_no_trace(yard: Yard) -> None:
    with pytest.raises(ColumnMissing):
        await yard.read(rows(ONE).replace("kwh", "energy"), registering())
    with pytest.raises(MappingInvalid) as refused:
        await yard.read(rows(ONE), mapping(PRICED.replace("NOK", "EUR")))
    assert refused.value.path == ("price", "currency")
    with pytest.raises(FileMalformed):
        await yard.read_cdrs(b'[{"id": "1"')
    file = ImportFile(BytesIO(rows(ONE).encode()), "large.csv", max_bytes=10)
    with pytest.raises(ReportUnwritable):
        await yard.read(rows(ONE), registering(), report=Path("/no/such/place/report.csv"))
    with pytest.raises(FileTooLarge):
        await import_sessions(yard.database, system(), yard.id, file, registering())
    assert await yard.sql("SELECT 1 FROM import_run") == []
    assert await yard.balances() == {}


async def test_a_treasurer_imports_but_registers_nobody(yard: Yard) -> None:
    await yard.hub("H1")
    await yard.town.grant("tilda", Role.TREASURER)
    tilda = await yard.town.viewer("tilda")
    outcome = await yard.read(rows(ONE, OTHER), registering(), by=tilda)
    assert await yard.refusals(outcome) == [(3, "HUB_UNKNOWN", "hub")]
    assert await yard.states() == {"S1": "suspended"}
    assert await yard.sql("SELECT 1 FROM member") == []


@pytest.mark.parametrize(
    ("role", "refusal"), [(Role.BOARD, Forbidden), (Role.AUDITOR, Forbidden), (None, NotFound)]
)
async def test_others_may_not_import(yard: Yard, role: Role | None, refusal: type[Refusal]) -> None:
    if role is not None:
        await yard.town.grant("olga", role)
    with pytest.raises(refusal):
        await yard.read(rows(ONE), registering(), by=await yard.town.viewer("olga"))
    assert await yard.sql("SELECT 1 FROM import_run") == []


# CDRs


async def test_a_cdr_of_an_unknown_badge_waits_in_suspense(yard: Yard) -> None:
    await yard.hub("H1", "0.30")
    outcome = await yard.read_cdrs(cdr(currency="NOK"))
    assert accounted(outcome) == (1, 0, 0, 0, 0)
    assert await yard.states() == {"CDR-1": "suspended"}
    assert await yard.balances() == {"1220": 370, "4050 H1": -370, "9000 H1": -12340, "9110": 12340}


async def test_cdrs_register_locations_when_asked(yard: Yard) -> None:
    outcome = await yard.read_cdrs(cdr(currency="NOK"), register_hubs=True, per_kwh=Decimal("0.30"))
    assert accounted(outcome) == (1, 0, 0, 0, 0)
    ((name, zone, port),) = await yard.sql(
        "SELECT h.name, h.time_zone, p.ref FROM hub h JOIN port p ON p.hub_id = h.id"
    )
    assert (name, zone, port) == ("Hub one", "Europe/Oslo", "P1")


async def test_a_cdr_in_another_currency_is_refused(yard: Yard) -> None:
    await yard.hub("H1")
    outcome = await yard.read_cdrs(cdr(currency="EUR"))
    assert await yard.refusals(outcome) == [(1, "CURRENCY_MISMATCH", "currency")]


async def test_the_same_cdr_spelled_otherwise_is_a_duplicate_another_is_a_conflict(
    yard: Yard,
) -> None:
    await yard.hub("H1")
    document = cdr(currency="NOK")
    await yard.read_cdrs(document)
    again = await yard.read_cdrs(dict(reversed(document.items())), cdr(currency="NOK", remark="x"))
    assert accounted(again) == (0, 1, 1, 0, 0)
    assert await yard.refusals(again) == [(2, "SESSION_CONFLICT", "")]


def credit(of: str = "cdr-1", **changes: object) -> dict[str, object]:
    return cdr(**{
        "id": f"{of}-C", "credit": True, "credit_reference_id": of, "currency": "NOK",
        "total_cost": {"excl_vat": -3}, "last_updated": "2026-04-02T10:00:00Z", **changes,
    })  # fmt: skip


async def test_a_credit_reverses_by_reference_and_counts_for_nothing(yard: Yard) -> None:
    hub = await yard.hub("H1")
    outcome = await yard.read_cdrs(cdr(currency="NOK"), credit())
    assert accounted(outcome) == (2, 0, 0, 0, 0)
    assert (outcome.counts.delivered_wh, outcome.counts.amount_minor) == (0, 0)
    assert set((await yard.balances()).values()) == {0}
    assert await yard.states() == {"CDR-1": "credited", "CDR-1-C": "credit"}
    from coop.charging import queries

    assert await yard.ask(queries.delivered_wh_of_hubs, [hub.id]) == {}
    total = await yard.ask(queries.sessions_total, queries.SessionWhere(hub_id=hub.id))
    assert (total.count, total.delivered_wh, total.amount_minor) == (2, 0, 0)
    by_id = {s.session_id: s for s in await yard.sessions()}
    entries = await yard.ask(
        ledger_queries.entries_by_ids, [by_id["CDR-1-C"].entry_id, by_id["CDR-1"].entry_id]
    )
    reversal = entries[by_id["CDR-1-C"].entry_id]
    assert reversal.reverses_id == by_id["CDR-1"].entry_id
    assert reversal.effective_on == day("2026-04-02")  # when it was issued
    assert by_id["CDR-1-C"].credit_of_id == by_id["CDR-1"].id
    assert by_id["CDR-1-C"].amount_minor == -370


@pytest.mark.parametrize(
    ("documents", "refusal"),
    [
        ([credit("other")], (2, "CREDIT_REFERENCE_UNKNOWN", "credit_reference_id")),
        ([credit(), credit(id="again")], (3, "CREDIT_REFERENCE_UNKNOWN", "credit_reference_id")),
        ([credit(total_energy=1)], (2, "CREDIT_MISMATCH", "credit_reference_id")),
        ([credit(start_date_time="2026-03-02T07:00:01Z")],
         (2, "CREDIT_MISMATCH", "credit_reference_id")),
    ],
)  # fmt: skip
async def test_a_credit_that_fits_nothing_is_refused(
    yard: Yard, documents: list[dict[str, object]], refusal: tuple[int, str, str]
) -> None:
    await yard.hub("H1")
    outcome = await yard.read_cdrs(cdr(currency="NOK"), *documents)
    assert await yard.refusals(outcome) == [refusal]
    again = await yard.read_cdrs(credit(id="once-more"))
    state = (await yard.states())["CDR-1"]
    assert state == "credited"
    assert again.counts.accepted == (len(documents) == 1)


async def test_a_new_cdr_may_follow_a_credit(yard: Yard) -> None:
    await yard.hub("H1")
    await yard.read_cdrs(cdr(currency="NOK"), credit(), cdr(id="cdr-2", currency="NOK"))
    assert (await yard.balances())["1220"] == 370


async def test_refused_cdrs_are_corrected_in_their_report(yard: Yard, tmp_path: Path) -> None:
    await yard.hub("H1")
    report = tmp_path / "report.json"
    outcome = await yard.read_cdrs(
        cdr(currency="NOK"), cdr(id="bad", currency="KRONER"), report=report
    )
    assert accounted(outcome) == (1, 1, 0, 0, 0)
    again = await yard.read_cdrs(report.read_bytes().replace(b"KRONER", b"NOK"), report=report)
    assert accounted(again) == (1, 0, 0, 0, 1)  # two sessions of one badge at once


async def test_keys_that_no_database_keeps_are_reported(yard: Yard) -> None:
    await yard.hub("H1")
    data = b'{"a\\u0000\\ud800": 1, "a\\u0000\\ud800": 2}\n{"id": "' + b"x" * 300_000 + b'"}\n'
    outcome = await yard.read_cdrs(data)
    assert await yard.refusals(outcome) == [
        (1, "FIELD_INVALID", "a\ufffd\ufffd"), (2, "ROW_TOO_LONG", "")
    ]  # fmt: skip
    assert await yard.sql("SELECT max(length(raw)) FROM import_rejection") == [(500,)]


async def test_a_hub_s_own_power_limits_what_is_believed(yard: Yard) -> None:
    await yard.hub("H1", power_w=3_700)
    outcome = await yard.read_cdrs(cdr(currency="NOK"))
    assert await yard.refusals(outcome) == [(1, "ENERGY_IMPLAUSIBLE", "total_energy")]


def test_samples_agree() -> None:
    assert ONE == GOOD
    assert HEADER.count(";") == ONE.count(";")
