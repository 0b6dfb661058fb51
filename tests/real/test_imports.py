"""The real exports into real books: counts, energy and money tie to the files, whatever path they took."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from coop.charging import queries
from coop.charging.domain.mapping import mapping_of
from coop.charging.importing import ImportFile, ImportOutcome, import_sessions
from coop.db.engine import Database
from tests.charging.yard import Yard, accounted, open_yard
from tests.conftest import shared_data
from tests.members.people import system

pytestmark = pytest.mark.anyio
HERE = Path(__file__).parent


async def imported(yard: Yard, name: str, file: str, report: Path) -> ImportOutcome:
    mapping = mapping_of((HERE / f"{name}.toml").read_text())
    with shared_data(f"sessions/{file}").open("rb") as stream:
        return await import_sessions(
            yard.database, system(), yard.id, ImportFile(stream, file, report), mapping
        )


async def sums(yard: Yard) -> dict[str, int]:
    """Balances by account code, debit positive."""
    found: dict[str, int] = {}
    for account, net in (await yard.balances()).items():
        code = account.split()[0]
        found[code] = found.get(code, 0) + net
    return found


async def test_norway(database: Database, tmp_path: Path) -> None:
    yard = await open_yard(database)
    report = tmp_path / "report.csv"
    outcome = await imported(yard, "norway12", "norway12_charging_reports.csv", report)
    counts = outcome.counts
    assert (counts.rows, counts.accepted, counts.rejected) == (35_377, 35_336, 41)
    assert (counts.duplicates, counts.filtered) == (0, 0)
    # 111 durations that disagree, 89 badges in two places at once; none is both.
    assert counts.review == 200
    assert (counts.delivered_wh, counts.amount_minor) == (447_101_489, 111_784_201)
    assert await sums(yard) == {
        "1205": 111_784_201, "4000": -111_784_201, "9000": -447_101_489, "9100": 447_101_489
    }  # fmt: skip
    hubs = await yard.ask(queries.hubs)
    delivered = await yard.ask(queries.delivered_wh_of_hubs, [hub.id for hub in hubs])
    assert len(hubs) == len(delivered) == 12
    assert sum(delivered.values()) == 447_101_489
    assert len(report.read_text().splitlines()) == 1 + 41
    # A guess of the missing ends, to show that the report can be corrected and read.
    corrected = report.read_text().replace(";NA;NA;", ";2021-12-31 00:00:00;NA;")
    again = await yard.read(corrected, mapping_of((HERE / "norway12.toml").read_text()))
    assert accounted(again)[:3] == (0, 41, 0)
    assert {code for _, code, _ in await yard.refusals(again)} == {
        "DURATION_IMPLAUSIBLE", "TIME_AMBIGUOUS"
    }  # fmt: skip


async def test_trondheim(database: Database, tmp_path: Path) -> None:
    yard = await open_yard(database)
    file = "trondheim_charging_reports.csv"
    outcome = await imported(yard, "trondheim", file, tmp_path / "report.csv")
    assert accounted(outcome) == (1_402, 10, 0, 5_466, 3)
    assert (await sums(yard))["9000"] == -26_152_700
    ports = await yard.ask(queries.ports_of_hubs, [h.id for h in await yard.ask(queries.hubs)])
    assert sum(map(len, ports.values())) > 0


async def test_dataverse(database: Database, tmp_path: Path) -> None:
    yard = await open_yard(database, currency="USD", time_zone="America/New_York")
    file = "station_data_dataverse.csv"
    outcome = await imported(yard, "dataverse", file, tmp_path / "report.csv")
    assert accounted(outcome)[:4] == (3_395, 0, 0, 0)
    assert outcome.kwh == Decimal("19723.690")
    found = await sums(yard)
    assert (found["9000"], found["1205"]) == (-19_723_690, outcome.counts.amount_minor)
    again = await imported(yard, "dataverse", file, tmp_path / "report.csv")
    assert accounted(again) == (0, 0, 3_395, 0, 0)
    assert await sums(yard) == found
