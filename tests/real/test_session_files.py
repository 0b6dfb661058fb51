"""The real exports, read whole; sums are tied to an independent reading of the same files."""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from coop.charging.domain.csv_sessions import open_csv, readings_of
from coop.charging.domain.mapping import SessionMapping, mapping_of
from coop.charging.domain.plausibility import overlapping
from coop.charging.domain.pricing import price
from coop.charging.domain.session import Doubt, Reading
from coop.charging.domain.tariff import flat_tariff_document, tariff_of
from coop.charging.errors import ColumnMissing
from tests.conftest import shared_data

HERE = Path(__file__).parent


def read(name: str, file: str) -> tuple[SessionMapping, list[Reading]]:
    mapping = mapping_of((HERE / f"{name}.toml").read_text())
    with shared_data(f"sessions/{file}").open("rb") as stream:
        header = open_csv(stream, mapping)
        return mapping, list(readings_of(stream, mapping, header))


def refusals(readings: list[Reading]) -> Counter[tuple[str, str]]:
    return Counter((r.refusal.code, ".".join(r.refusal.path)) for r in readings if r.refusal)


def doubts(readings: list[Reading]) -> Counter[Doubt]:
    return Counter(doubt for r in readings for doubt in r.doubts)


def money(mapping: SessionMapping, readings: list[Reading]) -> int:
    assert mapping.prices is not None
    total = 0
    for session in (r.session for r in readings if r.session):
        per_kwh = mapping.prices.at(session.hub_ref)
        assert per_kwh is not None
        tariff = tariff_of(flat_tariff_document("flat", mapping.prices.currency, per_kwh))
        total += price(tariff, session, mapping.times.zone).amount_minor
    return total


def in_file(file: str, separator: str) -> list[dict[str, str]]:
    with shared_data(f"sessions/{file}").open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text, delimiter=separator))


def minor(kwh: Decimal, per_kwh: str) -> int:
    """Cents of kWh at a price, half up, by other arithmetic than the product's."""
    return int(Fraction(kwh) * Fraction(per_kwh) * 100 + Fraction(1, 2))


def test_norway() -> None:
    file = "norway12_charging_reports.csv"
    mapping, readings = read("norway12", file)
    sessions = [r.session for r in readings if r.session]
    assert len(readings) == 35_377
    assert len(sessions) == 35_336
    assert refusals(readings) == {
        ("FIELD_MISSING", "plugout_time"): 38,
        ("TIME_AMBIGUOUS", "plugin_time"): 3,
    }
    # The publisher subtracted local times: sessions over a change of clocks are an hour off, or two.
    assert doubts(readings) == {Doubt.DURATION_MISMATCH: 111}
    assert len(overlapping(sessions)) == 89
    assert len({s.hub_ref for s in sessions}) == 12
    assert len({s.token_uid for s in sessions}) == 267

    refused = {r.line for r in readings if r.refusal}
    kwh = [Decimal(row["energy_session"].replace(",", ".")) for row in in_file(file, ";")]
    kept = [value for line, value in enumerate(kwh, 2) if line not in refused]
    assert sum(kwh) == Decimal("447735.019")
    assert sum(kept) == Decimal("447101.489")
    assert sum(s.delivered_wh for s in sessions) == sum(kept) * 1000
    assert money(mapping, readings) == sum(minor(value, "2.5") for value in kept) == 111_784_201


def test_the_same_overlaps_are_found_as_the_publisher_counts() -> None:
    """70 sessions begin before the same badge's previous one has ended (nested ones aside)."""
    _, readings = read("norway12", "norway12_charging_reports.csv")
    sessions = [r.session for r in readings if r.session]
    ordered = sorted(sessions, key=lambda s: (s.token_uid or "", s.started_at, s.ended_at))
    pairs = [(a, b) for a, b in pairwise(ordered) if a.token_uid == b.token_uid]
    assert sum(b.started_at < a.ended_at for a, b in pairs) == 70


def test_trondheim() -> None:
    file = "trondheim_charging_reports.csv"
    mapping, readings = read("trondheim", file)
    sessions = [r.session for r in readings if r.session]
    assert len(readings) == 6_878
    assert sum(r.filtered for r in readings) == 5_466  # private chargers
    assert len(sessions) == 1_402
    assert refusals(readings) == {("FIELD_MISSING", "End_plugout"): 10}
    assert doubts(readings) == {Doubt.DURATION_LONG: 1}

    shared = [row for row in in_file(file, ";") if row["User_type"] == "Shared"]
    kept = [
        Decimal(row["El_kWh"].replace(",", ".")) for row in shared if row["End_plugout"] != "NA"
    ]
    assert len(shared) == 1_412
    assert sum(s.delivered_wh for s in sessions) == sum(kept) * 1000 == 26_152_700
    assert money(mapping, readings) == sum(minor(value, "1.75") for value in kept)


def test_dataverse() -> None:
    file = "station_data_dataverse.csv"
    mapping, readings = read("dataverse", file)
    sessions = [r.session for r in readings if r.session]
    assert len(readings) == len(sessions) == 3_395
    assert doubts(readings) == {Doubt.ENERGY_ZERO: 55, Doubt.ENERGY_ABOVE_POWER: 6}
    assert {s.started_at.year for s in sessions} == {2014, 2015}
    assert len({s.hub_ref for s in sessions}) == 25
    assert len({s.port_ref for s in sessions}) == 105
    assert len({s.token_uid for s in sessions}) == 85
    assert sum(s.delivered_wh for s in sessions) == 19_723_690
    kwh = [Decimal(row["kwhTotal"]) for row in in_file(file, ",")]
    assert sum(kwh) == Decimal("19723.69")
    assert money(mapping, readings) == sum(minor(value, "0.11") for value in kwh)


@pytest.mark.parametrize(
    ("name", "file"),
    [("norway12", "station_data_dataverse.csv"), ("dataverse", "trondheim_charging_reports.csv")],
)
def test_the_mapping_of_another_file_is_refused_by_its_first_column(name: str, file: str) -> None:
    with pytest.raises(ColumnMissing):
        read(name, file)
